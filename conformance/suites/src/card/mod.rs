// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the catalogue's cases on cards.

#[cfg(unix)]
pub mod control;
mod one;
mod patient;
#[cfg(unix)]
pub mod reader;
mod run;
pub mod withhold;

pub use one::One;
pub use patient::Hand;
pub use run::{PATIENCE, run, run_within};

use self::withhold::Secrets;
use crate::catalogue::{Basis, Case};
use crate::edges::{Bench, Left, Outcome, Reason, Row, Specimen, Trouble, units};
use crate::ics::Ics;
use crate::report::{CaseResult, Exchange};
use crate::verdict::Verdict;
use iso7816_wire::CardDoor;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Something that cases on cards are run on.
pub trait Subject {
    /// Runs one row of the table of edges.
    fn run(&mut self, row: &Row) -> Outcome;

    /// True if the card may have another PIN than its own.
    fn owes(&self) -> bool {
        false
    }

    /// Brings the card back a last time.
    ///
    /// # Errors
    /// [`Left`]: it may have another PIN than its own.
    fn finish(&mut self) -> Result<(), Left> {
        Ok(())
    }

    /// PIN tries that are left and that were found, if a card of somebody else
    /// has fewer.
    fn spent_tries(&mut self) -> Option<(u8, u8)> {
        None
    }

    /// What must not be written down about the card; `None` for a card that
    /// was made for the test, which has no secrets.
    fn secrets(&self) -> Option<&Secrets> {
        None
    }
}

/// A card in this process, copied for every case.
pub struct Copies<D> {
    specimen: Specimen<D>,
    bench: Bench<D>,
}

impl<D: CardDoor + Clone> Copies<D> {
    /// Copies of this card, which has no power.
    pub fn of(specimen: Specimen<D>) -> Self {
        Self {
            bench: Bench::new(specimen.clone()),
            specimen,
        }
    }
}

impl<D: CardDoor + Clone> Subject for Copies<D> {
    fn run(&mut self, row: &Row) -> Outcome {
        let bench = &mut self.bench;
        catch_unwind(AssertUnwindSafe(|| bench.outcome(row))).unwrap_or_else(|_| {
            // Nobody knows what is left of the copies.
            self.bench = Bench::new(self.specimen.clone());
            Outcome {
                result: Err(Reason::Crash),
                exchanges: Vec::new(),
            }
        })
    }
}

/// Finds out one case.
pub fn judge(subject: &mut dyn Subject, case: &Case, ics: &Ics) -> CaseResult {
    if let Some(why) = ics.excludes(case) {
        return CaseResult::new(case, Verdict::NotApplicable, why, Vec::new());
    }
    let found = units()
        .iter()
        .filter(|unit| unit.name == case.unit)
        .find_map(|unit| unit.rows.iter().find(|row| unit.id(row) == case.id));
    let Some(row) = found else {
        let why = "this bench has no such row; the catalogue and the table disagree".to_owned();
        return CaseResult::new(case, Verdict::Inconclusive, why, Vec::new());
    };
    let Outcome { result, exchanges } = subject.run(row);
    let (verdict, reason) = verdict(result, case, ics);
    let Some(secrets) = subject.secrets() else {
        return CaseResult::new(case, verdict, reason, evidence(&exchanges));
    };
    let exchanges = exchanges.iter().map(withhold::shown).collect();
    let mut result = CaseResult::new(case, verdict, reason, exchanges);
    secrets.scrub(&mut result);
    result
}

fn verdict(result: Result<bool, Reason>, case: &Case, ics: &Ics) -> (Verdict, String) {
    let reason = match result {
        Ok(true) => return (Verdict::Pass, String::new()),
        Ok(false) => {
            let why = "the row is not for this family".to_owned();
            return (Verdict::NotApplicable, why);
        }
        Err(reason) => reason,
    };
    let verdict = match &reason {
        Reason::Crash => Verdict::Crash,
        Reason::Refused(refusal) if refusal.ever => Verdict::NotApplicable,
        Reason::Trouble(Trouble::NotCarried(_)) => Verdict::NotApplicable,
        Reason::Trouble(Trouble::Hang(_)) => Verdict::Hang,
        Reason::Script(_)
        | Reason::Bench
        | Reason::Start { .. }
        | Reason::NoCie(_)
        | Reason::Refused(_)
        | Reason::Trouble(_) => Verdict::Inconclusive,
        Reason::Answer { .. } if ics.is_bound_by(case.basis) => Verdict::Fail,
        // One answer among those that everybody may give is a choice.
        Reason::Leeway { .. } if ics.is_bound_by(Basis::Choice) => Verdict::Fail,
        Reason::Answer { .. } | Reason::Leeway { .. } => Verdict::Differs,
    };
    (verdict, reason.to_string())
}

/// Exchanges with every byte.
pub(crate) fn evidence(exchanges: &[crate::edges::Exchange]) -> Vec<Exchange> {
    exchanges.iter().map(in_full).collect()
}

/// An exchange with every byte.
pub(crate) fn in_full(exchange: &crate::edges::Exchange) -> Exchange {
    let hex = |bytes: &[u8]| hex::encode_upper(bytes);
    Exchange {
        step: exchange.step,
        command: match exchange.event {
            "" => hex(&exchange.command),
            event => event.to_owned(),
        },
        response: hex(&exchange.response),
        plain_command: hex(&exchange.plain_command),
        plain_response: hex(&exchange.plain_response),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cases on the reader itself, as a program meets it: who may use the card and
//! when, what a reset means to the others, attributes, waits, and lengths.
//!
//! They are run at a reader only, through the same socket as the cases on its
//! card. Nothing here costs a card anything: SELECT is the one command that a
//! card sees, besides bytes that are none. Resets are part of the cases, so
//! each begins only when the bench has the reader for itself.

mod client;
mod desk;
mod plays;
mod rows;

use self::desk::{Desk, Stop};
use crate::card::reader::Spot;
use crate::catalogue::{Basis, Case, Cost, Needs, Severity, Step};
use crate::report::CaseResult;
use crate::verdict::Verdict;

/// With this every identifier begins.
const PREFIX: &str = "CIE_PCSC_";

/// One case and how it is run.
struct Row {
    unit: &'static str,
    number: u16,
    title: &'static str,
    requirement: &'static str,
    basis: Basis,
    clause: &'static str,
    severity: Severity,
    /// What is done, and what has to come of it.
    steps: &'static [(&'static str, &'static str)],
    /// A driver may never come back from it, for no program.
    risky: bool,
    play: fn(&Desk<'_>) -> Result<(), Stop>,
}

impl Row {
    fn id(&self) -> String {
        format!("{PREFIX}{}_{:03}", self.unit, self.number)
    }

    fn case(&self) -> Case {
        let step = |(action, expected): &(&str, &str)| Step {
            action: (*action).to_owned(),
            expected: (*expected).to_owned(),
        };
        Case {
            id: self.id(),
            version: 1,
            unit: self.unit,
            title: self.title.to_owned(),
            purpose: purpose(self.unit),
            requirement: self.requirement.to_owned(),
            clause: self.clause.to_owned(),
            basis: self.basis,
            families: Vec::new(),
            needs: Needs::default(),
            preconditions: match self.risky {
                true => "a card in a reader that is proven to be of this project, and no other program uses it",
                false => "a card in a reader, and no other program uses it",
            }
            .to_owned(),
            steps: self.steps.iter().map(step).collect(),
            postconditions: "the reader is given back; the card may have been reset".to_owned(),
            severity: self.severity,
            cost: Cost::default(),
            aliases: Vec::new(),
        }
    }
}

fn purpose(unit: &str) -> &'static str {
    match unit {
        "CONN" => {
            "Several programs know the same reader; each has to get what it asked for and no more."
        }
        "TX" => "A signature takes several commands; nobody may come in between.",
        "RESET" => {
            "Who does not hear of a reset goes on with a card that has forgotten everything."
        }
        "ATTR" => "Clients of the card recognise it by attributes of the reader.",
        "EVT" => "Clients wait for cards, and have to be able to stop waiting.",
        _ => "What a card cannot be sent or has no room for must not break the reader.",
    }
}

/// Every case on readers.
#[must_use]
pub fn cases() -> Vec<Case> {
    rows::rows().map(Row::case).collect()
}

/// True if the case is one of them.
#[must_use]
pub fn is_about_readers(case: &Case) -> bool {
    case.id.starts_with(PREFIX)
}

/// Finds out one case. `ours`: the reader is proven to be this project's, which
/// follows this project's choices and cannot be held up for good.
#[must_use]
pub fn judge(spot: &Spot, ours: bool, case: &Case) -> CaseResult {
    let found = rows::rows().find(|row| row.id() == case.id);
    let Some(row) = found else {
        let why = "this bench has no such case on readers".to_owned();
        return CaseResult::new(case, Verdict::Inconclusive, why, Vec::new());
    };
    if row.risky && !ours {
        let why = "a driver may never come back from it, for no program: only at a reader that a \
                   control socket proves to be of this project";
        return CaseResult::new(case, Verdict::NotApplicable, why.to_owned(), Vec::new());
    }
    let desk = Desk::new(spot);
    let result = desk.settle().and_then(|()| (row.play)(&desk));
    let (verdict, reason) = match result {
        Ok(()) => (Verdict::Pass, String::new()),
        Err(Stop::Departs(why)) if ours || case.basis.binds_everyone() => (Verdict::Fail, why),
        Err(Stop::Departs(why)) => (Verdict::Differs, why),
        Err(Stop::Lacks(why)) => (Verdict::NotApplicable, why),
        Err(Stop::Undecided(why)) => (Verdict::Inconclusive, why),
        Err(Stop::Hangs(why)) => (Verdict::Hang, why),
    };
    CaseResult::new(case, verdict, reason, desk.evidence())
}

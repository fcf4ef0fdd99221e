// SPDX-License-Identifier: MIT OR Apache-2.0
//! One card as the subject of cases.

use super::Subject;
use super::withhold::Secrets;
use crate::edges::{Left, Link, Outcome, Reason, Row, Single};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One card that every case is run on.
pub struct One<D> {
    single: Single<D>,
    secrets: Option<Secrets>,
}

impl<D: Link> One<D> {
    /// This card. If it is protected, nothing of it is shown.
    pub fn of(single: Single<D>) -> Self {
        let secrets = single.is_protected().then(|| Secrets::of(&single));
        Self { single, secrets }
    }

    /// The card.
    pub fn single(&mut self) -> &mut Single<D> {
        &mut self.single
    }
}

impl<D: Link> Subject for One<D> {
    fn run(&mut self, row: &Row) -> Outcome {
        let single = &mut self.single;
        let outcome = catch_unwind(AssertUnwindSafe(|| single.outcome(row)));
        outcome.unwrap_or_else(|_| Outcome {
            result: Err(match self.single.door().is_in_process() {
                true => Reason::Crash,
                // No code of a card in a reader runs here.
                false => Reason::Bench,
            }),
            exchanges: Vec::new(),
        })
    }

    fn owes(&self) -> bool {
        self.single.owes()
    }

    fn spent_tries(&mut self) -> Option<(u8, u8)> {
        let single = &mut self.single;
        catch_unwind(AssertUnwindSafe(|| single.spent_tries())).ok()?
    }

    fn finish(&mut self) -> Result<(), Left> {
        let single = &mut self.single;
        let finished = catch_unwind(AssertUnwindSafe(|| single.finish()));
        finished.unwrap_or_else(|_| self.single.left("the bench itself panicked".to_owned()))
    }

    fn secrets(&self) -> Option<&Secrets> {
        self.secrets.as_ref()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One card as the subject of cases.

use super::Subject;
use super::withhold::Secrets;
use crate::edges::{Link, Outcome, Reason, Row, Single};
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
}

impl<D: Link> Subject for One<D> {
    fn run(&mut self, row: &Row) -> Outcome {
        let single = &mut self.single;
        catch_unwind(AssertUnwindSafe(|| single.outcome(row))).unwrap_or_else(|_| Outcome {
            result: Err(Reason::Crash),
            exchanges: Vec::new(),
        })
    }

    fn secrets(&self) -> Option<&Secrets> {
        self.secrets.as_ref()
    }
}

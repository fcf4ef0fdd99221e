// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many cases on copies of one card, several at a time, each for so long.

use super::patient::Hand;
use crate::catalogue::Case;
use crate::edges::Specimen;
use crate::ics::Ics;
use crate::report::{CaseResult, Times};
use crate::run::{Seen, at_once};
use iso7816_wire::CardDoor;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// How long one case may take unless something else is said. The longest of
/// ours takes a hundredth of it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs all cases on copies of a card and gives their results in the order of
/// the cases, with the time that each took. A case never meets another one, so
/// the results do not depend on `jobs`, the number of cases at a time. `seen`
/// is told of each result when it is there. A case may take [`PATIENCE`].
pub fn run<D: CardDoor + Clone + Sync + 'static>(
    specimen: &Specimen<D>,
    cases: &[Case],
    ics: &Ics,
    jobs: NonZeroUsize,
    seen: Seen<'_>,
) -> (Vec<CaseResult>, Times) {
    run_within(PATIENCE, specimen, cases, ics, jobs, seen)
}

/// The same, and a case may take so long. One that takes longer hangs: its
/// thread is left to itself, because nobody can end it from outside, and the
/// next case has a fresh copy of the card and a thread of its own.
pub fn run_within<D: CardDoor + Clone + Sync + 'static>(
    patience: Duration,
    specimen: &Specimen<D>,
    cases: &[Case],
    ics: &Ics,
    jobs: NonZeroUsize,
    seen: Seen<'_>,
) -> (Vec<CaseResult>, Times) {
    let ics = Arc::new(ics.clone());
    let hand = || Hand::new(specimen.clone(), Arc::clone(&ics));
    at_once(
        cases,
        jobs,
        hand,
        |hand, case| hand.judge(case, patience),
        seen,
    )
}

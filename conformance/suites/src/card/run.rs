// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many cases on copies of one card, several at a time.

use super::{Copies, judge};
use crate::catalogue::Case;
use crate::edges::Specimen;
use crate::ics::Ics;
use crate::report::{CaseResult, Times};
use crate::run::{Seen, at_once};
use iso7816_wire::CardDoor;
use std::num::NonZeroUsize;

/// Runs all cases on copies of a card and gives their results in the order of
/// the cases, with the time that each took. A case never meets another one, so
/// the results do not depend on `jobs`, the number of cases at a time. `seen`
/// is told of each result when it is there.
pub fn run<D: CardDoor + Clone + Sync>(
    specimen: &Specimen<D>,
    cases: &[Case],
    ics: &Ics,
    jobs: NonZeroUsize,
    seen: Seen<'_>,
) -> (Vec<CaseResult>, Times) {
    let copies = || Copies::of(specimen.clone());
    at_once(
        cases,
        jobs,
        copies,
        |copies, case| judge(copies, case, ics),
        seen,
    )
}

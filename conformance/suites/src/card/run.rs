// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many cases on copies of one card, several at a time, each for so long.

use super::patient::Hand;
use crate::catalogue::Case;
use crate::edges::Specimen;
use crate::ics::Ics;
use crate::report::{CaseResult, Times};
use iso7816_wire::CardDoor;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
    seen: &(dyn Fn(&CaseResult) + Sync),
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
    seen: &(dyn Fn(&CaseResult) + Sync),
) -> (Vec<CaseResult>, Times) {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(cases.len()));
    let shared = Arc::new((cases.to_vec(), ics.clone()));
    let work = || {
        let mut hand = Hand::new(specimen.clone(), Arc::clone(&shared));
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else {
                return;
            };
            let begun = Instant::now();
            let result = hand.judge(number, case, patience);
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            seen(&result);
            // A panic between lock and unlock leaves the list whole.
            let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            done.push((number, result, micros));
        }
    };
    let jobs = jobs.get().min(cases.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(number, ..)| *number);
    let mut times = Times {
        millis: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        ..Times::default()
    };
    let mut results = Vec::with_capacity(done.len());
    for (_, result, micros) in done {
        times.cases.insert(result.id.clone(), micros);
        results.push(result);
    }
    (results, times)
}

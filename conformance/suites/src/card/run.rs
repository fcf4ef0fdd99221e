// SPDX-License-Identifier: MIT OR Apache-2.0
//! Many cases on copies of one card, several at a time.

use super::{Copies, judge};
use crate::catalogue::Case;
use crate::edges::Specimen;
use crate::ics::Ics;
use crate::report::{CaseResult, Times};
use iso7816_wire::CardDoor;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Runs all cases on copies of a card and gives their results in the order of
/// the cases, with the time that each took. A case never meets another one, so
/// the results do not depend on `jobs`, the number of cases at a time. `seen`
/// is told of each result when it is there.
pub fn run<D: CardDoor + Clone + Sync>(
    specimen: &Specimen<D>,
    cases: &[Case],
    ics: &Ics,
    jobs: NonZeroUsize,
    seen: &(dyn Fn(&CaseResult) + Sync),
) -> (Vec<CaseResult>, Times) {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(cases.len()));
    let work = || {
        let mut subject = Copies::of(specimen.clone());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else {
                return;
            };
            let begun = Instant::now();
            let result = judge(&mut subject, case, ics);
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cases one after the other or several at a time, and how long each took.

use crate::report::{CaseResult, Times};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Told of each result when it is there.
pub type Seen<'a> = &'a (dyn Fn(&CaseResult) + Sync);

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Judges one after the other and gives the results in their order.
pub fn in_turn<T>(
    cases: &[T],
    mut judge: impl FnMut(&T) -> CaseResult,
    seen: Seen<'_>,
) -> (Vec<CaseResult>, Times) {
    let run = Run::begin();
    let done = cases.iter().map(|case| timed(|| judge(case), seen));
    let done = done.collect();
    run.end(done)
}

/// Judges `jobs` at a time, each thread on a `subject` of its own, and gives
/// the results in the order of the cases.
pub fn at_once<T: Sync, S>(
    cases: &[T],
    jobs: NonZeroUsize,
    subject: impl Fn() -> S + Sync,
    judge: impl Fn(&mut S, &T) -> CaseResult + Sync,
    seen: Seen<'_>,
) -> (Vec<CaseResult>, Times) {
    let run = Run::begin();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(cases.len()));
    let work = || {
        let mut subject = subject();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(number) else {
                return;
            };
            let result = timed(|| judge(&mut subject, case), seen);
            // A panic between lock and unlock leaves the list whole.
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.push((number, result));
        }
    };
    let jobs = jobs.get().min(cases.len().max(1));
    std::thread::scope(|scope| {
        for _ in 1..jobs {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    run.end(done.into_iter().map(|(_, result)| result).collect())
}

/// A result and its microseconds.
type Timed = (CaseResult, u64);

fn timed(judge: impl FnOnce() -> CaseResult, seen: Seen<'_>) -> Timed {
    let begun = Instant::now();
    let result = judge();
    let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    seen(&result);
    (result, micros)
}

struct Run {
    started: u64,
    begun: Instant,
}

impl Run {
    fn begin() -> Self {
        Self {
            started: now(),
            begun: Instant::now(),
        }
    }

    fn end(self, done: Vec<Timed>) -> (Vec<CaseResult>, Times) {
        let times = Times {
            started: self.started,
            millis: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            cases: done
                .iter()
                .map(|(r, micros)| (r.id.clone(), *micros))
                .collect(),
        };
        (done.into_iter().map(|(result, _)| result).collect(), times)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sequences of a property in threads, each with its time.

use super::property::{Begin, Property};
use super::run::{Begins, Drawn, Hang, Plan};
use super::tally::Tally;
use super::watch::{Lost, Watch};
use iso7816_wire::CardDoor;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};

/// What the threads of a run share.
pub(super) struct Work<D> {
    begins: Arc<Begins<D>>,
    property: Property,
    plan: Plan,
    /// The states that there are.
    states: Vec<Begin>,
    upcoming: AtomicU64,
    /// The number of the first failure so far; nothing behind it is begun.
    failed: AtomicU64,
}

/// Sequences that failed, by their number.
pub(super) type Failures = BTreeMap<u64, Drawn>;

impl<D: CardDoor + Clone + Sync + 'static> Work<D> {
    pub(super) fn new(
        begins: &Arc<Begins<D>>,
        property: &Property,
        plan: &Plan,
        states: Vec<Begin>,
    ) -> Self {
        Self {
            begins: Arc::clone(begins),
            property: *property,
            plan: *plan,
            states,
            upcoming: AtomicU64::new(plan.first),
            failed: AtomicU64::new(u64::MAX),
        }
    }

    /// Plays all sequences in threads, and waits for each as long as its
    /// sequence may take.
    pub(super) fn divided(self: &Arc<Self>) -> Result<(Tally, Failures, Vec<Hang>), Lost> {
        let patience = self.plan.patience;
        let (sender, done) = channel();
        let mut threads = BTreeMap::new();
        for thread in 0..self.plan.jobs.max(1) {
            let watch = Arc::new(Watch::default());
            let (work, theirs, sender) = (Arc::clone(self), Arc::clone(&watch), sender.clone());
            let begun = std::thread::Builder::new().spawn(move || {
                let played = catch_unwind(AssertUnwindSafe(|| work.part(&theirs)));
                // Nobody listens any more if a sequence took too long.
                let _ = sender.send((thread, played));
            });
            if begun.is_ok() {
                threads.insert(thread, watch);
            }
        }
        drop(sender);
        if threads.is_empty() {
            return Err(Lost::Gone);
        }
        let (mut tally, mut failures, mut hangs) = (Tally::default(), BTreeMap::new(), Vec::new());
        while !threads.is_empty() {
            let mut soonest = patience;
            threads.retain(|_, watch| match watch.rest(patience) {
                Some(rest) => {
                    soonest = soonest.min(rest);
                    true
                }
                None => {
                    let hang = watch.hang(patience);
                    self.failed
                        .fetch_min(hang.number.unwrap_or_default(), Ordering::SeqCst);
                    hangs.push(hang);
                    false
                }
            });
            match done.recv_timeout(soonest) {
                Ok((thread, Ok((some, found)))) => {
                    if threads.remove(&thread).is_some() {
                        tally.add(&some);
                        failures.extend(found);
                    }
                }
                Ok((_, Err(_))) => return Err(Lost::Gone),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok((tally, failures, hangs))
    }

    /// Plays sequences until there are no more.
    fn part(&self, watch: &Arc<Watch>) -> (Tally, Failures) {
        let Plan {
            seed, first, count, ..
        } = self.plan;
        let end = first.saturating_add(count);
        let (mut tally, mut failures) = (Tally::default(), BTreeMap::new());
        loop {
            let number = self.upcoming.fetch_add(1, Ordering::SeqCst);
            if number >= end || number > self.failed.load(Ordering::SeqCst) {
                return (tally, failures);
            }
            watch.begin(Some(number));
            let begins = &self.begins;
            let drawn = begins.draw(
                &self.property,
                seed,
                number,
                &self.states,
                watch,
                &mut tally,
            );
            watch.end();
            if let Err(drawn) = drawn {
                self.failed.fetch_min(number, Ordering::SeqCst);
                failures.insert(number, drawn);
            }
        }
    }
}

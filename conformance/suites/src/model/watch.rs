// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work on a card in a thread of its own, which is left to itself when the
//! card does not answer: nobody can end a thread from outside.

use super::run::Hang;
use crate::edges::Exchange;
use iso7816_wire::CardDoor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a thread is at, so that another one can see that it does not go on.
#[derive(Debug, Default)]
pub(super) struct Watch(Mutex<At>);

#[derive(Debug, Default)]
struct At {
    /// When the sequence began that is played; `None` between two.
    since: Option<Instant>,
    /// Its number.
    number: Option<u64>,
    /// The card is asked and has not answered.
    asked: bool,
    /// What it is asked: a power event, or else a command.
    event: &'static str,
    command: Vec<u8>,
}

impl Watch {
    fn locked(&self) -> MutexGuard<'_, At> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on time counts.
    pub(super) fn begin(&self, number: Option<u64>) {
        let mut at = self.locked();
        at.since = Some(Instant::now());
        at.number = number;
    }

    /// Time does not count any more.
    pub(super) fn end(&self) {
        self.locked().since = None;
    }

    /// How long to wait before asking again whether it hangs; `None`: it does.
    pub(super) fn rest(&self, patience: Duration) -> Option<Duration> {
        /// For a thread that is between two sequences.
        const SOON: Duration = Duration::from_millis(50);
        match self.locked().since {
            None => Some(SOON),
            Some(since) => patience
                .checked_sub(since.elapsed())
                .filter(|rest| !rest.is_zero()),
        }
    }

    /// What it hangs at.
    pub(super) fn hang(&self, patience: Duration) -> Hang {
        let at = self.locked();
        Hang {
            number: at.number,
            patience,
            unanswered: at.asked.then(|| Exchange {
                step: 1,
                event: at.event,
                command: at.command.clone(),
                ..Exchange::default()
            }),
        }
    }
}

/// A card that tells what it is at.
#[derive(Clone, Debug)]
pub(super) struct Watched<D> {
    card: D,
    watch: Arc<Watch>,
}

impl<D> Watched<D> {
    pub(super) fn new(card: D, watch: Arc<Watch>) -> Self {
        Self { card, watch }
    }

    /// From here on `watch` is told.
    pub(super) fn tell(&mut self, watch: &Arc<Watch>) {
        self.watch = Arc::clone(watch);
    }

    fn does<T>(
        &mut self,
        event: &'static str,
        command: &[u8],
        work: impl FnOnce(&mut D) -> T,
    ) -> T {
        {
            let mut at = self.watch.locked();
            at.asked = true;
            at.event = event;
            at.command.clear();
            at.command.extend_from_slice(command);
        }
        let done = work(&mut self.card);
        self.watch.locked().asked = false;
        done
    }
}

impl<D: CardDoor> CardDoor for Watched<D> {
    fn power_on(&mut self) -> Vec<u8> {
        self.does("power on", &[], D::power_on)
    }

    fn reset(&mut self) -> Vec<u8> {
        self.does("reset", &[], D::reset)
    }

    fn power_off(&mut self) {
        self.does("power off", &[], D::power_off);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.does("", command, |card| card.transmit(command))
    }
}

/// Why a thread has no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It does not come back.
    Hang(Box<Hang>),
    /// It panicked, or could not be started.
    Gone,
}

/// Does `work` in a thread of its own, which says to its [`Watch`] when time
/// begins to count, and waits for it as long as that allows.
pub(super) fn awaited<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce(&Arc<Watch>) -> T + Send + 'static,
) -> Result<T, Lost> {
    let watch = Arc::new(Watch::default());
    let (sender, answer) = channel();
    let theirs = Arc::clone(&watch);
    let begun = std::thread::Builder::new().spawn(move || {
        let done = catch_unwind(AssertUnwindSafe(|| work(&theirs)));
        // Nobody listens any more if it took too long.
        let _ = sender.send(done);
    });
    if begun.is_err() {
        return Err(Lost::Gone);
    }
    loop {
        let Some(rest) = watch.rest(patience) else {
            return Err(Lost::Hang(Box::new(watch.hang(patience))));
        };
        match answer.recv_timeout(rest) {
            Ok(done) => return done.map_err(|_| Lost::Gone),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Lost::Gone),
        }
    }
}

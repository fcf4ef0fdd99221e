// SPDX-License-Identifier: MIT OR Apache-2.0
//! pcscd's polls, as a clock: about every 400 ms, and before it changes the
//! power, it asks each card for its answer to reset. vpcd waits for that answer before it says anything else, so
//! a card that is asked has seen everything that was sent to it before. And a
//! pcscd that polls has had time to run, however busy the machine is.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks at what is not told here.
const LOOK: Duration = Duration::from_millis(20);

/// The polls on one connection.
#[derive(Default)]
pub struct Polls {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    count: u64,
    ended: bool,
}

impl Polls {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There was one.
    pub fn came(&self) {
        self.lock().count += 1;
        self.changed.notify_all();
    }

    /// There will be none any more.
    pub fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for the next one, unless there will be none: for good, or because
    /// the card is `busy`, and vpcd waits for it.
    pub fn next(&self, patience: Duration, busy: impl Fn() -> bool) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        let before = state.count;
        while state.count == before && !state.ended && !busy() && Instant::now() < deadline {
            state = match self.changed.wait_timeout(state, LOOK) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What whoever controls the readers from outside can see, wait for and do
//! beside insertion and removal.

use super::core::Shared;
use super::{ReaderControl, ReaderServer};
use crate::ReaderError;
use crate::observer::{Client, ReaderObserver};

/// Who uses a reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderUsage {
    /// Card handles on it.
    pub handles: usize,
    /// One of them has it alone.
    pub exclusive: bool,
    /// Who holds it, by a transaction or alone.
    pub holder: Option<Client>,
    /// Calls that wait for it: for its holder, or for its card.
    pub queued: usize,
}

/// Who uses a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Open contexts.
    pub contexts: usize,
    /// Contexts that wait for a change of any reader.
    pub waiting: usize,
    /// One per reader.
    pub readers: Vec<ReaderUsage>,
}

impl ReaderServer {
    /// Tells `observer` everything that clients do from now on. Without one,
    /// watching costs nothing.
    #[must_use]
    pub fn with_observer(self, observer: ReaderObserver) -> Self {
        self.shared.observe(observer);
        self
    }
}

impl ReaderControl {
    /// Resets the card in reader number `reader` without taking its power, as
    /// another client could. When this returns it has answered. Every handle
    /// on it gets `SCARD_W_RESET_CARD` until it reconnects, that of whoever
    /// holds the reader too, and the holder goes on holding it. What the card
    /// is doing it finishes first. A card without power gets it.
    ///
    /// # Errors
    /// [`ReaderError::NoSuchReader`] or [`ReaderError::ReaderEmpty`].
    pub fn reset_card(&self, reader: usize) -> Result<(), ReaderError> {
        self.shared.reset(reader)
    }

    /// Who uses what right now.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.shared.usage()
    }

    /// Waits until `holds` is true of the usage: looked at once, and again
    /// after every change. Ends when the server does, too.
    pub async fn until(&self, mut holds: impl FnMut(&Usage) -> bool) {
        let mut changes = self.shared.changes.subscribe();
        let mut stop = self.shared.stop.subscribe();
        while !holds(&self.usage()) {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }
}

/// Tells everybody in [`ReaderControl::until`] to look again.
pub(super) fn changed(shared: &Shared) {
    if shared.changes.receiver_count() > 0 {
        shared.changes.send_replace(());
    }
}

/// The event source for those who wait in [`ReaderControl::until`].
pub(super) type Changes = tokio::sync::watch::Sender<()>;

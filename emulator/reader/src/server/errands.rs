// SPDX-License-Identifier: MIT OR Apache-2.0
//! Clients' threads that are at a card, and what happens when that takes long.
//!
//! While a thread is at a card nobody reads what its client says next, or
//! notices its death. That is over soon, or somebody else takes over: a look
//! now and then, while there is anything to see, finds who is away for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::core::Shared;
use super::link;

/// Time between two looks, and how long a thread may be away.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// Looks in vain before they stop.
const PATIENCE: u32 = 50;

/// Counts errands, and wakes who looks after them.
#[derive(Default)]
pub(super) struct Errands {
    count: AtomicU64,
    watched: AtomicBool,
    begun: Notify,
}

impl Errands {
    /// A thread goes to a card.
    pub fn begin(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if !self.watched.swap(true, Ordering::SeqCst) {
            self.begun.notify_one();
        }
    }
}

/// Has somebody else read for clients whose threads are away for long.
pub(super) async fn watch(shared: Arc<Shared>) {
    let errands = &shared.errands;
    loop {
        errands.begun.notified().await;
        let (mut seen, mut vain) = (0, 0);
        while vain < PATIENCE {
            tokio::time::sleep(LOOK).await;
            let mut away = false;
            for (id, link) in shared.links() {
                away |= link::relieve(&shared, id, &link);
            }
            let count = errands.count.load(Ordering::SeqCst);
            vain = if away || count != seen { 0 } else { vain + 1 };
            seen = count;
        }
        errands.watched.store(false, Ordering::SeqCst);
        if errands.count.load(Ordering::SeqCst) != seen {
            // One came in between and woke nobody.
            errands.watched.store(true, Ordering::SeqCst);
            errands.begun.notify_one();
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who uses what, for observers and for whoever controls the readers from
//! outside, and the reset that no client asked for.

use super::reader::{Job, Parked};
use super::{ConnectionId, Table};
use crate::protocol::codes::rv;

/// Who uses a reader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReaderUse {
    /// Card handles on it.
    pub handles: usize,
    /// One of them has it alone.
    pub exclusive: bool,
    /// Who holds it, by a transaction or alone.
    pub holder: Option<ConnectionId>,
    /// Calls that wait for it.
    pub queued: usize,
}

/// Who uses a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TableUse {
    /// Connections with an open context.
    pub contexts: usize,
    /// Connections that wait for a change of any reader.
    pub waiting: usize,
    /// One per reader.
    pub readers: Vec<ReaderUse>,
}

impl Table {
    /// Who uses what.
    #[must_use]
    pub fn usage(&self) -> TableUse {
        let readers = self.readers.iter().enumerate();
        let readers = readers.map(|(index, reader)| ReaderUse {
            handles: self.handles.values().filter(|h| h.reader == index).count(),
            exclusive: reader.contexts == super::reader::Reader::ALONE,
            holder: reader
                .lock
                .and_then(|lock| Some(self.handles.get(&lock.card)?.connection)),
            queued: reader.queue.len(),
        });
        let readers = readers.collect();
        let count = |is: fn(&super::connection::Connection) -> bool| {
            self.connections.values().filter(|c| is(c)).count()
        };
        TableUse {
            contexts: count(|connection| connection.context.is_some()),
            waiting: count(|connection| connection.waits > 0),
            readers,
        }
    }

    /// The reader a card handle is on.
    #[must_use]
    pub fn reader_of(&self, card: i32) -> Option<usize> {
        let reader = self.handles.get(&card)?.reader;
        (reader < self.readers.len()).then_some(reader)
    }

    /// Whether this card handle is of this connection.
    #[must_use]
    pub fn is_of(&self, card: i32, id: ConnectionId) -> bool {
        let handle = self.handles.get(&card);
        handle.is_some_and(|handle| handle.connection == id)
    }

    /// The reader with this name.
    #[must_use]
    pub fn reader_named(&self, name: &[u8]) -> Option<usize> {
        self.readers
            .iter()
            .position(|reader| reader.name.as_bytes() == name)
    }

    /// Whether the request of this connection stands in a queue, and how many
    /// others stand in the same.
    #[must_use]
    pub fn queued(&self, id: ConnectionId) -> Option<usize> {
        let mine = |parked: &Parked| parked.connection == id;
        let queues = self.readers.iter().map(|reader| &reader.queue);
        let mut queues = queues.chain([&self.startup]);
        let queue = queues.find(|queue| queue.iter().any(mine))?;
        Some(queue.len().saturating_sub(1))
    }

    /// Whether a reset by hand, or one for a holder that died, is still to come.
    #[must_use]
    pub fn is_resetting(&self, index: usize) -> bool {
        self.readers
            .get(index)
            .is_some_and(|reader| reader.reset_due || matches!(reader.job, Some(Job::Orphan)))
    }

    /// A warm reset from outside. Every handle learns of it, as of a reset by
    /// another client, and whoever holds the reader goes on holding it: to get
    /// on, it reconnects. An exchange under way ends first. A card without
    /// power gets it.
    pub(super) fn reset_by_hand(&mut self, index: usize) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        if !reader.card {
            return;
        }
        reader.reset_due = true;
        self.mark(index, rv::RESET_CARD);
        self.start_due_reset(index);
    }
}

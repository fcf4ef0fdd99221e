// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers that come and go while clients are there.

use super::reader::{Job, Reader};
use super::{CardCommand, ConnectionId, ReaderSetup, Table};
use crate::protocol::Request;
use crate::protocol::codes::rv;

/// The reader of a handle whose reader is gone.
pub(super) const NOWHERE: usize = usize::MAX;

impl Table {
    /// Where the next reader goes: the first place that is free.
    #[must_use]
    pub fn free_place(&self) -> usize {
        self.readers
            .iter()
            .position(|reader| reader.gone)
            .unwrap_or(self.readers.len())
    }

    /// Whether there is a reader at this place.
    #[must_use]
    pub fn has_reader(&self, place: usize) -> bool {
        self.readers.get(place).is_some_and(|reader| !reader.gone)
    }

    pub(super) fn plugged(&mut self, place: usize, setup: ReaderSetup) {
        let new = Reader::new(setup);
        let card = new.card;
        if place != self.free_place() {
            // Taken: a defect of the caller that harms nobody.
            return;
        }
        match self.readers.get_mut(place) {
            Some(reader) => *reader = new,
            None => self.readers.push(new),
        }
        self.plugs = self.plugs.saturating_add(1);
        if card {
            self.start(place, Job::Insert, CardCommand::PowerOn);
        }
        self.signal_all();
    }

    /// The reader goes, with its card. Who has a handle keeps it, for nothing
    /// but a disconnect; who waits for the reader is told that there is none.
    pub(super) fn unplugged(&mut self, place: usize) {
        if !self.has_reader(place) {
            return;
        }
        self.removed(place);
        for handle in self.handles.values_mut() {
            if handle.reader == place {
                handle.reader = NOWHERE;
            }
        }
        let Some(reader) = self.readers.get_mut(place) else {
            return;
        };
        reader.gone = true;
        reader.name.clear();
        reader.contexts = 0;
        reader.lock = None;
        reader.events = 0;
        // Who waits for it is answered when the queues are looked at after this.
        self.plugs = self.plugs.saturating_add(1);
        self.signal_all();
    }

    /// A request of a handle whose reader is gone, answered as pcscd does when
    /// it does not find the handle at any reader.
    pub(super) fn run_nowhere(&mut self, id: ConnectionId, request: Request) {
        if let Request::Disconnect(message) = &request {
            self.drop_handle(message.card);
            return self.answer(id, request.refused(rv::SUCCESS));
        }
        self.answer(id, request.refused(rv::INVALID_VALUE));
    }
}

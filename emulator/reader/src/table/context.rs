// SPDX-License-Identifier: MIT OR Apache-2.0
//! Versions, contexts and the lists of readers.

use super::{ConnectionId, Table};
use crate::protocol::codes::{rv, scope};
use crate::protocol::{
    CLASSIC_READERS, Establish, MAJOR, Minor, ReaderState, Release, Reply, Version,
};

impl Table {
    pub(super) fn version(&mut self, id: ConnectionId, mut message: Version) {
        let minor = if message.major == MAJOR {
            Minor::negotiate(message.minor)
        } else {
            None
        };
        message.major = MAJOR;
        message.minor = minor.unwrap_or(Minor::NEWEST).number();
        message.rv = if minor.is_some() {
            rv::SUCCESS
        } else {
            rv::SERVICE_STOPPED
        };
        if let (Some(minor), Some(connection)) = (minor, self.connections.get_mut(&id)) {
            connection.minor = minor;
        }
        self.answer(id, Some(Reply::Version(message)));
    }

    pub(super) fn establish(&mut self, id: ConnectionId, mut message: Establish) {
        if message.scope > scope::LAST {
            message.context = 0;
            message.rv = rv::INVALID_VALUE;
        } else {
            let connections = &self.connections;
            let number = self.numbers.next(|number| {
                connections.values().any(|other| {
                    other
                        .context
                        .is_some_and(|context| i32::try_from(context) == Ok(number))
                })
            });
            message.context = number.unsigned_abs();
            message.rv = rv::SUCCESS;
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.context = Some(message.context);
            }
        }
        self.answer(id, Some(Reply::Establish(message)));
    }

    pub(super) fn release(&mut self, id: ConnectionId, mut message: Release) {
        message.rv = match self.connections.get_mut(&id) {
            None => return,
            Some(connection) => match connection.context {
                None => rv::INVALID_HANDLE,
                Some(context) if context != message.context => rv::INVALID_VALUE,
                Some(_) => {
                    connection.context = None;
                    self.drop_handles(id);
                    rv::SUCCESS
                }
            },
        };
        self.answer(id, Some(Reply::Release(message)));
    }

    /// The list of 4.4 and 4.5: 16 places.
    pub(super) fn classic_states(&self) -> Vec<ReaderState> {
        self.padded_states(CLASSIC_READERS)
    }

    /// Never shorter than the old list: a client library that has seen a
    /// longer list refuses a shorter one for the rest of its life.
    pub(super) fn list_length(&self) -> usize {
        self.readers.len().max(CLASSIC_READERS)
    }

    pub(super) fn padded_states(&self, length: usize) -> Vec<ReaderState> {
        let mut states = self.states();
        states.resize(length, ReaderState::UNUSED);
        states
    }
}

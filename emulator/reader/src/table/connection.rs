// SPDX-License-Identifier: MIT OR Apache-2.0
//! One client connection: its version, its context, its waits.

use super::{CloseReason, Delay, Effect, Table};
use crate::protocol::codes::rv;
use crate::protocol::{Minor, Reply, Request, WaitEvent};

/// Registrations one connection may have open; the client library has one.
const MOST_WAITS: u8 = 16;

/// Names a connection for as long as the table lives; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Connection {
    /// The version spoken; the newest one until the client says otherwise.
    pub minor: Minor,
    /// The context, while it is open.
    pub context: Option<u32>,
    /// Whether a request is unanswered.
    pub busy: bool,
    /// Waits that have not had their message.
    pub waits: u8,
    /// How the wait ends that is parked until the first cards have power.
    pub over: Option<u32>,
    /// The code that the wait ends with when the timer runs out. Until then
    /// changes do not end it.
    pub failing: Option<u32>,
    /// A wait has ended with a code of which the client library does not know
    /// that it is the end: the next STOP_WAITING is answered all the same.
    pub owed: bool,
    /// A 4.6 client registers first and asks for the list afterwards, and its
    /// library takes an event in between for the length of the list. While
    /// this is set, events are held back.
    pub snapshot: bool,
    /// Results of the events held back.
    pub held: Vec<u32>,
}

impl Connection {
    pub fn new() -> Self {
        Self {
            minor: Minor::NEWEST,
            context: None,
            busy: false,
            waits: 0,
            over: None,
            failing: None,
            owed: false,
            snapshot: false,
            held: Vec::new(),
        }
    }
}

impl Table {
    /// WAIT_READER_STATE_CHANGE.
    pub(super) fn wait(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.waits >= MOST_WAITS {
            return self.close(id, CloseReason::TooManyWaits);
        }
        connection.waits += 1;
        connection.owed = false;
        let sends_states = connection.minor.wait_sends_states();
        connection.snapshot = !sends_states;
        let over = connection.over.take();
        let reply = sends_states.then(|| Reply::ReaderStates(self.classic_states()));
        self.answer(id, reply);
        if let Some(result) = over {
            self.end_wait(id, result);
        }
    }

    /// The wait of a connection, registered or parked, ends with this result.
    pub(super) fn wait_over(&mut self, id: ConnectionId, result: u32) {
        let parked = self
            .startup
            .iter()
            .any(|parked| parked.connection == id && matches!(parked.request, Request::Wait));
        match self.connections.get_mut(&id) {
            Some(connection) if parked => connection.over = Some(result),
            _ => self.end_wait(id, result),
        }
    }

    /// A registered wait ends with this result.
    ///
    /// The client library knows two ends of a wait, and leaves by itself after
    /// any other code: it sends STOP_WAITING and is owed an answer. But if it
    /// never began to wait, because it had seen a change already, it has sent
    /// STOP_WAITING before and takes the message for the answer, and a second
    /// one would be taken for that of its next request. The two look the same
    /// from here but for the time: who does not wait is gone at once. So the
    /// code is told a while later, or as the answer if it is sooner.
    fn end_wait(&mut self, id: ConnectionId, result: u32) {
        if matches!(result, rv::SUCCESS | rv::CANCELLED) {
            return self.wake(id, result);
        }
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.waits > 0
        {
            connection.failing = Some(result);
            self.effects.push(Effect::Arm(id, Delay::Failure));
        }
    }

    /// STOP_WAITING: answered only if a registration was left to take back;
    /// otherwise the message is already on its way. Or if a wait has failed:
    /// then the client library may ask twice.
    pub(super) fn stop_waiting(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let failing = connection.failing.take();
        let owed = std::mem::replace(&mut connection.owed, failing.is_some());
        let open = connection.waits > 0 || owed;
        connection.waits = connection.waits.saturating_sub(1);
        let stopped = WaitEvent {
            timeout: 0,
            rv: failing.unwrap_or(rv::SUCCESS),
        };
        if failing.is_some() {
            self.effects.push(Effect::Disarm(id));
        }
        self.answer(id, open.then_some(Reply::WaitEvent(stopped)));
    }

    /// CANCEL: wakes the connection that owns `context`. The result for the caller.
    pub(super) fn cancel(&mut self, context: u32) -> u32 {
        let target = self
            .connections
            .iter()
            .find(|(_, connection)| context != 0 && connection.context == Some(context));
        let Some((&id, _)) = target else {
            return rv::INVALID_HANDLE;
        };
        self.wake(id, rv::CANCELLED);
        rv::SUCCESS
    }

    /// Ends one wait of a connection with this result, if it waits.
    pub(super) fn wake(&mut self, id: ConnectionId, result: u32) {
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.waits > 0
        {
            connection.waits -= 1;
            if connection.failing.take().is_some() {
                self.effects.push(Effect::Disarm(id));
            }
            self.notify(id, result);
        }
    }

    /// Tells every registered connection that something changed.
    pub(super) fn signal_all(&mut self) {
        let waiting: Vec<(ConnectionId, u8)> = self
            .connections
            .iter_mut()
            .filter(|(_, connection)| connection.waits > 0 && connection.failing.is_none())
            .map(|(&id, connection)| (id, std::mem::take(&mut connection.waits)))
            .collect();
        for (id, count) in waiting {
            for _ in 0..count {
                self.notify(id, rv::SUCCESS);
            }
        }
    }

    /// Sends the one message of a registration, now or after the list.
    fn notify(&mut self, id: ConnectionId, result: u32) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.snapshot {
            connection.held.push(result);
            self.effects.push(Effect::Arm(id, Delay::Snapshot));
        } else {
            self.effects.push(Effect::Event(
                id,
                WaitEvent {
                    timeout: 0,
                    rv: result,
                },
            ));
        }
    }

    /// Ends the time in which events are held back.
    pub(super) fn release_held(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.snapshot = false;
        let held = std::mem::take(&mut connection.held);
        if !held.is_empty() {
            self.effects.push(Effect::Disarm(id));
        }
        for result in held {
            self.effects.push(Effect::Event(
                id,
                WaitEvent {
                    timeout: 0,
                    rv: result,
                },
            ));
        }
    }

    /// The timer of a connection ran out.
    pub(super) fn expired(&mut self, id: ConnectionId) {
        let connection = self.connections.get_mut(&id);
        if let Some(connection) = connection.filter(|connection| connection.failing.is_some()) {
            connection.owed = true;
            let code = connection.failing.take();
            return self.wake(id, code.unwrap_or_default());
        }
        if self
            .connections
            .get(&id)
            .is_some_and(|connection| !connection.held.is_empty())
        {
            return self.release_held(id);
        }
        let mut impatient = None;
        for reader in &mut self.readers {
            let place = reader.queue.iter().position(|parked| {
                parked.connection == id && matches!(parked.request, Request::Begin(_))
            });
            if let Some(place) = place {
                impatient = reader.queue.remove(place);
            }
        }
        if let Some(Request::Begin(mut message)) = impatient.map(|parked| parked.request) {
            message.rv = rv::SHARING_VIOLATION;
            self.answer(id, Some(Reply::Begin(message)));
        }
    }
}

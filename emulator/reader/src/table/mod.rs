// SPDX-License-Identifier: MIT OR Apache-2.0
//! The event and lock table: a synchronous state machine without I/O and clock.
//!
//! [`Table::handle`] takes one [`Input`] and returns the [`Effect`]s it has, in
//! order. It never waits: a request that cannot go on is parked and answered by
//! the effects of a later input. The rules are those of pcsc-lite's resource
//! manager as its clients see them, with one kindness: a transaction that has
//! to wait is queued and begins the moment its turn comes, instead of being
//! refused and asked for again every 100 ms.
//!
//! Parked requests of one reader go on first come, first served. A request
//! parks
//! - while the card of its reader is being powered or reset,
//! - while the card is busy and the request needs the card,
//! - while another connection holds the reader, for BEGIN_TRANSACTION, CONNECT
//!   and a DISCONNECT that touches the card; other requests are refused with a
//!   sharing violation then.
//!
//! A holder on the same connection is never waited for (that connection could
//! not say anything meanwhile, so it would wait for itself), and a
//! BEGIN_TRANSACTION waits only as long as its timer says ([`Delay::Queue`]),
//! because its client library keeps the whole context locked while it waits.
//!
//! A connect or reconnect that has to agree on a protocol waits while the card is
//! busy, as pcscd does.
//!
//! Two more departures from the resource manager, where it leaves a client with
//! something unusable: a reconnect that leaves the card as it is powers a card
//! that somebody else has powered off, and a reconnect from exclusive to shared
//! gives the lock back that came with being alone.

mod atr;
mod attributes;
mod card;
mod connect;
mod connection;
mod context;
mod io;
mod numbers;
mod plug;
mod reader;
mod sharing;
mod usage;

#[cfg(test)]
mod explore;
#[cfg(test)]
mod model;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

pub use connection::ConnectionId;
pub use io::{CardAnswer, CardCommand, CloseReason, Delay, Effect, Input, Limits, ReaderSetup};
pub use numbers::Numbers;
pub use usage::{ReaderUse, TableUse};

use crate::protocol::codes::rv;
use crate::protocol::{ReaderEvents, ReaderState, Reply, Request};
use connection::Connection;
use plug::NOWHERE;
use reader::{Parked, Reader};

/// One card handle.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Handle {
    connection: ConnectionId,
    /// [`NOWHERE`] if its reader is gone.
    reader: usize,
    /// What happened to the card since the handle was last told: zero, or the
    /// return value that says so.
    event: u32,
}

/// A request handed back because it cannot go on yet.
struct Blocked {
    /// The reader it waits for; `None`: for the start of all of them.
    reader: Option<usize>,
    request: Request,
}

/// The readers, the connections, and who holds what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Table {
    readers: Vec<Reader>,
    connections: BTreeMap<ConnectionId, Connection>,
    handles: BTreeMap<i32, Handle>,
    numbers: Numbers,
    /// How often readers came or went.
    plugs: u32,
    limits: Limits,
    /// Requests for reader states from before the first cards were powered.
    startup: VecDeque<Parked>,
    effects: Vec<Effect>,
}

impl Table {
    /// A table with these readers, and the effects that power their cards.
    #[must_use]
    pub fn new(readers: Vec<ReaderSetup>, limits: Limits, numbers: Numbers) -> (Self, Vec<Effect>) {
        let readers: Vec<Reader> = readers.into_iter().map(Reader::new).collect();
        // The first client to ask hears of one more than there are readers.
        let readers_that_came = u32::try_from(readers.len()).unwrap_or(u32::MAX - 1) + 1;
        let mut table = Self {
            readers,
            connections: BTreeMap::new(),
            handles: BTreeMap::new(),
            numbers,
            plugs: readers_that_came,
            limits,
            startup: VecDeque::new(),
            effects: Vec::new(),
        };
        for reader in 0..table.readers.len() {
            if table.readers.get(reader).is_some_and(|reader| reader.card) {
                table.start(reader, reader::Job::Insert, CardCommand::PowerOn);
            }
        }
        let effects = std::mem::take(&mut table.effects);
        (table, effects)
    }

    /// Takes one input and returns what it leads to, in order.
    pub fn handle(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Connected(id) => {
                self.connections.insert(id, Connection::new());
            }
            Input::Request(id, request) => self.request(id, request),
            Input::Disconnected(id) => self.forget(id),
            Input::CardDone(reader, answer) => self.card_done(reader, answer),
            Input::Inserted(reader) => self.inserted(reader),
            Input::Removed(reader) => self.removed(reader),
            Input::Reset(reader) => self.reset_by_hand(reader),
            Input::WaitOver(id, result) => self.wait_over(id, result),
            Input::Cancelled(context) => drop(self.cancel(context)),
            Input::Unlocked(card) => self.unlocked(card),
            Input::LetGo { card, resets } => self.let_go(card, resets),
            Input::Expired(id) => self.expired(id),
            Input::Idle(reader) => self.idle(reader),
            Input::Plugged(place, setup) => self.plugged(place, setup),
            Input::Unplugged(place) => self.unplugged(place),
        }
        self.pump();
        std::mem::take(&mut self.effects)
    }

    /// Every reader as clients see it.
    #[must_use]
    pub fn states(&self) -> Vec<ReaderState> {
        self.readers.iter().map(Reader::snapshot).collect()
    }

    /// Whether this connection has a context open.
    #[must_use]
    pub fn has_context(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_some_and(|connection| connection.context.is_some())
    }

    /// Whether the card of this reader still has to answer to its first power.
    #[must_use]
    pub fn is_settling(&self, reader: usize) -> bool {
        self.readers
            .get(reader)
            .is_some_and(|reader| matches!(reader.job, Some(reader::Job::Insert)))
    }

    fn request(&mut self, id: ConnectionId, request: Request) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.busy {
            return self.close(id, CloseReason::OutOfTurn);
        }
        connection.busy = true;
        if connection.snapshot && !matches!(request, Request::GetStateSize | Request::GetStateArray)
        {
            self.release_held(id);
        }
        if let Err(blocked) = self.run(id, request) {
            self.park(id, blocked);
        }
    }

    /// Runs a request as far as it goes: to its answer, to a job of the card,
    /// or back into the caller's hands.
    fn run(&mut self, id: ConnectionId, request: Request) -> Result<(), Blocked> {
        match request {
            Request::Version(message) => self.version(id, message),
            Request::Establish(message) => self.establish(id, message),
            Request::Release(message) => self.release(id, message),
            Request::Cancel(mut message) => {
                message.rv = self.cancel(message.context);
                self.answer(id, Some(Reply::Cancel(message)));
            }
            Request::GetReadersState | Request::GetStateArray | Request::Wait
                if self.readers.iter().any(|reader| reader.starting) =>
            {
                return Err(Blocked {
                    reader: None,
                    request,
                });
            }
            Request::GetReadersState => {
                let states = self.classic_states();
                self.answer(id, Some(Reply::ReaderStates(states)));
            }
            Request::GetStateSize => {
                let size = i32::try_from(self.list_length()).unwrap_or(i32::MAX);
                self.answer(id, Some(Reply::StateSize(size)));
            }
            Request::GetStateArray => {
                let states = self.padded_states(self.list_length());
                self.answer(id, Some(Reply::ReaderStates(states)));
                self.release_held(id);
            }
            Request::Wait => self.wait(id),
            Request::StopWaiting => self.stop_waiting(id),
            Request::GetReaderEvents => {
                let events = self.plugs;
                self.answer(
                    id,
                    Some(Reply::ReaderEvents(ReaderEvents {
                        events,
                        rv: rv::SUCCESS,
                    })),
                );
            }
            Request::Connect(mut message) => match self.named_reader(id, &message) {
                Ok(index) => return self.run_on(id, index, Request::Connect(message)),
                Err(rv) => {
                    message.card = 0;
                    message.rv = rv;
                    self.answer(id, Some(Reply::Connect(message)));
                }
            },
            other => {
                let own = |handle: &&Handle| handle.connection == id;
                match other
                    .card()
                    .and_then(|card| self.handles.get(&card))
                    .filter(own)
                {
                    Some(handle) if handle.reader == NOWHERE => self.run_nowhere(id, other),
                    Some(handle) => return self.run_on(id, handle.reader, other),
                    None => self.close(id, CloseReason::ForeignHandle),
                }
            }
        }
        Ok(())
    }

    /// Runs a request that is about a reader, if the reader is not being powered or reset.
    fn run_on(&mut self, id: ConnectionId, index: usize, request: Request) -> Result<(), Blocked> {
        let result = match request {
            request if self.is_changing(index) => Err(request),
            Request::Connect(message) => self.connect(id, index, message),
            Request::Reconnect(message) => self.reconnect(id, index, message),
            Request::Disconnect(message) => self.disconnect(id, index, message),
            Request::Begin(message) => self.begin(id, index, message),
            Request::End(message) => self.end(id, index, message),
            Request::Transmit(message, command) => self.transmit(id, index, message, command),
            Request::Control(message, _) => self.control(id, index, message),
            Request::Status(message) => self.status(id, index, message),
            Request::GetAttribute(message) => self.get_attribute(id, index, message),
            Request::SetAttribute(message) => self.set_attribute(id, index, message),
            // Not about a reader: never gets here.
            _ => Ok(()),
        };
        result.map_err(|request| Blocked {
            reader: Some(index),
            request,
        })
    }

    /// Answers the request of a connection, if it still exists.
    fn answer(&mut self, id: ConnectionId, reply: Option<Reply>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.busy = false;
            self.effects.push(Effect::Answer(id, reply));
        }
    }

    fn close(&mut self, id: ConnectionId, reason: CloseReason) {
        self.forget(id);
        self.effects.push(Effect::Close(id, reason));
    }

    /// Takes back everything a connection has: waits, places in queues,
    /// transactions, shares.
    fn forget(&mut self, id: ConnectionId) {
        if self.connections.remove(&id).is_some() {
            self.startup.retain(|parked| parked.connection != id);
            for reader in &mut self.readers {
                reader.queue.retain(|parked| parked.connection != id);
            }
            self.drop_handles(id);
        }
    }

    fn park(&mut self, id: ConnectionId, blocked: Blocked) {
        if matches!(blocked.request, Request::Begin(_)) {
            self.effects.push(Effect::Arm(id, Delay::Queue));
        }
        let parked = Parked {
            connection: id,
            request: blocked.request,
        };
        match blocked
            .reader
            .and_then(|reader| self.readers.get_mut(reader))
        {
            Some(reader) => reader.queue.push_back(parked),
            None => self.startup.push_back(parked),
        }
    }

    /// Lets parked requests go on, in order, until none can.
    fn pump(&mut self) {
        if !self.startup.is_empty() && !self.readers.iter().any(|reader| reader.starting) {
            for parked in std::mem::take(&mut self.startup) {
                // Cannot be blocked again: only the start holds these up.
                if let Err(blocked) = self.run(parked.connection, parked.request) {
                    self.park(parked.connection, blocked);
                }
            }
        }
        for index in 0..self.readers.len() {
            self.pump_reader(index);
        }
    }

    fn pump_reader(&mut self, index: usize) {
        self.start_due_reset(index);
        let mut place = 0;
        loop {
            let Some(reader) = self.readers.get_mut(index) else {
                return;
            };
            if reader.reset_due || reader.job.as_ref().is_some_and(|job| !job.lets_others_on()) {
                return;
            }
            let Some(parked) = reader.queue.remove(place) else {
                return;
            };
            let id = parked.connection;
            let begins = matches!(parked.request, Request::Begin(_));
            match self.run(id, parked.request) {
                Err(blocked) => {
                    let parked = Parked {
                        connection: id,
                        request: blocked.request,
                    };
                    if let Some(reader) = self.readers.get_mut(index) {
                        reader.queue.insert(place, parked);
                    }
                    place += 1;
                }
                Ok(()) => {
                    if begins {
                        self.effects.push(Effect::Disarm(id));
                    }
                    // What went on may have made way for somebody further ahead.
                    place = 0;
                    self.start_due_reset(index);
                }
            }
        }
    }
}

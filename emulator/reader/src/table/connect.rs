// SPDX-License-Identifier: MIT OR Apache-2.0
//! Connect and reconnect: protocol, share, handle.

use super::atr;
use super::reader::{Job, Power, Reader};
use super::{CardCommand, ConnectionId, Handle, Table};
use crate::protocol::codes::{disposition, protocol, rv, share, state};
use crate::protocol::{Connect, Reconnect, Reply, Request, until_nul};

/// Whether a request goes on.
enum Go {
    /// Now.
    On,
    /// When the reader is free.
    Later,
    /// Not at all, with this result.
    Never(u32),
}

impl Table {
    pub(super) fn connect(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Box<Connect>,
    ) -> Result<(), Request> {
        message.card = 0;
        match self.may_connect(id, index, &message) {
            Go::On if message.share != share::DIRECT && self.is_off(index) => {
                self.start(index, Job::Connect(id, message), CardCommand::PowerOn);
            }
            Go::On => self.connected(id, index, message),
            Go::Later => return Err(Request::Connect(message)),
            Go::Never(rv) => {
                message.rv = rv;
                self.answer(id, Some(Reply::Connect(message)));
            }
        }
        Ok(())
    }

    /// The reader a client may ask for: checks that do not depend on its state.
    pub(super) fn named_reader(&self, id: ConnectionId, message: &Connect) -> Result<usize, u32> {
        let connection = self.connections.get(&id).ok_or(rv::INVALID_HANDLE)?;
        match connection.context {
            None => return Err(rv::INVALID_HANDLE),
            Some(context) if context != message.context => return Err(rv::INVALID_VALUE),
            Some(_) => {}
        }
        if message.share != share::DIRECT && !names_a_protocol(message.preferred) {
            return Err(rv::PROTO_MISMATCH);
        }
        if !(share::EXCLUSIVE..=share::DIRECT).contains(&message.share) {
            return Err(rv::INVALID_VALUE);
        }
        let name = until_nul(&message.reader);
        self.readers
            .iter()
            .position(|reader| !reader.gone && reader.name.as_bytes() == name)
            .ok_or(rv::UNKNOWN_READER)
    }

    /// Whether the reader is free for one more.
    fn may_connect(&self, id: ConnectionId, index: usize, message: &Connect) -> Go {
        let Some(reader) = self.readers.get(index) else {
            return Go::Never(rv::UNKNOWN_READER);
        };
        let direct = message.share == share::DIRECT;
        if reader.contexts == Reader::ALONE {
            Go::Never(rv::SHARING_VIOLATION)
        } else if reader.lock.is_some() {
            if self.held_by_itself(reader, id) {
                Go::Never(rv::SHARING_VIOLATION)
            } else {
                Go::Later
            }
        } else if !direct && !reader.present() {
            Go::Never(rv::NO_SMARTCARD)
        } else if reader.job.is_some()
            && !direct
            && (reader.power == Power::Off || settles_protocol(message.share, message.preferred))
        {
            Go::Later
        } else {
            Go::On
        }
    }

    fn is_off(&self, index: usize) -> bool {
        self.readers
            .get(index)
            .is_some_and(|reader| reader.power == Power::Off)
    }

    /// The card has power if it needs some: protocol, sharing, handle, answer.
    pub(super) fn connected(&mut self, id: ConnectionId, index: usize, mut message: Box<Connect>) {
        message.rv = match self.take_share(id, index, &message) {
            Ok((card, active)) => {
                message.card = card;
                message.active = active;
                self.signal_all();
                rv::SUCCESS
            }
            Err(rv) => rv,
        };
        self.answer(id, Some(Reply::Connect(message)));
    }

    fn take_share(
        &mut self,
        id: ConnectionId,
        index: usize,
        message: &Connect,
    ) -> Result<(i32, u32), u32> {
        let active = self.negotiate(index, message.share, message.preferred)?;
        let on_reader = self
            .handles
            .values()
            .filter(|handle| handle.reader == index)
            .count();
        let own = self
            .handles
            .values()
            .filter(|handle| handle.connection == id)
            .count();
        let handles = &self.handles;
        let reader = self.readers.get_mut(index).ok_or(rv::UNKNOWN_READER)?;
        if message.share == share::EXCLUSIVE && reader.contexts != 0 {
            return Err(rv::SHARING_VIOLATION);
        }
        if on_reader >= self.limits.handles_per_reader {
            return Err(rv::INTERNAL_ERROR);
        }
        if own >= self.limits.handles_per_connection {
            return Err(rv::NO_MEMORY);
        }
        let card = self.numbers.next(|number| handles.contains_key(&number));
        if message.share == share::EXCLUSIVE {
            reader.contexts = Reader::ALONE;
            reader.take_lock(card);
        } else {
            reader.contexts += 1;
        }
        self.handles.insert(
            card,
            Handle {
                connection: id,
                reader: index,
                event: 0,
            },
        );
        if message.share != share::DIRECT {
            self.set_power(index, Power::InUse);
        }
        Ok((card, active))
    }

    /// Settles the protocol and returns it.
    fn negotiate(&mut self, index: usize, mode: u32, preferred: u32) -> Result<u32, u32> {
        let reader = self.readers.get_mut(index).ok_or(rv::UNKNOWN_READER)?;
        if preferred & protocol::RAW != 0 {
            reader.protocol = protocol::RAW;
        } else if mode != share::DIRECT {
            let wanted = if preferred & protocol::ANY_OLD != 0 {
                protocol::T0 | protocol::T1
            } else {
                preferred
            };
            if reader.protocol == protocol::UNDEFINED {
                let common = atr::offer(&reader.atr).protocols & wanted;
                let chosen = match common {
                    bits if bits & protocol::T1 != 0 => protocol::T1,
                    bits if bits & protocol::T0 != 0 => protocol::T0,
                    _ => return Err(rv::PROTO_MISMATCH),
                };
                // Only the card was asked so far; the reader may not speak it.
                if reader.profile.protocols & chosen == 0 {
                    return Err(rv::UNRESPONSIVE_CARD);
                }
                reader.protocol = chosen;
            } else if preferred & reader.protocol == 0 {
                return Err(rv::PROTO_MISMATCH);
            }
        }
        Ok(reader.protocol)
    }

    pub(super) fn reconnect(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Reconnect,
    ) -> Result<(), Request> {
        message.active = protocol::UNDEFINED;
        let refused = self.may_reconnect(index, &message);
        let Some(reader) = self.readers.get(index).filter(|_| refused.is_none()) else {
            message.rv = refused.unwrap_or(rv::UNKNOWN_READER);
            self.answer(id, Some(Reply::Reconnect(message)));
            return Ok(());
        };
        let direct = message.share == share::DIRECT;
        let command = match message.initialization {
            disposition::RESET => Some(CardCommand::Reset),
            disposition::UNPOWER => Some(CardCommand::PowerCycle),
            _ if reader.power == Power::Off && !direct => Some(CardCommand::PowerOn),
            _ => None,
        };
        match command {
            Some(_) if reader.job.is_some() => Err(Request::Reconnect(message)),
            Some(command) => {
                if message.initialization != disposition::LEAVE {
                    self.mark(index, rv::RESET_CARD);
                }
                self.start(index, Job::Reconnect(id, message), command);
                Ok(())
            }
            None if reader.job.is_some() && settles_protocol(message.share, message.preferred) => {
                Err(Request::Reconnect(message))
            }
            None => {
                self.reconnected(id, index, message);
                Ok(())
            }
        }
    }

    fn may_reconnect(&self, index: usize, message: &Reconnect) -> Option<u32> {
        let reader = self.readers.get(index)?;
        if message.initialization > disposition::UNPOWER
            || !(share::EXCLUSIVE..=share::DIRECT).contains(&message.share)
        {
            return Some(rv::INVALID_VALUE);
        }
        if message.share != share::DIRECT && !names_a_protocol(message.preferred) {
            return Some(rv::PROTO_MISMATCH);
        }
        if !reader.open_to(message.card) {
            return Some(rv::SHARING_VIOLATION);
        }
        if message.initialization == disposition::LEAVE {
            if reader.state & state::ABSENT != 0 {
                return Some(rv::NO_SMARTCARD);
            }
            if reader.state & state::SWALLOWED != 0 {
                return Some(rv::UNRESPONSIVE_CARD);
            }
        }
        None
    }

    /// The card is as the client wants it: protocol, sharing, answer.
    pub(super) fn reconnected(&mut self, id: ConnectionId, index: usize, mut message: Reconnect) {
        message.rv = match self.retake_share(index, &message) {
            Ok(active) => {
                message.active = active;
                if let Some(handle) = self.handles.get_mut(&message.card) {
                    handle.event = 0;
                }
                rv::SUCCESS
            }
            Err(rv) => rv,
        };
        self.answer(id, Some(Reply::Reconnect(message)));
    }

    fn retake_share(&mut self, index: usize, message: &Reconnect) -> Result<u32, u32> {
        let active = self.negotiate(index, message.share, message.preferred)?;
        if message.share != share::DIRECT {
            self.set_power(index, Power::InUse);
        }
        let reader = self.readers.get_mut(index).ok_or(rv::UNKNOWN_READER)?;
        let before = reader.contexts;
        match (message.share, reader.contexts) {
            (share::EXCLUSIVE, Reader::ALONE) => {}
            (share::EXCLUSIVE, 1) => {
                reader.contexts = Reader::ALONE;
                reader.take_lock(message.card);
            }
            (share::EXCLUSIVE, _) => return Err(rv::SHARING_VIOLATION),
            (_, Reader::ALONE) => {
                reader.contexts = 1;
                reader.unlock();
            }
            _ => {}
        }
        if reader.contexts != before {
            self.signal_all();
        }
        Ok(active)
    }
}

/// Whether a protocol has to be agreed on with the card, for which the card must be free.
fn settles_protocol(mode: u32, preferred: u32) -> bool {
    mode != share::DIRECT && preferred & protocol::RAW == 0
}

fn names_a_protocol(preferred: u32) -> bool {
    preferred & (protocol::T0 | protocol::T1 | protocol::RAW | protocol::ANY_OLD) != 0
}

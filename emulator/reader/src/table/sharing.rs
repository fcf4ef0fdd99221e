// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who holds a reader: transactions, disconnects, and what is left behind.

use super::plug::NOWHERE;
use super::reader::{Job, Power, Reader};
use super::{CardCommand, ConnectionId, Effect, Handle, Table};
use crate::protocol::codes::{disposition, rv};
use crate::protocol::{Begin, Disconnect, End, Reply, Request, Status};

impl Table {
    /// Whether power or state of the reader's card is about to change.
    pub(super) fn is_changing(&self, index: usize) -> bool {
        self.readers.get(index).is_some_and(|reader| {
            reader.reset_due || reader.job.as_ref().is_some_and(|job| !job.lets_others_on())
        })
    }

    /// Whether the handle that holds the reader belongs to `id`.
    pub(super) fn held_by_itself(&self, reader: &Reader, id: ConnectionId) -> bool {
        reader
            .lock
            .and_then(|lock| self.handles.get(&lock.card))
            .is_some_and(|holder| holder.connection == id)
    }

    pub(super) fn disconnect(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Disconnect,
    ) -> Result<(), Request> {
        let Some(reader) = self.readers.get(index) else {
            return Ok(());
        };
        let leaves = message.disposition == disposition::LEAVE;
        let touches = matches!(
            message.disposition,
            disposition::RESET | disposition::UNPOWER
        );
        if message.disposition > disposition::EJECT {
            message.rv = rv::INVALID_VALUE;
        } else if !leaves && !reader.open_to(message.card) && self.held_by_itself(reader, id) {
            message.rv = rv::SHARING_VIOLATION;
        } else if (!leaves && !reader.open_to(message.card)) || (touches && reader.job.is_some()) {
            return Err(Request::Disconnect(message));
        } else {
            if reader.open_to(message.card) {
                self.free_lock(index);
            }
            if touches {
                self.mark(index, rv::RESET_CARD);
                let command = match message.disposition {
                    disposition::UNPOWER => CardCommand::PowerOff,
                    _ => CardCommand::Reset,
                };
                self.start(index, Job::Disconnect(id, message), command);
                return Ok(());
            }
            self.drop_handle(message.card);
            message.rv = rv::SUCCESS;
        }
        self.answer(id, Some(Reply::Disconnect(message)));
        Ok(())
    }

    pub(super) fn begin(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Begin,
    ) -> Result<(), Request> {
        let event = self.event_of(message.card);
        let Some(reader) = self.readers.get(index) else {
            return Ok(());
        };
        message.rv = if event != 0 {
            event
        } else if reader.open_to(message.card) {
            if let Some(reader) = self.readers.get_mut(index) {
                reader.take_lock(message.card);
            }
            rv::SUCCESS
        } else if self.held_by_itself(reader, id) {
            rv::SHARING_VIOLATION
        } else {
            return Err(Request::Begin(message));
        };
        self.answer(id, Some(Reply::Begin(message)));
        Ok(())
    }

    pub(super) fn end(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: End,
    ) -> Result<(), Request> {
        let event = self.event_of(message.card);
        let Some(reader) = self.readers.get(index) else {
            return Ok(());
        };
        message.rv = if message.disposition > disposition::EJECT {
            rv::INVALID_VALUE
        } else if event != 0 {
            event
        } else if !reader.open_to(message.card) {
            rv::SHARING_VIOLATION
        } else if matches!(
            message.disposition,
            disposition::RESET | disposition::UNPOWER
        ) {
            if reader.job.is_some() {
                return Err(Request::End(message));
            }
            let command = match message.disposition {
                disposition::UNPOWER => CardCommand::PowerCycle,
                _ => CardCommand::Reset,
            };
            self.start(index, Job::End(id, message), command);
            return Ok(());
        } else if message.disposition == disposition::EJECT {
            // No reader here can eject; the transaction ends all the same.
            self.unlock(index);
            rv::UNSUPPORTED_FEATURE
        } else {
            self.unlock(index)
        };
        self.answer(id, Some(Reply::End(message)));
        Ok(())
    }

    pub(super) fn status(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Status,
    ) -> Result<(), Request> {
        message.rv = match self.readers.get(index) {
            Some(reader) if !reader.open_to(message.card) => rv::SHARING_VIOLATION,
            _ => self.event_of(message.card),
        };
        self.answer(id, Some(Reply::Status(message)));
        Ok(())
    }

    /// Gives one level of the lock back; the result for the client.
    pub(super) fn unlock(&mut self, index: usize) -> u32 {
        let given = self.readers.get_mut(index).is_some_and(Reader::unlock);
        if given {
            rv::SUCCESS
        } else {
            rv::NOT_TRANSACTED
        }
    }

    pub(super) fn free_lock(&mut self, index: usize) {
        if let Some(reader) = self.readers.get_mut(index) {
            reader.lock = None;
        }
    }

    /// What a handle has not been told about its card.
    pub(super) fn event_of(&self, card: i32) -> u32 {
        self.handles
            .get(&card)
            .map_or(rv::INVALID_HANDLE, |handle| handle.event)
    }

    /// Tells every handle of a reader what happened to the card.
    pub(super) fn mark(&mut self, index: usize, event: u32) {
        for handle in self
            .handles
            .values_mut()
            .filter(|handle| handle.reader == index)
        {
            handle.event = event;
        }
    }

    /// Removes a handle and its share.
    pub(super) fn drop_handle(&mut self, card: i32) {
        let Some(handle) = self.handles.remove(&card) else {
            return;
        };
        let Some(reader) = self.readers.get_mut(handle.reader) else {
            return;
        };
        reader.contexts = if reader.contexts == Reader::ALONE {
            0
        } else {
            reader.contexts - 1
        };
        if reader.contexts == 0 && reader.power == Power::InUse {
            self.set_power(handle.reader, Power::Idle);
        }
        self.signal_all();
    }

    /// The transaction of a handle ends, with all its levels.
    pub(super) fn unlocked(&mut self, card: i32) {
        for reader in &mut self.readers {
            reader.lock.take_if(|lock| lock.card == card);
        }
    }

    /// A handle loses its transaction and its share, and stays for nothing but
    /// a disconnect, as if its reader were gone.
    pub(super) fn let_go(&mut self, card: i32, resets: bool) {
        let Some(handle) = self.handles.get(&card).cloned() else {
            return;
        };
        let index = handle.reader;
        let mut due = false;
        if let Some(reader) = self.readers.get_mut(index) {
            due = resets && handle.event == 0 && reader.card && reader.open_to(card);
            reader.lock.take_if(|lock| lock.card == card);
            reader.reset_due |= due;
        }
        self.drop_handle(card);
        if due {
            self.mark(index, rv::RESET_CARD);
        }
        let reader = NOWHERE;
        self.handles.insert(card, Handle { reader, ..handle });
    }

    /// Removes every handle of a connection. A card whose transaction is cut
    /// short is reset, so that nobody inherits what was done in it.
    pub(super) fn drop_handles(&mut self, id: ConnectionId) {
        let cards: Vec<(i32, usize, u32)> = self
            .handles
            .iter()
            .filter(|(_, handle)| handle.connection == id)
            .map(|(&card, handle)| (card, handle.reader, handle.event))
            .collect();
        for (card, index, event) in cards {
            let reader = self.readers.get_mut(index);
            if let Some(reader) = reader.filter(|r| r.lock.is_some_and(|lock| lock.card == card)) {
                reader.lock = None;
                if event == 0 && reader.card {
                    reader.reset_due = true;
                    self.mark(index, rv::RESET_CARD);
                }
            }
            self.drop_handle(card);
        }
    }

    /// Changes how the card is powered, and its idle timer with it.
    pub(super) fn set_power(&mut self, index: usize, power: Power) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        let before = std::mem::replace(&mut reader.power, power);
        match (before == Power::Idle, power == Power::Idle) {
            (false, true) => self.effects.push(Effect::ArmIdle(index)),
            (true, false) => self.effects.push(Effect::DisarmIdle(index)),
            _ => {}
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What reaches the card, and what comes back.

use super::reader::{Job, Power};
use super::{CardAnswer, CardCommand, ConnectionId, Effect, Table};
use crate::protocol::codes::{disposition, protocol, rv, state};
use crate::protocol::{ATR_BYTES, BUFFER_BYTES, Disconnect, End, Reply, Request, Transmit};

/// How a job of the card ended.
enum Outcome {
    /// A valid answer to reset.
    Atr(Vec<u8>),
    /// No valid answer to reset.
    Mute,
    /// Power is off.
    Off,
    /// A response of at least one byte and no longer than a buffer.
    Response(Vec<u8>),
    /// No card was there, or it was taken away meanwhile.
    NoCard,
}

impl From<CardAnswer> for Outcome {
    fn from(answer: CardAnswer) -> Self {
        match answer {
            CardAnswer::Atr(atr) if (2..=ATR_BYTES).contains(&atr.len()) => Self::Atr(atr),
            CardAnswer::Response(response) if (1..=BUFFER_BYTES).contains(&response.len()) => {
                Self::Response(response)
            }
            CardAnswer::Off => Self::Off,
            CardAnswer::Atr(_) | CardAnswer::Response(_) => Self::Mute,
        }
    }
}

impl Table {
    /// Gives the card of a reader something to do. The caller has made sure that it is free.
    pub(super) fn start(&mut self, index: usize, job: Job, command: CardCommand) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        if reader.card {
            reader.job = Some(job);
            self.effects.push(Effect::Card(index, command));
        } else {
            self.finish(index, job, Outcome::NoCard);
        }
    }

    /// Resets a card whose transaction lost its holder, once the card is free.
    pub(super) fn start_due_reset(&mut self, index: usize) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        if reader.reset_due && reader.job.is_none() {
            reader.reset_due = false;
            // Without power there is nothing to reset warmly.
            let command = match reader.power {
                Power::Off => CardCommand::PowerOn,
                _ => CardCommand::Reset,
            };
            self.start(index, Job::Orphan, command);
        }
    }

    pub(super) fn card_done(&mut self, index: usize, answer: CardAnswer) {
        let job = self
            .readers
            .get_mut(index)
            .and_then(|reader| reader.job.take());
        if let Some(job) = job {
            self.finish(index, job, answer.into());
        }
    }

    pub(super) fn inserted(&mut self, index: usize) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        if !reader.card && !reader.gone {
            reader.card = true;
            self.start(index, Job::Insert, CardCommand::PowerOn);
        }
    }

    pub(super) fn removed(&mut self, index: usize) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        if !std::mem::replace(&mut reader.card, false) {
            return;
        }
        reader.reset_due = false;
        let job = reader.job.take();
        if let Some(job) = job {
            self.finish(index, job, Outcome::NoCard);
        }
        self.set_power(index, Power::Off);
        self.free_lock(index);
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        let was_announced = reader.present();
        reader.empty();
        reader.protocol = protocol::UNDEFINED;
        if was_announced {
            reader.count_event();
            self.mark(index, rv::REMOVED_CARD);
            self.signal_all();
        }
    }

    pub(super) fn idle(&mut self, index: usize) {
        let Some(reader) = self.readers.get(index) else {
            return;
        };
        if reader.power != Power::Idle {
            return;
        }
        if reader.job.is_some() || reader.reset_due {
            self.effects.push(Effect::ArmIdle(index));
        } else {
            self.start(index, Job::Idle, CardCommand::PowerOff);
        }
    }

    fn finish(&mut self, index: usize, job: Job, outcome: Outcome) {
        match job {
            Job::Insert => self.finish_insert(index, outcome),
            Job::Connect(id, mut message) => {
                message.rv = self.powered(index, outcome);
                if message.rv != rv::SUCCESS {
                    self.answer(id, Some(Reply::Connect(message)));
                } else if self.connections.contains_key(&id) {
                    self.connected(id, index, message);
                }
            }
            Job::Reconnect(id, mut message) => {
                message.rv = if message.initialization == disposition::LEAVE {
                    self.powered(index, outcome)
                } else {
                    self.was_reset(index, outcome)
                };
                if message.rv != rv::SUCCESS {
                    self.answer(id, Some(Reply::Reconnect(message)));
                } else if self.handles.contains_key(&message.card) {
                    self.reconnected(id, index, message);
                }
            }
            Job::Disconnect(id, message) => self.finish_disconnect(id, index, message, outcome),
            Job::End(id, message) => self.finish_end(id, index, message, outcome),
            Job::Transmit(id, message) => self.finish_transmit(id, message, outcome),
            Job::Orphan => {
                self.was_reset(index, outcome);
            }
            Job::Idle => {
                if let Some(reader) = self.readers.get_mut(index) {
                    reader.protocol = protocol::UNDEFINED;
                }
                self.set_power(index, Power::Off);
            }
        }
    }

    fn finish_insert(&mut self, index: usize, outcome: Outcome) {
        let Some(reader) = self.readers.get_mut(index) else {
            return;
        };
        let first = std::mem::replace(&mut reader.starting, false);
        let power = match outcome {
            Outcome::Atr(atr) => {
                reader.answered(atr);
                Power::Idle
            }
            Outcome::NoCard => return,
            _ => {
                reader.mute();
                Power::Off
            }
        };
        reader.protocol = protocol::UNDEFINED;
        if !first {
            reader.count_event();
        }
        self.set_power(index, power);
        self.signal_all();
    }

    /// Power came back to a card that had lost it.
    fn powered(&mut self, index: usize, outcome: Outcome) -> u32 {
        let Some(reader) = self.readers.get_mut(index) else {
            return rv::UNKNOWN_READER;
        };
        match outcome {
            Outcome::Atr(atr) => {
                reader.answered(atr);
                self.set_power(index, Power::Idle);
                rv::SUCCESS
            }
            Outcome::NoCard => rv::NO_SMARTCARD,
            _ => {
                reader.mute();
                rv::UNPOWERED_CARD
            }
        }
    }

    /// A reset is over, whoever asked for it.
    fn was_reset(&mut self, index: usize, outcome: Outcome) -> u32 {
        let Some(reader) = self.readers.get_mut(index) else {
            return rv::UNKNOWN_READER;
        };
        reader.protocol = protocol::UNDEFINED;
        match outcome {
            Outcome::Atr(atr) => {
                reader.answered(atr);
                if reader.power == Power::Off {
                    self.set_power(index, Power::Idle);
                }
                rv::SUCCESS
            }
            Outcome::NoCard => {
                reader.empty();
                rv::NO_SMARTCARD
            }
            _ => {
                reader.mute();
                self.set_power(index, Power::Off);
                rv::UNRESPONSIVE_CARD
            }
        }
    }

    fn finish_disconnect(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Disconnect,
        outcome: Outcome,
    ) {
        if matches!(outcome, Outcome::Off) {
            self.set_power(index, Power::Off);
            if let Some(reader) = self.readers.get_mut(index) {
                reader.protocol = protocol::UNDEFINED;
                reader.state = state::PRESENT;
            }
        } else {
            // The client leaves; how the reset went is no longer its business.
            self.was_reset(index, outcome);
        }
        self.drop_handle(message.card);
        message.rv = rv::SUCCESS;
        self.answer(id, Some(Reply::Disconnect(message)));
    }

    fn finish_end(&mut self, id: ConnectionId, index: usize, mut message: End, outcome: Outcome) {
        let result = match self.was_reset(index, outcome) {
            rv::NO_SMARTCARD => rv::REMOVED_CARD,
            rv::UNRESPONSIVE_CARD => rv::NOT_TRANSACTED,
            result => result,
        };
        // Everybody has to learn of it, the one who asked included.
        self.mark(index, rv::RESET_CARD);
        if self.handles.contains_key(&message.card) {
            let unlocked = self.unlock(index);
            message.rv = if result == rv::SUCCESS {
                unlocked
            } else {
                result
            };
            self.answer(id, Some(Reply::End(message)));
        }
    }

    pub(super) fn transmit(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Transmit,
        command: Vec<u8>,
    ) -> Result<(), Request> {
        let event = self.event_of(message.card);
        let Some(reader) = self.readers.get(index) else {
            return Ok(());
        };
        let protocol = message.send_protocol;
        message.rv = if !reader.open_to(message.card) {
            rv::SHARING_VIOLATION
        } else if event != 0 {
            event
        } else if !reader.present() {
            rv::NO_SMARTCARD
        } else if !matches!(protocol, protocol::RAW | protocol::ANY_OLD)
            && protocol != reader.protocol
        {
            rv::PROTO_MISMATCH
        } else if reader.job.is_some() {
            return Err(Request::Transmit(message, command));
        } else {
            let job = Job::Transmit(id, message);
            self.start(index, job, CardCommand::Transmit(command));
            return Ok(());
        };
        message.receive_length = 0;
        self.answer(id, Some(Reply::Transmit(message, Vec::new())));
        Ok(())
    }

    fn finish_transmit(&mut self, id: ConnectionId, mut message: Transmit, outcome: Outcome) {
        let room = message.receive_length;
        let mut response = Vec::new();
        message.rv = match outcome {
            Outcome::Response(bytes) => {
                response = bytes;
                rv::SUCCESS
            }
            Outcome::NoCard => rv::NO_SMARTCARD,
            _ => rv::NOT_TRANSACTED,
        };
        message.receive_length = u32::try_from(response.len()).unwrap_or(u32::MAX);
        if message.receive_length > room {
            message.rv = rv::INSUFFICIENT_BUFFER;
            response.clear();
        }
        self.answer(id, Some(Reply::Transmit(message, response)));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One context: requests and their replies.

use super::stream::{Received, Stream};
use super::types::{
    Disposition, Handle, NAME_BYTES, Options, READER_STATE_BYTES, ReaderState, Share, WaitOutcome,
};
use super::wire::{Body, Fields};
use super::{PcscError, ScardCode, protocol};
use std::path::Path;
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

const ATTRIBUTE_BYTES: usize = 264;
/// The longest command and the longest response.
const BUFFER_BYTES: usize = 65_548;
/// Length of the fixed list of reader states.
const READER_STATES: usize = 16;
/// The longest list of reader states accepted from a 4.6 server.
const READER_STATES_MAX: usize = 1024;
const MAJOR: i32 = 4;
const SCOPE_SYSTEM: u32 = 2;
/// Length of the protocol control information, as 64-bit clients state it.
const PCI_BYTES: u32 = 16;
/// Pause between two tries to begin a transaction, as in the public library.
const SHARING_PAUSE: Duration = Duration::from_millis(100);

/// A context: one connection to the server. Dropping it closes the
/// connection; the server then takes back every handle and transaction.
#[derive(Debug)]
pub struct Context {
    stream: Stream,
    id: u32,
    minor: i32,
}

impl Context {
    /// Connects to the socket at `path`, agrees on a version and opens a
    /// context.
    ///
    /// # Errors
    /// [`PcscError`], saying what to do about it.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, PcscError> {
        let mut stream = Stream::open(path.as_ref(), options.limit)?;
        let request = "VERSION";
        let body = Body::new(0x11)
            .signed(MAJOR)
            .signed(options.minor)
            .number(0);
        let reply = stream.ask(request, &body.finish(), 12)?;
        let mut fields = Fields(&reply);
        let (major, minor) = (fields.signed(), fields.signed());
        succeeded(request, fields.number())?;
        if major != MAJOR || !(4..=6).contains(&minor) {
            return Err(PcscError::Version { major, minor });
        }
        let minor = minor.min(options.minor);
        let request = "ESTABLISH_CONTEXT";
        let body = Body::new(0x01).number(SCOPE_SYSTEM).number(0).number(0);
        let reply = stream.ask(request, &body.finish(), 12)?;
        let mut fields = Fields(&reply);
        fields.number();
        let id = fields.number();
        succeeded(request, fields.number())?;
        Ok(Self { stream, id, minor })
    }

    /// The minor version that both sides speak.
    #[must_use]
    pub fn minor(&self) -> i32 {
        self.minor
    }

    /// The server's number for this context, with which another connection
    /// can [`cancel`](Self::cancel) its wait.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Closes the context in words; dropping it does so without.
    ///
    /// # Errors
    /// [`PcscError`] if the server does not agree.
    pub fn release(mut self) -> Result<(), PcscError> {
        let body = Body::new(0x02).number(self.id).number(0);
        let id = self.stream.ask("RELEASE_CONTEXT", &body.finish(), 8)?;
        succeeded("RELEASE_CONTEXT", result(&id))
    }

    /// The readers and what is in them.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn readers(&mut self) -> Result<Vec<ReaderState>, PcscError> {
        let request = "GET_READERS_STATE";
        let (command, count) = if self.minor < 6 {
            (0x12, READER_STATES)
        } else {
            let size = self
                .stream
                .ask("GET_READERS_STATE_SIZE", &Body::new(0x16).finish(), 4)?;
            let count = usize::try_from(Fields(&size).signed()).ok();
            let count = count.filter(|c| *c <= READER_STATES_MAX);
            let reason = "a negative or very large number of readers";
            (0x17, count.ok_or(PcscError::Reply { request, reason })?)
        };
        let body = Body::new(command).finish();
        let states = self
            .stream
            .ask(request, &body, count * READER_STATE_BYTES)?;
        Ok(ReaderState::read_list(&states))
    }

    /// Connects to the card in a reader, with T=1 as the card's clients do
    /// (section 11). Servers answer this only when no other program has a
    /// transaction with that card.
    ///
    /// # Errors
    /// [`PcscError`]; [`PcscError::TooLong`] for an impossible reader name.
    pub fn connect(&mut self, reader: &str, share: Share) -> Result<Handle, PcscError> {
        let (handle, protocol) = self.connect_with(reader, share, protocol::T1)?;
        if protocol != protocol::T1 {
            let reason = "a protocol other than T=1";
            return Err(PcscError::Reply {
                request: "CONNECT",
                reason,
            });
        }
        Ok(handle)
    }

    /// The same with any of these [protocols](super::protocol); which of them
    /// the connection has is the number that comes with the handle.
    ///
    /// # Errors
    /// [`PcscError`]; [`PcscError::TooLong`] for an impossible reader name.
    pub fn connect_with(
        &mut self,
        reader: &str,
        share: Share,
        protocols: u32,
    ) -> Result<(Handle, u32), PcscError> {
        if reader.len() >= NAME_BYTES {
            let (what, length) = ("the reader's name", reader.len());
            return Err(PcscError::TooLong {
                what,
                length,
                limit: NAME_BYTES - 1,
            });
        }
        let body = Body::new(0x04)
            .number(self.id)
            .field(reader.as_bytes(), NAME_BYTES)
            .number(share.number())
            .number(protocols)
            .signed(0)
            .number(0)
            .number(0);
        let reply = self.stream.ask("CONNECT", &body.finish(), 152)?;
        let mut fields = Fields(&reply);
        fields.bytes(4 + NAME_BYTES + 8);
        let (handle, protocol) = (fields.signed(), fields.number());
        succeeded("CONNECT", fields.number())?;
        Ok((Handle(handle), protocol))
    }

    /// Takes a connection up again, perhaps resetting the card.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn reconnect(
        &mut self,
        card: Handle,
        share: Share,
        first: Disposition,
    ) -> Result<(), PcscError> {
        let body = Body::new(0x05)
            .signed(card.0)
            .number(share.number())
            .number(protocol::T1)
            .number(first.number())
            .number(0)
            .number(0);
        let reply = self.stream.ask("RECONNECT", &body.finish(), 24)?;
        succeeded("RECONNECT", result(&reply))
    }

    /// Ends a connection.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn disconnect(&mut self, card: Handle, then: Disposition) -> Result<(), PcscError> {
        self.end("DISCONNECT", 0x06, card, then)
    }

    /// Takes the reader for a row of commands. While another program holds it,
    /// some servers answer with a sharing violation: then this tries again
    /// every 100 ms until `patience` is over. Others answer when the reader is
    /// free: then this waits for `patience` or the time limit, whichever is
    /// longer, and gives the connection up after that.
    ///
    /// # Errors
    /// [`PcscError`]; when patience ran out, its code is
    /// [`ScardCode::SharingViolation`] or it is [`PcscError::Timeout`].
    pub fn begin_transaction(&mut self, card: Handle, patience: Duration) -> Result<(), PcscError> {
        let request = "BEGIN_TRANSACTION";
        let deadline = Instant::now().checked_add(patience);
        loop {
            let body = Body::new(0x07).signed(card.0).number(0);
            self.stream.send(request, &body.finish())?;
            let left = deadline.map_or(patience, |d| d.saturating_duration_since(Instant::now()));
            let reply = self.stream.receive_after(request, 8, left)?;
            let outcome = succeeded(request, result(&reply));
            let busy = outcome
                .as_ref()
                .is_err_and(|e| e.code() == Some(ScardCode::SharingViolation));
            if !busy || deadline.is_some_and(|d| Instant::now() >= d) {
                return outcome;
            }
            std::thread::sleep(SHARING_PAUSE.min(patience));
        }
    }

    /// Gives the reader back.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn end_transaction(&mut self, card: Handle, then: Disposition) -> Result<(), PcscError> {
        self.end("END_TRANSACTION", 0x08, card, then)
    }

    fn end(
        &mut self,
        request: &'static str,
        command: u32,
        card: Handle,
        then: Disposition,
    ) -> Result<(), PcscError> {
        let body = Body::new(command)
            .signed(card.0)
            .number(then.number())
            .number(0);
        let reply = self.stream.ask(request, &body.finish(), 12)?;
        succeeded(request, result(&reply))
    }

    /// Asks whether a connection is still good.
    ///
    /// # Errors
    /// [`PcscError`], with the code that says why it is not.
    pub fn status(&mut self, card: Handle) -> Result<(), PcscError> {
        let body = Body::new(0x0B).signed(card.0).number(0);
        let reply = self.stream.ask("STATUS", &body.finish(), 8)?;
        succeeded("STATUS", result(&reply))
    }

    /// One command to the card and its response.
    ///
    /// # Errors
    /// [`PcscError`]; its code is [`ScardCode::ResetCard`] or
    /// [`ScardCode::RemovedCard`] if the card is not the one it was.
    pub fn transmit(&mut self, card: Handle, command: &[u8]) -> Result<Vec<u8>, PcscError> {
        self.transmit_within(card, protocol::T1, command, BUFFER_BYTES)
    }

    /// The same by this [protocol], with room for so many
    /// bytes of response.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn transmit_within(
        &mut self,
        card: Handle,
        protocol: u32,
        command: &[u8],
        room: usize,
    ) -> Result<Vec<u8>, PcscError> {
        let room = room.min(BUFFER_BYTES);
        let request = "TRANSMIT";
        let too_long = PcscError::TooLong {
            what: "the command",
            length: command.len(),
            limit: BUFFER_BYTES,
        };
        let length = u32::try_from(command.len())
            .ok()
            .filter(|_| command.len() <= BUFFER_BYTES);
        let body = Body::new(0x09)
            .signed(card.0)
            .number(protocol)
            .number(PCI_BYTES)
            .number(length.ok_or(too_long)?)
            .number(protocol)
            .number(PCI_BYTES)
            .number(u32::try_from(room).unwrap_or(u32::MAX))
            .number(0);
        let mut message = Zeroizing::new(body.finish());
        message.extend_from_slice(command);
        let reply = self.stream.ask(request, &message, 32);
        message.zeroize();
        let reply = reply?;
        let mut fields = Fields(&reply);
        fields.bytes(24);
        let length = fields.length();
        succeeded(request, fields.number())?;
        if length > room {
            self.stream.give_up();
            let reason = "a response longer than there was room for";
            return Err(PcscError::Reply { request, reason });
        }
        self.stream.receive(request, length)
    }

    /// An attribute of the reader or the card, such as
    /// [`ATR_STRING`](super::attribute::ATR_STRING).
    ///
    /// # Errors
    /// [`PcscError`]; its code is [`ScardCode::UnsupportedFeature`] if the
    /// reader does not have it.
    pub fn attribute(&mut self, card: Handle, id: u32) -> Result<Vec<u8>, PcscError> {
        let request = "GET_ATTRIB";
        let room = u32::try_from(ATTRIBUTE_BYTES).unwrap_or(u32::MAX);
        let body = Body::new(0x0F)
            .signed(card.0)
            .number(id)
            .field(&[], ATTRIBUTE_BYTES)
            .number(room)
            .number(0);
        let reply = self.stream.ask(request, &body.finish(), 280)?;
        let mut fields = Fields(&reply);
        fields.bytes(8);
        let value = fields.bytes(ATTRIBUTE_BYTES);
        let length = fields.length();
        succeeded(request, fields.number())?;
        let reason = "an attribute longer than its field";
        let value = value
            .get(..length)
            .ok_or(PcscError::Reply { request, reason })?;
        Ok(value.to_vec())
    }

    /// Waits until a reader or a card comes or goes, at most for `limit`.
    ///
    /// `known` are the states that the caller has seen; a 4.4 or 4.5 server
    /// reports the present ones when the wait is registered, and if they
    /// differ the wait ends at once. A 4.6 server does not: there, what
    /// happens between [`readers`](Self::readers) and this call is noticed
    /// only when the time is over.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn wait_for_change(
        &mut self,
        known: &[ReaderState],
        limit: Duration,
    ) -> Result<WaitOutcome, PcscError> {
        let request = "WAIT_READER_STATE_CHANGE";
        self.stream.send(request, &Body::new(0x13).finish())?;
        let mut changed = false;
        if self.minor < 6 {
            let states = self
                .stream
                .receive(request, READER_STATES * READER_STATE_BYTES)?;
            let key = |s: &ReaderState| (s.name.clone(), s.events, s.state);
            let now = ReaderState::read_list(&states);
            changed = !now.iter().map(key).eq(known.iter().map(key));
        }
        let limit = if changed { Duration::ZERO } else { limit };
        let mut outcome = if changed {
            WaitOutcome::Changed
        } else {
            WaitOutcome::TimedOut
        };
        // Exactly one message of eight bytes ends a wait: from the event, or
        // from stopping it.
        let message = match self.stream.receive_within(request, 8, limit)? {
            Received::All(message) => {
                outcome = WaitOutcome::Changed;
                message
            }
            Received::None => self
                .stream
                .ask("STOP_WAITING", &Body::new(0x14).finish(), 8)?,
        };
        match ScardCode::from_number(result(&message)) {
            None => Ok(outcome),
            Some(ScardCode::Cancelled) => Ok(WaitOutcome::Cancelled),
            Some(code) => Err(PcscError::Scard { request, code }),
        }
    }

    /// Cancels the wait of another context, by its [`id`](Self::id).
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn cancel(&mut self, context: u32) -> Result<(), PcscError> {
        let body = Body::new(0x0D).number(context).number(0);
        let reply = self.stream.ask("CANCEL", &body.finish(), 8)?;
        succeeded("CANCEL", result(&reply))
    }

    /// How long one reply may take.
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.stream.limit()
    }
}

/// The result that ends most replies.
fn result(reply: &[u8]) -> u32 {
    Fields(reply.last_chunk::<4>().map_or(&[][..], |r| r)).number()
}

fn succeeded(request: &'static str, rv: u32) -> Result<(), PcscError> {
    ScardCode::from_number(rv).map_or(Ok(()), |code| Err(PcscError::Scard { request, code }))
}

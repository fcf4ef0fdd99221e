// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the server answers.

use super::codes::rv;
use super::wire::Field;
use super::{
    Attribute, BUFFER_BYTES, Begin, CLASSIC_READERS, Cancel, Command, Connect, Control, Disconnect,
    End, Establish, Parsed, ProtocolError, ReaderEvents, ReaderState, Reconnect, Release, Status,
    Transmit, Version, WaitEvent,
};

/// One reply, or the event a wait was registered for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// The version that will be spoken.
    Version(Version),
    /// The new context.
    Establish(Establish),
    /// The context is gone.
    Release(Release),
    /// The new card handle.
    Connect(Box<Connect>),
    /// The connection goes on.
    Reconnect(Reconnect),
    /// The connection is over.
    Disconnect(Disconnect),
    /// The transaction has begun, or not.
    Begin(Begin),
    /// The transaction is over.
    End(End),
    /// Structure and response.
    Transmit(Transmit, Vec<u8>),
    /// Structure and output.
    Control(Control, Vec<u8>),
    /// Whether the handle is still good.
    Status(Status),
    /// Whether there was a context to wake.
    Cancel(Cancel),
    /// An attribute, read or written.
    Attribute(Box<Attribute>),
    /// A list of reader states: 16 for the older commands, as many as
    /// announced for [`Command::GetStateArray`].
    ReaderStates(Vec<ReaderState>),
    /// An event, a cancelled wait, or the answer to a stop.
    WaitEvent(WaitEvent),
    /// How often readers came or went.
    ReaderEvents(ReaderEvents),
    /// Length of the list of reader states.
    StateSize(i32),
}

impl Reply {
    /// The bytes a server sends.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Appends the bytes a server sends.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Version(message) => message.encode(out),
            Self::Establish(message) => message.encode(out),
            Self::Release(message) => message.encode(out),
            Self::Connect(message) => message.encode(out),
            Self::Reconnect(message) => message.encode(out),
            Self::Disconnect(message) => message.encode(out),
            Self::Begin(message) => message.encode(out),
            Self::End(message) => message.encode(out),
            Self::Transmit(message, buffer) => {
                message.encode(out);
                out.extend_from_slice(buffer);
            }
            Self::Control(message, buffer) => {
                message.encode(out);
                out.extend_from_slice(buffer);
            }
            Self::Status(message) => message.encode(out),
            Self::Cancel(message) => message.encode(out),
            Self::Attribute(message) => message.encode(out),
            Self::ReaderStates(states) => {
                out.reserve(states.len().saturating_mul(ReaderState::SIZE));
                for state in states {
                    state.encode(out);
                }
            }
            Self::WaitEvent(message) => message.encode(out),
            Self::ReaderEvents(message) => message.encode(out),
            Self::StateSize(size) => size.put(out),
        }
    }

    /// The client's half: looks for the reply to `command` at the front of
    /// `bytes`. `readers` is the length of the list that
    /// [`Command::GetStateArray`] returns; the older commands return 16.
    ///
    /// A wait without an answer of its own (4.6) must not be asked about here.
    ///
    /// # Errors
    /// [`ProtocolError`] if the bytes can never become such a reply.
    pub fn parse(
        command: Command,
        readers: usize,
        bytes: &[u8],
    ) -> Result<Parsed<Self>, ProtocolError> {
        let size = match command {
            Command::GetReadersState | Command::Wait => ReaderState::SIZE * CLASSIC_READERS,
            Command::GetStateArray => ReaderState::SIZE.saturating_mul(readers),
            Command::StopWaiting => WaitEvent::SIZE,
            Command::GetReaderEvents => ReaderEvents::SIZE,
            Command::GetStateSize => <i32 as Field>::SIZE,
            other => other.body_size(),
        };
        let Some(body) = bytes.get(..size) else {
            return Ok(Parsed::Incomplete(size));
        };
        let reply = Self::from_body(command, body).ok_or(ProtocolError::Malformed(command))?;
        let extra = match &reply {
            Self::Transmit(message, _) if message.rv == rv::SUCCESS => message.receive_length,
            Self::Control(message, _) if message.rv == rv::SUCCESS => message.returned,
            _ => 0,
        };
        let extra = usize::try_from(extra)
            .ok()
            .filter(|&n| n <= BUFFER_BYTES)
            .ok_or(ProtocolError::BufferTooLong {
                command,
                announced: extra,
                limit: BUFFER_BYTES,
            })?;
        let Some(buffer) = bytes.get(size..size + extra) else {
            return Ok(Parsed::Incomplete(size + extra));
        };
        Ok(Parsed::Complete(reply.with_buffer(buffer), size + extra))
    }

    fn from_body(command: Command, mut body: &[u8]) -> Option<Self> {
        match command {
            Command::Version => Version::decode(body).map(Self::Version),
            Command::Establish => Establish::decode(body).map(Self::Establish),
            Command::Release => Release::decode(body).map(Self::Release),
            Command::Connect => Connect::decode(body).map(Box::new).map(Self::Connect),
            Command::Reconnect => Reconnect::decode(body).map(Self::Reconnect),
            Command::Disconnect => Disconnect::decode(body).map(Self::Disconnect),
            Command::Begin => Begin::decode(body).map(Self::Begin),
            Command::End => End::decode(body).map(Self::End),
            Command::Transmit => Transmit::decode(body).map(|m| Self::Transmit(m, Vec::new())),
            Command::Control => Control::decode(body).map(|m| Self::Control(m, Vec::new())),
            Command::Status => Status::decode(body).map(Self::Status),
            Command::Cancel => Cancel::decode(body).map(Self::Cancel),
            Command::GetAttribute | Command::SetAttribute => {
                Attribute::decode(body).map(|m| Self::Attribute(Box::new(m)))
            }
            Command::GetReadersState | Command::Wait | Command::GetStateArray => body
                .chunks(ReaderState::SIZE)
                .map(ReaderState::decode)
                .collect::<Option<_>>()
                .map(Self::ReaderStates),
            Command::StopWaiting => WaitEvent::decode(body).map(Self::WaitEvent),
            Command::GetReaderEvents => ReaderEvents::decode(body).map(Self::ReaderEvents),
            Command::GetStateSize => <i32 as Field>::take(&mut body).map(Self::StateSize),
        }
    }

    fn with_buffer(self, buffer: &[u8]) -> Self {
        match self {
            Self::Transmit(message, _) => Self::Transmit(message, buffer.to_vec()),
            Self::Control(message, _) => Self::Control(message, buffer.to_vec()),
            other => other,
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The pcsc-lite client protocol as data: messages, requests, replies.
//!
//! A request is `u32 size, u32 command, body`, in the machine's byte order; a
//! reply is the bare structure. TRANSMIT and CONTROL carry a buffer behind the
//! structure. Nothing here does I/O: parsers look at a slice and say what it
//! is, how much is missing, or why the sender should be cut off.
//!
//! Three minor versions are in use: 4.4 (pcsc-lite 1.9 to 2.2), 4.5 (2.3 and
//! 2.4) and 4.6 (2.5). They differ in how a client waits, see [`Minor`].

pub mod codes;
mod messages;
mod reply;
mod request;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

pub use messages::{
    Attribute, Begin, Cancel, Connect, Control, Disconnect, End, Establish, Header, ReaderEvents,
    ReaderState, Reconnect, Release, Status, Transmit, Version, WaitEvent, padded, until_nul,
};
pub use reply::Reply;
pub use request::Request;

/// The major version every supported client speaks.
pub const MAJOR: i32 = 4;
/// Bytes of a reader name field; a name has at most one less.
pub const NAME_BYTES: usize = 128;
/// Bytes of an answer to reset, at most.
pub const ATR_BYTES: usize = 33;
/// Bytes of an attribute value, at most.
pub const ATTRIBUTE_BYTES: usize = 264;
/// Bytes of a command or response buffer, at most.
pub const BUFFER_BYTES: usize = 65548;
/// Readers in the fixed-size list of 4.4 and 4.5.
pub const CLASSIC_READERS: usize = 16;
/// Bytes of the longest request: header, structure and buffer of a TRANSMIT.
pub const LONGEST_REQUEST: usize = Header::SIZE + Transmit::SIZE + BUFFER_BYTES;

/// How a client waits for events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Minor {
    /// 4.4: a wait is answered with the list of reader states.
    Four,
    /// 4.5: as 4.4, plus the count of reader events.
    Five,
    /// 4.6: a wait has no answer of its own; the list has a size and is asked for.
    Six,
}

impl Minor {
    /// The newest version spoken here.
    pub const NEWEST: Self = Self::Six;

    /// The version to speak with a client that announces `minor`, if any.
    #[must_use]
    pub fn negotiate(minor: i32) -> Option<Self> {
        match minor {
            ..=3 => None,
            4 => Some(Self::Four),
            5 => Some(Self::Five),
            6.. => Some(Self::Six),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Four => 4,
            Self::Five => 5,
            Self::Six => 6,
        }
    }

    /// Whether a wait is answered with the list of reader states.
    #[must_use]
    pub fn wait_sends_states(self) -> bool {
        self < Self::Six
    }
}

/// The commands a client can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Command {
    /// Open the context.
    Establish = 0x01,
    /// Close the context.
    Release = 0x02,
    /// Connect to a reader.
    Connect = 0x04,
    /// Take up a connection again.
    Reconnect = 0x05,
    /// End a connection.
    Disconnect = 0x06,
    /// Begin a transaction.
    Begin = 0x07,
    /// End a transaction.
    End = 0x08,
    /// Exchange with the card.
    Transmit = 0x09,
    /// Command to the reader.
    Control = 0x0A,
    /// Is the handle still good?
    Status = 0x0B,
    /// Wake a waiting context.
    Cancel = 0x0D,
    /// Read an attribute.
    GetAttribute = 0x0F,
    /// Write an attribute.
    SetAttribute = 0x10,
    /// Agree on a version.
    Version = 0x11,
    /// The fixed-size list of reader states.
    GetReadersState = 0x12,
    /// Register for one event.
    Wait = 0x13,
    /// Take the registration back.
    StopWaiting = 0x14,
    /// How often readers came or went.
    GetReaderEvents = 0x15,
    /// Length of the list of reader states.
    GetStateSize = 0x16,
    /// The list of reader states.
    GetStateArray = 0x17,
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 20] = [
        Self::Establish,
        Self::Release,
        Self::Connect,
        Self::Reconnect,
        Self::Disconnect,
        Self::Begin,
        Self::End,
        Self::Transmit,
        Self::Control,
        Self::Status,
        Self::Cancel,
        Self::GetAttribute,
        Self::SetAttribute,
        Self::Version,
        Self::GetReadersState,
        Self::Wait,
        Self::StopWaiting,
        Self::GetReaderEvents,
        Self::GetStateSize,
        Self::GetStateArray,
    ];

    /// The command with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|command| command.number() == number)
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32
    }

    /// Bytes of the structure in a request.
    #[must_use]
    pub fn body_size(self) -> usize {
        match self {
            Self::Establish => Establish::SIZE,
            Self::Release => Release::SIZE,
            Self::Connect => Connect::SIZE,
            Self::Reconnect => Reconnect::SIZE,
            Self::Disconnect => Disconnect::SIZE,
            Self::Begin => Begin::SIZE,
            Self::End => End::SIZE,
            Self::Transmit => Transmit::SIZE,
            Self::Control => Control::SIZE,
            Self::Status => Status::SIZE,
            Self::Cancel => Cancel::SIZE,
            Self::GetAttribute | Self::SetAttribute => Attribute::SIZE,
            Self::Version => Version::SIZE,
            Self::GetReadersState
            | Self::Wait
            | Self::StopWaiting
            | Self::GetReaderEvents
            | Self::GetStateSize
            | Self::GetStateArray => 0,
        }
    }
}

/// What the bytes at the front of a stream are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// Not complete; at least this many bytes are needed in all.
    Incomplete(usize),
    /// A message, and the bytes it took.
    Complete(T, usize),
}

/// Why a stream is not the pcsc-lite protocol. The connection it came from is
/// closed; nobody else notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// No such command.
    #[error("command {0:#x} does not exist in the pcsc-lite protocol")]
    UnknownCommand(u32),
    /// The header announces a body of the wrong size.
    #[error("{command:?} has a body of {expected} bytes, the header says {announced}")]
    WrongSize {
        /// The command.
        command: Command,
        /// What the header says.
        announced: u32,
        /// What the structure takes.
        expected: usize,
    },
    /// The buffer behind the structure is longer than any client may send.
    #[error("{command:?} announces a buffer of {announced} bytes, at most {limit} are allowed")]
    BufferTooLong {
        /// The command.
        command: Command,
        /// What the structure says.
        announced: u32,
        /// The limit.
        limit: usize,
    },
    /// The structure could not be read from its own size: an inconsistency of this library.
    #[error("the structure of {0:?} could not be read")]
    Malformed(Command),
}

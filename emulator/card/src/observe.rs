// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an onlooker may see of a card: events while it works, a hook on its
//! answers, and a snapshot of its status.

use crate::image::{CardState, Directory};
use iso7816_wire::sm::{SessionKeys, SmError};
use iso7816_wire::{CommandApdu, ResponseApdu};
use std::sync::Arc;

/// Something that happens to or inside the card, in the order it happens.
/// `Debug` names the event and shows none of its bytes.
#[derive(Clone, Copy)]
pub enum Event<'a> {
    /// Power was applied (cold reset); the answer to reset.
    PowerOn(&'a [u8]),
    /// Warm reset; the answer to reset.
    Reset(&'a [u8]),
    /// Power was removed.
    PowerOff,
    /// Bytes arrived at the door.
    Command(&'a [u8]),
    /// A command was understood: unwrapped and with its chain joined.
    /// `secured` says that it came in secure messaging.
    Plain {
        /// The command that the card executes.
        command: &'a CommandApdu,
        /// Whether it came in secure messaging.
        secured: bool,
    },
    /// A piece of a chain was understood: unwrapped, not yet joined.
    Piece {
        /// The piece.
        command: &'a CommandApdu,
        /// Whether it came in secure messaging.
        secured: bool,
    },
    /// The answer of the command handler or to a piece, before it is wrapped.
    Answer(&'a ResponseApdu),
    /// Bytes leave through the door.
    Response(&'a [u8]),
    /// A key agreement made new session keys.
    SessionKeys(&'a SessionKeys),
    /// The send sequence counter was set by the device authentication.
    SequenceCounter(u64),
    /// A protected command was refused; the session is over.
    SmFailure(SmError),
    /// A secure-messaging session ended.
    SmEnded,
    /// The non-volatile memory was written.
    MemoryWrite(&'a CardState),
}

impl std::fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PowerOn(_) => "PowerOn",
            Self::Reset(_) => "Reset",
            Self::PowerOff => "PowerOff",
            Self::Command(_) => "Command",
            Self::Plain { .. } => "Plain",
            Self::Piece { .. } => "Piece",
            Self::Answer(_) => "Answer",
            Self::Response(_) => "Response",
            Self::SessionKeys(_) => "SessionKeys",
            Self::SequenceCounter(_) => "SequenceCounter",
            Self::SmFailure(_) => "SmFailure",
            Self::SmEnded => "SmEnded",
            Self::MemoryWrite(_) => "MemoryWrite",
        })
    }
}

/// Sees every [`Event`]. Called inside the card's four door calls, so it must
/// be quick; it may not call the card.
pub type Observer = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Sits between the command handler and secure messaging and may change the
/// answer: the place for injected faults. The default changes nothing.
pub type ResponseHook = Arc<dyn Fn(&CommandApdu, ResponseApdu) -> ResponseApdu + Send + Sync>;

/// Read-only view of a card's counters and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// True between power on and power off.
    pub powered: bool,
    /// Current directory.
    pub directory: Directory,
    /// File identifier of the current elementary file.
    pub current_file: Option<u16>,
    /// PIN tries left.
    pub pin_tries: u8,
    /// PUK tries left; 0 means that the digital identity is dead.
    pub puk_tries: u8,
    /// The PIN was verified.
    pub pin_verified: bool,
    /// The PUK was verified: RESET RETRY COUNTER is allowed.
    pub puk_verified: bool,
    /// Both sides of the device authentication were answered.
    pub device_authenticated: bool,
    /// State of secure messaging.
    pub channel: ChannelState,
    /// Bytes that wait for GET RESPONSE.
    pub pending_bytes: usize,
}

/// State of secure messaging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelState {
    /// No keys.
    None,
    /// Keys were agreed, no protected command has come yet (choice 22).
    Pending,
    /// A session is live.
    Live,
}

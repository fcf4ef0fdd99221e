// SPDX-License-Identifier: MIT OR Apache-2.0
//! One structure and one codec per message.
//!
//! pcsc-lite uses the same C structure for a request and for its reply; the
//! server fills in the rest and sends it back. So does this module.

use super::wire::message;
use super::{ATR_BYTES, ATTRIBUTE_BYTES, NAME_BYTES};

message! {
    /// In front of every request (replies have no header).
    Header {
        /// Bytes of the body that follows.
        size: u32,
        /// The command number.
        command: u32,
    }
}

message! {
    /// Which protocol version the sender speaks.
    Version {
        /// 4 for every pcsc-lite of the last decade.
        major: i32,
        /// 4, 5 or 6.
        minor: i32,
        /// Whether the server can speak it.
        rv: u32,
    }
}

message! {
    /// Opens the context of this connection.
    Establish {
        /// Scope asked for; checked, otherwise unused.
        scope: u32,
        /// The new context.
        context: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Closes the context and every card handle in it.
    Release {
        /// The context.
        context: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Connects to a reader.
    Connect {
        /// The context.
        context: u32,
        /// Reader name, NUL-terminated.
        reader: [u8; NAME_BYTES],
        /// [`share`](super::codes::share) mode.
        share: u32,
        /// Acceptable [`protocol`](super::codes::protocol) bits.
        preferred: u32,
        /// The new card handle.
        card: i32,
        /// The protocol in use.
        active: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Takes up a connection again, perhaps with a reset.
    Reconnect {
        /// The card handle.
        card: i32,
        /// [`share`](super::codes::share) mode.
        share: u32,
        /// Acceptable [`protocol`](super::codes::protocol) bits.
        preferred: u32,
        /// A [`disposition`](super::codes::disposition).
        initialization: u32,
        /// The protocol in use.
        active: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Ends a connection to a reader.
    Disconnect {
        /// The card handle.
        card: i32,
        /// A [`disposition`](super::codes::disposition).
        disposition: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Takes the reader for a series of commands.
    Begin {
        /// The card handle.
        card: i32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Gives the reader back.
    End {
        /// The card handle.
        card: i32,
        /// A [`disposition`](super::codes::disposition).
        disposition: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Wakes a context that waits for an event, from another connection.
    Cancel {
        /// The waiting context.
        context: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Whether the handle is still good; the rest of a status is in the reader states.
    Status {
        /// The card handle.
        card: i32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// One exchange with the card. The command follows the request's
    /// structure, the response follows the reply's if `rv` is zero.
    Transmit {
        /// The card handle.
        card: i32,
        /// Protocol of the command.
        send_protocol: u32,
        /// Length of the command's control information, echoed.
        send_pci: u32,
        /// Bytes of the command.
        send_length: u32,
        /// Protocol of the response, echoed.
        receive_protocol: u32,
        /// Length of the response's control information, echoed.
        receive_pci: u32,
        /// Room for the response; in the reply, its bytes.
        receive_length: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// A command to the reader itself. Buffers follow as in [`Transmit`].
    Control {
        /// The card handle.
        card: i32,
        /// The control code.
        code: u32,
        /// Bytes of input.
        send_length: u32,
        /// Room for output.
        receive_length: u32,
        /// Bytes of output.
        returned: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// Reads or writes one attribute.
    Attribute {
        /// The card handle.
        card: i32,
        /// Which [`attribute`](super::codes::attribute).
        id: u32,
        /// The value, or room for it.
        value: [u8; ATTRIBUTE_BYTES],
        /// Bytes in `value`.
        length: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// The one message a registered wait gets: something happened, or the wait stopped.
    WaitEvent {
        /// Unused, zero.
        timeout: u32,
        /// Zero for an event or a stop, [`CANCELLED`](super::codes::rv::CANCELLED) for a cancel.
        rv: u32,
    }
}

message! {
    /// How often readers came or went (4.5 and later).
    ReaderEvents {
        /// The count.
        events: u32,
        /// Result.
        rv: u32,
    }
}

message! {
    /// One reader as every client sees it.
    ReaderState {
        /// Reader name, NUL-terminated; all zero for an unused place.
        name: [u8; NAME_BYTES],
        /// Insertions and removals so far.
        event_counter: u32,
        /// [`state`](super::codes::state) bits.
        state: u32,
        /// Handles on this reader, −1 if one has it alone.
        sharing: i32,
        /// Answer to reset.
        atr: [u8; ATR_BYTES],
        /// Padding of the C structure.
        padding: [u8; 3],
        /// Bytes in `atr`.
        atr_length: u32,
        /// The [`protocol`](super::codes::protocol) in use.
        protocol: u32,
    }
}

impl ReaderState {
    /// A place without a reader.
    pub const UNUSED: Self = Self {
        name: [0; NAME_BYTES],
        event_counter: 0,
        state: 0,
        sharing: 0,
        atr: [0; ATR_BYTES],
        padding: [0; 3],
        atr_length: 0,
        protocol: 0,
    };

    /// The reader's name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        until_nul(&self.name)
    }

    /// The answer to reset, empty if there is none.
    #[must_use]
    pub fn atr(&self) -> &[u8] {
        usize::try_from(self.atr_length)
            .ok()
            .and_then(|n| self.atr.get(..n))
            .unwrap_or_default()
    }
}

/// The bytes in front of the first NUL, or all of them.
#[must_use]
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// `text` in a field of `N` bytes with at least one NUL behind it; what does not fit is cut off.
#[must_use]
pub fn padded<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(text.iter().take(N.saturating_sub(1))) {
        *to = *from;
    }
    field
}

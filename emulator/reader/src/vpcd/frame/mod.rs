// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of the vpcd protocol, without I/O.
//!
//! Both sides send `u16` big-endian length ‖ payload over one stream. A payload
//! of one byte from the reader is a control, any other one a command APDU. The
//! card answers a command APDU with a response APDU and [`Control::Atr`] with
//! its answer to reset; the other controls have no answer. An answer of no
//! bytes says that the card is gone. (Source: `vpcd` and `vicc` of the
//! vsmartcard project.)

#[cfg(test)]
mod tests;

/// Bytes of the length before each payload.
pub const HEADER_BYTES: usize = 2;
/// Bytes of the longest payload.
pub const LONGEST_PAYLOAD: usize = 0xFFFF;

/// What a reader asks of a card by one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// Power off. No answer.
    Off,
    /// Power on. No answer.
    On,
    /// Warm reset. No answer.
    Reset,
    /// Tell the answer to reset. The answer is the ATR.
    Atr,
}

impl Control {
    /// The byte that stands for it.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::On => 1,
            Self::Reset => 2,
            Self::Atr => 4,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Off),
            1 => Some(Self::On),
            2 => Some(Self::Reset),
            4 => Some(Self::Atr),
            _ => None,
        }
    }
}

/// What a reader says to a card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request<'a> {
    /// A control.
    Control(Control),
    /// A command APDU. A single byte that is no control is one too: drivers
    /// pass on what their clients send, and wait for the answer.
    Apdu(&'a [u8]),
}

impl<'a> Request<'a> {
    /// Reads the payload of a frame.
    ///
    /// # Errors
    /// [`FrameError::Empty`]: no reader sends that.
    pub fn parse(payload: &'a [u8]) -> Result<Self, FrameError> {
        match payload {
            [] => Err(FrameError::Empty),
            &[byte] => Ok(Control::from_byte(byte).map_or(Self::Apdu(payload), Self::Control)),
            _ => Ok(Self::Apdu(payload)),
        }
    }

    /// The payload that says this.
    ///
    /// # Errors
    /// A command of no bytes is [`FrameError::Empty`], one that a card would
    /// take for a control [`FrameError::LooksLikeControl`], one of more than
    /// [`LONGEST_PAYLOAD`] bytes [`FrameError::TooLong`]: the protocol has no
    /// frames for them.
    pub fn payload(&self) -> Result<Vec<u8>, FrameError> {
        match *self {
            Self::Control(control) => Ok(vec![control.byte()]),
            Self::Apdu([]) => Err(FrameError::Empty),
            Self::Apdu(&[byte]) => Err(FrameError::LooksLikeControl(byte)),
            Self::Apdu(apdu) if apdu.len() > LONGEST_PAYLOAD => {
                Err(FrameError::TooLong(apdu.len()))
            }
            Self::Apdu(apdu) => Ok(apdu.to_vec()),
        }
    }
}

/// What has no place in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame of no bytes where one with bytes is due.
    #[error("an empty frame where a control or a command is due")]
    Empty,
    /// More bytes than the length field counts.
    #[error("{0} bytes do not fit into a vpcd frame of at most 65535; send less at a time")]
    TooLong(usize),
    /// A command of one byte, which a card takes for a control.
    #[error("the single byte {0:02X} cannot be sent as a command: in vpcd one byte is a control")]
    LooksLikeControl(u8),
}

/// Appends the frame of `payload` to `out`.
///
/// # Errors
/// [`FrameError::TooLong`] for more than [`LONGEST_PAYLOAD`] bytes; `out` is as
/// it was then.
pub fn encode(payload: &[u8], out: &mut Vec<u8>) -> Result<(), FrameError> {
    let length = u16::try_from(payload.len()).map_err(|_| FrameError::TooLong(payload.len()))?;
    out.extend(length.to_be_bytes());
    out.extend_from_slice(payload);
    Ok(())
}

/// Cuts a stream of bytes into frames, however they arrive.
///
/// It holds what was pushed and not taken yet. Who takes all frames after each
/// push has at most one incomplete frame in it.
#[derive(Clone, Debug, Default)]
pub struct FrameStream {
    bytes: Vec<u8>,
    /// How many of them are taken.
    taken: usize,
}

impl FrameStream {
    /// Nothing received yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..self.taken);
        }
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The payload of the next whole frame.
    pub fn next_frame(&mut self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.taken..)?;
        let &[high, low, ..] = rest else {
            return None;
        };
        let end = HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
        let frame = rest.get(HEADER_BYTES..end)?;
        self.taken += end;
        Some(frame)
    }

    /// Bytes that no frame has been made of yet.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.bytes.len() - self.taken
    }
}

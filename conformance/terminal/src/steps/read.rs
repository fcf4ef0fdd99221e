// SPDX-License-Identifier: MIT OR Apache-2.0
//! READ BINARY in its forms (section 2.2), piece by piece or to the end.

use crate::channel::{Answer, Channel};
use crate::error::{Error, MalformedError};
use crate::transport::Transmit;
use iso7816_wire::{CommandApdu, StatusWord, flaw, tlv};

const READ_BINARY: u8 = 0xB0;
const READ_BINARY_ODD: u8 = 0xB1;
/// The first offset that P1-P2 of the even instruction cannot say: bit 8 of
/// P1 makes it a short file identifier.
const OFFSET_END: usize = 0x8000;

/// What the card's clients ask for in one READ BINARY (section 2.2).
pub mod le {
    /// Desktop clients, and newer iOS ones inside a session.
    pub const DESKTOP: usize = 0x80;
    /// Mobile and Java clients: 00, all that is left.
    pub const ALL: usize = 0x100;
    /// Newer iOS clients in plain.
    pub const IOS: usize = 0xFF;
}

/// What one READ BINARY brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes.
    pub data: Vec<u8>,
    /// True if the card said that there are no more: 6282 behind the data, or
    /// 6B00 in place of any.
    pub end: bool,
}

impl<T: Transmit> Channel<T> {
    /// One READ BINARY in the current file, in plain or in the session.
    ///
    /// # Errors
    /// [`Error::Malformed`] for an offset of 32768 or more, else as
    /// [`Channel::send`]. The status is the caller's to look at.
    pub fn read_binary(&mut self, offset: usize, le: usize) -> Result<Answer, Error> {
        let [p1, p2] = offset_bytes(offset)?;
        self.send(&CommandApdu::new(0, READ_BINARY, p1, p2).with_le(le))
    }

    /// One READ BINARY that also selects a file by its short identifier
    /// (`00 B0 80+sfi oo Le`).
    ///
    /// # Errors
    /// As [`Channel::send`]. The status is the caller's to look at.
    pub fn read_binary_sfi(&mut self, sfi: u8, offset: u8, le: usize) -> Result<Answer, Error> {
        self.send(&CommandApdu::new(0, READ_BINARY, 0x80 | (sfi & 0x1F), offset).with_le(le))
    }

    /// One READ BINARY with the odd instruction (`00 B1 00 sfi 04 54 02 oo oo
    /// Le`; `sfi` 0 is the current file). The answer's data still has DO 53
    /// around it, which Le counts too; [`discretionary_data`] takes it off.
    ///
    /// # Errors
    /// As [`Channel::send`]. The status is the caller's to look at.
    pub fn read_binary_odd(&mut self, sfi: u8, offset: u16, le: usize) -> Result<Answer, Error> {
        let offset = tlv::encode(0x54, &offset.to_be_bytes());
        let command = CommandApdu::new(0, READ_BINARY_ODD, 0, sfi).with_data(offset);
        self.send(&command.with_le(le))
    }

    /// The whole current file in pieces of at most `le` bytes (1 to 256),
    /// until the card says that it is at the end or sends nothing more.
    ///
    /// # Errors
    /// [`Error::Status`] for a status that is neither data nor the end, else
    /// as [`Channel::send`].
    pub fn read_current_file(&mut self, le: usize) -> Result<Vec<u8>, Error> {
        self.read_on(Vec::new(), le)
    }

    /// Selects a file and reads it to its end.
    ///
    /// # Errors
    /// As [`Channel::select_file`] and [`Channel::read_current_file`].
    pub fn read_file(&mut self, id: u16, le: usize) -> Result<Vec<u8>, Error> {
        self.select_file(id)?;
        self.read_current_file(le)
    }

    /// Reads a whole file by its short identifier: the first piece selects it,
    /// the others go on in it.
    ///
    /// # Errors
    /// As [`Channel::read_current_file`].
    pub fn read_file_sfi(&mut self, sfi: u8, le: usize) -> Result<Vec<u8>, Error> {
        let first = piece(self.read_binary_sfi(sfi, 0, le)?)?;
        if first.end {
            Ok(first.data)
        } else {
            self.read_on(first.data, le)
        }
    }

    /// Reads a whole file with the odd instruction. `le` counts the two to
    /// four bytes of the DO 53 around each piece (at least 5).
    ///
    /// # Errors
    /// [`Error::Malformed`] if an answer is not a DO 53 or the file exceeds
    /// 65535 bytes, else as [`Channel::read_current_file`].
    pub fn read_file_odd(&mut self, sfi: u8, le: usize) -> Result<Vec<u8>, Error> {
        let mut content = Vec::new();
        loop {
            let offset = u16::try_from(content.len()).map_err(|_| too_long())?;
            let answer = self.read_binary_odd(sfi, offset, le)?;
            let Piece { data, end } = piece(answer)?;
            let inner = if data.is_empty() {
                &[]
            } else {
                discretionary_data(&data)?
            };
            content.extend_from_slice(inner);
            if end || inner.is_empty() {
                return Ok(content);
            }
        }
    }

    fn read_on(&mut self, mut content: Vec<u8>, le: usize) -> Result<Vec<u8>, Error> {
        loop {
            let mut answer = self.read_binary(content.len(), le)?;
            // A wrong Le in plain is corrected once, as the clients do.
            if answer.sw.0 >> 8 == 0x6C && !answer.protected {
                let available = usize::from(answer.sw.to_bytes()[1]);
                answer = self.read_binary(content.len(), available.max(1))?;
            }
            let Piece { data, end } = piece(answer)?;
            let done = end || data.is_empty() && !flaw!(EndlessRead);
            content.extend(data);
            if done {
                return Ok(content);
            }
        }
    }
}

/// Sorts the answer to a READ BINARY: 9000 data, 6282 data and the end, 6B00
/// the end.
///
/// # Errors
/// [`Error::Status`] for every other status.
pub fn piece(answer: Answer) -> Result<Piece, Error> {
    match answer.sw {
        StatusWord::OK => Ok(Piece {
            data: answer.data,
            end: false,
        }),
        StatusWord::END_OF_FILE => Ok(Piece {
            data: answer.data,
            end: true,
        }),
        StatusWord::WRONG_OFFSET => Ok(Piece {
            data: Vec::new(),
            end: true,
        }),
        sw => Err(Error::Status {
            step: "reading a file",
            sw,
        }),
    }
}

/// The value of the DO 53 that a READ BINARY with odd instruction answers.
///
/// # Errors
/// [`Error::Malformed`] if there is none.
pub fn discretionary_data(data: &[u8]) -> Result<&[u8], Error> {
    tlv::path(data, &[0x53]).map_err(|e| Error::malformed("READ BINARY (odd)", e))
}

fn offset_bytes(offset: usize) -> Result<[u8; 2], Error> {
    let offset = u16::try_from(offset)
        .ok()
        .filter(|o| usize::from(*o) < OFFSET_END);
    offset.map(u16::to_be_bytes).ok_or_else(too_long)
}

fn too_long() -> Error {
    Error::malformed("file content", MalformedError::Endless(OFFSET_END))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command and response APDUs: ISO/IEC 7816-3 §12.1 (the seven cases),
//! ISO/IEC 7816-4 §5.1 and §5.3 (command chaining).

use crate::status::StatusWord;
use thiserror::Error;

/// The longest data field of a short command, in bytes.
pub const SHORT_DATA_MAX: usize = 255;
/// The most bytes that a short Le can ask for.
pub const SHORT_LE_MAX: usize = 256;
/// The CLA bit that says that more commands of the chain follow.
pub const CLA_CHAINING: u8 = 0x10;
/// The CLA bits of ISO secure messaging with an authenticated header.
pub const CLA_SM: u8 = 0x0C;

/// What is wrong with a string of bytes that should be a command APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ApduError {
    /// Fewer than the four bytes of the header.
    #[error("a command APDU has at least 4 bytes, this one has {0}")]
    Header(usize),
    /// Lc announces another number of bytes than there are.
    #[error("Lc announces {announced} data bytes, {present} bytes follow it")]
    Length {
        /// Data bytes that Lc promises.
        announced: usize,
        /// Bytes that follow Lc, data field and Le together.
        present: usize,
    },
    /// An extended length field whose form is none of ISO/IEC 7816-3.
    #[error("malformed extended length field in a command APDU of {0} bytes")]
    Extended(usize),
    /// The response is shorter than a status word.
    #[error("a response APDU has at least 2 bytes, this one has {0}")]
    NoStatusWord(usize),
    /// A data field too long for the requested encoding.
    #[error("{0} data bytes do not fit one command APDU; use command chaining")]
    TooLong(usize),
}

/// A command APDU: header, data field and expected length.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CommandApdu {
    /// Class byte.
    pub cla: u8,
    /// Instruction byte.
    pub ins: u8,
    /// First parameter byte.
    pub p1: u8,
    /// Second parameter byte.
    pub p2: u8,
    /// Data field, empty in cases 1 and 2.
    pub data: Vec<u8>,
    /// Le, as the number of bytes it asks for (1 to 65536); `None` in cases 1
    /// and 3. An encoded 00 stands for 256, an extended 0000 for 65536.
    pub le: Option<usize>,
    /// True if the length fields had, or are to have, the extended form.
    pub extended: bool,
}

impl CommandApdu {
    /// A short command without data and without Le (case 1).
    #[must_use]
    pub fn new(cla: u8, ins: u8, p1: u8, p2: u8) -> Self {
        Self {
            cla,
            ins,
            p1,
            p2,
            ..Self::default()
        }
    }

    /// The same command with a data field.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    /// The same command with an Le asking for `le` bytes.
    #[must_use]
    pub fn with_le(mut self, le: usize) -> Self {
        self.le = Some(le);
        self
    }

    /// The four header bytes.
    #[must_use]
    pub fn header(&self) -> [u8; 4] {
        [self.cla, self.ins, self.p1, self.p2]
    }

    /// True if CLA says that more commands of the chain follow.
    #[must_use]
    pub fn is_chained(&self) -> bool {
        self.cla & CLA_CHAINING != 0
    }

    /// True if CLA announces secure messaging with an authenticated header.
    #[must_use]
    pub fn is_sm(&self) -> bool {
        self.cla & CLA_SM == CLA_SM
    }

    /// True if Le asks for as much as there is (an encoded 00 or 0000).
    #[must_use]
    pub fn le_is_max(&self) -> bool {
        self.le == Some(if self.extended { 65_536 } else { SHORT_LE_MAX })
    }

    /// Reads a command APDU in any of the seven cases.
    ///
    /// # Errors
    /// [`ApduError`] if the length fields contradict the number of bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApduError> {
        let [cla, ins, p1, p2, body @ ..] = bytes else {
            return Err(ApduError::Header(bytes.len()));
        };
        let (data, le, extended): (&[u8], Option<usize>, bool) = match body {
            [] => (&[], None, false),
            [le] => (&[], Some(short_le(*le)), false),
            [0, rest @ ..] => {
                let (data, le) = parse_extended(bytes.len(), rest)?;
                (data, le, true)
            }
            [lc, rest @ ..] => {
                let (data, le) = split_data(usize::from(*lc), rest)?;
                let le = match le {
                    [] => None,
                    [le] => Some(short_le(*le)),
                    _ => return Err(wrong_length(*lc, rest)),
                };
                (data, le, false)
            }
        };
        Ok(Self {
            cla: *cla,
            ins: *ins,
            p1: *p1,
            p2: *p2,
            data: data.to_vec(),
            le,
            extended,
        })
    }

    /// Writes the command: short if `extended` is false, extended otherwise.
    ///
    /// # Errors
    /// [`ApduError::TooLong`] if the data field or Le does not fit the form.
    pub fn encode(&self) -> Result<Vec<u8>, ApduError> {
        let mut out = Vec::with_capacity(self.data.len() + 9);
        out.extend(self.header());
        if self.extended {
            let lc = u16::try_from(self.data.len());
            let lc = lc.map_err(|_| ApduError::TooLong(self.data.len()))?;
            if lc > 0 || self.le.is_some() {
                out.push(0);
            }
            if lc > 0 {
                out.extend(lc.to_be_bytes());
                out.extend_from_slice(&self.data);
            }
            if let Some(le) = self.le {
                let le = if le == 65_536 {
                    Ok(0)
                } else {
                    u16::try_from(le)
                };
                out.extend(
                    le.map_err(|_| ApduError::TooLong(self.data.len()))?
                        .to_be_bytes(),
                );
            }
        } else {
            let lc = u8::try_from(self.data.len());
            let lc = lc.map_err(|_| ApduError::TooLong(self.data.len()))?;
            if lc > 0 {
                out.push(lc);
                out.extend_from_slice(&self.data);
            }
            if let Some(le) = self.le {
                let le = if le == SHORT_LE_MAX {
                    Ok(0)
                } else {
                    u8::try_from(le)
                };
                out.push(le.map_err(|_| ApduError::TooLong(self.data.len()))?);
            }
        }
        Ok(out)
    }

    /// Cuts the command into a chain of short commands whose data fields have
    /// at most `chunk` bytes (at least 1, at most 255). All but the last carry
    /// [`CLA_CHAINING`]; only the last carries Le. A command that fits comes
    /// back alone.
    #[must_use]
    pub fn chain(&self, chunk: usize) -> Vec<Self> {
        let chunk = chunk.clamp(1, SHORT_DATA_MAX);
        let mut pieces: Vec<Self> = self
            .data
            .chunks(chunk)
            .map(|data| Self {
                cla: self.cla | CLA_CHAINING,
                data: data.to_vec(),
                le: None,
                extended: false,
                ..*self
            })
            .collect();
        match pieces.last_mut() {
            Some(last) => {
                last.cla &= !CLA_CHAINING;
                last.le = self.le;
                pieces
            }
            None => vec![self.clone()],
        }
    }
}

fn short_le(byte: u8) -> usize {
    if byte == 0 {
        SHORT_LE_MAX
    } else {
        usize::from(byte)
    }
}

fn wrong_length(lc: u8, rest: &[u8]) -> ApduError {
    ApduError::Length {
        announced: usize::from(lc),
        present: rest.len(),
    }
}

fn split_data(lc: usize, rest: &[u8]) -> Result<(&[u8], &[u8]), ApduError> {
    rest.split_at_checked(lc).ok_or(ApduError::Length {
        announced: lc,
        present: rest.len(),
    })
}

fn parse_extended(total: usize, rest: &[u8]) -> Result<(&[u8], Option<usize>), ApduError> {
    let extended_le = |hi: u8, lo: u8| match u16::from_be_bytes([hi, lo]) {
        0 => 65_536,
        le => usize::from(le),
    };
    match rest {
        // A lone 00 after the header and one more byte is no form at all.
        [] | [_] => Err(ApduError::Extended(total)),
        [hi, lo] => Ok((&[], Some(extended_le(*hi, *lo)))),
        [hi, lo, body @ ..] => {
            let lc = usize::from(u16::from_be_bytes([*hi, *lo]));
            if lc == 0 {
                return Err(ApduError::Extended(total));
            }
            match split_data(lc, body)? {
                (data, []) => Ok((data, None)),
                (data, [hi, lo]) => Ok((data, Some(extended_le(*hi, *lo)))),
                _ => Err(ApduError::Length {
                    announced: lc,
                    present: body.len(),
                }),
            }
        }
    }
}

/// A response APDU: data field and status word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseApdu {
    /// Data field, often empty.
    pub data: Vec<u8>,
    /// Status word.
    pub sw: StatusWord,
}

impl ResponseApdu {
    /// Data with status 9000.
    #[must_use]
    pub fn ok(data: impl Into<Vec<u8>>) -> Self {
        Self {
            data: data.into(),
            sw: StatusWord::OK,
        }
    }

    /// A status word alone.
    #[must_use]
    pub fn status(sw: StatusWord) -> Self {
        Self {
            data: Vec::new(),
            sw,
        }
    }

    /// Reads a response: everything but the last two bytes is data.
    ///
    /// # Errors
    /// [`ApduError::NoStatusWord`] if there are fewer than two bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ApduError> {
        let (data, sw) = bytes
            .split_last_chunk::<2>()
            .ok_or(ApduError::NoStatusWord(bytes.len()))?;
        let [sw1, sw2] = *sw;
        Ok(Self {
            data: data.to_vec(),
            sw: StatusWord::from_bytes(sw1, sw2),
        })
    }

    /// Data field and status word as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.data.clone();
        out.extend(self.sw.to_bytes());
        out
    }
}

impl From<StatusWord> for ResponseApdu {
    fn from(sw: StatusWord) -> Self {
        Self::status(sw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;
    use proptest::prelude::*;

    fn parsed(bytes: &[u8]) -> (usize, Option<usize>, bool) {
        let apdu = CommandApdu::parse(bytes).unwrap();
        (apdu.data.len(), apdu.le, apdu.extended)
    }

    #[test]
    fn all_seven_cases() {
        assert_eq!(parsed(&hex!("00A40000")), (0, None, false));
        assert_eq!(parsed(&hex!("00B0000000")), (0, Some(256), false));
        assert_eq!(parsed(&hex!("00A40000023F00")), (2, None, false));
        assert_eq!(parsed(&hex!("00A40000023F0010")), (2, Some(16), false));
        assert_eq!(parsed(&hex!("00B00000000000")), (0, Some(65_536), true));
        assert_eq!(parsed(&hex!("00A40000000002 3F00")), (2, None, true));
        assert_eq!(
            parsed(&hex!("00A40000000002 3F00 0100")),
            (2, Some(256), true)
        );
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let wrong: [&[u8]; 8] = [
            &hex!(""),
            &hex!("00A400"),
            &hex!("00A40000 03 3F00"),
            &hex!("00A40000 02 3F00 00 00"),
            &hex!("00A40000 00 01"),
            &hex!("00A40000 00 0000 01"),
            &hex!("00A40000 00 0003 3F00"),
            &hex!("00A40000 00 0002 3F00 00"),
        ];
        for bytes in wrong {
            assert!(CommandApdu::parse(bytes).is_err(), "{bytes:02X?}");
        }
    }

    #[test]
    fn chain_of_the_key_agreement() {
        // Section 4.2 of the card facts: 266 bytes go as FF and 0B.
        let chain = CommandApdu::new(0, 0x22, 0x41, 0xA6)
            .with_data(vec![7; 266])
            .chain(255);
        let heads: Vec<_> = chain.iter().map(|c| (c.cla, c.data.len())).collect();
        assert_eq!(heads, [(0x10, 255), (0x00, 11)]);
    }

    proptest! {
        #[test]
        fn short_commands_survive(header: [u8; 4], data in proptest::collection::vec(any::<u8>(), 0..256),
                                  le in proptest::option::of(1_usize..=256)) {
            let [cla, ins, p1, p2] = header;
            let apdu = CommandApdu { cla, ins, p1, p2, data, le, extended: false };
            prop_assert_eq!(CommandApdu::parse(&apdu.encode().unwrap()).unwrap(), apdu);
        }

        #[test]
        fn extended_commands_survive(header: [u8; 4], data in proptest::collection::vec(any::<u8>(), 0..2000),
                                     le in proptest::option::of(1_usize..=65_536)) {
            let [cla, ins, p1, p2] = header;
            let extended = !data.is_empty() || le.is_some();
            let apdu = CommandApdu { cla, ins, p1, p2, data, le, extended };
            prop_assert_eq!(CommandApdu::parse(&apdu.encode().unwrap()).unwrap(), apdu);
        }

        #[test]
        fn any_bytes_parse_or_err_and_reencode(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(apdu) = CommandApdu::parse(&bytes) {
                prop_assert_eq!(apdu.encode().unwrap(), bytes);
            }
        }

        #[test]
        fn chains_join_to_the_same_data(data in proptest::collection::vec(any::<u8>(), 0..2000), chunk in 1_usize..300) {
            let whole = CommandApdu::new(0x0C, 0x2A, 0, 0xAE).with_data(data.clone()).with_le(256);
            let chain = whole.chain(chunk);
            let joined: Vec<u8> = chain.iter().flat_map(|c| c.data.clone()).collect();
            prop_assert_eq!(joined, data);
            let (last, rest) = chain.split_last().unwrap();
            prop_assert!(!last.is_chained() && last.le == Some(256));
            prop_assert!(rest.iter().all(|c| c.is_chained() && c.le.is_none()));
        }
    }
}

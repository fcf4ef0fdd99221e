// SPDX-License-Identifier: MIT OR Apache-2.0
//! BER-TLV as ISO/IEC 7816-4 §5.2.2 uses it: tags of one to three bytes,
//! definite lengths of up to three length bytes.

use crate::flaw;
use thiserror::Error;

/// What is wrong with a string of bytes that should be BER-TLV.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TlvError {
    /// The bytes end inside a tag, a length or a value.
    #[error("TLV data ends {missing} bytes early at offset {offset}")]
    Truncated {
        /// Where the tag, length or value starts, in bytes.
        offset: usize,
        /// How many bytes are missing at least.
        missing: usize,
    },
    /// A tag of more than three bytes, or with a needless leading zero.
    #[error("tag at offset {offset} is not a valid tag of at most three bytes")]
    Tag {
        /// Where the tag starts, in bytes.
        offset: usize,
    },
    /// An indefinite length, or one of more than three bytes.
    #[error("length at offset {offset} is indefinite or longer than three bytes")]
    Length {
        /// Where the length starts, in bytes.
        offset: usize,
    },
    /// A required data object is not there.
    #[error("data object {tag:X} is missing")]
    Missing {
        /// The tag that was looked for.
        tag: u32,
    },
}

/// One data object: a tag and a view of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// The tag bytes as one big-endian number, such as 0x81 or 0x7F49.
    pub tag: u32,
    /// The value field.
    pub value: &'a [u8],
    /// The whole object: tag, length and value as they were encoded.
    pub raw: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// True if the tag says that the value is itself a row of objects.
    #[must_use]
    pub fn is_constructed(&self) -> bool {
        let first = self
            .tag
            .to_be_bytes()
            .into_iter()
            .find(|b| *b != 0)
            .unwrap_or(0);
        first & 0x20 != 0
    }

    /// The objects inside.
    #[must_use]
    pub fn children(&self) -> Reader<'a> {
        Reader::new(self.value)
    }
}

/// Reads data objects one after the other; stops for good at the first error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
    offset: usize,
    failed: bool,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            offset: 0,
            failed: false,
        }
    }

    /// The first object with this tag among those not yet read.
    ///
    /// # Errors
    /// The parser's error if the bytes before it are malformed,
    /// [`TlvError::Missing`] if the row ends without it.
    pub fn find(self, tag: u32) -> Result<Tlv<'a>, TlvError> {
        for object in self {
            let object = object?;
            if object.tag == tag {
                return Ok(object);
            }
        }
        Err(TlvError::Missing { tag })
    }

    fn byte(&mut self) -> Result<u8, TlvError> {
        let byte = self
            .data
            .get(self.offset)
            .copied()
            .ok_or(TlvError::Truncated {
                offset: self.offset,
                missing: 1,
            })?;
        self.offset += 1;
        Ok(byte)
    }

    fn tag(&mut self) -> Result<u32, TlvError> {
        let offset = self.offset;
        let first = self.byte()?;
        let mut tag = u32::from(first);
        if first & 0x1F != 0x1F {
            return Ok(tag);
        }
        for position in 0..2 {
            let next = self.byte()?;
            if position == 0 && next == 0x80 {
                return Err(TlvError::Tag { offset });
            }
            tag = tag << 8 | u32::from(next);
            if next & 0x80 == 0 {
                return Ok(tag);
            }
        }
        Err(TlvError::Tag { offset })
    }

    fn length(&mut self) -> Result<usize, TlvError> {
        let offset = self.offset;
        let first = self.byte()?;
        let count = match first {
            0..=0x7F => return Ok(usize::from(first)),
            0x81..=0x83 => first & 0x7F,
            _ => return Err(TlvError::Length { offset }),
        };
        let mut length = 0;
        for _ in 0..count {
            length = length << 8 | usize::from(self.byte()?);
        }
        Ok(length)
    }

    fn object(&mut self) -> Result<Tlv<'a>, TlvError> {
        let start = self.offset;
        let tag = self.tag()?;
        let length = self.length()?;
        let value_start = self.offset;
        let end = value_start + length;
        flaw!(LengthTrusted => if end > self.data.len() {
            crate::flaws::crash();
        });
        let (value, raw) = self
            .data
            .get(value_start..end)
            .zip(self.data.get(start..end))
            .ok_or(TlvError::Truncated {
                offset: start,
                missing: end.saturating_sub(self.data.len()),
            })?;
        self.offset = end;
        Ok(Tlv { tag, value, raw })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.offset >= self.data.len() {
            return None;
        }
        let object = self.object();
        self.failed = object.is_err();
        Some(object)
    }
}

/// Walks a path of tags down from the top, taking the first match at each step.
///
/// # Errors
/// As [`Reader::find`], for the first step that fails.
pub fn path<'a>(data: &'a [u8], tags: &[u32]) -> Result<&'a [u8], TlvError> {
    let mut value = data;
    for tag in tags {
        value = Reader::new(value).find(*tag)?.value;
    }
    Ok(value)
}

/// Appends one data object with the shortest length form.
///
/// Values longer than 16,777,215 bytes do not occur on a card; their length
/// bytes would be cut, so such a value is written empty.
pub fn push(out: &mut Vec<u8>, tag: u32, value: &[u8]) {
    let tag_bytes = tag.to_be_bytes();
    let skip = tag_bytes.iter().take_while(|b| **b == 0).count().min(3);
    out.extend(tag_bytes.iter().skip(skip));
    let value = if value.len() > 0x00FF_FFFF {
        &[]
    } else {
        value
    };
    let [.., l2, l1, l0] = value.len().to_be_bytes();
    match value.len() {
        0..=0x7F => out.push(l0),
        0x80..=0xFF => out.extend([0x81, l0]),
        0x100..=0xFFFF => out.extend([0x82, l1, l0]),
        _ => out.extend([0x83, l2, l1, l0]),
    }
    out.extend_from_slice(value);
}

/// One data object as a vector; see [`push`].
#[must_use]
pub fn encode(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 7);
    push(&mut out, tag, value);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;
    use proptest::prelude::*;

    #[test]
    fn reads_the_dh_request_of_the_card_facts() {
        // Section 3.1: 4D 08 { 70 06 { BF A1 01 02 { A3 80 } } }, where A3 80 is
        // an extended header list (a tag and a length without value).
        let data = hex!("4D 08 70 06 BF A1 01 02 A3 80");
        assert_eq!(
            path(&data, &[0x4D, 0x70, 0xBF_A101]).unwrap(),
            hex!("A3 80")
        );
    }

    #[test]
    fn rejects_what_is_not_definite_and_short() {
        let cases: [(&[u8], TlvError); 6] = [
            (
                &hex!("81"),
                TlvError::Truncated {
                    offset: 1,
                    missing: 1,
                },
            ),
            (
                &hex!("81 05 01 02"),
                TlvError::Truncated {
                    offset: 0,
                    missing: 3,
                },
            ),
            (&hex!("81 80 00 00"), TlvError::Length { offset: 1 }),
            (
                &hex!("81 84 00 00 00 01 00"),
                TlvError::Length { offset: 1 },
            ),
            (&hex!("7F 80 01 00"), TlvError::Tag { offset: 0 }),
            (&hex!("7F 81 81 01 00"), TlvError::Tag { offset: 0 }),
        ];
        for (bytes, error) in cases {
            assert_eq!(Reader::new(bytes).next(), Some(Err(error)), "{bytes:02X?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(tag in prop_oneof![
            Just(0x81_u32), Just(0x7F49), Just(0x5F20), Just(0xBF_A101), Just(0x30)
        ], value in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let encoded = encode(tag, &value);
            let object = Reader::new(&encoded).next().unwrap().unwrap();
            prop_assert_eq!(object.tag, tag);
            prop_assert_eq!(object.value, &value[..]);
            prop_assert_eq!(object.raw, &encoded[..]);
        }

        #[test]
        fn any_bytes_end(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut covered = 0;
            for object in Reader::new(&data).flatten() {
                covered += object.raw.len();
            }
            prop_assert!(covered <= data.len());
        }
    }
}

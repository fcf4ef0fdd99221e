// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bytes of CMS: a walk over DER of any size, the rewriting of BER into it
//! (X.690 §8 and §10), and the armour that mail and tools put around it.
//!
//! Signatures of other people's tools come with indefinite lengths and octet
//! strings in pieces. They are rewritten once; what is signed or certified was
//! DER before and stays as it is, byte for byte.

use std::borrow::Cow;
use thiserror::Error;

/// How deep objects may lie in each other. SignedData with certificates and a
/// timestamp needs about twenty levels.
const DEPTH_MAX: usize = 64;

/// The tags that CMS needs.
pub(crate) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const OCTETS: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const OCTETS_IN_PIECES: u8 = 0x24;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
    pub(crate) const PRIMITIVE_0: u8 = 0x80;
    pub(crate) const CONTEXT_0: u8 = 0xA0;
    pub(crate) const CONTEXT_1: u8 = 0xA1;
}

/// Why bytes are no ASN.1 that can be used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Asn1Error {
    /// They end inside an object.
    #[error("the data ends inside an object that starts at byte {0}")]
    Truncated(usize),
    /// A tag or length of no form that is known here.
    #[error("no tag and length that can be read at byte {0}")]
    Header(usize),
    /// Objects within objects without end.
    #[error("objects lie more than {DEPTH_MAX} levels deep")]
    Depth,
    /// Another object than the expected one.
    #[error("{found:02X} where {expected:02X} was expected")]
    Tag {
        /// The tag that is there, 00 at the end of the data.
        found: u8,
        /// The tag that should be there.
        expected: u8,
    },
    /// More objects than anybody signs with.
    #[error("more than {0} {1}")]
    TooMany(usize, &'static str),
    /// An octet string in pieces that are no octet strings.
    #[error("an octet string in pieces of something else")]
    Pieces,
}

/// One object in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) value: &'a [u8],
    /// Tag, length and value.
    pub(crate) raw: &'a [u8],
}

impl<'a> Element<'a> {
    pub(crate) fn children(&self) -> Walk<'a> {
        Walk(self.value)
    }
}

/// The header of an object: bytes of its tag and length, and the length; `None`
/// is the indefinite one.
struct Header {
    tag: u8,
    tag_len: usize,
    len: usize,
    value: Option<usize>,
}

fn header(data: &[u8], at: usize) -> Result<Header, Asn1Error> {
    let byte = |offset: usize| {
        data.get(at + offset)
            .copied()
            .ok_or(Asn1Error::Truncated(at))
    };
    let tag = byte(0)?;
    let mut tag_len = 1;
    if tag & 0x1F == 0x1F {
        while byte(tag_len)? & 0x80 != 0 {
            tag_len += 1;
            if tag_len > 4 {
                return Err(Asn1Error::Header(at));
            }
        }
        tag_len += 1;
    }
    let first = byte(tag_len)?;
    let (value, length_len) = match first {
        0..=0x7F => (Some(usize::from(first)), 1),
        0x80 if tag & 0x20 != 0 => (None, 1),
        0x81..=0x84 => {
            let count = usize::from(first & 0x7F);
            let mut length = 0;
            for index in 1..=count {
                length = length << 8 | usize::from(byte(tag_len + index)?);
            }
            (Some(length), 1 + count)
        }
        _ => return Err(Asn1Error::Header(at)),
    };
    Ok(Header {
        tag,
        tag_len,
        len: tag_len + length_len,
        value,
    })
}

/// Objects of DER, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk<'a>(pub(crate) &'a [u8]);

impl<'a> Walk<'a> {
    /// The next object, if there is one.
    pub(crate) fn any(&mut self) -> Result<Option<Element<'a>>, Asn1Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let header = header(self.0, 0)?;
        let length = header.value.ok_or(Asn1Error::Header(0))?;
        let end = header.len.checked_add(length);
        let (raw, rest) = end
            .and_then(|end| self.0.split_at_checked(end))
            .ok_or(Asn1Error::Truncated(0))?;
        self.0 = rest;
        Ok(Some(Element {
            tag: header.tag,
            value: raw.get(header.len..).unwrap_or_default(),
            raw,
        }))
    }

    /// The next object, which has this tag.
    pub(crate) fn next(&mut self, expected: u8) -> Result<Element<'a>, Asn1Error> {
        let element = self.any()?;
        match element {
            Some(element) if element.tag == expected => Ok(element),
            other => Err(Asn1Error::Tag {
                found: other.map_or(0, |e| e.tag),
                expected,
            }),
        }
    }

    /// The next object if it has this tag.
    pub(crate) fn optional(&mut self, expected: u8) -> Result<Option<Element<'a>>, Asn1Error> {
        if self.0.first() == Some(&expected) {
            self.next(expected).map(Some)
        } else {
            Ok(None)
        }
    }

    /// All objects, at most `limit`.
    pub(crate) fn all(
        mut self,
        limit: usize,
        what: &'static str,
    ) -> Result<Vec<Element<'a>>, Asn1Error> {
        let mut found = Vec::new();
        while let Some(element) = self.any()? {
            if found.len() == limit {
                return Err(Asn1Error::TooMany(limit, what));
            }
            found.push(element);
        }
        Ok(found)
    }
}

/// Tag and length of a DER object with `length` bytes of value.
pub(crate) fn header_of(tag: u8, length: usize) -> Vec<u8> {
    let bytes = length.to_be_bytes();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=0x7F) => out.push(short),
        _ => {
            let skip = bytes.iter().take_while(|b| **b == 0).count();
            let count = u8::try_from(bytes.len() - skip).unwrap_or(8);
            out.push(0x80 | count);
            out.extend(bytes.iter().skip(skip));
        }
    }
    out
}

/// A DER object.
pub(crate) fn object(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = header_of(tag, value.len());
    out.extend_from_slice(value);
    out
}

/// A DER object around several others.
pub(crate) fn around(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    object(tag, &parts.concat())
}

/// The first object of `data` as DER: as it is, or rewritten if it has
/// indefinite lengths or octet strings in pieces. What follows it is left out,
/// and must be blanks or zeros.
///
/// # Errors
/// [`Asn1Error`] if it is not BER.
pub(crate) fn der_of(data: &[u8]) -> Result<Cow<'_, [u8]>, Asn1Error> {
    let mut scan = Scan {
        data,
        out: None,
        rewritten: false,
    };
    let end = scan.object(0, 0)?;
    let (own, rest) = data.split_at_checked(end).ok_or(Asn1Error::Truncated(0))?;
    if rest.iter().any(|b| !matches!(b, 0 | b'\n' | b'\r' | b' ')) {
        return Err(Asn1Error::Header(end));
    }
    if !scan.rewritten {
        return Ok(Cow::Borrowed(own));
    }
    let mut scan = Scan {
        data,
        out: Some(Vec::with_capacity(data.len())),
        rewritten: false,
    };
    scan.object(0, 0)?;
    Ok(Cow::Owned(scan.out.unwrap_or_default()))
}

struct Scan<'a> {
    data: &'a [u8],
    /// Where the rewritten object grows; `None` to look only.
    out: Option<Vec<u8>>,
    rewritten: bool,
}

impl Scan<'_> {
    fn write(&mut self, from: usize, to: usize) -> Result<(), Asn1Error> {
        let bytes = self.data.get(from..to).ok_or(Asn1Error::Truncated(from))?;
        if let Some(out) = &mut self.out {
            out.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// One object from `at`; returns where it ends.
    fn object(&mut self, at: usize, depth: usize) -> Result<usize, Asn1Error> {
        let head = header(self.data, at)?;
        let start = self.out.as_ref().map_or(0, Vec::len);
        let inside = at + head.len;
        if head.tag & 0x20 == 0 {
            let length = head.value.ok_or(Asn1Error::Header(at))?;
            let end = inside.checked_add(length).ok_or(Asn1Error::Truncated(at))?;
            self.write(at, end)?;
            return Ok(end);
        }
        let pieces = head.tag == tag::OCTETS_IN_PIECES;
        let end = self.inside(at, &head, pieces, depth)?;
        self.rewritten |= pieces || head.value.is_none();
        if let Some(out) = &mut self.out {
            let length = out.len() - start;
            // Tags of several bytes keep theirs; all that is rewritten has one.
            let first = if pieces { tag::OCTETS } else { head.tag };
            let mut new = header_of(first, length);
            if head.tag_len > 1 {
                let more = self.data.get(at + 1..at + head.tag_len).unwrap_or_default();
                new.splice(1..1, more.iter().copied());
            }
            out.splice(start..start, new);
        }
        Ok(end)
    }

    /// The objects within one; of an octet string in pieces only their values.
    fn inside(
        &mut self,
        at: usize,
        head: &Header,
        pieces: bool,
        depth: usize,
    ) -> Result<usize, Asn1Error> {
        if depth >= DEPTH_MAX {
            return Err(Asn1Error::Depth);
        }
        let mut place = at + head.len;
        let end = match head.value {
            Some(length) => {
                let end = place.checked_add(length);
                Some(
                    end.filter(|end| *end <= self.data.len())
                        .ok_or(Asn1Error::Truncated(at))?,
                )
            }
            None => None,
        };
        loop {
            match end {
                Some(end) if place == end => return Ok(end),
                Some(end) if place > end => return Err(Asn1Error::Truncated(at)),
                None if self.data.get(place..place + 2) == Some(&[0, 0]) => return Ok(place + 2),
                _ => {}
            }
            place = if pieces {
                self.piece(place, depth + 1)?
            } else {
                self.object(place, depth + 1)?
            };
        }
    }

    fn piece(&mut self, at: usize, depth: usize) -> Result<usize, Asn1Error> {
        let head = header(self.data, at)?;
        match (head.tag, head.value) {
            (tag::OCTETS, Some(length)) => {
                let from = at + head.len;
                let end = from.checked_add(length).ok_or(Asn1Error::Truncated(at))?;
                self.write(from, end)?;
                Ok(end)
            }
            (tag::OCTETS_IN_PIECES, _) => self.inside(at, &head, true, depth),
            _ => Err(Asn1Error::Pieces),
        }
    }
}

/// The bytes inside PEM armour or bare base64, if that is what `data` is;
/// else `data` itself.
pub(crate) fn unarmoured(data: &[u8]) -> Cow<'_, [u8]> {
    // SEQUENCE, and no letter that base64 of one could start with but `0`.
    let armoured = data.starts_with(b"-----BEGIN ") || data.starts_with(b"MI");
    if !armoured {
        return Cow::Borrowed(data);
    }
    let mut bytes = Vec::with_capacity(data.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for line in data.split(|b| *b == b'\n') {
        if line.starts_with(b"-----BEGIN") {
            continue;
        }
        if line.starts_with(b"-----END") {
            break;
        }
        for byte in line {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'=' | b'\r' | b' ' | b'\t' => continue,
                _ => return Cow::Borrowed(data),
            };
            bits = bits << 6 | u32::from(value);
            count += 6;
            if count >= 8 {
                count -= 8;
                let [.., byte] = (bits >> count).to_be_bytes();
                bytes.push(byte);
            }
        }
    }
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn indefinite_lengths_and_pieces_become_der() {
        // SEQUENCE (indefinite) { OCTET STRING in pieces (indefinite): 01 02, 03 }
        let ber = [
            0x30, 0x80, 0x24, 0x80, 4, 2, 1, 2, 0x24, 3, 4, 1, 3, 0, 0, 0, 0, b'\n',
        ];
        assert_eq!(*der_of(&ber).unwrap(), [0x30, 5, 4, 3, 1, 2, 3]);
        let der = [0x30, 5, 4, 3, 1, 2, 3];
        assert!(matches!(der_of(&der).unwrap(), Cow::Borrowed(same) if same == der));
        assert_eq!(der_of(&ber[..14]), Err(Asn1Error::Truncated(13)));
        assert_eq!(der_of(&[0x30, 0, 7]), Err(Asn1Error::Header(2)));
        assert!(der_of(&[0x30; 200]).is_err());
        assert_eq!(der_of(&[[0x30, 0x80]; 100].concat()), Err(Asn1Error::Depth));
    }

    #[test]
    fn armour_comes_off() {
        let text = b"-----BEGIN PKCS7-----\nMAUE\r\nAwEC\nAw==\n-----END PKCS7-----\n";
        assert_eq!(*unarmoured(text), [0x30, 5, 4, 3, 1, 2, 3]);
        assert_eq!(*unarmoured(b"MIIB"), [0x30, 0x82, 1]);
        assert_eq!(*unarmoured(b"MI, a text"), *b"MI, a text");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(data in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(der) = der_of(&data) {
                prop_assert!(Walk(&der).any().unwrap().is_some());
            }
            let _ = unarmoured(&data);
        }

        #[test]
        fn headers_are_read_back(tag in 0_u8..0x1F, length in 0_usize..0x2_0000) {
            let object = object(tag, &vec![7; length]);
            let element = Walk(&object).next(tag).unwrap();
            prop_assert_eq!(element.value.len(), length);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! File control parameters: what a SELECT with P2 = 04 brings (section 2.3).

use crate::error::{Error, MalformedError};
use iso7816_wire::tlv;

const FCI: u32 = 0x6F;
const FCP: u32 = 0x62;

/// File control parameters; what the card does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fcp {
    /// Bytes in the file (tag 80).
    pub size: Option<usize>,
    /// File descriptor (tag 82): 01 a transparent file, 38 a directory.
    pub descriptor: Option<u8>,
    /// File identifier (tag 83).
    pub id: Option<u16>,
    /// Name of a directory, its AID (tag 84).
    pub name: Option<Vec<u8>>,
    /// Short file identifier (tag 88, the upper five bits).
    pub sfi: Option<u8>,
    /// Life cycle status (tag 8A): 05 activated.
    pub life_cycle: Option<u8>,
    /// Access rules over contacts (tag 8C, alone or in A1).
    pub contact_rules: Option<Vec<u8>>,
    /// Access rules without contacts (tag 9C, alone or in A1).
    pub contactless_rules: Option<Vec<u8>>,
}

impl Fcp {
    /// Reads the parameters from `62 {…}`, `6F {…}` or `6F { 62 {…} }`;
    /// no bytes at all are an `Fcp` that says nothing.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the bytes are none of these.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let what = "file control parameters";
        let mut fcp = Self::default();
        let Some(outer) = tlv::Reader::new(data).next() else {
            return Ok(fcp);
        };
        let outer = outer.map_err(|e| Error::malformed(what, e))?;
        if ![FCI, FCP].contains(&outer.tag) {
            let reason = MalformedError::Tag {
                found: outer.tag,
                expected: FCP,
            };
            return Err(Error::malformed(what, reason));
        }
        // At most three levels are looked at: 6F, 62, A1.
        let mut rows = vec![outer.children()];
        while let Some(row) = rows.pop() {
            for object in row {
                let object = object.map_err(|e| Error::malformed(what, e))?;
                match object.tag {
                    FCP if outer.tag == FCI => rows.push(object.children()),
                    0xA1 => rows.push(object.children()),
                    tag => fcp.take(tag, object.value),
                }
            }
        }
        Ok(fcp)
    }

    fn take(&mut self, tag: u32, value: &[u8]) {
        let number = || value.iter().fold(0_usize, |n, b| n << 8 | usize::from(*b));
        match (tag, value) {
            (0x80, [_] | [_, _] | [_, _, _]) => self.size = Some(number()),
            (0x82, [first, ..]) => self.descriptor = Some(*first),
            (0x83, [hi, lo]) => self.id = Some(u16::from_be_bytes([*hi, *lo])),
            (0x84, _) => self.name = Some(value.to_vec()),
            (0x88, [sfi]) => self.sfi = Some(sfi >> 3),
            (0x8A, [status]) => self.life_cycle = Some(*status),
            (0x8C, _) => self.contact_rules = Some(value.to_vec()),
            (0x9C, _) => self.contactless_rules = Some(value.to_vec()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hex_literal::hex;

    #[test]
    fn the_shapes_of_section_2_3() {
        let fcp = Fcp::parse(&hex!(
            "6F1B 8002000A 820101 8801E0 8302D003 8A0105 A108 8C020100 9C020100"
        ))
        .unwrap();
        assert_eq!(
            (fcp.size, fcp.id, fcp.sfi),
            (Some(10), Some(0xD003), Some(0x1C))
        );
        assert_eq!(fcp.contactless_rules.as_deref(), Some(&hex!("0100")[..]));
        assert_eq!(fcp.life_cycle, Some(5));

        let nested = Fcp::parse(&hex!(
            "6F17 6215 8002007D 820101 8C020100 83022F00 8801F0 8A0105"
        ))
        .unwrap();
        assert_eq!(
            (nested.size, nested.id, nested.sfi),
            (Some(125), Some(0x2F00), Some(0x1E))
        );
        assert_eq!(nested.contact_rules.as_deref(), Some(&hex!("0100")[..]));
    }

    #[test]
    fn nothing_is_not_an_error_and_nonsense_is() {
        assert_eq!(Fcp::parse(&[]).unwrap(), Fcp::default());
        assert!(Fcp::parse(&hex!("30 00")).is_err());
        assert!(Fcp::parse(&hex!("62 05 80")).is_err());
        let deep = (0..100).fold(Vec::new(), |inner, _| tlv::encode(0xA1, &inner));
        assert!(Fcp::parse(&tlv::encode(FCP, &deep)).is_ok());
    }
}

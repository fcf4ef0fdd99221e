// SPDX-License-Identifier: MIT OR Apache-2.0
//! The elementary files of section 2: identifiers, short identifiers, access
//! (choice 4) and contents. All have exactly the size of their content
//! (choice 16). EFs 1000 and 1007 are absent (choice 8).

use crate::families::Family;
use cie_card::image::{DhDomain, Directory, ElementaryFile, ReadAccess};
use hex_literal::hex;
use iso7816_wire::tlv;

pub use cie_card::{AID_CIE as CIE_AID, AID_IAS_ROOT as IAS_AID};

/// AID of the eMRTD application (section 1.1).
pub const EMRTD_AID: [u8; 7] = hex!("A0000002471001");

/// Issuer prefix of the card number (choice 3): industry digit 9, country
/// 999, which ISO 3166 leaves to users, and 99. No such issuer exists.
pub const ISSUER_PREFIX: [u8; 3] = hex!("999999");

/// What the files are made of.
pub(crate) struct Contents<'a> {
    pub(crate) family: &'a Family,
    pub(crate) card_number: [u8; 10],
    pub(crate) dh: &'a [u8],
    pub(crate) nis: &'a str,
    pub(crate) serial: &'a str,
    pub(crate) certificate: &'a [u8],
    pub(crate) device_key: &'a [u8],
    pub(crate) services_key: &'a [u8],
    pub(crate) sod: &'a [u8],
}

impl Contents<'_> {
    /// The table of section 2.
    pub(crate) fn files(&self) -> Vec<ElementaryFile> {
        use Directory::{Cie, Root};
        use ReadAccess::{Free, Pin};
        let rows = [
            (Root, 0x2F00, 0x1E, Free, ef_dir()),
            (Root, 0x2F01, 0x1D, Free, self.family.ef_atr.content()),
            (
                Root,
                0xD003,
                0x1C,
                Free,
                tlv::encode(0x5A, &self.card_number),
            ),
            (Root, 0xD004, 0x1B, Free, self.dh.to_vec()),
            (Cie, 0x1001, 0x01, Free, self.nis.as_bytes().to_vec()),
            (Cie, 0x1002, 0x02, Pin, self.serial.as_bytes().to_vec()),
            (Cie, 0x1003, 0x03, Pin, self.certificate.to_vec()),
            (Cie, 0x1004, 0x04, Free, self.device_key.to_vec()),
            (Cie, 0x1005, 0x05, Free, self.services_key.to_vec()),
            (Cie, 0x1006, 0x06, Free, self.sod.to_vec()),
        ];
        let file = |(directory, fid, sfi, read, content)| ElementaryFile {
            directory,
            fid,
            sfi: Some(sfi),
            read,
            content,
        };
        rows.into_iter().map(file).collect()
    }
}

/// EF.DIR (choice 8): one template for each application, with a label.
fn ef_dir() -> Vec<u8> {
    let mut out = Vec::new();
    let applications: [(&[u8], &[u8]); 3] = [
        (&IAS_AID, b"IAS ECC"),
        (&CIE_AID, b"CIE"),
        (&EMRTD_AID, b"eMRTD"),
    ];
    for (aid, label) in applications {
        let mut template = tlv::encode(0x4F, aid);
        tlv::push(&mut template, 0x50, label);
        tlv::push(&mut out, 0x61, &template);
    }
    out
}

/// EF.DH (choice 2): the group as GET DATA returns it (section 3.1).
pub(crate) fn ef_dh(domain: &DhDomain) -> Vec<u8> {
    let mut values = tlv::encode(0x97, &domain.g);
    tlv::push(&mut values, 0x98, &domain.p);
    tlv::push(&mut values, 0x99, &domain.q);
    tlv::encode(0x70, &tlv::encode(0xBF_A101, &tlv::encode(0xA3, &values)))
}

/// The ten bytes in EF.SN.ICC (section 2.1, choice 3): issuer prefix, NIS in
/// BCD, and a last byte with the Luhn digit over all before it and F as
/// filler. The NIS must be at bytes 5 to 10 of the file, because clients look
/// for the enrolled card by it.
///
/// `None` if the NIS does not have 12 digits.
pub(crate) fn card_number(nis: &str) -> Option<[u8; 10]> {
    let digits: Vec<u8> = nis
        .chars()
        .map(|c| c.to_digit(10)?.try_into().ok())
        .collect::<Option<_>>()?;
    let mut number = [0; 10];
    let prefix = ISSUER_PREFIX.into_iter();
    let pairs = digits.as_chunks::<2>();
    if digits.len() != 12 {
        return None;
    }
    let bcd = pairs.0.iter().map(|[high, low]| high << 4 | low);
    for (to, from) in number.iter_mut().zip(prefix.chain(bcd)) {
        *to = from;
    }
    let check = luhn(
        number
            .iter()
            .take(9)
            .flat_map(|byte| [byte >> 4, byte & 0x0F]),
    );
    *number.last_mut()? = check << 4 | 0x0F;
    Some(number)
}

/// The digit that makes the Luhn sum a multiple of ten (ISO/IEC 7812-1).
fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> u8 {
    let mut sum = 0;
    for (position, digit) in digits.rev().enumerate() {
        let value = if position % 2 == 0 { digit * 2 } else { digit };
        sum = (sum + value / 10 + value % 10) % 10;
    }
    (10 - sum) % 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_of_known_numbers() {
        let digits = |text: &str| text.bytes().map(|b| b - b'0').collect::<Vec<_>>();
        assert_eq!(luhn(digits("7992739871").into_iter()), 3);
        assert_eq!(luhn(digits("411111111111111").into_iter()), 1);
    }

    #[test]
    fn the_card_number_carries_the_nis() {
        let number = card_number("824466999069").unwrap();
        assert_eq!(number[..9], hex!("999999 824466999069"));
        assert_eq!(number[9] & 0x0F, 0x0F);
        assert_eq!(card_number("82446699906"), None);
        assert_eq!(card_number("82446699906A"), None);
        assert_eq!(card_number("82446699906９"), None);
    }

    #[test]
    fn ef_dir_lists_three_applications() {
        let dir = ef_dir();
        let aids: Vec<&[u8]> = tlv::Reader::new(&dir)
            .map(|entry| tlv::path(entry.unwrap().value, &[0x4F]).unwrap())
            .collect();
        assert_eq!(aids, [&IAS_AID[..], &CIE_AID, &EMRTD_AID]);
    }
}

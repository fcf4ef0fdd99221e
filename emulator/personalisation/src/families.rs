// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chip families as data (rule 7 of the architecture): one row per maker.

use crate::sod::SodForm;
use cie_card::image::ChipFamily;
use hex_literal::hex;

/// What personalisation has to know about a chip family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name that a persona uses.
    pub id: &'static str,
    /// Answer to reset with TCK (section 1.3).
    pub atr: &'static [u8],
    /// Content of EF.ATR (section 1.4).
    pub ef_atr: &'static [u8],
    /// True if the IAS ECC root is selected by AID (choice 17).
    pub root_by_aid: bool,
    /// True if extended length is taken (choices 11 and 29).
    pub extended_length: bool,
    /// Form of the SOD (section 6, choice 29).
    pub sod: SodForm,
}

/// All families this release can personalise; the first is the default.
pub const FAMILIES: &[Family] = &[Family {
    id: "gemalto",
    // Section 1.3, seen on real cards [R].
    atr: &hex!("3B8F800180318065B085040011120FFF8290008A"),
    ef_atr: GEMALTO_EF_ATR,
    root_by_aid: true,
    extended_length: false,
    sod: SodForm::Sha256Rsa,
}];

/// The family of this name.
#[must_use]
pub fn family(id: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.id == id)
}

/// Choice 29: the objects of the known EF.ATR of another maker, with this
/// family's marker. The marker is a fact: the old iOS client recognises the
/// family by the text "IasEccRoot" (section 1.4). The rest is this project's.
///
/// - 43: card service data B8, as choice 18: applications by full name,
///   EF.DIR and EF.ATR in BER-TLV read by READ BINARY, card with MF
/// - 46: pre-issuing data, the first four bytes of those in the ATR
/// - 47: capabilities 94 01 81: selection by full name, by file identifier
///   and by SFI; units of one byte; chaining, no extended length
/// - 50: the marker, as application label
/// - E0: sizes of commands and responses, short APDUs only
/// - 78: the standard this card follows, 1.3.162.15480.2
/// - 82: status, as at the end of the ATR
const GEMALTO_EF_ATR: &[u8] = &hex!(
    "8000"
    "4301B8"
    "4604B0850400"
    "4703940181"
    "500A" "496173456363526F6F74"
    "E010" "020200FF020200FF0202010002020100"
    "7808" "06062B8122F87802"
    "82029000"
);

impl Family {
    /// The part of the row that the card itself needs.
    pub(crate) fn chip(&self) -> ChipFamily {
        ChipFamily {
            id: self.id.to_owned(),
            atr: self.atr.to_vec(),
            root_by_aid: self.root_by_aid,
            extended_length: self.extended_length,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_atr_is_well_formed() {
        for family in FAMILIES {
            let (tck, body) = family.atr.split_last().unwrap();
            assert_eq!(
                body[1..].iter().fold(0, |x, byte| x ^ byte),
                *tck,
                "{}: TCK",
                family.id
            );
            assert_eq!(
                (body[0], &body[2..4]),
                (0x3B, &hex!("8001")[..]),
                "{}",
                family.id
            );
            assert_eq!(usize::from(body[1] & 0x0F), body.len() - 4, "{}", family.id);
        }
    }

    #[test]
    fn every_ef_atr_reads_as_clients_need_it() {
        let holds = |data: &[u8], part: &[u8]| data.windows(part.len()).any(|w| w == part);
        for family in FAMILIES {
            // Section 1.4: PN532 wants at least 33 bytes and this end.
            assert!(family.ef_atr.len() >= 33 && family.ef_atr.ends_with(&hex!("82029000")));
            let objects: Vec<_> = iso7816_wire::tlv::Reader::new(&family.ef_atr[2..])
                .map(|object| object.unwrap().tag)
                .collect();
            assert!(objects.starts_with(&[0x43, 0x46, 0x47]), "{objects:X?}");
            let extended = iso7816_wire::tlv::path(&family.ef_atr[2..], &[0x47]).unwrap()[2] & 0x40;
            assert_eq!(extended != 0, family.extended_length, "{}", family.id);
        }
        let gemalto = family("gemalto").unwrap().ef_atr;
        assert!(holds(gemalto, b"IasEccRoot"));
        // The markers of the others must not be in it.
        for other in [
            &hex!("4703 9441 C0")[..],
            &hex!("80004301B84604101010104703 94"),
        ] {
            assert!(!holds(gemalto, other));
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The answer to reset a contactless reader makes up (PC/SC part 3,
//! section 3.1.3.2.3): `3B 8n 80 01`, n historical bytes, TCK.
//!
//! A contactless card has no answer to reset. Readers build one from what the
//! card said when it was activated: the ATS of type A, the ATQB of type B. The
//! standard says which bytes; some readers take others.

use crate::protocol::ATR_BYTES;

/// In front of the historical bytes, without the count: T0, TD1, TD2.
const TS: u8 = 0x3B;
const Y1: u8 = 0x80;
const TD1: u8 = 0x80;
const TD2: u8 = 0x01;

/// T0, TA(1), TB(1), TC(1) of an ATS, with all of them present and frames of
/// 256 bytes. The first three were seen of a CIE (cie-middleware#95), TC(1),
/// "takes a CID", is a choice.
const ATS_INTERFACE: [u8; 4] = [0x78, 0x77, 0xB1, 0x02];
/// Historical bytes in the one answer seen with a whole ATS in it
/// (cie-middleware#95), of an ATS that says it has two more.
const WHOLE_ATS_BYTES: usize = 14;

/// First byte of every ATQB (ISO/IEC 14443-3).
const ATQB: u8 = 0x50;
/// Application data of an ATQB: a travel document, as ICAO Doc 9303 part 10
/// has it: AFI E1, CRC_B over A0000002471001, one application of each kind. A choice.
const APPLICATION_DATA: [u8; 4] = [0xE1, 0xF3, 0x5E, 0x11];
/// Protocol information of an ATQB: the rates of the ATS above, frames of 256
/// bytes, ISO/IEC 14443-4, the waiting time of the ATS above, coded application
/// data, CID. A choice.
const PROTOCOL_INFO: [u8; 3] = [0x77, 0x81, 0xB5];
/// Maximum buffer length index in the answer to ATTRIB: not told. A choice.
const MBLI: u8 = 0;

/// What a reader makes of a card's activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtrForm {
    /// The historical bytes of the ATS, as the standard says for type A.
    Historical,
    /// The whole ATS from its length byte, cut to 14 bytes.
    WholeAts,
    /// Application data, protocol information and MBLI, as the standard says
    /// for type B.
    TypeB,
    /// The whole ATQB of twelve bytes. Four of them, the PUPI, change with
    /// every activation.
    WholeAtqb,
    /// Nothing: the card does not answer.
    Mute,
}

impl AtrForm {
    /// In a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Historical => "historical bytes",
            Self::WholeAts => "whole ATS",
            Self::TypeB => "type B",
            Self::WholeAtqb => "whole ATQB",
            Self::Mute => "none",
        }
    }

    /// The answer to reset of the reader for a card whose own is `atr`, the
    /// `activation`th time it is activated. An `atr` that is not one of a
    /// contactless card is left as it is.
    #[must_use]
    pub fn apply(self, atr: &[u8], activation: u32) -> Vec<u8> {
        let Some(historical) = historical(atr) else {
            return match self {
                Self::Mute => Vec::new(),
                _ => atr.to_vec(),
            };
        };
        match self {
            Self::Historical => atr.to_vec(),
            Self::WholeAts => {
                let length = 1 + ATS_INTERFACE.len() + historical.len();
                let length = u8::try_from(length).unwrap_or(u8::MAX);
                let mut ats = vec![length];
                ats.extend(ATS_INTERFACE);
                ats.extend(historical);
                ats.truncate(WHOLE_ATS_BYTES);
                build(&ats)
            }
            Self::TypeB => {
                let mut bytes = APPLICATION_DATA.to_vec();
                bytes.extend(PROTOCOL_INFO);
                bytes.push(MBLI << 4);
                build(&bytes)
            }
            Self::WholeAtqb => {
                let mut bytes = vec![ATQB];
                bytes.extend(pupi(activation));
                bytes.extend(APPLICATION_DATA);
                bytes.extend(PROTOCOL_INFO);
                build(&bytes)
            }
            Self::Mute => Vec::new(),
        }
    }
}

/// A pseudo-unique identifier that is another one each time, and the same ones
/// in the next run.
fn pupi(activation: u32) -> [u8; 4] {
    // Odd, so that no two of 2^32 activations collide.
    activation.wrapping_mul(0x9E37_79B1).to_be_bytes()
}

/// The historical bytes of a contactless card's answer to reset with a right TCK.
fn historical(atr: &[u8]) -> Option<&[u8]> {
    let (&[ts, t0, td1, td2], rest) = atr.split_first_chunk()?;
    let (tck, historical) = rest.split_last()?;
    let form = ts == TS && t0 & 0xF0 == Y1 && td1 == TD1 && td2 == TD2;
    let count = usize::from(t0 & 0x0F) == historical.len();
    let sum = historical.iter().fold(t0 ^ td1 ^ td2, |sum, b| sum ^ b);
    (form && count && sum == *tck && atr.len() <= ATR_BYTES).then_some(historical)
}

/// An answer to reset with these historical bytes, at most 15.
fn build(historical: &[u8]) -> Vec<u8> {
    let count = u8::try_from(historical.len()).unwrap_or(0x0F) & 0x0F;
    let mut atr = vec![TS, Y1 | count, TD1, TD2];
    atr.extend(historical);
    let tck = atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
    atr.push(tck);
    atr
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEMALTO: &[u8] = &[
        0x3B, 0x8F, 0x80, 0x01, 0x80, 0x31, 0x80, 0x65, 0xB0, 0x85, 0x04, 0x00, 0x11, 0x12, 0x0F,
        0xFF, 0x82, 0x90, 0x00, 0x8A,
    ];
    const STM: &[u8] = &[
        0x3B, 0x8B, 0x80, 0x01, 0x80, 0x66, 0x47, 0x50, 0x00, 0xB8, 0x00, 0x7F, 0x82, 0x90, 0x00,
        0x2E,
    ];

    #[test]
    fn type_a_as_the_standard_says() {
        assert_eq!(AtrForm::Historical.apply(GEMALTO, 1), GEMALTO);
    }

    /// The beginning was seen: `3b 8e 80 01 10 78 77 b1` (cie-middleware#95).
    #[test]
    fn a_whole_ats_begins_as_seen() {
        let atr = AtrForm::WholeAts.apply(STM, 1);
        assert_eq!(
            atr.get(..8),
            Some(&[0x3B, 0x8E, 0x80, 0x01, 0x10, 0x78, 0x77, 0xB1][..])
        );
        assert_eq!(atr.len(), 4 + 14 + 1);
        assert!(historical(&atr).is_some());
    }

    /// The maker's example: `3B 88 80 01 1C 2D 94 11 F7 71 85 00 BE`.
    #[test]
    fn the_makers_example_of_type_b() {
        let bytes = [0x1C, 0x2D, 0x94, 0x11, 0xF7, 0x71, 0x85, 0x00];
        let atr = build(&bytes);
        assert_eq!(atr.get(..4), Some(&[0x3B, 0x88, 0x80, 0x01][..]));
        assert_eq!(atr.last(), Some(&0xBE));
        let ours = AtrForm::TypeB.apply(GEMALTO, 1);
        assert_eq!(ours.len(), atr.len());
        assert_eq!(ours.get(4..8), Some(&APPLICATION_DATA[..]));
        assert_eq!(
            ours,
            AtrForm::TypeB.apply(STM, 7),
            "no byte of the ATS is in it"
        );
    }

    /// The maker's example: `3B 8C 80 01 50 12 23 45 56 12 53 54 4E 33 81 C3 55`.
    #[test]
    fn the_makers_example_of_a_whole_atqb() {
        let bytes = [
            0x50, 0x12, 0x23, 0x45, 0x56, 0x12, 0x53, 0x54, 0x4E, 0x33, 0x81, 0xC3,
        ];
        assert_eq!(build(&bytes).last(), Some(&0x55));
        let first = AtrForm::WholeAtqb.apply(GEMALTO, 1);
        let second = AtrForm::WholeAtqb.apply(GEMALTO, 2);
        assert_eq!(first.len(), 17);
        assert_eq!(first.get(..5), second.get(..5));
        assert_ne!(
            first.get(5..9),
            second.get(5..9),
            "the PUPI changes (OpenSC#3736)"
        );
        assert_eq!(first.get(9..16), second.get(9..16));
        assert!(historical(&first).is_some() && historical(&second).is_some());
    }

    #[test]
    fn what_is_no_contactless_answer_is_left_alone() {
        let wrong_tck = [0x3B, 0x80, 0x80, 0x01, 0x02];
        let contact = [0x3B, 0x02, 0x14, 0x50];
        for atr in [&wrong_tck[..], &contact, &[], &[0x3B]] {
            for form in [AtrForm::WholeAts, AtrForm::TypeB, AtrForm::WholeAtqb] {
                assert_eq!(form.apply(atr, 1), atr);
            }
            assert!(AtrForm::Mute.apply(atr, 1).is_empty());
        }
    }
}

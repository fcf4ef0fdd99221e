// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an answer to reset says about protocols (ISO/IEC 7816-3).

use crate::protocol::codes::protocol;

/// Information field size of a T=1 card that does not name one.
const DEFAULT_IFSC: u8 = 32;

/// What the interface bytes offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    /// Protocol bits the card offers.
    pub protocols: u32,
    /// Information field size for T=1.
    pub ifsc: u8,
}

/// Reads the interface bytes the way the clients' resource manager does: a
/// specific mode (TA2) leaves one protocol, no TD at all means T=0, and an
/// answer that is not one offers nothing.
pub(super) fn offer(atr: &[u8]) -> Offer {
    parse(atr).unwrap_or(Offer {
        protocols: protocol::UNDEFINED,
        ifsc: DEFAULT_IFSC,
    })
}

fn parse(atr: &[u8]) -> Option<Offer> {
    let mut bytes = atr.iter().copied();
    if !matches!(bytes.next()?, 0x3B | 0x3F) {
        return None;
    }
    let mut announced = bytes.next()? >> 4;
    let mut protocols = protocol::UNDEFINED;
    let mut ifsc = None;
    let mut latest = None;
    let mut group = 1;
    while announced != 0 {
        let ta = if announced & 1 != 0 {
            Some(bytes.next()?)
        } else {
            None
        };
        if announced & 2 != 0 {
            bytes.next()?;
        }
        if announced & 4 != 0 {
            bytes.next()?;
        }
        let td = if announced & 8 != 0 {
            Some(bytes.next()?)
        } else {
            None
        };
        if let (Some(size), Some(1), 3..) = (ta, latest, group) {
            ifsc = ifsc.or(Some(size));
        }
        if let Some(td) = td {
            latest = Some(td & 0x0F);
            protocols |= bit(td & 0x0F);
        }
        if let (Some(mode), 2) = (ta, group) {
            return match mode & 0x0F {
                number @ (0 | 1) => Some(finish(bit(number), ifsc)),
                _ => None,
            };
        }
        announced = td.map_or(0, |td| td >> 4);
        group += 1;
    }
    if protocols == protocol::UNDEFINED {
        protocols = protocol::T0;
    }
    Some(finish(protocols, ifsc))
}

fn finish(protocols: u32, ifsc: Option<u8>) -> Offer {
    Offer {
        protocols,
        ifsc: ifsc.filter(|&n| n != 0).unwrap_or(DEFAULT_IFSC),
    }
}

fn bit(number: u8) -> u32 {
    match number {
        0 => protocol::T0,
        1 => protocol::T1,
        _ => protocol::UNDEFINED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_contactless_form_offers_both_protocols() {
        let atr = [0x3B, 0x84, 0x80, 0x01, 1, 2, 3, 4, 0x85];
        assert_eq!(
            offer(&atr),
            Offer {
                protocols: protocol::T0 | protocol::T1,
                ifsc: 32
            }
        );
    }

    #[test]
    fn no_td_means_t0() {
        assert_eq!(offer(&[0x3B, 0x02, 0x14, 0x50]).protocols, protocol::T0);
    }

    #[test]
    fn t1_alone_with_its_field_size() {
        // TD1 = 81 (T=1, TD2 follows), TD2 = 31 (T=1, TA3 and TB3 follow).
        let atr = [0x3B, 0x80, 0x81, 0x31, 0xFE, 0x45];
        assert_eq!(
            offer(&atr),
            Offer {
                protocols: protocol::T1,
                ifsc: 0xFE
            }
        );
    }

    #[test]
    fn specific_mode_leaves_one_protocol() {
        // TD1 = 90: T=0, TA2 and TD2 follow; TA2 = 01: specific mode, T=1.
        let atr = [0x3B, 0x80, 0x90, 0x01, 0x01];
        assert_eq!(offer(&atr).protocols, protocol::T1);
    }

    #[test]
    fn cut_short_or_not_an_answer() {
        for atr in [&[][..], &[0x3B], &[0x00, 0x00], &[0x3B, 0xF0, 1]] {
            assert_eq!(offer(atr).protocols, protocol::UNDEFINED, "{atr:02X?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_safe(atr in proptest::collection::vec(any::<u8>(), 0..64)) {
            let offer = offer(&atr);
            prop_assert!(offer.protocols <= 3 && offer.ifsc > 0);
        }
    }
}

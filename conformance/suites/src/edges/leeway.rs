// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the ground of a row leaves open although its script shows one answer
//! only: the one of this project's card. A card that promised to follow the
//! project's choices has to give that answer; any other card may also give one
//! that lies within these rules.

use super::expect::Seen;
use super::script::{self, Names};
use iso7816_wire::tlv::{self, Tlv};

const WORD: &str = "it refuses, with another word; no standard and no client binds the word here";
const BLOCKED: &str = "both words say that the code is blocked";
const TEMPLATE: &str =
    "ISO/IEC 7816-4 §7.4 leaves order, number and sizes in file control parameters open";
const DESCRIBED: &str = "ISO/IEC 7816-4 §11.2.2 lets a card describe what is selected with P2 = 00, and clients skip it";
/// An answer that came by GET RESPONSE and is then as expected.
pub(super) const PIECES: &str =
    "ISO/IEC 7816-4 §5.3.4 lets a card give any answer by 61xx and GET RESPONSE";

/// Words with which a card refuses and which no client tells from another: the
/// checking errors without those that clients act upon (6983, 6A82, 6B00).
fn is_refusal(word: u16) -> bool {
    matches!(
        word,
        0x6700
            | 0x6881..=0x6884
            | 0x6982
            | 0x6985..=0x6988
            | 0x6A80
            | 0x6A86..=0x6A88
            | 0x6D00
            | 0x6E00
    )
}

/// Any word that says that nothing was done.
fn refuses(word: u16) -> bool {
    matches!(word, 0x6700 | 0x6800..=0x6BFF | 0x6D00 | 0x6E00)
}

/// Why an answer that is not the expected one is none that a foreign card can
/// be blamed for; `None` if it is.
pub(super) fn leeway(
    action: &str,
    answer: &str,
    seen: &Seen,
    by_session: bool,
    names: &Names,
) -> Option<&'static str> {
    let Seen::Answer {
        data,
        sw,
        protected,
    } = seen
    else {
        return None;
    };
    let (plain, answer) = match answer.strip_prefix("plain ") {
        Some(answer) => (true, answer),
        None => (!by_session, answer),
    };
    if *protected == plain {
        return None;
    }
    let (wanted, word) = answer.rsplit_once(' ').unwrap_or(("", answer));
    let word = u16::from_str_radix(word, 16).ok()?;
    if wanted.is_empty() && data.is_empty() {
        return match (word, sw.0) {
            (0x63C0, 0x6983) | (0x6983, 0x63C0) => Some(BLOCKED),
            (word, got) if is_refusal(word) && refuses(got) => Some(WORD),
            _ => None,
        };
    }
    if wanted.is_empty() && sw.0 == word && sw.is_ok() && matches!(action, "ROOT" | "00A40000") {
        let described = alone(data).is_some_and(|file| matches!(file.tag, 0x62 | 0x64 | 0x6F));
        return described.then_some(DESCRIBED);
    }
    let same = sw.0 == word && action.contains("00A4") && template_fits(wanted, data, names);
    same.then_some(TEMPLATE)
}

/// One template of file control parameters that has everything in it that is
/// expected.
fn template_fits(wanted: &str, data: &[u8], names: &Names) -> bool {
    let Some(got) = alone(data).filter(|got| got.children().all(|object| object.is_ok())) else {
        return false;
    };
    wanted.split('&').map(str::trim).all(|condition| {
        // The length follows from what is in it.
        if condition.starts_with('#') {
            return true;
        }
        let Ok(bytes) = script::data(condition.trim_matches('~'), names) else {
            return false;
        };
        match alone(&bytes) {
            Some(whole) => whole.tag == got.tag && holds_all(&whole, &got),
            // The start of a template: its tag.
            None => bytes.first() == data.first(),
        }
    })
}

/// The only object in a row.
fn alone(data: &[u8]) -> Option<Tlv<'_>> {
    let mut objects = tlv::Reader::new(data);
    let first = objects.next()?.ok()?;
    objects.next().is_none().then_some(first)
}

fn holds_all(wanted: &Tlv<'_>, got: &Tlv<'_>) -> bool {
    let size = |object: &Tlv<'_>| {
        let digits = object.value.iter();
        digits.fold(0_u64, |size, byte| size.wrapping_shl(8) | u64::from(*byte))
    };
    wanted.children().flatten().all(|object| {
        got.children().flatten().any(|other| {
            // A file may be longer than what is in it.
            other.raw == object.raw
                || other.tag == 0x80 && object.tag == 0x80 && size(&other) >= size(&object)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso7816_wire::StatusWord;

    fn seen(data: &str, sw: u16) -> Seen {
        Seen::Answer {
            data: hex::decode(data).unwrap(),
            sw: StatusWord(sw),
            protected: false,
        }
    }

    #[test]
    fn words_that_clients_act_upon_are_bound() {
        let open = |answer: &str, seen: &Seen, by_session| {
            leeway("x", answer, seen, by_session, &Names::default())
        };
        let word = |answer: &str, sw| open(answer, &seen("", sw), false);
        assert_eq!(word("6A86", 0x6B00), Some(WORD));
        assert_eq!(word("63C0", 0x6983), Some(BLOCKED));
        for (answer, sw) in [
            ("6B00", 0x6A86),
            ("6983", 0x6982),
            ("63C2", 0x63C1),
            ("63C2", 0x6982),
            ("6A82", 0x6A86),
            ("6982", 0x9000),
            ("6982", 0x63C2),
            ("9000", 0x6982),
            ("6282", 0x9000),
        ] {
            assert_eq!(word(answer, sw), None, "{answer} {sw:04X}");
        }
        // In plain what should be protected, and data with a refusal.
        assert_eq!(open("6982", &seen("", 0x6985), true), None);
        assert_eq!(open("6982", &seen("00", 0x6985), false), None);
        assert_eq!(open("plain 6988", &seen("", 0x6982), true), Some(WORD));
    }

    #[test]
    fn the_root_may_be_described_when_it_is_selected() {
        let open = |action: &str, data: &str| {
            leeway(
                action,
                "9000",
                &seen(data, 0x9000),
                false,
                &Names::default(),
            )
        };
        assert_eq!(open("ROOT", "6F0483023F00"), Some(DESCRIBED));
        assert_eq!(open("00A40000", "620483023F00"), Some(DESCRIBED));
        for wrong in ["", "00", "6F05830200", "7000", "6F006F00"] {
            assert_eq!(open("ROOT", wrong), None, "{wrong}");
        }
        // Asked for nothing.
        assert_eq!(open("00A4000C(3F00)", "620483023F00"), None);
    }

    #[test]
    fn templates_may_be_longer_and_in_another_order() {
        let open = |wanted: &str, got: &str| {
            let answer = format!("{wanted} 9000");
            let seen = seen(got, 0x9000);
            leeway("00A40204", &answer, &seen, false, &Names::default()).is_some()
        };
        let wanted = "62[80020010 820101]";
        assert!(open(wanted, "620782010180020010"));
        assert!(open(wanted, "620A80020020820101850100"));
        assert!(open("62~ & #29", "620480020020"));
        for wrong in [
            "620480020020",
            "6F0782010180020010",
            "62078201018002000F",
            "6207820101800200100000",
            "620782010280020010",
            "6200",
        ] {
            assert!(!open(wanted, wrong), "{wrong}");
        }
        assert!(!open("62~ & #29", "6F0480020020") && !open("62~ & #29", "62048002"));
        assert!(!open("62~ & #29", "62028002"));
    }
}

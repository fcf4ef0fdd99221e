// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards that are only different: in what a standard leaves open, or in what
//! this project chose where nothing is known. A bench that fails one of them
//! cries wolf.

mod content;
mod door;

use cie_card::{Card, CardError, ResponseHook};
use cie_conformance::edges::Specimen;
use cie_conformance::ics::Ics;
use cie_conformance::ours::{self, OursError};
use cie_personalisation::Family;
use iso7816_wire::{CommandApdu, ResponseApdu, StatusWord, tlv};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

pub use door::Benign;
use door::Manner;

/// Why no such card could be made.
#[derive(Debug, Error)]
pub enum BenignError {
    /// Already the card that it differs from could not.
    #[error(transparent)]
    Ours(#[from] OursError),
    /// No card could be made of the changed image.
    #[error(transparent)]
    Card(#[from] CardError),
}

/// A card that is only different.
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// What is different, and why it may be.
    pub text: &'static str,
    change: Change,
}

/// Where the difference is made.
enum Change {
    /// In the answer before it is wrapped.
    Answer(fn(&CommandApdu, ResponseApdu) -> ResponseApdu),
    /// In the bytes that leave the card.
    Manner(Manner),
    /// In what is on the card and what is known of it.
    Content(fn(Specimen<Card>) -> Result<Specimen<Card>, CardError>),
}

/// All of them.
pub const VARIANTS: &[Variant] = &[
    Variant {
        name: "fcp-reversed",
        text: "the objects of the file control parameters come in the opposite order; ISO/IEC 7816-4 §7.4.3 names none",
        change: Change::Answer(|apdu, answer| in_fcp(apdu, answer, |objects| objects.reverse())),
    },
    Variant {
        name: "fcp-with-more",
        text: "the file control parameters have a total size (81) and a security environment template identifier (8D) more",
        change: Change::Answer(|apdu, answer| {
            in_fcp(apdu, answer, |objects| {
                objects.insert(1, vec![0x81, 0x02, 0x10, 0x00]);
                objects.push(vec![0x8D, 0x02, 0x4F, 0x03]);
            })
        }),
    },
    Variant {
        name: "6B00-for-6A86",
        text: "wrong P1-P2 are answered with 6B00; ISO/IEC 7816-4 table 6 has both words for it",
        change: Change::Answer(|_, answer| instead(answer, 0x6A86, 0x6B00)),
    },
    Variant {
        name: "6A87-for-6700",
        text: "an Lc that does not fit P1-P2 is answered with 6A87; ISO/IEC 7816-4 table 6 has both words for it",
        change: Change::Answer(|apdu, answer| {
            if apdu.data.is_empty() {
                answer
            } else {
                instead(answer, 0x6700, 0x6A87)
            }
        }),
    },
    Variant {
        name: "6D00-is-6E00",
        text: "an unknown instruction is answered with 6E00, class not supported",
        change: Change::Answer(|_, answer| instead(answer, 0x6D00, 0x6E00)),
    },
    Variant {
        name: "6A82-for-objects",
        text: "an object that GET DATA does not know is answered with 6A82 instead of 6A88",
        change: Change::Answer(|apdu, answer| {
            if apdu.ins == 0xCB {
                instead(answer, 0x6A88, 0x6A82)
            } else {
                answer
            }
        }),
    },
    Variant {
        name: "6A80-for-keys",
        text: "MANAGE SECURITY ENVIRONMENT answers an unknown key with 6A80 instead of 6A88",
        change: Change::Answer(|apdu, answer| {
            if apdu.ins == 0x22 {
                instead(answer, 0x6A88, 0x6A80)
            } else {
                answer
            }
        }),
    },
    Variant {
        name: "6985-for-files",
        text: "a file that needs the PIN is answered with 6985 instead of 6982",
        change: Change::Answer(|apdu, answer| {
            if matches!(apdu.ins, 0xB0 | 0xB1) {
                instead(answer, 0x6982, 0x6985)
            } else {
                answer
            }
        }),
    },
    Variant {
        name: "6983-at-once",
        text: "the wrong code that blocks is answered with 6983 instead of 63C0",
        change: Change::Answer(|_, answer| instead(answer, 0x63C0, 0x6983)),
    },
    Variant {
        name: "6988-for-proofs",
        text: "a certificate or proof that is wrong is answered with 6988 instead of 6300",
        change: Change::Answer(|_, answer| instead(answer, 0x6300, 0x6988)),
    },
    Variant {
        name: "challenge-of-any-length",
        text: "GET CHALLENGE gives as many bytes as Le asks for",
        change: Change::Answer(|apdu, answer| match apdu.le {
            Some(le) if apdu.ins == 0x84 && apdu.data.is_empty() && answer.sw.0 == 0x6700 => {
                ResponseApdu::ok(vec![0xA5; le])
            }
            _ => answer,
        }),
    },
    Variant {
        name: "6982-for-sm-failures",
        text: "failures of secure messaging are answered with 6982",
        change: Change::Manner(Manner::Words(&[(0x6987, 0x6982), (0x6988, 0x6982)])),
    },
    Variant {
        name: "6982-without-session",
        text: "protected commands without session, and plain ones inside, are answered with 6982 instead of 6985",
        change: Change::Manner(Manner::Words(&[(0x6985, 0x6982)])),
    },
    Variant {
        name: "slow",
        text: "every answer takes a millisecond longer",
        change: Change::Manner(Manner::Slow(Duration::from_millis(1))),
    },
    Variant {
        name: "always-61xx",
        text: "answers of more than 64 bytes come by 61xx and GET RESPONSE although they would fit",
        change: Change::Manner(Manner::Pieces {
            longest: 64,
            only_case_3: false,
        }),
    },
    Variant {
        name: "case-3-by-61xx",
        text: "a command without Le gets 61xx and no data, as over T=0",
        change: Change::Manner(Manner::Pieces {
            longest: 0,
            only_case_3: true,
        }),
    },
    Variant {
        name: "other-random-numbers",
        text: "all random numbers are others",
        change: Change::Content(content::other_random_numbers),
    },
    Variant {
        name: "other-atr",
        text: "another answer to reset, of a card that nobody has seen",
        change: Change::Content(content::other_atr),
    },
    Variant {
        name: "ef-atr-with-more",
        text: "EF.ATR has an object more",
        change: Change::Content(content::more_in_ef_atr),
    },
    Variant {
        name: "ef-dir-with-more",
        text: "EF.DIR names an application more",
        change: Change::Content(content::more_in_ef_dir),
    },
    Variant {
        name: "other-generator",
        text: "another generator of the key agreement",
        change: Change::Content(content::other_generator),
    },
    Variant {
        name: "padded-files",
        text: "EF.SOD and EF.Cert_CIE are filled up with zeros to whole kilobytes",
        change: Change::Content(content::padded_files),
    },
    Variant {
        name: "more-files",
        text: "DF CIE has a file that nobody knows",
        change: Change::Content(content::one_file_more),
    },
    Variant {
        name: "root-not-by-aid",
        text: "the root is not selected by its AID, and the statement says so",
        change: Change::Content(content::root_not_by_aid),
    },
    Variant {
        name: "extended-length",
        text: "extended length is taken, and the statement says so",
        change: Change::Content(content::extended_length),
    },
];

/// Replaces a status word.
fn instead(mut answer: ResponseApdu, from: u16, to: u16) -> ResponseApdu {
    if answer.sw.0 == from {
        answer.sw = StatusWord(to);
    }
    answer
}

/// Changes the objects of file control parameters, if the answer has some.
fn in_fcp(
    apdu: &CommandApdu,
    answer: ResponseApdu,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> ResponseApdu {
    if apdu.ins != 0xA4 {
        return answer;
    }
    let Some(Ok(template)) = tlv::Reader::new(&answer.data).next() else {
        return answer;
    };
    let mut objects: Vec<_> = template
        .children()
        .filter_map(|object| Some(object.ok()?.raw.to_vec()))
        .collect();
    change(&mut objects);
    ResponseApdu {
        data: tlv::encode(template.tag, &objects.concat()),
        sw: answer.sw,
    }
}

/// A fresh card of this variant.
///
/// # Errors
/// [`BenignError`] if it cannot be made.
pub fn specimen(
    variant: &Variant,
    family: &'static Family,
    seed: u64,
) -> Result<Specimen<Benign>, BenignError> {
    let plain = ours::specimen(family, seed)?;
    let (specimen, manner) = match &variant.change {
        Change::Answer(change) => {
            let hook: ResponseHook = Arc::new(*change);
            let hooked = plain.behind(|card| card.with_response_hook(hook));
            (hooked, Manner::Usual)
        }
        Change::Manner(manner) => (plain, *manner),
        Change::Content(change) => (change(plain)?, Manner::Usual),
    };
    Ok(specimen.behind(|card| Benign::new(card, manner)))
}

/// What is said about such a card: it promises nothing that this project
/// chose, belongs to no family that the bench knows, and may be used up.
#[must_use]
pub fn statement<D>(specimen: &Specimen<D>) -> Ics {
    let mut ics = Ics::of_ours("", specimen.root_by_aid, specimen.extended_length);
    ics.card.follows_choices = false;
    ics
}

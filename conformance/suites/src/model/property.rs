// SPDX-License-Identifier: MIT OR Apache-2.0
//! The properties: what their sequences are about, how many there are, where
//! they begin.

use super::actions::handshake;
use super::desk::CIE;
use super::generate::Mix;
use super::op::{How, Op, Part, command, with_parts};
use crate::catalogue::{Basis, Case, Cost, Needs, Severity, Step};

/// The state that a sequence begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Begin {
    /// No power.
    Off,
    /// DF CIE selected in plain.
    Cie,
    /// Keys agreed, not used yet.
    Pending,
    /// One protected command answered.
    Live,
    /// Device authentication complete.
    Device,
    /// The same and PIN verified.
    Pin,
    /// Device authentication complete and PUK verified.
    Puk,
    /// Device authentication complete and two wrong PINs.
    PinOneLeft,
    /// Device authentication complete and three wrong PINs.
    PinBlocked,
    /// Device authentication complete, PIN verified and nine wrong PUKs.
    PukOneLeft,
    /// The same and the tenth.
    PukDead,
}

impl Begin {
    /// All of them, each after those it can be reached from.
    pub const ALL: [Self; 11] = [
        Self::Off,
        Self::Cie,
        Self::Pending,
        Self::Live,
        Self::Device,
        Self::Pin,
        Self::Puk,
        Self::PinOneLeft,
        Self::PinBlocked,
        Self::PukOneLeft,
        Self::PukDead,
    ];

    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "no power",
            Self::Cie => "DF CIE",
            Self::Pending => "keys pending",
            Self::Live => "session live",
            Self::Device => "device authenticated",
            Self::Pin => "PIN verified",
            Self::Puk => "PUK verified",
            Self::PinOneLeft => "one PIN try left",
            Self::PinBlocked => "PIN blocked",
            Self::PukOneLeft => "one PUK try left",
            Self::PukDead => "PUK dead",
        }
    }

    /// The state before and the actions that lead here from it.
    pub(super) fn way(self) -> (Self, Vec<Op>) {
        let sm = How::Sealed;
        let code = |reference, part| with_parts([0x20, 0, reference], vec![part], None, sm);
        let wrong = |reference, count| vec![code(reference, Part::Wrong); count];
        let nis = command([0xB0, 0x81, 0], &[], Some(0x0C), sm);
        match self {
            Self::Off => (Self::Off, Vec::new()),
            Self::Cie => {
                let select = command([0xA4, 0x04, 0x0C], CIE, None, How::Class(0));
                (Self::Off, vec![Op::PowerOn, select])
            }
            Self::Pending => (Self::Cie, vec![Op::Agree]),
            Self::Live => (Self::Pending, vec![nis]),
            Self::Device => (Self::Live, handshake([7; 8])),
            Self::Pin => (Self::Device, vec![code(0x81, Part::Pin)]),
            Self::Puk => (Self::Device, vec![code(0x82, Part::Puk)]),
            Self::PinOneLeft => (Self::Device, wrong(0x81, 2)),
            Self::PinBlocked => (Self::Device, wrong(0x81, 3)),
            Self::PukOneLeft => (Self::Pin, wrong(0x82, 9)),
            Self::PukDead => (Self::PukOneLeft, wrong(0x82, 1)),
        }
    }
}

/// One property.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Number in the identifier.
    pub number: u8,
    /// What its sequences are about.
    pub about: &'static str,
    /// Of 10,000 sequences, how many are of this one.
    pub share: u64,
    /// States to begin in, each as likely as the others.
    pub begins: &'static [Begin],
    pub(super) mix: Mix,
    /// Every sequence begins with the whole handshake from no power.
    pub whole_handshake: bool,
}

const QUIET: Mix = Mix {
    files: 10,
    objects: 5,
    codes: 5,
    keys: 3,
    signatures: 0,
    chains: 2,
    responses: 2,
    device: 0,
    strange: 2,
    ends: 4,
    power: 2,
    agree: 0,
};

/// States behind the device authentication.
const AUTHENTICATED: &[Begin] = &[
    Begin::Device,
    Begin::Pin,
    Begin::Puk,
    Begin::PinOneLeft,
    Begin::PinBlocked,
    Begin::PukOneLeft,
    Begin::PukDead,
];

/// All properties, in the order of their identifiers. The shares add up to
/// 10,000.
pub const PROPERTIES: &[Property] = &[
    Property {
        number: 1,
        about: "files: selection, reading and access rules",
        share: 1800,
        begins: &[
            Begin::Cie,
            Begin::Device,
            Begin::Pin,
            Begin::Pin,
            Begin::Pin,
            Begin::PukDead,
        ],
        mix: Mix {
            files: 30,
            objects: 3,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 2,
        about: "codes: PIN and PUK, their counters and what they open",
        share: 2550,
        begins: AUTHENTICATED,
        mix: Mix {
            files: 4,
            objects: 3,
            codes: 30,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 3,
        about: "the session: faults, replays, plain commands, key agreements",
        share: 1000,
        begins: &[
            Begin::Cie,
            Begin::Pending,
            Begin::Live,
            Begin::Pin,
            Begin::Puk,
        ],
        mix: Mix {
            strange: 5,
            ends: 130,
            power: 10,
            agree: 200,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 4,
        about: "device authentication: certificate, challenge, proofs, their order",
        share: 350,
        begins: &[Begin::Live, Begin::Live, Begin::Device, Begin::Pin],
        mix: Mix {
            files: 4,
            objects: 2,
            codes: 6,
            keys: 4,
            device: 14,
            ends: 5,
            power: 2,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 5,
        about: "chains and answers in pieces",
        share: 1800,
        begins: &[
            Begin::Cie,
            Begin::Device,
            Begin::Pin,
            Begin::Pin,
            Begin::Puk,
            Begin::PinOneLeft,
            Begin::PukDead,
        ],
        mix: Mix {
            files: 3,
            objects: 3,
            codes: 2,
            keys: 2,
            chains: 10,
            responses: 10,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 6,
        about: "keys and signatures: security environments, access, inputs",
        share: 600,
        begins: &[
            Begin::Cie,
            Begin::Device,
            Begin::Pin,
            Begin::Pin,
            Begin::PukDead,
        ],
        mix: Mix {
            files: 3,
            objects: 3,
            codes: 4,
            keys: 8,
            signatures: 7,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 7,
        about: "power and reset: what is forgotten, what stays",
        share: 500,
        begins: &[
            Begin::Off,
            Begin::Pending,
            Begin::Pin,
            Begin::PinOneLeft,
            Begin::PukDead,
        ],
        mix: Mix {
            codes: 10,
            chains: 4,
            power: 60,
            ..QUIET
        },
        whole_handshake: false,
    },
    Property {
        number: 8,
        about: "the whole way: no power, key agreement, device authentication, then everything",
        share: 200,
        begins: &[Begin::Off],
        mix: Mix {
            signatures: 1,
            device: 1,
            ends: 5,
            power: 3,
            ..QUIET
        },
        whole_handshake: true,
    },
    Property {
        number: 9,
        about: "everything, from every state",
        share: 1200,
        begins: &Begin::ALL,
        mix: Mix {
            codes: 12,
            signatures: 1,
            chains: 4,
            responses: 4,
            device: 1,
            ends: 8,
            power: 5,
            agree: 40,
            ..QUIET
        },
        whole_handshake: false,
    },
];

impl Property {
    /// `CIE_IAS_PROP_<nn>`.
    #[must_use]
    pub fn id(&self) -> String {
        format!("CIE_IAS_PROP_{:02}", self.number)
    }

    /// As a case of the catalogue.
    #[must_use]
    pub fn case(&self) -> Case {
        let begins: Vec<_> = Begin::ALL
            .into_iter()
            .filter(|begin| self.begins.contains(begin))
            .map(Begin::name)
            .collect();
        Case {
            id: self.id(),
            version: 1,
            unit: "PROP",
            title: format!("random sequences: {}", self.about),
            purpose: "Defects hide between rules, where no single case looks.",
            requirement: "Whatever the sequence of commands, each answer and the state after it \
                          are those that follow from the facts and the choices."
                .to_owned(),
            clause: "docs/facts-and-choices.md#fact-1 to #fact-5; choices 4 to 12, 16, 17, 19, 20, 22 to 28"
                .to_owned(),
            basis: Basis::Choice,
            families: Vec::new(),
            needs: Needs {
                device: true,
                pin: true,
                puk: true,
                ..Needs::default()
            },
            preconditions: format!("one of: {}", begins.join(", ")),
            steps: vec![Step {
                action: "at least 30 commands drawn from a seed".to_owned(),
                expected: "what the model of the card says, each time".to_owned(),
            }],
            postconditions: "any: it runs on copies of a card only".to_owned(),
            severity: Severity::Critical,
            cost: Cost {
                sends_codes: true,
                pin_tries: u8::MAX,
                puk_tries: u8::MAX,
                writes: true,
                wrong_proofs: true,
                unknown_instructions: true,
            },
            aliases: Vec::new(),
        }
    }
}

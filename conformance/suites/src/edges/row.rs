// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a row is: a situation in words, a state to start from, a script of
//! commands with their expected answers, and the ground of these answers.

use std::fmt;

/// The state in which a card is put before a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Start {
    /// Without power.
    Off,
    /// Powered on, nothing sent yet.
    On,
    /// The IAS root was selected.
    Root,
    /// DF CIE was selected, in plain.
    Cie,
    /// Key agreement done in DF CIE, no protected command sent yet.
    Pending,
    /// The session is live: one protected command was answered.
    Live,
    /// Live, and the terminal's certificate and key were accepted (steps a to
    /// c of section 4.4).
    Certified,
    /// Live, and the device authentication is complete.
    Device,
    /// Device authenticated and PIN verified.
    Pin,
    /// Device authenticated and PUK verified.
    Puk,
    /// Device authenticated, one PIN try left.
    PinOneLeft,
    /// Device authenticated, PIN blocked.
    PinBlocked,
    /// Device authenticated, PIN and PUK verified, then nine wrong PUKs.
    PukOneLeft,
    /// Device authenticated and PIN verified, then ten wrong PUKs.
    PukDead,
}

impl Start {
    /// All states.
    pub const ALL: [Self; 14] = [
        Self::Off,
        Self::On,
        Self::Root,
        Self::Cie,
        Self::Pending,
        Self::Live,
        Self::Certified,
        Self::Device,
        Self::Pin,
        Self::Puk,
        Self::PinOneLeft,
        Self::PinBlocked,
        Self::PukOneLeft,
        Self::PukDead,
    ];

    /// The name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "no power",
            Self::On => "powered on",
            Self::Root => "root",
            Self::Cie => "DF CIE",
            Self::Pending => "keys pending",
            Self::Live => "session live",
            Self::Certified => "terminal certified",
            Self::Device => "device authenticated",
            Self::Pin => "PIN verified",
            Self::Puk => "PUK verified",
            Self::PinOneLeft => "one PIN try left",
            Self::PinBlocked => "PIN blocked",
            Self::PukOneLeft => "one PUK try left",
            Self::PukDead => "PUK dead",
        }
    }

    /// How the state is reached, in words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Off => "the card has no power",
            Self::On => "powered on, nothing sent yet",
            Self::Root => "`00A40000` sent",
            Self::Cie => "DF CIE selected in plain",
            Self::Pending => "key agreement in DF CIE, no protected command yet",
            Self::Live => "the same, and one protected command answered",
            Self::Certified => {
                "the same, and the terminal's certificate and key accepted (steps a to c of \
                 fact 4.4)"
            }
            Self::Device => "device authentication complete",
            Self::Pin => "the same, and PIN verified",
            Self::Puk => "device authentication complete and PUK verified",
            Self::PinOneLeft => "device authentication complete and two wrong PINs",
            Self::PinBlocked => "device authentication complete and three wrong PINs",
            Self::PukOneLeft => {
                "device authentication complete, PIN and PUK verified, then nine wrong PUKs"
            }
            Self::PukDead => "device authentication complete, PIN verified, then ten wrong PUKs",
        }
    }
}

/// On what an expected answer rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ground {
    /// Publicly known: tag (`C` a client sends or parses it, `R` a real card
    /// was seen to do it) and section of the card facts.
    Fact(&'static str),
    /// A standard: its clause.
    Standard(&'static str),
    /// This project's numbered choice.
    Choice(u8),
    /// This project's choice without a number: the name of the row in the list
    /// "Answers that no source names".
    Unnamed(&'static str),
}

impl Ground {
    /// Fact, standard or choice: the tag of the row.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Fact(_) => "fact",
            Self::Standard(_) => "standard",
            Self::Choice(_) | Self::Unnamed(_) => "choice",
        }
    }

    /// True if the ground says where it comes from.
    #[must_use]
    pub fn is_named(self) -> bool {
        match self {
            Self::Fact(text) | Self::Standard(text) | Self::Unnamed(text) => !text.is_empty(),
            Self::Choice(number) => number > 0,
        }
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact(text) => write!(f, "fact {text}"),
            Self::Standard(text) => write!(f, "standard: {text}"),
            Self::Choice(number) => write!(f, "choice {number}"),
            Self::Unnamed(text) => write!(f, "choice: {text}"),
        }
    }
}

/// One edge: a situation and what the card has to answer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Number within its unit, never used again for anything else.
    pub number: u16,
    /// The situation in words.
    pub situation: &'static str,
    /// Where it begins.
    pub start: Start,
    /// Commands and expected answers, in the notation of
    /// [`script`](super::script).
    pub script: &'static str,
    /// On what the answers rest.
    pub ground: Ground,
}

/// A row, written in one line where it fits.
pub(super) const fn row(
    number: u16,
    situation: &'static str,
    start: Start,
    script: &'static str,
    ground: Ground,
) -> Row {
    Row {
        number,
        situation,
        start,
        script,
        ground,
    }
}

/// The rows that share the middle of their identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The middle of the identifier, such as `SEL`.
    pub name: &'static str,
    /// What the rows are about.
    pub title: &'static str,
    /// The rows, in the order of their numbers.
    pub rows: &'static [Row],
}

impl Unit {
    /// The identifier of one of its rows: `CIE_IAS_<unit>_<nnn>`.
    #[must_use]
    pub fn id(&self, row: &Row) -> String {
        format!("CIE_IAS_{}_{:03}", self.name, row.number)
    }
}

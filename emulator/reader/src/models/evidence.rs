// SPDX-License-Identifier: MIT OR Apache-2.0
//! On what a row rests.

/// What kind of thing a fact rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// Seen in a public log, thread or program that met the reader.
    Seen,
    /// From the driver's sources, the descriptor kept there, or the maker's manual.
    Source,
    /// Inferred from the former two and the standards.
    Inference,
    /// Nothing tells; this project decided.
    Choice,
}

impl Ground {
    /// The tag that the documentation and `cie readers` use.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Seen => "R",
            Self::Source => "C",
            Self::Inference => "I",
            Self::Choice => "choice",
        }
    }
}

/// The ground of a fact and where it can be looked up: an issue as
/// `owner/repository#number`, a file of the CCID driver as `CCID: path`, or words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What kind of thing it rests on.
    pub ground: Ground,
    /// Where.
    pub source: &'static str,
}

/// The grounds of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of the names as listed. The digits of a serial are always invented.
    pub name: Fact,
    /// Of the slots: which, and in which order.
    pub slots: Fact,
    /// Of vendor, product and version.
    pub attributes: Fact,
    /// Of exchange level, message length and protocols.
    pub exchange: Fact,
    /// Of how a card is noticed.
    pub detection: Fact,
    /// Of what becomes of the answer to reset.
    pub atr: Fact,
    /// Of how the card's clients get on with it.
    pub cie: Fact,
}

impl Evidence {
    /// Every fact with its name.
    #[must_use]
    pub fn facts(&self) -> [(&'static str, Fact); 7] {
        [
            ("name", self.name),
            ("slots", self.slots),
            ("attributes", self.attributes),
            ("exchange", self.exchange),
            ("detection", self.detection),
            ("atr", self.atr),
            ("cie", self.cie),
        ]
    }
}

pub(super) const fn seen(source: &'static str) -> Fact {
    Fact {
        ground: Ground::Seen,
        source,
    }
}

pub(super) const fn source(source: &'static str) -> Fact {
    Fact {
        ground: Ground::Source,
        source,
    }
}

pub(super) const fn inferred(source: &'static str) -> Fact {
    Fact {
        ground: Ground::Inference,
        source,
    }
}

pub(super) const fn choice(source: &'static str) -> Fact {
    Fact {
        ground: Ground::Choice,
        source,
    }
}

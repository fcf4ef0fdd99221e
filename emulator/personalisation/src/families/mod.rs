// SPDX-License-Identifier: MIT OR Apache-2.0
//! Chip families as data (rule 7 of the architecture): one row per ATR of
//! section 1.3, and what can be computed from a row. The ATR of zeros that was
//! seen once and that no client matches is no family (choice 29).

mod class;
mod ef_atr;
mod rows;
#[cfg(test)]
mod tests;

pub use class::{Behaviour, Class, classes};
pub use ef_atr::{Application, EfAtr, Marker};
pub use rows::FAMILIES;

use crate::sod::SodForm;
use cie_card::image::ChipFamily;

/// On what a behaviour of a family rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// Seen on a real card: a public log, dump or issue thread.
    RealCard,
    /// A public client sends it, parses it or lists it.
    Client,
    /// Inferred from the former two and the standards.
    Inference,
    /// Nothing tells; this project decided.
    Choice,
}

impl Ground {
    /// The tag that the documentation and `cie families` use.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::RealCard => "R",
            Self::Client => "C",
            Self::Inference => "I",
            Self::Choice => "choice",
        }
    }
}

/// The ground of every behaviour in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of [`Family::atr`].
    pub atr: Ground,
    /// Of [`Family::root_by_aid`].
    pub root_by_aid: Ground,
    /// Of [`Family::ef_atr`]: of the marker in it if it has one. What stands
    /// around a marker is a choice, except in ST's, which is known whole.
    pub ef_atr: Ground,
    /// Of [`Family::extended_length`].
    pub extended_length: Ground,
    /// Of [`Family::sod`].
    pub sod: Ground,
}

/// What personalisation has to know about a chip family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name that a persona uses.
    pub id: &'static str,
    /// Name in lists for people.
    pub name: &'static str,
    /// Answer to reset with TCK (section 1.3).
    pub atr: &'static [u8],
    /// True if the IAS ECC root is selected by AID (choice 17). All families
    /// take `00 A4 00 00` and `3F00`.
    pub root_by_aid: bool,
    /// Content of EF.ATR (section 1.4, choices 18 and 29).
    pub ef_atr: EfAtr,
    /// Form of the SOD (section 6, choice 29).
    pub sod: SodForm,
    /// On what all this rests.
    pub evidence: Evidence,
}

/// The family of this name.
#[must_use]
pub fn family(id: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.id == id)
}

impl Family {
    /// True if extended length is taken: where EF.ATR says so, and nowhere
    /// else (choices 11 and 29).
    #[must_use]
    pub fn extended_length(&self) -> bool {
        self.ef_atr.extended_length()
    }

    /// The part of the row that the card itself needs.
    pub(crate) fn chip(&self) -> ChipFamily {
        ChipFamily {
            id: self.id.to_owned(),
            atr: self.atr.to_vec(),
            root_by_aid: self.root_by_aid,
            extended_length: self.extended_length(),
        }
    }
}

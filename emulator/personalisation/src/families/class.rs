// SPDX-License-Identifier: MIT OR Apache-2.0
//! Behaviour classes: families that a client cannot tell apart but by their
//! ATR and the maker's numbers in EF.ATR. Computed from the rows.

use super::{FAMILIES, Family, Marker};
use crate::sod::SodForm;

/// Everything about a family that changes what a client has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// The root is selected by AID; else that answers 6A82.
    pub root_by_aid: bool,
    /// Extended length is taken; else it answers 6700.
    pub extended_length: bool,
    /// Form of the SOD.
    pub sod: SodForm,
    /// What the old mobile client takes the card for.
    pub marker: Marker,
}

/// Families with the same behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// A letter, in the order of the first family of each class.
    pub id: char,
    /// What they have in common.
    pub behaviour: Behaviour,
    /// The families, in the order of the rows.
    pub families: Vec<&'static Family>,
}

impl Family {
    /// What the row makes of a client's life.
    #[must_use]
    pub fn behaviour(&self) -> Behaviour {
        Behaviour {
            root_by_aid: self.root_by_aid,
            extended_length: self.extended_length(),
            sod: self.sod,
            marker: self.ef_atr.marker(),
        }
    }
}

/// All behaviour classes there are.
#[must_use]
pub fn classes() -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for family in FAMILIES {
        let behaviour = family.behaviour();
        let letters = 'A'..='Z';
        match classes.iter_mut().find(|c| c.behaviour == behaviour) {
            Some(class) => class.families.push(family),
            None => classes.push(Class {
                id: letters.into_iter().nth(classes.len()).unwrap_or('?'),
                behaviour,
                families: vec![family],
            }),
        }
    }
    classes
}

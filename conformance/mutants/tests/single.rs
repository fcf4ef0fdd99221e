// SPDX-License-Identifier: MIT OR Apache-2.0
//! The judge of one changed card, which `ci/mutants` builds a program around.
#![allow(clippy::unwrap_used)] // helpers of tests

use cie_card::{Card, CardImage};
use cie_conformance::verdict::Verdict;
use cie_mutants::single::{Finding, judge};
use cie_personalisation::FAMILIES;
use iso7816_wire::CardDoor;

/// A card that may panic when a GET CHALLENGE comes.
#[derive(Clone)]
struct Door {
    card: Card,
    panics: bool,
}

impl CardDoor for Door {
    fn power_on(&mut self) -> Vec<u8> {
        self.card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.card.reset()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        assert!(!self.panics || command.get(1) != Some(&0x84));
        self.card.transmit(command)
    }
}

fn made(image: &[u8], panics: bool) -> Result<Door, String> {
    let image = CardImage::from_bytes(image).map_err(|error| error.to_string())?;
    let card = Card::in_memory(image, [7; 32]).map_err(|error| error.to_string())?;
    Ok(Door { card, panics })
}

#[test]
fn an_honest_card_survives_in_every_family_that_is_asked() {
    for family in FAMILIES.iter().take(2) {
        let found = judge(family, 1, |image| made(image, false)).unwrap();
        let undecided = Vec::new();
        assert_eq!(found, Finding::Survived { undecided }, "{}", family.id);
    }
}

#[test]
fn a_card_that_crashes_or_cannot_be_made_does_not() {
    let found = judge(&FAMILIES[0], 1, |image| made(image, true)).unwrap();
    assert!(
        matches!(
            found,
            Finding::Killed {
                verdict: Verdict::Crash,
                ..
            }
        ),
        "{found:?}"
    );
    let why = "no such card".to_owned();
    let found = judge(&FAMILIES[0], 1, |_| Err::<Door, _>(why.clone())).unwrap();
    assert_eq!(found, Finding::Refused { why });
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards with one defect each.

use cie_card_mutants::{Card, CardError, CardImage, image::ImageError};
use cie_conformance::edges::Specimen;
use cie_conformance::ours::{self, OursError};
use cie_personalisation::Family;
use iso7816_wire::CardDoor;
use iso7816_wire_mutants::CardDoor as TheirDoor;
use iso7816_wire_mutants::mutants;
use thiserror::Error;

pub use iso7816_wire_mutants::mutants::Mutant;

/// Why no such card could be made.
#[derive(Debug, Error)]
pub enum DefectiveError {
    /// Already the card without defect could not.
    #[error(transparent)]
    Ours(#[from] OursError),
    /// Its image could not be written by one compilation of the card.
    #[error(transparent)]
    Written(#[from] cie_card::image::ImageError),
    /// Its image could not be read by the other.
    #[error(transparent)]
    Read(#[from] ImageError),
    /// The second compilation refuses it.
    #[error(transparent)]
    Card(#[from] CardError),
}

/// A card that may have a defect.
#[derive(Clone)]
pub struct Defective {
    card: Card,
    mutant: Option<Mutant>,
}

impl Defective {
    fn work<T>(&mut self, work: impl FnOnce(&mut Card) -> T) -> T {
        match self.mutant {
            Some(mutant) => mutants::with(mutant, || work(&mut self.card)),
            None => work(&mut self.card),
        }
    }
}

impl CardDoor for Defective {
    fn power_on(&mut self) -> Vec<u8> {
        self.work(TheirDoor::power_on)
    }

    fn reset(&mut self) -> Vec<u8> {
        self.work(TheirDoor::reset)
    }

    fn power_off(&mut self) {
        self.work(TheirDoor::power_off);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.work(|card| TheirDoor::transmit(card, command))
    }
}

/// A fresh card with this defect, or with none.
///
/// # Errors
/// [`DefectiveError`] if it cannot be made.
pub fn specimen(
    mutant: Option<Mutant>,
    family: &'static Family,
    seed: u64,
) -> Result<Specimen<Defective>, DefectiveError> {
    let honest = ours::specimen(family, seed)?;
    let image = CardImage::from_bytes(&honest.card.image().to_bytes()?)?;
    let card = Card::in_memory(image, [7; 32])?;
    Ok(honest.behind(|_| Defective { card, mutant }))
}

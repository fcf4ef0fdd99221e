// SPDX-License-Identifier: MIT OR Apache-2.0
//! Between a reader's antenna or contacts and the card.

use super::{AtrForm, Slot};
use crate::Card;
use iso7816_wire::CardDoor;
use std::time::Duration;

/// A card as a reader's slot presents it.
pub(super) struct InField {
    card: Card,
    form: AtrForm,
    longest: Option<usize>,
    activations: u32,
    /// How long the first activation takes.
    arrival: Duration,
}

impl InField {
    pub(super) fn new(card: Card, form: AtrForm, slot: &Slot, arrival: Duration) -> Self {
        Self {
            card,
            form,
            longest: slot.longest(),
            activations: 0,
            arrival,
        }
    }

    fn activated(&mut self, atr: &[u8]) -> Vec<u8> {
        self.activations = self.activations.wrapping_add(1);
        self.form.apply(atr, self.activations)
    }

    /// Whether so many bytes get through.
    fn fits(&self, length: usize) -> bool {
        self.longest.is_none_or(|longest| length <= longest)
    }
}

impl CardDoor for InField {
    fn power_on(&mut self) -> Vec<u8> {
        std::thread::sleep(std::mem::take(&mut self.arrival));
        let atr = self.card.power_on();
        self.activated(&atr)
    }

    fn reset(&mut self) -> Vec<u8> {
        let atr = self.card.reset();
        self.activated(&atr)
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    /// What is too long stays with the driver: nothing reaches the card, and
    /// the client is told "not transacted". A response that is too long was
    /// made and is lost.
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if !self.fits(command.len()) || self.form == AtrForm::Mute {
            return Vec::new();
        }
        let response = self.card.transmit(command);
        if self.fits(response.len()) {
            response
        } else {
            Vec::new()
        }
    }
}

/// What sits in a slot that says it has a card and has none.
pub(super) struct NoAnswer;

impl CardDoor for NoAnswer {
    fn power_on(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn reset(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, _: &[u8]) -> Vec<u8> {
        Vec::new()
    }
}

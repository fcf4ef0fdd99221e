// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card that is as ever but for what goes through its door.

use iso7816_wire::CardDoor;

/// A card whose commands and answers go by way of a closure.
#[derive(Clone)]
pub struct Through<D, F> {
    pub card: D,
    exchange: F,
}

impl<D, F: FnMut(&mut D, &[u8]) -> Vec<u8>> Through<D, F> {
    pub fn new(card: D, exchange: F) -> Self {
        Self { card, exchange }
    }
}

impl<D: CardDoor, F: FnMut(&mut D, &[u8]) -> Vec<u8> + Send> CardDoor for Through<D, F> {
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
        (self.exchange)(&mut self.card, command)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card as a vpcd sees it, without I/O: one request in, at most one answer out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::frame::{Control, LONGEST_PAYLOAD, Request};
use crate::Card;

/// What goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing is due.
    Silence,
    /// These bytes, one at least.
    Bytes(Vec<u8>),
    /// The card is mute. vpcd has one word for that and for a card that was
    /// taken away: a frame of no bytes, after which it drops the connection.
    Mute,
}

/// A card with what a vpcd may ask before it powers it.
pub(super) struct Chip {
    card: Card,
    /// The last answer to reset.
    atr: Vec<u8>,
}

impl Chip {
    /// Powers the card once: a vpcd asks for the ATR of a card without power,
    /// every 400 ms, to see whether it is there.
    pub fn new(card: Card) -> Self {
        let mut chip = Self {
            card,
            atr: Vec::new(),
        };
        chip.atr = chip.guarded(|card| card.power_on());
        chip.power_off();
        chip
    }

    /// Does what a frame says.
    pub fn serve(&mut self, payload: &[u8]) -> Answer {
        match Request::parse(payload) {
            // Nobody asks that, and nobody waits for an answer.
            Err(_) => Answer::Silence,
            Ok(Request::Control(control)) => match control {
                Control::Off => {
                    self.power_off();
                    Answer::Silence
                }
                Control::On => {
                    self.atr = self.guarded(|card| card.power_on());
                    Answer::Silence
                }
                Control::Reset => {
                    self.atr = self.guarded(|card| card.reset());
                    Answer::Silence
                }
                Control::Atr => answer(self.atr.clone()),
            },
            Ok(Request::Apdu(apdu)) => answer(self.guarded(|card| card.transmit(apdu))),
        }
    }

    /// Takes the power away, as a lost reader does.
    pub fn power_off(&mut self) {
        self.guarded(|card| {
            card.power_off();
            Vec::new()
        });
    }

    pub fn into_card(mut self) -> Card {
        self.power_off();
        self.card
    }

    /// A card that panics counts as mute.
    fn guarded(&mut self, action: impl FnOnce(&mut Card) -> Vec<u8>) -> Vec<u8> {
        catch_unwind(AssertUnwindSafe(|| action(&mut self.card))).unwrap_or_else(|_| {
            tracing::error!("a card panicked; it counts as mute");
            Vec::new()
        })
    }
}

fn answer(bytes: Vec<u8>) -> Answer {
    match bytes.len() {
        0 => Answer::Mute,
        1..=LONGEST_PAYLOAD => Answer::Bytes(bytes),
        length => {
            tracing::error!(
                length,
                "an answer is too long for vpcd; the card counts as mute"
            );
            Answer::Mute
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso7816_wire::CardDoor;
    use proptest::prelude::*;

    #[derive(Default)]
    struct Echo {
        powered: bool,
        resets: u8,
    }

    impl CardDoor for Echo {
        fn power_on(&mut self) -> Vec<u8> {
            self.powered = true;
            vec![0x3B, 0x00]
        }

        fn reset(&mut self) -> Vec<u8> {
            self.powered = true;
            self.resets += 1;
            vec![0x3B, self.resets]
        }

        fn power_off(&mut self) {
            self.powered = false;
        }

        fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
            match command {
                _ if !self.powered => Vec::new(),
                [0xEE, ..] => panic!("on demand"),
                [0xFF, ..] => vec![0; LONGEST_PAYLOAD + 1],
                _ => command.to_vec(),
            }
        }
    }

    fn chip() -> Chip {
        Chip::new(Box::new(Echo::default()))
    }

    #[test]
    fn controls_power_the_card_and_ask_for_its_atr() {
        let mut chip = chip();
        assert_eq!(chip.serve(&[4]), Answer::Bytes(vec![0x3B, 0x00]));
        assert_eq!(chip.serve(&[0, 0xB0]), Answer::Mute, "no power yet");
        assert_eq!(chip.serve(&[1]), Answer::Silence);
        assert_eq!(chip.serve(&[0, 0xB0]), Answer::Bytes(vec![0, 0xB0]));
        assert_eq!(chip.serve(&[2]), Answer::Silence);
        assert_eq!(chip.serve(&[4]), Answer::Bytes(vec![0x3B, 0x01]));
        assert_eq!(chip.serve(&[0]), Answer::Silence);
        assert_eq!(chip.serve(&[0, 0xB0]), Answer::Mute);
        assert_eq!(chip.serve(&[4]), Answer::Bytes(vec![0x3B, 0x01]));
    }

    #[test]
    fn a_single_byte_that_is_no_control_is_answered() {
        let mut chip = chip();
        chip.serve(&[1]);
        assert_eq!(chip.serve(&[3]), Answer::Bytes(vec![3]));
        assert_eq!(chip.serve(&[]), Answer::Silence);
    }

    #[test]
    fn answers_without_a_frame_count_as_mute() {
        let mut chip = chip();
        chip.serve(&[1]);
        assert_eq!(chip.serve(&[0xFF, 0]), Answer::Mute);
        assert_eq!(chip.serve(&[0xEE, 0]), Answer::Mute);
        assert_eq!(chip.serve(&[5, 5]), Answer::Bytes(vec![5, 5]));
    }

    proptest! {
        /// Exactly the requests that a vpcd waits for have an answer.
        #[test]
        fn who_waits_gets_an_answer(payloads in prop::collection::vec(prop::collection::vec(0_u8..0x80, 0..5), 0..50)) {
            let mut chip = chip();
            for payload in payloads {
                let waits = !matches!(payload.as_slice(), [] | [0..=2]);
                prop_assert_eq!(chip.serve(&payload) != Answer::Silence, waits);
            }
        }
    }
}

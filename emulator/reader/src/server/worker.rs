// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread a card lives on, so that a slow card holds up its own reader only.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use iso7816_wire::CardDoor;

use super::core::Shared;
use crate::ReaderError;
use crate::table::{CardAnswer, CardCommand};

/// A card as a reader takes it.
pub type Card = Box<dyn CardDoor>;

/// A card in a reader: where its commands go, and the thread that has it.
pub(super) struct Worker {
    commands: Sender<CardCommand>,
    thread: JoinHandle<Card>,
}

impl Worker {
    /// Starts a thread for `card`. What the card answers goes to `shared`,
    /// marked with the reader and with `generation`, the count of cards this
    /// reader has had.
    pub fn start(
        card: Card,
        reader: usize,
        generation: u64,
        shared: Weak<Shared>,
    ) -> Result<Self, ReaderError> {
        let (commands, inbox) = channel();
        let thread = std::thread::Builder::new()
            .name(format!("card {reader}"))
            .spawn(move || live(card, reader, generation, &inbox, &shared))
            .map_err(|source| ReaderError::Start {
                what: "the thread of a card",
                source,
            })?;
        Ok(Self { commands, thread })
    }

    /// Hands the card a command. If its thread is gone nothing ever answers;
    /// that cannot happen short of a defect, and the reader stays busy then.
    pub fn send(&self, command: CardCommand) {
        if self.commands.send(command).is_err() {
            tracing::error!("the thread of a card is gone");
        }
    }

    /// Lets the card finish what it is doing, powers it off and returns it.
    pub fn take_out(self) -> Result<Card, ReaderError> {
        drop(self.commands);
        self.thread
            .join()
            .map_err(|_| ReaderError::Crashed("the thread of a card"))
    }
}

fn live(
    mut card: Card,
    reader: usize,
    generation: u64,
    inbox: &Receiver<CardCommand>,
    shared: &Weak<Shared>,
) -> Card {
    for command in inbox {
        let answer = guarded(|| perform(card.as_mut(), command))
            .unwrap_or_else(|| CardAnswer::Response(Vec::new()));
        let Some(shared) = shared.upgrade() else {
            break;
        };
        shared.card_done(reader, generation, answer);
    }
    guarded(|| card.power_off());
    card
}

/// A card that panics counts as mute; the reader goes on.
fn guarded<T>(action: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(action));
    if result.is_err() {
        tracing::error!("a card panicked; it counts as mute");
    }
    result.ok()
}

fn perform(card: &mut dyn CardDoor, command: CardCommand) -> CardAnswer {
    match command {
        CardCommand::PowerOn => CardAnswer::Atr(card.power_on()),
        CardCommand::Reset => CardAnswer::Atr(card.reset()),
        CardCommand::PowerCycle => {
            card.power_off();
            CardAnswer::Atr(card.power_on())
        }
        CardCommand::PowerOff => {
            card.power_off();
            CardAnswer::Off
        }
        CardCommand::Transmit(apdu) => CardAnswer::Response(card.transmit(&apdu)),
    }
}

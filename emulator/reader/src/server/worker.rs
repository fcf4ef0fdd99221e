// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card in a reader: the thread that does what nobody waits to do himself,
//! and errands, by which the thread of a client takes its command to the card.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

use iso7816_wire::CardDoor;

use super::core::Shared;
use crate::ReaderError;
use crate::table::{CardAnswer, CardCommand};

/// A card as a reader takes it.
pub type Card = Box<dyn CardDoor>;

/// The card, until it is taken out. The table gives a card one command at a
/// time, so nobody waits for this but who takes it out.
type Holder = Arc<Mutex<Option<Card>>>;

fn lock(holder: &Holder) -> MutexGuard<'_, Option<Card>> {
    holder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A card in a reader: where its commands go, and the thread that gives it back.
pub(super) struct Worker {
    commands: Sender<(u64, CardCommand)>,
    card: Holder,
    thread: JoinHandle<Option<Card>>,
}

/// A command on its way to a card, for the thread that has it.
pub(super) struct Errand {
    pub reader: usize,
    pub generation: u64,
    card: Holder,
    command: CardCommand,
}

impl Errand {
    /// Does it. A card that was taken out meanwhile is mute.
    pub fn run(self) -> CardAnswer {
        match lock(&self.card).as_mut() {
            Some(card) => ask(card, self.command),
            None => CardAnswer::Response(Vec::new()),
        }
    }
}

impl Worker {
    /// Starts a thread for `card`. What the card answers goes to `shared`,
    /// marked with the reader and with the generation that came with the
    /// command: the count of cards this reader has had.
    pub fn start(card: Card, reader: usize, shared: Weak<Shared>) -> Result<Self, ReaderError> {
        let (commands, inbox) = channel();
        let card = Arc::new(Mutex::new(Some(card)));
        let holder = Arc::clone(&card);
        let thread = std::thread::Builder::new()
            .name(format!("card {reader}"))
            .spawn(move || live(&holder, reader, &inbox, &shared))
            .map_err(|source| ReaderError::Start {
                what: "the thread of a card",
                source,
            })?;
        Ok(Self {
            commands,
            card,
            thread,
        })
    }

    /// Hands the card a command. If its thread is gone nothing ever answers;
    /// that cannot happen short of a defect, and the reader stays busy then.
    pub fn send(&self, generation: u64, command: CardCommand) {
        if self.commands.send((generation, command)).is_err() {
            tracing::error!("the thread of a card is gone");
        }
    }

    /// The command for a thread that takes it to the card itself: two changes
    /// of threads less.
    pub fn errand(&self, reader: usize, generation: u64, command: CardCommand) -> Errand {
        Errand {
            reader,
            generation,
            card: Arc::clone(&self.card),
            command,
        }
    }

    /// Lets the card finish what it is doing, powers it off and returns it.
    pub fn take_out(self) -> Result<Card, ReaderError> {
        drop(self.commands);
        self.thread
            .join()
            .ok()
            .flatten()
            .ok_or(ReaderError::Crashed("the thread of a card"))
    }
}

fn live(
    holder: &Holder,
    reader: usize,
    inbox: &Receiver<(u64, CardCommand)>,
    shared: &Weak<Shared>,
) -> Option<Card> {
    for (generation, command) in inbox {
        let Some(answer) = lock(holder).as_mut().map(|card| ask(card, command)) else {
            break;
        };
        let Some(shared) = shared.upgrade() else {
            break;
        };
        shared.card_done(reader, generation, answer);
    }
    let mut card = lock(holder).take()?;
    guarded(|| card.power_off());
    Some(card)
}

fn ask(card: &mut Card, command: CardCommand) -> CardAnswer {
    guarded(|| perform(card.as_mut(), command)).unwrap_or_else(|| CardAnswer::Response(Vec::new()))
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

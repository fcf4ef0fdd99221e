// SPDX-License-Identifier: MIT OR Apache-2.0
//! A desk with a reader and a card on it: what `cie run` and `cie demo` share.

use crate::error::CliError;
use crate::readers::{Readers, Timing};
use crate::stored::Memory;
use crate::trace::Recorder;
use cie_card::{Card, CardImage, Snapshot};
use cie_personalisation::{IssuedCard, Persona, personalise};
use cie_reader::{Place, ReaderError, ReaderServer, RunningServer};
use iso7816_wire::CardDoor;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Name of the reader that holds the card.
pub(crate) const READER_NAME: &str = "CIE Software Reader 00 00";

/// The default persona's card.
pub(crate) fn issue(seed: u64) -> Result<IssuedCard, CliError> {
    Ok(personalise(&Persona::adult()?, seed)?)
}

/// Name of reader number `number`, from 0.
pub(crate) fn reader_name(number: usize) -> String {
    format!("CIE Software Reader {number:02} 00")
}

/// Cards in virtual readers on a private socket.
pub(crate) struct Desk {
    server: RunningServer,
    card: SharedCard,
    /// The hand that lays the card on a reader.
    hand: Option<JoinHandle<Result<(), ReaderError>>>,
}

impl Desk {
    /// Puts a fresh card into a reader on a private socket.
    pub(crate) fn set_up(issued: &IssuedCard, recorder: &Recorder) -> Result<Self, CliError> {
        let card = Card::new(issued.image.clone(), Memory::Ram, issued.card_seed)?;
        Self::lay_out(card, recorder, &Readers::Plain(1), Timing::Ideal)
    }

    /// Puts this card into the first of `readers` that takes one, on a private
    /// socket.
    pub(crate) fn lay_out(
        card: Card<Memory>,
        recorder: &Recorder,
        readers: &Readers,
        timing: Timing,
    ) -> Result<Self, CliError> {
        let card = SharedCard::new(card.with_observer(recorder.observer()));
        let door = Box::new(card.clone());
        let (server, hand) = match timing {
            Timing::Ideal => {
                let specs = readers.specs(vec![door]);
                (ReaderServer::bind(&Place::Private, specs)?.spawn()?, None)
            }
            Timing::Real => {
                let specs = readers.specs(Vec::new());
                let server = ReaderServer::bind(&Place::Private, specs)?.spawn()?;
                let hand = readers.lay_on(door, server.control());
                (server, hand)
            }
        };
        Ok(Self { server, card, hand })
    }

    /// The socket that clients connect to.
    pub(crate) fn socket(&self) -> &Path {
        self.server.path()
    }

    /// Counters and status of the card.
    pub(crate) fn inspect(&self) -> Snapshot {
        self.card.lock(|card| card.inspect())
    }

    /// What the card holds now.
    pub(crate) fn image(&self) -> CardImage {
        self.card.lock(|card| card.image())
    }

    /// Takes everything away again.
    pub(crate) fn clear(self) -> Result<(), CliError> {
        let laid = self.hand.map(JoinHandle::join);
        self.server.stop()?;
        // A hand that panicked has told so on its way.
        if let Some(Ok(laid)) = laid {
            laid?;
        }
        Ok(())
    }
}

/// A card that the reader drives and the desk may look at.
#[derive(Clone)]
pub(crate) struct SharedCard(Arc<Mutex<Card<Memory>>>);

impl SharedCard {
    pub(crate) fn new(card: Card<Memory>) -> Self {
        Self(Arc::new(Mutex::new(card)))
    }

    fn lock<T>(&self, f: impl FnOnce(&mut Card<Memory>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl CardDoor for SharedCard {
    fn power_on(&mut self) -> Vec<u8> {
        self.lock(CardDoor::power_on)
    }

    fn reset(&mut self) -> Vec<u8> {
        self.lock(CardDoor::reset)
    }

    fn power_off(&mut self) {
        self.lock(CardDoor::power_off);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.lock(|card| card.transmit(command))
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The hand at the desk: puts cards into readers, takes them out, and knows
//! which card is where. Whoever controls the readers from outside does it
//! through here, and this does it through the readers' own control.
//!
//! A card that is taken out lies beside its reader and stays this process's
//! until the end: its file stays locked, and its counters can be looked at.

use crate::error::CliError;
use crate::new_card::{Held, NewCard};
use crate::readers::{Readers, Timing};
use crate::show;
use crate::stored::{self, Memory};
use crate::trace::Recorder;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_card::{Card, CardImage, Snapshot};
use cie_personalisation::CardFacts;
use cie_reader::observer::Client;
use cie_reader::{FaultError, ReaderControl, ReaderError, ReaderSpec};
use iso7816_wire::CardDoor;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;

/// Why a hand could not do what it was told. Each text is one line.
#[derive(Debug, Error)]
pub(crate) enum HandError {
    #[error("there is no reader {number}; there are {count}, counted from 0")]
    NoReader { number: usize, count: usize },
    #[error("no card in reader {0}")]
    NoCard(usize),
    #[error("reader {0} holds a card already; remove it first, or swap it")]
    Occupied(usize),
    #[error("reader {0} takes no card of this kind: it has contacts, or a module inside")]
    Unfit(usize),
    #[error("no card lies beside reader {0}; name a card file")]
    NothingBeside(usize),
    #[error("no card is in reader {0} or beside it")]
    NeverAny(usize),
    #[error("the card in {} is in reader {reader}; remove it there first", file.display())]
    Elsewhere { file: PathBuf, reader: usize },
    #[error(transparent)]
    Cli(#[from] CliError),
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error(transparent)]
    Fault(#[from] FaultError),
}

impl From<HandError> for CliError {
    fn from(error: HandError) -> Self {
        Self::Hand(error.to_string())
    }
}

/// Where a card is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Reader(usize),
    /// Beside this reader; the highest number was put there last.
    Beside(usize, u64),
}

struct Lying {
    card: SharedCard,
    facts: CardFacts,
    file: Option<PathBuf>,
    at: At,
}

/// Every card on the desk, in the order in which they came.
struct Cards {
    cards: Vec<Lying>,
    /// How often a card was put beside a reader.
    moves: u64,
}

/// Cards and readers, together.
pub(crate) struct Hand {
    readers: Readers,
    timing: Timing,
    control: Option<ReaderControl>,
    cards: Mutex<Cards>,
    seed: u64,
    recorder: Recorder,
}

impl Hand {
    /// Lays the cards out, the first in the first of the readers that takes
    /// one and so on, or beside it. Cards for which there is no reader lie
    /// beside the first. `seed` decides the random numbers of cards from files
    /// that come later.
    pub(crate) fn new(
        cards: Vec<NewCard>,
        readers: Readers,
        (beside, timing): (bool, Timing),
        seed: u64,
        recorder: &Recorder,
    ) -> Self {
        let places = readers.for_cards();
        let mut hand = Self {
            readers,
            timing,
            control: None,
            cards: Mutex::new(Cards {
                cards: Vec::new(),
                moves: 0,
            }),
            seed,
            recorder: recorder.clone(),
        };
        for (index, card) in cards.into_iter().enumerate() {
            let at = match places.get(index) {
                Some((reader, _)) if beside => At::Beside(*reader, 0),
                Some((reader, _)) => At::Reader(*reader),
                None => At::Beside(0, 0),
            };
            let cards = hand.cards.get_mut().unwrap_or_else(PoisonError::into_inner);
            cards.add(card, at, &hand.recorder);
        }
        hand
    }

    /// The readers with their cards in them.
    pub(crate) fn specs(&self) -> Vec<ReaderSpec> {
        let cards = self.lock();
        self.readers.specs(|number| {
            let (_, lying) = cards.inside(number)?;
            Some(Box::new(lying.card.clone()) as _)
        })
    }

    /// From now on these are the readers.
    pub(crate) fn attach(&mut self, control: ReaderControl) {
        self.control = Some(control);
    }

    /// Lays every card that lies beside its reader on it, as a hand does when
    /// the programs run already.
    pub(crate) fn lay_on(&self) -> Result<(), HandError> {
        for (reader, _) in self.readers.for_cards() {
            if self.lock().beside(reader).is_some() {
                match self.insert(reader, None) {
                    // Somebody was quicker.
                    Ok(()) | Err(HandError::Occupied(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Cards> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The readers' own control.
    pub(crate) fn control(&self, reader: usize) -> Result<&ReaderControl, HandError> {
        let none = HandError::NoReader {
            number: reader,
            count: self.readers.count(),
        };
        let control = self.control.as_ref();
        control
            .filter(|_| reader < self.readers.count())
            .ok_or(none)
    }

    /// Puts a card into an empty reader: the one in `file`, or the one that
    /// was taken out of this reader last. Done when the card has been powered.
    pub(crate) fn insert(&self, reader: usize, file: Option<&Path>) -> Result<(), HandError> {
        let control = self.control(reader)?;
        let mut cards = self.lock();
        if cards.inside(reader).is_some() {
            return Err(HandError::Occupied(reader));
        }
        if !self.readers.takes_card(reader) {
            return Err(HandError::Unfit(reader));
        }
        let index = match file {
            Some(file) => self.fetch(&mut cards, reader, file)?,
            None => cards
                .beside(reader)
                .ok_or(HandError::NothingBeside(reader))?,
        };
        self.put(&mut cards, control, index, reader)
    }

    fn put(
        &self,
        cards: &mut Cards,
        control: &ReaderControl,
        index: usize,
        reader: usize,
    ) -> Result<(), HandError> {
        if let Some(lying) = cards.cards.get_mut(index) {
            let door = Box::new(lying.card.clone());
            control.insert_card(reader, self.readers.door(reader, door, self.timing))?;
            lying.at = At::Reader(reader);
        }
        Ok(())
    }

    /// Takes the card out of a reader.
    pub(crate) fn remove(&self, reader: usize) -> Result<(), HandError> {
        let control = self.control(reader)?;
        self.lock().take_out(control, reader)
    }

    /// Takes the card out and puts the one in `file` in: two events. If that
    /// one cannot be had, nothing happens.
    pub(crate) fn swap(&self, reader: usize, file: &Path) -> Result<(), HandError> {
        let control = self.control(reader)?;
        let mut cards = self.lock();
        if cards.inside(reader).is_none() {
            return Err(HandError::NoCard(reader));
        }
        let index = self.fetch(&mut cards, reader, file)?;
        cards.take_out(control, reader)?;
        self.put(&mut cards, control, index, reader)
    }

    /// Resets the card in a reader without taking its power.
    pub(crate) fn reset(&self, reader: usize) -> Result<(), HandError> {
        let control = self.control(reader)?;
        // So that nobody takes it out meanwhile.
        let cards = self.lock();
        if cards.inside(reader).is_none() {
            return Err(HandError::NoCard(reader));
        }
        control.reset_card(reader)?;
        drop(cards);
        Ok(())
    }

    /// The card in `file`: one that lies on the desk already, or a new one.
    fn fetch(&self, cards: &mut Cards, reader: usize, file: &Path) -> Result<usize, HandError> {
        let real = std::fs::canonicalize(file).ok();
        let known = cards
            .cards
            .iter()
            .position(|lying| lying.file.is_some() && lying.file == real);
        if let Some(index) = known {
            return match cards.cards.get(index).map(|lying| lying.at) {
                Some(At::Reader(reader)) => Err(HandError::Elsewhere {
                    file: file.to_path_buf(),
                    reader,
                }),
                _ => Ok(index),
            };
        }
        let (issued, memory) = stored::open(file, self.seed)?;
        let place = At::Beside(reader, cards.moves);
        Ok(cards.add(NewCard::made(issued, memory)?, place, &self.recorder))
    }

    /// Counters and state of the card in a reader, or of the one taken out last.
    pub(crate) fn counters(&self, reader: usize) -> Result<Value, HandError> {
        self.control(reader)?;
        let cards = self.lock();
        let inside = cards.inside(reader).map(|(index, _)| index);
        let index = inside.or_else(|| cards.beside(reader));
        let found = index.and_then(|index| Some((index, cards.cards.get(index)?)));
        let (index, lying) = found.ok_or(HandError::NeverAny(reader))?;
        let seen = lying.card.lock(|card| (card.image(), card.inspect()));
        let (image, now) = seen.ok_or(HandError::NoCard(reader))?;
        Ok(json!({
            "reader": reader,
            "card": index + 1,
            "inserted": inside.is_some(),
            "serial": lying.facts.serial,
            "nis": lying.facts.nis,
            "state": show::state(&image.state),
            "pin_tries": now.pin_tries,
            "pin_tries_max": PIN_TRIES,
            "puk_tries": now.puk_tries,
            "puk_tries_max": PUK_TRIES,
            "pin_as_issued": image.state.pin == image.profile.issued_pin,
            "powered": now.powered,
            "pin_verified": now.pin_verified,
        }))
    }

    /// Every reader, what is in it and who uses it.
    pub(crate) fn list(&self) -> Value {
        let Some(control) = &self.control else {
            return Value::Null;
        };
        let cards = self.lock();
        let (usage, states) = (control.usage(), control.states());
        let readers = (0..self.readers.count()).map(|number| {
            let used = usage.readers.get(number).cloned().unwrap_or_default();
            let inside = cards.inside(number);
            let beside: Vec<_> = cards.all_beside(number).collect();
            json!({
                "number": number,
                "name": self.readers.name(number),
                "takes_card": self.readers.takes_card(number),
                "present": inside.is_some(),
                "card": inside.map(|(index, _)| index + 1),
                "serial": inside.map(|(_, lying)| &lying.facts.serial),
                "file": inside.and_then(|(_, lying)| Some(lying.file.as_ref()?.to_string_lossy())),
                "beside": beside,
                "events": states.get(number).map_or(0, |state| state.event_counter),
                "handles": used.handles,
                "exclusive": used.exclusive,
                "holder": used.holder.as_ref().map(client),
                "queued": used.queued,
            })
        });
        json!({
            "readers": readers.collect::<Vec<_>>(),
            "contexts": usage.contexts,
            "waiting": usage.waiting,
        })
    }

    /// True if a card could not be made.
    pub(crate) fn unmade(&self) -> bool {
        let cards = self.lock();
        let failed = |lying: &Lying| lying.card.failed();
        cards.cards.iter().any(failed)
    }

    /// Counters and status of each card, in the order in which they came.
    pub(crate) fn inspect(&self) -> Vec<Snapshot> {
        let cards = self.lock();
        let inspect = |lying: &Lying| lying.card.lock(|card| card.inspect());
        cards.cards.iter().filter_map(inspect).collect()
    }

    /// What each card holds now.
    pub(crate) fn images(&self) -> Vec<CardImage> {
        let cards = self.lock();
        let image = |lying: &Lying| lying.card.lock(|card| card.image());
        cards.cards.iter().filter_map(image).collect()
    }
}

fn client(client: &Client) -> Value {
    json!({ "client": client.number, "process": client.process, "program": client.program })
}

impl Cards {
    fn add(&mut self, new: NewCard, at: At, recorder: &Recorder) -> usize {
        let number = self.cards.len() + 1;
        let file = new.file().map(Path::to_path_buf);
        let facts = new.known().facts.clone();
        let held = new.held(recorder.observer(number));
        if number > 1 {
            let what = file.as_ref().map(|file| format!("file {}", file.display()));
            recorder.another_card(number, &what.unwrap_or_else(|| "in memory".into()));
        }
        self.cards.push(Lying {
            card: SharedCard(Arc::new(Mutex::new(held))),
            facts,
            file,
            at,
        });
        number - 1
    }

    /// The card in a reader.
    fn inside(&self, reader: usize) -> Option<(usize, &Lying)> {
        let mut cards = self.cards.iter().enumerate();
        cards.find(|(_, lying)| lying.at == At::Reader(reader))
    }

    /// Numbers of the cards beside a reader, from 1.
    fn all_beside(&self, reader: usize) -> impl Iterator<Item = usize> + '_ {
        let beside = move |lying: &Lying| matches!(lying.at, At::Beside(at, _) if at == reader);
        let cards = self.cards.iter().enumerate();
        cards.filter_map(move |(index, lying)| beside(lying).then_some(index + 1))
    }

    /// The card that was put beside a reader last.
    fn beside(&self, reader: usize) -> Option<usize> {
        let moved = |lying: &Lying| match lying.at {
            At::Beside(at, moved) if at == reader => Some(moved),
            _ => None,
        };
        let cards = self.cards.iter().enumerate();
        let beside = cards.filter_map(|(index, lying)| Some((moved(lying)?, index)));
        beside.max().map(|(_, index)| index)
    }

    fn take_out(&mut self, control: &ReaderControl, reader: usize) -> Result<(), HandError> {
        let (index, _) = self.inside(reader).ok_or(HandError::NoCard(reader))?;
        drop(control.remove_card(reader)?);
        self.moves += 1;
        if let Some(lying) = self.cards.get_mut(index) {
            lying.at = At::Beside(reader, self.moves);
        }
        Ok(())
    }
}

/// A card that the reader drives and the desk may look at.
#[derive(Clone)]
pub(crate) struct SharedCard(Arc<Mutex<Held>>);

impl SharedCard {
    pub(crate) fn new(card: Card<Memory>) -> Self {
        Self(Arc::new(Mutex::new(Held::Here(Box::new(card)))))
    }

    fn failed(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failed()
    }

    /// `None` if the card could not be made.
    fn lock<T>(&self, f: impl FnOnce(&mut Card<Memory>) -> T) -> Option<T> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.card().map(f)
    }
}

impl CardDoor for SharedCard {
    fn power_on(&mut self) -> Vec<u8> {
        self.lock(CardDoor::power_on).unwrap_or_default()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.lock(CardDoor::reset).unwrap_or_default()
    }

    fn power_off(&mut self) {
        self.lock(CardDoor::power_off);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.lock(|card| card.transmit(command)).unwrap_or_default()
    }
}

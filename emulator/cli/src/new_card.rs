// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card on its way to the desk. A fresh one is made on a thread of its own,
//! because its signatures take time: meanwhile the desk is laid, and the
//! programs that will use the card start.

use crate::error::CliError;
use crate::stored::Memory;
use cie_card::image::Code;
use cie_card::{Card, CardImage, Observer};
use cie_personalisation::{CardFacts, IssuedCard, Order, State, make};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// A card as it comes to the desk.
pub(crate) struct NewCard {
    known: Known,
    file: Option<PathBuf>,
    source: Source,
}

/// Where a card comes from.
pub(crate) enum Source {
    Here(Box<Card<Memory>>),
    Making(JoinHandle<Result<Card<Memory>, CliError>>),
}

/// What is known of a card before it is made.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) facts: CardFacts,
    /// The PIN it has now.
    pub(crate) pin: Code,
    pub(crate) puk: Code,
    /// The state it was made in.
    pub(crate) state: State,
    /// Id of the chip family.
    pub(crate) family: String,
}

impl NewCard {
    /// A card that was made before.
    pub(crate) fn made(issued: IssuedCard, memory: Memory) -> Result<Self, CliError> {
        let known = Known {
            pin: issued.image.state.pin.clone(),
            puk: issued.image.state.puk.clone(),
            state: issued.state,
            family: issued.image.profile.family.id.clone(),
            facts: issued.facts,
        };
        let file = memory.path().map(Path::to_path_buf);
        let card = Card::new(issued.image, memory, issued.card_seed)?;
        Ok(Self {
            known,
            file,
            source: Source::Here(Box::new(card)),
        })
    }

    /// A card that is made from now on.
    pub(crate) fn ordered(order: Order) -> Self {
        let known = Known {
            facts: order.facts.clone(),
            pin: order.pin.clone(),
            puk: order.puk.clone(),
            state: order.persona().state(),
            family: order.persona().family().id.to_owned(),
        };
        let making = std::thread::spawn(move || {
            let issued = make(&order)?;
            Ok(Card::new(issued.image, Memory::Ram, issued.card_seed)?)
        });
        Self {
            known,
            file: None,
            source: Source::Making(making),
        }
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    /// The file it is in.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What it holds; waits until it is made.
    pub(crate) fn image(self) -> Result<(Self, CardImage), CliError> {
        let (known, file) = (self.known, self.file);
        let card = self.source.card()?;
        let image = card.image();
        let source = Source::Here(card);
        Ok((
            Self {
                known,
                file,
                source,
            },
            image,
        ))
    }

    /// The card itself; waits until it is made.
    pub(crate) fn card(self) -> Result<Card<Memory>, CliError> {
        self.source.card().map(|card| *card)
    }

    /// The card for a reader, watched by `observer`.
    pub(crate) fn held(self, observer: Observer) -> Held {
        Held::Later(Some(Box::new((self.source, observer))))
    }
}

impl Source {
    fn card(self) -> Result<Box<Card<Memory>>, CliError> {
        match self {
            Self::Here(card) => Ok(card),
            Self::Making(making) => match making.join() {
                Ok(made) => made.map(Box::new),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// A card in somebody's hold.
pub(crate) enum Held {
    Here(Box<Card<Memory>>),
    /// Perhaps still being made; nothing is left in it if that failed.
    Later(Option<Box<(Source, Observer)>>),
}

impl Held {
    /// The card; waits until it is made. `None` if that failed, which is told
    /// once; such a card is mute.
    pub(crate) fn card(&mut self) -> Option<&mut Card<Memory>> {
        if let Self::Later(waiting) = self {
            let (source, observer) = *waiting.take()?;
            match source.card() {
                Ok(card) => *self = Self::Here(Box::new(card.with_observer(observer))),
                Err(error) => crate::out::warn(error),
            }
        }
        match self {
            Self::Here(card) => Some(card),
            Self::Later(_) => None,
        }
    }
}

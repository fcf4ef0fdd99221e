// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which readers stand on a desk: plain ones, or those of `--reader-profile`.

mod list;

pub(crate) use list::{HELP, list};

use crate::desk::reader_name;
use crate::error::CliError;
use cie_reader::models::{ListedSlot, MODELS, ReaderModel, lay_out, model};
use cie_reader::{Card, ReaderControl, ReaderError, ReaderSpec};
use clap::{Args, ValueEnum};
use std::fmt;
use std::thread::JoinHandle;

/// Slots that clients of every version see (protocols 4.4 and 4.5).
const MOST_SLOTS: usize = 16;

/// Readers that people have: options of `cie run` and `cie serve`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Profiles {
    /// A reader that people have, one of `cie readers`, with its slots and
    /// names. May be given again. The card is in the first slot that can read it.
    #[arg(long = "reader-profile", value_name = "ID")]
    ids: Vec<String>,
}

/// When a card is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Timing {
    /// It is there from the start.
    #[default]
    Ideal,
    /// It is laid on the reader as the program starts, and noticed as late as
    /// this reader can.
    Real,
}

impl Profiles {
    /// The readers, or `plain` ones of this project if none were named.
    pub(crate) fn desk(&self, plain: usize) -> Result<Readers, CliError> {
        if self.ids.is_empty() {
            return Ok(Readers::Plain(plain));
        }
        let models = self.ids.iter().map(|id| {
            model(id).ok_or_else(|| CliError::Unknown {
                what: "reader profile",
                name: id.clone(),
                known: names(MODELS),
            })
        });
        let slots = lay_out(&models.collect::<Result<Vec<_>, _>>()?);
        if slots.len() > MOST_SLOTS {
            return Err(CliError::TooManySlots(slots.len()));
        }
        Ok(Readers::Models(slots))
    }

    /// What the header of a trace says about readers that are not plain.
    pub(crate) fn header(&self) -> Option<(&'static str, String)> {
        (!self.ids.is_empty()).then(|| ("readers", self.ids.join(",")))
    }
}

/// As on the command line, each option with a blank before it.
impl fmt::Display for Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ids
            .iter()
            .try_for_each(|id| write!(f, " --reader-profile {id}"))
    }
}

fn names(models: &[ReaderModel]) -> String {
    let ids: Vec<_> = models.iter().map(|model| model.id).collect();
    ids.join(", ")
}

/// Readers on a desk, in the order they are listed in.
#[derive(Clone, Debug)]
pub(crate) enum Readers {
    /// So many of this project's own, with a slot each.
    Plain(usize),
    /// Slots of readers that people have.
    Models(Vec<ListedSlot>),
}

impl Readers {
    /// Number and name of every slot that takes a card.
    pub(crate) fn for_cards(&self) -> Vec<(usize, String)> {
        match self {
            Self::Plain(count) => (0..*count).map(|n| (n, reader_name(n))).collect(),
            Self::Models(slots) => slots
                .iter()
                .enumerate()
                .filter(|(_, slot)| slot.takes_card())
                .map(|(number, slot)| (number, slot.name.clone()))
                .collect(),
        }
    }

    /// The readers, with these cards in the first slots that take one. There
    /// may be fewer such slots; then the last cards stay in the hand.
    pub(crate) fn specs(&self, cards: Vec<Card>) -> Vec<ReaderSpec> {
        let mut cards = cards.into_iter();
        match self {
            Self::Plain(count) => (0..*count)
                .map(|number| match cards.next() {
                    Some(card) => ReaderSpec::with_card(reader_name(number), card),
                    None => ReaderSpec::empty(reader_name(number)),
                })
                .collect(),
            Self::Models(slots) => slots
                .iter()
                .map(|slot| {
                    slot.spec(if slot.takes_card() {
                        cards.next()
                    } else {
                        None
                    })
                })
                .collect(),
        }
    }

    /// Lays a card on the first slot that takes one, on a thread that ends when
    /// the card was noticed. `None` if no slot does.
    pub(crate) fn lay_on(
        &self,
        card: Card,
        control: ReaderControl,
    ) -> Option<JoinHandle<Result<(), ReaderError>>> {
        let (number, _) = self.for_cards().into_iter().next()?;
        let card = match self {
            Self::Plain(_) => card,
            Self::Models(slots) => slots.get(number)?.door_when_noticed(card),
        };
        Some(std::thread::spawn(move || {
            control.insert_card(number, card)
        }))
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which readers stand on a desk: plain ones, or those of `--reader-profile`.

mod list;

pub(crate) use list::{HELP, list};

use crate::desk::reader_name;
use crate::error::CliError;
use cie_reader::models::{ListedSlot, MODELS, ReaderModel, lay_out, model};
use cie_reader::{Card, ReaderSpec};
use clap::{Args, ValueEnum};
use std::ffi::OsString;

/// Slots that clients of every version see (protocols 4.4 and 4.5).
const MOST_SLOTS: usize = 16;

/// Readers that people have: options of `cie run` and `cie serve`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Profiles {
    /// A reader that people have, one of `cie readers`, with its slots and
    /// names. May be given again. Cards are in the first slots that can read them.
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
    /// The readers that were named; if none were, `asked` ones of this
    /// project, or as many as there are cards.
    pub(crate) fn desk(&self, asked: Option<u8>, cards: usize) -> Result<Readers, CliError> {
        if self.ids.is_empty() {
            return match asked.map(usize::from) {
                None => Ok(Readers::Plain(cards.max(1))),
                Some(readers) if readers < cards => Err(CliError::TooFewReaders { readers, cards }),
                Some(readers) => Ok(Readers::Plain(readers)),
            };
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

    /// The options that name the same readers again, as on the command line.
    pub(crate) fn options(&self) -> Vec<OsString> {
        let options = self.ids.iter();
        let options = options.flat_map(|id| ["--reader-profile".into(), id.into()]);
        options.collect()
    }

    /// What the header of a trace says about readers that are not plain.
    pub(crate) fn header(&self) -> Option<(&'static str, String)> {
        (!self.ids.is_empty()).then(|| ("readers", self.ids.join(",")))
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

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::Plain(count) => *count,
            Self::Models(slots) => slots.len(),
        }
    }

    /// Name of reader number `number`.
    pub(crate) fn name(&self, number: usize) -> String {
        match self {
            Self::Plain(_) => reader_name(number),
            Self::Models(slots) => slots
                .get(number)
                .map(|slot| slot.name.clone())
                .unwrap_or_default(),
        }
    }

    /// Whether reader number `number` takes a card.
    pub(crate) fn takes_card(&self, number: usize) -> bool {
        match self {
            Self::Plain(count) => number < *count,
            Self::Models(slots) => slots.get(number).is_some_and(ListedSlot::takes_card),
        }
    }

    /// The readers, each with the card that `card` has for its number.
    pub(crate) fn specs(&self, mut card: impl FnMut(usize) -> Option<Card>) -> Vec<ReaderSpec> {
        match self {
            Self::Plain(count) => (0..*count)
                .map(|number| match card(number) {
                    Some(card) => ReaderSpec::with_card(reader_name(number), card),
                    None => ReaderSpec::empty(reader_name(number)),
                })
                .collect(),
            Self::Models(slots) => slots
                .iter()
                .enumerate()
                .map(|(number, slot)| slot.spec(card(number)))
                .collect(),
        }
    }

    /// A card as reader number `number` presents it when it is laid there.
    pub(crate) fn door(&self, number: usize, card: Card, timing: Timing) -> Card {
        let slot = match self {
            Self::Plain(_) => None,
            Self::Models(slots) => slots.get(number),
        };
        match (slot, timing) {
            (None, _) => card,
            (Some(slot), Timing::Ideal) => slot.door(card),
            (Some(slot), Timing::Real) => slot.door_when_noticed(card),
        }
    }
}

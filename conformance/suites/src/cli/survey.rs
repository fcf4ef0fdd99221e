// SPDX-License-Identifier: MIT OR Apache-2.0
//! `survey`: what a card is and does, without touching it.

use super::error::BenchError;
use super::output::{can_be_written, put};
use super::print;
use super::target::{ReaderOptions, family};
use cie_conformance::card::control::family_of;
use cie_conformance::card::reader::ReaderDoor;
use cie_conformance::edges::{Allow, Alone, Link, Papers, Single};
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::survey::{Facts, survey as look};
use clap::Args;
use iso7816_wire::CardDoor;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const HELP: &str = "\
No PIN command is sent, not even an empty one, no proof of device authentication, nothing is written,
and the file holds no byte of the card's holder. Every choice of this project that the card confirms, contradicts or leaves open is
named in it.";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The card in this PC/SC reader: its name, a part of it, or its number from 0
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,
    /// A software card of this family instead
    #[arg(long, conflicts_with = "reader")]
    family: Option<String>,
    #[command(flatten)]
    place: ReaderOptions,
    /// Write the facts to this file; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

pub(super) fn survey(options: &Options) -> Result<ExitCode, BenchError> {
    can_be_written(&options.out)?;
    let facts = match (&options.family, &options.reader) {
        (Some(id), _) => made(Alone(ours::specimen(family(id)?, 1)?.card))?,
        (None, Some(reader)) => made(ReaderDoor::new(options.place.spot(reader)?))?,
        (None, None) => {
            return Err(BenchError::Arguments(
                "say with --reader in which reader the card is, or with --family which software card it is to be"
                    .to_owned(),
            ));
        }
    };
    let text = facts.to_toml()?;
    if options.out.as_os_str() == "-" {
        print(text)?;
        return Ok(ExitCode::SUCCESS);
    }
    let written = put(&options.out, &text);
    let choices = &facts.choices;
    print(format_args!(
        "{} answers; choices: {} confirmed, {} contradicted, {} open\n",
        facts.answers.len(),
        choices.confirmed.len(),
        choices.contradicted.len(),
        choices.open.len()
    ))?;
    written.map(|()| ExitCode::SUCCESS)
}

fn made<D: Link + CardDoor>(mut door: D) -> Result<Facts, BenchError> {
    door.begin();
    let atr = door.power_on();
    let mut ics = Ics::of_a_stranger();
    if let Some(family) = family_of(&atr) {
        ics.card.family = family.id.to_owned();
        ics.card.root_by_aid = family.root_by_aid;
        ics.card.extended_length = family.extended_length();
    }
    let papers = Papers {
        family: ics.card.family.clone(),
        atr,
        root_by_aid: ics.card.root_by_aid,
        extended_length: ics.card.extended_length,
        ..Papers::default()
    };
    let single = Single::protected(door, papers, Allow::default());
    look(single, &ics).map_err(|error| BenchError::Reader(error.to_string()))
}

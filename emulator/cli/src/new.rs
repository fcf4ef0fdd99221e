// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie new`: a card in a file.

use crate::error::CliError;
use crate::out;
use cie_personalisation::{Persona, personalise};
use cie_store::FileStore;
use clap::Args;
use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "\
Examples:
  cie new card.cie
  cie new --seed 7 card.cie && cie codes card.cie
  cie new --persona my-persona.toml card.cie

An existing file is never replaced. The same persona, seed and release give the
same file. It is readable by its owner only; while a card is in use, card.cie.lock
beside it is locked, and that empty file stays.

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file to make.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The holder: a shipped persona, or a persona file.
    #[arg(long, value_name = "NAME|FILE", default_value = "adult")]
    persona: PathBuf,
    /// Decides codes and numbers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn new(options: &Options) -> Result<(), CliError> {
    let issued = personalise(&persona(&options.persona)?, options.seed)?;
    let store = FileStore::create(&options.file, &issued.image)?;
    let facts = &issued.facts;
    out::line(format_args!(
        "{}: {} {}, card {}, NIS {}",
        store.path().display(),
        facts.given_names,
        facts.surname,
        facts.serial,
        facts.nis
    ))
}

fn persona(name: &Path) -> Result<Persona, CliError> {
    let shipped = Persona::shipped();
    if let Some((_, text)) = shipped.iter().find(|(id, _)| Path::new(id) == name) {
        return Ok(Persona::from_toml(text)?);
    }
    match std::fs::read_to_string(name) {
        Ok(text) => Ok(Persona::from_toml(&text)?),
        Err(_) if !name.exists() => Err(CliError::NoPersona {
            name: name.display().to_string(),
            known: shipped
                .iter()
                .map(|(id, _)| *id)
                .collect::<Vec<_>>()
                .join(", "),
        }),
        Err(error) => Err(CliError::io("read the persona", name)(error)),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie new`: a card in a file.

use crate::error::CliError;
use crate::out;
use crate::who::Who;
use cie_personalisation::personalise;
use cie_store::FileStore;
use clap::Args;
use std::path::PathBuf;

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
    #[command(flatten)]
    who: Who,
    /// Decides codes and numbers.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn new(options: &Options) -> Result<(), CliError> {
    let issued = personalise(&options.who.persona()?, options.seed)?;
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie codes`: PIN and PUK as issued, whole or in the halves that citizens get
//! (section 12 of the card facts).

use crate::error::CliError;
use crate::out;
use cie_card::image::Code;
use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Examples:
  cie codes card.cie
  cie codes --half receipt card.cie
  cie codes --json card.cie | jq -r .pin

A reprint has the codes as they were issued. If the PIN was changed since, a
warning says so on standard error; the PIN now is printed nowhere.

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The card file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only the half that is on this paper.
    #[arg(long)]
    half: Option<Half>,
    /// A JSON object, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Half {
    /// First four digits, from the counter.
    Receipt,
    /// Last four digits, from the letter with the card.
    Letter,
}

pub(crate) fn codes(options: &Options) -> Result<(), CliError> {
    let image = cie_store::read(&options.file)?;
    let profile = &image.profile;
    let shown = |code: &Code| match options.half {
        None => code.expose().to_owned(),
        Some(Half::Receipt) => code.first_half().to_owned(),
        Some(Half::Letter) => code.last_half().to_owned(),
    };
    let (pin, puk) = (shown(&profile.issued_pin), shown(&profile.issued_puk));
    let as_issued = image.state.pin == profile.issued_pin;
    if options.json {
        let object = json!({ "pin": pin, "puk": puk, "pin_as_issued": as_issued });
        out::line(format_args!("{object:#}"))?;
    } else {
        out::line(format_args!("PIN {pin}\nPUK {puk}"))?;
    }
    if !as_issued {
        out::warn(
            "warning: the PIN of this card was changed since it was issued; the one above is the old one",
        );
    }
    Ok(())
}

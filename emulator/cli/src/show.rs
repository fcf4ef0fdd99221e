// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie show`: a card file in words, without its secrets.

use crate::error::CliError;
use crate::{out, stored};
use cie_card::image::{CardState, IMAGE_VERSION, PIN_TRIES, PUK_TRIES};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

pub(crate) const HELP: &str = "\
Examples:
  cie show card.cie
  cie show --json card.cie | jq .pin_tries

It may be in use by another command: what it shows is the last commit.
States: fresh, used (tries are gone, more than one is left), pin-1-left,
pin-blocked, puk-1-left, puk-dead; of two, the worse. Beside it stands the --state
it was made with, if it was not fresh.

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The card file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A JSON object, for programs.
    #[arg(long)]
    json: bool,
}

/// The state that the counters tell.
pub(crate) fn state(state: &CardState) -> &'static str {
    match (state.puk_tries, state.pin_tries) {
        (0, _) => "puk-dead",
        (1, _) => "puk-1-left",
        (_, 0) => "pin-blocked",
        (_, 1) => "pin-1-left",
        (PUK_TRIES, PIN_TRIES) => "fresh",
        _ => "used",
    }
}

pub(crate) fn show(options: &Options) -> Result<(), CliError> {
    let image = cie_store::read(&options.file)?;
    let facts = stored::facts(&image);
    let (now, profile) = (&image.state, &image.profile);
    let family = out::printable(&profile.family.id);
    let as_issued = now.pin == profile.issued_pin;
    if options.json {
        return out::line(format_args!(
            "{:#}",
            json!({
                "file": options.file.to_string_lossy(),
                "format": IMAGE_VERSION,
                "family": family,
                "atr": hex::encode_upper(&profile.family.atr),
                "state": state(now),
                "made_as": profile.made_as.as_deref().unwrap_or("fresh"),
                "pin_tries": now.pin_tries,
                "puk_tries": now.puk_tries,
                "pin_as_issued": as_issued,
                "given_names": facts.given_names,
                "surname": facts.surname,
                "fiscal_code": facts.fiscal_code,
                "nis": facts.nis,
                "serial": facts.serial,
            })
        ));
    }
    out::line(format_args!(
        "holder       {} {}",
        facts.given_names, facts.surname
    ))?;
    out::line(format_args!("fiscal code  {}", facts.fiscal_code))?;
    out::line(format_args!("card         {}", facts.serial))?;
    out::line(format_args!("NIS          {}", facts.nis))?;
    out::line(format_args!("family       {family}"))?;
    out::line(format_args!("state        {}", state(now)))?;
    if let Some(made_as) = &profile.made_as {
        out::line(format_args!("made as      {made_as}"))?;
    }
    out::line(format_args!(
        "PIN tries    {} of {PIN_TRIES}",
        now.pin_tries
    ))?;
    out::line(format_args!(
        "PUK tries    {} of {PUK_TRIES}",
        now.puk_tries
    ))?;
    let pin = if as_issued {
        "as issued"
    } else {
        "changed since it was issued"
    };
    out::line(format_args!("PIN          {pin}"))
}

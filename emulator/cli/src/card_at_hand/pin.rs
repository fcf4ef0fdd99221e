// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie pin`: how many tries are left, a new PIN by the old one, or by the PUK.

use super::error::PersonError;
use super::reader::CardOptions;
use super::secret::{NewPinOptions, PinOptions, PukOptions, Wanted};
use super::visit::{Found, Tries, Visit, find};
use crate::error::CliError;
use crate::out;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_terminal::steps::code::{Code, Reference};
use clap::{Args, Subcommand};
use serde_json::json;

pub(crate) const HELP: &str = "\
Examples:
  cie pin tries
  cie pin change
  cie pin unblock
  cie run -- cie pin change --pin-env CIE_PIN --new-pin-file new.txt
  cie pin unblock --keep-pin --puk-file <(pass show cie/puk)

A code is asked for once and sent once; with one try left it is not sent without
--take-last-try. Codes are never arguments: those can be seen by everybody.

Exit codes: 0 done, 1 refused (wrong code, blocked, or a last try that was kept
back), 2 wrong arguments or no code, 130 ended at the prompt, 125 anything else.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell how many tries PIN and PUK have left. Costs none.
    Tries {
        #[command(flatten)]
        card: CardOptions,
        /// A JSON object, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Set a new PIN in place of the old one.
    Change {
        #[command(flatten)]
        card: CardOptions,
        #[command(flatten)]
        pin: PinOptions,
        #[command(flatten)]
        new_pin: NewPinOptions,
        /// A JSON object, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Set a new PIN with the PUK, also in place of one that is blocked or forgotten.
    Unblock {
        #[command(flatten)]
        card: CardOptions,
        #[command(flatten)]
        puk: PukOptions,
        #[command(flatten)]
        new_pin: NewPinOptions,
        /// Leave the PIN as it is, and give it all its tries again.
        #[arg(long, conflicts_with_all = ["new_pin_file", "new_pin_env"])]
        keep_pin: bool,
        /// A JSON object, for programs.
        #[arg(long)]
        json: bool,
    },
}

/// Does what was asked.
pub(crate) fn pin(options: &Options) -> Result<(), CliError> {
    match &options.action {
        Action::Tries { card, json } => {
            let found = super::told(*json, find(card).map_err(CliError::from))?;
            tell(*json, None, found.tries)
        }
        Action::Change {
            card,
            pin,
            new_pin,
            json,
        } => {
            let changed = change(card, &pin.wanted(), &new_pin.wanted());
            tell(
                *json,
                Some("The PIN is the new one."),
                super::told(*json, changed)?,
            )
        }
        Action::Unblock {
            card,
            puk,
            new_pin,
            keep_pin,
            json,
        } => {
            let new_pin = new_pin.wanted();
            let new_pin = (!keep_pin).then_some(&new_pin);
            let unblocked = unblock(card, &puk.wanted(), new_pin);
            let done = match new_pin {
                Some(_) => "The PIN is the new one.",
                None => "The PIN is the old one, with all its tries.",
            };
            tell(*json, Some(done), super::told(*json, unblocked)?)
        }
    }
}

fn change(card: &CardOptions, pin: &Wanted<'_>, new: &Wanted<'_>) -> Result<Tries, CliError> {
    let found = find(card)?;
    found.tries.allow(Reference::Pin, found.last)?;
    let old = pin.get(&question("PIN", found.tries.pin))?;
    let new = new_code(new)?;
    if old == new {
        return Err(PersonError::SamePin.into());
    }
    visited(&found, Reference::Pin, |visit| visit.change(&old, &new))
}

fn unblock(
    card: &CardOptions,
    puk: &Wanted<'_>,
    new: Option<&Wanted<'_>>,
) -> Result<Tries, CliError> {
    let found = find(card)?;
    found.tries.allow(Reference::Puk, found.last)?;
    let code = puk.get(&question("PUK", found.tries.puk))?;
    let new = new.map(new_code).transpose()?;
    visited(&found, Reference::Puk, |visit| {
        visit.verify(Reference::Puk, &code)?;
        visit.unblock(new.as_ref())
    })
}

/// One visit, and the tries after it.
fn visited(
    found: &Found,
    reference: Reference,
    work: impl FnOnce(&mut Visit) -> Result<(), PersonError>,
) -> Result<Tries, CliError> {
    let mut visit = Visit::enter(found, reference)?;
    let outcome = work(&mut visit);
    visit.leave();
    outcome?;
    Ok(Visit::look(&found.reader)?)
}

/// What to ask a person for a code with so many tries left.
pub(super) fn question(name: &str, left: Option<u8>) -> String {
    match left {
        Some(1) => format!("{name} (the last try)"),
        Some(left) => format!("{name} ({left} tries left)"),
        None => name.to_owned(),
    }
}

/// A new PIN; a person types it twice.
fn new_code(wanted: &Wanted<'_>) -> Result<Code, CliError> {
    let new = wanted.get("New PIN, eight digits")?;
    if wanted.is_asked() && wanted.get("The new PIN again")? != new {
        return Err(PersonError::NotTheSame.into());
    }
    Ok(new)
}

fn tell(json: bool, done: Option<&str>, tries: Tries) -> Result<(), CliError> {
    if json {
        return out::line(format_args!(
            "{:#}",
            json!({
                "done": true,
                "pin_tries_left": tries.pin,
                "puk_tries_left": tries.puk,
            })
        ));
    }
    if let Some(done) = done {
        out::line(done)?;
    }
    let line = |name: &str, left: Option<u8>, of: u8, blocked: &str| match left {
        Some(0) => format!("{name} tries left: none of {of}; {blocked}"),
        Some(left) => format!("{name} tries left: {left} of {of}"),
        None => format!("{name} tries left: the card does not say"),
    };
    out::line(line(
        "PIN",
        tries.pin,
        PIN_TRIES,
        "blocked, `cie pin unblock` sets a new one with the PUK",
    ))?;
    out::line(line("PUK", tries.puk, PUK_TRIES, "blocked for ever"))
}

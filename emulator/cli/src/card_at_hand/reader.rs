// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which reader: the one that was named, or the only one with a CIE.

use super::error::PersonError;
use super::visit::Visit;
use crate::out;
use cie_terminal::pcsc::{self, Context, ReaderState, SYSTEM_SOCKET};
use clap::Args;
use std::path::PathBuf;

/// Options of every command that needs a card.
#[derive(Debug, Args)]
pub(crate) struct CardOptions {
    /// The reader: its name, a part of it that no other has, or its number from
    /// 1. Without it, the only one with a CIE.
    #[arg(long, value_name = "NAME|N", help_heading = "Card")]
    reader: Option<String>,
    /// Send a code even if it has one try left. A wrong one then blocks the
    /// PIN, and a wrong PUK ends the card's digital identity for ever.
    #[arg(long, help_heading = "Card")]
    pub(crate) take_last_try: bool,
}

/// The PC/SC server: where `PCSCLITE_CSOCK_NAME` says, else the system's.
pub(super) fn socket() -> PathBuf {
    let named = std::env::var_os("PCSCLITE_CSOCK_NAME").filter(|path| !path.is_empty());
    named.map_or_else(|| SYSTEM_SOCKET.into(), PathBuf::from)
}

/// The name of the reader with the card.
pub(super) fn choose(options: &CardOptions) -> Result<String, PersonError> {
    let readers = Context::open(socket(), pcsc::Options::default())?.readers()?;
    if readers.is_empty() {
        return Err(PersonError::NoReaders);
    }
    if let Some(wanted) = &options.reader {
        let reader = named(&readers, wanted)?;
        if !reader.card_present() {
            let readers = quoted([reader]);
            return Err(PersonError::NoCard { readers });
        }
        return Ok(reader.name.clone());
    }
    let full: Vec<&ReaderState> = readers.iter().filter(|r| r.card_present()).collect();
    match full.as_slice() {
        [] => Err(PersonError::NoCard {
            readers: quoted(&readers),
        }),
        [only] => Ok(only.name.clone()),
        several => {
            let mut last = None;
            let mut with_cie = Vec::new();
            for reader in several {
                match Visit::look(&reader.name) {
                    Ok(_) => with_cie.push(*reader),
                    Err(error) => last = Some(error),
                }
            }
            match (with_cie.as_slice(), last) {
                ([only], _) => Ok(only.name.clone()),
                ([], Some(error)) => Err(error),
                _ => Err(PersonError::SeveralCards {
                    known: numbered(&readers, |r| with_cie.iter().any(|w| w.name == r.name)),
                }),
            }
        }
    }
}

fn named<'a>(readers: &'a [ReaderState], wanted: &str) -> Result<&'a ReaderState, PersonError> {
    if let Some(exact) = readers.iter().find(|r| r.name == wanted) {
        return Ok(exact);
    }
    let number = wanted.parse::<usize>().ok();
    if let Some(reader) = number.and_then(|n| readers.get(n.checked_sub(1)?)) {
        return Ok(reader);
    }
    let lower = wanted.to_lowercase();
    let fits = |r: &&ReaderState| r.name.to_lowercase().contains(&lower);
    let found: Vec<&ReaderState> = readers.iter().filter(fits).collect();
    let wanted = wanted.to_owned();
    match found.as_slice() {
        [only] => Ok(only),
        [] => Err(PersonError::NoSuchReader {
            wanted,
            known: numbered(readers, |_| true),
        }),
        _ => Err(PersonError::AmbiguousReader {
            wanted,
            known: numbered(readers, |r| found.iter().any(|f| f.name == r.name)),
        }),
    }
}

/// Their numbers and names.
fn numbered(readers: &[ReaderState], which: impl Fn(&ReaderState) -> bool) -> String {
    let of = readers.iter().enumerate().filter(|(_, r)| which(r));
    let words = of.map(|(index, r)| format!("{} {:?}", index + 1, out::printable(&r.name)));
    words.collect::<Vec<_>>().join(", ")
}

fn quoted<'a>(readers: impl IntoIterator<Item = &'a ReaderState>) -> String {
    let names = readers
        .into_iter()
        .map(|r| format!("{:?}", out::printable(&r.name)));
    names.collect::<Vec<_>>().join(", ")
}

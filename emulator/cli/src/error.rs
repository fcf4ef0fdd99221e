// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person reads when a command cannot do its work, and the exit codes.

use crate::card_at_hand::error::PersonError;
use crate::control::BadFault;
use cie_card::CardError;
use cie_personalisation::{PersonaError, PersonalisationError, PkiError};
use cie_reader::ReaderError;
use cie_reader::vpcd::{Address, VpcdError};
use cie_store::StoreError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// `cie` itself failed; the child's own exit codes stay below.
pub(crate) const EXIT_FAILURE: u8 = 125;
/// A running `cie` refused what `cie control` asked.
pub(crate) const EXIT_REFUSED: u8 = 1;
/// The arguments do not fit together.
pub(crate) const EXIT_ARGUMENTS: u8 = 2;
/// The child was found and could not be started.
pub(crate) const EXIT_NOT_EXECUTABLE: u8 = 126;
/// The child was not found.
pub(crate) const EXIT_NOT_FOUND: u8 = 127;

/// Everything that can stop a command.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error("the card could not be personalised: {0}")]
    Personalisation(#[from] PersonalisationError),
    #[error("the card could not be made, so the program found none that answers")]
    NotMade,
    #[error("the test PKI could not be made: {0}")]
    Pki(#[from] PkiError),
    #[error("the persona cannot be used: {0}")]
    Persona(#[from] PersonaError),
    #[error("the persona in {} cannot be used: {source}", path.display())]
    PersonaFile { path: PathBuf, source: PersonaError },
    #[error("there is no {what} {name:?}; there are {known}")]
    Unknown {
        what: &'static str,
        name: String,
        known: String,
    },
    #[error("the card could not be built from its image: {0}")]
    Card(#[from] CardError),
    #[error("the virtual reader could not be started: {0}")]
    Reader(#[from] ReaderError),
    #[error("vpcd: {0}{with}", with = option_for(.0))]
    Vpcd(#[from] VpcdError),
    #[error("no card at {address} within {seconds} s{hint}")]
    NoForeignCard {
        address: Address,
        seconds: u64,
        hint: String,
    },
    #[error(transparent)]
    Person(#[from] PersonError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the card file {} is used twice in this command", .0.display())]
    UsedTwice(PathBuf),
    #[error("these readers have {0} slots, and programs of every age see 16; name fewer")]
    TooManySlots(usize),
    #[error(
        "{cards} card(s) and {slots} slot(s) that can read one; name more contactless readers with --reader-profile"
    )]
    TooFewSlots { cards: usize, slots: usize },
    #[error("{} is not empty; name a new folder, nothing in this one is touched", .0.display())]
    NotEmpty(PathBuf),
    #[error(
        "{cards} cards and {readers} readers: each card needs a reader of its own; \
         raise --readers or leave it out"
    )]
    TooFewReaders { readers: usize, cards: usize },
    #[error("the card could not be laid on its reader: {0}")]
    Hand(String),
    #[error(transparent)]
    Fault(BadFault),
    #[error("{0}")]
    Refused(String),
    #[error(
        "the file's name does not fit into a line: it has a line end or a blank at its end, or is not UTF-8; rename it"
    )]
    NoLine,
    #[error(
        "nobody controls readers at {}; `cie run` gives its program CIE_CONTROL, and \
         `cie serve` prints it",
        .0.display()
    )]
    NoControl(PathBuf),
    #[error("two personas have the id {0:?}, which names their files; give each an id of its own")]
    SameId(String),
    #[error("no `cie serve` is running at {}; start one, or name its socket with --pcsc", .0.display())]
    NoServer(PathBuf),
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("cannot start `{program}`: {source}")]
    Start { program: String, source: io::Error },
    #[error("cannot wait for the child or for signals: {0}")]
    Wait(io::Error),
    #[error("the citizen's story broke off at \"{step}\": {reason}")]
    Story { step: &'static str, reason: String },
}

/// The option that allows what the library refused.
fn option_for(error: &VpcdError) -> &'static str {
    match error {
        VpcdError::Open(_) => " with --vpcd-any-address",
        _ => "",
    }
}

impl CliError {
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Start { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                EXIT_NOT_FOUND
            }
            Self::Start { .. } => EXIT_NOT_EXECUTABLE,
            Self::Person(error) => error.exit_code(),
            Self::Refused(_) => EXIT_REFUSED,
            Self::TooFewReaders { .. } | Self::Fault(_) => EXIT_ARGUMENTS,
            _ => EXIT_FAILURE,
        }
    }
}

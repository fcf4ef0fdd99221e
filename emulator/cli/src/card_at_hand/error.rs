// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person reads when the card on a reader, a document or a server says
//! no: what happened, what it means, what to do next.

use crate::error::{EXIT_ARGUMENTS, EXIT_FAILURE, EXIT_REFUSED};
use cie_signatures::chain::TrustError;
use cie_signatures::cms::CmsError;
use cie_signatures::pdf::PdfError;
use cie_terminal::pcsc::{PcscError, ScardCode};
use cie_terminal::{Error as StepError, TransportError};
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Ended by Ctrl-C, as a shell would say it.
const EXIT_INTERRUPTED: u8 = 130;

/// Everything that can stop a command for people.
#[derive(Debug, Error)]
pub(crate) enum PersonError {
    #[error(transparent)]
    Pcsc(#[from] PcscError),
    #[error("the card: {0}")]
    Step(StepError),
    #[error("there is no reader; connect one")]
    NoReaders,
    #[error("there is no card on {readers}; lay the card on the reader and try again")]
    NoCard { readers: String },
    #[error("no reader is called {wanted:?}; there are: {known}")]
    NoSuchReader { wanted: String, known: String },
    #[error("{wanted:?} fits several readers: {known}; name one with --reader, or its number")]
    AmbiguousReader { wanted: String, known: String },
    #[error("the card on {reader} is no CIE 3.0, or cannot be read ({reason})")]
    NotCie { reader: String, reason: String },
    #[error("there is a CIE on several readers: {known}; name one with --reader, or its number")]
    SeveralCards { known: String },
    #[error(
        "the reader is in use by another program, and was for {0} seconds; \
         close that program or wait for it"
    )]
    Busy(u64),

    #[error(
        "wrong PIN; {left} left. After that the PIN is blocked and only the PUK helps (cie pin unblock)",
        left = tries(*left)
    )]
    WrongPin { left: u8 },
    #[error(
        "wrong PIN; the card does not say how many tries are left. Do not guess: three wrong ones in a row block it"
    )]
    WrongPinUncounted,
    #[error(
        "wrong PIN, and it was the last try: the PIN is blocked now. \
         `cie pin unblock` sets a new one with the PUK"
    )]
    PinBlockedNow,
    #[error(
        "the PIN is blocked after three wrong tries; nothing was sent. \
         `cie pin unblock` sets a new one with the PUK"
    )]
    PinBlocked,
    #[error(
        "the PIN has one try left, so it was not sent. If you are sure of it, say --take-last-try: \
         the right PIN brings all three tries back, a wrong one blocks it. \
         Else set a new PIN with the PUK: cie pin unblock"
    )]
    LastPinTry,
    #[error(
        "wrong PUK; {left} left. After that nothing unblocks this card again: its PIN, \
         certificate and signature are lost for ever",
        left = tries(*left)
    )]
    WrongPuk { left: u8 },
    #[error("wrong PUK; the card does not say how many tries are left. Do not guess")]
    WrongPukUncounted,
    #[error(
        "wrong PUK, and it was the last try: the PUK is blocked for ever, and with it PIN, \
         certificate and signature. The card remains an identity document; for a digital \
         identity it must be issued again"
    )]
    PukBlockedNow,
    #[error(
        "the PUK is blocked after ten wrong tries, for ever; nothing was sent. The card remains an \
         identity document; for a digital identity it must be issued again"
    )]
    PukBlocked,
    #[error(
        "the PUK has one try left, so it was not sent. If you are sure of it, say --take-last-try: \
         the right PUK brings all ten tries back, a wrong one ends the card's digital identity for \
         ever. A lost PUK can be had again from the issuer"
    )]
    LastPukTry,
    #[error(
        "the card does not say how many tries the {0} has left, so it was not sent; \
         it may be the last one. If you are sure of it, say --take-last-try"
    )]
    TriesUnknown(&'static str),

    #[error("a {0} has exactly eight digits 0 to 9; nothing was sent to the card")]
    NoCode(&'static str),
    #[error(
        "these four digits are half a {0}: its first half is on the receipt from the counter, \
         its second half in the letter with the card; together they are the {0}. Nothing was \
         sent to the card"
    )]
    HalfCode(&'static str),
    #[error("the two new PINs differ; nothing was changed")]
    NotTheSame,
    #[error("the new PIN is the old one; nothing was changed")]
    SamePin,
    #[error("the card does not take this new PIN: {0}; the PIN is the old one still")]
    NewPinRefused(StepError),
    #[error(
        "there is no terminal to ask for the {name}; name a file with --{option}-file, \
         or a variable with --{option}-env"
    )]
    NoTerminal {
        name: &'static str,
        option: &'static str,
    },
    #[error("the terminal cannot be asked: {0}")]
    Terminal(io::Error),
    #[error("the variable {0} is not set, or is no text")]
    NoVariable(String),
    #[error("given up at the prompt; nothing was sent to the card")]
    Cancelled,

    #[error("{} is there already; name another file with --out, or say --force", .0.display())]
    Exists(PathBuf),
    #[error("{} would be written over what is to be signed; name another file with --out", .0.display())]
    OverItself(PathBuf),
    #[error("{} was changed while it was being signed; nothing was written", .0.display())]
    FileChanged(PathBuf),
    #[error("{} has more than {limit} MiB, and {what}", path.display())]
    TooLarge {
        path: PathBuf,
        limit: u64,
        what: &'static str,
    },
    #[error("{}: {source}", path.display())]
    Cms { path: PathBuf, source: CmsError },
    #[error("{}: {source}", path.display())]
    Pdf { path: PathBuf, source: PdfError },
    #[error("{}: {source}", path.display())]
    Trust { path: PathBuf, source: TrustError },
    #[error("{} is no PDF, and --pades is for PDFs; sign it as a file with --cades", .0.display())]
    NotPdf(PathBuf),
    #[error(
        "the content is not in {}, but beside it; name it with --content",
        .0.display()
    )]
    NoContent(PathBuf),
    #[error("{} has its content inside; leave --content out", .0.display())]
    TwoContents(PathBuf),
    #[error("the card's signature does not fit its own certificate; nothing was written")]
    BadSignature,
    #[error("{0:?} is no time; write it as 2026-01-31T12:00:00Z")]
    NoTime(String),
    #[error("the clock of this computer cannot be used: {0}")]
    Clock(String),

    #[error(transparent)]
    Login(#[from] super::login::LoginError),
}

fn tries(left: u8) -> String {
    match left {
        1 => "1 try is".to_owned(),
        left => format!("{left} tries are"),
    }
}

impl From<StepError> for PersonError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Transport(TransportError::Pcsc(error)) => Self::Pcsc(error),
            error => Self::Step(error),
        }
    }
}

impl PersonError {
    /// A word for programs.
    fn word(&self) -> &'static str {
        match self {
            Self::NoReaders | Self::NoSuchReader { .. } => "no-reader",
            Self::NoCard { .. } => "no-card",
            Self::AmbiguousReader { .. } | Self::SeveralCards { .. } => "several",
            Self::NotCie { .. } => "not-a-cie",
            Self::Busy(_) => "busy",
            Self::WrongPin { .. } | Self::WrongPinUncounted => "wrong-pin",
            Self::PinBlockedNow | Self::PinBlocked => "pin-blocked",
            Self::LastPinTry => "last-pin-try",
            Self::WrongPuk { .. } | Self::WrongPukUncounted => "wrong-puk",
            Self::PukBlockedNow | Self::PukBlocked => "puk-blocked",
            Self::LastPukTry => "last-puk-try",
            Self::TriesUnknown(_) => "tries-unknown",
            Self::NoCode(_) | Self::HalfCode(_) => "not-a-code",
            Self::NotTheSame | Self::SamePin | Self::NewPinRefused(_) => "new-pin-refused",
            Self::NoTerminal { .. } | Self::Terminal(_) | Self::NoVariable(_) => "no-code-given",
            Self::Cancelled => "cancelled",
            Self::Exists(_) | Self::OverItself(_) => "exists",
            Self::Login(error) => error.word(),
            Self::Pcsc(error) if error.code() == Some(ScardCode::RemovedCard) => "card-removed",
            _ => "failed",
        }
    }

    /// The failure as an object for programs.
    pub(crate) fn to_json(&self) -> Value {
        let mut object =
            json!({ "done": false, "error": self.word(), "message": self.to_string() });
        let (key, left) = match self {
            Self::WrongPin { left } => ("pin_tries_left", *left),
            Self::PinBlocked | Self::PinBlockedNow => ("pin_tries_left", 0),
            Self::LastPinTry => ("pin_tries_left", 1),
            Self::WrongPuk { left } => ("puk_tries_left", *left),
            Self::PukBlocked | Self::PukBlockedNow => ("puk_tries_left", 0),
            Self::LastPukTry => ("puk_tries_left", 1),
            _ => return object,
        };
        if let Some(object) = object.as_object_mut() {
            object.insert(key.into(), left.into());
        }
        object
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::WrongPin { .. }
            | Self::WrongPinUncounted
            | Self::PinBlockedNow
            | Self::PinBlocked
            | Self::LastPinTry
            | Self::WrongPuk { .. }
            | Self::WrongPukUncounted
            | Self::PukBlockedNow
            | Self::PukBlocked
            | Self::LastPukTry
            | Self::TriesUnknown(_)
            | Self::NewPinRefused(_) => EXIT_REFUSED,
            Self::Login(error) if error.is_refusal() => EXIT_REFUSED,
            Self::NoCode(_)
            | Self::HalfCode(_)
            | Self::NotTheSame
            | Self::SamePin
            | Self::NotPdf(_)
            | Self::NoTime(_)
            | Self::TwoContents(_)
            | Self::NoContent(_) => EXIT_ARGUMENTS,
            Self::Cancelled => EXIT_INTERRUPTED,
            _ => EXIT_FAILURE,
        }
    }
}

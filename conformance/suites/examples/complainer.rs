// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gives a module a defect that people have complained of:
//! `cie-conformance known --module PATH --under "complainer DEFECT" REPORT`.
//!
//! It stands between the bench and the module's process, passes on what each
//! says, and answers in the module's place where a middleware with the defect
//! would. What it goes by is what is in the readers at that moment, so the same
//! defect shows with one card and not with another.
//!
//! | defect | what is refused, or worse |
//! |---|---|
//! | `knows=FAMILY,FAMILY` | every card whose ATR is none of these families' |
//! | `dies=FAMILY,FAMILY` | nothing: the process aborts at a card of these; `none` is a card without an ATR |
//! | `dies-of-errors` | nothing: the process aborts when a signature fails |
//! | `root-by-aid` | every card that does not let its root be selected by AID |
//! | `first-reader` | every card, unless the first reader has a CIE in it |
//! | `first-card` | every card but the first one of this home |
//! | `murmurs` | nothing: it writes all the time while there is no reader |

use cie_driver::{Answer, Request};
use cie_personalisation::FAMILIES;
use cie_terminal::pcsc::{Card, Context, Disposition, Options, PcscError, ReaderState};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

/// SELECT of the root by its AID, without an answer.
const BY_AID: [u8; 18] = [
    0x00, 0xA4, 0x04, 0x0C, 0x0D, 0xA0, 0x00, 0x00, 0x00, 0x30, 0x80, 0x00, 0x00, 0x00, 0x09, 0x81,
    0x60, 0x01,
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    let usage = "complainer DEFECT PROGRAM ARGUMENTS";
    let defect = words.next().ok_or(usage)?;
    let defect = Defect::of(defect.to_str().ok_or(usage)?).ok_or(usage)?;
    let mut child = Command::new(words.next().ok_or(usage)?)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut to_module = child.stdin.take().ok_or(usage)?;
    let mut from_module = BufReader::new(child.stdout.take().ok_or(usage)?);
    if defect == Defect::Murmurs {
        std::thread::spawn(murmur);
    }
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if defect.meets(&serde_json::from_str(&line)?)? {
            let refused = Answer::Refused {
                rv: "CKR_TOKEN_NOT_RECOGNIZED".to_owned(),
                attempts: None,
            };
            writeln!(out, "{}", serde_json::to_string(&refused)?)?;
        } else {
            writeln!(to_module, "{line}")?;
            let mut answer = String::new();
            from_module.read_line(&mut answer)?;
            if defect == Defect::DiesOfErrors && answer.contains("\"refused\"") {
                std::process::abort();
            }
            out.write_all(answer.as_bytes())?;
        }
        out.flush()?;
    }
    drop(to_module);
    let status = child.wait()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Defect {
    Knows(Vec<String>),
    Dies(Vec<String>),
    DiesOfErrors,
    RootByAid,
    FirstReader,
    FirstCard,
    Murmurs,
}

impl Defect {
    fn of(text: &str) -> Option<Self> {
        let (name, families) = text.split_once('=').unwrap_or((text, ""));
        let families: Vec<_> = families.split(',').map(str::to_owned).collect();
        match name {
            "knows" => Some(Self::Knows(families)),
            "dies" => Some(Self::Dies(families)),
            "dies-of-errors" => Some(Self::DiesOfErrors),
            "root-by-aid" => Some(Self::RootByAid),
            "first-reader" => Some(Self::FirstReader),
            "first-card" => Some(Self::FirstCard),
            "murmurs" => Some(Self::Murmurs),
            _ => None,
        }
    }

    /// Whether a middleware with this defect refuses that now.
    fn meets(&self, request: &Request) -> Result<bool, Box<dyn Error>> {
        let begins = matches!(
            request,
            Request::Open(_) | Request::Login { .. } | Request::Enrol(_)
        );
        let looks = matches!(request, Request::Slots { .. }) && matches!(self, Self::Dies(_));
        if !begins && !looks {
            return Ok(false);
        }
        let readers = readers()?;
        let card = readers.iter().find(|reader| family(reader).is_some());
        let card = card.or_else(|| readers.iter().find(|reader| reader.card_present()));
        let Some(card) = card else {
            return Ok(false);
        };
        let is_one_of = |families: &[String]| {
            let id = family(card).unwrap_or("none");
            families.iter().any(|family| family == id)
        };
        Ok(match self {
            Self::Knows(families) => !is_one_of(families),
            Self::Dies(families) if is_one_of(families) => std::process::abort(),
            Self::FirstReader => readers.first().and_then(family).is_none(),
            Self::FirstCard => {
                let file = home()?.join("first-card");
                let atr = hex::encode(&card.atr);
                if !file.exists() {
                    std::fs::write(&file, &atr)?;
                }
                std::fs::read_to_string(&file)? != atr
            }
            Self::RootByAid => {
                let mut card = Card::connect(context()?, &card.name)?;
                card.begin_transaction(Duration::from_secs(5))?;
                let handle = card.handle();
                let answer = card.context().transmit(handle, &BY_AID)?;
                card.end_transaction(Disposition::Leave)?;
                card.disconnect(Disposition::Leave)?;
                !answer.ends_with(&[0x90, 0x00])
            }
            Self::Dies(_) | Self::DiesOfErrors | Self::Murmurs => false,
        })
    }
}

fn home() -> Result<PathBuf, Box<dyn Error>> {
    Ok(std::env::var_os("HOME").ok_or("no HOME")?.into())
}

fn context() -> Result<Context, PcscError> {
    let socket = std::env::var_os("PCSCLITE_CSOCK_NAME").unwrap_or_default();
    Context::open(PathBuf::from(socket), Options::default())
}

fn readers() -> Result<Vec<ReaderState>, PcscError> {
    context()?.readers()
}

/// The family of the card in a reader, by its ATR.
fn family(reader: &ReaderState) -> Option<&'static str> {
    let found = FAMILIES.iter().find(|family| family.atr == reader.atr);
    found.map(|family| family.id)
}

/// A log that has something to say every few milliseconds, and only grows.
fn murmur() {
    let Ok(home) = home() else {
        return;
    };
    let file = home.join("murmur.log");
    let Ok(mut log) = File::options().create(true).append(true).open(file) else {
        return;
    };
    let lines = "SCardListReaders: SCARD_E_NO_READERS_AVAILABLE\n".repeat(100);
    loop {
        // No server is no reader either.
        if readers().map_or(true, |readers| readers.is_empty()) {
            // Who cannot write has nothing to complain of.
            drop(log.write_all(lines.as_bytes()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

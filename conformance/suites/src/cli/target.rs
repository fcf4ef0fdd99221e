// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which card: one that is made for the test, or one in a reader.

use super::error::BenchError;
use super::{ics, stop};
use cie_conformance::campaign::{Allowed, Reader};
use cie_conformance::card::control::{Control, Fresh, family_of};
use cie_conformance::card::reader::{ReaderDoor, Spot, find};
use cie_conformance::card::{One, Subject};
use cie_conformance::edges::{Allow, Papers, Single, Supply};
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::Target;
use cie_personalisation::{FAMILIES, Family};
use cie_terminal::pcsc::SYSTEM_SOCKET;
use clap::Args;
use iso7816_wire::CardDoor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Seconds that one case may take.
const TIME_LIMIT: u64 = 60;

/// Where a reader is.
#[derive(Debug, Args)]
pub(super) struct ReaderOptions {
    /// The PC/SC server's socket [default: PCSCLITE_CSOCK_NAME, or that of the system]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The control socket of `cie run` or `cie serve` [default: CIE_CONTROL]
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Seconds that one case may take; then it hangs
    #[arg(long, value_name = "SECONDS", default_value_t = TIME_LIMIT, value_parser = clap::value_parser!(u64).range(1..=3600))]
    time_limit: u64,
}

impl ReaderOptions {
    /// The card in the reader that is meant.
    pub(super) fn spot(&self, reader: &str) -> Result<Spot, BenchError> {
        let socket = match (&self.socket, std::env::var_os("PCSCLITE_CSOCK_NAME")) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) if !path.is_empty() => path.into(),
            _ => PathBuf::from(SYSTEM_SOCKET),
        };
        let limit = Duration::from_secs(self.time_limit);
        find(&socket, reader, limit).map_err(|error| BenchError::Reader(error.to_string()))
    }

    /// The control of the reader, if it proves to be one of ours.
    pub(super) fn control(&self, spot: &Spot) -> Option<Control> {
        let path = match (&self.control, std::env::var_os("CIE_CONTROL")) {
            (Some(path), _) => path.clone(),
            (None, Some(path)) if !path.is_empty() => path.into(),
            _ => return None,
        };
        match Control::of(&path, spot) {
            Ok(control) => Some(control),
            Err(why) => {
                warn(&format!(
                    "the card in {:?} is protected as a stranger's: {} does not prove that it is \
                     a software card: {why}",
                    spot.reader,
                    path.display()
                ));
                None
            }
        }
    }
}

/// Where the card is and what may happen to it.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Chip family of the card that is made for the test
    #[arg(long, default_value = "gemalto", conflicts_with = "reader")]
    family: String,
    /// The card in this PC/SC reader: its name, a part of it, or its number from 0
    #[arg(long, value_name = "NAME")]
    reader: Option<String>,
    #[command(flatten)]
    options: ReaderOptions,
    /// The conformance statement of the card (see `ics --init`)
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
    /// File with the PIN, on one line [default: CIE_PIN for a card of `cie run`]
    #[arg(long, value_name = "FILE", requires = "reader")]
    pin_file: Option<PathBuf>,
    /// File with the PUK, for a software card only [default: CIE_PUK for a card of `cie run`]
    #[arg(long, value_name = "FILE", requires = "reader")]
    puk_file: Option<PathBuf>,
    /// What may be done to a card that is not a software card of ours, where
    /// the statement permits it, too. At least two PIN tries are kept (but see
    /// `refill`), and nothing ever concerns the PUK
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        value_name = "WHAT",
        requires = "reader"
    )]
    allow: Vec<Allowed>,
}

/// A card as the subject of cases.
pub(super) struct Subjected {
    pub(super) subject: Box<dyn Subject>,
    pub(super) ics: Ics,
    pub(super) target: Target,
    /// Where it is.
    pub(super) spot: Spot,
    /// The reader is proven to be one of ours.
    pub(super) ours: bool,
    /// Set when a signal asks for the end of the run.
    pub(super) stop: Arc<AtomicBool>,
}

impl Place {
    /// What a campaign says of the card in a reader; `beside` makes a path of
    /// one that is beside the campaign's file.
    pub(super) fn of(
        reader: &Reader,
        ics: Option<PathBuf>,
        beside: &impl Fn(&PathBuf) -> PathBuf,
    ) -> Self {
        Self {
            family: String::new(),
            reader: Some(reader.name.clone()),
            options: ReaderOptions {
                socket: reader.socket.as_ref().map(beside),
                control: reader.control.as_ref().map(beside),
                time_limit: reader
                    .time_limit
                    .map_or(TIME_LIMIT, |seconds| seconds.get().into()),
            },
            ics,
            pin_file: reader.pin_file.as_ref().map(beside),
            puk_file: reader.puk_file.as_ref().map(beside),
            allow: reader.allow.clone(),
        }
    }

    /// Seconds that one case may take on the card in a reader.
    pub(super) fn time_limit(&self) -> u64 {
        self.options.time_limit
    }

    /// Family and statement of the card, if it is made for the test.
    pub(super) fn made_here(&self) -> Result<Option<(&'static Family, Ics)>, BenchError> {
        if self.reader.is_some() {
            return Ok(None);
        }
        let family = family(&self.family)?;
        let ics = self.statement()?.unwrap_or_else(|| ours::ics(family));
        Ok(Some((family, ics)))
    }

    /// Gets hold of the card in a reader.
    pub(super) fn subject(&self, seed: u64) -> Result<Subjected, BenchError> {
        let spot = self
            .options
            .spot(self.reader.as_deref().unwrap_or_default())?;
        match self.options.control(&spot) {
            Some(control) => self.ours(spot, &control, seed),
            None => self.stranger(spot),
        }
    }

    fn statement(&self) -> Result<Option<Ics>, BenchError> {
        let read = |path: &PathBuf| ics::read(path).map(|(ics, _)| ics);
        self.ics.as_ref().map(read).transpose()
    }

    fn ours(&self, spot: Spot, control: &Control, seed: u64) -> Result<Subjected, BenchError> {
        let name = spot.reader.clone();
        let place = spot.clone();
        let told = told(&name);
        let (nis, serial) = control.facts().map_err(BenchError::Reader)?;
        let mut door = ReaderDoor::new(spot);
        let atr = door.power_on();
        let family = family_of(&atr).ok_or_else(|| {
            BenchError::Reader(format!(
                "the software card in {name:?} is of no family of this bench"
            ))
        })?;
        let papers = Papers {
            family: family.id.to_owned(),
            atr,
            ef_atr: family.ef_atr.content(),
            root_by_aid: family.root_by_aid,
            extended_length: family.extended_length(),
            pin: code(self.pin_file.as_deref(), told.pin)?,
            puk: code(self.puk_file.as_deref(), told.puk)?,
            nis,
            serial,
            certificate: Vec::new(),
        };
        let mut ics = self.statement()?.unwrap_or_else(|| ours::ics(family));
        ics.terminal.knows_pin &= !papers.pin.is_empty();
        ics.terminal.knows_puk &= !papers.puk.is_empty();
        let fresh = Fresh::new(control.clone(), family, seed);
        let fresh = fresh.map_err(BenchError::io("make a folder in", "the temporary folder"))?;
        let supply: Box<dyn Supply> = Box::new(fresh);
        let mut single = Single::ours(door, papers, Some(supply));
        learn(&mut single, &mut ics);
        Ok(Subjected {
            subject: Box::new(One::of(single)),
            ics,
            target: target("socket", &name),
            spot: place,
            ours: true,
            // The card is for the test, and a signal ends the program at once.
            stop: Arc::default(),
        })
    }

    fn stranger(&self, spot: Spot) -> Result<Subjected, BenchError> {
        let name = spot.reader.clone();
        let place = spot.clone();
        if self.puk_file.is_some() {
            return Err(BenchError::Arguments(format!(
                "the card in {name:?} is not proven to be a software card; its PUK is never used"
            )));
        }
        self.allowed_together()?;
        let pin = code(self.pin_file.as_deref(), String::new())?;
        let stop = stop::held()?;
        let mut door = ReaderDoor::new(spot).until(Arc::clone(&stop));
        let atr = door.power_on();
        let kind = family_of(&atr);
        let mut ics = match self.statement()? {
            Some(ics) => ics,
            None if !self.allow.is_empty() => {
                return Err(BenchError::Arguments(
                    "--allow needs a statement that permits it, too: `cie-conformance ics --init` \
                     makes one for --ics"
                        .to_owned(),
                ));
            }
            None => Ics::of_a_stranger(),
        };
        if let (Some(family), "") = (kind, ics.card.family.as_str()) {
            // What its answer to reset stands for; where that is inferred, a
            // departure is a difference and no fail.
            ics.card.family = family.id.to_owned();
            ics.card.root_by_aid = family.root_by_aid;
            ics.card.extended_length = family.extended_length();
        }
        let allow = self.permitted(&mut ics);
        ics.terminal.knows_pin &= !pin.is_empty();
        let papers = Papers {
            family: ics.card.family.clone(),
            atr,
            root_by_aid: ics.card.root_by_aid,
            extended_length: ics.card.extended_length,
            pin,
            ..Papers::default()
        };
        let mut single = Single::protected(door, papers, allow);
        if allow.codes {
            learn(&mut single, &mut ics);
        } else {
            ics.terminal.knows_pin = false;
        }
        Ok(Subjected {
            subject: Box::new(One::of(single)),
            ics,
            target: target("reader", &name),
            spot: place,
            ours: false,
            stop,
        })
    }

    /// Refuses options that do nothing without `--allow codes`.
    fn allowed_together(&self) -> Result<(), BenchError> {
        if self.allow.contains(&Allowed::Codes) {
            return Ok(());
        }
        let idle = match self.allow.first() {
            Some(Allowed::Tries) => "--allow tries",
            Some(Allowed::Writes) => "--allow writes",
            _ if self.pin_file.is_some() => "--pin-file",
            _ => return Ok(()),
        };
        Err(BenchError::Arguments(format!(
            "{idle} does nothing to a card that is not a software card unless --allow codes permits that codes are sent"
        )))
    }

    /// What both the statement and the options permit.
    fn permitted(&self, ics: &mut Ics) -> Allow {
        let allowed = |what| self.allow.contains(&what);
        let permit = &mut ics.permit;
        permit.codes &= allowed(Allowed::Codes);
        permit.pin_tries = match permit.codes && allowed(Allowed::Tries) {
            true => permit.pin_tries.min(1),
            false => 0,
        };
        permit.writes &= permit.codes && allowed(Allowed::Writes);
        permit.wrong_proofs &= allowed(Allowed::Proofs);
        permit.puk_tries = 0;
        ics.terminal.knows_puk = false;
        Allow {
            codes: permit.codes,
            tries: permit.pin_tries > 0,
            writes: permit.writes,
            refill: permit.codes && allowed(Allowed::Refill),
            proofs: permit.wrong_proofs,
        }
    }
}

/// Reads what only the PIN opens. If that fails, what needs it is not decided.
fn learn(single: &mut Single<ReaderDoor>, ics: &mut Ics) {
    if !ics.terminal.knows_pin {
        return;
    }
    if let Err(why) = single.learn() {
        warn(&format!(
            "the files behind the PIN could not be read: {why}"
        ));
        ics.terminal.knows_pin = false;
    }
}

pub(super) fn warn(text: &str) {
    use std::io::Write;
    // Nobody may be there to read it.
    let _ = writeln!(anstream::stderr(), "cie-conformance: {text}");
}

/// A card of this family that is made for the test.
pub(super) fn in_process(family: &Family) -> Target {
    target(
        "in-process",
        &format!("software CIE 3.0, family {}", family.id),
    )
}

fn target(kind: &str, name: &str) -> Target {
    Target {
        kind: kind.to_owned(),
        name: name.to_owned(),
        fingerprint: String::new(),
    }
}

pub(super) fn family(id: &str) -> Result<&'static Family, BenchError> {
    cie_personalisation::family(id).ok_or_else(|| BenchError::Unknown {
        what: "family",
        name: id.to_owned(),
        known: FAMILIES.iter().map(|f| f.id).collect::<Vec<_>>().join(", "),
    })
}

/// The code in a file, or else the one that is known already.
fn code(file: Option<&Path>, known: String) -> Result<String, BenchError> {
    let Some(path) = file else {
        return Ok(known);
    };
    let text = std::fs::read_to_string(path).map_err(BenchError::input(path))?;
    let code = text.trim();
    if code.len() == 8 && code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(code.to_owned());
    }
    Err(BenchError::Arguments(format!(
        "{} holds no code of eight digits",
        path.display()
    )))
}

/// The codes of the card that `cie run` put into a reader.
#[derive(Debug, Default)]
struct Told {
    pin: String,
    puk: String,
}

fn told(reader: &str) -> Told {
    let prefixes = std::iter::once("CIE_".to_owned()).chain((2..=16).map(|n| format!("CIE_{n}_")));
    for prefix in prefixes {
        let value = |name: &str| std::env::var(format!("{prefix}{name}")).unwrap_or_default();
        if value("READER") == reader {
            return Told {
                pin: value("PIN"),
                puk: value("PUK"),
            };
        }
    }
    Told::default()
}

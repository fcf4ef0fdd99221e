// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run`: a fresh card in a virtual reader, for as long as a child runs.

use crate::artifacts::Artifacts;
use crate::child::{Keeper, exit_code};
use crate::desk::{Desk, READER_NAME};
use crate::error::CliError;
use crate::out;
use crate::stored::{self, Memory};
use crate::trace::{Header, Recorder, TraceFile};
use crate::vpcd;
use crate::who::Who;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_card::{Card, Snapshot};
use cie_personalisation::{IssuedCard, State, personalise, pki};
use clap::Args;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

/// Where the card and the papers of a run are: options of `cie run`.
#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Use the card in FILE (see `cie new`). It keeps counters and PIN;
    /// CIE_PIN is the PIN it has now.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["persona", "family", "state", "fresh_keys"])]
    card: Option<PathBuf>,
    /// Number of readers: the first holds the card, the others are empty.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    readers: u8,
    /// Put trace.txt, before.cie and after.cie (the card before and after) and
    /// replay.sh into DIR, which must be new or empty. The images hold codes
    /// and keys.
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    #[command(flatten)]
    foreign: vpcd::ForeignCard,
}

/// What `cie run` was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) seed: u64,
    pub(crate) who: Who,
    pub(crate) table: Table,
    pub(crate) trace: Option<PathBuf>,
    pub(crate) trace_secrets: bool,
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
}

/// Runs the child and returns the exit code that stands for how it ended: its
/// own, or 128 + the signal that killed it.
pub(crate) fn run(request: &Request) -> Result<u8, CliError> {
    let table = &request.table;
    if let Some(mode) = table.foreign.mode() {
        let mut command = Command::new(&request.program);
        command.args(&request.arguments);
        return vpcd::run(&table.foreign, &mode, table.readers.into(), command);
    }
    let mut keeper = Keeper::new()?;
    let (name, issued, memory) = match &table.card {
        Some(file) => {
            let (issued, memory) = stored::open(file, request.seed)?;
            (
                out::printable(&format!("file {}", file.display())),
                issued,
                memory,
            )
        }
        None => {
            let persona = request.who.persona()?;
            (
                persona.id().to_owned(),
                personalise(&persona, request.seed)?,
                Memory::Ram,
            )
        }
    };
    let header = Header {
        persona: name,
        seed: request.seed,
        family: out::printable(&issued.image.profile.family.id),
        more: request.who.header(issued.state),
    };
    let artifacts = table
        .artifacts
        .as_deref()
        .map(Artifacts::in_folder)
        .transpose()?;
    let trace = request
        .trace
        .clone()
        .or_else(|| artifacts.as_ref().map(Artifacts::trace));
    let file = trace
        .as_ref()
        .map(|path| {
            TraceFile::create(path, request.trace_secrets, &header)
                .map_err(CliError::io("write the trace to", path))
        })
        .transpose()?;
    if let Some(artifacts) = &artifacts {
        artifacts.before(&issued.image)?;
        let words: Vec<_> = std::iter::once(&request.program)
            .chain(&request.arguments)
            .cloned()
            .collect();
        artifacts.replay(&options(request), table.card.is_some(), &words)?;
    }
    let recorder = Recorder::new(file);
    let card = Card::new(issued.image.clone(), memory, issued.card_seed)?;
    let desk = Desk::lay_out(card, &recorder, table.readers.into())?;
    let papers = tempfile::Builder::new()
        .prefix("cie-")
        .tempdir()
        .map_err(CliError::io("make a folder in", std::env::temp_dir()))?;
    let ca_pem = papers.path().join("ca.pem");
    std::fs::write(&ca_pem, pki().ca_pem()).map_err(CliError::io("write", &ca_pem))?;

    let mut command = Command::new(&request.program);
    command
        .args(&request.arguments)
        .env("PCSCLITE_CSOCK_NAME", desk.socket())
        .env("CIE_CA_PEM", &ca_pem);
    for (name, value) in environment(&issued) {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let status = keeper.run(command)?;
    if !status.success() {
        // Whether anybody reads this does not change how the child ended.
        let _ = report(request, status, &recorder, desk.inspect());
    }
    if let (Some(error), Some(path)) = (recorder.file_error(), &trace) {
        out::warn(format_args!(
            "the trace in {} is incomplete: {error}",
            path.display()
        ));
    }
    let after = desk.image();
    let cleared = desk.clear();
    if let Some(artifacts) = &artifacts {
        let copied = artifacts.after(&after).and_then(|()| match &request.trace {
            Some(path) => artifacts.copy_trace(path),
            None => Ok(()),
        });
        if let Err(error) = copied {
            out::warn(error);
        }
    }
    if let Err(error) = cleared {
        out::warn(error);
    }
    Ok(exit_code(status))
}

/// The options that make the same card and desk again, but for a card file,
/// as words of a shell with a blank before each.
fn options(request: &Request) -> OsString {
    let mut options = vec!["--seed".into(), request.seed.to_string().into()];
    options.extend(request.who.options());
    let readers = request.table.readers;
    if readers != 1 {
        options.extend(["--readers".into(), readers.to_string().into()]);
    }
    words(&options)
}

/// The option that names the card file, if there is one, in the same form.
fn card_file(request: &Request) -> OsString {
    let file = request.table.card.clone();
    file.map(|file| words(&["--card".into(), file.into()]))
        .unwrap_or_default()
}

fn words(options: &[OsString]) -> OsString {
    let mut words = OsString::new();
    for option in options {
        words.push(" ");
        words.push(out::shell_option(option));
    }
    words
}

/// What a test needs to know about the card, so that it hard-codes nothing.
/// A holder of half codes has the receipt from the counter and no letter, so
/// the last halves and the whole codes are not there, not even inherited.
fn environment(issued: &IssuedCard) -> [(&'static str, Option<String>); 10] {
    let (pin, puk) = (&issued.image.state.pin, &issued.image.state.puk);
    let letter = |code: &str| (issued.state != State::HalfCodes).then(|| code.to_owned());
    let known = |value: &str| Some(value.to_owned());
    [
        ("CIE_PIN", letter(pin.expose())),
        ("CIE_PIN_FIRST", known(pin.first_half())),
        ("CIE_PIN_LAST", letter(pin.last_half())),
        ("CIE_PUK", letter(puk.expose())),
        ("CIE_PUK_FIRST", known(puk.first_half())),
        ("CIE_PUK_LAST", letter(puk.last_half())),
        ("CIE_NIS", known(&issued.facts.nis)),
        ("CIE_SERIAL", known(&issued.facts.serial)),
        ("CIE_CF", known(&issued.facts.fiscal_code)),
        ("CIE_READER", known(READER_NAME)),
    ]
}

/// Tells a person whose child failed what the card saw of it.
fn report(
    request: &Request,
    status: ExitStatus,
    recorder: &Recorder,
    card: Snapshot,
) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    let (lines, total) = recorder.last_exchanges();
    writeln!(
        out,
        "cie: `{}` failed ({status}).",
        request.program.to_string_lossy()
    )?;
    if total == 0 {
        writeln!(out, "cie: It sent nothing to the card.")?;
    } else {
        writeln!(
            out,
            "cie: The card's last exchanges, of {total} (SM: in secure messaging):"
        )?;
        for line in lines {
            writeln!(out, "    {line}")?;
        }
    }
    let Snapshot {
        pin_tries,
        puk_tries,
        ..
    } = card;
    writeln!(
        out,
        "cie: PIN tries left: {pin_tries} of {PIN_TRIES}. \
         PUK tries left: {puk_tries} of {PUK_TRIES}."
    )?;
    if request.trace.is_none() && request.table.artifacts.is_none() {
        writeln!(
            out,
            "cie: For every byte, run it again with{}{} --trace FILE.",
            options(request).to_string_lossy(),
            card_file(request).to_string_lossy()
        )?;
    }
    Ok(())
}

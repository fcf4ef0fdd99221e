// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run`: a fresh card in a virtual reader, for as long as a child runs.

use crate::artifacts::Artifacts;
use crate::child::{Keeper, exit_code};
use crate::control::{fault_words, parse_fault};
use crate::desk::{Desk, Layout};
use crate::environment;
use crate::error::CliError;
use crate::new_card::{Known, NewCard};
use crate::out;
use crate::readers::{Profiles, Timing};
use crate::stored;
use crate::trace::{Header, Recorder, TraceFile};
use crate::vpcd;
use crate::who::Who;
use cie_card::Snapshot;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_personalisation::{order, pki};
use cie_reader::Fault;
use clap::Args;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

/// Where the card and the papers of a run are: options of `cie run`.
#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Use the card in FILE (see `cie new`). It keeps counters and PIN;
    /// CIE_PIN is the PIN it has now. May be given again: each card has a
    /// reader of its own, in this order.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["persona", "family", "state", "fresh_keys"])]
    card: Vec<PathBuf>,
    /// Number of readers: as many as cards, unless there are to be more; those
    /// are empty.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16), conflicts_with = "ids")]
    readers: Option<u8>,
    #[command(flatten)]
    profiles: Profiles,
    /// When the reader notices the card.
    #[arg(long, value_enum, default_value_t, requires = "ids")]
    reader_timing: Timing,
    /// Start with every reader empty. The cards lie beside theirs until
    /// `cie control insert`.
    #[arg(long)]
    empty: bool,
    /// Put trace.txt, before.cie and after.cie (the card before and after) and
    /// replay.sh into DIR, which must be new or empty. The images hold codes
    /// and keys.
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Have a PC/SC call fail or be late, as with `cie control fault`, from the
    /// start: 'SCardTransmit SCARD_E_NOT_TRANSACTED --at 3 --times 2'. May be
    /// given again.
    #[arg(long, value_name = "WORDS", value_parser = parse_fault, conflicts_with = "vpcd_card")]
    fault: Vec<Fault>,
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
    pub(crate) trace_calls: bool,
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
        let readers = table.readers.map_or(1, usize::from);
        return vpcd::run(&table.foreign, &mode, readers, command);
    }
    // First of all: a fresh card is made while everything else is prepared.
    let (name, mut cards) = cards(request)?;
    let mut keeper = Keeper::new()?;
    let readers = table.profiles.desk(table.readers, cards.len())?;
    let slots: Vec<String> = readers
        .for_cards()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    if slots.len() < cards.len() && cards.len() > 1 {
        return Err(CliError::TooFewSlots {
            cards: cards.len(),
            slots: slots.len(),
        });
    }
    // At least one: without files there is a fresh card.
    let known: Vec<Known> = cards.iter().map(|card| card.known().clone()).collect();
    let Some(first) = known.first() else {
        return Err(CliError::TooFewReaders {
            readers: readers.count(),
            cards: 0,
        });
    };
    let header = Header {
        persona: name,
        seed: request.seed,
        family: out::printable(&first.family),
        more: request
            .who
            .header(first.state)
            .into_iter()
            .chain(table.profiles.header())
            .collect(),
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
        let mut made = Vec::with_capacity(cards.len());
        for (number, card) in (1..).zip(cards) {
            let (card, image) = card.image()?;
            artifacts.before(number, &image)?;
            made.push(card);
        }
        cards = made;
        let words: Vec<_> = std::iter::once(&request.program)
            .chain(&request.arguments)
            .cloned()
            .collect();
        artifacts.replay(&options(request), table.card.len(), &words)?;
    }
    let recorder = Recorder::new(file);
    let layout = Layout {
        cards,
        readers,
        timing: table.reader_timing,
        empty: table.empty,
        seed: request.seed,
        observer: Some(recorder.reader_observer(request.trace_calls)),
    };
    let desk = Desk::lay_out(layout, &recorder)?;
    desk.plan(&table.fault)?;
    let papers = tempfile::Builder::new()
        .prefix("cie-")
        .tempdir()
        .map_err(CliError::io("make a folder in", std::env::temp_dir()))?;
    let ca_pem = papers.path().join("ca.pem");
    std::fs::write(&ca_pem, pki().ca_pem()).map_err(CliError::io("write", &ca_pem))?;

    let mut command = Command::new(&request.program);
    command.args(&request.arguments);
    if slots.is_empty() {
        out::warn("none of these readers can hold the card; CIE_READER is not set");
    }
    environment::set(&mut command, &known, &slots);
    command
        .env("PCSCLITE_CSOCK_NAME", desk.socket())
        .env("CIE_CA_PEM", &ca_pem);
    if let Some(control) = desk.control() {
        command.env("CIE_CONTROL", control);
    }
    let status = keeper.run(command)?;
    if !status.success() {
        // Whether anybody reads this does not change how the child ended.
        let _ = report(request, status, &recorder, &desk.inspect());
    }
    if let (Some(error), Some(path)) = (recorder.file_error(), &trace) {
        out::warn(format_args!(
            "the trace in {} is incomplete: {error}",
            path.display()
        ));
    }
    // A card that nobody wanted may still be in the making; then the rest is
    // cleared away meanwhile.
    let after = artifacts.as_ref().map(|_| desk.images());
    let cleared = desk.clear();
    if let Some(artifacts) = &artifacts {
        // Those that came later have no image from before.
        let after = after.unwrap_or_default();
        let mut after = (1..).zip(after.iter().take(known.len()));
        let copied = after
            .try_for_each(|(card, image)| artifacts.after(card, image))
            .and_then(|()| match &request.trace {
                Some(path) => artifacts.copy_trace(path),
                None => Ok(()),
            });
        if let Err(error) = copied {
            out::warn(error);
        }
    }
    match cleared {
        Ok(()) => {}
        Err(error @ CliError::NotMade) => return Err(error),
        Err(error) => out::warn(error),
    }
    Ok(exit_code(status))
}

/// The cards of the run, and what the trace calls the first.
fn cards(request: &Request) -> Result<(String, Vec<NewCard>), CliError> {
    let files = &request.table.card;
    let Some(first) = files.first() else {
        let persona = request.who.persona()?;
        let card = NewCard::ordered(order(&persona, request.seed)?);
        return Ok((persona.id().to_owned(), vec![card]));
    };
    let cards = stored::open_all(files, request.seed)?;
    let name = out::printable(&format!("file {}", first.display()));
    Ok((name, cards))
}

/// The options that make the same card and desk again, but for card files, as
/// words of a shell with a blank before each.
fn options(request: &Request) -> OsString {
    let Table {
        readers,
        empty,
        profiles,
        reader_timing,
        fault,
        ..
    } = &request.table;
    let mut options = vec!["--seed".into(), request.seed.to_string().into()];
    options.extend(request.who.options());
    if let Some(readers) = readers {
        options.extend(["--readers".into(), readers.to_string().into()]);
    }
    options.extend(profiles.options());
    if *reader_timing == Timing::Real {
        options.extend(["--reader-timing".into(), "real".into()]);
    }
    if *empty {
        options.push("--empty".into());
    }
    for fault in fault {
        options.extend(["--fault".into(), fault_words(fault).into()]);
    }
    words(&options)
}

/// The options that name the card files, if there are any, in the same form.
fn card_files(request: &Request) -> OsString {
    let files = request.table.card.iter();
    let options = files.flat_map(|file| ["--card".into(), file.into()]);
    words(&options.collect::<Vec<_>>())
}

fn words(options: &[OsString]) -> OsString {
    let mut words = OsString::new();
    for option in options {
        words.push(" ");
        words.push(out::shell_option(option));
    }
    words
}

/// Tells a person whose child failed what the card saw of it.
fn report(
    request: &Request,
    status: ExitStatus,
    recorder: &Recorder,
    cards: &[Snapshot],
) -> io::Result<()> {
    let mut out = anstream::stderr().lock();
    let (lines, total) = recorder.last_exchanges();
    writeln!(
        out,
        "cie: `{}` failed ({status}).",
        request.program.to_string_lossy()
    )?;
    let calls = recorder.last_calls();
    if total == 0 && calls.is_empty() {
        writeln!(out, "cie: It sent nothing to the card.")?;
    } else if total == 0 {
        writeln!(
            out,
            "cie: It sent nothing to the card. Its last PC/SC calls:"
        )?;
        for line in calls {
            writeln!(out, "    {line}")?;
        }
    } else {
        writeln!(
            out,
            "cie: The card's last exchanges, of {total} (SM: in secure messaging):"
        )?;
        for line in lines {
            writeln!(out, "    {line}")?;
        }
    }
    for (number, card) in (1..).zip(cards) {
        let which = match cards {
            [_] => String::new(),
            _ => format!("Card {number}: "),
        };
        let Snapshot {
            pin_tries,
            puk_tries,
            ..
        } = card;
        writeln!(
            out,
            "cie: {which}PIN tries left: {pin_tries} of {PIN_TRIES}. \
             PUK tries left: {puk_tries} of {PUK_TRIES}."
        )?;
    }
    if request.trace.is_none() && request.table.artifacts.is_none() {
        writeln!(
            out,
            "cie: For every byte, run it again with{}{} --trace FILE.",
            options(request).to_string_lossy(),
            card_files(request).to_string_lossy()
        )?;
    }
    Ok(())
}

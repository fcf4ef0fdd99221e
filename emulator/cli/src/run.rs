// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run`: a fresh card in a virtual reader, for as long as a child runs.

use crate::artifacts::Artifacts;
use crate::desk::{DEFAULT_PERSONA, Desk, READER_NAME, issue};
use crate::error::CliError;
use crate::stored::{self, Memory};
use crate::trace::{Header, Recorder, TraceFile};
use anstream::eprintln;
use cie_card::Card;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_personalisation::{IssuedCard, pki};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use tokio::signal::unix::{SignalKind, signal};

/// Where the card and the papers of a run are: options of `cie run`.
#[derive(Debug, Args)]
pub(crate) struct Table {
    /// Use the card in FILE (see `cie new`). It keeps counters and PIN;
    /// CIE_PIN is the PIN it has now.
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// Number of readers: the first holds the card, the others are empty.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    readers: u8,
    /// Put trace.txt, before.cie and after.cie (the card before and after) and
    /// replay.sh into DIR, which must be new or empty. The images hold codes
    /// and keys.
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
}

/// What `cie run` was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) seed: u64,
    pub(crate) table: Table,
    pub(crate) trace: Option<PathBuf>,
    pub(crate) trace_secrets: bool,
    pub(crate) command: Vec<OsString>,
}

/// Runs the child and returns the exit code that stands for how it ended: its
/// own, or 128 + the signal that killed it.
pub(crate) fn run(request: &Request) -> Result<u8, CliError> {
    let table = &request.table;
    let (issued, memory) = match &table.card {
        Some(file) => stored::open(file, request.seed)?,
        None => (issue(request.seed)?, Memory::Ram),
    };
    let header = Header {
        persona: match &table.card {
            Some(file) => format!("file {}", file.display()),
            None => DEFAULT_PERSONA.to_owned(),
        },
        seed: request.seed,
        family: issued.image.profile.family.id.clone(),
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
        artifacts.replay(&options(request), table.card.is_some(), &request.command)?;
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

    let status = run_child(request, &issued, desk.socket(), &ca_pem)?;
    let snapshot = desk.inspect();
    let after = desk.image();
    desk.clear()?;
    if let Some(artifacts) = &artifacts {
        artifacts.after(&after)?;
        if let Some(path) = &request.trace {
            artifacts.copy_trace(path)?;
        }
    }
    if let (Some(error), Some(path)) = (recorder.file_error(), &trace) {
        eprintln!(
            "cie: the trace in {} is incomplete: {error}",
            path.display()
        );
    }
    if !status.success() {
        report(
            request,
            status,
            &recorder,
            (snapshot.pin_tries, snapshot.puk_tries),
        );
    }
    Ok(exit_code(status))
}

/// The options that make the same card and desk again, but for a card file.
fn options(request: &Request) -> String {
    let mut options = format!(" --seed {}", request.seed);
    if request.table.readers != 1 {
        options.push_str(&format!(" --readers {}", request.table.readers));
    }
    options
}

/// Starts the child, passes signals on to it, and waits for it.
fn run_child(
    request: &Request,
    issued: &IssuedCard,
    socket: &Path,
    ca_pem: &Path,
) -> Result<ExitStatus, CliError> {
    let Some((program, arguments)) = request.command.split_first() else {
        // The command line does not let this happen.
        return Ok(ExitStatus::default());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Wait)?;
    runtime.block_on(async {
        // Handlers first: from here on no signal ends this process and leaves
        // the socket behind. An interrupt from the keyboard reaches the child
        // by itself, the others are passed on.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Wait)?;
        let mut quit = signal(SignalKind::quit()).map_err(CliError::Wait)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Wait)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(CliError::Wait)?;

        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PCSCLITE_CSOCK_NAME", socket)
            .env("CIE_CA_PEM", ca_pem);
        command.envs(environment(issued));
        let start_error = |source| CliError::Start {
            program: program.to_string_lossy().into_owned(),
            source,
        };
        let mut child = tokio::process::Command::from(command)
            .spawn()
            .map_err(start_error)?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        loop {
            let pass_on = tokio::select! {
                status = child.wait() => return status.map_err(CliError::Wait),
                _ = interrupt.recv() => None,
                _ = quit.recv() => None,
                _ = terminate.recv() => Some(Signal::TERM),
                _ = hangup.recv() => Some(Signal::HUP),
            };
            if let (Some(signal), Some(pid)) = (pass_on, pid) {
                // It may have ended in between; then there is nobody to tell.
                let _ = kill_process(pid, signal);
            }
        }
    })
}

/// What a test needs to know about the card, so that it hard-codes nothing.
fn environment(issued: &IssuedCard) -> [(&'static str, String); 10] {
    let (pin, puk) = (&issued.image.state.pin, &issued.image.state.puk);
    [
        ("CIE_PIN", pin.expose().to_owned()),
        ("CIE_PIN_FIRST", pin.first_half().to_owned()),
        ("CIE_PIN_LAST", pin.last_half().to_owned()),
        ("CIE_PUK", puk.expose().to_owned()),
        ("CIE_PUK_FIRST", puk.first_half().to_owned()),
        ("CIE_PUK_LAST", puk.last_half().to_owned()),
        ("CIE_NIS", issued.facts.nis.clone()),
        ("CIE_SERIAL", issued.facts.serial.clone()),
        ("CIE_CF", issued.facts.fiscal_code.clone()),
        ("CIE_READER", READER_NAME.to_owned()),
    ]
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

/// Tells a person whose child failed what the card saw of it.
fn report(request: &Request, status: ExitStatus, recorder: &Recorder, tries: (u8, u8)) {
    let program = request
        .command
        .first()
        .map(|p| p.to_string_lossy())
        .unwrap_or_default();
    let (lines, total) = recorder.last_exchanges();
    eprintln!("cie: `{program}` failed ({status}).");
    if total == 0 {
        eprintln!("cie: It sent nothing to the card.");
    } else {
        eprintln!("cie: The card's last exchanges, of {total} (SM: in secure messaging):");
        for line in lines {
            eprintln!("    {line}");
        }
    }
    let (pin, puk) = tries;
    eprintln!("cie: PIN tries left: {pin} of {PIN_TRIES}. PUK tries left: {puk} of {PUK_TRIES}.");
    if request.trace.is_none() && request.table.artifacts.is_none() {
        eprintln!(
            "cie: For every byte, run it again with --seed {} --trace FILE.",
            request.seed
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run`: a fresh card in a virtual reader, for as long as a child runs.

use crate::desk::{Desk, READER_NAME};
use crate::error::CliError;
use crate::trace::{Header, Recorder, TraceFile};
use crate::who::Who;
use anstream::eprintln;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_personalisation::{IssuedCard, State, personalise, pki};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use tokio::signal::unix::{SignalKind, signal};

/// What `cie run` was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) seed: u64,
    pub(crate) who: Who,
    pub(crate) trace: Option<PathBuf>,
    pub(crate) trace_secrets: bool,
    pub(crate) command: Vec<OsString>,
}

/// Runs the child and returns the exit code that stands for how it ended: its
/// own, or 128 + the signal that killed it.
pub(crate) fn run(request: &Request) -> Result<u8, CliError> {
    let persona = request.who.persona()?;
    let issued = personalise(&persona, request.seed)?;
    let header = Header {
        persona: persona.id().to_owned(),
        seed: request.seed,
        family: issued.image.profile.family.id.clone(),
        more: request.who.header(issued.state),
    };
    let file = request
        .trace
        .as_ref()
        .map(|path| {
            TraceFile::create(path, request.trace_secrets, &header)
                .map_err(CliError::io("write the trace to", path))
        })
        .transpose()?;
    let recorder = Recorder::new(file);
    let desk = Desk::set_up(&issued, &recorder)?;
    let papers = tempfile::Builder::new()
        .prefix("cie-")
        .tempdir()
        .map_err(CliError::io("make a folder in", std::env::temp_dir()))?;
    let ca_pem = papers.path().join("ca.pem");
    std::fs::write(&ca_pem, pki().ca_pem()).map_err(CliError::io("write", &ca_pem))?;

    let status = run_child(request, &issued, desk.socket(), &ca_pem)?;
    let snapshot = desk.inspect();
    desk.clear()?;
    if let (Some(error), Some(path)) = (recorder.file_error(), &request.trace) {
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
        for (name, value) in environment(issued) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
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
/// A holder of half codes has the receipt from the counter and no letter, so
/// the last halves and the whole codes are not there, not even inherited.
fn environment(issued: &IssuedCard) -> [(&'static str, Option<String>); 10] {
    let (pin, puk) = (
        &issued.image.profile.issued_pin,
        &issued.image.profile.issued_puk,
    );
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
    if request.trace.is_none() {
        eprintln!(
            "cie: For every byte, run it again with --seed {}{} --trace FILE.",
            request.seed, request.who
        );
    }
}

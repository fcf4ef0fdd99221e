// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run`: a fresh card in a virtual reader, for as long as a child runs.

use crate::child::{Keeper, exit_code};
use crate::desk::{DEFAULT_PERSONA, Desk, READER_NAME, issue};
use crate::error::CliError;
use crate::trace::{Header, Recorder, TraceFile};
use cie_card::Snapshot;
use cie_card::image::{PIN_TRIES, PUK_TRIES};
use cie_personalisation::{IssuedCard, pki};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

/// What `cie run` was asked for.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) seed: u64,
    pub(crate) trace: Option<PathBuf>,
    pub(crate) trace_secrets: bool,
    pub(crate) program: OsString,
    pub(crate) arguments: Vec<OsString>,
}

/// Runs the child and returns the exit code that stands for how it ended: its
/// own, or 128 + the signal that killed it.
pub(crate) fn run(request: &Request) -> Result<u8, CliError> {
    let mut keeper = Keeper::new()?;
    let issued = issue(request.seed)?;
    let header = Header {
        persona: DEFAULT_PERSONA.to_owned(),
        seed: request.seed,
        family: issued.image.profile.family.id.clone(),
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

    let mut command = Command::new(&request.program);
    command
        .args(&request.arguments)
        .env("PCSCLITE_CSOCK_NAME", desk.socket())
        .env("CIE_CA_PEM", &ca_pem)
        .envs(environment(&issued));
    let status = keeper.run(command)?;
    if !status.success() {
        // Whether anybody reads this does not change how the child ended.
        let _ = report(request, status, &recorder, desk.inspect());
    }
    if let (Some(error), Some(path)) = (recorder.file_error(), &request.trace) {
        warn(&format!(
            "the trace in {} is incomplete: {error}",
            path.display()
        ));
    }
    if let Err(error) = desk.clear() {
        warn(&error.to_string());
    }
    Ok(exit_code(status))
}

/// Tells a person what does not change the outcome.
fn warn(text: &str) {
    let _ = writeln!(anstream::stderr(), "cie: {text}");
}

/// What a test needs to know about the card, so that it hard-codes nothing.
fn environment(issued: &IssuedCard) -> [(&'static str, String); 10] {
    let (pin, puk) = (
        &issued.image.profile.issued_pin,
        &issued.image.profile.issued_puk,
    );
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
    if request.trace.is_none() {
        let seed = request.seed;
        writeln!(
            out,
            "cie: For every byte, run it again with --seed {seed} --trace FILE."
        )?;
    }
    Ok(())
}

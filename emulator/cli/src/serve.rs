// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie serve` and `cie env`: readers that stay, and how programs find them.

use crate::child::{handlers, next};
use crate::desk::{SharedCard, issue, reader_name};
use crate::error::CliError;
use crate::stored::Memory;
use crate::{out, stored, vpcd};
use cie_card::Card;
use cie_personalisation::{CardFacts, IssuedCard};
use cie_reader::{Place, ReaderServer, ReaderSpec};
use clap::Args;
use rustix::process::Signal;
use serde_json::json;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::signal::unix;

pub(crate) const SERVE_HELP: &str = "\
Examples:
  cie serve --card card.cie
  cie serve --card one.cie --card two.cie       # two readers
  cie serve --pcsc ~/.cie/socket                # a fresh card, at a place of its own
  cie serve --vpcd                              # behind vpcd in the system's pcscd
  cie serve --vpcd 192.0.2.7:35963 --json       # on another machine
  cie serve --vpcd-listen 35963                 # for a vpcd in reversed mode

Everything it prints can be given to `eval` by a shell; `cie env` prints the
same for a server that is running. A card file keeps counters and PIN.

The socket is at $XDG_RUNTIME_DIR/cie/pcscd.comm, or /tmp/cie-UID/pcscd.comm where
that variable is not set. Its folder is closed to other users. SIGINT, SIGTERM and
SIGHUP end the server, but for those it was started to ignore (nohup). With --vpcd or
--vpcd-listen there is no socket of ours: a card is in one reader at a time, and that
one is pcscd's. Then each connection that comes or goes is told in a line,
`# slot 0: connected, ...`; with --json in an object whose \"event\" is connected,
reconnected, lost or unreachable.

Exit codes: 0 ended by a signal, 2 wrong arguments, 125 anything else.";

pub(crate) const ENV_HELP: &str = "\
Examples:
  eval \"$(cie env)\" && opensc-tool --list-readers
  cie env --pcsc ~/.cie/socket
  cie env --json | jq -r .PCSCLITE_CSOCK_NAME

Exit codes: 0 done, 2 wrong arguments, 125 no server is there.";

#[derive(Debug, Args)]
pub(crate) struct ServeOptions {
    /// Where to listen.
    #[arg(long, value_name = "PATH")]
    pcsc: Option<PathBuf>,
    /// A card file, for a reader of its own. May be given again. Without any,
    /// a fresh card in memory.
    #[arg(long, value_name = "FILE")]
    card: Vec<PathBuf>,
    #[command(flatten)]
    vpcd: vpcd::Endpoint,
    /// Decides the fresh card, and the random numbers of cards from files.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// A JSON object in one line, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EnvOptions {
    /// Where the server listens, if it was started with --pcsc.
    #[arg(long, value_name = "PATH")]
    pcsc: Option<PathBuf>,
    /// A JSON object, for programs.
    #[arg(long)]
    json: bool,
}

/// Where a server listens that was not told where: one per user.
fn usual_place() -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let folder = match runtime.filter(|path| path.is_absolute()) {
        Some(path) => path.join("cie"),
        None => PathBuf::from(format!("/tmp/cie-{}", rustix::process::getuid().as_raw())),
    };
    folder.join("pcscd.comm")
}

fn place(named: Option<&PathBuf>) -> Result<PathBuf, CliError> {
    let path = named.cloned().unwrap_or_else(usual_place);
    std::path::absolute(&path).map_err(CliError::io("resolve", path))
}

fn export(socket: &Path) -> OsString {
    let mut line = OsString::from("export PCSCLITE_CSOCK_NAME=");
    line.push(out::shell_word(socket.as_os_str()));
    line
}

/// The signals that end a server.
pub(crate) struct Ends(Vec<(Signal, unix::Signal)>);

impl Ends {
    /// From now on these signals end nothing by themselves.
    pub(crate) fn new() -> Result<Self, CliError> {
        handlers(&[Signal::INT, Signal::TERM, Signal::HUP]).map(Self)
    }

    /// The next one.
    pub(crate) async fn next(&mut self) {
        next(&mut self.0).await;
    }
}

/// The cards that were asked for, with their memories.
fn cards(options: &ServeOptions) -> Result<Vec<(IssuedCard, Memory)>, CliError> {
    let mut cards = Vec::new();
    if options.card.is_empty() {
        let fresh = issue(options.seed)?;
        cards.push((fresh, Memory::Ram));
    }
    for (index, path) in options.card.iter().enumerate() {
        let same =
            |other: &PathBuf| std::fs::canonicalize(other).ok() == std::fs::canonicalize(path).ok();
        if path.exists() && options.card.iter().take(index).any(same) {
            return Err(CliError::UsedTwice(path.clone()));
        }
        cards.push(stored::open(path, options.seed)?);
    }
    Ok(cards)
}

pub(crate) fn serve(options: &ServeOptions) -> Result<(), CliError> {
    let cards = cards(options)?;
    if let Some(mode) = options.vpcd.mode() {
        return vpcd::serve(&mode, cards, options.json);
    }
    let mut specs = Vec::new();
    let mut facts = Vec::new();
    for (number, (issued, memory)) in cards.into_iter().enumerate() {
        let card = SharedCard::new(Card::new(issued.image, memory, issued.card_seed)?);
        specs.push(ReaderSpec::with_card(reader_name(number), Box::new(card)));
        facts.push(issued.facts);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Wait)?;
    runtime.block_on(async {
        // Handlers first, so that no signal leaves the socket behind.
        let mut ends = Ends::new()?;
        let server = ReaderServer::bind(&Place::At(place(options.pcsc.as_ref())?), specs)?;
        let control = server.control();
        announce(options.json, server.path(), &facts)?;
        let stopped = async {
            ends.next().await;
            control.stop();
        };
        let (served, ()) = tokio::join!(server.serve(), stopped);
        drop(served?);
        Ok(())
    })
}

fn announce(json: bool, socket: &Path, cards: &[CardFacts]) -> Result<(), CliError> {
    let named = || {
        cards
            .iter()
            .enumerate()
            .map(|(n, facts)| (reader_name(n), facts))
    };
    if json {
        let readers: Vec<_> = named()
            .map(|(name, facts)| json!({ "name": name, "serial": facts.serial, "nis": facts.nis }))
            .collect();
        return out::line(json!({
            "PCSCLITE_CSOCK_NAME": socket.to_string_lossy(),
            "readers": readers,
        }));
    }
    for (name, facts) in named() {
        let holder = format!("{} {}", facts.given_names, facts.surname);
        out::line(format_args!("# {name}: {holder}, card {}", facts.serial))?;
    }
    let shown = out::printable(&socket.to_string_lossy());
    out::line(format_args!("# socket: {shown}"))?;
    out::raw_line(&export(socket))
}

/// Prints how programs find a server, if one answers.
pub(crate) fn env(options: &EnvOptions) -> Result<(), CliError> {
    let socket = place(options.pcsc.as_ref())?;
    if UnixStream::connect(&socket).is_err() {
        return Err(CliError::NoServer(socket));
    }
    if options.json {
        let object = json!({ "PCSCLITE_CSOCK_NAME": socket.to_string_lossy() });
        return out::line(format_args!("{object:#}"));
    }
    out::raw_line(&export(&socket))
}

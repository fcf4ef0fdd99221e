// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie serve` and `cie env`: readers that stay, and how programs find them.

use crate::child::{handlers, next};
use crate::control::{ControlServer, socket_beside};
use crate::desk::{Layout, issue};
use crate::error::CliError;
use crate::new_card::NewCard;
use crate::readers::{Profiles, Timing};
use crate::stored::Memory;
use crate::trace::{Header, Recorder, TraceFile};
use crate::{out, stored, vpcd};
use cie_personalisation::{CardFacts, Persona};
use cie_reader::Place;
use clap::Args;
use rustix::process::Signal;
use serde_json::json;
use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix;

pub(crate) const SERVE_HELP: &str = "\
Examples:
  cie serve --card card.cie
  cie serve --card one.cie --card two.cie       # two readers
  cie serve --card one.cie --readers 3 --empty  # until `cie control insert`
  cie serve --reader-profile acr1252u           # as that reader would
  cie serve --trace all.txt                     # exchanges and PC/SC calls
  cie serve --pcsc ~/.cie/socket                # a fresh card, at a place of its own
  cie serve --vpcd                              # behind vpcd in the system's pcscd
  cie serve --vpcd 192.0.2.7:35963 --json       # on another machine
  cie serve --vpcd-listen 35963                 # for a vpcd in reversed mode

Everything it prints can be given to `eval` by a shell; `cie env` prints the
same for a server that is running. A card file keeps counters and PIN.

The socket is at $XDG_RUNTIME_DIR/cie/pcscd.comm, or /tmp/cie-UID/pcscd.comm where
that variable is not set. Its folder is closed to other users. SIGINT, SIGTERM and
SIGHUP end the server, but for those it was started to ignore (nohup). Beside it, with
.control behind its name, is the socket of `cie control`. With --vpcd or --vpcd-listen
there is no socket of ours: a card is in one reader at a time, and that one is pcscd's.
Then each connection that comes or goes is told in a line, `# slot 0: connected, ...`;
with --json in an object whose \"event\" is connected, reconnected, lost or unreachable.

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
    /// Number of readers: as many as cards, unless there are to be more; those
    /// are empty.
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u8).range(1..=16),
        conflicts_with_all = ["vpcd", "vpcd_listen", "ids"]
    )]
    readers: Option<u8>,
    #[command(flatten)]
    profiles: Profiles,
    /// Start with every reader empty. The cards lie beside theirs until
    /// `cie control insert`.
    #[arg(long, conflicts_with_all = ["vpcd", "vpcd_listen"])]
    empty: bool,
    /// Write every exchange and the PC/SC calls around them to FILE, as
    /// `cie run --trace` does. An existing file is replaced.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["vpcd", "vpcd_listen"])]
    trace: Option<PathBuf>,
    /// Show PIN, PUK and session keys in the trace instead of masking them.
    #[arg(long, requires = "trace")]
    trace_secrets: bool,
    /// Leave the PC/SC calls out of the trace.
    #[arg(long, requires = "trace")]
    no_trace_calls: bool,
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
pub(crate) fn usual_place() -> PathBuf {
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

fn export(name: &str, socket: &Path) -> OsString {
    let mut line = OsString::from(format!("export {name}="));
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

/// The cards that were asked for, and what a trace calls the first.
fn cards(options: &ServeOptions) -> Result<(String, Vec<NewCard>), CliError> {
    let Some(first) = options.card.first() else {
        let card = NewCard::made(issue(options.seed)?, Memory::Ram)?;
        return Ok((Persona::adult()?.id().to_owned(), vec![card]));
    };
    let cards = stored::open_all(&options.card, options.seed)?;
    let name = out::printable(&format!("file {}", first.display()));
    Ok((name, cards))
}

/// Who sees what the cards do: nobody, unless a trace was asked for.
fn recorder(
    options: &ServeOptions,
    persona: String,
    first: &NewCard,
) -> Result<Recorder, CliError> {
    let file = options.trace.as_ref().map(|path| {
        let header = Header {
            persona,
            seed: options.seed,
            family: out::printable(&first.known().family),
            more: options.profiles.header().into_iter().collect(),
        };
        TraceFile::create(path, options.trace_secrets, &header)
            .map_err(CliError::io("write the trace to", path))
    });
    Ok(Recorder::new(file.transpose()?))
}

pub(crate) fn serve(options: &ServeOptions) -> Result<(), CliError> {
    let (name, cards) = cards(options)?;
    if let Some(mode) = options.vpcd.mode() {
        return vpcd::serve(&mode, cards, options.json);
    }
    let readers = options.profiles.desk(options.readers, cards.len())?;
    let slots = readers.for_cards();
    if cards.len() > slots.len() {
        return Err(CliError::TooFewSlots {
            cards: cards.len(),
            slots: slots.len(),
        });
    }
    let Some(first) = cards.first() else {
        return Err(CliError::TooFewReaders {
            readers: readers.count(),
            cards: 0,
        });
    };
    let recorder = recorder(options, name, first)?;
    let facts = cards.iter().map(|card| card.known().facts.clone());
    let facts: Vec<_> = slots.into_iter().map(|(_, name)| name).zip(facts).collect();
    let observer = recorder.reader_observer(!options.no_trace_calls);
    let layout = Layout {
        cards,
        readers,
        timing: Timing::Ideal,
        empty: options.empty,
        seed: options.seed,
        observer: options.trace.as_ref().map(|_| observer),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(CliError::Wait)?;
    runtime.block_on(async {
        // Handlers first, so that no signal leaves the socket behind.
        let mut ends = Ends::new()?;
        let socket = Place::At(place(options.pcsc.as_ref())?);
        let (server, hand) = layout.lay_out(&socket, &recorder)?;
        let by_hand = ControlServer::start(server.path(), Arc::clone(&hand))?;
        let control = server.control();
        let place = Served {
            socket: server.path(),
            control: by_hand.path(),
            cards: &facts,
            empty: options.empty,
        };
        place.announce(options.json)?;
        let stopped = async {
            ends.next().await;
            // Before the readers' socket, whose folder it is in.
            drop(by_hand);
            control.stop();
        };
        let (served, ()) = tokio::join!(server.serve(), stopped);
        drop(served?);
        match (recorder.file_error(), &options.trace) {
            (Some(error), Some(path)) => Err(CliError::io("write the trace to", path)(error)),
            _ => Ok(()),
        }
    })
}

/// What there is to tell about a server.
struct Served<'a> {
    socket: &'a Path,
    control: &'a Path,
    /// Cards with the names of their readers.
    cards: &'a [(String, CardFacts)],
    /// The cards lie beside their readers.
    empty: bool,
}

impl Served<'_> {
    fn announce(&self, json: bool) -> Result<(), CliError> {
        if json {
            let readers = self.cards.iter().map(|(name, facts)| {
                json!({
                    "name": name,
                    "present": !self.empty,
                    "serial": facts.serial,
                    "nis": facts.nis,
                })
            });
            return out::line(json!({
                "PCSCLITE_CSOCK_NAME": self.socket.to_string_lossy(),
                "CIE_CONTROL": self.control.to_string_lossy(),
                "readers": readers.collect::<Vec<_>>(),
            }));
        }
        let beside = if self.empty { "empty; beside it " } else { "" };
        let readers = self.cards.iter().map(|(name, facts)| {
            let holder = format!("{} {}", facts.given_names, facts.surname);
            format!("# {name}: {beside}{holder}, card {}", facts.serial)
        });
        let shown = out::printable(&self.socket.to_string_lossy());
        out::lines(readers.chain([format!("# socket: {shown}")]))?;
        out::raw_line(&export("CIE_CONTROL", self.control))?;
        out::raw_line(&export("PCSCLITE_CSOCK_NAME", self.socket))
    }
}

/// Prints how programs find a server, if one answers.
pub(crate) fn env(options: &EnvOptions) -> Result<(), CliError> {
    let socket = place(options.pcsc.as_ref())?;
    if UnixStream::connect(&socket).is_err() {
        return Err(CliError::NoServer(socket));
    }
    let control = socket_beside(&socket);
    if options.json {
        let object = json!({
            "PCSCLITE_CSOCK_NAME": socket.to_string_lossy(),
            "CIE_CONTROL": control.to_string_lossy(),
        });
        return out::line(format_args!("{object:#}"));
    }
    out::raw_line(&export("CIE_CONTROL", &control))?;
    out::raw_line(&export("PCSCLITE_CSOCK_NAME", &socket))
}

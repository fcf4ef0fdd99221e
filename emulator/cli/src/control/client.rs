// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie control`: one request, one reply.

use super::fault;
use super::request::{Awaited, LONGEST_PATIENCE, Request, USUAL_PATIENCE};
use super::server::socket_beside;
use crate::error::CliError;
use crate::{out, serve};
use clap::{Args, Subcommand};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reply may take, beside what the request says it waits for.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where `cie run` says the control is.
const VARIABLE: &str = "CIE_CONTROL";

pub(crate) const HELP: &str = "\
Examples:
  cie run --empty -- sh -c 'pcsc_scan -c & cie control wait-waiting && cie control insert; wait'
  cie control remove && cie control insert      # the same card again
  cie control swap two.cie                      # out with this one, in with that one
  cie control reset --reader 1
  cie control counters | jq .pin_tries
  cie control list | jq '.readers[0].holder'
  cie control fault SCardTransmit SCARD_E_NOT_TRANSACTED --at 3 --times 2
  cie control fault SCardConnect served --late 2000     # the first one takes 2 s
  cie control faults | jq '.[0].struck'; cie control clear-faults

Readers are counted from 0. A command returns when its event has taken effect,
so a script needs no sleep. Cards that are taken out stay locked until the end.

The socket is the one in CIE_CONTROL (`cie run` and `cie env` set it), or that of
the usual `cie serve`. Any program can speak to it: docs/control.md.

Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong
arguments, 125 nobody is there.";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The control socket.
    #[arg(long, value_name = "PATH", global = true)]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, Debug, Args)]
struct Reader {
    /// Which reader, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    reader: usize,
}

#[derive(Clone, Copy, Debug, Args)]
struct Patience {
    /// How long at most.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = USUAL_PATIENCE.as_secs(),
        value_parser = clap::value_parser!(u64).range(0..=LONGEST_PATIENCE.as_secs())
    )]
    timeout: u64,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Put the card that was taken out of the reader last back in, or the one in FILE.
    Insert {
        #[command(flatten)]
        place: Reader,
        /// A card file.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Take the card out; it lies beside the reader then.
    Remove(Reader),
    /// Reset the card without taking its power; programs get SCARD_W_RESET_CARD.
    Reset(Reader),
    /// Take the card out and put the one in FILE in: two events.
    Swap {
        #[command(flatten)]
        place: Reader,
        /// A card file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print counters and state of the card, a JSON object.
    Counters(Reader),
    /// Print readers, cards and who uses them, a JSON object.
    #[command(visible_alias = "status")]
    List,
    /// Have a PC/SC call fail, or be late. Calls are counted from now, over
    /// all programs.
    Fault {
        /// Which: SCardTransmit, SCardConnect, ... (docs/control.md).
        #[arg(value_name = "CALL")]
        call: String,
        /// What comes of it: SCARD_E_NOT_TRANSACTED or another code by name or
        /// number, hang-up, or served.
        #[arg(value_name = "WHAT")]
        what: String,
        /// The first call it happens to, from 1.
        #[arg(long, value_name = "N", default_value_t = 1)]
        at: u64,
        /// To how many calls from there on, or "all".
        #[arg(long, value_name = "N", default_value = "1")]
        times: String,
        /// How many milliseconds later the call is taken up.
        #[arg(long, value_name = "MS", default_value_t = 0)]
        late: u64,
    },
    /// Print the planned faults and how often each has happened, a JSON array.
    Faults,
    /// Plan no faults any more.
    ClearFaults,
    /// Wait until N contexts are open.
    WaitClients {
        #[arg(value_name = "N", default_value_t = 1)]
        count: usize,
        #[command(flatten)]
        patience: Patience,
    },
    /// Wait until N contexts wait in SCardGetStatusChange.
    WaitWaiting {
        #[arg(value_name = "N", default_value_t = 1)]
        count: usize,
        #[command(flatten)]
        patience: Patience,
    },
    /// Wait until N calls stand in the queue of the reader.
    WaitQueued {
        #[arg(value_name = "N", default_value_t = 1)]
        count: usize,
        #[command(flatten)]
        place: Reader,
        #[command(flatten)]
        patience: Patience,
    },
}

impl Action {
    fn request(&self) -> Result<Request, CliError> {
        let absolute = |file: &PathBuf| {
            std::path::absolute(file).map_err(CliError::io("resolve", file.as_path()))
        };
        let wait = |what, count, patience: Patience| Request::Wait {
            what,
            count,
            patience: Duration::from_secs(patience.timeout),
        };
        Ok(match self {
            Self::Insert {
                place: Reader { reader },
                file,
            } => Request::Insert {
                reader: *reader,
                file: file.as_ref().map(absolute).transpose()?,
            },
            Self::Remove(Reader { reader }) => Request::Remove { reader: *reader },
            Self::Reset(Reader { reader }) => Request::Reset { reader: *reader },
            Self::Swap {
                place: Reader { reader },
                file,
            } => Request::Swap {
                reader: *reader,
                file: absolute(file)?,
            },
            Self::Counters(Reader { reader }) => Request::Counters { reader: *reader },
            Self::List => Request::List,
            Self::Fault {
                call,
                what,
                at,
                times,
                late,
            } => {
                let words = format!("{call} {what} --at {at} --times {times} --late {late}");
                Request::Fault(fault::parse(&words).map_err(CliError::Fault)?)
            }
            Self::Faults => Request::Faults,
            Self::ClearFaults => Request::ClearFaults,
            Self::WaitClients { count, patience } => wait(Awaited::Clients, *count, *patience),
            Self::WaitWaiting { count, patience } => wait(Awaited::Waiting, *count, *patience),
            Self::WaitQueued {
                count,
                place: Reader { reader },
                patience,
            } => wait(Awaited::Queued { reader: *reader }, *count, *patience),
        })
    }
}

/// Sends the request and prints what comes behind `ok`.
pub(crate) fn control(options: &Options) -> Result<(), CliError> {
    let request = options.action.request()?;
    let line = request.line().ok_or(CliError::NoLine)?;
    let socket = match (&options.socket, std::env::var_os(VARIABLE)) {
        (Some(path), _) => path.clone(),
        (None, Some(path)) if !path.is_empty() => path.into(),
        _ => socket_beside(&serve::usual_place()),
    };
    let patience = match request {
        Request::Wait { patience, .. } => PATIENCE + patience,
        _ => PATIENCE,
    };
    let reply = ask(&socket, &line, patience)?;
    let (word, rest) = reply.split_once(' ').unwrap_or((&reply, ""));
    match word {
        "ok" if rest.is_empty() => Ok(()),
        "ok" => out::line(rest),
        "error" => Err(CliError::Refused(rest.to_owned())),
        _ => Err(CliError::NoControl(socket)),
    }
}

fn ask(socket: &Path, line: &str, patience: Duration) -> Result<String, CliError> {
    let talking = |action| CliError::io(action, socket);
    let mut stream =
        UnixStream::connect(socket).map_err(|_| CliError::NoControl(socket.to_path_buf()))?;
    stream
        .set_read_timeout(Some(patience))
        .and_then(
            |()| match stream.write_all(format!("{line}\n").as_bytes()) {
                // Who is turned away is told so before it has asked.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
                written => written,
            },
        )
        .map_err(talking("talk to"))?;
    let mut reply = String::new();
    BufReader::new(stream)
        .read_line(&mut reply)
        .map_err(talking("get an answer from"))?;
    let reply = reply.strip_suffix('\n');
    reply
        .map(str::to_owned)
        .ok_or_else(|| CliError::NoControl(socket.to_path_buf()))
}

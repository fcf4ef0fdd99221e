// SPDX-License-Identifier: MIT OR Apache-2.0
//! What clients ask of a server and what they get, for whoever wants to write
//! it down. Defects of PC/SC programs are mostly races, and a race shows in
//! the order of calls, not in the bytes that reach the card.
//!
//! Commands and responses of cards are not part of any event.

mod call;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::faults::Fault;
use crate::protocol::codes::rv;
use crate::table::CloseReason;
pub use call::{Answer, Call};
pub use words::{disposition_name, protocol_names, return_name, share_name};

/// Sees events in the order in which they took effect. It is called with the
/// server's lock held: it must be quick, and must not call a
/// [`ReaderControl`](crate::ReaderControl) or wait for anything that does.
pub type ReaderObserver = Arc<dyn Fn(&ReaderEvent<'_>) + Send + Sync>;

/// A program on the socket. A client library opens one connection per context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Number of the connection, from 1, in the order in which they came.
    pub number: u64,
    /// The process that connected, as the system tells (`SO_PEERCRED`).
    pub process: Option<i32>,
    /// What that process was called then (`/proc/PID/comm`, at most 15 bytes);
    /// whatever is not printable ASCII is replaced by `?`.
    pub program: String,
}

impl Client {
    /// Asks the system who is at the other end.
    pub(crate) fn at(number: u64, process: Option<i32>) -> Self {
        let comm = process.and_then(|pid| std::fs::read(format!("/proc/{pid}/comm")).ok());
        let comm = comm.unwrap_or_default();
        let name = comm.strip_suffix(b"\n").unwrap_or(&comm);
        let printable = |&byte: &u8| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '?',
        };
        Self {
            number,
            process,
            program: name.iter().map(printable).collect(),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.program.as_str(), self.process) {
            (_, None) => write!(f, "[{}]", self.number),
            ("", Some(pid)) => write!(f, "[{} {pid}]", self.number),
            (program, Some(pid)) => write!(f, "[{} {program}/{pid}]", self.number),
        }
    }
}

/// Something that happened at a server. Its text is one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReaderEvent<'a> {
    /// A client connected.
    Connected(&'a Client),
    /// A call cannot go on yet; whatever it waits for, it is not the card's answer to it.
    Queued {
        /// Who called.
        client: &'a Client,
        /// What.
        call: &'a Call,
        /// How many other calls wait for the same reader.
        others: usize,
    },
    /// A call is done.
    Answered {
        /// Who called.
        client: &'a Client,
        /// What.
        call: &'a Call,
        /// What came out.
        answer: &'a Answer,
        /// How long it stood in the queue, if it did.
        queued: Option<Duration>,
    },
    /// A planned fault happens to a call; what comes of it is told as ever.
    Fault {
        /// Who called.
        client: &'a Client,
        /// What.
        call: &'a Call,
        /// What was planned.
        fault: &'a Fault,
    },
    /// A client that waits for a change is told to look: something changed, or
    /// the wait was cancelled.
    Woken {
        /// Who waited.
        client: &'a Client,
        /// [`SUCCESS`](rv::SUCCESS), [`CANCELLED`](rv::CANCELLED), or what a
        /// fault was planned with.
        rv: u32,
    },
    /// A client broke the rules of the protocol.
    CutOff {
        /// Who.
        client: &'a Client,
        /// Which rule.
        reason: CloseReason,
    },
    /// A client is gone, with everything it held.
    Gone(&'a Client),
    /// A card was put into a reader.
    Inserted(usize),
    /// The card was taken out of a reader.
    Removed(usize),
    /// The card in a reader was reset, and no client asked for it.
    Reset(usize),
    /// A reader was plugged in: its number and its name.
    Plugged(usize, &'a str),
    /// A reader was unplugged, with the card in it.
    Unplugged(usize),
}

impl fmt::Display for ReaderEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(client) => write!(f, "{client} connects"),
            Self::Queued {
                client,
                call,
                others,
            } => {
                write!(f, "{client} {call} waits in the queue")?;
                match others {
                    0 => Ok(()),
                    1 => write!(f, " with 1 other"),
                    _ => write!(f, " with {others} others"),
                }
            }
            Self::Answered {
                client,
                call,
                answer,
                queued,
            } => {
                write!(f, "{client} {call}{answer}")?;
                match queued {
                    Some(time) => write!(f, ", {} ms in the queue", time.as_millis()),
                    None => Ok(()),
                }
            }
            Self::Fault {
                client,
                call,
                fault,
            } => write!(f, "{client} {call}: as planned, {fault}"),
            Self::Woken {
                client,
                rv: rv::SUCCESS,
            } => write!(f, "{client} SCardGetStatusChange woken: something changed"),
            Self::Woken { client, rv } => write!(
                f,
                "{client} SCardGetStatusChange woken: {}",
                return_name(*rv)
            ),
            Self::CutOff { client, reason } => write!(f, "{client} is cut off: {reason}"),
            Self::Gone(client) => write!(f, "{client} is gone"),
            Self::Inserted(reader) => write!(f, "reader {reader}: card inserted"),
            Self::Removed(reader) => write!(f, "reader {reader}: card removed"),
            Self::Reset(reader) => write!(f, "reader {reader}: card reset by hand"),
            Self::Plugged(reader, name) => write!(f, "reader {reader}: plugged in, {name:?}"),
            Self::Unplugged(reader) => write!(f, "reader {reader}: unplugged"),
        }
    }
}

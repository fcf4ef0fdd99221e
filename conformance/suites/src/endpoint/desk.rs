// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a case on a reader is played: its clients, what they did, and why it
//! ended early.

use super::client::Client;
use crate::card::reader::Spot;
use crate::report::Exchange;
use cie_terminal::pcsc::{Context, Options, PcscError, ReaderState, ScardCode, Share, protocol};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what a case before left may take to be tidied up.
const RECOVERY: Duration = Duration::from_secs(5);
/// How long what has to come may take at most.
const SOON: Duration = Duration::from_secs(20);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// Why a case ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The requirement is not fulfilled.
    Departs(String),
    /// Something else went wrong: the service, the card, another program.
    Undecided(String),
    /// No answer.
    Hangs(String),
    /// The reader does not offer what the case is about.
    Lacks(String),
}

/// A code that tells of the service, the reader or the card, whatever was asked.
fn is_trouble(code: ScardCode) -> bool {
    use ScardCode as C;
    matches!(
        code,
        C::NoService
            | C::ServiceStopped
            | C::ReaderUnavailable
            | C::UnknownReader
            | C::NoSmartcard
            | C::RemovedCard
            | C::UnpoweredCard
            | C::UnresponsiveCard
            | C::UnsupportedCard
            | C::CommError
            | C::NoMemory
            | C::InternalError
    ) || code.number() == COMM_DATA_LOST
}

/// `SCARD_E_COMM_DATA_LOST`.
const COMM_DATA_LOST: u32 = 0x8010_002F;

/// Why it failed where the case is not about that.
pub(super) fn undecided(error: &PcscError) -> Stop {
    match error {
        PcscError::Timeout { .. } => Stop::Hangs(error.to_string()),
        _ => Stop::Undecided(error.to_string()),
    }
}

/// Something that has to succeed, and that the case is about.
pub(super) fn must<T>(result: Result<T, PcscError>) -> Result<T, Stop> {
    result.map_err(|error| match error.code() {
        Some(code) if !is_trouble(code) => Stop::Departs(error.to_string()),
        _ => impossible(&error).unwrap_or_else(|| undecided(&error)),
    })
}

/// A reply that cannot be right, whatever is due.
fn impossible(error: &PcscError) -> Option<Stop> {
    match error {
        PcscError::Reply { .. } => Some(Stop::Departs(error.to_string())),
        _ => None,
    }
}

/// Something that has to be refused with one of these codes.
pub(super) fn must_not<T>(
    what: &str,
    codes: &[ScardCode],
    result: Result<T, PcscError>,
) -> Result<(), Stop> {
    let due = || {
        let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
        names.join(" or ")
    };
    match result {
        Ok(_) => Err(Stop::Departs(format!("{what} succeeds; due is {}", due()))),
        Err(error) => match error.code() {
            Some(code) if codes.contains(&code) => Ok(()),
            Some(code) if !is_trouble(code) => Err(Stop::Departs(format!(
                "{what} comes to {code}; due is {}",
                due()
            ))),
            _ => Err(impossible(&error).unwrap_or_else(|| undecided(&error))),
        },
    }
}

/// A thing that has to be so.
pub(super) fn holds(so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Stop> {
    match so {
        true => Ok(()),
        false => Err(Stop::Departs(otherwise())),
    }
}

/// A reader, and what was done to it in one case.
pub(super) struct Desk<'a> {
    pub(super) spot: &'a Spot,
    log: Mutex<Vec<Exchange>>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(spot: &'a Spot) -> Self {
        Self {
            spot,
            log: Mutex::default(),
        }
    }

    /// Another program, by its name in the evidence.
    pub(super) fn client(&self, name: &'static str) -> Result<Client<'_>, Stop> {
        Client::open(self, name).map_err(|error| undecided(&error))
    }

    /// Writes down a call and what came of it.
    pub(super) fn note(&self, command: String, response: String) {
        // A thread that panicked does not matter to a list.
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let step = log.len() + 1;
        log.push(Exchange {
            step,
            command,
            response,
            ..Exchange::default()
        });
    }

    pub(super) fn evidence(self) -> Vec<Exchange> {
        self.log
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader is free and its card answers; a server may still be at what a
    /// client before left.
    pub(super) fn settle(&self) -> Result<(), Stop> {
        let begun = Instant::now();
        loop {
            let error = match self.is_free() {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if error.code().is_none() || begun.elapsed() >= RECOVERY.min(self.spot.limit) {
                return Err(match undecided(&error) {
                    Stop::Undecided(why) => {
                        Stop::Undecided(format!("the reader is not free or not well: {why}"))
                    }
                    other => other,
                });
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_free(&self) -> Result<(), PcscError> {
        use cie_terminal::pcsc::Disposition;
        let mut context = Context::open(&self.spot.socket, self.options())?;
        let handle = context.connect(&self.spot.reader, Share::Exclusive)?;
        context.transmit(handle, super::client::SELECT)?;
        context.disconnect(handle, Disposition::Leave)?;
        context.release()
    }

    /// How long what has to come may take; what comes, comes at once.
    pub(super) fn soon(&self) -> Duration {
        SOON.min(self.spot.limit)
    }

    pub(super) fn options(&self) -> Options {
        Options {
            limit: self.spot.limit,
            ..Options::default()
        }
    }

    /// What the server says of the reader.
    pub(super) fn state(&self, client: &mut Client<'_>) -> Result<ReaderState, Stop> {
        let states = client.states().map_err(|error| undecided(&error))?;
        let same = states
            .into_iter()
            .find(|state| state.name == self.spot.reader);
        same.ok_or_else(|| Stop::Undecided(format!("{:?} is gone", self.spot.reader)))
    }
}

/// The name of a protocol.
pub(super) fn protocol_name(number: u32) -> String {
    match number {
        protocol::T0 => "T=0".to_owned(),
        protocol::T1 => "T=1".to_owned(),
        protocol::ANY => "T=0 or T=1".to_owned(),
        other => format!("protocol {other}"),
    }
}

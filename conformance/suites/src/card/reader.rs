// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card in a PC/SC reader behind the door that every row uses.
//!
//! The reader is taken for the bench alone (`SCARD_SHARE_EXCLUSIVE`), so no
//! other program resets the card in the midst of a row. Power off is
//! `SCardDisconnect` with `SCARD_UNPOWER_CARD`; until the next power on nothing
//! is sent, so "mute without power" is what this door does, not what the card
//! was seen to do. Power on of a powered card is `SCardReconnect` with
//! `SCARD_UNPOWER_CARD`, a reset the same with `SCARD_RESET_CARD`.
//!
//! PC/SC has no way to say "the card gave no byte": whatever fails is kept as
//! [`Trouble`], and the card counts as mute for the rest of the row.

use crate::edges::{Link, Trouble};
use cie_terminal::pcsc::{
    Context, Disposition, Handle, Options, PcscError, ReaderState, ScardCode, Share, attribute,
};
use iso7816_wire::CardDoor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How long a card may take to come back after trouble.
const RECOVERY: Duration = Duration::from_secs(5);
/// How often in a row that is waited for. A card that is gone for good would
/// else cost [`RECOVERY`] in each case, which is an hour for all of them.
const RECOVERIES: u8 = 12;
/// Between two looks whether it is back.
const PAUSE: Duration = Duration::from_millis(100);
/// The shortest command that a reader is given, in bytes: less is no APDU.
const COMMAND_MIN: usize = 4;
/// The longest command that pcsc-lite takes, in bytes.
const COMMAND_MAX: usize = 65_548;

/// Where a card is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Path of the PC/SC server's socket.
    pub socket: PathBuf,
    /// Name of the reader.
    pub reader: String,
    /// How long one row may take, with all that leads to it.
    pub limit: Duration,
}

/// Why no reader was found.
#[derive(Debug, Error)]
pub enum ReaderError {
    /// The server cannot be asked.
    #[error(transparent)]
    Pcsc(#[from] PcscError),
    /// No reader is meant.
    #[error("no reader {wanted:?}; there are {}", known(.readers))]
    NoReader {
        /// What was asked for.
        wanted: String,
        /// What there is.
        readers: Vec<String>,
    },
    /// More than one is.
    #[error("{wanted:?} is part of more than one name: {}", known(.readers))]
    Several {
        /// What was asked for.
        wanted: String,
        /// The readers that are meant.
        readers: Vec<String>,
    },
    /// It is empty.
    #[error("no card in the reader {0:?}")]
    Empty(String),
}

fn known(readers: &[String]) -> String {
    match readers {
        [] => "none".to_owned(),
        _ => readers.join(", "),
    }
}

/// The reader that is meant: its number from 0, its name, or a part of it that
/// no other has.
///
/// # Errors
/// [`ReaderError`].
pub fn find(socket: &Path, wanted: &str, limit: Duration) -> Result<Spot, ReaderError> {
    let mut context = Context::open(
        socket,
        Options {
            limit,
            ..Options::default()
        },
    )?;
    let readers = context.readers()?;
    let exact = |reader: &&ReaderState| reader.name == wanted;
    let found = match readers.iter().find(exact) {
        Some(reader) => Some(reader),
        None => match wanted.parse::<usize>() {
            Ok(number) => readers.get(number),
            Err(_) => part(&readers, wanted)?,
        },
    };
    let names = || readers.iter().map(|reader| reader.name.clone()).collect();
    let reader = found.ok_or_else(|| ReaderError::NoReader {
        wanted: wanted.to_owned(),
        readers: names(),
    })?;
    if !reader.card_present() {
        return Err(ReaderError::Empty(reader.name.clone()));
    }
    Ok(Spot {
        socket: socket.to_path_buf(),
        reader: reader.name.clone(),
        limit,
    })
}

fn part<'a>(
    readers: &'a [ReaderState],
    wanted: &str,
) -> Result<Option<&'a ReaderState>, ReaderError> {
    let found: Vec<_> = readers
        .iter()
        .filter(|reader| !wanted.is_empty() && reader.name.contains(wanted))
        .collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(ReaderError::Several {
            wanted: wanted.to_owned(),
            readers: found.iter().map(|reader| reader.name.clone()).collect(),
        }),
    }
}

/// The door.
#[derive(Debug)]
pub struct ReaderDoor {
    spot: Spot,
    context: Option<Context>,
    handle: Option<Handle>,
    trouble: Option<Trouble>,
    begun: Instant,
    recovery: Recovery,
    /// Set when the run is to end.
    stop: Arc<AtomicBool>,
    /// What is sent now brings the card back.
    mending: bool,
}

/// How long a card is waited for that may come back.
#[derive(Debug, Default)]
struct Recovery {
    /// The row before ended in trouble, and the card may take a moment.
    due: bool,
    /// Times in a row that it was waited for and did not come back.
    in_vain: u8,
}

impl Recovery {
    /// How long it may take this time.
    fn patience(&mut self, limit: Duration) -> Duration {
        if !std::mem::take(&mut self.due) || self.in_vain >= RECOVERIES {
            return Duration::ZERO;
        }
        // Until it is back.
        self.in_vain += 1;
        RECOVERY.min(limit)
    }
}

impl ReaderDoor {
    /// The door to the card in this place. Nothing is sent yet.
    #[must_use]
    pub fn new(spot: Spot) -> Self {
        Self {
            spot,
            context: None,
            handle: None,
            trouble: None,
            begun: Instant::now(),
            recovery: Recovery::default(),
            stop: Arc::default(),
            mending: false,
        }
    }

    /// The door sends nothing more of a row as soon as this is set, but what
    /// brings the card back.
    #[must_use]
    pub fn until(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// The open connection to the server.
    fn context(&mut self) -> Result<&mut Context, PcscError> {
        if self.context.is_none() {
            self.handle = None;
            let options = Options {
                limit: self.spot.limit,
                ..Options::default()
            };
            self.context = Some(Context::open(&self.spot.socket, options)?);
        }
        self.context.as_mut().ok_or(PcscError::OutOfStep)
    }

    /// Applies power, or a reset; the answer to reset.
    fn power(&mut self, how: Disposition) -> Result<Vec<u8>, PcscError> {
        let (reader, known) = (self.spot.reader.clone(), self.handle);
        let patience = self.recovery.patience(self.spot.limit);
        let context = self.context()?;
        // A connection that was lost with its context is none.
        let handle = match known {
            Some(handle) => {
                context.reconnect(handle, Share::Exclusive, how)?;
                handle
            }
            None => connected(context, &reader, patience)?,
        };
        let atr = match context.attribute(handle, attribute::ATR_STRING) {
            Err(error) if error.code() == Some(ScardCode::UnsupportedFeature) => {
                let readers = context.readers()?;
                let same = readers.into_iter().find(|state| state.name == reader);
                same.map(|state| state.atr).unwrap_or_default()
            }
            other => other?,
        };
        self.handle = Some(handle);
        self.recovery.in_vain = 0;
        Ok(atr)
    }

    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, PcscError> {
        let Some(handle) = self.handle else {
            return Ok(Vec::new());
        };
        self.context()?.transmit(handle, command)
    }

    /// What an exchange came to; a failure is kept, and the row is over.
    fn kept(&mut self, result: Result<Vec<u8>, PcscError>) -> Vec<u8> {
        let error = match result {
            Ok(bytes) => return bytes,
            Err(error) => error,
        };
        let words = error.to_string();
        let lost = error.code().is_none();
        let trouble = match (&error, error.code()) {
            (PcscError::Timeout { .. }, _) => Trouble::Hang(words),
            (PcscError::TooLong { .. }, _) => Trouble::NotCarried(words),
            (_, Some(ScardCode::InvalidParameter)) => {
                Trouble::NotCarried(format!("the server refused it; {words}"))
            }
            (
                PcscError::Closed { .. }
                | PcscError::NobodyListens { .. }
                | PcscError::NoSocket { .. },
                _,
            )
            | (
                _,
                Some(
                    ScardCode::RemovedCard
                    | ScardCode::NoSmartcard
                    | ScardCode::ReaderUnavailable
                    | ScardCode::UnknownReader
                    | ScardCode::ServiceStopped
                    | ScardCode::NoService,
                ),
            ) => Trouble::Gone(words),
            _ => Trouble::Failed(words),
        };
        let carried = !matches!(trouble, Trouble::NotCarried(_));
        if carried {
            let handle = self.handle.take();
            if let (Some(context), Some(handle), false) = (&mut self.context, handle, lost) {
                // The reader is given back, if it can be.
                let _ = context.disconnect(handle, Disposition::Unpower);
            }
            // Whatever is left of it the server takes back.
            self.context = None;
            self.recovery.due = true;
        }
        self.trouble.get_or_insert(trouble);
        Vec::new()
    }

    /// True if nothing more is sent in this row.
    fn is_over(&mut self) -> bool {
        if self.trouble.is_none() && !self.mending && self.stop.load(Ordering::Relaxed) {
            let words = "the run was ended by a signal".to_owned();
            self.trouble = Some(Trouble::Failed(words));
        }
        if self.trouble.is_none() && self.begun.elapsed() > self.spot.limit {
            let words = format!(
                "the case took more than {:?}, and the card always answered; give it more with \
                 --time-limit",
                self.spot.limit
            );
            self.trouble = Some(Trouble::Slow(words));
        }
        self.trouble.is_some()
    }
}

/// A connection to the card; after trouble, as soon as there is one.
fn connected(context: &mut Context, reader: &str, patience: Duration) -> Result<Handle, PcscError> {
    let begun = Instant::now();
    loop {
        let error = match context.connect(reader, Share::Exclusive) {
            Ok(handle) => return Ok(handle),
            Err(error) => error,
        };
        let passes = matches!(
            error.code(),
            Some(
                ScardCode::SharingViolation
                    | ScardCode::NoSmartcard
                    | ScardCode::UnpoweredCard
                    | ScardCode::UnresponsiveCard
            )
        );
        if !passes || begun.elapsed() >= patience {
            return Err(error);
        }
        std::thread::sleep(PAUSE);
    }
}

impl CardDoor for ReaderDoor {
    fn power_on(&mut self) -> Vec<u8> {
        if self.is_over() {
            return Vec::new();
        }
        let atr = self.power(Disposition::Unpower);
        self.kept(atr)
    }

    fn reset(&mut self) -> Vec<u8> {
        if self.is_over() {
            return Vec::new();
        }
        let atr = self.power(Disposition::Reset);
        self.kept(atr)
    }

    fn power_off(&mut self) {
        let (Some(context), Some(handle)) = (&mut self.context, self.handle.take()) else {
            return;
        };
        let off = context.disconnect(handle, Disposition::Unpower);
        self.kept(off.map(|()| Vec::new()));
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if self.is_over() {
            return Vec::new();
        }
        if command.len() > COMMAND_MAX {
            let length = command.len();
            self.trouble = Some(Trouble::NotCarried(format!(
                "PC/SC takes commands of up to {COMMAND_MAX} bytes, and this one has {length}"
            )));
            return Vec::new();
        }
        if command.len() < COMMAND_MIN {
            // Drivers take less for something else: that of vpcd waits for an
            // answer for ever.
            let why = format!("a reader takes commands of {COMMAND_MIN} bytes and more");
            self.trouble = Some(Trouble::NotCarried(why));
            return Vec::new();
        }
        let answer = self.exchange(command);
        self.kept(answer)
    }
}

impl Link for ReaderDoor {
    fn begin(&mut self) {
        self.trouble = None;
        self.begun = Instant::now();
        self.mending = false;
    }

    fn mend(&mut self, last: bool) {
        self.begin();
        self.mending = true;
        if last {
            // It is its owner's card, and a person may have to put it back.
            self.recovery.in_vain = 0;
            self.recovery.due |= self.handle.is_none();
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble.clone()
    }
}

impl Drop for ReaderDoor {
    /// Nothing of a row is left to the next program.
    fn drop(&mut self) {
        self.power_off();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_never_comes_back_is_waited_for_a_dozen_times() {
        let mut recovery = Recovery::default();
        assert_eq!(recovery.patience(RECOVERY), Duration::ZERO, "no trouble");
        let mut waited = Duration::ZERO;
        for _ in 0..600 {
            recovery.due = true;
            waited += recovery.patience(Duration::from_secs(60));
        }
        assert_eq!(waited, RECOVERY * u32::from(RECOVERIES));
        // It was back, and is gone again.
        recovery.in_vain = 0;
        recovery.due = true;
        assert_eq!(recovery.patience(Duration::from_secs(2)).as_secs(), 2);
    }
}

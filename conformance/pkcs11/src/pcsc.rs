// SPDX-License-Identifier: MIT OR Apache-2.0
//! PC/SC by the system's library: physical readers, vpcd and private sockets
//! alike.
//!
//! Every connection and every waiter has a context of its own, because
//! libpcsclite lets only one call at a time into a context.

use crate::lock::{Mutex, locked};
use crate::reader::{Link, LinkError, ReaderState, Readers, Watch, Wire};
use iso7816_wire::flaw;
use pcsc::{
    Card, Context, Disposition, Error, MAX_BUFFER_SIZE, Protocols, Scope, ShareMode, State,
};
use std::ffi::CString;
use std::time::Duration;

/// Bits of a reader's state where libpcsclite keeps the count of events.
const EVENTS_SHIFT: u32 = 16;

impl From<Error> for LinkError {
    fn from(error: Error) -> Self {
        match error {
            Error::ResetCard | Error::UnpoweredCard if !flaw!(ResetIsRemoval) => Self::Reset,
            Error::ResetCard | Error::UnpoweredCard | Error::RemovedCard | Error::InvalidHandle => {
                Self::Removed
            }
            Error::NoSmartcard | Error::UnresponsiveCard => Self::NoCard,
            Error::ProtoMismatch => Self::NoProtocol,
            Error::UnknownReader
            | Error::ReaderUnavailable
            | Error::NoService
            | Error::ServiceStopped
            | Error::NoReadersAvailable => Self::NoReader,
            other => Self::Other(other.to_string()),
        }
    }
}

/// The readers of the system, or of the socket in `PCSCLITE_CSOCK_NAME`.
#[derive(Default)]
pub struct SystemReaders {
    /// Kept between calls, made again when the daemon was restarted. Its lock
    /// is also the only way to libpcsclite's table of readers, of which there
    /// is one per process and which versions up to 1.9 fill without a lock (a
    /// waiter, which may fill it at any time, cannot take turns). Nobody holds
    /// it while he waits for a card, and a fork has one of its own.
    context: Mutex<Option<Context>>,
}

impl SystemReaders {
    fn list(context: &Context) -> Result<Vec<ReaderState>, Error> {
        let names = match context.list_readers_owned() {
            Ok(names) => names,
            Err(Error::NoReadersAvailable) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut states: Vec<_> = names
            .into_iter()
            .map(|name| pcsc::ReaderState::new(name, State::UNAWARE))
            .collect();
        match context.get_status_change(Duration::ZERO, &mut states) {
            // A reader that went away between the two calls comes next time.
            Ok(()) | Err(Error::Timeout | Error::UnknownReader) => {}
            Err(error) => return Err(error),
        }
        Ok(states.iter().map(reader_state).collect())
    }
}

fn reader_state(state: &pcsc::ReaderState) -> ReaderState {
    ReaderState {
        name: state.name().to_owned(),
        present: state.event_state().contains(State::PRESENT),
        events: state.event_count(),
    }
}

impl Readers for SystemReaders {
    fn states(&self) -> Result<Vec<ReaderState>, LinkError> {
        let mut kept = locked(&self.context);
        for fresh in [false, true] {
            let context = match kept.take() {
                Some(context) => context,
                None => match Context::establish(Scope::User) {
                    Ok(context) => context,
                    Err(Error::NoService) => return Ok(Vec::new()),
                    Err(error) => return Err(error.into()),
                },
            };
            match Self::list(&context) {
                Ok(states) => {
                    *kept = Some(context);
                    return Ok(states);
                }
                // A context does not outlive its daemon.
                Err(_) if !fresh => {}
                Err(Error::NoService | Error::ServiceStopped) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Vec::new())
    }

    fn watch(&self) -> Result<Box<dyn Watch>, LinkError> {
        let context = Context::establish(Scope::User)?;
        Ok(Box::new(SystemWatch { context }))
    }

    fn connect(&self, reader: &CString) -> Result<Box<dyn Link>, LinkError> {
        let first = flaw!(FirstReaderOnly)
            .then(|| self.states().ok()?.into_iter().next())
            .flatten();
        let reader = first.as_ref().map_or(reader, |first| &first.name);
        let context = Context::establish(Scope::User)?;
        let card = context.connect(reader, ShareMode::Shared, Protocols::T1)?;
        Ok(Box::new(SystemLink { card: Some(card) }))
    }
}

struct SystemWatch {
    context: Context,
}

impl Watch for SystemWatch {
    fn wait(&mut self, known: &[ReaderState], timeout: Duration) {
        let mut states: Vec<_> = known
            .iter()
            .map(|reader| {
                let presence = if reader.present {
                    State::PRESENT
                } else {
                    State::EMPTY
                };
                let events = (reader.events & 0xFFFF) << EVENTS_SHIFT;
                let bits = presence.bits() | pcsc::ffi::DWORD::from(events);
                pcsc::ReaderState::new(reader.name.clone(), State::from_bits_retain(bits))
            })
            .collect();
        if states.is_empty()
            || self
                .context
                .get_status_change(timeout, &mut states)
                .is_err()
        {
            // No reader, no daemon, stopped, or the time is over: the caller
            // looks for itself, but not more often than this.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        let context = self.context.clone();
        Box::new(move || {
            let _ = context.cancel();
        })
    }
}

struct SystemLink {
    /// Present until dropped.
    card: Option<Card>,
}

impl SystemLink {
    fn card(&mut self) -> Result<&mut Card, LinkError> {
        self.card.as_mut().ok_or(LinkError::Removed)
    }
}

impl Link for SystemLink {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Wire)) -> Result<(), LinkError> {
        let transaction = self.card()?.transaction()?;
        let mut wire = SystemWire {
            card: &transaction,
            buffer: vec![0; MAX_BUFFER_SIZE],
        };
        work(&mut wire);
        flaw!(TransactionKept => {
            std::mem::forget(transaction);
            return Ok(());
        });
        // Ending it can only fail if the card is gone, which the next call
        // will notice.
        let _ = transaction.end(Disposition::LeaveCard);
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), LinkError> {
        let leave = Disposition::LeaveCard;
        Ok(self
            .card()?
            .reconnect(ShareMode::Shared, Protocols::T1, leave)?)
    }

    /// By a transaction without content. `SCardStatus` would tell the same,
    /// but goes through the table of readers, and waits there for as long as
    /// another program holds a transaction.
    fn check(&mut self) -> Result<(), LinkError> {
        let transaction = self.card()?.transaction()?;
        let _ = transaction.end(Disposition::LeaveCard);
        Ok(())
    }
}

impl Drop for SystemLink {
    /// Leaves the card as it is: other programs may be in the middle of their
    /// work with it.
    fn drop(&mut self) {
        if let Some(card) = self.card.take() {
            // The card comes back in the error and would reset on drop; with
            // an invalid handle that does nothing.
            let _ = card.disconnect(Disposition::LeaveCard);
        }
    }
}

struct SystemWire<'a> {
    card: &'a Card,
    buffer: Vec<u8>,
}

impl Wire for SystemWire<'_> {
    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        flaw!(Slow => std::thread::sleep(Duration::from_millis(20)));
        Ok(self.card.transmit(command, &mut self.buffer)?.to_vec())
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What this module needs of PC/SC, as traits: [`crate::pcsc`] is the real
//! one, tests bring their own.

use cie_terminal::{Transmit, TransportError};
use std::ffi::CString;
use std::time::Duration;
use thiserror::Error;

/// Why the reader's side failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// Somebody reset the card since the last call.
    #[error("the card was reset")]
    Reset,
    /// The card was removed; perhaps another one is there by now.
    #[error("the card was removed")]
    Removed,
    /// There is no card in the reader.
    #[error("there is no card in the reader")]
    NoCard,
    /// The reader is gone, or PC/SC is.
    #[error("the reader is gone")]
    NoReader,
    /// The card does not speak T=1, as every CIE does.
    #[error("the card does not speak T=1")]
    NoProtocol,
    /// Anything else, in the words of PC/SC.
    #[error("PC/SC failed: {0}")]
    Other(String),
}

impl From<LinkError> for TransportError {
    fn from(error: LinkError) -> Self {
        Self::other(error)
    }
}

/// A reader at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderState {
    /// Its name in PC/SC.
    pub name: CString,
    /// A card is in it.
    pub present: bool,
    /// How many insertions and removals it has seen (modulo 2^16).
    pub events: u32,
}

/// All readers of this machine.
pub trait Readers: Send + Sync {
    /// The readers as they are now; none if PC/SC is not running.
    ///
    /// # Errors
    /// [`LinkError::Other`].
    fn states(&self) -> Result<Vec<ReaderState>, LinkError>;

    /// Something to wait with.
    ///
    /// # Errors
    /// [`LinkError::NoReader`] if PC/SC is not running.
    fn watch(&self) -> Result<Box<dyn Watch>, LinkError>;

    /// A shared connection to the card in a reader.
    ///
    /// # Errors
    /// [`LinkError::NoCard`], [`LinkError::NoReader`], [`LinkError::Other`].
    fn connect(&self, reader: &CString) -> Result<Box<dyn Link>, LinkError>;
}

/// Waits for readers.
pub trait Watch: Send {
    /// Returns when a reader is no longer as in `known`, when `timeout` has
    /// passed, when the stopper was called, or early for no reason at all.
    fn wait(&mut self, known: &[ReaderState], timeout: Duration);

    /// A way to end [`wait`](Self::wait) from another thread.
    fn stopper(&self) -> Box<dyn Fn() + Send + Sync>;
}

/// A connection to one card, shared with other processes.
pub trait Link: Send {
    /// Calls `work` once, while no other process can reach the card.
    ///
    /// # Errors
    /// Any [`LinkError`], and then `work` was not called.
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Wire)) -> Result<(), LinkError>;

    /// Takes note of a reset, so that the card can be used again.
    ///
    /// # Errors
    /// Any [`LinkError`].
    fn reconnect(&mut self) -> Result<(), LinkError>;

    /// Asks whether the card is still the one of the last call and was not
    /// reset, without an exchange with it.
    ///
    /// # Errors
    /// [`LinkError::Reset`], [`LinkError::Removed`] and the others.
    fn check(&mut self) -> Result<(), LinkError>;
}

/// APDUs inside a transaction.
pub trait Wire {
    /// Sends a command APDU, returns the response APDU.
    ///
    /// # Errors
    /// Any [`LinkError`] if the exchange did not take place.
    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError>;
}

/// A [`Wire`] as the transport of a terminal: keeps the error of the reader's
/// side, and writes headers to the log.
pub struct Transport<'a> {
    wire: &'a mut dyn Wire,
    log: &'a crate::log::Log,
    /// The last error of the reader's side.
    pub failed: Option<LinkError>,
}

impl<'a> Transport<'a> {
    /// A transport over `wire`.
    pub fn new(wire: &'a mut dyn Wire, log: &'a crate::log::Log) -> Self {
        Self {
            wire,
            log,
            failed: None,
        }
    }
}

impl Transmit for Transport<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let answer = self.wire.exchange(command);
        self.log.apdu(command, answer.as_deref());
        answer.map_err(|error| {
            self.failed = Some(error.clone());
            error.into()
        })
    }

    /// Never: a reset would throw other programs out of their sessions.
    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        Err(TransportError::NoReset)
    }
}

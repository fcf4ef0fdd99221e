// SPDX-License-Identifier: MIT OR Apache-2.0
//! How bytes reach a card: one trait, and the transports of this process.

use iso7816_wire::CardDoor;
use std::error::Error as StdError;
use thiserror::Error;

/// Something that carries one APDU to a card and one back.
pub trait Transmit {
    /// Sends a command APDU, returns the response APDU (data and status word).
    ///
    /// # Errors
    /// [`TransportError`] if the exchange did not take place.
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError>;

    /// Resets the card and returns its answer to reset.
    ///
    /// # Errors
    /// [`TransportError`] if there is no card, or no way to reset it.
    fn reset(&mut self) -> Result<Vec<u8>, TransportError>;
}

/// Why an exchange did not take place.
#[derive(Debug, Error)]
pub enum TransportError {
    /// The card gave no answer at all.
    #[error("the card is mute: it has no power or is no longer there; reset it or insert it again")]
    Mute,
    /// This transport cannot reset the card.
    #[error("this transport cannot reset the card")]
    NoReset,
    /// The PC/SC side failed.
    #[cfg(unix)]
    #[error(transparent)]
    Pcsc(#[from] crate::pcsc::PcscError),
    /// A transport of the caller's own failed.
    #[error("the transport failed")]
    Other(#[source] Box<dyn StdError + Send + Sync>),
}

impl TransportError {
    /// Wraps the error of a transport of the caller's own.
    pub fn other(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl<T: Transmit + ?Sized> Transmit for &mut T {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }

    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        (**self).reset()
    }
}

impl<T: Transmit + ?Sized> Transmit for Box<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (**self).transmit(command)
    }

    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        (**self).reset()
    }
}

/// A card in this process, behind its [`CardDoor`].
#[derive(Clone, Debug)]
pub struct InProcess<D>(pub D);

impl<D: CardDoor> InProcess<D> {
    /// Powers the card and wraps it.
    pub fn power_on(mut door: D) -> Self {
        door.power_on();
        Self(door)
    }
}

impl<D: CardDoor> Transmit for InProcess<D> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        Some(self.0.transmit(command))
            .filter(|r| !r.is_empty())
            .ok_or(TransportError::Mute)
    }

    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        Some(self.0.reset())
            .filter(|r| !r.is_empty())
            .ok_or(TransportError::Mute)
    }
}

/// A closure as a transport; made by [`from_fn`].
#[derive(Clone, Debug)]
pub struct FromFn<F>(F);

/// A transport that hands every command to `exchange`. It cannot reset.
pub fn from_fn<F>(exchange: F) -> FromFn<F>
where
    F: FnMut(&[u8]) -> Result<Vec<u8>, TransportError>,
{
    FromFn(exchange)
}

impl<F> Transmit for FromFn<F>
where
    F: FnMut(&[u8]) -> Result<Vec<u8>, TransportError>,
{
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        (self.0)(command)
    }

    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        Err(TransportError::NoReset)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A connected card as a transport.

use super::context::Context;
use super::types::{Disposition, Handle, Options, ReaderState, Share};
use super::{PcscError, ScardCode, attribute};
use crate::transport::{Transmit, TransportError};
use std::path::Path;
use std::time::Duration;

/// A context with one connected card. Dropping it closes the connection.
#[derive(Debug)]
pub struct Card {
    context: Context,
    handle: Handle,
    reader: String,
}

impl Card {
    /// Connects to the card in a reader, shared and with T=1 (section 11).
    ///
    /// # Errors
    /// As [`Context::connect`].
    pub fn connect(mut context: Context, reader: &str) -> Result<Self, PcscError> {
        let handle = context.connect(reader, Share::Shared)?;
        Ok(Self {
            context,
            handle,
            reader: reader.to_owned(),
        })
    }

    /// Opens a context and connects to the first reader with a card in it.
    ///
    /// # Errors
    /// [`PcscError`]; its code is [`ScardCode::NoReadersAvailable`] or
    /// [`ScardCode::NoSmartcard`] if there is none.
    pub fn first(path: impl AsRef<Path>, options: Options) -> Result<Self, PcscError> {
        let mut context = Context::open(path, options)?;
        let readers = context.readers()?;
        let code = if readers.is_empty() {
            ScardCode::NoReadersAvailable
        } else {
            ScardCode::NoSmartcard
        };
        let reader = readers.into_iter().find(ReaderState::card_present);
        let reader = reader.ok_or(PcscError::Scard {
            request: "looking for a card",
            code,
        })?;
        Self::connect(context, &reader.name)
    }

    /// The reader's name.
    #[must_use]
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// The context, for what has no method here.
    pub fn context(&mut self) -> &mut Context {
        &mut self.context
    }

    /// The handle within the context.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// The answer to reset, asked for as the card's desktop clients do.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn atr(&mut self) -> Result<Vec<u8>, PcscError> {
        self.context.attribute(self.handle, attribute::ATR_STRING)
    }

    /// The state of the reader, after asking whether the connection is good.
    ///
    /// # Errors
    /// [`PcscError`]; its code is [`ScardCode::ReaderUnavailable`] if the
    /// reader is gone.
    pub fn status(&mut self) -> Result<ReaderState, PcscError> {
        self.context.status(self.handle)?;
        let code = ScardCode::ReaderUnavailable;
        let readers = self.context.readers()?;
        let reader = readers.into_iter().find(|r| r.name == self.reader);
        reader.ok_or(PcscError::Scard {
            request: "STATUS",
            code,
        })
    }

    /// Takes the reader for a row of commands; see
    /// [`Context::begin_transaction`].
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn begin_transaction(&mut self, patience: Duration) -> Result<(), PcscError> {
        self.context.begin_transaction(self.handle, patience)
    }

    /// Gives the reader back.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn end_transaction(&mut self, then: Disposition) -> Result<(), PcscError> {
        self.context.end_transaction(self.handle, then)
    }

    /// Takes the connection up again after another program reset the card, or
    /// resets it.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn reconnect(&mut self, first: Disposition) -> Result<(), PcscError> {
        self.context.reconnect(self.handle, Share::Shared, first)
    }

    /// Ends the connection and hands the context back.
    ///
    /// # Errors
    /// [`PcscError`].
    pub fn disconnect(mut self, then: Disposition) -> Result<Context, PcscError> {
        self.context.disconnect(self.handle, then)?;
        Ok(self.context)
    }
}

impl Transmit for Card {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        Ok(self.context.transmit(self.handle, command)?)
    }

    /// Reconnects with a warm reset. The answer to reset comes from the
    /// reader's attribute, or from the reader's state where the reader does
    /// not offer that attribute.
    fn reset(&mut self) -> Result<Vec<u8>, TransportError> {
        self.reconnect(Disposition::Reset)?;
        match self.atr() {
            Err(PcscError::Scard {
                code: ScardCode::UnsupportedFeature,
                ..
            }) => Ok(self.status()?.atr),
            other => Ok(other?),
        }
    }
}

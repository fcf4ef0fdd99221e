// SPDX-License-Identifier: MIT OR Apache-2.0
//! Non-volatile memory: where the changing state of a card goes to stay.

use crate::image::CardState;
use thiserror::Error;

/// A write that did not reach the memory. The card answers 6581 and goes on
/// with the state that is stored.
#[derive(Debug, Error)]
#[error("the card's non-volatile memory refused a write: {0}")]
pub struct MemoryError(pub String);

/// Memory whose unit is one atomic commit (rule 3 of the architecture).
///
/// A commit either replaces the stored state as a whole and survives any loss
/// of power after it returned, or it leaves the stored state as it was. Where
/// the last step of a write fails it may be unknown which of the two will be
/// there after a loss of power; then every later commit must fail, too, so that
/// the card, which goes on with the earlier state, compares no code with it.
pub trait NonVolatile: Send {
    /// Stores `state`.
    ///
    /// # Errors
    /// [`MemoryError`] if nothing was stored, or it is unknown for good.
    fn commit(&mut self, state: &CardState) -> Result<(), MemoryError>;
}

/// Memory that lasts as long as the card object: the card itself holds its
/// state, so there is nothing more to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ram;

impl NonVolatile for Ram {
    fn commit(&mut self, _: &CardState) -> Result<(), MemoryError> {
        Ok(())
    }
}

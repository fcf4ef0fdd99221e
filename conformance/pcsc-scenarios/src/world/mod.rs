// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two worlds a scenario runs in: two readers, cards that come and go, and
//! a socket for clients.

mod ours;
mod theirs;

use std::path::Path;

use crate::Trouble;
use crate::card::Watch;

pub use ours::Ours;
pub use theirs::{Theirs, possible};

/// Readers of every world.
pub const SLOTS: usize = 2;

/// Which world to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A private pcscd with Debian's vpcd.
    Theirs,
    /// The server of this project.
    Ours,
}

/// A PC/SC service with two readers.
pub trait World {
    /// The value for `PCSCLITE_CSOCK_NAME`.
    fn path(&self) -> &Path;
    /// Puts a card that answers to reset with `atr` into an empty reader.
    ///
    /// # Errors
    /// [`Trouble`] if the world cannot do it.
    fn insert(&mut self, slot: usize, atr: Vec<u8>) -> Result<(), Trouble>;
    /// Begins to take the card out; clients may learn of it a little later.
    ///
    /// # Errors
    /// [`Trouble`] if the world cannot do it.
    fn remove(&mut self, slot: usize) -> Result<(), Trouble>;
    /// Ends what [`remove`](Self::remove) began, once clients have learned of it.
    fn removed(&mut self, slot: usize);
    /// Returns when the card of a reader has seen all that the server had sent
    /// it before this call, as far as a card can know.
    fn settle(&self, slot: usize);
    /// What the card of a reader has seen, and its gate.
    fn watch(&self, slot: usize) -> Option<&Watch>;
}

/// Makes a world with two empty readers.
///
/// # Errors
/// [`Trouble`] if it cannot be made here.
pub fn make(kind: Kind) -> Result<Box<dyn World>, Trouble> {
    Ok(match kind {
        Kind::Theirs => Box::new(Theirs::start()?),
        Kind::Ours => Box::new(Ours::start()?),
    })
}

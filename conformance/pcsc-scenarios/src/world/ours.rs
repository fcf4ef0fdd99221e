// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server of this project, in this process.

use std::path::Path;
use std::thread::JoinHandle;

use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};

use super::{SLOTS, World};
use crate::Trouble;
use crate::card::{Door, Watch};
use crate::words::{READER_0, READER_1};

/// Our socket with two readers that have vpcd's names.
pub struct Ours {
    server: RunningServer,
    watches: [Watch; SLOTS],
    removals: [Option<JoinHandle<()>>; SLOTS],
}

impl Ours {
    /// Starts the server.
    ///
    /// # Errors
    /// [`Trouble::Reader`] if it cannot be started.
    pub fn start() -> Result<Self, Trouble> {
        let readers = vec![ReaderSpec::empty(READER_0), ReaderSpec::empty(READER_1)];
        let server = ReaderServer::bind(&Place::Private, readers)?.spawn()?;
        Ok(Self {
            server,
            watches: Default::default(),
            removals: Default::default(),
        })
    }
}

impl World for Ours {
    fn path(&self) -> &Path {
        self.server.path()
    }

    fn insert(&mut self, slot: usize, atr: Vec<u8>) -> Result<(), Trouble> {
        let watch = self
            .watches
            .get(slot)
            .ok_or(Trouble::NoSuchSlot(slot))?
            .clone();
        let card = Door {
            atr,
            watch,
            powered: false,
        };
        Ok(self.server.control().insert_card(slot, Box::new(card))?)
    }

    fn remove(&mut self, slot: usize) -> Result<(), Trouble> {
        let control = self.server.control();
        let place = self
            .removals
            .get_mut(slot)
            .ok_or(Trouble::NoSuchSlot(slot))?;
        // Returns when the card has finished what it is doing, and it may be at its gate.
        *place = Some(std::thread::spawn(move || {
            // An empty reader stays as it is.
            drop(control.remove_card(slot));
        }));
        Ok(())
    }

    fn removed(&mut self, slot: usize) {
        if let Some(removal) = self.removals.get_mut(slot).and_then(Option::take)
            && removal.join().is_err()
        {
            eprintln!("the removal of a card panicked");
        }
    }

    /// A card has done what it was told before a client gets its answer.
    fn settle(&self, _slot: usize) {}

    fn watch(&self, slot: usize) -> Option<&Watch> {
        self.watches.get(slot)
    }
}

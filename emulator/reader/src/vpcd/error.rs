// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong before the first connection.

use std::io;
use std::net::SocketAddr;

use super::address::{Address, AddressError};

/// Why one half of vpcd could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VpcdError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nobody can be called at port 0.
    #[error("port 0 means any free port and cannot be connected to; name the port of the vpcd")]
    NoPort,
    /// Others than this machine could reach it, and nobody has said they may.
    #[error(
        "{0} can be reached from other machines, and vpcd knows no passwords: whoever connects has the card; listen on 127.0.0.1 or [::1], or allow it explicitly"
    )]
    Open(SocketAddr),
    /// The operating system does not let us listen.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: Address,
        /// What the system said.
        source: io::Error,
    },
    /// A thread or its bell could not be made.
    #[error("cannot start {what}: {source}")]
    Start {
        /// What was to be started.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No such slot.
    #[error("there is no slot number {number}; there are {count}, counted from 0")]
    NoSuchSlot {
        /// The number asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// A card cannot be put where one is.
    #[error("slot {0} holds a card already; remove it first")]
    SlotOccupied(usize),
    /// There is no card to take.
    #[error("slot {0} is empty")]
    SlotEmpty(usize),
}

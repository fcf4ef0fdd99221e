// SPDX-License-Identifier: MIT OR Apache-2.0
//! Virtual PC/SC readers for unmodified programs, without root and without a daemon.
//!
//! Programs linked to libpcsclite talk to a socket. This crate serves that
//! socket at a path of its own; a program started with the path in
//! `PCSCLITE_CSOCK_NAME` finds the readers of this process and the cards in
//! them, and no others. Client libraries from 1.9 to 2.5 (protocols 4.4 to
//! 4.6) are served. macOS and Windows programs do not use this socket, and
//! set-uid programs ignore the variable.
//!
//! ```no_run
//! use cie_reader::{Place, ReaderServer, ReaderSpec};
//! # fn card() -> cie_reader::Card { unimplemented!() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let readers = vec![
//!     ReaderSpec::with_card("CIE Virtual Reader 00 00", card()),
//!     ReaderSpec::empty("CIE Virtual Reader 01 00"),
//! ];
//! let server = ReaderServer::bind(&Place::Private, readers)?.spawn()?;
//! std::process::Command::new("opensc-tool")
//!     .arg("--list-readers")
//!     .env("PCSCLITE_CSOCK_NAME", server.path())
//!     .status()?;
//! let cards = server.stop()?;
//! # drop(cards); Ok(()) }
//! ```
//!
//! # Threads
//!
//! Each client has a thread of its own, which reads its requests and takes its
//! commands to the card and back; each card has one, for what has to wait until
//! the card is free; [`ReaderServer::spawn`] adds one for the socket. A card may
//! take its time: that holds up its own reader only, for after a moment another
//! thread reads what its client says meanwhile. Removing a card and stopping
//! the server wait for the card to finish what it is doing.
//!
//! # Layers
//!
//! [`protocol`] turns bytes into requests and replies, [`table`] decides what
//! they mean, and neither does I/O or knows the time. The server around them
//! moves bytes. What an APDU means is none of their business: a card is a
//! [`CardDoor`](iso7816_wire::CardDoor).

mod error;
pub mod faults;
pub mod models;
pub mod observer;
mod profile;
pub mod protocol;
mod server;
pub mod table;
pub mod vpcd;

pub use error::ReaderError;
pub use faults::{Fault, FaultError, FaultOutcome, PcscCall, PlannedFault};
pub use profile::{Channel, ReaderProfile};
pub use server::{
    Card, LONGEST_PATH, Place, ReaderControl, ReaderServer, ReaderSpec, ReaderUsage, RunningServer,
    Settings, SocketFile, Usage,
};

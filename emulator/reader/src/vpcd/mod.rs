// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both halves of vpcd, the protocol between the vsmartcard project's PC/SC
//! driver and the programs that play its card.
//!
//! - [`CardSide`]: our cards behind a driver in the system's pcscd, so that
//!   programs which cannot use a private socket (set-uid, other users, macOS,
//!   Windows) have them in a reader.
//! - [`CardPort`]: a reader of ours for a card of somebody else's that speaks
//!   vpcd (vicc, a Java card simulator).
//!
//! Whoever reaches the port of either half has the card: the protocol knows no
//! passwords. Both halves listen on the loopback address unless told otherwise.
//!
//! # Threads
//!
//! One per slot and one per port. None of their waits lasts longer than a
//! `stop`, but for what the card itself takes to answer.

mod address;
mod card;
mod chip;
mod dial;
mod error;
mod foreign;
pub mod frame;
mod line;
mod port;

pub use address::{Address, AddressError, USUAL_PORT};
pub use card::{CardEvent, CardSide, Ended, Mode};
pub use error::VpcdError;
pub use foreign::Lost;
pub use line::LineError;
pub use port::{CardPort, PortEvent, PortMode, PortSettings};

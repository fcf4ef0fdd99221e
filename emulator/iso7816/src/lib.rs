// SPDX-License-Identifier: MIT OR Apache-2.0
//! The wire: what a CIE card and its terminal say to each other, byte by byte.
//!
//! Both halves live here, because a codec that can only read its own writing
//! proves nothing:
//!
//! - [`apdu`]: command and response APDUs of ISO/IEC 7816-3 and -4, short and
//!   extended, and the cutting and joining of chained commands;
//! - [`tlv`]: BER-TLV as ISO/IEC 7816-4 uses it;
//! - [`status`]: status words, as numbers and in words;
//! - [`sm`]: the 3DES and retail-MAC secure messaging of the IAS ECC
//!   application, the card's half and the terminal's half;
//! - [`dh`] and [`iso9796`]: the key agreement in front of it and the
//!   signature format of its device authentication;
//! - [`door`]: the four calls through which every reader reaches every card.
//!
//! Nothing here knows files, applications or sockets, reads a clock or draws
//! random numbers. All parsers take hostile bytes: they return typed errors and
//! allocate no more than a small multiple of what they were given.

pub mod apdu;
pub mod dh;
pub mod door;
mod flaw;
#[cfg(feature = "mutants")]
pub mod flaws;
pub mod iso9796;
mod mutant;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod sm;
pub mod status;
pub mod tlv;

pub use apdu::{CommandApdu, ResponseApdu};
pub use door::CardDoor;
pub use status::StatusWord;

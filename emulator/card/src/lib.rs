// SPDX-License-Identifier: MIT OR Apache-2.0
//! A software CIE 3.0 chip: the IAS ECC application of the Italian electronic
//! identity card, from files and access rules to secure messaging, PIN and PUK.
//!
//! A [`Card`] is made from a [`CardImage`] and a seed and is driven through
//! [`iso7816_wire::CardDoor`]. It does no input or output, reads no clock and
//! draws no random numbers of the operating system: the same image, seed and
//! commands give the same bytes.
//!
//! Behaviour follows what is publicly known of the card. Where nothing is
//! known, a comment says "choice" with the number of the project's table of
//! choices; "section" numbers are those of the project's collection of facts,
//! summarised for users in the documentation of this repository.

mod card;
mod codes;
mod data_objects;
mod device_auth;
mod environment;
mod files;
mod get_data;
pub mod image;
mod keys;
mod memory;
mod observe;
mod pipeline;
mod random;
mod read;
mod select;
mod session;

pub use card::{Card, CardError};
pub use image::{CardImage, Profile};
pub use keys::KeyError;
pub use memory::{MemoryError, NonVolatile, Ram};
pub use observe::{ChannelState, Event, Observer, ResponseHook, Snapshot};
pub use select::{AID_CIE, AID_IAS_ROOT};

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench: finds what is wrong in cards and in middleware.
//!
//! So far it has one instrument, [`replay`]: a recorded transcript is played
//! to a card again, and every byte has to be the same. The bench reaches cards
//! through [`iso7816_wire::CardDoor`] only.

pub mod replay;

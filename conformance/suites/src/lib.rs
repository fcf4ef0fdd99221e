// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench: finds what is wrong in cards and in middleware.
//!
//! - [`replay`]: a recorded transcript is played to a card again, and every
//!   byte has to be the same;
//! - [`edges`]: the table of edges, one row for every situation at the rim of
//!   what the card does, each with its expected answer and its ground.
//!
//! The bench reaches cards through [`iso7816_wire::CardDoor`] only.

pub mod edges;
pub mod replay;

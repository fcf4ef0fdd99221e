// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of edges: what the card answers at the rim of every rule.
//!
//! A [`Row`] is a situation in words, a state to start from, a small
//! [`script`] of commands with their answers, and the [`Ground`] of these
//! answers. Rows are data, in [`units`]; a [`Bench`] executes them on a freshly
//! personalised card through [`iso7816_wire::CardDoor`], so every line of the
//! table in the documentation is one that a card fulfilled.
//!
//! Identifiers are `CIE_IAS_<unit>_<nnn>` and are never given to another
//! situation.

mod areas;
mod bench;
mod contact;
mod desk;
pub mod device;
pub mod expect;
pub mod forge;
mod guard;
mod leeway;
mod record;
mod render;
mod row;
pub mod script;
mod single;

pub use areas::{UNTABLED, units};
pub use bench::{Bench, Outcome, Reason, RowError, Specimen};
pub use contact::Papers;
pub use guard::{Allow, HARMLESS, Refusal, TRIES_KEPT, chooses};
pub use record::Exchange;
pub use render::render;
pub use row::{Ground, Row, Start, Unit};
pub use single::{Alone, Counters, Left, Link, Single, Supply, Trouble};

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench: finds what is wrong in cards and in middleware.
//!
//! - [`replay`]: a recorded transcript is played to a card again, and every
//!   byte has to be the same;
//! - [`catalogue`]: every case, with what it demands and on what ground;
//! - [`card`]: runs the cases on cards;
//! - [`middleware`]: runs the cases on PKCS#11 modules;
//! - [`faults`]: a card that misbehaves on purpose;
//! - [`ics`]: what a card or a module says about itself, from which alone
//!   follows what does not concern it;
//! - [`known`]: public reports, and whether a module has what they tell of;
//! - [`ours`]: this project's own cards, made for the test;
//! - [`campaign`]: several runs with fixed inputs and waivers;
//! - [`bisect`]: which cases went worse from one module to another;
//! - [`run`]: cases one after the other or several at a time;
//! - [`verdict`], [`report`]: what came out, with its evidence;
//! - [`survey`]: what a card is and does, without touching it;
//! - [`diff`]: the same stream of commands to two cards;
//! - `endpoint`: cases on a reader itself;
//! - [`edges`]: the table of edges, one row for every situation at the rim of
//!   what the card does, each with its expected answer and its ground.
//!
//! The bench reaches cards through [`iso7816_wire::CardDoor`] only; [`ours`] and
//! the middleware's cases alone make cards, to put them behind that door.

pub mod bisect;
pub mod campaign;
pub mod card;
pub mod catalogue;
pub mod diff;
mod draw;
pub mod edges;
#[cfg(unix)]
pub mod endpoint;
pub mod faults;
pub mod ics;
pub mod known;
pub mod middleware;
pub mod model;
pub mod ours;
pub mod replay;
pub mod report;
pub mod run;
pub mod survey;
pub mod verdict;

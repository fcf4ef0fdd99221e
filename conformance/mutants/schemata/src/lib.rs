// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutations that nobody chose, judged by the cases on cards alone.
//!
//! `cargo-mutants` lists changes of the sources and would build the bench once
//! for each. Here all of them are in one build ("mutant schemata"), and a
//! number chooses one at run time:
//!
//! - [`list`]: the list that `cargo mutants --list --json` prints;
//! - [`shipped`]: which of them change code that a shipped card has;
//! - [`switches`]: the sources with a switch at every place of the list;
//! - [`workspace`]: a workspace of its own below the target folder, in which
//!   only the card's half is changed, and its terminal is not;
//! - [`compile`]: what does not compile is found by its error and left out;
//! - [`alone`]: what was left out, each in a build of its own;
//! - [`campaign`], [`child`]: one process for each mutation, with limits;
//! - [`page`]: `docs/cargo-mutants.md`, with a verdict on each survivor.
//!
//! Nothing of this is in the default build of the workspace but the code
//! itself: the long campaign is `ci/mutants`.

pub mod alone;
pub mod campaign;
pub mod child;
pub mod compile;
pub mod error;
pub mod list;
pub mod page;
pub mod result;
pub mod shipped;
pub mod switches;
pub mod workspace;

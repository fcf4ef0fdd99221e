// SPDX-License-Identifier: MIT OR Apache-2.0
//! Stateful properties: random sequences of commands on a card, each answer
//! and the state after it held against a model of the card.
//!
//! The [`Model`] is written from the card facts and the choices of
//! `docs/facts-and-choices.md`, never from the card's code, so that the two
//! can contradict each other. It is total: it has an answer to every command in
//! every state. Where the facts allow two status words that mean the same for
//! all that follows, it accepts either; where they do not say what follows, the
//! command is not sent, and counted as such.
//!
//! An [`Op`] is symbolic, and the terminal's half (keys, counters, proofs) is
//! made while a sequence is played. Sequences are drawn along with the model,
//! so that most of them stay behind the device authentication, and are shrunk
//! by leaving actions out: as the model is total, what is left is a sequence
//! again, and needs no precondition. That, one seed per sequence that means the
//! same in every release of a library, threads, and a result for the report
//! instead of a panic are why this is not `proptest-state-machine`.

mod actions;
mod codes;
mod commands;
mod desk;
mod facts;
mod generate;
mod judge;
mod keys;
mod op;
mod property;
mod receive;
mod run;
mod shrink;
mod state;
mod tally;
mod threads;
mod watch;

pub use desk::{Desk, Mismatch};
pub use facts::{Directory, Facts, File};
pub use op::{CERTIFICATES, Cut, FORGERIES, How, Op, PROOFS, Part};
pub use property::{Begin, PROPERTIES, Property};
pub use run::{Bench, COMMANDS_MIN, Failure, Fault, Hang, Outcome, Plan, in_words, number, result};
pub use state::{Code, Data, Expected, Kind, Messaging, Model, Reply, Sent};
pub use tally::Tally;

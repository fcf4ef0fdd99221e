// SPDX-License-Identifier: MIT OR Apache-2.0
//! Proof against the original: the same PC/SC scenarios, through the system's
//! libpcsclite, against a private pcscd with vpcd and against the virtual
//! reader, step by step compared.
//!
//! A scenario ([`script`]) is a few lines of text: who calls what, and when
//! cards come and go. Each client is a process of its own ([`client`]), because
//! libpcsclite keeps its state per process; one thing happens at a time. What
//! comes of it is a list of lines, the same number in both worlds ([`world`]),
//! and a difference is either in `docs/pcsc-differences.md` with its reason or
//! a failure ([`compare`]).

pub mod card;
pub mod client;
pub mod compare;
pub mod raw;
pub mod run;
pub mod script;
mod trouble;
pub mod wire;
pub mod words;
pub mod world;

pub use trouble::Trouble;

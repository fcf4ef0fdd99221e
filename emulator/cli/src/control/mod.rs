// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control of the readers from outside: a private socket on which any program
//! inserts, removes, resets and swaps cards, one line per request and one line
//! per reply; and `cie control`, which speaks it. docs/control.md is for those
//! who speak it themselves.

mod client;
mod fault;
mod lines;
mod request;
mod server;

pub(crate) use client::{HELP, Options, control};
pub(crate) use fault::{BadFault, parse as parse_fault, words as fault_words};
pub(crate) use server::{ControlServer, socket_beside};

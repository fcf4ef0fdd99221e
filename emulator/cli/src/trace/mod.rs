// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happened between a client and the card: a text file for `--trace`, and
//! the last exchanges in words for when a child fails.
//!
//! The file format is that of `cie_vectors::transcript`: whatever is not
//! masked can be replayed.

mod history;
mod mask;
mod recorder;
mod words;
mod writer;

pub(crate) use recorder::{Header, Recorder, TraceFile};

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Published vectors and recorded transcripts, as data with their sources.
//!
//! - [`published`]: figures from standards, one `name=hex` per line, with the
//!   standard named at the top of each file;
//! - [`transcript`]: recorded exchanges with the card, in the format that
//!   `cie run --trace` writes, so that every trace can become a test.
//!
//! Nothing here comes from a real card or a real person: transcripts were
//! recorded from this project's own card and its test personas.

pub mod published;
pub mod transcript;

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signed documents: made with a key that is elsewhere (a card), and checked.
//!
//! - [`cms`]: CAdES-BES, a file in its signature (`.p7m`) or beside it (`.p7s`);
//! - [`pdf`]: PAdES baseline B, a signature in a PDF, behind what was there;
//! - [`chain`]: the way from a signer to an authority that somebody named;
//! - [`report`]: what a check found, and the verdict.
//!
//! # Rules of this crate
//! No clock, no network, no file: the caller hands in content, authorities,
//! lists and the moment for which everything is judged. Documents come from
//! anywhere, so every number of objects, level of nesting and inflated stream
//! has a bound, and nothing panics. RSA is checked (PKCS#1 v1.5 and PSS); what
//! has another key is [`Undecided`](report::Verdict::Undecided), never valid.
//! Timestamps and countersignatures are named and not checked.

mod asn1;
pub mod chain;
pub mod cms;
pub mod pdf;
pub mod pem;
pub mod report;

pub use asn1::Asn1Error;
pub use report::Verdict;

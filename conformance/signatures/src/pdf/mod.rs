// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures in PDFs: PAdES baseline B (ETSI EN 319 142-1) made and checked.
//!
//! A signature is added behind the document as an incremental update, so what
//! was signed before stays as it was. [`Unsigned::new`] lays it out,
//! [`check()`] finds every signature field, checks its bytes and tells what was
//! added behind them.
//!
//! This reads what signing needs and no more, with bounds on everything, rather
//! than take a library for editing PDFs that inflates what a stranger's file asks
//! for and repairs what is broken.

mod changes;
mod check;
mod file;
mod object;
mod sign;

pub use check::{Coverage, PdfSignature, check};
pub use sign::{Details, Unsigned};

use thiserror::Error;

/// Why a PDF cannot be read or signed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PdfError {
    /// It does not start as a PDF does.
    #[error("this is no PDF: it does not begin with %PDF-")]
    NotPdf,
    /// It is encrypted.
    #[error(
        "this PDF is encrypted, and only a program that has its password can add to it; \
         save it without password, or sign it as a file (--cades)"
    )]
    Encrypted,
    /// Not the syntax of PDF.
    #[error("this PDF is damaged at byte {at}: {what}")]
    Syntax {
        /// Where.
        at: usize,
        /// What is there.
        what: &'static str,
    },
    /// An object is not where it should be.
    #[error("this PDF is damaged: the object at byte {at} is not the expected one, or cut off")]
    Object {
        /// Where.
        at: usize,
    },
    /// Something larger is wrong.
    #[error("this PDF cannot be used: {0}")]
    Structure(&'static str),
    /// Its author allowed no changes.
    #[error(
        "whoever certified this PDF allowed no changes, and a signature is one; \
         sign it as a file (--cades)"
    )]
    Locked,
    /// The signature is longer than the place for it.
    #[error("the signature has {found} bytes and its place in the PDF {room}")]
    Room {
        /// Bytes of the signature.
        found: usize,
        /// Bytes there are.
        room: usize,
    },
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference PKCS#11 module for the CIE 3.0: `libcie_pkcs11.so`.
//!
//! **No PSS.** The card pads PKCS#1 v1.5 itself, whatever it is given, so
//! there is no RSASSA-PSS and no raw RSA, with any middleware: TLS 1.3 client
//! authentication is impossible with this card, TLS 1.2 with
//! `rsa_pkcs1_sha256`, `…384` or `…512` works.
//!
//! **The certificate is behind the PIN.** Before a login an application sees
//! the number for services (a data object) and, if a file with them was given,
//! the authorities' certificates. After the first login to a card in this
//! process its certificate and public key are known, also after a logout or a
//! removal, until the process ends; the private key is seen by who is logged
//! in. Nothing is written to disk. See the README beside this crate.
//!
//! # Rooms
//! - `ffi`: the only one with unsafe code; turns pointers and lengths into
//!   slices and values, and panics into `CKR_GENERAL_ERROR`;
//! - [`module`]: between `C_Initialize` and `C_Finalize`; [`slots`]: readers;
//!   [`session`]: operations;
//! - [`token`]: the card, one transaction per operation, codes;
//! - [`objects`], [`mechanisms`]: what is on the token and what it can do;
//! - [`reader`]: what is needed of PC/SC, [`pcsc`]: the real one;
//! - [`options`], [`log`]: the environment.
//!
//! Everything but `ffi` works without C and over any [`reader::Readers`].

pub mod failure;
mod ffi;
pub mod lock;
pub mod log;
pub mod mechanisms;
pub mod module;
pub mod objects;
pub mod options;
pub mod pcsc;
mod random;
pub mod reader;
pub mod session;
pub mod slots;
pub mod token;

// The tests' readers are shared with those in `tests/`, which call it so.
#[cfg(not(feature = "mutants"))]
#[cfg(test)]
extern crate self as cie_pkcs11;

use lock::locked;

// With the feature `mutants` of the codec this is no constant, and nothing
// compiles: this module has no defects on purpose. Only `conformance/mutants`
// compiles these sources with a feature of the same name.
#[cfg(not(feature = "mutants"))]
const _: () = assert!(!iso7816_wire::flaw!(MacUnchecked));

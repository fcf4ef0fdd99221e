// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terminal's half of the CIE protocols, over any transport.
//!
//! A [`Channel`] owns a [`Transmit`] (a card in this process, a reader behind
//! the pcsc-lite socket, a closure in a test) and, once keys are agreed, a
//! secure-messaging session. Everything a client of the card does is a method
//! on it, one step per method, each callable alone:
//!
//! - [`steps::select`], [`steps::read`]: ways to the applications and files;
//! - [`steps::objects`]: GET DATA, the key-agreement domain, the CA key;
//! - [`steps::agreement`], [`steps::device`]: the key agreement and the mutual
//!   device authentication, and [`steps::establish`], the usual order of both;
//! - [`steps::code`]: PIN and PUK; [`steps::sign`]: the citizen's key and the
//!   anti-cloning key;
//!
//! and beside it, on bytes alone: [`sod`] (the security object) and
//! [`certificate`] (the citizen's certificate and its signatures). On Unix,
//! `pcsc` is a small client of the pcsc-lite socket that links no system
//! library.
//!
//! # A whole session
//! ```no_run
//! # #[cfg(unix)]
//! # fn session(socket: &str, rng: &mut impl rand_core::CryptoRng) -> Result<(), Box<dyn std::error::Error>> {
//! use cie_terminal::certificate::CardCertificate;
//! use cie_terminal::digest::HashAlgorithm;
//! use cie_terminal::keys::PublicKey;
//! use cie_terminal::sod::{DataGroup, Sod};
//! use cie_terminal::steps::code::{Code, Reference};
//! use cie_terminal::steps::{objects::DomainForm, read::le, select::file};
//! use cie_terminal::{Channel, pcsc};
//!
//! let mut card = pcsc::Card::first(socket, pcsc::Options::default())?;
//! card.begin_transaction(std::time::Duration::from_secs(10))?;
//! let mut channel = Channel::new(card);
//!
//! // What anybody may read, and the proof that it is no copy.
//! channel.select_root_any()?;
//! let dh = channel.read_file(file::DH, le::ALL)?;
//! channel.select_cie()?;
//! let nis = channel.read_file(file::ID_SERVIZI, le::ALL)?;
//! let clone_key = channel.read_file(file::ANTI_CLONING_KEY, le::ALL)?;
//! channel.check_not_cloned(&PublicKey::from_file(&clone_key)?, rng)?;
//!
//! // Key agreement and device authentication, then the PIN.
//! channel.establish(DomainForm::PerComponent, rng)?;
//! let answer = channel.verify(Reference::Pin, &Code::new("12345678")?)?;
//! assert!(answer.is_accepted());
//!
//! // The citizen's files, the security object over them, a signature.
//! let content = channel.read_file(file::CERTIFICATE, le::ALL)?;
//! let sod = Sod::parse(&channel.read_file(file::SOD, le::ALL)?)?;
//! let report = sod.check(&[
//!     (DataGroup::IdServizi, &nis),
//!     (DataGroup::Certificate, &content),
//!     (DataGroup::AntiCloningKey, &clone_key),
//!     (DataGroup::Dh, &dh),
//! ]);
//! assert!(report.mismatches.is_empty());
//! let citizen = CardCertificate::from_file(&content)?;
//! let signature = channel.sign_message(HashAlgorithm::Sha256, b"a text")?;
//! citizen.verify(HashAlgorithm::Sha256, b"a text", &signature)?;
//!
//! // The citizen's files closed again: the card is reset on the way out.
//! channel.into_transport().disconnect(pcsc::Disposition::Reset)?.release()?;
//! # Ok(()) }
//! ```
//! A card in this process is `Channel::new(InProcess::power_on(card))` instead
//! ([`transport::InProcess`]).
//!
//! # Rules of this crate
//! The facts come from the project's notes on the card, cited by section
//! ("section 4.4") in the documentation of each item. Nothing here reads a
//! clock or draws random numbers of its own: every step that needs randomness
//! takes a [`rand_core::CryptoRng`], so the same card and the same seed give
//! the same bytes. Nothing here judges, either: steps return what the card
//! answered, and an [`Error`] only if the protocol cannot go on.

pub mod certificate;
pub mod channel;
pub mod digest;
pub mod error;
pub mod keys;
#[cfg(unix)]
pub mod pcsc;
pub mod published;
pub mod sod;
pub mod steps;
pub mod transport;

pub use channel::{Answer, Channel};
pub use error::{CheckError, Error, MalformedError};
pub use transport::{Transmit, TransportError};

/// The largest modulus or prime accepted from a card, in bytes. The card's own
/// have 256; a bound keeps a hostile card from asking for endless arithmetic.
pub const MODULUS_MAX: usize = 512;

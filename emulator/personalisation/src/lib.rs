// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a persona to a card: reads a persona file, issues the citizen
//! certificate and the SOD with the test PKI of this crate, and fills a
//! [`cie_card::image::CardImage`].
//!
//! ```
//! use cie_personalisation::{Persona, personalise};
//!
//! let card = personalise(&Persona::adult()?, 42)?;
//! assert_eq!(card.facts.nis.len(), 12);
//! assert!(card.facts.surname.contains("TEST"));
//! let image: Vec<u8> = card.image.to_bytes()?;
//! # assert!(!image.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Nothing here can pass for a real document
//! Personas must have the word TEST in their surname and the place of birth
//! Z999 in their fiscal code, which no municipality and no state has.
//! Numbers drawn from the seed begin with [`NIS_TEST_PREFIX`] and
//! [`SERIAL_TEST_PREFIX`]; the card number has the issuer prefix
//! [`ISSUER_PREFIX`] of an issuer that does not exist. All authorities call
//! themselves TEST, and their keys follow from a published sentence.
//!
//! # Time
//! No clock is read. Certificates are valid from and until the days that the
//! persona file gives.

mod dh;
mod families;
mod files;
mod persona;
mod personalise;
mod pki;
mod seed;
mod sod;

pub use families::{
    Application, Behaviour, Class, EfAtr, Evidence, FAMILIES, Family, Ground, Marker, classes,
    family,
};
pub use files::{CIE_AID, EMRTD_AID, IAS_AID, ISSUER_PREFIX};
pub use persona::{
    BirthDate, Persona, PersonaError, Residence, Sex, State, TEST_PLACE, TEST_PROVINCE,
};
pub use personalise::{
    CardFacts, IssuedCard, Order, PersonalisationError, make, make_unchained, order, personalise,
};
pub use pki::{
    AUTHORITY_KEY_LABELS, AUTHORITY_KEYS, Authorities, AuthorityKeys, CARD_KEYS, CRL_HOST,
    CardKeySet, FRESH_KEYS, NEXT_UPDATE, OCSP_URL, PkiError, PublishedFile, REVOKED_ON,
    TEST_ORGANISATION, TEST_POLICY_OID, THIS_UPDATE, TestPki, card_keys, issue_authorities, pki,
    publish, to_pem,
};
pub use seed::{NIS_TEST_PREFIX, SERIAL_TEST_PREFIX, is_weak};
pub use sod::SodForm;

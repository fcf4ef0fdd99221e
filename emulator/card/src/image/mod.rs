// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a card remembers without power: the profile that personalisation
//! wrote once, and the state that the card itself changes.

mod check;
mod codec;
mod secret;

pub use check::ProfileError;
pub use codec::{IMAGE_VERSION, ImageError};
pub use secret::{Code, CodeError, Secret};

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// PIN tries of a fresh card (section 5 of the card facts).
pub const PIN_TRIES: u8 = 3;
/// PUK tries of a fresh card (section 5 of the card facts).
pub const PUK_TRIES: u8 = 10;

/// The whole non-volatile content of a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CardImage {
    /// What personalisation wrote; the card never changes it. Shared between
    /// clones of a card.
    pub profile: Arc<Profile>,
    /// What the card changes in the field.
    pub state: CardState,
}

impl CardImage {
    /// A fresh card with full counters, whose codes are those of the profile.
    #[must_use]
    pub fn fresh(profile: Profile) -> Self {
        let state = CardState {
            pin: profile.issued_pin.clone(),
            pin_tries: PIN_TRIES,
            puk: profile.issued_puk.clone(),
            puk_tries: PUK_TRIES,
        };
        Self {
            profile: Arc::new(profile),
            state,
        }
    }
}

/// What the card itself writes: codes and their try counters. One value of
/// this type is one atomic commit of the non-volatile memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardState {
    /// The PIN as it is now (reference 81).
    pub pin: Code,
    /// PIN tries left, 0 to [`PIN_TRIES`]; 0 means blocked.
    pub pin_tries: u8,
    /// The PUK (reference 82).
    pub puk: Code,
    /// PUK tries left, 0 to [`PUK_TRIES`]; 0 means dead for ever.
    pub puk_tries: u8,
}

/// Everything that personalisation decides about a card.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    /// The chip family: what differs between makers.
    pub family: ChipFamily,
    /// All elementary files with their content.
    pub files: Vec<ElementaryFile>,
    /// Serial number of the chip as used in the device authentication: the
    /// last 8 bytes of the 10-byte number in EF.SN.ICC (choice 3).
    #[serde(with = "serde_bytes")]
    pub sn_icc: [u8; 8],
    /// Domain parameters of the key agreement (section 3.1).
    pub dh: DhDomain,
    /// Public key of the authority that certifies terminals (key 84, section 3.2).
    pub terminal_ca: TerminalCa,
    /// Private keys for INTERNAL AUTHENTICATE.
    pub keys: PrivateKeys,
    /// The PIN as issued.
    pub issued_pin: Code,
    /// The PUK as issued.
    pub issued_puk: Code,
    /// A word of personalisation to itself about what it made, if it is not
    /// as usual. The card never looks at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_as: Option<String>,
}

/// What differs between chip makers, as data (rule 7 of the architecture).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChipFamily {
    /// Short name such as `gemalto`.
    pub id: String,
    /// Answer to reset, with TCK (section 1.3).
    #[serde(with = "serde_bytes")]
    pub atr: Vec<u8>,
    /// True if SELECT by the IAS ECC AID works; else it answers 6A82 (choice 17).
    pub root_by_aid: bool,
    /// True if the card takes extended length fields (choices 11 and 29).
    pub extended_length: bool,
}

/// The directory a file lies in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Directory {
    /// The master file, which is also the IAS ECC root. Current after a reset
    /// (must-do 1 of the card facts).
    #[default]
    Root,
    /// The application DF CIE.
    Cie,
}

/// Who may read a file (section 2 and choice 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadAccess {
    /// Anybody, also without secure messaging.
    Free,
    /// Secure messaging, device authentication and PIN.
    Pin,
}

/// A transparent elementary file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementaryFile {
    /// Where it lies.
    pub directory: Directory,
    /// File identifier.
    pub fid: u16,
    /// Short file identifier, 1 to 30, if it has one.
    pub sfi: Option<u8>,
    /// Who may read it.
    pub read: ReadAccess,
    /// Its content, exactly as long as the file.
    #[serde(with = "serde_bytes")]
    pub content: Vec<u8>,
}

/// Diffie-Hellman domain parameters, big-endian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhDomain {
    /// Generator, as the card returns it.
    #[serde(with = "serde_bytes")]
    pub g: Vec<u8>,
    /// Prime modulus, 256 bytes without leading zero.
    #[serde(with = "serde_bytes")]
    pub p: Vec<u8>,
    /// Order of the subgroup, 32 bytes.
    #[serde(with = "serde_bytes")]
    pub q: Vec<u8>,
}

/// The public key that verifies terminal certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalCa {
    /// Modulus, 256 bytes without leading zero.
    #[serde(with = "serde_bytes")]
    pub modulus: Vec<u8>,
    /// Public exponent: about 2048 bits, because the private one is fixed and
    /// published (section 9).
    #[serde(with = "serde_bytes")]
    pub exponent: Vec<u8>,
    /// Certificate holder reference; its last 8 bytes are the authority
    /// reference that terminal certificates name.
    #[serde(with = "serde_bytes")]
    pub chr: [u8; 12],
    /// Certificate holder authorisation: AID (6 bytes) and role.
    #[serde(with = "serde_bytes")]
    pub cha: [u8; 7],
}

/// RSA-2048 private keys as PKCS#8 DER.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PrivateKeys {
    /// Key 81: the citizen's authentication and signature key.
    pub authentication: Secret,
    /// Key 82: the chip's key of the device authentication.
    pub device: Secret,
    /// Key 83: the anti-cloning key, used without PIN.
    pub services: Secret,
}

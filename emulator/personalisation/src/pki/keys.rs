// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ready-made keys: PKCS#8 DER in `keys/`, all RSA-2048 except root and
//! country signer (RSA-4096). `examples/generate_keys.rs` says how they are
//! derived, and does it.

use super::PkiError;
use cie_card::image::{Secret, TerminalCa};
use const_oid::db::rfc5912::RSA_ENCRYPTION;
use der::asn1::{BitString, UintRef};
use der::{Any, Decode, Encode};
use rand_core::CryptoRng;
use rsa::RsaPrivateKey;
use rsa::pkcs1::{RsaPrivateKey as Pkcs1Key, RsaPublicKey as Pkcs1PublicKey};
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, PrivateKeyInfoRef};
use rsa::traits::PublicKeyParts;
use sha2::Sha256;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use std::sync::OnceLock;

/// The three private keys of one card, PKCS#8 DER.
#[derive(Clone, Copy, Debug)]
pub struct CardKeySet {
    /// Name that a persona uses.
    pub id: &'static str,
    /// Key 81: authentication and signature.
    pub authentication: &'static [u8],
    /// Key 82: device authentication.
    pub device: &'static [u8],
    /// Key 83: anti-cloning.
    pub services: &'static [u8],
}

/// The ready-made key sets. Two, so that two cards on one computer need not
/// share their keys.
pub const CARD_KEYS: &[CardKeySet] = &[
    CardKeySet {
        id: "a",
        authentication: include_bytes!("../../keys/card-a/81.key.der"),
        device: include_bytes!("../../keys/card-a/82.key.der"),
        services: include_bytes!("../../keys/card-a/83.key.der"),
    },
    CardKeySet {
        id: "b",
        authentication: include_bytes!("../../keys/card-b/81.key.der"),
        device: include_bytes!("../../keys/card-b/82.key.der"),
        services: include_bytes!("../../keys/card-b/83.key.der"),
    },
];

/// The key set of this name.
#[must_use]
pub fn card_keys(id: &str) -> Option<&'static CardKeySet> {
    CARD_KEYS.iter().find(|set| set.id == id)
}

/// Private keys of the authorities, in the order of their labels.
pub const AUTHORITY_KEYS: [&[u8]; 5] = [
    include_bytes!("../../keys/authority/root.key.der"),
    SUB_CA,
    include_bytes!("../../keys/authority/csca.key.der"),
    DOCUMENT_SIGNER,
    include_bytes!("../../keys/authority/ocsp-signer.key.der"),
];

/// Where the private keys of a card come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyChoice {
    /// One of [`CARD_KEYS`].
    Ready(&'static CardKeySet),
    /// Generated for the card, from its seed.
    Fresh,
}

/// What a persona writes for keys that are generated for its card.
pub const FRESH_KEYS: &str = "fresh";

/// The private keys of one card, PKCS#8 DER.
pub(crate) struct KeysOfCard {
    pub(crate) authentication: Secret,
    pub(crate) device: Secret,
    pub(crate) services: Secret,
}

impl KeyChoice {
    /// The keys; `stream` gives the random numbers for a purpose.
    pub(crate) fn keys<R: CryptoRng>(
        self,
        stream: impl Fn(&str) -> R,
    ) -> Result<KeysOfCard, PkiError> {
        match self {
            Self::Ready(set) => Ok(KeysOfCard {
                authentication: Secret::new(set.authentication.to_vec()),
                device: Secret::new(set.device.to_vec()),
                services: Secret::new(set.services.to_vec()),
            }),
            Self::Fresh => Ok(KeysOfCard {
                authentication: generate(&mut stream("key 81"))?,
                device: generate(&mut stream("key 82"))?,
                services: generate(&mut stream("key 83"))?,
            }),
        }
    }
}

/// An RSA-2048 key with two primes of 1024 bits. Its modulus has 2048 bits, so
/// it is above the 6A that key 82 needs (section 4.4 g).
fn generate(random: &mut impl CryptoRng) -> Result<Secret, PkiError> {
    let key = RsaPrivateKey::new(random, 2048).map_err(PkiError::Generation)?;
    let der = key.to_pkcs8_der().map_err(|_| PkiError::Key("fresh"))?;
    Ok(Secret::new(der.as_bytes().to_vec()))
}

const SUB_CA: &[u8] = include_bytes!("../../keys/authority/sub-ca.key.der");
const DOCUMENT_SIGNER: &[u8] = include_bytes!("../../keys/authority/document-signer.key.der");
const TERMINAL_CA: &[u8] = include_bytes!("../../keys/terminal-ca/84.key.der");

/// Reference that terminal certificates give for their authority: the last 8
/// bytes of the holder reference (section 3.2, choice 1).
const TERMINAL_CA_CHR: [u8; 12] = *b"\0\0\0\0TESTCA01";

/// Holder authorisation of the terminal authority (choice 1): AID of the CIE
/// application and role 01.
const TERMINAL_CA_CHA: [u8; 7] = [0xA0, 0x00, 0x00, 0x00, 0x00, 0x39, 0x01];

/// The key that signs citizens; parsed and checked once per process.
pub(crate) fn sub_ca_key() -> Result<&'static SigningKey<Sha256>, PkiError> {
    static KEY: OnceLock<Option<SigningKey<Sha256>>> = OnceLock::new();
    KEY.get_or_init(|| {
        RsaPrivateKey::from_pkcs8_der(SUB_CA)
            .ok()
            .map(SigningKey::new)
    })
    .as_ref()
    .ok_or(PkiError::Key("sub-ca"))
}

/// Any authority's key, parsed anew: nothing that a card needs.
pub(super) fn signing_key(
    pkcs8: &[u8],
    label: &'static str,
) -> Result<SigningKey<Sha256>, PkiError> {
    RsaPrivateKey::from_pkcs8_der(pkcs8)
        .map(SigningKey::new)
        .map_err(|_| PkiError::Key(label))
}

/// The key that signs SODs; parsed and checked once per process.
pub(crate) fn document_signer_key() -> Result<&'static RsaPrivateKey, PkiError> {
    static KEY: OnceLock<Option<RsaPrivateKey>> = OnceLock::new();
    KEY.get_or_init(|| RsaPrivateKey::from_pkcs8_der(DOCUMENT_SIGNER).ok())
        .as_ref()
        .ok_or(PkiError::Key("document-signer"))
}

/// Key 84, public part (section 9). Read without building an RSA key of it:
/// its exponent of about 2048 bits is beyond what checked constructors take.
pub(crate) fn terminal_ca() -> Result<TerminalCa, PkiError> {
    let key = pkcs1(TERMINAL_CA, "terminal-ca")?;
    Ok(TerminalCa {
        modulus: key.modulus.as_bytes().to_vec(),
        exponent: key.public_exponent.as_bytes().to_vec(),
        chr: TERMINAL_CA_CHR,
        cha: TERMINAL_CA_CHA,
    })
}

/// RSAPublicKey DER of a PKCS#8 private key.
pub(crate) fn public_key(pkcs8: &[u8], label: &'static str) -> Result<Vec<u8>, PkiError> {
    let key = pkcs1(pkcs8, label)?;
    let public = Pkcs1PublicKey {
        modulus: key.modulus,
        public_exponent: key.public_exponent,
    };
    Ok(public.to_der()?)
}

/// RSAPublicKey DER of a private key.
pub(super) fn public_key_of(key: &RsaPrivateKey) -> Result<Vec<u8>, PkiError> {
    let (modulus, exponent) = (key.n().as_ref().to_be_bytes(), key.e().to_be_bytes());
    let public = Pkcs1PublicKey {
        modulus: UintRef::new(&modulus)?,
        public_exponent: UintRef::new(&exponent)?,
    };
    Ok(public.to_der()?)
}

/// SubjectPublicKeyInfo around an RSAPublicKey.
pub(crate) fn spki(public_key: &[u8]) -> Result<SubjectPublicKeyInfoOwned, PkiError> {
    Ok(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: RSA_ENCRYPTION,
            parameters: Some(Any::null()),
        },
        subject_public_key: BitString::from_bytes(public_key)?,
    })
}

fn pkcs1<'a>(pkcs8: &'a [u8], label: &'static str) -> Result<Pkcs1Key<UintRef<'a>>, PkiError> {
    PrivateKeyInfoRef::try_from(pkcs8)
        .ok()
        .and_then(|info| Pkcs1Key::from_der(info.private_key.as_bytes()).ok())
        .ok_or(PkiError::Key(label))
}

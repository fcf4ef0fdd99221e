// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card's RSA private keys and the two paddings it puts around data.

use crate::image::PrivateKeys;
use chacha20::ChaCha20Rng;
use iso7816_wire::dh::right_aligned;
use rsa::hazmat::rsa_decrypt;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey};
use thiserror::Error;

/// Length of all moduli of the card, in bytes.
pub(crate) const MODULUS_LEN: usize = 256;

/// The most bytes that PKCS#1 v1.5 padding leaves room for in 256 (choice 10).
pub(crate) const PKCS1_DATA_MAX: usize = MODULUS_LEN - 11;

/// A private key that cannot be used.
#[derive(Debug, Error)]
#[error("key {reference:02X} of the card image cannot be used: {reason}")]
pub struct KeyError {
    /// Key reference: 81, 82 or 83.
    pub reference: u8,
    /// What is wrong.
    pub reason: String,
}

/// The keys, ready for use.
pub(crate) struct KeyRing {
    authentication: RsaPrivateKey,
    device: RsaPrivateKey,
    services: RsaPrivateKey,
}

/// Which private key INTERNAL AUTHENTICATE uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyReference {
    /// 81: authentication and signature of the citizen.
    Authentication,
    /// 82: device authentication.
    Device,
    /// 83: anti-cloning.
    Services,
}

impl KeyRing {
    pub(crate) fn load(keys: &PrivateKeys) -> Result<Self, KeyError> {
        Ok(Self {
            authentication: load(0x81, keys.authentication.expose())?,
            device: load(0x82, keys.device.expose())?,
            services: load(0x83, keys.services.expose())?,
        })
    }

    fn key(&self, reference: KeyReference) -> &RsaPrivateKey {
        match reference {
            KeyReference::Authentication => &self.authentication,
            KeyReference::Device => &self.device,
            KeyReference::Services => &self.services,
        }
    }

    /// Modulus and public exponent, without leading zeros.
    pub(crate) fn public_parts(&self, key: KeyReference) -> (Box<[u8]>, Box<[u8]>) {
        let key = self.key(key);
        (key.n_bytes(), key.e_bytes())
    }

    /// The RSA private-key operation on a block of 256 bytes. `None` if the
    /// block is not below the modulus, which neither padding produces.
    pub(crate) fn private_operation(&self, key: KeyReference, block: &[u8]) -> Option<Vec<u8>> {
        let block = BoxedUint::from_be_slice(block, 8 * 256).ok()?;
        let result = rsa_decrypt::<ChaCha20Rng>(None, self.key(key), &block).ok()?;
        Some(right_aligned(&result.to_be_bytes(), MODULUS_LEN))
    }

    /// PKCS#1 v1.5 signature over `data` as it is: `00 01 FF… 00 data`. The
    /// content is not checked to be a DigestInfo (choice 10). `None` if it is
    /// longer than [`PKCS1_DATA_MAX`].
    pub(crate) fn pkcs1_signature(&self, key: KeyReference, data: &[u8]) -> Option<Vec<u8>> {
        let filler = PKCS1_DATA_MAX.checked_sub(data.len())? + 8;
        let mut block = vec![0x00, 0x01];
        block.resize(2 + filler, 0xFF);
        block.push(0x00);
        block.extend_from_slice(data);
        self.private_operation(key, &block)
    }
}

fn load(reference: u8, der: &[u8]) -> Result<RsaPrivateKey, KeyError> {
    let error = |reason: String| KeyError { reference, reason };
    let key = RsaPrivateKey::from_pkcs8_der(der).map_err(|e| error(e.to_string()))?;
    match key.size() {
        MODULUS_LEN => Ok(key),
        size => Err(error(format!(
            "its modulus has {size} bytes, not {MODULUS_LEN}"
        ))),
    }
}

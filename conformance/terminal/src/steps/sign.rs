// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures: the citizen's key 81 (section 4.5) and the anti-cloning key 83
//! (section 4.6).

use super::MSE;
use crate::channel::Channel;
use crate::digest::HashAlgorithm;
use crate::error::{CheckError, Error};
use crate::keys::PublicKey;
use crate::transport::Transmit;
use iso7816_wire::CommandApdu;
use rand_core::CryptoRng;

pub(super) const INTERNAL_AUTHENTICATE: u8 = 0x88;
/// Bytes of the challenge to the anti-cloning key that pinless readers send.
pub const CHALLENGE_LEN: usize = 16;

/// A key that signs what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningKey {
    /// The citizen's key, 81: after device authentication and PIN.
    Citizen,
    /// The anti-cloning key, 83: always.
    AntiCloning,
}

impl SigningKey {
    /// The key reference.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Citizen => 0x81,
            Self::AntiCloning => 0x83,
        }
    }
}

/// A challenge to the anti-cloning key and the card's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloneCheck {
    /// What the terminal sent.
    pub challenge: Vec<u8>,
    /// What the card answered, verified with EF 1005.
    pub signature: Vec<u8>,
}

impl<T: Transmit> Channel<T> {
    /// MSE SET: INTERNAL AUTHENTICATE shall use this key
    /// (`22 41 A4 {80 01 02, 84 01 key}`).
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send`].
    pub fn set_signing_key(&mut self, key: SigningKey) -> Result<(), Error> {
        let data = [0x80, 0x01, 0x02, 0x84, 0x01, key.number()];
        let command = CommandApdu::new(0, MSE, 0x41, 0xA4).with_data(data);
        self.send(&command)?
            .require("choosing the signing key")
            .map(drop)
    }

    /// INTERNAL AUTHENTICATE: the card pads `data` as it is (PKCS#1 v1.5, type
    /// 1) and signs it with the key chosen before.
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send`].
    pub fn internal_authenticate(&mut self, data: &[u8]) -> Result<Vec<u8>, Error> {
        let command = CommandApdu::new(0, INTERNAL_AUTHENTICATE, 0, 0).with_data(data);
        self.send(&command)?.require("INTERNAL AUTHENTICATE")
    }

    /// Chooses a key and has it sign `data` as it is.
    ///
    /// # Errors
    /// As [`set_signing_key`](Self::set_signing_key) and
    /// [`internal_authenticate`](Self::internal_authenticate).
    pub fn sign_raw(&mut self, key: SigningKey, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.set_signing_key(key)?;
        self.internal_authenticate(data)
    }

    /// The citizen's signature (RSASSA-PKCS1-v1_5) over a message.
    ///
    /// # Errors
    /// As [`sign_raw`](Self::sign_raw).
    pub fn sign_message(&mut self, hash: HashAlgorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign_raw(SigningKey::Citizen, &hash.digest_info(message))
    }

    /// Asks the anti-cloning key to sign 16 random bytes and verifies the
    /// answer with `key`, the content of EF 1005. That this file is the
    /// issuer's is for the security object to prove ([`crate::sod`]).
    ///
    /// # Errors
    /// As [`sign_raw`](Self::sign_raw); [`CheckError::AntiCloning`] if the
    /// answer does not verify.
    pub fn check_not_cloned<R: CryptoRng + ?Sized>(
        &mut self,
        key: &PublicKey,
        rng: &mut R,
    ) -> Result<CloneCheck, Error> {
        let mut challenge = vec![0; CHALLENGE_LEN];
        rng.fill_bytes(&mut challenge);
        let signature = self.sign_raw(SigningKey::AntiCloning, &challenge)?;
        if !key.verifies(&challenge, &signature) {
            return Err(CheckError::AntiCloning.into());
        }
        Ok(CloneCheck {
            challenge,
            signature,
        })
    }
}

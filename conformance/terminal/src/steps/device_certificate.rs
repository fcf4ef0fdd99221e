// SPDX-License-Identifier: MIT OR Apache-2.0
//! The certificate with which the terminal introduces itself, made on the spot
//! with the published private exponent (section 4.4 b).

use crate::error::{CheckError, Error};
use crate::keys::PublicKey;
use crate::published;
use crate::steps::objects::CaKey;
use hex_literal::hex;
use iso7816_wire::dh::mod_exp;
use iso7816_wire::{iso9796, tlv};
use std::fmt;
use zeroize::Zeroizing;

/// Certificate profile identifier.
const PROFILE: u8 = 0x8A;
/// Role that the holder authorisation claims.
const ROLE: u8 = 0x01;
/// Object identifier of the certified key, 1.2.162.14890.2.4.1.4, as the
/// clients write it.
const KEY_OID: [u8; 9] = hex!("2A8122F42A02040104");

/// A terminal: a device key pair, a serial number, and the private exponent of
/// the authority that certifies it.
#[derive(Clone)]
pub struct Device {
    key: PublicKey,
    private_exponent: Zeroizing<Vec<u8>>,
    /// The public exponent as the certificate writes it.
    certified_exponent: Vec<u8>,
    ca_private_exponent: Zeroizing<Vec<u8>>,
    serial: [u8; 8],
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("serial", &self.serial)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// The device that every public client of the card is ([`published`]).
    ///
    /// # Errors
    /// None with the published figures; see [`Device::new`].
    pub fn published() -> Result<Self, CheckError> {
        Self::new(
            &published::DEVICE_MODULUS,
            &published::DEVICE_PUBLIC_EXPONENT,
            &published::DEVICE_PRIVATE_EXPONENT,
            &published::CA_PRIVATE_EXPONENT,
            published::DEVICE_SERIAL,
        )
    }

    /// A device of the caller's own, to see what a card says to it.
    /// `public_exponent` goes into the certificate with its leading zeros.
    ///
    /// # Errors
    /// [`CheckError::Key`] if modulus or public exponent are unusable.
    pub fn new(
        modulus: &[u8],
        public_exponent: &[u8],
        private_exponent: &[u8],
        ca_private_exponent: &[u8],
        serial: [u8; 8],
    ) -> Result<Self, CheckError> {
        Ok(Self {
            key: PublicKey::new(modulus, public_exponent)?,
            private_exponent: Zeroizing::new(private_exponent.to_vec()),
            certified_exponent: public_exponent.to_vec(),
            ca_private_exponent: Zeroizing::new(ca_private_exponent.to_vec()),
            serial,
        })
    }

    /// Serial number.
    #[must_use]
    pub fn serial(&self) -> [u8; 8] {
        self.serial
    }

    /// The device's public key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Certificate holder reference: four zero bytes and the serial number.
    #[must_use]
    pub fn holder_reference(&self) -> [u8; 12] {
        let mut reference = [0; 12];
        for (to, from) in reference.iter_mut().skip(4).zip(self.serial) {
            *to = from;
        }
        reference
    }

    /// The private operation of the device key.
    ///
    /// # Errors
    /// [`CheckError::Key`] if `block` is not below the modulus.
    pub fn sign_block(&self, block: &[u8]) -> Result<Vec<u8>, CheckError> {
        mod_exp(block, &self.private_exponent, self.key.modulus())
            .ok_or(CheckError::Key("the device key"))
    }

    /// Certifies this device under the CA of a card, and checks with the
    /// card's own public exponent that it will be believed.
    ///
    /// # Errors
    /// [`CheckError::CaKey`] if the published private exponent is not that of
    /// the card's CA key, [`CheckError::Key`] if the modulus is too small.
    pub fn certify(&self, ca: &CaKey) -> Result<DeviceCertificate, CheckError> {
        let text = self.certificate_text(ca);
        let size = iso9796::recoverable_len(ca.key.modulus().len());
        let (recoverable, rest) = text
            .split_at_checked(size)
            .ok_or(CheckError::Key("the card's CA key"))?;
        let block = iso9796::build(recoverable, &[rest]);
        let signature = mod_exp(&block, &self.ca_private_exponent, ca.key.modulus())
            .ok_or(CheckError::CaKey)?;
        if ca.key.apply(&signature)? != block {
            return Err(CheckError::CaKey);
        }
        Ok(DeviceCertificate {
            signature,
            remainder: rest.to_vec(),
            authority: ca.authority_reference(),
        })
    }

    /// The certified text: 297 bytes with the published key.
    fn certificate_text(&self, ca: &CaKey) -> Vec<u8> {
        let mut text = vec![PROFILE];
        text.extend(ca.authority_reference());
        text.extend(self.holder_reference());
        text.extend(ca.authority_aid());
        text.push(ROLE);
        text.extend(KEY_OID);
        text.extend_from_slice(self.key.modulus());
        text.extend_from_slice(&self.certified_exponent);
        text
    }
}

/// A card-verifiable certificate with message recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCertificate {
    /// Signature with message recovery (5F37).
    pub signature: Vec<u8>,
    /// What the signature does not recover (5F38).
    pub remainder: Vec<u8>,
    /// Certification authority reference (42).
    pub authority: [u8; 8],
}

impl DeviceCertificate {
    /// The certificate as it travels: `7F21 { 5F37, 5F38, 42 }`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut content = tlv::encode(0x5F37, &self.signature);
        tlv::push(&mut content, 0x5F38, &self.remainder);
        tlv::push(&mut content, 0x42, &self.authority);
        tlv::encode(0x7F21, &content)
    }

    /// Card's half, for tests and replays: recovers the certified text.
    ///
    /// # Errors
    /// [`Error::Check`] if the signature does not recover under `ca`.
    pub fn open(&self, ca: &PublicKey) -> Result<Vec<u8>, Error> {
        let block = ca.apply(&self.signature)?;
        let recovered =
            iso9796::recover(&block, &[&self.remainder]).map_err(|_| CheckError::CaKey)?;
        Ok([recovered, &self.remainder].concat())
    }
}

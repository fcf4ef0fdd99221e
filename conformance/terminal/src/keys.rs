// SPDX-License-Identifier: MIT OR Apache-2.0
//! RSA public keys as the card shows them, and what verifies with them.

use crate::MODULUS_MAX;
use crate::error::{CheckError, Error, MalformedError};
use crypto_bigint::BoxedUint;
use iso7816_wire::dh::mod_exp_public;
use iso7816_wire::tlv;
use rsa::RsaPublicKey;

const SEQUENCE: u32 = 0x30;
const INTEGER: u32 = 0x02;
/// The fewest FF bytes in a PKCS#1 v1.5 block of type 1, plus 00 01 and 00.
const TYPE1_OVERHEAD: usize = 11;

/// An RSA public key: big-endian modulus and exponent without leading zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// A key from its two numbers; leading zeros do not matter.
    ///
    /// # Errors
    /// [`CheckError::Key`] if the modulus is even or empty, or if a number is
    /// longer than [`MODULUS_MAX`].
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Result<Self, CheckError> {
        let (modulus, exponent) = (stripped(modulus), stripped(exponent));
        let odd = modulus.last().is_some_and(|b| b & 1 == 1);
        let fits = modulus.len() <= MODULUS_MAX && exponent.len() <= MODULUS_MAX;
        if !odd || !fits || exponent.is_empty() {
            return Err(CheckError::Key("a public key"));
        }
        Ok(Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// The key in the content of EF 1004 or 1005: `30 { 02 modulus, 02
    /// exponent }`, perhaps with padding behind it (section 2.1, choice 16).
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else, [`Error::Check`] as for
    /// [`PublicKey::new`].
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        let bad = |e| Error::malformed("public key file", MalformedError::Tlv(e));
        let mut numbers = tlv::Reader::new(content)
            .find(SEQUENCE)
            .map_err(bad)?
            .children();
        let mut next = || match numbers.next() {
            Some(Ok(object)) if object.tag == INTEGER => Ok(object.value),
            Some(Ok(object)) => {
                let reason = MalformedError::Tag {
                    found: object.tag,
                    expected: INTEGER,
                };
                Err(Error::malformed("public key file", reason))
            }
            Some(Err(e)) => Err(bad(e)),
            None => Err(bad(tlv::TlvError::Missing { tag: INTEGER })),
        };
        let (modulus, exponent) = (next()?, next()?);
        Ok(Self::new(modulus, exponent)?)
    }

    /// The modulus, without leading zeros.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, without leading zeros.
    #[must_use]
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// The public operation: `value ^ e mod n`, as long as the modulus.
    ///
    /// # Errors
    /// [`CheckError::Key`] if `value` is not as long as the modulus and below it.
    pub fn apply(&self, value: &[u8]) -> Result<Vec<u8>, CheckError> {
        let power = mod_exp_public(value, &self.exponent, &self.modulus);
        power
            .filter(|_| value.len() == self.modulus.len())
            .ok_or(CheckError::Key("a signature with this public key"))
    }

    /// True if `signature` is this key's over a PKCS#1 v1.5 block of type 1
    /// around `payload` exactly as it is. The card's keys 81 and 83 sign that
    /// way, whatever the payload is (sections 4.5 and 4.6).
    #[must_use]
    pub fn verifies(&self, payload: &[u8], signature: &[u8]) -> bool {
        let Some(fill) = self.modulus.len().checked_sub(payload.len() + 3) else {
            return false;
        };
        if fill < TYPE1_OVERHEAD - 3 {
            return false;
        }
        let mut block = vec![0x00, 0x01];
        block.resize(2 + fill, 0xFF);
        block.push(0x00);
        block.extend_from_slice(payload);
        self.apply(signature)
            .is_ok_and(|recovered| recovered == block)
    }

    pub(crate) fn to_rsa(&self) -> Option<RsaPublicKey> {
        let number = |bytes: &[u8]| {
            BoxedUint::from_be_slice(bytes, u32::try_from(bytes.len() * 8).ok()?).ok()
        };
        RsaPublicKey::new(number(&self.modulus)?, number(&self.exponent)?).ok()
    }
}

pub(crate) fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|b| **b == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::published::{DEVICE_MODULUS, DEVICE_PRIVATE_EXPONENT, DEVICE_PUBLIC_EXPONENT};
    use iso7816_wire::dh::mod_exp;

    fn key() -> PublicKey {
        PublicKey::new(&DEVICE_MODULUS, &DEVICE_PUBLIC_EXPONENT).unwrap()
    }

    fn sign(block: &[u8]) -> Vec<u8> {
        mod_exp(block, &DEVICE_PRIVATE_EXPONENT, &DEVICE_MODULUS).unwrap()
    }

    fn block(payload: &[u8]) -> Vec<u8> {
        let mut block = vec![0, 1];
        block.resize(255 - payload.len(), 0xFF);
        block.push(0);
        block.extend_from_slice(payload);
        block
    }

    #[test]
    fn type_1_blocks_verify_and_nothing_else_does() {
        let signature = sign(&block(b"sixteen bytes..."));
        assert!(key().verifies(b"sixteen bytes...", &signature));
        assert!(!key().verifies(b"sixteen byteS...", &signature));
        assert!(
            !key().verifies(b"ixteen bytes...", &signature),
            "the end alone is not enough"
        );
        assert!(!key().verifies(b"sixteen bytes...", &signature[1..]));
        let longer = [&[0][..], &signature].concat();
        assert!(
            !key().verifies(b"sixteen bytes...", &longer),
            "the same number in 257 bytes"
        );
        assert!(!key().verifies(b"sixteen bytes...", &[]));
        assert!(!key().verifies(&[7; 300], &signature));
    }

    #[test]
    fn at_least_eight_bytes_of_fill() {
        assert!(key().verifies(&[7; 245], &sign(&block(&[7; 245]))));
        assert!(!key().verifies(&[7; 246], &sign(&block(&[7; 246]))));
    }

    #[test]
    fn key_files_with_and_without_padding() {
        let mut content = tlv::encode(0x02, &[&[0][..], &DEVICE_MODULUS].concat());
        tlv::push(&mut content, 0x02, &DEVICE_PUBLIC_EXPONENT[1..]);
        let mut file = tlv::encode(0x30, &content);
        assert_eq!(file.len(), 270);
        assert_eq!(PublicKey::from_file(&file).unwrap(), key());
        file.extend([0; 9]);
        assert_eq!(PublicKey::from_file(&file).unwrap(), key());
        assert!(PublicKey::from_file(&file[..200]).is_err());
        assert!(PublicKey::from_file(&tlv::encode(0x30, &[0x02, 1, 3])).is_err());
    }

    #[test]
    fn unusable_keys_are_refused() {
        assert!(PublicKey::new(&[], &[3]).is_err());
        assert!(PublicKey::new(&[0, 8], &[3]).is_err());
        assert!(PublicKey::new(&[0, 9], &[0]).is_err());
        assert!(PublicKey::new(&[9; MODULUS_MAX + 1], &[3]).is_err());
    }
}

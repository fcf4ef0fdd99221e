// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the card's key can do, and what this module hashes for it.
//!
//! There is no PSS and no raw RSA: the card pads PKCS#1 v1.5 itself around 1
//! to 245 bytes.

use crate::failure::Failure;
use cie_terminal::digest::HashAlgorithm;
use cryptoki_sys as ck;
use iso7816_wire::flaw;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes that PKCS#1 v1.5 needs around the block.
const PADDING_MIN: usize = 11;
/// Bits of the citizen's key on every card.
const KEY_BITS: ck::CK_ULONG = 2048;

/// A mechanism of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// `CKM_RSA_PKCS`: the caller made the block (a DigestInfo, as a rule).
    Rsa,
    /// `CKM_SHA…_RSA_PKCS`: this module hashes, the card signs.
    RsaOver(HashAlgorithm),
    /// `CKM_SHA…`: this module hashes.
    Digest(HashAlgorithm),
}

impl Mechanism {
    /// All of them, in the order of `C_GetMechanismList`.
    pub const ALL: [Self; 9] = [
        Self::Rsa,
        Self::RsaOver(HashAlgorithm::Sha1),
        Self::RsaOver(HashAlgorithm::Sha256),
        Self::RsaOver(HashAlgorithm::Sha384),
        Self::RsaOver(HashAlgorithm::Sha512),
        Self::Digest(HashAlgorithm::Sha1),
        Self::Digest(HashAlgorithm::Sha256),
        Self::Digest(HashAlgorithm::Sha384),
        Self::Digest(HashAlgorithm::Sha512),
    ];

    /// Its number in the standard.
    #[must_use]
    pub fn number(self) -> ck::CK_MECHANISM_TYPE {
        use HashAlgorithm::{Sha1, Sha256, Sha384, Sha512};
        match self {
            Self::Rsa => ck::CKM_RSA_PKCS,
            Self::RsaOver(Sha1) => ck::CKM_SHA1_RSA_PKCS,
            Self::RsaOver(Sha256) => ck::CKM_SHA256_RSA_PKCS,
            Self::RsaOver(Sha384) => ck::CKM_SHA384_RSA_PKCS,
            Self::RsaOver(Sha512) => ck::CKM_SHA512_RSA_PKCS,
            Self::Digest(Sha1) => ck::CKM_SHA_1,
            Self::Digest(Sha256) => ck::CKM_SHA256,
            Self::Digest(Sha384) => ck::CKM_SHA384,
            Self::Digest(Sha512) => ck::CKM_SHA512,
        }
    }

    /// The mechanism with this number.
    ///
    /// # Errors
    /// [`Failure::MechanismInvalid`] if the token has none.
    pub fn from_number(number: ck::CK_MECHANISM_TYPE) -> Result<Self, Failure> {
        Self::ALL
            .into_iter()
            .find(|mechanism| mechanism.number() == number)
            .ok_or(Failure::MechanismInvalid)
    }

    /// The numbers of those that sign.
    #[must_use]
    pub fn signing() -> Vec<ck::CK_MECHANISM_TYPE> {
        Self::ALL
            .into_iter()
            .filter(|mechanism| !matches!(mechanism, Self::Digest(_)))
            .map(Self::number)
            .collect()
    }

    /// Key sizes in bits and flags, for `C_GetMechanismInfo`. Signing is done
    /// by the card, verifying and hashing by this module.
    #[must_use]
    pub fn info(self) -> ck::CK_MECHANISM_INFO {
        let (bits, flags) = match self {
            Self::Digest(_) => (0, ck::CKF_DIGEST),
            Self::Rsa | Self::RsaOver(_) => (KEY_BITS, ck::CKF_HW | ck::CKF_SIGN | ck::CKF_VERIFY),
        };
        ck::CK_MECHANISM_INFO {
            ulMinKeySize: bits,
            ulMaxKeySize: bits,
            flags,
        }
    }
}

/// A hash on its way.
#[derive(Clone)]
pub enum Hasher {
    /// SHA-1.
    Sha1(Sha1),
    /// SHA-256.
    Sha256(Sha256),
    /// SHA-384.
    Sha384(Sha384),
    /// SHA-512.
    Sha512(Sha512),
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hasher({})", self.algorithm())
    }
}

impl Hasher {
    /// Nothing hashed yet.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        match algorithm {
            HashAlgorithm::Sha1 => Self::Sha1(Sha1::new()),
            HashAlgorithm::Sha256 => Self::Sha256(Sha256::new()),
            HashAlgorithm::Sha384 => Self::Sha384(Sha384::new()),
            HashAlgorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Which hash.
    #[must_use]
    pub fn algorithm(&self) -> HashAlgorithm {
        match self {
            Self::Sha1(_) => HashAlgorithm::Sha1,
            Self::Sha256(_) => HashAlgorithm::Sha256,
            Self::Sha384(_) => HashAlgorithm::Sha384,
            Self::Sha512(_) => HashAlgorithm::Sha512,
        }
    }

    /// More of the message.
    pub fn update(&mut self, part: &[u8]) {
        match self {
            Self::Sha1(hash) => hash.update(part),
            Self::Sha256(hash) => hash.update(part),
            Self::Sha384(hash) => hash.update(part),
            Self::Sha512(hash) => hash.update(part),
        }
    }

    /// The digest.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Sha384(hash) => hash.finalize().to_vec(),
            Self::Sha512(hash) => hash.finalize().to_vec(),
        }
    }
}

/// The block for a signature on its way, for signing and verifying.
#[derive(Clone, Debug)]
pub enum Block {
    /// Made by the caller.
    Given(Zeroizing<Vec<u8>>),
    /// The DigestInfo of a message.
    Hashed(Hasher),
}

impl Block {
    /// The empty block of a mechanism.
    ///
    /// # Errors
    /// [`Failure::MechanismInvalid`] if it does not sign.
    pub fn new(mechanism: Mechanism) -> Result<Self, Failure> {
        match mechanism {
            Mechanism::Rsa => Ok(Self::Given(Zeroizing::default())),
            Mechanism::RsaOver(hash) => Ok(Self::Hashed(Hasher::new(hash))),
            Mechanism::Digest(_) => Err(Failure::MechanismInvalid),
        }
    }

    /// More of the block or message, for a key of `key_len` bytes.
    ///
    /// # Errors
    /// [`Failure::DataLenRange`] if the card could not pad it.
    pub fn update(&mut self, part: &[u8], key_len: usize) -> Result<(), Failure> {
        match self {
            Self::Given(block) => {
                let most = key_len.saturating_sub(PADDING_MIN);
                flaw!(PiecesLost => block.clear());
                flaw!(LongDataCut => if block.len() + part.len() > most {
                    let room = most.saturating_sub(block.len());
                    block.extend(part.iter().take(room));
                    return Ok(());
                });
                if block.len() + part.len() > most {
                    return Err(Failure::DataLenRange);
                }
                block.extend_from_slice(part);
            }
            Self::Hashed(hasher) => {
                flaw!(PiecesLost => *hasher = Hasher::new(hasher.algorithm()));
                hasher.update(part);
            }
        }
        Ok(())
    }

    /// What the card is to sign.
    ///
    /// # Errors
    /// [`Failure::DataLenRange`] for no bytes at all: the card refuses them.
    pub fn finish(self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match self {
            Self::Given(block) if block.is_empty() => Err(Failure::DataLenRange),
            Self::Given(block) => Ok(block),
            Self::Hashed(hasher) => {
                let algorithm = match hasher.algorithm() {
                    HashAlgorithm::Sha384 if flaw!(InfoSha384) => HashAlgorithm::Sha256,
                    _ if flaw!(InfoSha1ForAll) => HashAlgorithm::Sha1,
                    algorithm => algorithm,
                };
                flaw!(InfoMissing => return Ok(Zeroizing::new(hasher.finish())));
                Ok(Zeroizing::new(algorithm.digest_info_of(&hasher.finish())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hash_like_the_whole() {
        for algorithm in HashAlgorithm::ALL {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"one ");
            hasher.update(b"");
            hasher.update(b"message");
            assert_eq!(hasher.finish(), algorithm.digest(b"one message"));
        }
    }

    #[test]
    fn blocks_have_1_to_245_bytes() {
        let block = |len: usize| {
            let mut block = Block::new(Mechanism::Rsa)?;
            block.update(&vec![7; len], 256)?;
            Ok::<_, Failure>(block.finish()?.len())
        };
        assert_eq!(block(0), Err(Failure::DataLenRange));
        assert_eq!(block(1), Ok(1));
        assert_eq!(block(245), Ok(245));
        assert_eq!(block(246), Err(Failure::DataLenRange));
        let mut pieces = Block::new(Mechanism::Rsa).unwrap();
        pieces.update(&[7; 200], 256).unwrap();
        assert_eq!(pieces.update(&[7; 46], 256), Err(Failure::DataLenRange));
    }

    #[test]
    fn no_pss_and_no_raw_rsa() {
        for number in [
            ck::CKM_RSA_PKCS_PSS,
            ck::CKM_SHA256_RSA_PKCS_PSS,
            ck::CKM_RSA_X_509,
        ] {
            assert_eq!(
                Mechanism::from_number(number),
                Err(Failure::MechanismInvalid)
            );
        }
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::from_number(mechanism.number()), Ok(mechanism));
        }
    }
}

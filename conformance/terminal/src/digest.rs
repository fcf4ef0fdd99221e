// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hashes and the DigestInfo around them (RFC 8017 §9.2).

use hex_literal::hex;
use iso7816_wire::tlv;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

/// A hash function that a signature or a security object of the card uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// SHA-1, in older certificates and signatures only.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// The digest of `message`.
    #[must_use]
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => Sha1::digest(message).to_vec(),
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// Bytes of a digest.
    #[must_use]
    pub fn digest_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The content of the object identifier.
    #[must_use]
    pub fn oid(self) -> &'static [u8] {
        match self {
            Self::Sha1 => &hex!("2B0E03021A"),
            Self::Sha256 => &hex!("608648016503040201"),
            Self::Sha384 => &hex!("608648016503040202"),
            Self::Sha512 => &hex!("608648016503040203"),
        }
    }

    /// The hash with this object identifier (its content bytes).
    #[must_use]
    pub fn from_oid(oid: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.oid() == oid)
    }

    /// The DigestInfo of `message`: what key 81 is given to sign (section 4.5).
    #[must_use]
    pub fn digest_info(self, message: &[u8]) -> Vec<u8> {
        self.digest_info_of(&self.digest(message))
    }

    /// The DigestInfo around a digest made elsewhere, whatever its length.
    #[must_use]
    pub fn digest_info_of(self, digest: &[u8]) -> Vec<u8> {
        let mut algorithm = tlv::encode(0x06, self.oid());
        tlv::push(&mut algorithm, 0x05, &[]);
        let mut info = tlv::encode(0x30, &algorithm);
        tlv::push(&mut info, 0x04, digest);
        tlv::encode(0x30, &info)
    }
}

impl fmt::Display for HashAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_rfc_8017() {
        // RFC 8017 §9.2, note 1.
        let prefixes: [(HashAlgorithm, &[u8]); 4] = [
            (HashAlgorithm::Sha1, &hex!("3021300906052b0e03021a05000414")),
            (
                HashAlgorithm::Sha256,
                &hex!("3031300d060960864801650304020105000420"),
            ),
            (
                HashAlgorithm::Sha384,
                &hex!("3041300d060960864801650304020205000430"),
            ),
            (
                HashAlgorithm::Sha512,
                &hex!("3051300d060960864801650304020305000440"),
            ),
        ];
        for (hash, prefix) in prefixes {
            let info = hash.digest_info(b"abc");
            assert_eq!(info[..prefix.len()], *prefix, "{hash}");
            assert_eq!(info.len(), prefix.len() + hash.digest_len());
            assert_eq!(HashAlgorithm::from_oid(hash.oid()), Some(hash));
        }
        assert_eq!(HashAlgorithm::Sha256.digest_info(b"").len(), 51);
    }

    #[test]
    fn digests_of_abc() {
        // FIPS 180-4 examples.
        assert_eq!(
            HashAlgorithm::Sha1.digest(b"abc"),
            hex!("a9993e364706816aba3e25717850c26c9cd0d89d")
        );
        assert_eq!(
            HashAlgorithm::Sha256.digest(b"abc"),
            hex!("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
        assert!(
            HashAlgorithm::ALL
                .iter()
                .all(|h| h.digest(b"").len() == h.digest_len())
        );
    }
}

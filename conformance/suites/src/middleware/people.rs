// SPDX-License-Identifier: MIT OR Apache-2.0
//! Citizens with the cards that the cases put into readers, and what an honest
//! signature of theirs is.

use super::finding::{Finding, Found};
use cie_card::CardImage;
use cie_personalisation::{
    FAMILIES, Family, IssuedCard, Persona, State, make_unchained, order, personalise,
};
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use md5::Md5;
use rsa::hazmat::rsa_encrypt;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest, Sha224, Sha256};

/// Somebody with a card.
#[derive(Clone, Debug)]
pub(crate) struct Citizen {
    /// What is on the card when it is put into a reader.
    pub(crate) image: CardImage,
    /// Seed of the card's random source.
    pub(crate) card_seed: [u8; 32],
    pub(crate) pin: String,
    pub(crate) puk: String,
    /// Number for services.
    pub(crate) nis: String,
    /// The certificate, DER.
    pub(crate) certificate: Vec<u8>,
}

/// EF.SOD.
const SOD: u16 = 0x1006;

impl Citizen {
    fn of(issued: IssuedCard) -> Self {
        Self {
            pin: issued.pin().expose().to_owned(),
            puk: issued.puk().expose().to_owned(),
            image: issued.image,
            card_seed: issued.card_seed,
            nis: issued.facts.nis,
            certificate: issued.certificate,
        }
    }

    /// The adult of the shipped personas.
    pub(crate) fn adult(family: &'static Family, state: State, seed: u64) -> Found<Self> {
        let persona = Persona::adult().map_err(Finding::ours)?;
        let persona = persona.with_family(family).with_state(state);
        let issued = personalise(&persona.map_err(Finding::ours)?, seed).map_err(Finding::ours)?;
        Ok(Self::of(issued))
    }

    /// The usual one.
    pub(crate) fn usual(seed: u64) -> Found<Self> {
        let [family, ..] = FAMILIES else {
            return Err(Finding::Undecided("there is no family".to_owned()));
        };
        Self::adult(family, State::Fresh, seed)
    }

    /// Another person with other keys and a card of the usual family.
    pub(crate) fn other_like_the_usual(seed: u64) -> Found<Self> {
        let persona = Persona::named("minor")
            .ok_or_else(|| Finding::Undecided("no persona minor".to_owned()))?
            .map_err(Finding::ours)?;
        let usual = Persona::adult().map_err(Finding::ours)?.family();
        let issued = personalise(&persona.with_family(usual), seed).map_err(Finding::ours)?;
        Ok(Self::of(issued))
    }

    /// Another person with other keys and a card of another family.
    pub(crate) fn other(seed: u64) -> Found<Self> {
        let persona = Persona::named("minor")
            .ok_or_else(|| Finding::Undecided("no persona minor".to_owned()))?
            .map_err(Finding::ours)?;
        let issued = personalise(&persona, seed).map_err(Finding::ours)?;
        Ok(Self::of(issued))
    }

    /// A copy of this card without key 83: every file is the same, and the key
    /// that proves the number for services is somebody else's.
    pub(crate) fn copied(&self, other: &Self) -> Self {
        let mut copy = self.clone();
        let mut profile = (*copy.image.profile).clone();
        profile.keys.services = other.image.profile.keys.services.clone();
        copy.image.profile = profile.into();
        copy
    }

    /// A card that gives itself out for this one: every file is the same, and
    /// the key 82 that proves the chip is somebody else's.
    pub(crate) fn impersonated(&self, other: &Self) -> Self {
        let mut copy = self.clone();
        let mut profile = (*copy.image.profile).clone();
        profile.keys.device = other.image.profile.keys.device.clone();
        copy.image.profile = profile.into();
        copy
    }

    /// This card with the security object of another.
    pub(crate) fn with_security_object_of(&self, other: &Self) -> Found<Self> {
        let theirs = other.image.profile.files.iter().find(|f| f.fid == SOD);
        let theirs = theirs.ok_or_else(|| Finding::Undecided("no EF.SOD".to_owned()))?;
        let mut forged = self.clone();
        let mut profile = (*forged.image.profile).clone();
        for file in profile.files.iter_mut().filter(|f| f.fid == SOD) {
            file.content.clone_from(&theirs.content);
        }
        forged.image.profile = profile.into();
        Ok(forged)
    }

    /// This card with another content of a file.
    pub(crate) fn with_file(mut self, fid: u16, content: &[u8]) -> Self {
        let mut profile = (*self.image.profile).clone();
        for file in profile.files.iter_mut().filter(|f| f.fid == fid) {
            file.content = content.to_vec();
        }
        self.image.profile = profile.into();
        self
    }

    /// The usual one, whose security object is signed by somebody who calls
    /// himself the document signer.
    pub(crate) fn unchained(seed: u64) -> Found<Self> {
        let persona = Persona::adult().map_err(Finding::ours)?;
        let order = order(&persona, seed).map_err(Finding::ours)?;
        Ok(Self::of(make_unchained(&order).map_err(Finding::ours)?))
    }

    /// A PIN that is not this card's, with the same first half, which modules
    /// that take the second half cannot change.
    pub(crate) fn another_pin(&self) -> String {
        turned(&self.pin, 3)
    }

    /// A third one.
    pub(crate) fn wrong_pin(&self) -> String {
        turned(&self.pin, 7)
    }

    /// A PUK that is not this card's.
    pub(crate) fn wrong_puk(&self) -> String {
        turned(&self.puk, 7)
    }

    /// Whether the signature is this citizen's, found out without the module.
    pub(crate) fn signed(&self, mechanism: &str, data: &[u8], signature: &[u8]) -> bool {
        let Ok(certificate) = CardCertificate::from_file(&self.certificate) else {
            return false;
        };
        let key = certificate.certificate().tbs_certificate();
        let key = key.subject_public_key_info().subject_public_key.raw_bytes();
        let Ok(key) = RsaPublicKey::from_pkcs1_der(key) else {
            return false;
        };
        let unpadded = Pkcs1v15Sign::new_unprefixed();
        let info = match mechanism {
            "CKM_RSA_PKCS" => data.to_vec(),
            "CKM_SHA1_RSA_PKCS" => HashAlgorithm::Sha1.digest_info(data),
            "CKM_SHA256_RSA_PKCS" => HashAlgorithm::Sha256.digest_info(data),
            "CKM_SHA384_RSA_PKCS" => HashAlgorithm::Sha384.digest_info(data),
            "CKM_SHA512_RSA_PKCS" => HashAlgorithm::Sha512.digest_info(data),
            "CKM_SHA224_RSA_PKCS" => [&INFO_SHA224, Sha224::digest(data).as_slice()].concat(),
            "CKM_MD5_RSA_PKCS" => [&INFO_MD5, Md5::digest(data).as_slice()].concat(),
            "CKM_RSA_PKCS_PSS" => {
                let pss = Pss::<Sha256>::new_with_salt(PSS_SALT);
                return key.verify(pss, data, signature).is_ok();
            }
            "CKM_SHA256_RSA_PKCS_PSS" => {
                let pss = Pss::<Sha256>::new_with_salt(PSS_SALT);
                let digest = Sha256::digest(data);
                return key.verify(pss, digest.as_slice(), signature).is_ok();
            }
            "CKM_RSA_X_509" => return opened(&key, signature).as_deref() == Some(data),
            _ => return false,
        };
        key.verify(unpadded, &info, signature).is_ok()
    }
}

/// Mechanisms that [`Citizen::signed`] can verify.
pub(crate) const VERIFIED: [&str; 10] = [
    "CKM_RSA_PKCS",
    "CKM_SHA1_RSA_PKCS",
    "CKM_SHA224_RSA_PKCS",
    "CKM_SHA256_RSA_PKCS",
    "CKM_SHA384_RSA_PKCS",
    "CKM_SHA512_RSA_PKCS",
    "CKM_MD5_RSA_PKCS",
    "CKM_RSA_PKCS_PSS",
    "CKM_SHA256_RSA_PKCS_PSS",
    "CKM_RSA_X_509",
];

/// DigestInfo in front of a digest (RFC 8017, section 9.2, note 1).
const INFO_SHA224: [u8; 19] = [
    0x30, 0x2D, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04, 0x05,
    0x00, 0x04, 0x1C,
];
const INFO_MD5: [u8; 18] = [
    0x30, 0x20, 0x30, 0x0C, 0x06, 0x08, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05, 0x05, 0x00,
    0x04, 0x10,
];
/// What the driver asks for with PSS, in bytes.
const PSS_SALT: usize = 32;

/// What was raised to the private exponent, as long as the modulus.
fn opened(key: &RsaPublicKey, signature: &[u8]) -> Option<Vec<u8>> {
    let bits = key.n().bits_precision();
    let signature = BoxedUint::from_be_slice(signature, bits).ok()?;
    let block = rsa_encrypt(key, &signature).ok()?;
    let bytes = block.to_be_bytes();
    bytes
        .get(bytes.len().checked_sub(key.size())?..)
        .map(<[u8]>::to_vec)
}

/// The digest of this mechanism, computed without the module; `None` if this
/// bench cannot.
pub(crate) fn digest(mechanism: &str, data: &[u8]) -> Option<Vec<u8>> {
    Some(match mechanism {
        "CKM_SHA_1" => HashAlgorithm::Sha1.digest(data),
        "CKM_SHA256" => HashAlgorithm::Sha256.digest(data),
        "CKM_SHA384" => HashAlgorithm::Sha384.digest(data),
        "CKM_SHA512" => HashAlgorithm::Sha512.digest(data),
        "CKM_SHA224" => Sha224::digest(data).to_vec(),
        "CKM_MD5" => Md5::digest(data).to_vec(),
        _ => return None,
    })
}

/// The last four digits turned by so many.
fn turned(code: &str, by: u32) -> String {
    let turn = |(index, digit): (usize, char)| match digit.to_digit(10) {
        Some(value) if index >= 4 => char::from_digit((value + by) % 10, 10).unwrap_or(digit),
        _ => digit,
    };
    code.chars().enumerate().map(turn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_first_half() {
        assert_eq!(turned("12345678", 3), "12348901");
        assert_eq!(turned("00000009", 7), "00007776");
    }

    #[test]
    fn a_signature_of_somebody_else_is_none() {
        let citizen = Citizen::usual(1).unwrap();
        assert!(!citizen.signed("CKM_RSA_PKCS", b"x", &[0; 256]));
        let other = Citizen::other(1).unwrap();
        assert_ne!(citizen.nis, other.nis);
        let copy = citizen.copied(&other);
        let services = |c: &Citizen| c.image.profile.keys.services.expose().to_vec();
        assert_eq!(services(&copy), services(&other));
        assert_eq!(copy.image.profile.files, citizen.image.profile.files);
    }

    #[test]
    fn digests_are_those_of_the_standards() {
        let of = |name| hex::encode(digest(name, b"abc").unwrap());
        // RFC 1321, appendix A.5, and FIPS 180-4's example.
        assert_eq!(of("CKM_MD5"), "900150983cd24fb0d6963f7d28e17f72");
        let sha224 = "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7";
        assert_eq!(of("CKM_SHA224"), sha224);
        assert_eq!(digest("CKM_MD2", b"abc"), None);
    }

    #[test]
    fn what_the_key_signed_verifies_with_its_mechanism_and_with_no_other() {
        use chacha20::ChaCha8Rng;
        use rand_core::SeedableRng;
        use rsa::RsaPrivateKey;
        use rsa::hazmat::rsa_decrypt;
        use rsa::pkcs8::DecodePrivateKey;
        let citizen = Citizen::usual(1).unwrap();
        let key = citizen.image.profile.keys.authentication.expose().to_vec();
        let key = RsaPrivateKey::from_pkcs8_der(&key).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let data = vec![1; 256];
        let by_pkcs1 = |info: &[u8]| key.sign(Pkcs1v15Sign::new_unprefixed(), info).unwrap();
        let info = |head: &str, digest: &[u8]| [&hex::decode(head).unwrap(), digest].concat();
        let sha224 = info(
            "302d300d06096086480165030402040500041c",
            &Sha224::digest(&data),
        );
        let md5 = info("3020300c06082a864886f70d020505000410", &Md5::digest(&data));
        let mut by_pss = |digest: &[u8]| {
            let pss = Pss::<Sha256>::new_with_salt(32);
            key.sign_with_rng(&mut random, pss, digest).unwrap()
        };
        let digest = Sha256::digest(&data);
        let block = BoxedUint::from_be_slice(&data, 2048).unwrap();
        let raw = rsa_decrypt::<ChaCha8Rng>(None, &key, &block).unwrap();
        let all = [
            ("CKM_SHA224_RSA_PKCS", data.clone(), by_pkcs1(&sha224)),
            ("CKM_MD5_RSA_PKCS", data.clone(), by_pkcs1(&md5)),
            ("CKM_RSA_PKCS_PSS", digest.to_vec(), by_pss(&digest)),
            ("CKM_SHA256_RSA_PKCS_PSS", data.clone(), by_pss(&digest)),
            ("CKM_RSA_X_509", data.clone(), raw.to_be_bytes().to_vec()),
        ];
        for (name, signed, signature) in &all {
            assert!(VERIFIED.contains(name) && signature.len() == 256, "{name}");
            let right: Vec<_> = VERIFIED
                .iter()
                .filter(|mechanism| citizen.signed(mechanism, signed, signature))
                .collect();
            assert_eq!(right, [name]);
            assert!(!citizen.signed(name, b"other", signature), "{name}");
        }
    }
}

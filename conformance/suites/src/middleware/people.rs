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
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::{Pkcs1v15Sign, RsaPublicKey};

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
        let info = match mechanism {
            "CKM_RSA_PKCS" => data.to_vec(),
            "CKM_SHA1_RSA_PKCS" => HashAlgorithm::Sha1.digest_info(data),
            "CKM_SHA256_RSA_PKCS" => HashAlgorithm::Sha256.digest_info(data),
            "CKM_SHA384_RSA_PKCS" => HashAlgorithm::Sha384.digest_info(data),
            "CKM_SHA512_RSA_PKCS" => HashAlgorithm::Sha512.digest_info(data),
            _ => return false,
        };
        key.verify(Pkcs1v15Sign::new_unprefixed(), &info, signature)
            .is_ok()
    }
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
}

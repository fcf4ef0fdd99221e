// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes of each object (PKCS#11 v2.40, sections 4.4 to 4.9).

use crate::mechanisms::Mechanism;
use crate::token::Contact;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cryptoki_sys as ck;
use der::Encode;
use iso7816_wire::flaw;
use x509_cert::time::Time;

/// Label of the certificate and both keys: a card has one of each.
pub const LABEL: &str = "CIE authentication";
const NIS_LABEL: &str = "NIS";
const APPLICATION: &str = "CIE 3.0";
/// Bytes of a check value.
const CHECK_LEN: usize = 3;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// These bytes.
    Known(Vec<u8>),
    /// It stays in the card.
    Sensitive,
    /// This kind of object has no such attribute.
    Invalid,
}

/// All attributes of one object.
#[derive(Debug, Default)]
pub struct Attributes {
    known: Vec<(ck::CK_ATTRIBUTE_TYPE, Vec<u8>)>,
    sensitive: &'static [ck::CK_ATTRIBUTE_TYPE],
}

impl Attributes {
    pub fn value(&self, kind: ck::CK_ATTRIBUTE_TYPE) -> Value {
        if self.sensitive.contains(&kind) {
            return Value::Sensitive;
        }
        match self.known.iter().find(|(known, _)| *known == kind) {
            Some((_, value)) => Value::Known(value.clone()),
            None => Value::Invalid,
        }
    }

    /// What every object has.
    fn of_class(class: ck::CK_OBJECT_CLASS, label: &str) -> Self {
        Self::default()
            .number(ck::CKA_CLASS, class)
            .yes(&[ck::CKA_TOKEN])
            .no(&[ck::CKA_MODIFIABLE, ck::CKA_COPYABLE, ck::CKA_DESTROYABLE])
            .bytes(ck::CKA_LABEL, label)
    }

    /// The number for services.
    pub fn nis(contact: &Contact) -> Self {
        Self::of_class(ck::CKO_DATA, NIS_LABEL)
            .no(&[ck::CKA_PRIVATE])
            .bytes(ck::CKA_APPLICATION, APPLICATION)
            .bytes(ck::CKA_OBJECT_ID, [])
            .bytes(ck::CKA_VALUE, &contact.nis)
    }

    /// The citizen's certificate.
    pub fn citizen(certificate: &CardCertificate) -> Self {
        let category = ck::CK_CERTIFICATE_CATEGORY_TOKEN_USER;
        Self::certificate(certificate, LABEL, category)
    }

    /// An authority's certificate, under its common name.
    pub fn authority(certificate: &CardCertificate) -> Self {
        let label = certificate.summary().common_name;
        let category = ck::CK_CERTIFICATE_CATEGORY_AUTHORITY;
        Self::certificate(certificate, &label, category)
    }

    fn certificate(
        certificate: &CardCertificate,
        label: &str,
        category: ck::CK_CERTIFICATE_CATEGORY,
    ) -> Self {
        let tbs = certificate.certificate().tbs_certificate();
        let check = HashAlgorithm::Sha1.digest(certificate.der());
        // Nobody but the application can say whom it trusts.
        Self::of_class(ck::CKO_CERTIFICATE, label)
            .no(&[ck::CKA_PRIVATE, ck::CKA_TRUSTED])
            .number(ck::CKA_CERTIFICATE_TYPE, ck::CKC_X_509)
            .number(ck::CKA_CERTIFICATE_CATEGORY, category)
            .bytes(
                ck::CKA_CHECK_VALUE,
                check.get(..CHECK_LEN).unwrap_or(&check),
            )
            .bytes(ck::CKA_START_DATE, date(tbs.validity().not_before))
            .bytes(ck::CKA_END_DATE, date(tbs.validity().not_after))
            .bytes(
                ck::CKA_PUBLIC_KEY_INFO,
                encoded(tbs.subject_public_key_info()),
            )
            .bytes(ck::CKA_SUBJECT, encoded(tbs.subject()))
            .bytes(ck::CKA_ID, key_id(certificate))
            .bytes(ck::CKA_ISSUER, encoded(tbs.issuer()))
            .bytes(ck::CKA_SERIAL_NUMBER, encoded(tbs.serial_number()))
            .bytes(ck::CKA_VALUE, certificate.der())
            .bytes(ck::CKA_URL, [])
            .bytes(ck::CKA_HASH_OF_SUBJECT_PUBLIC_KEY, [])
            .bytes(ck::CKA_HASH_OF_ISSUER_PUBLIC_KEY, [])
            .number(ck::CKA_JAVA_MIDP_SECURITY_DOMAIN, 0)
            .number(ck::CKA_NAME_HASH_ALGORITHM, ck::CKM_SHA_1)
    }

    /// What both keys have. How the issuer made them is not known: not
    /// "local", no generation mechanism.
    fn key(class: ck::CK_OBJECT_CLASS, certificate: &CardCertificate) -> Self {
        let tbs = certificate.certificate().tbs_certificate();
        let mechanisms = Mechanism::signing();
        let mechanisms: Vec<u8> = mechanisms.iter().flat_map(|m| m.to_ne_bytes()).collect();
        Self::of_class(class, LABEL)
            .number(ck::CKA_KEY_TYPE, ck::CKK_RSA)
            .bytes(ck::CKA_ID, key_id(certificate))
            .bytes(ck::CKA_START_DATE, [])
            .bytes(ck::CKA_END_DATE, [])
            .no(&[ck::CKA_DERIVE, ck::CKA_LOCAL])
            .number(ck::CKA_KEY_GEN_MECHANISM, ck::CK_UNAVAILABLE_INFORMATION)
            .bytes(ck::CKA_ALLOWED_MECHANISMS, mechanisms)
            .bytes(ck::CKA_SUBJECT, encoded(tbs.subject()))
            .bytes(
                ck::CKA_PUBLIC_KEY_INFO,
                encoded(tbs.subject_public_key_info()),
            )
            .bytes(ck::CKA_MODULUS, certificate.key().modulus())
            .bytes(ck::CKA_PUBLIC_EXPONENT, certificate.key().exponent())
    }

    /// The citizen's public key.
    pub fn public_key(certificate: &CardCertificate) -> Self {
        let bits = certificate.key().modulus().len() * 8;
        Self::key(ck::CKO_PUBLIC_KEY, certificate)
            .number(ck::CKA_MODULUS_BITS, bits.try_into().unwrap_or_default())
            .yes(&[ck::CKA_VERIFY])
            .no(&[
                ck::CKA_PRIVATE,
                ck::CKA_ENCRYPT,
                ck::CKA_VERIFY_RECOVER,
                ck::CKA_WRAP,
                ck::CKA_TRUSTED,
            ])
    }

    /// The citizen's private key. The card has no command that brings it out,
    /// and none that changes that.
    pub fn private_key(certificate: &CardCertificate) -> Self {
        let mut attributes = Self::key(ck::CKO_PRIVATE_KEY, certificate)
            .yes(&[
                ck::CKA_PRIVATE,
                ck::CKA_SENSITIVE,
                ck::CKA_ALWAYS_SENSITIVE,
                ck::CKA_NEVER_EXTRACTABLE,
                ck::CKA_SIGN,
            ])
            .no(&[
                ck::CKA_EXTRACTABLE,
                ck::CKA_DECRYPT,
                ck::CKA_SIGN_RECOVER,
                ck::CKA_UNWRAP,
                ck::CKA_WRAP_WITH_TRUSTED,
                ck::CKA_ALWAYS_AUTHENTICATE,
            ]);
        flaw!(KeyIdMissing => attributes.known.retain(|(kind, _)| *kind != ck::CKA_ID));
        attributes.sensitive = &[
            ck::CKA_PRIVATE_EXPONENT,
            ck::CKA_PRIME_1,
            ck::CKA_PRIME_2,
            ck::CKA_EXPONENT_1,
            ck::CKA_EXPONENT_2,
            ck::CKA_COEFFICIENT,
        ];
        attributes
    }

    fn bytes(mut self, kind: ck::CK_ATTRIBUTE_TYPE, value: impl AsRef<[u8]>) -> Self {
        self.known.push((kind, value.as_ref().to_vec()));
        self
    }

    fn number(self, kind: ck::CK_ATTRIBUTE_TYPE, value: ck::CK_ULONG) -> Self {
        self.bytes(kind, value.to_ne_bytes())
    }

    fn yes(self, kinds: &[ck::CK_ATTRIBUTE_TYPE]) -> Self {
        kinds
            .iter()
            .fold(self, |a, kind| a.bytes(*kind, [ck::CK_TRUE]))
    }

    fn no(self, kinds: &[ck::CK_ATTRIBUTE_TYPE]) -> Self {
        kinds
            .iter()
            .fold(self, |a, kind| a.bytes(*kind, [ck::CK_FALSE]))
    }
}

/// DER; empty if it cannot be written, which what was read always can.
fn encoded(value: &impl Encode) -> Vec<u8> {
    value.to_der().unwrap_or_default()
}

/// SHA-1 of the public key (RFC 5280, 4.2.1.2, method 1): the same for
/// certificate and keys, and for every middleware that does so.
fn key_id(certificate: &CardCertificate) -> Vec<u8> {
    let info = certificate
        .certificate()
        .tbs_certificate()
        .subject_public_key_info();
    HashAlgorithm::Sha1.digest(info.subject_public_key.raw_bytes())
}

/// A `CK_DATE`: year, month and day in digits.
fn date(time: Time) -> String {
    let time = time.to_date_time();
    format!("{:04}{:02}{:02}", time.year(), time.month(), time.day())
}

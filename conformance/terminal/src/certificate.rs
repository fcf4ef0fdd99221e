// SPDX-License-Identifier: MIT OR Apache-2.0
//! X.509 certificates as the card holds them (EF 1003, and the document signer
//! in EF 1006), and the signatures that verify with them.

use crate::digest::HashAlgorithm;
use crate::error::{CheckError, Error, MalformedError};
use crate::keys::PublicKey;
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use hex_literal::hex;
use iso7816_wire::tlv;
use rsa::traits::SignatureScheme as _;
use rsa::{Pkcs1v15Sign, Pss, RsaPublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::name::Name;

const OID_COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const OID_SURNAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.4");
const OID_SERIAL_NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.5");
const OID_GIVEN_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.42");
/// 1.2.840.113549.1.1.8, the mask of PSS.
const MGF1: [u8; 9] = hex!("2A864886F70D010108");
const OID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// One certificate with an RSA key.
#[derive(Clone, Debug)]
pub struct CardCertificate {
    certificate: Certificate,
    key: PublicKey,
    der: Vec<u8>,
}

/// What a certificate says about people, in words; empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Common name of the subject.
    pub common_name: String,
    /// Given name of the subject (2.5.4.42).
    pub given_name: String,
    /// Surname of the subject (2.5.4.4).
    pub surname: String,
    /// Serial number attribute of the subject: the fiscal code of a citizen.
    pub serial_number: String,
    /// Common name of the issuer.
    pub issuer: String,
    /// Start of validity, as time since 1970.
    pub not_before: Duration,
    /// End of validity, as time since 1970.
    pub not_after: Duration,
}

impl CardCertificate {
    /// The certificate at the front of a file's content; padding behind it is
    /// left alone (choice 16).
    ///
    /// # Errors
    /// [`Error::Malformed`] if there is none or its key is not RSA,
    /// [`Error::Check`] if the key cannot be computed with.
    pub fn from_file(content: &[u8]) -> Result<Self, Error> {
        let what = "certificate";
        let first = tlv::Reader::new(content)
            .find(0x30)
            .map_err(|e| Error::malformed(what, e))?;
        let certificate =
            Certificate::from_der(first.raw).map_err(|e| Error::malformed(what, e))?;
        let info = certificate.tbs_certificate().subject_public_key_info();
        if info.algorithm.oid != OID_RSA {
            return Err(Error::malformed(
                what,
                MalformedError::Value("its key is not RSA"),
            ));
        }
        let bits = MalformedError::Value("its key is not a whole number of bytes");
        let key = info
            .subject_public_key
            .as_bytes()
            .ok_or(Error::malformed(what, bits))?;
        let key = PublicKey::from_file(key)?;
        Ok(Self {
            key,
            der: first.raw.to_vec(),
            certificate,
        })
    }

    /// The decoded certificate, for everything that has no method here.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate as it was read, without padding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certified key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Names and validity in words.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let certificate = self.certificate.tbs_certificate();
        let validity = certificate.validity();
        let subject = |oid| attribute(certificate.subject(), oid);
        Summary {
            common_name: subject(OID_COMMON_NAME),
            given_name: subject(OID_GIVEN_NAME),
            surname: subject(OID_SURNAME),
            serial_number: subject(OID_SERIAL_NUMBER),
            issuer: attribute(certificate.issuer(), OID_COMMON_NAME),
            not_before: validity.not_before.to_unix_duration(),
            not_after: validity.not_after.to_unix_duration(),
        }
    }

    /// Verifies an RSASSA-PKCS1-v1_5 signature of the certified key over a
    /// message: what [`sign_message`](crate::Channel::sign_message) returns.
    ///
    /// # Errors
    /// [`CheckError::Signature`] if it does not verify.
    pub fn verify(
        &self,
        hash: HashAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CheckError> {
        SignatureScheme::Pkcs1v15(hash).verify(&self.key, message, signature)
    }

    /// Verifies that this certificate was signed with the key of `issuer`. Its
    /// names and dates are not looked at.
    ///
    /// # Errors
    /// [`CheckError::Algorithm`] for a signature algorithm that no CIE
    /// certificate has, [`CheckError::Signature`] if it does not verify.
    pub fn verify_issuer(&self, issuer: &Self) -> Result<(), CheckError> {
        let unreadable = CheckError::Signature("issuer's certificate");
        // The signed part is the first child, taken as it was read: encoding
        // it again could change it.
        let mut parts = tlv::path(&self.der, &[0x30]).map(tlv::Reader::new);
        let signed = match parts.as_mut().map(Iterator::next) {
            Ok(Some(Ok(signed))) => signed.raw,
            _ => return Err(unreadable.clone()),
        };
        let algorithm = self.certificate.signature_algorithm();
        if algorithm != self.certificate.tbs_certificate().signature() {
            return Err(unreadable);
        }
        let algorithm = algorithm.to_der().map_err(|_| unreadable.clone())?;
        let signature = self.certificate.signature().as_bytes().ok_or(unreadable)?;
        SignatureScheme::parse(&algorithm, None)?
            .verify(&issuer.key, signed, signature)
            .map_err(|_| CheckError::Signature("issuer's certificate"))
    }
}

fn attribute(name: &Name, oid: ObjectIdentifier) -> String {
    let value = name
        .iter()
        .find(|attribute| attribute.oid == oid)
        .map(|a| a.value.value());
    String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
}

/// A signature scheme that occurs on the card (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureScheme {
    /// RSASSA-PKCS1-v1_5.
    Pkcs1v15(HashAlgorithm),
    /// RSASSA-PSS with MGF1 over the same hash.
    Pss {
        /// The hash, of the message and in MGF1.
        hash: HashAlgorithm,
        /// Bytes of salt.
        salt: usize,
    },
}

impl SignatureScheme {
    /// The scheme of an encoded AlgorithmIdentifier. A bare rsaEncryption
    /// takes its hash from `digest`.
    ///
    /// # Errors
    /// [`CheckError::Algorithm`] if it is none of those here.
    pub fn parse(algorithm: &[u8], digest: Option<HashAlgorithm>) -> Result<Self, CheckError> {
        let unknown = || CheckError::Algorithm(hex::encode(algorithm));
        let fields = tlv::path(algorithm, &[0x30]).map_err(|_| unknown())?;
        let oid = tlv::path(fields, &[0x06]).map_err(|_| unknown())?;
        let Some((last, family)) = oid.split_last() else {
            return Err(unknown());
        };
        if family != hex!("2A864886F70D0101") {
            return Err(unknown());
        }
        match last {
            1 => digest.map(Self::Pkcs1v15),
            5 => Some(Self::Pkcs1v15(HashAlgorithm::Sha1)),
            11 => Some(Self::Pkcs1v15(HashAlgorithm::Sha256)),
            12 => Some(Self::Pkcs1v15(HashAlgorithm::Sha384)),
            13 => Some(Self::Pkcs1v15(HashAlgorithm::Sha512)),
            10 => tlv::path(fields, &[0x30]).ok().and_then(Self::pss),
            _ => None,
        }
        .ok_or_else(unknown)
    }

    /// RSASSA-PSS-params (RFC 8017 A.2.3), with the defaults of what is absent.
    fn pss(parameters: &[u8]) -> Option<Self> {
        let field = |tag| match tlv::path(parameters, &[tag]) {
            Ok(value) => Ok(Some(value)),
            Err(tlv::TlvError::Missing { .. }) => Ok(None),
            Err(e) => Err(e),
        };
        let hash_of = |value: Option<&[u8]>, path: &[u32]| match value {
            None => Some(HashAlgorithm::Sha1),
            Some(value) => HashAlgorithm::from_oid(tlv::path(value, path).ok()?),
        };
        let hash = hash_of(field(0xA0).ok()?, &[0x30, 0x06])?;
        let mask = field(0xA1).ok()?;
        if mask.is_some_and(|m| tlv::path(m, &[0x30, 0x06]) != Ok(&MGF1)) {
            return None;
        }
        let mask = hash_of(mask, &[0x30, 0x30, 0x06])?;
        let salt = match field(0xA2).ok()? {
            None => 20,
            Some(value) => match tlv::path(value, &[0x02]).ok()? {
                [salt] => usize::from(*salt),
                _ => return None,
            },
        };
        (hash == mask).then_some(Self::Pss { hash, salt })
    }

    /// Verifies a signature over a message.
    ///
    /// # Errors
    /// [`CheckError::Signature`] if it does not verify, [`CheckError::Key`] if
    /// the key cannot be used.
    pub fn verify(
        self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CheckError> {
        self.verify_prehash(key, &self.hash().digest(message), signature)
    }

    /// The hash of the message.
    #[must_use]
    pub fn hash(self) -> HashAlgorithm {
        let (Self::Pkcs1v15(hash) | Self::Pss { hash, .. }) = self;
        hash
    }

    /// Verifies a signature over a message of which the caller has the
    /// [`hash`](Self::hash).
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_prehash(
        self,
        key: &PublicKey,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), CheckError> {
        let key = key.to_rsa().ok_or(CheckError::Key("the certified key"))?;
        self.verify_digest(&key, digest, signature)
            .map_err(|_| CheckError::Signature("certificate"))
    }

    fn verify_digest(self, key: &RsaPublicKey, digest: &[u8], signature: &[u8]) -> rsa::Result<()> {
        use HashAlgorithm::{Sha1 as H1, Sha256 as H256, Sha384 as H384, Sha512 as H512};
        match self {
            Self::Pkcs1v15(hash) => {
                let scheme = match hash {
                    H1 => Pkcs1v15Sign::new::<Sha1>(),
                    H256 => Pkcs1v15Sign::new::<Sha256>(),
                    H384 => Pkcs1v15Sign::new::<Sha384>(),
                    H512 => Pkcs1v15Sign::new::<Sha512>(),
                };
                scheme.verify(key, digest, signature)
            }
            Self::Pss { hash, salt } => match hash {
                H1 => Pss::<Sha1>::new_with_salt(salt).verify(key, digest, signature),
                H256 => Pss::<Sha256>::new_with_salt(salt).verify(key, digest, signature),
                H384 => Pss::<Sha384>::new_with_salt(salt).verify(key, digest, signature),
                H512 => Pss::<Sha512>::new_with_salt(salt).verify(key, digest, signature),
            },
        }
    }
}

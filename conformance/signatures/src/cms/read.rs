// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a SignedData apart, without judging it.

use super::oid;
use crate::asn1::{Asn1Error, Element, Walk, der_of, object, tag, unarmoured};
use cie_terminal::certificate::SignatureScheme;
use cie_terminal::digest::HashAlgorithm;
use const_oid::ObjectIdentifier;
use der::asn1::{GeneralizedTime, UtcTime};
use der::{DateTime, Decode};
use thiserror::Error;

/// More than anybody signs with; each costs work.
const SIGNERS_MAX: usize = 64;
const CERTIFICATES_MAX: usize = 256;
const ATTRIBUTES_MAX: usize = 64;

/// Why a file is no SignedData.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CmsError {
    /// Not the ASN.1 it should be.
    #[error("this is no signed file, or a damaged one: {0}")]
    Asn1(#[from] Asn1Error),
    /// CMS of another kind, such as an encrypted message.
    #[error("this file is CMS, but not signed: its content type is {0}")]
    NotSigned(String),
    /// A list of certificates without a signature.
    #[error("nobody has signed this file: it has no signer")]
    NoSigner,
}

/// A SignedData, taken apart.
#[derive(Clone, Debug)]
pub struct SignedFile {
    /// The content, if it is inside.
    pub content: Option<Vec<u8>>,
    /// Type of the content, as an identifier's bytes.
    pub content_type: Vec<u8>,
    /// The certificates, as DER, in their order.
    pub certificates: Vec<Vec<u8>>,
    /// The signatures; at least one.
    pub signers: Vec<Signer>,
}

/// Which certificate a signer claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerId {
    /// By issuer (an encoded Name) and serial number (without leading zeros).
    Issued {
        /// The issuer.
        issuer: Vec<u8>,
        /// The serial number.
        serial: Vec<u8>,
    },
    /// By the subject key identifier.
    Key(Vec<u8>),
}

/// A hash of the signer's certificate among the signed attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateHash {
    /// Its hash; `None` for one that is not known here.
    pub hash: Option<HashAlgorithm>,
    /// The digest.
    pub digest: Vec<u8>,
}

/// One SignerInfo.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Which certificate.
    pub id: SignerId,
    /// Hash of the content; the error is the identifier of an unknown one.
    pub hash: Result<HashAlgorithm, String>,
    /// The signature algorithm; the error names an unknown one.
    pub scheme: Result<SignatureScheme, String>,
    /// The signed attributes as they are signed, with tag 31; `None` if the
    /// content itself is signed.
    pub signed_attributes: Option<Vec<u8>>,
    /// The contentType attribute.
    pub content_type: Option<Vec<u8>>,
    /// The messageDigest attribute.
    pub message_digest: Option<Vec<u8>>,
    /// The signingTime attribute.
    pub time: Option<DateTime>,
    /// The signing-certificate attribute, either version; the first hash in it.
    pub certificate: Option<CertificateHash>,
    /// An attribute that may be there once is there twice, or has not one value.
    pub ambiguous: bool,
    /// A timestamp is among the unsigned attributes.
    pub timestamp: bool,
    /// A countersignature is among the unsigned attributes.
    pub countersigned: bool,
    /// The signature.
    pub signature: Vec<u8>,
}

impl SignedFile {
    /// Reads DER, BER, PEM or bare base64.
    ///
    /// # Errors
    /// [`CmsError`].
    pub fn parse(data: &[u8]) -> Result<Self, CmsError> {
        let data = unarmoured(data);
        let der = der_of(&data)?;
        let mut info = Walk(&der).next(tag::SEQUENCE)?.children();
        let kind = info.next(tag::OID)?.value;
        if kind != oid::SIGNED_DATA.as_bytes() {
            return Err(CmsError::NotSigned(name(kind)));
        }
        let outer = info.next(tag::CONTEXT_0)?;
        let mut data = outer.children().next(tag::SEQUENCE)?.children();
        data.next(tag::INTEGER)?;
        data.next(tag::SET)?;
        let mut content = data.next(tag::SEQUENCE)?.children();
        let content_type = content.next(tag::OID)?.value.to_vec();
        let content = match content.optional(tag::CONTEXT_0)? {
            // PKCS#7 had any type here; CMS has octets.
            Some(inside) => Some(match inside.children().any()? {
                Some(octets) => octets.value.to_vec(),
                None => Vec::new(),
            }),
            None => None,
        };
        let certificates = match data.optional(tag::CONTEXT_0)? {
            Some(set) => set.children().all(CERTIFICATES_MAX, "certificates")?,
            None => Vec::new(),
        };
        // Anything that is not a certificate of X.509 has another tag.
        let x509 = certificates
            .iter()
            .filter(|c| c.tag == tag::SEQUENCE)
            .map(|c| c.raw.to_vec());
        let certificates = x509.collect();
        data.optional(tag::CONTEXT_1)?;
        let signers = data.next(tag::SET)?.children();
        let signers = signers
            .all(SIGNERS_MAX, "signatures")?
            .iter()
            .map(Signer::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if signers.is_empty() {
            return Err(CmsError::NoSigner);
        }
        Ok(Self {
            content,
            content_type,
            certificates,
            signers,
        })
    }
}

impl Signer {
    fn parse(element: &Element<'_>) -> Result<Self, Asn1Error> {
        let mut info = match element.tag {
            tag::SEQUENCE => element.children(),
            found => {
                let expected = tag::SEQUENCE;
                return Err(Asn1Error::Tag { found, expected });
            }
        };
        info.next(tag::INTEGER)?;
        let id = match info.optional(tag::PRIMITIVE_0)? {
            Some(key) => SignerId::Key(key.value.to_vec()),
            None => {
                let mut issued = info.next(tag::SEQUENCE)?.children();
                SignerId::Issued {
                    issuer: issued.next(tag::SEQUENCE)?.raw.to_vec(),
                    serial: stripped(issued.next(tag::INTEGER)?.value).to_vec(),
                }
            }
        };
        let hash = info.next(tag::SEQUENCE)?.children().next(tag::OID)?.value;
        let hash = HashAlgorithm::from_oid(hash).ok_or_else(|| name(hash));
        let attributes = info.optional(tag::CONTEXT_0)?;
        let algorithm = info.next(tag::SEQUENCE)?;
        let scheme = SignatureScheme::parse(algorithm.raw, hash.as_ref().ok().copied());
        let scheme = match (scheme, algorithm.children().next(tag::OID)) {
            (Ok(scheme), _) => Ok(scheme),
            (Err(_), Ok(oid)) => Err(name(oid.value)),
            (Err(_), Err(error)) => return Err(error),
        };
        let mut signer = Self {
            id,
            hash,
            scheme,
            signed_attributes: attributes.map(|a| object(tag::SET, a.value)),
            content_type: None,
            message_digest: None,
            time: None,
            certificate: None,
            ambiguous: false,
            timestamp: false,
            countersigned: false,
            signature: info.next(tag::OCTETS)?.value.to_vec(),
        };
        if let Some(attributes) = attributes {
            signer.read_signed(attributes.children())?;
        }
        if let Some(attributes) = info.optional(tag::CONTEXT_1)? {
            for attribute in attributes.children().all(ATTRIBUTES_MAX, "attributes")? {
                let kind = attribute.children().next(tag::OID)?.value;
                signer.timestamp |= kind == oid::TIMESTAMP.as_bytes();
                signer.countersigned |= kind == oid::COUNTERSIGNATURE.as_bytes();
            }
        }
        Ok(signer)
    }

    fn read_signed(&mut self, attributes: Walk<'_>) -> Result<(), Asn1Error> {
        let mut seen: Vec<&[u8]> = Vec::new();
        for attribute in attributes.all(ATTRIBUTES_MAX, "attributes")? {
            let mut parts = attribute.children();
            let kind = parts.next(tag::OID)?.value;
            let values = parts.next(tag::SET)?.children();
            let values = values.all(ATTRIBUTES_MAX, "values")?;
            let known = [
                oid::CONTENT_TYPE,
                oid::MESSAGE_DIGEST,
                oid::SIGNING_TIME,
                oid::SIGNING_CERTIFICATE,
                oid::SIGNING_CERTIFICATE_V2,
            ];
            let Some(known) = known.iter().find(|k| k.as_bytes() == kind) else {
                continue;
            };
            let [value] = values.as_slice() else {
                self.ambiguous = true;
                continue;
            };
            self.ambiguous |= seen.contains(&kind);
            seen.push(kind);
            match *known {
                oid::CONTENT_TYPE => self.content_type = Some(value.value.to_vec()),
                oid::MESSAGE_DIGEST => self.message_digest = Some(value.value.to_vec()),
                oid::SIGNING_TIME => self.time = time(value.raw),
                oid::SIGNING_CERTIFICATE => {
                    // The newer version, if both are there.
                    let old = certificate_hash(value, true)?;
                    self.certificate.get_or_insert(old);
                }
                _ => self.certificate = Some(certificate_hash(value, false)?),
            }
        }
        Ok(())
    }
}

/// The first ESSCertID (SHA-1) or ESSCertIDv2 of the attribute's value.
fn certificate_hash(value: &Element<'_>, first: bool) -> Result<CertificateHash, Asn1Error> {
    let list = value.children().next(tag::SEQUENCE)?;
    let mut id = list.children().next(tag::SEQUENCE)?.children();
    let hash = if first {
        Some(HashAlgorithm::Sha1)
    } else {
        match id.optional(tag::SEQUENCE)? {
            Some(algorithm) => HashAlgorithm::from_oid(algorithm.children().next(tag::OID)?.value),
            None => Some(HashAlgorithm::Sha256),
        }
    };
    let digest = id.next(tag::OCTETS)?.value.to_vec();
    Ok(CertificateHash { hash, digest })
}

fn time(raw: &[u8]) -> Option<DateTime> {
    let utc = UtcTime::from_der(raw).map(|time| time.to_date_time());
    let general = || GeneralizedTime::from_der(raw).map(|time| time.to_date_time());
    utc.or_else(|_| general()).ok()
}

/// An object identifier in dots.
fn name(oid: &[u8]) -> String {
    ObjectIdentifier::from_bytes(oid).map_or_else(|_| "unreadable".into(), |oid| oid.to_string())
}

/// A number without leading zeros.
pub(crate) fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|b| **b == 0).count();
    number.get(zeros..).unwrap_or_default()
}

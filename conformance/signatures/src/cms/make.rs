// SPDX-License-Identifier: MIT OR Apache-2.0
//! Making a signature: what is signed, and what is written around content and
//! signature.

use super::oid;
use crate::asn1::{around, header_of, object, tag};
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use der::asn1::{GeneralizedTime, UtcTime};
use der::{DateTime, Encode};

/// The hash of everything made here.
const HASH: HashAlgorithm = HashAlgorithm::Sha256;

/// One signature in the making, SHA-256 with RSASSA-PKCS1-v1_5. The signer
/// signs [`to_be_signed`](Self::to_be_signed), wherever its key is.
#[derive(Clone, Debug)]
pub struct Signing<'a> {
    certificate: &'a CardCertificate,
    others: Vec<&'a [u8]>,
    attributes: Vec<u8>,
}

impl<'a> Signing<'a> {
    /// The signer's certificate, the SHA-256 of the content and, for CAdES, the
    /// time to claim (PAdES keeps it in the PDF: ETSI EN 319 142-1 §6.3).
    /// Certificates of `others`, as DER, are put beside the signer's.
    ///
    /// # Errors
    /// [`der::Error`] for a time that ASN.1 cannot say (before 1970).
    pub fn new(
        certificate: &'a CardCertificate,
        others: impl IntoIterator<Item = &'a [u8]>,
        content_digest: &[u8; 32],
        time: Option<DateTime>,
    ) -> der::Result<Self> {
        let mut attributes = vec![
            attribute(oid::CONTENT_TYPE, &identifier(oid::DATA)),
            attribute(oid::MESSAGE_DIGEST, &object(tag::OCTETS, content_digest)),
        ];
        // ESSCertIDv2 with its default, SHA-256 (RFC 5035 §4).
        let hash = object(tag::OCTETS, &HASH.digest(certificate.der()));
        let identifiers = object(tag::SEQUENCE, &object(tag::SEQUENCE, &hash));
        let certificates = object(tag::SEQUENCE, &identifiers);
        attributes.push(attribute(oid::SIGNING_CERTIFICATE_V2, &certificates));
        if let Some(time) = time {
            // RFC 5652 §11.3: UTCTime to the end of 2049.
            let time = if time.year() < 2050 {
                UtcTime::from_date_time(time)?.to_der()?
            } else {
                GeneralizedTime::from_date_time(time).to_der()?
            };
            attributes.push(attribute(oid::SIGNING_TIME, &time));
        }
        attributes.sort();
        let mut others: Vec<&[u8]> = others.into_iter().collect();
        others.retain(|other| *other != certificate.der());
        Ok(Self {
            certificate,
            others,
            attributes: attributes.concat(),
        })
    }

    /// The message to sign: the signed attributes as a SET (RFC 5652 §5.4).
    #[must_use]
    pub fn to_be_signed(&self) -> Vec<u8> {
        object(tag::SET, &self.attributes)
    }

    /// The SignedData with the signature, around a content of so many bytes or,
    /// if `None`, without content.
    #[must_use]
    pub fn finish(&self, signature: &[u8], content: Option<usize>) -> Envelope {
        let hash = object(tag::SEQUENCE, &object(tag::OID, HASH.oid()));
        let mut certificates = self.others.clone();
        certificates.push(self.certificate.der());
        certificates.sort_unstable();
        certificates.dedup();
        let certificates = object(tag::CONTEXT_0, &certificates.concat());
        let signer = around(
            tag::SEQUENCE,
            &[
                &object(tag::INTEGER, &[1]),
                &self.issuer_and_serial(),
                &hash,
                &object(tag::CONTEXT_0, &self.attributes),
                &around(
                    tag::SEQUENCE,
                    &[&identifier(oid::SHA256_WITH_RSA), &object(0x05, &[])],
                ),
                &object(tag::OCTETS, signature),
            ],
        );
        let tail = [certificates, object(tag::SET, &signer)].concat();

        // From the inside out, each header knows what follows it.
        let mut length = content.unwrap_or(0);
        let mut head = Vec::new();
        let mut wrap = |tag, front: &[u8]| {
            length += front.len();
            let header = header_of(tag, length);
            length += header.len();
            head.splice(0..0, [&header, front].concat());
        };
        if content.is_some() {
            wrap(tag::OCTETS, &[]);
            wrap(tag::CONTEXT_0, &[]);
        }
        wrap(tag::SEQUENCE, &identifier(oid::DATA));
        length += tail.len();
        let mut wrap = |tag, front: &[u8]| {
            length += front.len();
            let header = header_of(tag, length);
            length += header.len();
            head.splice(0..0, [&header, front].concat());
        };
        let version = object(tag::INTEGER, &[1]);
        wrap(tag::SEQUENCE, &[version, object(tag::SET, &hash)].concat());
        wrap(tag::CONTEXT_0, &[]);
        wrap(tag::SEQUENCE, &identifier(oid::SIGNED_DATA));
        Envelope { head, tail }
    }

    /// Issuer and serial number as they stand in the certificate.
    fn issuer_and_serial(&self) -> Vec<u8> {
        let certificate = self.certificate.certificate().tbs_certificate();
        let issuer = certificate.issuer().to_der().unwrap_or_default();
        let serial = certificate.serial_number().to_der().unwrap_or_default();
        around(tag::SEQUENCE, &[&issuer, &serial])
    }
}

/// A SignedData but for its content, which goes between the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What comes before the content.
    pub head: Vec<u8>,
    /// What comes after it.
    pub tail: Vec<u8>,
}

impl Envelope {
    /// The whole of it, for a SignedData without content.
    #[must_use]
    pub fn detached(&self) -> Vec<u8> {
        [&self.head[..], &self.tail].concat()
    }
}

fn identifier(oid: const_oid::ObjectIdentifier) -> Vec<u8> {
    object(tag::OID, oid.as_bytes())
}

fn attribute(kind: const_oid::ObjectIdentifier, value: &[u8]) -> Vec<u8> {
    around(
        tag::SEQUENCE,
        &[&identifier(kind), &object(tag::SET, value)],
    )
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checking every signature of a SignedData against the content's digests.

use super::oid;
use super::read::{SignedFile, Signer, SignerId, stripped};
use crate::chain::{Trust, chain, key_identifier};
use crate::report::{Flaw, Person, SignatureReport, Unsettled};
use cie_terminal::certificate::{CardCertificate, SignatureScheme};
use cie_terminal::digest::HashAlgorithm;
use der::{Decode, Encode};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::{self, Read};
use x509_cert::Certificate;
use x509_cert::ext::pkix::KeyUsage;

/// Shortest RSA key of a signature that proves anything (ETSI TS 119 312).
const KEY_BITS_MIN: usize = 2048;

/// Digests of one content. SHA-1 is not among them: it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentDigests {
    sha256: Vec<u8>,
    sha384: Vec<u8>,
    sha512: Vec<u8>,
    /// Bytes of the content.
    pub length: u64,
}

impl ContentDigests {
    /// Reads a content to its end, in constant memory.
    ///
    /// # Errors
    /// As reading.
    pub fn read(mut content: impl Read) -> io::Result<Self> {
        let (mut a, mut b, mut c) = (Sha256::new(), Sha384::new(), Sha512::new());
        let mut buffer = vec![0; 65_536];
        let mut length = 0;
        loop {
            let piece = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => buffer.get(..count).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            a.update(piece);
            b.update(piece);
            c.update(piece);
            length += piece.len() as u64;
        }
        Ok(Self {
            sha256: a.finalize().to_vec(),
            sha384: b.finalize().to_vec(),
            sha512: c.finalize().to_vec(),
            length,
        })
    }

    /// The digest, unless it is SHA-1's.
    #[must_use]
    pub fn of(&self, hash: HashAlgorithm) -> Option<&[u8]> {
        match hash {
            HashAlgorithm::Sha1 => None,
            HashAlgorithm::Sha256 => Some(&self.sha256),
            HashAlgorithm::Sha384 => Some(&self.sha384),
            HashAlgorithm::Sha512 => Some(&self.sha512),
        }
    }
}

/// Checks every signature over a content with these digests.
#[must_use]
pub fn check(file: &SignedFile, content: &ContentDigests, trust: &Trust) -> Vec<SignatureReport> {
    let usable = |der: &Vec<u8>| CardCertificate::from_file(der).ok();
    let between: Vec<CardCertificate> = file.certificates.iter().filter_map(usable).collect();
    let reports = file.signers.iter();
    reports
        .map(|signer| check_one(file, signer, &between, content, trust))
        .collect()
}

fn check_one(
    file: &SignedFile,
    signer: &Signer,
    between: &[CardCertificate],
    content: &ContentDigests,
    trust: &Trust,
) -> SignatureReport {
    let mut report = SignatureReport::empty();
    report.claimed_time = signer.time;
    report.hash = signer.hash.as_ref().ok().copied();
    report.timestamp = signer.timestamp;
    report.countersigned = signer.countersigned;
    report.chain.nobody_named = trust.is_empty();

    let digest = match &signer.hash {
        Ok(hash) => {
            let digest = content.of(*hash);
            if digest.is_none() {
                report.flaws.push(Flaw::WeakHash(*hash));
            }
            digest
        }
        Err(oid) => {
            report.unsettled.push(Unsettled::Hash(oid.clone()));
            None
        }
    };
    check_attributes(file, signer, digest, &mut report);

    let Some(der) = file.certificates.iter().find(|der| signer.id.is(der)) else {
        report.unsettled.push(Unsettled::NoCertificate);
        return report;
    };
    report.certificate_hash(signer.certificate.as_ref(), der);
    if let Ok(certificate) = Certificate::from_der(der) {
        report.signer = Some(Person::of(&certificate));
        let usage = certificate.tbs_certificate().get_extension::<KeyUsage>();
        let forbidden = usage
            .ok()
            .flatten()
            .is_some_and(|(_, usage)| !usage.digital_signature() && !usage.non_repudiation());
        if forbidden {
            report.flaws.push(Flaw::KeyUsage);
        }
    }
    let certificate = match CardCertificate::from_file(der) {
        Ok(certificate) => certificate,
        Err(error) => {
            report.unsettled.push(Unsettled::Key(error.to_string()));
            return report;
        }
    };
    let first = certificate.key().modulus().first().copied().unwrap_or(0);
    let bits = certificate.key().modulus().len() * 8 - first.leading_zeros() as usize;
    if bits < KEY_BITS_MIN {
        report.flaws.push(Flaw::ShortKey(bits));
    }
    check_signature(signer, &certificate, digest, &mut report);
    report.chain = chain(&certificate, between, trust);
    report
}

fn check_attributes(
    file: &SignedFile,
    signer: &Signer,
    digest: Option<&[u8]>,
    report: &mut SignatureReport,
) {
    if signer.ambiguous {
        report.flaws.push(Flaw::Attributes);
    }
    if signer.signed_attributes.is_none() {
        // Without attributes only plain data may be signed (RFC 5652 §5.3).
        if file.content_type != oid::DATA.as_bytes() {
            report.flaws.push(Flaw::Attributes);
        }
        return;
    }
    match (&signer.message_digest, digest) {
        (Some(signed), Some(digest)) if signed != digest => report.flaws.push(Flaw::Content),
        (None, _) => report.flaws.push(Flaw::Attributes),
        _ => {}
    }
    match &signer.content_type {
        Some(signed) if *signed == file.content_type => {}
        Some(_) => report.flaws.push(Flaw::ContentType),
        None => report.flaws.push(Flaw::Attributes),
    }
}

fn check_signature(
    signer: &Signer,
    certificate: &CardCertificate,
    digest: Option<&[u8]>,
    report: &mut SignatureReport,
) {
    let scheme = match &signer.scheme {
        Ok(scheme) => *scheme,
        Err(oid) => {
            report.unsettled.push(Unsettled::Algorithm(oid.clone()));
            return;
        }
    };
    if scheme.hash() == HashAlgorithm::Sha1 {
        let weak = Flaw::WeakHash(HashAlgorithm::Sha1);
        if !report.flaws.contains(&weak) {
            report.flaws.push(weak);
        }
    }
    let key = certificate.key();
    let fits = match (&signer.signed_attributes, digest) {
        (Some(attributes), _) => scheme.verify(key, attributes, &signer.signature),
        (None, Some(digest)) if report.hash == Some(SignatureScheme::hash(scheme)) => {
            scheme.verify_prehash(key, digest, &signer.signature)
        }
        // A hash that was not computed is told above.
        (None, None) => return,
        (None, Some(_)) => {
            report.flaws.push(Flaw::Signature);
            return;
        }
    };
    if fits.is_err() {
        report.flaws.push(Flaw::Signature);
    }
}

impl SignerId {
    /// True if this is the certificate that is meant.
    fn is(&self, der: &[u8]) -> bool {
        let Ok(certificate) = Certificate::from_der(der) else {
            return false;
        };
        let tbs = certificate.tbs_certificate();
        match self {
            Self::Issued { issuer, serial } => {
                let own = tbs.issuer().to_der();
                own.is_ok_and(|own| own == *issuer)
                    && stripped(tbs.serial_number().as_bytes()) == serial
            }
            Self::Key(id) => key_identifier(&certificate).is_some_and(|own| own == *id),
        }
    }
}

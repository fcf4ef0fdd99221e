// SPDX-License-Identifier: MIT OR Apache-2.0
//! Comparing a security object with the files, and with itself.

use super::parse::LDS_OBJECT;
use super::{DataGroup, Sod};
use crate::certificate::SignatureScheme;
use crate::keys::stripped;
use der::Encode;
use iso7816_wire::tlv::{Reader, Tlv, TlvError};
use thiserror::Error;

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// A file does not have the hash in the list.
    #[error("the content of {0} does not have the signed hash")]
    Hash(DataGroup),
    /// A file that was read is not in the list.
    #[error("{0} is not in the signed list")]
    NotListed(DataGroup),
    /// The list has a number that clients of the card refuse.
    #[error("the signed list has {0}, which is none of the card's files")]
    UnknownGroup(DataGroup),
    /// The list has the same number twice.
    #[error("the signed list has {0} twice")]
    Repeated(DataGroup),
    /// A version number other than the one the form has.
    #[error("{what} is {found}, not {expected}")]
    Version {
        /// Whose version.
        what: &'static str,
        /// The number there.
        found: u8,
        /// The number of the form.
        expected: u8,
    },
    /// A hash or signature algorithm other than those of the form.
    #[error("{0} is not the one of this form")]
    Algorithm(&'static str),
    /// The signed attributes do not start with contentType and messageDigest.
    #[error("the signed attributes do not start with contentType and messageDigest")]
    AttributeOrder,
    /// The contentType attribute does not name the list of hashes.
    #[error("the contentType attribute does not name the list of hashes")]
    ContentType,
    /// The messageDigest attribute is not the hash of the list.
    #[error("the messageDigest attribute is not the hash of the signed list")]
    MessageDigest,
    /// The signer's issuer is not that of the certificate.
    #[error("the signer's issuer is not that of its certificate, or in another order")]
    Issuer,
    /// The signer's serial number is not that of the certificate.
    #[error("the signer's serial number is not that of its certificate")]
    SerialNumber,
    /// The signature does not verify with the certificate in the object.
    #[error("the signature does not verify with the document signer's certificate")]
    Signature,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SodReport {
    /// Files whose hash was compared and is right.
    pub intact: Vec<DataGroup>,
    /// Files in the list that were not given, so not compared.
    pub not_given: Vec<DataGroup>,
    /// Everything that does not fit, empty if all does.
    pub mismatches: Vec<Mismatch>,
}

impl Sod {
    /// Compares the list with the files that were read (whole content, as
    /// read) and the object with itself: form, signer, signature.
    #[must_use]
    pub fn check(&self, files: &[(DataGroup, &[u8])]) -> SodReport {
        let mut report = SodReport::default();
        self.check_files(files, &mut report);
        self.check_form(&mut report.mismatches);
        self.check_signer(&mut report.mismatches);
        report
    }

    /// The hash of a file in the list.
    #[must_use]
    pub fn listed(&self, group: DataGroup) -> Option<&[u8]> {
        self.hashes
            .iter()
            .find(|(g, _)| *g == group)
            .map(|(_, hash)| hash.as_slice())
    }

    fn check_files(&self, files: &[(DataGroup, &[u8])], report: &mut SodReport) {
        for (group, content) in files {
            match self.listed(*group) {
                None => report.mismatches.push(Mismatch::NotListed(*group)),
                Some(hash) if self.hash.digest(group.hashed_part(content)) == hash => {
                    report.intact.push(*group);
                }
                Some(_) => report.mismatches.push(Mismatch::Hash(*group)),
            }
        }
        for (index, (group, _)) in self.hashes.iter().enumerate() {
            if matches!(group, DataGroup::Other(_)) {
                report.mismatches.push(Mismatch::UnknownGroup(*group));
            }
            if self.hashes.iter().take(index).any(|(g, _)| g == group) {
                report.mismatches.push(Mismatch::Repeated(*group));
            } else if !files.iter().any(|(g, _)| g == group) {
                report.not_given.push(*group);
            }
        }
    }

    fn check_form(&self, mismatches: &mut Vec<Mismatch>) {
        let versions = [
            ("the version of the SignedData", self.signed_data_version, 3),
            ("the version of the SignerInfo", self.signer.version, 1),
            (
                "the version of the list of hashes",
                self.lds_version,
                self.form.lds_version(),
            ),
        ];
        for (what, found, expected) in versions {
            if found != expected {
                mismatches.push(Mismatch::Version {
                    what,
                    found,
                    expected,
                });
            }
        }
        let form = self.form.hash();
        if self.hash != form {
            mismatches.push(Mismatch::Algorithm("the hash of the list"));
        }
        if self.signer.digest != form {
            mismatches.push(Mismatch::Algorithm("the signer's hash"));
        }
        let pss =
            matches!(self.signer.scheme, SignatureScheme::Pss { hash, salt: 64 } if hash == form);
        let plain = matches!(self.signer.scheme, SignatureScheme::Pkcs1v15(_));
        if !(if self.form == super::SodForm::Sha512 {
            pss
        } else {
            plain
        }) {
            mismatches.push(Mismatch::Algorithm("the signature algorithm"));
        }
    }

    fn check_signer(&self, mismatches: &mut Vec<Mismatch>) {
        let signer = &self.signer;
        let certificate = self.certificate.certificate().tbs_certificate();
        if !signer.attributes_in_order() {
            mismatches.push(Mismatch::AttributeOrder);
        }
        if signer.content_type.as_deref() != Some(&LDS_OBJECT) {
            mismatches.push(Mismatch::ContentType);
        }
        if signer.message_digest != Some(signer.digest.digest(&self.content)) {
            mismatches.push(Mismatch::MessageDigest);
        }
        let issuer = certificate
            .issuer()
            .to_der()
            .ok()
            .and_then(|name| attributes(&name).ok());
        if issuer.is_none() || issuer != attributes(&signer.issuer).ok() {
            mismatches.push(Mismatch::Issuer);
        }
        if signer.serial != stripped(certificate.serial_number().as_bytes()) {
            mismatches.push(Mismatch::SerialNumber);
        }
        let key = self.certificate.key();
        if signer
            .scheme
            .verify(key, &signer.signed_attributes, &signer.signature)
            .is_err()
        {
            mismatches.push(Mismatch::Signature);
        }
    }
}

/// Type and value of every attribute of an encoded Name, in order. The tag of
/// the value is left out, as the clients leave it out (section 6).
type NameAttributes = Vec<(Vec<u8>, Vec<u8>)>;

fn attributes(name: &[u8]) -> Result<NameAttributes, TlvError> {
    let tagged = |object: Option<Result<Tlv<'_>, TlvError>>, tag| match object {
        Some(Ok(object)) if object.tag == tag => Ok(object.value.to_vec()),
        Some(Err(e)) => Err(e),
        _ => Err(TlvError::Missing { tag }),
    };
    let mut found = Vec::new();
    for rdn in Reader::new(name).find(0x30)?.children() {
        for attribute in Reader::new(&tagged(Some(rdn), 0x31)?) {
            let attribute = tagged(Some(attribute), 0x30)?;
            let mut parts = Reader::new(&attribute);
            let kind = tagged(parts.next(), 0x06)?;
            let value = parts.next().ok_or(TlvError::Missing { tag: 0x13 })??;
            found.push((kind, value.value.to_vec()));
        }
    }
    Ok(found)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a check found, and the verdict over it.

use crate::chain::ChainReport;
use crate::cms::CertificateHash;
use cie_terminal::digest::HashAlgorithm;
use der::DateTime;
use std::time::Duration;
use thiserror::Error;
use x509_cert::Certificate;

/// The last word on a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Intact, by a signer whom a named authority vouches for.
    Valid,
    /// Nothing is wrong, and something could not be settled.
    Undecided,
    /// Something is wrong.
    NotValid,
}

/// One thing that is wrong with a signature itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// The content is not the signed one.
    #[error("the content was changed after it was signed, or is another one")]
    Content,
    /// The signature does not fit.
    #[error("the signature does not fit what is signed and the signer's key")]
    Signature,
    /// The signed hash of the certificate is that of another one.
    #[error("the signed hash of the signer's certificate is that of another certificate")]
    OtherCertificate,
    /// The signed type of the content is not that of the content.
    #[error("the signed content type is not that of the content")]
    ContentType,
    /// A signed attribute is missing, or there twice.
    #[error("the signed attributes lack the content's hash or type, or have one twice")]
    Attributes,
    /// The hash function is broken; anybody can make two contents for one signature.
    #[error("it rests on {0}, for which two contents with one hash can be made")]
    WeakHash(HashAlgorithm),
    /// The key is so short that it can be computed from the certificate.
    #[error("the signer's key has {0} bits; fewer than 2048 are not enough")]
    ShortKey(usize),
    /// The certificate forbids signing.
    #[error("the signer's certificate is not for signatures (key usage)")]
    KeyUsage,
    /// A PDF whose signed part is not laid out as it must be.
    #[error("in this PDF {0}")]
    Layout(&'static str),
    /// A PDF that was changed afterwards.
    #[error("the PDF was changed after this signature: {0}; what it shows is not what was signed")]
    ChangedLater(String),
}

/// Why a signature could not be checked, without anything wrong found.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unsettled {
    /// The signer's certificate is nowhere.
    #[error("the signer's certificate is not in the file")]
    NoCertificate,
    /// A hash that is not known here.
    #[error("the hash function {0} is not known here")]
    Hash(String),
    /// A signature algorithm that is not known here.
    #[error("the signature algorithm {0} is not known here; RSA is")]
    Algorithm(String),
    /// The signer's key is no RSA key that can be computed with.
    #[error("the signer's certificate cannot be used here: {0}")]
    Key(String),
    /// A timestamp of a document, which no signer made.
    #[error("it is a timestamp of the document, and timestamps are not checked here")]
    Timestamp,
    /// A signature in a form of before PAdES.
    #[error("its form, {0}, is not known here")]
    Form(String),
}

/// One signature.
#[derive(Clone, Debug)]
pub struct SignatureReport {
    /// Who, by the certificate; `None` if it is not there.
    pub signer: Option<Person>,
    /// When, as the signer claims.
    pub claimed_time: Option<DateTime>,
    /// Hash of the content, if known.
    pub hash: Option<HashAlgorithm>,
    /// The certificate is among the signed attributes: CAdES.
    pub certificate_signed: bool,
    /// There is a timestamp; it is not checked.
    pub timestamp: bool,
    /// There is a countersignature; it is not checked.
    pub countersigned: bool,
    /// What is wrong with it.
    pub flaws: Vec<Flaw>,
    /// What could not be checked.
    pub unsettled: Vec<Unsettled>,
    /// The way from the signer's certificate to an authority.
    pub chain: ChainReport,
}

impl SignatureReport {
    /// A report without findings.
    pub(crate) fn empty() -> Self {
        Self {
            signer: None,
            claimed_time: None,
            hash: None,
            certificate_signed: false,
            timestamp: false,
            countersigned: false,
            flaws: Vec::new(),
            unsettled: Vec::new(),
            chain: ChainReport::default(),
        }
    }

    /// True if content and signature fit: nobody changed anything.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.flaws.is_empty() && self.unsettled.is_empty()
    }

    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let own = if !self.flaws.is_empty() {
            Verdict::NotValid
        } else if !self.unsettled.is_empty() {
            Verdict::Undecided
        } else {
            Verdict::Valid
        };
        own.max(self.chain.verdict())
    }

    pub(crate) fn certificate_hash(&mut self, signed: Option<&CertificateHash>, der: &[u8]) {
        let Some(signed) = signed else { return };
        match signed.hash {
            None => self
                .unsettled
                .push(Unsettled::Hash("of the signer's certificate".into())),
            Some(hash) if hash.digest(der) == signed.digest => self.certificate_signed = true,
            Some(_) => self.flaws.push(Flaw::OtherCertificate),
        }
    }
}

/// Whom a certificate names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Given name and surname, or the common name of who has none.
    pub name: String,
    /// The fiscal code, if the certificate has one as citizens' do: in the
    /// serialNumber of the subject, perhaps behind `TINIT-` (ETSI EN 319 412-1).
    pub fiscal_code: Option<String>,
    /// Common name of the issuer.
    pub issuer: String,
    /// Serial number of the certificate.
    pub serial: Vec<u8>,
    /// First second of validity, since 1970.
    pub not_before: Duration,
    /// Last second of validity, since 1970.
    pub not_after: Duration,
}

impl Person {
    /// Whom this certificate names.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        use const_oid::db::rfc4519::{CN, GIVEN_NAME, SERIAL_NUMBER, SN};
        let tbs = certificate.tbs_certificate();
        let of = |name: &x509_cert::name::Name, oid| {
            let found = name.iter().find(|attribute| attribute.oid == oid);
            found.map(|a| String::from_utf8_lossy(a.value.value()).into_owned())
        };
        let subject = |oid| of(tbs.subject(), oid);
        let name = match (subject(GIVEN_NAME), subject(SN)) {
            (Some(given), Some(surname)) => format!("{given} {surname}"),
            _ => subject(CN).unwrap_or_else(|| tbs.subject().to_string()),
        };
        let code = subject(SERIAL_NUMBER).map(|number| {
            let code = number.strip_prefix("TINIT-");
            code.map_or(number.clone(), str::to_owned)
        });
        let is_code =
            |code: &String| code.len() == 16 && code.bytes().all(|b| b.is_ascii_alphanumeric());
        Self {
            name,
            fiscal_code: code.filter(is_code),
            issuer: of(tbs.issuer(), CN).unwrap_or_else(|| tbs.issuer().to_string()),
            serial: tbs.serial_number().as_bytes().to_vec(),
            not_before: tbs.validity().not_before.to_unix_duration(),
            not_after: tbs.validity().not_after.to_unix_duration(),
        }
    }
}

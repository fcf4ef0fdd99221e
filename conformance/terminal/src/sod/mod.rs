// SPDX-License-Identifier: MIT OR Apache-2.0
//! The security object in EF 1006 (section 6): a signed list of hashes of the
//! card's files.
//!
//! [`Sod::parse`] takes both forms of it, [`Sod::check`] compares it with the
//! files that were read and with itself, and lists what does not fit. Whether
//! its document signer is to be trusted is another question:
//! [`Sod::certificate`] has
//! [`verify_issuer`](crate::certificate::CardCertificate::verify_issuer).

mod check;
mod parse;
#[cfg(test)]
mod tests;

pub use check::{Mismatch, SodReport};

use crate::certificate::{CardCertificate, SignatureScheme};
use crate::digest::HashAlgorithm;
use iso7816_wire::tlv;
use std::fmt;

/// A file of the card under its number in the list of hashes: A0 plus its
/// short identifier in DF CIE, or 1B for EF.DH.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataGroup {
    /// A1: EF.ID_Servizi (1001).
    IdServizi,
    /// A2: EF.Seriale (1002).
    Serial,
    /// A3: EF.Cert_CIE (1003).
    Certificate,
    /// A4: EF.Int.Kpub (1004).
    DeviceKey,
    /// A5: EF.Servizi_Int.Kpub (1005).
    AntiCloningKey,
    /// 1B: EF.DH (D004).
    Dh,
    /// A number that no client of the card accepts.
    Other(u8),
}

impl DataGroup {
    /// The six that a security object lists.
    pub const ALL: [Self; 6] = [
        Self::IdServizi,
        Self::Serial,
        Self::Certificate,
        Self::DeviceKey,
        Self::AntiCloningKey,
        Self::Dh,
    ];

    /// Its number in the list.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::IdServizi => 0xA1,
            Self::Serial => 0xA2,
            Self::Certificate => 0xA3,
            Self::DeviceKey => 0xA4,
            Self::AntiCloningKey => 0xA5,
            Self::Dh => 0x1B,
            Self::Other(number) => number,
        }
    }

    /// The group with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|g| g.number() == number)
            .unwrap_or(Self::Other(number))
    }

    /// What of a file's content is hashed (section 2.1): 12 bytes of the NIS,
    /// 9 of the serial number, the first data object of the others.
    #[must_use]
    pub fn hashed_part(self, content: &[u8]) -> &[u8] {
        match self {
            Self::IdServizi => content.get(..12).unwrap_or(content),
            Self::Serial => content.get(..9).unwrap_or(content),
            _ => match tlv::Reader::new(content).next() {
                Some(Ok(first)) => first.raw,
                _ => content,
            },
        }
    }
}

impl fmt::Display for DataGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::IdServizi => "EF.ID_Servizi (A1)",
            Self::Serial => "EF.Seriale (A2)",
            Self::Certificate => "EF.Cert_CIE (A3)",
            Self::DeviceKey => "EF.Int.Kpub (A4)",
            Self::AntiCloningKey => "EF.Servizi_Int.Kpub (A5)",
            Self::Dh => "EF.DH (1B)",
            Self::Other(number) => return write!(f, "data group {number:02X}"),
        };
        f.write_str(name)
    }
}

/// The two forms of a security object, told apart by the first digest
/// algorithm of the SignedData.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SodForm {
    /// SHA-256, LDS version 0, RSASSA-PKCS1-v1_5.
    Sha256,
    /// SHA-512, LDS version 1, RSASSA-PSS.
    Sha512,
}

impl SodForm {
    /// The hash of the form.
    #[must_use]
    pub fn hash(self) -> HashAlgorithm {
        match self {
            Self::Sha256 => HashAlgorithm::Sha256,
            Self::Sha512 => HashAlgorithm::Sha512,
        }
    }

    /// The LDS version of the form.
    #[must_use]
    pub fn lds_version(self) -> u8 {
        match self {
            Self::Sha256 => 0,
            Self::Sha512 => 1,
        }
    }
}

/// One security object, taken apart.
#[derive(Clone, Debug)]
pub struct Sod {
    /// Its form.
    pub form: SodForm,
    /// Version of the SignedData; 3 on every card.
    pub signed_data_version: u8,
    /// Version of the list of hashes.
    pub lds_version: u8,
    /// Hash of the files.
    pub hash: HashAlgorithm,
    /// The hashes, in the order in which they stand there.
    pub hashes: Vec<(DataGroup, Vec<u8>)>,
    /// The document signer's certificate.
    pub certificate: CardCertificate,
    /// The signer's part.
    pub signer: Signer,
    /// The signed list of hashes as it was read.
    pub content: Vec<u8>,
}

/// The SignerInfo of a security object.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Version of the SignerInfo; 1 on every card.
    pub version: u8,
    /// Issuer of the signer's certificate, as an encoded Name.
    pub issuer: Vec<u8>,
    /// Serial number of the signer's certificate, without leading zeros.
    pub serial: Vec<u8>,
    /// Hash in the messageDigest attribute.
    pub digest: HashAlgorithm,
    /// Object identifiers of the signed attributes, in their order.
    pub attribute_types: Vec<Vec<u8>>,
    /// Value of the contentType attribute: an object identifier's content.
    pub content_type: Option<Vec<u8>>,
    /// Value of the messageDigest attribute.
    pub message_digest: Option<Vec<u8>>,
    /// The signed attributes as they are signed, with tag 31.
    pub signed_attributes: Vec<u8>,
    /// How they are signed.
    pub scheme: SignatureScheme,
    /// The signature.
    pub signature: Vec<u8>,
}

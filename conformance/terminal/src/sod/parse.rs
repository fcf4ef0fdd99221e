// SPDX-License-Identifier: MIT OR Apache-2.0
//! Taking a security object apart.
//!
//! The card's clients read it as plain BER-TLV and so does this: the numbers
//! of the data groups are written as one byte (`02 01 A5`), which strict DER
//! calls negative.

use super::{DataGroup, Signer, Sod, SodForm};
use crate::certificate::{CardCertificate, SignatureScheme};
use crate::digest::HashAlgorithm;
use crate::error::{Error, MalformedError};
use crate::keys::stripped;
use hex_literal::hex;
use iso7816_wire::tlv::{Reader, Tlv, TlvError};

const INTEGER: u32 = 0x02;
const OCTETS: u32 = 0x04;
const OID: u32 = 0x06;
const SEQUENCE: u32 = 0x30;
const SET: u32 = 0x31;
const CONTEXT_0: u32 = 0xA0;
const WRAPPER: u32 = 0x77;

const SIGNED_DATA: [u8; 9] = hex!("2A864886F70D010702");
const CONTENT_TYPE: [u8; 9] = hex!("2A864886F70D010903");
const MESSAGE_DIGEST: [u8; 9] = hex!("2A864886F70D010904");
/// 2.23.136.1.1.1, the list of hashes of ICAO.
pub(super) const LDS_OBJECT: [u8; 6] = hex!("678108010101");

const WHAT: &str = "security object";

fn bad(reason: impl Into<MalformedError>) -> Error {
    Error::malformed(WHAT, reason)
}

/// The objects of one constructed value, taken in order.
struct Row<'a>(Reader<'a>);

impl<'a> Row<'a> {
    fn next(&mut self, tag: u32) -> Result<Tlv<'a>, Error> {
        match self.0.next() {
            Some(Ok(object)) if object.tag == tag => Ok(object),
            Some(Ok(object)) => Err(bad(MalformedError::Tag {
                found: object.tag,
                expected: tag,
            })),
            Some(Err(e)) => Err(bad(e)),
            None => Err(bad(TlvError::Missing { tag })),
        }
    }

    fn enter(&mut self, tag: u32) -> Result<Self, Error> {
        Ok(Self(self.next(tag)?.children()))
    }

    fn oid(&mut self, oid: &[u8]) -> Result<(), Error> {
        let found = self.next(OID)?.value;
        if found == oid {
            Ok(())
        } else {
            Err(bad(MalformedError::Value("another content type")))
        }
    }

    /// An INTEGER of one byte, read as a number from 0 to 255.
    fn byte(&mut self) -> Result<u8, Error> {
        match stripped(self.next(INTEGER)?.value) {
            [] => Ok(0),
            [byte] => Ok(*byte),
            value => Err(bad(MalformedError::Length {
                found: value.len(),
                expected: 1,
            })),
        }
    }

    fn hash(&mut self) -> Result<HashAlgorithm, Error> {
        let oid = self.enter(SEQUENCE)?.next(OID)?.value;
        HashAlgorithm::from_oid(oid).ok_or_else(|| bad(MalformedError::Value("unknown hash")))
    }
}

impl Sod {
    /// Takes the content of EF 1006 apart: `77 { 30 ContentInfo }`. Structure
    /// only; nothing is verified here.
    ///
    /// # Errors
    /// [`Error::Malformed`] naming what is missing or has the wrong form,
    /// [`Error::Check`] for a signature algorithm that no card uses.
    pub fn parse(content: &[u8]) -> Result<Self, Error> {
        let mut info = Row(Reader::new(content)).enter(WRAPPER)?.enter(SEQUENCE)?;
        info.oid(&SIGNED_DATA)?;
        let mut data = info.enter(CONTEXT_0)?.enter(SEQUENCE)?;
        let signed_data_version = data.byte()?;
        let form = match data.enter(SET)?.hash()? {
            HashAlgorithm::Sha256 => SodForm::Sha256,
            HashAlgorithm::Sha512 => SodForm::Sha512,
            _ => return Err(bad(MalformedError::Value("neither SHA-256 nor SHA-512"))),
        };
        let mut encapsulated = data.enter(SEQUENCE)?;
        encapsulated.oid(&LDS_OBJECT)?;
        let list = encapsulated.enter(CONTEXT_0)?.next(OCTETS)?.value;
        let certificate = data.next(CONTEXT_0)?.value;
        let signer = Signer::parse(data.enter(SET)?.enter(SEQUENCE)?)?;

        let mut lds = Row(Reader::new(list)).enter(SEQUENCE)?;
        let lds_version = lds.byte()?;
        let hash = lds.hash()?;
        let mut hashes = Vec::new();
        for entry in lds.next(SEQUENCE)?.children() {
            let mut entry = Row(entry.map_err(bad)?.children());
            let group = DataGroup::from_number(entry.byte()?);
            hashes.push((group, entry.next(OCTETS)?.value.to_vec()));
        }
        Ok(Self {
            form,
            signed_data_version,
            lds_version,
            hash,
            hashes,
            certificate: CardCertificate::from_file(certificate)?,
            signer,
            content: list.to_vec(),
        })
    }
}

impl Signer {
    fn parse(mut row: Row<'_>) -> Result<Self, Error> {
        let version = row.byte()?;
        let mut name = row.enter(SEQUENCE)?;
        let issuer = name.next(SEQUENCE)?.raw.to_vec();
        let serial = stripped(name.next(INTEGER)?.value).to_vec();
        let digest = row.hash()?;
        let attributes = row.next(CONTEXT_0)?;
        let algorithm = row.next(SEQUENCE)?.raw;
        let scheme = SignatureScheme::parse(algorithm, Some(digest))?;
        let signature = row.next(OCTETS)?.value.to_vec();

        let mut signer = Self {
            version,
            issuer,
            serial,
            digest,
            attribute_types: Vec::new(),
            content_type: None,
            message_digest: None,
            signed_attributes: attributes.raw.to_vec(),
            scheme,
            signature,
        };
        // Signed as the SET they are, not under their tag in the SignerInfo.
        if let Some(tag) = signer.signed_attributes.first_mut() {
            *tag = 0x31;
        }
        for attribute in attributes.children() {
            let mut attribute = Row(attribute.map_err(bad)?.children());
            let kind = attribute.next(OID)?.value;
            let mut values = attribute.enter(SET)?;
            if kind == CONTENT_TYPE {
                signer.content_type = Some(values.next(OID)?.value.to_vec());
            } else if kind == MESSAGE_DIGEST {
                signer.message_digest = Some(values.next(OCTETS)?.value.to_vec());
            }
            signer.attribute_types.push(kind.to_vec());
        }
        Ok(signer)
    }

    /// True if the first two attributes are contentType and messageDigest, in
    /// that order: the clients take them by position.
    pub(super) fn attributes_in_order(&self) -> bool {
        let types: Vec<&[u8]> = self.attribute_types.iter().map(Vec::as_slice).collect();
        types.starts_with(&[&CONTENT_TYPE, &MESSAGE_DIGEST])
    }
}

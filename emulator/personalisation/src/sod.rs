// SPDX-License-Identifier: MIT OR Apache-2.0
//! EF.SOD (section 6): a CMS SignedData in tag 77 over the hashes of the
//! files, in the forms that clients know.
//!
//! Written by hand with a TLV writer, because clients depend on details that a
//! CMS library decides for itself: the hash list has one-byte numbers such as
//! `02 01 A5`, which strict DER reads as negative, in an order of its own; the
//! attributes come as contentType, messageDigest; the issuer is byte for byte
//! that of the signer's certificate.

use crate::pki::PkiError;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{
    ID_MGF_1, ID_RSASSA_PSS, ID_SHA_256, ID_SHA_512, SHA_1_WITH_RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION,
};
use der::{Decode, Encode};
use iso7816_wire::tlv::encode;
use rand_core::CryptoRng;
use rsa::RsaPrivateKey;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer};
use rsa::{pkcs1v15, pss};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use x509_cert::Certificate;

/// The forms of section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SodForm {
    /// LDS version 0, SHA-256 hashes, sha256WithRSAEncryption.
    Sha256Rsa,
    /// The same with sha1WithRSAEncryption over the attributes, as the option
    /// of choice 15.
    Sha256Sha1Rsa,
    /// LDS version 1, SHA-512 hashes, RSASSA-PSS with SHA-512, MGF1-SHA-512
    /// and a salt of 64 bytes.
    Sha512Pss,
}

/// Content type of the security object: 2.23.136.1.1.1 (ICAO).
const LDS_SECURITY_OBJECT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.136.1.1.1");

const INTEGER: u32 = 0x02;
const OCTET_STRING: u32 = 0x04;
const SEQUENCE: u32 = 0x30;
const SET: u32 = 0x31;
/// `[0]` constructed: content, certificates, signed attributes.
const CONTEXT_0: u32 = 0xA0;
const SALT_LEN: u8 = 64;

/// One entry of the hash list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashedFile<'a> {
    /// A0 + SFI in DF CIE; 1B for EF.DH.
    pub(crate) number: u8,
    /// What is hashed: the whole value, or the first TLV of a padded file.
    pub(crate) content: &'a [u8],
}

/// Who signs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DocumentSigner<'a> {
    pub(crate) key: &'a RsaPrivateKey,
    pub(crate) certificate: &'a [u8],
}

/// The file. `salt` is used by PSS only.
pub(crate) fn build(
    form: SodForm,
    files: &[HashedFile<'_>],
    signer: DocumentSigner<'_>,
    salt: &mut impl CryptoRng,
) -> Result<Vec<u8>, PkiError> {
    let content = form.security_object(files)?;
    let attributes = [
        attribute(ID_CONTENT_TYPE, &LDS_SECURITY_OBJECT.to_der()?)?,
        attribute(
            ID_MESSAGE_DIGEST,
            &encode(OCTET_STRING, &form.digest(&content)),
        )?,
    ]
    .concat();
    // Signed as SET OF, stored under [0] (RFC 5652 section 5.4).
    let signature = form.sign(signer.key, &encode(SET, &attributes), salt)?;
    let certificate = Certificate::from_der(signer.certificate)?;
    let signer_id = [
        certificate.tbs_certificate().issuer().to_der()?,
        certificate.tbs_certificate().serial_number().to_der()?,
    ]
    .concat();
    let signer_info = [
        encode(INTEGER, &[1]),
        encode(SEQUENCE, &signer_id),
        form.digest_algorithm()?,
        encode(CONTEXT_0, &attributes),
        form.signature_algorithm()?,
        encode(OCTET_STRING, &signature),
    ]
    .concat();
    let encapsulated = [
        LDS_SECURITY_OBJECT.to_der()?,
        encode(CONTEXT_0, &encode(OCTET_STRING, &content)),
    ]
    .concat();
    let signed_data = [
        encode(INTEGER, &[3]),
        encode(SET, &form.digest_algorithm()?),
        encode(SEQUENCE, &encapsulated),
        encode(CONTEXT_0, signer.certificate),
        encode(SET, &encode(SEQUENCE, &signer_info)),
    ]
    .concat();
    let content_info = [
        ID_SIGNED_DATA.to_der()?,
        encode(CONTEXT_0, &encode(SEQUENCE, &signed_data)),
    ]
    .concat();
    Ok(encode(0x77, &encode(SEQUENCE, &content_info)))
}

fn attribute(kind: ObjectIdentifier, value: &[u8]) -> Result<Vec<u8>, PkiError> {
    Ok(encode(
        SEQUENCE,
        &[kind.to_der()?, encode(SET, value)].concat(),
    ))
}

/// AlgorithmIdentifier with the encoded parameters, which may be empty.
fn algorithm(kind: ObjectIdentifier, parameters: &[u8]) -> Result<Vec<u8>, PkiError> {
    Ok(encode(SEQUENCE, &[&kind.to_der()?, parameters].concat()))
}

impl SodForm {
    /// LDSSecurityObject: version, hash algorithm, hash list.
    fn security_object(self, files: &[HashedFile<'_>]) -> Result<Vec<u8>, PkiError> {
        let version = match self {
            Self::Sha256Rsa | Self::Sha256Sha1Rsa => 0,
            Self::Sha512Pss => 1,
        };
        let hashes: Vec<u8> = files
            .iter()
            .flat_map(|file| {
                let hash = encode(OCTET_STRING, &self.digest(file.content));
                encode(SEQUENCE, &[encode(INTEGER, &[file.number]), hash].concat())
            })
            .collect();
        let object = [
            encode(INTEGER, &[version]),
            self.digest_algorithm()?,
            encode(SEQUENCE, &hashes),
        ];
        Ok(encode(SEQUENCE, &object.concat()))
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256Rsa | Self::Sha256Sha1Rsa => Sha256::digest(data).to_vec(),
            Self::Sha512Pss => Sha512::digest(data).to_vec(),
        }
    }

    /// Without parameters, as RFC 5754 wants it.
    fn digest_algorithm(self) -> Result<Vec<u8>, PkiError> {
        match self {
            Self::Sha256Rsa | Self::Sha256Sha1Rsa => algorithm(ID_SHA_256, &[]),
            Self::Sha512Pss => algorithm(ID_SHA_512, &[]),
        }
    }

    fn signature_algorithm(self) -> Result<Vec<u8>, PkiError> {
        const NULL: &[u8] = &[0x05, 0x00];
        match self {
            Self::Sha256Rsa => algorithm(SHA_256_WITH_RSA_ENCRYPTION, NULL),
            Self::Sha256Sha1Rsa => algorithm(SHA_1_WITH_RSA_ENCRYPTION, NULL),
            Self::Sha512Pss => {
                let hash = self.digest_algorithm()?;
                let parameters = [
                    encode(0xA0, &hash),
                    encode(0xA1, &algorithm(ID_MGF_1, &hash)?),
                    encode(0xA2, &encode(INTEGER, &[SALT_LEN])),
                ];
                algorithm(ID_RSASSA_PSS, &encode(SEQUENCE, &parameters.concat()))
            }
        }
    }

    fn sign(
        self,
        key: &RsaPrivateKey,
        message: &[u8],
        salt: &mut impl CryptoRng,
    ) -> Result<Vec<u8>, PkiError> {
        let key = key.clone();
        Ok(match self {
            Self::Sha256Rsa => pkcs1v15::SigningKey::<Sha256>::new(key)
                .try_sign(message)?
                .to_vec(),
            Self::Sha256Sha1Rsa => pkcs1v15::SigningKey::<Sha1>::new(key)
                .try_sign(message)?
                .to_vec(),
            Self::Sha512Pss => pss::SigningKey::<Sha512>::new_with_salt_len(key, SALT_LEN.into())
                .try_sign_with_rng(salt, message)?
                .to_vec(),
        })
    }
}

#[cfg(test)]
mod tests;

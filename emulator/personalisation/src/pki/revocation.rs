// SPDX-License-Identifier: MIT OR Apache-2.0
//! Revocation lists (RFC 5280 section 5) and OCSP responses (RFC 6960) of the
//! test CA, with fixed dates: the same bytes on every day.
//!
//! Written with a TLV writer. The builder of the certificate library would
//! name the CA's own issuer in the authority key identifier of a list.

use super::PkiError;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_CRL_NUMBER, ID_CE_CRL_REASONS};
use const_oid::db::rfc5912::{ID_SHA_1, SHA_256_WITH_RSA_ENCRYPTION};
use const_oid::db::rfc6960::ID_PKIX_OCSP_BASIC;
use der::referenced::OwnedToRef;
use der::{Decode, Encode};
use iso7816_wire::tlv::encode;
use rsa::pkcs1v15::SigningKey;
use rsa::signature::{SignatureEncoding, Signer};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

/// Day from which lists and responses hold: midnight of this date, UTC.
pub const THIS_UPDATE: &str = "20260101";
/// Day until which they hold: its midnight, UTC.
pub const NEXT_UPDATE: &str = "20651231";
/// Day on which every revoked certificate was revoked.
pub const REVOKED_ON: &str = "20251231";

const INTEGER: u32 = 0x02;
const BIT_STRING: u32 = 0x03;
const OCTET_STRING: u32 = 0x04;
const NULL: &[u8] = &[0x05, 0x00];
const ENUMERATED: u32 = 0x0A;
const UTC_TIME: u32 = 0x17;
const GENERALIZED_TIME: u32 = 0x18;
const SEQUENCE: u32 = 0x30;

/// CRLReason of every entry: the citizen had the card blocked.
const CESSATION_OF_OPERATION: u8 = 5;

/// What a responder says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Good,
    Revoked,
}

/// The list of `issuer`, with the revoked serial numbers as encoded INTEGERs.
pub(super) fn crl(
    issuer: &[u8],
    key: &SigningKey<Sha256>,
    revoked: &[Vec<u8>],
) -> Result<Vec<u8>, PkiError> {
    let reason = encode(ENUMERATED, &[CESSATION_OF_OPERATION]);
    let reason = encode(SEQUENCE, &extension(ID_CE_CRL_REASONS, &reason)?);
    let entry = |serial: &Vec<u8>| {
        encode(
            SEQUENCE,
            &[serial.clone(), time(REVOKED_ON), reason.clone()].concat(),
        )
    };
    let entries: Vec<u8> = revoked.iter().flat_map(entry).collect();
    let name = Certificate::from_der(issuer)?
        .tbs_certificate()
        .subject()
        .to_der()?;
    let key_id = encode(SEQUENCE, &encode(0x80, &key_identifier(issuer)?));
    let extensions = [
        extension(ID_CE_AUTHORITY_KEY_IDENTIFIER, &key_id)?,
        extension(ID_CE_CRL_NUMBER, &encode(INTEGER, &[1]))?,
    ];
    let mut list = vec![
        encode(INTEGER, &[1]),
        signature_algorithm()?,
        name,
        time(THIS_UPDATE),
        time(NEXT_UPDATE),
    ];
    // An empty list is left out (RFC 5280 section 5.1.2.6).
    if !entries.is_empty() {
        list.push(encode(SEQUENCE, &entries));
    }
    list.push(encode(0xA0, &encode(SEQUENCE, &extensions.concat())));
    signed(&encode(SEQUENCE, &list.concat()), key, &[])
}

/// The response about one certificate of `issuer`, by a delegated signer whose
/// certificate comes with it.
pub(super) fn ocsp_response(
    issuer: &[u8],
    serial: &[u8],
    status: Status,
    signer: &[u8],
    key: &SigningKey<Sha256>,
) -> Result<Vec<u8>, PkiError> {
    let name = Certificate::from_der(issuer)?
        .tbs_certificate()
        .subject()
        .to_der()?;
    let hash = encode(SEQUENCE, &[&ID_SHA_1.to_der()?, NULL].concat());
    let certificate_id = [
        hash,
        encode(OCTET_STRING, &Sha1::digest(&name)),
        encode(OCTET_STRING, &key_identifier(issuer)?),
        serial.to_vec(),
    ];
    let status = match status {
        Status::Good => encode(0x80, &[]),
        Status::Revoked => {
            let reason = encode(0xA0, &encode(ENUMERATED, &[CESSATION_OF_OPERATION]));
            encode(0xA1, &[generalized(REVOKED_ON), reason].concat())
        }
    };
    let single = [
        encode(SEQUENCE, &certificate_id.concat()),
        status,
        generalized(THIS_UPDATE),
        encode(0xA0, &generalized(NEXT_UPDATE)),
    ];
    let data = [
        encode(0xA2, &encode(OCTET_STRING, &key_identifier(signer)?)),
        generalized(THIS_UPDATE),
        encode(SEQUENCE, &encode(SEQUENCE, &single.concat())),
    ];
    let certificates = encode(0xA0, &encode(SEQUENCE, signer));
    let basic = signed(&encode(SEQUENCE, &data.concat()), key, &certificates)?;
    let bytes = [ID_PKIX_OCSP_BASIC.to_der()?, encode(OCTET_STRING, &basic)].concat();
    let response = [
        encode(ENUMERATED, &[0]),
        encode(0xA0, &encode(SEQUENCE, &bytes)),
    ];
    Ok(encode(SEQUENCE, &response.concat()))
}

/// The serial number of a certificate, as encoded INTEGER.
pub(super) fn serial(certificate: &[u8]) -> Result<Vec<u8>, PkiError> {
    let certificate = Certificate::from_der(certificate)?;
    Ok(certificate.tbs_certificate().serial_number().to_der()?)
}

/// To-be-signed bytes, algorithm, signature, and what may stand behind them.
fn signed(content: &[u8], key: &SigningKey<Sha256>, rest: &[u8]) -> Result<Vec<u8>, PkiError> {
    let mut bits = vec![0];
    bits.extend(key.try_sign(content)?.to_bytes());
    let signature = encode(BIT_STRING, &bits);
    let parts = [content, &signature_algorithm()?, &signature, rest];
    Ok(encode(SEQUENCE, &parts.concat()))
}

fn signature_algorithm() -> Result<Vec<u8>, PkiError> {
    let oid = SHA_256_WITH_RSA_ENCRYPTION.to_der()?;
    Ok(encode(SEQUENCE, &[&oid, NULL].concat()))
}

fn extension(id: ObjectIdentifier, value: &[u8]) -> Result<Vec<u8>, PkiError> {
    let value = encode(OCTET_STRING, value);
    Ok(encode(SEQUENCE, &[id.to_der()?, value].concat()))
}

/// SHA-1 of the public key, which all certificates here have as their
/// subject key identifier (RFC 5280 section 4.2.1.2, method 1).
fn key_identifier(certificate: &[u8]) -> Result<Vec<u8>, PkiError> {
    let certificate = Certificate::from_der(certificate)?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    let identifier = SubjectKeyIdentifier::try_from(key.owned_to_ref())?;
    Ok(identifier.0.into_bytes().into_vec())
}

/// Midnight of a day as RFC 5280 wants it: two digits of the year until 2049.
fn time(day: &str) -> Vec<u8> {
    match day.strip_prefix("20") {
        Some(short) if short < "50" => encode(UTC_TIME, format!("{short}000000Z").as_bytes()),
        _ => generalized(day),
    }
}

fn generalized(day: &str) -> Vec<u8> {
    encode(GENERALIZED_TIME, format!("{day}000000Z").as_bytes())
}

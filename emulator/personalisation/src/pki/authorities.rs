// SPDX-License-Identifier: MIT OR Apache-2.0
//! The authorities: who they are, how long they last, and how their
//! ready-made certificates came about.

use super::certificate::{Request, Role, issue};
use super::{PkiError, keys, name};
use der::DateTime;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::SigningKey;
use rsa::pkcs8::DecodePrivateKey;
use sha2::{Digest, Sha256};
use x509_cert::name::Name;

/// Names of the authorities' key files, in the order of [`AuthorityKeys`].
pub const AUTHORITY_KEY_LABELS: [&str; 5] =
    ["root", "sub-ca", "csca", "document-signer", "ocsp-signer"];

/// First year of all authorities, from its first second.
pub(crate) const FIRST_YEAR: u16 = 2016;
/// Last year of all authorities but the roots, to its last second.
pub(crate) const LAST_YEAR: u16 = 2065;
/// Last year of the two self-signed ones.
const LAST_YEAR_OF_ROOTS: u16 = 2070;

/// Private keys of the authorities.
#[derive(Clone, Debug)]
pub struct AuthorityKeys {
    /// Key of the root.
    pub root: RsaPrivateKey,
    /// Key of the CA that signs citizens.
    pub sub_ca: RsaPrivateKey,
    /// Key of the country signer.
    pub csca: RsaPrivateKey,
    /// Key of the document signer.
    pub document_signer: RsaPrivateKey,
    /// Key that signs OCSP responses.
    pub ocsp_signer: RsaPrivateKey,
}

/// Certificates of the authorities, as DER.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// Self-signed.
    pub root: Vec<u8>,
    /// Signed by the root.
    pub sub_ca: Vec<u8>,
    /// Self-signed.
    pub csca: Vec<u8>,
    /// Signed by the country signer.
    pub document_signer: Vec<u8>,
    /// Signed by the CA that signs citizens.
    pub ocsp_signer: Vec<u8>,
}

/// Issues the certificates of the authorities. This made the ready-made ones;
/// a card never needs it.
///
/// # Errors
/// [`PkiError`] if a key is too small for its signature.
pub fn issue_authorities(keys: &AuthorityKeys) -> Result<Authorities, PkiError> {
    let root = SigningKey::<Sha256>::new(keys.root.clone());
    let sub_ca = SigningKey::<Sha256>::new(keys.sub_ca.clone());
    let csca = SigningKey::<Sha256>::new(keys.csca.clone());
    let root_name = name::authority("TEST CIE Root CA")?;
    let csca_name = name::document("TEST Country Signer CA", None)?;
    let signer_name = name::document("TEST Document Signer", Some("00001"))?;
    let ocsp_name = name::authority("TEST CIE OCSP Signer")?;
    let request = |role, subject: &Name, issuer: &Name, label: &str, key: &RsaPrivateKey| {
        Ok::<_, PkiError>(Request {
            role,
            subject: subject.clone(),
            issuer: issuer.clone(),
            serial: serial(label),
            not_before: DateTime::new(FIRST_YEAR, 1, 1, 0, 0, 0)?,
            not_after: match role {
                Role::Root | Role::Csca => DateTime::new(LAST_YEAR_OF_ROOTS, 12, 31, 23, 59, 59)?,
                _ => DateTime::new(LAST_YEAR, 12, 31, 23, 59, 59)?,
            },
            public_key: keys::spki(&keys::public_key_of(key)?)?,
        })
    };
    Ok(Authorities {
        root: issue(
            request(Role::Root, &root_name, &root_name, "root", &keys.root)?,
            &root,
        )?,
        sub_ca: issue(
            request(
                Role::SubCa,
                &sub_ca_name()?,
                &root_name,
                "sub-ca",
                &keys.sub_ca,
            )?,
            &root,
        )?,
        csca: issue(
            request(Role::Csca, &csca_name, &csca_name, "csca", &keys.csca)?,
            &csca,
        )?,
        document_signer: issue(
            request(
                Role::DocumentSigner,
                &signer_name,
                &csca_name,
                "document-signer",
                &keys.document_signer,
            )?,
            &csca,
        )?,
        ocsp_signer: issue(
            request(
                Role::OcspSigner,
                &ocsp_name,
                &sub_ca_name()?,
                "ocsp-signer",
                &keys.ocsp_signer,
            )?,
            &sub_ca,
        )?,
    })
}

/// A document signer of another country signer, both with the names of the
/// ready-made ones: key and certificate. Whoever has a computer can make it.
pub(crate) fn another_document_signer() -> Result<(RsaPrivateKey, Vec<u8>), PkiError> {
    let ready = keys::CARD_KEYS.last().ok_or(PkiError::Key("card-b"))?;
    let key = RsaPrivateKey::from_pkcs8_der(ready.services).map_err(|_| PkiError::Key("card-b"))?;
    let authorities = issue_authorities(&AuthorityKeys {
        root: key.clone(),
        sub_ca: key.clone(),
        csca: key.clone(),
        document_signer: key.clone(),
        ocsp_signer: key.clone(),
    })?;
    Ok((key, authorities.document_signer))
}

/// Name of the CA that signs citizens.
pub(crate) fn sub_ca_name() -> Result<Name, PkiError> {
    name::authority("TEST CIE Sub CA")
}

fn serial(label: &str) -> [u8; 16] {
    let mut serial = [0; 16];
    let digest = Sha256::digest(label.as_bytes());
    for (to, from) in serial.iter_mut().zip(digest) {
        *to = from;
    }
    serial
}

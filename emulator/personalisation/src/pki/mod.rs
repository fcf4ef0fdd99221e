// SPDX-License-Identifier: MIT OR Apache-2.0
//! The test PKI: root and sub CA for citizen certificates, country signer
//! (CSCA) and document signer for the SOD. Keys and the certificates that do
//! not depend on a persona are ready-made data in `keys/`, derived from a
//! published seed by `examples/generate_keys.rs`: nobody can mistake them for
//! secrets. Every name in them says TEST (rule 9 of the architecture).

mod authorities;
mod certificate;
mod keys;
mod name;
mod publish;
mod revocation;

pub use authorities::{AUTHORITY_KEY_LABELS, Authorities, AuthorityKeys, issue_authorities};
pub use certificate::{CRL_HOST, OCSP_URL, TEST_POLICY_OID};
pub use keys::{AUTHORITY_KEYS, CARD_KEYS, CardKeySet, FRESH_KEYS, card_keys};
pub use name::TEST_ORGANISATION;
pub use publish::{PublishedFile, publish};
pub use revocation::{NEXT_UPDATE, REVOKED_ON, THIS_UPDATE};

pub(crate) use authorities::{FIRST_YEAR, LAST_YEAR, another_document_signer, sub_ca_name};
pub(crate) use certificate::{Request, Role, issue};
pub(crate) use keys::{
    KeyChoice, KeysOfCard, document_signer_key, public_key, spki, sub_ca_key, terminal_ca,
};
pub(crate) use name::citizen;

use der::pem::{self, LineEnding};
use thiserror::Error;

/// What can go wrong with keys and certificates. None of it depends on a
/// persona, so outside of development it means a damaged build.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A key file is not PKCS#8 with an RSA key.
    #[error("the ready-made key {0} does not parse")]
    Key(&'static str),
    /// A fresh key could not be generated.
    #[error("key generation: {0}")]
    Generation(rsa::Error),
    /// A structure cannot be encoded or decoded.
    #[error("ASN.1: {0}")]
    Asn1(#[from] der::Error),
    /// The certificate builder refused.
    #[error("certificate: {0}")]
    Certificate(#[from] x509_cert::builder::Error),
    /// The signature could not be made.
    #[error("signature: {0}")]
    Signature(#[from] rsa::signature::Error),
}

/// The ready-made certificates, as DER.
#[derive(Clone, Copy, Debug)]
pub struct TestPki {
    /// Self-signed root of the citizen certificates (RSA-4096).
    pub root: &'static [u8],
    /// The CA under it that signs citizen certificates (RSA-2048).
    pub sub_ca: &'static [u8],
    /// Self-signed country signer of the documents (RSA-4096).
    pub csca: &'static [u8],
    /// Document signer under it, which signs every SOD (RSA-2048).
    pub document_signer: &'static [u8],
    /// Signer of OCSP responses, under the sub CA (RSA-2048).
    pub ocsp_signer: &'static [u8],
}

/// The test PKI that every card of this crate belongs to.
#[must_use]
pub fn pki() -> TestPki {
    TestPki {
        root: include_bytes!("../../keys/authority/root.cert.der"),
        sub_ca: include_bytes!("../../keys/authority/sub-ca.cert.der"),
        csca: include_bytes!("../../keys/authority/csca.cert.der"),
        document_signer: include_bytes!("../../keys/authority/document-signer.cert.der"),
        ocsp_signer: include_bytes!("../../keys/authority/ocsp-signer.cert.der"),
    }
}

impl TestPki {
    /// Root and sub CA in PEM: the file that a server trusts, and with which
    /// OpenSSL verifies a citizen certificate.
    #[must_use]
    pub fn ca_pem(&self) -> String {
        to_pem(self.root) + &to_pem(self.sub_ca)
    }

    /// The country signer in PEM, with which OpenSSL verifies an SOD.
    #[must_use]
    pub fn csca_pem(&self) -> String {
        to_pem(self.csca)
    }
}

/// One certificate in PEM. Empty only for input longer than memory.
#[must_use]
pub fn to_pem(certificate: &[u8]) -> String {
    labelled_pem("CERTIFICATE", certificate)
}

fn labelled_pem(label: &str, der: &[u8]) -> String {
    pem::encode_string(label, LineEnding::LF, der).unwrap_or_default()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything the test authorities would publish, as files for a folder.

use super::revocation::{Status, crl, ocsp_response, serial};
use super::{AUTHORITY_KEY_LABELS, AUTHORITY_KEYS, PkiError, keys, labelled_pem, pki, to_pem};
use crate::persona::State;
use crate::personalise::IssuedCard;

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedFile {
    /// Path in the folder, with `/`.
    pub path: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

const README: &str = "\
TEST PKI OF A SOFTWARE CIE 3.0
Worthless by design: every private key is published. Never trust these
certificates outside of a test.

ca.pem            root and sub CA: what a server trusts
csca.pem          country signer: what an SOD is verified with
*.cert.der/.pem   the authorities
*.crl/.crl.pem    their revocation lists, under the names of the addresses in
                  the certificates
citizens/         certificates of cards, and an OCSP response for each; by name
                  and state: cert-revoked ones are on sub-ca.crl, expired ones
                  are answered \"good\", as they never were revoked
keys/             the authorities' private keys, PKCS#8

Lists and responses hold from 2026-01-01 to 2065-12-31; no clock was read.
";

/// The files of the test PKI: authorities, lists, OCSP responses and keys, and
/// the certificates of these cards under these names. A card in state
/// [`State::CertRevoked`] is on the list of its CA.
///
/// # Errors
/// [`PkiError`] if a ready-made key or certificate is damaged.
pub fn publish(citizens: &[(String, &IssuedCard)]) -> Result<Vec<PublishedFile>, PkiError> {
    let pki = pki();
    let [root, sub_ca, csca, _, ocsp] = AUTHORITY_KEYS;
    let mut files = Files(Vec::new());
    files.add("README.txt", README);
    files.add("ca.pem", pki.ca_pem());
    files.add("csca.pem", pki.csca_pem());
    let certificates = [
        pki.root,
        pki.sub_ca,
        pki.csca,
        pki.document_signer,
        pki.ocsp_signer,
    ];
    let labels = AUTHORITY_KEY_LABELS.into_iter();
    for ((label, certificate), key) in labels.zip(certificates).zip(AUTHORITY_KEYS) {
        files.certificate(label, certificate);
        let pem = labelled_pem("PRIVATE KEY", key);
        files.add(&format!("keys/{label}.key.pem"), pem);
    }

    let mut revoked = Vec::new();
    for (_, card) in citizens {
        if card.state == State::CertRevoked {
            revoked.push(serial(&card.certificate)?);
        }
    }
    for (label, issuer, key, listed) in [
        ("root", pki.root, root, &[][..]),
        ("sub-ca", pki.sub_ca, sub_ca, &revoked),
        ("csca", pki.csca, csca, &[]),
    ] {
        let list = crl(issuer, &keys::signing_key(key, label)?, listed)?;
        files.add(&format!("{label}.crl.pem"), labelled_pem("X509 CRL", &list));
        files.add(&format!("{label}.crl"), list);
    }

    let key = keys::signing_key(ocsp, "ocsp-signer")?;
    for (name, card) in citizens {
        let certificate = &card.certificate;
        files.certificate(&format!("citizens/{name}"), certificate);
        let status = match card.state {
            State::CertRevoked => Status::Revoked,
            _ => Status::Good,
        };
        let number = serial(certificate)?;
        let response = ocsp_response(pki.sub_ca, &number, status, pki.ocsp_signer, &key)?;
        files.add(&format!("citizens/{name}.ocsp.der"), response);
    }
    Ok(files.0)
}

struct Files(Vec<PublishedFile>);

impl Files {
    fn add(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        self.0.push(PublishedFile {
            path: path.to_owned(),
            content: content.into(),
        });
    }

    fn certificate(&mut self, path: &str, der: &[u8]) {
        self.add(&format!("{path}.cert.der"), der);
        self.add(&format!("{path}.cert.pem"), to_pem(der));
    }
}

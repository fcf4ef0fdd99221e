// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ready-made keys and certificates: consistent, strict, and TEST.

#![allow(clippy::unwrap_used, reason = "tests only")]

mod common;

use cie_personalisation::{
    AUTHORITY_KEY_LABELS, AuthorityKeys, CARD_KEYS, TEST_ORGANISATION, issue_authorities, pki,
    to_pem,
};
use common::{ATTIME, card, file, openssl_ok};
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Integer};
use der::{Decode, Encode};
use rsa::hazmat::rsa_encrypt;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{RsaPrivateKey, RsaPublicKey};
use std::path::{Path, PathBuf};
use x509_cert::Certificate;

fn keys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("keys")
}

fn authority_key(label: &str) -> RsaPrivateKey {
    let der = std::fs::read(keys().join(format!("authority/{label}.key.der"))).unwrap();
    RsaPrivateKey::from_pkcs8_der(&der).unwrap()
}

/// The certificates in `keys/` are what this code issues from the keys there.
#[test]
fn ready_made_certificates_are_reproducible() {
    let issued = issue_authorities(&AuthorityKeys {
        root: authority_key("root"),
        sub_ca: authority_key("sub-ca"),
        csca: authority_key("csca"),
        document_signer: authority_key("document-signer"),
        ocsp_signer: authority_key("ocsp-signer"),
    })
    .unwrap();
    let pki = pki();
    assert!(issued.root == pki.root && issued.sub_ca == pki.sub_ca);
    assert!(issued.csca == pki.csca && issued.document_signer == pki.document_signer);
    assert!(issued.ocsp_signer == pki.ocsp_signer);
}

#[test]
fn openssl_accepts_the_authorities() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("root.pem", to_pem(pki().root));
    write("sub-ca.pem", to_pem(pki().sub_ca));
    write("csca.pem", pki().csca_pem());
    write("signer.pem", to_pem(pki().document_signer));
    let strict = format!("verify -x509_strict -check_ss_sig -attime {ATTIME}");
    openssl_ok(
        folder.path(),
        &format!("{strict} -CAfile root.pem root.pem sub-ca.pem"),
    );
    openssl_ok(
        folder.path(),
        &format!("{strict} -CAfile csca.pem csca.pem signer.pem"),
    );
    let shown = openssl_ok(folder.path(), "x509 -in signer.pem -noout -text");
    for part in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "(2048 bit)",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn openssl_accepts_every_key() {
    let mut files: Vec<String> = AUTHORITY_KEY_LABELS
        .map(|l| format!("authority/{l}.key.der"))
        .into();
    for set in CARD_KEYS {
        files.extend(["81", "82", "83"].map(|key| format!("card-{}/{key}.key.der", set.id)));
    }
    files.push("terminal-ca/84.key.der".into());
    for file in files {
        let shown = openssl_ok(
            &keys(),
            &format!("pkey -inform DER -in {file} -check -noout"),
        );
        assert!(shown.contains("Key is valid"), "{file}: {shown}");
    }
}

/// Rule 9 of the architecture.
#[test]
fn every_authority_says_test() {
    for der in [
        pki().root,
        pki().sub_ca,
        pki().csca,
        pki().document_signer,
        pki().ocsp_signer,
    ] {
        let certificate = Certificate::from_der(der).unwrap();
        let tbs = certificate.tbs_certificate();
        for name in [tbs.subject().to_string(), tbs.issuer().to_string()] {
            assert!(
                name.contains("CN=TEST ") && name.contains(TEST_ORGANISATION),
                "{name}"
            );
        }
    }
}

/// Section 6: serials are compared without a leading zero byte.
#[test]
fn serials_have_the_top_bit_clear() {
    for der in [
        pki().root,
        pki().sub_ca,
        pki().csca,
        pki().document_signer,
        pki().ocsp_signer,
        &card(1).certificate,
    ] {
        let certificate = Certificate::from_der(der).unwrap();
        let serial = certificate
            .tbs_certificate()
            .serial_number()
            .to_der()
            .unwrap();
        assert_eq!(serial[..2], [0x02, 0x10]);
        assert!(serial[2] & 0x80 == 0 && serial[2] != 0);
    }
}

/// Section 9: whatever is signed with the published exponent comes back with
/// the public key on the card.
#[test]
fn the_terminal_ca_inverts_the_published_exponent() {
    let published =
        std::fs::read_to_string(keys().join("terminal-ca/published-private-exponent.hex"));
    let published = hex::decode(published.unwrap().trim()).unwrap();
    assert_eq!(
        (published[..4].to_vec(), published.len()),
        (vec![0x18, 0x6B, 0x31, 0x48], 256)
    );
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, 2048).unwrap();
    let ca = card(1).image.profile.terminal_ca.clone();
    assert_eq!(
        (ca.modulus.len(), &ca.cha[..6]),
        (256, &cie_personalisation::CIE_AID[..])
    );
    assert!(ca.modulus[0] > 0x6A && ca.exponent.len() <= 256);
    // Section 9, the desktop clients: odd exponent below the modulus.
    let (n, e) = (number(&ca.modulus), number(&ca.exponent));
    assert!(bool::from(e.is_odd()) && e < n);
    let key = RsaPublicKey::new_unchecked(n.clone(), e);
    let params = BoxedMontyParams::new_vartime(n.to_odd().unwrap());
    for round in 0..5_u8 {
        let mut block = [round.wrapping_mul(53) ^ 0x5A; 256];
        (block[0], block[255]) = (0x6A, 0xBC);
        let block = number(&block);
        let signed = BoxedMontyForm::new(block.clone(), &params)
            .pow(&number(&published))
            .retrieve();
        assert_ne!(signed, block);
        assert_eq!(rsa_encrypt(&key, &signed).unwrap(), block);
    }
}

/// Sections 2.1 and 4.4: layout of EF 1004 and 1005, and the modulus of key 82.
#[test]
fn public_keys_on_the_card_fit_the_private_ones() {
    let card = card(1);
    let keys = &card.image.profile.keys;
    for (fid, private) in [(0x1004, &keys.device), (0x1005, &keys.services)] {
        let content = file(&card, fid);
        let private = RsaPrivateKey::from_pkcs8_der(private.expose()).unwrap();
        let modulus = private.n().as_ref().to_be_bytes();
        let head = hex::decode("3082010A0282010100").unwrap();
        let expected = [&head[..], &modulus, &[0x02, 0x03, 0x01, 0x00, 0x01]].concat();
        assert_eq!(content, expected, "{fid:04X}");
    }
    for set in CARD_KEYS {
        let device = RsaPrivateKey::from_pkcs8_der(set.device).unwrap();
        assert!(device.n().as_ref().to_be_bytes()[0] > 0x6A, "{}", set.id);
    }
}

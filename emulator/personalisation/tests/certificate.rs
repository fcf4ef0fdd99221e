// SPDX-License-Identifier: MIT OR Apache-2.0
//! The citizen certificate (choice 15), held against OpenSSL and x509-cert.

#![allow(clippy::unwrap_used, reason = "tests only")]

mod common;

use cie_personalisation::{
    IssuedCard, Persona, TEST_POLICY_OID, card_keys, personalise, pki, to_pem,
};
use common::{ATTIME, adult_with, card, openssl, openssl_ok};
use const_oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, ExtendedKeyUsage, KeyUsage,
    KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::time::Time;

fn parse(card: &IssuedCard) -> Certificate {
    Certificate::from_der(&card.certificate).unwrap()
}

fn folder_with(card: &IssuedCard) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("ca.pem", pki().ca_pem().as_bytes());
    write("root.pem", to_pem(pki().root).as_bytes());
    write("sub-ca.pem", to_pem(pki().sub_ca).as_bytes());
    write("citizen.pem", to_pem(&card.certificate).as_bytes());
    write("81.der", card_keys("a").unwrap().authentication);
    folder
}

#[test]
fn openssl_verifies_the_chain() {
    let folder = folder_with(&card(1));
    let strict = format!("verify -x509_strict -purpose sslclient -attime {ATTIME}");
    let bundle = openssl_ok(
        folder.path(),
        &format!("{strict} -CAfile ca.pem citizen.pem"),
    );
    assert!(bundle.contains("citizen.pem: OK"), "{bundle}");
    let path = "-CAfile root.pem -untrusted sub-ca.pem citizen.pem";
    openssl_ok(folder.path(), &format!("{strict} {path}"));
    // The same call must fail where it has to.
    let root_only = openssl(
        folder.path(),
        &format!("{strict} -CAfile root.pem citizen.pem"),
    );
    assert!(!root_only.status.success());
    let server = strict.replace("sslclient", "sslserver");
    assert!(
        !openssl(
            folder.path(),
            &format!("{server} -CAfile ca.pem citizen.pem")
        )
        .status
        .success()
    );
    let late = strict.replace(ATTIME, "2840140800");
    let late = openssl(folder.path(), &format!("{late} -CAfile ca.pem citizen.pem"));
    assert!(String::from_utf8_lossy(&late.stderr).contains("expired"));
}

#[test]
fn the_subject_is_that_of_choice_15_in_order() {
    let card = card(1);
    let folder = folder_with(&card);
    let options = "-noout -subject -nameopt sep_comma_plus,sname,utf8";
    let shown = openssl_ok(folder.path(), &format!("x509 -in citizen.pem {options}"));
    let code = &card.facts.fiscal_code;
    let expected = format!(
        "subject=C=IT,GN=MARIA BIANCA,SN=TEST ESEMPIO,serialNumber={code},CN={code}/{}",
        card.facts.nis
    );
    assert_eq!(shown.trim(), expected);
    // Section 6: a client looks for these bytes.
    for oid in [
        [0x06, 0x03, 0x55, 0x04, 0x2A],
        [0x06, 0x03, 0x55, 0x04, 0x04],
    ] {
        assert!(card.certificate.windows(5).any(|window| window == oid));
    }
}

#[test]
fn the_extensions_are_those_of_choice_15() {
    let certificate = parse(&card(1));
    let tbs = certificate.tbs_certificate();
    let (critical, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    assert!(critical);
    assert_eq!(
        usage.0.into_iter().collect::<Vec<_>>(),
        [KeyUsages::DigitalSignature]
    );
    let (critical, extended) = tbs.get_extension::<ExtendedKeyUsage>().unwrap().unwrap();
    assert_eq!((critical, extended.0), (false, vec![ID_KP_CLIENT_AUTH]));
    assert!(tbs.get_extension::<BasicConstraints>().unwrap().is_none());
    let (_, policies) = tbs.get_extension::<CertificatePolicies>().unwrap().unwrap();
    assert_eq!(policies.0[0].policy_identifier, TEST_POLICY_OID);

    let authority = Certificate::from_der(pki().sub_ca).unwrap();
    let authority = authority.tbs_certificate();
    let (_, own) = authority
        .get_extension::<SubjectKeyIdentifier>()
        .unwrap()
        .unwrap();
    let (_, named) = tbs
        .get_extension::<AuthorityKeyIdentifier>()
        .unwrap()
        .unwrap();
    assert_eq!(named.key_identifier.unwrap(), own.0);
    assert_eq!(
        tbs.issuer().to_der().unwrap(),
        authority.subject().to_der().unwrap()
    );

    let folder = folder_with(&card(1));
    let shown = openssl_ok(folder.path(), "x509 -in citizen.pem -noout -text");
    for url in [
        "http://crl.test-cie.invalid/sub-ca.crl",
        "OCSP - URI:http://ocsp.test-cie.invalid/",
    ] {
        assert!(shown.contains(url), "{shown}");
    }
}

#[test]
fn it_certifies_key_81() {
    let folder = folder_with(&card(1));
    let certified = openssl_ok(folder.path(), "x509 -in citizen.pem -noout -pubkey");
    let key = openssl_ok(folder.path(), "pkey -inform DER -in 81.der -pubout");
    assert_eq!(certified, key);
}

#[test]
fn years_after_2049_are_generalized_time() {
    let text = adult_with("2059-12-10", "2051-03-04");
    let card = personalise(&Persona::from_toml(&text).unwrap(), 1).unwrap();
    let certificate = parse(&card);
    let validity = certificate.tbs_certificate().validity();
    assert_eq!(validity.not_before.tag(), Tag::UtcTime);
    assert!(matches!(validity.not_after, Time::GeneralTime(_)));
    let folder = folder_with(&card);
    let shown = openssl_ok(folder.path(), "x509 -in citizen.pem -noout -dates");
    assert!(
        shown.contains("notBefore=Jun  1 00:00:00 2025 GMT"),
        "{shown}"
    );
    assert!(
        shown.contains("notAfter=Mar  4 23:59:59 2051 GMT"),
        "{shown}"
    );
    openssl_ok(
        folder.path(),
        &format!("verify -x509_strict -attime {ATTIME} -CAfile ca.pem citizen.pem"),
    );
}

#[test]
fn accents_survive() {
    let text = adult_with("MARIA BIANCA", "NICOLÒ D'ALÌ").replace("fiscal_code", "#");
    let card = personalise(&Persona::from_toml(&text).unwrap(), 1).unwrap();
    let folder = folder_with(&card);
    let options = "-noout -subject -nameopt sname,utf8,sep_comma_plus";
    let shown = openssl_ok(folder.path(), &format!("x509 -in citizen.pem {options}"));
    assert!(shown.contains("GN=NICOLÒ D'ALÌ"), "{shown}");
    assert!(
        card.facts.fiscal_code.starts_with("TSTNLD85T50"),
        "{}",
        card.facts.fiscal_code
    );
}

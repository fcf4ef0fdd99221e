// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists and OCSP responses of the test CA, with OpenSSL as witness.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests only")]

mod common;

use cie_personalisation::{IssuedCard, Persona, State, personalise, publish};
use common::{ATTIME, openssl, openssl_ok};
use std::path::Path;

fn card(persona: &str, state: State) -> IssuedCard {
    let persona = Persona::named(persona).unwrap().unwrap();
    personalise(&persona.with_state(state).unwrap(), 1).unwrap()
}

const PERSONAS: [&str; 3] = ["adult", "minor", "accents"];
const STATES: [State; 3] = [State::Fresh, State::CertExpired, State::CertRevoked];

fn published() -> tempfile::TempDir {
    let mut cards = Vec::new();
    for persona in PERSONAS {
        for state in STATES {
            let name = format!("{persona}-{}", state.name());
            cards.push((name, card(persona, state)));
        }
    }
    let cards: Vec<_> = cards
        .iter()
        .map(|(name, card)| (name.clone(), card))
        .collect();
    let files = publish(&cards).unwrap();
    assert_eq!(files, publish(&cards).unwrap(), "the same bytes every time");
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.content).unwrap();
    }
    folder
}

#[test]
fn openssl_verifies_every_list() {
    let folder = published();
    for (list, authority, other) in [
        ("root", "root.cert.pem", "csca.pem"),
        ("sub-ca", "ca.pem", "csca.pem"),
        ("csca", "csca.pem", "ca.pem"),
    ] {
        let show = format!("crl -inform DER -in {list}.crl -noout -text");
        let shown = openssl_ok(folder.path(), &format!("{show} -CAfile {authority}"));
        assert!(shown.contains("verify OK"), "{list}: {shown}");
        for words in [
            "Last Update: Jan  1 00:00:00 2026 GMT",
            "Next Update: Dec 31 00:00:00 2065 GMT",
            "X509v3 CRL Number: \n                1\n",
            "X509v3 Authority Key Identifier",
        ] {
            assert!(shown.contains(words), "{list}: {words} not in {shown}");
        }
        let expected = if list == "sub-ca" { PERSONAS.len() } else { 0 };
        assert_eq!(shown.matches("Serial Number:").count(), expected, "{list}");
        let since = "Revocation Date: Dec 31 00:00:00 2025 GMT";
        assert_eq!(shown.matches(since).count(), expected, "{list}");
        let shown = openssl(folder.path(), &format!("{show} -CAfile {other}"));
        let shown = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert!(!shown.contains("verify OK"), "{list}: {shown}");
        let pem = openssl_ok(
            folder.path(),
            &format!("crl -in {list}.crl.pem -outform DER -out x"),
        );
        assert!(pem.is_empty());
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("x"), read(&format!("{list}.crl")));
    }
}

/// Chain and lists together, as a server checks a citizen.
fn verify(folder: &Path, name: &str) -> (bool, String) {
    let lists = "-crl_check_all -CRLfile root.crl.pem -CRLfile sub-ca.crl.pem";
    let citizen = format!("citizens/{name}.cert.pem");
    let output = openssl(
        folder,
        &format!("verify -x509_strict -attime {ATTIME} -CAfile ca.pem {lists} {citizen}"),
    );
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), shown)
}

#[test]
fn servers_refuse_revoked_and_expired_citizens_only() {
    let folder = published();
    for persona in PERSONAS {
        let verify = |state| verify(folder.path(), &format!("{persona}-{state}"));
        let (good, shown) = verify("fresh");
        assert!(good, "{persona}: {shown}");
        let (good, shown) = verify("cert-revoked");
        assert!(
            !good && shown.contains("certificate revoked"),
            "{persona}: {shown}"
        );
        let (good, shown) = verify("cert-expired");
        assert!(
            !good && shown.contains("certificate has expired"),
            "{persona}: {shown}"
        );
        // In its year the expired one was good: the chain is not the fault.
        let then = "verify -x509_strict -attime 1593561600 -CAfile ca.pem";
        let name = format!("citizens/{persona}-cert-expired.cert.pem");
        openssl_ok(folder.path(), &format!("{then} {name}"));
    }
}

#[test]
fn openssl_accepts_every_ocsp_response() {
    let folder = published();
    for persona in PERSONAS {
        for (state, status) in [
            ("fresh", "good"),
            ("cert-expired", "good"),
            ("cert-revoked", "revoked"),
        ] {
            let name = format!("citizens/{persona}-{state}");
            let ask = |response: &str| {
                let question = format!("-issuer sub-ca.cert.pem -cert {name}.cert.pem");
                let answer = format!("-respin {response} -CAfile ca.pem -attime {ATTIME}");
                let arguments = format!("ocsp -no_nonce {question} {answer}");
                let output = openssl(folder.path(), &arguments);
                let shown = [output.stdout, output.stderr].concat();
                (
                    output.status.success(),
                    String::from_utf8_lossy(&shown).into_owned(),
                )
            };
            let (good, shown) = ask(&format!("{name}.ocsp.der"));
            assert!(good && shown.contains("Response verify OK"), "{shown}");
            assert!(
                shown.contains(&format!("{name}.cert.pem: {status}")),
                "{shown}"
            );
            assert!(shown.contains("Next Update: Dec 31"), "{shown}");
            let since = shown.contains("Revocation Time: Dec 31 00:00:00 2025 GMT");
            assert_eq!(since, status == "revoked", "{shown}");
            // Another citizen's response says nothing about this one.
            let other = if persona == "adult" { "minor" } else { "adult" };
            let (_, shown) = ask(&format!("citizens/{other}-fresh.ocsp.der"));
            assert!(shown.contains("No Status found"), "{shown}");
        }
    }
    // A response by somebody else is refused.
    let mut forged =
        std::fs::read(folder.path().join("citizens/adult-cert-revoked.ocsp.der")).unwrap();
    let at = forged.windows(2).position(|w| w == [0xA1, 0x16]).unwrap();
    forged[at + 10] ^= 1;
    std::fs::write(folder.path().join("forged.der"), forged).unwrap();
    let arguments =
        "ocsp -no_nonce -issuer sub-ca.cert.pem -cert citizens/adult-cert-revoked.cert.pem";
    let output = openssl(
        folder.path(),
        &format!("{arguments} -respin forged.der -CAfile ca.pem -attime {ATTIME}"),
    );
    let shown = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(shown.contains("Response Verify Failure"), "{shown}");
}

/// RFC 5280 section 4.1.2.2: one CA, no serial number twice.
#[test]
fn every_certificate_has_a_serial_number_of_its_own() {
    let mut seen = std::collections::HashSet::new();
    for persona in PERSONAS {
        for state in STATES {
            let certificate = card(persona, state).certificate;
            assert!(
                seen.insert(certificate[15..31].to_vec()),
                "{persona} {}",
                state.name()
            );
        }
    }
}

#[test]
fn only_a_holder_born_early_enough_has_an_expired_certificate() {
    let text = common::adult_with("1985-12-10", "2020-01-01").replace("fiscal_code", "#");
    let late = Persona::from_toml(&text).unwrap();
    let error = late.with_state(State::CertExpired).unwrap_err().to_string();
    assert!(
        error.contains("field card.state:") && error.contains("2020"),
        "{error}"
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie sign`, `verify` and `login-test` against other programs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

use cie_applications::{Desk, engine, have, python};

fn people(citizen: &str, options: &[&str], oks: usize) {
    let engine = engine();
    let here = have(&[
        ("apache2", "apache2-bin"),
        ("certutil", "libnss3-tools"),
        ("openssl", "openssl"),
        ("pdfsig", "poppler-utils"),
        ("pkcs11-tool", "opensc"),
        (&engine, "libengine-pkcs11-openssl"),
    ]);
    if !here.unwrap() {
        return;
    }
    if let Some(interpreter) = python().unwrap() {
        let desk = Desk::new(51, options)
            .unwrap()
            .with("CITIZEN", citizen)
            .with("PYTHON", interpreter.to_str().unwrap());
        let said = desk.succeeds("people.sh", oks);
        print!("{}", said.unwrap_or_else(|why| panic!("{why}")));
    }
}

#[test]
fn signatures_and_logins_of_a_citizen() {
    people("fresh", &[], 6);
}

#[test]
fn an_expired_card() {
    people("expired", &["--state", "cert-expired"], 1);
}

#[test]
fn a_revoked_card() {
    people("revoked", &["--state", "cert-revoked"], 1);
}

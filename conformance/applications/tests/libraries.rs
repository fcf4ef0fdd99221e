// SPDX-License-Identifier: MIT OR Apache-2.0
//! Libraries of others and what stands on them: NSS, Firefox, Java, Python.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

use cie_applications::{Desk, engine, have, python};

fn runs(desk: &Desk, script: &str, oks: usize) {
    let said = desk
        .succeeds(script, oks)
        .unwrap_or_else(|why| panic!("{why}"));
    print!("{said}");
}

const SERVER: [(&str, &str); 5] = [
    ("apache2", "apache2-bin"),
    ("openssl", "openssl"),
    ("certutil", "libnss3-tools"),
    ("pkcs11-tool", "opensc"),
    ("python3", "python3"),
];

#[test]
fn nss_tools() {
    if have(&SERVER).unwrap() {
        runs(&Desk::new(31, &[]).unwrap(), "nss.sh", 6);
    }
}

fn firefox(citizen: &str, options: &[&str], oks: usize) {
    if have(&SERVER).unwrap() && have(&[("firefox-esr", "firefox-esr")]).unwrap() {
        let desk = Desk::new(32, options).unwrap().with("CITIZEN", citizen);
        let screenshot = std::env::var("CIE_SCREENSHOT").unwrap_or_default();
        runs(&desk.with("SCREENSHOT", &screenshot), "firefox.sh", oks);
    }
}

#[test]
fn firefox_logs_in() {
    firefox("fresh", &[], 4);
}

#[test]
fn firefox_with_an_expired_card_is_refused() {
    firefox("expired", &["--state", "cert-expired"], 1);
}

#[test]
fn firefox_with_a_revoked_card_is_refused() {
    firefox("revoked", &["--state", "cert-revoked"], 1);
}

fn chromium(what: &str) {
    let here = have(&SERVER).unwrap()
        && have(&[
            ("chromium", "chromium"),
            ("Xvfb", "xvfb"),
            ("xdotool", "xdotool"),
        ])
        .unwrap();
    if here {
        let desk = Desk::new(35, &[]).unwrap().with("WHAT", what);
        runs(&desk, "chromium.sh", 1);
    }
}

#[test]
fn chromium_logs_in() {
    chromium("login");
}

#[test]
fn chromium_asks_again_after_a_wrong_pin() {
    chromium("wrong");
}

#[test]
fn chromium_without_the_pin_sees_no_page() {
    chromium("cancel");
}

#[test]
fn java_lists_and_signs() {
    if have(&[
        ("keytool", "default-jre-headless"),
        ("javac", "default-jdk-headless"),
        ("openssl", "openssl"),
        ("pkcs11-tool", "opensc"),
    ])
    .unwrap()
    {
        runs(&Desk::new(33, &[]).unwrap(), "java.sh", 3);
    }
}

fn with_python(script: &str, citizen: &str, options: &[&str], oks: usize) {
    let engine = engine();
    let here = have(&[
        ("openssl", "openssl"),
        ("pkcs11-tool", "opensc"),
        ("pdfsig", "poppler-utils"),
        ("certutil", "libnss3-tools"),
        (&engine, "libengine-pkcs11-openssl"),
    ]);
    if !here.unwrap() {
        return;
    }
    if let Some(interpreter) = python().unwrap() {
        let desk = Desk::new(34, options)
            .unwrap()
            .with("CITIZEN", citizen)
            .with("PYTHON", interpreter.to_str().unwrap());
        runs(&desk, script, oks);
    }
}

#[test]
fn pykcs11_and_python_pkcs11() {
    with_python("python.sh", "fresh", &[], 2);
}

#[test]
fn pades_is_verified_and_what_is_broken_is_not() {
    with_python("pades.sh", "fresh", &[], 5);
}

#[test]
fn what_an_expired_card_signed_is_not_trusted() {
    with_python("pades.sh", "expired", &["--state", "cert-expired"], 4);
}

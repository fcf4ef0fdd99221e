// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tools of the command line: OpenSC, OpenSSL, GnuTLS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

use cie_applications::{Desk, engine, have};

fn runs(seed: u32, script: &str, oks: usize) {
    let desk = Desk::new(seed, &[]).unwrap();
    let said = desk
        .succeeds(script, oks)
        .unwrap_or_else(|why| panic!("{why}"));
    print!("{said}");
}

#[test]
fn pkcs11_tool() {
    if have(&[("pkcs11-tool", "opensc"), ("openssl", "openssl")]).unwrap() {
        runs(11, "pkcs11-tool.sh", 7);
    }
}

#[test]
fn openssl_signs_files_and_cades() {
    let engine = engine();
    if have(&[
        ("openssl", "openssl"),
        ("pkcs11-tool", "opensc"),
        (&engine, "libengine-pkcs11-openssl"),
    ])
    .unwrap()
    {
        runs(12, "openssl.sh", 9);
    }
}

#[test]
fn p11tool_of_gnutls() {
    if have(&[("p11tool", "gnutls-bin"), ("pkcs11-tool", "opensc")]).unwrap() {
        runs(13, "p11tool.sh", 4);
    }
}

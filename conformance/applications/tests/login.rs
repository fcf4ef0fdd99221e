// SPDX-License-Identifier: MIT OR Apache-2.0
//! Logins: level 3 of "Entra con CIE" (TLS with the card's certificate) and SSH.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

use cie_applications::{Desk, engine, have, missing};
use std::process::Command;

fn runs(desk: &Desk, script: &str, oks: usize) {
    let said = desk
        .succeeds(script, oks)
        .unwrap_or_else(|why| panic!("{why}"));
    print!("{said}");
}

fn curl(citizen: &str, options: &[&str], oks: usize) {
    let engine = engine();
    let here = have(&[
        ("curl", "curl"),
        ("apache2", "apache2-bin"),
        ("openssl", "openssl"),
        ("pkcs11-tool", "opensc"),
        ("python3", "python3"),
        (&engine, "libengine-pkcs11-openssl"),
    ]);
    if here.unwrap() {
        let desk = Desk::new(21, options).unwrap().with("CITIZEN", citizen);
        runs(&desk, "curl.sh", oks);
    }
}

#[test]
fn a_citizen_logs_in_with_curl() {
    curl("fresh", &[], 10);
}

#[test]
fn an_expired_citizen_is_refused() {
    curl("expired", &["--state", "cert-expired"], 1);
}

#[test]
fn a_revoked_citizen_is_refused() {
    curl("revoked", &["--state", "cert-revoked"], 1);
}

#[test]
fn ssh_logs_in() {
    let server = std::env::var("CIE_TEST_SSHD").unwrap_or("/usr/sbin/sshd".into());
    let here = have(&[
        ("ssh", "openssh-client"),
        (&server, "openssh-server"),
        ("pkcs11-tool", "opensc"),
    ]);
    if !here.unwrap() {
        return;
    }
    // A server that root starts gets a namespace of its own.
    let namespaces = Command::new("unshare").args(["--mount", "true"]).status();
    let root = std::fs::read_to_string("/proc/self/status").unwrap();
    if root.contains("Uid:\t0\t") && !namespaces.is_ok_and(|status| status.success()) {
        missing("root may not make a mount namespace here").unwrap();
        return;
    }
    let desk = Desk::new(22, &[]).unwrap().with("SSHD", &server);
    runs(&desk, "ssh.sh", 7);
}

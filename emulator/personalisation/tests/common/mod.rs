// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shared by the integration tests: a card, its files, and OpenSSL as witness.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests only")]

use cie_personalisation::{IssuedCard, Persona, personalise};
use std::path::Path;
use std::process::{Command, Output};

pub const ADULT: &str = include_str!("../../personas/adult.toml");

/// Noon of 1 January 2030: within the life of the adult's certificate.
pub const ATTIME: &str = "1893499200";

pub fn card(seed: u64) -> IssuedCard {
    personalise(&Persona::adult().unwrap(), seed).unwrap()
}

/// The adult with one line of the file replaced.
pub fn adult_with(from: &str, to: &str) -> String {
    assert!(ADULT.contains(from), "{from}");
    ADULT.replace(from, to)
}

pub fn file(card: &IssuedCard, fid: u16) -> &[u8] {
    &card
        .image
        .profile
        .files
        .iter()
        .find(|file| file.fid == fid)
        .unwrap()
        .content
}

/// Runs the `openssl` command in a folder.
pub fn openssl(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new("openssl");
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    command
        .output()
        .expect("these tests need the openssl command")
}

/// As [`openssl`], must succeed; returns what it printed.
pub fn openssl_ok(folder: &Path, arguments: &str) -> String {
    let output = openssl(folder, arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {shown}");
    shown
}

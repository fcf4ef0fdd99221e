// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs of a newer Debian: pkcs11-check, OpenSSL's provider for PKCS#11.
//! They speak to the private socket with libpcsclite 2.3 (protocol 4.5).

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

use cie_applications::{Desk, Newer, have, newer, scripts};
use std::path::Path;
use std::process::Command;
use std::thread;

/// Parts that run at the same time, each with a card of its own.
const SHARDS: u32 = 2;

fn desk(seed: u32, newer: &Newer) -> Desk {
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let root = newer.root.as_deref().map(path).unwrap_or_default();
    Desk::new(seed, &[])
        .unwrap()
        .with("NEWER", &root)
        .with("SITE", &path(&newer.site))
}

fn runs(desk: &Desk, script: &str, oks: usize) {
    let said = desk
        .succeeds(script, oks)
        .unwrap_or_else(|why| panic!("{why}"));
    print!("{said}");
}

#[test]
fn pkcs11_check_says_what_the_reference_says() {
    if !have(&[("pkcs11-tool", "opensc"), ("python3", "python3")]).unwrap() {
        return;
    }
    let Some(newer) = newer().unwrap() else {
        return;
    };
    if newer.root.is_none() && !have(&[("p11-kit", "p11-kit")]).unwrap() {
        return;
    }
    let shards: Vec<_> = (0..SHARDS)
        .map(|shard| {
            let desk = desk(41 + shard, &newer)
                .with("SHARD", &shard.to_string())
                .with("SHARDS", &SHARDS.to_string());
            let report = desk.folder().join("report");
            let desk = desk.with("REPORT", report.to_str().unwrap());
            thread::spawn(move || {
                let said = desk.succeeds("pkcs11-check.sh", 1);
                (desk, said)
            })
        })
        .collect();
    // The desks are kept: the reports lie on them.
    let shards: Vec<_> = shards.into_iter().map(|one| one.join().unwrap()).collect();
    for (_, said) in &shards {
        print!("{}", said.as_ref().unwrap_or_else(|why| panic!("{why}")));
    }

    // To change the reference, CIE_PKCS11_CHECK=write.
    let what = std::env::var("CIE_PKCS11_CHECK").unwrap_or("compare".into());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compare = Command::new("python3");
    compare
        .env("PYTHONPATH", &newer.site)
        .arg(scripts().join("compare_check.py"))
        .arg(what)
        .arg(here.join("pkcs11-check.toml"))
        .arg(here.join("pkcs11-check-verdicts.txt"))
        .args(shards.iter().map(|(desk, _)| desk.folder().join("report")));
    let output = compare.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    print!("{said}");
}

#[test]
fn openssl_with_pkcs11_provider() {
    let here = have(&[
        ("apache2", "apache2-bin"),
        ("openssl", "openssl"),
        ("pkcs11-tool", "opensc"),
        ("python3", "python3"),
    ]);
    if !here.unwrap() {
        return;
    }
    let Some(newer) = newer().unwrap() else {
        return;
    };
    if newer.root.is_none() {
        let cpu = std::env::consts::ARCH;
        let provider = format!("/usr/lib/{cpu}-linux-gnu/ossl-modules/pkcs11.so");
        if !have(&[(&provider, "pkcs11-provider"), ("curl", "curl")]).unwrap() {
            return;
        }
    }
    runs(&desk(45, &newer), "provider.sh", 9);
}

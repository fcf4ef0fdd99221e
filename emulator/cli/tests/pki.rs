// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie pki`: the folder, and that it belongs to the cards of `cie run`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use std::path::Path;
use std::process::Output;

fn cie(arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("cie").unwrap();
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn the_folder_has_everything_and_is_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str| {
        let path = folder.path().join(name);
        let output = cie(&["pki", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        path
    };
    let (one, two) = (made("one"), made("two"));
    for list in ["root.crl", "sub-ca.crl", "csca.crl", "sub-ca.crl.pem"] {
        let read = |folder: &Path| std::fs::read(folder.join(list)).unwrap();
        assert_eq!(read(&one), read(&two), "{list}");
    }
    for label in ["root", "sub-ca", "csca", "document-signer", "ocsp-signer"] {
        assert!(names(&one).contains(&format!("{label}.cert.pem")));
        assert!(names(&one.join("keys")).contains(&format!("{label}.key.pem")));
    }
    // Three personas in three states, two forms of certificate, one response.
    assert_eq!(names(&one.join("citizens")).len(), 27);
    let readme = std::fs::read_to_string(one.join("README.txt")).unwrap();
    assert!(readme.contains("Worthless by design"));
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("root.crl");
    std::fs::write(&mine, "mine").unwrap();
    let output = cie(&["pki", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("is not empty"));
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(names(folder.path()), ["root.crl"]);
}

/// The seed ties folder and cards together: a card's NIS is in the subject of
/// the certificate that the folder has of it.
#[test]
fn the_certificates_are_those_of_the_cards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    let path = path.to_str().unwrap();
    cie(&["pki", path, "--seed", "5", "--persona", "minor"]);
    let citizens = Path::new(path).join("citizens");
    assert_eq!(names(&citizens).len(), 9);
    let run = [
        "run",
        "--seed",
        "5",
        "--persona",
        "minor",
        "--state",
        "cert-revoked",
    ];
    let nis = cie(&[&run[..], &["--", "sh", "-c", "printf %s $CIE_NIS"]].concat());
    let certificate = std::fs::read(citizens.join("minor-cert-revoked.cert.der")).unwrap();
    assert_eq!(nis.stdout.len(), 12);
    assert!(certificate.windows(12).any(|window| window == nis.stdout));
}

#[test]
fn two_personas_with_one_id_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca");
    let output = cie(&[
        "pki",
        ca.to_str().unwrap(),
        "--persona",
        "adult",
        "--persona",
        "adult",
    ]);
    assert_eq!(output.status.code(), Some(125));
    let error = text(&output.stderr);
    assert!(error.contains("the id \"adult\""), "{error}");
    assert!(!ca.exists());
}

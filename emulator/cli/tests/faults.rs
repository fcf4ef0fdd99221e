// SPDX-License-Identifier: MIT OR Apache-2.0
//! Planned faults of the readers: as an option of `cie run`, by `cie control`,
//! and on the control socket.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// `cie run OPTIONS -- sh -c SCRIPT`, where the script finds `cie`.
fn run(folder: &Path, options: &[&str], script: &str) -> Output {
    let binary = assert_cmd::cargo::cargo_bin("cie");
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    std::fs::write(folder.join("letter.txt"), "Dear office,\n").unwrap();
    Command::new(binary)
        .current_dir(folder)
        .env("PATH", path)
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("CIE_CONTROL")
        .arg("run")
        .args(options)
        .args(["--", "sh", "-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_run_starts_with_the_faults_it_was_told() {
    let folder = folder();
    let fine = run(folder.path(), &[], "cie sign --pin-env CIE_PIN letter.txt");
    assert!(fine.status.success(), "{}", text(&fine.stderr));
    std::fs::remove_file(folder.path().join("letter.txt.p7m")).unwrap();
    let options = [
        "--fault",
        "SCardTransmit SCARD_E_COMM_DATA_LOST --at 5",
        "--trace",
        "t.txt",
        "--artifacts",
        "kept",
    ];
    let faulty = run(
        folder.path(),
        &options,
        "cie sign --pin-env CIE_PIN letter.txt; echo $?; cie control faults; cie control counters",
    );
    let out = text(&faulty.stdout);
    let mut lines = out.lines();
    assert_ne!(lines.next(), Some("0"), "{out}");
    let faults: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(
        (&faults[0]["at"], &faults[0]["struck"]),
        (&5.into(), &1.into())
    );
    let counters: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(counters["pin_tries"], 3);
    assert!(!folder.path().join("letter.txt.p7m").exists());
    let trace = std::fs::read_to_string(folder.path().join("t.txt")).unwrap();
    assert!(
        trace.contains(": as planned, SCardTransmit 5: SCARD_E_COMM_DATA_LOST"),
        "{trace}"
    );
    assert!(trace.contains("-> SCARD_E_COMM_DATA_LOST"), "{trace}");
    let again = std::fs::read_to_string(folder.path().join("kept/replay.sh")).unwrap();
    let words = "--fault 'SCardTransmit SCARD_E_COMM_DATA_LOST --at 5'";
    assert!(again.contains(words), "{again}");
}

#[test]
fn faults_come_and_go_while_programs_run() {
    let folder = folder();
    let script = "cie control fault SCardBeginTransaction SCARD_E_READER_UNAVAILABLE --times all
        cie sign --pin-env CIE_PIN letter.txt; echo $?
        cie control clear-faults; cie control faults
        cie control fault SCardConnect hang-up
        cie sign --pin-env CIE_PIN letter.txt; echo $?
        cie sign --pin-env CIE_PIN letter.txt >&2; echo $?";
    let output = run(folder.path(), &[], script);
    let out = text(&output.stdout);
    let lines: Vec<_> = out.lines().collect();
    let [refused, none, cut, fine] = lines.as_slice() else {
        panic!("{out}\n{}", text(&output.stderr));
    };
    assert_eq!(
        (*none, *fine),
        ("[]", "0"),
        "{out}\n{}",
        text(&output.stderr)
    );
    assert!(*refused != "0" && *cut != "0", "{out}");
}

#[test]
fn what_is_no_fault_is_refused_in_words() {
    let folder = folder();
    for (words, why) in [
        ("SCardTransmit", "needs a call and what comes of it"),
        ("SCardFly SCARD_E_TIMEOUT", "no call that reaches a reader"),
        ("SCardListReaders SCARD_E_TIMEOUT", "has no return value"),
    ] {
        let output = run(folder.path(), &["--fault", words], "echo here");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why) && output.stdout.is_empty(), "{said}");
    }
    let script = "cie control fault SCardTransmit SCARD_E_FLY; echo $?";
    let output = run(folder.path(), &[], script);
    assert_eq!(text(&output.stdout), "2\n");
    assert!(text(&output.stderr).contains("no return value"));
}

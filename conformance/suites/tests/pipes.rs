// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whoever reads the output may stop reading: `| head -1`. That is no error,
//! and the exit code still says what was found.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

mod spoiled;

use spoiled::{library, statement};
use std::process::{Command, Output, Stdio};

/// Runs the bench with nobody at the other end of standard output, or with no
/// standard output at all.
fn unread(arguments: &[&str], closed: bool) -> Output {
    let program = assert_cmd::cargo::cargo_bin("cie-conformance");
    let mut command = match closed {
        false => Command::new(program),
        true => {
            let mut shell = Command::new("sh");
            shell.args(["-c", "exec \"$0\" \"$@\" >&-"]).arg(program);
            shell
        }
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.args(arguments).stdin(Stdio::null());
    command.stdout(writer).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let report = report.to_str().unwrap();
    let cases = ["card", "--case", "*_ROOT_*", "--json"];
    let bench = assert_cmd::cargo::cargo_bin("cie-conformance");
    let made = Command::new(bench).args(cases).arg(report).output();
    assert!(made.unwrap().status.success());
    let module = library();
    let module = module.to_str().unwrap();
    let ics = statement();
    let ics = ics.to_str().unwrap();
    let only = "CIE_MW_LOGIN_01";
    let bundle = folder.path().join("bundle");
    let campaign = folder.path().join("campaign.toml");
    let text = "version = 1\nname = \"a\"\n[[run]]\nname = \"one\"\ntarget = \"card\"\n\
        family = \"gemalto\"\nseed = 3\ncases = [\"*_ROOT_*\"]\n";
    std::fs::write(&campaign, text).unwrap();
    let campaign = campaign.to_str().unwrap();
    let bundle = bundle.to_str().unwrap();
    let key = folder.path().join("embargo.key");
    let key = key.to_str().unwrap();
    let commands: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["card", "--help"],
        &["list"],
        &["list", "--json"],
        &["explain", "CIE_IAS_PIN_007"],
        &["spec", "--html"],
        &["ics", "--init"],
        &["known"],
        &["known", "--json"],
        &[
            "known",
            "--module",
            module,
            "--ics",
            ics,
            "italia/cie-middleware#84",
        ],
        &["card", "--case", "*_ROOT_*"],
        &["card", "--case", "*_ROOT_*", "--json", "-"],
        &["card", "--case", "*_ROOT_*", "--html", "-"],
        &["card", "--case", "*_ROOT_*", "--junit", "-"],
        &["card", "--case", "*_ROOT_*", "--sarif", "-"],
        &[
            "card",
            "--case",
            "*_ROOT_*",
            "--embargo",
            "-",
            "--embargo-key",
            key,
        ],
        &["properties", "--count", "20"],
        &["merge", report],
        &["merge", report, "--json", "-"],
        &["compare", report, report],
        &["replay", report],
        &["diff", "nxp", "nxp", "--streams", "2"],
        &["campaign", campaign, "--out", bundle],
        &[
            "middleware",
            "--module",
            module,
            "--ics",
            ics,
            "--only",
            only,
        ],
        &[
            "bisect", "--good", module, "--bad", module, "--ics", ics, "--only", only,
        ],
        &[
            "bisect", "--good", module, "--bad", module, "--ics", ics, "--only", only, "--json",
        ],
    ];
    for arguments in commands {
        for closed in [false, true] {
            let _ = std::fs::remove_dir_all(bundle);
            let _ = std::fs::remove_file(key);
            let output = unread(arguments, closed);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{arguments:?} {closed}: {said}");
            let wrong = ["panicked", "standard output", "os error"];
            assert!(
                !wrong.iter().any(|w| said.contains(w)),
                "{arguments:?} {closed}: {said}"
            );
        }
    }
    // What was found is told all the same.
    let output = unread(&["explain", "NOBODY"], false);
    assert_eq!(output.status.code(), Some(2));
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whoever reads the output may stop reading: `| head -1`. That is no error.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Where standard output leads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stdout {
    /// To somebody who has gone.
    Gone,
    /// It is closed.
    Closed,
    /// To a disk that is full.
    Full,
}

fn cie(arguments: &[&str], folder: &Path, stdout: Stdout) -> Output {
    let program = assert_cmd::cargo::cargo_bin("cie");
    let mut command = match stdout {
        Stdout::Closed => {
            let mut shell = Command::new("sh");
            shell.args(["-c", "exec \"$0\" \"$@\" >&-"]).arg(program);
            shell
        }
        _ => Command::new(program),
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    match stdout {
        Stdout::Full => command.stdout(File::options().write(true).open("/dev/full").unwrap()),
        _ => command.stdout(writer),
    };
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let program = assert_cmd::cargo::cargo_bin("cie");
    let program = program.to_str().unwrap();
    std::fs::write(folder.path().join("letter.txt"), "a letter").unwrap();
    let inside = |arguments: &[&'static str]| -> Vec<String> {
        let words = ["run", "--", program]
            .into_iter()
            .chain(arguments.iter().copied());
        words.map(str::to_owned).collect()
    };
    let outside = |arguments: &[&'static str]| -> Vec<String> {
        arguments.iter().map(|word| (*word).to_owned()).collect()
    };
    let commands = [
        outside(&["--help"]),
        outside(&["run", "--help"]),
        outside(&["--version"]),
        outside(&["completions", "bash"]),
        outside(&["completions", "zsh"]),
        outside(&["families"]),
        outside(&["families", "--json"]),
        outside(&["readers"]),
        outside(&["readers", "--json"]),
        outside(&["personas"]),
        outside(&["personas", "--json"]),
        outside(&["new", "card.cie"]),
        outside(&["show", "card.cie"]),
        outside(&["show", "--json", "card.cie"]),
        outside(&["codes", "card.cie"]),
        outside(&["codes", "--json", "card.cie"]),
        outside(&["pki", "authorities", "--persona", "adult"]),
        outside(&["demo"]),
        inside(&["control", "list"]),
        inside(&["pin", "tries"]),
        inside(&["pin", "tries", "--json"]),
        inside(&["sign", "--pin-env", "CIE_PIN", "letter.txt"]),
    ];
    for arguments in &commands {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        for stdout in [Stdout::Gone, Stdout::Closed] {
            for made in ["card.cie", "letter.txt.p7m"] {
                if arguments.contains(&"new") || arguments.contains(&"sign") {
                    let _ = std::fs::remove_file(folder.path().join(made));
                }
            }
            let _ = std::fs::remove_dir_all(folder.path().join("authorities"));
            let output = cie(&arguments, folder.path(), stdout);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{arguments:?} {stdout:?}: {said}");
            let wrong = ["panicked", "standard output", "os error"];
            let quiet = !wrong.iter().any(|words| said.contains(words));
            assert!(quiet, "{arguments:?} {stdout:?}: {said}");
        }
    }
}

#[test]
fn a_full_disk_is_an_error_still() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["completions", "bash"], ["families", "--json"]] {
        let output = cie(&arguments, folder.path(), Stdout::Full);
        assert_eq!(output.status.code(), Some(125));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("standard output"), "{said}");
    }
}

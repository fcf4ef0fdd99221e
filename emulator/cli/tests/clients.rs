// SPDX-License-Identifier: MIT OR Apache-2.0
//! Unmodified programs of others on the card, through `cie run`. They come from
//! Debian packages that `ci/test` installs; without them these tests fail and
//! say so.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use std::path::Path;

fn cie() -> Command {
    Command::cargo_bin("cie").unwrap()
}

fn need(program: &str, package: &str) {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).exists()));
    assert!(
        found,
        "{program} is not installed; it is in the Debian package {package}"
    );
}

/// What a command prints to standard output.
fn stdout(command: &mut Command) -> String {
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8_lossy(&output).into_owned()
}

/// A value of the environment that the child of this seed sees.
fn variable(seed: &str, name: &str) -> String {
    let script = format!("printf %s \"${name}\"");
    stdout(cie().args(["run", "--seed", seed, "--", "sh", "-c", &script]))
}

/// The bytes in an `opensc-tool` dump, without its ASCII column.
fn dumped(output: &str) -> String {
    output
        .lines()
        .filter(|line| line.split(' ').next().is_some_and(|word| word.len() == 2))
        .flat_map(|line| line.split(' ').take_while(|w| w.len() == 2).take(16))
        .collect()
}

#[test]
fn opensc_tool_reads_the_nis() {
    need("opensc-tool", "opensc");
    let output = stdout(cie().args([
        "run",
        "--seed",
        "3",
        "--",
        "opensc-tool",
        "-s",
        "00A4040C06A00000000039",
        "-s",
        "00A4020C021001",
        "-s",
        "00B0000000",
    ]));
    let nis = variable("3", "CIE_NIS");
    let hex = hex::encode_upper(&nis);
    assert!(dumped(&output).contains(&hex), "{nis} not in:\n{output}");
}

#[test]
fn opensc_tool_reads_the_card_number() {
    need("opensc-tool", "opensc");
    let output = stdout(cie().args([
        "run",
        "--seed",
        "3",
        "--",
        "opensc-tool",
        "-s",
        "00A40000",
        "-s",
        "00A4020C02D003",
        "-s",
        "00B0000000",
    ]));
    // The NIS stands in it in BCD, after tag, length and issuer prefix.
    let bytes = dumped(&output);
    let nis = variable("3", "CIE_NIS");
    let at = bytes
        .find("5A0A")
        .unwrap_or_else(|| panic!("no EF.SN.ICC in:\n{output}"));
    assert_eq!(bytes.get(at + 10..at + 22), Some(nis.as_str()), "{output}");
}

#[test]
fn opensc_tool_shows_the_answer_to_reset() {
    need("opensc-tool", "opensc");
    let output = stdout(cie().args(["run", "--", "opensc-tool", "--atr"]));
    assert_eq!(
        output.trim(),
        "3b:8f:80:01:80:31:80:65:b0:85:04:00:11:12:0f:ff:82:90:00:8a"
    );
}

#[test]
fn pcsc_scan_sees_the_reader_with_its_card() {
    need("pcsc_scan", "pcsc-tools");
    let text = stdout(cie().args(["run", "--", "pcsc_scan", "-n", "-c"]));
    assert!(text.contains(&variable("1", "CIE_READER")), "{text}");
    assert!(text.contains("Card inserted"), "{text}");
    assert!(
        text.contains("3B 8F 80 01 80 31 80 65 B0 85 04 00 11 12 0F FF 82 90 00 8A"),
        "{text}"
    );
}

#[test]
fn pyscard_goes_from_key_agreement_to_secure_messaging() {
    let python = "/usr/bin/python3";
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/secure_messaging.py");
    let output = cie()
        .arg("run")
        .args(["--seed", "5", "--", python])
        .arg(script)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !errors.contains("No module named 'smartcard'"),
        "pyscard is not installed; it is in the Debian package python3-pyscard"
    );
    assert!(output.status.success(), "{errors}");
    let nis = variable("5", "CIE_NIS");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        format!("NIS in secure messaging: {nis}")
    );
}

#[test]
fn openssl_verifies_the_certificates_given_to_the_child() {
    need("openssl", "openssl");
    cie()
        .args([
            "run",
            "--",
            "sh",
            "-c",
            "openssl verify -CAfile \"$CIE_CA_PEM\" \"$CIE_CA_PEM\"",
        ])
        .assert()
        .success();
}

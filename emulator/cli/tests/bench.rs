// SPDX-License-Identifier: MIT OR Apache-2.0
//! The line of the README: `cie run -- cie-conformance card --reader 0`.
//!
//! The bench is another crate's program. `cargo test --workspace` builds it;
//! where only this crate was built it may be missing, and then there is nothing
//! to test, but not in continuous integration.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)] // helpers of tests

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};

fn bench() -> Option<PathBuf> {
    let cie = assert_cmd::cargo::cargo_bin("cie");
    let bench = cie.with_file_name("cie-conformance");
    if bench.exists() {
        return Some(bench);
    }
    let missing = format!("{} is not built: cargo test --workspace", bench.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("{missing}");
    None
}

/// Runs the bench under `cie run`; what it says, and its report if there is one.
fn run(bench: &PathBuf, options: &[&str], reader: &str) -> (Output, Option<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(assert_cmd::cargo::cargo_bin("cie"))
        .current_dir(folder.path())
        .env_remove("CIE_CONTROL")
        .env_remove("PCSCLITE_CSOCK_NAME")
        .arg("run")
        .args(options)
        .arg("--")
        .arg(bench)
        .args(["card", "--reader", reader, "--case", "CIE_IAS_SEL_0*"])
        .args(["--case", "CIE_IAS_PIN_00*", "--json"])
        .arg(&report)
        .output()
        .unwrap();
    let report = std::fs::read_to_string(report).ok();
    (output, report.map(|r| serde_json::from_str(&r).unwrap()))
}

fn verdicts<'a>(report: &'a Value, verdict: &str) -> Vec<&'a Value> {
    let results = report["results"].as_array().unwrap();
    results.iter().filter(|r| r["verdict"] == verdict).collect()
}

#[test]
fn a_card_of_cie_run_passes_by_number_and_by_name() {
    let Some(bench) = bench() else { return };
    let mut passed = Vec::new();
    for reader in ["0", "CIE Software Reader 00 00", "Software Reader"] {
        let (output, report) = run(&bench, &[], reader);
        assert!(output.status.success(), "{reader}: {output:?}");
        let report = report.unwrap();
        // Not a protected stranger: the control has proven that it is ours.
        assert_eq!(report["target"]["kind"], "socket");
        assert_eq!(report["target"]["name"], "CIE Software Reader 00 00");
        let pass = verdicts(&report, "pass").len();
        let all = report["results"].as_array().unwrap().len();
        assert_eq!(pass, all, "{reader}: {report:#}");
        passed.push(pass);
    }
    assert!(
        passed.iter().all(|pass| *pass == passed[0] && *pass > 20),
        "{passed:?}"
    );
    let (output, report) = run(&bench, &["--family", "actalis-2023"], "0");
    assert!(output.status.success() && report.is_some(), "{output:?}");
}

#[test]
fn a_reader_that_breaks_or_is_not_there_is_no_pass() {
    let Some(bench) = bench() else { return };
    let broken = [
        "--fault",
        "SCardTransmit SCARD_F_COMM_ERROR --at 40 --times all",
    ];
    let (output, report) = run(&bench, &broken, "0");
    let report = report.unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(!verdicts(&report, "inconclusive").is_empty(), "{report:#}");
    assert!(
        verdicts(&report, "fail").is_empty(),
        "the card is not to blame: {report:#}"
    );
    for reader in ["1", "A Reader 00 00"] {
        let (output, report) = run(&bench, &[], reader);
        assert!(
            !output.status.success() && report.is_none(),
            "{reader}: {output:?}"
        );
    }
}

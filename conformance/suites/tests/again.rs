// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports on modules and on properties, run again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod spoiled;

use assert_cmd::assert::Assert;
use cie_conformance::report::Report;
use cie_conformance::verdict::Verdict;
use spoiled::{bench, library, spoiled, statement};
use std::path::Path;

/// Runs a report again; the text and what it came to.
fn replay(report: &Path, more: &[&str]) -> (Assert, String) {
    let mut command = bench();
    let assert = command.arg("replay").arg(report).args(more).assert();
    let text = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    (assert, text)
}

#[test]
fn what_a_module_failed_is_reproduced_and_what_is_mended_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bad = spoiled(folder.path(), "bad.so", &["-DTWICE", "-DTURNED"]);
    let report = folder.path().join("report.json");
    let mut command = bench();
    command.args(["middleware", "--seed", "11", "--ics"]);
    command.arg(statement()).arg("--module").arg(&bad);
    for case in ["CIE_MW_LOGIN_01", "CIE_MW_LOGIN_02", "CIE_MW_SIGN_01"] {
        command.args(["--case", case]);
    }
    command.arg("--json").arg(&report).assert().code(1);
    let bad = bad.display().to_string();
    let (assert, text) = replay(&report, &["--module", &bad]);
    assert.code(0);
    let same = "again, for the same reason";
    assert!(
        text.contains(&format!("CIE_MW_LOGIN_02@1 fail: {same}")),
        "{text}"
    );
    assert!(
        text.ends_with("2 the same, 0 not the same, 0 unknown\n"),
        "{text}"
    );
    // The one that passed, only if it is asked for.
    let only = ["--module", &bad, "--only", "CIE_MW_LOGIN_01"];
    let (assert, text) = replay(&report, &only);
    assert.code(0);
    assert!(text.contains("CIE_MW_LOGIN_01@1 pass"), "{text}");
    // With the reference module the two pass.
    let mended = library().display().to_string();
    let (assert, text) = replay(&report, &["--module", &mended]);
    assert.code(1);
    assert!(
        text.contains("note: the report is of the module with SHA-256"),
        "{text}"
    );
    assert!(text.contains("now     pass"), "{text}");
    assert!(
        text.ends_with("0 the same, 2 not the same, 0 unknown\n"),
        "{text}"
    );
    // The seed and the reason count, and nothing is loaded unasked.
    let mut other: Report = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let fail = other
        .results
        .iter_mut()
        .find(|r| r.verdict == Verdict::Fail);
    let fail = fail.unwrap();
    fail.reason.push_str(", and more");
    let id = fail.id.clone();
    std::fs::write(&report, serde_json::to_string(&other).unwrap()).unwrap();
    let only = ["--module", &bad, "--only", &id];
    replay(&report, &only).0.code(1);
    replay(&report, &[]).0.code(2);
}

#[test]
fn the_sequence_of_a_property_is_played_again() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut command = bench();
    command.args([
        "properties",
        "--count",
        "200",
        "--case",
        "*_PROP_07",
        "--json",
    ]);
    command.arg(&report).assert().code(0);
    let (assert, text) = replay(&report, &[]);
    assert.code(0);
    assert!(
        text.ends_with("1 the same, 0 not the same, 0 unknown\n"),
        "{text}"
    );
    // A failure that the card does not have: its sequence alone is run.
    let mut told: Report = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    told.results[0].verdict = Verdict::Fail;
    told.results[0].reason = "sequence 3 of seed 1, shrunk to 2 commands".to_owned();
    std::fs::write(&report, serde_json::to_string(&told).unwrap()).unwrap();
    let (assert, text) = replay(&report, &[]);
    assert.code(1);
    assert!(
        text.contains("CIE_IAS_PROP_07@1 came to something else"),
        "{text}"
    );
    let (assert, _) = replay(&report, &["--module", "/x.so"]);
    assert.code(2);
}

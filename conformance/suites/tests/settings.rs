// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report says how its run was made, and what is done with it needs nothing
//! told again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod schema;
mod spoiled;

use cie_conformance::report::settings::Again;
use cie_conformance::report::{Report, Settings};
use serde_json::{Value, json};
use spoiled::{bench, library, spoiled, statement};
use std::path::Path;

/// Nobody documents this variable.
const SECRET: &str = "GATE_TOKEN";

fn middleware(module: &Path, more: &[&str]) -> assert_cmd::Command {
    let mut command = bench();
    command.args(["middleware", "--seed", "11", "--ics"]);
    command.arg(statement()).arg("--module").arg(module);
    command.args(more);
    command
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Runs a report again; exit code, what it says and what it complains of.
fn replay(report: &Path, module: &Path, more: &[&str]) -> (i32, String, String) {
    let mut command = bench();
    command.arg("replay").arg(report);
    command.arg("--module").arg(module).args(more);
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

#[test]
fn a_report_says_how_it_was_made_and_tells_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let options = |command: &mut assert_cmd::Command| {
        command.args([
            "--case",
            "CIE_MW_LOGIN_01",
            "--sequences",
            "3",
            "--draws",
            "2",
        ]);
        command.args(["--patience", "50", "--under", "env WHO=nobody"]);
        command.arg("--env").arg(format!("{SECRET}=geheim"));
        command.args(["--env", "CIE_PKCS11_CA=/nowhere/ca.pem"]);
        command.args(["--env", "CIE_PKCS11_CERT=/nowhere/first.pem"]);
        command.args(["--env", "CIE_PKCS11_CERT=/nowhere/last.pem"]);
    };
    let mut run = middleware(&library(), &[]);
    options(&mut run);
    for (option, name) in [
        ("--json", "json"),
        ("--html", "html"),
        ("--junit", "junit"),
        ("--sarif", "sarif"),
    ] {
        run.arg(option).arg(at(name));
    }
    run.assert().code(0);
    let report = read(&at("json"));
    let expected = json!({
        "sequences": 3,
        "draws": 2,
        "patience": 50,
        "environment": {
            "CIE_PKCS11_CA": "/nowhere/ca.pem",
            "CIE_PKCS11_CERT": "/nowhere/last.pem",
            SECRET: null,
        },
        "under": "env WHO=nobody",
    });
    assert_eq!(report["settings"], expected);
    schema::fits("report", &report, &[("/settings/under", json!(""))]);
    for name in ["json", "html", "junit", "sarif"] {
        let text = std::fs::read_to_string(at(name)).unwrap();
        assert!(!text.contains("geheim"), "{name}");
        assert!(
            text.contains(SECRET) && text.contains("env WHO=nobody"),
            "{name}"
        );
    }
    // Nothing of it under an embargo, in the file or beside it.
    let mut run = middleware(&library(), &[]);
    options(&mut run);
    let output = run.arg("--embargo").arg(at("embargo")).output().unwrap();
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let text = std::fs::read_to_string(at("embargo")).unwrap();
    for leak in [
        "geheim",
        SECRET,
        "nowhere",
        "WHO",
        "CIE_PKCS11",
        "settings",
        "50",
    ] {
        let hash = leak.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(hash || !text.contains(leak), "{leak}");
    }
    let keys: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = keys.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["findings", "report"]);
}

#[test]
fn every_kind_of_run_says_what_it_was_made_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let run = |arguments: &[&str]| {
        let mut command = bench();
        command.args(arguments).arg("--json").arg(&path);
        command.assert().code(0);
        let report = read(&path);
        schema::fits("report", &report, &[]);
        report["settings"].clone()
    };
    let card = run(&["card", "--case", "*_ROOT_*", "--patience", "40"]);
    assert_eq!(card, json!({ "patience": 40 }));
    let property = ["properties", "--case", "*_PROP_07"];
    let many = run(&[&property[..], &["--count", "100"]].concat());
    assert_eq!(many, json!({ "count": 100, "patience": 60 }));
    let one = run(&[&property[..], &["--number", "5", "--patience", "9"]].concat());
    assert_eq!(one, json!({ "number": 5, "patience": 9 }));
    // Played again without a word: that sequence, and no other.
    let mut command = bench();
    let done = command.arg("replay").arg(&path).assert().code(0);
    let text = String::from_utf8(done.get_output().stdout.clone()).unwrap();
    assert!(
        text.contains("settings, as in the report: patience 9 s\n"),
        "{text}"
    );
    assert!(
        text.ends_with("1 the same, 0 not the same, 0 unknown\n"),
        "{text}"
    );
}

#[test]
fn a_replay_is_made_as_its_report_was() {
    let folder = tempfile::tempdir().unwrap();
    let bad = spoiled(folder.path(), "bad.so", &["-DTWICE"]);
    let path = folder.path().join("report.json");
    let mut run = middleware(&bad, &["--case", "CIE_MW_SEQ_01", "--patience", "50"]);
    run.args(["--sequences", "3", "--draws", "2", "--json"]);
    run.arg(&path).assert().code(1);
    // What it says has the number of sequences in it, so it is the same only
    // with the same number.
    let reason = read(&path)["results"][0]["reason"].clone();
    assert!(reason.as_str().unwrap().contains(" of 3, "), "{reason}");
    let (code, text, _) = replay(&path, &bad, &[]);
    let recorded = "settings, as in the report: sequences 3, draws 2, patience 50 s\n";
    assert!(text.contains(recorded), "{text}");
    assert!(code == 0 && text.contains("1 the same"), "{text}");
    let (code, text, _) = replay(&path, &bad, &["--sequences", "4"]);
    let given = "settings, as given: sequences 4; as in the report: draws 2, patience 50 s\n";
    assert!(text.contains(given), "{text}");
    assert!(code == 1 && text.contains(" of 4, "), "{text}");
    // A report of an earlier bench has no settings, and is still read.
    let mut old = read(&path);
    old.as_object_mut().unwrap().remove("settings");
    assert!(Report::parse(&old.to_string()).unwrap().settings.is_none());
    std::fs::write(&path, old.to_string()).unwrap();
    let (code, text, _) = replay(&path, &bad, &["--sequences", "3"]);
    let usual = "settings, as given: sequences 3; as usual: draws 24, patience 60 s\n";
    assert!(code == 0 && text.contains(usual), "{text}");
}

#[test]
fn what_a_report_cannot_say_has_to_be_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut run = middleware(&library(), &["--case", "CIE_MW_LOGIN_01"]);
    run.arg("--env").arg(format!("{SECRET}=geheim"));
    run.arg("--env").arg("CIE_PKCS11_CA=/nowhere/ca.pem");
    run.arg("--env").arg("CIE_PKCS11_LOG=stderr");
    run.arg("--json").arg(&path).assert().code(0);
    let only = ["--only", "CIE_MW_LOGIN_01"];
    let (code, _, error) = replay(&path, &library(), &only);
    assert!(
        code == 2 && error.contains("--env GATE_TOKEN=VALUE"),
        "{error}"
    );
    let given = [&only[..], &["--env", "GATE_TOKEN=anders"]].concat();
    let (code, text, _) = replay(&path, &library(), &given);
    assert_eq!(code, 0, "{text}");
    let line = "settings, as given: GATE_TOKEN; as in the report: sequences 10, draws 24, \
        patience 60 s, CIE_PKCS11_CA=/nowhere/ca.pem; as usual: no CIE_PKCS11_LOG\n";
    assert!(text.contains(line) && !text.contains("anders"), "{text}");

    // A report can come from anywhere. What it wants started is not, and a
    // value that the bench would not have recorded is not taken.
    let marker = folder.path().join("started");
    let mut foreign = read(&path);
    foreign["settings"]["under"] = json!(format!("touch {}", marker.display()));
    std::fs::write(&path, foreign.to_string()).unwrap();
    let (code, _, error) = replay(&path, &library(), &given);
    assert!(code == 2 && error.contains("--under"), "{error}");
    assert!(!marker.exists());
    let none = [&given[..], &["--under", ""]].concat();
    let (code, text, _) = replay(&path, &library(), &none);
    assert!(code == 0 && text.contains("under no program"), "{text}");
    foreign["settings"]["under"] = json!("env");
    foreign["settings"]["environment"]["LD_PRELOAD"] = json!("/nowhere/evil.so");
    std::fs::write(&path, foreign.to_string()).unwrap();
    let (code, _, error) = replay(&path, &library(), &none);
    assert!(
        code == 2 && error.contains("--env LD_PRELOAD=VALUE"),
        "{error}"
    );
    let settings: Settings = serde_json::from_value(foreign["settings"].clone()).unwrap();
    let again: Vec<_> = settings.variables().collect();
    let expected = [
        ("CIE_PKCS11_CA", Again::Set("/nowhere/ca.pem")),
        ("CIE_PKCS11_LOG", Again::LeftOut),
        (SECRET, Again::Ask),
        ("LD_PRELOAD", Again::Ask),
    ];
    assert_eq!(again, expected);
}

#[test]
fn shards_of_different_settings_are_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let case = ["--case", "*LOGIN_0?"];
    let shard = |name: &str, part: &str, more: &[&str]| {
        let mut run = middleware(&library(), &case);
        run.args(["--shard", part]).args(more);
        run.arg("--json").arg(at(name)).assert().code(0);
    };
    shard("one", "1/2", &["--sequences", "5"]);
    shard("two", "2/2", &["--sequences", "5"]);
    shard("other", "2/2", &[]);
    let merge = |second: &str| {
        let mut command = bench();
        command.arg("merge").arg(at("one")).arg(at(second));
        command.arg("--json").arg(at("merged"));
        command.output().unwrap()
    };
    std::fs::write(at("merged"), "as it was").unwrap();
    let before = std::fs::read(at("other")).unwrap();
    let refused = merge("other");
    assert_eq!(refused.status.code(), Some(2));
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(
        text.contains("sequences is 5 in one and 10 in another"),
        "{text}"
    );
    // Nothing is lost.
    assert_eq!(std::fs::read(at("merged")).unwrap(), b"as it was");
    assert_eq!(std::fs::read(at("other")).unwrap(), before);
    assert_eq!(merge("two").status.code(), Some(0));
    assert_eq!(
        read(&at("merged"))["settings"],
        read(&at("one"))["settings"]
    );
    // And a comparison says so.
    let mut compare = bench();
    compare.arg("compare").arg(at("two")).arg(at("other"));
    let text = String::from_utf8(compare.output().unwrap().stdout).unwrap();
    assert!(
        text.contains("note: another setting, sequences: 5 → 10\n"),
        "{text}"
    );
}

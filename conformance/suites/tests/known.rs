// SPDX-License-Identifier: MIT OR Apache-2.0
//! The public complaints: the list reads, every line runs, the reference
//! module has none of them, and a module with the defect is told.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests
#![allow(clippy::print_stdout)] // how long each line took, with --nocapture

mod schema;

use cie_conformance::ics::{Feature, Ics};
use cie_conformance::known::{Complaint, Known, KnownIssues, Shown, Tried, render, try_out};
use cie_conformance::middleware::{Effort, Scene, Setup};
use cie_conformance::verdict::Verdict;
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const STATEMENT: &str = include_str!("../../pkcs11/ics.toml");

/// What cargo built beside this test.
fn built(names: &[&str]) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    [folder, folder.parent().unwrap()]
        .iter()
        .flat_map(|folder| names.iter().map(|name| folder.join(name)))
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no {names:?} beside {}", program.display()))
}

/// The reference module, behind a program with this defect if there is one.
fn setup(defect: Option<&str>) -> Setup {
    let bench = assert_cmd::cargo::cargo_bin("cie-conformance");
    let mut words: Vec<OsString> = vec![bench.clone().into(), "drive".into()];
    if let Some(defect) = defect {
        words.insert(0, defect.into());
        words.insert(0, built(&["examples/complainer"]).into());
    }
    Setup {
        module: built(&["libcie_pkcs11.so"]),
        driver: words.remove(0).into(),
        driver_arguments: words,
        supervisor: vec![bench.into(), "supervise".into()],
        seed: 1,
        patience: Duration::from_secs(60),
        environment: Vec::new(),
        effort: Effort::default(),
        scene: Scene::default(),
    }
}

fn shipped() -> KnownIssues {
    KnownIssues::shipped().unwrap()
}

/// Runs these lines two at a time, the same line once.
fn run<'a>(lines: Vec<(&'a Known, Option<&'a str>)>) -> Vec<(&'a Known, Tried)> {
    let ics = Ics::parse(STATEMENT).unwrap();
    let mut groups: BTreeMap<String, Vec<(&Known, Option<&str>)>> = BTreeMap::new();
    for (known, defect) in lines {
        let Known {
            family,
            reader,
            state,
            cases,
            ..
        } = known;
        let line = format!("{family:?} {reader:?} {state:?} {cases:?} {defect:?}");
        groups.entry(line).or_default().push((known, defect));
    }
    let waiting = Mutex::new(groups.into_values().collect::<Vec<_>>());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(group) = waiting.lock().unwrap().pop() else {
                        return;
                    };
                    let (known, defect) = group[0];
                    let begun = Instant::now();
                    let tried = try_out(known, &setup(defect), &ics).unwrap();
                    println!(
                        "{} {:?} {:?}",
                        known.report,
                        tried.complaint,
                        begun.elapsed()
                    );
                    let mut done = done.lock().unwrap();
                    done.extend(group.iter().map(|(known, _)| (*known, tried.clone())));
                }
            });
        }
    });
    done.into_inner().unwrap()
}

#[test]
fn the_share_of_reproduced_reports_is_as_promised() {
    let issues = shipped();
    let (reproduced, counted) = issues.share();
    println!("{reproduced} of {counted}");
    assert!(counted >= 30, "{counted}");
    assert!(
        reproduced * 100 >= counted * 60,
        "{reproduced} of {counted}"
    );
}

#[test]
fn the_page_is_that_of_the_list() {
    let page = include_str!("../../../docs/known-issues.md");
    let fresh = render(&shipped());
    assert!(
        page == fresh,
        "cargo run -p cie-conformance --example known > docs/known-issues.md"
    );
}

/// What is not public is told by its weakness class only: no function of
/// somebody's library, and no case but on the line.
#[test]
fn a_line_says_no_more_than_its_report() {
    for known in &shipped().reports {
        let text = format!("{} {}", known.seen, known.why_not);
        for word in ["AbilitaCIE", "aborts", "REPORT_", "SLOT_", "FAULT_"] {
            assert!(!text.contains(word), "{}: {text}", known.report);
        }
    }
}

#[test]
fn nobody_is_named_and_a_table_holds_it() {
    let issues = shipped();
    for known in &issues.reports {
        let text = format!("{} {} {}", known.summary, known.shows, known.seen);
        assert!(!text.contains('@'), "{text}");
        assert!(!text.contains('|'), "a table cannot hold it: {text}");
    }
}

#[test]
fn the_reference_module_has_no_complaint() {
    let issues = shipped();
    let lines = issues.named(&[]).unwrap();
    let begun = Instant::now();
    let tried = run(lines.iter().map(|known| (*known, None)).collect());
    println!("{} lines in {:?}", tried.len(), begun.elapsed());
    assert_eq!(tried.len(), lines.len());
    for (known, tried) in tried {
        let report = &known.report;
        assert_eq!(tried.complaint, Complaint::Absent, "{report}: {tried:#?}");
        for result in &tried.results {
            let fine = matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable);
            assert!(fine, "{report}: {}: {}", result.id, result.reason);
        }
    }
}

#[test]
fn a_module_with_the_defect_has_the_complaint() {
    let issues = shipped();
    let mutants = issues.reports.iter().filter(|known| known.mutant.is_some());
    let lines: Vec<_> = mutants.map(|k| (k, k.mutant.as_deref())).collect();
    let named = |shown| lines.iter().filter(move |(k, _)| k.shown == Some(shown));
    assert!(named(Shown::Mutant).count() > 10);
    assert_eq!(named(Shown::Module).count(), 0);
    for (known, tried) in run(lines) {
        let complaint = tried.complaint;
        assert_eq!(
            complaint,
            Complaint::Present,
            "{}: {tried:#?}",
            known.report
        );
    }
}

#[test]
fn the_defects_are_on_their_lines_only() {
    // Each defect with a card or reader that people had no trouble with.
    let usual = Known {
        report: "a/b#1".to_owned(),
        summary: String::new(),
        read: cie_conformance::known::Read::Whole,
        cause: cie_conformance::known::Cause::Card,
        family: Some("gemalto".to_owned()),
        reader: None,
        state: None,
        cases: vec!["CIE_MW_LOGIN_01".to_owned()],
        shows: String::new(),
        reproduced: false,
        shown: None,
        mutant: None,
        seen: String::new(),
        why_not: String::new(),
    };
    let newest = Known {
        family: Some("actalis-b946".to_owned()),
        ..usual.clone()
    };
    let issues = shipped();
    let mut defects: Vec<_> = issues
        .reports
        .iter()
        .flat_map(|k| k.mutant.as_deref())
        .collect();
    defects.sort_unstable();
    defects.dedup();
    let lines = defects.iter().map(|defect| {
        let refuses_old = *defect == "dies=gemalto" || defect.starts_with("knows=actalis");
        (if refuses_old { &newest } else { &usual }, Some(*defect))
    });
    for (_, tried) in run(lines.collect()) {
        assert_eq!(tried.complaint, Complaint::Absent, "{tried:#?}");
    }
}

#[test]
fn a_scene_that_a_case_does_not_heed_is_undecided() {
    let issues = shipped();
    let mut known = issues
        .named(&["italia/cie-middleware#75".to_owned()])
        .unwrap()[0]
        .clone();
    known.family = Some("nxp".to_owned());
    let ics = Ics::parse(STATEMENT).unwrap();
    let tried = try_out(&known, &setup(None), &ics).unwrap();
    assert_eq!(tried.complaint, Complaint::Undecided, "{tried:#?}");
    assert!(ics.middleware.unwrap().features.contains(&Feature::SetPin));
}

#[test]
fn one_line_tells_whether_a_module_has_a_complaint() {
    let known = |arguments: &[&str]| {
        assert_cmd::Command::cargo_bin("cie-conformance")
            .unwrap()
            .arg("known")
            .args(arguments)
            .output()
            .unwrap()
    };
    let text = |output: &std::process::Output| String::from_utf8(output.stdout.clone()).unwrap();
    let list = known(&[]);
    assert!(list.status.success());
    let (reproduced, counted) = shipped().share();
    assert!(text(&list).contains(&format!("{reproduced} of {counted} with a card")));
    let json = known(&["--json", "italia/cie-middleware#173"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json[0]["family"], "stm");
    schema::fits(
        "known",
        &json,
        &[
            ("/0/report", json!("173")),
            ("/0/cause", json!("maybe")),
            ("/0/why_not", json!("x")),
            ("/0/cases", json!(["LOGIN"])),
        ],
    );
    let all = known(&["--json"]);
    let all: serde_json::Value = serde_json::from_slice(&all.stdout).unwrap();
    assert_eq!(all.as_array().unwrap().len(), shipped().reports.len());
    schema::fits("known", &all, &[]);
    let nobody = known(&["italia/cie-middleware#1"]);
    assert_eq!(nobody.status.code(), Some(2));

    let module = built(&["libcie_pkcs11.so"]);
    let module = module.to_str().unwrap();
    let report = "italia/cie-middleware#84";
    let fine = known(&["--module", module, report]);
    assert_eq!(fine.status.code(), Some(0), "{}", text(&fine));
    assert!(text(&fine).contains("does not have it"));
    // Nothing is run of a report without a line, so nothing is known.
    let without = "italia/cie-middleware#128";
    let none = known(&["--module", module, without]);
    assert_eq!(none.status.code(), Some(3), "{}", text(&none));
    assert!(text(&none).contains("no line"));
    let none = known(&["--module", module, without, "--json"]);
    let none: serde_json::Value = serde_json::from_slice(&none.stdout).unwrap();
    assert_eq!(none[0]["complaint"], "no-line");
    schema::fits("known", &none, &[]);
    let complainer = built(&["examples/complainer"]);
    let under = format!("{} knows=gemalto", complainer.display());
    let found = known(&["--module", module, "--under", &under, report]);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found));
    assert!(text(&found).contains("has it"));
    let found = known(&["--module", module, "--under", &under, "--json", report]);
    assert_eq!(found.status.code(), Some(1));
    let found: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found[0]["complaint"], "present");
    schema::fits(
        "known",
        &found,
        &[
            ("/0/complaint", json!("maybe")),
            ("/0/extra", json!(1)),
            ("/0/results/0/verdict", json!("maybe")),
            ("/0/results/0/evidence", json!([{ "step": 1 }])),
        ],
    );
}

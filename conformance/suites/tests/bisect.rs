// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which cases go worse from the reference module to ones that are spoiled
//! (`spoiled/spoiled.c`), with which of them, and where they first do something else.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod schema;
mod spoiled;

use cie_conformance::bisect::compare;
use cie_conformance::catalogue::middleware_cases;
use cie_conformance::ics::Ics;
use cie_conformance::middleware::{Effort, Scene, Setup, watched};
use cie_conformance::verdict::Verdict;
use serde_json::{Value, json};
use spoiled::{bench, library, spoiled, statement};
use std::path::Path;
use std::time::Duration;

/// Bisects these cases; the exit code and what is told.
fn bisect(good: &Path, between: &[&Path], bad: &Path, cases: &[&str]) -> (i32, Value) {
    let mut command = bench();
    command.args(["bisect", "--seed", "7", "--json", "--ics"]);
    command.arg(statement());
    command.args(["--env", "NOBODY=reads this", "--draws", "2"]);
    command.arg("--good").arg(good).arg("--bad").arg(bad);
    if !between.is_empty() {
        command.arg("--between").args(between);
    }
    for case in cases {
        command.args(["--only", case]);
    }
    let output = command.output().unwrap();
    let told = serde_json::from_slice(&output.stdout);
    let told: Value =
        told.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    schema::fits(
        "bisect",
        &told,
        &[
            ("/format", json!(2)),
            ("/extra", json!(1)),
            ("/seed", json!(-1)),
            ("/settings/draws", json!(0)),
            ("/modules/0/sha256", json!("x")),
            ("/replays", json!([["one"]])),
        ],
    );
    assert_eq!(told["settings"]["draws"], 2);
    // A value that nobody documents may be a secret.
    assert_eq!(told["settings"]["environment"], json!({ "NOBODY": null }));
    (output.status.code().unwrap(), told)
}

fn texts(value: &Value) -> Vec<&str> {
    let list = value.as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}

const CASES: [&str; 3] = ["CIE_MW_LOGIN_01", "CIE_MW_LOGIN_02", "CIE_MW_SIGN_01"];

#[test]
fn each_case_turns_with_the_module_that_has_its_defect() {
    let folder = tempfile::tempdir().unwrap();
    let module = |name: &str, defects: &[&str]| spoiled(folder.path(), name, defects);
    let one = module("one.so", &[]);
    let two = module("two's.so", &["-DTWICE"]);
    let three = module("three.so", &["-DTWICE", "-DTURNED"]);
    let (code, told) = bisect(&library(), &[&one, &two], &three, &CASES);
    assert_eq!(code, 1);
    assert_eq!(told["same"], 1);
    let paths: Vec<_> = told["modules"].as_array().unwrap().iter().collect();
    assert_eq!(paths[3]["path"], three.display().to_string());
    assert_ne!(paths[2]["sha256"], paths[3]["sha256"]);
    let found = told["regressions"].as_array().unwrap();
    let turned: Vec<_> = found
        .iter()
        .map(|r| (r["id"].as_str().unwrap(), r["last_good"].as_u64().unwrap()))
        .collect();
    assert_eq!(turned, [("CIE_MW_LOGIN_02", 1), ("CIE_MW_SIGN_01", 2)]);
    let [login, sign] = &found[..] else {
        panic!("{found:#?}")
    };
    schema::fits(
        "bisect",
        &told,
        &[
            ("/regressions/0/id", json!("LOGIN")),
            ("/regressions/0/extra", json!(1)),
            ("/regressions/0/bad/verdict", json!("maybe")),
            ("/regressions/0/difference/bad/step", json!("one")),
            ("/regressions/0/last_good", json!(-1)),
        ],
    );
    // The module asks for the tries left before it sends the PIN once more,
    // inside secure messaging.
    let difference = &login["difference"];
    assert_eq!(difference["by_chance"], false);
    let second = &difference["bad"];
    assert_eq!(second["plain_command"], "0020008100");
    assert_eq!(second["plain_response"], "63C2");
    assert_eq!(difference["good"]["command"], "C_Login(CKU_USER)");
    let calls = texts(&login["calls"]);
    assert_eq!(calls.last(), Some(&"C_Login(CKU_USER) → CKR_PIN_INCORRECT"));
    assert_eq!(login["good"]["verdict"], "pass");
    assert_eq!(login["bad"]["verdict"], "fail");
    // The card sees nothing of a bit that is turned after its answer; what
    // parts the two is that the bench goes on only with the good one.
    let reason = sign["bad"]["reason"].as_str().unwrap();
    assert!(reason.contains("verif"), "{reason}");
    let calls = texts(&sign["calls"]).join("\n");
    assert!(calls.contains("C_Sign → 256 bytes"), "{calls}");
    // What is told of seeing it again can be done, whatever a path has in it.
    let replays = told["replays"][0].as_array().unwrap();
    for (line, code) in replays.iter().zip([0, 1]) {
        let given = " --draws 2 --ics '";
        assert!(line.as_str().unwrap().contains(given), "{line}");
        assert!(
            line.as_str()
                .unwrap()
                .ends_with(" --env 'NOBODY=reads this'")
        );
        let program = bench().get_program().to_owned();
        let folder = Path::new(&program).parent().unwrap().to_owned();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut shell = assert_cmd::Command::new("sh");
        shell.env("PATH", path).args(["-c", line.as_str().unwrap()]);
        shell.assert().code(code);
    }
}

#[test]
fn what_is_now_so_and_now_so_is_unsteady_and_is_not_bisected() {
    let folder = tempfile::tempdir().unwrap();
    let once = format!("-DFIRST={:?}", folder.path().join("once"));
    let bad = spoiled(folder.path(), "bad.so", &["-DTURNED", &once]);
    let (code, told) = bisect(&library(), &[], &bad, &["CIE_MW_SIGN_01"]);
    assert_eq!(code, 3);
    assert_eq!(told["regressions"].as_array().unwrap().len(), 0);
    schema::fits(
        "bisect",
        &told,
        &[
            ("/unsteady/0/verdicts", json!([])),
            ("/unsteady/0/module", json!("1")),
        ],
    );
    let unsteady = &told["unsteady"][0];
    assert_eq!(texts(&unsteady["verdicts"]), ["fail", "pass", "pass"]);
    assert_eq!(unsteady["module"], 1);
}

#[test]
fn modules_that_do_the_same_have_no_difference() {
    let folder = tempfile::tempdir().unwrap();
    let same = spoiled(folder.path(), "same.so", &[]);
    let mut command = bench();
    command.args(["bisect", "--only", CASES[1], "--ics"]);
    command.arg(statement());
    command.arg("--good").arg(library()).arg("--bad").arg(&same);
    let output = command.assert().code(0).get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert_eq!(
        text,
        "0 worse, 0 unsteady, 0 not decided, 0 better, 1 as before\n"
    );
    let mut wrong = bench();
    wrong.args(["bisect", "--good", "/x", "--bad", "/y", "--only", "NOBODY"]);
    wrong.assert().code(2);
}

/// What is found out of the bad module by itself is that the case is not for
/// it; the commands have to say what was found out of the good one.
#[test]
fn the_commands_bring_the_statement_of_the_good_module() {
    let folder = tempfile::tempdir().unwrap();
    let bad = spoiled(folder.path(), "bad.so", &["-DNOPIN"]);
    let run = |more: &[&Path]| {
        let mut command = bench();
        command.env("TMPDIR", folder.path());
        command.args([
            "bisect",
            "--json",
            "--tries",
            "1",
            "--only",
            "CIE_MW_PIN_01",
        ]);
        command.arg("--good").arg(library()).arg("--bad").arg(&bad);
        command.args(more);
        let output = command.assert().code(1).get_output().stdout.clone();
        serde_json::from_slice::<Value>(&output).unwrap()
    };
    let kept = folder.path().join("kept.toml");
    let told = [run(&[Path::new("--ics-out"), &kept]), run(&[])];
    assert!(Ics::parse(&std::fs::read_to_string(&kept).unwrap()).is_ok());
    for (told, begin) in told.iter().zip(["kept.toml", "cie-bisect-"]) {
        let lines = texts(&told["replays"][0]);
        for (line, code) in lines.iter().zip([0, 1]) {
            let path = format!(" --ics '{}/{begin}", folder.path().display());
            assert!(line.contains(&path), "{line}");
            let program = Path::new(bench().get_program())
                .parent()
                .unwrap()
                .to_owned();
            let path = format!("{}:/usr/bin:/bin", program.display());
            let mut shell = assert_cmd::Command::new("sh");
            shell
                .env("PATH", path)
                .args(["-c", line])
                .assert()
                .code(code);
        }
    }
    let mut wrong = bench();
    wrong.args([
        "bisect",
        "--json",
        "/nonexistent/x",
        "--good",
        "/x",
        "--bad",
        "/y",
    ]);
    // The output is tried before the modules are.
    wrong.assert().code(125);
}

/// Whatever is random in it: keys, challenges, and everything that is wrapped.
#[test]
fn runs_of_one_module_have_the_same_traffic() {
    let bench = assert_cmd::cargo::cargo_bin("cie-conformance");
    let setup = Setup {
        module: library(),
        driver: bench.clone(),
        driver_arguments: vec!["drive".into()],
        supervisor: vec![bench.into(), "supervise".into()],
        seed: 5,
        patience: Duration::from_secs(60),
        environment: Vec::new(),
        effort: Effort::default(),
        scene: Scene::default(),
    };
    let ics = Ics::parse(&std::fs::read_to_string(statement()).unwrap()).unwrap();
    let cases = middleware_cases();
    for id in ["CIE_MW_LOGIN_02", "CIE_MW_PIN_01", "CIE_MW_SIGN_01"] {
        let case = cases.iter().find(|case| case.id == id).unwrap();
        let run = || {
            let result = watched(&setup, case, &ics);
            assert_eq!(result.verdict, Verdict::Pass, "{id}: {}", result.reason);
            result.evidence
        };
        let (some, others) = ([run(), run()], [run(), run()]);
        assert_ne!(some[0], some[1], "{id}: nothing was random");
        let commands = |run: &Vec<_>| run.len() > 20;
        assert!(some.iter().all(commands), "{id}");
        let compared = compare(&some, &others);
        assert_eq!(compared.difference, None, "{id}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The middleware cases. The reference module is the positive control: it
//! passes everything that it does not say it lacks. Drivers that lie, crash or
//! hang are the negative one: the bench tells each for what it is.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_conformance::catalogue::middleware_cases;
use cie_conformance::ics::{Feature, Ics};
use cie_conformance::middleware::{Effort, Scene, Setup, detect, judge};
use cie_conformance::report::{CaseResult, Report};
use cie_conformance::verdict::Verdict;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const STATEMENT: &str = include_str!("../../pkcs11/ics.toml");

/// The program above the one with the module.
fn supervisor() -> Vec<std::ffi::OsString> {
    let bench = assert_cmd::cargo::cargo_bin("cie-conformance");
    vec![bench.into(), "supervise".into()]
}

/// The library that cargo built for this test, beside it.
fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    [folder, folder.parent().unwrap()]
        .map(|folder| folder.join("libcie_pkcs11.so"))
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no libcie_pkcs11.so beside {}", program.display()))
}

fn run(patterns: &[&str], seed: u64) -> (Option<i32>, Report) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let code = run_into(&json, patterns, seed, &[]);
    let text = std::fs::read_to_string(&json).unwrap();
    fits_the_schema(&text);
    (code, serde_json::from_str(&text).unwrap())
}

fn fits_the_schema(report: &str) {
    let schema = include_str!("../../../docs/report.schema.json");
    let schema = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let report = serde_json::from_str(report).unwrap();
    let errors: Vec<_> = validator.iter_errors(&report).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

fn run_into(json: &Path, patterns: &[&str], seed: u64, more: &[&str]) -> Option<i32> {
    let mut command = assert_cmd::Command::cargo_bin("cie-conformance").unwrap();
    command.args(["middleware", "--seed", &seed.to_string()]);
    command.args(["--module".as_ref(), library().as_os_str()]);
    let statement = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pkcs11/ics.toml");
    command.args(["--ics".as_ref(), statement.as_os_str()]);
    command.args(["--json".as_ref(), json.as_os_str()]);
    for pattern in patterns {
        command.args(["--case", pattern]);
    }
    let output = command.args(more).output().unwrap();
    assert!(json.exists(), "{}", String::from_utf8_lossy(&output.stderr));
    output.status.code()
}

#[test]
fn shards_and_jobs_make_the_report_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let cases = ["*LOGIN_0?"];
    assert_eq!(run_into(&path("whole"), &cases, 3, &[]), Some(0));
    for (name, shard) in [("one", "1/2"), ("two", "2/2")] {
        let more = ["--shard", shard, "--jobs", "2"];
        assert_eq!(run_into(&path(name), &cases, 3, &more), Some(0));
    }
    let mut merge = assert_cmd::Command::cargo_bin("cie-conformance").unwrap();
    merge.arg("merge").args([path("two"), path("one")]);
    merge.arg("--json").arg(path("merged")).assert().success();
    let read = |name| -> Report {
        let text = std::fs::read_to_string(path(name)).unwrap();
        let mut report: Report = serde_json::from_str(&text).unwrap();
        report.times = cie_conformance::report::Times::default();
        report
    };
    assert!(read("one").results.len() < read("whole").results.len());
    assert_eq!(read("merged"), read("whole"));
}

/// Everything passes; what is missing is what the statement says.
fn control(patterns: &[&str]) -> usize {
    let (code, report) = run(patterns, 1);
    let lacks = ["ENROL", "DOC", "TRUTH"];
    let mut passed = 0;
    for result in &report.results {
        let CaseResult {
            id,
            verdict,
            reason,
            ..
        } = result;
        match verdict {
            Verdict::Pass => passed += 1,
            Verdict::NotApplicable => assert!(
                ["middleware.features", "announce", "does not make this call"]
                    .iter()
                    .any(|why| reason.contains(why)),
                "{id}: {reason}"
            ),
            // Debian's engine may be missing, but not in continuous integration.
            Verdict::Inconclusive if id.contains("TLS") && std::env::var_os("CI").is_none() => {}
            _ => panic!("{id}: {verdict}: {reason}; {:#?}", result.evidence),
        }
        let lacking = lacks.iter().any(|unit| id.contains(unit));
        assert!(!lacking || *verdict != Verdict::Pass, "{id}");
    }
    assert!(matches!(code, Some(0 | 3)), "{code:?}");
    passed
}

#[test]
fn the_reference_module_passes_what_a_citizen_does() {
    let passed = control(&[
        "*SLOT*", "*ENROL*", "*CERT*", "*LOGIN*", "*PIN*", "*PUK*", "*SIGN*", "*TLS*", "*DOC*",
        "*TRUTH*", "*TOLD*", "*PROOF*", "*REPORT*",
    ]);
    assert!(passed > 55, "{passed}");
}

#[test]
fn the_reference_module_passes_every_card_and_reader() {
    let passed = control(&[
        "*FAMILY*", "*STATE*", "*READER*", "*SEQ*", "*SWAP*", "*PROC*",
    ]);
    assert!(passed > 50, "{passed}");
}

#[test]
fn the_reference_module_passes_events_and_contents() {
    let passed = control(&["*EVENT*", "*CONTENT*"]);
    assert_eq!(passed, 35);
}

#[test]
fn the_reference_module_passes_lies_inside() {
    assert_eq!(control(&["*FAULT_0?", "*FAULT_1?", "*FAULT_61"]), 16);
}

#[test]
fn the_reference_module_passes_lies_outside() {
    assert_eq!(control(&["*FAULT_3?", "*FAULT_4?", "*FAULT_62"]), 18);
}

/// All calls but three, which it does not make: SCardStatus, SCardControl and
/// SCardGetAttrib.
#[test]
fn the_reference_module_passes_errors_of_the_reader() {
    assert_eq!(control(&["*SCARD*"]), 13);
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let cases = ["*LOGIN_0?", "*SIGN_01"];
    let (_, mut one) = run(&cases, 3);
    let (_, mut again) = run(&cases, 3);
    one.times = cie_conformance::report::Times::default();
    again.times = one.times.clone();
    assert!(one == again && one.is_clean());
}

/// A setup whose driver is this script.
fn scripted(script: &str) -> Setup {
    Setup {
        module: "/nonexistent/module.so".into(),
        driver: "/bin/sh".into(),
        driver_arguments: vec!["-c".into(), script.into()],
        supervisor: supervisor(),
        seed: 1,
        patience: Duration::from_secs(2),
        environment: Vec::new(),
        effort: Effort::default(),
        scene: Scene::default(),
    }
}

fn verdict(script: &str, id: &str) -> CaseResult {
    let mut ics = Ics::parse(STATEMENT).unwrap();
    if let Some(module) = &mut ics.middleware {
        module.features.extend([
            Feature::ChecksCopy,
            Feature::ChecksSigner,
            Feature::ChecksSecurityObject,
        ]);
    }
    let cases = middleware_cases();
    let case = cases.iter().find(|case| case.id == id).unwrap();
    judge(&scripted(script), case, &ics)
}

/// Says yes to everything, and signs with zeros.
const YES: &str = r#"while read -r line; do case "$line" in
*'"slots"'*) echo '{"slots":[0]}';;
*'"token"'*) echo '{"token":{"label":"x","serial":"","rng":true,"pin_low":false,"pin_final":false,"pin_locked":false}}';;
*'"mechanisms"'*) echo '{"mechanisms":[{"name":"CKM_RSA_PKCS","sign":true,"verify":true,"digest":false},{"name":"CKM_SHA256_RSA_PKCS","sign":true,"verify":true,"digest":false},{"name":"CKM_SHA256","sign":false,"verify":false,"digest":true}]}';;
*'"sign"'*) echo '{"bytes":"0000"}';;
*'"random"'*) echo '{"bytes":"0000000000000000000000000000000000000000000000000000000000000000"}';;
*'"objects"'*) echo '{"objects":[{"class":"private-key","label":"","id":"","value":""}]}';;
*'"state"'*) echo '{"word":"RoPublic"}';;
*) echo '"done"';; esac; done"#;

#[test]
fn a_module_that_says_yes_to_everything_fails() {
    for case in middleware_cases() {
        let fails = match case.unit {
            // Nothing but recognition is asked there.
            "SLOT" => ["_02", "_06", "_07", "_08"]
                .iter()
                .any(|n| case.id.ends_with(n)),
            // Where nothing has to succeed, nothing that is told is wrong; a
            // wrong signature is.
            "SEQ" | "EVENT" | "FAULT" | "READER" | "TLS" | "CONTENT" => false,
            // No code is sent, so no answer to one can be changed.
            "PROOF" => !case.id.ends_with("_04"),
            // Its signatures are wrong, which is no trace of a code; and it
            // tells no texts.
            "TOLD" => !["_05", "_06"].iter().any(|n| case.id.ends_with(n)),
            "SIGN" => !matches!(
                case.id.as_str(),
                "CIE_MW_SIGN_04"
                    | "CIE_MW_SIGN_05"
                    | "CIE_MW_SIGN_02"
                    | "CIE_MW_SIGN_06"
                    | "CIE_MW_SIGN_09"
                    | "CIE_MW_SIGN_03"
            ),
            _ => true,
        };
        if !fails || !case.needs.module.iter().all(|f| *f != Feature::Enrol) {
            continue;
        }
        let result = verdict(YES, &case.id);
        let verdict = result.verdict;
        let fine = matches!(verdict, Verdict::Fail | Verdict::NotApplicable);
        assert!(fine, "{}: {verdict}: {}", case.id, result.reason);
    }
    for id in [
        "CIE_MW_EVENT_01",
        "CIE_MW_FAULT_31",
        "CIE_MW_SIGN_03",
        "CIE_MW_SEQ_01",
        "CIE_MW_SEQ_05",
        "CIE_MW_CONTENT_15",
        "CIE_MW_SCARD_10",
        "CIE_MW_SCARD_61",
    ] {
        let result = verdict(YES, id);
        assert_ne!(result.verdict, Verdict::Pass, "{id}: {}", result.reason);
    }
}

#[test]
fn a_sequence_that_fails_is_made_short_and_is_the_same_again() {
    // It refuses nothing but a signature.
    let yes = YES.replace(
        "{\"bytes\":\"0000\"}",
        "{\"refused\":{\"rv\":\"CKR_X\",\"attempts\":null}}",
    );
    assert_ne!(yes, YES);
    let result = verdict(&yes, "CIE_MW_SEQ_05");
    assert_eq!(result.verdict, Verdict::Fail, "{}", result.reason);
    // One wrong code is enough.
    let told = &result.reason;
    assert!(told.contains("shortened to 1 in "), "{told}");
    assert!(
        told.contains("1. wrong PIN: step 1, wrong PIN, CKR_OK: success with a code"),
        "{told}"
    );
    // What is in evidence is the shortest and no other.
    let logins = result
        .evidence
        .iter()
        .filter(|e| e.command == "C_Login(CKU_USER)");
    assert_eq!(logins.count(), 1);
    let again = verdict(&yes, "CIE_MW_SEQ_05");
    assert_eq!(
        (again.reason, again.evidence),
        (result.reason, result.evidence)
    );
}

#[test]
fn a_drawn_content_that_fails_is_made_small() {
    // Somebody who drops what is in the card's number for services as a file.
    let drops = YES.replacen("while read", "touch \"$HOME/outside\"; while read", 1);
    let result = verdict(&drops, "CIE_MW_CONTENT_19");
    assert_eq!(result.verdict, Verdict::Fail, "{}", result.reason);
    let told = &result.reason;
    assert!(told.contains("1 changes, made smaller to 1 in"), "{told}");
    assert!(told.contains("EF 1001: the content is "), "{told}");
}

#[test]
fn a_crash_and_a_hang_are_told_and_the_bench_goes_on() {
    let crash = verdict("read -r line; kill -SEGV $$", "CIE_MW_LOGIN_01");
    assert_eq!(crash.verdict, Verdict::Crash);
    assert!(crash.reason.contains("signal 11"), "{}", crash.reason);
    assert!(!crash.evidence.is_empty());
    let end = verdict("read -r line; exit 3", "CIE_MW_LOGIN_01");
    assert_eq!(end.verdict, Verdict::Crash);
    assert!(end.reason.contains("code 3"), "{}", end.reason);
    // It answers well and crashes when it is told to end.
    let late = verdict(
        "while read -r line; do case $line in *slots*) echo '{\"slots\":[]}';; *) echo '\"done\"';; esac; done; kill -ABRT $$",
        "CIE_MW_SLOT_02",
    );
    assert_eq!(late.verdict, Verdict::Crash, "{}", late.reason);
    let begun = Instant::now();
    let hang = verdict("read -r line; exec sleep 600", "CIE_MW_LOGIN_01");
    assert_eq!(hang.verdict, Verdict::Hang, "{}", hang.reason);
    assert!(begun.elapsed() < Duration::from_secs(60));
    let nonsense = verdict("read -r line; echo nonsense; cat", "CIE_MW_LOGIN_01");
    assert_eq!(
        nonsense.verdict,
        Verdict::Inconclusive,
        "{}",
        nonsense.reason
    );
}

#[test]
fn what_a_module_lacks_is_not_applicable_and_what_it_promises_is_tried() {
    let ics = Ics::parse(STATEMENT).unwrap();
    let cases = middleware_cases();
    let out: BTreeSet<_> = cases
        .iter()
        .filter(|case| ics.excludes(case).is_some())
        .map(|case| case.unit)
        .collect();
    assert!(out.contains("ENROL") && out.contains("DOC") && out.contains("TRUTH"));
    // Of a module that is only loaded, promises are taken for granted, and
    // nothing of this project's choices binds it.
    let setup = Setup {
        module: library(),
        driver: assert_cmd::cargo::cargo_bin("cie-conformance"),
        driver_arguments: vec!["drive".into()],
        supervisor: supervisor(),
        seed: 1,
        patience: Duration::from_secs(60),
        environment: Vec::new(),
        effort: Effort::default(),
        scene: Scene::default(),
    };
    let stranger = detect(&setup).unwrap();
    let copy = cases
        .iter()
        .find(|case| case.id == "CIE_MW_TRUTH_01")
        .unwrap();
    let result = judge(&setup, copy, &stranger);
    assert_eq!(result.verdict, Verdict::Differs, "{}", result.reason);
    let missing = Setup {
        module: "/nonexistent.so".into(),
        ..setup
    };
    assert!(detect(&missing).is_err());
}

#[test]
fn what_a_module_says_it_does_not_have_is_found_out() {
    let with = |init: &str| {
        let yes = YES.replacen(
            "case \"$line\" in",
            &format!("case \"$line\" in *'\"functions\"'*) echo '{{\"functions\":[]}}';; *init-pin*) echo '{init}';;"),
            1,
        );
        assert_ne!(yes, YES);
        detect(&scripted(&yes)).unwrap().middleware.unwrap()
    };
    let none = r#"{"refused":{"rv":"CKR_FUNCTION_NOT_SUPPORTED","attempts":null}}"#;
    let module = with(none);
    assert!(!module.has(Feature::InitPin) && module.has(Feature::SetPin));
    // A refusal for another reason is none.
    let module = with(&none.replace("FUNCTION_NOT_SUPPORTED", "USER_NOT_LOGGED_IN"));
    assert!(module.has(Feature::InitPin) && module.has(Feature::SetPin));
}

#[test]
fn an_answer_that_was_never_changed_says_nothing() {
    // It signs nothing, refuses every PIN, and sends none to the card.
    let no = YES.replacen(
        "case \"$line\" in",
        "case \"$line\" in *'\"login\"'*) echo '{\"refused\":{\"rv\":\"CKR_X\",\"attempts\":null}}';;",
        1,
    );
    assert_ne!(no, YES);
    // And whoever refuses the genuine card has noticed nothing.
    for id in [
        "CIE_MW_PROOF_01",
        "CIE_MW_PROOF_02",
        "CIE_MW_PROOF_03",
        "CIE_MW_PROOF_04",
        "CIE_MW_PROOF_06",
        "CIE_MW_TRUTH_01",
        "CIE_MW_TRUTH_02",
        "CIE_MW_TRUTH_03",
        "CIE_MW_STATE_08",
        "CIE_MW_FAULT_01",
        "CIE_MW_FAULT_31",
        "CIE_MW_FAULT_61",
        "CIE_MW_CONTENT_01",
        "CIE_MW_CONTENT_15",
    ] {
        let result = verdict(&no, id);
        assert_eq!(
            result.verdict,
            Verdict::Inconclusive,
            "{id}: {}",
            result.reason
        );
    }
}

/// The module that says yes to everything, with another answer to one request.
fn with_answer(request: &str, answer: &str) -> String {
    let line = format!("*'\"{request}\"'*) echo '{answer}';;\n*'\"slots\"'*)");
    let script = YES.replacen("*'\"slots\"'*)", &line, 1);
    assert_ne!(script, YES);
    script
}

fn judged(script: &str, id: &str) -> (Verdict, String) {
    let result = verdict(script, id);
    (result.verdict, result.reason)
}

#[test]
fn a_text_with_nul_is_a_fault() {
    let texts = |text: &str| {
        let answer = format!(r#"{{"texts":[["CK_INFO.manufacturerID","{text}"]]}}"#);
        with_answer("texts", &answer)
    };
    let (verdict, why) = judged(&texts("Somebody"), "CIE_MW_TOLD_06");
    assert_eq!(verdict, Verdict::Pass, "{why}");
    let (verdict, why) = judged(&texts("Some\\u0000"), "CIE_MW_TOLD_06");
    assert_eq!(verdict, Verdict::Fail, "{why}");
    assert!(why.contains("CK_INFO.manufacturerID"), "{why}");
}

#[test]
fn a_wrong_digest_beside_a_right_one_is_found_and_an_unknown_one_named() {
    let digests = |names: &[&str]| {
        let one = |name: &&str| {
            format!(r#"{{"name":"{name}","sign":false,"verify":false,"digest":true}}"#)
        };
        let list: Vec<_> = names.iter().map(one).collect();
        let answer = format!(r#"{{"mechanisms":[{}]}}"#, list.join(","));
        with_answer("mechanisms", &answer)
    };
    let (verdict, why) = judged(&digests(&["CKM_MD5"]), "CIE_MW_SIGN_11");
    assert_eq!(verdict, Verdict::Fail, "{why}");
    assert!(why.contains("CKM_MD5"), "{why}");
    let (verdict, why) = judged(&digests(&["CKM_RIPEMD160"]), "CIE_MW_SIGN_11");
    assert_eq!(verdict, Verdict::Inconclusive, "{why}");
    assert!(why.contains("CKM_RIPEMD160"), "{why}");
}

#[test]
fn every_other_signing_mechanism_is_tried_and_an_unknown_one_named() {
    let signs = |names: &[&str]| {
        let one = |name: &&str| {
            format!(r#"{{"name":"{name}","sign":true,"verify":false,"digest":false}}"#)
        };
        let list: Vec<_> = names.iter().map(one).collect();
        with_answer(
            "mechanisms",
            &format!(r#"{{"mechanisms":[{}]}}"#, list.join(",")),
        )
    };
    let (verdict, why) = judged(&signs(&["CKM_ODD", "CKM_RSA_PKCS_PSS"]), "CIE_MW_SIGN_06");
    assert_eq!(verdict, Verdict::Fail, "{why}");
    assert!(why.contains("CKM_RSA_PKCS_PSS"), "{why}");
    let (verdict, why) = judged(&signs(&["CKM_RSA_PKCS", "CKM_ODD"]), "CIE_MW_SIGN_06");
    assert_eq!(verdict, Verdict::Inconclusive, "{why}");
    assert!(why.contains("CKM_ODD"), "{why}");
    // The statement says more.
    let (verdict, why) = judged(&signs(&["CKM_RSA_PKCS"]), "CIE_MW_SIGN_02");
    assert_eq!(verdict, Verdict::Inconclusive, "{why}");
    let (verdict, why) = judged(&signs(&["CKM_RSA_PKCS"]), "CIE_MW_SIGN_13");
    assert_eq!(verdict, Verdict::Fail, "{why}");
}

#[test]
fn the_whole_pin_is_called_wrong_only_if_the_token_says_that_it_can_be_one() {
    let script = |most: u8| {
        let token = format!(
            r#"{{"token":{{"label":"x","serial":"","rng":true,"pin_low":false,"pin_final":false,"pin_locked":false,"pin_min":4,"pin_max":{most}}}}}"#
        );
        let refused = r#"{"refused":{"rv":"CKR_PIN_INCORRECT","attempts":null}}"#;
        let line = format!("*'\"login\"'*) echo '{refused}';;\n*'\"slots\"'*)");
        with_answer("token", &token).replacen("*'\"slots\"'*)", &line, 1)
    };
    let (verdict, why) = judged(&script(8), "CIE_MW_REPORT_03");
    assert_eq!(verdict, Verdict::Fail, "{why}");
    assert!(why.contains("4 to 8 bytes"), "{why}");
    let (verdict, why) = judged(&script(4), "CIE_MW_REPORT_03");
    assert_eq!(verdict, Verdict::Inconclusive, "{why}");
}

#[test]
fn the_catalogue_names_them() {
    let list = assert_cmd::Command::cargo_bin("cie-conformance")
        .unwrap()
        .args(["explain", "CIE_MW_PUK_06"])
        .output()
        .unwrap();
    let text = String::from_utf8(list.stdout).unwrap();
    for part in ["SbloccoPIN", "module needs   unblock", "basis", "client"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

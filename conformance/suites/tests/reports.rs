// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reports in every form: valid for programs that are not ours, and harmless
//! whatever a card or a module put into them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use cie_conformance::catalogue::{Basis, card_cases};
use cie_conformance::ics::{Announces, Codes, Feature, Ics, Middleware};
use cie_conformance::report::again::departures;
use cie_conformance::report::compare::Comparison;
use cie_conformance::report::embargo::seal;
use cie_conformance::report::fingerprint::sha256;
use cie_conformance::report::merge::{MergeError, merge};
use cie_conformance::report::summary::summary;
use cie_conformance::report::{
    CaseResult, Exchange, Report, ReportError, Settings, Shard, Target, Times, html, junit, sarif,
};
use cie_conformance::verdict::Verdict;
use serde_json::Value;
use std::num::NonZeroU32;
use std::path::Path;

/// What breaks terminals, HTML, XML, SARIF and people's eyes.
const HOSTILE: &str = "<script>alert(1)</script>\"'>&amp;<img src=x onerror=alert(1)>]]>-->\
    \u{1b}[2J\u{1b}]0;owned\u{7}\u{0}\r\n\u{9b}31m\u{202e}evil\u{200b}\u{fffe}\u{feff}\
    [click](http://example.org){0}{{ 7*7 }}\\";

fn result(id: &str, verdict: Verdict, text: &str) -> CaseResult {
    CaseResult {
        id: id.to_owned(),
        version: 1,
        title: format!("title {text}"),
        unit: format!("unit {text}"),
        requirement: format!("requirement {text}"),
        clause: format!("clause {text}"),
        basis: Basis::Standard,
        severity: format!("major{text}"),
        verdict,
        reason: format!("reason {text}"),
        evidence: vec![Exchange {
            step: 1,
            command: format!("command {text}"),
            response: format!("response {text}"),
            plain_command: format!("plain {text}"),
            plain_response: format!("answer {text}"),
        }],
    }
}

fn report(results: Vec<CaseResult>, text: &str) -> Report {
    let target = Target {
        kind: format!("kind{text}"),
        name: format!("name{text}"),
        fingerprint: format!("print{text}"),
    };
    let mut ics = Ics::of_a_stranger();
    ics.card.family = format!("family{text}");
    let mut report = Report::new(target, 7, ics, results, Times::default());
    report.bench += text;
    report.settings = Some(Settings {
        under: (!text.is_empty()).then(|| format!("under{text}")),
        environment: [(format!("NAME{text}"), Some(format!("value{text}")))].into(),
        patience: Some(60),
        ..Settings::default()
    });
    report
}

/// Every verdict, with hostile text in every field.
fn hostile() -> Report {
    let results = Verdict::ALL
        .into_iter()
        .map(|verdict| result(&format!("CIE_{HOSTILE}_{verdict}"), verdict, HOSTILE));
    report(results.collect(), HOSTILE)
}

/// Every verdict, with text of our own.
fn tame() -> Report {
    let results = Verdict::ALL
        .into_iter()
        .enumerate()
        .map(|(n, verdict)| CaseResult {
            severity: "minor".to_owned(),
            ..result(&format!("CIE_IAS_PIN_00{n}"), verdict, "")
        });
    let mut report = report(results.collect(), "");
    report.target.fingerprint = String::new();
    report
}

/// A real one, with everything in it that a run can bring.
fn real() -> Report {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let done = bench(&["card", "--case", "*_PIN_*", "--case", "*_ROOT_*"])
        .arg("--json")
        .arg(&path)
        .assert();
    done.success();
    Report::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("cie-conformance").unwrap();
    command.args(arguments);
    command
}

fn commands_or_hides(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{202e}' | '\u{200b}' | '\u{fffe}' | '\u{feff}')
}

#[test]
fn the_summary_commands_no_terminal() {
    let text = summary(&hostile());
    let plain = anstream::adapter::strip_str(&text).to_string();
    assert!(plain.contains("\\u{1B}[2J"));
    // What is left of escapes are the colours that the summary itself has.
    let rest = text
        .replace("\u{1b}[1m", "")
        .replace("\u{1b}[0m", "")
        .replace("\u{1b}[2m", "");
    let colours = ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"];
    let rest = colours
        .iter()
        .fold(rest, |text, colour| text.replace(colour, ""));
    assert!(!rest.contains(commands_or_hides), "{rest:?}");
    let comparison = Comparison::of(&tame(), &hostile()).to_string();
    assert!(!comparison.contains(commands_or_hides), "{comparison:?}");
    let (one, other) = (&tame().results[0], &hostile().results[1]);
    for departure in departures(one, other) {
        assert!(!departure.to_string().contains(commands_or_hides));
    }
}

#[test]
fn the_page_holds_no_markup_but_its_own() {
    let hostile = hostile();
    let page = html::report(&hostile, &card_cases(), &[]).unwrap();
    assert!(!page.contains(commands_or_hides));
    // The same report without its texts has exactly as many of each mark.
    let harmless = Verdict::ALL
        .into_iter()
        .map(|verdict| result(&format!("CIE_{verdict}"), verdict, "x"));
    let harmless = html::report(&report(harmless.collect(), "x"), &[], &[]).unwrap();
    for mark in ['<', '>', '"'] {
        let count = |page: &str| page.matches(mark).count();
        assert_eq!(count(&page), count(&harmless), "{mark}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("default-src 'none'"));
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"));
}

#[test]
fn the_page_asks_for_nothing() {
    let page = html::report(&tame(), &card_cases(), &[]).unwrap();
    for word in [
        "http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "eval(",
    ] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn junit_is_xml_with_the_right_counts_whatever_stands_in_it() {
    for report in [hostile(), tame()] {
        let text = junit(&report).unwrap();
        let mut reader = quick_xml::Reader::from_str(&text);
        reader.config_mut().check_end_names = true;
        let (mut cases, mut failures, mut errors, mut skipped) = (0, 0, 0, 0);
        loop {
            use quick_xml::events::Event::{Empty, Eof, Start};
            match reader.read_event().unwrap() {
                Eof => break,
                Start(tag) | Empty(tag) => {
                    for attribute in tag.attributes() {
                        attribute.unwrap();
                    }
                    match tag.name().as_ref() {
                        "testcase" => cases += 1,
                        "failure" => failures += 1,
                        "error" => errors += 1,
                        "skipped" => skipped += 1,
                        "testsuites" | "testsuite" | "properties" | "property" => {}
                        other => panic!("{}", other),
                    }
                }
                _ => {}
            }
        }
        assert_eq!((cases, failures, errors, skipped), (7, 1, 2, 3));
        assert!(!text.contains(commands_or_hides));
        for bad in ["&#0;", "&#x0;", "&#27;", "&#x1b;", "&#x1B;"] {
            assert!(!text.contains(bad), "{bad}");
        }
    }
}

#[test]
fn sarif_is_read_by_a_library_that_is_not_ours() {
    for report in [hostile(), tame(), real()] {
        let text = sarif(&report).unwrap();
        assert!(!text.contains(commands_or_hides));
        let log: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
        let run = &log.runs[0];
        let results = run.results.as_ref().unwrap();
        let rules = run.tool.driver.rules.as_ref().unwrap();
        assert_eq!(rules.len(), report.results.len());
        let loud = |r: &&CaseResult| !matches!(r.verdict, Verdict::Pass | Verdict::NotApplicable);
        assert_eq!(results.len(), report.results.iter().filter(loud).count());
        for result in results {
            let rule = &rules[usize::try_from(result.rule_index.unwrap()).unwrap()];
            assert_eq!(result.rule_id.as_deref(), Some(rule.id.as_str()));
        }
        // Nothing is a link or a placeholder.
        let value: Value = serde_json::from_str(&text).unwrap();
        for result in value["runs"][0]["results"].as_array().unwrap() {
            let message = result["message"]["text"].as_str().unwrap();
            assert!(!message.replace("\\[", "").contains('['), "{message}");
            assert!(!message.replace("{{", "").contains('{'), "{message}");
        }
    }
    let tame: Value = serde_json::from_str(&sarif(&tame()).unwrap()).unwrap();
    let levels: Vec<_> = tame["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| (r["kind"].as_str().unwrap(), r["level"].as_str().unwrap()))
        .collect();
    assert_eq!(
        levels,
        [
            ("fail", "warning"),
            ("fail", "error"),
            ("fail", "error"),
            ("fail", "note"),
            ("open", "none")
        ]
    );
}

#[test]
fn real_reports_fit_the_published_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let mut shard = real();
    shard.shard = Some(Shard { index: 1, count: 2 });
    let mut module = real();
    module.ics.middleware = Some(Middleware {
        codes: Codes::SecondHalf,
        features: vec![Feature::Enrol, Feature::SetPin, Feature::ChecksCopy],
        follows_choices: false,
        announces: Some(Announces::default()),
    });
    for report in [real(), tame(), shard, module] {
        let value = serde_json::to_value(&report).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        for (pointer, wrong) in [
            ("/results/0/verdict", Value::from("maybe")),
            ("/results/0/extra", Value::from(1)),
            ("/seed", Value::from(-1)),
            ("/ics/permit/writes", Value::from("yes")),
            ("/ics/middleware", Value::from(1)),
            ("/settings/patience", Value::from("60")),
            ("/settings/jobs", Value::from(1)),
            ("/settings/draws", Value::from(0)),
            ("/settings/environment", Value::from(vec!["A=1"])),
        ] {
            let mut broken = value.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            broken.pointer_mut(parent).unwrap()[key] = wrong;
            assert!(!validator.is_valid(&broken), "{pointer}");
        }
    }
}

#[test]
fn another_file_is_no_report() {
    assert!(matches!(Report::parse("{}"), Err(ReportError::Json(_))));
    assert!(matches!(Report::parse("[1]"), Err(ReportError::Json(_))));
    let later = serde_json::to_string(&tame())
        .unwrap()
        .replace("\"format\":1", "\"format\":2");
    assert!(matches!(Report::parse(&later), Err(ReportError::Format(2))));
    // Totals that lie.
    let mut lying = tame();
    lying.totals.clear();
    let read = Report::parse(&serde_json::to_string(&lying).unwrap()).unwrap();
    assert_eq!(read.count(Verdict::Fail), 1);
}

#[test]
fn an_embargo_tells_identifiers_classes_and_hashes_only() {
    let secret = |text: &str| {
        let mut report = hostile();
        for (number, result) in report.results.iter_mut().enumerate() {
            result.id = format!("CIE_IAS_PIN_{number:03}");
            result.reason = text.to_owned();
        }
        report
    };
    // Another one each time.
    let mut drawn = 0;
    let mut nonce = || {
        drawn += 1;
        Ok::<_, serde_json::Error>([drawn; 32])
    };
    let report = secret("geheim");
    let sealed = seal(&report, &mut nonce).unwrap();
    let text = serde_json::to_string(&sealed.told).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["findings", "report"]);
    let hash = |value: &Value| {
        let text = value.as_str().unwrap();
        assert!(
            text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()),
            "{text}"
        );
    };
    hash(&value["report"]);
    let findings = value["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 3, "fail, crash and hang");
    for finding in findings {
        assert_eq!(finding.as_object().unwrap().len(), 3);
        hash(&finding["sha256"]);
        let id = finding["id"].as_str().unwrap();
        assert!(id.starts_with("CIE_IAS_PIN_") && id.len() == 15, "{id}");
        let class = finding["weakness"].as_str().unwrap();
        assert!(
            class
                .strip_prefix("CWE-")
                .is_some_and(|n| n.parse::<u16>().is_ok())
        );
    }
    for leak in [
        "geheim", "name", "seed", "evil", "command", "reason", "fail", "pass", "\"7\"",
    ] {
        assert!(!text.contains(leak), "{leak}");
    }
    // Who makes the same report has other hashes: nothing can be tried out.
    let again = seal(&report, &mut nonce).unwrap();
    assert_ne!(sealed.told.report, again.told.report);
    let pairs = sealed.told.findings.iter().zip(&again.told.findings);
    assert!(pairs.into_iter().all(|(a, b)| a.sha256 != b.sha256));
    let guess = serde_json::to_string(&report.results[0]).unwrap();
    let fingerprint = report.fingerprint().unwrap();
    for text in [&guess, &fingerprint, &(fingerprint.clone() + &guess)] {
        assert!(
            !serde_json::to_string(&sealed.told)
                .unwrap()
                .contains(&sha256(text.as_bytes()))
        );
    }
    // Who has the key can open each of them alone.
    let key = &sealed.key;
    assert_eq!(key.report.sha256, sealed.told.report);
    assert_eq!(key.report.text, fingerprint);
    assert_eq!(key.findings.len(), 3);
    let bad = report
        .results
        .iter()
        .filter(|result| result.verdict.is_bad());
    for ((opening, finding), result) in key.findings.iter().zip(&sealed.told.findings).zip(bad) {
        let hashed = opening.nonce.clone() + &opening.text;
        assert_eq!(sha256(hashed.as_bytes()), finding.sha256);
        assert_eq!(opening.nonce.len(), 64);
        let read: CaseResult = serde_json::from_str(&opening.text).unwrap();
        assert_eq!(&read, result);
    }
    // An identifier that is none is not told.
    let foreign = serde_json::to_string(&seal(&hostile(), &mut nonce).unwrap().told).unwrap();
    assert!(!foreign.contains("script") && foreign.contains("not an identifier"));
}

#[test]
fn a_comparison_names_what_is_worse_mended_gone_and_new() {
    let of = |verdicts: &[(&str, Verdict)]| {
        let results = verdicts
            .iter()
            .map(|(id, verdict)| result(id, *verdict, ""));
        report(results.collect(), "")
    };
    use Verdict::{Crash, Fail, Inconclusive, NotApplicable, Pass};
    let old = of(&[
        ("A", Pass),
        ("B", Fail),
        ("C", Pass),
        ("D", Fail),
        ("E", Pass),
        ("F", Fail),
    ]);
    let new = of(&[
        ("A", Fail),
        ("B", Pass),
        ("D", Fail),
        ("E", Inconclusive),
        ("F", Crash),
        ("G", Fail),
    ]);
    let both = Comparison::of(&old, &new);
    let names = |changes: &[cie_conformance::report::compare::Change]| -> Vec<String> {
        changes.iter().map(|change| change.name.clone()).collect()
    };
    assert_eq!(names(&both.broken), ["A@1"]);
    assert_eq!(names(&both.fixed), ["B@1"]);
    assert_eq!(names(&both.moved), ["E@1", "F@1"]);
    assert_eq!(both.vanished, [("C@1".to_owned(), Pass)]);
    assert_eq!(both.new, [("G@1".to_owned(), Fail)]);
    assert_eq!((both.still_bad, both.same), (2, 1));
    assert!(both.is_worse() && both.lost_something() && both.remarks.is_empty());
    let same = Comparison::of(&old, &old);
    assert!(!same.is_worse() && !same.lost_something() && same.same == 6);
    // A fault that is only not decided any more is not mended.
    let hidden = Comparison::of(&of(&[("B", Fail)]), &of(&[("B", NotApplicable)]));
    assert!(hidden.fixed.is_empty() && hidden.lost_something() && !hidden.is_worse());
    // A new case that fails is worse.
    assert!(Comparison::of(&of(&[]), &of(&[("G", Fail)])).is_worse());
    let mut other = old.clone();
    other.settings.as_mut().unwrap().patience = Some(30);
    let remarks = Comparison::of(&old, &other).remarks;
    assert_eq!(remarks, ["another setting, patience: 60 s → 30 s"]);
    other.settings = None;
    let remarks = Comparison::of(&old, &other).remarks;
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].ends_with("→ not recorded"), "{remarks:?}");
    let mut seed = old.clone();
    seed.seed = 8;
    assert_eq!(Comparison::of(&old, &seed).remarks.len(), 1);
}

#[test]
fn only_the_parts_of_one_run_are_merged() {
    let whole = tame();
    let rank = |id: &str| whole.results.iter().position(|result| result.id == id);
    let part = |index, count| {
        let shard = Shard { index, count };
        let mut part = whole.clone();
        part.results = shard.of(whole.results.clone());
        part.shard = Some(shard);
        part
    };
    let merged = merge(vec![part(3, 3), part(1, 3), part(2, 3)], rank).unwrap();
    assert!(merged == whole);
    let missing = merge(vec![part(1, 3), part(3, 3)], rank);
    assert!(matches!(missing, Err(MergeError::Missing { count: 3, .. })));
    let twice = merge(vec![part(1, 2), part(1, 2), part(2, 2)], rank);
    assert!(matches!(
        twice,
        Err(MergeError::ShardTwice(Shard { index: 1, count: 2 }))
    ));
    let mixed = merge(vec![part(1, 1), whole.clone()], rank);
    assert!(matches!(mixed, Err(MergeError::Mixed)));
    let division = merge(vec![part(1, 2), part(2, 3)], rank);
    assert!(matches!(division, Err(MergeError::Different { .. })));
    let mut other = part(2, 2);
    other.seed += 1;
    let seeds = merge(vec![part(1, 2), other], rank);
    assert!(matches!(
        seeds,
        Err(MergeError::Different {
            what: "the seed",
            ..
        })
    ));
    for change in [
        |settings: &mut Option<Settings>| settings.as_mut().unwrap().patience = Some(1),
        |settings: &mut Option<Settings>| settings.as_mut().unwrap().draws = NonZeroU32::new(3),
        |settings: &mut Option<Settings>| settings.as_mut().unwrap().environment.clear(),
        // Who knows what with.
        |settings: &mut Option<Settings>| *settings = None,
    ] {
        let mut other = part(2, 2);
        change(&mut other.settings);
        let settings = merge(vec![part(1, 2), other], rank);
        assert!(matches!(settings, Err(MergeError::Different { .. })));
    }
    let old = |index| Report {
        settings: None,
        ..part(index, 2)
    };
    let merged = merge(vec![old(1), old(2)], rank).unwrap();
    assert!(merged.settings.is_none());
    assert!(matches!(merge(Vec::new(), rank), Err(MergeError::None)));
}

fn timeless(path: &Path) -> Value {
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    value.as_object_mut().unwrap().remove("times");
    value
}

#[test]
fn jobs_and_shards_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let run = |name: &str, more: &[&str]| {
        let mut command = bench(&["card", "--seed", "5", "--family", "nxp"]);
        command.args(more).arg("--json").arg(path(name));
        command.assert().success();
    };
    run("one", &["--jobs", "1"]);
    run("five", &["--jobs", "5"]);
    assert!(timeless(&path("one")) == timeless(&path("five")));
    let mut merge = bench(&["merge"]);
    for index in [2, 3, 1] {
        let name = format!("shard-{index}");
        run(&name, &["--shard", &format!("{index}/3")]);
        merge.arg(path(&name));
    }
    merge.arg("--json").arg(path("merged")).assert().success();
    assert!(timeless(&path("one")) == timeless(&path("merged")));
    bench(&["card", "--shard", "0/3"]).assert().code(2);
    bench(&["merge"]).arg(path("shard-1")).assert().code(2);
}

#[test]
fn a_replay_finds_a_changed_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let mut report = real();
    let write = |report: &Report| {
        std::fs::write(&path, serde_json::to_string(report).unwrap()).unwrap();
    };
    write(&report);
    let replay = || {
        let mut command = bench(&["replay"]);
        command.arg(&path);
        command
    };
    replay().assert().success();
    let at = report
        .results
        .iter()
        .position(|r| !r.evidence.is_empty())
        .unwrap();
    let id = report.results[at].id.clone();
    report.results[at].evidence[0]
        .response
        .push_str("00\u{1b}[2J");
    write(&report);
    let output = replay().args(["--case", &id]).assert().code(1);
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(
        text.contains("exchange 1 is another one") && !text.contains('\u{1b}'),
        "{text}"
    );
    report.results.truncate(1);
    report.results[0].version = 99;
    write(&report);
    replay().assert().code(3);
    replay().args(["--case", "NOBODY"]).assert().code(2);
    report.target.kind = "reader".into();
    write(&report);
    replay().assert().code(2);
}

#[test]
fn known_faults_do_not_fail_a_gate_and_new_ones_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut old = real();
    let run = |code| {
        let mut command = bench(&[
            "card",
            "--case",
            "*_PIN_*",
            "--case",
            "*_ROOT_*",
            "--compare",
        ]);
        command.arg(path("old")).assert().code(code);
    };
    let write = |name: &str, report: &Report| {
        std::fs::write(path(name), serde_json::to_string(report).unwrap()).unwrap();
    };
    write("old", &old);
    run(0);
    let more = result("CIE_IAS_PIN_999", Verdict::Pass, "");
    let mut broken = old.clone();
    broken.results[3].verdict = Verdict::Fail;
    write("broken", &broken);
    let compare = |one: &str, other: &str, code| {
        let mut command = bench(&["compare"]);
        command.arg(path(one)).arg(path(other)).assert().code(code);
    };
    compare("old", "broken", 1);
    compare("broken", "old", 0);
    compare("broken", "broken", 0);
    old.results.push(more);
    write("old", &old);
    run(3);
    std::fs::write(path("old"), "no report").unwrap();
    run(2);
}

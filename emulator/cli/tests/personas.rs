// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie personas`, `cie run --persona` and `cie run --state`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use serde_json::Value;

fn cie(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("cie").unwrap();
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What a shell prints that runs beside the card.
fn told(arguments: &[&str], script: &str) -> String {
    let output = cie(&[&["run"], arguments, &["--", "sh", "-c", script]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn personas_for_programs_and_for_people() {
    let rows: Value = serde_json::from_slice(&cie(&["personas", "--json"]).stdout).unwrap();
    let rows = rows.as_array().unwrap();
    let ids: Vec<_> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["adult", "minor", "accents"]);
    let shown = text(&cie(&["personas"]).stdout);
    for row in rows {
        for field in ["id", "description", "surname", "fiscal_code", "family"] {
            let value = row[field].as_str().unwrap();
            assert!(shown.contains(value), "{field} {value} not in:\n{shown}");
        }
        let code = told(
            &["--persona", row["id"].as_str().unwrap()],
            "printf %s $CIE_CF",
        );
        assert_eq!(row["fiscal_code"], code);
        let until = row["valid_until_year"].as_u64().unwrap();
        assert!(shown.contains(&format!(
            "{code}, family {}, certificate until {until}",
            row["family"].as_str().unwrap()
        )));
        assert!(until > 2049 && row["valid_from_year"].as_u64().unwrap() < until);
    }
}

#[test]
fn a_persona_file_makes_the_card() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    let adult = include_str!("../../personalisation/personas/adult.toml");
    let mine = adult.replace("keys = \"a\" ", "keys = \"b\"\npin = \"24681357\"\n# ");
    std::fs::write(&path, mine).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(told(&["--persona", path], "echo $CIE_PIN"), "24681357\n");

    std::fs::write(path, adult.replace("TEST ESEMPIO", "ROSSI")).unwrap();
    let output = cie(&["run", "--persona", path, "--", "true"]);
    assert_eq!(output.status.code(), Some(125));
    let error = text(&output.stderr);
    for words in [path, "field holder.surname:", "the word TEST"] {
        assert!(error.contains(words), "{words} not in:\n{error}");
    }
}

#[test]
fn what_there_is_not_is_named() {
    for (name, words) in [
        ("nobody", "there are adult, minor, accents"),
        ("./no-such.toml", "cannot read ./no-such.toml"),
        ("/dev/zero", "more than 65536 bytes"),
    ] {
        let output = cie(&["run", "--persona", name, "--", "true"]);
        assert_eq!(output.status.code(), Some(125));
        let error = text(&output.stderr);
        assert!(error.contains(words), "{words} not in:\n{error}");
    }
    let output = cie(&["run", "--state", "lost", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("puk-1-left"));
}

/// The receipt without the letter: nothing of the rest, not even inherited.
#[test]
fn half_codes_are_the_first_halves() {
    let script = "env | grep -E '^CIE_P(IN|UK)' | sort | cut -d= -f1 | tr '\\n' ' '";
    let run = |state| {
        let mut command = Command::cargo_bin("cie").unwrap();
        command
            .env("CIE_PIN", "12345678")
            .env("CIE_PUK_LAST", "1234");
        command.args(["run", "--state", state, "--", "sh", "-c", script]);
        text(&command.output().unwrap().stdout)
    };
    assert_eq!(run("half-codes"), "CIE_PIN_FIRST CIE_PUK_FIRST ");
    let all = "CIE_PIN CIE_PIN_FIRST CIE_PIN_LAST CIE_PUK CIE_PUK_FIRST CIE_PUK_LAST ";
    assert_eq!(run("fresh"), all);
}

/// What cannot be seen in counters is kept in the file, for `run` and `show`.
#[test]
fn a_card_file_knows_what_it_was_made_as() {
    let folder = tempfile::tempdir().unwrap();
    let cie = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("cie").unwrap();
        command.current_dir(folder.path()).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    cie(&["new", "--state", "half-codes", "half.cie"]);
    let script = "echo ${CIE_PIN-none} ${CIE_PIN_FIRST+some} ${CIE_PIN_LAST-none}";
    let seen = cie(&["run", "--card", "half.cie", "--", "sh", "-c", script]);
    assert_eq!(seen, "none some none\n");
    let shown = |file| {
        let value: Value = serde_json::from_str(&cie(&["show", "--json", file])).unwrap();
        (value["state"].clone(), value["made_as"].clone())
    };
    assert_eq!(shown("half.cie"), ("fresh".into(), "half-codes".into()));
    assert!(cie(&["show", "half.cie"]).contains("made as      half-codes"));
    cie(&["new", "--state", "cert-revoked", "revoked.cie"]);
    assert_eq!(
        shown("revoked.cie"),
        ("fresh".into(), "cert-revoked".into())
    );
    cie(&["new", "fresh.cie"]);
    assert_eq!(shown("fresh.cie"), ("fresh".into(), "fresh".into()));
    assert!(!cie(&["show", "fresh.cie"]).contains("made as"));
}

#[test]
fn the_state_is_on_the_card() {
    for (state, tries) in [
        ("fresh", "PIN tries left: 3 of 3. PUK tries left: 10 of 10."),
        (
            "pin-1-left",
            "PIN tries left: 1 of 3. PUK tries left: 10 of 10.",
        ),
        (
            "pin-blocked",
            "PIN tries left: 0 of 3. PUK tries left: 10 of 10.",
        ),
        (
            "puk-1-left",
            "PIN tries left: 0 of 3. PUK tries left: 1 of 10.",
        ),
        (
            "puk-dead",
            "PIN tries left: 0 of 3. PUK tries left: 0 of 10.",
        ),
    ] {
        let output = cie(&["run", "--state", state, "--", "false"]);
        let report = text(&output.stderr);
        assert!(report.contains(tries), "{state}:\n{report}");
    }
}

#[test]
fn a_trace_says_whose_card_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.txt");
    told(
        &["--persona", "minor", "--trace", path.to_str().unwrap()],
        "true",
    );
    let trace = std::fs::read_to_string(&path).unwrap();
    let head = "# cie-trace 1\n# persona: minor\n# seed: 1\n# family: bit4id-2023\n";
    assert!(trace.starts_with(head), "{trace}");
    assert!(!trace.contains("# state:") && !trace.contains("# keys:"));
    let options = ["--state", "pin-blocked", "--fresh-keys", "--trace"];
    told(&[&options[..], &[path.to_str().unwrap()]].concat(), "true");
    let trace = std::fs::read_to_string(path).unwrap();
    let head = "# family: gemalto\n# state: pin-blocked\n# keys: fresh\n";
    assert!(trace.contains(head), "{trace}");
}

#[test]
fn fresh_keys_are_on_the_card() {
    // EF 1005, the public key 83, by its short identifier.
    let script = "opensc-tool -s 00A4040C06A00000000039 -s 00B0850000 | tail -n +3";
    let ready = told(&[], script);
    let fresh = told(&["--fresh-keys"], script);
    assert!(fresh.contains("90, SW2=0x00"), "{fresh}");
    assert_ne!(ready, fresh);
    assert_eq!(told(&["--fresh-keys"], script), fresh, "the seed decides");
}

#[test]
fn a_full_disk_is_an_error_in_words() {
    for list in ["personas", "families"] {
        let full = std::fs::File::create("/dev/full").unwrap();
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("cie"));
        let output = command.arg(list).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{list}");
        let error = text(&output.stderr);
        assert!(error.contains("cannot write to standard output"), "{error}");
    }
}

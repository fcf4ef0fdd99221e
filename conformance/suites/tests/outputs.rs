// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is named to be read or written: that it cannot be is found before
//! anything is run, and what was found out is told all the same.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use cie_card::Card;
use cie_personalisation::{Persona, personalise};
use cie_reader::{Place, ReaderServer, ReaderSpec};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("cie-conformance").unwrap();
    command.args(arguments);
    command
}

/// What a command writes to standard output and to standard error.
fn told(arguments: &[&str], code: i32) -> [String; 2] {
    let output = bench(arguments).assert().code(code).get_output().clone();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const NOWHERE: &str = "/nonexistent/file";

#[test]
fn what_cannot_be_written_is_found_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.json");
    fs::write(&old, "old").unwrap();
    let fresh = folder.path().join("fresh.html");
    for command in [
        // Each has an input that is missing: had it begun, it would say 2.
        vec!["card", "--ics", NOWHERE],
        vec!["middleware", "--module", NOWHERE],
        vec!["merge", NOWHERE],
        vec!["properties", "--count", "20"],
    ] {
        for bad in [NOWHERE, text(folder.path())] {
            let outputs = ["--json", text(&old), "--html", text(&fresh), "--sarif", bad];
            let [out, error] = told(&[&command[..], &outputs].concat(), 125);
            assert_eq!(out, "", "{command:?}");
            // Properties tell their numbers there.
            assert!(error.contains(bad) && error.lines().count() == 1, "{error}");
            assert_eq!(fs::read_to_string(&old).unwrap(), "old");
            assert!(!fresh.exists());
        }
        let [_, error] = told(&[&command[..], &["--embargo", NOWHERE]].concat(), 125);
        assert!(error.contains(NOWHERE), "{error}");
    }
    let survey = ["survey", "--family", "nobodys", "--out", NOWHERE];
    told(&survey, 125);
    told(&["campaign", NOWHERE, "--out", text(folder.path())], 2);
}

#[test]
fn two_outputs_do_not_go_to_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    fs::write(at("there"), "").unwrap();
    symlink(at("there"), at("link")).unwrap();
    let dotted = at("./x");
    for (one, other) in [
        (at("x"), at("x")),
        (at("x"), dotted),
        (at("there"), at("link")),
        ("-".to_owned(), "-".to_owned()),
    ] {
        let run = [
            "card", "--case", "*_ROOT_*", "--json", &one, "--html", &other,
        ];
        let [out, error] = told(&run, 2);
        assert_eq!(out, "");
        assert!(error.contains("JSON and page cannot both"), "{error}");
        assert!(!Path::new(&at("x")).exists());
    }
    let run = ["card", "--embargo", &at("e"), "--embargo-key", &at("e")];
    told(&run, 2);
}

/// What cannot be foreseen: a full disk.
#[cfg(target_os = "linux")]
#[test]
fn the_summary_is_told_if_a_file_fails_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let run = ["card", "--case", "*_ROOT_*", "--html", "/dev/full"];
    let [out, error] = told(&[&run[..], &["--json", text(&json)]].concat(), 125);
    assert!(out.contains(" pass") && out.contains("JSON: "), "{out}");
    assert!(!out.contains("page: "), "{out}");
    assert_eq!(error.matches("/dev/full").count(), 1, "{error}");
    serde_json::from_str::<Value>(&fs::read_to_string(&json).unwrap()).unwrap();
    let survey = ["survey", "--family", "nxp", "--out", "/dev/full"];
    let [out, _] = told(&survey, 125);
    assert!(out.contains("confirmed"), "{out}");
}

#[test]
fn a_file_that_is_not_what_it_should_be_is_2() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let (words, elf) = (at("list.json"), at("elf.so"));
    fs::write(&words, "[]").unwrap();
    fs::write(&elf, b"\x7fELF and no more").unwrap();
    let folder = text(folder.path());
    for bad in [NOWHERE, folder, &words, &elf] {
        for run in [
            vec!["middleware", "--module", bad],
            vec!["bisect", "--good", bad, "--bad", bad],
            vec!["known", "--module", bad],
            vec!["compare", bad, bad],
            vec!["merge", bad],
            vec!["replay", bad],
            vec!["card", "--ics", bad],
            vec!["card", "--compare", bad],
            vec!["campaign", bad, "--out", NOWHERE],
        ] {
            let [out, error] = told(&run, 2);
            assert_eq!(out, "", "{run:?}");
            assert!(error.contains(bad), "{run:?}: {error}");
        }
    }
    told(&["diff", "nxp", &words], 2);
}

#[test]
fn messages_name_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let [_, error] = told(&["survey"], 2);
    assert!(
        error.contains("--family") && error.contains("--reader"),
        "{error}"
    );
    for (run, helps) in [
        (
            ["card", "--case", "CIE_MW_PIN_01"],
            "middleware --module PATH --case",
        ),
        (
            ["card", "--case", "CIE_IAS_PROP_*"],
            "conformance properties --case",
        ),
        (
            ["card", "--case", "CIE_PCSC_CONN_001"],
            "card --reader NAME --case",
        ),
        (
            ["properties", "--case", "CIE_IAS_PIN_007"],
            "conformance card --case",
        ),
        (["card", "--case", "NOBODY"], "conformance list"),
    ] {
        let [_, error] = told(&run, 2);
        assert!(error.contains(helps), "{run:?}: {error}");
    }
    let [_, error] = told(&["card", "--allow", "tries"], 2);
    assert!(error.contains("--reader"), "{error}");
    for shard in ["1", "2"] {
        let run = [
            "card",
            "--case",
            "*_ROOT_*",
            "--shard",
            &format!("{shard}/2"),
        ];
        told(&[&run[..], &["--json", &at(shard)]].concat(), 0);
    }
    let [_, error] = told(&["merge", &at("1"), &at("1")], 2);
    assert!(error.contains("shard 1/2 is given twice"), "{error}");
    // A report with everything doubled.
    let mut doubled: Value = serde_json::from_str(&fs::read_to_string(at("1")).unwrap()).unwrap();
    let results = doubled["results"].as_array_mut().unwrap();
    results.extend(results.clone());
    fs::write(at("doubled"), doubled.to_string()).unwrap();
    for run in [
        vec!["compare".to_owned(), at("1"), at("doubled")],
        vec!["compare".to_owned(), at("doubled"), at("1")],
        vec!["replay".to_owned(), at("doubled")],
        vec!["merge".to_owned(), at("doubled"), at("2")],
    ] {
        let run: Vec<_> = run.iter().map(String::as_str).collect();
        let [_, error] = told(&run, 2);
        assert!(error.contains("more than once"), "{run:?}: {error}");
    }
}

#[test]
fn an_embargo_can_be_opened_by_its_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let json = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(at(name)).unwrap()).unwrap()
    };
    let part = ["--case", "*_ROOT_*"];
    let run = |name: &str, code| {
        told(
            &[&["card"], &part[..], &["--embargo", &at(name)]].concat(),
            code,
        )
    };
    assert_eq!(run("one", 0), ["", ""]);
    run("other", 0);
    assert_ne!(json("one")["report"], json("other")["report"]);
    let key = json("one.key");
    let opening = &key["report"];
    let hashed = [&opening["nonce"], &opening["text"]]
        .map(|text| text.as_str().unwrap())
        .concat();
    assert_eq!(
        hex::encode(Sha256::digest(hashed)),
        json("one")["report"].as_str().unwrap()
    );
    let mode = fs::metadata(at("one.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // The report can be run again.
    fs::write(at("report"), key["whole"].to_string()).unwrap();
    told(&["replay", &at("report")], 0);
    // What proves an earlier embargo is not written over.
    let [_, error] = run("one", 2);
    assert!(error.contains("one.key is there already"), "{error}");
    let [_, error] = told(&["card", "--embargo", "-"], 2);
    assert!(error.contains("--embargo-key"), "{error}");
}

/// A card that proves to be nobody's: an option that does nothing to it is
/// refused, as nobody would notice.
#[test]
fn an_option_that_does_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let closed = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder.path(), closed).unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
    let card = Card::in_memory(issued.image, issued.card_seed).unwrap();
    let place = Place::At(at("pcscd.comm").into());
    let reader = ReaderSpec::with_card("Desk Reader 00 00", Box::new(card));
    let server = ReaderServer::bind(&place, vec![reader])
        .unwrap()
        .spawn()
        .unwrap();
    fs::write(at("pin"), "12345678\n").unwrap();
    let run = [
        "card",
        "--reader",
        "Desk",
        "--socket",
        &at("pcscd.comm"),
        "--case",
        "CIE_IAS_SEL_001",
    ];
    for (more, named) in [
        (&["--allow", "tries"][..], "--allow tries"),
        (&["--allow", "writes,tries"], "--allow writes"),
        (&["--pin-file", &at("pin")], "--pin-file"),
    ] {
        let [_, error] = told(&[&run[..], more].concat(), 2);
        assert!(
            error.contains(named) && error.contains("--allow codes"),
            "{error}"
        );
    }
    told(&run, 0);
    drop(server);
}

/// A bundle that breaks off, here because no file may be longer than a block:
/// what was found until then is told.
#[test]
fn a_campaign_that_cannot_go_on_tells_what_it_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let campaign = "version = 1\nname = \"a\"\n[[run]]\nname = \"one\"\ntarget = \"card\"\n\
        family = \"nxp\"\nseed = 1\ncases = [\"*_ROOT_*\"]\n";
    fs::write(at("campaign.toml"), campaign).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; ulimit -f 1; exec "$0" "$@""#]);
    command.arg(assert_cmd::cargo::cargo_bin("cie-conformance"));
    command.args(["campaign", &at("campaign.toml"), "--out", &at("out")]);
    let output = command.assert().code(125).get_output().clone();
    let [out, error] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(out.contains("== one\n") && out.contains(" pass"), "{out}");
    assert!(error.contains("report.json"), "{error}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards in files: `cie new`, `show`, `codes`, and `run` with `--card`,
//! `--readers` and `--artifacts`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

fn cie(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::cargo_bin("cie").unwrap();
    command.current_dir(folder).args(arguments);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a command that must succeed.
fn good(folder: &Path, arguments: &[&str]) -> String {
    let output = cie(folder, arguments);
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Standard error of a command that must fail by itself.
fn bad(folder: &Path, arguments: &[&str]) -> String {
    let output = cie(folder, arguments);
    assert_eq!(output.status.code(), Some(125), "{arguments:?}");
    text(&output.stderr)
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&good(folder, arguments)).unwrap()
}

fn with_card() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    good(folder.path(), &["new", "card.cie"]);
    folder
}

/// Changes the state in the card file, as a session would.
fn change(path: &Path, change: impl FnOnce(&mut cie_card::image::CardState)) {
    let (mut store, image) = cie_store::FileStore::open(path).unwrap();
    let mut state = image.state.clone();
    change(&mut state);
    store.save(&state).unwrap();
}

#[test]
fn a_new_card_is_the_same_for_the_same_seed_and_replaces_nothing() {
    let folder = with_card();
    let folder = folder.path();
    let said = good(
        folder,
        &["new", "--seed", "1", "--persona", "adult", "again.cie"],
    );
    assert!(
        said.contains("again.cie: ") && said.contains("TEST"),
        "{said}"
    );
    good(folder, &["new", "--seed", "2", "other.cie"]);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert_eq!(read("card.cie"), read("again.cie"));
    assert_ne!(read("card.cie"), read("other.cie"));
    let before = read("card.cie");
    let error = bad(folder, &["new", "--seed", "3", "card.cie"]);
    assert!(error.contains("card.cie exists already"), "{error}");
    assert_eq!(read("card.cie"), before);
    let error = bad(folder, &["new", "--persona", "nobody", "x.cie"]);
    assert!(
        error.contains("nobody") && error.contains("adult"),
        "{error}"
    );
    assert!(!folder.join("x.cie").exists());
}

#[test]
fn show_has_counters_and_facts_and_no_secrets() {
    let folder = with_card();
    let folder = folder.path();
    let codes = json(folder, &["codes", "--json", "card.cie"]);
    let shown = json(folder, &["show", "--json", "card.cie"]);
    assert_eq!(shown["state"], "fresh");
    assert_eq!(
        (&shown["pin_tries"], &shown["puk_tries"]),
        (&3.into(), &10.into())
    );
    assert_eq!(
        (&shown["family"], &shown["pin_as_issued"]),
        (&"gemalto".into(), &true.into())
    );
    let words = good(folder, &["show", "card.cie"]);
    for field in ["nis", "serial", "fiscal_code", "surname", "given_names"] {
        let value = shown[field].as_str().unwrap();
        assert!(
            !value.is_empty() && words.contains(value),
            "{field}: {words}"
        );
    }
    let everything = format!("{shown} {words}");
    for code in ["pin", "puk"] {
        assert!(
            !everything.contains(codes[code].as_str().unwrap()),
            "{code}"
        );
    }
    for (pin, puk, state) in [
        (3, 9, "used"),
        (1, 10, "pin-1-left"),
        (0, 10, "pin-blocked"),
        (0, 1, "puk-1-left"),
        (3, 0, "puk-dead"),
    ] {
        change(&folder.join("card.cie"), |s| {
            (s.pin_tries, s.puk_tries) = (pin, puk)
        });
        assert_eq!(
            json(folder, &["show", "--json", "card.cie"])["state"],
            state
        );
    }
}

#[test]
fn codes_are_those_issued_in_halves_with_a_warning() {
    let folder = with_card();
    let folder = folder.path();
    let whole = json(folder, &["codes", "--json", "card.cie"]);
    let (pin, puk) = (
        whole["pin"].as_str().unwrap(),
        whole["puk"].as_str().unwrap(),
    );
    let output = cie(folder, &["codes", "card.cie"]);
    assert_eq!(text(&output.stdout), format!("PIN {pin}\nPUK {puk}\n"));
    assert_eq!(text(&output.stderr), "");
    let half = |name: &str| good(folder, &["codes", "--half", name, "card.cie"]);
    assert_eq!(
        half("receipt"),
        format!("PIN {}\nPUK {}\n", &pin[..4], &puk[..4])
    );
    assert_eq!(
        half("letter"),
        format!("PIN {}\nPUK {}\n", &pin[4..], &puk[4..])
    );
    change(&folder.join("card.cie"), |state| {
        state.pin = cie_card::image::Code::new(b"24681357").unwrap();
    });
    let output = cie(folder, &["codes", "card.cie"]);
    assert_eq!(
        text(&output.stdout),
        format!("PIN {pin}\nPUK {puk}\n"),
        "as issued"
    );
    let warning = text(&output.stderr);
    assert!(
        warning.contains("warning") && warning.contains("changed"),
        "{warning}"
    );
    assert!(!warning.contains("24681357"), "{warning}");
}

#[test]
fn what_is_no_card_is_named_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("letter.txt"), "Dear citizen").unwrap();
    for command in [
        &["show", "letter.txt"][..],
        &["codes", "letter.txt"],
        &["serve", "--card", "letter.txt"],
        &["run", "--card", "letter.txt", "--", "true"],
    ] {
        let error = bad(folder, command);
        assert!(
            error.contains("letter.txt") && error.contains("no card image"),
            "{error}"
        );
    }
    assert!(bad(folder, &["show", "absent.cie"]).contains("cie new"));
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
}

/// Gives one wrong PIN with this project's own terminal, through the socket
/// that the environment of the child names; done by the test program itself.
const ONE_WRONG_PIN: &str = "CIE_TEST_ONE_WRONG_PIN";

#[test]
fn as_a_child_give_one_wrong_pin() {
    use cie_terminal::steps::{code, objects::DomainForm};
    use rand_core::SeedableRng;
    if std::env::var_os(ONE_WRONG_PIN).is_none() {
        return; // only in the test below
    }
    let socket = std::env::var_os("PCSCLITE_CSOCK_NAME")
        .map(PathBuf::from)
        .unwrap();
    let card = cie_terminal::pcsc::Card::first(socket, cie_terminal::pcsc::Options::default());
    let mut channel = cie_terminal::Channel::new(card.unwrap());
    let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    let wrong = code::Code::new("10203040").unwrap();
    let answer = channel.verify(code::Reference::Pin, &wrong).unwrap();
    assert!(!answer.is_accepted());
}

#[test]
fn a_run_keeps_the_counters_in_the_file() {
    let folder = with_card();
    let folder = folder.path();
    let test = std::env::current_exe().unwrap();
    let wrong_pin = |options: &[&str]| {
        let mut command = Command::cargo_bin("cie").unwrap();
        let output = command
            .current_dir(folder)
            .env(ONE_WRONG_PIN, "1")
            .arg("run")
            .args(options)
            .arg("--")
            .arg(&test)
            .args(["--exact", "as_a_child_give_one_wrong_pin"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    let tries = || json(folder, &["show", "--json", "card.cie"])["pin_tries"].clone();
    wrong_pin(&["--card", "card.cie"]);
    assert_eq!(tries(), 2);
    wrong_pin(&["--card", "card.cie", "--artifacts", "found"]);
    assert_eq!(tries(), 1);
    let at = |name: &str| {
        json(folder, &["show", "--json", &format!("found/{name}")])["pin_tries"].clone()
    };
    assert_eq!((at("before.cie"), at("after.cie")), (2.into(), 1.into()));
    let trace = std::fs::read_to_string(folder.join("found/trace.txt")).unwrap();
    assert!(
        trace.starts_with("# cie-trace 1\n# persona: file card.cie\n"),
        "{trace}"
    );
    assert!(trace.contains("63C1"), "{trace}");
    // Once more from the image before: the same bytes, and the card stays.
    let path = format!(
        "{}:{}",
        assert_cmd::cargo::cargo_bin("cie")
            .parent()
            .unwrap()
            .display(),
        std::env::var("PATH").unwrap()
    );
    let script = std::fs::read_to_string(folder.join("found/replay.sh")).unwrap();
    let traced = script.replace("cie run ", "cie run --trace again.txt ");
    std::fs::write(folder.join("found/traced.sh"), traced).unwrap();
    let replay = std::process::Command::new("sh")
        .arg("found/traced.sh")
        .current_dir(folder)
        .env("PATH", path)
        .env(ONE_WRONG_PIN, "1")
        .output()
        .unwrap();
    assert!(replay.status.success(), "{}", text(&replay.stderr));
    assert_eq!(tries(), 1);
    let again = std::fs::read_to_string(folder.join("again.txt")).unwrap();
    // The calls name processes; the card's part is the same.
    let exchanges = |trace: &str| {
        let lines = trace.lines().skip(5);
        let lines = lines.filter(|line| !line.starts_with("    ["));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(exchanges(&again), exchanges(&trace));
}

#[test]
fn a_card_is_in_one_place_at_a_time() {
    let folder = with_card();
    let folder = folder.path();
    let cie_path = assert_cmd::cargo::cargo_bin("cie");
    let inner = format!("{} run --card card.cie -- true", cie_path.display());
    let output = cie(
        folder,
        &["run", "--card", "card.cie", "--", "sh", "-c", &inner],
    );
    assert_eq!(output.status.code(), Some(125));
    let error = text(&output.stderr);
    assert!(error.contains("in use by another process"), "{error}");
    good(folder, &["run", "--card", "card.cie", "--", "true"]);
}

#[test]
fn the_pin_in_the_environment_is_the_one_that_works() {
    let folder = with_card();
    let folder = folder.path();
    change(&folder.join("card.cie"), |state| {
        state.pin = cie_card::image::Code::new(b"24681357").unwrap();
    });
    let script = [
        "run",
        "--card",
        "card.cie",
        "--",
        "sh",
        "-c",
        "echo $CIE_PIN $CIE_NIS",
    ];
    let nis = json(folder, &["show", "--json", "card.cie"])["nis"].clone();
    assert_eq!(
        good(folder, &script),
        format!("24681357 {}\n", nis.as_str().unwrap())
    );
}

#[test]
fn the_first_of_several_readers_holds_the_card() {
    let folder = tempfile::tempdir().unwrap();
    let listed = good(
        folder.path(),
        &[
            "run",
            "--readers",
            "3",
            "--",
            "opensc-tool",
            "--list-readers",
        ],
    );
    let readers: Vec<_> = listed
        .lines()
        .filter(|line| line.contains("CIE Software Reader"))
        .collect();
    assert_eq!(readers.len(), 3, "{listed}");
    for (number, (line, card)) in readers.iter().zip([" Yes ", " No ", " No "]).enumerate() {
        assert!(
            line.contains(&format!("Reader {number:02} 00")) && line.contains(card),
            "{listed}"
        );
    }
    let output = cie(folder.path(), &["run", "--readers", "0", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn artifacts_of_a_fresh_card_name_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = [
        "run",
        "--seed",
        "5",
        "--artifacts",
        "a/b",
        "--",
        "sh",
        "-c",
        "echo 'it is done'",
    ];
    good(folder, &run);
    let script = std::fs::read_to_string(folder.join("a/b/replay.sh")).unwrap();
    let command = r"exec cie run --seed 5 -- 'sh' '-c' 'echo '\''it is done'\'''";
    assert!(script.ends_with(&format!("{command}\n")), "{script}");
    let mut names: Vec<_> = std::fs::read_dir(folder.join("a/b"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["after.cie", "before.cie", "replay.sh", "trace.txt"]);
    let error = bad(folder, &run);
    assert!(error.contains("a/b is not empty"), "{error}");
}

#[test]
fn help_has_examples_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "run",
        "new",
        "show",
        "codes",
        "serve",
        "env",
        "completions",
        "families",
        "personas",
        "pki",
    ] {
        let help = good(folder.path(), &[command, "--help"]);
        assert!(
            help.contains("Examples:") && help.contains("Exit codes:"),
            "{help}"
        );
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = good(folder.path(), &["completions", shell]);
        for word in ["codes", "artifacts", "half"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_hint_after_a_failure_names_the_card() {
    let folder = with_card();
    let output = Command::cargo_bin("cie")
        .unwrap()
        .current_dir(folder.path())
        .args(["run", "--card", "card.cie", "--", "false"])
        .output()
        .unwrap();
    let report = text(&output.stderr);
    assert!(
        report.contains("--seed 1 --card card.cie --trace FILE"),
        "{report}"
    );
}

/// A card file from anywhere: its serial number would give a shell a command,
/// a terminal an escape sequence and the child's environment a NUL.
#[test]
fn what_a_card_file_says_steers_nobody() {
    let folder = with_card();
    let folder = folder.path();
    let mut image = cie_store::read(folder.join("card.cie")).unwrap();
    let profile = std::sync::Arc::make_mut(&mut image.profile);
    profile.family.id = "gemalto\nmkdir pwned".to_owned();
    let serial = profile.files.iter_mut().find(|file| file.fid == 0x1002);
    serial.unwrap().content = b"CZ\nmkdir pwned\0\x1B[2J".to_vec();
    cie_store::FileStore::create(folder.join("odd.cie"), &image).unwrap();

    let shown = good(folder, &["show", "odd.cie"]);
    assert_eq!(shown.lines().count(), 9, "{shown}");
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!shown.contains(steers), "{shown:?}");
    let shown = json(folder, &["show", "--json", "odd.cie"]);
    let replaced = "CZ\u{FFFD}mkdir pwned\u{FFFD}\u{FFFD}[2J";
    assert_eq!(shown["serial"], replaced);

    let script = "printf %s \"$CIE_SERIAL\"";
    let run = [
        "run", "--trace", "t.txt", "--card", "odd.cie", "--", "sh", "-c", script,
    ];
    assert_eq!(good(folder, &run), replaced);
    let trace = std::fs::read_to_string(folder.join("t.txt")).unwrap();
    let header = trace.lines().take_while(|line| !line.starts_with('!'));
    assert!(
        header.into_iter().all(|line| line.starts_with("# ")),
        "{trace}"
    );
}

#[test]
fn a_replay_keeps_every_byte_of_the_words() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (_, adult) = cie_personalisation::Persona::shipped()[0];
    let odd = "it's $(touch pwned) mine.toml";
    std::fs::write(folder.join(odd), adult).unwrap();
    let mut command = Command::cargo_bin("cie").unwrap();
    let first = command
        .current_dir(folder)
        .args(["run", "--persona", odd, "--artifacts", "a b", "--"])
        .args([
            "sh",
            "-c",
            "printf '%s %s' \"$CIE_NIS\" \"$1\"; exit 3",
            "sh",
        ])
        .arg(std::ffi::OsStr::from_bytes(b"\xFF '"))
        .output()
        .unwrap();
    assert_eq!(first.status.code(), Some(3), "{}", text(&first.stderr));
    assert!(first.stdout.ends_with(b"\xFF '"));
    let bin = assert_cmd::cargo::cargo_bin("cie");
    let path = format!(
        "{}:{}",
        bin.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let again = std::process::Command::new("sh")
        .arg("a b/replay.sh")
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .unwrap();
    assert_eq!(again.status.code(), Some(3), "{}", text(&again.stderr));
    assert_eq!(again.stdout, first.stdout);
    assert!(!folder.join("pwned").exists());
    let report = text(&again.stderr);
    let hint = r"--persona 'it'\''s $(touch pwned) mine.toml' --trace FILE";
    assert!(report.contains(hint), "{report}");
}

#[test]
fn a_warning_that_nobody_can_read_is_no_failure() {
    let folder = with_card();
    change(&folder.path().join("card.cie"), |state| {
        state.pin = cie_card::image::Code::new(b"24681357").unwrap();
    });
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let output = std::process::Command::new(assert_cmd::cargo::cargo_bin("cie"))
        .current_dir(folder.path())
        .args(["codes", "card.cie"])
        .stderr(full.unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("PIN "));
}

/// What a challenge is decided by: seed and card, and nothing else.
#[test]
fn seed_and_card_decide_the_random_numbers_of_a_card_from_a_file() {
    let folder = with_card();
    let folder = folder.path();
    good(folder, &["new", "--seed", "2", "other.cie"]);
    let challenge = |seed: &str, card: &str| {
        let run = ["run", "--seed", seed, "--card", card, "--"];
        let ask = ["opensc-tool", "-s", "0084000008"];
        let told = good(folder, &[&run[..], &ask].concat());
        assert!(told.contains("SW1=0x90"), "{told}");
        told
    };
    let first = challenge("1", "card.cie");
    assert_eq!(challenge("1", "card.cie"), first);
    assert_ne!(challenge("2", "card.cie"), first);
    assert_ne!(challenge("1", "other.cie"), first);
}

#[test]
fn artifacts_are_private_and_repeat_every_option() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let options =
        "--seed 5 --persona minor --family stm --state pin-blocked --fresh-keys --readers 2";
    let mut run = vec!["run", "--artifacts", "found"];
    run.extend(options.split(' '));
    run.extend(["--", "true"]);
    good(folder, &run);
    let mode = |name: &str| {
        let found = folder.join(name).metadata().unwrap();
        found.permissions().mode() & 0o777
    };
    assert_eq!((mode("found"), mode("found/replay.sh")), (0o700, 0o700));
    assert_eq!(
        (mode("found/before.cie"), mode("found/after.cie")),
        (0o600, 0o600)
    );
    let script = std::fs::read_to_string(folder.join("found/replay.sh")).unwrap();
    assert!(
        script.contains(&format!("cie run {options} -- ")),
        "{script}"
    );
}

/// A card whose file is gone refuses every code; its owner is told once.
#[test]
fn a_card_that_cannot_be_written_is_told_once() {
    let folder = with_card();
    let output = Command::cargo_bin("cie")
        .unwrap()
        .current_dir(folder.path())
        .env(TWO_REFUSED_PINS, "1")
        .args(["run", "--card", "card.cie", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "as_a_child_remove_the_file_and_give_two_pins"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stdout));
    let error = text(&output.stderr);
    assert_eq!(
        error.matches("was changed by somebody else").count(),
        1,
        "{error}"
    );
}

const TWO_REFUSED_PINS: &str = "CIE_TEST_TWO_REFUSED_PINS";

#[test]
fn as_a_child_remove_the_file_and_give_two_pins() {
    use cie_terminal::steps::{code, objects::DomainForm};
    use rand_core::SeedableRng;
    if std::env::var_os(TWO_REFUSED_PINS).is_none() {
        return; // only in the test above
    }
    let socket = std::env::var_os("PCSCLITE_CSOCK_NAME").map(PathBuf::from);
    let options = cie_terminal::pcsc::Options::default();
    let card = cie_terminal::pcsc::Card::first(socket.unwrap(), options);
    let mut channel = cie_terminal::Channel::new(card.unwrap());
    let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    std::fs::remove_file("card.cie").unwrap();
    for _ in 0..2 {
        let pin = code::Code::new(&std::env::var("CIE_PIN").unwrap()).unwrap();
        let answer = channel.verify(code::Reference::Pin, &pin);
        assert!(format!("{answer:?}").contains("6581"), "{answer:?}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie serve` and `cie env`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// `cie` with no signal ignored: whoever runs the tests may ignore some
/// (`nohup`), and `cie` would leave them ignored.
fn cie(runtime: &Path) -> Command {
    let mut command = Command::new("env");
    command
        .arg("--default-signal=INT,TERM,HUP")
        .arg(assert_cmd::cargo::cargo_bin("cie"))
        .current_dir(runtime)
        .env("XDG_RUNTIME_DIR", runtime);
    command
}

fn output(runtime: &Path, arguments: &[&str]) -> Output {
    cie(runtime).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A server that has said where it is; ended with the value.
struct Serving(Child, Vec<String>);

impl Serving {
    fn start(runtime: &Path, arguments: &[&str]) -> Self {
        let mut child = cie(runtime)
            .arg("serve")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            lines.push(line.unwrap());
            let last = lines.last().unwrap();
            if last.starts_with("export PCSC") || last.starts_with('{') {
                break;
            }
        }
        Self(child, lines)
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn cards_are_served_until_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (seed, file) in [("1", "one.cie"), ("2", "two.cie")] {
        assert!(
            output(folder, &["new", "--seed", seed, file])
                .status
                .success()
        );
    }
    let socket = folder.join("cie/pcscd.comm");
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut serving = Serving::start(folder, &["--card", "one.cie", "--card", "two.cie"]);
        let export = format!("export PCSCLITE_CSOCK_NAME='{}'", socket.display());
        assert_eq!(serving.1.last(), Some(&export));
        let said = text(&output(folder, &["env"]).stdout);
        let control = format!("export CIE_CONTROL='{}.control'", socket.display());
        assert_eq!(said, format!("{control}\n{export}\n"));
        let list = Command::new("sh")
            .args([
                "-c",
                &format!(
                    "eval '{}'; opensc-tool --list-readers",
                    said.trim().replace('\'', r"'\''")
                ),
            ])
            .output()
            .unwrap();
        let list = text(&list.stdout);
        assert_eq!(list.matches(" Yes ").count(), 2, "{list}");
        let locked = output(folder, &["run", "--card", "one.cie", "--", "true"]);
        assert_eq!(locked.status.code(), Some(125));
        assert!(
            text(&locked.stderr).contains("in use"),
            "{}",
            text(&locked.stderr)
        );
        assert_eq!(serving.end(signal), Some(0));
        assert!(!socket.exists(), "the socket goes with the server");
    }
    assert!(
        output(folder, &["run", "--card", "one.cie", "--", "true"])
            .status
            .success()
    );
}

#[test]
fn a_place_of_its_own_and_a_card_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut serving = Serving::start(folder, &["--pcsc", "here/it's", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&serving.1[0]).unwrap();
    let socket = std::fs::canonicalize(folder).unwrap().join("here/it's");
    assert_eq!(object["PCSCLITE_CSOCK_NAME"], socket.to_str().unwrap());
    assert_eq!(object["readers"][0]["name"], "CIE Software Reader 00 00");
    assert_eq!(object["readers"].as_array().unwrap().len(), 1);
    let env = text(&output(folder, &["env", "--pcsc", "here/it's"]).stdout);
    assert!(env.contains(r"it'\''s'"), "{env}");
    let env = output(folder, &["env", "--pcsc", "here/it's", "--json"]);
    let env: serde_json::Value = serde_json::from_slice(&env.stdout).unwrap();
    assert_eq!(env["PCSCLITE_CSOCK_NAME"], object["PCSCLITE_CSOCK_NAME"]);
    assert_eq!(
        output(folder, &["env"]).status.code(),
        Some(125),
        "not at the usual place"
    );
    assert_eq!(serving.end(Signal::TERM), Some(0));
}

#[test]
fn one_server_per_place_and_one_reader_per_card() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let nobody = output(folder, &["env"]);
    assert_eq!(nobody.status.code(), Some(125));
    assert!(text(&nobody.stderr).contains("no `cie serve` is running"));
    let _serving = Serving::start(folder, &[]);
    let second = output(folder, &["serve"]);
    assert_eq!(second.status.code(), Some(125));
    assert!(
        text(&second.stderr).contains("another server"),
        "{}",
        text(&second.stderr)
    );
    assert!(output(folder, &["new", "card.cie"]).status.success());
    let twice = output(
        folder,
        &["serve", "--card", "card.cie", "--card", "./card.cie"],
    );
    assert_eq!(twice.status.code(), Some(125));
    assert!(
        text(&twice.stderr).contains("used twice"),
        "{}",
        text(&twice.stderr)
    );
}

/// Started by `nohup`, it outlives its terminal.
#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let runtime = tempfile::tempdir().unwrap();
    let mut child = Command::new("env")
        .args(["--default-signal=TERM", "--ignore-signal=HUP"])
        .arg(assert_cmd::cargo::cargo_bin("cie"))
        .arg("serve")
        .env("XDG_RUNTIME_DIR", runtime.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("export ")));
    let mut server = Serving(child, Vec::new());
    let pid = Pid::from_raw(i32::try_from(server.0.id()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    // Signals wait for each other: the second is what ends it.
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(server.0.try_wait().unwrap(), None, "it serves on");
    assert_eq!(server.end(Signal::TERM), Some(0));
}

#[test]
fn what_it_prints_can_be_given_to_a_shell() {
    let runtime = tempfile::tempdir().unwrap();
    let odd = runtime.path().join("a\nb 'c");
    let socket = odd.join("s");
    let mut command = cie(runtime.path());
    let mut child = command
        .args(["serve", "--pcsc"])
        .arg(&socket)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while !said.contains("export ") || !said.ends_with("/s'\n") {
        said += &(lines.next().unwrap().unwrap() + "\n");
    }
    let mut server = Serving(child, Vec::new());
    let told = Command::new("sh")
        .args(["-c", "eval \"$0\"; printf %s \"$PCSCLITE_CSOCK_NAME\""])
        .arg(&said)
        .output()
        .unwrap();
    assert_eq!(text(&told.stderr), "");
    assert_eq!(text(&told.stdout), socket.to_str().unwrap());
    assert_eq!(server.end(Signal::INT), Some(0));
}

#[test]
fn the_seed_decides_the_card_that_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(
        output(folder, &["new", "--seed", "7", "card.cie"])
            .status
            .success()
    );
    let shown = output(folder, &["show", "--json", "card.cie"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let served = Serving::start(folder, &["--seed", "7", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&served.1[0]).unwrap();
    assert_eq!(object["readers"][0]["nis"], shown["nis"]);
    drop(served);
    // A card from a file: its first random number.
    let challenge = |seed: &str, place: &str| {
        let socket = folder.join(place).join("s");
        let path = socket.to_str().unwrap();
        let arguments = ["--card", "card.cie", "--seed", seed, "--pcsc", path];
        let _served = Serving::start(folder, &arguments);
        let mut tool = Command::new("opensc-tool");
        tool.args(["-s", "0084000008"])
            .env("PCSCLITE_CSOCK_NAME", path);
        let told = text(&tool.output().unwrap().stdout);
        assert!(told.contains("SW1=0x90"), "{told}");
        told
    };
    assert_ne!(challenge("1", "a"), challenge("2", "b"));
}

#[test]
fn a_relative_runtime_folder_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = cie(folder.path());
    let output = command
        .env("XDG_RUNTIME_DIR", "here")
        .arg("env")
        .output()
        .unwrap();
    let error = text(&output.stderr);
    assert!(!error.contains("here"), "{error}");
}

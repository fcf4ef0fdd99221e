// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several cards and readers, control from outside, and PC/SC calls in traces.
//! Every wait is for an event; the limits are only against defects.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

/// Only so that a defect fails a test instead of hanging it.
const GUARD: Duration = Duration::from_secs(60);

/// `cie`, which its children find as `cie`, in a folder with a runtime folder of its own.
fn cie(folder: &Path) -> Command {
    let binary = assert_cmd::cargo::cargo_bin("cie");
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", binary.parent().unwrap().display());
    let mut command = Command::new(binary);
    command
        .current_dir(folder)
        .env("PATH", path)
        .env("XDG_RUNTIME_DIR", folder)
        .env_remove("CIE_CONTROL");
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    cie(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs `program` under `cie run` with these options; what it printed.
fn run(folder: &Path, options: &[&str], program: &[&str]) -> String {
    let output = cie(folder)
        .arg("run")
        .args(options)
        .arg("--")
        .args(program)
        .output()
        .unwrap();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{errors}");
    out
}

fn shell(folder: &Path, options: &[&str], script: &str) -> String {
    run(folder, options, &["sh", "-ec", script])
}

fn python(folder: &Path, options: &[&str], script: &str) -> String {
    run(folder, options, &["/usr/bin/python3", "-c", script])
}

fn card(folder: &Path, seed: &str, file: &str) {
    let made = output(folder, &["new", "--seed", seed, file]);
    assert!(made.status.success(), "{}", text(&made.stderr));
}

/// A server that has said where it is; ended with the value.
struct Serving {
    child: Child,
    /// Kept, so that nothing it prints fails.
    _said: BufReader<ChildStdout>,
    control: String,
    socket: String,
}

impl Serving {
    fn start(folder: &Path, options: &[&str]) -> Self {
        let mut child = cie(folder)
            .args(["serve", "--json"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let object: Value = serde_json::from_str(&line).unwrap();
        let path = |name: &str| object[name].as_str().unwrap().to_owned();
        Self {
            child,
            _said: said,
            control: path("CIE_CONTROL"),
            socket: path("PCSCLITE_CSOCK_NAME"),
        }
    }

    fn talk(&self) -> Talk {
        let stream = UnixStream::connect(&self.control).unwrap();
        stream.set_read_timeout(Some(GUARD)).unwrap();
        stream.set_write_timeout(Some(GUARD)).unwrap();
        Talk(BufReader::new(stream))
    }

    /// A program that uses the server's readers and controls them.
    fn client(&self, folder: &Path, script: &str) -> Command {
        let command = cie(folder);
        let path = command.get_envs().find(|(name, _)| *name == "PATH");
        let path = path.unwrap().1.unwrap().to_owned();
        let mut client = Command::new("/usr/bin/python3");
        client
            .args(["-c", script])
            .env("PATH", path)
            .env("CIE_CONTROL", &self.control)
            .env("PCSCLITE_CSOCK_NAME", &self.socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        client
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// One connection to a control socket.
struct Talk(BufReader<UnixStream>);

impl Talk {
    fn say(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "no whole line: {line:?}");
        line.pop();
        line
    }

    fn ask(&mut self, line: &str) -> String {
        self.say(format!("{line}\n").as_bytes());
        self.hear()
    }

    fn json(&mut self, line: &str) -> Value {
        let reply = self.ask(line);
        let object = reply.strip_prefix("ok ");
        serde_json::from_str(object.unwrap_or_else(|| panic!("{reply}"))).unwrap()
    }
}

#[test]
fn cards_have_readers_and_variables_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    card(folder, "2", "two.cie");
    let said = cie(folder)
        .args(["run", "--card", "two.cie", "--card", "one.cie"])
        .args(["--readers", "3", "--", "sh", "-ec"])
        .arg("env | grep ^CIE_ | sort; opensc-tool --list-readers")
        .env("CIE_3_PIN", "of another run")
        .output()
        .unwrap();
    let said = text(&said.stdout);
    let value = |name: &str| {
        let mut lines = said.lines();
        let value = lines.find_map(|line| line.strip_prefix(&format!("{name}=")));
        value.unwrap_or_else(|| panic!("no {name} in:\n{said}"))
    };
    let serial = |file: &str| {
        let shown = output(folder, &["show", "--json", file]);
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        shown["serial"].as_str().unwrap().to_owned()
    };
    assert_eq!(value("CIE_SERIAL"), serial("two.cie"));
    assert_eq!(value("CIE_2_SERIAL"), serial("one.cie"));
    assert_eq!(value("CIE_READER"), "CIE Software Reader 00 00");
    assert_eq!(value("CIE_2_READER"), "CIE Software Reader 01 00");
    let pin = value("CIE_2_PIN_FIRST").to_owned() + value("CIE_2_PIN_LAST");
    assert_eq!(value("CIE_2_PIN"), pin);
    assert_ne!(value("CIE_2_PIN"), value("CIE_PIN"));
    assert!(!said.contains("CIE_3_"), "{said}");
    let yes = said.lines().filter(|line| line.contains(" Yes ")).count();
    let no = said.lines().filter(|line| line.contains(" No ")).count();
    assert_eq!((yes, no), (2, 1), "{said}");
}

#[test]
fn readers_that_do_not_suffice_and_cards_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    card(folder, "2", "two.cie");
    let two = ["--card", "one.cie", "--card", "two.cie"];
    for command in [["run"].as_slice(), &["serve"]] {
        let few = cie(folder)
            .args(command)
            .args(two)
            .args(["--readers", "1"])
            .args(if command == ["run"] {
                &["--", "true"][..]
            } else {
                &[]
            })
            .output()
            .unwrap();
        assert_eq!(few.status.code(), Some(2));
        let errors = text(&few.stderr);
        assert!(errors.contains("2 cards and 1 readers"), "{errors}");
    }
    let twice = [
        "run",
        "--card",
        "one.cie",
        "--card",
        "./one.cie",
        "--",
        "true",
    ];
    let twice = output(folder, &twice);
    assert_eq!(twice.status.code(), Some(125));
    assert!(text(&twice.stderr).contains("used twice"));
    // The locks of a run that failed are gone.
    run(folder, &two, &["true"]);
}

#[test]
fn artifacts_of_two_cards() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    card(folder, "2", "two.cie");
    let options = [
        "--card",
        "one.cie",
        "--card",
        "two.cie",
        "--empty",
        "--artifacts",
        "found",
    ];
    run(
        folder,
        &options,
        &["sh", "-c", "echo $CIE_NIS $CIE_2_NIS > numbers"],
    );
    let numbers = std::fs::read_to_string(folder.join("numbers")).unwrap();
    for name in ["before.cie", "before-2.cie", "after.cie", "after-2.cie"] {
        assert!(folder.join("found").join(name).exists(), "{name}");
    }
    std::fs::remove_file(folder.join("numbers")).unwrap();
    let path = cie(folder);
    let path = path.get_envs().find(|(name, _)| *name == "PATH").unwrap();
    let replayed = Command::new("sh")
        .arg("found/replay.sh")
        .current_dir(folder)
        .env("PATH", path.1.unwrap())
        .status()
        .unwrap();
    assert!(replayed.success());
    let again = std::fs::read_to_string(folder.join("numbers")).unwrap();
    assert_eq!(again, numbers);
    let script = std::fs::read_to_string(folder.join("found/replay.sh")).unwrap();
    assert!(script.contains(" --empty "), "{script}");
}

#[test]
fn the_control_is_private_and_gone_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let said = shell(
        folder.path(),
        &[],
        r#"stat -c '%a %F' "$CIE_CONTROL" "$(dirname "$CIE_CONTROL")"; echo "$CIE_CONTROL""#,
    );
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..2], ["600 socket", "700 directory"]);
    assert!(!Path::new(lines[2]).exists());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "the folder went with the sockets");
}

#[test]
fn a_shell_controls_a_card_with_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "2", "it's two.cie");
    let said = shell(
        folder,
        &[],
        r#"
        opensc-tool --list-readers | grep -c ' Yes '
        cie control remove
        opensc-tool --list-readers | grep -c ' No '
        cie control remove 2>&1 || echo "exit $?"
        cie control insert
        cie control insert 2>&1 || echo "exit $?"
        opensc-tool --list-readers | grep -c ' Yes '
        cie control reset
        cie control swap "it's two.cie"
        cie control counters
        cie control insert --reader 7 2>&1 || echo "exit $?"
        cie control swap missing.cie 2>&1 || echo "exit $?"
        "#,
    );
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[..7],
        [
            "1",
            "1",
            "cie: no card in reader 0",
            "exit 1",
            "cie: reader 0 holds a card already; remove it first, or swap it",
            "exit 1",
            "1",
        ]
    );
    let counters: Value = serde_json::from_str(lines[7]).unwrap();
    assert_eq!(counters["card"], 2);
    assert_eq!(counters["pin_tries"], 3);
    assert_eq!(counters["state"], "fresh");
    let shown = output(folder, &["show", "--json", "it's two.cie"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(counters["nis"], shown["nis"]);
    assert_eq!(
        lines[8],
        "cie: there is no reader 7; there are 1, counted from 0"
    );
    assert_eq!(lines[9], "exit 1");
    assert!(
        lines[10].starts_with("cie: there is no card file "),
        "{}",
        lines[10]
    );
    assert_eq!(lines[11], "exit 1", "and the card is where it was");
}

/// The protocol with nothing but Python's standard library.
const SPEAK: &str = r#"
import os, socket
def ask(*lines):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(os.environ["CIE_CONTROL"])
        f = s.makefile("rw", encoding="utf-8", newline="\n")
        replies = []
        for line in lines:
            f.write(line + "\n")
            f.flush()
            replies.append(f.readline().rstrip("\n"))
        return replies
"#;

#[test]
fn python_controls_a_card_with_the_protocol() {
    let folder = tempfile::tempdir().unwrap();
    card(folder.path(), "2", "two.cie");
    let script = format!(
        r#"{SPEAK}
import json
for reply in ask("remove", "remove", "insert", "reset", "swap {0}/two.cie", "eject", "", "insert", "swap {0}/two.cie"):
    print(reply)
print(json.loads(ask("counters")[0][3:])["card"])
readers = json.loads(ask("list")[0][3:])["readers"]
print([reader["present"] for reader in readers], readers[0]["beside"], readers[0]["file"])
"#,
        folder.path().display()
    );
    let said = python(folder.path(), &["--readers", "2"], &script);
    let file = std::fs::canonicalize(folder.path())
        .unwrap()
        .join("two.cie");
    let expected = [
        "ok",
        "error no card in reader 0",
        "ok",
        "ok",
        "ok",
        "error \"eject\" is not known; there are insert, remove, reset, swap, counters, list, fault, faults, clear-faults, wait-clients, wait-waiting and wait-queued",
        "error the line is empty; say insert, remove, reset, swap, counters, list, fault, faults, clear-faults, wait-clients, wait-waiting or wait-queued",
        "error reader 0 holds a card already; remove it first, or swap it",
        &format!(
            "error the card in {}/two.cie is in reader 0; remove it there first",
            folder.path().display()
        ),
        "2",
        &format!("[True, False] [1] {}", file.display()),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

/// Waits for the card that the other thread inserts, then for its removal.
const WAITS: &str = r#"
import threading
from smartcard.scard import *
def states(context, known, timeout):
    return SCardGetStatusChange(context, timeout, [(reader, known)])
_, context = SCardEstablishContext(SCARD_SCOPE_USER)
reader = os.environ["CIE_READER"]
_, now = states(context, SCARD_STATE_UNAWARE, 0)
assert now[0][1] & SCARD_STATE_EMPTY, now
def hand():
    print(*ask("wait-waiting", "insert"))
thread = threading.Thread(target=hand); thread.start()
code, now = states(context, SCARD_STATE_EMPTY, INFINITE)
thread.join()
assert code == SCARD_S_SUCCESS and now[0][1] & SCARD_STATE_PRESENT, (code, now)
print("inserted", bytes(now[0][2]).hex())
code, card, protocol = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1)
assert code == SCARD_S_SUCCESS, code
print(*ask("reset"))
print(SCardGetErrorMessage(SCardStatus(card)[0]))
code, protocol = SCardReconnect(card, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD)
assert code == SCARD_S_SUCCESS, code
assert SCardStatus(card)[0] == SCARD_S_SUCCESS
print(*ask("remove"))
print(SCardGetErrorMessage(SCardStatus(card)[0]))
"#;

#[test]
fn pyscard_waits_for_the_first_insertion_on_an_empty_desk() {
    let folder = tempfile::tempdir().unwrap();
    let said = python(folder.path(), &["--empty"], &format!("{SPEAK}{WAITS}"));
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "ok ok",
            "inserted 3b8f800180318065b085040011120fff8290008a",
            "ok",
            "Card was reset.",
            "ok",
            "Card was removed.",
        ]
    );
}

#[test]
fn an_unmodified_tool_waits_for_a_card_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    card(folder.path(), "2", "two.cie");
    let said = shell(
        folder.path(),
        &["--empty", "--readers", "2"],
        "opensc-tool --reader 1 -w -s 00A40000 > answer 2>/dev/null & tool=$!
         cie control wait-waiting
         cie control insert --reader 1 two.cie
         wait $tool
         grep 'SW1=' answer",
    );
    assert!(said.contains("SW1=0x90"), "{said}");
}

#[test]
fn locks_of_cards_in_use_and_of_cards_taken_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    card(folder, "2", "two.cie");
    let serving = Serving::start(folder, &["--card", "one.cie"]);
    let mut talk = serving.talk();
    // In use elsewhere: told, and nothing changed.
    let two = folder.join("two.cie");
    let reply = shell(
        folder,
        &["--card", "two.cie"],
        &format!(
            "cie control --socket {} swap two.cie 2>&1 || true",
            serving.control
        ),
    );
    assert!(reply.contains("is in use by another process"), "{reply}");
    assert_eq!(talk.json("counters")["card"], 1);
    assert_eq!(talk.json("counters")["inserted"], true);
    // Now it is free.
    assert_eq!(talk.ask(&format!("swap {}", two.display())), "ok");
    assert_eq!(talk.json("counters")["card"], 2);
    // The one that was taken out stays the server's.
    let locked = output(folder, &["run", "--card", "one.cie", "--", "true"]);
    assert_eq!(locked.status.code(), Some(125));
    assert!(text(&locked.stderr).contains("in use"));
    // Put back by its file, under another name, it is the same card.
    std::os::unix::fs::symlink("one.cie", folder.join("link.cie")).unwrap();
    let link = folder.join("link.cie");
    assert_eq!(talk.ask("remove"), "ok");
    assert_eq!(talk.ask(&format!("insert {}", link.display())), "ok");
    assert_eq!(talk.json("counters")["card"], 1);
    assert_eq!(
        talk.json("list")["readers"][0]["beside"],
        serde_json::json!([2])
    );
    drop(talk);
    drop(serving);
    run(
        folder,
        &["--card", "one.cie", "--card", "two.cie"],
        &["true"],
    );
}

#[test]
fn lines_of_all_kinds_and_the_connection_survives() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let mut talk = serving.talk();
    talk.say(&[b"x".repeat(100_000).as_slice(), b"\n"].concat());
    assert_eq!(talk.hear(), "error the line has more than 8192 bytes");
    talk.say(b"\xFF\xFE\n");
    assert_eq!(talk.hear(), "error the line is not UTF-8");
    talk.say(b"reset\r\n");
    assert_eq!(talk.hear(), "ok");
    talk.say(b"insert /no/such\0file\n");
    assert!(talk.hear().starts_with("error "));
    // Several at once, in order; one byte at a time; the last without its end,
    // which could be that of `remove --reader 12`.
    talk.say(b"remove\ninsert\nremove\n");
    assert_eq!([talk.hear(), talk.hear(), talk.hear()], ["ok", "ok", "ok"]);
    for byte in b"insert\n" {
        talk.say(&[*byte]);
    }
    assert_eq!(talk.hear(), "ok");
    talk.say(b"remove");
    talk.0
        .get_mut()
        .shutdown(std::net::Shutdown::Write)
        .unwrap();
    assert_eq!(
        talk.hear(),
        "error the line has no line feed; nothing was done"
    );
    let mut rest = Vec::new();
    talk.0.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn a_client_that_never_reads_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let silent = serving.talk();
    silent.0.get_ref().set_nonblocking(true).unwrap();
    // Until the server takes nothing more in: its replies fill every buffer.
    let lines = b"list\n".repeat(1000);
    let mut total = 0;
    while let Ok(count) = silent.0.get_ref().write(&lines) {
        total += count;
        assert!(total < 100_000_000, "the server takes everything in");
    }
    let mut others: Vec<_> = (0..20).map(|_| serving.talk()).collect();
    for talk in &mut others {
        assert_eq!(talk.ask("reset"), "ok");
    }
}

#[test]
fn too_many_clients_are_told_and_places_become_free() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let mut talks: Vec<_> = (0..64).map(|_| serving.talk()).collect();
    for talk in &mut talks {
        assert_eq!(talk.ask("reset"), "ok");
    }
    let mut one_more = serving.talk();
    assert_eq!(one_more.hear(), "error 64 clients are here already");
    let mut command = cie(folder.path());
    let command = command.args(["control", "reset", "--socket"]);
    let refused = command.arg(&serving.control).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    let told = text(&refused.stderr);
    assert_eq!(told, "cie: 64 clients are here already\n");
    drop(talks);
    // The server notices in its own time.
    let free = || {
        let mut talk = serving.talk();
        let mut line = String::new();
        talk.0.get_mut().write_all(b"reset\n").is_ok()
            && talk.0.read_line(&mut line).is_ok()
            && line == "ok\n"
    };
    let end = std::time::Instant::now() + GUARD;
    while !free() {
        assert!(std::time::Instant::now() < end, "no place becomes free");
        std::thread::yield_now();
    }
}

#[test]
fn waits_are_bounded_and_say_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let serving = Serving::start(folder.path(), &[]);
    let mut talk = serving.talk();
    assert_eq!(
        talk.ask("wait-waiting --timeout 0 2"),
        "error only 0 contexts wait for a change after 0 s, not 2"
    );
    assert_eq!(
        talk.ask("wait-queued --timeout 0"),
        "error only 0 calls stand in the queue after 0 s, not 1"
    );
    assert_eq!(talk.ask("wait-clients 0"), "ok");
    let waiting = cie(folder.path())
        .args(["control", "wait-clients", "1", "--timeout", "0"])
        .output()
        .unwrap();
    assert_eq!(waiting.status.code(), Some(1));
    // A wait under way does not outlive the server, nor hold it up.
    talk.say(b"wait-clients 9\n");
    drop(serving);
    let mut rest = Vec::new();
    match talk.0.read_to_end(&mut rest) {
        Ok(_) => {}
        // The server ended before it had read the line.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert_eq!(text(&rest), "");
}

#[test]
fn nobody_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for arguments in [
        ["control", "list"].as_slice(),
        &["control", "--socket", "x", "list"],
    ] {
        let nobody = output(folder, arguments);
        assert_eq!(nobody.status.code(), Some(125));
        let errors = text(&nobody.stderr);
        assert!(errors.contains("nobody controls readers at"), "{errors}");
    }
    assert_eq!(output(folder, &["control", "eject"]).status.code(), Some(2));
    assert_eq!(output(folder, &["control", "swap"]).status.code(), Some(2));
    let line_end = output(folder, &["control", "insert", "a\nb"]);
    assert_eq!(line_end.status.code(), Some(125));
    assert!(text(&line_end.stderr).contains("does not fit into a line"));
    let help = text(&output(folder, &["control", "--help"]).stdout);
    for words in ["Examples:", "Exit codes:", "CIE_CONTROL", "wait-waiting"] {
        assert!(help.contains(words), "{words} not in:\n{help}");
    }
}

/// Two clients want the card; each step is told by the script's input.
const TWO_CLIENTS: &str = r#"
import sys
from smartcard.scard import *
_, context = SCardEstablishContext(SCARD_SCOPE_USER)
reader = SCardListReaders(context, [])[1][0]
code, card, protocol = SCardConnect(context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_T1)
assert code == SCARD_S_SUCCESS, code
print("connected", flush=True)
for line in sys.stdin:
    step = line.strip()
    if step == "begin":
        code = SCardBeginTransaction(card)
    elif step == "end":
        code = SCardEndTransaction(card, SCARD_RESET_CARD)
    elif step == "send":
        code, answer = SCardTransmit(card, SCARD_PCI_T1, [0, 0x20, 0, 0x81, 8] + [0x31] * 8)
    print(step, "0x%08X" % (code & 0xFFFFFFFF), flush=True)
"#;

struct Client {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Client {
    fn start(serving: &Serving, folder: &Path) -> Self {
        let mut child = serving.client(folder, TWO_CLIENTS).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, said };
        assert_eq!(client.hear(), "connected");
        client
    }

    fn say(&mut self, step: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{step}\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn ask(&mut self, step: &str) -> String {
        self.say(step);
        self.hear()
    }
}

#[test]
fn the_trace_of_two_clients_shows_queue_and_return_values_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let serving = Serving::start(folder, &["--trace", "trace.txt"]);
    let mut talk = serving.talk();
    let mut one = Client::start(&serving, folder);
    let mut two = Client::start(&serving, folder);
    assert_eq!(one.ask("begin"), "begin 0x00000000");
    assert_eq!(one.ask("send"), "send 0x00000000");
    two.say("begin");
    assert_eq!(talk.ask("wait-queued"), "ok");
    let holder = talk.json("list")["readers"][0]["holder"].clone();
    assert_eq!(holder["process"], one.child.id());
    assert_eq!(holder["program"], "python3");
    assert_eq!(one.ask("end"), "end 0x00000000");
    // The reset of the first is the second's news, in the queue already.
    assert_eq!(two.hear(), "begin 0x80100068");
    drop(one.child.stdin.take());
    assert!(one.child.wait().unwrap().success());
    drop(two.child.stdin.take());
    assert!(two.child.wait().unwrap().success());
    assert_eq!(talk.ask("wait-clients 0"), "ok");
    assert_eq!(talk.ask("remove"), "ok");
    drop(talk);
    let [first, second] = [&one, &two].map(|client| format!("python3/{}]", client.child.id()));
    drop(serving);

    let trace = std::fs::read_to_string(folder.join("trace.txt")).unwrap();
    let mut rest = trace.lines();
    let mut found = |what: &[&str]| {
        let line = rest.find(|line| what.iter().all(|words| line.contains(words)));
        line.unwrap_or_else(|| panic!("no further {what:?} in:\n{trace}"))
    };
    found(&[
        &first,
        "SCardConnect(\"CIE Software Reader 00 00\", shared, T=1) -> SCARD_S_SUCCESS, handle ",
    ]);
    found(&[&second, "SCardConnect("]);
    found(&[&first, "SCardBeginTransaction(", " -> SCARD_S_SUCCESS"]);
    found(&["> 0020008108**************** ; VERIFY PIN"]);
    found(&["< 6982 ; "]);
    found(&[
        &first,
        "SCardTransmit(",
        "13 bytes) -> SCARD_S_SUCCESS, 2 bytes",
    ]);
    found(&[&second, "SCardBeginTransaction(", ") waits in the queue"]);
    found(&["! reset 3B"]);
    let ended = found(&["SCardEndTransaction(", ", reset) -> SCARD_S_SUCCESS"]);
    assert!(ended.contains(&first));
    found(&[
        &second,
        "SCardBeginTransaction(",
        "-> SCARD_W_RESET_CARD, ",
        " ms in the queue",
    ]);
    found(&["reader 0: card removed"]);
    assert!(!trace.contains("3131"), "a code is shown:\n{trace}");
    // What replays a trace sees the exchanges and the power events, and nothing else.
    for line in trace
        .lines()
        .filter(|line| !line.starts_with(['#', '!', '>', '<']))
    {
        assert!(line.starts_with("    "), "{line:?}");
    }
}

/// Sends one command to the first card and one to the second.
const TWO_CARDS: &str = r#"
import os
from smartcard.System import readers
for name, apdu in (("CIE_READER", "00A40000"), ("CIE_2_READER", "00A4020C02D003")):
    reader = next(r for r in readers() if str(r) == os.environ[name])
    card = reader.createConnection(); card.connect()
    card.transmit(list(bytes.fromhex(apdu)))
"#;

#[test]
fn a_trace_of_two_cards_replays_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    card(folder, "2", "two.cie");
    let cards = [
        "--card",
        "one.cie",
        "--card",
        "two.cie",
        "--trace",
        "trace.txt",
    ];
    python(folder, &cards, TWO_CARDS);
    let trace = std::fs::read_to_string(folder.join("trace.txt")).unwrap();
    let two = std::fs::canonicalize(folder).unwrap().join("two.cie");
    assert!(
        trace.contains(&format!("# card 2: file {}\n", two.display())),
        "{trace}"
    );
    assert!(
        trace.contains("\n> 00A40000 ; SELECT MF\n< 9000 ; done\n"),
        "{trace}"
    );
    assert!(
        trace.contains("\n    card 2 > 00A4020C02D003 ; SELECT EF"),
        "{trace}"
    );
    assert_eq!(trace.matches("\n> ").count(), 1, "{trace}");
    assert!(trace.contains("SCardTransmit("), "{trace}");
    // Without the calls nothing in it depends on who ran it, and when.
    let quiet = |name: &str| {
        let options = [&cards[..4], &["--trace", name, "--no-trace-calls"]].concat();
        python(folder, &options, TWO_CARDS);
        std::fs::read_to_string(folder.join(name)).unwrap()
    };
    let once = quiet("once.txt");
    assert!(!once.contains("SCard"), "{once}");
    assert!(once.contains("\n> 00A40000"), "{once}");
}

#[test]
fn a_child_that_never_sends_is_told_its_last_calls() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import os, sys
from smartcard.scard import *
_, context = SCardEstablishContext(SCARD_SCOPE_USER)
code, card, protocol = SCardConnect(context, os.environ['CIE_READER'], SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0)
sys.exit(3)";
    let failed = cie(folder.path())
        .args(["run", "--empty", "--", "/usr/bin/python3", "-c", script])
        .output()
        .unwrap();
    assert_eq!(failed.status.code(), Some(3));
    let report = text(&failed.stderr);
    assert!(
        report.contains("It sent nothing to the card. Its last PC/SC calls:"),
        "{report}"
    );
    assert!(
        report.contains(
            "SCardConnect(\"CIE Software Reader 00 00\", shared, T=0) -> SCARD_E_NO_SMARTCARD"
        ),
        "{report}"
    );
}

/// The only block of this language in the page about the control.
fn documented(language: &str) -> &'static str {
    let page = include_str!("../../../docs/control.md");
    let start = format!("```{language}\n");
    let mut blocks = page.split(start.as_str()).skip(1);
    let block = blocks.next().and_then(|rest| rest.split("```").next());
    assert!(blocks.next().is_none(), "two blocks of {language}");
    block.unwrap_or_else(|| panic!("no block of {language}"))
}

#[test]
fn the_documented_python_and_java_work_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let said = python(folder, &[], documented("python"));
    let counters: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(counters["inserted"], true);
    std::fs::write(folder.join("Control.java"), documented("java")).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    assert!(
        std::env::split_paths(&path).any(|folder| folder.join("javac").exists()),
        "javac is not installed; it is in the Debian package default-jdk-headless"
    );
    let said = run(folder, &[], &["java", "Control.java"]);
    let again: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(again, counters);
}

#[test]
fn a_reader_without_antenna_takes_no_card() {
    let folder = tempfile::tempdir().unwrap();
    let readers = ["--reader-profile", "acr1281u", "--empty"];
    let said = shell(
        folder.path(),
        &readers,
        "cie control list
         cie control insert --reader 0 2>&1 || echo \"exit $?\"
         cie control insert --reader 1
         cie control list
         echo $CIE_READER",
    );
    let lines: Vec<_> = said.lines().collect();
    let slots = |line: &str, what: &str| {
        let list: Value = serde_json::from_str(line).unwrap();
        let readers = list["readers"].as_array().unwrap().clone();
        readers
            .iter()
            .map(|reader| reader[what].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(slots(lines[0], "present"), [false, false, false]);
    assert_eq!(slots(lines[0], "takes_card"), [false, true, false]);
    assert!(
        lines[1].contains("reader 0 takes no card of this kind"),
        "{said}"
    );
    assert_eq!(lines[2], "exit 1");
    assert_eq!(slots(lines[3], "present"), [false, true, false]);
    assert_eq!(slots(lines[3], "name")[1], lines[4]);
}

#[test]
fn a_reader_that_dawdles_and_a_hand_that_is_quicker() {
    let folder = tempfile::tempdir().unwrap();
    let readers = [
        "--reader-profile",
        "android-vpcd",
        "--reader-timing",
        "real",
    ];
    // Whoever lays the card down first, it lies there, and comes back.
    let said = shell(
        folder.path(),
        &readers,
        "cie control insert 2>/dev/null || true
         cie control counters
         cie control remove && cie control insert
         opensc-tool --list-readers | grep -c ' Yes '",
    );
    let lines: Vec<_> = said.lines().collect();
    let counters: Value = serde_json::from_str(lines[0]).unwrap();
    assert_eq!(counters["inserted"], true);
    assert_eq!(lines[1], "1");
}

/// A card that was taken out and put into another reader by its file is that
/// one's; the first reader has nothing to tell then.
#[test]
fn a_card_that_moved_is_counted_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    let options = ["--card", "one.cie", "--readers", "2"];
    let script = "cie control remove
        cie control counters --reader 0
        cie control insert --reader 1 one.cie
        cie control counters --reader 1
        cie control counters --reader 0 2>&1 || true";
    let out = shell(folder, &options, script);
    let lines: Vec<_> = out.lines().collect();
    let counters = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let [beside, inside, nothing] = lines[..] else {
        panic!("{out}")
    };
    assert_eq!(counters(beside)["inserted"], false);
    assert_eq!(counters(inside)["reader"], 1);
    assert_eq!(nothing, "cie: no card is in reader 0 or beside it");
}

/// Which of two cards beside a reader is put back does not depend on the order
/// in which they came; and a swap that is refused brings no card along.
#[test]
fn the_card_taken_out_last_is_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    card(folder, "1", "one.cie");
    card(folder, "2", "two.cie");
    let script = "cie control remove
        ! cie control swap two.cie 2>/dev/null
        cie control list
        cie control insert
        cie control swap two.cie
        cie control swap one.cie
        cie control remove
        cie control insert
        cie control counters
        cie control swap two.cie
        cie control remove
        cie control insert
        cie control counters";
    let out = shell(folder, &["--card", "one.cie"], script);
    let lines: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["readers"][0]["beside"], serde_json::json!([1]));
    assert_eq!(
        (&lines[1]["card"], &lines[2]["card"]),
        (&1.into(), &2.into())
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run` itself: exit codes, environment, traces, clean-up, many at once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use std::path::Path;

fn cie() -> Command {
    Command::cargo_bin("cie").unwrap()
}

fn run_shell(arguments: &[&str], script: &str) -> std::process::Output {
    cie()
        .arg("run")
        .args(arguments)
        .args(["--", "sh", "-c", script])
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A script that sends APDUs with pyscard, one per line of its input; prints
/// status words.
const SEND: &str = r#"exec /usr/bin/python3 -c '
import os, sys
from smartcard.System import readers
reader = next(r for r in readers() if str(r) == os.environ["CIE_READER"])
card = reader.createConnection()
card.connect()
for line in os.environ["APDUS"].split():
    data, sw1, sw2 = card.transmit(list(bytes.fromhex(line)))
    print("%02X%02X" % (sw1, sw2))
sys.exit(int(os.environ.get("THEN", "0")))
'"#;

#[test]
fn the_childs_exit_code_comes_back() {
    for code in [0, 1, 42, 255] {
        let output = run_shell(&[], &format!("exit {code}"));
        assert_eq!(output.status.code(), Some(code));
    }
}

#[test]
fn a_signal_that_ends_the_child_becomes_128_plus_its_number() {
    let output = run_shell(&[], "kill -9 $$");
    assert_eq!(output.status.code(), Some(128 + 9));
}

#[test]
fn a_program_that_cannot_be_started() {
    let missing = cie()
        .args(["run", "--", "no-such-program-anywhere"])
        .output()
        .unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert!(text(&missing.stderr).contains("no-such-program-anywhere"));
    let folder = cie().args(["run", "--", "/"]).output().unwrap();
    assert_eq!(folder.status.code(), Some(126));
}

#[test]
fn failures_of_its_own_have_a_code_of_their_own() {
    let trace = ["run", "--trace", "/no/such/folder/trace.txt", "--", "true"];
    let output = cie().args(trace).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("/no/such/folder/trace.txt"));
    let output = cie()
        .args(["run", "--trace-secrets", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "secrets need a trace");
    let output = cie().arg("run").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "no program");
}

#[test]
fn the_child_learns_everything_about_the_card() {
    let output = run_shell(
        &["--seed", "9"],
        "env | grep -E '^(CIE_|PCSCLITE_CSOCK_NAME)' | sort",
    );
    let text = text(&output.stdout);
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}=")));
        line.unwrap_or_else(|| panic!("no {name} in:\n{text}"))
            .to_owned()
    };
    for code in ["CIE_PIN", "CIE_PUK"] {
        let whole = value(code);
        assert!(whole.len() == 8 && whole.bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(
            value(&format!("{code}_FIRST")) + &value(&format!("{code}_LAST")),
            whole
        );
    }
    assert_eq!(value("CIE_NIS").len(), 12);
    assert_eq!(value("CIE_SERIAL").len(), 9);
    assert_eq!(value("CIE_CF").len(), 16);
    assert!(!value("CIE_READER").is_empty());
    assert!(
        !Path::new(&value("CIE_CA_PEM")).exists(),
        "gone with the child"
    );
    assert!(
        !Path::new(&value("PCSCLITE_CSOCK_NAME")).exists(),
        "gone with the child"
    );
}

#[test]
fn the_seed_decides_and_one_is_the_default() {
    let codes = |arguments: &[&str]| {
        text(&run_shell(arguments, "echo $CIE_PIN $CIE_PUK $CIE_NIS $CIE_SERIAL").stdout)
    };
    assert_eq!(codes(&[]), codes(&["--seed", "1"]));
    assert_ne!(codes(&["--seed", "1"]), codes(&["--seed", "2"]));
}

#[test]
fn socket_and_folder_are_private() {
    let script = r#"stat -c '%a %F' "$PCSCLITE_CSOCK_NAME" "$(dirname "$PCSCLITE_CSOCK_NAME")""#;
    let output = run_shell(&[], script);
    assert_eq!(text(&output.stdout), "600 socket\n700 directory\n");
}

#[test]
fn nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    for script in ["true", "exit 3", "kill -9 $$"] {
        cie()
            .env("TMPDIR", folder.path())
            .env_remove("XDG_RUNTIME_DIR")
            .args(["run", "--", "sh", "-c", script])
            .output()
            .unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "after {script:?}: {left:?}");
    }
}

/// Starts `cie run` with a shell script and waits until it says `ready`.
fn started(
    script: &str,
    folder: &Path,
) -> (
    std::process::Child,
    std::io::Lines<std::io::BufReader<std::process::ChildStdout>>,
) {
    // Whoever runs the tests may ignore signals (`nohup`), and `cie` would leave
    // them ignored.
    let mut child = std::process::Command::new("env")
        .arg("--default-signal=INT,QUIT,TERM,HUP,USR1,USR2,ALRM")
        .arg(assert_cmd::cargo::cargo_bin("cie"))
        .env("TMPDIR", folder)
        .env_remove("XDG_RUNTIME_DIR")
        .args(["run", "--", "sh", "-c", script])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    (child, lines)
}

fn send_signal(child: &std::process::Child, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

#[test]
fn signals_are_passed_on_and_waited_for() {
    use rustix::process::Signal;
    for (name, signal) in [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("HUP", Signal::HUP),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("ALRM", Signal::ALARM),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let script =
            format!("trap 'echo told; exit 7' {name}; echo ready; while :; do sleep 0.05; done");
        let (mut child, mut lines) = started(&script, folder.path());
        send_signal(&child, signal);
        assert_eq!(lines.next().unwrap().unwrap(), "told", "{name}");
        assert_eq!(child.wait().unwrap().code(), Some(7), "{name}");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "after {name}"
        );
    }
}

#[test]
fn what_was_ignored_before_stays_ignored_in_the_child() {
    let ignoring = "trap '' HUP; exec \"$0\" run -- sh -c 'kill -HUP $$; echo survived'";
    let output = std::process::Command::new("sh")
        .args(["-c", ignoring])
        .arg(assert_cmd::cargo::cargo_bin("cie"))
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "survived\n");
}

#[test]
fn an_unwritable_report_does_not_change_the_exit_code() {
    let full = || {
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let run = |arguments: &[&str]| {
        std::process::Command::new(assert_cmd::cargo::cargo_bin("cie"))
            .args(arguments)
            .stdout(full())
            .stderr(full())
            .status()
            .unwrap()
            .code()
    };
    assert_eq!(run(&["run", "--", "sh", "-c", "exit 3"]), Some(3));
    assert_eq!(run(&["run", "--", "no-such-program-anywhere"]), Some(127));
    assert_eq!(run(&["demo"]), Some(125));
}

#[test]
fn many_at_once_do_not_disturb_each_other() {
    let children: Vec<_> = (0..8)
        .map(|seed: u32| {
            std::process::Command::new(assert_cmd::cargo::cargo_bin("cie"))
                .args(["run", "--seed", &seed.to_string(), "--", "sh", "-c"])
                .arg("echo $CIE_NIS; opensc-tool -s 00A4040C06A00000000039 -s 00B081000C")
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let output = text(&output.stdout);
        let nis = output.lines().next().unwrap();
        let hex: Vec<_> = nis.bytes().map(|b| format!("{b:02X}")).collect();
        assert!(output.contains(&hex.join(" ")), "{nis} not in:\n{output}");
        assert!(
            seen.insert(nis.to_owned()),
            "every seed has a card of its own"
        );
    }
}

#[test]
fn a_failing_child_gets_a_report_and_a_successful_one_does_not() {
    let run = |then: &str| {
        cie()
            .env(
                "APDUS",
                "00A40000 00A4020C02D003 00B0000001 0020008108AAAAAAAAAAAAAAAA",
            )
            .env("THEN", then)
            .args(["run", "--", "sh", "-c", SEND])
            .output()
            .unwrap()
    };
    let failed = run("5");
    assert_eq!(failed.status.code(), Some(5));
    let report = text(&failed.stderr);
    for words in [
        "SELECT EF D003 (EF.SN.ICC) -> 9000 done",
        "VERIFY PIN -> 6982 security status not satisfied",
        "PIN tries left: 3 of 3",
        "PUK tries left: 10 of 10",
        "--seed 1",
    ] {
        assert!(report.contains(words), "{words:?} not in:\n{report}");
    }
    assert!(!report.contains("AAAA"), "no data in the report");
    assert_eq!(text(&run("0").stderr), "");
    let silent = text(&run_shell(&[], "exit 1").stderr);
    assert!(silent.contains("sent nothing to the card"), "{silent}");
}

#[test]
fn the_report_has_the_last_twenty_exchanges() {
    let apdus = "00A40000 ".repeat(30);
    let output = cie()
        .env("APDUS", apdus)
        .env("THEN", "1")
        .args(["run", "--", "sh", "-c", SEND])
        .output()
        .unwrap();
    let report = text(&output.stderr);
    let lines = report.lines().filter(|line| line.contains(" -> ")).count();
    assert_eq!(lines, 20, "{report}");
    assert!(report.contains("of 30"), "{report}");
}

#[test]
fn a_trace_masks_codes_unless_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let trace = |arguments: &[&str]| {
        let file = folder.path().join("trace.txt");
        let output = cie()
            .env(
                "APDUS",
                "00A40000 00200081083132333435363738 00240081023132 802C000008313233",
            )
            .args(["run", "--trace", file.to_str().unwrap()])
            .args(arguments)
            .args(["--", "sh", "-c", SEND])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        (std::fs::read_to_string(&file).unwrap(), mode & 0o777)
    };
    let (masked, _) = trace(&[]);
    assert!(
        masked.starts_with("# cie-trace 1\n# persona: adult\n# seed: 1\n"),
        "{masked}"
    );
    assert!(
        masked.contains("> 00A40000 ; SELECT MF\n< 9000 ; done\n"),
        "{masked}"
    );
    assert!(
        masked.contains("> 0020008108**************** ; VERIFY PIN\n< 6982 ;"),
        "{masked}"
    );
    assert!(!masked.contains("3132"), "{masked}");
    let (shown, mode) = trace(&["--trace-secrets"]);
    assert!(
        shown.contains("> 00200081083132333435363738 ; VERIFY PIN"),
        "{shown}"
    );
    assert_eq!(mode, 0o600, "a trace with secrets is for its owner");
}

#[test]
fn help_has_examples_and_exit_codes() {
    let help = text(&cie().args(["run", "--help"]).output().unwrap().stdout);
    for words in ["Examples:", "Exit codes:", "--trace-secrets", "CIE_CA_PEM"] {
        assert!(help.contains(words), "{words} not in:\n{help}");
    }
}

#[test]
fn the_demo_tells_its_whole_story() {
    let output = cie().args(["demo", "--seed", "4"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let story = text(&output.stdout);
    assert!(!story.contains('\u{1b}'), "no colour unless on a terminal");
    for words in [
        "NIS 9990",
        "no copy",
        "6982",
        "Diffie-Hellman",
        "key 82 verified",
        "2 tries left",
        "MARIA BIANCA TEST ESEMPIO",
        "6 files match",
        "verified with the certificate",
        "63C2, 63C1, 63C0",
        "6983",
        "a new PIN is set",
        "as good as new",
    ] {
        assert!(story.contains(words), "{words:?} not in:\n{story}");
    }
}

#[test]
fn a_trace_into_a_pipe_that_nobody_reads_holds_no_client_up() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // Open at both ends, or `cie` would wait for a reader before it starts.
    let _held = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    // 231 bytes of the security object 200 times: more than a pipe holds.
    let output = cie()
        .args(["run", "--trace"])
        .arg(&pipe)
        .args(["--", "sh", "-c", SEND])
        .env(
            "APDUS",
            format!("00A4040C06A00000000039 {}", "00B08600E7 ".repeat(200)),
        )
        .timeout(std::time::Duration::from_secs(120))
        .output()
        .unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stdout.matches("9000").count(), 201, "{stdout}{stderr}");
    assert!(stderr.contains("is incomplete"), "{stderr}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run --vpcd-card`: a card of somebody else's under unmodified clients.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

fn cie(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("cie"));
    command.args(["run", "--vpcd-card", "0"]).args(arguments);
    command
}

/// A run that waits for its card, and where.
struct Waiting {
    child: Child,
    errors: BufReader<ChildStderr>,
    address: String,
}

fn wait(arguments: &[&str]) -> Waiting {
    let mut child = cie(arguments)
        .env("CIE_PIN", "inherited")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    errors.read_line(&mut line).unwrap();
    let address = line
        .split("connects to ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .unwrap_or_else(|| panic!("{line}"))
        .to_owned();
    Waiting {
        child,
        errors,
        address,
    }
}

impl Waiting {
    fn end(mut self) -> (Option<i32>, String, String) {
        let mut out = String::new();
        let mut pipe = self.child.stdout.take().unwrap();
        pipe.read_to_string(&mut out).unwrap();
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).unwrap();
        (self.child.wait().unwrap().code(), out, errors)
    }
}

/// A card that has an ATR and says 9000 to everything but GET CHALLENGE.
fn scripted_card(address: &str) {
    play(TcpStream::connect(address).unwrap());
}

fn play(mut stream: TcpStream) {
    std::thread::spawn(move || {
        let mut length = [0; 2];
        while stream.read_exact(&mut length).is_ok() {
            let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut request).unwrap();
            let answer: &[u8] = match request.as_slice() {
                [0..=2] => continue,
                [4] => &[0x3B, 0x84, 0x80, 0x01, b'V', b'I', b'C', b'C', 0x48],
                [0, 0x84, ..] => &[1, 2, 3, 4, 5, 6, 7, 8, 0x90, 0],
                _ => &[0x90, 0],
            };
            let header = u16::try_from(answer.len()).unwrap().to_be_bytes();
            if stream.write_all(&[&header[..], answer].concat()).is_err() {
                break;
            }
        }
    });
}

#[test]
fn opensc_tool_on_a_card_that_speaks_vpcd() {
    let script =
        "opensc-tool --atr && opensc-tool -s 0084000008 && echo \"${CIE_PIN-none} $CIE_READER\"";
    let waiting = wait(&["--readers", "2", "--", "sh", "-c", script]);
    scripted_card(&waiting.address);
    let (code, out, errors) = waiting.end();
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("3b:84:80:01:56:49:43:43:48"), "{out}");
    assert!(out.contains("01 02 03 04 05 06 07 08"), "{out}");
    assert!(out.contains("none CIE Software Reader 00 00"), "{out}");
    assert!(errors.contains("ATR 3B8480015649434348"), "{errors}");
}

#[test]
fn a_card_that_listens() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || play(listener.accept().unwrap().0));
    let output = Command::new(assert_cmd::cargo::cargo_bin("cie"))
        .args(["run", "--vpcd-card", &port, "--vpcd-reversed", "--"])
        .args(["opensc-tool", "--atr"])
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(out.trim(), "3b:84:80:01:56:49:43:43:48", "{output:?}");
}

#[test]
fn the_exit_code_is_the_programs_own() {
    let waiting = wait(&["--", "sh", "-c", "exit 41"]);
    scripted_card(&waiting.address);
    assert_eq!(waiting.end().0, Some(41));
}

#[test]
fn no_card_is_an_error_that_says_what_to_do() {
    let output = cie(&["--vpcd-wait", "1", "--", "touch", "/nonexistent/file"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{errors}");
    assert!(errors.contains("no card at 127.0.0.1:"), "{errors}");
    assert!(errors.contains("--vpcd-wait"), "{errors}");

    let waiting = wait(&["--vpcd-wait", "2", "--", "true"]);
    let mut stream = TcpStream::connect(&waiting.address).unwrap();
    stream.write_all(&[0, 1, 0x3B]).unwrap();
    let (code, _, errors) = waiting.end();
    assert_eq!(code, Some(125), "{errors}");
    assert!(errors.contains("the last one was refused"), "{errors}");
}

#[test]
fn a_signal_ends_the_wait() {
    use rustix::process::{Pid, Signal, kill_process};
    let waiting = wait(&["--", "true"]);
    let pid = Pid::from_raw(i32::try_from(waiting.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(waiting.end().0, Some(128 + 15));
}

#[test]
fn options_of_our_own_card_make_no_sense() {
    for options in [
        &["--seed", "3"][..],
        &["--card", "x.cie"],
        &["--family", "nxp-2019"],
        &["--trace", "x.txt"],
    ] {
        let output = cie(options).args(["--", "true"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
    }
    let open = Command::new(assert_cmd::cargo::cargo_bin("cie"))
        .args(["run", "--vpcd-card", "0.0.0.0:0", "--", "true"])
        .output()
        .unwrap();
    assert_eq!(open.status.code(), Some(125));
    let errors = String::from_utf8_lossy(&open.stderr);
    assert!(errors.contains("--vpcd-any-address"), "{errors}");
}

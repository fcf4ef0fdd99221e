// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie serve --vpcd` behind Debian's pcscd and vpcd driver, with unmodified
//! clients. Packages: pcscd, vsmartcard-vpcd, opensc, pcsc-tools.
//!
//! A client library reads its socket's path once per process, so a session is an
//! ignored test of this binary that the others run as a child.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)] // helpers of tests

mod pcscd;

use chacha20::ChaCha20Rng;
use cie_terminal::Channel;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::steps::code::{Code, CodeAnswer, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::transport::{TransportError, from_fn};
use pcsc::{Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};
use pcscd::{Device, GUARD, Pcscd, free_ports};
use rand_core::SeedableRng;
use serde_json::Value;
use std::ffi::{CStr, CString};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

const READER: &str = "CIE vpcd Test";
const FIRST: &str = "CIE vpcd Test 00 00";
const ATR: &str = "3b:8f:80:01:80:31:80:65:b0:85:04:00:11:12:0f:ff:82:90:00:8a";

fn cie(folder: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("cie"));
    command.current_dir(folder);
    command
}

fn new_card(folder: &Path, seed: &str, name: &str) -> Value {
    let made = cie(folder).args(["new", "--seed", seed, name]).output();
    assert!(made.unwrap().status.success());
    let codes = cie(folder).args(["codes", "--json", name]).output();
    serde_json::from_slice(&codes.unwrap().stdout).unwrap()
}

/// `cie serve --json`, and what it says line by line.
struct Serving {
    child: Child,
    lines: Receiver<Value>,
}

impl Serving {
    fn start(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = cie(folder)
            .args(["serve", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let out = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                let line = serde_json::from_str(&line.unwrap()).unwrap();
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    fn says(&self) -> Value {
        self.lines.recv_timeout(GUARD).expect("nothing was said")
    }

    /// Waits for this event, of any slot.
    fn says_event(&self, event: &str) -> Value {
        loop {
            let said = self.says();
            if said["event"] == event {
                return said;
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a client says on standard output, if all went well with it.
fn client(pcscd: &Pcscd, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("PCSCLITE_CSOCK_NAME", pcscd.socket())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs one of the ignored tests below against `pcscd`.
fn scenario(name: &str, pcscd: &Pcscd, pin: &str, tries: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env("PCSCLITE_CSOCK_NAME", pcscd.socket())
        .env("CIE_PIN", pin)
        .env("TRIES_LEFT", tries)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{output:?}");
    assert!(text.contains("the scenario is through"), "{text}");
}

/// A reader of a driver that cards connect to.
fn open_port(port: u16) -> [Device; 1] {
    [Device {
        name: READER,
        device: format!("/dev/null:{port}"),
    }]
}

#[test]
fn a_session_behind_pcscd_and_again_after_it_was_killed() {
    let port = free_ports();
    let Some(mut pcscd) = Pcscd::start(&open_port(port)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let codes = new_card(folder.path(), "7", "card.cie");
    let pin = codes["pin"].as_str().unwrap();
    let address = format!("127.0.0.1:{port}");
    let serving = Serving::start(folder.path(), &["--vpcd", &address, "--card", "card.cie"]);
    let said = serving.says();
    assert_eq!(said["slots"][0]["address"], address.as_str());
    assert_eq!(serving.says_event("connected")["slot"], 0);
    wait_for_card(&pcscd, FIRST);

    assert_eq!(client(&pcscd, "opensc-tool", &["--atr"]).trim(), ATR);
    let scan = client(&pcscd, "pcsc_scan", &["-r"]);
    assert!(scan.contains(FIRST), "{scan}");
    scenario("a_wrong_pin", &pcscd, pin, "2");
    pcscd.kill();
    serving.says_event("lost");
    pcscd.start_again();
    serving.says_event("reconnected");
    wait_for_card(&pcscd, FIRST);
    // The counter is in the card, whatever happened to the reader.
    scenario("a_wrong_pin", &pcscd, pin, "1");
    scenario("a_citizen_signs", &pcscd, pin, "3");
}

#[test]
fn a_driver_in_reversed_mode_calls_two_cards() {
    let folder = tempfile::tempdir().unwrap();
    new_card(folder.path(), "1", "one.cie");
    new_card(folder.path(), "2", "two.cie");
    let port = free_ports();
    let serving = Serving::start(
        folder.path(),
        &[
            "--vpcd-listen",
            &port.to_string(),
            "--card",
            "one.cie",
            "--card",
            "two.cie",
        ],
    );
    let said = serving.says();
    assert_eq!(said["vpcd"], "listen");
    let calling = [Device {
        name: READER,
        device: format!("127.0.0.1:{port}"),
    }];
    let Some(mut pcscd) = Pcscd::start(&calling) else {
        return;
    };
    both_cards_are_there(&pcscd, &said);
    pcscd.kill();
    serving.says_event("lost");
    serving.says_event("lost");
    pcscd.start_again();
    both_cards_are_there(&pcscd, &said);
}

#[test]
fn two_cards_in_two_slots() {
    let port = free_ports();
    let Some(pcscd) = Pcscd::start(&open_port(port)) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    new_card(folder.path(), "1", "one.cie");
    new_card(folder.path(), "2", "two.cie");
    let port = port.to_string();
    let arguments = ["--vpcd", &port, "--card", "one.cie", "--card", "two.cie"];
    let serving = Serving::start(folder.path(), &arguments);
    let said = serving.says();
    both_cards_are_there(&pcscd, &said);
    drop(serving);
    let until = Instant::now() + GUARD;
    while client(&pcscd, "opensc-tool", &["--list-readers"]).contains(" Yes ") {
        assert!(
            Instant::now() < until,
            "the cards stay without their server"
        );
    }
}

/// Each slot has the card that was announced for it.
fn both_cards_are_there(pcscd: &Pcscd, said: &Value) {
    let nis = |slot: usize| said["slots"][slot]["nis"].as_str().unwrap();
    assert_ne!(nis(0), nis(1));
    for slot in 0..2 {
        wait_for_card(pcscd, &format!("{READER} 00 {slot:02}"));
        let text = client(
            pcscd,
            "opensc-tool",
            &[
                "--reader",
                &slot.to_string(),
                "-s",
                "00A4040C06A00000000039",
                "-s",
                "00B081000C",
            ],
        );
        assert!(text.contains(nis(slot)), "slot {slot}: {text}");
    }
}

/// Waits until a client sees a card in this reader.
fn wait_for_card(pcscd: &Pcscd, reader: &str) {
    let until = Instant::now() + GUARD;
    let has_card = |line: &str| line.contains(" Yes ") && line.ends_with(reader);
    loop {
        let list = client(pcscd, "opensc-tool", &["--list-readers"]);
        if list.lines().any(has_card) {
            return;
        }
        assert!(Instant::now() < until, "no card in {reader}: {list}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// The card in the first reader, connected as the card's clients do.
fn connect() -> pcsc::Card {
    let context = Context::establish(Scope::User).unwrap();
    let name = CString::new(FIRST).unwrap();
    let name: &CStr = &name;
    let mut states = [ReaderState::new(name, State::UNAWARE)];
    while !states[0].event_state().contains(State::PRESENT) {
        context.get_status_change(GUARD, &mut states).unwrap();
        states[0].sync_current_state();
    }
    context
        .connect(name, ShareMode::Shared, Protocols::T1)
        .unwrap()
}

/// Key agreement and device authentication over the client library.
macro_rules! session {
    ($card:ident) => {{
        let card = &$card;
        let mut channel = Channel::new(from_fn(move |command| {
            let mut buffer = [0; 300];
            card.transmit(command, &mut buffer)
                .map(<[u8]>::to_vec)
                .map_err(TransportError::other)
        }));
        channel
            .establish(DomainForm::Whole, &mut ChaCha20Rng::from_seed([3; 32]))
            .unwrap();
        channel
    }};
}

fn code() -> Code {
    Code::new(&std::env::var("CIE_PIN").unwrap()).unwrap()
}

fn over() {
    println!("the scenario is through");
}

#[test]
#[ignore = "run by other tests, in a process of its own"]
fn a_wrong_pin() {
    let card = connect();
    let mut channel = session!(card);
    let wrong = if std::env::var("CIE_PIN").unwrap() == "00000000" {
        "00000001"
    } else {
        "00000000"
    };
    let answer = channel.verify(Reference::Pin, &Code::new(wrong).unwrap());
    let left: u8 = std::env::var("TRIES_LEFT").unwrap().parse().unwrap();
    let refused = CodeAnswer::Refused {
        tries_left: Some(left),
    };
    assert_eq!(answer.unwrap(), refused);
    over();
}

#[test]
#[ignore = "run by other tests, in a process of its own"]
fn a_citizen_signs() {
    let mut card = connect();
    let mut channel = session!(card);
    assert!(
        channel
            .verify(Reference::Pin, &code())
            .unwrap()
            .is_accepted()
    );
    let content = channel.read_file(file::CERTIFICATE, le::ALL).unwrap();
    let citizen = CardCertificate::from_file(&content).unwrap();
    let text = b"a text for a citizen";
    let signature = channel.sign_message(HashAlgorithm::Sha256, text).unwrap();
    citizen
        .verify(HashAlgorithm::Sha256, text, &signature)
        .unwrap();
    drop(channel);
    // A reset ends the session in the card: a card still in it would answer
    // 6988 to a wrong checksum.
    card.reconnect(ShareMode::Shared, Protocols::T1, Disposition::ResetCard)
        .unwrap();
    let mut buffer = [0; 300];
    let sealed = [
        0x0C, 0xB0, 0x83, 0, 0x0D, 0x97, 1, 0, 0x8E, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let answer = card.transmit(&sealed, &mut buffer).unwrap();
    assert_eq!(answer, [0x69, 0x85], "no session any more");
    over();
}

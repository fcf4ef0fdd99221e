// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie-conformance card --reader` as a program at a card of somebody else that
//! it changes: what it says and how it ends if the card does not take its PIN
//! back, and what a signal does in the midst of it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_card::{Card, Event};
use cie_conformance::edges::Specimen;
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::Report;
use cie_conformance::verdict::Verdict;
use cie_personalisation::family;
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};
use iso7816_wire::CardDoor;
use rustix::process::{Pid, Signal, kill_process};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

const READER: &str = "A Reader 00 00";
/// The PIN that cases set.
const NEW: &str = "24681357";

/// A card to which something happens as soon as it has another PIN.
struct Eventful<F> {
    card: Card,
    changed: Arc<AtomicBool>,
    then: F,
}

impl<F: FnMut(Vec<u8>) -> Vec<u8> + Send> CardDoor for Eventful<F> {
    fn power_on(&mut self) -> Vec<u8> {
        self.card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.card.reset()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let answer = self.card.transmit(command);
        match self.changed.load(Ordering::SeqCst) {
            true => (self.then)(answer),
            false => answer,
        }
    }
}

/// The card in its reader, and the PIN that it has.
fn served(
    specimen: &Specimen<Card>,
    then: impl FnMut(Vec<u8>) -> Vec<u8> + Send + 'static,
) -> (RunningServer, Arc<Mutex<String>>) {
    let changed = Arc::<AtomicBool>::default();
    let pin = Arc::new(Mutex::new(specimen.pin.clone()));
    let (was, is, own) = (Arc::clone(&changed), Arc::clone(&pin), specimen.pin.clone());
    let card = specimen.card.clone().with_observer(Arc::new(move |event| {
        if let Event::MemoryWrite(state) = event {
            let now = state.pin.expose().to_owned();
            was.fetch_or(now != own, Ordering::SeqCst);
            *is.lock().unwrap() = now;
        }
    }));
    let card = Eventful {
        card,
        changed,
        then,
    };
    let readers = vec![ReaderSpec::with_card(READER, Box::new(card))];
    let server = ReaderServer::bind(&Place::Private, readers).unwrap();
    (server.spawn().unwrap(), pin)
}

/// Runs the program; `started` is told its process.
fn run(
    server: &RunningServer,
    specimen: &Specimen<Card>,
    started: impl FnOnce(i32),
) -> (Output, Report) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut ics = Ics::of_a_stranger();
    ics.card.family = specimen.family.clone();
    ics.card.root_by_aid = specimen.root_by_aid;
    ics.card.extended_length = specimen.extended_length;
    ics.terminal.knows_pin = true;
    ics.permit.codes = true;
    ics.permit.writes = true;
    std::fs::write(path("ics.toml"), toml::to_string(&ics).unwrap()).unwrap();
    std::fs::write(path("pin"), &specimen.pin).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_cie-conformance"))
        .env("PCSCLITE_CSOCK_NAME", server.path())
        .env_remove("CIE_CONTROL")
        .args(["card", "--reader", "0", "--allow", "codes,writes"])
        .args([
            "--case",
            "CIE_IAS_PIN_043",
            "--case",
            "CIE_IAS_PIN_044",
            "--case",
            "CIE_IAS_PIN_046",
            "--ics",
        ])
        .arg(path("ics.toml"))
        .arg("--pin-file")
        .arg(path("pin"))
        .arg("--json")
        .arg(path("report.json"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    started(child.id().try_into().unwrap());
    let output = child.wait_with_output().unwrap();
    let text = std::fs::read_to_string(path("report.json")).unwrap();
    for code in [NEW, &specimen.pin] {
        assert!(!text.contains(code), "{text}");
    }
    (output, serde_json::from_str(&text).unwrap())
}

fn specimen() -> Specimen<Card> {
    ours::specimen(family("gemalto").unwrap(), 1).unwrap()
}

#[test]
fn who_has_a_card_that_does_not_take_its_pin_back_is_told_which_one_it_has() {
    let specimen = specimen();
    // It changed it and says so, and is out of order from then on.
    let mut answers = 0;
    let (server, pin) = served(&specimen, move |answer| {
        answers += 1;
        match answers {
            1 => answer,
            _ => vec![0x6F, 0x00],
        }
    });
    let (output, report) = run(&server, &specimen, |_| ());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(*pin.lock().unwrap(), NEW);
    let told = format!("Its PIN is {NEW} now; it was {}.", specimen.pin);
    assert!(said.contains(&told), "{said}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains(NEW));
    let (_, later) = report.results.split_first().unwrap();
    assert_eq!(later.len(), 2);
    for result in later {
        assert_eq!(result.verdict, Verdict::Inconclusive, "{result:?}");
        assert!(
            result.reason.contains("could not be changed back"),
            "{result:?}"
        );
    }
}

#[test]
fn a_signal_ends_the_run_when_the_card_has_its_pin_back() {
    let specimen = specimen();
    let process = Arc::new(AtomicI32::new(0));
    let target = Arc::clone(&process);
    let mut sent = false;
    let (server, pin) = served(&specimen, move |answer| {
        if !std::mem::replace(&mut sent, true) {
            let pid = Pid::from_raw(target.load(Ordering::SeqCst)).unwrap();
            kill_process(pid, Signal::INT).unwrap();
        }
        answer
    });
    let (output, report) = run(&server, &specimen, |pid| {
        process.store(pid, Ordering::SeqCst)
    });
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert_eq!(*pin.lock().unwrap(), specimen.pin, "{said}");
    let last = report.results.last().unwrap();
    assert_eq!(last.verdict, Verdict::Inconclusive);
    assert_eq!(last.reason, "not run: the run was ended by a signal");
}

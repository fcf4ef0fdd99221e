// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards in PC/SC readers: the same verdicts as in process, troubles of the
//! way, and the proof that a card is ours.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod door;

use cie_conformance::card::control::Control;
use cie_conformance::card::reader::{ReaderDoor, ReaderError, Spot, find};
use cie_conformance::card::{Copies, One, judge};
use cie_conformance::catalogue::{Case, card_cases};
use cie_conformance::edges::{Papers, Single, Specimen, Supply};
use cie_conformance::ours;
use cie_conformance::verdict::Verdict;
use cie_personalisation::{FAMILIES, Family, family};
use cie_reader::{Place, ReaderControl, ReaderServer, ReaderSpec, RunningServer};
use door::Through;
use iso7816_wire::CardDoor;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Only so that a defect fails a test instead of hanging it.
const GUARD: Duration = Duration::from_secs(60);
/// Cases that PC/SC does not carry.
const NOT_CARRIED: [&str; 6] = [
    "CIE_IAS_DOOR_001",
    "CIE_IAS_DOOR_002",
    "CIE_IAS_DOOR_003",
    "CIE_IAS_DOOR_004",
    "CIE_IAS_DOOR_026",
    "CIE_IAS_RESP_015",
];
const READER: &str = "A Reader 00 00";

fn server(folder: &tempfile::TempDir, card: impl CardDoor + 'static) -> RunningServer {
    use std::os::unix::fs::PermissionsExt;
    let closed = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path(), closed).unwrap();
    let readers = vec![
        ReaderSpec::with_card(READER, Box::new(card)),
        ReaderSpec::empty("A Reader 01 00"),
    ];
    let place = Place::At(folder.path().join("socket"));
    ReaderServer::bind(&place, readers)
        .unwrap()
        .spawn()
        .unwrap()
}

fn spot(server: &RunningServer, limit: Duration) -> Spot {
    find(server.path(), READER, limit).unwrap()
}

/// Fresh cards for the first reader.
struct Hand {
    control: ReaderControl,
    family: &'static Family,
    made: u64,
}

impl Supply for Hand {
    fn fresh(&mut self) -> Result<Papers, String> {
        self.made += 1;
        let specimen = ours::specimen(self.family, 1 + self.made).map_err(|e| e.to_string())?;
        let papers = specimen.papers();
        self.control.remove_card(0).map_err(|e| e.to_string())?;
        let card = Box::new(specimen.card);
        self.control
            .insert_card(0, card)
            .map_err(|e| e.to_string())?;
        Ok(papers)
    }
}

/// A part of the catalogue that has something of every unit and every state,
/// or, with `CIE_TEST_ALL_ROWS`, all of it.
fn some_cases() -> Vec<Case> {
    let every = if std::env::var_os("CIE_TEST_ALL_ROWS").is_some() {
        1
    } else {
        7
    };
    let mut cases = card_cases();
    cases.retain(|case| {
        let number: usize = case.id.rsplit('_').next().unwrap().parse().unwrap();
        let rare = case.cost.puk_tries > 8 && case.unit == "PUK" && number.is_multiple_of(3);
        rare || number % every == 1 % every || case.id == "CIE_IAS_DOOR_026"
    });
    cases
}

#[test]
fn a_reader_gives_the_verdicts_of_the_process() {
    for id in ["gemalto", "actalis"] {
        let family = family(id).unwrap();
        let specimen = ours::specimen(family, 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let server = server(&folder, specimen.card.clone());
        let door = ReaderDoor::new(spot(&server, GUARD));
        let papers = specimen.papers();
        let hand = Hand {
            control: server.control(),
            family,
            made: 0,
        };
        let ics = ours::ics(family);
        let mut copies = Copies::of(specimen);
        let mut reader = One::of(Single::ours(door, papers, Some(Box::new(hand))));
        let mut ran = 0;
        for case in some_cases() {
            let (one, other) = (
                judge(&mut copies, &case, &ics),
                judge(&mut reader, &case, &ics),
            );
            // Less than an APDU, and more than PC/SC can carry.
            let expected = if NOT_CARRIED.contains(&case.id.as_str()) {
                Verdict::NotApplicable
            } else {
                one.verdict
            };
            assert_eq!(other.verdict, expected, "{}: {}", case.id, other.reason);
            ran += usize::from(other.verdict == Verdict::Pass);
        }
        assert!(ran > 100, "{ran}");
    }
}

fn case(id: &str) -> Case {
    card_cases().into_iter().find(|case| case.id == id).unwrap()
}

#[test]
fn a_card_that_does_not_answer_hangs_and_the_next_case_runs() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let folder = tempfile::tempdir().unwrap();
    // It takes its time for one instruction.
    let slow = Through::new(specimen.card, |card, command| {
        if command.starts_with(&[0x00, 0x84]) {
            std::thread::sleep(Duration::from_secs(4));
        }
        card.transmit(command)
    });
    let server = server(&folder, slow);
    let door = ReaderDoor::new(spot(&server, Duration::from_secs(2)));
    let mut reader = One::of(Single::ours(door, papers, None));
    let ics = ours::ics(&FAMILIES[0]);
    let hangs = judge(&mut reader, &case("CIE_IAS_RESET_020"), &ics);
    assert_eq!(hangs.verdict, Verdict::Hang, "{}", hangs.reason);
    // The card is at it for some time yet.
    std::thread::sleep(Duration::from_secs(5));
    let runs = judge(&mut reader, &case("CIE_IAS_RESET_007"), &ics);
    assert_eq!(runs.verdict, Verdict::Pass, "{}", runs.reason);
}

#[test]
fn a_card_that_is_slow_and_always_answers_does_not_hang() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let folder = tempfile::tempdir().unwrap();
    let tired = Arc::<AtomicBool>::default();
    let sleeps = Arc::clone(&tired);
    let slow = Through::new(specimen.card, move |card, command| {
        if sleeps.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1500));
        }
        card.transmit(command)
    });
    let server = server(&folder, slow);
    let door = ReaderDoor::new(spot(&server, Duration::from_secs(8)));
    let mut reader = One::of(Single::ours(door, papers, None));
    let ics = ours::ics(&FAMILIES[0]);
    // No answer takes eight seconds, and all of them take longer.
    tired.store(true, Ordering::SeqCst);
    let slow = judge(&mut reader, &case("CIE_IAS_PIN_001"), &ics);
    assert_eq!(slow.verdict, Verdict::Inconclusive, "{}", slow.reason);
    assert!(slow.reason.contains("always answered"), "{}", slow.reason);
}

#[test]
fn a_card_that_is_taken_away_is_no_fault_and_comes_back() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder, specimen.card);
    let door = ReaderDoor::new(spot(&server, GUARD));
    let mut reader = One::of(Single::ours(door, papers, None));
    let ics = ours::ics(&FAMILIES[0]);
    let control = server.control();
    let card = control.remove_card(0).unwrap();
    let gone = judge(&mut reader, &case("CIE_IAS_RESET_007"), &ics);
    assert_eq!(gone.verdict, Verdict::Inconclusive);
    assert!(gone.reason.contains("gone"), "{}", gone.reason);
    control.insert_card(0, card).unwrap();
    let back = judge(&mut reader, &case("CIE_IAS_RESET_007"), &ics);
    assert_eq!(back.verdict, Verdict::Pass, "{}", back.reason);
    drop(server);
    let ended = judge(&mut reader, &case("CIE_IAS_RESET_007"), &ics);
    assert_eq!(ended.verdict, Verdict::Inconclusive);
}

#[test]
fn readers_are_found_by_number_name_and_part() {
    let Specimen { card, .. } = ours::specimen(&FAMILIES[0], 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let server = server(&folder, card);
    for wanted in ["0", READER, "00 00"] {
        assert_eq!(find(server.path(), wanted, GUARD).unwrap().reader, READER);
    }
    let error = |wanted| find(server.path(), wanted, GUARD).unwrap_err();
    assert!(matches!(error("1"), ReaderError::Empty(_)));
    assert!(matches!(error("2"), ReaderError::NoReader { .. }));
    assert!(matches!(error("B"), ReaderError::NoReader { .. }));
    assert!(matches!(error("A Reader"), ReaderError::Several { .. }));
    let nowhere = find(&folder.path().join("none"), "0", GUARD).unwrap_err();
    assert!(matches!(nowhere, ReaderError::Pcsc(_)), "{nowhere}");
}

/// A control socket that says it is at `READER`, and resets what `control`
/// drives.
fn control_socket(folder: &tempfile::TempDir, control: ReaderControl) -> PathBuf {
    let path = folder.path().join("control");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(stream.try_clone().unwrap())
                .read_line(&mut line)
                .unwrap();
            let reply = match line.trim() {
                "list" => format!("ok {{\"readers\":[{{\"number\":0,\"name\":\"{READER}\"}}]}}"),
                "reset --reader 0" => {
                    control.reset_card(0).unwrap();
                    "ok".to_owned()
                }
                other => format!("error {other}"),
            };
            stream.write_all(format!("{reply}\n").as_bytes()).unwrap();
        }
    });
    path
}

#[test]
fn only_a_control_that_drives_that_very_reader_proves_a_card_ours() {
    let card = || ours::specimen(&FAMILIES[0], 1).unwrap().card;
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (one, other) = (server(&here, card()), server(&there, card()));
    let right = control_socket(&here, one.control());
    let wrong = control_socket(&there, other.control());
    let spot = spot(&one, GUARD);
    assert!(Control::of(&right, &spot).is_ok());
    // A reader of the same name elsewhere: the one in front of us could hold
    // a citizen's card.
    let why = Control::of(&wrong, &spot).unwrap_err();
    assert!(why.contains("another reader"), "{why}");
    assert!(Control::of(&here.path().join("none"), &spot).is_err());
}

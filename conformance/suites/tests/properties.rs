// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random sequences against the model: the card holds, cards with a defect at
//! their door do not, and every run is the same.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::Card;
use cie_conformance::card::PATIENCE;
use cie_conformance::edges::Specimen;
use cie_conformance::model::{
    Bench, COMMANDS_MIN, Fault, Outcome, PROPERTIES, Plan, Property, Tally, number, result,
};
use cie_conformance::ours;
use cie_conformance::report::CaseResult;
use cie_conformance::verdict::Verdict;
use cie_personalisation::Family;
use iso7816_wire::CardDoor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn family(id: &str) -> &'static Family {
    cie_personalisation::family(id).unwrap()
}

fn specimen(id: &str) -> Specimen<Card> {
    ours::specimen(family(id), 1).unwrap()
}

fn plan(count: u64, share: u64) -> Plan {
    Plan {
        seed: 1,
        first: 0,
        count: (count * share).div_ceil(10_000),
        jobs: 2,
        patience: PATIENCE,
    }
}

/// Runs all properties, `count` sequences together.
fn run<D: CardDoor + Clone + Sync + 'static>(
    specimen: &Specimen<D>,
    count: u64,
) -> Vec<(CaseResult, Outcome)> {
    let bench = Bench::new(specimen).unwrap();
    let ics = ours::ics(family("gemalto"));
    let one = |property: &Property| {
        let plan = plan(count, property.share);
        let outcome = bench.run(property, &plan);
        (result(property, &plan, &ics, &outcome), outcome)
    };
    PROPERTIES.iter().map(one).collect()
}

fn holds(id: &str, count: u64) -> Tally {
    let mut tally = Tally::default();
    for (result, outcome) in run(&specimen(id), count) {
        let transcript = outcome.failure.as_ref().map(|failure| failure.transcript());
        assert_eq!(
            result.verdict,
            Verdict::Pass,
            "{id}: {} {}\n{}",
            result.id,
            result.reason,
            transcript.unwrap_or_default()
        );
        tally.add(&outcome.tally);
    }
    tally
}

#[test]
fn the_card_does_what_the_model_does() {
    let tally = holds("gemalto", 700);
    assert!(tally.cases >= 700 && tally.handshakes >= 14, "{tally}");
    assert!(tally.shortest >= COMMANDS_MIN as u64, "{tally}");
    assert!(tally.authenticated * 2 >= tally.commands, "{tally}");
    // Every instruction, every kind of protection, every state.
    assert!(tally.instructions.len() >= 15, "{tally}");
    assert!(tally.protection.len() >= 5, "{tally}");
    assert!(tally.states.len() >= 10, "{tally}");
    assert!(tally.status.len() >= 25, "{tally}");
}

#[test]
fn so_do_cards_whose_root_has_no_name_or_that_take_extended_length() {
    holds("actalis-2023", 60);
    holds("gemalto2", 60);
}

#[test]
fn the_shares_add_up_and_the_page_names_every_property() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/properties.md");
    let page = std::fs::read_to_string(page).unwrap();
    let shares: u64 = PROPERTIES.iter().map(|property| property.share).sum();
    assert_eq!(shares, 10_000);
    for (at, property) in PROPERTIES.iter().enumerate() {
        assert_eq!(property.id(), format!("CIE_IAS_PROP_{:02}", at + 1));
        assert!(!property.begins.is_empty() && property.share > 0);
        let row = format!("| {} | {} |", property.id(), property.about);
        assert!(
            page.contains(&row) && page.contains(&format!("| {} |\n", property.share)),
            "{row}"
        );
    }
}

/// A defect of a card that can be made at its door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    /// Counters and PIN come back with the power.
    TriesComeBack,
    /// A warm reset answers and resets nothing.
    ResetForgetsNothing,
    /// Challenges are all the same.
    ConstantChallenge,
    /// A plain read is served in a session, which lives on.
    PlainReadInSession,
    /// A protected command is taken a second time without effect: its answer
    /// is that of the first time.
    ReplayAnswered,
    /// GET RESPONSE gives the rest of an answer even after other commands.
    StaleRest,
    /// A file that is not there is called an object that is not there.
    WrongStatusWord,
    /// What is left of a file is one byte short.
    ShortRead,
    /// A code of a wrong length makes it panic.
    Panics,
    /// The first protected command with a wrong checksum is forgiven.
    OneFaultForgiven,
}

const DEFECTS: [Defect; 10] = [
    Defect::TriesComeBack,
    Defect::ResetForgetsNothing,
    Defect::ConstantChallenge,
    Defect::PlainReadInSession,
    Defect::ReplayAnswered,
    Defect::StaleRest,
    Defect::WrongStatusWord,
    Defect::ShortRead,
    Defect::Panics,
    Defect::OneFaultForgiven,
];

#[derive(Clone)]
struct Defective {
    card: Card,
    issued: Card,
    defect: Defect,
    powered: bool,
    atr: Vec<u8>,
    last: (Vec<u8>, Vec<u8>),
    rest: Option<Card>,
}

impl CardDoor for Defective {
    fn power_on(&mut self) -> Vec<u8> {
        if self.defect == Defect::TriesComeBack {
            self.card = self.issued.clone();
        }
        self.powered = true;
        self.atr = self.card.power_on();
        self.atr.clone()
    }

    fn reset(&mut self) -> Vec<u8> {
        if self.defect == Defect::ResetForgetsNothing && self.powered {
            return self.atr.clone();
        }
        self.powered = true;
        self.atr = self.card.reset();
        self.atr.clone()
    }

    fn power_off(&mut self) {
        self.powered = false;
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let before = self.card.clone();
        let mut answer = self.card.transmit(command);
        let sw = answer.last_chunk::<2>().copied().unwrap_or_default();
        let ins = command.get(1).copied().unwrap_or_default();
        match self.defect {
            Defect::ConstantChallenge if ins == 0x84 && answer.len() == 10 => {
                answer[..8].copy_from_slice(b"12345678");
            }
            Defect::PlainReadInSession if command.starts_with(&[0, 0xB0]) && sw == [0x69, 0x85] => {
                // Without session the same read is served.
                answer = self.card.transmit(command);
                self.card = before;
            }
            Defect::ReplayAnswered => {
                if sw == [0x69, 0x88] && self.last.0 == command {
                    self.card = before;
                    return self.last.1.clone();
                }
                self.last = (command.to_vec(), answer.clone());
            }
            Defect::StaleRest => {
                if sw[0] == 0x61 {
                    self.rest = Some(self.card.clone());
                } else if command.starts_with(&[0, 0xC0])
                    && sw == [0x69, 0x85]
                    && let Some(mut rest) = self.rest.take()
                {
                    answer = rest.transmit(command);
                }
            }
            Defect::WrongStatusWord if answer == [0x6A, 0x82] => answer = vec![0x6A, 0x88],
            Defect::ShortRead if ins == 0xB0 && command[0] == 0 && sw == [0x62, 0x82] => {
                let last = answer.len() - 3;
                answer.remove(last);
            }
            Defect::Panics if ins == 0x20 && sw == [0x67, 0x00] => panic!("a defect"),
            Defect::OneFaultForgiven if sw == [0x69, 0x88] && answer.len() == 2 => {
                self.card = before;
            }
            _ => {}
        }
        answer
    }
}

fn defective(defect: Defect) -> Specimen<Defective> {
    specimen("gemalto").behind(|card| Defective {
        issued: card.clone(),
        card,
        defect,
        powered: false,
        atr: Vec::new(),
        last: Default::default(),
        rest: None,
    })
}

#[test]
fn every_defect_is_found_and_shrunk() {
    for defect in DEFECTS {
        let results = run(&defective(defect), 400);
        let failures: Vec<_> = results
            .iter()
            .filter_map(|(result, outcome)| Some((result, outcome.failure.as_ref()?)))
            .collect();
        let shortest = failures.iter().map(|(_, failure)| failure.commands).min();
        assert!(
            shortest.is_some_and(|count| count <= 6),
            "{defect:?}: {shortest:?}"
        );
        for (result, failure) in failures {
            assert_eq!(number(result), Some(failure.number));
            let crash = failure.fault == Fault::Crash;
            assert_eq!(crash, defect == Defect::Panics, "{defect:?}");
            let verdict = if crash { Verdict::Crash } else { Verdict::Fail };
            assert_eq!(result.verdict, verdict);
            assert!(
                result
                    .reason
                    .contains(&format!("--number {}", failure.number))
            );
            assert!(!result.evidence.is_empty(), "{defect:?}");
            println!(
                "{defect:?}: {} after {} sequences, {} commands",
                result.id,
                failure.number + 1,
                failure.commands
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome_on_any_number_of_threads() {
    let bench = Bench::new(&defective(Defect::WrongStatusWord)).unwrap();
    let ics = ours::ics(family("gemalto"));
    let property = &PROPERTIES[0];
    let run = |jobs, first| {
        let plan = Plan {
            seed: 5,
            first,
            count: 60,
            jobs,
            patience: PATIENCE,
        };
        let outcome = bench.run(property, &plan);
        let result = result(property, &plan, &ics, &outcome);
        (
            serde_json::to_string(&result).unwrap(),
            outcome.failure.unwrap(),
        )
    };
    let (one, failure) = run(1, 0);
    let (three, _) = run(3, 0);
    assert_eq!(one, three);
    // Played again alone, as the report says.
    let (alone, again) = run(1, failure.number);
    assert_eq!(one, alone);
    assert_eq!(failure.ops, again.ops);
}

/// A card that never answers where `at` says, once it is armed.
struct Sleeper {
    card: Card,
    at: At,
    armed: Arc<AtomicBool>,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    /// GET CHALLENGE.
    Challenge,
    /// A reset.
    Reset,
    /// A reset is answered wrongly, and nothing is after it.
    AfterReset,
}

impl Clone for Sleeper {
    fn clone(&self) -> Self {
        Self {
            card: self.card.clone(),
            at: self.at,
            armed: Arc::clone(&self.armed),
        }
    }
}

fn sleep() -> ! {
    loop {
        std::thread::park();
    }
}

impl CardDoor for Sleeper {
    fn power_on(&mut self) -> Vec<u8> {
        self.card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        match self.at {
            At::Challenge => self.card.reset(),
            At::Reset => sleep(),
            At::AfterReset => {
                if self.armed.swap(true, Ordering::SeqCst) {
                    sleep();
                }
                vec![0x3B, 0]
            }
        }
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let challenge = command.get(1) == Some(&0x84);
        if (self.at == At::Challenge && challenge)
            || (self.at == At::AfterReset && self.armed.load(Ordering::SeqCst))
        {
            sleep();
        }
        self.card.transmit(command)
    }
}

fn sleeper(at: At) -> Specimen<Sleeper> {
    specimen("gemalto").behind(|card| Sleeper {
        card,
        at,
        armed: Arc::default(),
    })
}

/// Many times what an honest sequence takes.
const SHORT: Duration = Duration::from_secs(3);

fn hurried(property: &Property, jobs: usize) -> Plan {
    Plan {
        seed: 1,
        first: 0,
        count: property.share.min(40),
        jobs,
        patience: SHORT,
    }
}

#[test]
fn a_card_that_never_answers_hangs_in_its_sequence() {
    let bench = Bench::within(SHORT, &sleeper(At::Reset)).unwrap();
    let ics = ours::ics(family("gemalto"));
    let property = &PROPERTIES[6];
    let run = |jobs| {
        let plan = hurried(property, jobs);
        let outcome = bench.run(property, &plan);
        result(property, &plan, &ics, &outcome)
    };
    let one = run(1);
    assert_eq!(one.verdict, Verdict::Hang, "{}", one.reason);
    let number = number(&one).unwrap();
    let words = format!(
        "sequence {number} of seed 1: no answer within 3 s; play it again with \
         `cie-conformance properties --case CIE_IAS_PROP_07 --seed 1 --number {number}`"
    );
    assert_eq!(one.reason, words);
    let [unanswered] = one.evidence.as_slice() else {
        panic!("{:?}", one.evidence)
    };
    assert_eq!(unanswered.command, "reset");
    assert!(unanswered.response.is_empty());
    // The first of several that hang at a time is the one that is told.
    let three = run(3);
    assert_eq!(
        serde_json::to_string(&one).unwrap(),
        serde_json::to_string(&three).unwrap()
    );
    // It is that sequence, and none before it.
    let part = |first, count| {
        let plan = Plan {
            first,
            count,
            ..hurried(property, 2)
        };
        bench.run(property, &plan).hang
    };
    assert_eq!(part(number, 1).unwrap().number, Some(number));
    assert_eq!(part(0, number), None);
    // And no other property suffers from it.
    let files = &PROPERTIES[0];
    let plan = Plan {
        count: 1,
        ..hurried(files, 1)
    };
    let passed = (0..20).any(|first| bench.run(files, &Plan { first, ..plan }).hang.is_none());
    assert!(passed);
}

#[test]
fn a_state_that_a_card_never_reaches_hangs_what_begins_there_only() {
    let bench = Bench::within(SHORT, &sleeper(At::Challenge)).unwrap();
    let ics = ours::ics(family("gemalto"));
    // All of its sequences begin behind the device authentication.
    let codes = &PROPERTIES[1];
    let plan = hurried(codes, 2);
    let blocked = result(codes, &plan, &ics, &bench.run(codes, &plan));
    assert_eq!(blocked.verdict, Verdict::Hang);
    assert_eq!(
        blocked.reason,
        "no card in the state \"device authenticated\": no answer within 3 s"
    );
    assert_eq!(blocked.evidence.len(), 1);
    // This one can begin before it, and finds its own sequence.
    let device = &PROPERTIES[3];
    let plan = hurried(device, 2);
    let found = result(device, &plan, &ics, &bench.run(device, &plan));
    assert_eq!(found.verdict, Verdict::Hang);
    assert!(number(&found).is_some(), "{}", found.reason);
}

#[test]
fn a_failure_that_cannot_be_shrunk_in_time_is_told_as_it_was_drawn() {
    let bench = Bench::within(SHORT, &sleeper(At::AfterReset)).unwrap();
    let ics = ours::ics(family("gemalto"));
    let property = &PROPERTIES[6];
    let plan = hurried(property, 1);
    let outcome = bench.run(property, &plan);
    let result = result(property, &plan, &ics, &outcome);
    assert_eq!(result.verdict, Verdict::Fail, "{}", result.reason);
    assert!(outcome.failure.unwrap().as_drawn);
    let told = result.reason.contains("because a shorter one does not end");
    assert!(
        told && result.reason.contains("another answer to reset"),
        "{}",
        result.reason
    );
    assert!(number(&result).is_some());
}

#[test]
fn under_an_embargo_nothing_is_told_but_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("embargo.json");
    let run = |embargo: bool| {
        let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin("cie-conformance"));
        command.args(["properties", "--count", "20"]);
        if embargo {
            command.arg("--embargo").arg(&file);
        }
        command.output().unwrap()
    };
    let output = run(true);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
    assert!(std::fs::metadata(&file).unwrap().len() > 0);
    assert!(!run(false).stderr.is_empty());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases on readers: this project's reader passes them, one that misbehaves
//! does not, and one whose service fails is not called one that misbehaves.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)] // helpers of tests

#[path = "../../../emulator/cli/tests/pcscd/mod.rs"]
mod pcscd;

use cie_conformance::card::reader::{Spot, find};
use cie_conformance::catalogue::reader_cases;
use cie_conformance::endpoint::judge;
use cie_conformance::ours;
use cie_conformance::report::{CaseResult, Report};
use cie_conformance::verdict::Verdict;
use cie_personalisation::{FAMILIES, family};
use cie_reader::faults::return_code;
use cie_reader::vpcd::{CardSide, Mode};
use cie_reader::{Fault, FaultOutcome, PcscCall, Place, ReaderServer, ReaderSpec, RunningServer};
use iso7816_wire::CardDoor;
use std::path::Path;
use std::time::{Duration, Instant};

const READER: &str = "A Reader 00 00";
const LIMIT: Duration = Duration::from_secs(30);

fn server(card: impl CardDoor + 'static) -> RunningServer {
    let readers = vec![ReaderSpec::with_card(READER, Box::new(card))];
    let server = ReaderServer::bind(&Place::Private, readers).unwrap();
    server.spawn().unwrap()
}

fn card() -> impl CardDoor + 'static {
    ours::specimen(family("gemalto").unwrap(), 1).unwrap().card
}

fn spot(socket: &Path) -> Spot {
    find(socket, READER, LIMIT).unwrap()
}

fn of(results: &[CaseResult], verdict: Verdict) -> Vec<&str> {
    let found = results.iter().filter(|result| result.verdict == verdict);
    found.map(|result| result.id.as_str()).collect()
}

fn all(spot: &Spot, ours: bool) -> Vec<CaseResult> {
    let cases = reader_cases();
    cases.iter().map(|case| judge(spot, ours, case)).collect()
}

fn one(spot: &Spot, ours: bool, id: &str) -> CaseResult {
    let case = reader_cases().into_iter().find(|case| case.id == id);
    judge(spot, ours, &case.unwrap())
}

/// What is no pass, in lines.
fn bad(results: &[CaseResult]) -> Vec<String> {
    let bad = results
        .iter()
        .filter(|result| result.verdict != Verdict::Pass);
    bad.map(|result| {
        let calls = result.evidence.iter();
        let calls = calls.map(|call| format!("\n  {} -> {}", call.command, call.response));
        let calls: String = calls.collect();
        format!("{} {}: {}{calls}", result.id, result.verdict, result.reason)
    })
    .collect()
}

#[test]
fn our_reader_passes_with_a_card_of_any_family() {
    for family in FAMILIES.iter() {
        let server = server(ours::specimen(family, 1).unwrap().card);
        let results = all(&spot(server.path()), true);
        assert!(
            bad(&results).is_empty(),
            "{}: {:#?}",
            family.id,
            bad(&results)
        );
        assert!(results.len() >= 25);
        assert!(results.iter().all(|result| !result.evidence.is_empty()));
    }
}

#[test]
fn private_pcscd_with_vpcd_differs_in_one_case() {
    let port = pcscd::free_ports();
    let device = pcscd::Device {
        name: "A Reader",
        device: format!("/dev/null:{port}"),
    };
    let Some(pcscd) = pcscd::Pcscd::start(&[device]) else {
        return;
    };
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let cards = vec![Box::new(card()) as Box<dyn CardDoor>];
    let _cards = CardSide::start(&Mode::Connect(address), cards, |_| ()).unwrap();
    let begun = Instant::now();
    let spot = loop {
        match find(&pcscd.socket(), READER, LIMIT) {
            Ok(spot) => break spot,
            Err(error) => assert!(begun.elapsed() < pcscd::GUARD, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let results = all(&spot, false);
    eprintln!("{}", bad(&results).join("\n"));
}

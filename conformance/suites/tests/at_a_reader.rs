// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie-conformance card --reader` as a program, at a reader of this process:
//! a good card passes, one with a defect does not, and a reader that fails is
//! not called a card that fails.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_conformance::ours;
use cie_conformance::report::Report;
use cie_conformance::verdict::Verdict;
use cie_personalisation::family;
use cie_reader::faults::return_code;
use cie_reader::{Fault, FaultOutcome, PcscCall};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};
use iso7816_wire::CardDoor;

const READER: &str = "A Reader 00 00";

/// Says that every file is there.
struct Finds<D>(D);

impl<D: CardDoor> CardDoor for Finds<D> {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.0.reset()
    }

    fn power_off(&mut self) {
        self.0.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        match (command, self.0.transmit(command).as_slice()) {
            ([_, 0xA4, ..], [0x6A, 0x82]) => vec![0x90, 0x00],
            (_, answer) => answer.to_vec(),
        }
    }
}

fn server(card: impl CardDoor + 'static) -> RunningServer {
    let readers = vec![ReaderSpec::with_card(READER, Box::new(card))];
    let server = ReaderServer::bind(&Place::Private, readers).unwrap();
    server.spawn().unwrap()
}

fn card() -> impl CardDoor + 'static {
    ours::specimen(family("gemalto").unwrap(), 1).unwrap().card
}

/// Runs the program as anybody's: without control the card is a stranger's.
fn run(server: &RunningServer, reader: &str) -> (Option<i32>, Option<Report>) {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let output = assert_cmd::Command::cargo_bin("cie-conformance")
        .unwrap()
        .env("PCSCLITE_CSOCK_NAME", server.path())
        .env_remove("CIE_CONTROL")
        .args([
            "card",
            "--reader",
            reader,
            "--case",
            "CIE_IAS_SEL_*",
            "--json",
        ])
        .arg(&json)
        .output()
        .unwrap();
    let report = std::fs::read_to_string(json).ok();
    let report = report.map(|text| serde_json::from_str(&text).unwrap());
    (output.status.code(), report)
}

fn count(report: &Report, verdict: Verdict) -> usize {
    let of = |result: &&_| -> bool {
        let result: &cie_conformance::report::CaseResult = result;
        result.verdict == verdict
    };
    report.results.iter().filter(of).count()
}

#[test]
fn a_good_card_passes_by_number_and_by_name_and_a_bad_one_does_not() {
    let good = server(card());
    let (code, report) = run(&good, READER);
    let report = report.unwrap();
    assert_eq!(code, Some(0), "{:#?}", report.results);
    assert!(count(&report, Verdict::Pass) > 20);
    let (code, by_number) = run(&good, "0");
    assert_eq!(
        (code, by_number.unwrap().results),
        (Some(0), report.results)
    );
    let bad = server(Finds(card()));
    let (code, report) = run(&bad, "0");
    let report = report.unwrap();
    assert_ne!(code, Some(0), "{:#?}", report.results);
    assert!(count(&report, Verdict::Fail) > 0);
}

#[test]
fn a_reader_that_fails_is_no_card_that_fails() {
    let server = server(card());
    let code = return_code("SCARD_E_COMM_DATA_LOST").unwrap();
    let lost = Fault::new(PcscCall::Transmit, FaultOutcome::Refused(code)).at(30);
    server.control().fault(lost.ever_after()).unwrap();
    let (code, report) = run(&server, "0");
    let report = report.unwrap();
    assert_ne!(code, Some(0), "{:#?}", report.results);
    assert_eq!(count(&report, Verdict::Fail), 0, "{:#?}", report.results);
    assert!(count(&report, Verdict::Inconclusive) > 0);
    let hang_up = Fault::new(PcscCall::EstablishContext, FaultOutcome::HungUp);
    server.control().clear_faults();
    server.control().fault(hang_up.ever_after()).unwrap();
    let (code, report) = run(&server, "0");
    assert!(code != Some(0) && report.is_none());
}

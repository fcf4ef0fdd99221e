// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of edges: every row on cards of every family, the page in `docs/`
//! against the rows, the rows against the list of choices.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod door;

use cie_card::Card;
use cie_conformance::edges::{Bench, Ground, Reason, RowError, Specimen, UNTABLED, render, units};
use cie_personalisation::{FAMILIES, Family};
use door::Through;
use iso7816_wire::CardDoor;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

fn specimen(family: &'static Family) -> Specimen<Card> {
    cie_conformance::ours::specimen(family, 1).unwrap()
}

/// All rows on one card: the identifiers of those that ran, and what failed.
fn run_all<D: CardDoor + Clone>(specimen: Specimen<D>) -> (BTreeSet<String>, Vec<RowError>) {
    let mut bench = Bench::new(specimen);
    let (mut ran, mut failed) = (BTreeSet::new(), Vec::new());
    for unit in units() {
        for row in unit.rows {
            match bench.run(unit, row) {
                Ok(true) => drop(ran.insert(unit.id(row))),
                Ok(false) => {}
                Err(error) => failed.push(error),
            }
        }
    }
    (ran, failed)
}

fn in_words(errors: &[RowError]) -> String {
    errors.iter().map(|e| format!("\n  {e}")).collect()
}

fn families(pick: fn(usize) -> bool) {
    let mut ran = BTreeSet::new();
    for (_, family) in FAMILIES.iter().enumerate().filter(|(at, _)| pick(*at)) {
        let (done, failed) = run_all(specimen(family));
        assert!(
            failed.is_empty(),
            "{} rows:{}",
            failed.len(),
            in_words(&failed)
        );
        ran.extend(done);
    }
    assert!(ran.len() > 250, "{} rows", ran.len());
}

#[test]
fn every_row_holds_for_the_first_half_of_the_families() {
    families(|at| at % 2 == 0);
}

#[test]
fn every_row_holds_for_the_second_half_of_the_families() {
    families(|at| at % 2 == 1);
}

#[test]
fn identifiers_are_well_formed_and_used_once() {
    let mut seen = HashSet::new();
    let mut names = HashSet::new();
    for unit in units() {
        assert!(names.insert(unit.name), "unit {} twice", unit.name);
        let well_formed = |c: char| c.is_ascii_uppercase();
        assert!(unit.name.chars().all(well_formed) && !unit.name.is_empty());
        let mut last = 0;
        for row in unit.rows {
            let id = unit.id(row);
            assert!(row.number > last, "{id} is out of order");
            last = row.number;
            let digits = id.rsplit('_').next().unwrap();
            assert!(digits.len() == 3 && digits != "000", "{id}");
            assert_eq!(id, format!("CIE_IAS_{}_{digits}", unit.name));
            assert!(seen.insert(id.clone()), "{id} twice");
        }
    }
}

#[test]
fn every_row_has_a_situation_of_its_own_and_a_ground() {
    for unit in units() {
        let mut situations = HashSet::new();
        for row in unit.rows {
            let id = unit.id(row);
            assert!(row.ground.is_named(), "{id} has no ground");
            assert!(!row.situation.is_empty(), "{id} has no situation");
            assert!(
                situations.insert(row.situation),
                "{id}: {:?} twice",
                row.situation
            );
            assert!(
                !row.situation.contains('|') && !row.script.contains('|'),
                "{id}"
            );
            // A fact says who knows it, a standard its name.
            match row.ground {
                Ground::Fact(text) => assert!(text.contains("[C]") || text.contains("[R]"), "{id}"),
                Ground::Standard(text) => {
                    assert!(
                        text.starts_with("ISO/IEC") || text.starts_with("EN "),
                        "{id}"
                    );
                }
                Ground::Choice(_) | Ground::Unnamed(_) => {}
            }
        }
    }
}

fn page(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(root.join(name)).unwrap()
}

#[test]
fn the_page_is_that_of_the_rows() {
    assert!(
        page("edges.md") == render(),
        "docs/edges.md and the rows differ; \
         run `cargo run -p cie-conformance --example edges > docs/edges.md`"
    );
}

/// The first column of each table of the page on choices.
fn rules() -> (BTreeSet<u8>, BTreeSet<String>) {
    let page = page("facts-and-choices.md");
    let (numbered, unnamed) = page.split_once("## Answers that no source names").unwrap();
    let cells = |text: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
        rows.map(|row| row.split(" | ").next().unwrap().to_owned())
            .collect()
    };
    let numbers = cells(numbered)
        .iter()
        .filter_map(|cell| cell.parse().ok())
        .collect();
    let names = cells(unnamed)
        .into_iter()
        .filter(|cell| cell != "what")
        .collect();
    (numbers, names)
}

/// Choices 14 and 21 stand below the table.
const OF_THE_EMRTD: [u8; 2] = [14, 21];

#[test]
fn every_choice_of_a_row_is_written_down() {
    let (numbers, names) = rules();
    for unit in units() {
        for row in unit.rows {
            match row.ground {
                Ground::Choice(number) => assert!(
                    numbers.contains(&number) || OF_THE_EMRTD.contains(&number),
                    "{}: choice {number}",
                    unit.id(row)
                ),
                Ground::Unnamed(name) => {
                    assert!(names.contains(name), "{}: {name:?}", unit.id(row));
                }
                Ground::Fact(_) | Ground::Standard(_) => {}
            }
        }
    }
}

#[test]
fn every_written_choice_has_a_row_or_a_reason() {
    let (mut numbers, names) = rules();
    numbers.extend(OF_THE_EMRTD);
    let grounds: Vec<_> = units()
        .iter()
        .flat_map(|unit| unit.rows)
        .map(|row| row.ground)
        .collect();
    let excused = |rule: &str| UNTABLED.iter().any(|(name, _)| *name == rule);
    for number in numbers {
        // A fact may name the choice that fills it in.
        let named = format!("choice {number}");
        let has_row = grounds.iter().any(|ground| {
            let text = ground.to_string();
            text.split([',', ';', '(', ')'])
                .any(|part| part.trim().ends_with(&named))
        });
        assert_ne!(has_row, excused(&number.to_string()), "choice {number}");
    }
    for name in names {
        let has_row = grounds
            .iter()
            .any(|ground| matches!(ground, Ground::Unnamed(n) if *n == name));
        assert_ne!(has_row, excused(&name), "{name}");
    }
}

/// The rows that fail behind a door that lies.
fn caught(truth: u16, lie: u16) -> BTreeSet<String> {
    let honest = specimen(&FAMILIES[0]);
    let liar = honest.behind(|card| {
        Through::new(card, move |card, command| {
            let answer = card.transmit(command);
            if answer == truth.to_be_bytes() {
                lie.to_be_bytes().to_vec()
            } else {
                answer
            }
        })
    });
    let (_, failed) = run_all(liar);
    for error in &failed {
        let found = matches!(*error.reason, Reason::Answer { .. } | Reason::Leeway { .. });
        assert!(found, "{error}");
    }
    failed.into_iter().map(|error| error.id).collect()
}

/// The rows whose script expects this status word alone, in plain.
fn expecting(words: &[&str]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for unit in units() {
        for row in unit.rows.iter().filter(|row| !row.script.starts_with('[')) {
            if words.iter().any(|word| row.script.contains(word)) {
                ids.insert(unit.id(row));
            }
        }
    }
    ids
}

#[test]
fn a_card_that_lies_is_caught_by_the_right_rows() {
    // Unknown classes, in plain: the rows on class bytes and the one of CHAIN
    // and of DOOR that send one, and no other.
    let failed = caught(0x6881, 0x6E00);
    assert_eq!(failed, expecting(&["= 6881"]));
    assert!(
        failed.contains("CIE_IAS_CLA_008") && failed.len() > 3,
        "{failed:?}"
    );
    // The end of secure messaging with a missing object.
    let failed = caught(0x6987, 0x6988);
    assert_eq!(failed, expecting(&["plain 6987"]));
    assert!(
        failed.len() > 1 && failed.iter().all(|id| id.contains("_SM_")),
        "{failed:?}"
    );
}

#[test]
fn a_wrong_family_is_caught_by_the_rows_on_families() {
    let mut specimen = specimen(&FAMILIES[0]);
    specimen.extended_length = true;
    let (_, failed) = run_all(specimen);
    let words = in_words(&failed);
    assert!(
        words.contains("CIE_IAS_DOOR_016") && words.contains("CIE_IAS_DATA_"),
        "{words}"
    );
    assert_eq!(failed.len(), expecting(&["if extended"]).len(), "{words}");
}

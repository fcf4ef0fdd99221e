// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of edges: every row on cards of every family, the page in `docs/`
//! against the rows, the rows against the list of choices.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::Card;
use cie_conformance::edges::{Bench, Ground, RowError, Specimen, UNTABLED, render, units};
use cie_personalisation::{FAMILIES, Family, Persona, personalise};
use iso7816_wire::CardDoor;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

fn specimen(family: &'static Family) -> Specimen<Card> {
    let persona = Persona::adult().unwrap().with_family(family);
    let issued = personalise(&persona, 1).unwrap();
    let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
    Specimen {
        card,
        family: family.id.to_owned(),
        atr: family.atr.to_vec(),
        ef_atr: family.ef_atr.content(),
        root_by_aid: family.root_by_aid,
        extended_length: family.extended_length(),
        pin: issued.pin().expose().to_owned(),
        puk: issued.puk().expose().to_owned(),
        nis: issued.facts.nis.clone(),
        serial: issued.facts.serial.clone(),
        certificate: issued.facts.certificate.clone(),
    }
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

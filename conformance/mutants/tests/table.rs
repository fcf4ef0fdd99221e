// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every mutant is killed by the cases of the catalogue alone, nothing that is
//! only different fails, and `docs/mutants.md` says just that.
#![allow(clippy::unwrap_used)] // helpers of tests

use cie_conformance::catalogue::card_cases;
use cie_conformance::ours;
use cie_mutants::defective::{self, Mutant};
use cie_mutants::{examine, table};
use cie_personalisation::FAMILIES;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/mutants.md");

#[test]
fn every_mutant_is_killed_nothing_benign_fails_and_the_page_says_so() {
    let killed = table::killed().unwrap();
    let survivors: Vec<_> = killed.iter().filter(|row| row.by.is_empty()).collect();
    let names: Vec<_> = survivors.iter().map(|row| row.mutant.name()).collect();
    assert!(names.is_empty(), "survivors: {names:?}");

    let tolerated = table::tolerated().unwrap();
    let blamed: Vec<_> = tolerated
        .iter()
        .flat_map(|row| row.blamed.iter().map(|why| (row.variant.name, why)))
        .collect();
    assert!(blamed.is_empty(), "{blamed:#?}");

    assert!(
        PAGE == table::render(&killed, &tolerated),
        "docs/mutants.md and the run differ; \
         run `cargo run -p cie-mutants --example mutants > docs/mutants.md`"
    );
}

/// The door around the card finds nothing by itself: what it kills, it kills
/// because of the defect.
#[test]
fn a_card_without_defect_behind_the_same_door_is_clean() {
    let family = &FAMILIES[0];
    let specimen = defective::specimen(None, family, 1).unwrap();
    let found: Vec<_> = examine(specimen, &ours::ics(family), &card_cases())
        .map(|result| (result.id, result.reason))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn there_are_enough_of_both_and_no_two_have_one_name() {
    let names: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    let texts: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.text()).collect();
    assert!(names.len() == Mutant::ALL.len() && texts.len() == names.len());
    assert!(names.len() >= 40, "{}", names.len());
    let variants = cie_mutants::benign::VARIANTS;
    let names: BTreeSet<_> = variants.iter().map(|variant| variant.name).collect();
    assert!(names.len() == variants.len() && names.len() >= 15);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every module with a defect is killed by a case on middleware alone, and by
//! the one that `docs/module-mutants.md` names first. The same cases pass
//! without the defect, and no module fails that is only different.
//!
//! That is less than what the page comes from: its generator runs all cases.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_conformance::catalogue::{Case, middleware_cases};
use cie_conformance::middleware::judge;
use cie_conformance::verdict::Verdict;
use cie_mutants::at_once;
use cie_mutants::modules::{
    Driver, Flaw, Killed, Tolerated, library, named, render, setup, statement, tolerated,
};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/module-mutants.md");
/// Modules that are tried at once.
const AT_ONCE: usize = 4;

fn driver() -> Driver {
    Driver {
        program: env!("CARGO_BIN_EXE_cie-mutants-driver").into(),
        arguments: Vec::new(),
    }
}

/// The case of this identifier.
fn case(id: &str) -> Case {
    let all = middleware_cases();
    let found = all.into_iter().find(|case| case.id == id);
    found.unwrap_or_else(|| panic!("the page names {id}, which is no case"))
}

#[test]
fn every_module_with_a_defect_is_killed_by_the_case_that_the_page_names() {
    let (library, ics) = (library().unwrap(), statement().unwrap());
    let survivors = at_once(AT_ONCE, Flaw::DEFECTS, |flaw| {
        let ids = named(PAGE, *flaw).unwrap_or_default();
        let Some(first) = ids.first() else {
            return Some(format!("{}: not on the page", flaw.name()));
        };
        let setup = setup(&library, &driver(), Some(*flaw));
        let result = judge(&setup, &case(first), &ics);
        let (verdict, reason) = (result.verdict, result.reason);
        let why = format!("{}: {first} {verdict} {reason}", flaw.name());
        (!verdict.is_bad()).then_some(why)
    });
    let survivors: Vec<_> = survivors.into_iter().flatten().collect();
    assert!(survivors.is_empty(), "survivors: {survivors:#?}");
}

#[test]
fn without_the_defect_the_same_cases_pass() {
    let (library, ics) = (library().unwrap(), statement().unwrap());
    let rows = Flaw::DEFECTS.iter().filter_map(|flaw| named(PAGE, *flaw));
    let ids: BTreeSet<_> = rows.filter_map(|ids| ids.first().cloned()).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let setup = setup(&library, &driver(), None);
    let blamed = at_once(AT_ONCE, &ids, |id| {
        let result = judge(&setup, &case(id), &ics);
        let why = format!("{id}: {} {}", result.verdict, result.reason);
        (result.verdict != Verdict::Pass).then_some(why)
    });
    let blamed: Vec<_> = blamed.into_iter().flatten().collect();
    assert!(blamed.is_empty(), "{blamed:#?}");
}

#[test]
fn no_module_fails_that_is_only_different() {
    let (library, ics) = (library().unwrap(), statement().unwrap());
    let outcomes = at_once(AT_ONCE, Flaw::BENIGN, |flaw| {
        let setup = setup(&library, &driver(), Some(*flaw));
        tolerated(&setup, &ics)
    });
    for (flaw, outcome) in Flaw::BENIGN.iter().zip(outcomes) {
        let Tolerated { passed, blamed, .. } = outcome;
        assert!(blamed.is_empty(), "{}: {blamed:#?}", flaw.name());
        assert!(passed > 40, "{}: {passed}", flaw.name());
    }
}

#[test]
fn the_page_is_that_of_the_list() {
    let killed: Vec<_> = Flaw::DEFECTS
        .iter()
        .map(|flaw| Killed {
            flaw: *flaw,
            by: named(PAGE, *flaw).unwrap_or_default(),
        })
        .collect();
    // What is behind the third case, and what differs, only the run knows.
    let short = |page: &str| {
        let (table, _) = page.split_once("\n## Modules that").unwrap();
        table.replace(", …", "")
    };
    assert!(
        short(PAGE) == short(&render(&killed, &[])).replace("**0 variants**", VARIANTS),
        "docs/module-mutants.md is not that of the list of defects; run \
         `cargo run -p cie-mutants --example module-mutants > docs/module-mutants.md`"
    );
    for flaw in Flaw::BENIGN {
        let row = format!("| {} | {} | 0 | ", flaw.name(), flaw.text());
        assert!(PAGE.contains(&row), "{row}");
    }
}

const VARIANTS: &str = "**5 variants**";

#[test]
fn there_are_enough_and_no_two_have_one_name() {
    let all = || Flaw::DEFECTS.iter().chain(Flaw::BENIGN);
    let names: BTreeSet<_> = all().map(|flaw| flaw.name()).collect();
    let texts: BTreeSet<_> = all().map(|flaw| flaw.text()).collect();
    assert!(names.len() == all().count() && texts.len() == names.len());
    assert!(Flaw::DEFECTS.len() >= 20 && Flaw::BENIGN.len() >= 3);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every scenario in both worlds; the differences are those of the list, no more and no fewer.

use std::collections::BTreeSet;
use std::path::Path;

use cie_pcsc_scenarios::{Trouble, compare, script, world};

const LIST: &str = include_str!("../../../docs/pcsc-differences.md");
/// With this set the table of all scenarios is printed.
const TABLE: &str = "CIE_SCENARIOS_TABLE";

/// Whether the comparison has to be made: continuous integration may not leave it out.
fn must_run() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false")
}

#[test]
fn every_scenario_is_the_same_but_for_the_list() {
    if let Err(trouble) = world::possible() {
        assert!(!must_run(), "the comparison cannot be made: {trouble}");
        println!("SKIPPED, nothing was compared: {trouble}");
        return;
    }
    let scenarios = script::all().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_pcsc-scenarios"));
    let compared = compare::compare(&scenarios, program).unwrap();
    if std::env::var_os(TABLE).is_some() {
        println!("| scenario | steps | differences |\n|---|---|---|");
        for one in &compared {
            let (steps, differences) = (one.steps.len(), one.differences().len());
            println!("| {} | {steps} | {differences} |", one.scenario);
        }
    }
    let found: BTreeSet<_> = compared
        .iter()
        .flat_map(compare::Compared::differences)
        .collect();
    let known = compare::known(LIST).unwrap();
    let rows = |set: Vec<&compare::Difference>| {
        set.into_iter()
            .map(compare::row)
            .collect::<Vec<_>>()
            .join("\n")
    };
    let unlisted = rows(found.difference(&known).collect());
    let vanished = rows(known.difference(&found).collect());
    assert!(
        unlisted.is_empty() && vanished.is_empty(),
        "not in docs/pcsc-differences.md:\n{unlisted}\n\nin it, but not found:\n{vanished}"
    );
    println!(
        "{} scenarios compared, {} differences, all of them listed",
        compared.len(),
        found.len()
    );
}

#[test]
fn scenarios_have_names_of_their_own_and_steps() {
    let scenarios = script::all().unwrap();
    let names: BTreeSet<_> = scenarios.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), scenarios.len(), "a name is there twice");
    assert!(scenarios.len() >= 60, "only {} scenarios", scenarios.len());
    for scenario in &scenarios {
        assert!(!scenario.steps.is_empty(), "{:?} is empty", scenario.name);
    }
}

#[test]
fn a_script_that_cannot_be_read_is_named() {
    for text in [
        "a est c",
        "== one\ninsert two",
        "== one\na",
        "== one\ninsert 0 3BX",
    ] {
        let error = script::parse(text).unwrap_err();
        assert!(matches!(error, Trouble::Script { .. }), "{text:?}: {error}");
    }
}

#[test]
fn a_difference_without_a_reason_is_no_entry() {
    for (text, good) in [
        (
            "| `a` | `1 b` | `c` | `d` | it is so because of this |",
            true,
        ),
        ("| `a` | `1 b` | `c` | `d` | ? |", false),
        ("| `a` | `1 b` | `c` | it is so because of this |", false),
    ] {
        assert_eq!(compare::known(text).is_ok(), good, "{text}");
    }
    let twice = "| `a` | `1 b` | `c` | `d` | it is so because of this |\n".repeat(2);
    assert!(compare::known(&twice).is_err());
}

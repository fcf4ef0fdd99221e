// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the table of edges as cases.

use super::choices::choice;
use super::cost::Cost;
use super::tr03105::aliases;
use super::units::about;
use super::{Case, Needs, Step};
use crate::edges::{Ground, Row, Start, Unit, script, units};

pub(super) fn cases() -> Vec<Case> {
    let rows = units()
        .iter()
        .flat_map(|unit| unit.rows.iter().map(move |row| (unit, row)));
    rows.map(|(unit, row)| case(unit, row)).collect()
}

fn case(unit: &'static Unit, row: &Row) -> Case {
    // A row that is no script is a failing test of the table of edges.
    let (families, steps) = script::parse(row.script).unwrap_or_default();
    let about = about(unit.name);
    Case {
        id: unit.id(row),
        version: 1,
        unit: unit.name,
        title: format!("{}: {}", unit.title, row.situation),
        purpose: about.purpose,
        requirement: requirement(about.requirement, row.ground),
        clause: clause(row.ground),
        basis: row.ground.into(),
        families: families.iter().map(|&family| family.to_owned()).collect(),
        needs: needs(row),
        preconditions: row.start.meaning().to_owned(),
        steps: steps
            .iter()
            .map(|step| Step {
                action: match step.times {
                    1 => step.action.to_owned(),
                    times => format!("{times} × {}", step.action),
                },
                expected: step.answer.to_owned(),
            })
            .collect(),
        postconditions: postconditions(Cost::of(row.start, &steps)),
        severity: about.severity,
        cost: Cost::of(row.start, &steps),
        aliases: aliases(&unit.id(row)),
    }
}

/// A row needs what its script names and what the way to its start names.
fn needs(row: &Row) -> Needs {
    let says = |words: &[&str]| words.iter().any(|word| row.script.contains(word));
    let device = row.start >= Start::Certified || says(&["certificate ", "proof "]);
    // The states of the PUK are reached from that of the PIN.
    let pin = matches!(row.start, Start::Pin | Start::PukOneLeft | Start::PukDead);
    let puk = matches!(row.start, Start::Puk | Start::PukOneLeft | Start::PukDead);
    Needs {
        device,
        pin: pin
            || says(&[
                "{PIN",
                "VERIFY-PIN",
                "{CERT",
                "{SERIAL",
                "{EF1002",
                "{EF1003",
                "{L1002",
                "{L1003",
            ]),
        puk: puk || says(&["{PUK", "VERIFY-PUK"]),
        ..Needs::default()
    }
}

/// The rule of the unit, and for a choice what was chosen.
fn requirement(rule: &str, ground: Ground) -> String {
    let number;
    let key = match ground {
        Ground::Fact(_) | Ground::Standard(_) => return rule.to_owned(),
        Ground::Choice(n) => {
            number = n.to_string();
            number.as_str()
        }
        Ground::Unnamed(name) => name,
    };
    match choice(key) {
        Some(text) => format!("{rule} Chosen here: {text}."),
        None => rule.to_owned(),
    }
}

fn clause(ground: Ground) -> String {
    match ground {
        Ground::Fact(text) => fact(text),
        Ground::Standard(text) => text.to_owned(),
        // The basis says before it that it is a choice.
        Ground::Choice(number) => format!("number {number} (docs/facts-and-choices.md)"),
        Ground::Unnamed(name) => format!("“{name}” (docs/facts-and-choices.md)"),
    }
}

/// Where the page on facts has this one: its number stands behind its tag, and
/// maybe another, `[C] 4.3 and 5: why`.
fn fact(text: &str) -> String {
    let text = text.split_once("] ").map_or(text, |(_, numbers)| numbers);
    let (numbers, why) = text.split_once(": ").unwrap_or((text, ""));
    let colon = if why.is_empty() { "" } else { ": " };
    let numbers = numbers.replace(" and ", " and #fact-");
    format!("docs/facts-and-choices.md#fact-{numbers}{colon}{why}")
}

fn postconditions(cost: Cost) -> String {
    if cost.is_nothing() {
        "counters and codes as before".to_owned()
    } else {
        format!("at most: {cost}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_a_place_and_does_not_say_its_basis_twice() {
        for (ground, expected) in [
            (
                Ground::Fact("[C] 4.3"),
                "docs/facts-and-choices.md#fact-4.3",
            ),
            (
                Ground::Fact("[C] 4.3 and 5: why"),
                "docs/facts-and-choices.md#fact-4.3 and #fact-5: why",
            ),
            (Ground::Standard("ISO/IEC 7816-3"), "ISO/IEC 7816-3"),
            (Ground::Choice(3), "number 3 (docs/facts-and-choices.md)"),
        ] {
            assert_eq!(clause(ground), expected);
        }
        for case in super::super::card_cases() {
            let basis = case.basis.name();
            assert!(
                !case.clause.starts_with(basis),
                "{}: {}",
                case.id,
                case.clause
            );
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of the documentation: which case kills which mutant, and what a
//! card that is only different comes to.

use crate::benign::{self, BenignError, VARIANTS, Variant};
use crate::defective::{self, DefectiveError, Mutant};
use crate::{examine, on_all_processors};
use cie_conformance::catalogue::{Case, card_cases};
use cie_conformance::ours;
use cie_conformance::verdict::Verdict;
use cie_personalisation::{FAMILIES, Family};
use std::fmt::Write as _;

/// So many cases that kill a mutant are looked for.
const KILLERS: usize = 4;
/// Seed of all cards.
const SEED: u64 = 1;
/// The part of the page that no run writes.
const HEAD: &str = include_str!("head.md");
const TAIL: &str = include_str!("tail.md");

/// A mutant and the first cases that kill it, in the order of the catalogue.
pub struct Killed {
    /// The defect.
    pub mutant: Mutant,
    /// Identifiers of the cases.
    pub by: Vec<String>,
}

/// A variant and what it came to.
pub struct Tolerated {
    /// The variant.
    pub variant: &'static Variant,
    /// Cases that blame it, each with its reason.
    pub blamed: Vec<String>,
    /// Identifiers of the cases that only say that it differs.
    pub differs: Vec<String>,
    /// How many cases could not be decided.
    pub inconclusive: usize,
}

#[allow(clippy::indexing_slicing)] // there is one
fn family() -> &'static Family {
    // It selects the root by AID and takes no extended length.
    &FAMILIES[0]
}

/// Looks for cases that kill each mutant.
///
/// # Errors
/// [`DefectiveError`] if a card cannot be made.
pub fn killed() -> Result<Vec<Killed>, DefectiveError> {
    let cases = card_cases();
    let ics = ours::ics(family());
    let one = |mutant: &Mutant| {
        let specimen = defective::specimen(Some(*mutant), family(), SEED)?;
        let found = examine(specimen, &ics, &cases);
        let bad = found.filter(|result| result.verdict.is_bad());
        Ok(Killed {
            mutant: *mutant,
            by: bad.take(KILLERS).map(|result| result.id).collect(),
        })
    };
    on_all_processors(Mutant::ALL, one).into_iter().collect()
}

/// Runs all cases on each variant.
///
/// # Errors
/// [`BenignError`] if a card cannot be made.
pub fn tolerated() -> Result<Vec<Tolerated>, BenignError> {
    let cases = card_cases();
    let one = |variant: &'static Variant| tolerate(variant, &cases);
    let variants: Vec<_> = VARIANTS.iter().collect();
    on_all_processors(&variants, |variant| one(variant))
        .into_iter()
        .collect()
}

fn tolerate(variant: &'static Variant, cases: &[Case]) -> Result<Tolerated, BenignError> {
    let specimen = benign::specimen(variant, family(), SEED)?;
    let ics = benign::statement(&specimen);
    let mut outcome = Tolerated {
        variant,
        blamed: Vec::new(),
        differs: Vec::new(),
        inconclusive: 0,
    };
    for result in examine(specimen, &ics, cases) {
        match result.verdict {
            Verdict::Differs => outcome.differs.push(result.id),
            Verdict::Inconclusive => outcome.inconclusive += 1,
            verdict => {
                let blame = format!("{} {verdict}: {}", result.id, result.reason);
                outcome.blamed.push(blame);
            }
        }
    }
    Ok(outcome)
}

/// The page.
#[must_use]
pub fn render(killed: &[Killed], tolerated: &[Tolerated]) -> String {
    let mut page = HEAD
        .replace("{mutants}", &killed.len().to_string())
        .replace("{variants}", &tolerated.len().to_string());
    page += "\n## Which case kills which mutant\n\n";
    page += "| mutant | the card's defect | killed by |\n|---|---|---|\n";
    for Killed { mutant, by } in killed {
        let (name, text) = (mutant.name(), mutant.text());
        let _ = writeln!(page, "| {name} | {text} | {} |", few(by, KILLERS - 1));
    }
    page += "\n## Cards that are only different\n\n";
    page +=
        "| variant | what is different | fails | differs | not decided |\n|---|---|---|---|---|\n";
    for row in tolerated {
        let Variant { name, text, .. } = row.variant;
        let (blamed, count) = (row.blamed.len(), row.differs.len());
        let differs = match count {
            0 => "none".to_owned(),
            _ => format!("{count}: {}", few(&row.differs, 3)),
        };
        let undecided = row.inconclusive;
        let _ = writeln!(
            page,
            "| {name} | {text} | {blamed} | {differs} | {undecided} |"
        );
    }
    page + "\n" + TAIL
}

/// The first of some identifiers, without the part that all share.
fn few(ids: &[String], most: usize) -> String {
    let short = |id: &String| id.trim_start_matches("CIE_IAS_").to_owned();
    let mut words: Vec<_> = ids.iter().take(most).map(short).collect();
    if ids.len() > most {
        words.push("…".to_owned());
    }
    match words.as_slice() {
        [] => "**nothing: a survivor**".to_owned(),
        _ => words.join(", "),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference PKCS#11 module with one defect each, before the cases on
//! middleware.
//!
//! All defects are in one library. Which one it has is said by a variable in
//! the environment of the process that loads it.

use crate::at_once;
use cie_conformance::catalogue::{Case, middleware_cases};
use cie_conformance::ics::{Ics, IcsError};
use cie_conformance::middleware::{Effort, Scene, Setup, judge};
use cie_conformance::report::CaseResult;
use cie_conformance::verdict::Verdict;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use iso7816_wire_mutants::flaws::{Flaw, VARIABLE};

/// What the reference module says about itself.
const STATEMENT: &str = include_str!("../../pkcs11/ics.toml");
/// Seed of all cards.
const SEED: u64 = 1;
/// How long one call of a module may take. The module that waits for ever does
/// it so often.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many cases that kill a module are looked for.
const KILLERS: usize = 4;
/// Modules that are tried at once. They wait for their readers mostly.
const AT_ONCE: usize = 3;
/// The part of the page that no run writes.
const HEAD: &str = include_str!("modules-head.md");
const TAIL: &str = include_str!("modules-tail.md");

/// Units whose cases take long or have a module wait, in the order of how
/// long: only what nothing else kills gets there.
const LATE: [&str; 8] = [
    "PROC", "CONTENT", "TLS", "FAMILY", "READER", "SEQ", "EVENT", "FAULT",
];

/// Units in which what is only different could be taken for wrong, and that do
/// not take long.
pub const ASKED: [&str; 9] = [
    "SLOT", "CERT", "LOGIN", "PIN", "PUK", "SIGN", "STATE", "TOLD", "PROOF",
];

/// A program that answers a driver's requests, with its arguments. With
/// `supervise` before a program, it supervises that.
#[derive(Clone, Debug)]
pub struct Driver {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// A module and the first cases that kill it, cheap ones first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    /// The defect.
    pub flaw: Flaw,
    /// Identifiers of the cases.
    pub by: Vec<String>,
}

/// A module that is only different, and what it came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tolerated {
    /// How many cases passed.
    pub passed: usize,
    /// Cases that blame it, each with its reason.
    pub blamed: Vec<String>,
    /// Identifiers of the cases that only say that it differs.
    pub differs: Vec<String>,
}

/// The library with all defects, which cargo built beside this program.
#[must_use]
pub fn library() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let folders = program.ancestors().skip(1).take(3);
    let mut beside = folders.flat_map(|folder| [folder.join("deps"), folder.to_owned()]);
    beside.find_map(|folder| {
        let path = folder.join("libcie_pkcs11_mutants.so");
        path.exists().then_some(path)
    })
}

/// The reference module's statement about itself.
///
/// # Errors
/// [`IcsError`] if it cannot be read.
pub fn statement() -> Result<Ics, IcsError> {
    Ics::parse(STATEMENT)
}

/// All cases on middleware, those that take long last.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = middleware_cases();
    cases.sort_by_key(|case| LATE.iter().position(|unit| *unit == case.unit));
    cases
}

/// The module with this defect, or with none.
#[must_use]
pub fn setup(library: &Path, driver: &Driver, flaw: Option<Flaw>) -> Setup {
    let variable = |flaw: Flaw| (VARIABLE.into(), flaw.name().into());
    Setup {
        module: library.to_owned(),
        driver: driver.program.clone(),
        driver_arguments: driver.arguments.clone(),
        supervisor: vec![driver.program.clone().into(), "supervise".into()],
        seed: SEED,
        patience: PATIENCE,
        environment: flaw.map(variable).into_iter().collect(),
        effort: Effort::default(),
        scene: Scene::default(),
    }
}

/// Looks for cases that kill this module; among those that take long only for
/// one, if no other did.
#[must_use]
pub fn killers(setup: &Setup, ics: &Ics, flaw: Flaw) -> Killed {
    let (late, cases): (Vec<_>, Vec<_>) = cases()
        .into_iter()
        .partition(|case| LATE.contains(&case.unit));
    let find = |cases: &[Case], most| -> Vec<String> {
        let results = cases.iter().map(|case| judge(setup, case, ics));
        let bad = results.filter(|result| result.verdict.is_bad());
        bad.take(most).map(|result| result.id).collect()
    };
    let mut by = find(&cases, KILLERS);
    if by.is_empty() {
        by = find(&late, 1);
    }
    Killed { flaw, by }
}

/// Looks for cases that kill each module.
#[must_use]
pub fn killed(library: &Path, driver: &Driver, ics: &Ics) -> Vec<Killed> {
    at_once(AT_ONCE, Flaw::DEFECTS, |flaw| {
        killers(&setup(library, driver, Some(*flaw)), ics, *flaw)
    })
}

/// Runs the cases of some units on a module that is only different, as on a
/// stranger's, which follows none of this project's choices.
#[must_use]
pub fn tolerated(setup: &Setup, ics: &Ics) -> Tolerated {
    let mut cases = cases();
    cases.retain(|case| ASKED.contains(&case.unit));
    let mut ics = ics.clone();
    if let Some(module) = &mut ics.middleware {
        module.follows_choices = false;
    }
    let mut outcome = Tolerated::default();
    for CaseResult {
        id,
        verdict,
        reason,
        ..
    } in cases.iter().map(|case| judge(setup, case, &ics))
    {
        match verdict {
            Verdict::Pass => outcome.passed += 1,
            Verdict::NotApplicable | Verdict::Inconclusive => {}
            Verdict::Differs => outcome.differs.push(id),
            Verdict::Fail | Verdict::Crash | Verdict::Hang => {
                outcome.blamed.push(format!("{id} {verdict}: {reason}"));
            }
        }
    }
    outcome
}

/// The page.
#[must_use]
pub fn render(killed: &[Killed], tolerated: &[(Flaw, Tolerated)]) -> String {
    let mut page = HEAD
        .replace("{mutants}", &killed.len().to_string())
        .replace("{variants}", &tolerated.len().to_string());
    page += "\n## Which case kills which mutant\n\n";
    page += "| mutant | the module's defect | killed by |\n|---|---|---|\n";
    for Killed { flaw, by } in killed {
        let (name, text) = (flaw.name(), flaw.text());
        let _ = writeln!(page, "| {name} | {text} | {} |", few(by, KILLERS - 1));
    }
    page += "\n## Modules that are only different\n\n";
    page += "| variant | what is different | fails | differs |\n|---|---|---|---|\n";
    for (flaw, outcome) in tolerated {
        let (name, text) = (flaw.name(), flaw.text());
        let blamed = outcome.blamed.len();
        let differs = match outcome.differs.len() {
            0 => "none".to_owned(),
            _ => few(&outcome.differs, 3),
        };
        let _ = writeln!(page, "| {name} | {text} | {blamed} | {differs} |");
    }
    page + "\n" + TAIL
}

/// What all identifiers of these cases begin with; the page leaves it out.
const PREFIX: &str = "CIE_MW_";
const MORE: &str = "…";

/// The first of some identifiers, without the part that all share.
fn few(ids: &[String], most: usize) -> String {
    let short = |id: &String| id.trim_start_matches(PREFIX).to_owned();
    let mut words: Vec<_> = ids.iter().take(most).map(short).collect();
    if ids.len() > most {
        words.push(MORE.to_owned());
    }
    match words.as_slice() {
        [] => "**nothing: a survivor**".to_owned(),
        _ => words.join(", "),
    }
}

/// The row of a page for this module: the identifiers that it names.
#[must_use]
pub fn named(page: &str, flaw: Flaw) -> Option<Vec<String>> {
    let begin = format!("| {} | {} | ", flaw.name(), flaw.text());
    let row = page.lines().find_map(|line| line.strip_prefix(&begin))?;
    let words = row.trim_end_matches(" |").split(", ");
    let ids = words.filter(|word| *word != MORE);
    Some(ids.map(|word| format!("{PREFIX}{word}")).collect())
}

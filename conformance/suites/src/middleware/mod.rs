// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the catalogue's cases on a PKCS#11 module.
//!
//! Each case has everything to itself (`stage`): a home directory, a virtual
//! reader on a private socket, freshly personalised cards, and a process of its
//! own for the module (`child`), so that a crash or a hang is the verdict of
//! one case and no more. What the module starts ends with its case (`keeper`).
//! What a module says is compared with the card's own
//! counters and with signatures verified by other code (`people`).
//!
//! A module that draws random numbers for its key agreement sends other bytes
//! every time, so what went over the wire is in the report of cases that did
//! not pass, and nowhere else.

mod blame;
mod child;
mod door;
mod finding;
mod folder;
mod keeper;
mod people;
mod scene;
mod stage;
mod units;

use crate::catalogue::{Basis, Case, Cost, Needs, Step, aliases};
use crate::ics::{Announces, Codes, Feature, Ics, Middleware};
use crate::ours;
use crate::report::{CaseResult, Exchange};
use crate::verdict::Verdict;
use cie_driver::{Answer, Function, Request};
use cie_personalisation::FAMILIES;
use finding::{Finding, Found};
pub use scene::{Scene, SceneError};
use stage::{LEFT_RUNNING, Stage};
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// How modules are run.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The module.
    pub module: PathBuf,
    /// A program that calls [`cie_driver::serve`].
    pub driver: PathBuf,
    /// Its arguments.
    pub driver_arguments: Vec<OsString>,
    /// A program that calls [`cie_driver::supervise`] with what follows its own
    /// arguments, which are here as well.
    pub supervisor: Vec<OsString>,
    /// Seed of the cards and of everything else that is random.
    pub seed: u64,
    /// How long one call of the module may take.
    pub patience: Duration,
    /// Variables of the module's environment, beside those that the bench sets.
    pub environment: Vec<(OsString, OsString)>,
    /// How much is drawn from the seed.
    pub effort: Effort,
    /// What is not as usual. A case that brings its own of what is named here
    /// is inconclusive.
    pub scene: Scene,
}

/// How much is drawn from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Sequences of each case of the unit SEQ.
    pub sequences: u32,
    /// Contents of each case with drawn contents of the unit CONTENT.
    pub draws: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Self {
            sequences: 10,
            draws: 24,
        }
    }
}

/// Why nothing can be said about a module.
#[derive(Debug, Error)]
#[error("{module}: {why}")]
pub struct ModuleError {
    module: String,
    why: String,
}

/// Every case on middleware.
#[must_use]
pub fn cases() -> Vec<Case> {
    let all = units::all();
    all.into_iter()
        .flat_map(|unit| {
            let rows = (unit.rows)();
            rows.into_iter().map(move |row| case(&unit, &row))
        })
        .collect()
}

fn id(unit: &units::Unit, row: &units::Row) -> String {
    format!("CIE_MW_{}_{:02}", unit.name, row.number)
}

fn case(unit: &units::Unit, row: &units::Row) -> Case {
    Case {
        id: id(unit, row),
        version: row.version,
        unit: unit.name,
        title: row.title.clone(),
        purpose: unit.purpose,
        requirement: row.requirement.to_owned(),
        clause: row.clause.to_owned(),
        basis: row.basis,
        families: Vec::new(),
        needs: Needs {
            module: row.needs,
            announced: row.announced,
            ..Needs::default()
        },
        preconditions: row.before.to_owned(),
        steps: row
            .steps
            .iter()
            .map(|(action, expected)| Step {
                action: (*action).to_owned(),
                expected: (*expected).to_owned(),
            })
            .collect(),
        postconditions: "the counters of the card are as told; nothing else of the case is left"
            .to_owned(),
        severity: row.severity.unwrap_or(unit.severity),
        cost: Cost::default(),
        aliases: aliases(&id(unit, row)),
    }
}

/// What can be found out about a module by loading it and asking it in front of
/// a card. What it promises beyond cannot be seen, so it is taken to promise
/// everything, and to follow none of this project's choices.
///
/// # Errors
/// [`ModuleError`] if it cannot be loaded.
pub fn detect(setup: &Setup) -> Result<Ics, ModuleError> {
    let mut module = Middleware {
        codes: Codes::Whole,
        features: vec![
            Feature::SetPin,
            Feature::InitPin,
            Feature::ChecksSecurityObject,
            Feature::ChecksSigner,
            Feature::ChecksCopy,
        ],
        follows_choices: false,
        announces: None,
    };
    let asked = Stage::new(setup, &module).and_then(|stage| stage.once(&Request::Functions));
    let functions = match asked {
        Ok(Answer::Functions(functions)) => functions,
        Ok(other) => return Err(unusable(setup, other.to_string())),
        Err(
            Finding::Fault(why)
            | Finding::Chosen(why)
            | Finding::Crash(why)
            | Finding::Hang(why)
            | Finding::Undecided(why)
            | Finding::NotFor(why),
        ) => return Err(unusable(setup, why)),
    };
    for function in functions {
        module.features.extend(match function {
            Function::Enrol => Some(Feature::Enrol),
            Function::Forget => Some(Feature::Forget),
            Function::ChangePin => Some(Feature::ChangePin),
            Function::Unblock => Some(Feature::Unblock),
            Function::Sign => Some(Feature::Sign),
            Function::Verify => Some(Feature::Verify),
            Function::IsEnrolled => None,
        });
    }
    module.features.sort();
    if module.has(Feature::Enrol) {
        module.codes = Codes::SecondHalf;
    }
    for missing in missing(setup, &module) {
        module.features.retain(|feature| *feature != missing);
    }
    module.announces = announced(setup, &module);
    Ok(statement(module))
}

/// What a module announces in front of a card; nothing if it cannot be asked.
fn announced(setup: &Setup, module: &Middleware) -> Option<Announces> {
    let asked = || -> Found<Announces> {
        let stage = Stage::new(setup, module)?;
        let citizen = stage.usual()?;
        stage.insert(&citizen)?;
        let mut session = stage.begin(&citizen)?;
        units::announced(&mut session)
    };
    let calls = || units::calls(&Stage::new(setup, module)?);
    let mut announces = asked().ok()?;
    announces.pcsc_calls = calls().ok();
    Some(announces)
}

/// The functions of PKCS#11 that the module says it does not have. Of one that
/// cannot be asked, because it shows no card or worse, none is known to miss.
fn missing(setup: &Setup, module: &Middleware) -> Vec<Feature> {
    let asked = || -> Found<Vec<Feature>> {
        let stage = Stage::new(setup, module)?;
        let citizen = stage.usual()?;
        stage.insert(&citizen)?;
        let mut session = stage.begin(&citizen)?;
        // Nobody is logged in, and neither is a code.
        let (old, new) = (String::new(), String::new());
        let calls = [
            (Feature::InitPin, Request::InitPin(String::new())),
            (Feature::SetPin, Request::SetPin { old, new }),
        ];
        let mut missing = Vec::new();
        for (feature, call) in calls {
            if session.ask(&call)?.is("CKR_FUNCTION_NOT_SUPPORTED") {
                missing.push(feature);
            }
        }
        Ok(missing)
    };
    asked().unwrap_or_default()
}

fn unusable(setup: &Setup, why: String) -> ModuleError {
    ModuleError {
        module: setup.module.display().to_string(),
        why,
    }
}

/// The statement of a module in front of this project's cards.
#[must_use]
pub fn statement(module: Middleware) -> Ics {
    let mut ics = FAMILIES.first().map_or_else(Ics::of_a_stranger, ours::ics);
    ics.middleware = Some(module);
    ics
}

/// Finds out one case.
#[must_use]
pub fn judge(setup: &Setup, case: &Case, ics: &Ics) -> CaseResult {
    let mut result = watched(setup, case, ics);
    if result.verdict == Verdict::Pass {
        result.evidence.retain(|told| told.command == LEFT_RUNNING);
    }
    result
}

/// The same, with what went over the wire even if the case passes.
#[must_use]
pub fn watched(setup: &Setup, case: &Case, ics: &Ics) -> CaseResult {
    if let Some(why) = ics.excludes(case) {
        return CaseResult::new(case, Verdict::NotApplicable, why, Vec::new());
    }
    let Some(module) = &ics.middleware else {
        let why = "the statement says nothing about a module".to_owned();
        return CaseResult::new(case, Verdict::NotApplicable, why, Vec::new());
    };
    let found = units::all().into_iter().find_map(|unit| {
        let rows = (unit.rows)();
        rows.into_iter().find(|row| id(&unit, row) == case.id)
    });
    let Some(row) = found else {
        let why = "this bench has no such case; the catalogue is another's".to_owned();
        return CaseResult::new(case, Verdict::Inconclusive, why, Vec::new());
    };
    let (found, evidence) = catch_unwind(AssertUnwindSafe(|| run(setup, module, &row)))
        .unwrap_or_else(|_| {
            let why = "the bench itself panicked in this case".to_owned();
            (Err(Finding::Undecided(why)), Vec::new())
        });
    let chosen = matches!(found, Err(Finding::Chosen(_)));
    let (verdict, reason) = match found {
        Err(Finding::Chosen(why)) if ics.is_bound_by(Basis::Choice) => (Verdict::Fail, why),
        Err(Finding::Chosen(why)) => (Verdict::Differs, why),
        Ok(()) => (Verdict::Pass, String::new()),
        Err(Finding::Fault(why)) if ics.is_bound_by(case.basis) => (Verdict::Fail, why),
        Err(Finding::Fault(why)) => (Verdict::Differs, why),
        Err(Finding::Crash(why)) => (Verdict::Crash, why),
        Err(Finding::Hang(why)) => (Verdict::Hang, why),
        Err(Finding::Undecided(why)) => (Verdict::Inconclusive, why),
        Err(Finding::NotFor(why)) => (Verdict::Inconclusive, not_for(module, case, &why)),
    };
    let mut result = CaseResult::new(case, verdict, reason, evidence);
    if chosen {
        result.basis = Basis::Choice;
        result.clause = format!("added by this project to {}", row.clause);
    }
    result
}

/// What a module does not have, and the statement did not leave out.
fn not_for(module: &Middleware, case: &Case, why: &str) -> String {
    match case.needs.announced {
        Some(what) if module.says(what) == Some(true) => {
            format!(
                "{why}; the statement says that it has {what} ({})",
                what.field()
            )
        }
        Some(what) => format!("{why}; the statement says nothing of it ({})", what.field()),
        None => why.to_owned(),
    }
}

fn run(setup: &Setup, module: &Middleware, row: &units::Row) -> (Found, Vec<Exchange>) {
    let mut stage = Stage::in_scene(setup, module, (row.reader)());
    let stage = match &mut stage {
        Ok(stage) => stage,
        Err(finding) => return (Err(finding.clone()), Vec::new()),
    };
    let mut found = (row.run)(stage);
    // A process that crashes at its end has crashed as well.
    if found.is_ok()
        && let Some(late) = door::locked(&stage.late).first()
    {
        found = Err(Finding::of_late(late));
    }
    if let Some(why) = stage.unheeded() {
        found = Err(Finding::Undecided(why));
    }
    stage.end();
    (found, door::evidence(&stage.log))
}

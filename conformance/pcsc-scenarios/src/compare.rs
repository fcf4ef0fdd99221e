// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both worlds side by side, and the differences that are known.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Trouble;
use crate::run::{Outcome, run};
use crate::script::Scenario;
use crate::world::Kind;

/// Scenarios at a time. They mostly wait.
const AT_ONCE: usize = 6;

/// What both worlds said to one scenario.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The scenario's name.
    pub scenario: String,
    /// Each step with both outcomes; `None` where a world hung before.
    pub steps: Vec<(String, Option<Outcome>, Option<Outcome>)>,
}

/// A step that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The scenario's name.
    pub scenario: String,
    /// The step's number, from 1, and its text.
    pub step: String,
    /// What pcscd said.
    pub theirs: String,
    /// What we said.
    pub ours: String,
}

impl Compared {
    /// The steps that differ.
    #[must_use]
    pub fn differences(&self) -> Vec<Difference> {
        let text = |outcome: &Option<Outcome>| match outcome.as_deref() {
            None => "not reached".to_owned(),
            Some("") => "done".to_owned(),
            Some(text) => text.to_owned(),
        };
        self.steps
            .iter()
            .enumerate()
            .filter(|(_, (_, theirs, ours))| theirs != ours)
            .map(|(number, (step, theirs, ours))| Difference {
                scenario: self.scenario.clone(),
                step: format!("{} {step}", number + 1),
                theirs: text(theirs),
                ours: text(ours),
            })
            .collect()
    }
}

/// Runs every scenario in both worlds. The results are in the order of the scenarios.
///
/// # Errors
/// The first [`Trouble`] a scenario had.
pub fn compare(scenarios: &[Scenario], program: &Path) -> Result<Vec<Compared>, Trouble> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(number) else {
                        return;
                    };
                    let result = one(scenario, program);
                    if let Ok(mut results) = results.lock() {
                        results.push((number, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

fn one(scenario: &Scenario, program: &Path) -> Result<Compared, Trouble> {
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| run(Kind::Theirs, scenario, program));
        let ours = run(Kind::Ours, scenario, program);
        (theirs.join(), ours)
    });
    let theirs = theirs
        .map_err(|_| Trouble::io("run a scenario")(std::io::ErrorKind::Other.into()))
        .and_then(|theirs| theirs);
    let (theirs, ours) = (theirs?, ours?);
    let steps = scenario
        .steps
        .iter()
        .enumerate()
        .map(|(number, step)| {
            let outcome = |outcomes: &Vec<Outcome>| outcomes.get(number).cloned();
            (step.text.clone(), outcome(&theirs), outcome(&ours))
        })
        .collect();
    Ok(Compared {
        scenario: scenario.name.clone(),
        steps,
    })
}

/// The differences of a list: the rows of its tables that have five cells,
/// the first four in backquotes: scenario, step, pcscd's outcome, ours, and why.
///
/// # Errors
/// [`Trouble::List`] if a row gives no reason or is there twice.
pub fn known(document: &str) -> Result<BTreeSet<Difference>, Trouble> {
    let mut known = BTreeSet::new();
    for (number, line) in document.lines().enumerate() {
        let Some(row) = line
            .strip_prefix("| `")
            .and_then(|row| row.strip_suffix('|'))
        else {
            continue;
        };
        let wrong = |problem: &str| Trouble::List {
            line: number + 1,
            problem: problem.to_owned(),
        };
        let cells: Vec<&str> = row.split(" | ").map(str::trim).collect();
        let [scenario, step, theirs, ours, why] = *cells else {
            return Err(wrong("a row has five cells"));
        };
        if why.len() < 10 {
            return Err(wrong("a difference has a reason"));
        }
        let plain = |cell: &str| cell.trim_matches('`').replace("\\|", "|");
        let difference = Difference {
            scenario: plain(scenario),
            step: plain(step),
            theirs: plain(theirs),
            ours: plain(ours),
        };
        if !known.insert(difference) {
            return Err(wrong("this difference is there twice"));
        }
    }
    Ok(known)
}

/// A difference as a row of the list, its reason left to be written.
#[must_use]
pub fn row(difference: &Difference) -> String {
    let cell = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    format!(
        "| {} | {} | {} | {} | ? |",
        cell(&difference.scenario),
        cell(&difference.step),
        cell(&difference.theirs),
        cell(&difference.ours)
    )
}

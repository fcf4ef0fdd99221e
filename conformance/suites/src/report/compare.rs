// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two reports side by side: what is newly wrong, what is mended.

use super::settings::differences;
use super::text::visible;
use super::{CaseResult, Report};
use crate::verdict::Verdict;
use std::collections::BTreeMap;
use std::fmt;

/// A case in both reports whose verdict is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Identifier and version, in the newer report.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The verdict in the older report.
    pub before: Verdict,
    /// The verdict in the newer report.
    pub after: Verdict,
    /// Why, in the newer report.
    pub reason: String,
}

/// What is different between two reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What makes the two hard to compare, in words.
    pub remarks: Vec<String>,
    /// At fault now and not before.
    pub broken: Vec<Change>,
    /// At fault before; now it passes, or differs, which is no fault.
    pub fixed: Vec<Change>,
    /// Another verdict without a fault that came or was mended.
    pub moved: Vec<Change>,
    /// Cases only in the older report.
    pub vanished: Vec<(String, Verdict)>,
    /// Cases only in the newer report.
    pub new: Vec<(String, Verdict)>,
    /// How many cases are at fault in both.
    pub still_bad: usize,
    /// How many cases have the same verdict in both.
    pub same: usize,
}

impl Comparison {
    /// Compares `old` with `new`.
    #[must_use]
    pub fn of(old: &Report, new: &Report) -> Self {
        let mut comparison = Self {
            remarks: remarks(old, new),
            ..Self::default()
        };
        let mut before: BTreeMap<_, _> = old
            .results
            .iter()
            .map(|result| (result.id.as_str(), result))
            .collect();
        for after in &new.results {
            match before.remove(after.id.as_str()) {
                None => comparison.new.push((name(after), after.verdict)),
                Some(before) => comparison.add(before, after),
            }
        }
        // In the order of the older report.
        comparison.vanished = old
            .results
            .iter()
            .filter(|result| before.contains_key(result.id.as_str()))
            .map(|result| (name(result), result.verdict))
            .collect();
        comparison
    }

    fn add(&mut self, before: &CaseResult, after: &CaseResult) {
        let bad = (before.verdict.is_bad(), after.verdict.is_bad());
        if before.verdict == after.verdict {
            self.same += 1;
            self.still_bad += usize::from(bad.0);
            return;
        }
        let change = Change {
            name: name(after),
            title: after.title.clone(),
            before: before.verdict,
            after: after.verdict,
            reason: after.reason.clone(),
        };
        let settled = matches!(after.verdict, Verdict::Pass | Verdict::Differs);
        match bad {
            (false, true) => self.broken.push(change),
            (true, false) if settled => self.fixed.push(change),
            (true, true) => {
                self.still_bad += 1;
                self.moved.push(change);
            }
            _ => self.moved.push(change),
        }
    }

    /// New cases that are at fault.
    #[must_use]
    pub fn new_and_bad(&self) -> usize {
        self.new
            .iter()
            .filter(|(_, verdict)| verdict.is_bad())
            .count()
    }

    /// Something is newly wrong.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        !self.broken.is_empty() || self.new_and_bad() > 0
    }

    /// Something that was decided before is not decided any more: a case is
    /// gone, or has become inconclusive or not applicable.
    #[must_use]
    pub fn lost_something(&self) -> bool {
        let undecided = |verdict| matches!(verdict, Verdict::Inconclusive | Verdict::NotApplicable);
        let lost = |change: &Change| undecided(change.after) && !undecided(change.before);
        !self.vanished.is_empty() || self.moved.iter().any(lost)
    }
}

fn name(result: &CaseResult) -> String {
    format!("{}@{}", result.id, result.version)
}

fn remarks(old: &Report, new: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut differs = |what: &str, old: &str, new: &str| {
        if old != new {
            remarks.push(format!(
                "another {what}: {} → {}",
                visible(old),
                visible(new)
            ));
        }
    };
    differs("target", &old.target.name, &new.target.name);
    differs(
        "fingerprint of the target",
        &old.target.fingerprint,
        &new.target.fingerprint,
    );
    differs("bench", &old.bench, &new.bench);
    differs("seed", &old.seed.to_string(), &new.seed.to_string());
    if old.ics != new.ics {
        remarks.push("another conformance statement".to_owned());
    }
    let settings = differences(old.settings.as_ref(), new.settings.as_ref());
    for (what, old, new) in settings {
        let (old, new) = (visible(&old), visible(&new));
        remarks.push(format!("another setting, {what}: {old} → {new}"));
    }
    remarks
}

impl fmt::Display for Comparison {
    /// For people: the worst first, an empty group left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            writeln!(f, "note: {remark}")?;
        }
        for (title, changes) in [
            ("newly at fault", &self.broken),
            ("other changes", &self.moved),
            ("fixed", &self.fixed),
        ] {
            if !changes.is_empty() {
                writeln!(f, "{title}: {}", changes.len())?;
            }
            for change in changes {
                let Change { before, after, .. } = change;
                let (name, title) = (visible(&change.name), visible(&change.title));
                writeln!(f, "  {name}  {before} → {after}  {title}")?;
                if !change.reason.is_empty() {
                    writeln!(f, "      {}", visible(&change.reason))?;
                }
            }
        }
        for (title, cases) in [("vanished", &self.vanished), ("new cases", &self.new)] {
            if !cases.is_empty() {
                writeln!(f, "{title}: {}", cases.len())?;
            }
            for (name, verdict) in cases {
                writeln!(f, "  {}  {verdict}", visible(name))?;
            }
        }
        writeln!(
            f,
            "{} newly at fault, {} still at fault, {} fixed, {} other changes, {} vanished, {} new, {} the same",
            self.broken.len() + self.new_and_bad(),
            self.still_bad,
            self.fixed.len(),
            self.moved.len(),
            self.vanished.len(),
            self.new.len(),
            self.same
        )
    }
}

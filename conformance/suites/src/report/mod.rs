// SPDX-License-Identifier: MIT OR Apache-2.0
//! What came out of a run, with its evidence. The same seed and the same
//! target give the same report, but for [`Times`].

pub mod again;
pub mod compare;
pub mod embargo;
pub mod fingerprint;
pub mod html;
mod junit;
pub mod merge;
mod sarif;
pub mod settings;
pub mod summary;
pub mod text;
pub mod waiver;
pub mod weakness;

use crate::catalogue::{Basis, Case, Severity};
use crate::ics::Ics;
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

pub use junit::junit;
pub use merge::Shard;
pub use sarif::sarif;
pub use settings::Settings;

/// Version of the report's format.
pub const FORMAT: u16 = 1;

/// Why a file is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    /// It is no report.
    #[error("this is no report of the bench: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another version.
    #[error("the report has format {0}; this bench reads format {FORMAT}")]
    Format(u16),
    /// A case is there more than once.
    #[error("the report has {} more than once; a report of this bench has each case once", text::visible(.0))]
    Twice(String),
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the format, [`FORMAT`].
    pub format: u16,
    /// Version of the bench.
    pub bench: String,
    /// What was tested.
    pub target: Target,
    /// The seed of everything that is random.
    pub seed: u64,
    /// What was said about the target.
    pub ics: Ics,
    /// How the run was made; reports of earlier benches do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// The part of the run that this is, if it is a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// How many cases had which verdict.
    pub totals: BTreeMap<Verdict, usize>,
    /// The cases, in the order of the catalogue.
    pub results: Vec<CaseResult>,
    /// When and how long; the only part that differs between two equal runs.
    pub times: Times,
}

/// What was tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// How it is reached: `in-process`, `socket`, `reader`, `module`.
    pub kind: String,
    /// Its name, for people.
    pub name: String,
    /// SHA-256 of what was tested, if it is a file; else empty.
    #[serde(default)]
    pub fingerprint: String,
}

/// When and how long.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Start of the run in seconds since 1970.
    pub started: u64,
    /// Length of the run in milliseconds.
    pub millis: u64,
    /// Length of each case in microseconds, by identifier.
    pub cases: BTreeMap<String, u64>,
}

/// The outcome of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseResult {
    /// Identifier of the case.
    pub id: String,
    /// Version of the case.
    pub version: u16,
    /// Title of the case.
    pub title: String,
    /// Unit of the case.
    pub unit: String,
    /// What was demanded.
    pub requirement: String,
    /// Where that stands.
    pub clause: String,
    /// On what it rests.
    pub basis: Basis,
    /// How much a failure matters.
    pub severity: String,
    /// What came out.
    pub verdict: Verdict,
    /// Why, if it is not a pass.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What went over the wire, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Exchange>,
}

/// One exchange with a card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Number of the step of the case, from 1.
    pub step: usize,
    /// What was sent, in hexadecimal, or a word such as `reset`.
    pub command: String,
    /// What came back, in hexadecimal; empty if nothing.
    pub response: String,
    /// The command inside secure messaging.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plain_command: String,
    /// The answer inside secure messaging, if it verifies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub plain_response: String,
}

impl CaseResult {
    /// The outcome of `case`.
    #[must_use]
    pub fn new(case: &Case, verdict: Verdict, reason: String, evidence: Vec<Exchange>) -> Self {
        Self {
            id: case.id.clone(),
            version: case.version,
            title: case.title.clone(),
            unit: case.unit.to_owned(),
            requirement: case.requirement.clone(),
            clause: case.clause.clone(),
            basis: case.basis,
            severity: Severity::name(case.severity).to_owned(),
            verdict,
            reason,
            evidence,
        }
    }
}

impl Report {
    /// A report of these results.
    #[must_use]
    pub fn new(
        target: Target,
        seed: u64,
        ics: Ics,
        results: Vec<CaseResult>,
        times: Times,
    ) -> Self {
        let mut totals: BTreeMap<Verdict, usize> = Verdict::ALL
            .into_iter()
            .map(|verdict| (verdict, 0))
            .collect();
        for result in &results {
            *totals.entry(result.verdict).or_default() += 1;
        }
        Self {
            format: FORMAT,
            bench: env!("CARGO_PKG_VERSION").to_owned(),
            target,
            seed,
            ics,
            settings: None,
            shard: None,
            totals,
            results,
            times,
        }
    }

    /// Reads a report. What it says of its totals is not believed.
    ///
    /// # Errors
    /// [`ReportError`] if the text is none of this version.
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            format: u16,
        }
        let Head { format } = serde_json::from_str(text)?;
        if format != FORMAT {
            return Err(ReportError::Format(format));
        }
        let Self {
            bench,
            target,
            seed,
            ics,
            settings,
            shard,
            results,
            times,
            ..
        } = serde_json::from_str(text)?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = results.iter().find(|result| !seen.insert(&result.id)) {
            return Err(ReportError::Twice(twice.id.clone()));
        }
        Ok(Self {
            bench,
            settings,
            shard,
            ..Self::new(target, seed, ics, results, times)
        })
    }

    /// How many cases had this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.totals.get(&verdict).copied().unwrap_or_default()
    }

    /// True if no case found the target at fault.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.results.iter().all(|result| !result.verdict.is_bad())
    }

    /// True if there was no case, or none that is for this target: that nothing
    /// is wrong says nothing then.
    #[must_use]
    pub fn judged_nothing(&self) -> bool {
        let left_out = |result: &CaseResult| result.verdict == Verdict::NotApplicable;
        self.results.iter().all(left_out)
    }
}

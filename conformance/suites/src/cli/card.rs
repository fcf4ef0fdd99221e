// SPDX-License-Identifier: MIT OR Apache-2.0
//! `card`: the cases on a card.

use super::catalogue::Selection;
use super::error::BenchError;
use super::output::Output;
use super::progress::Progress;
use cie_conformance::card::run;
use cie_conformance::catalogue::{Case, card_cases};
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::{Report, Shard, Target};
use cie_personalisation::{FAMILIES, Family};
use clap::Args;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Chip family of the card that is made for the test
    #[arg(long, default_value = "gemalto")]
    family: String,
    /// Seed of everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    selection: Selection,
    /// Cases at a time; as many as there are processors if not given. The
    /// report does not depend on it
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Only the I-th of N parts, I from 1; `merge` makes one report of them
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    #[command(flatten)]
    output: Output,
}

/// Everything that a report follows from.
pub(super) struct Plan {
    pub(super) family: &'static Family,
    pub(super) seed: u64,
    pub(super) ics: Ics,
    pub(super) cases: Vec<Case>,
    pub(super) shard: Option<Shard>,
}

pub(super) fn card(options: &Options) -> Result<ExitCode, BenchError> {
    let family = family(&options.family)?;
    let plan = Plan {
        family,
        seed: options.seed,
        ics: ours::ics(family),
        cases: options.selection.of(card_cases())?,
        shard: options.shard,
    };
    options.output.write(&plan.run(options.jobs)?)
}

impl Plan {
    /// Runs it.
    pub(super) fn run(self, jobs: Option<NonZeroUsize>) -> Result<Report, BenchError> {
        let cases = match self.shard {
            Some(shard) => shard.of(self.cases),
            None => self.cases,
        };
        let jobs = jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let specimen = ours::specimen(self.family, self.seed)?;
        let started = now();
        let progress = Progress::of(cases.len());
        let saw = |result: &_| progress.saw(result);
        let (results, mut times) = run(&specimen, &cases, &self.ics, jobs, &saw);
        drop(progress);
        times.started = started;
        let target = Target {
            kind: "in-process".to_owned(),
            name: format!("software CIE 3.0, family {}", self.family.id),
            fingerprint: String::new(),
        };
        let mut report = Report::new(target, self.seed, self.ics, results, times);
        report.shard = self.shard;
        Ok(report)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// A family by its name.
pub(super) fn family(id: &str) -> Result<&'static Family, BenchError> {
    cie_personalisation::family(id).ok_or_else(|| BenchError::Unknown {
        what: "family",
        name: id.to_owned(),
        known: FAMILIES.iter().map(|f| f.id).collect::<Vec<_>>().join(", "),
    })
}

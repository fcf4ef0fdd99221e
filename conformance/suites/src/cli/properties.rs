// SPDX-License-Identifier: MIT OR Apache-2.0
//! `properties`: random sequences against the model of the card.

use super::catalogue::no_case;
use super::error::BenchError;
use super::output::Output;
use super::progress::Progress;
use super::target::{family, in_process};
use cie_conformance::card::PATIENCE;
use cie_conformance::catalogue::names;
use cie_conformance::model::{Bench, PROPERTIES, Plan, Property, Tally, result};
use cie_conformance::ours;
use cie_conformance::report::{Report, Settings};
use cie_conformance::run::in_turn;
use clap::Args;
use std::io::Write;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

/// What the shares of the properties add up to.
pub(super) const SHARES: u64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Chip family of the card that is made for the test
    #[arg(long, default_value = "gemalto")]
    family: String,
    /// Seed of the card and of all choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sequences, over all properties
    #[arg(long, default_value_t = SHARES, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Only the properties of this name; `*` for any part. Can be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
    /// Only the sequence of this number, as a report names it
    #[arg(long)]
    number: Option<u64>,
    /// Threads [default: one for each processor]
    #[arg(long)]
    jobs: Option<usize>,
    /// Seconds that one sequence may take; then the card hangs
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    #[command(flatten)]
    output: Output,
}

pub(super) fn properties(options: &Options) -> Result<ExitCode, BenchError> {
    let family = family(&options.family)?;
    let chosen = chosen(&options.cases)?;
    let output = options.output.prepare()?;
    let jobs = options.jobs.unwrap_or_else(threads);
    let specimen = ours::specimen(family, options.seed)?;
    let patience = Duration::from_secs(options.patience);
    let bench = Bench::within(patience, &specimen)
        .map_err(|error| BenchError::Contact(error.to_string()))?;
    let ics = ours::ics(family);
    let (mut tally, mut text) = (Tally::default(), String::new());
    let judge = |property: &&Property| {
        let plan = Plan {
            patience,
            ..plan(property, options.seed, options.count, options.number, jobs)
        };
        let outcome = bench.run(property, &plan);
        tally.add(&outcome.tally);
        if let Some(failure) = &outcome.failure {
            text += &format!("{}\n{}", property.id(), failure.transcript());
        }
        result(property, &plan, &ics, &outcome)
    };
    let progress = Progress::of(chosen.len());
    let (results, times) = in_turn(&chosen, judge, &|result| progress.saw(result));
    drop(progress);
    let mut report = Report::new(in_process(family), options.seed, ics, results, times);
    report.settings = Some(Settings {
        count: options.number.is_none().then_some(options.count),
        number: options.number,
        patience: Some(options.patience),
        ..Settings::default()
    });
    if !options.output.is_silent() {
        // Standard output may be the report's.
        let _ = write!(anstream::stderr(), "{text}{tally}");
    }
    output.write(&report)
}

fn chosen(patterns: &[String]) -> Result<Vec<&'static Property>, BenchError> {
    let named = |pattern: &String, property: &Property| names(pattern, &property.id(), 1);
    for pattern in patterns {
        if !PROPERTIES.iter().any(|property| named(pattern, property)) {
            return Err(no_case(pattern));
        }
    }
    let meant = |property: &&Property| {
        patterns.is_empty() || patterns.iter().any(|pattern| named(pattern, property))
    };
    Ok(PROPERTIES.iter().filter(meant).collect())
}

/// What is run of a property: so many sequences over all properties, or one
/// sequence only.
pub(super) fn plan(
    property: &Property,
    seed: u64,
    count: u64,
    number: Option<u64>,
    jobs: usize,
) -> Plan {
    let (first, count) = match number {
        Some(number) => (number, 1),
        None => (0, count.saturating_mul(property.share).div_ceil(SHARES)),
    };
    Plan {
        seed,
        first,
        count,
        jobs,
        patience: PATIENCE,
    }
}

/// One thread for each processor.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

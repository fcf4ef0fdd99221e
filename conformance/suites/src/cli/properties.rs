// SPDX-License-Identifier: MIT OR Apache-2.0
//! `properties`: random sequences against the model of the card.

use super::error::BenchError;
use super::output::Output;
use cie_conformance::catalogue::names;
use cie_conformance::model::{Bench, PROPERTIES, Plan, Property, Tally, result};
use cie_conformance::ours;
use cie_conformance::report::{Report, Target, Times};
use cie_personalisation::FAMILIES;
use clap::Args;
use std::io::Write;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// What the shares of the properties add up to.
const SHARES: u64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Chip family of the card that is made for the test
    #[arg(long, default_value = "gemalto")]
    family: String,
    /// Seed of the card and of all choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sequences, over all properties
    #[arg(long, default_value_t = SHARES)]
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
    #[command(flatten)]
    output: Output,
}

pub(super) fn properties(options: &Options) -> Result<ExitCode, BenchError> {
    let family =
        cie_personalisation::family(&options.family).ok_or_else(|| BenchError::Unknown {
            what: "family",
            name: options.family.clone(),
            known: FAMILIES.iter().map(|f| f.id).collect::<Vec<_>>().join(", "),
        })?;
    let chosen = chosen(&options.cases)?;
    let jobs = options
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get));
    let begun = Instant::now();
    let mut times = Times {
        started: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        ..Times::default()
    };
    let specimen = ours::specimen(family, options.seed)?;
    let bench = Bench::new(&specimen).map_err(|error| BenchError::Contact(error.to_string()))?;
    let ics = ours::ics(family);
    let (mut results, mut tally, mut text) = (Vec::new(), Tally::default(), String::new());
    for property in chosen {
        let begun = Instant::now();
        let plan = plan(property, options, jobs);
        let outcome = bench.run(property, &plan);
        tally.add(&outcome.tally);
        let result = result(property, &plan, &ics, &outcome);
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        times.cases.insert(result.id.clone(), micros);
        text += &format!(
            "{} {}@{}  {} sequences in {} ms: {}\n",
            result.verdict,
            result.id,
            result.version,
            outcome.tally.cases,
            micros / 1000,
            property.about
        );
        if !result.reason.is_empty() {
            text += &format!("     {}\n", result.reason);
        }
        if let Some(failure) = &outcome.failure {
            text += &failure.transcript();
        }
        results.push(result);
    }
    times.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let target = Target {
        kind: "in-process".to_owned(),
        name: format!("software CIE 3.0, family {}", family.id),
        fingerprint: String::new(),
    };
    let report = Report::new(target, options.seed, ics, results, times);
    if !options.output.is_silent() {
        // Standard output may be the report's.
        let _ = write!(anstream::stderr(), "{text}\n{tally}");
    }
    options.output.write(&report)
}

fn chosen(patterns: &[String]) -> Result<Vec<&'static Property>, BenchError> {
    let named = |pattern: &String, property: &Property| names(pattern, &property.id(), 1);
    for pattern in patterns {
        if !PROPERTIES.iter().any(|property| named(pattern, property)) {
            return Err(BenchError::NoCase(pattern.clone()));
        }
    }
    let meant = |property: &&Property| {
        patterns.is_empty() || patterns.iter().any(|pattern| named(pattern, property))
    };
    Ok(PROPERTIES.iter().filter(meant).collect())
}

fn plan(property: &Property, options: &Options, jobs: usize) -> Plan {
    let (first, count) = match options.number {
        Some(number) => (number, 1),
        None => (0, (options.count * property.share).div_ceil(SHARES)),
    };
    Plan {
        seed: options.seed,
        first,
        count,
        jobs,
    }
}

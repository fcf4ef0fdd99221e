// SPDX-License-Identifier: MIT OR Apache-2.0
//! `card`: the cases on a card.

use super::catalogue::Selection;
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::print;
use super::target::{Place, Subjected};
use cie_conformance::card::judge;
use cie_conformance::catalogue::card_cases;
use cie_conformance::report::{Report, Times};
use cie_conformance::verdict::Verdict;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    place: Place,
    /// Seed of everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    selection: Selection,
    /// Write the report as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(super) fn card(options: &Options) -> Result<ExitCode, BenchError> {
    let cases = options.selection.of(card_cases())?;
    let Subjected {
        mut subject,
        ics,
        target,
    } = options.place.subject(options.seed)?;
    let begun = Instant::now();
    let mut times = Times {
        started: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        ..Times::default()
    };
    let mut results = Vec::with_capacity(cases.len());
    for case in &cases {
        let begun = Instant::now();
        results.push(judge(subject.as_mut(), case, &ics));
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        times.cases.insert(case.id.clone(), micros);
    }
    times.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let report = Report::new(target, options.seed, ics, results, times);
    write(&report, options)?;
    Ok(if !report.is_clean() {
        ExitCode::from(EXIT_FOUND)
    } else if report.count(Verdict::Inconclusive) > 0 {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    })
}

fn write(report: &Report, options: &Options) -> Result<(), BenchError> {
    let to_stdout = options
        .json
        .as_deref()
        .is_some_and(|path| path.as_os_str() == "-");
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(report)? + "\n";
        if to_stdout {
            return print(text);
        }
        std::fs::write(path, text).map_err(BenchError::file("write", path))?;
    }
    let mut text = String::new();
    for result in report.results.iter().filter(|r| r.verdict != Verdict::Pass) {
        if result.verdict != Verdict::NotApplicable {
            text += &format!(
                "{} {}@{}  {}\n     {}\n",
                result.verdict, result.id, result.version, result.title, result.reason
            );
        }
    }
    let counts: Vec<_> = Verdict::ALL
        .into_iter()
        .filter(|verdict| report.count(*verdict) > 0)
        .map(|verdict| format!("{} {verdict}", report.count(verdict)))
        .collect();
    text += &format!("{}: {}\n", report.target.name, counts.join(", "));
    print(text)
}

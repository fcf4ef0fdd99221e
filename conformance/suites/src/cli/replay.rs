// SPDX-License-Identifier: MIT OR Apache-2.0
//! `replay`: the cases of a report, run again.

use super::compare::read;
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::print;
use super::target::family;
use cie_conformance::card::{Copies, Subject, judge};
use cie_conformance::catalogue::{Case, card_cases, names};
use cie_conformance::ours;
use cie_conformance::report::again::departures;
use cie_conformance::report::text::visible;
use cie_conformance::report::{CaseResult, Report};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 everything is as it was, 1 something came to something else, 3 a case cannot be run
again: this bench does not have it in that version.")]
pub(super) struct Options {
    /// A JSON report
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// Only the cases of this name; `*` for any part, `@n` for a version.
    /// Can be repeated
    #[arg(long = "case", value_name = "NAME")]
    cases: Vec<String>,
}

pub(super) fn replay(options: &Options) -> Result<ExitCode, BenchError> {
    let report = read(&options.report)?;
    let results = chosen(&report, &options.cases)?;
    let mut subject = subject(&report)?;
    let catalogue = card_cases();
    let mut text = String::new();
    let note = report.bench != env!("CARGO_PKG_VERSION");
    if note {
        let _ = writeln!(
            text,
            "note: the report is of bench {}",
            visible(&report.bench)
        );
    }
    let (mut same, mut other, mut unknown) = (0_usize, 0_usize, 0_usize);
    for before in results {
        let name = format!("{}@{}", visible(&before.id), before.version);
        let Some(case) = find(&catalogue, before) else {
            unknown += 1;
            let _ = writeln!(text, "{name} is not in this bench");
            continue;
        };
        let now = judge(subject.as_mut(), case, &report.ics);
        let departures = departures(before, &now);
        if departures.is_empty() {
            same += 1;
            if !options.cases.is_empty() {
                let count = now.evidence.len();
                let _ = writeln!(text, "{name} {}: {count} exchanges as before", now.verdict);
            }
            continue;
        }
        other += 1;
        let _ = writeln!(text, "{name} came to something else");
        for departure in departures {
            text += &departure.to_string();
        }
    }
    let _ = writeln!(
        text,
        "{same} the same, {other} not the same, {unknown} unknown"
    );
    print(text)?;
    Ok(match (other, unknown) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(EXIT_UNDECIDED),
        _ => ExitCode::from(EXIT_FOUND),
    })
}

fn chosen<'a>(report: &'a Report, patterns: &[String]) -> Result<Vec<&'a CaseResult>, BenchError> {
    let named = |pattern: &str, result: &CaseResult| names(pattern, &result.id, result.version);
    for pattern in patterns {
        if !report.results.iter().any(|result| named(pattern, result)) {
            return Err(BenchError::Arguments(format!(
                "no case of the report has the name {pattern:?}"
            )));
        }
    }
    let meant = |result: &&CaseResult| {
        patterns.is_empty() || patterns.iter().any(|pattern| named(pattern, result))
    };
    Ok(report.results.iter().filter(meant).collect())
}

fn find<'a>(catalogue: &'a [Case], result: &CaseResult) -> Option<&'a Case> {
    catalogue
        .iter()
        .find(|case| case.id == result.id && case.version == result.version)
}

/// The target of the report, made again.
fn subject(report: &Report) -> Result<Box<dyn Subject>, BenchError> {
    if report.target.kind != "in-process" {
        return Err(BenchError::Arguments(format!(
            "the target of the report is reached by {:?}; only a card that this bench makes (in-process) can be made again from its seed",
            report.target.kind
        )));
    }
    let family = family(&report.ics.card.family)?;
    Ok(Box::new(Copies::of(ours::specimen(family, report.seed)?)))
}

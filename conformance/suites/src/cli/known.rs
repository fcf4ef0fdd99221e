// SPDX-License-Identifier: MIT OR Apache-2.0
//! `known`: public complaints, and whether a module has them.

use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::middleware::ProcessOptions;
use super::print;
use super::progress::Progress;
use cie_conformance::known::{Complaint, Known, KnownIssues, Shown, Tried, try_out};
use cie_conformance::report::text::visible;
use cie_conformance::verdict::Verdict;
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const HELP: &str = "\
Examples:
  cie-conformance known
  cie-conformance known --module ./libsomething.so italia/cie-middleware#173
  cie-conformance known --module ./libsomething.so --json";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Reports, such as italia/cie-middleware#173; without any, all
    #[arg(value_name = "REPORT")]
    reports: Vec<String>,
    /// Find out whether this module has the complaints
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    /// What the module is and promises; without it, what can be found out by
    /// loading it
    #[arg(long, value_name = "FILE", requires = "module")]
    ics: Option<PathBuf>,
    /// Seed of the cards and of everything else that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    process: ProcessOptions,
    /// A JSON array, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn known(options: &Options) -> Result<ExitCode, BenchError> {
    let issues = KnownIssues::shipped()?;
    let Some(module) = &options.module else {
        return list(options, &issues);
    };
    let chosen = issues.named(&options.reports)?;
    let tested = options.process.module(module, options.seed)?;
    let ics = tested.statement(options.ics.as_deref())?;
    let mut tried = Vec::with_capacity(chosen.len());
    // Lines are progress enough.
    let cases = chosen.iter().map(|known| known.cases.len()).sum();
    let progress = options.json.then(|| Progress::of(cases));
    for known in chosen {
        let one = try_out(known, &tested.setup, &ics)?;
        if !options.json {
            print(line(&one))?;
        }
        if let Some(progress) = &progress {
            one.results.iter().for_each(|result| progress.saw(result));
        }
        tried.push(one);
    }
    drop(progress);
    if options.json {
        print(format_args!("{}\n", serde_json::to_string_pretty(&tried)?))?;
    }
    Ok(code(&tried))
}

/// The exit code of `middleware` for the same cases. Of a report without a
/// line nothing was found out.
fn code(tried: &[Tried]) -> ExitCode {
    let any = |complaint| tried.iter().any(|one| one.complaint == complaint);
    if any(Complaint::Present) {
        ExitCode::from(EXIT_FOUND)
    } else if any(Complaint::Undecided) || any(Complaint::NoLine) {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    }
}

fn line(tried: &Tried) -> String {
    let mut text = format!("{:<40} {}\n", tried.report, tried.complaint);
    for result in &tried.results {
        if result.verdict != Verdict::Pass {
            // On one line, whatever a module put there.
            let reason = visible(&result.reason);
            let (id, verdict) = (&result.id, result.verdict);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    {id} {verdict}: {reason}");
        }
    }
    text
}

fn list(options: &Options, issues: &KnownIssues) -> Result<ExitCode, BenchError> {
    let chosen: Vec<&Known> = if options.reports.is_empty() {
        issues.reports.iter().collect()
    } else {
        issues.named(&options.reports)?
    };
    if options.json {
        print(format_args!("{}\n", serde_json::to_string_pretty(&chosen)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for known in &chosen {
        let how = match (known.counts(), known.shown) {
            (false, _) => "counted apart".to_owned(),
            (true, Some(shown)) => shown.to_string(),
            (true, None) => "not reproduced".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<40} {:<6} {how:<14} {}",
            known.report,
            known.cause.to_string(),
            known.summary
        );
    }
    let (reproduced, counted) = issues.share();
    let _ = writeln!(
        text,
        "{reproduced} of {counted} with a card, a reader or PC/SC behind them are reproduced: {} on real middleware, \
         {} on a module with the defect put in, {} as a condition",
        issues.shown(Shown::Module),
        issues.shown(Shown::Mutant),
        issues.shown(Shown::Condition),
    );
    print(text)?;
    Ok(ExitCode::SUCCESS)
}

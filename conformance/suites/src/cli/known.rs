// SPDX-License-Identifier: MIT OR Apache-2.0
//! `known`: public complaints, and whether a module has them.

use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::print;
use cie_conformance::ics::Ics;
use cie_conformance::known::{Complaint, Known, KnownIssues, Tried, try_out};
use cie_conformance::middleware::{Setup, detect};
use cie_conformance::verdict::Verdict;
use clap::Args;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
    /// Seconds that one call of the module may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    /// Run the module's process under this program, given with its arguments
    #[arg(long, value_name = "COMMAND", requires = "module")]
    under: Option<String>,
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
    let setup = setup(options, module)?;
    let ics = statement(options, &setup)?;
    let mut tried = Vec::with_capacity(chosen.len());
    for known in chosen {
        let one = try_out(known, &setup, &ics)?;
        if !options.json {
            print(line(&one))?;
        }
        tried.push(one);
    }
    if options.json {
        print(format_args!("{}\n", serde_json::to_string_pretty(&tried)?))?;
    }
    Ok(code(&tried))
}

/// The exit code of `middleware` for the same cases.
fn code(tried: &[Tried]) -> ExitCode {
    let any = |complaint| tried.iter().any(|one| one.complaint == complaint);
    if any(Complaint::Present) {
        ExitCode::from(EXIT_FOUND)
    } else if any(Complaint::Undecided) {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    }
}

fn line(tried: &Tried) -> String {
    let mut text = format!("{:<40} {}\n", tried.report, tried.complaint);
    for result in &tried.results {
        if result.verdict != Verdict::Pass {
            let (id, verdict, reason) = (&result.id, result.verdict, &result.reason);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "    {id} {verdict}: {reason}");
        }
    }
    cie_conformance::report::text::visible_lines(&text).to_string()
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
        "{reproduced} of {counted} with a card, a reader or PC/SC behind them are reproduced"
    );
    print(text)?;
    Ok(ExitCode::SUCCESS)
}

fn setup(options: &Options, path: &Path) -> Result<Setup, BenchError> {
    let module = path
        .canonicalize()
        .map_err(BenchError::file("open", path))?;
    let program = std::env::current_exe().map_err(BenchError::io("find", "this program"))?;
    let under = options
        .under
        .iter()
        .flat_map(|text| text.split_whitespace());
    let mut words: Vec<OsString> = under.map(OsString::from).collect();
    words.extend([program.into_os_string(), "drive".into()]);
    Ok(Setup {
        module,
        driver: words.remove(0).into(),
        driver_arguments: words,
        seed: options.seed,
        patience: Duration::from_secs(options.patience),
    })
}

fn statement(options: &Options, setup: &Setup) -> Result<Ics, BenchError> {
    let Some(file) = &options.ics else {
        return Ok(detect(setup)?);
    };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(BenchError::file("read", file))?;
    let ics = Ics::parse(&text).map_err(|source| BenchError::Statement {
        path: name.clone(),
        source,
    })?;
    if ics.middleware.is_none() {
        return Err(BenchError::NoModule(name));
    }
    Ok(ics)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `compare`: two reports.

use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::print;
use cie_conformance::report::Report;
use cie_conformance::report::compare::Comparison;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 1 a case is newly at fault, 3 none is, but a case is gone or is not decided any more,
0 neither.")]
pub(super) struct Options {
    /// The older JSON report
    #[arg(value_name = "OLD.json")]
    old: PathBuf,
    /// The newer JSON report
    #[arg(value_name = "NEW.json")]
    new: PathBuf,
}

pub(super) fn compare(options: &Options) -> Result<ExitCode, BenchError> {
    let (comparison, code) = judge(&read(&options.old)?, &read(&options.new)?);
    print(comparison)?;
    Ok(code)
}

/// The comparison and what the exit code says of it.
pub(super) fn judge(old: &Report, new: &Report) -> (Comparison, ExitCode) {
    let comparison = Comparison::of(old, new);
    let code = if comparison.is_worse() {
        ExitCode::from(EXIT_FOUND)
    } else if comparison.lost_something() {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    };
    (comparison, code)
}

/// Reads a report.
pub(super) fn read(path: &Path) -> Result<Report, BenchError> {
    let text = std::fs::read_to_string(path).map_err(BenchError::input(path))?;
    Report::parse(&text).map_err(|source| BenchError::Report {
        path: path.display().to_string(),
        source,
    })
}

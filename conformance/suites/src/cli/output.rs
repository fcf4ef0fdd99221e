// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a report goes, and what the exit code says of it.

use super::catalogue::all;
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::{compare, print};
use cie_conformance::report::embargo::Embargo;
use cie_conformance::report::summary::summary;
use cie_conformance::report::{Report, html, junit, sarif};
use cie_conformance::verdict::Verdict;
use clap::Args;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Files to write; `-` is standard output.
#[derive(Debug, Default, Args)]
pub(super) struct Output {
    /// Write the report as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as JUnit XML, for build servers
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as SARIF 2.1.0, for code-scanning pages
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write the report as one HTML page that needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Compare with this older JSON report; the exit code then says what is
    /// newly wrong, not what is wrong
    #[arg(long, value_name = "OLD.json")]
    compare: Option<PathBuf>,
    /// Tell of the faults only what may be told before they are mended:
    /// identifiers, weakness classes and hashes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "junit", "sarif", "html", "compare"])]
    embargo: Option<PathBuf>,
}

impl Output {
    /// True if nothing but the file may tell of the faults.
    pub(super) fn is_silent(&self) -> bool {
        self.embargo.is_some()
    }

    /// Writes everything that was asked for.
    pub(super) fn write(&self, report: &Report) -> Result<ExitCode, BenchError> {
        if let Some(path) = &self.embargo {
            let text = serde_json::to_string_pretty(&Embargo::of(report)?)? + "\n";
            put(path, &text)?;
            return Ok(code(report));
        }
        // Read first: the new report may go to the same file.
        let old = self.compare.as_deref().map(compare::read).transpose()?;
        let mut files: Vec<(&'static str, &Path, String)> = Vec::new();
        if let Some(path) = &self.json {
            let text = serde_json::to_string_pretty(report)? + "\n";
            files.push(("JSON", path, text));
        }
        if let Some(path) = &self.junit {
            files.push(("JUnit", path, junit(report)?));
        }
        if let Some(path) = &self.sarif {
            files.push(("SARIF", path, sarif(report)?));
        }
        if let Some(path) = &self.html {
            files.push(("page", path, html::report(report, &all(), &[])?));
        }
        let printed = files.iter().filter(|(_, path, _)| is_stdout(path)).count();
        if printed > 1 {
            let text = "only one of the reports can go to standard output";
            return Err(BenchError::Arguments(text.to_owned()));
        }
        for (_, path, text) in &files {
            put(path, text)?;
        }
        let mut text = summary(report);
        for (name, path, _) in &files {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}: {}", path.display());
        }
        if let Some(old) = &old {
            let (comparison, code) = compare::judge(old, report);
            if printed == 0 {
                print(format_args!("{text}{comparison}"))?;
            }
            return Ok(code);
        }
        if printed == 0 {
            print(text)?;
        }
        Ok(code(report))
    }
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes a file, or to standard output.
pub(super) fn put(path: &Path, text: &str) -> Result<(), BenchError> {
    if is_stdout(path) {
        return print(text);
    }
    std::fs::write(path, text).map_err(BenchError::file("write", path))
}

/// What the exit code says of a report.
pub(super) fn code(report: &Report) -> ExitCode {
    if !report.is_clean() {
        ExitCode::from(EXIT_FOUND)
    } else if report.count(Verdict::Inconclusive) > 0 || report.judged_nothing() {
        ExitCode::from(EXIT_UNDECIDED)
    } else {
        ExitCode::SUCCESS
    }
}

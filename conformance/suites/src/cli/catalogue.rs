// SPDX-License-Identifier: MIT OR Apache-2.0
//! `list` and `explain`.

use super::error::BenchError;
use super::print;
use cie_conformance::catalogue::{Case, all_cases, names};
use cie_conformance::model::{PROPERTIES, Property};
use clap::Args;
use std::process::ExitCode;

/// Which cases.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Only the cases of this name; `*` for any part, `@n` for a version.
    /// Can be repeated
    #[arg(long = "case", visible_alias = "only", value_name = "NAME")]
    cases: Vec<String>,
}

impl Selection {
    /// The cases among `all` that are meant.
    pub(super) fn of(&self, all: Vec<Case>) -> Result<Vec<Case>, BenchError> {
        selected(&self.cases, all)
    }
}

/// Everything that can be run: rows, modules' cases and properties.
pub(super) fn all() -> Vec<Case> {
    let properties = PROPERTIES.iter().map(Property::case);
    all_cases().into_iter().chain(properties).collect()
}

/// Why none of the cases that a command runs has this name.
pub(super) fn no_case(pattern: &str) -> BenchError {
    let named = |case: &Case| names(pattern, &case.id, case.version);
    let command = match all().into_iter().find(named) {
        None => return BenchError::NoCase(pattern.to_owned()),
        Some(case) if case.unit == "PROP" => "properties",
        Some(case) if case.id.starts_with("CIE_MW_") => "middleware --module PATH",
        Some(case) if case.id.starts_with("CIE_PCSC_") => "card --reader NAME",
        Some(_) => "card",
    };
    BenchError::Elsewhere {
        pattern: pattern.to_owned(),
        command,
    }
}

pub(super) fn selected(patterns: &[String], all: Vec<Case>) -> Result<Vec<Case>, BenchError> {
    let named = |pattern: &str, case: &Case| names(pattern, &case.id, case.version);
    for pattern in patterns {
        if !all.iter().any(|case| named(pattern, case)) {
            return Err(no_case(pattern));
        }
    }
    let meant = |case: &Case| patterns.is_empty() || patterns.iter().any(|p| named(p, case));
    Ok(all.into_iter().filter(meant).collect())
}

#[derive(Debug, Args)]
pub(super) struct ListOptions {
    #[command(flatten)]
    selection: Selection,
    /// A JSON array with everything about each case, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn list(options: &ListOptions) -> Result<ExitCode, BenchError> {
    let cases = options.selection.of(all())?;
    if options.json {
        print(format_args!("{}\n", serde_json::to_string_pretty(&cases)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let line = |case: &Case| {
        let (name, basis, severity) = (case.name(), case.basis.name(), case.severity.name());
        format!("{name:<20} {severity:<8} {basis:<8} {}\n", case.title)
    };
    print(cases.iter().map(line).collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(super) struct ExplainOptions {
    /// The case, such as CIE_IAS_PIN_007; `*` for any part
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

pub(super) fn explain(options: &ExplainOptions) -> Result<ExitCode, BenchError> {
    let cases = selected(&options.names, all())?;
    let texts: Vec<_> = cases.iter().map(ToString::to_string).collect();
    print(texts.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

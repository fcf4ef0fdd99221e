// SPDX-License-Identifier: MIT OR Apache-2.0
//! All mutations in one build. Those that do not compile are found by the
//! errors of the compiler, left out, and the rest is tried again.

use crate::error::SchemataError;
use crate::list::{Mutation, Place};
use crate::shipped::not_shipped;
use crate::switches::{self, Regions};
use crate::workspace::{Workspace, get, member, put};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What became of the list.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Sorted {
    /// They have a switch, and it compiles.
    pub switched: BTreeSet<usize>,
    /// They change nothing of a shipped card.
    pub not_shipped: BTreeSet<usize>,
    /// No switch can be there, or it does not compile.
    pub left: BTreeSet<usize>,
}

/// Writes the sources with the switches of all but these.
///
/// # Errors
/// [`SchemataError`] if a source cannot be read, parsed or written.
pub fn generate(
    workspace: &Workspace,
    list: &[Mutation],
    without: &BTreeSet<usize>,
) -> Result<Sorted, SchemataError> {
    let mut files = BTreeMap::<&str, Vec<&Mutation>>::new();
    for mutation in list {
        files.entry(&mutation.file).or_default().push(mutation);
    }
    let mut sorted = Sorted::default();
    for (name, mutations) in files {
        let path = workspace.checkout.join(name);
        let Some((member, inside)) = member(name) else {
            return Err(SchemataError::Source {
                path,
                line: 0,
                error: "this package has no place in the workspace".to_owned(),
            });
        };
        let file = switches::parse(&path, &get(&path)?)?;
        let gone = not_shipped(&file, &mutations);
        let wanted = |mutation: &&&Mutation| {
            !gone.contains(&mutation.number) && !without.contains(&mutation.number)
        };
        let wanted: Vec<_> = mutations.iter().filter(wanted).copied().collect();
        let switched = switches::place_all(&path, &file, &wanted, member.root)?;
        put(&workspace.folder.join(inside), &switched.text)?;
        sorted.switched.extend(switched.placed);
        sorted.not_shipped.extend(gone);
    }
    let known =
        |number: &usize| sorted.switched.contains(number) || sorted.not_shipped.contains(number);
    let numbers = list.iter().map(|mutation| mutation.number);
    sorted.left = numbers.filter(|number| !known(number)).collect();
    Ok(sorted)
}

/// Generates and checks until what is left compiles. `say` is told how far it
/// is.
///
/// # Errors
/// [`SchemataError::Blameless`] if it never does.
pub fn settle(
    workspace: &Workspace,
    list: &[Mutation],
    say: &dyn Fn(&str),
) -> Result<Sorted, SchemataError> {
    let mut without = BTreeSet::new();
    loop {
        let sorted = generate(workspace, list, &without)?;
        say(&format!(
            "{} of {} mutations have a switch, checking",
            sorted.switched.len(),
            list.len()
        ));
        let errors = check(workspace)?;
        if errors.is_empty() {
            return Ok(sorted);
        }
        for (file, errors) in by_file(errors) {
            let path = workspace.folder.join(&file);
            let regions = switches::regions(&switches::parse(&path, &get(&path)?)?);
            for error in errors {
                let Some(number) = blame(&regions, error.place, &without) else {
                    return Err(SchemataError::Blameless {
                        file: file.display().to_string(),
                        line: error.place.line,
                        message: error.message,
                    });
                };
                without.insert(number);
            }
        }
    }
}

/// The mutation whose fault an error at this place is most likely. Whoever is
/// blamed wrongly is tried alone later. `None` if nobody is there who has not
/// been blamed already.
#[must_use]
pub fn blame(regions: &Regions, at: Place, blamed: &BTreeSet<usize>) -> Option<usize> {
    let smallest = |of: &[(RangeInclusive<Place>, usize)]| {
        let around = of.iter().filter(|(range, _)| range.contains(&at));
        around
            .min_by_key(|(range, _)| {
                let lines = range.end().line.saturating_sub(range.start().line);
                (lines, range.end().column.abs_diff(range.start().column))
            })
            .map(|(_, number)| *number)
    };
    let arm = || {
        // A match that is not exhaustive: the last arm, then the one before.
        let mut matches = regions.matches.iter();
        let (_, numbers) = matches.find(|(range, _)| range.contains(&at))?;
        let mut numbers = numbers.iter().rev();
        numbers.find(|number| !blamed.contains(number)).copied()
    };
    let before = || {
        let mentions = regions.mentions.iter();
        let mentions = mentions.filter(|(place, _)| *place <= at);
        mentions.max().map(|(_, number)| *number)
    };
    smallest(&regions.branches)
        .or_else(arm)
        .or_else(|| smallest(&regions.switches))
        .or_else(before)
}

/// An error of the compiler.
#[derive(Debug)]
pub struct CompilerError {
    /// From the root of the workspace.
    pub file: PathBuf,
    /// Where it is.
    pub place: Place,
    /// What it says.
    pub message: String,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    message: String,
    spans: Vec<MessageSpan>,
}

#[derive(Deserialize)]
struct MessageSpan {
    file_name: PathBuf,
    line_start: usize,
    column_start: usize,
    is_primary: bool,
}

/// The errors in what `cargo check --message-format json` prints.
#[must_use]
pub fn errors(output: &str) -> Vec<CompilerError> {
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let messages = lines
        .filter(|line: &Line| line.reason == "compiler-message")
        .filter_map(|line| line.message)
        .filter(|message| message.level == "error");
    let located = messages.filter_map(|Message { message, spans, .. }| {
        let span = spans.into_iter().find(|span| span.is_primary)?;
        Some(CompilerError {
            file: span.file_name,
            place: Place {
                line: span.line_start,
                column: span.column_start,
            },
            message,
        })
    });
    located.collect()
}

fn by_file(errors: Vec<CompilerError>) -> BTreeMap<PathBuf, Vec<CompilerError>> {
    let mut files = BTreeMap::<_, Vec<_>>::new();
    for error in errors {
        files.entry(error.file.clone()).or_default().push(error);
    }
    files
}

/// Cargo, on the workspace and with the versions of the checkout.
pub(crate) fn cargo(
    folder: &Path,
    arguments: &[&str],
) -> Result<std::process::Output, SchemataError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(&cargo);
    command.current_dir(folder).args(arguments).arg("--offline");
    command.output().map_err(|error| SchemataError::Program {
        program: cargo.to_string_lossy().into_owned(),
        error,
    })
}

/// Checks the card, and with it the codec.
///
/// # Errors
/// [`SchemataError::Failed`] if it fails without an error in a source file.
pub fn check(workspace: &Workspace) -> Result<Vec<CompilerError>, SchemataError> {
    let package = "cie-card-schema";
    let arguments = ["check", "-q", "-p", package, "--message-format", "json"];
    let output = cargo(&workspace.folder, &arguments)?;
    let errors = errors(&String::from_utf8_lossy(&output.stdout));
    if errors.is_empty() && !output.status.success() {
        return Err(failed("cargo check", &output));
    }
    Ok(errors)
}

/// Builds the judge and keeps the program under this name.
///
/// # Errors
/// [`SchemataError::Failed`] if it does not build.
pub fn build(workspace: &Workspace, name: &str) -> Result<PathBuf, SchemataError> {
    let package = "cie-schemata-judge";
    let arguments = ["build", "-q", "-p", package, "--message-format", "json"];
    let output = cargo(&workspace.folder, &arguments)?;
    if !output.status.success() {
        return Err(failed("cargo build", &output));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut artifacts = stdout.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let program = line.get("executable")?.as_str()?;
        Some(PathBuf::from(program))
    });
    let program = artifacts
        .next_back()
        .ok_or_else(|| failed("cargo build", &output))?;
    let kept = workspace.folder.join("judges").join(name);
    let folder = workspace.folder.join("judges");
    std::fs::create_dir_all(&folder).map_err(SchemataError::file(folder))?;
    std::fs::copy(&program, &kept).map_err(SchemataError::file(&kept))?;
    Ok(kept)
}

fn failed(program: &str, output: &std::process::Output) -> SchemataError {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().collect();
    let last = lines.get(lines.len().saturating_sub(30)..).unwrap_or(&[]);
    SchemataError::Failed {
        program: program.to_owned(),
        said: last.join("\n"),
    }
}

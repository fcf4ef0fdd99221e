// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a report goes, and what the exit code says of it. What cannot be
//! written is found before anything is run.

use super::catalogue::all;
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::target::warn;
use super::{compare, print};
use cie_conformance::report::embargo::seal;
use cie_conformance::report::summary::summary;
use cie_conformance::report::{Report, html, junit, sarif};
use cie_conformance::verdict::Verdict;
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
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
    /// The report, and what shows later that the hashes are of it; to be kept
    /// secret. It must not exist yet [default: the file of --embargo with
    /// `.key` behind its name]
    #[arg(long, value_name = "FILE", requires = "embargo")]
    embargo_key: Option<PathBuf>,
}

type Make = fn(&Report) -> Result<String, BenchError>;

/// One form of a report.
struct Form<'a> {
    name: &'static str,
    path: &'a Path,
    make: Make,
}

/// Everything was tried that can be tried before a run.
pub(super) struct Ready<'a> {
    forms: Vec<Form<'a>>,
    old: Option<Report>,
    embargo: Option<(&'a Path, PathBuf)>,
}

impl Output {
    /// True if nothing but the file may tell of the faults.
    pub(super) fn is_silent(&self) -> bool {
        self.embargo.is_some()
    }

    /// Looks before a run that everything can be written after it, and reads
    /// what it is compared with: the new report may go to the same file.
    pub(super) fn prepare(&self) -> Result<Ready<'_>, BenchError> {
        let forms = self.forms();
        let embargo = self.embargo()?;
        let mut named: Vec<(&str, &Path)> = Vec::new();
        named.extend(forms.iter().map(|form| (form.name, form.path)));
        if let Some((path, key)) = &embargo {
            named.extend([("embargo", *path), ("key", key.as_path())]);
        }
        are_others(&named)?;
        for (_, path) in &named {
            can_be_written(path)?;
        }
        Ok(Ready {
            forms,
            old: self.compare.as_deref().map(compare::read).transpose()?,
            embargo,
        })
    }

    fn forms(&self) -> Vec<Form<'_>> {
        let forms: [(_, &Option<PathBuf>, Make); 4] = [
            ("JSON", &self.json, |report| {
                Ok(serde_json::to_string_pretty(report)? + "\n")
            }),
            ("JUnit", &self.junit, |report| Ok(junit(report)?)),
            ("SARIF", &self.sarif, |report| Ok(sarif(report)?)),
            ("page", &self.html, |report| {
                Ok(html::report(report, &all(), &[])?)
            }),
        ];
        forms
            .into_iter()
            .filter_map(|(name, path, make)| {
                let path = path.as_deref()?;
                Some(Form { name, path, make })
            })
            .collect()
    }

    /// The file that is told and the one that is not.
    fn embargo(&self) -> Result<Option<(&Path, PathBuf)>, BenchError> {
        let Some(path) = &self.embargo else {
            return Ok(None);
        };
        let key = match &self.embargo_key {
            Some(key) => key.clone(),
            None if is_stdout(path) => {
                return wrong("say with --embargo-key where the report is kept");
            }
            None => {
                let mut name = path.clone().into_os_string();
                name.push(".key");
                name.into()
            }
        };
        if is_stdout(&key) {
            return wrong("what --embargo-key keeps is for no one's eyes; name a file");
        }
        if fs::symlink_metadata(&key).is_ok() {
            return wrong(&format!(
                "{} is there already and may be all that proves an earlier embargo; name another with --embargo-key",
                key.display()
            ));
        }
        Ok(Some((path, key)))
    }
}

fn wrong<T>(text: &str) -> Result<T, BenchError> {
    Err(BenchError::Arguments(text.to_owned()))
}

impl Ready<'_> {
    /// Writes everything that was asked for. If something cannot be written the
    /// rest is, and the summary is told, before the error is.
    pub(super) fn write(&self, report: &Report) -> Result<ExitCode, BenchError> {
        if let Some((path, key)) = &self.embargo {
            conceal(report, path, key)?;
            return Ok(code(report));
        }
        let mut text = summary(report);
        let (mut printed, mut failures) = (false, Vec::new());
        for Form { name, path, make } in &self.forms {
            printed |= is_stdout(path);
            match make(report).and_then(|text| put(path, &text)) {
                // Writing to a string cannot fail.
                Ok(()) => drop(writeln!(text, "{name}: {}", path.display())),
                Err(error) => failures.push(error),
            }
        }
        let mut code = code(report);
        if let Some(old) = &self.old {
            let comparison;
            (comparison, code) = compare::judge(old, report);
            text += &comparison.to_string();
        }
        if !printed {
            print(text)?;
        }
        let Some(last) = failures.pop() else {
            return Ok(code);
        };
        for failure in failures {
            warn(&failure.to_string());
        }
        Err(last)
    }
}

/// Writes what may be told, and what may not.
fn conceal(report: &Report, path: &Path, key: &Path) -> Result<(), BenchError> {
    let sealed = seal(report, || {
        let mut nonce = [0; 32];
        match getrandom::fill(&mut nonce) {
            Ok(()) => Ok(nonce),
            Err(error) => Err(BenchError::Random(error.to_string())),
        }
    })?;
    let secret = serde_json::to_string_pretty(&sealed.key)? + "\n";
    // First: without it the other is worth nothing.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(key)
        .and_then(|mut file| file.write_all(secret.as_bytes()))
        .map_err(BenchError::file("write", key))?;
    put(path, &(serde_json::to_string_pretty(&sealed.told)? + "\n"))
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Refuses two outputs of one name: the second would take the first's place.
fn are_others(named: &[(&str, &Path)]) -> Result<(), BenchError> {
    let mut places = BTreeMap::new();
    for (name, path) in named {
        if let Some(other) = places.insert(place(path), name) {
            let path = match is_stdout(path) {
                true => "standard output".to_owned(),
                false => path.display().to_string(),
            };
            return wrong(&format!("{other} and {name} cannot both go to {path}"));
        }
    }
    Ok(())
}

/// The file that is meant, by whatever way.
fn place(path: &Path) -> PathBuf {
    if is_stdout(path) {
        return path.to_owned();
    }
    let beside = || {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    path.canonicalize()
        .ok()
        .or_else(beside)
        .unwrap_or_else(|| path.to_owned())
}

/// Looks whether this file can be written, and leaves it as it is.
pub(super) fn can_be_written(path: &Path) -> Result<(), BenchError> {
    if is_stdout(path) {
        return Ok(());
    }
    let there = fs::metadata(path);
    let tried = match &there {
        Ok(about) if about.is_file() || about.is_dir() => {
            OpenOptions::new().append(true).open(path).map(drop)
        }
        // Whoever reads from a pipe would see it opened and closed.
        Ok(_) => Ok(()),
        Err(_) if path.is_symlink() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|_| fs::remove_file(path)),
        Err(error) => Err(error.kind().into()),
    };
    tried.map_err(BenchError::file("write", path))
}

/// Writes a file, or to standard output.
pub(super) fn put(path: &Path, text: &str) -> Result<(), BenchError> {
    if is_stdout(path) {
        return print(text);
    }
    fs::write(path, text).map_err(BenchError::file("write", path))
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

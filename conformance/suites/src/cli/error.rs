// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person reads when the bench cannot do its work.

use cie_conformance::campaign::CampaignError;
use cie_conformance::ics::IcsError;
use cie_conformance::known::KnownError;
use cie_conformance::middleware::ModuleError;
use cie_conformance::ours::OursError;
use cie_conformance::report::ReportError;
use cie_conformance::report::html::HtmlError;
use cie_conformance::report::merge::MergeError;
use std::io;
use std::path::Path;
use thiserror::Error;

/// A case found a fault.
pub(super) const EXIT_FOUND: u8 = 1;
/// The arguments do not fit together.
const EXIT_ARGUMENTS: u8 = 2;
/// A case could not be decided.
pub(super) const EXIT_UNDECIDED: u8 = 3;
/// A card of somebody else may have another PIN than its own.
pub(super) const EXIT_LEFT: u8 = 4;
/// The bench itself could not do its work.
const EXIT_FAILURE: u8 = 125;

/// Everything that can stop a command.
#[derive(Debug, Error)]
pub(super) enum BenchError {
    #[error("there is no {what} {name:?}; there are {known}")]
    Unknown {
        what: &'static str,
        name: String,
        known: String,
    },
    #[error(
        "no case has the name {0:?}; `cie-conformance list` shows all of them, `*` stands for any part of a name"
    )]
    NoCase(String),
    #[error(
        "{pattern} is not run by this command; use `cie-conformance {command} --case {pattern}`"
    )]
    Elsewhere {
        pattern: String,
        command: &'static str,
    },
    #[error("the card could not be made: {0}")]
    Ours(#[from] OursError),
    #[error("what is free on the card could not be read: {0}")]
    Contact(String),
    #[error("could not {doing} {what}: {source}")]
    Io {
        doing: &'static str,
        what: String,
        source: io::Error,
    },
    /// A file to read is not there, or nobody may read it.
    #[error("could not read {path}: {source}")]
    Input { path: String, source: io::Error },
    #[error("{0} is no module: it is no ELF file, as a shared object is")]
    NoObject(String),
    #[error("the system gave no random bytes: {0}")]
    Random(String),
    #[error("{0}")]
    Arguments(String),
    #[error("{0}")]
    Reader(String),
    #[error(transparent)]
    Known(#[from] KnownError),
    #[error("the report could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{path}: {source}")]
    Report { path: String, source: ReportError },
    #[error(transparent)]
    Html(#[from] HtmlError),
    #[error("the report could not be written as XML: {0}")]
    Junit(#[from] quick_junit::SerializeError),
    #[error(transparent)]
    Merge(#[from] MergeError),
    #[error("{path}: {source}")]
    Campaign { path: String, source: CampaignError },
    #[error("{path}: {source}")]
    Statement { path: String, source: IcsError },
    #[error("{0}")]
    Module(#[from] ModuleError),
    #[error(
        "{0} says nothing about a module; it needs a table [middleware], as in the report of a run without --ics"
    )]
    NoModule(String),
    #[error("the statement could not be written as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
}

impl BenchError {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Unknown { .. }
            | Self::NoCase(_)
            | Self::Elsewhere { .. }
            | Self::Report { .. }
            | Self::Merge(_)
            | Self::NoModule(_)
            | Self::NoObject(_)
            | Self::Module(_)
            | Self::Input { .. }
            | Self::Ours(OursError::Store(_))
            | Self::Known(_)
            | Self::Campaign { .. }
            | Self::Statement { .. }
            | Self::Arguments(_) => EXIT_ARGUMENTS,
            _ => EXIT_FAILURE,
        }
    }

    /// For `map_err`: what was being done to what.
    pub(super) fn io(doing: &'static str, what: &str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            what: what.to_owned(),
            source,
        }
    }

    /// The same for a file that is named to be read.
    pub(super) fn input(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Input {
            path: path.display().to_string(),
            source,
        }
    }

    /// The same for a file that is written.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            what: path.display().to_string(),
            source,
        }
    }
}

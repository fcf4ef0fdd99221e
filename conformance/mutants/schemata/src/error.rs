// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong around a campaign. A mutation that is wrong is no error.

use std::path::PathBuf;
use thiserror::Error;

/// Why there is no campaign.
#[derive(Debug, Error)]
pub enum SchemataError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {error}; check that the folder exists and can be written")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The list is not what cargo-mutants prints.
    #[error("the list of mutations: {0}; it has to come from `cargo mutants --list --json`")]
    List(serde_json::Error),
    /// A result is not what a campaign writes.
    #[error("{path}: {error}; it has to come from `schemata run`")]
    Result {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// A source file of the list does not parse.
    #[error("{path}, line {line}: {error}; the list and the sources have to be of one commit")]
    Source {
        /// The file.
        path: PathBuf,
        /// From 1; 0 if unknown.
        line: usize,
        /// What the parser says.
        error: String,
    },
    /// A manifest is not what this program knows how to change.
    #[error("{path}: {why}; the workspace of the campaign is made from this manifest")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The change of a mutation does not fit its source.
    #[error(
        "mutation {number} does not fit {file}; list and sources have to be of one commit, so list again"
    )]
    Patch {
        /// Its number.
        number: usize,
        /// Its source file.
        file: String,
    },
    /// A program cannot be started.
    #[error(
        "{program} does not start: {error}; install it (`cargo install cargo-mutants --locked`)"
    )]
    Program {
        /// Which.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// A program that has to succeed did not.
    #[error("{program} failed; what it said:\n{said}")]
    Failed {
        /// Which.
        program: String,
        /// The end of what it said.
        said: String,
    },
    /// An error of the compiler belongs to no mutation.
    #[error("{file}, line {line}: {message}; no mutation is there, so the sources do not compile")]
    Blameless {
        /// Generated file.
        file: String,
        /// From 1.
        line: usize,
        /// What the compiler says.
        message: String,
    },
    /// The card without a mutation is blamed.
    #[error(
        "the card without any mutation comes to {found}; nothing it judges would mean anything"
    )]
    Control {
        /// What it comes to.
        found: String,
    },
    /// The judge ended in a way that says nothing about the card.
    #[error(
        "mutation {number}: the judge ended with {ended}; run the campaign again with fewer jobs"
    )]
    Judge {
        /// Its number.
        number: usize,
        /// How.
        ended: String,
    },
    /// A page cannot be made from what there is.
    #[error("the page: {0}")]
    Page(String),
}

impl SchemataError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::File { path, error }
    }
}

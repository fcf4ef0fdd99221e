// SPDX-License-Identifier: MIT OR Apache-2.0
//! The list of mutations, as `cargo mutants --list --json` prints it.

use crate::error::SchemataError;
use serde::Deserialize;
use std::collections::HashMap;

/// A place in a source file.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// From the first character to the one after the last.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Span {
    /// The first.
    pub start: Place,
    /// The one after the last.
    pub end: Place,
}

/// What kind of change it is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash)]
pub enum Genre {
    /// A function returns a fixed value.
    FnValue,
    /// Another operator between two operands.
    BinaryOperator,
    /// An operator in front of an operand is gone.
    UnaryOperator,
    /// An arm of a match is gone.
    MatchArm,
    /// The guard of an arm is always or never true.
    MatchArmGuard,
    /// A field comes from the base of the struct.
    StructField,
}

/// One change of one source file.
#[derive(Clone, Debug, Deserialize)]
pub struct Mutation {
    /// Its place in the list, from 0.
    #[serde(skip)]
    pub number: usize,
    /// Its name without line and column, which survives changes elsewhere in
    /// the file. The second of one name in the list ends with ` #2`.
    #[serde(skip)]
    pub key: String,
    /// The name in the list.
    pub name: String,
    /// From the root of the workspace.
    pub file: String,
    /// What is changed.
    pub span: Span,
    /// The kind.
    pub genre: Genre,
    /// What comes instead; nothing for what is only deleted.
    pub replacement: String,
    /// The same as a unified diff of the whole file.
    pub diff: String,
}

/// Reads the list.
///
/// # Errors
/// [`SchemataError::List`] if it is none, or has a kind of change that is not
/// known here.
pub fn read(json: &str) -> Result<Vec<Mutation>, SchemataError> {
    let mut list: Vec<Mutation> = serde_json::from_str(json).map_err(SchemataError::List)?;
    let mut seen = HashMap::<String, usize>::new();
    for (number, mutation) in list.iter_mut().enumerate() {
        let Mutation { name, file, .. } = mutation;
        let (line, column) = (mutation.span.start.line, mutation.span.start.column);
        let text = name.strip_prefix(&format!("{file}:{line}:{column}: "));
        let base = format!("{file}: {}", text.unwrap_or(name));
        let count = seen.entry(base.clone()).or_default();
        *count += 1;
        mutation.number = number;
        mutation.key = match *count {
            1 => base,
            more => format!("{base} #{more}"),
        };
    }
    Ok(list)
}

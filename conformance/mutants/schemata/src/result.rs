// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a campaign came to, as a file; the files of its shards make one.

use crate::error::SchemataError;
use crate::workspace::get;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What became of one mutation.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "fate", rename_all = "kebab-case")]
pub enum Fate {
    /// It changes nothing of a shipped card.
    NotShipped,
    /// It does not compile, even alone.
    DoesNotCompile,
    /// A case is not fulfilled.
    Killed {
        /// The family of the card.
        family: String,
        /// The first such case.
        case: String,
        /// fail, crash or hang.
        verdict: String,
    },
    /// The process was taken down.
    Crash {
        /// The family of the card.
        family: String,
        /// How.
        how: String,
    },
    /// It took longer than any card.
    Hang {
        /// The family of the card.
        family: String,
    },
    /// No case is against it.
    Survived {
        /// Cases that could not be decided.
        undecided: Vec<String>,
    },
}

impl Fate {
    /// A card was built and judged.
    #[must_use]
    pub fn is_tried(&self) -> bool {
        !matches!(self, Self::NotShipped | Self::DoesNotCompile)
    }

    /// The bench found it.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.is_tried() && !matches!(self, Self::Survived { .. })
    }
}

/// One mutation.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Row {
    /// Its place in the list.
    pub number: usize,
    /// Source file, from the root of the checkout.
    pub file: String,
    /// Line of the change.
    pub line: usize,
    /// Its name without line and column.
    pub key: String,
    /// Built alone, because no switch could stand for it.
    pub alone: bool,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// A campaign or a shard of one.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Campaign {
    /// What cargo-mutants calls itself.
    pub cargo_mutants: String,
    /// What the compiler calls itself.
    pub rustc: String,
    /// Seed of all cards.
    pub seed: u64,
    /// Families, in the order in which they were asked.
    pub families: Vec<String>,
    /// Length of the list, of which a shard has a part.
    pub listed: usize,
    /// One for each mutation, by number.
    pub rows: Vec<Row>,
}

/// Reads the files of all shards.
///
/// # Errors
/// [`SchemataError::Page`] if they are not of one campaign, or not all of it.
pub fn read(paths: &[impl AsRef<Path>]) -> Result<Campaign, SchemataError> {
    let mut whole: Option<Campaign> = None;
    for path in paths {
        let path = path.as_ref();
        let part: Campaign =
            serde_json::from_str(&get(path)?).map_err(|error| SchemataError::Result {
                path: path.to_owned(),
                error,
            })?;
        let Some(whole) = &mut whole else {
            whole = Some(part);
            continue;
        };
        let same = |campaign: &Campaign| Campaign {
            rows: Vec::new(),
            ..campaign.clone()
        };
        if same(whole) != same(&part) {
            let why = format!("{} is of another campaign", path.display());
            return Err(SchemataError::Page(why));
        }
        whole.rows.extend(part.rows);
    }
    let Some(mut whole) = whole else {
        return Err(SchemataError::Page("no result was named".to_owned()));
    };
    whole.rows.sort_by_key(|row| row.number);
    let numbers = whole.rows.iter().map(|row| row.number);
    if !numbers.eq(0..whole.listed) {
        return Err(SchemataError::Page(format!(
            "{} of {} mutations are in these files, each has to be there once",
            whole.rows.len(),
            whole.listed
        )));
    }
    Ok(whole)
}

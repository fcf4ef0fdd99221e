// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run in shards: which cases a shard has, and the report of all shards.

use super::settings::differences;
use super::text::visible;
use super::{Report, Times};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// One of several parts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Its number, from 1.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

/// Why something is no shard.
#[derive(Debug, Error)]
#[error("a shard is I/N, such as 2/4 for the second of four, with I from 1 to N")]
pub struct ShardError;

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError)?;
        let number = |text: &str| text.parse::<u32>().map_err(|_| ShardError);
        let (index, count) = (number(index)?, number(count)?);
        if (1..=count).contains(&index) {
            Ok(Self { index, count })
        } else {
            Err(ShardError)
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl Shard {
    /// The cases of this shard: every so many, so that shards are about as long
    /// as each other although the cases of a unit are alike.
    #[must_use]
    pub fn of<T>(self, all: Vec<T>) -> Vec<T> {
        let first = usize::try_from(self.index.saturating_sub(1)).unwrap_or(usize::MAX);
        let step = usize::try_from(self.count.max(1)).unwrap_or(usize::MAX);
        all.into_iter().skip(first).step_by(step).collect()
    }
}

/// Why reports cannot be one.
#[derive(Debug, Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is no report to merge")]
    None,
    /// They are of different runs.
    #[error(
        "the reports are of different runs: {what} is {one} in one and {other} in another; merge what one command with the same target, seed, statement and settings made"
    )]
    Different {
        /// What is different.
        what: &'static str,
        /// Its value in the first report.
        one: String,
        /// Its value in a later one.
        other: String,
    },
    /// A case is there twice.
    #[error("the case {0} is in more than one report; give each shard once")]
    Twice(String),
    /// A shard is there twice.
    #[error("shard {0} is given twice; give each shard once")]
    ShardTwice(Shard),
    /// A shard is missing or of another division.
    #[error("of {count} shards these are missing: {missing}")]
    Missing {
        /// How many there are.
        count: u32,
        /// The numbers of those that are not there.
        missing: String,
    },
    /// Some reports are shards and some are not.
    #[error("some of the reports are shards and some are not; merge the shards of one run only")]
    Mixed,
}

/// The report of all these parts. `rank` is the place of an identifier in the
/// catalogue; what has none comes last.
///
/// # Errors
/// [`MergeError`] if they are not all parts of one run, each once.
pub fn merge(
    parts: Vec<Report>,
    rank: impl Fn(&str) -> Option<usize>,
) -> Result<Report, MergeError> {
    let first = parts.first().ok_or(MergeError::None)?;
    for part in &parts {
        same_run(first, part)?;
    }
    complete(&parts)?;
    let mut times = Times {
        started: parts
            .iter()
            .map(|part| part.times.started)
            .min()
            .unwrap_or_default(),
        // What a person waits if the shards run one after the other.
        millis: parts.iter().map(|part| part.times.millis).sum(),
        cases: BTreeMap::new(),
    };
    let (target, seed, ics) = (first.target.clone(), first.seed, first.ics.clone());
    let (bench, settings) = (first.bench.clone(), first.settings.clone());
    let mut seen = BTreeSet::new();
    let mut results = Vec::new();
    for part in parts {
        times.cases.extend(part.times.cases);
        for result in part.results {
            if !seen.insert(result.id.clone()) {
                return Err(MergeError::Twice(visible(&result.id)));
            }
            results.push(result);
        }
    }
    // Stable: what has no rank stays in the order of the parts.
    results.sort_by_key(|result| rank(&result.id).unwrap_or(usize::MAX));
    Ok(Report {
        bench,
        settings,
        ..Report::new(target, seed, ics, results, times)
    })
}

fn same_run(one: &Report, other: &Report) -> Result<(), MergeError> {
    let same = |what, one: String, other: String| {
        if one == other {
            return Ok(());
        }
        let (one, other) = (visible(&one), visible(&other));
        Err(MergeError::Different { what, one, other })
    };
    let target = |report: &Report| {
        let target = &report.target;
        format!("{} {} {}", target.kind, target.name, target.fingerprint)
    };
    same(
        "the format",
        one.format.to_string(),
        other.format.to_string(),
    )?;
    same("the bench", one.bench.clone(), other.bench.clone())?;
    same("the target", target(one), target(other))?;
    same("the seed", one.seed.to_string(), other.seed.to_string())?;
    same(
        "the conformance statement",
        format!("{:?}", one.ics),
        format!("{:?}", other.ics),
    )?;
    let settings = differences(one.settings.as_ref(), other.settings.as_ref());
    match settings.into_iter().next() {
        None => Ok(()),
        Some((what, one, other)) => same(what, one, other),
    }
}

/// Shards of one division are all there; reports that are none need not be.
fn complete(parts: &[Report]) -> Result<(), MergeError> {
    let shards: BTreeSet<Shard> = parts.iter().filter_map(|part| part.shard).collect();
    let Some(Shard { count, .. }) = shards.first().copied() else {
        return Ok(());
    };
    if parts.iter().any(|part| part.shard.is_none()) {
        return Err(MergeError::Mixed);
    }
    let mut seen = BTreeSet::new();
    let mut given = parts.iter().filter_map(|part| part.shard);
    if let Some(twice) = given.find(|shard| !seen.insert(*shard)) {
        return Err(MergeError::ShardTwice(twice));
    }
    if let Some(other) = shards.iter().find(|shard| shard.count != count) {
        return Err(MergeError::Different {
            what: "the number of shards",
            one: count.to_string(),
            other: other.count.to_string(),
        });
    }
    let there: BTreeSet<u32> = shards.iter().map(|shard| shard.index).collect();
    let missing: Vec<_> = (1..=count)
        .filter(|index| !there.contains(index))
        .take(20)
        .map(|index| index.to_string())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(MergeError::Missing { count, missing })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_everything_once() {
        for bad in ["", "1", "0/3", "4/3", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
        for count in 1..=9 {
            let mut all: Vec<u32> = (1..=count)
                .flat_map(|index| {
                    let shard: Shard = format!("{index}/{count}").parse().unwrap();
                    shard.of((0..20).collect())
                })
                .collect();
            all.sort_unstable();
            assert_eq!(all, (0..20).collect::<Vec<_>>(), "{count}");
        }
        let far = Shard {
            index: u32::MAX,
            count: u32::MAX,
        };
        assert!(far.of(vec![1, 2]).is_empty());
    }
}

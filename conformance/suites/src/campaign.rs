// SPDX-License-Identifier: MIT OR Apache-2.0
//! A campaign: several runs with fixed inputs, and the faults that somebody
//! answers for.

use crate::report::waiver::{Day, Waiver, WaiverError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use thiserror::Error;

/// Version of the format.
pub const VERSION: u16 = 1;

/// Why a campaign cannot be run.
#[derive(Debug, Error)]
pub enum CampaignError {
    /// It is no campaign.
    #[error("this is no campaign: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is of another version.
    #[error("the campaign has version {0}; this bench reads version {VERSION}")]
    Version(u16),
    /// A name that cannot be one of a folder, or is there twice.
    #[error(
        "the run {0:?} needs a name of its own, of the letters a to z, digits and hyphens: it becomes a folder"
    )]
    Name(String),
    /// There is nothing to run.
    #[error("the campaign has no run; it needs at least one table [[run]]")]
    Empty,
    /// A waiver does not count.
    #[error(transparent)]
    Waiver(#[from] WaiverError),
    /// A waiver for a run that does not exist.
    #[error("the waiver of {case:?} is for the run {run:?}, which does not exist")]
    NoRun {
        /// The case of the waiver.
        case: String,
        /// The run it names.
        run: String,
    },
}

/// The campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Version of the format, [`VERSION`].
    pub version: u16,
    /// Its name, for people.
    pub name: String,
    /// What is run.
    #[serde(default)]
    pub run: Vec<Run>,
    /// Faults that do not fail it.
    #[serde(default)]
    pub waiver: Vec<Waiver>,
}

/// What is tested in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A card of this project, made for the test.
    Card,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its name, and that of its folder.
    pub name: String,
    /// What is tested.
    pub target: Target,
    /// Chip family of the card.
    pub family: String,
    /// Seed of everything that is random.
    pub seed: u64,
    /// Names of the cases; none: all.
    #[serde(default)]
    pub cases: Vec<String>,
    /// A conformance statement beside the campaign's file; none: that of this
    /// project's own card.
    #[serde(default)]
    pub ics: Option<PathBuf>,
}

impl Campaign {
    /// Reads a campaign and makes sure that every waiver holds today.
    ///
    /// # Errors
    /// [`CampaignError`] if it cannot be run as it is.
    pub fn parse(text: &str, today: Day) -> Result<Self, CampaignError> {
        let campaign: Self = toml::from_str(text)?;
        if campaign.version != VERSION {
            return Err(CampaignError::Version(campaign.version));
        }
        if campaign.run.is_empty() {
            return Err(CampaignError::Empty);
        }
        let mut names = BTreeSet::new();
        for run in &campaign.run {
            let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            let fits = (1..=64).contains(&run.name.len()) && run.name.bytes().all(letter);
            if !fits || !names.insert(run.name.as_str()) {
                return Err(CampaignError::Name(run.name.clone()));
            }
        }
        for waiver in &campaign.waiver {
            waiver.check(today)?;
            if !waiver.run.is_empty() && !names.contains(waiver.run.as_str()) {
                return Err(CampaignError::NoRun {
                    case: waiver.case.clone(),
                    run: waiver.run.clone(),
                });
            }
        }
        Ok(campaign)
    }
}

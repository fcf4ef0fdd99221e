// SPDX-License-Identifier: MIT OR Apache-2.0
//! A campaign: several runs with fixed inputs, and the faults that somebody
//! answers for.

use crate::report::waiver::{Day, Waiver, WaiverError};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;
use thiserror::Error;

/// Version of the format. Of version 1, which had cards made for the test only,
/// everything is read as it was.
pub const VERSION: u16 = 2;

/// Why a campaign cannot be run.
#[derive(Debug, Error)]
pub enum CampaignError {
    /// It is no campaign.
    #[error("this is no campaign: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is of another version.
    #[error("the campaign has version {0}; this bench reads version {VERSION} and before")]
    Version(u16),
    /// A name that cannot be one of a folder, or is there twice.
    #[error(
        "the run {0:?} needs a name of its own, of the letters a to z, digits and hyphens: it becomes a folder"
    )]
    Name(String),
    /// A target that version 1 does not have.
    #[error("the run {0:?} has a target that only campaigns of version {VERSION} can have")]
    Target(String),
    /// A family that is missing, or for which there is no use.
    #[error(
        "the run {0:?} names a family and tests no card that is made for the test, or tests one and names none"
    )]
    Family(String),
    /// A variable that no environment can have.
    #[error(
        "the run {run:?} sets the variable {name:?}; a name is not empty and has no `=`, and neither name nor value has a NUL"
    )]
    Variable {
        /// The run.
        run: String,
        /// The name of the variable.
        name: String,
    },
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A card of this project, made for the test.
    Card,
    /// The card in a PC/SC reader.
    Reader(Reader),
    /// A PKCS#11 module.
    Module(Module),
}

/// The card in a PC/SC reader. Paths are beside the campaign's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reader {
    /// The reader: its name, a part of it, or its number from 0.
    pub name: String,
    /// The PC/SC server's socket; none: as on the command line.
    #[serde(default)]
    pub socket: Option<PathBuf>,
    /// The control socket of `cie run` or `cie serve`; none: as on the command
    /// line.
    #[serde(default)]
    pub control: Option<PathBuf>,
    /// Seconds that one case may take.
    #[serde(default)]
    pub time_limit: Option<NonZeroU16>,
    /// File with the PIN.
    #[serde(default)]
    pub pin_file: Option<PathBuf>,
    /// File with the PUK, for a software card only.
    #[serde(default)]
    pub puk_file: Option<PathBuf>,
    /// What may be done to a card that is not a software card of ours, where
    /// the statement permits it, too.
    #[serde(default)]
    pub allow: Vec<Allowed>,
}

/// A PKCS#11 module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Module {
    /// The module, beside the campaign's file.
    pub path: PathBuf,
    /// Seconds that one call of it may take; none: as on the command line.
    #[serde(default)]
    pub patience: Option<u64>,
    /// The program under which its process runs, with its arguments.
    #[serde(default)]
    pub under: Option<String>,
    /// Random sequences in each case of the unit SEQ; none: as on the command
    /// line.
    #[serde(default)]
    pub sequences: Option<NonZeroU32>,
    /// Drawn contents in each case of the unit CONTENT that draws; none: as on
    /// the command line.
    #[serde(default)]
    pub draws: Option<NonZeroU32>,
    /// Variables of its environment, beside those that the bench sets. They
    /// are in the bundle, with the campaign's file.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// What may be done to a card that is not a software card of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Allowed {
    /// The right PIN is sent, with three tries left only
    Codes,
    /// A wrong PIN is sent, once. Without `refill` the try stays spent, and no
    /// code is sent any more
    Tries,
    /// The PIN is changed, and changed back. If the answer to a change is lost, a
    /// try may be spent to find out which PIN the card has
    Writes,
    /// The right PIN is sent with two tries left, too, to give back one that was
    /// spent. While the card compares it has one; if it loses power then, one is
    /// what it keeps
    Refill,
    /// Wrong proofs of device authentication are sent. Whether a card counts
    /// them, and what it does then, nobody has said
    Proofs,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its name, and that of its folder.
    pub name: String,
    /// What is tested.
    pub target: Target,
    /// Chip family of the card that is made for the test.
    #[serde(default)]
    pub family: Option<String>,
    /// Seed of everything that is random.
    pub seed: u64,
    /// Names of the cases; none: all.
    #[serde(default)]
    pub cases: Vec<String>,
    /// A conformance statement beside the campaign's file; none: as on the
    /// command line.
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
        if !(1..=VERSION).contains(&campaign.version) {
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
            let card = run.target == Target::Card;
            if !card && campaign.version == 1 {
                return Err(CampaignError::Target(run.name.clone()));
            }
            if card != run.family.is_some() {
                return Err(CampaignError::Family(run.name.clone()));
            }
            if let Target::Module(module) = &run.target {
                let wrong = |(name, value): &(&String, &String)| {
                    name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
                };
                if let Some((name, _)) = module.env.iter().find(wrong) {
                    return Err(CampaignError::Variable {
                        run: run.name.clone(),
                        name: name.clone(),
                    });
                }
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

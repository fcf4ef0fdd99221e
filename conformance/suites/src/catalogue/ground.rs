// SPDX-License-Identifier: MIT OR Apache-2.0
//! On what a requirement rests.

use crate::edges::Ground;
use serde::{Deserialize, Serialize};

/// On what a requirement rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// A standard says so.
    Standard,
    /// A real card was seen to do so.
    Observed,
    /// A public client of the card sends it, parses it, or breaks without it.
    Client,
    /// It follows from what is known, but nobody has seen it.
    Inferred,
    /// This project decided it where nothing is known.
    Choice,
}

impl Basis {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Observed => "observed",
            Self::Client => "client",
            Self::Inferred => "inferred",
            Self::Choice => "choice",
        }
    }

    /// True if it binds every card, also those that never heard of this
    /// project.
    #[must_use]
    pub fn binds_everyone(self) -> bool {
        match self {
            Self::Standard | Self::Observed | Self::Client => true,
            Self::Inferred | Self::Choice => false,
        }
    }
}

impl From<Ground> for Basis {
    /// A fact has the tags of the card facts in front: what real cards did
    /// weighs more than what clients expect, and both more than an inference.
    fn from(ground: Ground) -> Self {
        match ground {
            Ground::Standard(_) => Self::Standard,
            Ground::Choice(_) | Ground::Unnamed(_) => Self::Choice,
            Ground::Fact(text) if text.contains("[R]") => Self::Observed,
            Ground::Fact(text) if text.contains("[C]") => Self::Client,
            Ground::Fact(_) => Self::Inferred,
        }
    }
}

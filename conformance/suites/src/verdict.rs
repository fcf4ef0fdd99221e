// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can come out of a case.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The outcome of one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything was as expected.
    Pass,
    /// A requirement with a public ground is not fulfilled, or the card or
    /// module promises to follow the project's choices and does not.
    Fail,
    /// A card that is not this project's departs from a rule that is inferred
    /// or chosen. Never a fail.
    Differs,
    /// The case could not be decided: its starting state could not be reached,
    /// or the exchange itself failed.
    Inconclusive,
    /// By the conformance statement the case does not concern this target.
    NotApplicable,
    /// The target ended: a panic, a signal, a process that is gone.
    Crash,
    /// No answer within the time limit.
    Hang,
}

impl Verdict {
    /// All verdicts, in the order of summaries.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::Fail,
        Self::Crash,
        Self::Hang,
        Self::Differs,
        Self::Inconclusive,
        Self::NotApplicable,
    ];

    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Differs => "differs",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not-applicable",
            Self::Crash => "crash",
            Self::Hang => "hang",
        }
    }

    /// True if the target is at fault: fail, crash and hang.
    #[must_use]
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Fail | Self::Crash | Self::Hang)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_that_of_the_json() {
        for verdict in Verdict::ALL {
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("{:?}", verdict.name()));
        }
    }
}

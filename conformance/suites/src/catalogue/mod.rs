// SPDX-License-Identifier: MIT OR Apache-2.0
//! The catalogue: everything that the bench can find out, one [`Case`] each.
//!
//! A case is known by its identifier, `CIE_<AREA>_<UNIT>_<nn>`, and a version.
//! An identifier is never given to anything else; what a case demands may only
//! change together with its version.

mod card;
mod choices;
mod cost;
mod ground;
mod tr03105;
mod units;

use crate::ics::{Announced, Feature};
use serde::Serialize;
use std::fmt;

pub use choices::choice;
pub use cost::Cost;
pub use ground::Basis;
pub(crate) use tr03105::aliases;
pub use tr03105::tr03105_page;

/// How much it matters if a case fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Secrets, keys, codes or signatures are at risk.
    Critical,
    /// A client cannot do its work, or works on wrong data.
    Major,
    /// A departure that clients hardly meet.
    Minor,
}

impl Severity {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Major => "major",
            Self::Minor => "minor",
        }
    }
}

/// A command of a case with the answer that it demands, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is done.
    pub action: String,
    /// What has to come back.
    pub expected: String,
}

/// The identifier that a published test specification has for the same matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alias {
    /// The specification and its version, such as `BSI TR-03105-3.4 V1.0`.
    pub specification: &'static str,
    /// Its identifier.
    pub id: String,
}

/// What the bench needs for a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// A device certificate that the card accepts.
    pub device: bool,
    /// The PIN.
    pub pin: bool,
    /// The PUK.
    pub puk: bool,
    /// What a module has to have for it; empty for cases on cards.
    pub module: &'static [Feature],
    /// What a module has to announce for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announced: Option<Announced>,
}

/// One thing to find out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Case {
    /// `CIE_<AREA>_<UNIT>_<nn>`.
    pub id: String,
    /// Version of the case, from 1.
    pub version: u16,
    /// The unit, the third part of the identifier.
    pub unit: &'static str,
    /// The situation in a few words.
    pub title: String,
    /// What the case is for.
    pub purpose: &'static str,
    /// What is demanded, in words.
    pub requirement: String,
    /// Where that stands: a clause of a standard, a fact of `docs/facts-and-choices.md`,
    /// a numbered choice.
    pub clause: String,
    /// On what the requirement rests.
    pub basis: Basis,
    /// Chip families that it is for; empty: all.
    pub families: Vec<String>,
    /// What the bench needs for it.
    pub needs: Needs,
    /// The state that it begins in.
    pub preconditions: String,
    /// What is done and what has to come back.
    pub steps: Vec<Step>,
    /// The state that it leaves.
    pub postconditions: String,
    /// How much a failure matters.
    pub severity: Severity,
    /// What it costs a card.
    pub cost: Cost,
    /// Identifiers of published test specifications.
    pub aliases: Vec<Alias>,
}

impl Case {
    /// Identifier and version, `CIE_IAS_PIN_007@1`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }
}

impl fmt::Display for Case {
    /// All of it, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.name(), self.title)?;
        let mut line = |name: &str, text: &str| {
            if text.is_empty() {
                Ok(())
            } else {
                writeln!(f, "  {name:<14} {text}")
            }
        };
        line("purpose", self.purpose)?;
        line("requirement", &self.requirement)?;
        line("basis", &format!("{}: {}", self.basis.name(), self.clause))?;
        line("severity", self.severity.name())?;
        line("families", &self.families.join(", "))?;
        let features = self.needs.module.iter().map(|f| f.name().to_owned());
        let announced = self.needs.announced.map(|what| what.to_string());
        let features: Vec<_> = features.chain(announced).collect();
        line("module needs", &features.join(", "))?;
        line("cost", &self.cost.to_string())?;
        line("preconditions", &self.preconditions)?;
        for (number, step) in self.steps.iter().enumerate() {
            let name = if number == 0 { "steps" } else { "" };
            let Step { action, expected } = step;
            line(name, &format!("{:>2}. {action}  →  {expected}", number + 1))?;
        }
        line("postconditions", &self.postconditions)?;
        for alias in &self.aliases {
            line("also", &format!("{} {}", alias.specification, alias.id))?;
        }
        Ok(())
    }
}

/// Every case on cards, in the order of their identifiers' units.
#[must_use]
pub fn card_cases() -> Vec<Case> {
    card::cases()
}

/// Every case on middleware.
#[must_use]
pub fn middleware_cases() -> Vec<Case> {
    crate::middleware::cases()
}

/// Every case on readers; they are run where a card is in one.
#[cfg(unix)]
#[must_use]
pub fn reader_cases() -> Vec<Case> {
    crate::endpoint::cases()
}

/// Every case.
#[must_use]
pub fn all_cases() -> Vec<Case> {
    let mut all = card_cases();
    #[cfg(unix)]
    all.extend(reader_cases());
    all.extend(middleware_cases());
    all
}

/// True if `pattern` names the identifier `id`: equal, or with `*` for any
/// number of characters and `?` for one. `@n` behind it is the version.
#[must_use]
pub fn names(pattern: &str, id: &str, version: u16) -> bool {
    let (pattern, wanted) = match pattern.rsplit_once('@') {
        Some((pattern, wanted)) => (pattern, Some(wanted)),
        None => (pattern, None),
    };
    wanted.is_none_or(|wanted| wanted.parse() == Ok(version))
        && fits(pattern.as_bytes(), id.as_bytes())
}

/// Matches without backtracking further than the last `*`.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == b'?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                None => return false,
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    star = Some((after, from + 1));
                }
            },
        }
    }
    pattern
        .get(p..)
        .unwrap_or_default()
        .iter()
        .all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn patterns() {
        let id = "CIE_IAS_PIN_007";
        for yes in [
            id,
            "*",
            "CIE_IAS_PIN_*",
            "*PIN*",
            "*_007",
            "CIE_IAS_PIN_00?",
            "*@1",
            "CIE_IAS_PIN_007@1",
        ] {
            assert!(names(yes, id, 1), "{yes}");
        }
        for no in [
            "",
            "PIN",
            "CIE_IAS_PIN_00",
            "*_008",
            "?",
            "*@2",
            "*@x",
            "CIE_IAS_PIN_007_",
        ] {
            assert!(!names(no, id, 1), "{no}");
        }
        assert!(names("", "", 1) && !names("?", "", 1) && names("**", "", 1));
        let long = "a".repeat(5_000);
        assert!(!names(&format!("{}b", "*a".repeat(500)), &long, 1));
    }

    #[test]
    fn every_case_is_complete_and_named_once() {
        let cases = all_cases();
        assert!(cases.len() > 1000);
        let mut seen = HashSet::new();
        for case in &cases {
            assert!(seen.insert(case.id.clone()), "{}", case.id);
            assert!(case.version > 0);
            for text in [
                &case.title,
                &case.requirement,
                &case.clause,
                &case.preconditions,
                &case.postconditions,
            ] {
                assert!(!text.trim().is_empty(), "{case}");
            }
            assert!(!case.purpose.is_empty() && !case.steps.is_empty(), "{case}");
        }
    }
}

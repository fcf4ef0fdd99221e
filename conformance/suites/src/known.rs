// SPDX-License-Identifier: MIT OR Apache-2.0
//! Public reports about CIE software, as a set the bench is measured by.
//!
//! `ci/known-issues.toml` says of each report what it is about and, where a
//! card, a reader or PC/SC is behind it, which cases show it, with which chip
//! family, reader and start state. [`try_out`] runs them on a module and tells
//! whether it has the complaint; [`render`] is the page for people.

use crate::catalogue::{Case, middleware_cases};
use crate::ics::Ics;
use crate::middleware::{Scene, SceneError, Setup, judge};
use crate::report::CaseResult;
use crate::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use thiserror::Error;

/// The file that comes with this bench.
const SHIPPED: &str = include_str!("../../../ci/known-issues.toml");

/// The version of the file that this bench reads.
pub const VERSION: u32 = 1;

/// All reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KnownIssues {
    /// Version of the format.
    pub version: u32,
    /// The reports, in the file's order.
    #[serde(rename = "report")]
    pub reports: Vec<Known>,
}

/// What is behind a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The card: its maker, its files, its state.
    Card,
    /// The reader: its field, its driver, its slots.
    Reader,
    /// PC/SC: what it says of several readers, of resets, of attributes.
    Pcsc,
    /// None of these: counted apart.
    Other,
}

/// How much of a thread was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// All of it.
    Whole,
    /// Its beginning or some comments.
    Excerpt,
}

/// Of what it was seen that the line shows the complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// A middleware that people use has the complaint, and the line fails on it.
    Module,
    /// A module with the defect put in on purpose fails.
    Mutant,
    /// The line brings about the card's or the reader's part, and what the
    /// module has to do there is judged; the complaint itself no module can
    /// help.
    Condition,
}

/// One public report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Known {
    /// Tracker and number: `owner/name#number` on GitHub.
    pub report: String,
    /// What people complain of.
    pub summary: String,
    /// How much of the thread the summary rests on.
    pub read: Read,
    /// What is behind it.
    pub cause: Cause,
    /// Chip family, as in `cie families`; else the usual one or the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Reader profile, as in `cie readers`; else the bench's or the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reader: Option<String>,
    /// Start state, as of `cie run --state`; else fresh or the case's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The cases that show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<String>,
    /// What the line shows of a module that has the complaint.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub shows: String,
    /// Whether the line was seen to show it.
    pub reproduced: bool,
    /// On what it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// The defect, as `complainer` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutant: Option<String>,
    /// What was seen there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seen: String,
    /// Why it is not reproduced, or not counted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why_not: String,
}

/// What is wrong with the file.
#[derive(Debug, Error)]
pub enum KnownError {
    /// It is no such TOML.
    #[error("the list of known issues cannot be read: {0}")]
    Toml(#[from] toml::de::Error),
    /// It is of another version.
    #[error("the list of known issues has version {0}, and this bench reads version {VERSION}")]
    Version(u32),
    /// A name in it is none.
    #[error("{report}: {source}")]
    Scene {
        /// The report.
        report: String,
        /// The name.
        source: SceneError,
    },
    /// An entry contradicts itself.
    #[error("{report}: {why}")]
    Entry {
        /// The report.
        report: String,
        /// What is wrong.
        why: String,
    },
    /// Nobody has reported this.
    #[error("there is no report {0:?}; `cie-conformance known` lists them")]
    Unknown(String),
}

impl KnownIssues {
    /// Those that come with this bench.
    ///
    /// # Errors
    /// As [`KnownIssues::parse`]; a test sees to it that there is none.
    pub fn shipped() -> Result<Self, KnownError> {
        Self::parse(SHIPPED)
    }

    /// Reads the file and looks that every name in it is one and that no entry
    /// contradicts itself.
    ///
    /// # Errors
    /// [`KnownError`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, KnownError> {
        let issues: Self = toml::from_str(text)?;
        if issues.version != VERSION {
            return Err(KnownError::Version(issues.version));
        }
        let cases: BTreeSet<_> = middleware_cases().into_iter().map(|c| c.id).collect();
        let mut before = BTreeSet::new();
        for known in &issues.reports {
            known.scene()?;
            let mut wrong = known.contradiction(&cases);
            if !before.insert(&known.report) {
                wrong = Some("it is there twice".to_owned());
            }
            if let Some(why) = wrong {
                return Err(KnownError::Entry {
                    report: known.report.clone(),
                    why,
                });
            }
        }
        Ok(issues)
    }

    /// The reports of these names; without a name, all that have a line.
    ///
    /// # Errors
    /// [`KnownError::Unknown`] for the first name that is none.
    pub fn named(&self, names: &[String]) -> Result<Vec<&Known>, KnownError> {
        if names.is_empty() {
            let lines = self.reports.iter().filter(|known| !known.cases.is_empty());
            return Ok(lines.collect());
        }
        let find = |name: &String| {
            let found = self.reports.iter().find(|known| known.report == *name);
            found.ok_or_else(|| KnownError::Unknown(name.clone()))
        };
        names.iter().map(find).collect()
    }

    /// How many reports with a card, a reader or PC/SC behind them were seen so.
    #[must_use]
    pub fn shown(&self, shown: Shown) -> usize {
        let is = |known: &&Known| known.counts() && known.shown == Some(shown);
        self.reports.iter().filter(is).count()
    }

    /// How many reports with a card, a reader or PC/SC behind them are
    /// reproduced, and how many there are.
    #[must_use]
    pub fn share(&self) -> (usize, usize) {
        let counted = || self.reports.iter().filter(|known| known.counts());
        (
            counted().filter(|known| known.reproduced).count(),
            counted().count(),
        )
    }
}

/// Whether `text` is `owner/name#number`.
fn is_report(text: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    text.split_once('#').is_some_and(|(place, number)| {
        number.parse::<u32>().is_ok()
            && place
                .split_once('/')
                .is_some_and(|(owner, name)| word(owner) && word(name))
    })
}

impl Known {
    /// Whether a card, a reader or PC/SC is behind it.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.cause != Cause::Other
    }

    /// Where its cases happen.
    ///
    /// # Errors
    /// [`KnownError::Scene`] for a name that is none.
    pub fn scene(&self) -> Result<Scene, KnownError> {
        Scene::named(
            self.family.as_deref(),
            self.reader.as_deref(),
            self.state.as_deref(),
        )
        .map_err(|source| KnownError::Scene {
            report: self.report.clone(),
            source,
        })
    }

    fn contradiction(&self, cases: &BTreeSet<String>) -> Option<String> {
        let missing = self.cases.iter().find(|id| !cases.contains(*id));
        let line = !self.cases.is_empty();
        let scene = self.family.is_some() || self.reader.is_some() || self.state.is_some();
        let rules = [
            (!is_report(&self.report), "it is no owner/name#number"),
            (self.summary.is_empty(), "it has no summary"),
            (line == self.shows.is_empty(), "cases and shows go together"),
            (scene && !line, "a card or reader is named, and no case"),
            (
                self.reproduced && !line,
                "it is said to be reproduced, and there is no case",
            ),
            (
                self.reproduced != self.shown.is_some(),
                "reproduced and shown go together",
            ),
            (
                match self.shown {
                    Some(Shown::Mutant) => self.mutant.is_none(),
                    Some(Shown::Condition) => false,
                    Some(Shown::Module) | None => self.mutant.is_some(),
                },
                "a mutant is named where one was seen, and nowhere else",
            ),
            (
                self.reproduced == self.seen.is_empty(),
                "reproduced and seen go together",
            ),
            (
                (self.reproduced && self.counts()) != self.why_not.is_empty(),
                "what is not reproduced or not counted needs a why-not, and nothing else does",
            ),
        ];
        let broken = rules.iter().find(|(broken, _)| *broken);
        missing
            .map(|id| format!("there is no case {id}"))
            .or_else(|| broken.map(|(_, why)| (*why).to_owned()))
    }
}

/// Whether a module has a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Complaint {
    /// A case of the line fails, crashes or hangs.
    Present,
    /// Every case that concerns the module passes, or differs from what this
    /// project chose.
    Absent,
    /// It could not be found out.
    Undecided,
    /// No case of the line concerns the module.
    NotApplicable,
    /// The report has no line, so nothing was run.
    NoLine,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Present => "has it",
            Self::Absent => "does not have it",
            Self::Undecided => "undecided",
            Self::NotApplicable => "not applicable",
            Self::NoLine => "no line",
        })
    }
}

/// What came out of a report's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// The report.
    pub report: String,
    /// Whether the module has the complaint.
    pub complaint: Complaint,
    /// Its cases.
    pub results: Vec<CaseResult>,
}

/// Runs the line of a report.
///
/// # Errors
/// [`KnownError::Scene`] for a name that is none.
pub fn try_out(known: &Known, setup: &Setup, ics: &Ics) -> Result<Tried, KnownError> {
    let setup = Setup {
        scene: known.scene()?,
        ..setup.clone()
    };
    let cases = middleware_cases();
    let meant = |case: &&Case| known.cases.contains(&case.id);
    let results: Vec<_> = cases
        .iter()
        .filter(meant)
        .map(|case| judge(&setup, case, ics))
        .collect();
    let any = |is: fn(Verdict) -> bool| results.iter().any(|result| is(result.verdict));
    let complaint = if known.cases.is_empty() {
        Complaint::NoLine
    } else if any(Verdict::is_bad) {
        Complaint::Present
    } else if any(|verdict| verdict == Verdict::Inconclusive) {
        Complaint::Undecided
    } else if any(|verdict| verdict != Verdict::NotApplicable) {
        Complaint::Absent
    } else {
        Complaint::NotApplicable
    };
    Ok(Tried {
        report: known.report.clone(),
        complaint,
        results,
    })
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Card => "card",
            Self::Reader => "reader",
            Self::Pcsc => "pcsc",
            Self::Other => "other",
        })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Module => "module",
            Self::Mutant => "mutant",
            Self::Condition => "condition",
        })
    }
}

const HEAD: &str = "\
# Public complaints

What people have reported about CIE software in public trackers, and whether this bench shows it. The
list is [`ci/known-issues.toml`](../ci/known-issues.toml); this page is written from it by `cargo run
-p cie-conformance --example known > docs/known-issues.md`, and a test keeps the two together.

```
cie-conformance known                                             # the list
cie-conformance known --module PATH italia/cie-middleware#173     # does this module have that complaint?
cie-conformance known --module PATH                               # all of them
```

With a module the exit code is that of `middleware`: 1 if the module has a complaint, 3 if something
could not be decided or a report that was named has no line, else 0. [known.schema.json](known.schema.json) describes what `--json` gives, with a
module and without.

A line runs the named cases with the named chip family, reader profile and start state; where none is
named, with the case's own. *Shown* says on what the line was seen to fail:

- **module**: on middleware that people use, built or installed outside this repository;
- **mutant**: on the reference module behind a program that has the defect on purpose
  (`conformance/suites/examples/complainer.rs`), which decides by what is in the reader as the report
  says that the middleware does, so it also says no on every other line;
- **condition**: the line brings about the card's or the reader's part and judges what a module does
  then; the complaint itself is one that no module can help. The defect that is named makes it fail.

Summaries are in this project's words. *Read* says whether all of a thread was read or an excerpt of
it. Where a thread does not say what is behind it, no line is made up: it counts as not reproduced.
";

/// The page for people.
#[must_use]
pub fn render(issues: &KnownIssues) -> String {
    let mut page = HEAD.to_owned();
    let (reproduced, counted) = issues.share();
    let percent = (reproduced * 100).checked_div(counted).unwrap_or(0);
    let kind = |shown| issues.shown(shown);
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "\nOf {} reports, {counted} have a card, a reader or PC/SC behind them. {} of these are \
         reproduced on\nreal middleware (module), {} more only on a module with the defect put in (mutant), {} as \
         a condition:\n{reproduced} of {counted} ({percent} %) have a line that was seen to show them.",
        issues.reports.len(),
        kind(Shown::Module),
        kind(Shown::Mutant),
        kind(Shown::Condition),
    );
    let _ = writeln!(
        page,
        "\n## With a card, a reader or PC/SC behind them\n\n\
         | report | complaint | read | cause | line | shows | shown |\n|---|---|---|---|---|---|---|"
    );
    for known in issues.reports.iter().filter(|known| known.counts()) {
        let shown = match known.shown {
            Some(shown) => {
                let defect = known.mutant.as_ref();
                let defect = defect.map(|defect| format!(" `{}`", defect.replace(',', ", ")));
                format!("**{shown}**{}: {}", defect.unwrap_or_default(), known.seen)
            }
            None => format!("not reproduced: {}", known.why_not),
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {shown} |",
            link(&known.report),
            known.summary,
            read(known.read),
            known.cause,
            line(known),
            known.shows,
        );
    }
    let _ = writeln!(
        page,
        "\n## Counted apart\n\n| report | complaint | read | why | line |\n|---|---|---|---|---|"
    );
    for known in issues.reports.iter().filter(|known| !known.counts()) {
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            link(&known.report),
            known.summary,
            read(known.read),
            known.why_not,
            line(known),
        );
    }
    page
}

fn link(report: &str) -> String {
    match report.split_once('#') {
        Some((place, number)) => {
            format!("[{report}](https://github.com/{place}/issues/{number})")
        }
        None => report.to_owned(),
    }
}

fn read(read: Read) -> &'static str {
    match read {
        Read::Whole => "whole",
        Read::Excerpt => "excerpt",
    }
}

/// The line of a report: cases, and where they happen.
fn line(known: &Known) -> String {
    let named = [
        ("family", &known.family),
        ("reader", &known.reader),
        ("state", &known.state),
    ];
    let mut parts = vec![known.cases.join(", ")];
    for (what, name) in named {
        parts.extend(name.as_ref().map(|name| format!("{what} `{name}`")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"
        version = 1
        [[report]]
        report = "a/b#1"
        summary = "s"
        read = "whole"
        cause = "card"
        family = "stm"
        cases = ["CIE_MW_LOGIN_01"]
        shows = "x"
        reproduced = true
        shown = "mutant"
        mutant = "knows=gemalto"
        seen = "y"
    "#;

    #[test]
    fn what_contradicts_itself_is_told() {
        assert_eq!(KnownIssues::parse(ENTRY).unwrap().share(), (1, 1));
        let twice = ENTRY.to_owned() + &ENTRY.replace("version = 1", "");
        let wrong = [
            (twice, "twice"),
            (ENTRY.replace("version = 1", "version = 2"), "version 2"),
            (ENTRY.replace("a/b#1", "a/b"), "owner/name"),
            (ENTRY.replace("stm", "stn"), "cie families"),
            (ENTRY.replace("LOGIN_01", "LOGIN_99"), "no case"),
            (ENTRY.replace("family", "famly"), "famly"),
            (ENTRY.replace("= true", "= false"), "shown"),
            (ENTRY.replace(r#"shows = "x""#, ""), "shows"),
            (ENTRY.replace(r#"seen = "y""#, ""), "seen"),
            (ENTRY.replace(r#"mutant = "knows=gemalto""#, ""), "mutant"),
            (ENTRY.replace(r#""card""#, r#""other""#), "why-not"),
            (ENTRY.replace(r#""s""#, r#""""#), "summary"),
        ];
        for (text, what) in wrong {
            let error = KnownIssues::parse(&text).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
    }

    #[test]
    fn names_of_reports() {
        assert!(is_report("italia/cie-middleware-linux#37"));
        for bad in ["", "a#1", "a/b#", "a/b#x", "a/b/c#1", "/b#1", "a b/c#1"] {
            assert!(!is_report(bad), "{bad}");
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/cargo-mutants.md`: the numbers of a campaign, and a verdict on each
//! mutation that it did not find.

use crate::error::SchemataError;
use crate::result::{Campaign, Fate, Row};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The verdicts, written by people.
pub const SURVIVORS: &str = include_str!("../survivors.toml");
const HEAD: &str = include_str!("head.md");

/// What a survivor is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Whoever has power and transmit alone cannot see it.
    Equivalent,
    /// It can be seen, and no case looks.
    MissingCase,
}

/// One verdict on some survivors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What they are.
    pub verdict: Verdict,
    /// Why, or which case would be needed.
    pub reason: String,
    /// Their names without line and column.
    pub mutations: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    group: Vec<Group>,
}

/// Reads the verdicts.
///
/// # Errors
/// [`SchemataError::Page`] if one has no reason or speaks of a mutation that
/// another one speaks of.
pub fn groups(text: &str) -> Result<Vec<Group>, SchemataError> {
    let read: Result<Groups, _> = toml::from_str(text);
    let Groups { group } = read.map_err(|error| SchemataError::Page(error.to_string()))?;
    let mut seen = BTreeSet::new();
    for Group {
        reason, mutations, ..
    } in &group
    {
        if reason.trim().is_empty() {
            let why = format!("no reason is given for {}", mutations.join(", "));
            return Err(SchemataError::Page(why));
        }
        if let Some(twice) = mutations.iter().find(|key| !seen.insert(key.as_str())) {
            let why = format!("there are two verdicts on {twice}");
            return Err(SchemataError::Page(why));
        }
    }
    Ok(group)
}

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// By cargo-mutants.
    pub listed: usize,
    /// They change nothing of a shipped card.
    pub not_shipped: usize,
    /// Not even alone.
    pub does_not_compile: usize,
    /// By a case.
    pub killed: usize,
    /// By a crash or by working without end.
    pub taken_down: usize,
    /// By nothing.
    pub survived: usize,
}

impl Totals {
    /// Counts.
    pub fn of<'a>(rows: impl Iterator<Item = &'a Row>) -> Self {
        let mut totals = Self::default();
        for row in rows {
            totals.listed += 1;
            *match row.fate {
                Fate::NotShipped => &mut totals.not_shipped,
                Fate::DoesNotCompile => &mut totals.does_not_compile,
                Fate::Killed { .. } => &mut totals.killed,
                Fate::Crash { .. } | Fate::Hang { .. } => &mut totals.taken_down,
                Fate::Survived { .. } => &mut totals.survived,
            } += 1;
        }
        totals
    }

    /// A card was judged.
    #[must_use]
    pub fn tried(self) -> usize {
        self.found() + self.survived
    }

    /// The bench found it.
    #[must_use]
    pub fn found(self) -> usize {
        self.killed + self.taken_down
    }

    /// As it is said: one digit behind the point, never rounded up.
    #[must_use]
    pub fn rate(self) -> String {
        share(self.found(), self.tried())
    }
}

fn share(part: usize, all: usize) -> String {
    let thousandths = (part * 1000).checked_div(all).unwrap_or(0);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// The page.
///
/// # Errors
/// [`SchemataError::Page`] if a survivor has no verdict, or a verdict no
/// survivor.
pub fn render(campaign: &Campaign, groups: &[Group]) -> Result<String, SchemataError> {
    let survived = |row: &&Row| matches!(row.fate, Fate::Survived { .. });
    let rows = campaign.rows.iter().filter(survived);
    let found: BTreeSet<_> = rows.map(|row| row.key.as_str()).collect();
    let spoken: BTreeSet<_> = groups
        .iter()
        .flat_map(|group| group.mutations.iter().map(String::as_str))
        .collect();
    let differ = |what: &str, keys: Vec<&&str>| match keys.as_slice() {
        [] => Ok(()),
        keys => {
            let keys: Vec<_> = keys.iter().map(|key| **key).collect();
            let why = format!("survivors.toml, {what}:\n{}", keys.join("\n"));
            Err(SchemataError::Page(why))
        }
    };
    differ("no verdict on", found.difference(&spoken).collect())?;
    differ("no survivor", spoken.difference(&found).collect())?;

    let totals = Totals::of(campaign.rows.iter());
    let equivalent: usize = groups
        .iter()
        .filter(|group| group.verdict == Verdict::Equivalent)
        .map(|group| group.mutations.len())
        .sum();
    let mut page = HEAD
        .replace("{cargo_mutants}", &campaign.cargo_mutants)
        .replace("{rustc}", &campaign.rustc)
        .replace("{seed}", &campaign.seed.to_string())
        .replace("{families}", &campaign.families.join(", "))
        .replace("{listed}", &totals.listed.to_string())
        .replace("{not_shipped}", &totals.not_shipped.to_string())
        .replace("{does_not_compile}", &totals.does_not_compile.to_string())
        .replace("{killed}", &totals.killed.to_string())
        .replace("{taken_down}", &totals.taken_down.to_string())
        .replace("{survived}", &totals.survived.to_string())
        .replace("{equivalent}", &equivalent.to_string())
        .replace("{missing}", &(totals.survived - equivalent).to_string())
        .replace("{found}", &totals.found().to_string())
        .replace("{tried}", &totals.tried().to_string())
        .replace("{rate}", &totals.rate())
        .replace("{alone}", &alone(campaign).to_string());
    page += &files(campaign);
    Ok(page + &survivors(groups))
}

/// The end of the page: every survivor with what it is and why.
#[must_use]
pub fn survivors(groups: &[Group]) -> String {
    let head = "\n## Every survivor\n\n| file | mutation | verdict |\n|---|---|---|\n";
    let mut table = head.to_owned();
    for Group {
        verdict,
        reason,
        mutations,
    } in groups
    {
        let verdict = match verdict {
            Verdict::Equivalent => "equivalent",
            Verdict::MissingCase => "missing case",
        };
        for key in mutations {
            let (file, text) = key.split_once(": ").unwrap_or(("", key));
            let file = file.rsplit_once("src/").map_or(file, |(_, name)| name);
            let text = text.replace('|', "\\|");
            let _ = writeln!(table, "| {file} | {text} | {verdict}: {reason} |");
        }
    }
    table
}

/// Built alone, and they compile.
fn alone(campaign: &Campaign) -> usize {
    let rows = campaign.rows.iter();
    rows.filter(|row| row.alone && row.fate.is_tried()).count()
}

fn files(campaign: &Campaign) -> String {
    let mut files = BTreeMap::<&str, Vec<&Row>>::new();
    for row in &campaign.rows {
        files.entry(&row.file).or_default().push(row);
    }
    let mut table = "\n## By file\n\n| file | listed | not shipped | does not compile | tried | \
                     killed | survived |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (file, rows) in files {
        let totals = Totals::of(rows.into_iter());
        let (tried, found) = (totals.tried(), totals.found());
        let Totals {
            listed,
            not_shipped,
            does_not_compile,
            survived,
            ..
        } = totals;
        let _ = writeln!(
            table,
            "| {file} | {listed} | {not_shipped} | {does_not_compile} | {tried} | {found} | {survived} |"
        );
    }
    table
}

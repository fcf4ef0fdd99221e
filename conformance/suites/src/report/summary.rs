// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a person reads at a glance.

use super::text::visible;
use super::{CaseResult, Report};
use crate::verdict::Verdict;
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;

/// Verdicts, the worst first.
pub const ORDER: [Verdict; 7] = [
    Verdict::Crash,
    Verdict::Hang,
    Verdict::Fail,
    Verdict::Inconclusive,
    Verdict::Differs,
    Verdict::Pass,
    Verdict::NotApplicable,
];

/// How many cases are shown.
const SHOWN: usize = 20;

/// The place of a result among others, the worst first: by verdict, then by
/// severity.
#[must_use]
pub fn rank(result: &CaseResult) -> (usize, usize) {
    let verdict = ORDER.iter().position(|verdict| *verdict == result.verdict);
    let severity = ["critical", "major", "minor"]
        .iter()
        .position(|severity| *severity == result.severity);
    // Among passes nothing is bad.
    let severity = match result.verdict {
        Verdict::Pass | Verdict::NotApplicable => None,
        _ => severity,
    };
    (verdict.unwrap_or(ORDER.len()), severity.unwrap_or(3))
}

/// The colour of a verdict.
#[must_use]
pub fn style(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Fail | Verdict::Crash | Verdict::Hang => AnsiColor::Red,
        Verdict::Differs | Verdict::Inconclusive => AnsiColor::Yellow,
        Verdict::NotApplicable => return Style::new().dimmed(),
    };
    colour.on_default().bold()
}

/// The worst cases, then how many had which verdict. It has colours; who
/// writes it takes them away where nobody sees them.
#[must_use]
pub fn summary(report: &Report) -> String {
    let mut text = String::new();
    let quiet =
        |result: &&CaseResult| !matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable);
    let mut loud: Vec<_> = report.results.iter().filter(quiet).collect();
    loud.sort_by_key(|result| rank(result));
    for result in loud.iter().take(SHOWN) {
        let style = style(result.verdict);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{style}{:<12}{style:#} {:<8} {}@{}  {}\n             {}",
            result.verdict.name(),
            visible(&result.severity),
            visible(&result.id),
            result.version,
            visible(&result.title),
            visible(&result.reason)
        );
    }
    if let Some(more @ 1..) = loud.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "… and {more} more");
    }
    let counts: Vec<_> = ORDER
        .into_iter()
        .filter(|verdict| report.count(*verdict) > 0)
        .map(|verdict| {
            let style = style(verdict);
            format!("{style}{} {verdict}{style:#}", report.count(verdict))
        })
        .collect();
    let counts = match counts.as_slice() {
        [] => "no case".to_owned(),
        some => some.join(", "),
    };
    let name = visible(&report.target.name);
    let _ = writeln!(text, "{name}, seed {}: {counts}", report.seed);
    if report.judged_nothing() {
        text += "nothing was judged: no case of this run is for this target\n";
    }
    text
}

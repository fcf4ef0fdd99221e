// SPDX-License-Identifier: MIT OR Apache-2.0
//! One page with everything, which works from disk and asks nobody for
//! anything: its policy allows the style and the script that it carries, by
//! their hashes, and nothing else.

use super::text::visible;
use super::waiver::Waiver;
use super::{CaseResult, Exchange, Report};
use crate::catalogue::{Case, Step};
use askama::Template;
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use thiserror::Error;

const STYLE: &str = include_str!("../../templates/page.css");
const SCRIPT: &str = include_str!("../../templates/page.js");

/// Why there is no page.
#[derive(Debug, Error)]
pub enum HtmlError {
    /// The template failed.
    #[error("the page could not be made: {0}")]
    Template(#[from] askama::Error),
    /// The report has no fingerprint.
    #[error("the page could not be made: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Template)]
#[template(path = "base.html")]
struct File {
    page: Page,
}

/// Every text in it is [`visible`]; the template escapes it.
struct Page {
    title: String,
    bench: String,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    facts: Vec<(&'static str, String)>,
    counts: Vec<Count>,
    selects: Vec<Select>,
    cases: Vec<View>,
}

struct Count {
    verdict: &'static str,
    number: usize,
}

struct Select {
    name: &'static str,
    values: Vec<String>,
}

#[derive(Default)]
struct View {
    id: String,
    name: String,
    title: String,
    unit: String,
    basis: &'static str,
    severity: String,
    /// Empty in a specification.
    verdict: &'static str,
    reason: String,
    facts: Vec<(&'static str, String)>,
    steps: Vec<Step>,
    evidence: Vec<Exchange>,
}

/// The page of a report, the worst first. `catalogue` adds what a report does
/// not repeat of a case: its purpose, its steps. `waived` are the faults that
/// somebody answers for.
///
/// # Errors
/// [`HtmlError`], which no report should cause.
pub fn report(
    report: &Report,
    catalogue: &[Case],
    waived: &[(&CaseResult, &Waiver)],
) -> Result<String, HtmlError> {
    let known: HashMap<_, _> = catalogue
        .iter()
        .map(|case| ((case.id.as_str(), case.version), case))
        .collect();
    let mut results: Vec<_> = report.results.iter().collect();
    results.sort_by_key(|result| super::summary::rank(result));
    let views = results.into_iter().map(|result| {
        let case = known.get(&(result.id.as_str(), result.version));
        let mut view = of_result(result, case.copied(), report.times.cases.get(&result.id));
        let waiver = waived.iter().find(|(of, _)| of.id == result.id);
        if let Some((_, waiver)) = waiver {
            view.facts
                .insert(0, ("waived", visible(&waiver.to_string())));
        }
        view
    });
    let mut facts = vec![
        ("target", report.target.name.clone()),
        ("reached by", report.target.kind.clone()),
        ("fingerprint", report.target.fingerprint.clone()),
        ("seed", report.seed.to_string()),
        ("bench", format!("cie-conformance {}", report.bench)),
        (
            "report",
            format!(
                "format {}, SHA-256 {}",
                report.format,
                report.fingerprint()?
            ),
        ),
        ("family", report.ics.card.family.clone()),
        (
            "settings",
            report
                .settings
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        (
            "shard",
            report
                .shard
                .map(|shard| shard.to_string())
                .unwrap_or_default(),
        ),
        ("started", started(report)),
        ("took", format!("{} ms", report.times.millis)),
    ];
    facts.retain(|(_, text)| !text.is_empty());
    let counts = super::summary::ORDER
        .into_iter()
        .map(|verdict| Count {
            verdict: verdict.name(),
            number: report.count(verdict),
        })
        .filter(|count| count.number > 0)
        .collect();
    let title = format!("Conformance of {}", report.target.name);
    page(&title, &report.bench, facts, counts, views.collect())
}

/// The page of all these cases, without a run.
///
/// # Errors
/// [`HtmlError`], which no case should cause.
pub fn specification(cases: &[Case]) -> Result<String, HtmlError> {
    let bench = env!("CARGO_PKG_VERSION");
    let facts = vec![
        ("bench", format!("cie-conformance {bench}")),
        ("cases", cases.len().to_string()),
    ];
    let views = cases.iter().map(of_case).collect();
    page("Cases of the CIE bench", bench, facts, Vec::new(), views)
}

fn page(
    title: &str,
    bench: &str,
    facts: Vec<(&'static str, String)>,
    counts: Vec<Count>,
    cases: Vec<View>,
) -> Result<String, HtmlError> {
    let values = |of: fn(&View) -> &str| -> Vec<String> {
        let all: BTreeSet<_> = cases.iter().map(of).collect();
        all.into_iter().map(str::to_owned).collect()
    };
    let selects = vec![
        Select {
            name: "unit",
            values: values(|view| &view.unit),
        },
        Select {
            name: "basis",
            values: values(|view| view.basis),
        },
        Select {
            name: "severity",
            values: values(|view| &view.severity),
        },
    ];
    let hash = |text: &str| Base64::encode_string(&Sha256::digest(text));
    let file = File {
        page: Page {
            title: visible(title),
            bench: visible(bench),
            style: STYLE,
            style_hash: hash(STYLE),
            script: SCRIPT,
            script_hash: hash(SCRIPT),
            facts: shown(facts),
            counts,
            selects,
            cases,
        },
    };
    Ok(file.render()?)
}

fn shown(facts: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let shown = facts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name, visible(&text)));
    shown.collect()
}

fn of_result(result: &CaseResult, case: Option<&Case>, micros: Option<&u64>) -> View {
    let mut facts = vec![
        ("requirement", result.requirement.clone()),
        (
            "basis",
            format!("{}: {}", result.basis.name(), result.clause),
        ),
        ("severity", result.severity.clone()),
    ];
    if let Some(micros) = micros {
        facts.push(("took", format!("{micros} µs")));
    }
    let view = case.map(of_case).unwrap_or_default();
    let also = view
        .facts
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "requirement" | "basis" | "severity"));
    let mut facts = shown(facts);
    facts.extend(also);
    View {
        id: visible(&result.id),
        name: visible(&format!("{}@{}", result.id, result.version)),
        title: visible(&result.title),
        unit: visible(&result.unit),
        basis: result.basis.name(),
        severity: visible(&result.severity),
        verdict: result.verdict.name(),
        reason: visible(&result.reason),
        facts,
        steps: view.steps,
        evidence: result.evidence.iter().map(exchange).collect(),
    }
}

fn exchange(exchange: &Exchange) -> Exchange {
    Exchange {
        step: exchange.step,
        command: visible(&exchange.command),
        response: visible(&exchange.response),
        plain_command: visible(&exchange.plain_command),
        plain_response: visible(&exchange.plain_response),
    }
}

fn of_case(case: &Case) -> View {
    let aliases: Vec<_> = case
        .aliases
        .iter()
        .map(|alias| format!("{} {}", alias.specification, alias.id))
        .collect();
    let needs = case.needs;
    let needs: Vec<_> = [
        (needs.device, "a device certificate"),
        (needs.pin, "the PIN"),
        (needs.puk, "the PUK"),
    ]
    .into_iter()
    .filter_map(|(needed, what)| needed.then_some(what))
    .collect();
    let facts = vec![
        ("purpose", case.purpose.to_owned()),
        ("requirement", case.requirement.clone()),
        ("basis", format!("{}: {}", case.basis.name(), case.clause)),
        ("severity", case.severity.name().to_owned()),
        ("families", case.families.join(", ")),
        ("needs", needs.join(", ")),
        ("cost", case.cost.to_string()),
        ("preconditions", case.preconditions.clone()),
        ("postconditions", case.postconditions.clone()),
        ("also known as", aliases.join(", ")),
    ];
    let step = |step: &Step| Step {
        action: visible(&step.action),
        expected: visible(&step.expected),
    };
    View {
        id: visible(&case.id),
        name: visible(&case.name()),
        title: visible(&case.title),
        unit: visible(case.unit),
        basis: case.basis.name(),
        severity: case.severity.name().to_owned(),
        facts: shown(facts),
        steps: case.steps.iter().map(step).collect(),
        ..View::default()
    }
}

/// Start of the run in words; empty if it is not told.
fn started(report: &Report) -> String {
    let since = std::time::Duration::from_secs(report.times.started);
    match (
        report.times.started,
        der::DateTime::from_unix_duration(since),
    ) {
        (0, _) | (_, Err(_)) => String::new(),
        (_, Ok(time)) => time.to_string(),
    }
}

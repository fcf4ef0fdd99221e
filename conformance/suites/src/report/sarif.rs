// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report as SARIF 2.1.0 (OASIS), the format of code-scanning pages. Only
//! what somebody has to look at becomes a result: pages that do not read
//! `kind` would show a pass as a finding.

use super::text::visible;
use super::{CaseResult, Report};
use crate::report::weakness::weakness;
use crate::verdict::Verdict;
use serde::Serialize;
use std::collections::BTreeMap;

/// The schema that the document names.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    automation_details: Named,
    invocations: [Invocation; 1],
    results: Vec<Finding>,
    properties: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Named {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Message,
    full_description: Message,
    help: Message,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct RuleProperties {
    basis: &'static str,
    severity: String,
    tags: Vec<String>,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: String,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    properties: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    logical_locations: [LogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

/// The report as a document.
///
/// # Errors
/// It cannot be written as JSON.
pub fn sarif(report: &Report) -> serde_json::Result<String> {
    let target = visible(&report.target.name);
    let found =
        report.results.iter().enumerate().filter(|(_, result)| {
            !matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable)
        });
    let mut properties = BTreeMap::from([
        ("target", target.clone()),
        ("fingerprint", visible(&report.target.fingerprint)),
        ("seed", report.seed.to_string()),
    ]);
    if let Some(settings) = &report.settings {
        properties.insert("settings", visible(&settings.to_string()));
    }
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "cie-conformance",
                    semantic_version: visible(&report.bench),
                    rules: report.results.iter().map(rule).collect(),
                },
            },
            // The part behind the last slash tells runs of one kind apart.
            automation_details: Named {
                id: format!("cie-conformance/{}/", target.replace('/', "-")),
            },
            invocations: [Invocation {
                execution_successful: report.count(Verdict::Inconclusive) == 0,
            }],
            results: found
                .map(|(index, result)| finding(index, result, &target))
                .collect(),
            properties,
        }],
    };
    serde_json::to_string_pretty(&log).map(|text| text + "\n")
}

fn rule(result: &CaseResult) -> Rule {
    let ground = format!("{}: {}", result.basis.name(), result.clause);
    Rule {
        id: visible(&result.id),
        short_description: message(&result.title),
        full_description: message(&result.requirement),
        help: message(&format!("{} ({ground})", result.requirement)),
        properties: RuleProperties {
            basis: result.basis.name(),
            severity: visible(&result.severity),
            tags: vec![
                "conformance".to_owned(),
                format!("external/cwe/cwe-{}", weakness(&result.id, Verdict::Fail)),
            ],
        },
    }
}

fn finding(index: usize, result: &CaseResult, target: &str) -> Finding {
    let (kind, level) = rank(result);
    let id = visible(&result.id);
    let text = format!("{}: {}", result.verdict, result.reason);
    Finding {
        rule_id: id.clone(),
        rule_index: index,
        kind,
        level,
        message: message(&text),
        locations: [Location {
            logical_locations: [LogicalLocation {
                fully_qualified_name: format!("{target}/{id}"),
            }],
        }],
        partial_fingerprints: [("caseVerdict/v1", format!("{id}:{}", result.verdict))].into(),
        properties: [("verdict", result.verdict.name().to_owned())].into(),
    }
}

/// Kind and level. SARIF wants `none` as the level of every kind but `fail`.
fn rank(result: &CaseResult) -> (&'static str, &'static str) {
    match result.verdict {
        Verdict::Crash | Verdict::Hang => ("fail", "error"),
        Verdict::Fail if result.severity == "minor" => ("fail", "warning"),
        Verdict::Fail => ("fail", "error"),
        Verdict::Differs => ("fail", "note"),
        Verdict::Inconclusive => ("open", "none"),
        Verdict::NotApplicable => ("notApplicable", "none"),
        Verdict::Pass => ("pass", "none"),
    }
}

/// A message in which nothing is a link or a placeholder (SARIF 2.1.0, 3.11.5
/// and 3.11.6).
fn message(text: &str) -> Message {
    let mut escaped = String::new();
    for c in visible(text).chars() {
        match c {
            '{' | '}' => escaped.extend([c, c]),
            '\\' | '[' | ']' => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    Message { text: escaped }
}

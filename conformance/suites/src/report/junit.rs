// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report as JUnit XML, which build servers show: one suite for each unit,
//! one test for each case.

use super::text::visible;
use super::{CaseResult, Report};
use crate::verdict::Verdict;
use quick_junit::{
    NonSuccessKind, Report as Junit, SerializeError, TestCase, TestCaseStatus, TestSuite,
};
use std::time::Duration;

/// The report as a document.
///
/// # Errors
/// It cannot be written as XML.
pub fn junit(report: &Report) -> Result<String, SerializeError> {
    let mut document = Junit::new(format!("cie-conformance: {}", visible(&report.target.name)));
    document.set_time(Duration::from_millis(report.times.millis));
    for results in by_unit(report) {
        let mut suite = TestSuite::new(
            results
                .first()
                .map_or_else(String::new, |result| visible(&result.unit)),
        );
        suite.add_property(("bench", visible(&report.bench).as_str()));
        suite.add_property(("target", visible(&report.target.name).as_str()));
        suite.add_property(("seed", report.seed.to_string().as_str()));
        if let Some(settings) = &report.settings {
            suite.add_property(("settings", visible(&settings.to_string()).as_str()));
        }
        for result in results {
            suite.add_test_case(case(report, result));
        }
        document.add_test_suite(suite);
    }
    document.to_string()
}

/// Neighbours of the same unit.
fn by_unit(report: &Report) -> impl Iterator<Item = &[CaseResult]> {
    report.results.chunk_by(|one, next| one.unit == next.unit)
}

fn case(report: &Report, result: &CaseResult) -> TestCase {
    let reason = visible(&result.reason);
    let mut status = match result.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Crash | Verdict::Hang => TestCaseStatus::non_success(NonSuccessKind::Error),
        // JUnit knows no third way: what says nothing about the target must
        // not look as if it failed.
        Verdict::Differs | Verdict::Inconclusive | Verdict::NotApplicable => {
            TestCaseStatus::skipped()
        }
    };
    if result.verdict != Verdict::Pass {
        status.set_type(result.verdict.name());
        status.set_message(format!("{}: {reason}", result.verdict));
        status.set_description(description(result));
    }
    let name = format!("{}@{} {}", result.id, result.version, result.title);
    let mut case = TestCase::new(visible(&name), status);
    case.set_classname(visible(&result.unit));
    let micros = report.times.cases.get(&result.id).copied();
    case.set_time(Duration::from_micros(micros.unwrap_or_default()));
    case.add_property(("basis", result.basis.name()));
    case.add_property(("severity", visible(&result.severity).as_str()));
    case
}

/// What a person needs who sees only this.
fn description(result: &CaseResult) -> String {
    let mut text = format!(
        "{}\n{} ({}): {}\n",
        visible(&result.reason),
        visible(&result.requirement),
        result.basis.name(),
        visible(&result.clause)
    );
    for exchange in &result.evidence {
        text += &format!(
            "{:>3}  > {}\n     < {}\n",
            exchange.step,
            visible(&exchange.command),
            visible(&exchange.response)
        );
    }
    text
}

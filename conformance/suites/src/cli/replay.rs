// SPDX-License-Identifier: MIT OR Apache-2.0
//! `replay`: the cases of a report, run again.

use super::again::{AgainOptions, Chosen};
use super::compare::read;
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::middleware::Tested;
use super::print;
use super::properties::{SHARES, plan, threads};
use super::target::family;
use cie_conformance::card::Hand;
use cie_conformance::catalogue::{Case, card_cases, middleware_cases, names};
use cie_conformance::edges::Specimen;
use cie_conformance::middleware;
use cie_conformance::model::{Bench, PROPERTIES, Plan, Property, number, result};
use cie_conformance::ours;
use cie_conformance::report::again::{Departure, departures};
use cie_conformance::report::text::visible;
use cie_conformance::report::{CaseResult, Report};
use cie_conformance::verdict::Verdict;
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 everything is as it was, 1 something came to something else, 3 a case cannot be run
again: this bench does not have it in that version.")]
pub(super) struct Options {
    /// A JSON report
    #[arg(value_name = "REPORT.json")]
    report: PathBuf,
    /// Only the cases of this name; `*` for any part, `@n` for a version.
    /// Can be repeated [default: of a card all, of a module those that
    /// neither passed nor were not applicable]
    #[arg(long = "case", visible_alias = "only", value_name = "NAME")]
    cases: Vec<String>,
    /// The module, if the report is of one: that of the report, or another
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    #[command(flatten)]
    again: AgainOptions,
}

pub(super) fn replay(options: &Options) -> Result<ExitCode, BenchError> {
    let report = read(&options.report)?;
    let results = chosen(&report, &options.cases)?;
    let (mut target, settings) = Target::of(&report, options)?;
    let mut text = String::new();
    for note in target.notes(&report) {
        let _ = writeln!(text, "note: {}", visible(&note));
    }
    let _ = writeln!(text, "settings, {}", visible(&settings));
    let (mut same, mut other, mut unknown) = (0_usize, 0_usize, 0_usize);
    for before in results {
        if options.cases.is_empty() && !target.runs_by_itself(before) {
            continue;
        }
        let name = format!("{}@{}", visible(&before.id), before.version);
        let Some(now) = target.again(before, &report)? else {
            unknown += 1;
            let _ = writeln!(text, "{name} is not in this bench");
            continue;
        };
        let departures = target.departures(before, now);
        if departures.is_empty() {
            same += 1;
            if let Some(how) = target.how_it_is_again(before, !options.cases.is_empty()) {
                let _ = writeln!(text, "{name} {}: {how}", before.verdict);
            }
            continue;
        }
        other += 1;
        let _ = writeln!(text, "{name} came to something else");
        for departure in departures {
            text += &departure.to_string();
        }
    }
    let _ = writeln!(
        text,
        "{same} the same, {other} not the same, {unknown} unknown"
    );
    print(text)?;
    Ok(match (other, unknown) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(EXIT_UNDECIDED),
        _ => ExitCode::from(EXIT_FOUND),
    })
}

fn chosen<'a>(report: &'a Report, patterns: &[String]) -> Result<Vec<&'a CaseResult>, BenchError> {
    let named = |pattern: &str, result: &CaseResult| names(pattern, &result.id, result.version);
    for pattern in patterns {
        if !report.results.iter().any(|result| named(pattern, result)) {
            return Err(BenchError::Arguments(format!(
                "no case of the report has the name {pattern:?}"
            )));
        }
    }
    let meant = |result: &&CaseResult| {
        patterns.is_empty() || patterns.iter().any(|pattern| named(pattern, result))
    };
    Ok(report.results.iter().filter(meant).collect())
}

/// The target of a report, again.
enum Target {
    /// A card that this bench makes again from the seed.
    Card(Box<Card>),
    /// A module.
    Module(Box<Tested>, Vec<Case>),
}

struct Card {
    specimen: Specimen<cie_card::Card>,
    hand: Hand<cie_card::Card>,
    /// How long a case or a sequence may take.
    patience: Duration,
    /// For properties, as soon as one has to be run.
    model: Option<Bench<cie_card::Card>>,
    cases: Vec<Case>,
}

impl Target {
    /// With the settings on one line.
    fn of(report: &Report, options: &Options) -> Result<(Self, String), BenchError> {
        let wrong = |text: String| Err(BenchError::Arguments(text));
        let target = &report.target;
        match (target.kind.as_str(), &options.module) {
            ("module", Some(path)) => {
                if report.ics.middleware.is_none() {
                    return Err(BenchError::NoModule(options.report.display().to_string()));
                }
                let Chosen {
                    process,
                    effort,
                    told,
                } = options.again.of_module(report.settings.as_ref())?;
                let mut tested = process.module(path, report.seed)?;
                tested.setup.effort = effort.effort();
                let target = Self::Module(Box::new(tested), middleware_cases());
                Ok((target, told))
            }
            // A report may come from anywhere; what it names is not loaded.
            ("module", None) => wrong(format!(
                "the report is of the module {:?}; say with --module which one is to be run",
                target.name
            )),
            (_, Some(_)) => wrong("the report is of no module; leave --module out".to_owned()),
            ("in-process", None) => {
                let family = family(&report.ics.card.family)?;
                let specimen = ours::specimen(family, report.seed)?;
                let (patience, told) = options.again.of_card(report.settings.as_ref());
                let card = Card {
                    hand: Hand::new(specimen.clone(), Arc::new(report.ics.clone())),
                    patience: Duration::from_secs(patience),
                    specimen,
                    model: None,
                    cases: card_cases(),
                };
                Ok((Self::Card(Box::new(card)), told))
            }
            (kind, None) => wrong(format!(
                "the target of the report is reached by {kind:?}; only a module, or a card that this bench makes (in-process) and can make again from its seed, is run again"
            )),
        }
    }

    /// What makes it another one than that of the report.
    fn notes(&self, report: &Report) -> Vec<String> {
        let mut notes = Vec::new();
        if report.bench != env!("CARGO_PKG_VERSION") {
            notes.push(format!("the report is of bench {}", report.bench));
        }
        if let Self::Module(tested, _) = self
            && tested.target.fingerprint != report.target.fingerprint
        {
            notes.push(format!(
                "the report is of the module with SHA-256 {}; this one has {}",
                report.target.fingerprint, tested.target.fingerprint
            ));
        }
        notes
    }

    /// Whether the case is run if nobody asks for it.
    fn runs_by_itself(&self, before: &CaseResult) -> bool {
        let good = matches!(before.verdict, Verdict::Pass | Verdict::NotApplicable);
        !good || matches!(self, Self::Card(_))
    }

    /// Runs the case of this result; `None` if this bench does not have it.
    fn again(
        &mut self,
        before: &CaseResult,
        report: &Report,
    ) -> Result<Option<CaseResult>, BenchError> {
        match self {
            Self::Module(tested, cases) => {
                let case = find(cases, before);
                Ok(case.map(|case| middleware::judge(&tested.setup, case, &report.ics)))
            }
            Self::Card(card) => match find(&card.cases, before) {
                Some(case) => Ok(Some(card.hand.judge(case, card.patience))),
                None => card.property(before, report),
            },
        }
    }

    /// Where the result left the one before. A module's random numbers are its
    /// own, so its traffic is not compared.
    fn departures(&self, before: &CaseResult, mut now: CaseResult) -> Vec<Departure> {
        if let Self::Module(..) = self {
            now.evidence.clone_from(&before.evidence);
        }
        departures(before, &now)
    }

    fn how_it_is_again(&self, before: &CaseResult, asked: bool) -> Option<String> {
        match self {
            Self::Module(..) => Some("again, for the same reason".to_owned()),
            Self::Card(_) => {
                asked.then(|| format!("{} exchanges as before", before.evidence.len()))
            }
        }
    }
}

fn find<'a>(cases: &'a [Case], result: &CaseResult) -> Option<&'a Case> {
    cases
        .iter()
        .find(|case| case.id == result.id && case.version == result.version)
}

impl Card {
    /// The sequence of a property that failed, or as many as are usual.
    fn property(
        &mut self,
        before: &CaseResult,
        report: &Report,
    ) -> Result<Option<CaseResult>, BenchError> {
        let same = |property: &&Property| {
            let case = property.case();
            case.id == before.id && case.version == before.version
        };
        let Some(property) = PROPERTIES.iter().find(same) else {
            return Ok(None);
        };
        let model = match self.model.take() {
            Some(model) => model,
            None => Bench::within(self.patience, &self.specimen)
                .map_err(|error| BenchError::Contact(error.to_string()))?,
        };
        let settings = report.settings.clone().unwrap_or_default();
        let plan = Plan {
            patience: self.patience,
            ..plan(
                property,
                report.seed,
                settings.count.unwrap_or(SHARES),
                number(before).or(settings.number),
                threads(),
            )
        };
        let outcome = model.run(property, &plan);
        self.model = Some(model);
        Ok(Some(result(property, &plan, &report.ics, &outcome)))
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `card`: the cases on a card.

use super::catalogue::Selection;
use super::error::{BenchError, EXIT_LEFT};
use super::output::Output;
use super::progress::Progress;
use super::stop;
use super::target::{Place, Subjected, in_process, warn};
use cie_conformance::card::{PATIENCE, Subject, judge, run_within};
use cie_conformance::catalogue::{Case, card_cases, reader_cases};
use cie_conformance::edges::Left;
use cie_conformance::endpoint;
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::{CaseResult, Report, Settings, Shard};
use cie_conformance::run::in_turn;
use cie_conformance::verdict::Verdict;
use cie_personalisation::Family;
use clap::Args;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Seed of everything that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    selection: Selection,
    /// Cases at a time; as many as there are processors if not given. The
    /// report does not depend on it
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Only the I-th of N parts, I from 1; `merge` makes one report of them
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Seconds that one case may take on a card that is made for the test; then
    /// it hangs. For a card in a reader it is --time-limit
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE.as_secs(), conflicts_with = "reader", value_parser = clap::value_parser!(u64).range(1..=3600))]
    patience: u64,
    #[command(flatten)]
    output: Output,
}

/// Everything that a report follows from.
pub(super) struct Plan {
    pub(super) family: &'static Family,
    pub(super) seed: u64,
    pub(super) ics: Ics,
    pub(super) cases: Vec<Case>,
    pub(super) shard: Option<Shard>,
}

pub(super) fn card(options: &Options) -> Result<ExitCode, BenchError> {
    let selection = &options.selection;
    let output = options.output.prepare()?;
    let report = match options.place.made_here()? {
        Some((family, ics)) => Plan {
            family,
            seed: options.seed,
            ics,
            cases: selection.of(card_cases())?,
            shard: options.shard,
        }
        .run_within(Duration::from_secs(options.patience), options.jobs)?,
        None if options.jobs.is_some_and(|jobs| jobs.get() > 1) => {
            return Err(BenchError::Arguments(
                "a card in a reader does one thing at a time; leave --jobs out".to_owned(),
            ));
        }
        None => {
            let cases = selection.of(with_its_reader())?;
            let (report, left) = in_a_reader(&options.place, options.seed, cases, options.shard)?;
            // First of all, whatever becomes of the report.
            let told = left.map(|left| tell(&left));
            let code = output.write(&report)?;
            return Ok(told.unwrap_or(code));
        }
    };
    output.write(&report)
}

/// Tells the owner of a card what became of its PIN, and of nothing else: in no
/// report stands a PIN.
pub(super) fn tell(left: &Left) -> ExitCode {
    warn(&left.to_string());
    ExitCode::from(EXIT_LEFT)
}

/// The cases on a card in a reader, and on that reader.
pub(super) fn with_its_reader() -> Vec<Case> {
    card_cases().into_iter().chain(reader_cases()).collect()
}

/// Runs the cases on a card that is not copied, one after the other, and then
/// those on its reader.
pub(super) fn in_a_reader(
    place: &Place,
    seed: u64,
    cases: Vec<Case>,
    shard: Option<Shard>,
) -> Result<(Report, Option<Left>), BenchError> {
    let cases = match shard {
        Some(shard) => shard.of(cases),
        None => cases,
    };
    let Subjected {
        subject,
        ics,
        target,
        spot,
        ours,
        stop,
    } = place.subject(seed)?;
    let settings = Settings {
        time_limit: Some(place.time_limit()),
        ..Settings::default()
    };
    let progress = Progress::of(cases.len());
    let saw = |result: &_| progress.saw(result);
    let (mut subject, mut left) = (Some(subject), None);
    // The catalogue has the reader's cases behind those of the card.
    let mut judge = |case: &Case| {
        if stop.load(Ordering::Relaxed) {
            let why = "not run: the run was ended by a signal".to_owned();
            return CaseResult::new(case, Verdict::Inconclusive, why, Vec::new());
        }
        match &mut subject {
            Some(subject) if !endpoint::is_about_readers(case) => {
                judge(subject.as_mut(), case, &ics)
            }
            _ => {
                // It has the reader alone, and gives it back.
                left = left.take().or(finished(subject.take()));
                endpoint::judge(&spot, ours, case)
            }
        }
    };
    // What spends a try that is not given back leaves nothing to the others.
    let order = spending_last(&cases, ours);
    let (results, times) = in_turn(&order, |(_, case)| judge(case), &saw);
    let results = in_their_order(&order, results);
    drop(progress);
    let left = left.or(finished(subject));
    stop::released();
    let mut report = Report::new(target, seed, ics, results, times);
    report.settings = Some(settings);
    report.shard = shard;
    Ok((report, left))
}

/// The cases of a card of somebody else that spend no try, those that do, and those of the
/// reader, each with its place.
fn spending_last(cases: &[Case], ours: bool) -> Vec<(usize, &Case)> {
    let mut order: Vec<_> = cases.iter().enumerate().collect();
    order.sort_by_key(|(_, case)| {
        (
            endpoint::is_about_readers(case),
            !ours && case.cost.pin_tries > 0,
        )
    });
    order
}

fn in_their_order(order: &[(usize, &Case)], results: Vec<CaseResult>) -> Vec<CaseResult> {
    let places = order.iter().map(|(place, _)| *place);
    let mut placed: Vec<_> = places.zip(results).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, result)| result).collect()
}

/// Brings the card back. What could not be brought back.
fn finished(subject: Option<Box<dyn Subject>>) -> Option<Left> {
    let mut subject = subject?;
    if subject.owes() {
        warn(
            "the card may have another PIN than its own; it is changed back now. Leave the card in \
             the reader, or put it back",
        );
    }
    let left = subject.finish().err();
    if let Some((tries, found)) = subject.spent_tries() {
        warn(&format!(
            "the card has {tries} PIN tries left, and had {found}; its right PIN, used once, fills \
             the counter"
        ));
    }
    left
}

impl Plan {
    /// Runs it, with the usual time for each case.
    pub(super) fn run(self, jobs: Option<NonZeroUsize>) -> Result<Report, BenchError> {
        self.run_within(PATIENCE, jobs)
    }

    /// Runs it. Each case may take so long.
    fn run_within(
        self,
        patience: Duration,
        jobs: Option<NonZeroUsize>,
    ) -> Result<Report, BenchError> {
        let cases = match self.shard {
            Some(shard) => shard.of(self.cases),
            None => self.cases,
        };
        let jobs = jobs
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let specimen = ours::specimen(self.family, self.seed)?;
        let progress = Progress::of(cases.len());
        let saw = |result: &_| progress.saw(result);
        let (results, times) = run_within(patience, &specimen, &cases, &self.ics, jobs, &saw);
        drop(progress);
        let mut report = Report::new(in_process(self.family), self.seed, self.ics, results, times);
        report.settings = Some(Settings {
            patience: Some(patience.as_secs()),
            ..Settings::default()
        });
        report.shard = self.shard;
        Ok(report)
    }
}

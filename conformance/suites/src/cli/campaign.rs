// SPDX-License-Identifier: MIT OR Apache-2.0
//! `campaign`: several runs, and a folder with all that belongs to them.

use super::card::{Plan, in_a_reader, tell, with_its_reader};
use super::catalogue::{all, selected};
use super::error::{BenchError, EXIT_FOUND, EXIT_UNDECIDED};
use super::middleware::{EffortOptions, PATIENCE, ProcessOptions, Tested};
use super::target::{Place, family, warn};
use super::{ics, print, stop};
use cie_conformance::campaign::{Campaign, CampaignError, Run, Target};
use cie_conformance::catalogue::{Case, card_cases, middleware_cases};
use cie_conformance::edges::Left;
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::fingerprint::sha256;
use cie_conformance::report::summary::summary;
use cie_conformance::report::text::visible;
use cie_conformance::report::waiver::{Day, Waiver, split};
use cie_conformance::report::{Report, html, junit, sarif};
use cie_conformance::run::now;
use cie_conformance::verdict::Verdict;
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(after_help = "\
The bundle holds the campaign and its statements, of each run the reports, `manifest.json` with
versions, seeds, hashes and waivers, and `SHA256SUMS` for `sha256sum --check`.")]
pub(super) struct Options {
    /// The campaign
    #[arg(value_name = "CAMPAIGN.toml")]
    campaign: PathBuf,
    /// The folder of the bundle; it must not exist yet
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Cases at a time; if not given, as many as there are processors on a card
    /// made here, and one on a module
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// What a bundle says of itself.
#[derive(Serialize)]
struct Manifest {
    campaign: String,
    day: String,
    bench: &'static str,
    /// SHA-256 of the program; empty if it could not be read.
    program: String,
    runs: Vec<RunSummary>,
    unused_waivers: Vec<Waiver>,
    /// SHA-256 of every other file by its path.
    files: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct RunSummary {
    name: String,
    target: String,
    /// How the target is reached.
    kind: String,
    /// SHA-256 of the target if it is a file.
    #[serde(skip_serializing_if = "String::is_empty")]
    sha256: String,
    seed: u64,
    fingerprint: String,
    totals: BTreeMap<Verdict, usize>,
    faults: Vec<String>,
    waived: Vec<Waived>,
}

#[derive(Serialize)]
struct Waived {
    case: String,
    verdict: Verdict,
    waiver: Waiver,
}

/// A folder whose files are remembered with their hashes.
struct Bundle {
    folder: PathBuf,
    files: BTreeMap<String, String>,
}

impl Bundle {
    fn new(folder: &Path) -> Result<Self, BenchError> {
        fs::create_dir(folder).map_err(BenchError::file("make the folder", folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            files: BTreeMap::new(),
        })
    }

    fn add(&mut self, name: String, text: &str) -> Result<(), BenchError> {
        let path = self.folder.join(&name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(BenchError::file("make the folder", parent))?;
        }
        fs::write(&path, text).map_err(BenchError::file("write", &path))?;
        self.files.insert(name, sha256(text.as_bytes()));
        Ok(())
    }
}

pub(super) fn campaign(options: &Options) -> Result<ExitCode, BenchError> {
    let path = &options.campaign;
    let text = fs::read_to_string(path).map_err(BenchError::input(path))?;
    let today = today()?;
    let campaign = Campaign::parse(&text, today).map_err(wrong(path))?;
    // Everything that can be wrong with the inputs is found before the first run.
    let folder = path.parent().unwrap_or(Path::new(""));
    let inputs: Vec<_> = campaign
        .run
        .iter()
        .map(|run| Inputs::of(folder, run))
        .collect::<Result<_, _>>()?;
    let mut bundle = Bundle::new(&options.out)?;
    bundle.add("campaign.toml".to_owned(), &text)?;
    let mut shown = String::new();
    let done = options.fill(&mut bundle, &campaign, inputs, today, &mut shown);
    // Of a bundle that breaks off it is told what was found until then.
    let told = print(shown);
    let code = done?;
    told.map(|()| code)
}

impl Options {
    /// Runs the campaign into its bundle; `shown` is for people.
    fn fill(
        &self,
        bundle: &mut Bundle,
        campaign: &Campaign,
        inputs: Vec<Inputs>,
        today: Day,
        shown: &mut String,
    ) -> Result<ExitCode, BenchError> {
        let mut used = vec![false; campaign.waiver.len()];
        let mut runs = Vec::new();
        let (mut found, mut undecided, mut left) = (false, false, None);
        for (run, Inputs { work, statement }) in campaign.run.iter().zip(inputs) {
            if stop::is_asked() {
                warn(&format!(
                    "{}: not run: a signal ended the campaign",
                    run.name
                ));
                undecided = true;
                continue;
            }
            if let Some(statement) = statement {
                bundle.add(format!("runs/{}/ics.toml", run.name), &statement)?;
            }
            let (report, not_undone) = work.run(run.seed, self.jobs)?;
            left = not_undone.map(|not_undone| tell(&not_undone)).or(left);
            let (open, waived) = split(&report, &run.name, &campaign.waiver);
            for (_, waiver) in &waived {
                for (used, other) in used.iter_mut().zip(&campaign.waiver) {
                    *used |= other == *waiver;
                }
            }
            found |= !open.is_empty();
            undecided |= report.count(Verdict::Inconclusive) > 0 || report.judged_nothing();
            let mut text = format!("== {}\n{}", run.name, summary(&report));
            for (result, waiver) in &waived {
                let _ = writeln!(
                    text,
                    "waived {} {}",
                    visible(&result.id),
                    visible(&waiver.to_string())
                );
            }
            *shown += &text;
            let page = html::report(&report, &all(), &waived)?;
            let name = |file: &str| format!("runs/{}/{file}", run.name);
            bundle.add(
                name("report.json"),
                &(serde_json::to_string_pretty(&report)? + "\n"),
            )?;
            bundle.add(name("junit.xml"), &junit(&report)?)?;
            bundle.add(name("report.sarif"), &sarif(&report)?)?;
            bundle.add(name("report.html"), &page)?;
            let plain = anstream::adapter::strip_str(&text).to_string();
            bundle.add(name("summary.txt"), &plain)?;
            runs.push(RunSummary {
                name: run.name.clone(),
                target: report.target.name.clone(),
                kind: report.target.kind.clone(),
                sha256: report.target.fingerprint.clone(),
                seed: report.seed,
                fingerprint: report.fingerprint()?,
                totals: report.totals.clone(),
                faults: open.iter().map(|result| result.id.clone()).collect(),
                waived: waived
                    .iter()
                    .map(|(result, waiver)| Waived {
                        case: result.id.clone(),
                        verdict: result.verdict,
                        waiver: (*waiver).clone(),
                    })
                    .collect(),
            });
        }
        let unused: Vec<_> = campaign
            .waiver
            .iter()
            .zip(&used)
            .filter(|(_, used)| !**used)
            .map(|(waiver, _)| waiver.clone())
            .collect();
        for waiver in &unused {
            let _ = writeln!(
                shown,
                "nothing to waive: {} {}",
                visible(&waiver.case),
                visible(&waiver.to_string())
            );
        }
        let manifest = Manifest {
            campaign: campaign.name.clone(),
            day: today.to_string(),
            bench: env!("CARGO_PKG_VERSION"),
            program: program(),
            runs,
            unused_waivers: unused,
            files: bundle.files.clone(),
        };
        bundle.add(
            "manifest.json".to_owned(),
            &(serde_json::to_string_pretty(&manifest)? + "\n"),
        )?;
        let sums: String = bundle
            .files
            .iter()
            .map(|(name, hash)| format!("{hash}  {name}\n"))
            .collect();
        bundle.add("SHA256SUMS".to_owned(), &sums)?;
        let _ = writeln!(shown, "bundle: {}", self.out.display());
        if let Some(code) = left {
            return Ok(code);
        }
        Ok(if found {
            ExitCode::from(EXIT_FOUND)
        } else if undecided {
            ExitCode::from(EXIT_UNDECIDED)
        } else {
            ExitCode::SUCCESS
        })
    }
}

fn wrong(path: &Path) -> impl Fn(CampaignError) -> BenchError {
    move |source| BenchError::Campaign {
        path: path.display().to_string(),
        source,
    }
}

/// Everything that a run needs.
struct Inputs {
    work: Work,
    /// The text of its statement, if it names one.
    statement: Option<String>,
}

/// What a run does.
enum Work {
    Card(Box<Plan>),
    Reader(Box<Place>, Vec<Case>),
    Module(Box<Tested>, Box<Ics>, Vec<Case>),
}

impl Inputs {
    fn of(folder: &Path, run: &Run) -> Result<Self, BenchError> {
        let beside = |path: &PathBuf| folder.join(path);
        let file = run.ics.as_ref().map(beside);
        let said = file.as_deref().map(ics::read).transpose()?;
        let (said, statement) = said.unzip();
        let cases = |all| selected(&run.cases, all);
        let work = match &run.target {
            Target::Card => {
                let family = family(run.family.as_deref().unwrap_or_default())?;
                Work::Card(Box::new(Plan {
                    family,
                    seed: run.seed,
                    ics: said.unwrap_or_else(|| ours::ics(family)),
                    cases: cases(card_cases())?,
                    shard: None,
                }))
            }
            Target::Reader(reader) => {
                let place = Place::of(reader, file, &beside);
                Work::Reader(Box::new(place), cases(with_its_reader())?)
            }
            Target::Module(module) => {
                let process = ProcessOptions {
                    patience: module.patience.unwrap_or(PATIENCE),
                    under: module.under.clone(),
                    environment: module
                        .env
                        .iter()
                        .map(|(name, value)| (name.into(), value.into()))
                        .collect(),
                };
                let mut tested = process.module(&beside(&module.path), run.seed)?;
                tested.setup.effort = EffortOptions::of(module.sequences, module.draws).effort();
                let ics = tested.statement(file.as_deref())?;
                Work::Module(Box::new(tested), Box::new(ics), cases(middleware_cases())?)
            }
        };
        Ok(Self { work, statement })
    }
}

impl Work {
    fn run(
        self,
        seed: u64,
        jobs: Option<NonZeroUsize>,
    ) -> Result<(Report, Option<Left>), BenchError> {
        match self {
            Self::Card(plan) => Ok((plan.run(jobs)?, None)),
            Self::Reader(place, cases) => in_a_reader(&place, seed, cases, None),
            Self::Module(tested, ics, cases) => {
                let jobs = jobs.unwrap_or(NonZeroUsize::MIN);
                Ok((tested.run(&cases, *ics, jobs), None))
            }
        }
    }
}

/// Today in UTC.
fn today() -> Result<Day, BenchError> {
    let since = std::time::Duration::from_secs(now());
    let wrong =
        || BenchError::Arguments("the clock of this machine shows no usable day".to_owned());
    let time = der::DateTime::from_unix_duration(since).map_err(|_| wrong())?;
    Day::new(time.year(), time.month(), time.day()).map_err(|_| wrong())
}

/// SHA-256 of this program.
fn program() -> String {
    let bytes = std::env::current_exe().and_then(fs::read);
    bytes.map_or_else(|_| String::new(), |bytes| sha256(&bytes))
}

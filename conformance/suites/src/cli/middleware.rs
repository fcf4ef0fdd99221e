// SPDX-License-Identifier: MIT OR Apache-2.0
//! `middleware`: the cases on a PKCS#11 module.

use super::catalogue::Selection;
use super::error::BenchError;
use super::ics;
use super::output::Output;
use super::progress::Progress;
use cie_conformance::catalogue::{Case, middleware_cases};
use cie_conformance::ics::Ics;
use cie_conformance::middleware::{Effort, Scene, Setup, detect, judge};
use cie_conformance::report::fingerprint::sha256;
use cie_conformance::report::{Report, Settings, Shard, Target};
use cie_conformance::run::at_once;
use clap::Args;
use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The module, such as libcie_pkcs11.so
    #[arg(long, value_name = "PATH")]
    module: PathBuf,
    /// What the module is and promises; without it, what can be found out by
    /// loading it
    #[arg(long, value_name = "FILE")]
    ics: Option<PathBuf>,
    /// Seed of the cards and of everything else that is random
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    process: ProcessOptions,
    #[command(flatten)]
    effort: EffortOptions,
    /// Cases at a time. More save time; what a module must do in time is then
    /// done beside other work
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// Only the I-th of N parts, I from 1; `merge` makes one report of them
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
}

/// How much is drawn from the seed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct EffortOptions {
    /// Random sequences of codes in each case of the unit SEQ
    #[arg(long, default_value_t = Effort::default().sequences, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) sequences: u32,
    /// Drawn contents in each case of the unit CONTENT that draws
    #[arg(long, default_value_t = Effort::default().draws, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) draws: u32,
}

impl EffortOptions {
    /// What is usual where nothing is said.
    pub(super) fn of(sequences: Option<NonZeroU32>, draws: Option<NonZeroU32>) -> Self {
        let usual = Effort::default();
        Self {
            sequences: sequences.map_or(usual.sequences, NonZeroU32::get),
            draws: draws.map_or(usual.draws, NonZeroU32::get),
        }
    }

    pub(super) fn effort(self) -> Effort {
        Effort {
            sequences: self.sequences,
            draws: self.draws,
        }
    }

    /// As they are given on a command line, if they are not the usual ones.
    pub(super) fn words(self) -> String {
        let usual = Effort::default();
        let mut words = String::new();
        for (option, number, usual) in [
            ("sequences", self.sequences, usual.sequences),
            ("draws", self.draws, usual.draws),
        ] {
            if number != usual {
                words += &format!(" --{option} {number}");
            }
        }
        words
    }
}

/// The process in which a module runs.
#[derive(Debug, Args)]
pub(super) struct ProcessOptions {
    /// Seconds that one call of the module may take
    #[arg(long, default_value_t = PATIENCE, value_name = "SECONDS")]
    pub(super) patience: u64,
    /// Run the module's process under this program, given with its arguments,
    /// such as "valgrind --error-exitcode=99"
    #[arg(long, value_name = "COMMAND")]
    pub(super) under: Option<String>,
    /// A variable of the module's environment, beside those that the bench
    /// sets. Can be repeated
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
    pub(super) environment: Vec<(OsString, OsString)>,
}

pub(super) fn variable(text: &str) -> Result<(OsString, OsString), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("a variable is given as NAME=VALUE".to_owned()),
    }
}

/// Seconds that one call of a module may take.
pub(super) const PATIENCE: u64 = 60;

/// A module that can be run.
pub(super) struct Tested {
    pub(super) setup: Setup,
    pub(super) target: Target,
    /// The program that it runs under.
    pub(super) under: Option<String>,
}

impl ProcessOptions {
    /// The module at this path, with these options.
    pub(super) fn module(&self, path: &Path, seed: u64) -> Result<Tested, BenchError> {
        let module = path.canonicalize().map_err(BenchError::input(path))?;
        let bytes = std::fs::read(&module).map_err(BenchError::input(path))?;
        if cfg!(target_os = "linux") && !bytes.starts_with(b"\x7fELF") {
            return Err(BenchError::NoObject(path.display().to_string()));
        }
        let program = std::env::current_exe().map_err(BenchError::io("find", "this program"))?;
        let mut words: Vec<OsString> = self
            .under
            .iter()
            .flat_map(|command| command.split_whitespace())
            .map(OsString::from)
            .collect();
        let program = program.into_os_string();
        let supervisor = vec![program.clone(), "supervise".into()];
        words.extend([program, "drive".into()]);
        Ok(Tested {
            setup: Setup {
                module,
                driver: words.remove(0).into(),
                driver_arguments: words,
                supervisor,
                seed,
                patience: Duration::from_secs(self.patience),
                environment: self.environment.clone(),
                effort: Effort::default(),
                scene: Scene::default(),
            },
            target: Target {
                kind: "module".to_owned(),
                name: path.display().to_string(),
                fingerprint: sha256(&bytes),
            },
            under: self.under.clone(),
        })
    }
}

impl Tested {
    /// What is said about the module in this file, or else what can be found
    /// out.
    pub(super) fn statement(&self, file: Option<&Path>) -> Result<Ics, BenchError> {
        let Some(file) = file else {
            return Ok(detect(&self.setup)?);
        };
        let (ics, _) = ics::read(file)?;
        match ics.middleware {
            Some(_) => Ok(ics),
            None => Err(BenchError::NoModule(file.display().to_string())),
        }
    }

    /// How it is run, for a report.
    pub(super) fn settings(&self) -> Settings {
        let Effort { sequences, draws } = self.setup.effort;
        let mut settings = Settings {
            sequences: NonZeroU32::new(sequences),
            draws: NonZeroU32::new(draws),
            patience: Some(self.setup.patience.as_secs()),
            under: self.under.clone().filter(|under| !under.trim().is_empty()),
            ..Settings::default()
        };
        for (name, value) in &self.setup.environment {
            settings.add_variable(&name.to_string_lossy(), &value.to_string_lossy());
        }
        settings
    }

    /// Runs these cases, so many at a time.
    pub(super) fn run(self, cases: &[Case], ics: Ics, jobs: NonZeroUsize) -> Report {
        let progress = Progress::of(cases.len());
        let saw = |result: &_| progress.saw(result);
        let judge = |(): &mut (), case: &Case| judge(&self.setup, case, &ics);
        let (results, times) = at_once(cases, jobs, || (), judge, &saw);
        drop(progress);
        let settings = self.settings();
        let mut report = Report::new(self.target, self.setup.seed, ics, results, times);
        report.settings = Some(settings);
        report
    }
}

/// What the bench starts itself for.
pub(super) fn drive() -> Result<ExitCode, BenchError> {
    cie_driver::serve().map_err(BenchError::io("serve", "standard input and output"))?;
    Ok(ExitCode::SUCCESS)
}

/// A program and its arguments.
#[derive(Debug, Args)]
pub(super) struct SuperviseOptions {
    /// Without them, folders
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// What the bench starts itself for, above that.
pub(super) fn supervise(options: SuperviseOptions) -> Result<ExitCode, BenchError> {
    cie_driver::supervise(options.words).map_err(BenchError::io("supervise", "a process"))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn middleware(options: &Options) -> Result<ExitCode, BenchError> {
    let mut cases = options.selection.of(middleware_cases())?;
    if let Some(shard) = options.shard {
        cases = shard.of(cases);
    }
    let output = options.output.prepare()?;
    let mut tested = options.process.module(&options.module, options.seed)?;
    tested.setup.effort = options.effort.effort();
    let ics = tested.statement(options.ics.as_deref())?;
    let mut report = tested.run(&cases, ics, options.jobs);
    report.shard = options.shard;
    output.write(&report)
}

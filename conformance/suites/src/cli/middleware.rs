// SPDX-License-Identifier: MIT OR Apache-2.0
//! `middleware`: the cases on a PKCS#11 module.

use super::catalogue::Selection;
use super::error::BenchError;
use super::output::Output;
use super::progress::Progress;
use cie_conformance::catalogue::middleware_cases;
use cie_conformance::ics::Ics;
use cie_conformance::middleware::{Effort, Setup, detect, judge_with};
use cie_conformance::report::{Report, Target, Times};
use clap::Args;
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
    /// Seconds that one call of the module may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    patience: u64,
    /// Run the module's process under this program, given with its arguments,
    /// such as "valgrind --error-exitcode=99"
    #[arg(long, value_name = "COMMAND")]
    under: Option<String>,
    /// Random sequences of codes in each case of the unit SEQ
    #[arg(long, default_value_t = Effort::default().sequences, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sequences: u32,
    /// Drawn contents in each case of the unit CONTENT that draws
    #[arg(long, default_value_t = Effort::default().draws, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    draws: u32,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    output: Output,
}

/// What the bench starts itself for.
pub(super) fn drive() -> Result<ExitCode, BenchError> {
    cie_driver::serve().map_err(BenchError::io("serve", "standard input and output"))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn middleware(options: &Options) -> Result<ExitCode, BenchError> {
    let cases = options.selection.of(middleware_cases())?;
    let path = &options.module;
    let module = path
        .canonicalize()
        .map_err(BenchError::file("open", path))?;
    let bytes = std::fs::read(&module).map_err(BenchError::file("read", path))?;
    let program = std::env::current_exe().map_err(BenchError::io("find", "this program"))?;
    let mut words: Vec<OsString> = options
        .under
        .iter()
        .flat_map(|command| command.split_whitespace())
        .map(OsString::from)
        .collect();
    words.extend([program.into_os_string(), "drive".into()]);
    let setup = Setup {
        module,
        driver: words.remove(0).into(),
        driver_arguments: words,
        seed: options.seed,
        patience: Duration::from_secs(options.patience),
    };
    let effort = Effort {
        sequences: options.sequences,
        draws: options.draws,
    };
    let ics = match &options.ics {
        None => detect(&setup)?,
        Some(file) => {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(BenchError::file("read", file))?;
            let ics = Ics::parse(&text).map_err(|source| BenchError::Statement {
                path: name.clone(),
                source,
            })?;
            if ics.middleware.is_none() {
                return Err(BenchError::NoModule(name));
            }
            ics
        }
    };
    let begun = Instant::now();
    let mut times = Times {
        started: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
        ..Times::default()
    };
    let progress = Progress::of(cases.len());
    let mut results = Vec::with_capacity(cases.len());
    for case in &cases {
        let begun = Instant::now();
        let result = judge_with(&setup, effort, case, &ics);
        let elapsed = begun.elapsed();
        let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        times.cases.insert(case.id.clone(), micros);
        progress.saw(&result);
        results.push(result);
    }
    drop(progress);
    times.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let target = Target {
        kind: "module".to_owned(),
        name: path.display().to_string(),
        fingerprint: hex::encode(Sha256::digest(&bytes)),
    };
    let report = Report::new(target, options.seed, ics, results, times);
    options.output.write(&report)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `schemata`: the campaign of `ci/mutants` as a command.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command

use cie_schemata::campaign::{Plan, Shard, checkout};
use cie_schemata::error::SchemataError;
use cie_schemata::list;
use cie_schemata::page::{self, SURVIVORS, Totals};
use cie_schemata::result::{self, Campaign};
use cie_schemata::workspace::Workspace;
use clap::{Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// All mutations of cargo-mutants in one build of the card
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List, build and judge
    Run(Options),
    /// Print the page from the files of all shards
    Page {
        /// What `run --json` wrote
        #[arg(required = true)]
        results: Vec<PathBuf>,
    },
}

#[derive(Debug, clap::Args)]
struct Options {
    /// Processes at a time; as many as there are processors if not given
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Only the I-th of N parts, I from 1
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Seed of all cards
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Families of the card, the next one if the one before finds nothing: the
    /// one that `cie-conformance card` takes, and one with extended length
    #[arg(long, value_name = "FAMILY", default_values = ["gemalto", "gemalto2"])]
    family: Vec<String>,
    /// Only mutations whose name has this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write the result here; below the target folder if not given, and for
    /// --only nowhere
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Action::Run(options) => run(&options),
        Action::Page { results } => print(&results),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("schemata: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(results: &[PathBuf]) -> Result<(), SchemataError> {
    let campaign = result::read(results)?;
    print!("{}", page::render(&campaign, &page::groups(SURVIVORS)?)?);
    Ok(())
}

fn run(options: &Options) -> Result<(), SchemataError> {
    let checkout = checkout();
    let cargo_mutants = said(&checkout, &["mutants", "--version"])?;
    let listed = said(
        &checkout,
        &[
            "mutants",
            "--list",
            "--json",
            "-p",
            "cie-card",
            "-p",
            "iso7816-wire",
        ],
    )?;
    let list = list::read(&listed)?;
    let length = list.len();
    let only = |mutation: &list::Mutation| match &options.only {
        Some(text) => mutation.name.contains(text.as_str()),
        None => true,
    };
    let list: Vec<_> = list.into_iter().filter(only).collect();
    let jobs = options
        .jobs
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let plan = Plan {
        list: &list,
        workspace: Workspace {
            folder: target(&checkout).join("schemata"),
            checkout: checkout.clone(),
        },
        families: &options.family,
        seed: options.seed,
        jobs,
        shard: options.shard.unwrap_or(Shard::WHOLE),
    };
    let rows = plan.run(&|line| eprintln!("{line}"))?;
    let campaign = Campaign {
        cargo_mutants: cargo_mutants.trim().to_owned(),
        rustc: version("rustc")?,
        seed: options.seed,
        families: options.family.clone(),
        listed: length,
        rows,
    };
    summary(&campaign);
    let Some(path) = written(options, &checkout) else {
        return Ok(());
    };
    let json = serde_json::to_string_pretty(&campaign).map_err(|error| SchemataError::Result {
        path: path.clone(),
        error,
    })?;
    std::fs::write(&path, json + "\n").map_err(|error| SchemataError::File {
        path: path.clone(),
        error,
    })?;
    println!("written: {}", path.display());
    Ok(())
}

/// Where the result goes.
fn written(options: &Options, checkout: &Path) -> Option<PathBuf> {
    let name = match options.shard {
        None => "schemata.json".to_owned(),
        Some(shard) => format!("schemata-{shard}.json"),
    };
    let usual = || options.only.is_none().then(|| target(checkout).join(name));
    options.json.clone().or_else(usual)
}

fn summary(campaign: &Campaign) {
    for row in &campaign.rows {
        if row.fate.is_tried() && !row.fate.is_killed() {
            println!("survived: {} (line {})", row.key, row.line);
        }
    }
    let totals = Totals::of(campaign.rows.iter());
    println!(
        "{} listed, {} not shipped, {} do not compile; {} of {} killed, {}",
        totals.listed,
        totals.not_shipped,
        totals.does_not_compile,
        totals.found(),
        totals.tried(),
        totals.rate()
    );
}

/// The folder of everything that is built.
fn target(checkout: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => checkout.join(folder),
        None => checkout.join("target"),
    }
}

fn version(program: &str) -> Result<String, SchemataError> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(|error| SchemataError::Program {
        program: program.to_owned(),
        error,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    // Without commit and date.
    let words = text.split_whitespace().take(2);
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// What a command of cargo says.
fn said(folder: &Path, arguments: &[&str]) -> Result<String, SchemataError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .current_dir(folder)
        .args(arguments)
        .output()
        .map_err(|error| SchemataError::Program {
            program: "cargo mutants".to_owned(),
            error,
        })?;
    if !output.status.success() {
        return Err(SchemataError::Failed {
            program: format!("cargo {}", arguments.join(" ")),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

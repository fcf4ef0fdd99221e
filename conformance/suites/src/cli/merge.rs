// SPDX-License-Identifier: MIT OR Apache-2.0
//! `merge`: the report of all shards.

use super::catalogue::all;
use super::compare::read;
use super::error::BenchError;
use super::output::Output;
use cie_conformance::report::merge;
use clap::Args;
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The JSON reports of the shards, all of them, in any order
    #[arg(value_name = "SHARD.json", required = true)]
    parts: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

pub(super) fn merge(options: &Options) -> Result<ExitCode, BenchError> {
    let output = options.output.prepare()?;
    let parts: Result<Vec<_>, _> = options.parts.iter().map(|path| read(path)).collect();
    let cases = all();
    let ranks: HashMap<_, _> = cases
        .iter()
        .enumerate()
        .map(|(rank, case)| (case.id.as_str(), rank))
        .collect();
    let report = merge::merge(parts?, |id| ranks.get(id).copied())?;
    output.write(&report)
}

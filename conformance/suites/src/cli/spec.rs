// SPDX-License-Identifier: MIT OR Apache-2.0
//! `spec`: what the cases demand, without running them.

use super::catalogue::{Selection, all};
use super::error::BenchError;
use super::print;
use cie_conformance::report::html;
use clap::Args;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    selection: Selection,
    /// One HTML page that needs no network, instead of text
    #[arg(long)]
    html: bool,
}

pub(super) fn spec(options: &Options) -> Result<ExitCode, BenchError> {
    let cases = options.selection.of(all())?;
    if options.html {
        print(html::specification(&cases)?)?;
    } else {
        let texts: Vec<_> = cases.iter().map(ToString::to_string).collect();
        print(texts.join("\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

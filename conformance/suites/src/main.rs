// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie-conformance`: the bench as a command.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(cli::Arguments::parse())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie-conformance`: the bench as a command.

mod cli;

use clap::Parser;
use std::process::ExitCode;

// With the feature `mutants` this is no constant, and nothing compiles: the card in
// here has no defects on purpose.
const _: () = assert!(!iso7816_wire::mutant!(TriesEndless));

fn main() -> ExitCode {
    cli::run(cli::Arguments::parse())
}

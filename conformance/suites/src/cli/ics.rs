// SPDX-License-Identifier: MIT OR Apache-2.0
//! `ics`: the conformance statement to fill in, and how one is read.

use super::error::BenchError;
use super::middleware::ProcessOptions;
use super::print;
use cie_conformance::ics::Ics;
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HEAD: &str = "\
# Conformance statement: what is said about a card before it is tested. From it follows which cases
# are not applicable (beside it only from what the way to a card in a reader does not carry, and what
# the guard of a physical card never sends). As it stands here, nothing is known of the card and nothing may happen
# to it: no code is sent, no try is spent, nothing is written.
#
# card.follows_choices: a departure from one of this project's own choices is a fail (true) or only
#   a difference (false). terminal.certified: the card accepts the published test certificate of a
#   terminal. permit.*: what one case may cost. On a card that cannot be made anew at most one PIN
#   try and never a PUK try is spent, whatever stands here. permit.wrong_proofs: wrong proofs of
#   device authentication may be sent, which a card may count.
";

/// Of a module.
const MODULE: &str = "\
# Conformance statement of a module, as far as it could be found out by loading it and asking it in
# front of a card. What it promises (checks-*) cannot be seen, so it is taken to promise everything,
# and to follow none of this project's choices: correct both. What is missing in middleware.features
# and middleware.announces is not applicable.
";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Print a statement to fill in, for a card of which nothing is known
    #[arg(long, required = true)]
    init: bool,
    /// Ask this module, and print its statement
    #[arg(long, value_name = "PATH")]
    module: Option<PathBuf>,
    #[command(flatten)]
    process: ProcessOptions,
}

pub(super) fn ics(options: &Options) -> Result<ExitCode, BenchError> {
    if let Some(module) = &options.module {
        let found = options.process.module(module, 1)?.statement(None)?;
        let text = toml::to_string(&found)?;
        print(format_args!("{MODULE}{text}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let text = toml::to_string(&Ics::of_a_stranger())?;
    print(format_args!("{HEAD}{text}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A statement, and its text.
pub(super) fn read(path: &Path) -> Result<(Ics, String), BenchError> {
    let text = std::fs::read_to_string(path).map_err(BenchError::input(path))?;
    let ics = Ics::parse(&text).map_err(|source| BenchError::Statement {
        path: path.display().to_string(),
        source,
    })?;
    Ok((ics, text))
}

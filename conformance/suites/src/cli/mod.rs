// SPDX-License-Identifier: MIT OR Apache-2.0
//! The commands of the bench.

mod again;
mod bisect;
mod campaign;
mod card;
mod catalogue;
mod compare;
mod diff;
mod error;
mod ics;
mod known;
mod merge;
mod middleware;
mod output;
mod progress;
mod properties;
#[cfg(test)]
mod recipes;
mod replay;
mod spec;
mod stop;
mod survey;
mod target;

use cie_conformance::report::text::visible_lines;
use clap::{Parser, Subcommand};
use error::BenchError;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes: 0 no case found a fault, 1 a case failed, crashed or hung, 2 wrong arguments, 3 a case
could not be decided and none failed, or nothing was judged, 4 a protected card may have been left with
another PIN than its own (which one is on standard error), 125 the bench itself could not do its work.";

/// Finds what is wrong in CIE cards and middleware.
#[derive(Debug, Parser)]
#[command(name = "cie-conformance", version, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the cases on a card
    Card(Box<card::Options>),
    /// Run random sequences against the model of the card
    Properties(properties::Options),
    /// What a card is and does, without touching it
    #[command(after_help = survey::HELP)]
    Survey(survey::Options),
    /// The same commands to two cards, and where they part
    #[command(after_help = diff::HELP)]
    Diff(diff::Options),
    /// Run a campaign and bundle its inputs, reports and hashes
    Campaign(campaign::Options),
    /// What is newly wrong and what is mended between two JSON reports
    Compare(compare::Options),
    /// One report of the JSON reports of all shards
    Merge(merge::Options),
    /// Run the cases of a JSON report again and compare exchange by exchange
    Replay(replay::Options),
    /// Print the specification of the cases without running them
    Spec(spec::Options),
    /// Run the cases on a PKCS#11 module
    Middleware(middleware::Options),
    /// Which cases went worse from one module to another, and where
    Bisect(bisect::Options),
    /// Public complaints about CIE software, and whether a module has them
    #[command(after_help = known::HELP)]
    Known(known::Options),
    /// Run a module as told on standard input: the bench starts itself so
    #[command(hide = true)]
    Drive,
    /// Keep what a program starts together: the bench starts itself so
    #[command(hide = true)]
    Supervise(middleware::SuperviseOptions),
    /// List the cases
    List(catalogue::ListOptions),
    /// Everything about a case: what it demands, on what ground, its steps
    Explain(catalogue::ExplainOptions),
    /// The conformance statement, from which follows what is not applicable
    Ics(ics::Options),
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let done = match arguments.command {
        Command::Card(options) => card::card(&options),
        Command::Properties(options) => properties::properties(&options),
        Command::Survey(options) => survey::survey(&options),
        Command::Diff(options) => diff::diff(&options),
        Command::Campaign(options) => campaign::campaign(&options),
        Command::Compare(options) => compare::compare(&options),
        Command::Merge(options) => merge::merge(&options),
        Command::Replay(options) => replay::replay(&options),
        Command::Spec(options) => spec::spec(&options),
        Command::Middleware(options) => middleware::middleware(&options),
        Command::Bisect(options) => bisect::bisect(&options),
        Command::Known(options) => known::known(&options),
        Command::Drive => middleware::drive(),
        Command::Supervise(options) => middleware::supervise(options),
        Command::List(options) => catalogue::list(&options),
        Command::Explain(options) => catalogue::explain(&options),
        Command::Ics(options) => ics::ics(&options),
    };
    done.unwrap_or_else(|error| {
        // Nobody may be there to read it.
        let text = visible_lines(&error.to_string());
        let _ = writeln!(anstream::stderr(), "cie-conformance: {text}");
        ExitCode::from(error.exit_code())
    })
}

/// Writes to standard output; a closed pipe is no reason to panic.
fn print(text: impl Display) -> Result<(), BenchError> {
    let mut out = anstream::stdout().lock();
    write!(out, "{text}")
        .and_then(|()| out.flush())
        .or_else(|error| match error.kind() {
            // `cie-conformance list | head` is no error.
            io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(error),
        })
        .map_err(BenchError::io("write to", "standard output"))
}

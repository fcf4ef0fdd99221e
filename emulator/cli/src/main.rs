// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie`: a software CIE 3.0 card on a private PC/SC reader.

mod artifacts;
mod card_at_hand;
mod child;
mod codes;
mod control;
mod demo;
mod desk;
mod environment;
mod error;
mod families;
mod hand;
mod new;
mod new_card;
mod out;
mod personas;
mod pki;
mod readers;
mod run;
mod serve;
mod show;
mod stored;
mod trace;
mod vpcd;
mod who;

use crate::card_at_hand::{login, pin, sign, verify};
use crate::error::CliError;
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

// With the feature `mutants` this is no constant, and nothing compiles: the card in
// here has no defects on purpose.
const _: () = assert!(!iso7816_wire::mutant!(TriesEndless));

/// A software CIE 3.0 (the Italian electronic identity card) on a private
/// PC/SC reader: no hardware, no root, no daemon. A test card, never a document.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run a program with a fresh card in a virtual reader.
    ///
    /// The program and everything it starts see one PC/SC reader with one card,
    /// through the libpcsclite of the system (PCSCLITE_CSOCK_NAME is set). The
    /// card's data is in CIE_PIN, CIE_PIN_FIRST, CIE_PIN_LAST, CIE_PUK,
    /// CIE_PUK_FIRST, CIE_PUK_LAST, CIE_NIS, CIE_SERIAL, CIE_CF (fiscal code),
    /// CIE_READER (reader name) and CIE_CA_PEM (a file with the test
    /// authority's certificates). In state half-codes the holder has no letter:
    /// of the codes only CIE_PIN_FIRST and CIE_PUK_FIRST are set. Of several
    /// cards the second one's are CIE_2_PIN and so on. CIE_CONTROL is the socket
    /// on which `cie control` inserts, removes, resets and swaps cards.
    #[command(after_help = RUN_HELP)]
    Run {
        /// Decides everything about the card but its persona: codes, numbers,
        /// the card's own random numbers.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        table: run::Table,
        #[command(flatten)]
        who: who::Who,
        /// Write every exchange to FILE, as sent and in plain, with status
        /// words in words, and the PC/SC calls around them with their return
        /// values. An existing file is replaced.
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
        /// Show PIN, PUK and session keys in the trace instead of masking them.
        #[arg(long, requires = "trace")]
        trace_secrets: bool,
        /// Leave the PC/SC calls of the programs out of the trace, which then
        /// is the same whenever the same is done.
        #[arg(long)]
        no_trace_calls: bool,
        /// The program.
        #[arg(value_name = "CMD")]
        program: OsString,
        /// Its arguments.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARGS"
        )]
        arguments: Vec<OsString>,
    },
    /// Make a card in a file.
    #[command(after_help = new::HELP)]
    New(new::Options),
    /// Show the card in a file: holder, family, state, counters; no secrets.
    #[command(after_help = show::HELP)]
    Show(show::Options),
    /// Print PIN and PUK of the card in a file, as issued.
    #[command(after_help = codes::HELP)]
    Codes(codes::Options),
    /// Serve cards in virtual readers until a signal ends it.
    #[command(after_help = serve::SERVE_HELP)]
    Serve(serve::ServeOptions),
    /// Print the variables that lead programs to a running `cie serve`.
    #[command(after_help = serve::ENV_HELP)]
    Env(serve::EnvOptions),
    /// Insert, remove, reset and swap the cards of a running `cie run` or `cie serve`.
    #[command(after_help = control::HELP)]
    Control(control::Options),
    /// Print the completions of a shell.
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// List the chip families a card can be of, with what each rests on.
    #[command(after_help = families::HELP)]
    Families {
        /// A JSON array of objects, for programs.
        #[arg(long)]
        json: bool,
    },
    /// List the reader profiles: readers that people have, with what is known of each.
    #[command(after_help = readers::HELP)]
    Readers {
        /// A JSON array of objects, for programs.
        #[arg(long)]
        json: bool,
    },
    /// List the shipped personas, the holders a card can have.
    #[command(after_help = personas::HELP)]
    Personas {
        /// A JSON array of objects, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Write the test authorities into a new folder: certificates, revocation
    /// lists, OCSP responses, and cards' certificates: valid, expired, revoked.
    #[command(after_help = pki::HELP)]
    Pki {
        /// The folder to make; one that exists must be empty.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Seed of the cards whose certificates are published.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// Publish the cards of this persona; may be repeated. Without it, those
        /// of all shipped ones.
        #[arg(long, value_name = "NAME|FILE")]
        persona: Vec<PathBuf>,
    },
    /// Sign a file or a PDF with the card on a reader.
    #[command(after_help = sign::HELP)]
    Sign(Box<sign::Options>),
    /// Check the signatures of a file or a PDF. Needs no card.
    #[command(after_help = verify::HELP)]
    Verify(verify::Options),
    /// Look after the PIN of the card on a reader: tries, change, unblock.
    #[command(after_help = pin::HELP)]
    Pin(pin::Options),
    /// Log in at a server with the card on a reader, and tell how it went.
    #[command(after_help = login::HELP)]
    LoginTest(login::Options),
    /// Watch a citizen use the card, step by step, with nothing installed.
    Demo {
        /// Decides which card it is.
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
    },
}

const RUN_HELP: &str = "\
Examples:
  cie run -- pcsc_scan -r
  cie run -- opensc-tool --atr
  cie run --seed 7 --trace card.txt -- pytest tests/
  cie run --card card.cie --artifacts failure/ -- ./tests
  cie run --readers 3 -- pcsc_scan -r
  cie run --card one.cie --card two.cie -- ./tests    # two readers; CIE_2_PIN
  cie run --empty -- ./tests                # they do `cie control insert` themselves
  cie run --reader-profile acr1252u -- pcsc_scan -r
  cie run --persona minor --family actalis-2023 -- ./tests
  cie run --persona mine.toml --state pin-blocked -- ./tests
  cie run --fault 'SCardTransmit SCARD_E_NOT_TRANSACTED --at 3' -- ./tests
  cie run --vpcd-card 35963 -- opensc-tool --atr    # and meanwhile: vicc

Exit codes:
  the program's own, or 128 + N if signal N killed it;
  125 if cie itself failed, 126 if the program could not be started,
  127 if it was not found; 2 for wrong arguments of cie's own.";

const COMPLETIONS_HELP: &str = "\
Examples:
  cie completions bash > ~/.local/share/bash-completion/completions/cie
  cie completions zsh > ~/.zfunc/_cie

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

/// Prints what makes `shell` complete the arguments of `cie`.
fn completions(shell: clap_complete::Shell) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "cie", &mut text);
    out::line(String::from_utf8_lossy(&text).trim_end())
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Action::Run {
            seed,
            table,
            who,
            trace,
            trace_secrets,
            no_trace_calls,
            program,
            arguments,
        } => run::run(&run::Request {
            seed,
            table,
            who,
            trace,
            trace_secrets,
            trace_calls: !no_trace_calls,
            program,
            arguments,
        }),
        Action::New(options) => new::new(&options).map(|()| 0),
        Action::Show(options) => show::show(&options).map(|()| 0),
        Action::Codes(options) => codes::codes(&options).map(|()| 0),
        Action::Serve(options) => serve::serve(&options).map(|()| 0),
        Action::Env(options) => serve::env(&options).map(|()| 0),
        Action::Control(options) => control::control(&options).map(|()| 0),
        Action::Completions { shell } => completions(shell).map(|()| 0),
        Action::Families { json } => families::list(json).map(|()| 0),
        Action::Readers { json } => readers::list(json).map(|()| 0),
        Action::Personas { json } => personas::list(json).map(|()| 0),
        Action::Pki {
            folder,
            seed,
            persona,
        } => pki::write(&folder, seed, &persona).map(|()| 0),
        Action::Sign(options) => sign::sign(&options).map(|()| 0),
        Action::Verify(options) => verify::verify(&options),
        Action::Pin(options) => pin::pin(&options).map(|()| 0),
        Action::LoginTest(options) => login::login_test(&options),
        Action::Demo { seed } => demo::demo(seed).map(|()| 0),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // If nobody can read it, the exit code still tells.
            let _ = writeln!(anstream::stderr(), "cie: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

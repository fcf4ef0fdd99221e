// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `cie run` adds to a command, in turns with the same command alone and
//! on a server around a card that does nothing but have an ATR.
//!
//! ```sh
//! cargo build --release
//! cargo run --release -p cie-benches --example startup -- target/release/cie
//! ```
#![allow(clippy::print_stdout, missing_docs)] // its purpose

use cie_benches::DoNothing;
use cie_reader::{Place, ReaderServer, ReaderSpec};
use std::error::Error;
use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Instant;

const ROUNDS: usize = 40;
/// The first argument of this program when it is the server itself.
const SERVER: &str = "--do-nothing-server";

/// A reader with that card for as long as the command runs.
fn serve(mut words: impl Iterator<Item = OsString>) -> Result<(), Box<dyn Error>> {
    let readers = vec![ReaderSpec::with_card("Reader 00 00", Box::new(DoNothing))];
    let server = ReaderServer::bind(&Place::Private, readers)?.spawn()?;
    let program = words.next().ok_or("no command")?;
    Command::new(program)
        .args(words)
        .env("PCSCLITE_CSOCK_NAME", server.path())
        .status()?;
    server.stop()?;
    Ok(())
}

fn milliseconds(words: &[OsString]) -> Result<f64, Box<dyn Error>> {
    let [program, arguments @ ..] = words else {
        return Err("no command".into());
    };
    let start = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null());
    command.stderr(Stdio::null()).status()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args_os();
    let own = words.next().ok_or("no program name")?;
    let Some(first) = words.next() else {
        return Err("give the path of the cie program".into());
    };
    if first == SERVER {
        return serve(words);
    }
    for command in ["true", "opensc-tool -a"] {
        let command: Vec<OsString> = command.split(' ').map(Into::into).collect();
        let with = |before: &[&OsString]| -> Vec<OsString> {
            before.iter().copied().chain(&command).cloned().collect()
        };
        let ways = [
            ("alone", command.clone()),
            ("do-nothing server", with(&[&own, &SERVER.into()])),
            ("cie run", with(&[&first, &"run".into(), &"--".into()])),
        ];
        let mut times = vec![Vec::new(); ways.len()];
        for _ in 0..ROUNDS {
            for ((_, words), times) in ways.iter().zip(&mut times) {
                times.push(milliseconds(words)?);
            }
        }
        for ((name, _), times) in ways.iter().zip(&mut times) {
            times.sort_by(f64::total_cmp);
            let at = |part: usize| times.get(times.len() * part / 4).copied();
            println!(
                "{:<16} {name:<18} {:6.1} ms (quartiles {:.1} to {:.1})",
                command.join(std::ffi::OsStr::new(" ")).to_string_lossy(),
                at(2).unwrap_or(f64::NAN),
                at(1).unwrap_or(f64::NAN),
                at(3).unwrap_or(f64::NAN),
            );
        }
    }
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One changed card, judged in a process of its own.
//!
//! `ci/mutants` builds a program around this for cards that `cargo-mutants`
//! has changed: it may crash, take all memory or never end, so it sets limits
//! on itself, and whoever started it looks at how it ended.

use crate::examine;
use cie_conformance::catalogue::card_cases;
use cie_conformance::ours;
use cie_conformance::verdict::Verdict;
use cie_personalisation::{Family, family};
use iso7816_wire::CardDoor;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// Bytes of address space: far more than an honest card needs.
#[cfg(unix)]
const MEMORY: u64 = 4 << 30;

/// What the cases on cards come to.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Finding {
    /// A case is not fulfilled.
    Killed {
        /// The first such case.
        case: String,
        /// fail, crash or hang.
        verdict: Verdict,
    },
    /// No card could be made.
    Refused {
        /// Why.
        why: String,
    },
    /// No case is against it.
    Survived {
        /// The cases that could not be decided.
        undecided: Vec<String>,
    },
}

/// Judges one card. `make` is given the image of a fresh card of the family.
///
/// # Errors
/// A text if the bench cannot make its own card.
pub fn judge<D: CardDoor + Clone>(
    family: &'static Family,
    seed: u64,
    make: impl FnOnce(&[u8]) -> Result<D, String>,
) -> Result<Finding, String> {
    let honest = ours::specimen(family, seed).map_err(|error| error.to_string())?;
    let image = honest.card.image().to_bytes();
    let image = image.map_err(|error| error.to_string())?;
    let card = match make(&image) {
        Ok(card) => card,
        Err(why) => return Ok(Finding::Refused { why }),
    };
    let mut undecided = Vec::new();
    let specimen = honest.behind(|_| card);
    for result in examine(specimen, &ours::ics(family), &card_cases()) {
        if result.verdict.is_bad() {
            return Ok(Finding::Killed {
                case: result.id,
                verdict: result.verdict,
            });
        }
        if result.verdict == Verdict::Inconclusive {
            undecided.push(result.id);
        }
    }
    Ok(Finding::Survived { undecided })
}

/// The program: `NUMBER FAMILY SEED SECONDS`, the last being the limit of
/// processor time. Prints a [`Finding`] as one line of JSON.
///
/// Exit code 0 if it printed one, 2 if it could not judge, and 101 or a signal
/// if the card took the process with it.
#[allow(clippy::print_stdout, clippy::print_stderr)] // its interface
pub fn main<D: CardDoor + Clone>(
    choose: impl FnOnce(usize),
    make: impl FnOnce(&[u8]) -> Result<D, String>,
) -> ExitCode {
    match run(choose, make) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

fn run<D: CardDoor + Clone>(
    choose: impl FnOnce(usize),
    make: impl FnOnce(&[u8]) -> Result<D, String>,
) -> Result<String, String> {
    let usage = || "usage: NUMBER FAMILY SEED SECONDS".to_owned();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [number, id, seed, seconds] = arguments.as_slice() else {
        return Err(usage());
    };
    let number = number.parse().map_err(|_| usage())?;
    let seed = seed.parse().map_err(|_| usage())?;
    let seconds = seconds.parse().map_err(|_| usage())?;
    let family = family(id).ok_or_else(|| format!("no family is called {id}"))?;
    limit(seconds)?;
    // What a panic says is of no use: that it happened is.
    std::panic::set_hook(Box::new(|_| {}));
    choose(number);
    let finding = judge(family, seed, make)?;
    serde_json::to_string(&finding).map_err(|error| error.to_string())
}

/// Nothing that a changed card does may take more than this.
#[cfg(unix)]
fn limit(seconds: u64) -> Result<(), String> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    for (resource, most, grace) in [
        // SIGXCPU at the first number, SIGKILL at the sum.
        (Resource::Cpu, seconds, 5),
        (Resource::As, MEMORY, 0),
        (Resource::Core, 0, 0),
    ] {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most.saturating_add(grace)),
        };
        setrlimit(resource, limit).map_err(|error| format!("no limit can be set: {error}"))?;
    }
    Ok(())
}

/// The caller's limit of time is the only one.
#[cfg(not(unix))]
fn limit(_: u64) -> Result<(), String> {
    Ok(())
}

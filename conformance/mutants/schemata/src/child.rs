// SPDX-License-Identifier: MIT OR Apache-2.0
//! The judge as a process: how it ended is part of what it found.

use crate::error::SchemataError;
use serde::Deserialize;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// Signals with which the system ends a process that computes too long.
const SIGXCPU: i32 = 24;
/// Nobody but a person, or a system without memory, sends this one.
const SIGKILL: i32 = 9;

/// What is asked of the judge.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The program.
    pub judge: &'a Path,
    /// The mutation.
    pub number: usize,
    /// The family of the card.
    pub family: &'a str,
    /// The seed of everything that is random.
    pub seed: u64,
    /// Processor time for it.
    pub seconds: u64,
}

/// What the judge came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A case is not fulfilled.
    Killed {
        /// Its identifier.
        case: String,
        /// fail, crash or hang.
        verdict: String,
    },
    /// No card could be made, or the process was taken down.
    Crash(String),
    /// The limit of time was reached.
    Hang,
    /// No case is against it.
    Survived {
        /// The cases that could not be decided.
        undecided: Vec<String>,
    },
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed { case, verdict } => write!(f, "{verdict} in {case}"),
            Self::Crash(how) => write!(f, "a crash ({how})"),
            Self::Hang => f.write_str("no end"),
            Self::Survived { undecided } if undecided.is_empty() => f.write_str("nothing"),
            Self::Survived { undecided } => write!(f, "{} undecided", undecided.join(", ")),
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
enum Finding {
    Killed { case: String, verdict: String },
    Refused { why: String },
    Survived { undecided: Vec<String> },
}

/// Asks and waits.
///
/// # Errors
/// [`SchemataError::Judge`] if the end says nothing about the card.
pub fn ask(question: &Question<'_>) -> Result<Ended, SchemataError> {
    let Question {
        judge,
        number,
        family,
        seed,
        seconds,
    } = question;
    let mut command = Command::new(judge);
    command
        .args([&number.to_string(), *family, &seed.to_string()])
        .arg(seconds.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| SchemataError::Program {
        program: judge.display().to_string(),
        error,
    })?;
    // A process that waits uses no processor time; many share the processors.
    let limit = Duration::from_secs(seconds.saturating_mul(10));
    let status = wait(&mut child, limit).map_err(SchemataError::file(PathBuf::from(judge)))?;
    let mut said = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        // What cannot be read is no finding.
        let _ = stdout.read_to_string(&mut said);
    }
    let Some(status) = status else {
        return Ok(Ended::Hang);
    };
    understood(status, &said).map_err(|ended| SchemataError::Judge {
        number: *number,
        ended,
    })
}

/// `None` if it had to be ended.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

fn understood(status: ExitStatus, said: &str) -> Result<Ended, String> {
    match (status.code(), signal(status)) {
        (Some(0), _) => match serde_json::from_str(said.trim()) {
            Ok(Finding::Killed { case, verdict }) => Ok(Ended::Killed { case, verdict }),
            Ok(Finding::Refused { why }) => Ok(Ended::Crash(format!("no card: {why}"))),
            Ok(Finding::Survived { undecided }) => Ok(Ended::Survived { undecided }),
            Err(error) => Err(format!("an answer that is none: {error}")),
        },
        (Some(101), _) => Ok(Ended::Crash("panic".to_owned())),
        (_, Some(SIGXCPU)) => Ok(Ended::Hang),
        (_, Some(signal)) if signal != SIGKILL => Ok(Ended::Crash(format!("signal {signal}"))),
        _ => Err(status.to_string()),
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The requests of the control socket: as a line, and back.

use super::fault::{self, BadFault};
use cie_reader::Fault;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// How long a wait lasts unless its line says so.
pub(super) const USUAL_PATIENCE: Duration = Duration::from_secs(30);
/// The longest wait.
pub(super) const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Insert {
        reader: usize,
        file: Option<PathBuf>,
    },
    Remove {
        reader: usize,
    },
    Reset {
        reader: usize,
    },
    Swap {
        reader: usize,
        file: PathBuf,
    },
    Counters {
        reader: usize,
    },
    List,
    Fault(Fault),
    Faults,
    ClearFaults,
    Wait {
        what: Awaited,
        count: usize,
        patience: Duration,
    },
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Open contexts.
    Clients,
    /// Contexts that wait in `SCardGetStatusChange`.
    Waiting,
    /// Calls in the queue of a reader.
    Queued { reader: usize },
}

/// Why a line is no request.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum BadLine {
    #[error(
        "the line is empty; say insert, remove, reset, swap, counters, list, fault, faults, \
         clear-faults, wait-clients, wait-waiting or wait-queued"
    )]
    Empty,
    #[error(
        "{0:?} is not known; there are insert, remove, reset, swap, counters, list, fault, \
         faults, clear-faults, wait-clients, wait-waiting and wait-queued"
    )]
    Unknown(String),
    #[error("{verb} takes no {option}")]
    Option { verb: String, option: String },
    #[error("{option} needs a number, not {value:?}")]
    Number { option: &'static str, value: String },
    #[error("swap needs the file of the other card")]
    NoFile,
    #[error("{verb} takes nothing more than its options, not {rest:?}")]
    Rest { verb: String, rest: String },
    #[error("a wait lasts at most {} seconds", LONGEST_PATIENCE.as_secs())]
    TooPatient,
    #[error(transparent)]
    Fault(#[from] BadFault),
}

impl Request {
    /// Reads a line: a word, options that start with `--`, and what is left,
    /// which may contain blanks.
    pub(super) fn parse(line: &str) -> Result<Self, BadLine> {
        let (verb, rest) = word(line);
        if verb.is_empty() {
            return Err(BadLine::Empty);
        }
        if verb == "fault" {
            return Ok(Self::Fault(fault::parse(rest)?));
        }
        let mut rest = rest;
        let (mut reader, mut timeout) = (None, None);
        while let (option, more) = word(rest)
            && option.starts_with("--")
        {
            let (value, after) = word(more);
            match option {
                "--reader" => reader = Some(number("--reader", value)?),
                "--timeout" => timeout = Some(number("--timeout", value)?),
                _ => {
                    return Err(BadLine::Option {
                        verb: verb.into(),
                        option: option.into(),
                    });
                }
            }
            rest = after;
        }
        let waits = verb.starts_with("wait-");
        let counts = matches!(
            verb,
            "list" | "status" | "faults" | "clear-faults" | "wait-clients" | "wait-waiting"
        );
        let misplaced = |option: &str| BadLine::Option {
            verb: verb.into(),
            option: option.into(),
        };
        let all = rest.trim();
        let only_options = || match all {
            "" => Ok(()),
            _ => Err(BadLine::Rest {
                verb: verb.into(),
                rest: all.into(),
            }),
        };
        let place = reader.unwrap_or(0);
        let request = match verb {
            "insert" => Self::Insert {
                reader: place,
                file: (!all.is_empty()).then(|| all.into()),
            },
            "swap" if all.is_empty() => return Err(BadLine::NoFile),
            "swap" => Self::Swap {
                reader: place,
                file: all.into(),
            },
            "remove" => only_options().map(|()| Self::Remove { reader: place })?,
            "reset" => only_options().map(|()| Self::Reset { reader: place })?,
            "counters" => only_options().map(|()| Self::Counters { reader: place })?,
            "list" | "status" => only_options().map(|()| Self::List)?,
            "faults" => only_options().map(|()| Self::Faults)?,
            "clear-faults" => only_options().map(|()| Self::ClearFaults)?,
            "wait-clients" | "wait-waiting" | "wait-queued" => Self::Wait {
                what: match verb {
                    "wait-clients" => Awaited::Clients,
                    "wait-waiting" => Awaited::Waiting,
                    _ => Awaited::Queued { reader: place },
                },
                count: match all {
                    "" => 1,
                    count => number("a wait", count)?,
                },
                patience: timeout.map_or(USUAL_PATIENCE, |s| {
                    Duration::from_secs(u64::try_from(s).unwrap_or(u64::MAX))
                }),
            },
            other => return Err(BadLine::Unknown(other.into())),
        };
        if timeout.is_some() && !waits {
            return Err(misplaced("--timeout"));
        }
        if reader.is_some() && counts {
            return Err(misplaced("--reader"));
        }
        match &request {
            Self::Wait { patience, .. } if *patience > LONGEST_PATIENCE => Err(BadLine::TooPatient),
            _ => Ok(request),
        }
    }

    /// The line that asks for it; a path that is not UTF-8 or has more than
    /// one line has none.
    pub(super) fn line(&self) -> Option<String> {
        let path = |file: &PathBuf| {
            let text = file.to_str()?;
            (!text.contains(['\n', '\r']) && text.trim() == text).then(|| text.to_owned())
        };
        Some(match self {
            Self::Insert { reader, file: None } => format!("insert --reader {reader}"),
            Self::Insert {
                reader,
                file: Some(file),
            } => format!("insert --reader {reader} {}", path(file)?),
            Self::Remove { reader } => format!("remove --reader {reader}"),
            Self::Reset { reader } => format!("reset --reader {reader}"),
            Self::Swap { reader, file } => format!("swap --reader {reader} {}", path(file)?),
            Self::Counters { reader } => format!("counters --reader {reader}"),
            Self::List => "list".to_owned(),
            Self::Fault(fault) => format!("fault {}", fault::words(fault)),
            Self::Faults => "faults".to_owned(),
            Self::ClearFaults => "clear-faults".to_owned(),
            Self::Wait {
                what,
                count,
                patience,
            } => {
                let seconds = patience.as_secs();
                match what {
                    Awaited::Clients => format!("wait-clients --timeout {seconds} {count}"),
                    Awaited::Waiting => format!("wait-waiting --timeout {seconds} {count}"),
                    Awaited::Queued { reader } => {
                        format!("wait-queued --reader {reader} --timeout {seconds} {count}")
                    }
                }
            }
        })
    }
}

/// The first word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

fn number(option: &'static str, value: &str) -> Result<usize, BadLine> {
    value.parse().map_err(|_| BadLine::Number {
        option,
        value: value.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_requests() {
        let file = || PathBuf::from("/a b/c --reader 2.cie");
        let wait = |what, count, seconds| Request::Wait {
            what,
            count,
            patience: Duration::from_secs(seconds),
        };
        for (line, request) in [
            (
                "insert",
                Request::Insert {
                    reader: 0,
                    file: None,
                },
            ),
            (
                "  insert   --reader 2  /a b/c --reader 2.cie ",
                Request::Insert {
                    reader: 2,
                    file: Some(file()),
                },
            ),
            ("remove --reader 1", Request::Remove { reader: 1 }),
            ("reset", Request::Reset { reader: 0 }),
            (
                "swap /a b/c --reader 2.cie",
                Request::Swap {
                    reader: 0,
                    file: file(),
                },
            ),
            ("counters --reader 15", Request::Counters { reader: 15 }),
            ("list", Request::List),
            ("status", Request::List),
            ("faults", Request::Faults),
            ("clear-faults", Request::ClearFaults),
            (
                "fault SCardTransmit hang-up --at 3",
                Request::Fault(fault::parse("SCardTransmit hang-up --at 3").unwrap()),
            ),
            ("wait-clients 2", wait(Awaited::Clients, 2, 30)),
            ("wait-waiting --timeout 5", wait(Awaited::Waiting, 1, 5)),
            (
                "wait-queued --reader 3 --timeout 0 4",
                wait(Awaited::Queued { reader: 3 }, 4, 0),
            ),
        ] {
            assert_eq!(Request::parse(line).as_ref(), Ok(&request), "{line}");
            let again = request.line().unwrap();
            assert_eq!(Request::parse(&again), Ok(request), "{again}");
        }
    }

    #[test]
    fn lines_that_are_none() {
        for (line, words) in [
            ("", "is empty"),
            ("   ", "is empty"),
            ("eject", "\"eject\" is not known"),
            ("INSERT", "not known"),
            ("remove now", "nothing more than its options"),
            ("remove --reader", "--reader needs a number, not \"\""),
            ("remove --reader -1", "not \"-1\""),
            ("remove --force", "remove takes no --force"),
            ("remove --timeout 3", "remove takes no --timeout"),
            ("list --reader 1", "list takes no --reader"),
            ("faults --reader 1", "faults takes no --reader"),
            ("fault SCardTransmit", "needs a call"),
            (
                "fault SCardTransmit hang-up --reader 1",
                "takes no \"--reader\"",
            ),
            ("swap --reader 1", "swap needs the file"),
            ("wait-waiting many", "needs a number"),
            ("wait-clients --timeout 3601", "at most 3600"),
            (
                "wait-clients --timeout 99999999999999999999",
                "needs a number",
            ),
        ] {
            let error = Request::parse(line).unwrap_err().to_string();
            assert!(error.contains(words), "{line:?}: {error}");
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn files_that_do_not_fit_into_a_line() {
        for name in ["/a\nremove", "/a\r", "/a "] {
            let file = PathBuf::from(name);
            assert_eq!(Request::Swap { reader: 0, file }.line(), None, "{name:?}");
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recorded exchanges with a card.
//!
//! A transcript is a text file that `cie run --trace FILE` writes. Its lines:
//!
//! | line | meaning |
//! |---|---|
//! | `# cie-trace 1` | the first line: format and version |
//! | `# name: value` | header: persona, seed, family, client and so on |
//! | `! power-on 3B…` | power or reset event, with the answer to reset |
//! | `> 00A4…` | command APDU as it came through the door |
//! | `< 9000` | response APDU as it left |
//! | indented, or empty | explanation, ignored when a transcript is replayed |
//!
//! Anything behind a `;` is a remark.

use std::collections::BTreeMap;
use thiserror::Error;

/// Version of the format; the number in the first line.
pub const FORMAT_VERSION: u32 = 1;

/// Start of the first line.
pub const FORMAT_NAME: &str = "# cie-trace ";

macro_rules! shipped {
    ($name:literal) => {
        ($name, include_str!(concat!("../transcripts/", $name)))
    };
}

/// Transcripts that this repository ships, by file name.
pub const SHIPPED: &[(&str, &str)] = &[
    shipped!("cie-middleware-linux-enrol.txt"),
    shipped!("cie-middleware-linux-list.txt"),
    shipped!("cie-middleware-linux-sign.txt"),
    shipped!("cie-middleware-linux-change-pin.txt"),
    shipped!("cie-middleware-linux-block-and-unblock.txt"),
    shipped!("cie-middleware-linux-block-and-unblock-actalis-2023.txt"),
    shipped!("cie-middleware-linux-block-at-enrolment.txt"),
    shipped!("cie-middleware-linux-sign-cades.txt"),
    shipped!("cie-middleware-linux-sign-cades-gemalto2.txt"),
    shipped!("cie-middleware-linux-sign-cades-nxp.txt"),
    shipped!("cie-middleware-linux-sign-cades-stm.txt"),
    shipped!("cie-middleware-linux-sign-cades-actalis-2023.txt"),
    shipped!("cie-middleware-linux-sign-pades.txt"),
];

/// One thing that a reader did to the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Power on, with the answer to reset.
    PowerOn(Vec<u8>),
    /// Warm reset, with the answer to reset.
    Reset(Vec<u8>),
    /// Power off.
    PowerOff,
    /// A command and its response.
    Exchange {
        /// Command APDU.
        command: Vec<u8>,
        /// Response APDU.
        response: Vec<u8>,
    },
}

/// A parsed transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    header: BTreeMap<String, String>,
    /// Everything that happened, in order, with the line it stands on.
    pub steps: Vec<(usize, Step)>,
}

/// Why a text is no transcript.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum TranscriptError {
    /// The first line is not `# cie-trace N`.
    #[error("this is no trace: the first line is not `{FORMAT_NAME}{FORMAT_VERSION}`")]
    Foreign,
    /// A format this release does not know.
    #[error("trace format {0} is not known; this release reads {FORMAT_VERSION}")]
    Version(String),
    /// A command or response with masked bytes.
    #[error("line {0} is masked; record the trace with --trace-secrets to replay it")]
    Masked(usize),
    /// Any other line that does not fit.
    #[error("line {line}: {reason}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
}

impl Transcript {
    /// Reads a trace.
    ///
    /// # Errors
    /// [`TranscriptError`] names the first line that does not fit.
    pub fn parse(text: &str) -> Result<Self, TranscriptError> {
        let first = text.lines().next().unwrap_or_default();
        let version = first
            .strip_prefix(FORMAT_NAME)
            .ok_or(TranscriptError::Foreign)?;
        if version.trim() != FORMAT_VERSION.to_string() {
            return Err(TranscriptError::Version(version.trim().to_owned()));
        }
        let mut transcript = Self::default();
        let mut command: Option<(usize, Vec<u8>)> = None;
        for (index, line) in text.lines().enumerate().skip(1) {
            let number = index + 1;
            let error = |reason: &str| TranscriptError::Line {
                line: number,
                reason: reason.to_owned(),
            };
            if let Some(header) = line.strip_prefix("# ") {
                if let Some((name, value)) = header.split_once(": ") {
                    transcript.header.insert(name.to_owned(), value.to_owned());
                }
                continue;
            }
            let content = line.split(';').next().unwrap_or_default();
            if content.is_empty() || content.starts_with([' ', '#']) {
                continue;
            }
            let (kind, rest) = content
                .split_at_checked(1)
                .ok_or_else(|| error("not ASCII"))?;
            let rest = rest.trim();
            match (kind, &command) {
                (">", None) => command = Some((number, bytes(number, rest)?)),
                ("<", Some(_)) => {
                    let response = bytes(number, rest)?;
                    if let Some((line, command)) = command.take() {
                        transcript
                            .steps
                            .push((line, Step::Exchange { command, response }));
                    }
                }
                ("!", None) => transcript.steps.push((number, event(number, rest)?)),
                (">" | "!", Some(_)) => return Err(error("the command before it has no response")),
                ("<", None) => return Err(error("a response without a command")),
                _ => return Err(error("starts with none of `>`, `<`, `!`, `#` and blank")),
            }
        }
        match command {
            Some((line, _)) => Err(TranscriptError::Line {
                line,
                reason: "the trace ends before the response".to_owned(),
            }),
            None => Ok(transcript),
        }
    }

    /// A header value such as `seed`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name).map(String::as_str)
    }
}

fn bytes(line: usize, text: &str) -> Result<Vec<u8>, TranscriptError> {
    if text.contains('*') {
        return Err(TranscriptError::Masked(line));
    }
    hex::decode(text).map_err(|e| TranscriptError::Line {
        line,
        reason: e.to_string(),
    })
}

fn event(line: usize, text: &str) -> Result<Step, TranscriptError> {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("power-on", atr) => Ok(Step::PowerOn(bytes(line, atr)?)),
        ("reset", atr) => Ok(Step::Reset(bytes(line, atr)?)),
        ("power-off", "") => Ok(Step::PowerOff),
        _ => Err(TranscriptError::Line {
            line,
            reason: format!("unknown event {text:?}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# cie-trace 1\n# seed: 7\n\n! power-on 3B80\n> 00A40000 ; SELECT\n  words\n< 9000 ; done\n! power-off\n";

    #[test]
    fn reads_what_it_describes() {
        let transcript = Transcript::parse(GOOD).unwrap();
        assert_eq!(transcript.header("seed"), Some("7"));
        let steps: Vec<_> = transcript
            .steps
            .iter()
            .map(|(line, step)| (*line, step))
            .collect();
        let exchange = Step::Exchange {
            command: vec![0, 0xA4, 0, 0],
            response: vec![0x90, 0x00],
        };
        assert_eq!(
            steps,
            [
                (4, &Step::PowerOn(vec![0x3B, 0x80])),
                (5, &exchange),
                (8, &Step::PowerOff)
            ]
        );
    }

    #[test]
    fn every_file_in_the_folder_is_shipped_and_says_where_it_is_from() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/transcripts");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut shipped: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
        shipped.sort_unstable();
        assert_eq!(files, shipped);
        for (name, text) in SHIPPED {
            let transcript = Transcript::parse(text).unwrap();
            assert!(!transcript.steps.is_empty(), "{name}");
            for field in ["client", "flow", "system", "persona", "seed", "family"] {
                assert!(transcript.header(field).is_some(), "{name}: {field}");
            }
        }
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        let error = |text: &str| Transcript::parse(text).unwrap_err().to_string();
        assert!(error("").contains("no trace"));
        assert!(error("# cie-trace 2\n").contains("format 2"));
        assert!(error("# cie-trace 1\n> 00200081**\n").contains("--trace-secrets"));
        for (text, line) in [
            ("< 9000", 2),
            ("> 00\n> 00\n", 3),
            ("> 00\n", 2),
            ("> 0x\n", 2),
            ("! eject\n", 2),
            ("? 00\n", 2),
            ("> 00\n! reset 3B\n", 3),
        ] {
            let error = error(&format!("# cie-trace 1\n{text}"));
            assert!(
                error.starts_with(&format!("line {line}:")),
                "{text:?}: {error}"
            );
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a comparison could not be made, which is not the same as a difference.

use std::path::PathBuf;

/// What stands in the way, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// A program or driver is missing.
    #[error("{path:?} is missing; install the Debian package {package}")]
    NoProgram {
        /// Where it should be.
        path: PathBuf,
        /// What holds it.
        package: &'static str,
    },
    /// No mount namespace can be made.
    #[error(
        "no mount namespace can be made for a private pcscd ({0}); run as root, in a container with the privilege to mount"
    )]
    NoNamespace(String),
    /// pcscd ended or never listened.
    #[error("the private pcscd did not come up; it said: {0}")]
    PcscdFailed(String),
    /// Our own server.
    #[error(transparent)]
    Reader(#[from] cie_reader::ReaderError),
    /// A scenario names a reader that no world has.
    #[error("there is no reader {0} in these worlds; they have 0 and 1")]
    NoSuchSlot(usize),
    /// A scenario is not written as it should be.
    #[error("scenario {scenario:?}, line {line}: {problem}")]
    Script {
        /// The scenario.
        scenario: String,
        /// The line of its file.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A reader did not become what it should be.
    #[error("reader {slot} never became {wanted}; the last answer was: {latest}")]
    NeverSeen {
        /// The reader.
        slot: usize,
        /// What was waited for.
        wanted: &'static str,
        /// What the observer was told.
        latest: String,
    },
    /// The list of known differences cannot be read.
    #[error("the list of differences, line {line}: {problem}")]
    List {
        /// The line.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// The operating system refused something.
    #[error("cannot {action}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Trouble {
    /// An [`Io`](Self::Io) about `action`.
    pub fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

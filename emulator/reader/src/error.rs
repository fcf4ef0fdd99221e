// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong with a reader server, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a reader server could not be set up, or stopped early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderError {
    /// There is nothing to serve.
    #[error("no reader was named; a server needs at least one")]
    NoReaders,
    /// A reader name that clients could not use.
    #[error(
        "reader name {name:?} cannot be used: {problem}; choose 1 to 127 bytes without NUL, different for each reader"
    )]
    BadName {
        /// The name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Clients cannot reach sockets with long paths.
    #[error(
        "the socket path {path:?} has {length} bytes, and a socket can have at most {limit}; choose a shorter folder"
    )]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The path has no folder or no file name.
    #[error("{0:?} is not a path for a socket; name a file inside a folder")]
    BadPath(PathBuf),
    /// The folder of the socket is open to others.
    #[error(
        "the folder {path:?} is not private (mode {mode:03o}, owner {owner}); use a folder of your own with mode 700, or let the server make one"
    )]
    FolderNotPrivate {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        owner: u32,
    },
    /// Something that is not a dead socket of ours has the path already.
    #[error("{path:?} exists already and is {what}; it was left alone, choose another path")]
    PathTaken {
        /// The path.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// Another server answers on the path.
    #[error("another server is listening on {0:?}; stop it or choose another path")]
    InUse(PathBuf),
    /// The operating system refused something.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A thread or the event loop could not be started.
    #[error("cannot start {what}: {source}")]
    Start {
        /// What was to be started.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// No such reader.
    #[error("there is no reader number {number}; this server has {count}, counted from 0")]
    NoSuchReader {
        /// The number asked for.
        number: usize,
        /// How many there are.
        count: usize,
    },
    /// A card cannot be put where one is.
    #[error("reader {0} holds a card already; remove it first")]
    ReaderOccupied(usize),
    /// There is no card to take.
    #[error("reader {0} is empty")]
    ReaderEmpty(usize),
    /// A card or the server panicked; its thread is gone.
    #[error("{0} stopped unexpectedly; this is a defect, please report it")]
    Crashed(&'static str),
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A small client of the pcsc-lite socket, without any system library.
//!
//! # Blocking, threads, versions, platforms
//! Everything here is synchronous: a call returns when the server has
//! answered, when the time limit of [`Options`] is over, or with an error.
//! One [`Context`] is one connection and belongs to one thread at a time; a
//! program that waits for cards in one place and talks to one in another opens
//! two. A connection on which a reply went missing is not used again.
//! The socket speaks minor versions 4.4 (pcsc-lite 1.9 to 2.2), 4.5 and 4.6;
//! this client announces 4.4 unless told otherwise and goes on with what the
//! server answers. A 4.4 server refuses a higher announcement
//! ([`ScardCode::ServiceStopped`]), so ask for more only where it is needed:
//! for more than 16 readers.
//! macOS and Windows have no such socket; only a reader of
//! this project serves it there, and Windows has no Unix sockets in Rust's
//! standard library, so there this module is absent.
//!
//! # Use
//! [`Context::open`] takes the path of the socket (the caller decides where it
//! comes from: an argument, `PCSCLITE_CSOCK_NAME`, or [`SYSTEM_SOCKET`]),
//! [`Context::readers`] lists readers, [`Card::connect`] makes one of them a
//! [`Transmit`](crate::Transmit) for a [`Channel`](crate::Channel).

mod card;
mod codes;
mod context;
mod stream;
#[cfg(test)]
mod tests;
mod types;
mod wire;

pub use card::Card;
pub use codes::{ScardCode, attribute, protocol};
pub use context::Context;
pub use types::{Disposition, Handle, Options, ReaderState, Share, WaitOutcome};

use std::io;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

/// Where the system's own server listens on most Linux systems.
pub const SYSTEM_SOCKET: &str = "/run/pcscd/pcscd.comm";
/// The longest socket path that every system takes, in bytes.
pub const PATH_MAX: usize = 107;

/// What went wrong between this client and the PC/SC server, and what to do
/// about it.
#[derive(Debug, Error)]
pub enum PcscError {
    /// There is no socket at the path.
    #[error(
        "no PC/SC server at {path}: start the virtual reader (or the system's PC/SC service), \
         or pass the path of its socket"
    )]
    NoSocket {
        /// The path.
        path: PathBuf,
    },
    /// There is a socket, and nobody listens on it.
    #[error("nobody listens at {path}: the server that made it has ended; start it again")]
    NobodyListens {
        /// The path.
        path: PathBuf,
    },
    /// The path may not be opened.
    #[error("no permission for {path}: use a socket of your own, or ask for access to this one")]
    Permission {
        /// The path.
        path: PathBuf,
    },
    /// The path does not fit a socket address.
    #[error(
        "the socket path has {length} bytes and {PATH_MAX} are allowed: use a shorter directory"
    )]
    PathTooLong {
        /// Its length.
        length: usize,
    },
    /// The server did not answer in time.
    #[error(
        "the server did not answer {request} within {limit:?}: another program may hold the \
         reader, or the server is stuck; connect again"
    )]
    Timeout {
        /// What was asked.
        request: &'static str,
        /// The time limit.
        limit: Duration,
    },
    /// The server closed the connection.
    #[error(
        "the server closed the connection at {request}: it has ended or does not know the \
         request; connect again"
    )]
    Closed {
        /// What was asked.
        request: &'static str,
    },
    /// An earlier reply went missing, so later ones cannot be told apart.
    #[error("this connection lost a reply earlier and is no longer used: connect again")]
    OutOfStep,
    /// The operating system failed the exchange.
    #[error("{request} failed")]
    Io {
        /// What was asked.
        request: &'static str,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The server speaks another protocol.
    #[error("the server speaks protocol {major}.{minor} and this client 4.4 to 4.6")]
    Version {
        /// Major version of the server.
        major: i32,
        /// Minor version of the server.
        minor: i32,
    },
    /// A reply whose numbers cannot be right.
    #[error("the server's reply to {request} is not possible: {reason}")]
    Reply {
        /// What was asked.
        request: &'static str,
        /// What is wrong with the reply.
        reason: &'static str,
    },
    /// A name or a buffer too long to send.
    #[error("{what} is too long: {length} bytes, {limit} are allowed")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The server answered with an error of PC/SC.
    #[error("{request}: {code}")]
    Scard {
        /// What was asked.
        request: &'static str,
        /// Its answer.
        code: ScardCode,
    },
}

impl PcscError {
    /// The PC/SC error code, if the server gave one.
    #[must_use]
    pub fn code(&self) -> Option<ScardCode> {
        match self {
            Self::Scard { code, .. } => Some(*code),
            _ => None,
        }
    }
}

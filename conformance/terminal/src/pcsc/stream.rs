// SPDX-License-Identifier: MIT OR Apache-2.0
//! The connection: whole messages out, exactly counted bytes in, a time limit.

use super::{PATH_MAX, PcscError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A connection that is given up at the first reply that goes missing.
#[derive(Debug)]
pub(super) struct Stream {
    socket: UnixStream,
    limit: Duration,
    in_step: bool,
}

/// What became of bytes that were waited for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// All are there.
    All(Vec<u8>),
    /// None came in time.
    None,
}

impl Stream {
    pub fn open(path: &Path, limit: Duration) -> Result<Self, PcscError> {
        let length = path.as_os_str().as_bytes().len();
        if length > PATH_MAX {
            return Err(PcscError::PathTooLong { length });
        }
        let socket = UnixStream::connect(path).map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                ErrorKind::NotFound => PcscError::NoSocket { path },
                ErrorKind::ConnectionRefused => PcscError::NobodyListens { path },
                ErrorKind::PermissionDenied => PcscError::Permission { path },
                _ => PcscError::Io {
                    request: "connecting",
                    source,
                },
            }
        })?;
        Ok(Self {
            socket,
            limit,
            in_step: true,
        })
    }

    /// Sends a request with what follows it, and reads the reply's structure.
    pub fn ask(
        &mut self,
        request: &'static str,
        message: &[u8],
        reply: usize,
    ) -> Result<Vec<u8>, PcscError> {
        self.send(request, message)?;
        self.receive(request, reply)
    }

    pub fn send(&mut self, request: &'static str, message: &[u8]) -> Result<(), PcscError> {
        if !self.in_step {
            return Err(PcscError::OutOfStep);
        }
        // Until the reply is there in full, the connection is in doubt.
        self.in_step = false;
        let limit = self.limit;
        self.socket
            .set_write_timeout(Some(limit.max(Duration::from_millis(1))))
            .and_then(|()| self.socket.write_all(message))
            .map_err(|source| match source.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    PcscError::Timeout { request, limit }
                }
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => PcscError::Closed { request },
                _ => PcscError::Io { request, source },
            })?;
        self.in_step = true;
        Ok(())
    }

    /// Exactly `count` bytes within the time limit of the connection.
    pub fn receive(&mut self, request: &'static str, count: usize) -> Result<Vec<u8>, PcscError> {
        self.receive_after(request, count, Duration::ZERO)
    }

    /// Exactly `count` bytes within `patience` or the time limit of the
    /// connection, whichever is longer.
    pub fn receive_after(
        &mut self,
        request: &'static str,
        count: usize,
        patience: Duration,
    ) -> Result<Vec<u8>, PcscError> {
        let limit = self.limit.max(patience);
        match self.receive_within(request, count, limit)? {
            Received::All(bytes) => Ok(bytes),
            Received::None => {
                self.in_step = false;
                Err(PcscError::Timeout { request, limit })
            }
        }
    }

    /// Exactly `count` bytes, or [`Received::None`] if not one came within
    /// `limit`. The rest of a message that has begun has the connection's own
    /// limit.
    pub fn receive_within(
        &mut self,
        request: &'static str,
        count: usize,
        limit: Duration,
    ) -> Result<Received, PcscError> {
        if !self.in_step {
            return Err(PcscError::OutOfStep);
        }
        let mut bytes = vec![0; count];
        let mut filled = 0;
        let mut deadline = Instant::now().checked_add(limit);
        self.in_step = false;
        while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let wait = left.map(|l| l.max(Duration::from_millis(1)));
            let io = |source| PcscError::Io { request, source };
            self.socket.set_read_timeout(wait).map_err(io)?;
            match self.socket.read(room) {
                Ok(0) => return Err(PcscError::Closed { request }),
                Ok(count) => {
                    if filled == 0 {
                        deadline = Instant::now().checked_add(self.limit);
                    }
                    filled += count;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if deadline.is_some_and(|d| Instant::now() >= d) {
                        if filled == 0 {
                            self.in_step = true;
                            return Ok(Received::None);
                        }
                        return Err(PcscError::Timeout {
                            request,
                            limit: self.limit,
                        });
                    }
                }
                Err(e) if e.kind() == ErrorKind::ConnectionReset => {
                    return Err(PcscError::Closed { request });
                }
                Err(source) => return Err(io(source)),
            }
        }
        self.in_step = true;
        Ok(Received::All(bytes))
    }

    /// The connection is not to be used again.
    pub fn give_up(&mut self) {
        self.in_step = false;
    }

    /// The time limit of one reply.
    pub fn limit(&self) -> Duration {
        self.limit
    }
}

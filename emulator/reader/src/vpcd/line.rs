// SPDX-License-Identifier: MIT OR Apache-2.0
//! A TCP connection of either half: whole frames, deadlines, and a bell that
//! ends every wait, so that no peer can hold a program up.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, sockopt};

use super::frame::{FrameError, FrameStream, encode};

/// Bytes taken from a socket at a time.
const CHUNK: usize = 4096;
/// A peer that vanished without a word is found out after some four of these.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// The other half closed it.
    #[error("the other half closed the connection")]
    Closed,
    /// The other half did not answer, or did not take what was sent, in time.
    #[error("the other half did not react in time")]
    Late,
    /// This half is being stopped.
    #[error("this half was stopped")]
    Stopped,
    /// Something that has no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The operating system ended it.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

impl From<Errno> for LineError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There is something to read, room to write, or an end.
    Ready,
    /// Somebody rang.
    Rung,
    /// Somebody stopped this half; every further wait ends so.
    Stopped,
    /// The time is over.
    Late,
}

/// What ends waits from another thread.
#[derive(Debug)]
pub(super) struct Bell {
    ring: UnixStream,
    heard: UnixStream,
    stopped: AtomicBool,
}

impl Bell {
    pub fn new() -> io::Result<Self> {
        let (ring, heard) = UnixStream::pair()?;
        ring.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        Ok(Self {
            ring,
            heard,
            stopped: AtomicBool::new(false),
        })
    }

    /// Ends one wait.
    pub fn ring(&self) {
        // A full pair has rung already.
        let _ = rustix::io::write(&self.ring, &[0]);
    }

    /// Ends every wait, for good.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.ring();
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Waits for nothing but the bell.
    pub fn wait(&self, until: Option<Instant>) -> io::Result<Woken> {
        let mut fds = [PollFd::new(&self.heard, PollFlags::IN)];
        poll_until(&mut fds, until)?;
        let [heard] = fds;
        Ok(self.woken(&heard, false))
    }

    /// Waits for `what` on `fd`; errors and ends of it count, too.
    pub fn wait_for(
        &self,
        fd: BorrowedFd<'_>,
        what: PollFlags,
        until: Option<Instant>,
    ) -> io::Result<Woken> {
        let mut fds = [
            PollFd::new(&self.heard, PollFlags::IN),
            PollFd::from_borrowed_fd(fd, what),
        ];
        poll_until(&mut fds, until)?;
        let [heard, other] = fds;
        Ok(self.woken(&heard, !other.revents().is_empty()))
    }

    fn woken(&self, heard: &PollFd<'_>, ready: bool) -> Woken {
        if self.is_stopped() {
            // What was rung stays, so that every other wait ends as well.
            Woken::Stopped
        } else if ready {
            Woken::Ready
        } else if heard.revents().is_empty() {
            Woken::Late
        } else {
            let mut rung = [0; 64];
            let _ = rustix::io::read(&self.heard, &mut rung);
            if self.is_stopped() {
                self.ring();
                return Woken::Stopped;
            }
            Woken::Rung
        }
    }
}

/// `poll` until an event or a time, whatever signals arrive.
fn poll_until(fds: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<()> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(fds, left.as_ref()) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the next connection in. `None` if the bell rang first.
pub(super) fn accept(listener: &TcpListener, bell: &Bell) -> io::Result<Option<TcpStream>> {
    loop {
        match bell.wait_for(listener.as_fd(), PollFlags::IN, None)? {
            Woken::Ready => match listener.accept() {
                Ok((stream, _)) => return Ok(Some(stream)),
                // It is gone again.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock
                            | io::ErrorKind::ConnectionAborted
                            | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error),
            },
            Woken::Late => {}
            Woken::Rung | Woken::Stopped => return Ok(None),
        }
    }
}

/// A connection to the other half.
#[derive(Debug)]
pub(super) struct Line {
    stream: TcpStream,
    peer: SocketAddr,
    received: FrameStream,
    out: Vec<u8>,
}

impl Line {
    /// Makes a connected socket ready for small frames in both directions.
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&stream, true)?;
        sockopt::set_tcp_keepidle(&stream, KEEPALIVE)?;
        sockopt::set_tcp_keepintvl(&stream, KEEPALIVE)?;
        sockopt::set_tcp_keepcnt(&stream, 3)?;
        Ok(Self {
            peer: stream.peer_addr()?,
            stream,
            received: FrameStream::new(),
            out: Vec::new(),
        })
    }

    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// A second handle on the socket, to watch it and to cut it off.
    pub fn handle(&self) -> io::Result<Cutter> {
        Ok(Cutter(self.stream.try_clone()?))
    }

    /// Sends one frame in one piece. The bell does not end this unless it stops.
    pub fn send(
        &mut self,
        payload: &[u8],
        bell: &Bell,
        patience: Duration,
    ) -> Result<(), LineError> {
        self.out.clear();
        encode(payload, &mut self.out)?;
        let until = Instant::now() + patience;
        let mut sent = 0;
        while let Some(rest) = self.out.get(sent..).filter(|rest| !rest.is_empty()) {
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match rustix::net::send(&self.stream, rest, flags) {
                Ok(count) => sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    match bell.wait_for(self.stream.as_fd(), PollFlags::OUT, Some(until))? {
                        Woken::Ready | Woken::Rung => {}
                        Woken::Late => return Err(LineError::Late),
                        Woken::Stopped => return Err(LineError::Stopped),
                    }
                }
                Err(Errno::PIPE | Errno::CONNRESET) => return Err(LineError::Closed),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The payload of the next frame. The bell does not end this unless it
    /// stops.
    pub fn receive(&mut self, bell: &Bell, until: Option<Instant>) -> Result<Vec<u8>, LineError> {
        loop {
            if let Some(frame) = self.received.next_frame() {
                return Ok(frame.to_vec());
            }
            // Drivers that send the length and the rest in two writes wait for
            // the first one's ACK (Nagle); a delayed one costs 40 ms. The
            // kernel forgets this wish, so it is made anew.
            acknowledge_at_once(&self.stream);
            match bell.wait_for(self.stream.as_fd(), PollFlags::IN, until)? {
                Woken::Ready => {
                    self.fill()?;
                }
                Woken::Rung => {}
                Woken::Late => return Err(LineError::Late),
                Woken::Stopped => return Err(LineError::Stopped),
            }
        }
    }

    /// Whether the other half has said something that nobody asked for.
    pub fn has_unasked(&mut self) -> Result<bool, LineError> {
        Ok(self.received.pending() > 0 || self.fill()?)
    }

    /// Takes what is there; `false` if nothing is.
    fn fill(&mut self) -> Result<bool, LineError> {
        let mut chunk = [0; CHUNK];
        match rustix::net::recv(&self.stream, &mut chunk, RecvFlags::DONTWAIT) {
            Ok((0, _)) => Err(LineError::Closed),
            Ok((count, _)) => {
                self.received.push(chunk.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(Errno::CONNRESET) => Err(LineError::Closed),
            Err(error) => Err(error.into()),
        }
    }
}

/// Another handle on a [`Line`]'s socket.
#[derive(Debug)]
pub(super) struct Cutter(TcpStream);

impl Cutter {
    /// Ends the connection; waits on it end as closed.
    pub fn cut(&self) {
        // A connection that is over needs no end.
        let _ = self.0.shutdown(Shutdown::Both);
    }

    /// Waits until the connection is over, the bell stops, or the time is up.
    pub fn wait_for_end(&self, bell: &Bell, until: Option<Instant>) -> io::Result<Woken> {
        bell.wait_for(self.0.as_fd(), PollFlags::RDHUP, until)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn acknowledge_at_once(stream: &TcpStream) {
    // Without it frames are only slower.
    let _ = sockopt::set_tcp_quickack(stream, true);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn acknowledge_at_once(_: &TcpStream) {}

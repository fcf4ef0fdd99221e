// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection: bytes in, bytes out, never more than one request at a time.
//!
//! Nothing more is taken from a client until the reply to its last request has
//! left, so a client that does not read costs one reply of memory, and a
//! client that floods costs one request.

use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::net::SendFlags;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::core::Shared;
use crate::protocol::{LONGEST_REQUEST, Parsed, Reply, Request};
use crate::table::{ConnectionId, Input};

/// Bytes taken from a socket at a time.
const CHUNK: usize = 4096;
/// Memory a quiet connection may keep.
const KEPT: usize = 2 * CHUNK;

/// The connection as the rest of the server sees it.
pub(super) struct Link {
    stream: UnixStream,
    state: Mutex<State>,
    /// Woken when the connection's task has something to look at.
    wake: Notify,
}

#[derive(Default)]
struct State {
    /// Bytes to send.
    out: Vec<u8>,
    /// How many of them are sent.
    sent: usize,
    /// A request is unanswered.
    busy: bool,
    /// The task has received bytes that it has not looked at.
    backlog: bool,
    closed: bool,
    deadline: Option<Instant>,
}

impl State {
    fn has_output(&self) -> bool {
        self.sent < self.out.len()
    }
}

impl Link {
    pub fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            state: Mutex::default(),
            wake: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues the reply and lets the next request in.
    pub fn answer(&self, reply: Option<&Reply>) {
        let mut state = self.lock();
        state.busy = false;
        if let Some(reply) = reply {
            reply.encode(&mut state.out);
        }
    }

    /// Queues a message outside the order of requests.
    pub fn queue(&self, message: &Reply) {
        message.encode(&mut self.lock().out);
    }

    /// The process at the other end, if the system tells.
    pub fn process(&self) -> Option<i32> {
        self.stream.peer_cred().ok()?.pid().filter(|&pid| pid > 0)
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    pub fn arm(&self, deadline: Instant) {
        self.lock().deadline = Some(deadline);
        self.wake.notify_one();
    }

    pub fn disarm(&self) {
        self.lock().deadline = None;
    }

    /// Sends what the socket takes, from whatever thread this is; the rest is
    /// left to the connection's task.
    pub fn flush(&self) {
        let mut state = self.lock();
        while state.has_output() && !state.closed {
            let rest = state.out.get(state.sent..).unwrap_or_default();
            let sent = self.stream.try_io(Interest::WRITABLE, || {
                let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                Ok(rustix::net::send(self.stream.as_fd(), rest, flags)?)
            });
            match sent {
                Ok(count) => state.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => state.closed = true,
            }
        }
        if !state.has_output() {
            state.sent = 0;
            state.out.clear();
            state.out.shrink_to(KEPT);
        }
        if state.closed || state.has_output() || (state.backlog && !state.busy) {
            self.wake.notify_one();
        }
    }

    /// What the task should do now.
    fn next_step(&self, received: &[u8]) -> Step {
        let mut state = self.lock();
        if state.closed {
            return Step::Leave;
        }
        if !state.busy && !state.has_output() {
            match Request::parse(received) {
                Err(error) => {
                    tracing::warn!(%error, "cutting off a client");
                    return Step::Leave;
                }
                Ok(Parsed::Complete(request, used)) => {
                    state.busy = true;
                    return Step::Take(request, used);
                }
                Ok(Parsed::Incomplete(_)) => {}
            }
        }
        state.backlog = !received.is_empty();
        Step::Sleep {
            deadline: state.deadline,
            output: state.has_output(),
        }
    }

    /// Takes the deadline if it has come.
    fn take_deadline(&self) -> bool {
        let mut state = self.lock();
        let due = state
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now());
        if due {
            state.deadline = None;
        }
        due
    }
}

enum Step {
    /// Close.
    Leave,
    /// Feed this request; it took so many bytes.
    Take(Request, usize),
    /// Wait for news.
    Sleep {
        deadline: Option<Instant>,
        output: bool,
    },
}

/// Serves one connection until either side ends it.
pub(super) async fn serve(shared: Arc<Shared>, id: ConnectionId, link: Arc<Link>) {
    run(&shared, id, &link).await;
    shared.disconnected(id);
}

async fn run(shared: &Shared, id: ConnectionId, link: &Link) {
    let mut received = Vec::new();
    let mut chunk = [0; CHUNK];
    loop {
        let (deadline, output) = match link.next_step(&received) {
            Step::Leave => return,
            Step::Take(request, used) => {
                received.drain(..used);
                if received.is_empty() {
                    received.shrink_to(KEPT);
                }
                shared.feed(Input::Request(id, request));
                continue;
            }
            Step::Sleep { deadline, output } => (deadline, output),
        };
        let timer = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = link.wake.notified() => {}
            ready = link.stream.readable(), if received.len() < LONGEST_REQUEST => {
                if ready.is_err() {
                    return;
                }
                match link.stream.try_read(&mut chunk) {
                    Ok(0) => return,
                    Ok(count) => received.extend(chunk.iter().take(count)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
            ready = link.stream.writable(), if output => {
                if ready.is_err() {
                    return;
                }
                link.flush();
            }
            () = timer => {
                if link.take_deadline() {
                    shared.feed(Input::Expired(id));
                }
            }
        }
    }
}

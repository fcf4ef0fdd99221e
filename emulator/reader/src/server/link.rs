// SPDX-License-Identifier: MIT OR Apache-2.0
//! One connection: bytes in, bytes out, never more than one request at a time.
//!
//! A thread of its own reads, and does what was asked as far as it can: mostly
//! the answer has left when it reads on. The rest falls to the connection's
//! task: what the socket did not take at once, requests that came before the
//! last was answered by somebody else, the timer, and the end.
//!
//! Nothing more is taken from a client until the reply to its last request has
//! left, so a client that does not read costs one reply of memory, and a
//! client that floods costs one request.

use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use tokio::sync::Notify;

use super::core::Shared;
use super::errands::LOOK;
use crate::faults::FaultOutcome;
use crate::protocol::{LONGEST_REQUEST, Parsed, Reply, Request};
use crate::table::{ConnectionId, Input};

/// Bytes taken from a socket at a time.
const CHUNK: usize = 4096;
/// How long a thread looks for the next request before it sleeps.
const EAGER: Duration = Duration::from_micros(200);
/// Memory a quiet connection may keep.
const KEPT: usize = 2 * CHUNK;

/// The connection as the rest of the server sees it.
pub(super) struct Link {
    /// Blocking, for the thread that reads; nothing is written that would block.
    stream: UnixStream,
    process: Option<i32>,
    state: Mutex<State>,
    /// Woken when the connection's task has something to look at.
    wake: Notify,
    /// Woken when there is room for more requests.
    room: Condvar,
}

/// A request that a planned fault keeps back.
pub(super) struct Late {
    pub until: Instant,
    pub request: Request,
    /// What comes of it then.
    pub outcome: FaultOutcome,
}

#[derive(Default)]
struct State {
    /// Bytes received and not looked at.
    received: Vec<u8>,
    /// Bytes to send.
    out: Vec<u8>,
    /// How many of them are sent.
    sent: usize,
    /// A request is unanswered.
    busy: bool,
    /// A thread waits for the socket to take more.
    slow: bool,
    closed: bool,
    deadline: Option<Instant>,
    /// The unanswered request, if a fault keeps it back.
    late: Option<Late>,
    /// Which thread reads, counted.
    reader: u64,
    /// Since when that thread is at a card.
    away: Option<Instant>,
}

impl State {
    fn has_output(&self) -> bool {
        self.sent < self.out.len()
    }
}

impl Link {
    /// Makes it of what was accepted.
    pub fn new(stream: tokio::net::UnixStream) -> io::Result<Self> {
        // Nothing if it lives in another namespace of processes.
        let process = stream.peer_cred().ok().and_then(|other| other.pid());
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Ok(Self {
            stream,
            process: process.filter(|&process| process > 0),
            state: Mutex::default(),
            wake: Notify::new(),
            room: Condvar::new(),
        })
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

    /// Whether the other side has hung up.
    pub fn is_gone(&self) -> bool {
        let mut fds = [PollFd::new(&self.stream, PollFlags::empty())];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let [fd] = match poll(&mut fds, Some(&now)) {
            Ok(_) => fds,
            Err(_) => return false,
        };
        fd.revents().contains(PollFlags::HUP)
    }

    /// The process at the other end, if the system tells.
    pub fn process(&self) -> Option<i32> {
        self.process
    }

    /// Ends the connection.
    pub fn close(&self) {
        self.end(&mut self.lock());
    }

    fn end(&self, state: &mut State) {
        state.closed = true;
        // Wakes the thread that reads. One that is over needs no end.
        let _ = self.stream.shutdown(Shutdown::Both);
        self.room.notify_all();
        self.wake.notify_one();
    }

    pub fn arm(&self, deadline: Instant) {
        self.lock().deadline = Some(deadline);
        self.wake.notify_one();
    }

    pub fn disarm(&self) {
        self.lock().deadline = None;
    }

    /// Keeps the unanswered request back.
    pub fn postpone(&self, late: Late) {
        self.lock().late = Some(late);
        self.wake.notify_one();
    }

    /// Takes what was kept back, if its time has come.
    fn take_late(&self) -> Option<Late> {
        let now = Instant::now();
        let mut state = self.lock();
        state.late.take_if(|late| late.until <= now)
    }

    /// Sends what the socket takes, from whatever thread this is. Says whether
    /// there is more; the connection's task sees to that.
    pub fn flush(&self) -> bool {
        let mut state = self.lock();
        while state.has_output() && !state.closed {
            let rest = state.out.get(state.sent..).unwrap_or_default();
            let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
            match rustix::net::send(self.stream.as_fd(), rest, flags) {
                Ok(count) => state.sent += count,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => self.end(&mut state),
            }
        }
        if !state.has_output() {
            state.sent = 0;
            state.out.clear();
            state.out.shrink_to(KEPT);
        }
        let more = state.has_output() && !state.closed;
        if !more {
            state.slow = false;
        }
        if (more && !state.slow) || (!more && !state.received.is_empty() && !state.busy) {
            self.wake.notify_one();
        }
        more
    }

    /// The next request, if one is there and its turn has come.
    fn take(&self) -> Option<Request> {
        let mut state = self.lock();
        if state.closed || state.busy || state.has_output() {
            return None;
        }
        match Request::parse(&state.received) {
            Ok(Parsed::Complete(request, used)) => {
                state.busy = true;
                state.received.drain(..used);
                if state.received.is_empty() {
                    state.received.shrink_to(KEPT);
                }
                self.room.notify_all();
                Some(request)
            }
            Ok(Parsed::Incomplete(_)) => None,
            Err(error) => {
                tracing::warn!(%error, "cutting off a client");
                self.end(&mut state);
                None
            }
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

    /// Waits for bytes. Somebody who has just been answered often asks on at
    /// once: to look for that a while before sleeping spares waking up, which
    /// where another processor has to be woken costs more than an exchange.
    /// One thread of a server looks at a time, and everybody else who wants
    /// the processor goes first.
    fn receive(&self, chunk: &mut [u8], looking: Option<&AtomicBool>) -> io::Result<usize> {
        let Some(looking) = looking.filter(|taken| !taken.swap(true, Ordering::Relaxed)) else {
            return (&self.stream).read(chunk);
        };
        let found = self.look(chunk);
        looking.store(false, Ordering::Relaxed);
        match found {
            Some(found) => found,
            None => (&self.stream).read(chunk),
        }
    }

    /// What comes within [`EAGER`].
    fn look(&self, chunk: &mut [u8]) -> Option<io::Result<usize>> {
        let begun = Instant::now();
        while begun.elapsed() < EAGER {
            match rustix::net::recv(self.stream.as_fd(), &mut *chunk, RecvFlags::DONTWAIT) {
                Err(Errno::AGAIN | Errno::INTR) => std::thread::yield_now(),
                Ok((_, count)) => return Some(Ok(count)),
                Err(error) => return Some(Err(error.into())),
            }
        }
        None
    }

    /// Keeps what was received, once there is room for more after it. Says
    /// whether the connection goes on.
    fn keep(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        state.received.extend_from_slice(bytes);
        !state.closed
    }

    /// Waits until more can be received. Says whether the connection goes on.
    fn wait_for_room(&self) -> bool {
        let full = |state: &mut State| !state.closed && state.received.len() >= LONGEST_REQUEST;
        let state = self
            .room
            .wait_while(self.lock(), full)
            .unwrap_or_else(PoisonError::into_inner);
        !state.closed
    }
}

/// Starts the thread that reads, or the next one.
pub(super) fn start_reading(
    shared: &Arc<Shared>,
    id: ConnectionId,
    link: &Arc<Link>,
) -> io::Result<()> {
    let number = link.lock().reader;
    let (shared, link) = (Arc::clone(shared), Arc::clone(link));
    std::thread::Builder::new()
        .name(format!("client {}", id.0))
        .spawn(move || read(&shared, id, &link, number))?;
    Ok(())
}

/// What the thread number `number` of a connection does.
fn read(shared: &Shared, id: ConnectionId, link: &Link, number: u64) {
    let mut chunk = [0; CHUNK];
    // Whether the client has just been answered.
    let mut served = false;
    loop {
        let count = match link.receive(&mut chunk, served.then_some(&shared.looking)) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if !link.keep(chunk.get(..count).unwrap_or_default()) {
            break;
        }
        served = false;
        while let Some(request) = link.take() {
            served = true;
            let Some(errand) = shared.request(id, request, true) else {
                continue;
            };
            link.lock().away = Some(Instant::now());
            shared.errands.begin();
            let (reader, generation) = (errand.reader, errand.generation);
            shared.card_done(reader, generation, errand.run());
            let mut state = link.lock();
            if state.reader != number {
                // It took long, and somebody else reads now.
                return;
            }
            state.away = None;
        }
        if !link.wait_for_room() {
            break;
        }
    }
    link.close();
    // Not left to the task, which may have to wait for its turn.
    shared.disconnected(id);
}

/// Has another thread read if the one that should is at a card for long. Says
/// whether it is at a card.
pub(super) fn relieve(shared: &Arc<Shared>, id: ConnectionId, link: &Arc<Link>) -> bool {
    let mut state = link.lock();
    let Some(since) = state.away else {
        return false;
    };
    if since.elapsed() >= LOOK && !state.closed {
        state.away = None;
        state.reader += 1;
        drop(state);
        if let Err(error) = start_reading(shared, id, link) {
            tracing::warn!(%error, "no thread for a client");
            link.close();
        }
    }
    true
}

/// Ends the connection when its task ends, however that comes.
struct End<'a>(&'a Link);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Serves one connection until either side ends it.
pub(super) async fn serve(shared: Arc<Shared>, id: ConnectionId, link: Arc<Link>) {
    let end = End(&link);
    if let Err(error) = start_reading(&shared, id, &link) {
        tracing::warn!(%error, "no thread for a client");
    } else {
        run(&shared, id, &link).await;
    }
    drop(end);
    shared.disconnected(id);
}

async fn run(shared: &Shared, id: ConnectionId, link: &Arc<Link>) {
    loop {
        while let Some(request) = link.take() {
            shared.request(id, request, false);
        }
        let (deadline, slow) = {
            let mut state = link.lock();
            if state.closed {
                return;
            }
            let more = state.has_output();
            (
                earlier(state.deadline, state.late.as_ref().map(|late| late.until)),
                more && !std::mem::replace(&mut state.slow, more),
            )
        };
        if slow && let Err(error) = start_writing(link) {
            tracing::warn!(%error, "no thread for a client");
            return;
        }
        let timer = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = link.wake.notified() => {}
            () = timer => {
                if link.take_deadline() {
                    shared.feed(Input::Expired(id));
                }
                if let Some(late) = link.take_late() {
                    shared.late(id, late);
                }
            }
        }
    }
}

/// The earlier of two moments, as far as there are any.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Starts a thread that sends what the socket does not take at once. Few
/// clients ever need one; to watch every socket for room would wake the event
/// loop whenever a client reads.
fn start_writing(link: &Arc<Link>) -> io::Result<()> {
    let link = Arc::clone(link);
    std::thread::Builder::new()
        .name("slow client".into())
        .spawn(move || {
            let mut more = true;
            while more {
                let mut fds = [PollFd::new(&link.stream, PollFlags::OUT)];
                more = match poll(&mut fds, None) {
                    Ok(_) | Err(Errno::INTR) => link.flush(),
                    Err(_) => {
                        link.close();
                        false
                    }
                };
            }
        })?;
    Ok(())
}

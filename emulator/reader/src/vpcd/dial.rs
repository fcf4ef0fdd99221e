// SPDX-License-Identifier: MIT OR Apache-2.0
//! From an address to a connection or a listener, without waits that nothing ends.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::address::{Address, Host};
use super::line::{Bell, Woken};

/// How long one address has to take the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a name has to become addresses.
const RESOLVE: Duration = Duration::from_secs(10);
/// How often the wait for a name looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// Connects to the first of the host's addresses that answers. `None` if the
/// bell stopped it.
pub(super) fn connect(address: &Address, bell: &Bell) -> io::Result<Option<TcpStream>> {
    let Some(addresses) = resolve(address, bell)? else {
        return Ok(None);
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match connect_to(address, bell) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Listens at the host's first address, which `allowed` has to admit.
pub(super) fn listen(
    address: &Address,
    allowed: impl Fn(SocketAddr) -> bool,
) -> io::Result<Result<TcpListener, SocketAddr>> {
    let found = match address.host() {
        Host::Ip(ip) => Some(SocketAddr::new(*ip, address.port())),
        Host::Name(name) => (name.as_str(), address.port()).to_socket_addrs()?.next(),
    };
    let found =
        found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))?;
    if !allowed(found) {
        return Ok(Err(found));
    }
    let listener = TcpListener::bind(found)?;
    listener.set_nonblocking(true)?;
    Ok(Ok(listener))
}

/// The resolver of the system cannot be interrupted, so it gets a thread that
/// is left to itself when nobody waits any more.
fn resolve(address: &Address, bell: &Bell) -> io::Result<Option<Vec<SocketAddr>>> {
    let name = match address.host() {
        Host::Ip(ip) => return Ok(Some(vec![SocketAddr::new(*ip, address.port())])),
        Host::Name(name) => (name.clone(), address.port()),
    };
    let (found, result) = channel();
    std::thread::Builder::new()
        .name("resolver".into())
        .spawn(move || {
            let addresses = name.to_socket_addrs().map(Iterator::collect);
            // Nobody may be waiting any more.
            let _ = found.send(addresses);
        })?;
    let until = Instant::now() + RESOLVE;
    while Instant::now() < until {
        match result.recv_timeout(LOOK) {
            Ok(addresses) => return addresses.map(Some),
            Err(RecvTimeoutError::Timeout) if bell.is_stopped() => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "the name could not be resolved in time",
    ))
}

fn connect_to(address: SocketAddr, bell: &Bell) -> io::Result<Option<TcpStream>> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&socket, &address) {
        Ok(()) => {}
        Err(Errno::INPROGRESS | Errno::INTR) => {
            let until = Instant::now() + CONNECT;
            loop {
                match bell.wait_for(socket.as_fd(), PollFlags::OUT, Some(until))? {
                    Woken::Ready => break,
                    Woken::Rung => {}
                    Woken::Stopped => return Ok(None),
                    Woken::Late => return Err(Errno::TIMEDOUT.into()),
                }
            }
            sockopt::socket_error(&socket)??;
        }
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    // A port among those the system gives out, with nobody listening: TCP then
    // may connect a socket to itself, and nobody else could listen there.
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(Errno::CONNREFUSED.into());
    }
    Ok(Some(stream))
}

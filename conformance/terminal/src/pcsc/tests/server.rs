// SPDX-License-Identifier: MIT OR Apache-2.0
//! A scripted server for one client.

use crate::pcsc::{Context, Options};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{JoinHandle, spawn};
use std::time::Duration;
use tempfile::TempDir;

/// One turn of the server: take a request with `extra` bytes behind its body,
/// wait, write the reply (or nothing).
pub struct Turn {
    pub extra: usize,
    pub pause: Duration,
    pub reply: Vec<u8>,
}

pub fn turn(reply: impl Into<Vec<u8>>) -> Turn {
    Turn {
        extra: 0,
        pause: Duration::ZERO,
        reply: reply.into(),
    }
}

pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_ne_bytes()).collect()
}

pub struct Server {
    directory: TempDir,
    thread: JoinHandle<Vec<(u32, Vec<u8>)>>,
}

impl Server {
    /// Serves the handshake and then the script, to one client.
    pub fn start(minor: u32, script: Vec<Turn>) -> Self {
        let directory = TempDir::new().unwrap();
        let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
        let mut turns = vec![turn(words(&[4, minor, 0])), turn(words(&[2, 0xC0FFEE, 0]))];
        turns.extend(script);
        let thread = spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            turns
                .into_iter()
                .map_while(|turn| take(&mut client, &turn))
                .collect()
        });
        Self { directory, thread }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    pub fn client(&self, options: Options) -> Context {
        Context::open(self.path(), options).unwrap()
    }

    /// The requests after the handshake.
    pub fn requests(self) -> Vec<(u32, Vec<u8>)> {
        self.thread.join().unwrap().split_off(2)
    }
}

fn take(client: &mut UnixStream, turn: &Turn) -> Option<(u32, Vec<u8>)> {
    let mut head = [0; 8];
    client.read_exact(&mut head).ok()?;
    let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
    let mut body = vec![0; usize::try_from(word(0)).unwrap() + turn.extra];
    client.read_exact(&mut body).ok()?;
    std::thread::sleep(turn.pause);
    client.write_all(&turn.reply).ok()?;
    Some((word(4), body))
}

pub fn state(name: &str, events: u32, atr: &[u8]) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(128, 0);
    bytes.extend(words(&[
        events,
        if atr.is_empty() { 0x02 } else { 0x34 },
        1,
    ]));
    bytes.extend_from_slice(atr);
    bytes.resize(128 + 12 + 36, 0);
    bytes.extend(words(&[u32::try_from(atr.len()).unwrap(), 2]));
    assert_eq!(bytes.len(), 184);
    bytes
}

pub fn states(used: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = used.concat();
    bytes.resize(16 * 184, 0);
    bytes
}

pub fn connected() -> Turn {
    let mut reply = vec![0; 4 + 128 + 8];
    reply.extend(words(&[77, 2, 0]));
    turn(reply)
}

pub fn short() -> Options {
    Options {
        limit: Duration::from_millis(80),
        ..Options::default()
    }
}

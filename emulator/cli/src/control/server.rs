// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server's half: one task per client, one request of it at a time.

use super::fault::value;
use super::lines::{LONGEST_LINE, Line, Lines};
use super::request::{Awaited, BadLine, Request};
use crate::error::CliError;
use crate::hand::{Hand, HandError};
use crate::out::printable;
use cie_reader::{Place, SocketFile, Usage};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Clients at a time.
const MOST_CLIENTS: usize = 64;
/// Bytes taken from a client at a time.
const CHUNK: usize = 4096;
/// How long the end waits for what is under way.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// How long to rest when the system has no resources for another client.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where the control of the readers at `socket` is.
pub(crate) fn socket_beside(socket: &Path) -> PathBuf {
    let mut path = socket.as_os_str().to_owned();
    path.push(".control");
    path.into()
}

/// A control socket with its thread. Both go with it.
pub(crate) struct ControlServer {
    file: SocketFile,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl ControlServer {
    /// Listens beside the readers' socket.
    pub(crate) fn start(readers: &Path, hand: Arc<Hand>) -> Result<Self, CliError> {
        let (file, listener) = SocketFile::listen(&Place::At(socket_beside(readers)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(CliError::Wait)?;
        let guard = runtime.enter();
        let listener = UnixListener::from_std(listener).map_err(CliError::Wait)?;
        drop(guard);
        let (stop, stopped) = watch::channel(false);
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || {
                runtime.block_on(serve(&listener, &hand, stopped));
                runtime.shutdown_timeout(LAST_PATIENCE);
            })
            .map_err(CliError::Wait)?;
        Ok(Self {
            file,
            stop,
            thread: Some(thread),
        })
    }

    /// Where clients find it.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }
}

impl Drop for ControlServer {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: &UnixListener, hand: &Arc<Hand>, mut stopped: watch::Receiver<bool>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopped.wait_for(|&stop| stop) => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if clients.len() >= MOST_CLIENTS => turn_away(&stream),
                Ok((stream, _)) => {
                    clients.spawn(client(stream, Arc::clone(hand)));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = clients.join_next() => {}
        }
    }
    clients.shutdown().await;
}

fn turn_away(stream: &UnixStream) {
    // One short line fits into any socket's buffer; if not, it is the client's loss.
    let _ = stream.try_write(format!("error {MOST_CLIENTS} clients are here already\n").as_bytes());
}

/// Answers one client until it leaves. A reply that is not read holds up
/// nobody else, and keeps no more than itself.
async fn client(mut stream: UnixStream, hand: Arc<Hand>) {
    let mut lines = Lines::default();
    let mut chunk = [0; CHUNK];
    loop {
        while let Some(line) = lines.next() {
            if reply(&mut stream, line, &hand).await.is_err() {
                return;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) => break,
            Ok(count) => lines.feed(chunk.get(..count).unwrap_or_default()),
            Err(_) => return,
        }
    }
    if let Some(line) = lines.rest() {
        let _ = reply(&mut stream, line, &hand).await;
    }
}

async fn reply(stream: &mut UnixStream, line: Line, hand: &Arc<Hand>) -> std::io::Result<()> {
    let text = match answer(line, hand).await {
        Ok(None) => "ok\n".to_owned(),
        Ok(Some(value)) => format!("ok {value}\n"),
        // File names may have line ends in them.
        Err(error) => format!("error {}\n", printable(&error)),
    };
    stream.write_all(text.as_bytes()).await
}

/// What comes behind `ok`, or behind `error`.
async fn answer(line: Line, hand: &Arc<Hand>) -> Result<Option<Value>, String> {
    let line = match line {
        Line::Text(line) => line,
        Line::TooLong => return Err(format!("the line has more than {LONGEST_LINE} bytes")),
        Line::Unended => return Err("the line has no line feed; nothing was done".to_owned()),
        Line::NotUtf8 => return Err("the line is not UTF-8".to_owned()),
    };
    let request = Request::parse(&line).map_err(|error: BadLine| error.to_string())?;
    if let Request::Wait {
        what,
        count,
        patience,
    } = request
    {
        return wait(hand, what, count, patience).await.map(|()| None);
    }
    // Cards may take their time, and files too.
    let hand = Arc::clone(hand);
    let done = tokio::task::spawn_blocking(move || act(&hand, &request)).await;
    match done {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => {
            Err("the request stopped unexpectedly; this is a defect, please report it".into())
        }
    }
}

fn act(hand: &Hand, request: &Request) -> Result<Option<Value>, HandError> {
    match request {
        Request::Insert { reader, file } => hand.insert(*reader, file.as_deref())?,
        Request::Remove { reader } => hand.remove(*reader)?,
        Request::Reset { reader } => hand.reset(*reader)?,
        Request::Swap { reader, file } => hand.swap(*reader, file)?,
        Request::Counters { reader } => return hand.counters(*reader).map(Some),
        Request::List => return Ok(Some(hand.list())),
        Request::Fault(fault) => hand.control(0)?.fault(fault.clone())?,
        Request::Faults => {
            let faults = hand.control(0)?.faults();
            return Ok(Some(faults.iter().map(value).collect()));
        }
        Request::ClearFaults => hand.control(0)?.clear_faults(),
        Request::Wait { .. } => {}
    }
    Ok(None)
}

async fn wait(hand: &Hand, what: Awaited, wanted: usize, patience: Duration) -> Result<(), String> {
    let reader = match what {
        Awaited::Queued { reader } => reader,
        _ => 0,
    };
    let control = hand.control(reader).map_err(|error| error.to_string())?;
    let mut found = 0;
    let enough = |usage: &Usage| {
        found = match what {
            Awaited::Clients => usage.contexts,
            Awaited::Waiting => usage.waiting,
            Awaited::Queued { reader } => usage.readers.get(reader).map_or(0, |r| r.queued),
        };
        found >= wanted
    };
    let waited = tokio::time::timeout(patience, control.until(enough)).await;
    if waited.is_ok() && found >= wanted {
        return Ok(());
    }
    let what = match what {
        Awaited::Clients => "contexts are open",
        Awaited::Waiting => "contexts wait for a change",
        Awaited::Queued { .. } => "calls stand in the queue",
    };
    let seconds = patience.as_secs();
    Err(format!(
        "only {found} {what} after {seconds} s, not {wanted}"
    ))
}

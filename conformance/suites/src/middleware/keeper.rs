// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench's end of the line to a keeper: [`cie_driver::supervise`] is the
//! other.

use super::finding::{Finding, Found};
use cie_driver::{Ended, descendants};
use std::io::{self, BufRead, BufReader};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// How long it may take to end everything.
const END: Duration = Duration::from_secs(15);

/// A process above the one with a module. When this is dropped everything ends
/// that came of it.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) child: Child,
    pub(crate) line: UnixStream,
}

impl Keeper {
    /// Starts it; its standard input is the line.
    pub(crate) fn start(mut command: Command) -> io::Result<Self> {
        let (line, other) = UnixStream::pair()?;
        // What is typed to interrupt the bench is for the bench alone: the line
        // tells the keeper when that has ended.
        let command = command.stdin(OwnedFd::from(other)).process_group(0);
        let child = command.spawn()?;
        Ok(Self { child, line })
    }

    /// Sends on what it tells, from a thread.
    pub(crate) fn listen<T: Send + 'static>(
        &self,
        to: Sender<T>,
        of: impl Fn(Ended) -> T + Send + 'static,
    ) -> Found {
        let line = self.line.try_clone().map_err(Finding::ours)?;
        std::thread::spawn(move || {
            for line in BufReader::new(line).lines().map_while(Result::ok) {
                // What is no such message comes from something that the module
                // has started.
                if let Ok(ended) = serde_json::from_str(&line)
                    && to.send(of(ended)).is_err()
                {
                    return;
                }
            }
        });
        Ok(())
    }

    /// The process has nothing more to read.
    pub(crate) fn say_no_more(&self) {
        // It may be gone already.
        drop(self.line.shutdown(Shutdown::Write));
    }

    /// Whether anything is left to be kept.
    pub(crate) fn keeps(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The names of the processes that are running.
    pub(crate) fn running(&mut self) -> Vec<String> {
        // Until it has been waited for, its number is nobody else's.
        match self.keeps() {
            true => descendants(self.child.id()),
            false => Vec::new(),
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // A thread has a copy of this end, which would keep the line open. Either
        // may be gone already.
        drop(self.line.shutdown(Shutdown::Both));
        let until = Instant::now() + END;
        while self.keeps() {
            if Instant::now() > until {
                // Something of another user, or in the kernel's hands.
                drop(self.child.kill());
                drop(self.child.wait());
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes a trace on a thread of its own. Observers are called under the
//! locks of the reader, so a file that stalls (a full pipe, a file system
//! that hangs) must not hold them up.
//!
//! As a rule an entry is written when [`Writer::write`] returns. The first one
//! that is not within [`PATIENCE`] is left behind, and so are those after it
//! until the file has caught up. When [`ROOM`] is full, entries are dropped; a
//! line in the trace says how many, in their place.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long one entry is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long the end of a trace is waited for.
const END: Duration = Duration::from_secs(5);
/// Bytes that may wait to be written.
const ROOM: usize = 16 << 20;

/// What waits to be written.
#[derive(Default)]
struct Queue {
    entries: VecDeque<String>,
    /// Bytes of them, and of the one that is being written.
    bytes: usize,
    /// Entries dropped since the last one that was taken.
    dropped: u64,
    /// Whether entries are not waited for.
    behind: bool,
    error: Option<io::Error>,
    /// No more will come.
    over: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything is written, or for `time`.
    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>, time: Duration) -> MutexGuard<'a, Queue> {
        self.changed
            .wait_timeout_while(queue, time, |queue| queue.bytes > 0)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    fn run(&self, mut out: impl Write) {
        let mut queue = self.lock();
        loop {
            let Some(entry) = queue.entries.pop_front() else {
                if queue.over {
                    return;
                }
                queue = self
                    .changed
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(queue);
            let result = out.write_all(entry.as_bytes()).and_then(|()| out.flush());
            queue = self.lock();
            queue.bytes = queue.bytes.saturating_sub(entry.len());
            queue.behind &= queue.bytes > 0;
            if let Err(error) = result {
                queue.error.get_or_insert(error);
            }
            self.changed.notify_all();
        }
    }
}

/// A trace's file, and the thread that writes it.
pub(super) struct Writer {
    shared: Arc<Shared>,
    patience: Duration,
    room: usize,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn new(out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("trace".into())
            .spawn(move || theirs.run(out))?;
        Ok(Self {
            shared,
            patience: PATIENCE,
            room: ROOM,
        })
    }

    /// Writes one entry, whole lines.
    pub(super) fn write(&self, entry: &str) {
        let mut queue = self.shared.lock();
        if queue.bytes + entry.len() > self.room {
            queue.dropped += 1;
            return;
        }
        let dropped = std::mem::take(&mut queue.dropped);
        let entry = match dropped {
            0 => entry.to_owned(),
            _ => {
                format!("# {dropped} entries are missing here: the file did not take them\n{entry}")
            }
        };
        queue.bytes += entry.len();
        queue.entries.push_back(entry);
        self.shared.changed.notify_all();
        if !queue.behind {
            queue = self.shared.wait(queue, self.patience);
            queue.behind = queue.bytes > 0;
        }
    }

    /// Waits for what is not written yet; the first error, if there was one.
    pub(super) fn error(&self) -> Option<io::Error> {
        let mut queue = self.shared.wait(self.shared.lock(), END);
        let (bytes, dropped) = (queue.bytes, queue.dropped);
        let stuck = (bytes > 0 || dropped > 0).then(|| {
            let text = format!(
                "it does not take what is written: {bytes} bytes and {dropped} more entries are missing at its end"
            );
            io::Error::new(io::ErrorKind::TimedOut, text)
        });
        queue.error.take().or(stuck)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    const ENTRIES: usize = 1000;

    fn entry(number: usize) -> String {
        format!("{number} {}\n", "x".repeat(1000))
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let mut writer = Writer::new(pipe).unwrap();
        writer.patience = Duration::from_millis(50);
        writer.room = 200_000;
        // More than a pipe holds, and more than there is room for.
        for number in 0..ENTRIES {
            writer.write(&entry(number));
        }
        let dropped = writer.shared.lock().dropped;
        assert!(writer.shared.lock().behind && dropped > 0);

        // The reader comes back: everything in order, and what is missing is told.
        let mut text = String::new();
        std::thread::scope(|scope| {
            scope.spawn(|| reader.read_to_string(&mut text).unwrap());
            let taken = writer
                .shared
                .wait(writer.shared.lock(), Duration::from_secs(60));
            assert_eq!(taken.bytes, 0);
            drop(taken);
            writer.write("the end\n");
            assert!(writer.error().is_none());
            drop(writer);
        });
        let kept = ENTRIES - usize::try_from(dropped).unwrap();
        let mut wanted: String = (0..kept).map(entry).collect();
        wanted.push_str(&format!(
            "# {dropped} entries are missing here: the file did not take them\nthe end\n"
        ));
        assert!(
            text == wanted,
            "{} bytes, {} wanted",
            text.len(),
            wanted.len()
        );
    }

    #[test]
    fn an_entry_is_written_when_the_call_returns() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let writer = Writer::new(pipe).unwrap();
        writer.write("one\n");
        assert_eq!(writer.shared.lock().bytes, 0);
        assert!(writer.error().is_none());
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\n");
    }

    #[test]
    fn an_error_is_told_once() {
        let (reader, pipe) = io::pipe().unwrap();
        drop(reader);
        let writer = Writer::new(pipe).unwrap();
        writer.write("one\n");
        let error = writer.error().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        assert!(writer.error().is_none());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keeps everything that a process starts together, so that one who started it
//! can end it all.
//!
//! A module may start processes, and those may leave their group and session
//! and outlive it. The keeper is a process between the bench and the one with
//! the module: the kernel hands it every descendant whose parent has ended
//! (`PR_SET_CHILD_SUBREAPER`), so it never loses one, and it never has one that
//! is not a descendant of its own process.
//!
//! Its standard input is one end of a pair of sockets, the line. The process
//! reads its requests from it; on it the keeper tells an [`Ended`]; and when the
//! other end is closed, by its owner or because its owner is gone, the keeper
//! ends whatever is left and then itself.

use crate::protocol::Ended;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process, pidfd_open, pidfd_send_signal,
    set_child_subreaper, wait,
};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Between two looks at what is still there.
const PAUSE: Duration = Duration::from_millis(5);
/// So often a folder is removed that is filled again.
const SWEEPS: u32 = 400;

/// Starts this program with its arguments and keeps what comes of it, as the
/// head of this file says. Without a program it keeps folders: a path a line
/// after a `+`, until it is named again after a `-`; those that are left when
/// the line closes are removed.
///
/// It is to be called first of all in a process of its own.
///
/// # Errors
/// What is wrong with the line, or with this process.
pub fn supervise(words: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let line = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let mut words = words.into_iter();
    match words.next() {
        Some(program) => keep(&program, words, line),
        None => sweep(&line),
    }
}

fn keep(
    program: &OsString,
    arguments: impl Iterator<Item = OsString>,
    mut line: UnixStream,
) -> io::Result<()> {
    set_child_subreaper(Some(getpid()))?;
    let mut command = Command::new(program);
    // What it sends to its own group does not come here.
    command.args(arguments).process_group(0);
    let child = match command.stdin(Stdio::inherit()).spawn() {
        Ok(child) => child,
        Err(error) => return tell(&mut line, &Ended::NotStarted(error.to_string())),
    };
    // Its output ends when it ends.
    rustix::stdio::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    let closed = line.try_clone()?;
    std::thread::spawn(move || {
        wait_for_end(&closed);
        loop {
            children().into_iter().for_each(end);
            std::thread::sleep(PAUSE);
        }
    });
    // Until there is no child, own or handed over.
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if i64::from(pid.as_raw_pid()) == i64::from(child.id()) => {
                // The other end may be closed.
                drop(tell(&mut line, &Ended::Status(status.as_raw())));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return Ok(()),
        }
    }
}

fn tell(line: &mut UnixStream, ended: &Ended) -> io::Result<()> {
    let mut text = serde_json::to_string(ended)?;
    text.push('\n');
    line.write_all(text.as_bytes())
}

/// Returns when the other end of this line is closed altogether; that it says
/// nothing more is not enough.
fn wait_for_end(line: &UnixStream) {
    loop {
        let mut one = [PollFd::new(line, PollFlags::empty())];
        match poll(&mut one, None) {
            Ok(0) | Err(Errno::INTR) => {}
            _ => return,
        }
    }
}

/// The children of this process, those included that were handed over.
fn children() -> Vec<Pid> {
    let own = getpid();
    processes()
        .into_iter()
        .filter(|pid| parent(*pid) == Some(own))
        .collect()
}

fn processes() -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .collect()
}

/// The fields of `/proc/PID/stat` behind the name, the state first (proc(5)),
/// and the name.
fn stat(pid: Pid) -> Option<(String, Vec<String>)> {
    let text = std::fs::read(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    let text = String::from_utf8_lossy(&text);
    let (_, rest) = text.split_once('(')?;
    // The name may have any character in it.
    let (name, rest) = rest.rsplit_once(')')?;
    let fields = rest.split_whitespace().map(str::to_owned).collect();
    Some((name.to_owned(), fields))
}

fn parent(pid: Pid) -> Option<Pid> {
    let (_, fields) = stat(pid)?;
    Pid::from_raw(fields.get(1)?.parse().ok()?)
}

/// Ends a child of this process, and nobody who has got its number since.
fn end(pid: Pid) {
    // It may be gone already.
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) if parent(pid) == Some(getpid()) => {
            let _ = pidfd_send_signal(handle, Signal::KILL);
        }
        Err(Errno::NOSYS) => {
            let _ = kill_process(pid, Signal::KILL);
        }
        _ => {}
    }
}

/// The names of the processes that descend from this one and have not ended,
/// in alphabetical order; of the one itself not.
#[must_use]
pub fn descendants(pid: u32) -> Vec<String> {
    let mut family: Vec<_> = i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .into_iter()
        .collect();
    let all: Vec<_> = processes()
        .into_iter()
        .filter_map(|pid| Some((pid, stat(pid)?)))
        .collect();
    let mut names = Vec::new();
    let mut next = 0;
    while let Some(ancestor) = family.get(next).copied() {
        next += 1;
        for (pid, (name, fields)) in &all {
            let parent = fields.get(1).and_then(|parent| parent.parse().ok());
            if parent != Some(ancestor.as_raw_pid()) || family.contains(pid) {
                continue;
            }
            family.push(*pid);
            if fields.first().is_none_or(|state| state != "Z") {
                names.push(name.clone());
            }
        }
    }
    names.sort();
    names
}

/// Removes folders that are left when the line closes.
fn sweep(line: &UnixStream) -> io::Result<()> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for message in BufReader::new(line).lines() {
        let message = message?;
        if let Some(path) = message.strip_prefix('+') {
            folders.push(path.into());
        } else if let Some(path) = message.strip_prefix('-') {
            folders.retain(|folder| folder != Path::new(path));
        }
    }
    // Processes that are ended at this very moment may still fill them.
    for _ in 0..SWEEPS {
        folders.retain(|folder| {
            drop(std::fs::remove_dir_all(folder));
            folder.symlink_metadata().is_ok()
        });
        if folders.is_empty() {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_the_descendants_that_it_started() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "sleep 600 & read -r line; kill $!; wait"]);
        let mut child = shell.stdin(Stdio::piped()).spawn().unwrap();
        let mut found = Vec::new();
        while found != ["sleep"] {
            found = descendants(child.id());
            assert!(found.len() < 2, "{found:?}");
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(descendants(child.id()).is_empty());
    }
}

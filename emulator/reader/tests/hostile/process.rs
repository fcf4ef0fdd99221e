// SPDX-License-Identifier: MIT OR Apache-2.0
//! This test program once more, as a child process with one task: a client
//! linked to libpcsclite, or a server that can be measured from outside.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cie_reader::{Card, Place, ReaderServer, ReaderSpec};

use crate::Echo;
use crate::common::GUARD;

const CHILD: &str = "CIE_READER_TEST_CHILD";
const SERVED: &str = "CIE_READER_TEST_READERS";

/// A child that runs one ignored test of this program.
pub struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Process {
    pub fn start(test: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--ignored", "--nocapture"])
            .arg("--test-threads=1")
            .env(CHILD, "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// A client of the library at this socket.
    pub fn client(test: &str, socket: &Path) -> Self {
        Self::start(test, &[("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap())])
    }

    /// What it says next after `word`.
    pub fn hear(&mut self, word: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let count = self.output.read_line(&mut line).unwrap();
            assert_ne!(count, 0, "the child ended without saying {word}");
            if let Some((_, rest)) = line.split_once(word) {
                return rest.trim().to_owned();
            }
        }
    }

    pub fn say(&mut self, line: &str) {
        self.input.write_all(line.as_bytes()).unwrap();
        self.input.write_all(b"\n").unwrap();
    }

    /// SIGKILL, and its end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The child's side: nothing to do unless a parent started it. One that is
/// left alone ends after `limit`.
pub fn is_child(limit: Duration) -> bool {
    let child = std::env::var_os(CHILD).is_some();
    if child {
        std::thread::spawn(move || {
            std::thread::sleep(limit);
            println!("\nthis child hangs");
            std::process::exit(1);
        });
    }
    child
}

/// A server in a process of its own.
pub struct Served {
    pub process: Process,
    pub path: PathBuf,
}

/// What a process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub files: usize,
    pub threads: usize,
    /// Resident memory in KiB.
    pub memory: usize,
}

impl Served {
    pub fn start(readers: usize) -> Self {
        let mut process = Process::start(
            "process::child_server",
            &[(SERVED, readers.to_string().as_str())],
        );
        let path = process.hear("serving ").into();
        Self { process, path }
    }

    pub fn name(number: usize) -> String {
        format!("CIE Virtual Reader {number:02X} 00")
    }

    /// Takes the card of a reader out and puts it back.
    pub fn swap(&mut self, reader: usize) {
        self.process.say(&reader.to_string());
        self.process.hear("swapped");
    }

    pub fn figures(&self) -> Figures {
        let proc = PathBuf::from(format!("/proc/{}", self.process.child.id()));
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.unwrap().split_whitespace().next().unwrap();
            word.parse().unwrap()
        };
        Figures {
            files: std::fs::read_dir(proc.join("fd")).unwrap().count(),
            threads: field("Threads:"),
            memory: field("VmRSS:"),
        }
    }

    /// The figures once they do not change any more.
    pub fn figures_at_rest(&self) -> Figures {
        let mut last = self.figures();
        let mut same = 0;
        while same < 5 {
            std::thread::sleep(Duration::from_millis(20));
            let now = self.figures();
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    }

    /// The figures once the server has no more files and threads than in
    /// `before`: it needs a moment to see that its clients are gone.
    pub fn settled(&self, before: &Figures) -> Figures {
        let started = Instant::now();
        loop {
            let now = self.figures();
            if now.files <= before.files && now.threads <= before.threads {
                return now;
            }
            assert!(started.elapsed() < GUARD, "{before:?} has become {now:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
#[ignore = "runs as a child process"]
fn child_server() {
    if !is_child(Duration::from_secs(3600)) {
        return;
    }
    let count: usize = std::env::var(SERVED).unwrap().parse().unwrap();
    let readers = (0..count)
        .map(|number| ReaderSpec::with_card(Served::name(number), Box::new(Echo) as Card))
        .collect();
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap();
    println!("\nserving {}", server.path().display());
    for line in std::io::stdin().lock().lines() {
        let reader = line.unwrap().parse().unwrap();
        let card = server.control().remove_card(reader).unwrap();
        server.control().insert_card(reader, card).unwrap();
        println!("swapped");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs in other languages, with their own PC/SC bindings, unmodified.

// Helpers outside of test functions do what test functions may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use cie_reader::protocol::codes::rv;
use cie_reader::{ReaderSpec, RunningServer};
use common::{Client, FIRST, SECOND, server};

const THIRD: &str = "CIE Virtual Reader 02 00";
/// A Java program may take its time to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client program that says a line for each thing it has done.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Program {
    fn start(mut command: Command, server: &RunningServer) -> Self {
        let mut child = command
            .env("PCSCLITE_CSOCK_NAME", server.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let lines = read(child.stdout.take().unwrap());
        Self {
            child,
            input,
            lines,
        }
    }

    /// The next line, which must be this one.
    fn says(&self, expected: &str) {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => assert_eq!(line, expected),
            Err(error) => panic!("instead of {expected:?}: {error}"),
        }
    }

    /// Lets the program go on.
    fn go(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    fn ends_well(mut self) {
        self.says("done");
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// Whether `command` works here. Where it does not the test is skipped, and
/// says so; continuous integration installs what is needed and may not skip.
fn works(command: &mut Command, package: &str) -> bool {
    let works = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        let required = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
        assert!(!required, "the Debian package {package} is missing");
        println!("SKIPPED: the Debian package {package} is missing");
    }
    works
}

/// The system's own; another one first in the path may lack the package.
const PYTHON: &str = "/usr/bin/python3";

#[test]
fn pyscard() {
    let mut probe = Command::new(PYTHON);
    probe.args(["-c", "import smartcard"]);
    if !works(&mut probe, "python3-pyscard") {
        return;
    }
    let (server, _first) = server();
    let control = server.control();
    let mut command = Command::new(PYTHON);
    command.arg(script("pyscard_client.py"));
    let program = Program::start(command, &server);
    program.says(&format!("readers {FIRST} {SECOND}"));
    program.says("exclusive beside another: True");
    program.says("another beside exclusive: True");
    program.says("second is empty");
    program.says("waiting");
    let (card, _second) = common::card();
    control.insert_card(1, card).unwrap();
    program.says("inserted");
    program.says("watching");
    drop(control.remove_card(1).unwrap());
    program.says("removed True");
    program.says("before the third");
    assert_eq!(control.add_reader(ReaderSpec::empty(THIRD)).unwrap(), 2);
    program.says(&format!("readers {FIRST} {SECOND} {THIRD}"));
    program.says("before it goes");
    assert!(control.remove_reader(2).unwrap().is_none());
    program.says(&format!("readers {FIRST} {SECOND}"));
    program.ends_well();
}

/// Where the runtime does not look by itself on Debian.
fn library() -> Option<PathBuf> {
    std::fs::read_dir("/usr/lib")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("libpcsclite.so.1")))
        .find(|path| path.exists())
}

#[test]
fn java_smartcardio() {
    // A source file can only be run where the compiler is.
    if !works(
        Command::new("javac").arg("-version"),
        "default-jdk-headless",
    ) {
        return;
    }
    let (server, _first) = server();
    let control = server.control();
    let mut command = Command::new("java");
    if let Some(library) = library() {
        command.arg(format!(
            "-Dsun.security.smartcardio.library={}",
            library.display()
        ));
    }
    command.arg(script("SmartcardioClient.java"));
    let mut other = Client::connected(server.path(), FIRST);
    let mut program = Program::start(command, &server);
    program.says(&format!("readers {FIRST} {SECOND}"));
    program.says("exclusive");
    assert_eq!(other.transmit(&[0, 0xA4, 0, 0]).0, rv::SHARING_VIOLATION);
    program.go();
    program.says("shared again");
    assert_eq!(other.transmit(&[0, 0xA4, 0, 0]).0, rv::SUCCESS);
    program.go();
    program.says("second is empty");
    program.says("waiting");
    let (card, _second) = common::card();
    control.insert_card(1, card).unwrap();
    program.says("inserted");
    drop(control.remove_card(1).unwrap());
    program.says("removed");
    program.ends_well();
}

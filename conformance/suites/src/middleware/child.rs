// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process in which a module runs.

use super::door::{Log, locked, note};
use super::finding::{Finding, Found};
use crate::report::Exchange;
use cie_driver::{Answer, Request};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a process may take to end when it is told to.
const END: Duration = Duration::from_secs(15);

/// A process with a module in it.
pub(crate) struct Driver {
    child: Child,
    input: Option<ChildStdin>,
    answers: Receiver<String>,
    patience: Duration,
    log: Log,
    errors: PathBuf,
    /// What went wrong when nobody was asking.
    late: Arc<Mutex<Vec<String>>>,
    over: bool,
    /// `C_Initialize` was called, and `C_Finalize` was not.
    initialized: bool,
}

impl Driver {
    /// Starts the process.
    pub(crate) fn start(
        mut command: Command,
        patience: Duration,
        log: &Log,
        errors: PathBuf,
        late: &Arc<Mutex<Vec<String>>>,
    ) -> Found<Self> {
        let to = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&errors)
            .map_err(Finding::ours)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(to)
            .spawn()
            .map_err(|error| Finding::ours(format!("the driver could not be started: {error}")))?;
        let gone = || Finding::Undecided("the driver has no pipes".to_owned());
        let output = child.stdout.take().ok_or_else(gone)?;
        let input = child.stdin.take();
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            input,
            answers,
            patience,
            log: Arc::clone(log),
            errors,
            late: Arc::clone(late),
            over: false,
            initialized: false,
        })
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Found<Answer> {
        self.send(request)?;
        self.wait(request)
    }

    /// Asks.
    pub(crate) fn send(&mut self, request: &Request) -> Found {
        let mut line = serde_json::to_string(request).map_err(Finding::ours)?;
        line.push('\n');
        let written = self.input.as_mut().map(|to| to.write_all(line.as_bytes()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.gone(request)),
        }
    }

    /// Waits for the answer to what was asked.
    pub(crate) fn wait(&mut self, request: &Request) -> Found<Answer> {
        match self.answers.recv_timeout(self.patience) {
            Ok(line) => {
                let answer: Answer = serde_json::from_str(&line).map_err(Finding::ours)?;
                self.told(request, &answer.to_string());
                if answer == Answer::Done {
                    match request {
                        Request::Initialize => self.initialized = true,
                        Request::Finalize => self.initialized = false,
                        _ => {}
                    }
                }
                Ok(answer)
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.gone(request)),
            Err(RecvTimeoutError::Timeout) => {
                self.kill();
                self.told(request, "no answer");
                let (name, seconds) = (request.name(), self.patience.as_secs());
                let why = format!("{name} has not returned within {seconds} s");
                Err(Finding::Hang(why))
            }
        }
    }

    /// The process will end without `C_Finalize`.
    pub(crate) fn will_not_finalize(&mut self) {
        self.initialized = false;
    }

    fn told(&self, request: &Request, response: &str) {
        let exchange = Exchange {
            command: request.name().to_owned(),
            response: response.to_owned(),
            ..Exchange::default()
        };
        note(&self.log, exchange);
    }

    fn gone(&mut self, request: &Request) -> Finding {
        let ended = self.ended(END);
        let how = match ended {
            Some(status) => self.how(status),
            None => "closed its output".to_owned(),
        };
        self.kill();
        self.told(request, &how);
        Finding::Crash(format!("in {} the process {how}", request.name()))
    }

    fn how(&self, status: ExitStatus) -> String {
        let said = std::fs::read(&self.errors).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let word = said.lines().rev().find(|line| {
            ["terminate", "what()", "***", "free", "corrupt", "panicked"]
                .iter()
                .any(|sign| line.contains(sign))
        });
        let word = word.map_or_else(String::new, |line| format!(" ({})", line.trim()));
        match (status.signal(), status.code()) {
            (Some(signal), _) => format!("ended by signal {signal}{word}"),
            (None, code) => format!("ended with code {}{word}", code.unwrap_or(-1)),
        }
    }

    /// The status, as soon as the process has ended.
    fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                _ => return None,
            }
        }
    }

    fn kill(&mut self) {
        self.over = true;
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.initialized {
            match self.ask(&Request::Finalize) {
                Err(Finding::Crash(why)) => locked(&self.late).push(format!("crash: {why}")),
                Err(Finding::Hang(why)) => locked(&self.late).push(format!("hang: {why}")),
                _ => {}
            }
        }
        if self.over {
            return;
        }
        self.input = None;
        match self.ended(END) {
            Some(status) if status.success() => {}
            Some(status) => {
                let how = self.how(status);
                locked(&self.late).push(format!("crash: at its end the process {how}"));
            }
            None => {
                self.kill();
                locked(&self.late).push("hang: the process does not end".to_owned());
            }
        }
    }
}

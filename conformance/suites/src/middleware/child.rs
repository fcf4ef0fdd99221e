// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process in which a module runs.

use super::door::{ENDED, Log, forget, locked, note};
use super::finding::{Finding, Found};
use super::keeper::Keeper;
use crate::report::Exchange;
use cie_driver::{Answer, Ended, Request};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a process may take to end when it is told to.
const END: Duration = Duration::from_secs(15);

/// How long an answer may take that was given before the process ended.
const LAST: Duration = Duration::from_secs(1);

/// What is heard of a process.
enum Heard {
    Line(String),
    /// It has closed its output.
    Closed,
    Ended(Ended),
}

/// Processes that have ended, and may have left others running.
pub(crate) type Left = Arc<Mutex<Vec<Keeper>>>;

/// A process with a module in it.
pub(crate) struct Driver {
    keeper: Option<Keeper>,
    heard: Receiver<Heard>,
    status: Option<Ended>,
    left: Left,
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
        left: &Left,
    ) -> Found<Self> {
        let to = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&errors)
            .map_err(Finding::ours)?;
        command.stdout(Stdio::piped()).stderr(to);
        let mut keeper = Keeper::start(command)
            .map_err(|error| Finding::ours(format!("the driver could not be started: {error}")))?;
        let gone = || Finding::Undecided("the driver has no pipes".to_owned());
        let output = keeper.child.stdout.take().ok_or_else(gone)?;
        let (sender, heard) = channel();
        keeper.listen(sender.clone(), Heard::Ended)?;
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(Heard::Line(line)).is_err() {
                    return;
                }
            }
            // Nobody may listen any more.
            drop(sender.send(Heard::Closed));
        });
        Ok(Self {
            keeper: Some(keeper),
            heard,
            status: None,
            left: Arc::clone(left),
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
        let written = self
            .keeper
            .as_mut()
            .map(|keeper| keeper.line.write_all(line.as_bytes()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.gone(request)),
        }
    }

    /// Waits for the answer to what was asked.
    pub(crate) fn wait(&mut self, request: &Request) -> Found<Answer> {
        let mut until = Instant::now() + self.patience;
        let line = loop {
            let patience = until.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(patience) {
                Ok(Heard::Line(line)) => break line,
                Ok(Heard::Ended(ended)) => {
                    self.status = Some(ended);
                    until = until.min(Instant::now() + LAST);
                }
                // Something that it has started may keep its output open.
                Err(RecvTimeoutError::Timeout) if self.status.is_none() => {
                    self.kill();
                    self.told(request, "no answer");
                    let (name, seconds) = (request.name(), self.patience.as_secs());
                    let why = format!("{name} has not returned within {seconds} s");
                    return Err(Finding::Hang(why));
                }
                _ => return Err(self.gone(request)),
            }
        };
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

    /// That this was asked is not told. What is asked again and again is told
    /// once, since how often that is depends on the time.
    pub(crate) fn forget(&self, request: &Request) {
        forget(&self.log, request.name());
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
        self.hear_the_end(END);
        let how = match &self.status {
            Some(Ended::Status(status)) => self.how(ExitStatus::from_raw(*status)),
            Some(Ended::NotStarted(error)) => {
                self.over = true;
                return Finding::ours(format!("the driver could not be started: {error}"));
            }
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
            (Some(signal), _) => format!("{ENDED}by signal {signal}{word}"),
            (None, code) => format!("{ENDED}with code {}{word}", code.unwrap_or(-1)),
        }
    }

    /// Waits for the status of the process, and not for ever.
    fn hear_the_end(&mut self, patience: Duration) {
        let until = Instant::now() + patience;
        while self.status.is_none() {
            let patience = until.saturating_duration_since(Instant::now());
            match self.heard.recv_timeout(patience) {
                Ok(Heard::Ended(ended)) => self.status = Some(ended),
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    /// Ends the process. What it has left running stays until the end of the
    /// case if it has ended itself, as it would without a bench.
    fn kill(&mut self) {
        self.over = true;
        if self.status.is_none() {
            self.keeper = None;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end();
        let mut left = locked(&self.left);
        left.retain_mut(Keeper::keeps);
        left.extend(self.keeper.take());
    }
}

impl Driver {
    fn end(&mut self) {
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
        if let Some(keeper) = &self.keeper {
            keeper.say_no_more();
        }
        self.hear_the_end(END);
        let status = match &self.status {
            Some(Ended::Status(status)) => Some(ExitStatus::from_raw(*status)),
            Some(Ended::NotStarted(_)) => return,
            None => None,
        };
        match status {
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

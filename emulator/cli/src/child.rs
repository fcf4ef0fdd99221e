// SPDX-License-Identifier: MIT OR Apache-2.0
//! A child process and the signals that are meant for it.

use crate::error::CliError;
use rustix::process::{Pid, Signal, getpgrp, kill_process};
use std::future::{Future, pending, poll_fn};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{self, SignalKind};

/// Signals that would end this process and leave its socket behind. They are
/// the child's business: it gets them, and this process ends when it does.
const PASSED_ON: [Signal; 7] = [
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::HUP,
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
];

/// How a wait before the child ended.
pub(crate) enum Waited<T> {
    Done(T),
    Late,
    /// A signal came; this is the exit code that stands for it.
    Signal(u8),
}

/// Waits for signals and for a child. To be made before anything that has to
/// be cleaned up: from then on none of [`PASSED_ON`] ends this process.
pub(crate) struct Keeper {
    runtime: Runtime,
    signals: Vec<(Signal, unix::Signal)>,
}

impl Keeper {
    pub(crate) fn new() -> Result<Self, CliError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(CliError::Wait)?;
        let guard = runtime.enter();
        let signals = handlers(&PASSED_ON)?;
        drop(guard);
        Ok(Self { runtime, signals })
    }

    /// Waits for something before the child is started. A signal that would
    /// have ended the child ends this wait.
    pub(crate) fn wait<T>(
        &mut self,
        what: impl Future<Output = T>,
        patience: Duration,
    ) -> Waited<T> {
        let Self { runtime, signals } = self;
        runtime.block_on(async {
            tokio::select! {
                done = what => Waited::Done(done),
                () = tokio::time::sleep(patience) => Waited::Late,
                signal = next(signals) => Waited::Signal(signal_code(signal.as_raw())),
            }
        })
    }

    /// Starts the child, passes signals on to it, and waits for it.
    pub(crate) fn run(&mut self, command: Command) -> Result<ExitStatus, CliError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let Self { runtime, signals } = self;
        runtime.block_on(async {
            let mut child = tokio::process::Command::from(command)
                .spawn()
                .map_err(|source| CliError::Start { program, source })?;
            let pid = child
                .id()
                .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
            loop {
                tokio::select! {
                    status = child.wait() => return status.map_err(CliError::Wait),
                    signal = next(signals) => {
                        if let Some(pid) = pid.filter(|_| !delivered_by_terminal(signal)) {
                            // It may have ended in between; then there is
                            // nobody to tell.
                            let _ = kill_process(pid, signal);
                        }
                    }
                }
            }
        })
    }
}

/// Handlers of these signals, to be made within a runtime. A signal that this
/// process was told to ignore (`nohup`) stays ignored, for a child too: a
/// handler would not be inherited.
pub(crate) fn handlers(wanted: &[Signal]) -> Result<Vec<(Signal, unix::Signal)>, CliError> {
    let ignored = ignored_signals();
    let heard = |signal: &&Signal| ignored & (1 << (signal.as_raw() - 1)) == 0;
    let handler = |signal: &Signal| {
        let kind = SignalKind::from_raw(signal.as_raw());
        Ok((*signal, unix::signal(kind).map_err(CliError::Wait)?))
    };
    wanted.iter().filter(heard).map(handler).collect()
}

/// The next signal that arrives.
pub(crate) async fn next(signals: &mut [(Signal, unix::Signal)]) -> Signal {
    if signals.is_empty() {
        return pending().await;
    }
    poll_fn(|context| {
        for (signal, stream) in signals.iter_mut() {
            if stream.poll_recv(context).is_ready() {
                return Poll::Ready(*signal);
            }
        }
        Poll::Pending
    })
    .await
}

/// True if the keyboard of a terminal sends this signal and this process is in
/// its foreground: then the child, in the same process group, has it already.
fn delivered_by_terminal(signal: Signal) -> bool {
    let foreground = |group: rustix::io::Result<Pid>| group.is_ok_and(|group| group == getpgrp());
    matches!(signal, Signal::INT | Signal::QUIT)
        && (foreground(rustix::termios::tcgetpgrp(io::stdin()))
            || foreground(rustix::termios::tcgetpgrp(io::stderr())))
}

/// The set of ignored signals, bit n − 1 for signal n; none if the system does
/// not tell.
fn ignored_signals() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("SigIgn:"))?;
            u64::from_str_radix(line.trim(), 16).ok()
        })
        .unwrap_or(0)
}

/// The exit code that stands for how a child ended: its own, or 128 + the
/// signal that killed it.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code).unwrap_or(u8::MAX),
        (None, signal) => signal.map_or(u8::MAX, signal_code),
    }
}

fn signal_code(signal: i32) -> u8 {
    u8::try_from(signal.saturating_add(128)).unwrap_or(u8::MAX)
}

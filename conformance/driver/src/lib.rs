// SPDX-License-Identifier: MIT OR Apache-2.0
//! One process that drives a PKCS#11 module as it is told.
//!
//! The bench starts a program that calls [`serve`], writes one [`Request`] a
//! line to its standard input and reads one [`Answer`] a line from its standard
//! output. What the module itself prints goes to standard error, so it cannot
//! be mistaken for an answer. If the module crashes or hangs, it is this
//! process that is gone, and the bench sees that.
//!
//! # Rooms
//! - [`protocol`]: what is asked and answered;
//! - `keeper`: a process above this one, which keeps what it starts together;
//! - `functions`: the only one with unsafe code: the functions that CIE
//!   middleware exports beside PKCS#11;
//! - `module`: PKCS#11, by the crate `cryptoki`.

mod functions;
mod keeper;
mod module;
pub mod protocol;

pub use keeper::{descendants, supervise};
pub use protocol::{Answer, Ended, Function, Object, Request, Token};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Signal, set_parent_process_death_signal};
use rustix::stdio::{dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Answers requests until standard input ends.
///
/// # Errors
/// What is wrong with standard input or output, or with a line.
pub fn serve() -> io::Result<()> {
    // Nobody is left who would wait for what this process does.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Requests and answers keep what they come and go by, and no program that the
    // module starts gets it; whatever else writes to number 1 gets number 2.
    let kept = |stream| fcntl_dupfd_cloexec(stream, 3).map(File::from);
    let (requests, mut answers) = (kept(stdin())?, kept(stdout())?);
    dup2_stdin(File::open("/dev/null")?)?;
    dup2_stdout(stderr())?;
    let mut desk = module::Desk::default();
    for line in BufReader::new(requests).lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let answer = desk.answer(request);
        let mut text = serde_json::to_string(&answer)?;
        text.push('\n');
        answers.write_all(text.as_bytes())?;
        answers.flush()?;
    }
    Ok(())
}

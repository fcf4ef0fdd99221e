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
//! - `functions`: the only one with unsafe code: the functions that CIE
//!   middleware exports beside PKCS#11;
//! - `module`: PKCS#11, by the crate `cryptoki`.

mod functions;
mod module;
pub mod protocol;

pub use protocol::{Answer, Function, Object, Request, Token};

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};

/// Answers requests until standard input ends.
///
/// # Errors
/// What is wrong with standard input or output, or with a line.
pub fn serve() -> io::Result<()> {
    // Answers keep the pipe; whatever else writes to number 1 gets number 2.
    let mut answers = File::from(rustix::io::dup(rustix::stdio::stdout())?);
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    let mut desk = module::Desk::default();
    for line in BufReader::new(io::stdin()).lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let answer = desk.answer(request);
        let mut text = serde_json::to_string(&answer)?;
        text.push('\n');
        answers.write_all(text.as_bytes())?;
        answers.flush()?;
    }
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands for a person with a card on any reader: sign, verify, look after
//! the PIN, log in at a server. The reader is one of PC/SC: a private socket, or
//! the system's pcscd, without its library.

mod document;
pub(crate) mod error;
pub(crate) mod login;
pub(crate) mod pin;
mod reader;
mod secret;
pub(crate) mod sign;
pub(crate) mod verify;
mod visit;

use crate::error::CliError;
use crate::out;
use anstyle::{AnsiColor, Style};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const OPEN: Style = AnsiColor::Yellow.on_default().bold();
const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// A failure, told to programs on standard output if they asked for JSON. The
/// text for people goes to standard error as always.
fn told<T>(json: bool, outcome: Result<T, CliError>) -> Result<T, CliError> {
    if let (true, Err(error)) = (json, &outcome) {
        let object = match error {
            CliError::Person(error) => error.to_json(),
            error => {
                serde_json::json!({ "done": false, "error": "failed", "message": error.to_string() })
            }
        };
        out::line(format_args!("{object:#}"))?;
    }
    outcome
}

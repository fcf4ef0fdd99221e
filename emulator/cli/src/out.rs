// SPDX-License-Identifier: MIT OR Apache-2.0
//! What commands print for others to read.

use crate::error::CliError;
use std::io::Write;

/// Writes `text` and a line end to standard output, now.
pub(crate) fn line(text: impl std::fmt::Display) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(CliError::io("write to", "standard output"))
}

/// `text` as one word of a POSIX shell.
pub(crate) fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn shell_words() {
        assert_eq!(super::shell_word("a b"), "'a b'");
        assert_eq!(super::shell_word("it's"), r"'it'\''s'");
    }
}

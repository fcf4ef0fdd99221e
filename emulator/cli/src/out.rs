// SPDX-License-Identifier: MIT OR Apache-2.0
//! What commands print for others to read.

use crate::error::CliError;
use std::fmt::Display;
use std::io::Write;

/// Writes these lines to standard output, now. A full disk or a closed pipe is
/// an error to tell, no reason to panic.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Display>) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    lines
        .into_iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush())
        .map_err(CliError::io("write to", "standard output"))
}

/// One line; see [`lines`].
pub(crate) fn line(text: impl Display) -> Result<(), CliError> {
    lines([text])
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What commands print for others to read.

use crate::error::CliError;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Writes these lines to standard output, now. A full disk is an error to tell,
/// no reason to panic; a reader that went away, as in `cie families | head`,
/// is neither.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Display>) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    lines
        .into_iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush())
        .or_else(unread)
        .map_err(CliError::io("write to", "standard output"))
}

/// One line; see [`lines`].
pub(crate) fn line(text: impl Display) -> Result<(), CliError> {
    lines([text])
}

/// One line whose bytes are not all text, such as one with a path in it.
pub(crate) fn raw_line(line: &OsStr) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush())
        .or_else(unread)
        .map_err(CliError::io("write to", "standard output"))
}

/// Nobody reads any more.
fn unread(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    }
}

/// Tells a person what does not change the outcome; if nobody can read it,
/// that changes the outcome no more.
pub(crate) fn warn(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "cie: {text}");
}

/// `text` without line breaks, escape sequences and other control characters.
/// A card file can come from anywhere, and what it says must not steer the
/// terminal or the shell that reads it.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    text.chars().map(shown).collect()
}

/// These bytes as one word of a POSIX shell.
pub(crate) fn shell_word(word: &OsStr) -> OsString {
    let mut quoted = vec![b'\''];
    for byte in word.as_bytes() {
        match byte {
            b'\'' => quoted.extend(br"'\''"),
            other => quoted.push(*other),
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

/// The same for options, which rarely need quotes and read better without.
pub(crate) fn shell_option(word: &OsStr) -> OsString {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./,:+=@%".contains(b);
    if !word.is_empty() && word.as_bytes().iter().all(plain) {
        return word.to_owned();
    }
    shell_word(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_words() {
        let words = [
            (&b"a b"[..], &b"'a b'"[..], &b"'a b'"[..]),
            (b"it's", br"'it'\''s'", br"'it'\''s'"),
            (b"$(x)", b"'$(x)'", b"'$(x)'"),
            (b"\xFF", b"'\xFF'", b"'\xFF'"),
            (b"", b"''", b"''"),
            (b"./a-1.toml", b"'./a-1.toml'", b"./a-1.toml"),
        ];
        for (word, quoted, option) in words {
            let word = OsStr::from_bytes(word);
            assert_eq!(shell_word(word).as_bytes(), quoted);
            assert_eq!(shell_option(word).as_bytes(), option);
        }
    }

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(
            printable("A\n\u{1B}[2J\0\u{9B}È"),
            "A\u{FFFD}\u{FFFD}[2J\u{FFFD}\u{FFFD}È"
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures published in standards.

use std::collections::BTreeMap;
use thiserror::Error;

/// RFC 5114 section 2.3: the Diffie-Hellman group, and one key pair of its
/// appendix A.3 (`p`, `g`, `q`, `xa`, `ya`).
pub const RFC5114: &str = include_str!("../published/rfc5114-2048-256.txt");

/// ICAO Doc 9303 part 11 appendix D: two protected exchanges.
pub const ICAO_9303_11: &str = include_str!("../published/icao-9303-11-secure-messaging.txt");

/// A line that is no figure.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("line {line} is neither a comment nor `name=hex`: {reason}")]
pub struct FigureError {
    /// Line number, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

/// Figures by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Figures(BTreeMap<String, Vec<u8>>);

impl Figures {
    /// Reads `name=hex` lines; empty lines and lines that start with `#` are
    /// comments.
    ///
    /// # Errors
    /// [`FigureError`] names the first line that is neither.
    pub fn parse(text: &str) -> Result<Self, FigureError> {
        let mut figures = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |reason: String| FigureError {
                line: index + 1,
                reason,
            };
            let (name, value) = line
                .split_once('=')
                .ok_or_else(|| error("no =".to_owned()))?;
            let value = hex::decode(value).map_err(|e| error(e.to_string()))?;
            if figures.insert(name.to_owned(), value).is_some() {
                return Err(error(format!("{name} is there twice")));
            }
        }
        Ok(Self(figures))
    }

    /// The figure with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_figures_parse() {
        for text in [RFC5114, ICAO_9303_11] {
            assert!(!Figures::parse(text).unwrap().0.is_empty());
        }
    }

    #[test]
    fn bad_lines_are_named() {
        let line = |text| Figures::parse(text).unwrap_err().line;
        assert_eq!(line("# c\nx"), 2);
        assert_eq!(line("a=0"), 1);
        assert_eq!(line("a=00\n\na=01"), 3);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The texts of the project's choices, taken from the page on which users read
//! them, so that a report and that page cannot say different things.

use std::collections::BTreeMap;
use std::sync::LazyLock;

const PAGE: &str = include_str!("../../../../docs/facts-and-choices.md");

/// What the page says under a number or under the name of an answer.
#[must_use]
pub fn choice(key: &str) -> Option<&'static str> {
    static CHOICES: LazyLock<BTreeMap<&'static str, &'static str>> =
        LazyLock::new(|| PAGE.lines().filter_map(row).collect());
    CHOICES.get(key).copied()
}

/// The first and the last cell of a row of a table.
fn row(line: &'static str) -> Option<(&'static str, &'static str)> {
    let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
    Some((cells.split(" | ").next()?, cells.rsplit(" | ").next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_and_named() {
        assert!(choice("9").unwrap().contains("6983"));
        assert!(choice("unknown instruction").unwrap().contains("6D00"));
        assert_eq!(choice("0"), None);
    }
}

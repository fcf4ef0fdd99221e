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
    use crate::catalogue::all_cases;
    use crate::model::{PROPERTIES, Property};
    use std::path::Path;

    #[test]
    fn numbered_and_named() {
        assert!(choice("9").unwrap().contains("6983"));
        assert!(choice("unknown instruction").unwrap().contains("6D00"));
        assert_eq!(choice("0"), None);
    }

    /// The numbers behind each `#fact-`, as in `#fact-4.3 and #fact-5: why`.
    fn facts(clause: &str) -> Vec<&str> {
        let numbers = clause.split("#fact-").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
            rest[..end.unwrap_or(rest.len())].trim_end_matches('.')
        });
        numbers.collect()
    }

    #[test]
    fn every_clause_can_be_looked_up() {
        let properties = PROPERTIES.iter().map(Property::case);
        let mut cited = 0;
        for case in all_cases().into_iter().chain(properties) {
            let clause = &case.clause;
            assert!(!clause.contains("card facts"), "{case}");
            let facts = facts(clause);
            let page = clause.starts_with("docs/facts-and-choices.md");
            assert_eq!(!facts.is_empty(), page, "{case}");
            if clause.starts_with("docs/") {
                let end = clause.find(['#', ':', ',', ' ']).unwrap_or(clause.len());
                let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
                assert!(root.join(&clause[..end]).is_file(), "{case}");
            }
            cited += usize::from(!facts.is_empty());
            for number in facts {
                let anchor = format!("<a id=\"fact-{number}\"></a>\n");
                let (_, text) = PAGE.split_once(&anchor).unwrap_or_else(|| panic!("{case}"));
                let line = text.lines().next().unwrap();
                assert!(line.contains(number) && !line.starts_with("<a"), "{case}");
            }
            if let Some(key) = clause.strip_prefix("choice ") {
                let of_the_emrtd = ["14", "21"].contains(&key);
                let key = key.trim_start_matches('“').trim_end_matches('”');
                assert!(choice(key).is_some() || of_the_emrtd, "{case}");
            }
        }
        assert!(cited > 140, "{cited}");
        assert_eq!(PAGE.matches("<a id=\"fact-4.4\">").count(), 1);
    }
}

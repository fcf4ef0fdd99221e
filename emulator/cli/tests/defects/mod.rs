// SPDX-License-Identifier: MIT OR Apache-2.0
//! A search for the defects that cards and modules can be made with to test the bench
//! (`conformance/mutants`), by their texts.

use regex::bytes::Regex;

/// The list of defects, as it is written.
const LIST: &str = concat!(
    include_str!("../../../iso7816/src/mutants.rs"),
    include_str!("../../../iso7816/src/flaws.rs")
);

/// No text of a defect is in this file.
pub fn are_not_in(binary: &str) {
    let binary = std::fs::read(binary).unwrap();
    let rows = LIST.lines().filter_map(|line| {
        let (_, rest) = line.trim().split_once(", \"")?;
        rest.strip_suffix("\";")
    });
    let texts: Vec<_> = rows.map(regex::escape).collect();
    assert!(texts.len() >= 40, "{}", texts.len());
    let search = |texts: &[String]| {
        let any = Regex::new(&texts.join("|")).unwrap();
        let found = any.find(&binary);
        found.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
    };
    assert_eq!(search(&texts), None);
    // The search finds what is there.
    let there = "the card image cannot be used";
    let with = [texts, vec![there.to_owned()]].concat();
    assert_eq!(search(&with).as_deref(), Some(there));
}

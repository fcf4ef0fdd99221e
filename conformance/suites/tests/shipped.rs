// SPDX-License-Identifier: MIT OR Apache-2.0
//! The binary holds none of the defects that cards and modules can be made
//! with to test the bench (`conformance/mutants`): not one of their texts.
#![allow(clippy::unwrap_used)] // helpers of tests

use regex::bytes::Regex;

/// The list of defects, as it is written.
const LIST: &str = concat!(
    include_str!("../../../emulator/iso7816/src/mutants.rs"),
    include_str!("../../../emulator/iso7816/src/flaws.rs")
);

#[test]
fn no_defect_is_in_the_binary() {
    let binary = std::fs::read(env!("CARGO_BIN_EXE_cie-conformance")).unwrap();
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

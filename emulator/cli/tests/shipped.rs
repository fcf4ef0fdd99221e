// SPDX-License-Identifier: MIT OR Apache-2.0
//! The binary holds none of the defects that cards can be made with to test
//! the bench (`conformance/mutants`): not one of their texts and names.
#![allow(clippy::unwrap_used)] // helpers of tests

/// The list of defects, as it is written.
const LIST: &str = include_str!("../../../emulator/iso7816/src/mutants.rs");

#[test]
fn no_defect_is_in_the_binary() {
    let bytes = std::fs::read(env!("CARGO_BIN_EXE_cie")).unwrap();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    // The search finds what is there.
    assert!(holds("the card image names format"));
    let rows = LIST.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(", \"")?;
        Some((name, rest.strip_suffix("\";")?))
    });
    let mut looked_for = 0;
    for (name, text) in rows {
        assert!(!holds(text), "{name}: {text}");
        looked_for += 1;
    }
    assert!(looked_for >= 40, "{looked_for}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library holds none of the defects that it can be made with to test the
//! bench (`conformance/mutants`): no name, no text, and not the variable that
//! chooses one.
#![allow(clippy::unwrap_used)] // helpers of tests

use regex::bytes::Regex;

/// The list of defects, as it is written.
const LIST: &str = include_str!("../../../emulator/iso7816/src/flaws.rs");

#[test]
fn no_defect_is_in_the_library() {
    // Cargo builds the library for this test, beside it.
    let program = std::env::current_exe().unwrap();
    let library = program.with_file_name("libcie_pkcs11.so");
    let above = program.parent().unwrap().with_file_name("libcie_pkcs11.so");
    let library = std::fs::read(library)
        .or_else(|_| std::fs::read(above))
        .unwrap();

    let rows = LIST.lines().filter_map(|line| {
        let (name, rest) = line.trim().split_once(", \"")?;
        Some((name, rest.strip_suffix("\";")?))
    });
    // Shorter names are words that anybody uses.
    let words = rows.flat_map(|(name, text)| [name, text]);
    let words = words.filter(|word| word.len() >= 10);
    let words: Vec<_> = words.map(regex::escape).collect();
    assert!(words.len() >= 60, "{}", words.len());
    assert!(LIST.contains("\"CIE_MODULE_FLAW\""));
    let words = [words, vec!["CIE_MODULE_FLAW".to_owned()]].concat();
    let search = |words: &[String]| {
        let any = Regex::new(&words.join("|")).unwrap();
        let found = any.find(&library);
        found.map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
    };
    assert_eq!(search(&words), None);
    // The search finds what is there.
    let there = "CIE_PKCS11_LOG";
    let with = [words, vec![there.to_owned()]].concat();
    assert_eq!(search(&with).as_deref(), Some(there));
}

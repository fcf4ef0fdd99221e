// SPDX-License-Identifier: MIT OR Apache-2.0
//! Identifiers are never reused: `identifiers.txt` has each that there ever
//! was, with its version and title. Rows may be added, and a version may rise;
//! no row goes away, and no title changes under the same version.
//!
//! `CIE_FREEZE=1` writes what may be added into the file.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_conformance::catalogue::{Case, all_cases};
use cie_conformance::model::{PROPERTIES, Property};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const COMMAND: &str = "CIE_FREEZE=1 cargo test -p cie-conformance --test identifiers";

/// Version and title by identifier.
type List = BTreeMap<String, (u16, String)>;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("identifiers.txt")
}

fn read(text: &str) -> Result<List, String> {
    let mut list = List::new();
    for line in text.lines() {
        let row = line.split_once('@').and_then(|(id, rest)| {
            let (version, title) = rest.split_once(' ')?;
            Some((id.to_owned(), (version.parse().ok()?, title.to_owned())))
        });
        let (id, row) = row.ok_or_else(|| format!("{line:?} is no row"))?;
        if list.insert(id, row).is_some() {
            return Err(format!("{line:?} is there twice"));
        }
    }
    Ok(list)
}

fn written(list: &List) -> String {
    let row =
        |(id, (version, title)): (&String, &(u16, String))| format!("{id}@{version} {title}\n");
    list.iter().map(row).collect()
}

fn catalogue() -> List {
    let properties = PROPERTIES.iter().map(Property::case);
    let row = |case: Case| (case.id, (case.version, case.title));
    all_cases().into_iter().chain(properties).map(row).collect()
}

/// What must never happen between the list and the catalogue.
fn broken(frozen: &List, cases: &List) -> Vec<String> {
    let wrong = |(id, (version, title)): (&String, &(u16, String))| match cases.get(id) {
        None => Some(format!("{id} is gone; a case that ran once stays")),
        Some((now, _)) if now < version => {
            Some(format!("{id} had version {version} and has {now}"))
        }
        Some((now, other)) if now == version && other != title => Some(format!(
            "{id}@{version} was {title:?} and is {other:?}: a number was given to another case, or a title changed without a higher version"
        )),
        Some(_) => None,
    };
    frozen.iter().filter_map(wrong).collect()
}

#[test]
fn no_identifier_is_given_to_another_case() {
    let text = fs::read_to_string(path()).unwrap();
    let (frozen, cases) = (read(&text).unwrap(), catalogue());
    let broken = broken(&frozen, &cases);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    if std::env::var_os("CIE_FREEZE").is_some() {
        fs::write(path(), written(&cases)).unwrap();
        return;
    }
    let missing: Vec<_> = cases
        .iter()
        .filter(|(id, row)| frozen.get(*id) != Some(row))
        .map(|(id, _)| id.as_str())
        .collect();
    assert!(
        missing.is_empty(),
        "new, or of a higher version: {missing:?}; {COMMAND}"
    );
    assert_eq!(text, written(&frozen), "not sorted; {COMMAND}");
}

#[test]
fn what_breaks_the_rule_is_told() {
    let list = |text| read(text).unwrap();
    let frozen = list("CIE_A_B_01@1 one\nCIE_A_B_02@2 two\n");
    for (now, wrong) in [
        ("CIE_A_B_01@1 one\nCIE_A_B_02@2 two\n", 0),
        (
            "CIE_A_B_01@1 one\nCIE_A_B_02@2 two\nCIE_A_B_03@1 three\n",
            0,
        ),
        ("CIE_A_B_01@2 another\nCIE_A_B_02@3 two\n", 0),
        ("CIE_A_B_01@1 one\n", 1),
        ("CIE_A_B_01@1 one\nCIE_A_B_02@1 two\n", 1),
        // One row put in front.
        ("CIE_A_B_01@1 new\nCIE_A_B_02@2 one\nCIE_A_B_03@1 two\n", 2),
    ] {
        assert_eq!(broken(&frozen, &list(now)).len(), wrong, "{now}");
    }
    for bad in [
        "CIE_A_B_01 one",
        "CIE_A_B_01@x one",
        "CIE_A_B_01@1",
        "A@1 a\nA@2 b",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

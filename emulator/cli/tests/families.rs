// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie families` and `cie run --family`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use assert_cmd::Command;
use serde_json::Value;

fn cie(arguments: &[&str]) -> std::process::Output {
    let mut command = Command::cargo_bin("cie").unwrap();
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn families_for_programs() {
    let output = cie(&["families", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 13);
    for row in rows {
        for field in ["id", "atr", "class"] {
            assert!(row[field].as_str().is_some_and(|v| !v.is_empty()), "{row}");
        }
        for behaviour in ["atr", "root_by_aid", "extended_length", "sod", "ef_atr"] {
            let tag = row["evidence"][behaviour].as_str().unwrap();
            assert!(["R", "C", "I", "choice"].contains(&tag), "{row}");
        }
    }
    let row = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap();
    // Section 1.3: what was seen on cards, and what was not.
    for (id, ground) in [
        ("gemalto", "R"),
        ("gemalto2", "C"),
        ("nxp", "I"),
        ("stm", "R"),
        ("stm2", "I"),
        ("actalis-b946", "R"),
        ("bit4id-2023", "R"),
        ("bit4id", "C"),
    ] {
        assert_eq!(row(id)["evidence"]["atr"], ground, "{id}");
    }
    assert_eq!(row("stm")["class"], row("stm3")["class"]);
    assert_ne!(row("stm")["class"], row("gemalto")["class"]);
}

#[test]
fn families_for_people() {
    let output = text(&cie(&["families"]).stdout);
    assert!(output.contains("13 families in 5 classes"), "{output}");
    for words in ["gemalto2", "extended I", "MF only", "SHA-512/PSS *"] {
        assert!(output.contains(words), "{words} not in:\n{output}");
    }
}

#[test]
fn run_takes_every_family() {
    let output = cie(&["families", "--json"]);
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    for row in rows.as_array().unwrap() {
        let (id, atr) = (row["id"].as_str().unwrap(), row["atr"].as_str().unwrap());
        let seen = cie(&["run", "--family", id, "--", "opensc-tool", "--atr"]);
        let seen = text(&seen.stdout).trim().replace(':', "").to_uppercase();
        assert_eq!(seen, atr, "{id}");
    }
}

#[test]
fn an_unknown_family_is_named() {
    let output = cie(&["run", "--family", "acme", "--", "true"]);
    assert_eq!(output.status.code(), Some(125));
    let error = text(&output.stderr);
    assert!(
        error.contains("acme") && error.contains("bit4id-b9547"),
        "{error}"
    );
}

#[test]
fn a_report_repeats_the_options_that_made_the_card() {
    let output = cie(&["run", "--family", "stm", "--", "false"]);
    let report = text(&output.stderr);
    assert!(
        report.contains("--seed 1 --family stm --trace FILE"),
        "{report}"
    );
}

/// The documentation has every row as the program has it, and no other.
#[test]
fn the_documentation_has_the_same_table() {
    let documentation = include_str!("../../../docs/families.md");
    let rows: Value = serde_json::from_slice(&cie(&["families", "--json"]).stdout).unwrap();
    let rows = rows.as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pick = |flag: &Value, yes, no| if flag == true { yes } else { no };
    for row in rows {
        let ground = |of: &str| text(&row["evidence"][of]);
        let line = format!(
            "| `{}` | {} | `{}` {} | {} {} | {} {} | {} {} | {} {} |",
            text(&row["id"]),
            text(&row["class"]),
            text(&row["atr"]),
            ground("atr"),
            pick(&row["root_by_aid"], "by AID", "MF only"),
            ground("root_by_aid"),
            pick(&row["extended_length"], "extended", "short"),
            ground("extended_length"),
            text(&row["sod"]),
            ground("sod"),
            text(&row["ef_atr_marker"]),
            ground("ef_atr"),
        );
        assert!(
            documentation.contains(&line),
            "not in docs/families.md:\n{line}"
        );
    }
    let documented = documentation
        .lines()
        .filter(|line| line.contains("| `3B"))
        .count();
    assert_eq!(documented, rows.len());
    assert!(documentation.contains("**five behaviour classes**"));
}

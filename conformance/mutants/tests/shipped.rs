// SPDX-License-Identifier: MIT OR Apache-2.0
//! No package but those of this folder can get the defects. That the binaries
//! hold none of them is checked where they are built: `tests/shipped.rs` of
//! `cie` and of `cie-conformance`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

use cie_mutants::defective::Mutant;
use cie_mutants::modules;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// What cargo resolves for the whole workspace, with all targets and tests.
fn resolved() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    all["resolve"]["nodes"].as_array().unwrap().clone()
}

/// The package of an identifier: `path+file:///…/card#cie-card@0.1.0`, or
/// `…/iso7816-wire#0.1.0` where the folder has its name.
fn package(id: &Value) -> String {
    let id = id.as_str().unwrap();
    let (path, end) = id.rsplit_once('#').unwrap_or((id, id));
    match end.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => path.rsplit('/').next().unwrap_or(path).to_owned(),
    }
}

fn dependents(nodes: &[Value], name: &str) -> BTreeSet<String> {
    let depends = |node: &&Value| {
        let dependencies = node["dependencies"].as_array().unwrap();
        dependencies.iter().any(|id| package(id) == name)
    };
    let found = nodes.iter().filter(depends);
    found.map(|node| package(&node["id"])).collect()
}

#[test]
fn nothing_else_depends_on_them_and_nobody_asks_for_the_feature() {
    let nodes = resolved();
    let only = |name: &str, by: &[&str]| {
        let by: BTreeSet<_> = by.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(dependents(&nodes, name), by, "{name}");
    };
    let codec = [
        "cie-card-mutants",
        "cie-mutants",
        "cie-pkcs11-mutants",
        "cie-terminal-mutants",
    ];
    only("iso7816-wire-mutants", &codec);
    only("cie-card-mutants", &["cie-mutants"]);
    only("cie-terminal-mutants", &["cie-pkcs11-mutants"]);
    only("cie-pkcs11-mutants", &["cie-mutants"]);
    only("cie-mutants", &[]);
    // The question can be answered otherwise: many need the card itself.
    assert!(dependents(&nodes, "cie-card").contains("cie-conformance"));

    let with_feature = nodes.iter().filter(|node| {
        let features = node["features"].as_array().unwrap();
        features.iter().any(|feature| feature == "mutants")
    });
    let with_feature: BTreeSet<_> = with_feature.map(|node| package(&node["id"])).collect();
    let wanted = ["cie-pkcs11-mutants", "iso7816-wire-mutants"];
    assert_eq!(with_feature, wanted.map(str::to_owned).into());
}

/// As the next, for what `tests/shipped.rs` of `cie-pkcs11` looks for.
#[test]
fn a_module_with_defects_is_known_by_their_names() {
    let bytes = std::fs::read(modules::library().unwrap()).unwrap();
    for text in [modules::VARIABLE, "PinKeptAfterRemoval", "TransactionKept"] {
        let found = bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        assert!(found, "{text}");
    }
}

/// The search that finds nothing in the shipped binaries finds something here.
#[test]
fn a_binary_with_defects_is_known_by_their_texts() {
    let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let text = Mutant::WrongCodeKeepsStatus.text();
    assert_eq!(text, "a wrong code leaves the code verified");
    let found = bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes());
    assert!(found);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference module, and the same with defects.
#![allow(dead_code)] // not every test needs all of it

use assert_cmd::Command;
use std::path::{Path, PathBuf};

/// The library that cargo built for this test, beside it.
pub fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    [folder, folder.parent().unwrap()]
        .map(|folder| folder.join("libcie_pkcs11.so"))
        .into_iter()
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("no libcie_pkcs11.so beside {}", program.display()))
}

/// The reference module with these defects.
pub fn spoiled(folder: &Path, name: &str, defects: &[&str]) -> PathBuf {
    let module = folder.join(name);
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = std::process::Command::new(compiler)
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&module)
        .arg(format!("-DMODULE={:?}", library().display().to_string()))
        .args(defects)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spoiled/spoiled.c"))
        .arg("-ldl")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    module
}

pub fn bench() -> Command {
    Command::cargo_bin("cie-conformance").unwrap()
}

pub fn statement() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../pkcs11/ics.toml")
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library in a C program of many threads (`threads.c`), under valgrind:
//! helgrind for races, memcheck for errors and leaks.
//!
//! helgrind knows the C library's locks only, so it gets a library of its own,
//! built here with the feature `pthread-locks`: the same locks at the same
//! places, of the kind that it sees.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // a test

mod common;

use cie_reader::{Place, ReaderServer, ReaderSpec};
use common::{card, pin};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The folder of cargo's that this program lies in: `target/debug`, as a rule.
fn built() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().parent().unwrap().to_owned()
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether there is a valgrind. Continuous integration must have one.
fn possible() -> bool {
    let there = Command::new("valgrind").arg("--version").output();
    if there.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let must = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let reason = "there is no valgrind; it is in the Debian package of that name";
    assert!(!must, "{reason}");
    eprintln!("SKIPPED: {reason}");
    false
}

fn succeeds(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = [stdout, stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(status.success(), "{command:?}: {status}\n{text}");
    text
}

/// Compiles `threads.c` into `folder`.
fn program(folder: &Path) -> PathBuf {
    let program = folder.join("threads");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    succeeds(
        Command::new(compiler)
            .args(["-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .arg(&program)
            .arg(here("tests/threads.c"))
            .arg("-ldl"),
    );
    program
}

/// The library that cargo built for this test, beside it.
fn library() -> PathBuf {
    let found = ["deps/libcie_pkcs11.so", "libcie_pkcs11.so"]
        .map(|name| built().join(name))
        .into_iter()
        .find(|path| path.exists());
    found.unwrap()
}

/// A library with locks that helgrind sees. In a target folder of its own: in
/// the common one it would take the place of the real one.
fn library_with_seen_locks() -> PathBuf {
    let folder = built().parent().unwrap().join("pthread-locks");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    succeeds(
        Command::new(cargo)
            .args(["build", "--locked", "--quiet", "--lib"])
            .args(["--features", "pthread-locks", "--manifest-path"])
            .arg(here("Cargo.toml"))
            .arg("--target-dir")
            .arg(&folder)
            .env_remove("CARGO_BUILD_TARGET"),
    );
    folder.join("debug/libcie_pkcs11.so")
}

/// Runs the program on a fresh card, under valgrind with these options.
fn run(valgrind: &[&str], library: &Path, wait: bool) {
    let reader = ReaderSpec::with_card("Test Reader 00 00", Box::new(card()));
    let server = ReaderServer::bind(&Place::Private, vec![reader]).unwrap();
    let server = server.spawn().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = succeeds(
        Command::new("valgrind")
            // Of each stack as much as it takes to leave the standard library.
            .args(["--error-exitcode=99", "--num-callers=40"])
            .args(valgrind)
            .arg(program(folder.path()))
            .arg(library)
            .arg(pin())
            .args(wait.then_some("wait"))
            .env("PCSCLITE_CSOCK_NAME", server.path())
            .env_remove("CIE_PKCS11_CERT")
            .env_remove("CIE_PKCS11_CA")
            .env_remove("CIE_CA_PEM")
            .env_remove("CIE_PKCS11_LOG"),
    );
    assert!(text.contains("done\n"), "{text}");
    assert!(text.contains("ERROR SUMMARY: 0 errors"), "{text}");
}

#[test]
fn helgrind_finds_no_race() {
    if !possible() {
        return;
    }
    let library = library_with_seen_locks();
    // Nothing is suppressed of what is not valgrind's own or the C library's.
    run(&["--tool=helgrind"], &library, false);
    let suppressions = here("tests/threads.supp");
    let suppressions = format!("--suppressions={}", suppressions.display());
    run(&["--tool=helgrind", &suppressions], &library, true);
}

#[test]
fn memcheck_finds_neither_errors_nor_leaks() {
    if !possible() {
        return;
    }
    let options = [
        "--leak-check=full",
        "--show-leak-kinds=definite,indirect,possible",
        "--errors-for-leak-kinds=definite,indirect,possible",
    ];
    run(&options, &library(), true);
}

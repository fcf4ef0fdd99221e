// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the page of public complaints:
//! `cargo run -p cie-conformance --example known > docs/known-issues.md`.
#![allow(clippy::print_stdout)] // this is what it is for

use cie_conformance::known::{KnownError, KnownIssues, render};

fn main() -> Result<(), KnownError> {
    print!("{}", render(&KnownIssues::shipped()?));
    Ok(())
}

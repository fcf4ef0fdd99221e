// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the page of mutants: `cargo run -p cie-mutants --example mutants > docs/mutants.md`.
#![allow(clippy::print_stdout)] // this is what it is for

use cie_mutants::table::{killed, render, tolerated};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", render(&killed()?, &tolerated()?));
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the page about BSI TR-03105:
//! `cargo run -p cie-conformance --example tr03105 > docs/tr-03105.md`.
#![allow(clippy::print_stdout)] // this is what it is for

fn main() {
    print!("{}", cie_conformance::catalogue::tr03105_page());
}

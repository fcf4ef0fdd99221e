// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the page of edges: `cargo run -p cie-conformance --example edges > docs/edges.md`.
#![allow(clippy::print_stdout)] // this is what it is for

fn main() {
    print!("{}", cie_conformance::edges::render());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process in which the tests load a module, and with `supervise` the one
//! above it.

fn main() -> std::io::Result<()> {
    let mut words = std::env::args_os().skip(1);
    match words.next() {
        Some(_) => cie_driver::supervise(words),
        None => cie_driver::serve(),
    }
}

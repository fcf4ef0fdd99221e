// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process in which the tests load a module.

fn main() -> std::io::Result<()> {
    cie_driver::serve()
}

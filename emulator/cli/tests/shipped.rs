// SPDX-License-Identifier: MIT OR Apache-2.0
//! The binary holds none of the defects that cards and modules can be made with.
#![allow(clippy::unwrap_used)] // helpers of tests

mod defects;

#[test]
fn no_defect_is_in_the_binary() {
    defects::are_not_in(env!("CARGO_BIN_EXE_cie"));
}

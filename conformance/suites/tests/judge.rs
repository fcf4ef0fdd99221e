// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command as a judge: `cie-conformance card` and nothing else. It is the
//! whole test command of a run of cargo-mutants without `ci/mutants`
//! (`docs/cargo-mutants.md`), so it may not look at the card in any other way.
#![allow(clippy::unwrap_used)] // helpers of tests

use assert_cmd::Command;

#[test]
fn the_card_is_clean() {
    let mut bench = Command::cargo_bin("cie-conformance").unwrap();
    bench.arg("card").assert().success();
}

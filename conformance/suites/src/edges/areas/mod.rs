// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows, one file for every area.

mod agreement;
mod chain;
mod data;
mod environment;
mod files;
mod read;
mod read_odd;
mod select;
mod sm;

use super::row::Unit;

/// All units in the order of the page.
#[must_use]
pub fn units() -> &'static [Unit] {
    UNITS
}

const UNITS: &[Unit] = &[
    select::ROOT,
    select::SEL,
    files::FCP,
    files::FILE,
    read::READ,
    read_odd::ODD,
    data::DATA,
    data::RESP,
    chain::CHAIN,
    agreement::KAT,
    sm::SM,
    environment::MSE,
    environment::CHAL,
    environment::DAPP,
];

/// Rules of `docs/facts-and-choices.md` that no row can show, and why: the
/// number of a choice or the name of an answer that no source names.
pub const UNTABLED: &[(&str, &str)] = &[];

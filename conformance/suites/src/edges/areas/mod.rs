// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows, one file for every area.

mod access;
mod agreement;
mod chain;
mod codes;
mod data;
mod door;
mod environment;
mod files;
mod read;
mod read_odd;
mod select;
mod sign;
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
    access::ACC,
    codes::PIN,
    codes::PUK,
    sign::SIGN,
    door::DOOR,
    door::CLA,
    door::INS,
    door::PAR,
    door::RESET,
];

/// Rules of `docs/facts-and-choices.md` that no row can show, and why: the
/// number of a choice or the name of an answer that no source names.
pub const UNTABLED: &[(&str, &str)] = &[
    (
        "13",
        "timing is no part of an answer; the card reads no clock",
    ),
    (
        "14",
        "belongs to the eMRTD application, which is not there yet",
    ),
    (
        "15",
        "what certificates say is held against OpenSSL and against the personas, in the tests of \
         the personalisation",
    ),
    (
        "a profile in an image that no card can work with",
        "no card comes to be, so there is no door to knock at; tested in the card",
    ),
];

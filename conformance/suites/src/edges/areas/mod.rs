// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows, one file for every area.

mod access;
mod agreement;
mod chain;
mod challenge;
mod class;
mod data;
mod device;
mod door;
mod environment;
mod fcp;
mod files;
mod instruction;
mod messaging;
mod parameters;
mod pin;
mod puk;
mod read;
mod read_odd;
mod reset;
mod response;
mod root;
mod select;
mod sign;

use super::row::Unit;

/// All units in the order of the page.
#[must_use]
pub fn units() -> &'static [Unit] {
    UNITS
}

const UNITS: &[Unit] = &[
    root::UNIT,
    select::UNIT,
    fcp::UNIT,
    files::UNIT,
    read::UNIT,
    read_odd::UNIT,
    data::UNIT,
    response::UNIT,
    chain::UNIT,
    agreement::UNIT,
    messaging::UNIT,
    environment::UNIT,
    challenge::UNIT,
    device::UNIT,
    access::UNIT,
    pin::UNIT,
    puk::UNIT,
    sign::UNIT,
    door::UNIT,
    class::UNIT,
    instruction::UNIT,
    parameters::UNIT,
    reset::UNIT,
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a holder lives: in a municipality of the test range.

use super::file::{Checked, broken, check_name, check_test_word};
use super::fiscal_code;
use serde::Deserialize;

/// Province of every residence: two letters that no province has.
pub const TEST_PROVINCE: &str = "ZZ";

/// Longest address that the rules let through.
const ADDRESS_MAX: usize = 64;

/// An address in the test range.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Residence {
    /// Street and number.
    pub address: String,
    /// Municipality, with the word TEST.
    pub municipality: String,
    /// [`TEST_PROVINCE`].
    pub province: String,
}

pub(super) fn check(residence: &Residence) -> Checked<()> {
    let Residence {
        address,
        municipality,
        province,
    } = residence;
    let letter = |c: char| fiscal_code::base(c).is_some();
    let inner = |c: char| {
        letter(c) || c.is_ascii_digit() || matches!(c, ' ' | '-' | '\'' | ',' | '.' | '/')
    };
    let count = address.chars().count();
    if !(address.starts_with(letter) && address.chars().all(inner) && count <= ADDRESS_MAX) {
        let rule = "1 to 64 capital Latin letters, digits, blanks and -',./, a letter first";
        return broken(
            "holder.residence.address",
            format!("{rule}; it is {address:?}"),
        );
    }
    check_name("holder.residence.municipality", municipality)?;
    check_test_word("holder.residence.municipality", municipality)?;
    if province != TEST_PROVINCE {
        let rule = format!("must be {TEST_PROVINCE}, the test range; it is {province:?}");
        return broken("holder.residence.province", rule);
    }
    Ok(())
}

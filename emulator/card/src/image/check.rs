// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a profile is one that a card can work with. An image is a file, and
//! files are hostile input: what is checked here, nothing else has to fear.

use super::{CardImage, PIN_TRIES, PUK_TRIES};
use thiserror::Error;

/// What makes an image unusable although it could be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the card image cannot be used: {what} {rule}")]
pub struct ProfileError {
    /// Which part of the image.
    pub what: &'static str,
    /// What it has to be.
    pub rule: &'static str,
}

/// Length of all moduli of the card, in bytes.
const MODULUS_LEN: usize = 256;
/// Longest answer to reset, ISO/IEC 7816-3.
const ATR_MAX: usize = 33;
/// Longest file that READ BINARY reaches by its 15-bit offset.
const FILE_MAX: usize = 0x7FFF;

impl CardImage {
    /// Checks everything that the card relies on.
    ///
    /// # Errors
    /// [`ProfileError`] names the first part that breaks its rule.
    pub fn check(&self) -> Result<(), ProfileError> {
        let profile = &self.profile;
        let dh = &profile.dh;
        let ca = &profile.terminal_ca;
        let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
        let full = |number: &[u8]| {
            number.len() == MODULUS_LEN && odd(number) && number.first() != Some(&0)
        };
        let large = |number: &[u8]| number.iter().rev().skip(1).any(|byte| *byte != 0);
        let rules: [(&'static str, bool, &'static str); 9] = [
            (
                "the ATR",
                (2..=ATR_MAX).contains(&profile.family.atr.len()),
                "has 2 to 33 bytes",
            ),
            (
                "the prime of the key agreement",
                full(&dh.p),
                "has 256 bytes, the first not 0, and is odd",
            ),
            (
                "the generator of the key agreement",
                large(&dh.g) && dh.g.len() <= MODULUS_LEN && right_aligned_below(&dh.g, &dh.p),
                "is above 255 and below the prime",
            ),
            (
                "the order of the key agreement",
                dh.q.len() == 32 && dh.q.first() > Some(&0x0F),
                "has 32 bytes, the first above 0F",
            ),
            (
                "the modulus of key 84",
                full(&ca.modulus),
                "has 256 bytes, the first not 0, and is odd",
            ),
            (
                "the exponent of key 84",
                odd(&ca.exponent) && ca.exponent.len() <= MODULUS_LEN,
                "is odd and has at most 256 bytes",
            ),
            (
                "a try counter",
                self.state.pin_tries <= PIN_TRIES && self.state.puk_tries <= PUK_TRIES,
                "is at most 3 for the PIN and 10 for the PUK",
            ),
            (
                "a short file identifier",
                profile
                    .files
                    .iter()
                    .flat_map(|f| f.sfi)
                    .all(|sfi| (1..=30).contains(&sfi)),
                "is between 1 and 30",
            ),
            (
                "a file",
                profile.files.iter().all(|f| f.content.len() <= FILE_MAX),
                "has at most 32767 bytes",
            ),
        ];
        match rules.into_iter().find(|(_, holds, _)| !holds) {
            Some((what, _, rule)) => Err(ProfileError { what, rule }),
            None => Ok(()),
        }
    }
}

fn right_aligned_below(small: &[u8], large: &[u8]) -> bool {
    small.len() < large.len() || small < large
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where context and card handle numbers come from.

/// Hands out positive 31-bit numbers that are not in use.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Numbers {
    /// The smallest free number; for tests and replays.
    Smallest,
    /// Scattered from a seed, so that a number kept from before is very likely dead.
    Scattered(u64),
}

impl Numbers {
    /// The next number for which `taken` is false.
    pub(super) fn next(&mut self, taken: impl Fn(i32) -> bool) -> i32 {
        match self {
            Self::Smallest => (1..i32::MAX)
                .find(|&number| !taken(number))
                .unwrap_or(i32::MAX),
            Self::Scattered(seed) => loop {
                // SplitMix64: a counter through a mixing function.
                *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut mixed = *seed;
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                let number = i32::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap_or(0);
                if number != 0 && !taken(number) {
                    return number;
                }
            },
        }
    }
}

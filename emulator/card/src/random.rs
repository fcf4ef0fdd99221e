// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card's own random source: handed in as a seed, never taken from the
//! operating system, so that the same commands get the same answers.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A reproducible stream of random bytes (ChaCha20). It goes on across resets
/// and starts again only with a new card.
pub struct CardRandom(ChaCha20Rng);

impl Clone for CardRandom {
    fn clone(&self) -> Self {
        // The crate keeps its generators from being cloned by accident; a
        // cloned card is meant to go on with the same numbers.
        Self(ChaCha20Rng::deserialize_state(&self.0.serialize_state()))
    }
}

impl CardRandom {
    /// A stream that the 32-byte seed decides.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

impl std::fmt::Debug for CardRandom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardRandom(hidden)")
    }
}

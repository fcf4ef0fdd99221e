// SPDX-License-Identifier: MIT OR Apache-2.0
//! The random numbers of the terminal's half of the key agreement.

use crate::failure::Failure;
use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

/// A source with a fresh seed of the operating system. Made anew for each key
/// agreement, so that a process and its fork never share one.
///
/// # Errors
/// [`Failure::DeviceError`] if the operating system gives no random bytes.
pub fn source() -> Result<ChaCha20Rng, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|_| Failure::DeviceError)?;
    Ok(ChaCha20Rng::from_seed(*seed))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hostile and dying clients: whatever one does, the server lives and serves
//! the others as before, and nothing of it is left.
//!
//! Each test has a short form, which always runs, and a long one with more
//! rounds: `CIE_HOSTILE=long cargo test -p cie-reader --test hostile`. What is
//! random comes from a seed that a failure prints; `CIE_HOSTILE_SEED=N` starts
//! there.

// Helpers outside of test functions do what test functions may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod bytes;
#[path = "../common/mod.rs"]
mod common;
mod deaths;
mod flat;
mod process;
mod slow;
mod vpcd;
mod witness;

use iso7816_wire::CardDoor;

/// `short`, or `long` if the long form is asked for.
fn amount(short: usize, long: usize) -> usize {
    match std::env::var("CIE_HOSTILE").as_deref() {
        Ok("long") => long,
        _ => short,
    }
}

/// Where what is random begins.
fn first_seed() -> u64 {
    std::env::var("CIE_HOSTILE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1)
}

/// Answers `FF` with its own bytes, READ BINARY with zeros, `EE` so too but
/// after a fifth of a second, and everything else with 9000.
struct Echo;

impl CardDoor for Echo {
    fn power_on(&mut self) -> Vec<u8> {
        common::ATR.to_vec()
    }

    fn reset(&mut self) -> Vec<u8> {
        common::ATR.to_vec()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        match command {
            [0xFF, rest @ ..] => [rest, &[0x90, 0x00]].concat(),
            [0xEE] => {
                std::thread::sleep(std::time::Duration::from_millis(200));
                vec![0x90, 0x00]
            }
            [_, 0xB0, _, _, length] => [vec![0; usize::from(*length)], vec![0x90, 0x00]].concat(),
            _ => vec![0x90, 0x00],
        }
    }
}

/// Numbers that look random and follow from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Less than `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Tells the seed of a round that panics.
struct Round(u64);

impl Drop for Round {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("the failure is repeated by CIE_HOSTILE_SEED={}", self.0);
        }
    }
}

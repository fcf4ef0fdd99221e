// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the card costs against its bare primitives, measured in turns: one
//! round of this, one round of that, so that a busy machine slows both.
//!
//! `cargo run --release -p cie-benches --example ratios`
#![allow(clippy::print_stdout)] // its purpose

use chacha20::ChaCha20Rng;
use cie_benches::{BareRead, Parts, ProtectedRead, RecordedSession};
use cie_personalisation::{Persona, personalise};
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

/// Medians of rounds taken in turns: both times in microseconds, and the first
/// divided by the second, of each pair of neighbours.
fn in_turns(rounds: usize, mut a: impl FnMut() -> f64, mut b: impl FnMut() -> f64) -> [f64; 3] {
    let (mut times_a, mut times_b, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let pair = (a(), b());
        times_a.push(pair.0);
        times_b.push(pair.1);
        ratios.push(pair.0 / pair.1);
    }
    [times_a, times_b, ratios].map(median)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn microseconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e6
}

fn main() -> Result<(), Box<dyn Error>> {
    let issued = personalise(&Persona::adult()?, 1)?;
    let rng = || ChaCha20Rng::from_seed([1; 32]);

    let read = ProtectedRead::new(&issued, &mut rng())?;
    let bare = BareRead::default();
    const READS: usize = 100;
    let [card, primitives, ratio] = in_turns(
        300,
        || {
            let mut cards = vec![read.card.clone(); READS];
            microseconds(|| {
                for card in &mut cards {
                    black_box(card.transmit(black_box(&read.sealed)));
                }
            }) / READS as f64
        },
        || {
            microseconds(|| {
                for _ in 0..READS {
                    black_box(bare.run());
                }
            }) / READS as f64
        },
    );
    println!(
        "read 231 bytes in secure messaging: card {card:.1} us, primitives {primitives:.1} us: \
         {:.0} % of their speed (target: at least 80 %)",
        100.0 / ratio
    );

    let recorded = RecordedSession::new(&issued, &mut rng())?;
    let parts = Parts::of(&issued)?;
    let [card, operations, ratio] = in_turns(
        200,
        || {
            let mut card = recorded.card();
            microseconds(|| {
                black_box(recorded.run(&mut card));
            })
        },
        || microseconds(|| parts.all()),
    );
    println!(
        "session: card {:.2} ms, its public-key operations {:.2} ms: {ratio:.3} times \
         (target: at most 1.1)",
        card / 1e3,
        operations / 1e3
    );
    Ok(())
}

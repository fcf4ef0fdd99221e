// SPDX-License-Identifier: MIT OR Apache-2.0
//! Streams: those of the catalogue, and random ones from a seed.

use super::Stream;
use crate::catalogue::{Cost, card_cases};
use crate::edges::{Start, script, units};
use crate::survey::is_harmless;
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// The rows of the catalogue. Without `all` only those that cost no card
/// anything. Rows for single families are not among them.
#[must_use]
pub fn catalogue(all: bool) -> Vec<Stream> {
    let rows = units()
        .iter()
        .flat_map(|unit| unit.rows.iter().map(move |row| (unit.id(row), row)));
    let cases = card_cases();
    let mut streams = Vec::new();
    for ((name, row), case) in rows.zip(&cases) {
        let Ok((families, steps)) = script::parse(row.script) else {
            continue;
        };
        if !families.is_empty() || !(all || is_harmless(case, row)) {
            continue;
        }
        let actions = steps.iter().flat_map(|step| {
            let times = usize::try_from(step.times).unwrap_or(1);
            std::iter::repeat_n(step.action.to_owned(), times)
        });
        streams.push(Stream {
            name,
            start: row.start,
            actions: actions.collect(),
        });
    }
    streams
}

/// States that cost nothing to reach.
const FREE: [Start; 7] = [
    Start::On,
    Start::Root,
    Start::Cie,
    Start::Pending,
    Start::Live,
    Start::Certified,
    Start::Device,
];
/// States behind the PIN.
const BEHIND: [Start; 2] = [Start::Pin, Start::Puk];
/// Commands that every card may be asked, but for their parameters.
const HARMLESS: &[&str] = &[
    "ROOT",
    "CIE",
    "NIS",
    "SERIAL",
    "SET-81",
    "SET-82",
    "SET-83",
    "SET-CA",
    "SET-DEVICE",
    "SHARE",
    "CARD-SHARE",
    "PIN-LEFT",
    "PUK-LEFT",
    "CHALLENGE",
    "00C0000000",
    "00CB3FFF(4D[70[BFA101[A380]]])00",
    "00A4020C(1001)",
    "00A40204(1004)00",
    "00A4020C(D003)",
    "00B0000010",
    "00B1000004 54020001 00",
    "00880000(5A5A)00",
];
/// Commands with codes.
const CODES: &[&str] = &[
    "VERIFY-PIN",
    "WRONG-PIN",
    "VERIFY-PUK",
    "RETRY",
    "00240081({PIN}{NEW})",
    "00240081({NEW}{PIN})",
    "PIN?",
    "PUK?",
];

/// So many random streams of so many steps. The same seed gives the same ones.
/// Without `all` they cost no card anything.
#[must_use]
pub fn random(seed: u64, count: usize, steps: usize, all: bool) -> Vec<Stream> {
    let mut key = [0; 32];
    for (byte, value) in key.iter_mut().zip(seed.to_be_bytes()) {
        *byte = value;
    }
    let mut rng = ChaCha20Rng::from_seed(key);
    (1..=count)
        .map(|number| stream(&mut rng, number, steps, all))
        .collect()
}

fn stream(rng: &mut ChaCha20Rng, number: usize, steps: usize, all: bool) -> Stream {
    let behind = all && below(rng, 3) == 0;
    let start = if behind {
        pick(rng, &BEHIND)
    } else {
        pick(rng, &FREE)
    };
    let start = start.unwrap_or(Start::Cie);
    let mut session = start >= Start::Pending;
    let mut actions = Vec::with_capacity(steps);
    while actions.len() < steps {
        let with_code = all && below(rng, 4) == 0;
        let list = if with_code { CODES } else { HARMLESS };
        let command = pick(rng, list).unwrap_or("NIS");
        let action = match below(rng, 12) {
            0 => "reset".to_owned(),
            // Every byte of the header may be another, but not the instruction.
            1 | 2 if !with_code => changed(rng, all),
            _ if session && below(rng, 5) > 0 => format!("sm {command}"),
            _ => command.to_owned(),
        };
        session &= action != "reset";
        actions.push(action);
    }
    let stream = Stream {
        name: format!("random {number}"),
        start,
        actions,
    };
    debug_assert!(all || costs_nothing(&stream));
    stream
}

/// A command whose parameters are anything, in plain.
fn changed(rng: &mut ChaCha20Rng, all: bool) -> String {
    // Without `all` not the last one: a card may count wrong proofs.
    let instructions = [0xA4_u8, 0xB0, 0xB1, 0xCB, 0x84, 0x88, 0xC0, 0x82];
    let drawn = instructions.get(..if all { 8 } else { 7 });
    let ins = pick(rng, drawn.unwrap_or_default()).unwrap_or(0xA4);
    let cla = pick(rng, &[0x00_u8, 0x00, 0x00, 0x80, 0x01, 0x08]).unwrap_or(0);
    let [p1, p2, le, count, ..] = rng.next_u64().to_be_bytes();
    let (p1, p2) = if p1 % 2 == 0 { (0, p2 % 8) } else { (p1, p2) };
    match count % 3 {
        0 => format!("{cla:02X}{ins:02X}{p1:02X}{p2:02X}"),
        1 => format!("{cla:02X}{ins:02X}{p1:02X}{p2:02X}{le:02X}"),
        _ => format!(
            "{cla:02X}{ins:02X}{p1:02X}{p2:02X}({{5A*{}}})",
            1 + count % 40
        ),
    }
}

/// What the catalogue would say that a stream costs.
#[must_use]
pub(super) fn costs_nothing(stream: &Stream) -> bool {
    let steps: Vec<_> = stream
        .actions
        .iter()
        .map(|action| script::Step {
            times: 1,
            action,
            answer: "9000",
        })
        .collect();
    Cost::of(stream.start, &steps).is_nothing()
}

fn below(rng: &mut ChaCha20Rng, bound: u32) -> u32 {
    rng.next_u32() % bound.max(1)
}

fn pick<T: Copy>(rng: &mut ChaCha20Rng, from: &[T]) -> Option<T> {
    let count = u32::try_from(from.len()).unwrap_or(1);
    let at = usize::try_from(below(rng, count)).unwrap_or(0);
    from.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_the_same_streams_and_harmless_ones_are() {
        assert_eq!(random(7, 20, 30, true), random(7, 20, 30, true));
        assert_ne!(random(7, 20, 30, true), random(8, 20, 30, true));
        let harmless = random(7, 200, 30, false);
        assert!(harmless.iter().all(costs_nothing));
        assert!(!random(7, 20, 30, true).iter().all(costs_nothing));
        assert!(catalogue(false).iter().all(costs_nothing));
        assert!(catalogue(true).len() > 900 && catalogue(false).len() > 400);
    }
}

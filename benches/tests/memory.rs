// SPDX-License-Identifier: MIT OR Apache-2.0
//! How much memory a card takes, by a counting allocator: a number, not a time.
#![allow(clippy::unwrap_used)] // a test

use cie_card::Card;
use cie_personalisation::{Persona, personalise};
use iso7816_wire::CardDoor;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The most that one card of an image of its own may hold, in bytes.
const CARD_MAX: usize = 300_000;

/// The only test of its program: the counts are of the whole process.
#[test]
fn a_card_fits_in_300_kilobytes() {
    const CARDS: usize = 10;
    let _profiler = dhat::Profiler::builder().testing().build();
    let persona = Persona::adult().unwrap();
    // What is made once, such as tables of the libraries, is no card.
    drop(personalise(&persona, 0).unwrap());
    let before = dhat::HeapStats::get().curr_bytes;
    let cards: Vec<_> = (1..=CARDS as u64)
        .map(|seed| {
            let issued = personalise(&persona, seed).unwrap();
            let mut card = Card::in_memory(issued.image, issued.card_seed).unwrap();
            card.power_on();
            card
        })
        .collect();
    let each = (dhat::HeapStats::get().curr_bytes - before) / CARDS;
    println!("{each} bytes a card");
    assert!((10_000..=CARD_MAX).contains(&each), "{each} bytes a card");
    drop(cards);
}

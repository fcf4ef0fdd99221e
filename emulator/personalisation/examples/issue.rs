// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times the first and the following cards of one process.

#![allow(clippy::print_stdout, reason = "an example that reports")]

use cie_personalisation::{Persona, personalise};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let persona = Persona::adult()?;
    println!("persona file read: {:?}", start.elapsed());
    let start = Instant::now();
    let card = personalise(&persona, 0)?;
    println!(
        "first card, with the keys parsed and checked: {:?}",
        start.elapsed()
    );
    let start = Instant::now();
    for seed in 1..=100 {
        personalise(&persona, seed)?;
    }
    println!("each of the next hundred: {:?}", start.elapsed() / 100);
    println!("image: {} bytes", card.image.to_bytes()?.len());
    for file in &card.image.profile.files {
        println!(
            "EF {:04X}: {} bytes, {:?}",
            file.fid,
            file.content.len(),
            file.read
        );
    }
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! How long one commit takes here, syncs included.
//! `cargo run --release -p cie-store --example commits -- FOLDER`

#![allow(clippy::print_stdout)] // its result

use cie_personalisation::{Persona, personalise};
use cie_store::FileStore;
use std::path::PathBuf;
use std::time::Instant;

const COMMITS: u8 = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name a folder")?;
    let path = PathBuf::from(folder).join("commits.cie");
    let mut image = personalise(&Persona::adult()?, 1)?.image;
    let mut store = FileStore::create(&path, &image)?;
    let mut times = Vec::new();
    for round in 0..COMMITS {
        image.state.pin_tries = round % 4;
        let start = Instant::now();
        store.save(&image.state)?;
        times.push(start.elapsed().as_micros());
    }
    times.sort_unstable();
    let at = |percent: usize| {
        times
            .get(times.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{COMMITS} commits: median {} us, 95 % below {} us",
        at(50),
        at(95)
    );
    drop(store);
    std::fs::remove_file(&path)?;
    Ok(())
}

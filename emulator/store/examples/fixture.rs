// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes the fixture of the current image format: the adult of seed 1, with
//! one PIN try and two PUK tries gone and a PIN that the citizen chose.
//! `cargo run -p cie-store --example fixture -- vectors/images/version-N.cie`

use cie_card::image::Code;
use cie_personalisation::{Persona, personalise};
use cie_store::FileStore;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the file to write")?;
    let mut image = personalise(&Persona::adult()?, 1)?.image;
    image.state.pin = Code::new(b"13572468")?;
    image.state.pin_tries = 2;
    image.state.puk_tries = 8;
    FileStore::create(path, &image)?;
    Ok(())
}

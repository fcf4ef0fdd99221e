// SPDX-License-Identifier: MIT OR Apache-2.0
//! Card images in files: a card whose counters and PIN survive the process.
//!
//! One file holds one card, in the versioned format of
//! [`CardImage::to_bytes`](cie_card::CardImage::to_bytes). A [`FileStore`] is
//! the non-volatile memory of a card that came from such a file:
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (store, image) = cie_store::FileStore::open("card.cie")?;
//! let card = cie_card::Card::new(image, store, [7; 32])?;
//! # drop(card); Ok(()) }
//! ```
//!
//! # What a commit does
//! It writes the whole image into a temporary file in the same folder, syncs
//! it, renames it over the image and syncs the folder. So whatever ends the
//! process or the machine's power, the file is the image before the commit or
//! the image after it.
//!
//! # Files beside the image
//! For `card.cie` they are `card.cie.lock`, which is empty, is locked while a
//! process uses the card and stays when it ends, and for the moment of a commit
//! `.card.cie.cie-tmp`. A temporary file that a killed process left is removed
//! by the next one, after it has the lock. All three are readable by their
//! owner only.
//!
//! The lock is advisory and lives as long as the process: no death leaves it
//! behind. Network file systems without `flock` and renames that are atomic are
//! no place for a card.

mod disk;
mod error;
mod file;
mod lock;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use file::{FileStore, IMAGE_MAX, read};

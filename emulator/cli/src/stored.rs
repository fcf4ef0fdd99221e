// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards in files, as the commands use them.

use crate::error::CliError;
use crate::new_card::NewCard;
use crate::out;
use cie_card::image::CardState;
use cie_card::{CardImage, MemoryError, NonVolatile};
use cie_personalisation::{CardFacts, IssuedCard, State};
use cie_store::FileStore;
use cie_terminal::certificate::CardCertificate;
use std::path::{Path, PathBuf};

const ID_SERVIZI: u16 = 0x1001;
const SERIAL: u16 = 0x1002;
const CERTIFICATE: u16 = 0x1003;

/// The non-volatile memory of a card on the desk.
pub(crate) enum Memory {
    /// Gone with the process.
    Ram,
    /// A file; the first error of writing it is told at once.
    File { store: FileStore, told: bool },
}

impl From<FileStore> for Memory {
    fn from(store: FileStore) -> Self {
        Self::File { store, told: false }
    }
}

impl Memory {
    /// The file, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Ram => None,
            Self::File { store, .. } => Some(store.path()),
        }
    }
}

impl NonVolatile for Memory {
    fn commit(&mut self, state: &CardState) -> Result<(), MemoryError> {
        let Self::File { store, told } = self else {
            return Ok(());
        };
        let stored = store.commit(state);
        if let Err(error) = &stored
            && !std::mem::replace(told, true)
        {
            out::warn(error);
        }
        stored
    }
}

/// Opens a card file for use. `seed` decides the card's random numbers,
/// together with its NIS: the same file and seed give the same ones.
pub(crate) fn open(path: &Path, seed: u64) -> Result<(IssuedCard, Memory), CliError> {
    let (store, image) = FileStore::open(path)?;
    let facts = facts(&image);
    let mut card_seed = [0; 32];
    let source = b"cie file".iter().copied().chain(seed.to_be_bytes());
    for (byte, value) in card_seed.iter_mut().zip(source.chain(facts.nis.bytes())) {
        *byte = value;
    }
    // A name that a later release wrote is shown by `cie show`, and that is all.
    let made_as = image.profile.made_as.as_deref();
    let state = made_as.and_then(State::from_name).unwrap_or_default();
    let issued = IssuedCard {
        card_seed,
        certificate: content(&image, CERTIFICATE).to_vec(),
        image,
        facts,
        state,
    };
    Ok((issued, store.into()))
}

/// Opens card files for use, each once.
pub(crate) fn open_all(paths: &[PathBuf], seed: u64) -> Result<Vec<NewCard>, CliError> {
    let mut cards = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let same =
            |other: &PathBuf| std::fs::canonicalize(other).ok() == std::fs::canonicalize(path).ok();
        if path.exists() && paths.iter().take(index).any(same) {
            return Err(CliError::UsedTwice(path.clone()));
        }
        let (issued, memory) = open(path, seed)?;
        cards.push(NewCard::made(issued, memory)?);
    }
    Ok(cards)
}

/// What the files on the card say, fit to be printed; empty where they say
/// nothing.
pub(crate) fn facts(image: &CardImage) -> CardFacts {
    let text = |fid| out::printable(&String::from_utf8_lossy(content(image, fid)));
    let certificate = CardCertificate::from_file(content(image, CERTIFICATE));
    let summary = certificate.map(|found| found.summary()).unwrap_or_default();
    CardFacts {
        nis: text(ID_SERVIZI),
        serial: text(SERIAL),
        fiscal_code: out::printable(&summary.serial_number),
        given_names: out::printable(&summary.given_name),
        surname: out::printable(&summary.surname),
    }
}

fn content(image: &CardImage, fid: u16) -> &[u8] {
    let file = image.profile.files.iter().find(|file| file.fid == fid);
    file.map(|file| file.content.as_slice()).unwrap_or_default()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! This project's own cards, freshly personalised and thrown away after.

use crate::edges::{Papers, Specimen};
use crate::ics::Ics;
use cie_card::{Card, CardError};
use cie_personalisation::{Family, Persona, PersonaError, PersonalisationError, personalise};
use std::path::Path;
use thiserror::Error;

/// Why no card could be made.
#[derive(Debug, Error)]
pub enum OursError {
    /// The persona of the bench is refused.
    #[error(transparent)]
    Persona(#[from] PersonaError),
    /// It could not be personalised.
    #[error(transparent)]
    Personalisation(#[from] PersonalisationError),
    /// It could not be written to a file.
    #[error(transparent)]
    Store(#[from] cie_store::StoreError),
    /// No card could be made of the image.
    #[error(transparent)]
    Card(#[from] CardError),
}

/// A fresh card of this family in a file that must not exist yet.
///
/// # Errors
/// [`OursError`] if it cannot be made or written.
pub fn file(family: &'static Family, seed: u64, path: &Path) -> Result<Papers, OursError> {
    let specimen = specimen(family, seed)?;
    cie_store::FileStore::create(path, &specimen.card.image())?;
    Ok(specimen.papers())
}

/// A fresh card of this family, without power, with what its issuer knows.
///
/// # Errors
/// [`OursError`] if it cannot be made.
pub fn specimen(family: &'static Family, seed: u64) -> Result<Specimen<Card>, OursError> {
    let persona = Persona::adult()?.with_family(family);
    let issued = personalise(&persona, seed)?;
    let pin = issued.pin().expose().to_owned();
    let puk = issued.puk().expose().to_owned();
    Ok(Specimen {
        card: Card::in_memory(issued.image, issued.card_seed)?,
        family: family.id.to_owned(),
        atr: family.atr.to_vec(),
        ef_atr: family.ef_atr.content(),
        root_by_aid: family.root_by_aid,
        extended_length: family.extended_length(),
        pin,
        puk,
        nis: issued.facts.nis,
        serial: issued.facts.serial,
        certificate: issued.certificate,
    })
}

/// A copy of the card in a file, in memory and without power. The file stays as
/// it is.
///
/// # Errors
/// [`OursError`] if there is no card in it.
pub fn from_file(path: &Path) -> Result<Specimen<Card>, OursError> {
    let image = cie_store::read(path)?;
    let content = |fid| {
        let file = image.profile.files.iter().find(|file| file.fid == fid);
        file.map(|file| file.content.clone()).unwrap_or_default()
    };
    let text = |fid| String::from_utf8(content(fid)).unwrap_or_default();
    let family = &image.profile.family;
    Ok(Specimen {
        family: family.id.clone(),
        atr: family.atr.clone(),
        ef_atr: content(0x2F01),
        root_by_aid: family.root_by_aid,
        extended_length: family.extended_length,
        pin: image.state.pin.expose().to_owned(),
        puk: image.state.puk.expose().to_owned(),
        nis: text(0x1001),
        serial: text(0x1002),
        certificate: content(0x1003),
        card: Card::in_memory(image.clone(), [7; 32])?,
    })
}

/// The conformance statement of such a card.
#[must_use]
pub fn ics(family: &Family) -> Ics {
    Ics::of_ours(family.id, family.root_by_aid, family.extended_length())
}

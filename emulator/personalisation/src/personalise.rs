// SPDX-License-Identifier: MIT OR Apache-2.0
//! From persona and seed to a card.

use crate::dh;
use crate::files::{self, Contents};
use crate::persona::{Persona, State};
use crate::pki::{self, KeysOfCard, PkiError, Request, Role};
use crate::seed::CardSeed;
use crate::sod::{self, DocumentSigner, HashedFile};
use cie_card::image::{CardImage, Code, CodeError, PrivateKeys, Profile};
use rand_core::Rng;
use thiserror::Error;

/// A card fresh from the issuer.
#[derive(Clone, Debug)]
pub struct IssuedCard {
    /// What the card remembers.
    pub image: CardImage,
    /// Seed for the card's own random source (rule 1 of the architecture).
    pub card_seed: [u8; 32],
    /// The state it was made in.
    pub state: State,
    /// What the issuer knows of the card.
    pub facts: CardFacts,
    /// Citizen certificate, DER: EF 1003.
    pub certificate: Vec<u8>,
}

/// What the issuer knows of a card, without its secrets. The codes, whole and
/// in halves, are [`IssuedCard::pin`] and [`IssuedCard::puk`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFacts {
    /// Number for services, 12 digits: EF 1001.
    pub nis: String,
    /// Serial number of the document: EF 1002.
    pub serial: String,
    /// Fiscal code of the holder, in the test range.
    pub fiscal_code: String,
    /// Given names of the holder.
    pub given_names: String,
    /// Surname of the holder, with the word TEST.
    pub surname: String,
}

impl IssuedCard {
    /// The PIN as issued.
    #[must_use]
    pub fn pin(&self) -> &Code {
        &self.image.profile.issued_pin
    }

    /// The PUK as issued.
    #[must_use]
    pub fn puk(&self) -> &Code {
        &self.image.profile.issued_puk
    }
}

/// Why no card could be made.
#[derive(Debug, Error)]
pub enum PersonalisationError {
    /// A key, certificate or signature.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A code drawn from the seed, which would be a defect of this library.
    #[error("code from the seed: {0}")]
    Code(#[from] CodeError),
    /// A NIS without 12 digits, which would be a defect of this library.
    #[error("the NIS {0:?} does not have 12 digits")]
    Nis(String),
}

/// Makes a card: the same one for the same persona and seed, without clock
/// and without any other source of randomness.
///
/// What the persona leaves open (NIS, serial number, PIN, PUK) follows from
/// the seed and the persona's fiscal code.
///
/// # Errors
/// [`PersonalisationError`] if a ready-made key or certificate is damaged.
pub fn personalise(persona: &Persona, seed: u64) -> Result<IssuedCard, PersonalisationError> {
    make(&order(persona, seed)?)
}

/// A card that was ordered: its numbers and codes are settled and nothing is
/// signed yet, which is what takes the time.
#[derive(Clone, Debug)]
pub struct Order {
    persona: Persona,
    seed: u64,
    /// What the issuer knows of the card to be.
    pub facts: CardFacts,
    /// The PIN that will be on it.
    pub pin: Code,
    /// The PUK that will be on it.
    pub puk: Code,
}

impl Order {
    /// Whose card it will be.
    #[must_use]
    pub fn persona(&self) -> &Persona {
        &self.persona
    }
}

/// The first half of [`personalise`]: what a caller may want to know before
/// the card is there.
///
/// # Errors
/// [`PersonalisationError::Code`].
pub fn order(persona: &Persona, seed: u64) -> Result<Order, PersonalisationError> {
    let source = CardSeed::new(seed, &persona.fiscal_code);
    let (drawn_pin, drawn_puk) = source.codes()?;
    Ok(Order {
        persona: persona.clone(),
        seed,
        facts: CardFacts {
            nis: persona.nis.clone().unwrap_or_else(|| source.nis()),
            serial: persona.serial.clone().unwrap_or_else(|| source.serial()),
            fiscal_code: persona.fiscal_code.clone(),
            given_names: persona.given_names.clone(),
            surname: persona.surname.clone(),
        },
        pin: persona.pin.clone().unwrap_or(drawn_pin),
        puk: persona.puk.clone().unwrap_or(drawn_puk),
    })
}

/// The second half of [`personalise`].
///
/// # Errors
/// As [`personalise`].
pub fn make(order: &Order) -> Result<IssuedCard, PersonalisationError> {
    let signer = DocumentSigner {
        key: pki::document_signer_key()?,
        certificate: pki::pki().document_signer,
    };
    make_signed(order, signer)
}

/// The same card with a security object of somebody else's: its document
/// signer and the country signer above have the names of the real ones of this
/// crate and other keys. For finding out whether a client looks for whom a
/// signature leads to.
///
/// # Errors
/// As [`personalise`].
pub fn make_unchained(order: &Order) -> Result<IssuedCard, PersonalisationError> {
    let (key, certificate) = pki::another_document_signer()?;
    let signer = DocumentSigner {
        key: &key,
        certificate: &certificate,
    };
    make_signed(order, signer)
}

fn make_signed(
    order: &Order,
    signer: DocumentSigner<'_>,
) -> Result<IssuedCard, PersonalisationError> {
    let Order {
        persona,
        seed,
        facts: CardFacts { nis, serial, .. },
        pin,
        puk,
    } = order;
    let source = CardSeed::new(*seed, &persona.fiscal_code);
    let keys = persona.keys.keys(|purpose| source.stream(purpose))?;

    let certificate = citizen_certificate(persona, nis, &source, &keys)?;
    let device_key = pki::public_key(keys.device.expose(), "82")?;
    let services_key = pki::public_key(keys.services.expose(), "83")?;
    let domain = dh::domain();
    let ef_dh = files::ef_dh(&domain);

    let signed_serial = match persona.state {
        State::SodMismatch => another_serial(serial),
        _ => serial.clone(),
    };

    // Order and numbers as on real cards (section 6).
    let hashed = [
        HashedFile {
            number: 0xA5,
            content: &services_key,
        },
        HashedFile {
            number: 0xA4,
            content: &device_key,
        },
        HashedFile {
            number: 0xA1,
            content: nis.as_bytes(),
        },
        HashedFile {
            number: 0xA3,
            content: &certificate,
        },
        HashedFile {
            number: 0xA2,
            content: signed_serial.as_bytes(),
        },
        HashedFile {
            number: 0x1B,
            content: &ef_dh,
        },
    ];
    let sod = sod::build(
        persona.family.sod,
        &hashed,
        signer,
        &mut source.stream("sod salt"),
    )?;

    let card_number =
        files::card_number(nis).ok_or_else(|| PersonalisationError::Nis(nis.clone()))?;
    let [_, _, sn_icc @ ..] = card_number;
    let contents = Contents {
        family: persona.family,
        card_number,
        dh: &ef_dh,
        nis,
        serial,
        certificate: &certificate,
        device_key: &device_key,
        services_key: &services_key,
        sod: &sod,
    };
    let profile = Profile {
        family: persona.family.chip(),
        files: contents.files(),
        sn_icc,
        dh: domain,
        terminal_ca: pki::terminal_ca()?,
        keys: PrivateKeys {
            authentication: keys.authentication,
            device: keys.device,
            services: keys.services,
        },
        issued_pin: pin.clone(),
        issued_puk: puk.clone(),
        made_as: (persona.state != State::Fresh).then(|| persona.state.name().to_owned()),
    };
    let mut image = CardImage::fresh(profile);
    persona.state.apply(&mut image.state);
    Ok(IssuedCard {
        image,
        state: persona.state,
        card_seed: source.card(),
        facts: order.facts.clone(),
        certificate,
    })
}

/// The serial number with another last letter.
fn another_serial(serial: &str) -> String {
    let mut other = serial.to_owned();
    let last = other.pop();
    other.push(if last == Some('A') { 'B' } else { 'A' });
    other
}

/// Key 81 certified by the sub CA (choice 15).
fn citizen_certificate(
    persona: &Persona,
    nis: &str,
    source: &CardSeed<'_>,
    keys: &KeysOfCard,
) -> Result<Vec<u8>, PkiError> {
    let mut serial = [0; 16];
    source
        .stream(persona.state.serial_purpose())
        .fill_bytes(&mut serial);
    let (not_before, not_after) = persona.validity()?;
    let subject = pki::citizen(
        &persona.given_names,
        &persona.surname,
        &persona.fiscal_code,
        nis,
    )?;
    let request = Request {
        role: Role::Citizen,
        subject,
        issuer: pki::sub_ca_name()?,
        serial,
        not_before,
        not_after,
        public_key: pki::spki(&pki::public_key(keys.authentication.expose(), "81")?)?,
    };
    pki::issue(request, pki::sub_ca_key()?)
}

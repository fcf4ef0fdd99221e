// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card and a terminal in one process, for the benchmarks in this crate.
//!
//! `cargo bench -p cie-benches` prints absolute figures; the examples measure
//! what is compared in turns, so that both halves of a ratio saw the same machine.

mod do_nothing;
mod parts;

pub use do_nothing::DoNothing;
pub use parts::{OPERATIONS, Operation, Parts};

use cie_card::{Card, CardError, Event};
use cie_personalisation::IssuedCard;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::transport::InProcess;
use cie_terminal::{Channel, Error};
use iso7816_wire::sm::{Primitives, pad};
use iso7816_wire::{CardDoor, CommandApdu, dh};
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};

/// A powered card behind a channel.
///
/// # Errors
/// [`CardError`] if a part of the image cannot be used.
pub fn channel(issued: &IssuedCard) -> Result<Channel<InProcess<Card>>, CardError> {
    let card = Card::in_memory(issued.image.clone(), issued.card_seed)?;
    Ok(Channel::new(InProcess::power_on(card)))
}

/// Takes a channel through key agreement, device authentication and PIN.
///
/// # Errors
/// [`Error`] of the step that failed.
pub fn log_in<R: rand_core::CryptoRng>(
    channel: &mut Channel<InProcess<Card>>,
    issued: &IssuedCard,
    rng: &mut R,
) -> Result<(), Error> {
    use cie_terminal::steps::code::{Code, Reference};
    use cie_terminal::steps::objects::DomainForm;
    channel.establish(DomainForm::Whole, rng)?;
    let pin = Code::raw(issued.pin().expose().as_bytes());
    channel.verify(Reference::Pin, &pin)?;
    Ok(())
}

/// A READ BINARY of 231 bytes in secure messaging, ready to be sent again and
/// again to clones of a card.
pub struct ProtectedRead {
    /// The card, its PIN verified, in a session.
    pub card: Card,
    /// The same card and session, asked in plain for a file that is free.
    /// The command as the card would see it next.
    pub sealed: Vec<u8>,
}

impl ProtectedRead {
    /// Opens a session up to the PIN and protects one READ BINARY of EF.Cert_CIE.
    ///
    /// # Errors
    /// What the session failed with.
    pub fn new<R: rand_core::CryptoRng>(
        issued: &IssuedCard,
        rng: &mut R,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut channel = channel(issued)?;
        log_in(&mut channel, issued, rng)?;
        let card = channel.transport().0.clone();
        let mut session = channel.session().ok_or("no session")?.clone();
        let read = CommandApdu::new(0, 0xB0, 0x83, 0).with_le(231);
        let sealed = session.seal_command(&read)?.encode()?;
        Ok(Self { card, sealed })
    }
}

/// The 3DES and retail-MAC work of that exchange and nothing else: a MAC over
/// the 24 bytes of the command, 232 bytes of 3DES, a MAC over 8 + 236 + 4
/// bytes, padded to 256.
pub struct BareRead {
    primitives: Primitives,
    content: Vec<u8>,
}

impl Default for BareRead {
    fn default() -> Self {
        let mut content = vec![0xA5; 231];
        pad(&mut content);
        Self {
            primitives: Primitives::new(&dh::derive_keys(&[7; 256])),
            content,
        }
    }
}

impl BareRead {
    /// Does it once.
    pub fn run(&self) -> Vec<u8> {
        let mut data = self.content.clone();
        black_box(self.primitives.mac(black_box(&[0x5A; 24])));
        self.primitives.encrypt(black_box(&mut data));
        black_box(self.primitives.mac(black_box(&[0xA5; 256])));
        data
    }
}

/// A whole session as the card sees it: key agreement, device authentication,
/// PIN, one signature. The card is deterministic, so its half can be had alone
/// by sending a fresh clone the commands that a terminal once sent.
pub struct RecordedSession {
    fresh: Card,
    commands: Vec<Vec<u8>>,
}

impl RecordedSession {
    /// Runs a session with a terminal and keeps its commands.
    ///
    /// # Errors
    /// What the session failed with.
    pub fn new<R: rand_core::CryptoRng>(
        issued: &IssuedCard,
        rng: &mut R,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut fresh = Card::in_memory(issued.image.clone(), issued.card_seed)?;
        fresh.power_on();
        let commands = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&commands);
        let watched = fresh
            .clone()
            .with_observer(Arc::new(move |event: &Event<'_>| {
                if let Event::Command(bytes) = event {
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.push(bytes.to_vec());
                }
            }));
        let mut channel = Channel::new(InProcess(watched));
        log_in(&mut channel, issued, rng)?;
        channel.sign_message(HashAlgorithm::Sha256, b"message")?;
        drop(channel);
        let commands = commands.lock().unwrap_or_else(PoisonError::into_inner);
        let commands = commands.clone();
        Ok(Self { fresh, commands })
    }

    /// A card that has not seen the session.
    #[must_use]
    pub fn card(&self) -> Card {
        self.fresh.clone()
    }

    /// Sends it the whole session; its last answer.
    pub fn run(&self, card: &mut Card) -> Vec<u8> {
        let mut last = Vec::new();
        for command in &self.commands {
            last = card.transmit(command);
        }
        last
    }
}

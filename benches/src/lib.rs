// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card and a terminal in one process, for the benchmarks in this crate.
//!
//! Run them with `cargo bench -p cie-benches`. Compare figures of one run with
//! each other; absolute times depend on the machine and on what else it does.

use cie_card::{Card, CardError};
use cie_personalisation::IssuedCard;
use cie_terminal::transport::InProcess;
use cie_terminal::{Channel, Error};

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

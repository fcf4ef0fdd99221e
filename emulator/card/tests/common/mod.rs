// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fresh card and the ways of a terminal into it, for all tests of the card.
#![allow(dead_code)] // each test file uses its own part of this

use chacha20::ChaCha20Rng;
use cie_card::{Card, CardImage};
use cie_personalisation::{IssuedCard, Persona, personalise};
use cie_terminal::Channel;
use cie_terminal::steps::code::{Code, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use iso7816_wire::{CardDoor, CommandApdu, ResponseApdu, StatusWord};
use rand_core::SeedableRng;
use std::sync::OnceLock;

pub fn issued() -> &'static IssuedCard {
    static ISSUED: OnceLock<IssuedCard> = OnceLock::new();
    ISSUED.get_or_init(|| personalise(&Persona::adult().unwrap(), 1).unwrap())
}

/// A powered card with this image.
pub fn card_of(image: CardImage) -> Card {
    let mut card = Card::in_memory(image, issued().card_seed).unwrap();
    card.power_on();
    card
}

pub fn fresh_card() -> Card {
    static CARD: OnceLock<Card> = OnceLock::new();
    CARD.get_or_init(|| card_of(issued().image.clone())).clone()
}

/// A fresh card with other tries left.
pub fn card_with_tries(pin: u8, puk: u8) -> Card {
    let mut image = issued().image.clone();
    image.state.pin_tries = pin;
    image.state.puk_tries = puk;
    card_of(image)
}

pub fn pin() -> &'static str {
    issued().image.profile.issued_pin.expose()
}

pub fn puk() -> &'static str {
    issued().image.profile.issued_puk.expose()
}

pub fn code(digits: &str) -> Code {
    Code::new(digits).unwrap()
}

/// A code that is neither the PIN nor the PUK.
pub fn wrong() -> Code {
    let digits = if pin() == "24681357" || puk() == "24681357" {
        "24681358"
    } else {
        "24681357"
    };
    code(digits)
}

pub fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([42; 32])
}

/// Bytes from hexadecimal, blanks allowed.
pub fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text.replace(' ', "")).unwrap()
}

/// Sends raw bytes given in hexadecimal.
pub fn send(card: &mut Card, command: &str) -> ResponseApdu {
    ResponseApdu::parse(&card.transmit(&bytes(command))).unwrap()
}

/// The status word of a raw command.
pub fn sw(card: &mut Card, command: &str) -> u16 {
    send(card, command).sw.0
}

pub type Terminal = Channel<InProcess<Card>>;

/// A terminal in front of a card, in plain.
pub fn terminal(card: Card) -> Terminal {
    Channel::new(InProcess(card))
}

/// A terminal that went through key agreement and device authentication.
pub fn authenticated(card: Card) -> Terminal {
    let mut terminal = terminal(card);
    terminal.establish(DomainForm::Whole, &mut rng()).unwrap();
    terminal
}

/// The same, with the PIN verified.
pub fn with_pin(card: Card) -> Terminal {
    let mut terminal = authenticated(card);
    assert!(
        terminal
            .verify(Reference::Pin, &code(pin()))
            .unwrap()
            .is_accepted()
    );
    terminal
}

/// A terminal with a live session after key agreement only.
pub fn agreed(card: Card) -> Terminal {
    let mut terminal = terminal(card);
    terminal.select_root_any().unwrap();
    terminal.select_cie().unwrap();
    let domain = terminal.read_domain(DomainForm::Whole).unwrap();
    let share =
        cie_terminal::steps::agreement::TerminalShare::generate(&domain, &mut rng()).unwrap();
    terminal.agree_keys(&domain, &share).unwrap();
    terminal
}

/// The card behind a terminal.
pub fn card(terminal: &mut Terminal) -> &mut Card {
    &mut terminal.transport().0
}

/// Sends a plain-text command given in hexadecimal through the session of the
/// terminal and returns the inner status word.
pub fn secured(terminal: &mut Terminal, command: &str) -> u16 {
    secured_answer(terminal, command).sw.0
}

pub fn secured_answer(terminal: &mut Terminal, command: &str) -> cie_terminal::Answer {
    let command = CommandApdu::parse(&bytes(command)).unwrap();
    terminal.send_protected(&command).unwrap()
}

/// Sends exactly one protected command, chaining bit and all, and returns the
/// inner status word.
pub fn secured_piece(terminal: &mut Terminal, command: &str) -> u16 {
    let mut session = terminal.session().unwrap().clone();
    let sealed = session
        .seal_command(&CommandApdu::parse(&bytes(command)).unwrap())
        .unwrap();
    let answer = card(terminal).transmit(&sealed.encode().unwrap());
    let answer = session
        .open_response(&ResponseApdu::parse(&answer).unwrap())
        .unwrap();
    terminal.start_session(session);
    answer.sw.0
}

/// The status word of bytes sent in plain, past the terminal's session.
pub fn past(terminal: &mut Terminal, command: &str) -> u16 {
    sw(card(terminal), command)
}

pub fn is(sw: StatusWord) -> u16 {
    sw.0
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A whole session as a snapshot: every command and answer in plain, as the
//! card saw them. A change of behaviour shows as a difference to review.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use chacha20::ChaCha20Rng;
use cie_card::{Card, Event, Observer};
use cie_personalisation::{Persona, personalise};
use cie_terminal::Channel;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::steps::code::{Code, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use rand_core::SeedableRng;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

/// Long fields shortened, so that a person can read the snapshot: their first
/// bytes, their length and a checksum that notices any change.
fn short(bytes: &[u8]) -> String {
    let hex = hex::encode_upper(bytes);
    match hex.get(..16) {
        Some(start) if bytes.len() > 24 => {
            let sum = bytes
                .iter()
                .fold(0_u32, |sum, b| sum.wrapping_mul(16_777_619) ^ u32::from(*b));
            format!("{start}…[{} bytes, {sum:08X}]", bytes.len())
        }
        _ => hex,
    }
}

#[test]
fn a_citizens_session() {
    let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
    let log = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&log);
    let observer: Observer = Arc::new(move |event| {
        let mut log = sink.lock().unwrap();
        match event {
            Event::Reset(_) => writeln!(log, "reset"),
            Event::Plain { command, secured } => {
                let header = hex::encode_upper(command.header());
                let le = command.le.map_or(String::new(), |le| format!(" Le {le}"));
                let mark = if *secured { "SM" } else { "  " };
                writeln!(log, "{mark} {header} {}{le}", short(&command.data))
            }
            Event::Answer(answer) => writeln!(log, "     -> {} {}", short(&answer.data), answer.sw),
            Event::SequenceCounter(ssc) => writeln!(log, "     SSC := {ssc:016X}"),
            Event::MemoryWrite(state) => {
                writeln!(
                    log,
                    "     stored: {} / {}",
                    state.pin_tries, state.puk_tries
                )
            }
            _ => Ok(()),
        }
        .unwrap();
    });
    let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
    let mut channel = Channel::new(InProcess::power_on(card.with_observer(observer)));
    let mut rng = ChaCha20Rng::from_seed([1; 32]);

    channel
        .establish(DomainForm::PerComponent, &mut rng)
        .unwrap();
    let wrong = Code::new("13572468").unwrap();
    channel.verify(Reference::Pin, &wrong).unwrap();
    let pin = Code::new(issued.pin().expose()).unwrap();
    channel.verify(Reference::Pin, &pin).unwrap();
    channel.read_file(0x1002, 0x80).unwrap();
    channel.read_file(0x1003, 0xE7).unwrap();
    channel
        .sign_message(HashAlgorithm::Sha256, b"message")
        .unwrap();
    channel.reset().unwrap();

    let text = log.lock().unwrap().clone();
    insta::assert_snapshot!(text);
}

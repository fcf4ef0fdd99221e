// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recorded flows of real clients, played to a fresh card again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::{Card, ResponseHook};
use cie_conformance::replay::replay;
use cie_personalisation::{Persona, family, personalise};
use cie_vectors::transcript::{SHIPPED, Step, Transcript};
use iso7816_wire::{ResponseApdu, StatusWord};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The card that the header of a transcript describes.
fn card(transcript: &Transcript) -> Card {
    assert_eq!(transcript.header("persona"), Some("adult"));
    let seed = transcript.header("seed").unwrap().parse().unwrap();
    let family = family(transcript.header("family").unwrap()).unwrap();
    let persona = Persona::adult().unwrap().with_family(family);
    let issued = personalise(&persona, seed).unwrap();
    Card::in_memory(issued.image, issued.card_seed).unwrap()
}

fn shipped() -> impl Iterator<Item = (&'static str, Transcript)> {
    SHIPPED
        .iter()
        .map(|(name, text)| (*name, Transcript::parse(text).unwrap()))
}

#[test]
fn every_transcript_is_answered_byte_for_byte() {
    for (name, transcript) in shipped() {
        let exchanges = replay(&mut card(&transcript), &transcript)
            .unwrap_or_else(|divergence| panic!("{name}: {divergence}"));
        assert!(exchanges > 50, "{name} has only {exchanges} exchanges");
    }
}

#[test]
fn one_changed_status_word_in_a_transcript_is_noticed() {
    for (name, mut transcript) in shipped() {
        let responses: Vec<_> = (0..transcript.steps.len())
            .filter(|i| matches!(transcript.steps[*i].1, Step::Exchange { .. }))
            .collect();
        let at = responses[responses.len() / 2];
        let (line, step) = &mut transcript.steps[at];
        let line = *line;
        if let Step::Exchange { response, .. } = step {
            *response.last_mut().unwrap() ^= 1;
        }
        let divergence = replay(&mut card(&transcript), &transcript).unwrap_err();
        assert_eq!(divergence.line, line, "{name}");
    }
}

#[test]
fn one_changed_status_word_in_the_card_is_noticed() {
    for (name, transcript) in shipped() {
        let count = Arc::new(AtomicUsize::new(0));
        let hook: ResponseHook = Arc::new(move |_, answer| {
            if count.fetch_add(1, Ordering::Relaxed) == 20 {
                ResponseApdu {
                    sw: StatusWord(answer.sw.0 ^ 1),
                    ..answer
                }
            } else {
                answer
            }
        });
        let mut card = card(&transcript).with_response_hook(hook);
        assert!(replay(&mut card, &transcript).is_err(), "{name}");
    }
}

#[test]
fn there_is_a_transcript_of_every_behaviour_class() {
    let recorded: Vec<_> = shipped()
        .map(|(_, transcript)| {
            family(transcript.header("family").unwrap())
                .unwrap()
                .behaviour()
        })
        .collect();
    for family in cie_personalisation::FAMILIES {
        assert!(
            recorded.contains(&family.behaviour()),
            "none like {}",
            family.id
        );
    }
}

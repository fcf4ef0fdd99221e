// SPDX-License-Identifier: MIT OR Apache-2.0
//! A survey finds what a family is, touches nothing, and tells nothing of the
//! holder.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod door;

use cie_card::{Card, Event};
use cie_conformance::edges::{Allow, Alone, Papers, Single};
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::survey::{Choices, Facts, survey};
use cie_personalisation::{FAMILIES, Family, Persona, personalise};
use door::Through;
use iso7816_wire::CardDoor;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

fn look<D: CardDoor>(door: D, family: &Family) -> Facts {
    let mut ics = Ics::of_a_stranger();
    ics.card.family = family.id.to_owned();
    ics.card.root_by_aid = family.root_by_aid;
    ics.card.extended_length = family.extended_length();
    let papers = Papers {
        family: family.id.to_owned(),
        root_by_aid: family.root_by_aid,
        extended_length: family.extended_length(),
        ..Papers::default()
    };
    let single = Single::protected(Alone(door), papers, Allow::default());
    survey(single, &ics).unwrap()
}

#[test]
fn every_family_as_its_facts_say_and_untouched() {
    let mut files = BTreeMap::new();
    for family in FAMILIES {
        let writes = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&writes);
        let specimen = ours::specimen(family, 1).unwrap();
        let card = specimen.card.with_observer(Arc::new(move |event| {
            if let Event::MemoryWrite(_) = event {
                *counted.lock().unwrap() += 1;
            }
        }));
        let instructions = Mutex::new(HashSet::new());
        let door = Through::new(card, |card: &mut Card, command: &[u8]| {
            instructions.lock().unwrap().extend(command.get(1).copied());
            card.transmit(command)
        });
        let facts = look(door, family);
        assert_eq!(*writes.lock().unwrap(), 0, "{}", family.id);
        // No code, and no proof of device authentication, not even a right one.
        for code in [0x20, 0x21, 0x24, 0x25, 0x2C, 0x2D, 0x82, 0x88] {
            assert!(!instructions.lock().unwrap().contains(&code), "{code:02X}");
        }
        assert_eq!(facts.card.atr, hex::encode_upper(family.atr));
        assert_eq!(
            facts.card.ef_atr,
            hex::encode_upper(family.ef_atr.content())
        );
        assert_eq!(facts.card.root_by_aid, Some(family.root_by_aid));
        let sod = facts.sod.clone().unwrap();
        let made = format!("{:?}", family.sod);
        assert!(made.starts_with(&sod.form), "{made} and {}", sod.form);
        assert!(facts.choices.contradicted.is_empty(), "{:?}", facts.choices);
        assert!(facts.choices.confirmed.len() > 30 && facts.answers.len() > 400);
        let sizes = facts.files.iter().filter(|file| file.size.is_some());
        assert!(sizes.count() >= 10, "{:?}", facts.files);
        let text = facts.to_toml().unwrap();
        assert_eq!(toml::from_str::<Facts>(&text).unwrap(), facts);
        tells_nothing(family, &text);
        let untimed = Facts {
            times: BTreeMap::new(),
            ..facts
        };
        files.insert(family.id, untimed);
    }
    let different: HashSet<_> = files
        .values()
        .map(|facts| facts.to_toml().unwrap())
        .collect();
    assert_eq!(different.len(), FAMILIES.len());
}

/// No byte of the holder, in hexadecimal or as text, in pieces of six bytes.
fn tells_nothing(family: &'static Family, text: &str) {
    let persona = Persona::adult().unwrap().with_family(family);
    let issued = personalise(&persona, 1).unwrap();
    let facts = &issued.facts;
    let texts = [
        issued.pin().expose(),
        issued.puk().expose(),
        &facts.nis,
        &facts.serial,
        &facts.fiscal_code,
        &facts.surname,
        &facts.given_names,
    ];
    for secret in texts {
        assert!(!text.contains(secret), "{secret}");
        assert!(!text.contains(&hex::encode_upper(secret)), "{secret}");
    }
    let files = issued.image.profile.files.iter();
    let personal = files.filter(|file| (0x1001..=0x1006).contains(&file.fid) || file.fid == 0xD003);
    let text = text.to_uppercase();
    for file in personal {
        for piece in file.content.windows(6) {
            let told = piece.iter().any(|byte| *byte != piece[0]);
            assert!(
                !told || !text.contains(&hex::encode_upper(piece)),
                "{:04X}: {}",
                file.fid,
                hex::encode(piece)
            );
        }
    }
}

#[test]
fn a_choice_that_a_card_contradicts_is_named_and_the_rest_is_the_same() {
    let family = &FAMILIES[0];
    let card = || ours::specimen(family, 1).unwrap().card;
    let own = look(card(), family);
    let again = look(card(), family);
    let untimed = |facts: Facts| Facts {
        times: BTreeMap::new(),
        ..facts
    };
    assert_eq!(untimed(own.clone()), untimed(again));
    let rest = |facts: &Facts| Facts {
        choices: Choices::default(),
        answers: Vec::new(),
        ..untimed(facts.clone())
    };
    for (ins, from, to, name) in [
        (
            0xC0,
            0x6985_u16,
            0x6D00_u16,
            "GET RESPONSE with nothing waiting",
        ),
        (0xB2, 0x6D00, 0x6E00, "unknown instruction"),
    ] {
        let other = Through::new(card(), move |card: &mut Card, command: &[u8]| {
            let answer = card.transmit(command);
            if command.get(1) == Some(&ins) && answer == from.to_be_bytes() {
                to.to_be_bytes().to_vec()
            } else {
                answer
            }
        });
        let other = look(other, family);
        let name = name.to_owned();
        assert!(own.choices.confirmed.contains(&name), "{name}");
        assert!(
            other.choices.contradicted.contains(&name),
            "{:?}",
            other.choices
        );
        assert_eq!(rest(&other), rest(&own));
    }
}

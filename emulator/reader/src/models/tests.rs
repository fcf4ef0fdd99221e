// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every row is well-formed, and readers are listed as pcscd lists them.

use super::*;
use crate::Card;
use crate::protocol::{BUFFER_BYTES, NAME_BYTES};
use iso7816_wire::CardDoor;
use std::collections::BTreeSet;
use std::sync::mpsc::{Sender, channel};

const ATR: &[u8] = &[0x3B, 0x84, 0x80, 0x01, b'T', b'E', b'S', b'T', 0x13];

/// Answers with as many bytes as P1 and P2 say, and tells what it got.
struct Echo(Sender<Vec<u8>>);

impl CardDoor for Echo {
    fn power_on(&mut self) -> Vec<u8> {
        ATR.to_vec()
    }

    fn reset(&mut self) -> Vec<u8> {
        ATR.to_vec()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.send(command.to_vec()).unwrap();
        let wanted = u16::from_be_bytes([command[2], command[3]]);
        vec![0x90; usize::from(wanted)]
    }
}

fn antenna(id: &str) -> ListedSlot {
    let slots = lay_out(&[model(id).unwrap()]);
    slots.into_iter().find(ListedSlot::takes_card).unwrap()
}

fn names(ids: &[&str]) -> Vec<String> {
    let models: Vec<_> = ids.iter().map(|id| model(id).unwrap()).collect();
    lay_out(&models).into_iter().map(|p| p.name).collect()
}

/// A command of `length` bytes that wants `response` bytes.
fn command(length: usize, response: u16) -> Vec<u8> {
    let [high, low] = response.to_be_bytes();
    let mut bytes = vec![0x00, 0xCB, high, low];
    bytes.resize(length, 0);
    bytes
}

#[test]
fn rows_are_well_formed() {
    let mut ids = BTreeSet::new();
    for model in MODELS {
        let id = model.id;
        assert!(ids.insert(id), "{id} twice");
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{id}"
        );
        assert!((1..=4).contains(&model.slots.len()), "{id}");
        let antenna = model.slots.iter().any(|s| s.interface == Interface::Picc);
        assert_eq!(antenna, model.cie != Cie::ContactOnly, "{id}");
        let verdict = match model.atr {
            AtrForm::Historical => None,
            AtrForm::WholeAts => Some(Cie::OlderFamilies),
            AtrForm::TypeB | AtrForm::WholeAtqb => Some(Cie::UnknownAtr),
            AtrForm::Mute => Some(Cie::Mute),
        };
        assert!(verdict.is_none_or(|verdict| verdict == model.cie), "{id}");
        for text in [model.vendor, model.serial].into_iter().flatten() {
            assert!((1..=126).contains(&text.len()), "{id}: {text}");
        }
        for slot in model.slots {
            // A short APDU fits into every reader's message: 5 + 255 + 1 bytes,
            // cut into T=1 blocks where the message is shorter.
            assert!(
                slot.message >= 271 || slot.exchange != Exchange::ShortApdu,
                "{id}"
            );
            assert!(slot.message as usize <= BUFFER_BYTES, "{id}");
            // The clients of the card ask for T=1.
            assert_ne!(slot.protocols & T1, 0, "{id}");
        }
        for elsewhere in model.elsewhere {
            assert!(
                (1..=model.slots.len()).contains(&elsewhere.names.len()),
                "{id}"
            );
            assert!(
                elsewhere
                    .names
                    .iter()
                    .all(|n| (1..NAME_BYTES).contains(&n.len()))
            );
        }
        for (what, fact) in model.evidence.facts() {
            assert!(!fact.source.is_empty(), "{id}: {what}");
        }
    }
    assert!(MODELS.len() >= 12, "{} models", MODELS.len());
}

#[test]
fn every_name_can_be_listed() {
    let all: Vec<_> = MODELS.iter().collect();
    let slots = lay_out(&all);
    let names: BTreeSet<_> = slots.iter().map(|slot| &slot.name).collect();
    assert_eq!(names.len(), slots.len(), "two slots of one name");
    for slot in &slots {
        assert!((1..NAME_BYTES).contains(&slot.name.len()), "{}", slot.name);
        assert!(slot.name.is_ascii(), "{}", slot.name);
    }
}

/// Lists as they were seen; the digits of serials are ours.
#[test]
fn names_as_seen() {
    for (id, seen) in [
        ("acr122u", &["ACS ACR122U PICC Interface 00 00"][..]),
        (
            "acr1252u",
            &[
                "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00",
                "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00",
            ],
        ),
        (
            "acr1281u",
            &[
                "ACS ACR1281 1S Dual Reader 00 00",
                "ACS ACR1281 1S Dual Reader 00 01",
                "ACS ACR1281 1S Dual Reader 00 02",
            ],
        ),
        (
            "acr1581",
            &[
                "ACS ACR1581 1S Dual Reader [ACR1581 1S Dual Reader PICC] 00 00",
                "ACS ACR1581 1S Dual Reader [ACR1581 1S Dual Reader ICC] 01 00",
                "ACS ACR1581 1S Dual Reader [ACR1581 1S Dual Reader SAM] 02 00",
            ],
        ),
        (
            "utrust-3700f",
            &["Identiv uTrust 3700 F CL Reader [uTrust 3700 F CL Reader] (55020000000001) 00 00"],
        ),
        (
            "broadcom-58200",
            &[
                "Broadcom Corp 58200 [Contacted SmartCard] (0123456789ABCD) 00 00",
                "Broadcom Corp 58200 [Contactless SmartCard] (0123456789ABCD) 01 00",
            ],
        ),
        // The serial is in the interface's name and not named again.
        (
            "prox-du",
            &[
                "Gemalto Prox Dual USB PC Link Reader [Prox-DU Contactless_10500001] 00 00",
                "Gemalto Prox Dual USB PC Link Reader [Prox-DU Contact_10500001] 01 00",
            ],
        ),
        ("android-vpcd", &["Virtual PCD 00 00", "Virtual PCD 00 01"]),
    ] {
        assert_eq!(names(&[id]), seen, "{id}");
    }
}

/// pcscd counts the interfaces of one driver together, whatever readers they are of.
#[test]
fn numbers_go_on_within_a_driver() {
    assert_eq!(
        names(&[
            "acr1252u",
            "acr1281u",
            "utrust-3700f",
            "acr122u",
            "acr1281u"
        ]),
        [
            "ACS ACR1252 Dual Reader [ACR1252 Dual Reader PICC] 00 00",
            "ACS ACR1252 Dual Reader [ACR1252 Dual Reader SAM] 01 00",
            "ACS ACR1281 1S Dual Reader 00 00",
            "ACS ACR1281 1S Dual Reader 00 01",
            "ACS ACR1281 1S Dual Reader 00 02",
            "Identiv uTrust 3700 F CL Reader [uTrust 3700 F CL Reader] (55020000000001) 02 00",
            "ACS ACR122U PICC Interface 03 00",
            "ACS ACR1281 1S Dual Reader 01 00",
            "ACS ACR1281 1S Dual Reader 01 01",
            "ACS ACR1281 1S Dual Reader 01 02",
        ]
    );
}

#[test]
fn what_is_too_long_does_not_reach_the_card() {
    let (tell, got) = channel();
    let mut door = antenna("acr122u").door(Box::new(Echo(tell)) as Card);
    door.power_on();
    // dwMaxCCIDMessageLength 271, ten of them header.
    assert_eq!(door.transmit(&command(261, 2)).len(), 2);
    assert_eq!(got.recv().unwrap().len(), 261);
    assert!(door.transmit(&command(262, 2)).is_empty());
    assert!(got.try_recv().is_err(), "it reached the card");
    assert_eq!(door.transmit(&command(5, 258)).len(), 258);
    assert_eq!(door.transmit(&command(5, 261)).len(), 261);
    assert!(door.transmit(&command(5, 262)).is_empty());
}

#[test]
fn where_the_driver_chains_every_length_goes() {
    for id in ["utrust-3700f", "minilector-air-evo", "android-vpcd"] {
        let (tell, got) = channel();
        let mut door = antenna(id).door(Box::new(Echo(tell)) as Card);
        assert_eq!(door.transmit(&command(5000, 4000)).len(), 4000, "{id}");
        assert_eq!(got.recv().unwrap().len(), 5000, "{id}");
    }
}

#[test]
fn the_answer_to_reset_is_the_readers() {
    for (id, length) in [
        ("acr122u", 9),
        ("acr122u-ats", 4 + 9 + 1),
        ("acr122u-b", 17),
        ("acr1281u-b", 13),
        ("acr122u-clone", 0),
    ] {
        let (tell, _got) = channel();
        let mut door = antenna(id).door(Box::new(Echo(tell)) as Card);
        let (first, second) = (door.power_on(), door.reset());
        assert_eq!((first.len(), second.len()), (length, length), "{id}");
        assert_eq!(first != second, id == "acr122u-b", "{id}");
    }
}

#[test]
fn a_vacant_module_slot_may_seem_full() {
    let slots = lay_out(&[model("acr1281u").unwrap()]);
    let cards: Vec<_> = slots.iter().map(|p| p.spec(None).card.is_some()).collect();
    assert_eq!(cards, [false, false, true]);
    let mut mute = slots[2].spec(None).card.unwrap();
    assert!(mute.power_on().is_empty() && mute.reset().is_empty());
    assert!(mute.transmit(&[0, 0xA4, 0, 0]).is_empty());
}

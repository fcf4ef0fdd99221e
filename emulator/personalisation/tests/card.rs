// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `personalise` puts on a card: files, codes, and what the seed decides.

mod common;

use cie_card::image::{CardImage, Directory, PIN_TRIES, PUK_TRIES, ReadAccess};
use cie_personalisation::{Persona, family, is_weak, personalise};
use common::{adult_with, card, file};
use iso7816_wire::tlv;
use rsa::RsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

#[test]
fn same_persona_and_seed_same_bytes() {
    let (one, two) = (card(7), card(7));
    assert_eq!(one.image.to_bytes().unwrap(), two.image.to_bytes().unwrap());
    assert_eq!((one.card_seed, one.facts), (two.card_seed, two.facts));
}

/// A change here means that a new release makes other cards from old seeds.
#[test]
fn seed_42_keeps_its_card() {
    let card = card(42);
    assert_eq!(
        (card.facts.nis.as_str(), card.facts.serial.as_str()),
        ("999034746124", "CZ01287IX")
    );
    assert_eq!(
        (card.pin().expose(), card.puk().expose()),
        ("41103907", "80449010")
    );
    assert_eq!(card.facts.fiscal_code, "TSTMBN85T50Z999J");
    let image = card.image.to_bytes().unwrap();
    let digest = hex::encode(Sha256::digest(&image));
    let expected = "78364b14adbb46bcf9b425367d74b687298fe266af7118df60a206ece3324f58";
    assert_eq!(digest, expected, "image format 1");
}

#[test]
fn other_seeds_other_cards() {
    let cards: Vec<_> = (0..20).map(card).collect();
    let count = |values: HashSet<Vec<u8>>| assert_eq!(values.len(), cards.len());
    count(
        cards
            .iter()
            .map(|card| card.facts.nis.clone().into())
            .collect(),
    );
    count(
        cards
            .iter()
            .map(|card| card.facts.serial.clone().into())
            .collect(),
    );
    count(
        cards
            .iter()
            .map(|card| card.pin().expose().into())
            .collect(),
    );
    count(
        cards
            .iter()
            .map(|card| card.puk().expose().into())
            .collect(),
    );
    count(cards.iter().map(|card| card.card_seed.to_vec()).collect());
    count(
        cards
            .iter()
            .map(|card| card.certificate[15..31].to_vec())
            .collect(),
    );
}

#[test]
fn other_persona_same_seed_other_card() {
    let other = adult_with("MARIA BIANCA", "ANNA").replace("fiscal_code", "#");
    let other = personalise(&Persona::from_toml(&other).unwrap(), 42).unwrap();
    assert_ne!(other.facts.nis, card(42).facts.nis);
    assert_ne!(other.card_seed, card(42).card_seed);
}

#[test]
fn what_the_persona_fixes_is_taken() {
    let fixed = adult_with(
        "keys = \"a\"",
        "keys = \"b\"\nnis = \"999000000001\"\nserial = \"CZ00000AA\"\npin = \"12345678\"\npuk = \"87654321\"",
    );
    let card = personalise(&Persona::from_toml(&fixed).unwrap(), 1).unwrap();
    assert_eq!(file(&card, 0x1001), b"999000000001");
    assert_eq!(file(&card, 0x1002), b"CZ00000AA");
    assert!(card.pin().matches(b"12345678") && card.puk().matches(b"87654321"));
    assert_ne!(file(&card, 0x1004), file(&common::card(1), 0x1004));
}

/// Section 2 and choices 4, 8 and 16.
#[test]
fn the_files_are_those_of_the_table() {
    use Directory::{Cie, Root};
    use ReadAccess::{Free, Pin};
    let card = card(1);
    let size = |fid| file(&card, fid).len();
    let found: Vec<_> = card
        .image
        .profile
        .files
        .iter()
        .map(|f| (f.directory, f.fid, f.sfi.unwrap(), f.read, f.content.len()))
        .collect();
    let expected = [
        (Root, 0x2F00, 0x1E, Free, size(0x2F00)),
        (
            Root,
            0x2F01,
            0x1D,
            Free,
            family("gemalto").unwrap().ef_atr.content().len(),
        ),
        (Root, 0xD003, 0x1C, Free, 12),
        (Root, 0xD004, 0x1B, Free, 568),
        (Cie, 0x1001, 0x01, Free, 12),
        (Cie, 0x1002, 0x02, Pin, 9),
        (Cie, 0x1003, 0x03, Pin, card.certificate.len()),
        (Cie, 0x1004, 0x04, Free, 270),
        (Cie, 0x1005, 0x05, Free, 270),
        (Cie, 0x1006, 0x06, Free, size(0x1006)),
    ];
    assert_eq!(found, expected);
    // Exactly one TLV each, nothing after it (section 2.1).
    for fid in [0x1003, 0x1004, 0x1005, 0x1006, 0xD003, 0xD004] {
        let content = file(&card, fid);
        let first = tlv::Reader::new(content).next().unwrap().unwrap();
        assert_eq!(first.raw, content, "{fid:04X}");
    }
    assert_eq!(file(&card, 0x1003), card.certificate);
}

/// Section 2.1: clients look the enrolled card up under these six bytes.
#[test]
fn nis_and_card_number_agree() {
    let card = card(3);
    let number = file(&card, 0xD003);
    assert_eq!(hex::encode(&number[5..11]), card.facts.nis);
    assert_eq!(number[..2], [0x5A, 0x0A]);
    assert_eq!(number[4..], card.image.profile.sn_icc);
    assert_eq!(file(&card, 0x1001), card.facts.nis.as_bytes());
    assert_eq!(file(&card, 0x1002), card.facts.serial.as_bytes());
}

/// Section 3.1: g, p, q in this order, as GET DATA gives them.
#[test]
fn ef_dh_holds_the_group() {
    let card = card(3);
    let group = tlv::path(file(&card, 0xD004), &[0x70, 0xBF_A101, 0xA3]).unwrap();
    let parts: Vec<_> = tlv::Reader::new(group).map(|part| part.unwrap()).collect();
    let parts: Vec<_> = parts.iter().map(|part| (part.tag, part.value)).collect();
    let dh = &card.image.profile.dh;
    assert_eq!(parts, [(0x97, &dh.g[..]), (0x98, &dh.p), (0x99, &dh.q)]);
    assert_eq!((dh.g.len(), dh.p.len(), dh.q.len()), (256, 256, 32));
}

/// Section 5, choice 9.
#[test]
fn codes_are_fresh_and_usable() {
    for seed in 0..20 {
        let card = card(seed);
        let (pin, puk, state) = (card.pin(), card.puk(), &card.image.state);
        assert!(!is_weak(pin.expose()) && !is_weak(puk.expose()) && pin != puk);
        assert!(state.pin == *pin && state.puk == *puk);
        assert_eq!((state.pin_tries, state.puk_tries), (PIN_TRIES, PUK_TRIES));
    }
}

#[test]
fn the_image_survives_storage() {
    let card = card(5);
    let bytes = card.image.to_bytes().unwrap();
    let back = CardImage::from_bytes(&bytes).unwrap();
    assert_eq!(back.to_bytes().unwrap(), bytes);
    assert_eq!(back.profile.files, card.image.profile.files);
}

#[test]
fn secrets_do_not_print() {
    let card = card(5);
    let shown = format!("{card:?} {:?}", Persona::adult().unwrap());
    assert!(!shown.contains(card.pin().expose()) && !shown.contains(card.puk().expose()));
}

/// Fresh keys are on the card three times over (keys, EF 1004 and 1005, the
/// certificate), are nobody else's, and follow from the seed.
#[test]
fn fresh_keys_are_generated_and_fit() {
    let fresh = |seed| personalise(&Persona::adult().unwrap().with_fresh_keys(), seed).unwrap();
    let (one, again, other, ready) = (fresh(1), fresh(1), fresh(2), card(1));
    assert_eq!(
        one.image.to_bytes().unwrap(),
        again.image.to_bytes().unwrap()
    );
    for fid in [0x1004, 0x1005, 0x1003] {
        assert_ne!(file(&one, fid), file(&other, fid), "{fid:04X}");
        assert_ne!(file(&one, fid), file(&ready, fid), "{fid:04X}");
    }
    assert_ne!(file(&one, 0x1004), file(&one, 0x1005));
    assert_eq!((one.pin(), &one.facts.nis), (ready.pin(), &ready.facts.nis));
    let keys = &one.image.profile.keys;
    for (fid, key) in [(0x1004, &keys.device), (0x1005, &keys.services)] {
        let key = RsaPrivateKey::from_pkcs8_der(key.expose()).unwrap();
        let modulus = key.n().as_ref().to_be_bytes();
        assert_eq!(file(&one, fid)[9..265], modulus[..], "{fid:04X}");
        assert!(modulus[0] > 0x6A, "section 4.4 g");
    }
    let key = RsaPrivateKey::from_pkcs8_der(keys.authentication.expose()).unwrap();
    let modulus = key.n().as_ref().to_be_bytes();
    let certificate = &one.certificate;
    assert!(
        certificate
            .windows(256)
            .any(|window| window == &modulus[..])
    );
}

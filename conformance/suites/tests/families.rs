// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every chip family through a whole session, by the ways of its clients.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use chacha20::ChaCha20Rng;
use cie_card::Card;
use cie_personalisation::{FAMILIES, Family, Persona, SodForm, personalise};
use cie_terminal::Channel;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::keys::PublicKey;
use cie_terminal::sod::{DataGroup, Sod};
use cie_terminal::steps::code::{Code, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::{RootForm, file};
use cie_terminal::transport::InProcess;
use iso7816_wire::{CardDoor, CommandApdu};
use rand_core::SeedableRng;

fn card_of(family: &'static Family) -> (cie_personalisation::IssuedCard, Card) {
    let persona = Persona::adult().unwrap().with_family(family);
    let issued = personalise(&persona, 1).unwrap();
    let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
    (issued, card)
}

#[test]
fn every_family_goes_through_a_whole_session() {
    for family in FAMILIES {
        for form in [DomainForm::Whole, DomainForm::PerComponent] {
            whole_session(family, form);
        }
    }
}

fn whole_session(family: &'static Family, form: DomainForm) {
    let id = family.id;
    let (issued, mut card) = card_of(family);
    assert_eq!(card.power_on(), family.atr, "{id}");
    let mut channel = Channel::new(InProcess::power_on(card));
    let mut rng = ChaCha20Rng::from_seed([7; 32]);

    let root = channel.select_root_any().unwrap();
    let by_aid = if family.root_by_aid {
        RootForm::Aid
    } else {
        RootForm::Bare
    };
    assert_eq!(root, by_aid, "{id}");
    let ef_atr = channel.read_file(file::ATR, le::ALL).unwrap();
    assert_eq!(ef_atr, family.ef_atr.content(), "{id}");
    let dh = channel.read_file(file::DH, le::ALL).unwrap();
    channel.select_cie().unwrap();
    let nis = channel.read_file(file::ID_SERVIZI, le::ALL).unwrap();
    let clone_key = channel.read_file(file::ANTI_CLONING_KEY, le::ALL).unwrap();
    let key_83 = PublicKey::from_file(&clone_key).unwrap();
    channel.check_not_cloned(&key_83, &mut rng).unwrap();

    let established = channel.establish(form, &mut rng).unwrap();
    assert_eq!(established.root, by_aid, "{id}");
    let pin = Code::new(issued.pin().expose()).unwrap();
    assert!(channel.verify(Reference::Pin, &pin).unwrap().is_accepted());
    let serial = channel.read_file(file::SERIAL, le::ALL).unwrap();
    let content = channel.read_file(file::CERTIFICATE, le::ALL).unwrap();
    let device_key = channel.read_file(file::DEVICE_KEY, le::ALL).unwrap();
    let sod = Sod::parse(&channel.read_file(file::SOD, le::ALL).unwrap()).unwrap();
    let report = sod.check(&[
        (DataGroup::IdServizi, &nis),
        (DataGroup::Serial, &serial),
        (DataGroup::Certificate, &content),
        (DataGroup::DeviceKey, &device_key),
        (DataGroup::AntiCloningKey, &clone_key),
        (DataGroup::Dh, &dh),
    ]);
    assert_eq!(
        (report.intact.len(), report.mismatches.len()),
        (6, 0),
        "{id}"
    );
    let certificate = CardCertificate::from_file(&content).unwrap();
    let signature = channel
        .sign_message(HashAlgorithm::Sha256, b"text")
        .unwrap();
    certificate
        .verify(HashAlgorithm::Sha256, b"text", &signature)
        .unwrap();
    // The unblocking of a citizen, to its end.
    let puk = Code::new(issued.puk().expose()).unwrap();
    assert!(channel.verify(Reference::Puk, &puk).unwrap().is_accepted());
    let new = Code::new("97531864").unwrap();
    assert!(channel.unblock_with_new_pin(&new).unwrap().is_accepted());
    assert!(channel.verify(Reference::Pin, &new).unwrap().is_accepted());
}

/// Choices 17 and 29 at the door of the card itself.
#[test]
fn families_differ_at_the_door_where_their_rows_do() {
    for family in FAMILIES {
        let (_, mut card) = card_of(family);
        card.power_on();
        let mut send = |command: &CommandApdu| card.transmit(&command.encode().unwrap());
        let by_aid = send(&RootForm::Aid.command());
        let expected: &[u8] = if family.root_by_aid {
            &[0x90, 0]
        } else {
            &[0x6A, 0x82]
        };
        assert_eq!(by_aid, expected, "{}", family.id);
        for form in [RootForm::Bare, RootForm::FileId] {
            assert!(send(&form.command()).ends_with(&[0x90, 0]), "{}", family.id);
        }
        // READ BINARY of EF.DH, 568 bytes, in one extended command.
        let select = CommandApdu::new(0, 0xA4, 0x02, 0x0C).with_data([0xD0, 0x04]);
        assert_eq!(send(&select), [0x90, 0x00]);
        let answer = card.transmit(&[0, 0xB0, 0, 0, 0, 0, 0]);
        let (length, sw) = (answer.len() - 2, answer[answer.len() - 2]);
        let expected = if family.id == "gemalto2" {
            (568, 0x90)
        } else {
            (0, 0x67)
        };
        assert_eq!((length, sw), expected, "{}", family.id);
    }
}

/// The wrong form of a family's SOD would go unseen in a session that only
/// looks at hashes.
#[test]
fn every_sod_has_its_form_and_a_good_signature() {
    for row in FAMILIES {
        let (issued, _) = card_of(row);
        let files = &issued.image.profile.files;
        let sod = &files.iter().find(|f| f.fid == 0x1006).unwrap().content;
        let holds = |part: &[u8]| sod.windows(part.len()).any(|window| window == part);
        // 1.2.840.113549.1.1.10 and .11.
        let pss = holds(&hex::decode("06092A864886F70D01010A").unwrap());
        let newer = row.id.starts_with("actalis") || row.id.starts_with("bit4id");
        assert_eq!(pss, newer, "{}", row.id);
        assert_eq!(pss, row.sod == SodForm::Sha512Pss, "{}", row.id);
        let parsed = Sod::parse(sod).unwrap();
        assert!(parsed.check(&[]).mismatches.is_empty(), "{}", row.id);
    }
}

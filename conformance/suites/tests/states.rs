// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cards in every state, as a terminal meets them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use chacha20::ChaCha20Rng;
use cie_card::Card;
use cie_personalisation::{IssuedCard, Persona, State, personalise};
use cie_terminal::Channel;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::sod::{DataGroup, Mismatch, Sod};
use cie_terminal::steps::code::{Code, CodeAnswer, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::transport::InProcess;
use rand_core::SeedableRng;

type Terminal = Channel<InProcess<Card>>;

fn issued(state: State) -> IssuedCard {
    let persona = Persona::adult().unwrap().with_state(state).unwrap();
    personalise(&persona, 1).unwrap()
}

/// A card in this state with devices authenticated, and its PIN and PUK.
fn at_the_desk(state: State) -> (Terminal, Code, Code) {
    let issued = issued(state);
    let code = |digits: &cie_card::image::Code| Code::new(digits.expose()).unwrap();
    let codes = (code(issued.pin()), code(issued.puk()));
    let card = Card::in_memory(issued.image, issued.card_seed).unwrap();
    let mut channel = Channel::new(InProcess::power_on(card));
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    (channel, codes.0, codes.1)
}

fn wrong() -> Code {
    Code::new("13572468").unwrap()
}

const fn refused(tries: u8) -> CodeAnswer {
    CodeAnswer::Refused {
        tries_left: Some(tries),
    }
}

#[test]
fn pin_1_left_has_one_try() {
    let (mut channel, pin, _) = at_the_desk(State::PinOneLeft);
    let mut other = channel.clone();
    assert!(channel.verify(Reference::Pin, &pin).unwrap().is_accepted());
    assert_eq!(other.verify(Reference::Pin, &wrong()).unwrap(), refused(0));
    assert_eq!(
        other.verify(Reference::Pin, &pin).unwrap(),
        CodeAnswer::Blocked
    );
}

#[test]
fn pin_blocked_is_opened_by_the_puk() {
    let (mut channel, pin, puk) = at_the_desk(State::PinBlocked);
    assert_eq!(
        channel.verify(Reference::Pin, &pin).unwrap(),
        CodeAnswer::Blocked
    );
    assert!(channel.verify(Reference::Puk, &puk).unwrap().is_accepted());
    let new = Code::new("97531864").unwrap();
    assert!(channel.unblock_with_new_pin(&new).unwrap().is_accepted());
    assert!(channel.verify(Reference::Pin, &new).unwrap().is_accepted());
}

#[test]
fn puk_1_left_has_one_try_and_no_pin() {
    let (mut channel, pin, puk) = at_the_desk(State::PukOneLeft);
    let mut other = channel.clone();
    assert_eq!(
        channel.verify(Reference::Pin, &pin).unwrap(),
        CodeAnswer::Blocked
    );
    assert!(channel.verify(Reference::Puk, &puk).unwrap().is_accepted());
    assert_eq!(other.verify(Reference::Puk, &wrong()).unwrap(), refused(0));
    assert_eq!(
        other.verify(Reference::Puk, &puk).unwrap(),
        CodeAnswer::Blocked
    );
}

#[test]
fn puk_dead_still_shows_what_is_free() {
    let (mut channel, pin, puk) = at_the_desk(State::PukDead);
    for (reference, code) in [(Reference::Pin, &pin), (Reference::Puk, &puk)] {
        assert_eq!(
            channel.verify(reference, code).unwrap(),
            CodeAnswer::Blocked
        );
    }
    assert!(channel.read_file(file::CERTIFICATE, le::ALL).is_err());
    assert_eq!(
        channel.read_file(file::ID_SERVIZI, le::ALL).unwrap().len(),
        12
    );
}

/// Everything that a terminal reads behind the PIN, judged by the SOD.
fn judged(state: State) -> (CardCertificate, Vec<Mismatch>) {
    let (mut channel, pin, _) = at_the_desk(state);
    assert!(channel.verify(Reference::Pin, &pin).unwrap().is_accepted());
    let mut read = |fid| channel.read_file(fid, le::ALL).unwrap();
    let (serial, certificate) = (read(file::SERIAL), read(file::CERTIFICATE));
    let sod = Sod::parse(&read(file::SOD)).unwrap();
    let report = sod.check(&[
        (DataGroup::IdServizi, &read(file::ID_SERVIZI)),
        (DataGroup::Serial, &serial),
        (DataGroup::Certificate, &certificate),
        (DataGroup::DeviceKey, &read(file::DEVICE_KEY)),
        (DataGroup::AntiCloningKey, &read(file::ANTI_CLONING_KEY)),
    ]);
    (
        CardCertificate::from_file(&certificate).unwrap(),
        report.mismatches,
    )
}

/// Whatever letter the serial number ends with, the SOD has another one.
#[test]
fn sod_mismatch_is_one_for_every_serial_number() {
    let (_, adult) = Persona::shipped()[0];
    for last in ["A", "B", "Z"] {
        let serial = format!("[card]\nserial = \"CZ00000A{last}\"");
        let persona = Persona::from_toml(&adult.replace("[card]", &serial)).unwrap();
        let sod = |state| {
            let persona = persona.clone().with_state(state).unwrap();
            let image = personalise(&persona, 1).unwrap().image;
            let files = &image.profile.files;
            files
                .iter()
                .find(|file| file.fid == 0x1006)
                .unwrap()
                .content
                .clone()
        };
        assert_ne!(sod(State::Fresh), sod(State::SodMismatch), "{last}");
    }
}

/// Exactly one fault: the signature over the list is good.
#[test]
fn sod_mismatch_is_one_wrong_hash() {
    let (_, mismatches) = judged(State::SodMismatch);
    assert_eq!(mismatches, [Mismatch::Hash(DataGroup::Serial)]);
    for state in [
        State::Fresh,
        State::CertExpired,
        State::CertRevoked,
        State::HalfCodes,
    ] {
        assert_eq!(judged(state).1, [], "{}", state.name());
    }
}

#[test]
fn a_state_changes_no_more_than_its_name_says() {
    let fresh = issued(State::Fresh);
    for state in State::ALL {
        let card = issued(state);
        let same = |fid| {
            let content = |card: &IssuedCard| {
                let files = &card.image.profile.files;
                files.iter().find(|f| f.fid == fid).unwrap().content.clone()
            };
            content(&card) == content(&fresh)
        };
        let certificate = !matches!(state, State::CertExpired | State::CertRevoked);
        assert_eq!(same(0x1003), certificate, "{}", state.name());
        assert_eq!(same(0x1006), certificate && state != State::SodMismatch);
        for fid in [0x1001, 0x1002, 0x1004, 0x1005, 0xD003, 0xD004, 0x2F01] {
            assert!(same(fid), "{}: {fid:04X}", state.name());
        }
        assert!(card.pin() == fresh.pin() && card.puk() == fresh.puk());
        assert_eq!(card.state, state);
    }
}

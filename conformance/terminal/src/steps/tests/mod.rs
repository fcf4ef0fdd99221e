// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps against the test card, and what they put on the wire.

mod card;
mod codes;
mod figures;
mod hostile;

use super::agreement::TerminalShare;
use super::code::{Code, CodeAnswer, Reference};
use super::device_certificate::Device;
use super::objects::{CaKey, Domain, DomainForm};
use super::read::le;
use super::select::{RootForm, file};
use crate::digest::HashAlgorithm;
use crate::error::{CheckError, Error};
use crate::keys::PublicKey;
use crate::transport::InProcess;
use crate::{Channel, steps::sign::SigningKey};
use card::TestCard;
use chacha20::ChaCha20Rng;
use hex_literal::hex;
use iso7816_wire::StatusWord;
use rand_core::SeedableRng;
use zeroize::Zeroizing;

pub(crate) fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([7; 32])
}

fn channel() -> Channel<InProcess<TestCard>> {
    Channel::new(InProcess::power_on(TestCard::default()))
}

fn domain() -> Domain {
    Domain {
        g: figures::G.to_vec(),
        p: figures::P.to_vec(),
        q: figures::Q.to_vec(),
    }
}

fn established() -> Channel<InProcess<TestCard>> {
    let mut channel = channel();
    channel
        .establish(DomainForm::PerComponent, &mut rng())
        .unwrap();
    channel
}

#[test]
fn the_whole_way_in_and_the_counter_after_it() {
    let mut channel = channel();
    let done = channel.establish(DomainForm::Whole, &mut rng()).unwrap();
    assert_eq!(done.root, RootForm::Aid);
    assert_eq!(done.devices.card_serial, card::SN_ICC);
    assert_eq!(done.agreement.card_public, card::card_public());
    assert_eq!(done.devices.ssc >> 32, 0xC4C5_C6C7);
    assert_eq!(channel.session().unwrap().ssc(), done.devices.ssc);
    // The next command is understood, so both sides have the same counter.
    let pin = Code::new("12345678").unwrap();
    assert_eq!(
        channel.verify(Reference::Pin, &pin).unwrap(),
        CodeAnswer::Accepted
    );
    assert_eq!(
        channel.session().unwrap().ssc(),
        done.devices.ssc.wrapping_add(2)
    );
}

#[test]
fn keys_can_be_agreed_again_inside_a_session() {
    let mut channel = channel();
    let first = channel.establish(DomainForm::Whole, &mut rng()).unwrap();
    let share = TerminalShare::from_exponent(&domain(), Zeroizing::new(vec![5; 32])).unwrap();
    let second = channel.agree_keys(&domain(), &share).unwrap();
    assert_ne!(second.terminal_public, first.agreement.terminal_public);
    assert_eq!(channel.session().unwrap().ssc(), 1);
    let device = Device::published().unwrap();
    let key = &first.card_key;
    channel
        .authenticate_devices(&second, &first.ca, &device, key, &mut rng())
        .unwrap();
    let wire = &channel.transport().0.wire;
    assert!(
        wire.contains(&hex!("00CB3FFF06 4D04A6029100").to_vec()),
        "read in plain"
    );
}

#[test]
fn selecting_an_application_and_resetting_end_the_session() {
    let ends: [fn(&mut Channel<InProcess<TestCard>>); 3] = [
        |channel| channel.select_root(RootForm::Bare).unwrap(),
        |channel| channel.select_cie().unwrap(),
        |channel| assert_eq!(channel.reset().unwrap(), hex!("3B80800101")),
    ];
    for end in ends {
        let mut channel = established();
        end(&mut channel);
        assert!(channel.session().is_none());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || established().into_transport().0.wire;
    assert_eq!(run(), run());
}

#[test]
fn the_commands_have_the_shapes_of_the_facts() {
    let card = established().into_transport().0;
    let heads: Vec<_> = card
        .log
        .iter()
        .map(|c| (hex::encode(c.header()), c.data.len(), c.le))
        .collect();
    let expected = [
        ("00a4040c", 13, None),
        ("00a4040c", 6, None),
        ("00cb3fff", 12, None),
        ("00cb3fff", 12, None),
        ("00cb3fff", 12, None),
        ("00a40204", 2, None),
        ("00b00000", 0, Some(256)),
        ("00b00100", 0, Some(256)),
        ("00b0010e", 0, Some(256)),
        ("00cb3fff", 11, None),
        ("002241a6", 266, None),
        ("00cb3fff", 6, None),
        ("002281b6", 6, None),
        ("002a00ae", 354, None),
        ("002281a4", 14, None),
        ("00840000", 0, Some(8)),
        ("00820000", 264, None),
        ("002241a4", 6, None),
        ("00880000", 8, None),
    ];
    let expected: Vec<_> = expected.map(|(h, n, le)| (h.to_owned(), n, le)).into();
    assert_eq!(heads, expected);
    assert_eq!(card.log[12].data, hex!("800141 830184"));
    assert_eq!(card.log[14].data, hex!("830C 00000000 2000000000000001"));
    assert_eq!(card.log[17].data, hex!("840182 80019B"));
    // On the wire: 266 = FF + 0B, 354 = 231 + 123, 264 = 231 + 33.
    let wire = |cla: u8, ins: u8| -> Vec<usize> {
        card.wire
            .iter()
            .filter(|w| w[..2] == [cla, ins])
            .map(|w| usize::from(w[4]))
            .collect()
    };
    assert_eq!((wire(0x10, 0x22), wire(0x00, 0x22)), (vec![255], vec![11]));
    let sealed = |plain: usize| (plain / 8 + 1) * 8 + if plain < 126 { 3 } else { 4 } + 10;
    assert_eq!(
        (wire(0x1C, 0x2A), wire(0x0C, 0x2A)),
        (vec![sealed(231)], vec![sealed(123) + 1])
    );
    assert_eq!(
        (wire(0x1C, 0x82), wire(0x0C, 0x82)),
        (vec![sealed(231)], vec![sealed(33)])
    );
}

#[test]
fn long_answers_are_fetched_as_the_clients_do() {
    let mut card = TestCard::default();
    card.files.push((0x1003, vec![0x5A; 700]));
    let mut channel = Channel::new(InProcess(card));
    let ca = channel.read_ca_key().unwrap();
    assert_eq!(ca.authority_reference(), card::CHR[4..]);
    assert_eq!(ca.authority_aid(), card::CHA[..6]);
    // About 560 bytes: 256, then 6100, then 61xx (section 3.5).
    let wire = std::mem::take(&mut channel.transport().0.wire);
    assert_eq!(wire[1], hex!("00C0000000"));
    assert_eq!(
        (wire.len(), &wire[2][..4], wire[2][4] != 0),
        (3, &hex!("00C00000")[..], true)
    );

    channel.establish(DomainForm::Whole, &mut rng()).unwrap();
    channel.transport().0.wire.clear();
    assert_eq!(channel.read_file(0x1003, le::ALL).unwrap(), [0x5A; 700]);
    let gets = |w: &Vec<u8>| w[1] == 0xC0;
    let wire: Vec<_> = channel
        .transport()
        .0
        .wire
        .clone()
        .into_iter()
        .filter(gets)
        .collect();
    assert_eq!(
        wire,
        [hex!("00C000001B"), hex!("00C000001B")],
        "283 bytes answer 611B"
    );
    // In the session 6100 is answered with a class byte of its own.
    channel.transport().0.wire.clear();
    assert_eq!(channel.read_ca_key().unwrap(), ca);
    let wire: Vec<_> = channel
        .transport()
        .0
        .wire
        .clone()
        .into_iter()
        .filter(gets)
        .collect();
    assert_eq!(
        (wire[0].clone(), wire[1][0]),
        (hex!("0CC0000000").to_vec(), 0x00)
    );
}

#[test]
fn every_way_to_read_gives_the_same_file() {
    let content: Vec<u8> = (0..=255).cycle().take(601).collect();
    let mut card = TestCard::default();
    card.files.push((0x1006, content.clone()));
    let mut channel = Channel::new(InProcess(card));
    for protected in [false, true] {
        if protected {
            channel.establish(DomainForm::Whole, &mut rng()).unwrap();
        }
        for le in [le::ALL, le::DESKTOP, le::IOS, 1] {
            assert_eq!(channel.read_file(file::SOD, le).unwrap(), content, "{le}");
        }
        assert_eq!(channel.read_file_sfi(6, le::DESKTOP).unwrap(), content);
        assert_eq!(channel.read_file_odd(0, 0x82).unwrap(), content);
        assert_eq!(
            channel.read_binary(600, le::ALL).unwrap().data,
            [content[600]]
        );
    }
    assert!(matches!(
        channel.read_binary(0x8000, 1),
        Err(Error::Malformed { .. })
    ));
}

#[test]
fn a_wrong_le_is_corrected_once() {
    let mut card = TestCard {
        read_needs_le: Some(12),
        ..TestCard::default()
    };
    card.files.push((0xD003, vec![1; 12]));
    let mut channel = Channel::new(InProcess(card));
    assert_eq!(channel.read_file(file::SERIAL_ICC, 0x80).unwrap(), [1; 12]);
    assert_eq!(channel.transport().0.wire[2], hex!("00B000000C"));
}

#[test]
fn roots_of_both_kinds() {
    let mut channel = Channel::new(InProcess(TestCard {
        root_by_aid: false,
        ..TestCard::default()
    }));
    assert_eq!(channel.select_root_any().unwrap(), RootForm::Bare);
    channel.select_root(RootForm::FileId).unwrap();
    let wire = &channel.transport().0.wire;
    assert_eq!(wire[0], hex!("00A4040C0DA0000000308000000009816001"));
    assert_eq!(wire[1], hex!("00A40000"));
    assert_eq!(wire[2], hex!("00A40000023F00"));
    let error = channel.select_root(RootForm::Aid).unwrap_err();
    assert_eq!(error.status(), Some(StatusWord::FILE_NOT_FOUND));
    assert_eq!(
        error.to_string(),
        "selecting the IAS root: the card answered 6A82 (file or application not found)"
    );
}

#[test]
fn both_halves_of_the_key_agreement_meet() {
    let domain = domain();
    assert!(domain.generator_has_order_q());
    let one = TerminalShare::generate(&domain, &mut rng()).unwrap();
    let other = TerminalShare::generate(&domain, &mut ChaCha20Rng::from_seed([8; 32])).unwrap();
    assert!(one.public() != other.public() && domain.contains(one.public()));
    let keys = one.agree(&domain, other.public()).unwrap();
    let same = other.agree(&domain, one.public()).unwrap();
    assert!(keys.enc == same.enc && keys.mac == same.mac);
    assert_ne!(keys.enc, keys.mac);
}

#[test]
fn the_anti_cloning_key_answers_for_itself() {
    let mut channel = channel();
    let key =
        PublicKey::from_file(&channel.read_file(file::ANTI_CLONING_KEY, 128).unwrap()).unwrap();
    let check = channel.check_not_cloned(&key, &mut rng()).unwrap();
    assert!(check.challenge.len() == 16 && check.signature.len() == 256);
    let [.., choice, ask] = &channel.transport().0.wire[..] else {
        panic!()
    };
    assert_eq!(*choice, hex!("002241A406800102840183"));
    assert_eq!((&ask[..5], ask.len()), (&hex!("0088000010")[..], 21));
    let other = PublicKey::new(&figures::CA_MODULUS, &figures::CA_EXPONENT).unwrap();
    let result = channel.check_not_cloned(&other, &mut rng());
    assert!(matches!(result, Err(Error::Check(CheckError::AntiCloning))));
}

#[test]
fn the_citizens_signature_is_over_a_digest_info() {
    let mut channel = established();
    let signature = channel
        .sign_message(HashAlgorithm::Sha256, b"text")
        .unwrap();
    let key = Device::published().unwrap().key().clone();
    assert!(key.verifies(&HashAlgorithm::Sha256.digest_info(b"text"), &signature));
    assert!(!key.verifies(&HashAlgorithm::Sha256.digest_info(b"tExt"), &signature));
    let log = &channel.transport().0.log;
    assert_eq!(log[log.len() - 2].data, hex!("800102 840181"));
    assert_eq!(
        channel
            .sign_raw(SigningKey::Citizen, &[5; 36])
            .unwrap()
            .len(),
        256
    );
}

#[test]
fn the_certificate_is_the_one_of_the_facts() {
    let ca = CaKey {
        key: PublicKey::new(&figures::CA_MODULUS, &figures::CA_EXPONENT).unwrap(),
        holder_reference: card::CHR,
        holder_authorisation: card::CHA,
    };
    let device = Device::published().unwrap();
    let certificate = device.certify(&ca).unwrap();
    let encoded = certificate.encode();
    assert_eq!(
        (encoded.len(), &encoded[..5]),
        (354, &hex!("7F2182015D")[..])
    );
    assert_eq!(
        (certificate.signature.len(), certificate.remainder.len()),
        (256, 75)
    );
    let text = certificate.open(&ca.key).unwrap();
    assert_eq!(text[..9], *[&[0x8A][..], &card::CHR[4..]].concat());
    assert_eq!(text[9..21], hex!("00000000 2000000000000001"));
    assert_eq!(text[21..37], hex!("A00000000039 01 2A8122F42A02040104"));
    assert_eq!(text[37..293], crate::published::DEVICE_MODULUS);
    assert_eq!(text[293..], hex!("00010001"));
    // A CA that is not the published one is found out before the card is asked.
    let key = PublicKey::new(&figures::CA_MODULUS, &hex!("010001")).unwrap();
    assert_eq!(device.certify(&CaKey { key, ..ca }), Err(CheckError::CaKey));
}

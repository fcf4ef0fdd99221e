// SPDX-License-Identifier: MIT OR Apache-2.0
//! INTERNAL AUTHENTICATE with keys 81 and 83, security environment and device
//! authentication out of order (sections 4.4 to 4.6; choices 10, 12, 24).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use cie_terminal::steps::device_certificate::Device;
use cie_terminal::steps::objects::DomainForm;
use common::*;

const SET_83: &str = "002241A406800102840183";
const SET_82: &str = "002241A40684018280019B";
const SET_81: &str = "002241A406800102840181";

fn in_cie() -> cie_card::Card {
    let mut card = fresh_card();
    sw(&mut card, "00A4040C06A00000000039");
    card
}

fn public_key(fid: u16) -> cie_terminal::keys::PublicKey {
    let file = issued()
        .image
        .profile
        .files
        .iter()
        .find(|f| f.fid == fid)
        .unwrap();
    cie_terminal::keys::PublicKey::from_file(&file.content).unwrap()
}

#[test]
fn key_83_signs_in_plain_without_pin_and_always_the_same() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, SET_83), 0x9000);
    let first = send(&mut card, "0088000004 01020304");
    assert_eq!((first.data.len(), first.sw.0), (256, 0x9000));
    assert!(public_key(0x1005).verifies(&[1, 2, 3, 4], &first.data));
    let again = send(&mut card, "0088000004 0102030400");
    assert_eq!(
        again, first,
        "with Le 00, too; one environment serves many commands"
    );
    let mut terminal = agreed(fresh_card());
    assert_eq!(secured(&mut terminal, SET_83), 0x9000);
    assert_eq!(
        secured_answer(&mut terminal, "008800000401020304").data,
        first.data
    );
}

#[test]
fn input_has_1_to_245_bytes() {
    let mut card = in_cie();
    sw(&mut card, SET_83);
    assert_eq!(sw(&mut card, "00880000"), 0x6700);
    let command = |len: usize| format!("00880000{len:02X}{}", "5A".repeat(len));
    assert_eq!(sw(&mut card, &command(1)), 0x9000);
    assert_eq!(sw(&mut card, &command(245)), 0x9000);
    assert_eq!(sw(&mut card, &command(246)), 0x6700);
}

#[test]
fn a_key_has_to_be_chosen_first() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, "00880000010A"), 0x6985);
    sw(&mut card, SET_83);
    sw(&mut card, "00A4040C06A00000000039");
    assert_eq!(
        sw(&mut card, "00880000010A"),
        0x6985,
        "a selection forgets it"
    );
    sw(&mut card, SET_83);
    assert_eq!(sw(&mut card, "00880001010A"), 0x6A86);
    for (data, expected) in [
        ("800102840184", 0x6A88),
        ("80019B840183", 0x6A80),
        ("800102840182", 0x6A80),
        ("840183", 0x6A80),
        ("800102", 0x6A80),
        ("800102840183840183", 0x6A80),
    ] {
        let command = format!("002241A4{:02X}{data}", data.len() / 2);
        assert_eq!(sw(&mut card, &command), expected, "{command}");
    }
    assert_eq!(
        sw(&mut card, "00880000010A"),
        0x9000,
        "a refused choice leaves the old one"
    );
}

#[test]
fn key_81_needs_session_device_and_pin() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, SET_81), 0x9000);
    assert_eq!(sw(&mut card, "00880000010A"), 0x6982);
    for mut terminal in [agreed(fresh_card()), authenticated(fresh_card())] {
        assert_eq!(secured(&mut terminal, SET_81), 0x9000);
        assert_eq!(secured(&mut terminal, "00880000010A"), 0x6982);
    }
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, SET_81), 0x9000);
    let signature = secured_answer(&mut terminal, "00880000020A0B");
    assert_eq!((signature.data.len(), signature.sw.0), (256, 0x9000));
}

#[test]
fn key_82_needs_a_session_and_an_authenticated_terminal() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, SET_82), 0x9000);
    assert_eq!(sw(&mut card, "00880000080102030405060708"), 0x6982);
    let mut terminal = agreed(fresh_card());
    assert_eq!(secured(&mut terminal, SET_82), 0x9000);
    assert_eq!(secured(&mut terminal, "00880000080102030405060708"), 0x6985);
    assert_eq!(
        secured(&mut terminal, "00B081000C"),
        0x9000,
        "the counter did not change"
    );
    let mut terminal = authenticated(fresh_card());
    assert_eq!(
        secured(&mut terminal, "00880000080102030405060708"),
        0x6985,
        "once per proof"
    );
}

/// A session in which the terminal's certificate and key were accepted.
fn certified() -> Terminal {
    let mut terminal = agreed(fresh_card());
    let ca = terminal.read_ca_key().unwrap();
    let device = Device::published().unwrap();
    terminal.set_certificate_key().unwrap();
    terminal
        .send_device_certificate(&device.certify(&ca).unwrap())
        .unwrap();
    terminal.set_device_key(&device.holder_reference()).unwrap();
    terminal
}

#[test]
fn a_challenge_serves_the_very_next_command() {
    let proof = format!("0082000000{:04X}{}", 264, "00".repeat(264));
    let proof = iso7816_wire::CommandApdu::parse(&bytes(&proof)).unwrap();
    let short = |c: &iso7816_wire::CommandApdu| iso7816_wire::CommandApdu {
        extended: false,
        ..c.clone()
    };
    let proof = short(&proof);
    let mut terminal = certified();
    assert_eq!(
        terminal.send_protected(&proof).unwrap().sw.0,
        0x6985,
        "no challenge"
    );
    terminal.challenge().unwrap();
    assert_eq!(
        terminal.send_protected(&proof).unwrap().sw.0,
        0x6300,
        "wrong proof"
    );
    assert_eq!(
        terminal.send_protected(&proof).unwrap().sw.0,
        0x6985,
        "used up"
    );
    terminal.challenge().unwrap();
    assert_eq!(secured(&mut terminal, "00B081000C"), 0x9000);
    assert_eq!(
        terminal.send_protected(&proof).unwrap().sw.0,
        0x6985,
        "a command in between"
    );
    terminal.challenge().unwrap();
    assert_eq!(secured(&mut terminal, "008200000401020304"), 0x6700);
}

#[test]
fn challenges_have_eight_bytes() {
    let mut card = in_cie();
    assert_eq!(send(&mut card, "0084000008").data.len(), 8);
    assert_eq!(send(&mut card, "0084000000").data.len(), 8);
    assert_ne!(
        send(&mut card, "0084000008").data,
        send(&mut card, "0084000008").data
    );
    for (command, expected) in [
        ("0084000004", 0x6700),
        ("00840000", 0x6700),
        ("0084010008", 0x6A86),
    ] {
        assert_eq!(sw(&mut card, command), expected, "{command}");
    }
}

#[test]
fn a_certificate_is_checked() {
    let device = Device::published().unwrap();
    let mut terminal = agreed(fresh_card());
    let ca = terminal.read_ca_key().unwrap();
    let good = device.certify(&ca).unwrap().encode();
    let send = |terminal: &mut Terminal, data: &[u8]| {
        let command = iso7816_wire::CommandApdu::new(0, 0x2A, 0, 0xAE).with_data(data);
        terminal.send_protected(&command).unwrap().sw.0
    };
    assert_eq!(
        send(&mut terminal, &good),
        0x6985,
        "no key was chosen to verify it"
    );
    terminal.set_certificate_key().unwrap();
    for at in [20, 200, 280, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(send(&mut terminal, &bad), 0x6300, "byte {at}");
    }
    assert_eq!(send(&mut terminal, &good[..300]), 0x6A80);
    // Each object once and nothing else, inside and behind.
    let content = &good[5..];
    for (name, extra) in [("twice", content), ("unknown", &[0x80, 0x00][..])] {
        let inside = iso7816_wire::tlv::encode(0x7F21, &[content, extra].concat());
        assert_eq!(
            send(&mut terminal, &inside),
            0x6A80,
            "an object {name} inside"
        );
    }
    assert_eq!(
        send(&mut terminal, &[&good[..], &[0x80, 0x00]].concat()),
        0x6A80
    );
    assert_eq!(send(&mut terminal, &[]), 0x6A80);
    assert_eq!(send(&mut terminal, &good), 0x9000);
    // Only the holder in the certificate can be chosen.
    assert_eq!(
        secured(&mut terminal, "002281A40E830C000000002000000000000002"),
        0x6A88
    );
    assert_eq!(
        secured(&mut terminal, "002281A40E830C000000002000000000000001"),
        0x9000
    );
    let mut card = in_cie();
    sw(&mut card, "002281B606800141830184");
    assert_eq!(sw(&mut card, "002A00AE00"), 0x6982, "in plain");
    assert_eq!(sw(&mut card, "002A9E9A00"), 0x6A86);
}

#[test]
fn device_authentication_sets_the_status_once_both_sides_are_through() {
    let mut terminal = agreed(fresh_card());
    assert!(!card(&mut terminal).inspect().device_authenticated);
    assert_eq!(
        secured(&mut terminal, "0020008108 3030303030303030"),
        0x6982
    );
    let mut terminal = common::terminal(fresh_card());
    let proof = terminal
        .establish(DomainForm::PerComponent, &mut rng())
        .unwrap();
    assert!(card(&mut terminal).inspect().device_authenticated);
    assert_eq!(proof.devices.card_serial, issued().image.profile.sn_icc);
    assert_eq!(
        secured(&mut terminal, "00B081000C"),
        0x9000,
        "the new counter holds"
    );
}

/// What a certificate's text says, by field: (name, offset, new bytes).
const FORGED_FIELDS: [(&str, usize, &[u8]); 6] = [
    ("certificate profile", 0, &[0x8B]),
    ("authority", 1, b"TESTCA02"),
    ("holder authorisation", 21, &[0xA1]),
    ("role", 27, &[0x02]),
    ("object identifier", 36, &[0x05]),
    ("none, so this one is accepted", 297, &[]),
];

#[test]
fn a_well_signed_certificate_with_another_field_is_refused() {
    use iso7816_wire::{dh, iso9796, tlv};
    let device = Device::published().unwrap();
    for (name, at, bytes) in FORGED_FIELDS {
        let mut terminal = agreed(fresh_card());
        let ca = terminal.read_ca_key().unwrap();
        terminal.set_certificate_key().unwrap();
        let good = device.certify(&ca).unwrap();
        let mut text = good.open(&ca.key).unwrap();
        text[at..at + bytes.len()].copy_from_slice(bytes);
        let (recoverable, rest) = text.split_at(222);
        let block = iso9796::build(recoverable, &[rest]);
        let signature = dh::mod_exp(
            &block,
            &cie_terminal::published::CA_PRIVATE_EXPONENT,
            ca.key.modulus(),
        );
        let mut content = tlv::encode(0x5F37, &signature.unwrap());
        tlv::push(&mut content, 0x5F38, rest);
        tlv::push(&mut content, 0x42, &text[1..9]);
        let command = iso7816_wire::CommandApdu::new(0, 0x2A, 0, 0xAE)
            .with_data(tlv::encode(0x7F21, &content));
        let expected = if bytes.is_empty() { 0x9000 } else { 0x6300 };
        assert_eq!(
            terminal.send_protected(&command).unwrap().sw.0,
            expected,
            "{name}"
        );
    }
}

#[test]
fn a_refused_certificate_takes_the_accepted_one_away() {
    let device = Device::published().unwrap();
    let mut terminal = certified();
    let ca = terminal.read_ca_key().unwrap();
    let mut bad = device.certify(&ca).unwrap();
    bad.signature[200] ^= 1;
    assert!(terminal.send_device_certificate(&bad).is_err());
    terminal.challenge().unwrap();
    assert_eq!(
        terminal.send_protected(&proof_of_zeros()).unwrap().sw.0,
        0x6985
    );
    assert_eq!(
        secured(&mut terminal, "002281A40E830C000000002000000000000001"),
        0x6A88
    );
}

fn proof_of_zeros() -> iso7816_wire::CommandApdu {
    iso7816_wire::CommandApdu::new(0, 0x82, 0, 0).with_data(vec![0; 264])
}

#[test]
fn a_proof_needs_its_key_its_session_and_its_serial_number() {
    use cie_terminal::steps::agreement::TerminalShare;
    use cie_terminal::steps::device::external_authentication;
    // Without choosing the terminal's key (step c).
    let mut terminal = agreed(fresh_card());
    let ca = terminal.read_ca_key().unwrap();
    let device = Device::published().unwrap();
    terminal.set_certificate_key().unwrap();
    terminal
        .send_device_certificate(&device.certify(&ca).unwrap())
        .unwrap();
    terminal.challenge().unwrap();
    assert_eq!(
        terminal.send_protected(&proof_of_zeros()).unwrap().sw.0,
        0x6985
    );
    // In plain.
    assert_eq!(sw(&mut in_cie(), "008200000400000000"), 0x6982);
    // A right signature over another serial number.
    let mut terminal = common::terminal(fresh_card());
    terminal.select_cie().unwrap();
    let domain = terminal.read_domain(DomainForm::Whole).unwrap();
    let share = TerminalShare::generate(&domain, &mut rng()).unwrap();
    let agreement = terminal.agree_keys(&domain, &share).unwrap();
    terminal.set_certificate_key().unwrap();
    terminal
        .send_device_certificate(&device.certify(&ca).unwrap())
        .unwrap();
    terminal.set_device_key(&device.holder_reference()).unwrap();
    use cie_terminal::published;
    let other = Device::new(
        &published::DEVICE_MODULUS,
        &published::DEVICE_PUBLIC_EXPONENT,
        &published::DEVICE_PRIVATE_EXPONENT,
        &published::CA_PRIVATE_EXPONENT,
        *b"OTHER001",
    );
    for (device, expected) in [(&other.unwrap(), 0x6300), (&device, 0x9000)] {
        let challenge = terminal.challenge().unwrap();
        let data = external_authentication(device, &agreement, challenge, &mut rng()).unwrap();
        let command = iso7816_wire::CommandApdu::new(0, 0x82, 0, 0).with_data(data);
        assert_eq!(terminal.send_protected(&command).unwrap().sw.0, expected);
    }
}

/// Each certificate brings a key that has to be chosen anew (step c).
#[test]
fn another_certificate_takes_the_chosen_key_back() {
    let mut terminal = agreed(fresh_card());
    let ca = terminal.read_ca_key().unwrap();
    let device = Device::published().unwrap();
    let certificate = device.certify(&ca).unwrap();
    for (choose, expected) in [(true, 0x6300), (false, 0x6985)] {
        terminal.set_certificate_key().unwrap();
        terminal.send_device_certificate(&certificate).unwrap();
        if choose {
            terminal.set_device_key(&device.holder_reference()).unwrap();
        }
        terminal.challenge().unwrap();
        let answer = terminal.send_protected(&proof_of_zeros()).unwrap();
        assert_eq!(answer.sw.0, expected, "chosen: {choose}");
    }
}

#[test]
fn a_challenge_is_gone_after_anything_else() {
    for between in [
        "1088000003414141",
        "00B0870001",
        "00FF0000",
        "00A4020C021001",
    ] {
        let mut terminal = certified();
        terminal.challenge().unwrap();
        secured_piece(&mut terminal, between);
        if between.starts_with("10") {
            assert_eq!(secured(&mut terminal, "00B081000C"), 0x6883);
        }
        assert_eq!(
            terminal.send_protected(&proof_of_zeros()).unwrap().sw.0,
            0x6985,
            "after {between}"
        );
    }
}

#[test]
fn a_new_attempt_of_the_terminal_takes_back_what_was_proven() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(
        terminal.send_protected(&proof_of_zeros()).unwrap().sw.0,
        0x6985
    );
    let snapshot = card(&mut terminal).inspect();
    assert!(
        snapshot.device_authenticated && snapshot.pin_verified,
        "that was no attempt"
    );
    terminal.challenge().unwrap();
    assert_eq!(
        terminal.send_protected(&proof_of_zeros()).unwrap().sw.0,
        0x6300
    );
    let snapshot = card(&mut terminal).inspect();
    assert!(!snapshot.device_authenticated && !snapshot.pin_verified);
}

#[test]
fn the_terminals_key_has_one_algorithm() {
    let mut terminal = certified();
    let holder = "830C000000002000000000000001";
    for (algorithm, expected) in [("", 0x9000), ("80019B", 0x9000), ("800142", 0x6A80)] {
        let data = format!("{algorithm}{holder}");
        let command = format!("002281A4{:02X}{data}", data.len() / 2);
        assert_eq!(secured(&mut terminal, &command), expected, "{algorithm}");
    }
}

#[test]
fn only_the_authoritys_key_verifies_certificates() {
    let mut card = in_cie();
    for (data, expected) in [
        ("800141830185", 0x6A88),
        ("800102830184", 0x6A80),
        ("830184", 0x6A80),
        ("800141", 0x6A80),
    ] {
        let command = format!("002281B6{:02X}{data}", data.len() / 2);
        assert_eq!(sw(&mut card, &command), expected, "{command}");
    }
}

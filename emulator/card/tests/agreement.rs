// SPDX-License-Identifier: MIT OR Apache-2.0
//! Key agreement and the beginning and end of sessions (section 4.2; choices
//! 5, 6, 19, 22, 23, 25, 26).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use cie_card::ChannelState;
use cie_terminal::steps::agreement::TerminalShare;
use cie_terminal::steps::objects::DomainForm;
use common::*;
use iso7816_wire::{CardDoor, CommandApdu, dh};

const CIE: &str = "00A4040C06A00000000039";
const CARD_SHARE: &str = "00CB3FFF064D04A6029100";

fn kat(public: &[u8]) -> Vec<CommandApdu> {
    let mut data = bytes("80019B830181");
    iso7816_wire::tlv::push(&mut data, 0x91, public);
    CommandApdu::new(0, 0x22, 0x41, 0xA6)
        .with_data(data)
        .chain(255)
}

/// Sends a key agreement with this public value in plain; the last status word.
fn agree(card: &mut cie_card::Card, public: &[u8]) -> u16 {
    let mut last = 0;
    for piece in kat(public) {
        last = sw(card, &hex::encode(piece.encode().unwrap()));
    }
    last
}

fn in_cie() -> cie_card::Card {
    let mut card = fresh_card();
    assert_eq!(sw(&mut card, CIE), 0x9000);
    card
}

fn p() -> Vec<u8> {
    issued().image.profile.dh.p.clone()
}

#[test]
fn values_that_are_no_public_values() {
    // Choice 19: 0, 1, p − 1, ≥ p, no bytes, more than 256 bytes.
    let mut p_minus_1 = p();
    *p_minus_1.last_mut().unwrap() -= 1;
    let long = [&[0][..], &[7; 256]].concat();
    for value in [
        &[][..],
        &[0],
        &[1],
        &[0, 0, 1],
        &p_minus_1,
        &p(),
        &[0xFF; 256],
        &long,
    ] {
        let mut card = in_cie();
        assert_eq!(agree(&mut card, value), 0x6A80, "{} bytes", value.len());
        assert_eq!(card.inspect().channel, ChannelState::None);
    }
    for value in [&[2][..], &[0, 0, 2], &[9; 255]] {
        let mut card = in_cie();
        assert_eq!(agree(&mut card, value), 0x9000);
        assert_eq!(card.inspect().channel, ChannelState::Pending);
    }
}

#[test]
fn the_template_has_to_be_right() {
    let mut card = in_cie();
    for (data, expected) in [
        ("80019B830182910102", 0x6A88),        // another key
        ("800102830181910102", 0x6A80),        // another algorithm
        ("830181910102", 0x6A80),              // no algorithm
        ("80019B910102", 0x6A80),              // no key
        ("80019B830181", 0x6A80),              // no value
        ("80019B83018191010291 0102", 0x6A80), // twice
        ("80019B8301819101029501FF", 0x6A80),  // unknown object
        ("80019B8301819104", 0x6A80),          // cut off
    ] {
        let data = data.replace(' ', "");
        let command = format!("002241A6{:02X}{data}", data.len() / 2);
        assert_eq!(sw(&mut card, &command), expected, "{command}");
    }
    assert_eq!(sw(&mut card, "002241B609 80019B830181910102"), 0x6A86);
    sw(&mut card, "00A40000");
    assert_eq!(agree(&mut card, &[2]), 0x6A88, "the key is local to DF CIE");
}

#[test]
fn every_agreement_has_a_new_public_value() {
    let mut card = in_cie();
    let mut seen = Vec::new();
    for _ in 0..3 {
        assert_eq!(agree(&mut card, &[2]), 0x9000);
        let mut answer = send(&mut card, CARD_SHARE);
        let mut share = answer.data;
        if answer.sw.is_more_data() {
            answer = send(&mut card, "00C0000000");
            share.extend(answer.data);
        }
        let share = iso7816_wire::tlv::path(&share, &[0xA6, 0x91])
            .unwrap()
            .to_vec();
        assert_eq!(share.len(), 256);
        assert!(dh::is_valid_public(&share, &p()));
        assert!(
            !seen.contains(&share),
            "a new key agreement makes a new key"
        );
        seen.push(share);
    }
}

#[test]
fn plain_commands_are_served_until_the_first_protected_one() {
    let mut terminal = agreed(fresh_card());
    for command in [
        "00A4020C021001",
        "00B0000000",
        "002241A406800102840183",
        "0084000008",
    ] {
        assert_eq!(past(&mut terminal, command), 0x9000, "{command}");
    }
    assert_eq!(past(&mut terminal, "00FF0000"), 0x6D00);
    assert_eq!(card(&mut terminal).inspect().channel, ChannelState::Pending);
    assert_eq!(secured(&mut terminal, "00B0810000"), 0x9000);
    assert_eq!(card(&mut terminal).inspect().channel, ChannelState::Live);
    assert_eq!(
        past(&mut terminal, "00B0810000"),
        0x6985,
        "now plain ends it"
    );
    assert_eq!(card(&mut terminal).inspect().channel, ChannelState::None);
}

#[test]
fn a_selection_drops_pending_keys() {
    for selection in [CIE, "00A40000", "00A4040C05A000000001"] {
        let mut terminal = agreed(fresh_card());
        past(&mut terminal, selection);
        assert_eq!(
            card(&mut terminal).inspect().channel,
            ChannelState::None,
            "{selection}"
        );
        assert_eq!(
            past(&mut terminal, "0CB081000D 970100 8E080000000000000000 00"),
            0x6985
        );
    }
    let mut terminal = agreed(fresh_card());
    past(&mut terminal, "00A4020C021001");
    assert_eq!(
        card(&mut terminal).inspect().channel,
        ChannelState::Pending,
        "a file does not"
    );
}

#[test]
fn a_new_agreement_replaces_pending_keys() {
    let mut terminal = agreed(fresh_card());
    let old = terminal.session().unwrap().clone();
    assert_eq!(agree(card(&mut terminal), &[2]), 0x9000);
    terminal.start_session(old);
    let read = CommandApdu::new(0, 0xB0, 0x81, 0).with_le(12);
    let answer = terminal.send_protected(&read);
    assert_eq!(answer.unwrap_err().status().unwrap().0, 0x6988);
}

#[test]
fn an_agreement_inside_a_session_ends_it_after_its_answer() {
    let mut terminal = with_pin(fresh_card());
    let domain = terminal.read_domain(DomainForm::PerComponent).unwrap();
    let share = TerminalShare::generate(&domain, &mut rng()).unwrap();
    let old = terminal.session().unwrap().clone();
    terminal.send_terminal_share(share.public()).unwrap();
    let snapshot = card(&mut terminal).inspect();
    assert_eq!(snapshot.channel, ChannelState::Pending);
    assert!(!snapshot.pin_verified && !snapshot.device_authenticated);
    // The card's public value is read in plain, and the new keys work.
    terminal.end_session();
    let card_share = terminal.read_card_share().unwrap();
    let keys = share.agree(&domain, &card_share).unwrap();
    terminal.start_session(iso7816_wire::sm::Session::new(
        &keys,
        iso7816_wire::sm::INITIAL_SSC,
    ));
    assert_eq!(secured(&mut terminal, "00B081000C"), 0x9000);
    drop(old);
}

#[test]
fn secure_messaging_without_a_session_is_6985() {
    let mut card = in_cie();
    assert_eq!(
        sw(&mut card, "0CB081000D 970100 8E080000000000000000 00"),
        0x6985
    );
    assert_eq!(sw(&mut card, "0CB0810000"), 0x6985);
    assert_eq!(sw(&mut card, "0CC0000000"), 0x6985);
    assert_eq!(sw(&mut card, "00B081000C"), 0x9000, "and harms nothing");
}

#[test]
fn a_broken_protected_command_ends_everything() {
    // Choice 5. The first column is what the data field becomes.
    type Edit = fn(&mut Vec<u8>);
    let cases: [(&str, Edit, u16); 6] = [
        ("wrong MAC", |d| *d.last_mut().unwrap() ^= 1, 0x6988),
        ("no MAC", |d| d.truncate(3), 0x6987),
        ("no objects", Vec::clear, 0x6987),
        ("no TLV", |d| d.truncate(d.len() - 1), 0x6988),
        ("unknown object", |d| d.extend([0x80, 0x00]), 0x6988),
        ("malformed before missing", |d| d.truncate(2), 0x6988),
    ];
    for (name, edit, expected) in cases {
        let mut terminal = with_pin(fresh_card());
        let mut session = terminal.session().unwrap().clone();
        let read = CommandApdu::new(0, 0xB0, 0x82, 0).with_le(9);
        let mut sealed = session.seal_command(&read).unwrap();
        edit(&mut sealed.data);
        let answer = card(&mut terminal).transmit(&sealed.encode().unwrap());
        assert_eq!(
            answer,
            expected.to_be_bytes(),
            "{name}: plain, and nothing else"
        );
        let snapshot = card(&mut terminal).inspect();
        assert_eq!(snapshot.channel, ChannelState::None, "{name}");
        assert!(
            !snapshot.pin_verified && !snapshot.device_authenticated,
            "{name}"
        );
        // The old keys are gone for good.
        let again = session.seal_command(&read).unwrap();
        let answer = card(&mut terminal).transmit(&again.encode().unwrap());
        assert_eq!(answer, [0x69, 0x85], "{name}");
    }
}

#[test]
fn a_plain_command_in_a_session_ends_it() {
    for command in [
        "00B0810000",
        "00A4020C021001",
        "0084000008",
        "80CA0000",
        "00C0000000",
        "10A4000000",
    ] {
        let mut terminal = with_pin(fresh_card());
        assert_eq!(past(&mut terminal, command), 0x6985, "{command}");
        assert_eq!(
            card(&mut terminal).inspect().channel,
            ChannelState::None,
            "{command}"
        );
        assert!(!card(&mut terminal).inspect().pin_verified);
    }
    let mut terminal = with_pin(fresh_card());
    assert_eq!(
        past(&mut terminal, "00B081"),
        0x6700,
        "what is no APDU, too"
    );
    assert_eq!(card(&mut terminal).inspect().channel, ChannelState::None);
}

#[test]
fn get_response_is_served_in_plain_inside_a_session() {
    // Choices 6 and 26: CLA 00 and CLA 0C, counters untouched.
    for class in ["00", "0C"] {
        let mut terminal = with_pin(fresh_card());
        let mut session = terminal.session().unwrap().clone();
        let read = CommandApdu::new(0, 0xB0, 0x83, 0).with_le(256);
        let sealed = session.seal_command(&read).unwrap();
        let first = card(&mut terminal).transmit(&sealed.encode().unwrap());
        assert_eq!(first[256..], [0x61, 0x1B]);
        let rest = card(&mut terminal).transmit(&bytes(&format!("{class}C000001B")));
        let whole = [&first[..256], &rest].concat();
        let whole = iso7816_wire::ResponseApdu::parse(&whole).unwrap();
        assert_eq!(session.open_response(&whole).unwrap().data.len(), 256);
        terminal.start_session(session);
        assert_eq!(
            secured(&mut terminal, "00B0820009"),
            0x9000,
            "the session goes on"
        );
    }
}

#[test]
fn get_response_of_the_session_class_with_nothing_waiting() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(past(&mut terminal, "0CC0000000"), 0x6985);
    assert_eq!(
        card(&mut terminal).inspect().channel,
        ChannelState::Live,
        "harms nothing"
    );
    assert_eq!(secured(&mut terminal, "00B0820009"), 0x9000);
}

#[test]
fn the_counter_advances_for_every_protected_answer() {
    // Choice 23: also for outer words other than 9000.
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, "00B0870001"), 0x6A82);
    assert_eq!(secured(&mut terminal, "00FF000000"), 0x6D00);
    assert_eq!(secured(&mut terminal, "00B0820009"), 0x9000);
}

#[test]
fn a_header_only_command_is_understood() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, "00A4000C"), 0x9000);
}

#[test]
fn reset_ends_the_session_and_keeps_the_counters() {
    let mut terminal = with_pin(card_with_tries(2, 9));
    card(&mut terminal).reset();
    let snapshot = card(&mut terminal).inspect();
    assert_eq!(
        (snapshot.channel, snapshot.pin_verified),
        (ChannelState::None, false)
    );
    assert_eq!((snapshot.pin_tries, snapshot.puk_tries), (3, 9));
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Command chaining (sections 4.1 and 4.3, choice 27) and class bytes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use common::*;
use iso7816_wire::CommandApdu;

fn in_cie() -> cie_card::Card {
    let mut card = fresh_card();
    sw(&mut card, "00A4040C06A00000000039");
    sw(&mut card, "002241A406800102840183");
    card
}

fn chunk(cla: u8, len: usize) -> String {
    let command = CommandApdu::new(cla, 0x88, 0, 0).with_data(vec![0x41; len]);
    hex::encode(command.encode().unwrap())
}

#[test]
fn pieces_are_joined() {
    let mut card = in_cie();
    let whole = send(&mut card, &chunk(0x00, 200));
    assert_eq!((whole.data.len(), whole.sw.0), (256, 0x9000));
    assert_eq!(sw(&mut card, &chunk(0x10, 120)), 0x9000);
    assert_eq!(
        sw(&mut card, &chunk(0x10, 0)),
        0x9000,
        "an empty piece is one, too"
    );
    let joined = send(&mut card, &chunk(0x00, 80));
    assert_eq!(joined, whole, "the signature is over the joined data");
}

#[test]
fn another_header_drops_the_chain() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, &chunk(0x10, 100)), 0x9000);
    assert_eq!(sw(&mut card, "00B081000C"), 0x6883);
    assert_eq!(
        sw(&mut card, "00B081000C"),
        0x9000,
        "dropped, so this is a new command"
    );
    assert_eq!(send(&mut card, &chunk(0x00, 10)).data.len(), 256);
    assert_eq!(sw(&mut card, &chunk(0x10, 100)), 0x9000);
    assert_eq!(
        sw(&mut card, "1022410402AABB"),
        0x6883,
        "a piece of another chain, too"
    );
}

#[test]
fn a_selection_and_a_reset_drop_it_silently() {
    let mut card = in_cie();
    sw(&mut card, &chunk(0x10, 100));
    assert_eq!(sw(&mut card, "00A4020C021001"), 0x9000);
    let answer = send(&mut card, &chunk(0x00, 245));
    assert_eq!(
        answer.sw.0, 0x9000,
        "245 bytes are just allowed, 345 would not be"
    );
    sw(&mut card, &chunk(0x10, 100));
    iso7816_wire::CardDoor::reset(&mut card);
    sw(&mut card, "00A4040C06A00000000039");
    sw(&mut card, "002241A406800102840183");
    assert_eq!(sw(&mut card, &chunk(0x00, 245)), 0x9000);
}

#[test]
fn a_chain_has_4096_bytes_at_most() {
    let mut card = in_cie();
    for _ in 0..16 {
        assert_eq!(sw(&mut card, &chunk(0x10, 255)), 0x9000);
    }
    assert_eq!(sw(&mut card, &chunk(0x10, 16)), 0x9000, "4096 bytes");
    assert_eq!(sw(&mut card, &chunk(0x10, 1)), 0x6700);
    assert_eq!(sw(&mut card, &chunk(0x00, 10)), 0x9000, "the chain is gone");
}

#[test]
fn a_protected_command_in_a_plain_chain() {
    let mut terminal = agreed(fresh_card());
    assert_eq!(past(&mut terminal, &chunk(0x10, 100)), 0x9000);
    assert_eq!(secured(&mut terminal, "00B081000C"), 0x6883, "wrapped");
    assert_eq!(
        secured(&mut terminal, "00B081000C"),
        0x9000,
        "the chain is gone"
    );
}

#[test]
fn another_header_in_a_protected_chain() {
    let mut terminal = agreed(fresh_card());
    assert_eq!(secured_piece(&mut terminal, "1088000003414141"), 0x9000);
    assert_eq!(secured(&mut terminal, "00B081000C"), 0x6883, "wrapped");
    assert_eq!(secured(&mut terminal, "00B081000C"), 0x9000);
}

#[test]
fn a_plain_command_in_a_protected_chain_ends_the_session() {
    let mut terminal = agreed(fresh_card());
    assert_eq!(secured_piece(&mut terminal, "1088000003414141"), 0x9000);
    assert_eq!(past(&mut terminal, "0088000003414141"), 0x6985);
    assert_eq!(
        past(&mut terminal, "00B081000C"),
        0x9000,
        "the chain is gone, too"
    );
    assert_eq!(
        card(&mut terminal).inspect().channel,
        cie_card::ChannelState::None
    );
}

#[test]
fn class_bytes() {
    let mut card = fresh_card();
    for (command, expected) in [
        ("80A40000", 0x6E00),
        ("FFA40000", 0x6E00),
        ("40A40000", 0x6E00),
        ("01A40000", 0x6881),
        ("03A40000", 0x6881),
        ("04A40000", 0x6882),
        ("08A40000", 0x6882),
        ("00FF0000", 0x6D00),
        ("00CA0000", 0x6D00),
        ("00A4", 0x6700),
        ("", 0x6700),
        ("00A40000050102", 0x6700),
    ] {
        assert_eq!(sw(&mut card, command), expected, "{command}");
    }
}

#[test]
fn plain_and_protected_pieces_do_not_mix() {
    let mut terminal = agreed(fresh_card());
    assert_eq!(past(&mut terminal, "1088000003414141"), 0x9000);
    assert_eq!(secured(&mut terminal, "0088000003414141"), 0x6883);
}

#[test]
fn p1_and_p2_belong_to_the_header() {
    let mut card = in_cie();
    for other in ["0088010003414141", "0088000103414141"] {
        assert_eq!(sw(&mut card, "1088000003414141"), 0x9000);
        assert_eq!(sw(&mut card, other), 0x6883, "{other}");
    }
}

#[test]
fn a_protected_selection_drops_a_protected_chain() {
    let mut terminal = agreed(fresh_card());
    assert_eq!(secured_piece(&mut terminal, "1088000003414141"), 0x9000);
    assert_eq!(secured(&mut terminal, "00A4020C021001"), 0x9000);
    assert_eq!(secured(&mut terminal, "00B081000C"), 0x9000);
}

#[test]
fn a_selection_can_be_chained_itself() {
    let mut card = fresh_card();
    assert_eq!(sw(&mut card, "10A4040C03A00000"), 0x9000);
    assert_eq!(sw(&mut card, "00A4040C03000039"), 0x9000);
    assert_eq!(sw(&mut card, "00B081000C"), 0x9000, "DF CIE is current");
}

#[test]
fn what_is_refused_at_the_door_drops_the_chain() {
    for refused in [
        "0CB081000D 970100 8E080000000000000000 00",
        "80A40000",
        "00A4",
        "0088000005",
    ] {
        let mut card = in_cie();
        assert_eq!(sw(&mut card, &chunk(0x10, 120)), 0x9000);
        assert_ne!(sw(&mut card, refused), 0x9000);
        // 320 bytes would be too many.
        assert_eq!(sw(&mut card, &chunk(0x00, 200)), 0x9000, "after {refused}");
    }
}

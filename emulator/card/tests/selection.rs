// SPDX-License-Identifier: MIT OR Apache-2.0
//! SELECT in all forms (sections 0, 1.2 and 2.2; choices 7, 8, 17, 25).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use common::*;

const ROOT_BY_AID: &str = "00A4040C0D A0000000308000000009816001";
const CIE: &str = "00A4040C06 A00000000039";

#[test]
fn three_ways_to_the_root() {
    for way in [ROOT_BY_AID, "00A40000", "00A40000023F00", "00A4000C023F00"] {
        let mut card = fresh_card();
        assert_eq!(sw(&mut card, CIE), 0x9000);
        assert_eq!(
            sw(&mut card, "00A4020C02D003"),
            0x6A82,
            "D003 lies in the root"
        );
        assert_eq!(sw(&mut card, way), 0x9000, "{way}");
        assert_eq!(sw(&mut card, "00A4020C02D003"), 0x9000, "after {way}");
    }
}

#[test]
fn the_root_is_current_after_reset() {
    let mut card = fresh_card();
    assert_eq!(sw(&mut card, "00A4020C02D003"), 0x9000);
    sw(&mut card, CIE);
    iso7816_wire::CardDoor::reset(&mut card);
    assert_eq!(sw(&mut card, "00A4020C02D003"), 0x9000);
    assert_eq!(sw(&mut card, "00A4020C021001"), 0x6A82);
}

#[test]
fn some_families_do_not_know_the_root_by_name() {
    let mut image = issued().image.clone();
    std::sync::Arc::make_mut(&mut image.profile)
        .family
        .root_by_aid = false;
    let mut card = card_of(image);
    assert_eq!(sw(&mut card, ROOT_BY_AID), 0x6A82);
    assert_eq!(sw(&mut card, "00A40000"), 0x9000);
}

#[test]
fn files_belong_to_their_directory() {
    let mut card = fresh_card();
    for fid in ["2F00", "2F01", "D003", "D004"] {
        assert_eq!(
            sw(&mut card, &format!("00A4020C02{fid}")),
            0x9000,
            "{fid} in the root"
        );
    }
    sw(&mut card, CIE);
    for fid in ["1001", "1002", "1003", "1004", "1005", "1006"] {
        assert_eq!(
            sw(&mut card, &format!("00A4020402{fid}")),
            0x9000,
            "{fid} in DF CIE"
        );
    }
    for fid in ["1000", "1007", "2F01"] {
        assert_eq!(
            sw(&mut card, &format!("00A4020402{fid}")),
            0x6A82,
            "{fid} in DF CIE"
        );
    }
}

#[test]
fn file_control_parameters_have_the_known_shape() {
    let mut card = fresh_card();
    // Section 2.3: the size stands in bytes 4 and 5.
    let d003 =
        "62 1B 80 02 000C 82 01 01 83 02 D003 88 01 E0 8A 01 05 A1 08 8C 02 01 00 9C 02 01 00";
    let answer = send(&mut card, "00A4020402D003");
    assert_eq!((answer.data.clone(), answer.sw.0), (bytes(d003), 0x9000));
    assert_eq!(
        send(&mut card, "00A4020402D00300").data,
        answer.data,
        "with Le"
    );
    assert_eq!(
        send(&mut card, "00A4020002D00300").data[0],
        0x6F,
        "FCI has a template of its own"
    );
    assert!(send(&mut card, "00A4020C02D003").data.is_empty());
    assert!(
        send(&mut card, "00A40000").data.is_empty(),
        "case 1 has no room for data"
    );
    let cie = send(&mut card, "00A4040406A00000000039");
    assert_eq!(
        cie.data,
        bytes("62 0E 84 06 A00000000039 82 01 38 8A 01 05")
    );
    let protected = send(&mut card, "00A40204021003");
    assert!(hex::encode(&protected.data).ends_with("a1088c0201f19c0201f1"));
}

#[test]
fn what_is_no_selection() {
    let mut card = fresh_card();
    for (command, expected) in [
        ("00A4040C05A000000001", 0x6A82),
        ("00A4040C", 0x6700),
        ("00A4040C11 0000000000000000000000000000000000", 0x6700),
        ("00A4010C02 1001", 0x6A86),
        ("00A4080C04 3F001001", 0x6A86),
        ("00A40208 02D003", 0x6A86),
        ("00A4020C01D0", 0x6700),
        ("00A4020C", 0x6700),
        ("00A4020C02FFFF", 0x6A82),
    ] {
        assert_eq!(sw(&mut card, command), expected, "{command}");
    }
    assert_eq!(
        sw(&mut card, "00A4020C02D003"),
        0x9000,
        "the root is still current"
    );
}

#[test]
fn selecting_a_directory_clears_the_status() {
    // Choice 7, inside the session (choice 25): it lives on without status.
    for selection in ["00A4040C06A00000000039", "00A4000C023F00", "00A4000000"] {
        let mut terminal = with_pin(fresh_card());
        assert!(card(&mut terminal).inspect().pin_verified);
        assert_eq!(secured(&mut terminal, selection), 0x9000);
        let snapshot = card(&mut terminal).inspect();
        assert!(
            !snapshot.pin_verified && !snapshot.device_authenticated,
            "{selection}"
        );
        assert_eq!(snapshot.channel, cie_card::ChannelState::Live);
    }
}

#[test]
fn a_failed_selection_in_a_session_changes_nothing() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, "00A4040C05A000000001"), 0x6A82);
    assert!(card(&mut terminal).inspect().pin_verified);
}

#[test]
fn a_plain_selection_ends_the_session_even_if_it_fails() {
    for (selection, expected) in [
        (CIE, 0x9000),
        ("00A40000", 0x9000),
        ("00A4040C05A000000001", 0x6A82),
    ] {
        let mut terminal = with_pin(fresh_card());
        assert_eq!(past(&mut terminal, selection), expected);
        let snapshot = card(&mut terminal).inspect();
        assert_eq!(
            snapshot.channel,
            cie_card::ChannelState::None,
            "{selection}"
        );
        assert!(!snapshot.pin_verified && !snapshot.device_authenticated);
    }
}

#[test]
fn a_directory_has_no_current_file_at_first() {
    let mut card = fresh_card();
    for _ in 0..2 {
        assert_eq!(sw(&mut card, CIE), 0x9000);
        assert_eq!(sw(&mut card, "00B0000001"), 0x6986);
        assert_eq!(sw(&mut card, "00A4020C021001"), 0x9000);
        assert_eq!(sw(&mut card, "00B0000001"), 0x9000);
    }
}

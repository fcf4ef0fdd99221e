// SPDX-License-Identifier: MIT OR Apache-2.0
//! READ BINARY in all forms (sections 0 and 2.2; choices 4 and 20).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use common::*;
use iso7816_wire::CardDoor;

fn in_cie() -> cie_card::Card {
    let mut card = fresh_card();
    assert_eq!(sw(&mut card, "00A4040C06A00000000039"), 0x9000);
    card
}

fn content(fid: u16) -> &'static [u8] {
    &issued()
        .image
        .profile
        .files
        .iter()
        .find(|f| f.fid == fid)
        .unwrap()
        .content
}

#[test]
fn le_00_gives_the_rest_and_9000() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, "00A4020C021001"), 0x9000);
    let answer = send(&mut card, "00B0000000");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (content(0x1001), 0x9000)
    );
    let answer = send(&mut card, "00B0000A00");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (&content(0x1001)[10..], 0x9000)
    );
}

#[test]
fn le_00_gives_at_most_256() {
    let mut card = in_cie();
    sw(&mut card, "00A4020C021004");
    let answer = send(&mut card, "00B0000000");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (&content(0x1004)[..256], 0x9000)
    );
    let answer = send(&mut card, "00B0010000");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (&content(0x1004)[256..], 0x9000)
    );
}

#[test]
fn le_beyond_the_end_gives_the_rest_and_6282() {
    let mut card = in_cie();
    sw(&mut card, "00A4020C021001");
    let answer = send(&mut card, "00B0000080");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (content(0x1001), 0x6282)
    );
    let answer = send(&mut card, "00B000000C");
    assert_eq!((answer.data.len(), answer.sw.0), (12, 0x9000));
    assert_eq!(sw(&mut card, "00B0000C80"), 0x6B00);
    assert_eq!(sw(&mut card, "00B0000C00"), 0x6B00);
    assert_eq!(sw(&mut card, "00B07FFF01"), 0x6B00);
}

#[test]
fn by_short_file_identifier() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, "00B0000001"), 0x6986, "no current file yet");
    assert_eq!(send(&mut card, "00B081000C").data, content(0x1001));
    assert_eq!(
        send(&mut card, "00B0000000").data,
        content(0x1001),
        "it is current now"
    );
    assert_eq!(send(&mut card, "00B0810A00").data, content(0x1001)[10..]);
    assert_eq!(sw(&mut card, "00B0870001"), 0x6A82);
    assert_eq!(sw(&mut card, "00B0800001"), 0x6A86);
    assert_eq!(sw(&mut card, "00B09F0001"), 0x6A86);
    assert_eq!(sw(&mut card, "00B0E10001"), 0x6A86);
}

#[test]
fn with_odd_instruction() {
    let mut card = in_cie();
    let nis = content(0x1001);
    // Le counts the header of DO 53.
    let answer = send(&mut card, "00B1000104 54020000 0E");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (&[&[0x53, 12], nis].concat()[..], 0x9000)
    );
    let answer = send(&mut card, "00B1000104 54020004 06");
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (&[&[0x53, 4], &nis[4..8]].concat()[..], 0x9000)
    );
    let answer = send(&mut card, "00B1000104 54020000 20");
    assert_eq!((answer.data.len(), answer.sw.0), (14, 0x6282));
    let answer = send(&mut card, "00B1000104 5402000A 00");
    assert_eq!((answer.data.len(), answer.sw.0), (4, 0x9000));
    let answer = send(&mut card, "00B1000404 54020000 00");
    assert_eq!(
        (answer.data.len(), answer.data[..3].to_vec()),
        (256, bytes("5381FD"))
    );
    assert_eq!(sw(&mut card, "00B1000104 5402000C 10"), 0x6B00);
    assert_eq!(sw(&mut card, "00B1000104 55020000 10"), 0x6A80);
    assert_eq!(sw(&mut card, "00B1000102 5400 10"), 0x6A80);
    assert_eq!(sw(&mut card, "00B1000107 540500000000000E"), 0x6A80);
    let answer = send(&mut card, "00B1000104 54020000");
    assert_eq!(
        (answer.data.len(), answer.sw.0),
        (14, 0x9000),
        "case 3 answers directly"
    );
    for le in ["01", "02"] {
        let command = format!("00B1000104 54020000 {le}");
        assert_eq!(sw(&mut card, &command), 0x6700, "no room for a single byte");
    }
    assert_eq!(sw(&mut card, "00B11007 03 540100 10"), 0x6A82);
    assert_eq!(
        send(&mut card, "00B11001 03 540100 0E").data.len(),
        14,
        "by FID"
    );
}

#[test]
fn a_read_without_le_or_with_data_is_a_wrong_length() {
    let mut card = in_cie();
    sw(&mut card, "00A4020C021001");
    assert_eq!(sw(&mut card, "00B00000"), 0x6700);
    assert_eq!(sw(&mut card, "00B00000 01 00 10"), 0x6700);
}

#[test]
fn protected_files_need_session_device_and_pin() {
    // Choice 4: plain, agreed, authenticated, and only then with PIN.
    for sfi in ["82", "83"] {
        let read = format!("00B0{sfi}0010");
        let mut card = in_cie();
        assert_eq!(sw(&mut card, &read), 0x6982);
        assert_eq!(secured(&mut agreed(fresh_card()), &read), 0x6982);
        assert_eq!(secured(&mut authenticated(fresh_card()), &read), 0x6982);
        let answer = secured_answer(&mut with_pin(fresh_card()), &format!("00B0{sfi}0009"));
        let fid = if sfi == "82" { 0x1002 } else { 0x1003 };
        assert_eq!(
            (answer.data.as_slice(), answer.sw.0),
            (&content(fid)[..9], 0x9000)
        );
    }
}

#[test]
fn the_whole_certificate_in_secure_messaging() {
    for le in [0x80, 0xE7, 0x100] {
        let mut terminal = with_pin(fresh_card());
        assert_eq!(terminal.read_file(0x1003, le).unwrap(), content(0x1003));
    }
}

#[test]
fn warnings_and_ends_in_secure_messaging_carry_a_body() {
    let mut terminal = with_pin(fresh_card());
    let answer = secured_answer(&mut terminal, "00B0820080");
    assert_eq!(
        (answer.data.len(), answer.sw.0, answer.outer.0),
        (9, 0x6282, 0x6282)
    );
    let answer = secured_answer(&mut terminal, "00B0820980");
    assert_eq!(
        (answer.sw.0, answer.outer.0, answer.protected),
        (0x6B00, 0x6B00, true)
    );
    let answer = secured_answer(&mut terminal, "00B0820000");
    assert_eq!(
        (answer.data.len(), answer.sw.0),
        (9, 0x9000),
        "Le 00 never warns"
    );
    let answer = secured_answer(&mut terminal, "00B1000204 54020000 00");
    assert_eq!(
        (answer.data.len(), answer.sw.0),
        (11, 0x9000),
        "odd instruction, DO 85"
    );
}

#[test]
fn a_full_read_in_secure_messaging_takes_one_get_response() {
    // Section 4.3: 256 bytes yield 283, so 61 1B.
    let mut terminal = with_pin(fresh_card());
    let mut session = terminal.session().unwrap().clone();
    let read = iso7816_wire::CommandApdu::new(0, 0xB0, 0x83, 0).with_le(256);
    let sealed = session.seal_command(&read).unwrap().encode().unwrap();
    let card = card(&mut terminal);
    let first = card.transmit(&sealed);
    assert_eq!((first.len(), &first[256..]), (258, &[0x61, 0x1B][..]));
    let rest = card.transmit(&bytes("00C000001B"));
    let whole = [&first[..256], &rest].concat();
    let answer = session
        .open_response(&iso7816_wire::ResponseApdu::parse(&whole).unwrap())
        .unwrap();
    assert_eq!(answer.data, content(0x1003)[..256]);
}

#[test]
fn extended_length_only_where_the_family_has_it() {
    let command = "00B08400 0001FF";
    let mut card = in_cie();
    assert_eq!(sw(&mut card, command), 0x6700);
    let mut image = issued().image.clone();
    std::sync::Arc::make_mut(&mut image.profile)
        .family
        .extended_length = true;
    let mut card = card_of(image);
    sw(&mut card, "00A4040C06A00000000039");
    let answer = send(&mut card, command);
    assert_eq!(
        (answer.data.as_slice(), answer.sw.0),
        (content(0x1004), 0x6282)
    );
    let answer = send(&mut card, "00B08400 000000");
    assert_eq!((answer.data.len(), answer.sw.0), (270, 0x9000));
}

#[test]
fn a_short_le_asks_for_all_inside_an_extended_command_too() {
    let mut image = issued().image.clone();
    std::sync::Arc::make_mut(&mut image.profile)
        .family
        .extended_length = true;
    let mut terminal = with_pin(card_of(image));
    let mut session = terminal.session().unwrap().clone();
    let read = iso7816_wire::CommandApdu::new(0, 0xB0, 0x82, 0).with_le(256);
    let mut sealed = session.seal_command(&read).unwrap();
    (sealed.extended, sealed.le) = (true, Some(65_536));
    let answer = card(&mut terminal).transmit(&sealed.encode().unwrap());
    let answer = iso7816_wire::ResponseApdu::parse(&answer).unwrap();
    let answer = session.open_response(&answer).unwrap();
    assert_eq!((answer.data.len(), answer.sw.0), (9, 0x9000));
}

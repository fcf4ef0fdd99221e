// SPDX-License-Identifier: MIT OR Apache-2.0
//! GET DATA and long answers (section 3, choices 2 and 28).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use common::*;
use iso7816_wire::CardDoor;

fn in_cie() -> cie_card::Card {
    let mut card = fresh_card();
    sw(&mut card, "00A4040C06A00000000039");
    card
}

/// Collects an answer over GET RESPONSE, returning the status words on the way.
fn collect(card: &mut cie_card::Card, command: &str) -> (Vec<u8>, Vec<u16>) {
    let mut answer = send(card, command);
    let (mut data, mut words) = (answer.data, vec![answer.sw.0]);
    while answer.sw.is_more_data() {
        answer = send(card, &format!("00C00000{:02X}", answer.sw.0 & 0xFF));
        data.extend(answer.data);
        words.push(answer.sw.0);
    }
    (data, words)
}

#[test]
fn the_domain_whole_and_by_component() {
    let mut card = in_cie();
    let dh = &issued().image.profile.dh;
    let (whole, words) = collect(&mut card, "00CB3FFF0A4D087006BFA10102A380");
    assert_eq!(words.len(), whole.len().div_ceil(256));
    let inner = iso7816_wire::tlv::path(&whole, &[0x70, 0xBF_A101, 0xA3]).unwrap();
    let values: Vec<_> = iso7816_wire::tlv::Reader::new(inner)
        .map(|o| o.unwrap())
        .collect();
    let expected: [(u32, &[u8]); 3] = [(0x97, &dh.g), (0x98, &dh.p), (0x99, &dh.q)];
    assert_eq!(
        values.iter().map(|o| (o.tag, o.value)).collect::<Vec<_>>(),
        expected
    );
    for (tag, value) in expected {
        let command = format!("00CB3FFF0C4D0A7008BFA10104A302{tag:02X}00");
        let (component, _) = collect(&mut card, &command);
        let inner = iso7816_wire::tlv::path(&component, &[0x70, 0xBF_A101, 0xA3]).unwrap();
        assert_eq!(
            inner,
            iso7816_wire::tlv::encode(tag, value),
            "one child only"
        );
    }
    let ef_dh = &issued()
        .image
        .profile
        .files
        .iter()
        .find(|f| f.fid == 0xD004)
        .unwrap()
        .content;
    assert_eq!(&whole, ef_dh, "EF.DH is the whole-domain object");
}

#[test]
fn long_answers_never_end_on_a_multiple_of_256() {
    // Section 3.5: some clients lose an answer of exactly 256 or 512 bytes.
    let mut card = in_cie();
    for command in [
        "00CB3FFF0A4D087006BFA10102A380",
        "00CB3FFF0B4D097007BFA004037F4980",
    ] {
        let (data, words) = collect(&mut card, command);
        assert_ne!(data.len() % 256, 0, "{command}");
        assert_eq!((words[0], *words.last().unwrap()), (0x6100, 0x9000));
        assert_eq!(words.len(), 3, "256 + 6100, 256 + 61xx, rest + 9000");
    }
}

#[test]
fn the_authority_key_has_its_four_parts_in_order() {
    let mut card = in_cie();
    let ca = &issued().image.profile.terminal_ca;
    let (data, _) = collect(&mut card, "00CB3FFF0B4D097007BFA004037F4980");
    let inner = iso7816_wire::tlv::path(&data, &[0x70, 0xBF_A004, 0x7F49]).unwrap();
    let parts: Vec<_> = iso7816_wire::tlv::Reader::new(inner)
        .map(|o| o.map(|o| (o.tag, o.value)).unwrap())
        .collect();
    let expected: [(u32, &[u8]); 4] = [
        (0x81, &ca.modulus),
        (0x82, &ca.exponent),
        (0x5F20, &ca.chr),
        (0x5F4C, &ca.cha),
    ];
    assert_eq!(parts, expected);
}

#[test]
fn tries_can_be_read_without_costing_any() {
    let mut card = card_with_tries(2, 7);
    sw(&mut card, "00A4040C06A00000000039");
    assert_eq!(
        send(&mut card, "00CB3FFF0C4D0A7008BF810104A0029B00").data,
        bytes("7009 BF810105 A003 9B0102")
    );
    let puk = send(&mut card, "00CB3FFF0E4D0C700ABF810206A0049A009B00").data;
    assert_eq!(puk, bytes("700C BF810208 A006 9A010A 9B0107"));
    let lengths = send(&mut card, "00CB3FFF0B4D097007BF8101037F4180").data;
    assert!(hex::encode(lengths).ends_with("7f4109800108810108820108"));
}

#[test]
fn what_is_not_there_is_6a88_and_what_is_malformed_6a80() {
    let mut card = in_cie();
    for (command, expected) in [
        ("00CB3FFF064D04A6029100", 0x6A88),         // no key agreement yet
        ("00CB3FFF0A4D087006BFA10202A380", 0x6A88), // another domain
        ("00CB3FFF0C4D0A7008BFA10104A3029600", 0x6A88), // another component
        ("00CB3FFF0A4D087006BF900402A080", 0x6A88), // a key that is not there
        ("00CB3FFF", 0x6A80),
        ("00CB3FFF024D00", 0x6A80),
        ("00CB3FFF0A4E087006BFA10102A380", 0x6A80),
        ("00CB3FFF094D087006BFA10102A3", 0x6A80),
        ("00CB3FFF034D01BF", 0x6A80),
        ("00CB3FFF0A4D087007BFA10102A380", 0x6A80),
        ("00CB3FFF0A4D087006BFA10102A3FF", 0x6A80),
        ("00CB00FF0A4D087006BFA10102A380", 0x6A86),
    ] {
        assert_eq!(sw(&mut card, command), expected, "{command}");
    }
    sw(&mut card, "00A40000");
    assert_eq!(
        sw(&mut card, "00CB3FFF0A4D087006BFA10102A380"),
        0x6A88,
        "local to DF CIE"
    );
}

#[test]
fn get_response_gives_what_waits_and_nothing_else() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, "00C0000000"), 0x6985);
    assert_eq!(
        send(&mut card, "00CB3FFF0A4D087006BFA10102A380").sw.0,
        0x6100
    );
    assert_eq!(sw(&mut card, "00C0000100"), 0x6A86);
    let piece = send(&mut card, "00C0000010");
    assert_eq!(
        (piece.data.len(), piece.sw.0),
        (16, 0x6100),
        "a shorter piece leaves the rest"
    );
    assert_eq!(sw(&mut card, "00A4020C021001"), 0x9000);
    assert_eq!(
        sw(&mut card, "00C0000000"),
        0x6985,
        "any other command drops it"
    );
}

#[test]
fn an_explicit_le_cuts_the_answer() {
    let mut card = in_cie();
    let answer = send(&mut card, "00CB3FFF0A4D087006BFA10102A38020");
    assert_eq!((answer.data.len(), answer.sw.0), (32, 0x6100));
    card.reset();
    assert_eq!(card.inspect().pending_bytes, 0);
}

#[test]
fn a_list_asks_for_each_object_once_and_has_nothing_behind_it() {
    let mut card = in_cie();
    assert_eq!(sw(&mut card, "00CB3FFF064D0470807080"), 0x6A80);
    assert_eq!(sw(&mut card, "00CB3FFF0C4D087006BFA10102A3804D00"), 0x6A80);
    let (whole, _) = collect(&mut card, "00CB3FFF044D027080");
    assert!(whole.len() > 1024, "everything at once is still possible");
}

/// The request for one object of one security data object.
fn ask(object: &str, part: &str) -> String {
    let inner = format!("{object}{:02X}{part}", part.len() / 2);
    let list = format!(
        "4D{:02X}70{:02X}{inner}",
        inner.len() / 2 + 2,
        inner.len() / 2
    );
    format!("00CB3FFF{:02X}{list}", list.len() / 2)
}

#[test]
fn a_code_has_its_whole_parameters() {
    // Choice 28: name, tries, usage, size and access rules.
    let mut card = in_cie();
    let data = send(&mut card, &ask("BF8101", "A080")).data;
    let rule = "06 73 E1 E1 F2 FF 00";
    let parameters = format!(
        "84 03 50494E 9A 01 03 9B 01 03 9C 02 FFFF 9D 02 FFFF 80 02 0008 A1 10 8C {rule} 9C {rule}"
    );
    let expected = format!("70 30 BF8101 2C A0 2A {parameters}");
    assert_eq!(data.len(), bytes(&expected).len());
    assert_eq!(hex::encode(&data[8..]), hex::encode(bytes(&parameters)));
}

#[test]
fn public_keys_are_those_of_the_files() {
    let mut card = in_cie();
    for (object, fid) in [("BFA002", 0x1004), ("BFA003", 0x1005)] {
        let files = &issued().image.profile.files;
        let file = &files.iter().find(|f| f.fid == fid).unwrap().content;
        let (data, _) = collect(&mut card, &ask(object, "7F4980"));
        let tag = u32::from_str_radix(object, 16).unwrap();
        let modulus = iso7816_wire::tlv::path(&data, &[0x70, tag, 0x7F49, 0x81]).unwrap();
        assert_eq!(modulus, &file[9..265], "{object}");
    }
    assert_eq!(sw(&mut card, &ask("BFA005", "7F4980")), 0x6A88);
}

#[test]
fn public_key_81_is_as_closed_as_the_certificate() {
    let command = ask("BFA001", "7F4980");
    let mut card = in_cie();
    assert_eq!(sw(&mut card, &command), 0x6982);
    assert_eq!(secured(&mut authenticated(fresh_card()), &command), 0x6982);
    let answer = secured_answer(&mut with_pin(fresh_card()), &command);
    assert_eq!(answer.sw.0, 0x9000);
    let modulus = iso7816_wire::tlv::path(&answer.data, &[0x70, 0xBF_A001, 0x7F49, 0x81]).unwrap();
    let files = &issued().image.profile.files;
    let certificate = &files.iter().find(|f| f.fid == 0x1003).unwrap().content;
    assert!(certificate.windows(256).any(|part| part == modulus));
}

#[test]
fn private_parts_are_for_nobody() {
    let mut terminal = with_pin(fresh_card());
    for key in ["BF9001", "BF9002", "BF9003"] {
        assert_eq!(secured(&mut terminal, &ask(key, "7F4880")), 0x6982, "{key}");
        assert_eq!(
            secured(&mut terminal, &ask(key, "7F48029200")),
            0x6982,
            "{key}"
        );
        assert_eq!(secured(&mut terminal, &ask(key, "A080")), 0x9000, "{key}");
    }
    let whole = secured_answer(&mut terminal, "00CB3FFF044D027080").data;
    assert!(whole.windows(3).any(|tag| tag == [0xBF, 0xA0, 0x01]));
    assert!(!whole.windows(2).any(|tag| tag == [0x7F, 0x48]));
    let (whole, _) = collect(&mut in_cie(), "00CB3FFF044D027080");
    assert!(!whole.windows(3).any(|tag| tag == [0xBF, 0xA0, 0x01]));
}

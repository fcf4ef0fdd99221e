// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use crate::StatusWord;
use cie_vectors::published::{Figures, ICAO_9303_11};
use hex_literal::hex;
use proptest::prelude::*;

/// A figure of the worked example in ICAO Doc 9303 part 11: the same 3DES and
/// retail MAC, the same objects.
fn icao<const N: usize>(name: &str) -> [u8; N] {
    icao_vec(name).try_into().unwrap()
}

fn icao_vec(name: &str) -> Vec<u8> {
    Figures::parse(ICAO_9303_11)
        .unwrap()
        .get(name)
        .unwrap()
        .to_vec()
}

fn keys() -> SessionKeys {
    SessionKeys {
        enc: Zeroizing::new(icao("ks_enc")),
        mac: Zeroizing::new(icao("ks_mac")),
    }
}

fn icao_exchange(skip: u64, name: &str, content: &[u8]) {
    let mut terminal = Session::new(&keys(), u64::from_be_bytes(icao("ssc")) + skip);
    let mut card = terminal.clone();
    let plain = CommandApdu::parse(&icao_vec(&format!("{name}_plain"))).unwrap();
    let sealed = terminal.seal_command(&plain).unwrap();
    assert_eq!(
        sealed.encode().unwrap(),
        icao_vec(&format!("{name}_command"))
    );
    assert_eq!(card.open_command(&sealed).unwrap(), plain);

    let response = ResponseApdu::parse(&icao_vec(&format!("{name}_response"))).unwrap();
    let content = ResponseApdu::ok(content);
    assert_eq!(card.seal_response(plain.ins, &content), response);
    assert_eq!(terminal.open_response(&response).unwrap(), content);
}

#[test]
fn icao_worked_example_select_ef_com() {
    icao_exchange(0, "select", &[]);
}

#[test]
fn icao_worked_example_read_binary() {
    icao_exchange(2, "read", &icao_vec("read_content"));
}

#[test]
fn padding_round_trip_and_refusals() {
    for len in 0..40 {
        let mut data = vec![0; len];
        pad(&mut data);
        assert_eq!(data.len() % 8, 0);
        assert_eq!(unpad(&data), Some(&vec![0; len][..]));
    }
    assert_eq!(unpad(&[]), None);
    assert_eq!(unpad(&[0; 8]), None);
    assert_eq!(unpad(&[1, 0, 0, 0, 0, 0, 0, 0]), None);
    assert_eq!(
        unpad(&hex!("80 00 00 00 00 00 00 00 00")),
        None,
        "a whole block of needless padding"
    );
}

fn sealed(command: &CommandApdu) -> (Session, CommandApdu) {
    let mut terminal = Session::new(&keys(), INITIAL_SSC);
    let card = terminal.clone();
    let sealed = terminal.seal_command(command).unwrap();
    (card, sealed)
}

#[test]
fn a_command_of_header_only_has_one_padding() {
    let (mut card, sealed) = sealed(&CommandApdu::new(0, 0xA4, 0, 0));
    assert_eq!(sealed.data.len(), 10);
    assert_eq!(
        card.open_command(&sealed),
        Ok(CommandApdu::new(0, 0xA4, 0, 0)).map(|mut c| {
            c.le = None;
            c
        })
    );
}

#[test]
fn each_fault_has_its_name() {
    let plain = CommandApdu::new(0, 0xB0, 0, 0)
        .with_data(hex!("0102"))
        .with_le(8);
    let edit = |f: &dyn Fn(&mut Vec<u8>)| {
        let (mut card, mut sealed) = sealed(&plain);
        f(&mut sealed.data);
        card.open_command(&sealed).unwrap_err()
    };
    // Objects: 87 09 01 <8> | 97 01 08 | 8E 08 <8>
    assert_eq!(edit(&|d| d.truncate(14)), SmError::Missing(0x8E));
    assert_eq!(edit(&|d| d[15] ^= 1), SmError::NotTlv);
    assert_eq!(edit(&|d| d[20] ^= 1), SmError::Mac);
    assert_eq!(edit(&|d| d[5] ^= 1), SmError::Mac);
    assert_eq!(edit(&|d| d[0] = 0x85), SmError::Misplaced(0x85));
    assert_eq!(edit(&|d| d.rotate_left(11)), SmError::Misplaced(0x87));
    assert_eq!(
        edit(&|d| d.extend(hex!("97 01 08"))),
        SmError::Misplaced(0x97)
    );
    assert_eq!(
        edit(&|d| {
            d[15] = 7;
            d.pop();
        }),
        SmError::Malformed(0x8E)
    );
    assert_eq!(edit(&|d| d.truncate(5)), SmError::NotTlv);
}

#[test]
fn authentic_but_malformed_objects_are_named() {
    // Made by hand with the right MAC, so that only the content is at fault.
    let primitives = Primitives::new(&keys());
    let reason = |objects: &[u8]| {
        let mut input = 2_u64.to_be_bytes().to_vec();
        input.extend(hex!("0C B0 00 00"));
        pad(&mut input);
        input.extend_from_slice(objects);
        pad(&mut input);
        let mut data = objects.to_vec();
        crate::tlv::push(&mut data, 0x8E, &primitives.mac(&input));
        let command = CommandApdu::new(0x0C, 0xB0, 0, 0).with_data(data);
        Session::new(&keys(), INITIAL_SSC)
            .open_command(&command)
            .unwrap_err()
    };
    assert_eq!(reason(&hex!("97 00")), SmError::Malformed(0x97));
    assert_eq!(reason(&hex!("97 02 01 00")), SmError::Malformed(0x97));
    assert_eq!(reason(&hex!("87 01 01")), SmError::Malformed(0x87));
    assert_eq!(reason(&hex!("87 00")), SmError::Malformed(0x87));
    assert_eq!(
        reason(&hex!("87 09 02 0000000000000000")),
        SmError::Malformed(0x87)
    );
    assert_eq!(
        reason(&hex!("87 08 01 00000000000000")),
        SmError::Malformed(0x87)
    );
    assert_eq!(reason(&hex!("87 09 01 0000000000000000")), SmError::Padding);
    assert_eq!(reason(&hex!("99 02 90 00")), SmError::Misplaced(0x99));
}

#[test]
fn responses_that_lie_are_refused() {
    let mut card = Session::new(&keys(), INITIAL_SSC);
    let terminal = card.clone();
    let good = card.seal_response(0xB0, &ResponseApdu::ok(vec![1, 2, 3]));
    assert!(terminal.clone().open_response(&good).is_ok());
    for index in 0..good.data.len() {
        let mut bad = good.clone();
        bad.data[index] ^= 0x01;
        assert!(
            terminal.clone().open_response(&bad).is_err(),
            "byte {index}"
        );
    }
    assert_eq!(
        terminal.clone().open_response(&StatusWord::OK.into()),
        Err(SmError::Missing(0x8E))
    );
}

#[test]
fn status_words_of_the_errors() {
    assert_eq!(
        SmError::Missing(0x8E).status(),
        StatusWord::SM_OBJECT_MISSING
    );
    assert_eq!(SmError::Mac.status(), StatusWord::SM_OBJECT_INCORRECT);
    assert_eq!(SmError::NotTlv.status(), StatusWord::SM_OBJECT_INCORRECT);
}

fn any_command() -> impl Strategy<Value = CommandApdu> {
    let data = proptest::collection::vec(any::<u8>(), 0..=PAYLOAD_MAX);
    (
        any::<[u8; 3]>(),
        any::<bool>(),
        data,
        proptest::option::of(1_usize..=256),
    )
        .prop_map(|([ins, p1, p2], chained, data, le)| CommandApdu {
            cla: if chained { 0x10 } else { 0 },
            ins,
            p1,
            p2,
            data,
            le,
            extended: false,
        })
}

proptest! {
    #[test]
    fn commands_arrive_as_sent(command in any_command(), ssc: u64) {
        let mut terminal = Session::new(&keys(), ssc);
        let mut card = terminal.clone();
        let sealed = terminal.seal_command(&command).unwrap();
        prop_assert!(sealed.encode().unwrap().len() <= 261);
        prop_assert_eq!(card.open_command(&sealed).unwrap(), command);
        prop_assert_eq!(card.ssc(), terminal.ssc());
    }

    #[test]
    fn responses_arrive_as_sent(ins: u8, data in proptest::collection::vec(any::<u8>(), 0..600), sw: u16) {
        let mut card = Session::new(&keys(), 7);
        let mut terminal = card.clone();
        let response = ResponseApdu { data, sw: StatusWord(sw) };
        let sealed = card.seal_response(ins, &response);
        prop_assert_eq!(terminal.open_response(&sealed).unwrap(), response);
    }

    #[test]
    fn one_flipped_bit_is_noticed(command in any_command(), at: prop::sample::Index, bit in 0_u32..8) {
        let (mut card, sealed) = sealed(&command);
        let mut bytes = sealed.encode().unwrap();
        // The lengths outside the protected objects are the transport's.
        let at = 5 + at.index(bytes.len() - 6);
        bytes[at] ^= 1_u8 << bit;
        if let Ok(changed) = CommandApdu::parse(&bytes) {
            prop_assert!(card.open_command(&changed).is_err());
        }
    }

    #[test]
    fn any_bytes_are_an_error(data in proptest::collection::vec(any::<u8>(), 0..300), ins: u8) {
        let mut session = Session::new(&keys(), 0);
        let command = CommandApdu::new(0x0C, ins, 0, 0).with_data(data.clone());
        prop_assert!(session.open_command(&command).is_err());
        prop_assert!(session.open_response(&ResponseApdu::ok(data)).is_err());
    }
}

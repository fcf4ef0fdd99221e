// SPDX-License-Identifier: MIT OR Apache-2.0
//! The door itself: power, determinism, clones, onlookers, images, and bytes
//! that nobody should send (rules 1, 2 and 4 of the architecture).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use cie_card::{Card, CardImage, Event};
use common::*;
use iso7816_wire::{CardDoor, ResponseApdu, StatusWord};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

#[test]
fn the_answer_to_reset_is_that_of_the_family() {
    let mut card = Card::in_memory(issued().image.clone(), [0; 32]).unwrap();
    let atr = bytes("3B8F8001 80318065B0850400 11120FFF829000 8A");
    assert_eq!(card.power_on(), atr);
    assert_eq!(card.reset(), atr);
    // TCK: all bytes after TS xor to zero.
    assert_eq!(atr[1..].iter().fold(0, |x, b| x ^ b), 0);
}

#[test]
fn without_power_the_card_is_mute() {
    let mut card = Card::in_memory(issued().image.clone(), [0; 32]).unwrap();
    assert!(card.transmit(&bytes("00A40000")).is_empty());
    assert!(!card.inspect().powered);
    card.reset();
    assert!(
        card.inspect().powered,
        "a reset powers a card that has no power"
    );
    assert_eq!(sw(&mut card, "00A40000"), 0x9000);
    card.power_off();
    assert!(card.transmit(&bytes("00A40000")).is_empty());
}

#[test]
fn a_cold_reset_forgets_as_much_as_a_warm_one() {
    let mut terminal = with_pin(fresh_card());
    card(&mut terminal).power_on();
    let snapshot = card(&mut terminal).inspect();
    assert_eq!(snapshot.channel, cie_card::ChannelState::None);
    assert!(!snapshot.pin_verified && !snapshot.device_authenticated);
}

#[test]
fn without_power_nothing_volatile_is_left() {
    let mut terminal = with_pin(fresh_card());
    card(&mut terminal).power_off();
    let snapshot = card(&mut terminal).inspect();
    assert_eq!(snapshot.channel, cie_card::ChannelState::None);
    assert!(!snapshot.pin_verified && !snapshot.device_authenticated);
}

#[test]
fn an_event_does_not_print_what_it_carries() {
    let command = iso7816_wire::CommandApdu::new(0, 0x20, 0, 0x81).with_data(*b"12345678");
    let shown = format!(
        "{:?}",
        Event::Plain {
            command: &command,
            secured: true
        }
    );
    assert_eq!(shown, "Plain");
}

#[test]
fn an_image_that_no_card_can_work_with_is_refused() {
    type Edit = fn(&mut cie_card::Profile);
    let edits: [(&str, Edit); 11] = [
        ("ATR", |p| p.family.atr.clear()),
        ("prime", |p| p.dh.p[255] &= 0xFE),
        ("prime", |p| p.dh.p[0] = 0),
        ("generator", |p| p.dh.g = vec![1]),
        ("generator", |p| p.dh.g = vec![0xFF; 256]),
        ("order", |p| p.dh.q.clear()),
        ("order", |p| p.dh.q[0] = 0),
        ("modulus of key 84", |p| p.terminal_ca.modulus.clear()),
        ("exponent of key 84", |p| p.terminal_ca.exponent.clear()),
        ("short file identifier", |p| p.files[0].sfi = Some(31)),
        ("a file has at most", |p| {
            p.files[0].content = vec![0; 0x8000]
        }),
    ];
    for (name, edit) in edits {
        let mut image = issued().image.clone();
        edit(Arc::make_mut(&mut image.profile));
        let error = Card::in_memory(image, [0; 32]).err().unwrap().to_string();
        assert!(error.contains(name), "{name}: {error}");
    }
    let mut image = issued().image.clone();
    image.state.pin_tries = 4;
    assert!(Card::in_memory(image, [0; 32]).is_err());
}

#[test]
fn same_image_seed_and_commands_give_the_same_bytes() {
    let run = |seed: [u8; 32]| {
        let mut card = Card::in_memory(issued().image.clone(), seed).unwrap();
        card.power_on();
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        let card = card.with_observer(Arc::new(move |event| {
            if let Event::Response(bytes) = event {
                sink.lock().unwrap().push(bytes.to_vec());
            }
        }));
        let mut terminal = with_pin(card);
        terminal.read_file(0x1003, 0xE7).unwrap();
        drop(terminal);
        Arc::into_inner(log).unwrap().into_inner().unwrap()
    };
    assert_eq!(run([5; 32]), run([5; 32]));
    assert_ne!(run([5; 32]), run([6; 32]));
}

#[test]
fn a_clone_goes_on_from_the_same_point_and_alone() {
    let mut terminal = with_pin(fresh_card());
    let mut twin = terminal.clone();
    assert_eq!(
        secured_answer(&mut terminal, "0084000008"),
        secured_answer(&mut twin, "0084000008"),
        "session, counters and random numbers are cloned"
    );
    assert_eq!(secured(&mut twin, "0020008108 3131323233333434"), 0x63C2);
    assert_eq!(card(&mut twin).inspect().pin_tries, 2);
    assert_eq!(card(&mut terminal).inspect().pin_tries, 3);
}

#[test]
fn the_observer_sees_wrapped_and_plain() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let card = fresh_card().with_observer(Arc::new(move |event| {
        let name = match event {
            Event::Command(_) => "command",
            Event::Plain { secured: true, .. } => "plain, secured",
            Event::Plain { .. } => "plain",
            Event::Answer(_) => "answer",
            Event::MemoryWrite(_) => "write",
            Event::Response(_) => "response",
            _ => return,
        };
        sink.lock().unwrap().push(name);
    }));
    let mut terminal = authenticated(card);
    seen.lock().unwrap().clear();
    secured(&mut terminal, "0020008108 3131323233333434");
    assert_eq!(
        *seen.lock().unwrap(),
        ["command", "plain, secured", "write", "answer", "response"]
    );
}

#[test]
fn the_hook_changes_answers_before_they_are_wrapped() {
    let card = fresh_card().with_response_hook(Arc::new(|command, answer| {
        if command.header() == [0x00, 0xB0, 0x82, 0x00] {
            ResponseApdu::status(StatusWord(0x6400))
        } else {
            answer
        }
    }));
    let mut terminal = with_pin(card);
    let answer = secured_answer(&mut terminal, "00B0820009");
    assert_eq!((answer.sw.0, answer.protected), (0x6400, true));
}

#[test]
fn an_image_survives_its_bytes() {
    let mut terminal = authenticated(fresh_card());
    secured(&mut terminal, "0020008108 3131323233333434");
    let image = card(&mut terminal).image();
    let bytes = image.to_bytes().unwrap();
    let again = CardImage::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes().unwrap(), bytes);
    assert_eq!(again.state.pin_tries, 2);
    let mut terminal = authenticated(card_of(again));
    assert_eq!(secured(&mut terminal, "00200081"), 0x63C2);
}

#[test]
fn an_image_that_is_none_is_refused_with_its_reason() {
    use cie_card::image::ImageError;
    let good = issued().image.to_bytes().unwrap();
    let error = |bytes: &[u8]| CardImage::from_bytes(bytes).unwrap_err();
    assert!(matches!(error(b""), ImageError::Foreign));
    assert!(matches!(error(b"{}"), ImageError::Foreign));
    assert!(matches!(error(&good[..5]), ImageError::Truncated(5)));
    let short = good.len() - 1;
    assert!(matches!(error(&good[..short]), ImageError::Truncated(n) if n == short));
    let mut damaged = good.clone();
    damaged[100] ^= 1;
    assert!(matches!(error(&damaged), ImageError::Checksum));
    let mut newer = good.clone();
    newer[9] = 2;
    assert!(matches!(error(&newer), ImageError::Newer { found: 2 }));
    newer[9] = 0;
    assert!(matches!(error(&newer), ImageError::UnknownVersion(0)));
}

/// Commands that look like commands, and bytes that do not.
fn any_command() -> impl Strategy<Value = Vec<u8>> {
    let cla = prop_oneof![8 => Just(0x00_u8), 2 => Just(0x10), 4 => Just(0x0C), 2 => Just(0x1C), 1 => any::<u8>()];
    let ins = proptest::sample::select(vec![
        0x20_u8, 0x22, 0x24, 0x2A, 0x2C, 0x82, 0x84, 0x88, 0xA4, 0xB0, 0xB1, 0xC0, 0xCB,
    ]);
    let p = proptest::sample::select(vec![
        0x00_u8, 0x02, 0x03, 0x04, 0x0C, 0x3F, 0x41, 0x81, 0x82, 0x83, 0xA4, 0xA6, 0xAE, 0xB6, 0xFF,
    ]);
    let data = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..260),
        Just(bytes("A00000000039")),
        Just(bytes("3F00")),
        Just(bytes("800102840183")),
        Just(bytes("80019B830181910105")),
        Just(bytes("4D087006BFA10102A380")),
        Just(bytes("970100 8E080000000000000000")),
    ];
    let command = (
        cla,
        ins,
        p.clone(),
        p,
        data,
        proptest::option::of(any::<u8>()),
    )
        .prop_map(|(cla, ins, p1, p2, data, le)| {
            let mut bytes = vec![cla, ins, p1, p2];
            if !data.is_empty() {
                bytes.push(u8::try_from(data.len()).unwrap_or(u8::MAX));
                bytes.extend(data);
            }
            bytes.extend(le);
            bytes
        });
    prop_oneof![9 => command, 1 => proptest::collection::vec(any::<u8>(), 0..300)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever arrives in plain: an answer of at least a status word and at
    /// most 256 bytes before it, no try lost, no code changed.
    #[test]
    fn plain_bytes_never_hurt(commands in proptest::collection::vec(any_command(), 1..40)) {
        let mut card = fresh_card();
        for command in &commands {
            let answer = card.transmit(command);
            prop_assert!((2..=258).contains(&answer.len()));
        }
        prop_assert_eq!(card.image().state, issued().image.state.clone());
    }

    /// The same inside an authenticated session, whose commands are wrapped and
    /// whose answers are opened properly: every answer verifies, and only the
    /// codes' own commands change what is stored.
    #[test]
    fn wrapped_bytes_never_hurt(commands in proptest::collection::vec(any_command(), 1..20)) {
        static SESSION: std::sync::OnceLock<Mutex<Terminal>> = std::sync::OnceLock::new();
        let session = SESSION.get_or_init(|| Mutex::new(with_pin(fresh_card())));
        let mut terminal = session.lock().unwrap().clone();
        for command in &commands {
            let Ok(mut command) = iso7816_wire::CommandApdu::parse(command) else { continue };
            command.cla &= 0x10;
            command.data.truncate(iso7816_wire::sm::PAYLOAD_MAX);
            command.extended = false;
            let before = card(&mut terminal).image().state;
            let mut side = terminal.session().unwrap().clone();
            let Ok(sealed) = side.seal_command(&command) else { continue };
            let mut answer = send(card(&mut terminal), &hex::encode(sealed.encode().unwrap()));
            while answer.sw.is_more_data() {
                let more = send(card(&mut terminal), "00C0000000");
                answer = ResponseApdu { data: [answer.data, more.data].concat(), sw: more.sw };
            }
            let opened = side.open_response(&answer);
            prop_assert!(opened.is_ok(), "{:02X?}: {:?}", command.header(), opened);
            prop_assert_eq!(opened.unwrap().sw, answer.sw);
            terminal.start_session(side);
            if !matches!(command.ins, 0x20 | 0x24 | 0x2C) {
                prop_assert_eq!(card(&mut terminal).image().state, before);
            }
            if card(&mut terminal).inspect().channel != cie_card::ChannelState::Live {
                // A key agreement inside the session ended it, as it should.
                prop_assert_eq!(command.ins, 0x22);
                break;
            }
        }
    }
}

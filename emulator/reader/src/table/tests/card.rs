// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protocols, exchanges, attributes, controls, power.

use super::super::{
    CardAnswer, CardCommand, ConnectionId, Input, Limits, Numbers, ReaderSetup, Table,
};
use super::*;
use crate::protocol::codes::{attribute, control, disposition, protocol, rv, state};
use crate::protocol::{
    ATTRIBUTE_BYTES, Attribute, Connect, Control, Establish, Transmit, until_nul,
};

/// A table with one card of this ATR and one client with a context.
fn with_atr(atr: &[u8]) -> (Table, u32) {
    let setup = vec![ReaderSetup {
        name: "R".into(),
        card: true,
        profile: crate::ReaderProfile::default(),
    }];
    let (mut table, _) = Table::new(setup, Limits::default(), Numbers::Smallest);
    table.handle(Input::CardDone(0, CardAnswer::Atr(atr.to_vec())));
    table.handle(Input::Connected(ConnectionId(1)));
    let establish = Request::Establish(Establish {
        scope: 2,
        context: 0,
        rv: 0,
    });
    let Reply::Establish(reply) = ask(&mut table, 1, establish) else {
        panic!()
    };
    (table, reply.context)
}

fn connect(table: &mut Table, context: u32, share: u32, preferred: u32) -> (u32, u32) {
    let request = Connect {
        context,
        reader: crate::protocol::padded(b"R"),
        share,
        preferred,
        card: 0,
        active: 0,
        rv: 0,
    };
    let Reply::Connect(reply) = ask(table, 1, Request::Connect(Box::new(request))) else {
        panic!()
    };
    (reply.rv, reply.active)
}

#[test]
fn protocols() {
    const BOTH: [u8; 5] = [0x3B, 0x80, 0x80, 0x01, 0x01];
    const T0: [u8; 2] = [0x3B, 0x00];
    let any = protocol::T0 | protocol::T1;
    for (atr, preferred, expected) in [
        (&BOTH[..], protocol::T1, (rv::SUCCESS, protocol::T1)),
        (&BOTH, protocol::T0, (rv::SUCCESS, protocol::T0)),
        (&BOTH, any, (rv::SUCCESS, protocol::T1)),
        (&BOTH, protocol::ANY_OLD, (rv::SUCCESS, protocol::T1)),
        (&BOTH, protocol::RAW, (rv::SUCCESS, protocol::RAW)),
        (&BOTH, 8, (rv::PROTO_MISMATCH, 0)),
        (&T0, any, (rv::SUCCESS, protocol::T0)),
        (&T0, protocol::T1, (rv::PROTO_MISMATCH, 0)),
    ] {
        let (mut table, context) = with_atr(atr);
        assert_eq!(
            connect(&mut table, context, share::SHARED, preferred),
            expected
        );
    }
    // What the first client settled holds for the next.
    let (mut table, context) = with_atr(&BOTH);
    assert_eq!(
        connect(&mut table, context, share::DIRECT, 0),
        (rv::SUCCESS, 0)
    );
    let first = connect(&mut table, context, share::SHARED, protocol::T0);
    assert_eq!(first, (rv::SUCCESS, protocol::T0));
    let second = connect(&mut table, context, share::SHARED, protocol::T1);
    assert_eq!(second, (rv::PROTO_MISMATCH, 0));
    let third = connect(&mut table, context, share::SHARED, any);
    assert_eq!(third, (rv::SUCCESS, protocol::T0));
}

#[test]
fn a_mute_card_is_present_and_swallowed() {
    let mut world = World::with_clients(false, 4, 1);
    world.step(Step::Insert);
    world.step(Step::CardIsMute);
    let seen = world.table.states()[0];
    assert_eq!(
        (seen.state, seen.atr_length),
        (state::PRESENT | state::SWALLOWED, 0)
    );
    world.step(Step::Connect(1, share::SHARED));
    assert_eq!(world.card, Some(CardCommand::PowerOn));
    assert_eq!(result(&world.step(Step::CardIsMute)), rv::UNPOWERED_CARD);
}

#[test]
fn an_empty_reader() {
    let mut world = World::with_clients(false, 4, 1);
    assert_eq!(world.table.states()[0].state, state::ABSENT);
    assert_eq!(
        result(&world.step(Step::Connect(1, share::SHARED))),
        rv::NO_SMARTCARD
    );
    assert_eq!(
        result(&world.step(Step::Connect(1, share::DIRECT))),
        rv::SUCCESS
    );
    // No answer to reset is one of no bytes.
    assert_eq!(
        attribute(&mut world, attribute::ATR_STRING, 264),
        (rv::SUCCESS, Vec::new())
    );
    assert_eq!(result(&world.step(Step::Transmit(1))), rv::NO_SMARTCARD);
}

fn transmit(world: &World, protocol: u32, room: u32) -> Request {
    let message = Transmit {
        card: world.clients[&1].cards[0],
        send_protocol: protocol,
        send_pci: 16,
        send_length: 5,
        receive_protocol: 3,
        receive_pci: 16,
        receive_length: room,
        rv: 0xFFFF_FFFF,
    };
    Request::Transmit(message, vec![0, 0xB0, 0, 0, 2])
}

#[test]
fn an_exchange() {
    let mut world = two_shared();
    let request = transmit(&world, protocol::T1, 4);
    let sent = world.ask(1, request);
    assert_eq!(
        sent,
        [Effect::Card(
            0,
            CardCommand::Transmit(vec![0, 0xB0, 0, 0, 2])
        )]
    );
    // The next one waits until the card is free, and nobody else is held up.
    assert_eq!(world.step(Step::Transmit(2)), []);
    world.card = None;
    let done = world.input(Input::CardDone(
        0,
        CardAnswer::Response(vec![1, 2, 0x90, 0]),
    ));
    let [(1, Reply::Transmit(reply, data))] = &replies(&done)[..] else {
        panic!("{done:?}")
    };
    assert_eq!(
        (reply.rv, reply.receive_length, data.as_slice()),
        (0, 4, [1, 2, 0x90, 0].as_slice())
    );
    assert_eq!(
        (reply.send_protocol, reply.receive_protocol),
        (protocol::T1, 3)
    );
    assert!(
        world.card.is_some(),
        "the exchange that waited is under way"
    );
    world.step(Step::CardAnswers);

    for (answer, room, expected, length, data) in [
        (vec![1, 2, 0x90, 0], 3, rv::INSUFFICIENT_BUFFER, 4, 0),
        (vec![], 258, rv::NOT_TRANSACTED, 0, 0),
        (vec![0x90], 258, rv::SUCCESS, 1, 1),
        (vec![0; 65548], u32::MAX, rv::SUCCESS, 65548, 65548),
        (vec![0; 65549], u32::MAX, rv::NOT_TRANSACTED, 0, 0),
    ] {
        let request = transmit(&world, protocol::T1, room);
        world.ask(1, request);
        world.card = None;
        let done = world.input(Input::CardDone(0, CardAnswer::Response(answer)));
        let [(1, Reply::Transmit(reply, bytes))] = &replies(&done)[..] else {
            panic!()
        };
        assert_eq!(
            (reply.rv, reply.receive_length, bytes.len()),
            (expected, length, data)
        );
    }
}

#[test]
fn the_protocol_of_a_command_must_be_the_one_in_use() {
    let mut world = two_shared();
    for (protocol, accepted) in [
        (protocol::T0, false),
        (protocol::T1, true),
        (0, false),
        (protocol::RAW, true),
        (protocol::ANY_OLD, true),
    ] {
        let request = transmit(&world, protocol, 258);
        let sent = world.ask(1, request);
        if accepted {
            assert_eq!(result(&world.step(Step::CardAnswers)), rv::SUCCESS);
        } else {
            assert_eq!(result(&sent), rv::PROTO_MISMATCH);
        }
    }
}

fn attribute(world: &mut World, id: u32, length: u32) -> (u32, Vec<u8>) {
    let card = world.clients[&1].cards[0];
    let message = Attribute {
        card,
        id,
        value: [0xEE; ATTRIBUTE_BYTES],
        length,
        rv: 0,
    };
    let effects = world.ask(1, Request::GetAttribute(Box::new(message)));
    let [(1, Reply::Attribute(reply))] = &replies(&effects)[..] else {
        panic!()
    };
    (reply.rv, reply.value[..reply.length as usize].to_vec())
}

#[test]
fn attributes() {
    let mut world = two_shared();
    let (rv, atr) = attribute(&mut world, attribute::ATR_STRING, 264);
    assert_eq!(
        (rv, atr.as_slice()),
        (rv::SUCCESS, &super::super::model::ATR[..])
    );
    assert_eq!(
        attribute(&mut world, attribute::ATR_STRING, 5).0,
        rv::INSUFFICIENT_BUFFER
    );
    assert_eq!(
        attribute(&mut world, attribute::DEVICE_FRIENDLY_NAME, 264).1,
        b"R\0"
    );
    assert_eq!(
        attribute(&mut world, attribute::DEVICE_SYSTEM_NAME, 264).1,
        b"R\0"
    );
    let vendor = attribute(&mut world, attribute::VENDOR_NAME, 264).1;
    assert!(until_nul(&vendor).ends_with(b"(TEST)"), "{vendor:?}");
    assert_eq!(attribute(&mut world, attribute::ICC_PRESENCE, 264).1, [2]);
    let maximum = attribute(&mut world, attribute::MAXINPUT, 264).1;
    assert_eq!(maximum, 65548_u32.to_ne_bytes());
    let none = (rv::SUCCESS, Vec::new());
    assert_eq!(
        attribute(&mut world, attribute::VENDOR_IFD_SERIAL_NO, 264),
        none
    );
    // CURRENT_PROTOCOL_TYPE, which the free CCID driver does not know either.
    assert_eq!(
        attribute(&mut world, 0x0008_0201, 264).0,
        rv::UNSUPPORTED_FEATURE
    );

    let card = world.clients[&1].cards[0];
    let set = Attribute {
        card,
        id: 1,
        value: [0; ATTRIBUTE_BYTES],
        length: 1,
        rv: 0,
    };
    let effects = world.ask(1, Request::SetAttribute(Box::new(set)));
    assert_eq!(result(&effects), rv::UNSUPPORTED_FEATURE);
}

#[test]
fn controls() {
    let mut world = two_shared();
    let mut ask = |code, room| {
        let card = world.clients[&1].cards[0];
        let message = Control {
            card,
            code,
            send_length: 0,
            receive_length: room,
            returned: 0,
            rv: 0,
        };
        let effects = world.ask(1, Request::Control(message, Vec::new()));
        let [(1, Reply::Control(reply, output))] = &replies(&effects)[..] else {
            panic!()
        };
        (reply.rv, reply.returned, output.clone())
    };
    let features = vec![0x12, 4, 0x42, 0x33, 0x00, 0x12];
    for code in [
        control::GET_FEATURE_REQUEST,
        control::GET_FEATURE_REQUEST_WINDOWS,
    ] {
        assert_eq!(ask(code, 264), (rv::SUCCESS, 6, features.clone()));
    }
    let none = Vec::new();
    assert_eq!(
        ask(control::GET_FEATURE_REQUEST, 5),
        (rv::INSUFFICIENT_BUFFER, 6, none.clone())
    );
    let properties = vec![1, 2, 0, 0, 3, 1, 0, 9, 1, 0, 10, 4, 0, 0, 1, 0];
    assert_eq!(
        ask(control::GET_TLV_PROPERTIES, 264),
        (rv::SUCCESS, 16, properties)
    );
    assert_eq!(
        ask(control::VENDOR_IFD_EXCHANGE, 264),
        (rv::NOT_TRANSACTED, 0, none.clone())
    );
    // PIN properties are for readers with a keypad.
    assert_eq!(ask(0x4233_000A, 264), (rv::UNSUPPORTED_FEATURE, 0, none));
}

#[test]
fn an_unused_card_loses_its_power_and_gets_it_back() {
    let mut world = World::with_clients(true, 4, 1);
    assert!(world.allows(Step::Idle), "the timer runs from the start");
    world.step(Step::Connect(1, share::SHARED));
    assert!(!world.allows(Step::Idle), "a card in use keeps its power");
    let left = world.step(Step::Disconnect(1, disposition::LEAVE));
    assert!(left.contains(&Effect::ArmIdle(0)), "{left:?}");
    let before = world.table.states()[0];
    assert_eq!(
        world.step(Step::Idle),
        [Effect::Card(0, CardCommand::PowerOff)]
    );
    world.step(Step::CardAnswers);
    let after = world.table.states()[0];
    assert_eq!(
        (after.state, after.atr()),
        (before.state, before.atr()),
        "nobody sees it"
    );
    assert_eq!(after.protocol, protocol::UNDEFINED);
    world.step(Step::Connect(1, share::SHARED));
    assert_eq!(world.card, Some(CardCommand::PowerOn));
    assert_eq!(result(&world.step(Step::CardAnswers)), rv::SUCCESS);
}

#[test]
fn an_answer_to_reset_of_the_wrong_length_is_none() {
    for atr in [vec![], vec![0x3B], vec![0x3B; 34]] {
        let (table, _) = with_atr(&atr);
        assert_eq!(table.states()[0].state, state::PRESENT | state::SWALLOWED);
    }
    let (table, _) = with_atr(&[0x3B; 33]);
    assert_eq!(table.states()[0].atr_length, 33);
}

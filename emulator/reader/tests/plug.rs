// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers that come and go, and profiles, over the socket in every version of the protocol.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use cie_reader::protocol::codes::{attribute, disposition, rv, share, state};
use cie_reader::protocol::{Attribute, Command, Reply, Request, until_nul};
use cie_reader::{Channel, Place, ReaderError, ReaderProfile, ReaderServer, ReaderSpec};
use common::{ATR, Client, FIRST, SECOND, card, server};

const THIRD: &str = "CIE Virtual Reader 02 00";

/// Names and states of the readers as a client lists them, free places left out.
fn list(client: &mut Client, minor: i32) -> Vec<(String, u32)> {
    let reply = if minor < 6 {
        client.ask(&Request::GetReadersState)
    } else {
        let Reply::StateSize(size) = client.ask(&Request::GetStateSize) else {
            panic!()
        };
        client.readers = usize::try_from(size).unwrap();
        client.ask(&Request::GetStateArray)
    };
    let Reply::ReaderStates(states) = reply else {
        panic!()
    };
    states
        .iter()
        .map(|reader| {
            let name = String::from_utf8(until_nul(&reader.name).to_vec()).unwrap();
            (name, reader.state)
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}

fn names(client: &mut Client, minor: i32) -> Vec<String> {
    list(client, minor)
        .into_iter()
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn readers_come_and_go_in_every_version() {
    for minor in [4, 5, 6] {
        let (server, _watch) = server();
        let control = server.control();
        let mut client = Client::new(server.path(), minor);
        assert_eq!(names(&mut client, minor), [FIRST, SECOND]);

        client.wait();
        assert_eq!(control.add_reader(ReaderSpec::empty(THIRD)).unwrap(), 2);
        assert_eq!(client.event().rv, rv::SUCCESS);
        assert_eq!(names(&mut client, minor), [FIRST, SECOND, THIRD]);

        client.wait();
        assert!(control.remove_reader(1).unwrap().is_none());
        assert_eq!(client.event().rv, rv::SUCCESS);
        assert_eq!(names(&mut client, minor), [FIRST, THIRD]);

        // The free place is taken first, and a card in the reader has power at once.
        let (card, _watch) = card();
        let again = ReaderSpec::with_card(SECOND, card);
        assert_eq!(control.add_reader(again).unwrap(), 1);
        assert_eq!(
            list(&mut client, minor)[1],
            (
                SECOND.to_owned(),
                state::PRESENT | state::POWERED | state::NEGOTIABLE
            )
        );
        if minor == 5 {
            let Reply::ReaderEvents(events) = client.ask(&Request::GetReaderEvents) else {
                panic!()
            };
            assert_eq!(events.events, 6, "two at the start, and three times since");
        }
        assert!(control.remove_reader(1).unwrap().is_some());
    }
}

#[test]
fn a_handle_whose_reader_is_gone_is_good_for_a_disconnect_only() {
    let (server, _watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    let mut waiting = Client::connected(server.path(), FIRST);
    assert_eq!(client.begin(), rv::SUCCESS);
    waiting.send(&Request::Begin(cie_reader::protocol::Begin {
        card: waiting.card,
        rv: 0,
    }));
    let mut late = Client::new(server.path(), 4);
    let request = late.connect_request(FIRST);
    late.send(&request);
    // Answered only once the two before are in the queue of the reader: one server, one order.
    client.status();

    assert!(server.control().remove_reader(0).unwrap().is_some());
    let Reply::Begin(reply) = waiting.receive(Command::Begin) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::INVALID_VALUE);
    let Reply::Connect(reply) = late.receive(Command::Connect) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::UNKNOWN_READER);
    assert_eq!(client.transmit(&[0, 0xA4, 0, 0]).0, rv::INVALID_VALUE);
    assert_eq!(client.status(), rv::INVALID_VALUE);
    assert_eq!(client.end(), rv::INVALID_VALUE);
    assert_eq!(client.disconnect(disposition::RESET), rv::SUCCESS);

    // A new reader of the same name is another one.
    let (card, _watch) = card();
    let control = server.control();
    assert_eq!(
        control
            .add_reader(ReaderSpec::with_card(FIRST, card))
            .unwrap(),
        0
    );
    assert_eq!(waiting.status(), rv::INVALID_VALUE);
    let mut new = Client::connected(server.path(), FIRST);
    assert_eq!(new.transmit(&[0, 0xA4, 0, 0]).0, rv::SUCCESS);
    assert_eq!(waiting.disconnect(disposition::RESET), rv::SUCCESS);
    assert_eq!(new.status(), rv::SUCCESS);
}

#[test]
fn what_cannot_be_plugged_is_refused() {
    let (server, _watch) = server();
    let control = server.control();
    for name in ["", FIRST, "a\0b", &"x".repeat(128)] {
        let refused = control.add_reader(ReaderSpec::empty(name));
        assert!(
            matches!(refused, Err(ReaderError::BadName { .. })),
            "{name:?}"
        );
    }
    assert!(control.remove_reader(1).unwrap().is_none());
    for gone in [1, 2, usize::MAX] {
        assert!(matches!(
            control.remove_reader(gone),
            Err(ReaderError::NoSuchReader { .. })
        ));
        assert!(matches!(
            control.insert_card(gone, card().0),
            Err(ReaderError::NoSuchReader { .. })
        ));
    }
}

#[test]
fn more_readers_than_old_clients_can_see() {
    let readers = (0..20)
        .map(|n| ReaderSpec::empty(format!("Reader {n}")))
        .collect();
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap();
    for (minor, count) in [(4, 16), (5, 16), (6, 20)] {
        let mut client = Client::new(server.path(), minor);
        assert_eq!(names(&mut client, minor).len(), count, "4.{minor}");
    }
}

fn attribute(client: &mut Client, id: u32) -> (u32, Vec<u8>) {
    let request = Request::GetAttribute(Box::new(Attribute {
        card: client.card,
        id,
        value: [0; 264],
        length: 264,
        rv: 0,
    }));
    let Reply::Attribute(reply) = client.ask(&request) else {
        panic!()
    };
    let length = usize::try_from(reply.length).unwrap();
    (reply.rv, reply.value[..length].to_vec())
}

#[test]
fn a_profile_decides_what_a_reader_says_and_speaks() {
    let (card, _watch) = card();
    let profile = ReaderProfile {
        vendor_name: Some("ACME".into()),
        ifd_type: None,
        ifd_version: 0x0102_0003,
        serial: Some("0815".into()),
        channel: Channel::Usb { bus: 3, address: 7 },
        protocols: cie_reader::protocol::codes::protocol::T0,
        max_input: 261,
        usb: Some((0x072F, 0x223B)),
        attributes: [(0x0003_0121, vec![1, 2, 3, 4])].into(),
        ..ReaderProfile::default()
    };
    let spec = ReaderSpec::with_card(FIRST, card).with_profile(profile);
    let server = ReaderServer::bind(&Place::Private, vec![spec])
        .unwrap()
        .spawn()
        .unwrap();
    let mut client = Client::new(server.path(), 4);
    let Request::Connect(mut request) = client.connect_request(FIRST) else {
        panic!()
    };
    // The card would speak T=1; this reader does not.
    let Reply::Connect(reply) = client.ask(&Request::Connect(request.clone())) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::UNRESPONSIVE_CARD);
    request.share = share::DIRECT;
    let Reply::Connect(reply) = client.ask(&Request::Connect(request)) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::SUCCESS);
    client.card = reply.card;
    for (id, value) in [
        (attribute::VENDOR_NAME, b"ACME\0".to_vec()),
        (
            attribute::VENDOR_IFD_VERSION,
            0x0102_0003_u32.to_ne_bytes().to_vec(),
        ),
        (attribute::VENDOR_IFD_SERIAL_NO, b"0815\0".to_vec()),
        (
            attribute::CHANNEL_ID,
            0x0020_0307_u32.to_ne_bytes().to_vec(),
        ),
        (attribute::MAXINPUT, 261_u32.to_ne_bytes().to_vec()),
        (attribute::ATR_STRING, ATR.to_vec()),
        (0x0003_0121, vec![1, 2, 3, 4]),
    ] {
        assert_eq!(attribute(&mut client, id), (rv::SUCCESS, value), "{id:#x}");
    }
    assert_eq!(
        attribute(&mut client, attribute::VENDOR_IFD_TYPE).0,
        rv::UNSUPPORTED_FEATURE
    );
}

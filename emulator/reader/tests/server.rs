// SPDX-License-Identifier: MIT OR Apache-2.0
//! The server over a real socket, with a client of our own.

// Helpers outside of test functions do what test functions may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod common;

use std::io::{ErrorKind, Write};
use std::time::Duration;

use cie_reader::protocol::codes::{disposition, rv};
use cie_reader::protocol::{Begin, Command, Header, Reply, Request};
use cie_reader::{Place, ReaderError, ReaderServer, ReaderSpec, RunningServer, Settings};
use proptest::strategy::Strategy as _;

use common::{ATR, Client, FIRST, GUARD, Happened, SECOND, card, server};

/// A server with adjusted settings and a card in its only reader.
fn adjusted(settings: Settings) -> (RunningServer, common::Watch) {
    let (card, watch) = card();
    let readers = vec![ReaderSpec::with_card(FIRST, card)];
    let server = ReaderServer::bind_with(&Place::Private, readers, settings).unwrap();
    (server.spawn().unwrap(), watch)
}

#[test]
fn a_session() {
    let (server, watch) = server();
    let mut client = Client::new(server.path(), 4);
    let Reply::ReaderStates(states) = client.ask(&Request::GetReadersState) else {
        panic!()
    };
    assert_eq!(states[0].name(), FIRST.as_bytes());
    assert_eq!((states[0].atr(), states[0].state), (&ATR[..], 0x34));
    assert_eq!(
        (states[1].name(), states[1].state),
        (SECOND.as_bytes(), 0x02)
    );
    let mut client = Client::connected(server.path(), FIRST);
    assert_eq!(client.begin(), rv::SUCCESS);
    assert_eq!(
        client.transmit(&[0, 0xB0, 0, 0, 3]),
        (rv::SUCCESS, vec![0, 0, 0, 0x90, 0])
    );
    assert_eq!(client.transmit(&[0xDD]), (rv::NOT_TRANSACTED, vec![]));
    assert_eq!(client.end(), rv::SUCCESS);
    assert_eq!(client.status(), rv::SUCCESS);
    assert_eq!(client.disconnect(disposition::RESET), rv::SUCCESS);
    let seen: Vec<_> = watch.happened.try_iter().collect();
    let exchanges = [vec![0, 0xB0, 0, 0, 3], vec![0xDD]].map(Happened::Transmit);
    assert_eq!(
        seen,
        [&[Happened::PowerOn][..], &exchanges, &[Happened::Reset]].concat()
    );
}

#[test]
fn the_longest_buffers() {
    let (server, _watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    let apdu = [vec![0xFF], vec![0x5A; 65546]].concat();
    let (rv, data) = client.transmit(&apdu);
    assert_eq!((rv, data.len()), (rv::SUCCESS, 65548));
    let (rv, data) = client.transmit(&[vec![0xFF], vec![0x5A; 65547]].concat());
    assert_eq!(
        (rv, data.len()),
        (rv::NOT_TRANSACTED, 0),
        "one byte more than fits"
    );
}

#[test]
fn requests_one_byte_at_a_time_and_all_at_once() {
    let (server, _watch) = server();
    let mut slow = Client::connected(server.path(), FIRST);
    let mut other = Client::connected(server.path(), FIRST);
    for byte in slow.transmit_request(&[0xFF, 1, 2, 3]).to_bytes() {
        slow.stream.write_all(&[byte]).unwrap();
        assert_eq!(other.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    }
    let Reply::Transmit(reply, data) = slow.receive(Command::Transmit) else {
        panic!()
    };
    assert_eq!((reply.rv, data), (rv::SUCCESS, vec![1, 2, 3, 0x90, 0]));

    let requests: Vec<u8> = (0..50)
        .flat_map(|n| slow.transmit_request(&[0xFF, n]).to_bytes())
        .collect();
    slow.stream.write_all(&requests).unwrap();
    for n in 0..50 {
        let Reply::Transmit(_, data) = slow.receive(Command::Transmit) else {
            panic!()
        };
        assert_eq!(data, [n, 0x90, 0]);
    }
}

#[test]
fn nonsense_costs_its_sender_the_connection_and_nobody_else_anything() {
    let (server, _watch) = server();
    let too_long = {
        let client = Client::connected(server.path(), FIRST);
        let Request::Transmit(mut message, _) = client.transmit_request(&[]) else {
            panic!()
        };
        message.send_length = 65549;
        Request::Transmit(message, Vec::new()).to_bytes()
    };
    let mut bystander = Client::connected(server.path(), FIRST);
    assert_eq!(bystander.begin(), rv::SUCCESS);
    let header = |size, command| {
        let mut bytes = Vec::new();
        Header { size, command }.encode(&mut bytes);
        bytes
    };
    let foreign = Request::Begin(Begin {
        card: bystander.card,
        rv: 0,
    })
    .to_bytes();
    for bytes in [
        header(0, 0),
        header(0, 0x18),
        header(13, 0x11),
        header(u32::MAX, 0x09),
        header(4, 0x12),
        vec![0xFF; 5000],
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        too_long,
        foreign,
    ] {
        let mut liar = Client::new(server.path(), 4);
        let _ = liar.stream.write_all(&bytes);
        liar.assert_closed();
        assert_eq!(bystander.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    }
    assert_eq!(bystander.end(), rv::SUCCESS);
}

#[test]
fn half_a_request_and_then_death() {
    let (server, _watch) = server();
    let client = Client::connected(server.path(), FIRST);
    let request = client.transmit_request(&[0; 300]).to_bytes();
    drop(client);
    for cut in [1, 7, 8, 20, 40, 100, request.len() - 1] {
        let mut client = Client::connected(server.path(), FIRST);
        client.stream.write_all(&request[..cut]).unwrap();
        drop(client);
        let mut next = Client::connected(server.path(), FIRST);
        assert_eq!(next.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    }
}

#[test]
fn a_client_that_never_reads_holds_up_itself_only() {
    let (server, _watch) = server();
    let mut deaf = Client::new(server.path(), 4);
    deaf.stream.set_nonblocking(true).unwrap();
    let request = Request::GetReadersState.to_bytes();
    let mut sent = 0_usize;
    // The server takes no more than it can answer, so the socket fills up.
    loop {
        match deaf.stream.write(&request) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Whether it stays full is seen by an exchange of somebody else's in between.
                let mut other = Client::connected(server.path(), FIRST);
                assert_eq!(other.transmit(&[0, 0xA4]).0, rv::SUCCESS);
                match deaf.stream.write(&request) {
                    Ok(count) => sent += count,
                    Err(_) => break,
                }
            }
            Err(error) => panic!("{error}"),
        }
        assert!(
            sent < 8 << 20,
            "the server swallows {sent} bytes without an answer being read"
        );
    }
    // It reads at last, and gets every answer.
    deaf.stream.set_nonblocking(false).unwrap();
    for _ in 0..sent / request.len() {
        deaf.receive(Command::GetReadersState);
    }
}

#[test]
fn a_slow_card_holds_up_its_own_reader_only() {
    let (server, watch) = server();
    let (second, second_watch) = card();
    server.control().insert_card(1, second).unwrap();
    let mut slow = Client::connected(server.path(), FIRST);
    let mut same = Client::connected(server.path(), FIRST);
    let mut other = Client::connected(server.path(), SECOND);
    assert_eq!(watch.next(), Happened::PowerOn);
    slow.send(&slow.transmit_request(&[0xEE]));
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE]));
    // The card is at work now.
    assert_eq!(other.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    assert_eq!(same.status(), rv::SUCCESS);
    assert!(matches!(
        same.ask(&Request::GetReadersState),
        Reply::ReaderStates(_)
    ));
    same.send(&same.transmit_request(&[0xFF, 7]));
    assert_eq!(other.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    watch.gate.send(()).unwrap();
    assert!(matches!(slow.receive(Command::Transmit), Reply::Transmit(reply, _) if reply.rv == 0));
    let Reply::Transmit(_, data) = same.receive(Command::Transmit) else {
        panic!()
    };
    assert_eq!(data, [7, 0x90, 0]);
    assert_eq!(second_watch.next(), Happened::PowerOn);
}

#[test]
fn a_dead_holder_makes_way() {
    let (server, watch) = server();
    let mut holder = Client::connected(server.path(), FIRST);
    let mut heir = Client::connected(server.path(), FIRST);
    assert_eq!(holder.begin(), rv::SUCCESS);
    heir.send(&Request::Begin(Begin {
        card: heir.card,
        rv: 0,
    }));
    drop(holder);
    // The card was reset under it, as it had been in somebody's hands.
    assert!(matches!(heir.receive(Command::Begin), Reply::Begin(m) if m.rv == rv::RESET_CARD));
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Reset);
}

#[test]
fn a_client_that_dies_while_its_command_runs() {
    let (server, watch) = server();
    let mut doomed = Client::connected(server.path(), FIRST);
    assert_eq!(doomed.begin(), rv::SUCCESS);
    doomed.send(&doomed.transmit_request(&[0xEE]));
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE]));
    drop(doomed);
    watch.gate.send(()).unwrap();
    assert_eq!(watch.next(), Happened::Reset);
    let mut next = Client::connected(server.path(), FIRST);
    assert_eq!(next.transmit(&[0, 0xA4]).0, rv::SUCCESS);
}

#[test]
fn a_transaction_that_waits_too_long_is_told_to_try_again() {
    let patience = Settings {
        queue_patience: Duration::from_millis(1),
        ..Settings::default()
    };
    let (server, _watch) = adjusted(patience);
    let mut holder = Client::connected(server.path(), FIRST);
    let mut other = Client::connected(server.path(), FIRST);
    assert_eq!(holder.begin(), rv::SUCCESS);
    assert_eq!(other.begin(), rv::SHARING_VIOLATION);
    assert_eq!(holder.end(), rv::SUCCESS);
    assert_eq!(other.begin(), rv::SUCCESS);
}

#[test]
fn insertion_and_removal() {
    for minor in [4, 5, 6] {
        let (server, watch) = server();
        let control = server.control();
        let mut watcher = Client::new(server.path(), minor);
        let mut user = Client::connected(server.path(), FIRST);
        watcher.wait();
        let card = control.remove_card(0).unwrap();
        assert_eq!(watcher.event().rv, rv::SUCCESS);
        assert_eq!(user.transmit(&[0, 0xA4]).0, rv::REMOVED_CARD);
        assert!(matches!(
            control.remove_card(0),
            Err(ReaderError::ReaderEmpty(0))
        ));
        watcher.wait();
        control.insert_card(1, card).unwrap();
        assert_eq!(watcher.event().rv, rv::SUCCESS);
        let (another, _) = common::card();
        let occupied = control.insert_card(1, another);
        assert!(matches!(occupied, Err(ReaderError::ReaderOccupied(1))));
        let (another, _) = common::card();
        let missing = control.insert_card(2, another);
        assert!(matches!(
            missing,
            Err(ReaderError::NoSuchReader {
                number: 2,
                count: 2
            })
        ));
        let states = control.states();
        assert_eq!((states[0].event_counter, states[1].event_counter), (1, 1));
        assert_eq!((states[0].state, states[1].state), (0x02, 0x34));
        let cards = server.stop().unwrap();
        assert_eq!(
            cards.iter().map(Option::is_some).collect::<Vec<_>>(),
            [false, true]
        );
        let life: Vec<_> = watch.happened.try_iter().collect();
        let once = [Happened::PowerOn, Happened::PowerOff];
        assert_eq!(life, [once.clone(), once].concat());
    }
}

#[test]
fn removed_while_it_works() {
    let (server, watch) = server();
    let control = server.control();
    let mut user = Client::connected(server.path(), FIRST);
    user.send(&user.transmit_request(&[0xEE]));
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE]));
    let remover = std::thread::spawn(move || control.remove_card(0).unwrap());
    // The client is told at once, long before the card is done.
    assert!(
        matches!(user.receive(Command::Transmit), Reply::Transmit(m, _) if m.rv == rv::NO_SMARTCARD)
    );
    watch.gate.send(()).unwrap();
    let card = remover.join().unwrap();
    server.control().insert_card(0, card).unwrap();
    assert_eq!(
        Client::connected(server.path(), FIRST)
            .transmit(&[0, 0xA4])
            .0,
        rv::SUCCESS
    );
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_cards() {
    let (server, watch) = server();
    let control = server.control();
    let mut first = Client::connected(server.path(), FIRST);
    first.send(&first.transmit_request(&[0xEE, 1]));
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE, 1]));
    let remover = std::thread::spawn(move || control.remove_card(0).unwrap());
    first.receive(Command::Transmit);
    // The old card is still at work when the next one gets something to do.
    let (next, next_watch) = card();
    server.control().insert_card(0, next).unwrap();
    let mut second = Client::connected(server.path(), FIRST);
    second.send(&second.transmit_request(&[0xEE, 2]));
    assert_eq!(next_watch.next(), Happened::PowerOn);
    assert_eq!(next_watch.next(), Happened::Transmit(vec![0xEE, 2]));
    watch.gate.send(()).unwrap();
    remover.join().unwrap();
    next_watch.gate.send(()).unwrap();
    let Reply::Transmit(_, data) = second.receive(Command::Transmit) else {
        panic!()
    };
    assert_eq!(data, [2, 0x90, 0]);
}

#[test]
fn a_card_that_panics_counts_as_mute() {
    let (server, _watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    assert_eq!(client.transmit(&[0xCC]).0, rv::NOT_TRANSACTED);
    assert_eq!(client.transmit(&[0, 0xA4]).0, rv::SUCCESS);
}

#[test]
fn an_unused_card_is_powered_off_after_a_while() {
    let (server, watch) = adjusted(Settings {
        idle_power_off: Some(Duration::from_millis(1)),
        ..Settings::default()
    });
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::PowerOff);
    let mut client = Client::connected(server.path(), FIRST);
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(client.transmit(&[0, 0xA4]).0, rv::SUCCESS);
}

#[test]
fn when_there_are_too_many_the_oldest_idler_makes_way() {
    let (server, _watch) = adjusted(Settings {
        max_connections: 3,
        ..Settings::default()
    });
    let mut user = Client::connected(server.path(), FIRST);
    let mut idler = Client::silent(server.path());
    let mut second = Client::new(server.path(), 4);
    let mut third = Client::new(server.path(), 4);
    idler.assert_closed();
    // Now all three have a context, and a fourth is turned away.
    Client::silent(server.path()).assert_closed();
    assert_eq!(user.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    for client in [&mut second, &mut third] {
        assert!(matches!(
            client.ask(&Request::GetReadersState),
            Reply::ReaderStates(_)
        ));
    }
}

#[test]
fn the_end_closes_every_connection() {
    let (server, watch) = server();
    let path = server.path().to_path_buf();
    let mut user = Client::connected(&path, FIRST);
    assert_eq!(user.begin(), rv::SUCCESS);
    let mut waiter = Client::new(&path, 4);
    waiter.wait();
    let cards = server.stop().unwrap();
    assert!(cards[0].is_some() && cards[1].is_none());
    waiter.assert_closed();
    user.assert_closed();
    assert!(!path.exists() && !path.parent().unwrap().exists());
    assert_eq!(
        watch.happened.try_iter().collect::<Vec<_>>(),
        [Happened::PowerOn, Happened::PowerOff]
    );
}

#[test]
fn seventeen_readers() {
    let readers = (0..17)
        .map(|n| {
            let (card, _) = card();
            ReaderSpec::with_card(format!("CIE Virtual Reader {n:02X} 00"), card)
        })
        .collect();
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap();
    let mut old = Client::new(server.path(), 4);
    let Reply::ReaderStates(states) = old.ask(&Request::GetReadersState) else {
        panic!()
    };
    assert!(states.iter().all(|state| state.state == 0x34));
    let mut new = Client::new(server.path(), 6);
    assert_eq!(new.ask(&Request::GetStateSize), Reply::StateSize(17));
    let last = Client::connected(server.path(), "CIE Virtual Reader 10 00").transmit(&[0, 0xA4]);
    assert_eq!(last.0, rv::SUCCESS);
}

#[test]
fn many_clients_at_once() {
    let (server, _watch) = server();
    let path = server.path();
    std::thread::scope(|scope| {
        for n in 0..8_u8 {
            scope.spawn(move || {
                let mut client = Client::connected(path, FIRST);
                for round in 0..50 {
                    // Somebody may be in front for longer than the server keeps one waiting.
                    while client.begin() == rv::SHARING_VIOLATION {}
                    assert_eq!(client.transmit(&[0xFF, n, round]).1, [n, round, 0x90, 0]);
                    assert_eq!(client.end(), rv::SUCCESS);
                }
            });
        }
    });
    let mut last = Client::connected(path, FIRST);
    last.stream.set_read_timeout(Some(GUARD)).unwrap();
    assert_eq!(last.begin(), rv::SUCCESS);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever a client says after whatever beginning: the next one is served.
    #[test]
    fn any_bytes_at_all(
        introduced in proptest::prelude::any::<bool>(),
        command in 0_u32..0x1A,
        size in proptest::prop_oneof![
            proptest::prelude::Just(None),
            proptest::prelude::any::<u32>().prop_map(Some),
        ],
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..3000),
    ) {
        let (server, _watch) = server();
        let mut liar = if introduced {
            Client::connected(server.path(), FIRST)
        } else {
            Client::silent(server.path())
        };
        let body = Command::from_number(command).map_or(0, |command| command.body_size());
        let size = size.unwrap_or(u32::try_from(body).unwrap());
        let mut header = Vec::new();
        Header { size, command }.encode(&mut header);
        let _ = liar.stream.write_all(&[header, bytes].concat());
        let mut next = Client::connected(server.path(), FIRST);
        assert_eq!(next.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    }
}

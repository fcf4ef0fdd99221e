// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client whose command a card takes long for is read and missed meanwhile.

use std::time::Instant;

use cie_reader::protocol::Command;
use cie_reader::protocol::codes::rv;
use cie_reader::protocol::{Begin, Reply, Request};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};

use crate::Echo;
use crate::common::{Client, FIRST, GUARD, Happened, SECOND, Watch, card};
use crate::witness::stranger_has_it_alone;

/// A card that can be held up, and one that answers.
fn server() -> (RunningServer, Watch) {
    let (card, watch) = card();
    let readers = vec![
        ReaderSpec::with_card(FIRST, card),
        ReaderSpec::with_card(SECOND, Box::new(Echo)),
    ];
    let server = ReaderServer::bind(&Place::Private, readers).unwrap();
    (server.spawn().unwrap(), watch)
}

/// One client with handles on both readers; it waits for the card in the
/// first. The handle it has left in `card` is on the second.
fn at_a_card(server: &RunningServer, watch: &Watch) -> Client {
    let mut client = Client::connected(server.path(), FIRST);
    let slow = client.transmit_request(&[0xEE]);
    let request = client.connect_request(SECOND);
    let Reply::Connect(reply) = client.ask(&request) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::SUCCESS);
    client.card = reply.card;
    assert_eq!(client.begin(), rv::SUCCESS);
    client.send(&slow);
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE]));
    client
}

#[test]
fn who_dies_meanwhile_gives_everything_else_back_at_once() {
    let (server, watch) = server();
    let mut heir = Client::connected(server.path(), FIRST);
    let client = at_a_card(&server, &watch);
    drop(client);
    let started = Instant::now();
    stranger_has_it_alone(server.path(), SECOND);
    assert!(started.elapsed() < GUARD / 2, "only when the card gave up");
    watch.gate.send(()).unwrap();
    let begin = Request::Begin(Begin {
        card: heir.card,
        rv: 0,
    });
    assert!(matches!(heir.ask(&begin), Reply::Begin(m) if m.rv == rv::SUCCESS));
    assert_eq!(heir.transmit(&[0xFF, 1]), (0, vec![1, 0x90, 0]));
}

#[test]
fn who_is_told_of_the_removal_goes_on_at_once() {
    let (server, watch) = server();
    let control = server.control();
    let mut client = at_a_card(&server, &watch);
    let remover = std::thread::spawn(move || control.remove_card(0).unwrap());
    let Reply::Transmit(reply, _) = client.receive(Command::Transmit) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::NO_SMARTCARD);
    // The card is still at work.
    assert_eq!(client.transmit(&[0xFF, 3]), (0, vec![3, 0x90, 0]));
    assert_eq!(client.end(), rv::SUCCESS);
    assert!(!remover.is_finished());
    watch.gate.send(()).unwrap();
    remover.join().unwrap();
    assert_eq!(client.transmit(&[0xFF, 4]), (0, vec![4, 0x90, 0]));
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our cards under a scripted vpcd: connections that come, go, stutter and hang.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use cie_reader::vpcd::{Address, CardEvent, CardSide, Mode, VpcdError};
use common::{ATR, GUARD, Happened, Watch, card};

/// What an observer heard, in words that a test can compare.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Unreachable(usize),
    Connected(usize, bool),
    Lost(usize, String),
}

struct Side {
    cards: CardSide,
    heard: Receiver<Heard>,
    watches: Vec<Watch>,
}

impl Side {
    fn start(mode: &Mode, count: usize) -> Self {
        let (tell, heard) = channel();
        let (cards, watches): (Vec<_>, Vec<_>) = (0..count)
            .map(|_| {
                let (card, watch) = card();
                (card as cie_reader::Card, watch)
            })
            .unzip();
        let cards = CardSide::start(mode, cards, move |event| {
            let heard = match event {
                CardEvent::Unreachable { slot, .. } => Heard::Unreachable(*slot),
                CardEvent::Connected { slot, again, .. } => Heard::Connected(*slot, *again),
                CardEvent::Lost { slot, reason } => Heard::Lost(*slot, reason.to_string()),
                _ => panic!("unknown event"),
            };
            tell.send(heard).unwrap();
        })
        .unwrap();
        let side = Self {
            cards,
            heard,
            watches,
        };
        for watch in &side.watches {
            // The look at the ATR before any reader is there.
            assert_eq!(watch.next(), Happened::PowerOn);
            assert_eq!(watch.next(), Happened::PowerOff);
        }
        side
    }

    fn connecting_to(listener: &TcpListener, count: usize) -> Self {
        let address = Address::from(listener.local_addr().unwrap());
        Self::start(&Mode::Connect(address), count)
    }

    fn hears(&self) -> Heard {
        self.heard.recv_timeout(GUARD).expect("no news")
    }
}

/// The other end: a driver that says what the test tells it to.
struct Driver(TcpStream);

impl Driver {
    fn accept(listener: &TcpListener) -> Self {
        Self::new(listener.accept().unwrap().0)
    }

    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(GUARD)).unwrap();
        stream.set_write_timeout(Some(GUARD)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    fn send(&mut self, payload: &[u8]) {
        self.0.write_all(&frame(payload)).unwrap();
    }

    fn receive(&mut self) -> Vec<u8> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length).unwrap();
        let mut payload = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut payload).unwrap();
        payload
    }

    fn ask(&mut self, payload: &[u8]) -> Vec<u8> {
        self.send(payload);
        self.receive()
    }

    fn assert_closed(&mut self) {
        match self.0.read(&mut [0; 16]) {
            Ok(count) => assert_eq!(count, 0, "more than nothing was said"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&length.to_be_bytes(), payload].concat()
}

fn loopback() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

const READ: [u8; 5] = [0, 0xB0, 0, 0, 2];
const ZEROS: [u8; 4] = [0, 0, 0x90, 0];

#[test]
fn a_session_with_a_driver() {
    let listener = loopback();
    let side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    assert_eq!(side.hears(), Heard::Connected(0, false));
    assert_eq!(driver.ask(&[4]), ATR, "without power");
    driver.send(&[1]);
    assert_eq!(driver.ask(&[4]), ATR);
    assert_eq!(driver.ask(&READ), ZEROS);
    driver.send(&[2]);
    driver.send(&[0]);
    let watch = &side.watches[0];
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Transmit(READ.to_vec()));
    assert_eq!(watch.next(), Happened::Reset);
    assert_eq!(watch.next(), Happened::PowerOff);
    assert!(matches!(side.cards.stop().as_slice(), [Some(_)]));
    driver.assert_closed();
}

#[test]
fn frames_arrive_in_pieces_and_together() {
    let listener = loopback();
    let _side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    // Power, ATR and two commands in one piece.
    let all = [frame(&[1]), frame(&[4]), frame(&READ), frame(&[0xFF, 7])].concat();
    driver.0.write_all(&all).unwrap();
    assert_eq!(driver.receive(), ATR);
    assert_eq!(driver.receive(), ZEROS);
    assert_eq!(driver.receive(), [7, 0x90, 0]);
    // A byte at a time.
    for byte in frame(&READ) {
        driver.0.write_all(&[byte]).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(driver.receive(), ZEROS);
    // Cut in the length, and in the payload with the next frame behind it.
    let two = [frame(&READ), frame(&[0xFF, 1, 2])].concat();
    for piece in [&two[..1], &two[1..4], &two[4..]] {
        driver.0.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    assert_eq!(driver.receive(), ZEROS);
    assert_eq!(driver.receive(), [1, 2, 0x90, 0]);
    // As long as they get, there and back.
    let long = [&[0xFF][..], &vec![0x5A; 65_533]].concat();
    assert_eq!(driver.ask(&long).len(), 65_535);
    let longest = vec![0xAA; 65_535];
    assert_eq!(driver.ask(&longest), [0x90, 0]);
}

/// Debian 12's driver writes length and payload apart and lets Nagle's
/// algorithm hold the second back until the first is acknowledged: 40 ms each
/// time if that is delayed, so 8 s here.
#[test]
fn a_length_that_comes_alone_is_acknowledged_at_once() {
    let listener = loopback();
    let _side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    driver.0.set_nodelay(false).unwrap();
    driver.send(&[1]);
    let started = Instant::now();
    for _ in 0..200 {
        let (length, payload) = (frame(&READ)[..2].to_vec(), READ);
        driver.0.write_all(&length).unwrap();
        driver.0.write_all(&payload).unwrap();
        assert_eq!(driver.receive(), ZEROS);
    }
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn what_no_driver_should_send_leaves_the_connection_usable() {
    let listener = loopback();
    let _side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    driver.send(&[1]);
    driver.send(&[]);
    assert_eq!(driver.ask(&[3]), [0x90, 0], "a command of one byte");
    assert_eq!(driver.ask(&[4]), ATR);
    assert_eq!(driver.ask(&READ), ZEROS);
}

#[test]
fn a_mute_card_is_a_card_that_is_gone_and_comes_back() {
    let listener = loopback();
    let side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    driver.send(&[1]);
    assert_eq!(driver.ask(&[0xDD, 0]), []);
    driver.assert_closed();
    assert_eq!(side.hears(), Heard::Connected(0, false));
    assert_eq!(side.hears(), Heard::Lost(0, "the card was mute".into()));
    let mut driver = Driver::accept(&listener);
    assert_eq!(side.hears(), Heard::Connected(0, true));
    assert_eq!(driver.ask(&[4]), ATR);
}

#[test]
fn a_driver_that_starts_anew_finds_the_card_without_power() {
    let listener = loopback();
    let address = listener.local_addr().unwrap();
    let side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    driver.send(&[1]);
    assert_eq!(driver.ask(&READ), ZEROS);
    drop((driver, listener));
    assert_eq!(side.hears(), Heard::Connected(0, false));
    assert!(matches!(side.hears(), Heard::Lost(0, _)));
    assert_eq!(side.hears(), Heard::Unreachable(0), "said once");
    std::thread::sleep(Duration::from_millis(700));
    let listener = TcpListener::bind(address).unwrap();
    let mut driver = Driver::accept(&listener);
    assert_eq!(side.hears(), Heard::Connected(0, true));
    assert_eq!(driver.ask(&[4]), ATR);
    driver.send(&[1]);
    assert_eq!(driver.ask(&READ), ZEROS);
    let happened: Vec<_> = side.watches[0].happened.try_iter().collect();
    let read = Happened::Transmit(READ.to_vec());
    assert_eq!(
        happened,
        [
            Happened::PowerOn,
            read.clone(),
            Happened::PowerOff,
            Happened::PowerOn,
            read
        ]
    );
}

#[test]
fn removal_and_insertion() {
    let listener = loopback();
    let side = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    assert_eq!(side.hears(), Heard::Connected(0, false));
    assert_eq!(driver.ask(&[4]), ATR);
    let card = side.cards.remove(0).unwrap();
    assert!(matches!(side.cards.remove(0), Err(VpcdError::SlotEmpty(0))));
    assert!(matches!(
        side.cards.remove(1),
        Err(VpcdError::NoSuchSlot {
            number: 1,
            count: 1
        })
    ));
    assert_eq!(driver.ask(&[4]), [], "the card is gone");
    driver.assert_closed();
    assert_eq!(
        side.hears(),
        Heard::Lost(0, "the card was taken out".into())
    );
    // Nobody calls for an empty slot, however long that is.
    listener.set_nonblocking(true).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    listener.set_nonblocking(false).unwrap();
    side.cards.insert(0, card).unwrap();
    let mut driver = Driver::accept(&listener);
    driver.0.set_nonblocking(false).unwrap();
    assert_eq!(driver.ask(&[4]), ATR);
    assert!(matches!(
        side.cards.insert(0, common::card().0),
        Err(VpcdError::SlotOccupied(0))
    ));
}

#[test]
fn two_slots_are_two_cards_at_two_ports() {
    let (first, second) = neighbours();
    let side = Side::connecting_to(&first, 2);
    let mut drivers = [Driver::accept(&first), Driver::accept(&second)];
    for (number, driver) in drivers.iter_mut().enumerate() {
        let number = u8::try_from(number).unwrap();
        driver.send(&[1]);
        assert_eq!(driver.ask(&[0xFF, number]), [number, 0x90, 0]);
    }
    for (number, watch) in side.watches.iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        assert_eq!(watch.next(), Happened::PowerOn);
        assert_eq!(watch.next(), Happened::Transmit(vec![0xFF, number]));
    }
}

/// Listeners at a port and at the next one.
fn neighbours() -> (TcpListener, TcpListener) {
    for _ in 0..100 {
        let first = loopback();
        let next = first.local_addr().unwrap().port().checked_add(1);
        if let Some(Ok(second)) = next.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port))) {
            return (first, second);
        }
    }
    panic!("no two free ports side by side");
}

#[test]
fn a_driver_calls_in_reversed_mode() {
    let mode = Mode::Listen {
        address: Address::loopback(0),
        open: false,
    };
    let side = Side::start(&mode, 2);
    let addresses: Vec<SocketAddr> = side
        .cards
        .addresses()
        .iter()
        .map(|address| address.to_string().parse().unwrap())
        .collect();
    for round in 0..2 {
        for (slot, address) in addresses.iter().enumerate() {
            let mut driver = Driver::new(TcpStream::connect(address).unwrap());
            assert_eq!(side.hears(), Heard::Connected(slot, round > 0));
            assert_eq!(driver.ask(&[4]), ATR);
            driver.send(&[1]);
            assert_eq!(driver.ask(&READ), ZEROS);
            drop(driver);
            assert!(matches!(side.hears(), Heard::Lost(_, _)));
        }
    }
    // An empty slot sends everybody away, and nothing is said of it.
    let _card = side.cards.remove(0).unwrap();
    let mut driver = Driver::new(TcpStream::connect(addresses[0]).unwrap());
    driver.send(&[4]);
    driver.assert_closed();
    assert!(side.heard.try_recv().is_err());
}

#[test]
fn ipv6_and_names() {
    let listener = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let _side = Side::connecting_to(&listener, 1);
    assert_eq!(Driver::accept(&listener).ask(&[4]), ATR);
    // `localhost` may be ::1 first, where nobody listens.
    let listener = loopback();
    let port = listener.local_addr().unwrap().port();
    let address = format!("localhost:{port}").parse().unwrap();
    let _side = Side::start(&Mode::Connect(address), 1);
    assert_eq!(Driver::accept(&listener).ask(&[4]), ATR);
}

/// A driver that says nothing, one that does not read, and nobody at all: none
/// of them holds the end up.
#[test]
fn no_peer_holds_up_the_end() {
    let listener = loopback();
    let silent = Side::connecting_to(&listener, 1);
    let _quiet = Driver::accept(&listener);
    assert_eq!(silent.hears(), Heard::Connected(0, false));
    ends_soon(silent);

    let deaf = Side::connecting_to(&listener, 1);
    let mut driver = Driver::accept(&listener);
    driver.send(&[1]);
    driver
        .0
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let echo = frame(&[&[0xFF][..], &vec![1; 60_000]].concat());
    // Until the answers fill the buffers of both sides.
    while driver.0.write_all(&echo).is_ok() {}
    ends_soon(deaf);

    let nobody = Side::start(&Mode::Connect(Address::from(closed_port())), 1);
    assert_eq!(nobody.hears(), Heard::Unreachable(0));
    ends_soon(nobody);

    let unnamed = "no-such-host.invalid:1".parse().unwrap();
    ends_soon(Side::start(&Mode::Connect(unnamed), 1));
}

fn ends_soon(side: Side) {
    let started = Instant::now();
    assert!(matches!(side.cards.stop().as_slice(), [Some(_)]));
    assert!(started.elapsed() < Duration::from_secs(4));
}

/// A port at which nobody listened a moment ago.
fn closed_port() -> SocketAddr {
    loopback().local_addr().unwrap()
}

#[test]
fn listening_is_for_this_machine_unless_allowed() {
    let listen = |text: &str, open| Mode::Listen {
        address: text.parse().unwrap(),
        open,
    };
    let start = |mode| CardSide::start(&mode, vec![card().0], |_| ()).map(|_| ());
    for text in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        assert!(
            matches!(start(listen(text, false)), Err(VpcdError::Open(_))),
            "{text}"
        );
    }
    assert!(start(listen("0.0.0.0:0", true)).is_ok());
    assert!(start(listen("localhost:0", false)).is_ok());
    let holder = loopback();
    let held = listen(&holder.local_addr().unwrap().to_string(), false);
    assert!(matches!(start(held), Err(VpcdError::Listen { .. })));
    assert!(matches!(
        start(Mode::Connect(Address::loopback(0))),
        Err(VpcdError::NoPort)
    ));
}

#[test]
fn any_bytes_of_a_driver_are_survived() {
    use proptest::strategy::Strategy as _;
    let listener = loopback();
    let side = Side::connecting_to(&listener, 1);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bytes = proptest::collection::vec(proptest::prelude::any::<u8>(), 1..2000);
    for _ in 0..5 {
        let mut driver = Driver::accept(&listener);
        let garbage = bytes.new_tree(&mut runner).unwrap();
        let garbage = proptest::strategy::ValueTree::current(&garbage);
        // The card may hang up before it has read everything.
        let _ = driver.0.write_all(&garbage);
        let _ = driver.0.shutdown(std::net::Shutdown::Write);
        let mut rest = Vec::new();
        let _ = driver.0.read_to_end(&mut rest);
    }
    let mut driver = Driver::accept(&listener);
    assert_eq!(driver.ask(&[4]), ATR);
    assert!(matches!(side.cards.stop().as_slice(), [Some(_)]));
}

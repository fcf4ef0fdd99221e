// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scripted vpcd cards in a reader of ours: good ones, hung ones, hostile ones.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cie_reader::protocol::codes::{rv, state};
use cie_reader::vpcd::Address;
use cie_reader::vpcd::{CardPort, PortEvent, PortMode, PortSettings, VpcdError};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer, Settings};
use common::{ATR, Client, FIRST, GUARD};

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Inserted(Vec<u8>),
    Refused(String),
    Removed(String),
}

/// A server whose only reader belongs to a port.
struct Desk {
    port: CardPort,
    heard: Receiver<Heard>,
    server: RunningServer,
}

impl Desk {
    fn new(settings: PortSettings) -> Self {
        let mode = PortMode::Listen {
            address: Address::loopback(0),
            open: false,
        };
        Self::with_mode(mode, settings)
    }

    fn with_mode(mode: PortMode, settings: PortSettings) -> Self {
        let readers = vec![ReaderSpec::empty(FIRST)];
        // Nobody talks to a card but the test and the port.
        let quiet = Settings {
            idle_power_off: None,
            ..Settings::default()
        };
        let server = ReaderServer::bind_with(&Place::Private, readers, quiet)
            .unwrap()
            .spawn()
            .unwrap();
        let (tell, heard) = channel();
        let port = CardPort::open(&mode, server.control(), 0, settings, move |event| {
            let heard = match event {
                PortEvent::Inserted { atr, .. } => Heard::Inserted(atr.to_vec()),
                PortEvent::Refused { reason, .. } => Heard::Refused(reason.to_string()),
                PortEvent::Removed { reason } => Heard::Removed(reason.to_string()),
                other => panic!("{other:?}"),
            };
            // A test that is over does not listen.
            let _ = tell.send(heard);
        })
        .unwrap();
        Self {
            port,
            heard,
            server,
        }
    }

    /// Patient with commands; no looks that scripts would have to expect.
    fn calm() -> Self {
        Self::new(PortSettings {
            answer: GUARD,
            atr: GUARD,
            look: Duration::from_secs(3600),
        })
    }

    fn hears(&self) -> Heard {
        self.heard.recv_timeout(GUARD).expect("no news")
    }

    fn client(&self) -> Client {
        Client::connected(self.server.path(), FIRST)
    }

    fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(self.port.address().to_string()).unwrap();
        stream.set_read_timeout(Some(GUARD)).unwrap();
        stream.set_write_timeout(Some(GUARD)).unwrap();
        stream
    }

    /// Connects a card that answers with what `answer` says to each request:
    /// raw bytes, not frames.
    fn card(
        &self,
        answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> JoinHandle<Vec<Vec<u8>>> {
        let mut stream = self.stream();
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            while let Some(request) = receive(&mut stream) {
                let bytes = answer(&request);
                asked.push(request);
                match bytes {
                    Some(bytes) if stream.write_all(&bytes).is_ok() => {}
                    _ => break,
                }
            }
            asked
        })
    }

    fn is_empty(&self) -> bool {
        self.server.control().states()[0].state & state::ABSENT != 0
    }
}

fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut payload = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&length.to_be_bytes(), payload].concat()
}

/// A well-behaved card: its ATR, and commands echoed with 9000.
fn good(request: &[u8]) -> Option<Vec<u8>> {
    Some(match request {
        [0..=2] => Vec::new(),
        [4] => frame(&ATR),
        apdu => frame(&[apdu, &[0x90, 0]].concat()),
    })
}

/// The exchange failed with the card: either the client hears of that, or of
/// the removal that follows at once.
fn assert_failed((code, data): (u32, Vec<u8>)) {
    assert!(
        matches!(code, rv::NOT_TRANSACTED | rv::NO_SMARTCARD),
        "{code:08X}"
    );
    assert!(data.is_empty());
}

#[test]
fn a_card_comes_works_and_goes() {
    let desk = Desk::calm();
    assert!(desk.is_empty());
    let card = desk.card(|request| match request {
        [0xDE, 0xAD] => None,
        _ => good(request),
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    let mut client = desk.client();
    assert_eq!(client.status(), rv::SUCCESS);
    assert_eq!(client.transmit(&[1, 2]), (rv::SUCCESS, vec![1, 2, 0x90, 0]));
    // It hangs up in the middle of a command.
    assert_failed(client.transmit(&[0xDE, 0xAD]));
    assert!(matches!(desk.hears(), Heard::Removed(_)));
    assert!(desk.is_empty());
    assert_eq!(client.status(), rv::REMOVED_CARD);
    let asked = card.join().unwrap();
    assert_eq!(
        asked,
        [&[4][..], &[1], &[4], &[1, 2], &[0xDE, 0xAD]],
        "ATR first, then power"
    );
    // The next one finds the reader free.
    desk.card(good);
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    assert_eq!(desk.client().transmit(&[7, 7]).0, rv::SUCCESS);
}

/// Reversed mode: the card listens, and is called before and after it does.
#[test]
fn a_card_that_listens_is_called() {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let desk = Desk::with_mode(
        PortMode::Connect(Address::from(address)),
        PortSettings::default(),
    );
    std::thread::sleep(Duration::from_millis(100));
    let listener = TcpListener::bind(address).unwrap();
    for _ in 0..2 {
        let (mut card, _) = listener.accept().unwrap();
        let other = card.try_clone().unwrap();
        std::thread::spawn(move || {
            while let Some(request) = receive(&mut card) {
                if card.write_all(&good(&request).unwrap()).is_err() {
                    break;
                }
            }
        });
        assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
        assert_eq!(desk.client().transmit(&[1, 2]).0, rv::SUCCESS);
        other.shutdown(std::net::Shutdown::Both).unwrap();
        assert!(matches!(desk.hears(), Heard::Removed(_)));
    }
    ends_soon(desk);
    let server = ReaderServer::bind(&Place::Private, vec![ReaderSpec::empty(FIRST)]).unwrap();
    let nowhere = PortMode::Connect(Address::loopback(0));
    let settings = PortSettings::default();
    let refused = CardPort::open(&nowhere, server.control(), 0, settings, |_| ());
    assert!(matches!(refused, Err(VpcdError::NoPort)));
}

#[test]
fn a_second_card_waits_for_the_first_to_leave() {
    let desk = Desk::calm();
    let first = desk.stream();
    let mut one = first.try_clone().unwrap();
    std::thread::spawn(move || {
        while let Some(request) = receive(&mut one) {
            if one.write_all(&good(&request).unwrap()).is_err() {
                break;
            }
        }
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    let other = vec![0x3B, 0x81, 0x01, 0x42];
    let expected = other.clone();
    desk.card(move |request| match request {
        [4] => Some(frame(&other)),
        _ => good(request),
    });
    assert!(desk.heard.recv_timeout(Duration::from_millis(300)).is_err());
    first.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(matches!(desk.hears(), Heard::Removed(_)));
    assert_eq!(desk.hears(), Heard::Inserted(expected));
}

#[test]
fn the_end_of_a_connection_is_noticed_without_a_command() {
    let desk = Desk::calm();
    let mut card = desk.stream();
    let hand = std::thread::spawn({
        let mut card = card.try_clone().unwrap();
        move || {
            for _ in 0..3 {
                let request = receive(&mut card).unwrap();
                card.write_all(&good(&request).unwrap()).unwrap();
            }
        }
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    hand.join().unwrap();
    let _ = card.flush();
    drop(card);
    assert!(matches!(desk.hears(), Heard::Removed(_)));
    assert!(desk.is_empty());
}

/// Asked again and again, a card that answers with an empty ATR is gone.
#[test]
fn an_empty_atr_takes_the_card_out() {
    let desk = Desk::new(PortSettings {
        look: Duration::from_millis(20),
        ..PortSettings::default()
    });
    let looks = std::sync::atomic::AtomicUsize::new(0);
    desk.card(move |request| match request {
        [4] if looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 5 => Some(frame(&[])),
        _ => good(request),
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    assert_eq!(
        desk.hears(),
        Heard::Removed("the card said that it is gone".into())
    );
    assert!(desk.is_empty());
}

#[test]
fn a_card_that_never_answers_costs_one_error() {
    let desk = Desk::new(PortSettings {
        answer: Duration::from_millis(300),
        ..PortSettings::default()
    });
    desk.card(|request| match request {
        [0xDE, ..] => Some(Vec::new()),
        _ => good(request),
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    let mut client = desk.client();
    assert_failed(client.transmit(&[0xDE, 0]));
    assert_eq!(
        desk.hears(),
        Heard::Removed("the other half did not react in time".into())
    );
    desk.card(good);
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    assert_eq!(desk.client().transmit(&[1, 1]).0, rv::SUCCESS);
}

#[test]
fn what_is_no_card_is_not_let_in() {
    let desk = Desk::new(PortSettings {
        atr: Duration::from_millis(300),
        ..PortSettings::default()
    });
    let answers: [(Vec<u8>, &str); 5] = [
        (frame(&[]), "the card said that it is gone"),
        (
            frame(&[0x3B]),
            "its answer to reset has 1 bytes, and 2 to 33 are possible",
        ),
        (
            frame(&[0x3B; 34]),
            "its answer to reset has 34 bytes, and 2 to 33 are possible",
        ),
        (
            frame(&[0x3B; 65_535]),
            "its answer to reset has 65535 bytes, and 2 to 33 are possible",
        ),
        (Vec::new(), "the other half did not react in time"),
    ];
    for (bytes, why) in answers {
        desk.card(move |_| Some(bytes.clone()));
        assert_eq!(desk.hears(), Heard::Refused(why.into()));
        assert!(desk.is_empty());
    }
    // Half a frame, and nothing at all.
    desk.card(|_| Some(vec![0, 9, 1]));
    assert!(matches!(desk.hears(), Heard::Refused(_)));
    drop(desk.stream());
    assert!(matches!(desk.hears(), Heard::Refused(_)));
    // Something said before the question.
    let mut eager = desk.stream();
    eager.write_all(&frame(&ATR)).unwrap();
    assert!(matches!(
        desk.hears(),
        Heard::Refused(_) | Heard::Inserted(_)
    ));
    drop(eager);
    desk.card(good);
    while desk.hears() != Heard::Inserted(ATR.to_vec()) {}
}

#[test]
fn an_answer_that_nobody_asked_for_is_never_taken_for_one() {
    let desk = Desk::calm();
    desk.card(|request| match request {
        [0xDE, ..] => Some([frame(&[0x90, 0]), frame(&[0x69, 0x82])].concat()),
        _ => good(request),
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    let mut client = desk.client();
    assert_eq!(client.transmit(&[0xDE, 0]), (rv::SUCCESS, vec![0x90, 0]));
    assert_failed(client.transmit(&[1, 1]));
    assert_eq!(
        desk.hears(),
        Heard::Removed("it sent something that nobody had asked for".into())
    );
}

#[test]
fn answers_in_pieces_and_at_their_longest() {
    let desk = Desk::calm();
    desk.card(|request| match request {
        [4] => good(request),
        [0xDE, ..] => Some(frame(&[0; 65_535])),
        [0xDF, ..] => Some(frame(&[0x90])),
        _ => good(request),
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    let mut client = desk.client();
    let (code, bytes) = client.transmit(&[0xDE, 0]);
    assert_eq!((code, bytes.len()), (rv::SUCCESS, 65_535));
    // Commands that have no frame: the card stays.
    for apdu in [&[4][..], &[0]] {
        assert_eq!(client.transmit(apdu).0, rv::NOT_TRANSACTED);
    }
    // One byte is no answer of a card, and pcscd passes it on all the same.
    assert_eq!(client.transmit(&[0xDF, 0]), (rv::SUCCESS, vec![0x90]));
    assert_eq!(client.transmit(&[1, 1]).0, rv::SUCCESS);
    drop(desk);

    let desk = Desk::calm();
    let mut stream = desk.stream();
    std::thread::spawn(move || {
        while let Some(request) = receive(&mut stream) {
            for byte in good(&request).unwrap() {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
        }
    });
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    let echoed = [&[9; 300][..], &[0x90, 0]].concat();
    assert_eq!(desk.client().transmit(&[9; 300]), (rv::SUCCESS, echoed));
}

/// Neither a silent visitor, nor a card that is busy, nor one that does not read.
#[test]
fn no_card_holds_up_the_end() {
    for script in 0..3 {
        let desk = Desk::calm();
        if script == 0 {
            let _silent = desk.stream();
            std::thread::sleep(Duration::from_millis(100));
            ends_soon(desk);
            continue;
        }
        desk.card(move |request| match request {
            [0xDE, ..] if script == 1 => Some(Vec::new()),
            [0xDE, ..] => {
                std::thread::sleep(GUARD);
                None
            }
            _ => good(request),
        });
        assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
        let mut client = desk.client();
        let command = client.transmit_request(&[0xDE; 60_000]);
        client.send(&command);
        std::thread::sleep(Duration::from_millis(100));
        ends_soon(desk);
    }
}

fn ends_soon(desk: Desk) {
    let started = Instant::now();
    desk.port.stop();
    desk.server.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(4));
}

#[test]
fn a_server_that_stops_first_is_no_trouble() {
    let desk = Desk::calm();
    let card = desk.card(good);
    assert_eq!(desk.hears(), Heard::Inserted(ATR.to_vec()));
    desk.server.stop().unwrap();
    desk.port.stop();
    assert_eq!(card.join().unwrap().last().unwrap(), &[0], "powered off");
}

#[test]
fn a_port_is_for_this_machine_unless_allowed() {
    let readers = vec![ReaderSpec::empty(FIRST)];
    let server = ReaderServer::bind(&Place::Private, readers).unwrap();
    let listen = |text: &str, open| {
        let address = text.parse().unwrap();
        CardPort::open(
            &PortMode::Listen { address, open },
            server.control(),
            0,
            PortSettings::default(),
            |_| (),
        )
        .map(|_| ())
    };
    assert!(matches!(
        listen("0.0.0.0:0", false),
        Err(VpcdError::Open(_))
    ));
    assert!(listen("0.0.0.0:0", true).is_ok());
    assert!(listen("[::1]:0", false).is_ok());
}

#[test]
fn any_bytes_of_a_card_are_survived() {
    use proptest::strategy::{Strategy as _, ValueTree as _};
    let desk = Desk::new(PortSettings {
        atr: Duration::from_millis(200),
        answer: Duration::from_millis(200),
        look: Duration::from_millis(20),
    });
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let bytes = proptest::collection::vec(proptest::prelude::any::<u8>(), 1..500);
    for round in 0..20 {
        let garbage = bytes.new_tree(&mut runner).unwrap().current();
        let mut card = desk.stream();
        // Half of them are let in first.
        if round % 2 == 0 {
            for _ in 0..3 {
                if let Some(request) = receive(&mut card) {
                    card.write_all(&good(&request).unwrap()).unwrap();
                }
            }
        }
        let _ = card.write_all(&garbage);
        // Sooner or later, whatever it was, the port hangs up.
        let mut rest = Vec::new();
        if let Err(error) = card.read_to_end(&mut rest) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        }
    }
    while desk.heard.try_recv().is_ok() {}
    desk.card(good);
    while desk.hears() != Heard::Inserted(ATR.to_vec()) {}
    assert_eq!(desk.client().transmit(&[1, 1]).0, rv::SUCCESS);
}

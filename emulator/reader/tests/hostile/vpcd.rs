// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes and lengths on both halves of vpcd.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use cie_reader::vpcd::{Address, CardPort, CardSide, Mode, PortEvent, PortMode, PortSettings};
use cie_reader::{Card, Place, ReaderServer, ReaderSpec};

use crate::common::{ATR, Client, FIRST, GUARD, SECOND};
use crate::witness::Witness;
use crate::{Dice, Echo, Round, amount, first_seed};

fn open(address: &Address) -> TcpStream {
    let stream = TcpStream::connect(address.to_string()).unwrap();
    stream.set_read_timeout(Some(GUARD)).unwrap();
    stream.set_write_timeout(Some(GUARD)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&length.to_be_bytes(), payload].concat()
}

fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut payload = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

/// Of good cards, to tell them from those that only pretended.
const GOOD: [u8; 6] = [0x3B, 0x81, 0x80, 0x01, 0xAA, 0xAA];

/// Frames and what is none: lengths that lie, cut off, one after the other,
/// byte by byte.
fn nonsense(stream: &mut TcpStream, dice: &mut Dice) {
    let mut bytes = Vec::new();
    for _ in 0..1 + dice.below(5) {
        let count = dice.pick(&[0, 1, 1, 2, 9, 300, 65_535]);
        let mut payload = dice.bytes(count);
        if count == 1 {
            payload[0] %= 8;
        }
        bytes.extend(frame(&payload));
    }
    match dice.below(4) {
        0 => {
            let place = dice.below(bytes.len());
            bytes[place] ^= 1 << dice.below(8);
        }
        1 => bytes.truncate(1 + dice.below(bytes.len())),
        2 => {
            let count = dice.pick(&[1, 2, 3, 100, 5000]);
            bytes = dice.bytes(count);
        }
        _ => {}
    }
    if dice.below(4) == 0 {
        bytes.truncate(200);
        for byte in bytes.chunks(1) {
            if stream.write_all(byte).is_err() {
                return;
            }
        }
    } else {
        // It may be hung up on before all is said.
        stream.set_nonblocking(true).unwrap();
        let _ = stream.write_all(&bytes);
        stream.set_nonblocking(false).unwrap();
    }
}

fn end(mut stream: TcpStream) {
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
    }
}

/// Hostile drivers at one slot; the driver at the other is served.
#[test]
fn drivers() {
    let (first, second) = loop {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        if port < u16::MAX && std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            break (Address::loopback(port), Address::loopback(port + 1));
        }
    };
    let mode = Mode::Listen {
        address: first.clone(),
        open: false,
    };
    let cards: Vec<Card> = vec![Box::new(Echo), Box::new(Echo)];
    let side = CardSide::start(&mode, cards, |_| ()).unwrap();
    let mut witness = open(&second);
    witness.write_all(&frame(&[1])).unwrap();
    for seed in (first_seed()..).take(amount(30, 2_000)) {
        let round = Round(seed);
        let mut dice = Dice(seed);
        let mut hostile = open(&first);
        nonsense(&mut hostile, &mut dice);
        let number = dice.bytes(1)[0];
        witness.write_all(&frame(&[0xFF, number])).unwrap();
        let answer = receive(&mut witness).unwrap();
        assert_eq!(answer, [number, 0x90, 0]);
        end(hostile);
        let mut next = open(&first);
        next.write_all(&[frame(&[1]), frame(&[4]), frame(&[0xFF, 5])].concat())
            .unwrap();
        assert_eq!(receive(&mut next).unwrap(), ATR);
        assert_eq!(receive(&mut next).unwrap(), [5, 0x90, 0]);
        drop(round);
    }
    assert!(side.stop().iter().all(Option::is_some));
}

/// Hostile cards in one reader; the client of the other is served, and so is
/// the next good card.
#[test]
fn cards() {
    let readers = vec![
        ReaderSpec::empty(FIRST),
        ReaderSpec::with_card(SECOND, Box::new(Echo)),
    ];
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap();
    let mode = PortMode::Listen {
        address: Address::loopback(0),
        open: false,
    };
    let impatient = PortSettings {
        atr: Duration::from_millis(300),
        answer: Duration::from_millis(300),
        look: Duration::from_secs(3600),
    };
    let (tell, heard) = channel();
    let port = CardPort::open(&mode, server.control(), 0, impatient, move |event| {
        let atr = match event {
            PortEvent::Inserted { atr, .. } => Some(atr.to_vec()),
            _ => None,
        };
        let _ = tell.send(atr);
    })
    .unwrap();
    let mut witness = Witness::new(server.path(), SECOND);
    for seed in (first_seed()..).take(amount(30, 2_000)) {
        let round = Round(seed);
        let mut dice = Dice(seed);
        let mut hostile = open(port.address());
        // It behaves for a while: up to three questions for its ATR and power.
        let a_while = Some(Duration::from_millis(500));
        hostile.set_read_timeout(a_while).unwrap();
        for _ in 0..dice.below(5) {
            match receive(&mut hostile).as_deref() {
                Some([4]) => hostile.write_all(&frame(&ATR)).unwrap(),
                Some([0..=2]) => {}
                _ => break,
            }
            if server.control().states()[0].atr_length > 0 {
                break;
            }
        }
        hostile.set_read_timeout(Some(GUARD)).unwrap();
        nonsense(&mut hostile, &mut dice);
        witness.is_undisturbed();
        end(hostile);
        // What it said may have been a card; it is gone by now, or soon.
        while heard.try_recv().is_ok() {}
        let mut good = open(port.address());
        let good = std::thread::spawn(move || {
            while let Some(request) = receive(&mut good) {
                let answer = match &*request {
                    [0..=2] => continue,
                    [4] => frame(&GOOD),
                    apdu => frame(&[apdu, &[0x90, 0]].concat()),
                };
                if apdu_is_last(&request) | good.write_all(&answer).is_err() {
                    return;
                }
            }
        });
        while heard.recv_timeout(GUARD).expect("no card") != Some(GOOD.to_vec()) {}
        let mut client = Client::connected(server.path(), FIRST);
        assert_eq!(client.transmit(&[7, 7]), (0, vec![7, 7, 0x90, 0]));
        client.transmit(&[0xDE, 0xAD]);
        good.join().unwrap();
        while heard.recv_timeout(GUARD).expect("the card stays").is_some() {}
        drop(round);
    }
}

/// The command that makes a good card hang up.
fn apdu_is_last(apdu: &[u8]) -> bool {
    apdu == [0xDE, 0xAD]
}

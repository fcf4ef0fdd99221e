// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client against a scripted server: what it asks, byte by byte, and what
//! it makes of each kind of answer.

mod server;

use super::*;
use crate::transport::{Transmit, TransportError};
use hex_literal::hex;
use server::{Server, Turn, connected, short, state, states, turn, words};
use std::fs;
use std::os::unix::net::UnixListener;
use std::time::Instant;
use tempfile::TempDir;

const ATR: [u8; 5] = hex!("3B80800101");

#[test]
fn a_session_byte_by_byte() {
    let transmit = Turn {
        extra: 5,
        ..turn(
            [
                words(&[77, 2, 16, 5, 2, 16, 4, 0]),
                hex!("AABB9000").to_vec(),
            ]
            .concat(),
        )
    };
    let mut attribute = words(&[77, 0x0009_0303]);
    attribute.extend(ATR);
    attribute.resize(8 + 264, 0);
    attribute.extend(words(&[5, 0]));
    let server = Server::start(
        4,
        vec![
            turn(states(&[
                state("Empty 00", 0, &[]),
                state("Reader 01", 3, &ATR),
            ])),
            connected(),
            turn(attribute),
            turn(words(&[77, 0])),
            transmit,
            turn(words(&[77, 0, 0])),
            turn(words(&[77, 2, 2, 1, 2, 0])),
            turn(words(&[77, 1, 0])),
            turn(words(&[0xC0FFEE, 0])),
        ],
    );
    let mut card = Card::first(server.path(), Options::default()).unwrap();
    assert_eq!((card.reader(), card.handle()), ("Reader 01", Handle(77)));
    assert_eq!(card.atr().unwrap(), ATR);
    card.begin_transaction(Duration::ZERO).unwrap();
    assert_eq!(
        card.transmit(&hex!("00B0000000")).unwrap(),
        hex!("AABB9000")
    );
    card.end_transaction(Disposition::Leave).unwrap();
    card.reconnect(Disposition::Reset).unwrap();
    let context = card.disconnect(Disposition::Reset).unwrap();
    assert_eq!((context.minor(), context.id()), (4, 0xC0FFEE));
    context.release().unwrap();

    let requests = server.requests();
    let numbers: Vec<u32> = requests.iter().map(|(n, _)| *n).collect();
    assert_eq!(
        numbers,
        [0x12, 0x04, 0x0F, 0x07, 0x09, 0x08, 0x05, 0x06, 0x02]
    );
    let sizes: Vec<usize> = requests.iter().map(|(_, b)| b.len()).collect();
    assert_eq!(sizes, [0, 152, 280, 8, 32 + 5, 12, 24, 12, 8]);
    let connect = &requests[1].1;
    assert_eq!(connect[..4], words(&[0xC0FFEE]));
    assert_eq!(connect[4..14], *b"Reader 01\0");
    assert_eq!(connect[132..140], words(&[2, 2]), "shared, T=1");
    let transmit = &requests[4].1;
    assert_eq!(transmit[..32], words(&[77, 2, 16, 5, 2, 16, 65_548, 0]));
    assert_eq!(transmit[32..], hex!("00B0000000"));
    assert_eq!(
        requests[6].1[..16],
        words(&[77, 2, 2, 1]),
        "shared, T=1, warm reset"
    );
}

#[test]
fn error_codes_are_typed_and_the_connection_goes_on() {
    let no = |code: u32| turn(words(&[77, 2, 16, 5, 2, 16, 0, code]));
    let server = Server::start(
        4,
        vec![
            connected(),
            Turn {
                extra: 4,
                ..no(0x8010_0068)
            },
            turn(words(&[77, 2, 2, 1, 2, 0])),
            Turn {
                extra: 4,
                ..no(0x8010_0069)
            },
            turn(words(&[77, 0x8010_0099])),
        ],
    );
    let context = server.client(Options::default());
    let mut card = Card::connect(context, "Reader 01").unwrap();
    let error = card.transmit(&hex!("00A40000")).unwrap_err();
    let TransportError::Pcsc(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.code(), Some(ScardCode::ResetCard));
    assert_eq!(
        error.to_string(),
        "TRANSMIT: another program reset the card; reconnect and start over \
         (SCARD_W_RESET_CARD, 80100068)"
    );
    card.reconnect(Disposition::Leave).unwrap();
    assert!(matches!(
        card.transmit(&hex!("00A40000")),
        Err(TransportError::Pcsc(PcscError::Scard {
            code: ScardCode::RemovedCard,
            ..
        }))
    ));
    let handle = card.handle();
    let error = card.context().status(handle).unwrap_err();
    assert_eq!(error.code(), Some(ScardCode::Other(0x8010_0099)));
}

#[test]
fn resets_fall_back_to_the_readers_state() {
    let mut attribute = vec![0; 8 + 264];
    attribute.extend(words(&[0, 0x8010_001F]));
    let server = Server::start(
        4,
        vec![
            connected(),
            turn(words(&[77, 2, 2, 1, 2, 0])),
            turn(attribute),
            turn(words(&[77, 0])),
            turn(states(&[state("Reader 01", 3, &ATR)])),
        ],
    );
    let mut card = Card::connect(server.client(Options::default()), "Reader 01").unwrap();
    assert_eq!(card.reset().unwrap(), ATR);
}

#[test]
fn a_busy_reader_is_asked_again() {
    let busy = || turn(words(&[77, 0x8010_000B]));
    let server = Server::start(
        4,
        vec![connected(), busy(), busy(), turn(words(&[77, 0])), busy()],
    );
    let mut card = Card::connect(server.client(Options::default()), "Reader 01").unwrap();
    let start = Instant::now();
    card.begin_transaction(Duration::from_secs(10)).unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200));
    let error = card.begin_transaction(Duration::ZERO).unwrap_err();
    assert_eq!(error.code(), Some(ScardCode::SharingViolation));
}

#[test]
fn a_server_that_queues_is_waited_for() {
    let later = Turn {
        pause: Duration::from_millis(200),
        ..turn(words(&[77, 0]))
    };
    let server = Server::start(4, vec![connected(), later, turn(words(&[77, 0]))]);
    let mut card = Card::connect(server.client(short()), "Reader 01").unwrap();
    card.begin_transaction(Duration::from_secs(10)).unwrap();
    let handle = card.handle();
    card.context().status(handle).unwrap();
}

#[test]
fn one_message_ends_each_wait() {
    let list = || states(&[state("Reader 01", 3, &ATR)]);
    let later = || states(&[state("Reader 01", 4, &[])]);
    let eight = |rv: u32| words(&[0, rv]);
    let server = Server::start(
        4,
        vec![
            turn(list()),
            turn([list(), eight(0)].concat()),  // the event
            turn(list()),                       // no event
            turn(eight(0)),                     // the answer to STOP
            turn([later(), eight(0)].concat()), // changed before, and the event
            turn(later()),                      // changed before
            turn(eight(0)),                     // the answer to STOP
            turn([list(), eight(0x8010_0002)].concat()), // cancelled
        ],
    );
    let mut context = server.client(Options::default());
    let known = context.readers().unwrap();
    assert!(known[0].card_present() && known[0].atr == ATR && known[0].sharing == 1);
    let mut wait = |millis| {
        let start = Instant::now();
        let outcome = context
            .wait_for_change(&known, Duration::from_millis(millis))
            .unwrap();
        (outcome, start.elapsed() >= Duration::from_millis(millis))
    };
    assert_eq!(wait(9000), (WaitOutcome::Changed, false));
    assert_eq!(wait(40), (WaitOutcome::TimedOut, true), "waits to the end");
    assert_eq!(wait(9000), (WaitOutcome::Changed, false));
    assert_eq!(
        wait(9000),
        (WaitOutcome::Changed, false),
        "does not wait for what has been"
    );
    assert_eq!(wait(9000), (WaitOutcome::Cancelled, false));
    let numbers: Vec<u32> = server.requests().iter().map(|(n, _)| *n).collect();
    assert_eq!(numbers, [0x12, 0x13, 0x13, 0x14, 0x13, 0x13, 0x14, 0x13]);
}

#[test]
fn version_4_6_counts_its_readers_and_waits_without_a_list() {
    let list: Vec<u8> = (0..20)
        .flat_map(|n| state(&format!("Reader {n:02}"), 0, &[]))
        .collect();
    let server = Server::start(
        6,
        vec![
            turn(words(&[20])),
            turn(list),
            turn([]),
            turn(words(&[0, 0])),
            turn(words(&[u32::MAX])),
        ],
    );
    let mut context = server.client(Options {
        minor: 6,
        ..short()
    });
    let known = context.readers().unwrap();
    assert_eq!((known.len(), known[19].name.as_str()), (20, "Reader 19"));
    let outcome = context
        .wait_for_change(&known, Duration::from_millis(30))
        .unwrap();
    assert_eq!(outcome, WaitOutcome::TimedOut);
    assert!(matches!(context.readers(), Err(PcscError::Reply { .. })));
}

#[test]
fn the_lower_version_counts() {
    for (server_minor, minor) in [(4, 6), (6, 4)] {
        let server = Server::start(server_minor, vec![turn(states(&[]))]);
        let mut context = server.client(Options {
            minor,
            ..Options::default()
        });
        assert_eq!(context.minor(), 4);
        assert!(context.readers().unwrap().is_empty());
    }
}

#[test]
fn a_lost_reply_closes_the_connection_to_further_use() {
    let late = Turn {
        pause: Duration::from_millis(200),
        ..turn(states(&[]))
    };
    let server = Server::start(4, vec![late]);
    let mut context = server.client(short());
    let start = Instant::now();
    assert!(matches!(context.readers(), Err(PcscError::Timeout { .. })));
    assert!(start.elapsed() < Duration::from_millis(190));
    assert!(matches!(context.readers(), Err(PcscError::OutOfStep)));
}

#[test]
fn half_a_reply_is_none() {
    let server = Server::start(4, vec![turn(vec![0; 100])]);
    let mut context = server.client(short());
    assert!(matches!(
        context.readers(),
        Err(PcscError::Closed { .. } | PcscError::Timeout { .. })
    ));
    assert!(matches!(context.readers(), Err(PcscError::OutOfStep)));
}

#[test]
fn replies_that_lie_are_refused() {
    let long = Turn {
        extra: 4,
        ..turn(words(&[77, 2, 16, 5, 2, 16, 65_549, 0]))
    };
    let mut attribute = vec![0; 8 + 264];
    attribute.extend(words(&[265, 0]));
    let server = Server::start(4, vec![connected(), turn(attribute), long]);
    let mut card = Card::connect(server.client(Options::default()), "Reader 01").unwrap();
    assert!(matches!(card.atr(), Err(PcscError::Reply { .. })));
    let transmitted = card.transmit(&hex!("00A40000"));
    assert!(matches!(
        transmitted,
        Err(TransportError::Pcsc(PcscError::Reply { .. }))
    ));
    assert!(matches!(card.atr(), Err(PcscError::OutOfStep)));
}

#[test]
fn what_cannot_be_sent_is_not_sent() {
    let server = Server::start(4, vec![connected()]);
    let mut context = server.client(Options::default());
    let error = context
        .connect(&"x".repeat(128), Share::Shared)
        .unwrap_err();
    assert!(matches!(
        error,
        PcscError::TooLong {
            length: 128,
            limit: 127,
            ..
        }
    ));
    let card = context.connect("Reader", Share::Exclusive).unwrap();
    let error = context.transmit(card, &[0; 65_549]).unwrap_err();
    assert!(matches!(error, PcscError::TooLong { .. }));
    drop(context);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn sockets_that_are_not_there_say_what_to_do() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("none");
    let error = Context::open(&path, Options::default()).unwrap_err();
    assert!(matches!(error, PcscError::NoSocket { .. }));
    assert!(
        error.to_string().contains("start the virtual reader"),
        "{error}"
    );
    drop(UnixListener::bind(&path).unwrap());
    let error = Context::open(&path, Options::default()).unwrap_err();
    assert!(matches!(error, PcscError::NobodyListens { .. }), "{error}");
    fs::remove_file(&path).unwrap();
    let long = directory.path().join("x".repeat(120));
    let error = Context::open(long, Options::default()).unwrap_err();
    assert!(matches!(error, PcscError::PathTooLong { .. }));
}

#[test]
fn another_major_version_is_refused() {
    let server = Server::start(9, vec![]);
    let error = Context::open(server.path(), Options::default()).unwrap_err();
    assert!(matches!(error, PcscError::Version { major: 4, minor: 9 }));
}

#[test]
fn every_code_has_name_and_words() {
    for code in ScardCode::NAMED {
        assert!(code.name().starts_with("SCARD_") && !code.words().is_empty());
        assert_eq!(ScardCode::from_number(code.number()), Some(*code));
    }
    assert_eq!(ScardCode::from_number(0), None);
    assert_eq!(ScardCode::from_number(5).unwrap().number(), 5);
}

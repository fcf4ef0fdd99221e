// SPDX-License-Identifier: MIT OR Apache-2.0
//! Control from outside, and what an observer sees, over a real socket.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::process;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use cie_reader::protocol::codes::{disposition, rv};
use cie_reader::protocol::{Begin, Command, Reply, Request};
use cie_reader::{Place, ReaderError, ReaderServer, ReaderSpec, RunningServer, Usage};
use common::{Client, FIRST, GUARD, Happened, SECOND, card, server};

/// A server that tells what it sees, line by line.
fn watched() -> (RunningServer, common::Watch, Receiver<String>) {
    let (card, watch) = card();
    let readers = vec![ReaderSpec::empty(FIRST), ReaderSpec::empty(SECOND)];
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .with_observer(Arc::new(move |event| {
            let _ = tell.lock().unwrap().send(event.to_string());
        }))
        .spawn()
        .unwrap();
    // From here on nobody waits for the card's first power.
    server.control().insert_card(0, card).unwrap();
    assert_eq!(next(&told), "reader 0: card inserted");
    (server, watch, told)
}

fn next(told: &Receiver<String>) -> String {
    told.recv_timeout(GUARD).expect("nothing is told")
}

/// Blocks until `holds`; the guard is only against defects.
fn until(server: &RunningServer, holds: impl FnMut(&Usage) -> bool) {
    let control = server.control();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime
        .block_on(async { tokio::time::timeout(GUARD, control.until(holds)).await })
        .expect("it never holds");
}

fn begin(client: &Client) -> Request {
    Request::Begin(Begin {
        card: client.card,
        rv: 0,
    })
}

#[test]
fn a_reset_by_hand_is_done_when_it_returns() {
    let (server, watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    assert_eq!(watch.next(), Happened::PowerOn);
    server.control().reset_card(0).unwrap();
    assert_eq!(watch.happened.try_recv(), Ok(Happened::Reset));
    assert_eq!(client.status(), rv::RESET_CARD);
    let empty = server.control().reset_card(1);
    assert!(matches!(empty, Err(ReaderError::ReaderEmpty(1))));
    let none = server.control().reset_card(2);
    assert!(matches!(
        none,
        Err(ReaderError::NoSuchReader {
            number: 2,
            count: 2
        })
    ));
}

#[test]
fn a_reset_waits_for_the_exchange_and_not_for_a_card_that_leaves() {
    let (server, watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    client.send(&client.transmit_request(&[0xEE, 1]));
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE, 1]));
    let control = server.control();
    let reset = std::thread::spawn(move || control.reset_card(0));
    watch.gate.send(()).unwrap();
    reset.join().unwrap().unwrap();
    assert_eq!(watch.next(), Happened::Reset);

    let mut other = Client::connected(server.path(), FIRST);
    other.send(&other.transmit_request(&[0xEE, 2]));
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE, 2]));
    let control = server.control();
    let reset = std::thread::spawn(move || control.reset_card(0));
    let control = server.control();
    let removed = std::thread::spawn(move || control.remove_card(0));
    // The removal ends the reset, or comes first; neither waits for the other.
    let _ = reset.join().unwrap();
    watch.gate.send(()).unwrap();
    assert!(removed.join().unwrap().is_ok());
}

#[test]
fn who_uses_what() {
    let (server, _watch) = server();
    let control = server.control();
    assert_eq!(control.usage().readers.len(), 2);
    assert_eq!(control.usage().contexts, 0);
    let mut holder = Client::connected(server.path(), FIRST);
    assert_eq!(holder.begin(), rv::SUCCESS);
    let mut second = Client::connected_waiting(server.path());
    until(&server, |usage| usage.readers[0].queued == 1);
    let usage = control.usage();
    assert_eq!((usage.contexts, usage.readers[0].handles), (2, 1));
    let who = usage.readers[0].holder.clone().expect("a holder");
    assert_eq!(who.number, 1);
    assert_eq!(
        who.process,
        i32::try_from(process::id()).ok(),
        "it is this process"
    );
    assert!(!who.program.is_empty());
    assert_eq!(holder.end(), rv::SUCCESS);
    let Reply::Connect(reply) = second.receive(Command::Connect) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::SUCCESS);
    assert_eq!(control.usage().readers[0].holder, None);

    let mut waiting = Client::new(server.path(), 6);
    assert_eq!(control.usage().waiting, 0);
    waiting.wait();
    until(&server, |usage| usage.waiting == 1);
    drop(waiting);
    until(&server, |usage| usage.waiting == 0 && usage.contexts == 2);
}

#[test]
fn an_end_of_the_server_ends_the_waits_for_it() {
    let (server, _watch) = server();
    let control = server.control();
    let waiting = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async { tokio::time::timeout(GUARD, control.until(|_| false)).await })
    });
    server.stop().unwrap();
    assert!(waiting.join().unwrap().is_ok());
}

#[test]
fn an_observer_sees_calls_queue_and_answers_in_order() {
    let (server, _watch, told) = watched();
    let pid = process::id();
    let comm = std::fs::read_to_string("/proc/self/comm").unwrap();
    let [one, two] = [1, 2].map(|number| format!("[{number} {}/{pid}]", comm.trim()));
    let mut holder = Client::connected(server.path(), FIRST);
    let handle = format!("reader 0, handle {:08X}", holder.card);
    let context = holder.context;
    for expected in [
        format!("{one} connects"),
        format!("{one} version 4.4 -> SCARD_S_SUCCESS, 4.4"),
        format!("{one} SCardEstablishContext -> SCARD_S_SUCCESS, context {context:08X}"),
        format!(
            "{one} SCardConnect(\"{FIRST}\", shared, T=1) -> SCARD_S_SUCCESS, handle {:08X}, T=1",
            holder.card
        ),
    ] {
        assert_eq!(next(&told), expected);
    }
    let mut second = Client::connected(server.path(), FIRST);
    let second_handle = format!("reader 0, handle {:08X}", second.card);
    for _ in 0..4 {
        assert!(next(&told).starts_with(&two));
    }
    assert_eq!(holder.begin(), rv::SUCCESS);
    let begins = |who: &str, handle: &str| format!("{who} SCardBeginTransaction({handle})");
    assert_eq!(next(&told), begins(&one, &handle) + " -> SCARD_S_SUCCESS");
    second.send(&begin(&second));
    assert_eq!(
        next(&told),
        begins(&two, &second_handle) + " waits in the queue"
    );
    assert_eq!(
        holder.transmit(&[0, 0xB0, 0, 0, 3]),
        (rv::SUCCESS, vec![0, 0, 0, 0x90, 0])
    );
    assert_eq!(
        next(&told),
        format!("{one} SCardTransmit({handle}, 5 bytes) -> SCARD_S_SUCCESS, 5 bytes")
    );
    assert_eq!(holder.end(), rv::SUCCESS);
    assert_eq!(
        next(&told),
        format!("{one} SCardEndTransaction({handle}, leave) -> SCARD_S_SUCCESS")
    );
    second.receive(Command::Begin);
    let got = next(&told);
    let start = begins(&two, &second_handle) + " -> SCARD_S_SUCCESS, ";
    let time = got.strip_prefix(&start).unwrap_or_else(|| panic!("{got}"));
    let time = time.strip_suffix(" ms in the queue").unwrap();
    assert!(time.parse::<u64>().is_ok(), "{got}");
    assert_eq!(second.disconnect(disposition::RESET), rv::SUCCESS);
    assert_eq!(
        next(&told),
        format!("{two} SCardDisconnect({second_handle}, reset) -> SCARD_S_SUCCESS")
    );
    assert_eq!(holder.status(), rv::RESET_CARD);
    assert_eq!(
        next(&told),
        format!("{one} SCardStatus({handle}) -> SCARD_W_RESET_CARD")
    );
    drop(second);
    assert_eq!(next(&told), format!("{two} is gone"));
    // Somebody else's handle.
    holder.card ^= 1;
    holder.send(&begin(&holder));
    holder.assert_closed();
    assert_eq!(
        next(&told),
        format!("{one} is cut off: it used a card handle that is not its own")
    );
}

#[test]
fn an_observer_sees_waits_and_what_ends_them() {
    let (server, _watch, told) = watched();
    let mut client = Client::new(server.path(), 4);
    for _ in 0..3 {
        next(&told);
    }
    let line = |words: &str| {
        let got = next(&told);
        assert!(got.ends_with(words), "{got:?} instead of {words:?}");
    };
    client.wait();
    line("SCardGetStatusChange waits for a change");
    server.control().insert_card(1, card().0).unwrap();
    line("reader 1: card inserted");
    line("SCardGetStatusChange woken: something changed");
    client.event();
    client.wait();
    line("waits for a change");
    client.ask(&Request::StopWaiting);
    line("waits no longer (timeout, or nothing to wait for)");
    server.control().reset_card(0).unwrap();
    line("reader 0: card reset by hand");
    drop(server.control().remove_card(0).unwrap());
    line("reader 0: card removed");
}

#[test]
fn names_from_outside_stay_in_their_line() {
    let (server, _watch, told) = watched();
    let mut client = Client::new(server.path(), 4);
    for _ in 0..3 {
        next(&told);
    }
    client.ask(&client.connect_request("x\n> 00A40000"));
    let got = next(&told);
    assert!(
        got.contains(r#"SCardConnect("x\n> 00A40000", shared"#) && !got.contains('\n'),
        "{got}"
    );
    assert!(got.ends_with("SCARD_E_UNKNOWN_READER"), "{got}");
}

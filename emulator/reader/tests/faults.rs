// SPDX-License-Identifier: MIT OR Apache-2.0
//! Planned faults over a real socket: what the client is told, what the card
//! saw of it, and what the reader keeps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cie_reader::faults::return_code;
use cie_reader::protocol::codes::{RETURN_NAMES, attribute, disposition, rv, share};
use cie_reader::protocol::{
    ATTRIBUTE_BYTES, Attribute, Cancel, Command, Control, Establish, Reconnect, Release, Reply,
    Request, Version,
};
use cie_reader::{
    Fault, FaultError, FaultOutcome, PcscCall, Place, ReaderServer, ReaderSpec, RunningServer,
};
use common::{Client, FIRST, GUARD, Happened, Watch, card, server};

/// `SCARD_E_NO_SERVICE`.
const NO_SERVICE: u32 = 0x8010_001D;

fn refused(call: PcscCall, code: u32) -> Fault {
    Fault::new(call, FaultOutcome::Refused(code))
}

fn plan(server: &RunningServer, fault: Fault) {
    server.control().fault(fault).unwrap();
}

/// The commands that the card has had.
fn commands(watch: &Watch) -> usize {
    let seen = watch.happened.try_iter();
    seen.filter(|h| matches!(h, Happened::Transmit(_))).count()
}

#[test]
fn a_refused_exchange_does_not_reach_the_card_and_the_next_one_does() {
    let (server, watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    plan(
        &server,
        refused(PcscCall::Transmit, rv::NOT_TRANSACTED)
            .at(3)
            .times(2),
    );
    assert_eq!(client.begin(), rv::SUCCESS);
    let told: Vec<u32> = (0..6).map(|_| client.transmit(&[0, 0xA4]).0).collect();
    let (ok, no) = (rv::SUCCESS, rv::NOT_TRANSACTED);
    assert_eq!(told, [ok, ok, no, no, ok, ok]);
    assert_eq!(commands(&watch), 4);
    let planned = server.control().faults();
    assert_eq!((planned[0].seen, planned[0].struck), (6, 2));
    server.control().clear_faults();
    assert!(server.control().faults().is_empty());
    assert_eq!(client.end(), rv::SUCCESS);
}

#[test]
fn every_code_of_the_list_can_be_told() {
    let (server, watch) = server();
    for (name, code) in RETURN_NAMES {
        if matches!(code, rv::SUCCESS | rv::RESET_CARD | rv::REMOVED_CARD) {
            continue;
        }
        let mut client = Client::connected(server.path(), FIRST);
        plan(
            &server,
            refused(PcscCall::Transmit, return_code(name).unwrap()),
        );
        assert_eq!(client.transmit(&[0, 0xA4]), (code, vec![]), "{name}");
        assert_eq!(client.transmit(&[0, 0xA4]).0, rv::SUCCESS, "{name}");
        server.control().clear_faults();
    }
    assert_eq!(
        commands(&watch),
        RETURN_NAMES.len() - 3,
        "one for each name"
    );
}

#[test]
fn every_kind_of_call_can_be_refused() {
    let (server, _watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    let (card, context) = (client.card, client.context);
    let attribute = Attribute {
        card,
        id: attribute::ATR_STRING,
        value: [0; ATTRIBUTE_BYTES],
        length: 264,
        rv: 0,
    };
    let requests = [
        (
            PcscCall::Version,
            Request::Version(Version {
                major: 4,
                minor: 4,
                rv: 0,
            }),
        ),
        (
            PcscCall::EstablishContext,
            Request::Establish(Establish {
                scope: 2,
                context: 0,
                rv: 0,
            }),
        ),
        (PcscCall::ReaderEvents, Request::GetReaderEvents),
        (PcscCall::Cancel, Request::Cancel(Cancel { context, rv: 0 })),
        (PcscCall::Connect, client.connect_request(FIRST)),
        (
            PcscCall::Reconnect,
            Request::Reconnect(Reconnect {
                card,
                share: share::SHARED,
                preferred: 2,
                initialization: 0,
                active: 0,
                rv: 0,
            }),
        ),
        (
            PcscCall::Control,
            Request::Control(
                Control {
                    card,
                    code: 0x4200_0D48,
                    send_length: 0,
                    receive_length: 99,
                    returned: 0,
                    rv: 0,
                },
                Vec::new(),
            ),
        ),
        (
            PcscCall::GetAttrib,
            Request::GetAttribute(Box::new(attribute)),
        ),
        (
            PcscCall::SetAttrib,
            Request::SetAttribute(Box::new(attribute)),
        ),
        (
            PcscCall::ReleaseContext,
            Request::Release(Release { context, rv: 0 }),
        ),
    ];
    for (call, request) in requests {
        plan(&server, refused(call, rv::NO_MEMORY));
        let reply = client.ask(&request);
        assert!(
            format!("{reply:?}").contains(&format!("rv: {}", rv::NO_MEMORY)),
            "{call}: {reply:?}"
        );
        server.control().clear_faults();
    }
    // None of that had an effect: the context is there, and the handle.
    assert_eq!(client.begin(), rv::SUCCESS);
    for (call, code) in [
        (PcscCall::EndTransaction, rv::INTERNAL_ERROR),
        (PcscCall::Status, rv::INVALID_HANDLE),
        (PcscCall::Disconnect, rv::INVALID_VALUE),
    ] {
        plan(&server, refused(call, code));
        let told = match call {
            PcscCall::EndTransaction => client.end(),
            PcscCall::Status => client.status(),
            _ => client.disconnect(disposition::LEAVE),
        };
        assert_eq!(told, code, "{call}");
    }
    // But what was given back is: the transaction, and the share.
    let usage = server.control().usage().readers[0].clone();
    assert!(usage.holder.is_none(), "the transaction is still open");
    assert_eq!(usage.handles, 0, "the reader is still in use");
    assert_eq!(client.status(), rv::INVALID_VALUE);
    assert_eq!(client.disconnect(disposition::LEAVE), rv::SUCCESS);
}

#[test]
fn a_refused_end_or_disconnect_locks_nobody_out() {
    for (call, code) in [
        (PcscCall::EndTransaction, rv::INVALID_HANDLE),
        (PcscCall::Disconnect, rv::INVALID_HANDLE),
        (
            PcscCall::Disconnect,
            return_code("SCARD_F_COMM_ERROR").unwrap(),
        ),
    ] {
        let (server, watch) = server();
        let mut one = Client::connected(server.path(), FIRST);
        let mut two = Client::connected(server.path(), FIRST);
        assert_eq!(one.begin(), rv::SUCCESS);
        assert_eq!(one.begin(), rv::SUCCESS, "twice");
        plan(&server, refused(call, code));
        let told = match call {
            PcscCall::EndTransaction => one.end(),
            _ => one.disconnect(disposition::RESET),
        };
        assert_eq!(told, code);
        let reset = call == PcscCall::Disconnect;
        let expected = if reset { rv::RESET_CARD } else { rv::SUCCESS };
        assert_eq!(two.begin(), expected, "{call}: the other one");
        assert_eq!(watch.next(), Happened::PowerOn);
        if reset {
            assert_eq!(watch.next(), Happened::Reset, "as was asked for");
        }
    }
}

#[test]
fn a_refused_cancel_cancels() {
    let (server, _watch) = server();
    let mut client = Client::new(server.path(), 4);
    let mut other = Client::new(server.path(), 4);
    let context = client.context;
    client.wait();
    plan(&server, refused(PcscCall::Cancel, rv::NO_MEMORY));
    let Reply::Cancel(reply) = other.ask(&Request::Cancel(Cancel { context, rv: 0 })) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::NO_MEMORY);
    assert_eq!(client.event().rv, rv::CANCELLED);
}

#[test]
fn a_failed_wait_is_told_once_and_taken_back_as_often_as_asked() {
    let (server, _watch) = server();
    let mut client = Client::new(server.path(), 4);
    let fail = |server: &RunningServer| {
        server.control().clear_faults();
        plan(server, refused(PcscCall::GetStatusChange, NO_SERVICE));
    };
    // Told, and taken back by a library that does not know that it is over.
    fail(&server);
    client.wait();
    assert_eq!(client.event().rv, NO_SERVICE);
    client.send(&Request::StopWaiting);
    assert_eq!(client.event().rv, rv::SUCCESS);
    // Taken back before, and again.
    fail(&server);
    client.wait();
    client.send(&Request::StopWaiting);
    assert_eq!(client.event().rv, NO_SERVICE);
    client.send(&Request::StopWaiting);
    assert_eq!(client.event().rv, rv::SUCCESS);
    // A change meanwhile does not end it, a cancel does, and nothing follows.
    fail(&server);
    client.wait();
    server.control().remove_card(0).unwrap();
    assert_eq!(client.event().rv, NO_SERVICE);
    fail(&server);
    client.wait();
    let context = client.context;
    Client::new(server.path(), 4).ask(&Request::Cancel(Cancel { context, rv: 0 }));
    assert_eq!(client.event().rv, rv::CANCELLED);
    client.send(&Request::StopWaiting);
    client.wait();
    client.send(&Request::StopWaiting);
    assert_eq!(client.event().rv, rv::SUCCESS);
}

#[test]
fn a_transaction_that_is_refused_is_none() {
    let (server, _watch) = server();
    let mut one = Client::connected(server.path(), FIRST);
    let mut two = Client::connected(server.path(), FIRST);
    plan(
        &server,
        refused(PcscCall::BeginTransaction, rv::SHARING_VIOLATION),
    );
    assert_eq!(one.begin(), rv::SHARING_VIOLATION);
    assert_eq!(two.begin(), rv::SUCCESS);
    assert_eq!(one.transmit(&[0, 0xA4]).0, rv::SHARING_VIOLATION);
}

#[test]
fn a_reset_and_a_removal_that_are_told_have_happened() {
    let (server, watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    let mut other = Client::connected(server.path(), FIRST);
    assert_eq!(watch.next(), Happened::PowerOn);
    plan(&server, refused(PcscCall::Transmit, rv::RESET_CARD).at(2));
    assert_eq!(client.begin(), rv::SUCCESS);
    assert_eq!(client.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    assert_eq!(client.transmit(&[0, 0xB0]).0, rv::RESET_CARD);
    assert_eq!(
        client.transmit(&[0, 0xB0]).0,
        rv::RESET_CARD,
        "until it reconnects"
    );
    assert_eq!(watch.next(), Happened::Transmit(vec![0, 0xA4]));
    assert_eq!(watch.next(), Happened::Reset);
    drop(client);

    let mut client = Client::connected(server.path(), FIRST);
    server.control().clear_faults();
    plan(
        &server,
        refused(PcscCall::BeginTransaction, rv::REMOVED_CARD),
    );
    assert_eq!(client.begin(), rv::REMOVED_CARD);
    assert_eq!(
        client.begin(),
        rv::REMOVED_CARD,
        "the handle is of no more use"
    );
    assert_eq!(other.status(), rv::REMOVED_CARD);
    let mut after = Client::connected(server.path(), FIRST);
    assert_eq!(after.transmit(&[0, 0xA4]).0, rv::SUCCESS);
    let happened: Vec<_> = watch.happened.try_iter().collect();
    let slip = [Happened::PowerOff, Happened::PowerOn];
    assert!(happened.windows(2).any(|two| two == slip), "{happened:?}");
}

#[test]
fn a_card_slips_in_the_middle_of_somebody_elses_exchange() {
    let (server, watch) = server();
    let mut busy = Client::connected(server.path(), FIRST);
    let mut client = Client::connected(server.path(), FIRST);
    assert_eq!(watch.next(), Happened::PowerOn);
    busy.send(&busy.transmit_request(&[0xEE, 7]));
    assert_eq!(watch.next(), Happened::Transmit(vec![0xEE, 7]));
    plan(&server, refused(PcscCall::Status, rv::REMOVED_CARD));
    assert_eq!(client.status(), rv::REMOVED_CARD);
    let Reply::Transmit(reply, _) = busy.receive(Command::Transmit) else {
        panic!()
    };
    assert_eq!(reply.rv, rv::NO_SMARTCARD);
    watch.gate.send(()).unwrap();
    // The late answer of that exchange is nobody's; the next one's is its own.
    let mut after = Client::connected(server.path(), FIRST);
    assert_eq!(
        after.transmit(&[0xFF, 1, 2]),
        (rv::SUCCESS, vec![1, 2, 0x90, 0])
    );
}

#[test]
fn a_wait_ends_with_the_planned_code_and_one_message() {
    for minor in [4, 6] {
        let (server, _watch) = server();
        let mut client = Client::new(server.path(), minor);
        client.ask(&Request::GetReaderEvents);
        plan(&server, refused(PcscCall::GetStatusChange, rv::NO_MEMORY));
        client.wait();
        if minor == 6 {
            client.ask(&Request::GetStateArray);
        }
        assert_eq!(client.event().rv, rv::NO_MEMORY, "4.{minor}");
        // Nothing is registered any more: a change sends nothing.
        server.control().remove_card(0).unwrap();
        client.wait();
        client.send(&Request::StopWaiting);
        assert_eq!(client.event().rv, rv::SUCCESS);
    }
}

#[test]
fn a_server_that_hangs_up_takes_back_what_the_client_held() {
    let (server, watch) = server();
    let mut client = Client::connected(server.path(), FIRST);
    let mut other = Client::connected(server.path(), FIRST);
    assert_eq!(client.begin(), rv::SUCCESS);
    plan(
        &server,
        Fault::new(PcscCall::Transmit, FaultOutcome::HungUp),
    );
    client.send(&client.transmit_request(&[0, 0xA4]));
    client.assert_closed();
    // A transaction that was cut short resets the card, as ever.
    assert_eq!(other.begin(), rv::RESET_CARD);
    assert_eq!(commands(&watch), 0);
    assert_eq!(server.control().usage().contexts, 1);
    Client::connected(server.path(), FIRST);
}

#[test]
fn a_late_call_holds_up_nobody_else_and_is_served() {
    let (server, watch) = server();
    let mut late = Client::connected(server.path(), FIRST);
    let mut other = Client::connected(server.path(), FIRST);
    let delay = Duration::from_millis(300);
    let begun = Instant::now();
    plan(
        &server,
        Fault::new(PcscCall::Transmit, FaultOutcome::Served).late(delay),
    );
    late.send(&late.transmit_request(&[0xFF, 1]));
    while server.control().faults()[0].struck == 0 {
        assert!(begun.elapsed() < GUARD);
        std::thread::yield_now();
    }
    assert_eq!(other.transmit(&[0xFF, 2]), (rv::SUCCESS, vec![2, 0x90, 0]));
    let Reply::Transmit(reply, data) = late.receive(Command::Transmit) else {
        panic!()
    };
    assert_eq!((reply.rv, data), (rv::SUCCESS, vec![1, 0x90, 0]));
    assert!(begun.elapsed() >= delay);
    let order: Vec<_> = watch.happened.try_iter().collect();
    assert_eq!(
        order[1..],
        [vec![0xFF, 2], vec![0xFF, 1]].map(Happened::Transmit)
    );
    // And one that is late and refused.
    plan(
        &server,
        refused(PcscCall::Status, rv::NOT_TRANSACTED).late(Duration::from_millis(30)),
    );
    let begun = Instant::now();
    assert_eq!(late.status(), rv::NOT_TRANSACTED);
    assert!(begun.elapsed() >= Duration::from_millis(30));
}

#[test]
fn who_leaves_while_his_call_is_late_and_a_server_that_ends_meanwhile() {
    let (server, watch) = server();
    let long = Fault::new(PcscCall::Transmit, FaultOutcome::Served)
        .ever_after()
        .late(Duration::from_secs(3000));
    plan(&server, long);
    let mut client = Client::connected(server.path(), FIRST);
    client.send(&client.transmit_request(&[0, 0xA4]));
    drop(client);
    let mut client = Client::connected(server.path(), FIRST);
    client.send(&client.transmit_request(&[0, 0xA4]));
    let begun = Instant::now();
    server.stop().unwrap();
    assert!(begun.elapsed() < GUARD);
    client.assert_closed();
    assert_eq!(commands(&watch), 0);
}

#[test]
fn the_list_of_readers_can_be_late_and_has_no_code() {
    let (server, _watch) = server();
    let bad = refused(PcscCall::ListReaders, rv::SERVICE_STOPPED);
    let error = server.control().fault(bad);
    assert_eq!(error, Err(FaultError::NoCode(PcscCall::ListReaders)));
    assert!(server.control().faults().is_empty());
    let delay = Duration::from_millis(50);
    plan(
        &server,
        Fault::new(PcscCall::ListReaders, FaultOutcome::Served).late(delay),
    );
    let mut client = Client::new(server.path(), 4);
    let begun = Instant::now();
    let Reply::ReaderStates(states) = client.ask(&Request::GetReadersState) else {
        panic!()
    };
    assert_eq!(states[0].name(), FIRST.as_bytes());
    assert!(begun.elapsed() >= delay);
}

#[test]
fn an_observer_sees_what_was_planned_and_what_came_of_it() {
    let (card, _watch) = card();
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let seen = Arc::clone(&lines);
    let server = ReaderServer::bind(&Place::Private, vec![ReaderSpec::with_card(FIRST, card)])
        .unwrap()
        .with_observer(Arc::new(move |event| {
            seen.lock().unwrap().push(event.to_string());
        }))
        .spawn()
        .unwrap();
    let mut client = Client::connected(server.path(), FIRST);
    plan(
        &server,
        refused(
            PcscCall::Transmit,
            return_code("SCARD_E_COMM_DATA_LOST").unwrap(),
        ),
    );
    client.transmit(&[0, 0xA4]);
    let lines = lines.lock().unwrap().clone();
    let [.., planned, answer] = lines.as_slice() else {
        panic!()
    };
    assert!(
        planned.ends_with(": as planned, SCardTransmit 1: SCARD_E_COMM_DATA_LOST"),
        "{planned}"
    );
    assert!(answer.contains("SCardTransmit(reader 0"), "{answer}");
    assert!(answer.ends_with("-> SCARD_E_COMM_DATA_LOST"), "{answer}");
}

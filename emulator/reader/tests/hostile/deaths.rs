// SPDX-License-Identifier: MIT OR Apache-2.0
//! A real client process, killed wherever it is.

use std::ffi::CString;
use std::io::BufRead;
use std::time::{Duration, Instant};

use cie_reader::protocol::codes::rv;
use cie_reader::protocol::{Begin, Command, Reply, Request};
use cie_reader::{Card, Place, ReaderServer, ReaderSpec, RunningServer, Settings};
use pcsc::{Attribute, Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};

use crate::common::{Client, FIRST, GUARD, SECOND};
use crate::process::{Process, is_child};
use crate::witness::{Witness, stranger_has_it_alone};
use crate::{Dice, Echo, Round, amount, first_seed};

/// Few places for clients, so that one whose place is not given back is missed.
fn server() -> RunningServer {
    let readers = [FIRST, SECOND].map(|name| ReaderSpec::with_card(name, Box::new(Echo) as Card));
    let few = Settings {
        max_connections: 6,
        ..Settings::default()
    };
    ReaderServer::bind_with(&Place::Private, readers.into(), few)
        .unwrap()
        .spawn()
        .unwrap()
}

fn first() -> CString {
    CString::new(FIRST).unwrap()
}

/// Every call of the library, `done` after each.
fn scenario(mut done: impl FnMut(&str)) {
    let context = Context::establish(Scope::User).unwrap();
    done("establish");
    context.list_readers_owned().unwrap();
    done("list readers");
    let mut states = [ReaderState::new(first(), State::UNAWARE)];
    context.get_status_change(None, &mut states).unwrap();
    done("get status change");
    let connect = |share| context.connect(&first(), share, Protocols::T1);
    let mut card = connect(ShareMode::Shared).unwrap();
    done("connect");
    let mut buffer = [0; 300];
    card.transmit(&[0xFF, 1], &mut buffer).unwrap();
    done("transmit");
    card.status2_owned().unwrap();
    done("status");
    card.get_attribute_owned(Attribute::AtrString).unwrap();
    done("get attribute");
    card.control(pcsc::ctl_code(3400), &[], &mut buffer)
        .unwrap();
    done("control");
    {
        let transaction = card.transaction().unwrap();
        done("begin transaction");
        transaction.transmit(&[0xFF, 2], &mut buffer).unwrap();
        done("transmit in a transaction");
        transaction
            .end(Disposition::ResetCard)
            .map_err(|e| e.1)
            .unwrap();
        done("end transaction with a reset");
    }
    card.reconnect(ShareMode::Shared, Protocols::T1, Disposition::UnpowerCard)
        .unwrap();
    done("reconnect");
    let second = connect(ShareMode::Shared).unwrap();
    done("connect once more");
    second
        .disconnect(Disposition::LeaveCard)
        .map_err(|e| e.1)
        .unwrap();
    done("disconnect that one");
    card.reconnect(ShareMode::Exclusive, Protocols::T1, Disposition::LeaveCard)
        .unwrap();
    done("reconnect exclusively");
    card.transmit(&[0xFF, 3], &mut buffer).unwrap();
    done("transmit alone");
    card.disconnect(Disposition::UnpowerCard)
        .map_err(|e| e.1)
        .unwrap();
    done("disconnect and take the power");
    let card = connect(ShareMode::Exclusive).unwrap();
    done("connect exclusively");
    card.disconnect(Disposition::ResetCard)
        .map_err(|e| e.1)
        .unwrap();
    let card = connect(ShareMode::Direct).unwrap();
    done("connect directly");
    drop(card);
    done("disconnect");
    context.release().map_err(|e| e.1).unwrap();
    done("release");
}

#[test]
#[ignore = "runs as a child process"]
fn child_scenario() {
    if !is_child(3 * GUARD) {
        return;
    }
    let mut input = std::io::stdin().lock().lines();
    scenario(|call| {
        println!("\nafter {call}");
        input.next();
    });
    println!("\nafter the end");
    input.next();
}

#[test]
#[ignore = "runs as a child process"]
fn child_in_a_hurry() {
    if !is_child(3 * GUARD) {
        return;
    }
    println!("\nrunning");
    loop {
        scenario(|_| ());
    }
}

/// Who begins a transaction as soon as nobody else has one.
struct Heir(Client);

impl Heir {
    fn queue(server: &RunningServer, second: bool) -> Self {
        let reader = if second { SECOND } else { FIRST };
        let mut client = Client::connected(server.path(), reader);
        let card = client.card;
        client.send(&Request::Begin(Begin { card, rv: 0 }));
        Self(client)
    }

    fn inherits(mut self) {
        let Reply::Begin(first) = self.0.receive(Command::Begin) else {
            panic!()
        };
        match first.rv {
            rv::SUCCESS | rv::RESET_CARD => {}
            // It waited longer than a client is made to wait, and asks again.
            rv::SHARING_VIOLATION => while self.0.begin() == rv::SHARING_VIOLATION {},
            other => panic!("{other:08X}"),
        }
    }
}

#[test]
fn killed_after_every_call() {
    let server = server();
    let mut neighbour = Witness::new(server.path(), SECOND);
    let mut last = String::new();
    let mut calls = 0;
    while last != "the end" {
        let mut child = Process::client("deaths::child_scenario", server.path());
        for call in 0..=calls {
            if call > 0 {
                child.say("");
            }
            last = child.hear("after ");
        }
        neighbour.is_undisturbed();
        let shared = server.control().states()[0].sharing >= 0;
        let heir = (shared && last != "connect directly").then(|| {
            // Somebody waits for what the child may hold.
            let mut client = Client::new(server.path(), 4);
            let request = client.connect_request(FIRST);
            client.send(&request);
            client
        });
        println!("killed after {last}");
        child.kill();
        if let Some(mut heir) = heir {
            let Reply::Connect(reply) = heir.receive(Command::Connect) else {
                panic!()
            };
            assert_eq!(reply.rv, rv::SUCCESS, "after {last}");
            heir.card = reply.card;
            assert_eq!(heir.transmit(&[0xFF, 1]), (0, vec![1, 0x90, 0]));
        }
        stranger_has_it_alone(server.path(), FIRST);
        neighbour.is_undisturbed();
        calls += 1;
    }
    assert!(calls > 20, "only {calls} calls");
    assert_eq!(server.control().states()[0].sharing, 0);
}

#[test]
#[ignore = "runs as a child process"]
fn child_waits() {
    if !is_child(3 * GUARD) {
        return;
    }
    let context = Context::establish(Scope::User).unwrap();
    context.list_readers_owned().unwrap();
    let what = std::io::stdin().lock().lines().next().unwrap().unwrap();
    if what == "events" {
        let mut states = [ReaderState::new(first(), State::UNAWARE)];
        context.get_status_change(None, &mut states).unwrap();
        states[0].sync_current_state();
        println!("\nwaiting");
        let _ = context.get_status_change(None, &mut states);
        return;
    }
    let mut card = context
        .connect(&first(), ShareMode::Shared, Protocols::T1)
        .unwrap();
    println!("\nconnected");
    std::io::stdin().lock().lines().next();
    let mut buffer = [0; 300];
    if what == "transmit in a transaction" {
        let transaction = card.transaction().unwrap();
        println!("\nwaiting");
        let _ = transaction.transmit(&[0xEE], &mut buffer);
        return;
    }
    println!("\nwaiting");
    match what.as_str() {
        "begin" => drop(card.transaction()),
        "transmit" => drop(card.transmit(&[0xEE], &mut buffer)),
        other => panic!("{other}"),
    }
}

#[test]
fn killed_while_it_waits() {
    let server = server();
    let mut neighbour = Witness::new(server.path(), SECOND);
    let mut dice = Dice(first_seed());
    for _ in 0..amount(2, 50) {
        for what in ["begin", "events", "transmit", "transmit in a transaction"] {
            let mut holder = Client::connected(server.path(), FIRST);
            let mut child = Process::client("deaths::child_waits", server.path());
            child.say(what);
            if what != "events" {
                child.hear("connected");
                if what == "begin" {
                    assert_eq!(holder.begin(), rv::SUCCESS);
                }
                child.say("");
            }
            child.hear("waiting");
            // It is about to wait, or does.
            std::thread::sleep(Duration::from_millis(20 + dice.next() % 50));
            let heir = (what != "begin").then(|| Heir::queue(&server, false));
            child.kill();
            neighbour.is_undisturbed();
            if what == "begin" {
                // Before the server has seen its end, its turn may come yet.
                let started = Instant::now();
                while server.control().states()[0].sharing != 1 {
                    assert!(started.elapsed() < GUARD, "the share is not given back");
                    std::thread::yield_now();
                }
                assert_eq!(holder.transmit(&[0xFF, 9]), (0, vec![9, 0x90, 0]));
                assert_eq!(holder.end(), rv::SUCCESS);
                assert_eq!(holder.begin(), rv::SUCCESS, "a dead one was next");
            }
            if let Some(heir) = heir {
                heir.inherits();
            }
            drop(holder);
            stranger_has_it_alone(server.path(), FIRST);
        }
    }
}

#[test]
fn killed_at_any_moment() {
    let server = server();
    let mut neighbour = Witness::new(server.path(), SECOND);
    for seed in (first_seed()..).take(amount(15, 500)) {
        let round = Round(seed);
        let mut child = Process::client("deaths::child_in_a_hurry", server.path());
        child.hear("running");
        std::thread::sleep(Duration::from_micros(Dice(seed).next() % 20_000));
        neighbour.is_undisturbed();
        child.kill();
        stranger_has_it_alone(server.path(), FIRST);
        drop(round);
    }
    assert_eq!(server.control().states()[0].sharing, 0);
}

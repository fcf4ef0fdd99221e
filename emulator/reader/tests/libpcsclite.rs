// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same server under the real, unmodified client library.
//!
//! The library reads its socket's path from the environment once per process,
//! so each scenario is an ignored test of this binary that a normal test runs
//! in a child process with the variable set.

// Helpers outside of test functions do what test functions may.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

mod common;

use std::ffi::{CStr, CString};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use cie_reader::faults::return_code;
use cie_reader::{Fault, FaultOutcome, PcscCall, Place, ReaderServer, ReaderSpec, RunningServer};
use common::{ATR, FIRST, GUARD, Happened, SECOND, server};
use pcsc::{
    Attribute, Context, Disposition, Error, PNP_NOTIFICATION, Protocol, Protocols, ReaderState,
    Scope, ShareMode, State,
};

const CHILD: &str = "CIE_READER_TEST_CHILD";

/// A child process that runs one scenario against a server.
struct Scenario {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Scenario {
    fn start(name: &str, server: &RunningServer) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                name,
                "--exact",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env("PCSCLITE_CSOCK_NAME", server.path())
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            input,
            output,
        }
    }

    /// Waits until the child says `word`.
    fn expect(&mut self, word: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            let count = self.output.read_line(&mut line).unwrap();
            assert_ne!(count, 0, "the child ended without saying {word}");
            if line.trim().ends_with(word) {
                return;
            }
        }
    }

    /// Lets the child go on.
    fn go(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    fn succeeds(mut self) {
        drop(self.input);
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.output, &mut rest).unwrap();
        assert!(
            self.child.wait().unwrap().success(),
            "the child failed:\n{rest}"
        );
        assert!(rest.contains("1 passed"), "the child ran nothing:\n{rest}");
    }
}

/// The child's side: nothing to do unless a parent started it.
///
/// The library waits without limit, so a child that hangs ends itself.
fn is_child() -> bool {
    let child = std::env::var_os(CHILD).is_some();
    if child {
        std::thread::spawn(|| {
            std::thread::sleep(2 * GUARD);
            println!("\nthis child hangs");
            std::process::exit(1);
        });
    }
    child
}

fn say(word: &str) {
    println!("\n{word}");
}

fn wait_for_parent() {
    std::io::stdin()
        .lock()
        .read_line(&mut String::new())
        .unwrap();
}

fn first() -> CString {
    CString::new(FIRST).unwrap()
}

fn context() -> Context {
    Context::establish(Scope::User).unwrap()
}

fn connect(context: &Context) -> pcsc::Card {
    context
        .connect(&first(), ShareMode::Shared, Protocols::T1)
        .unwrap()
}

#[test]
fn a_session() {
    let (server, watch) = server();
    Scenario::start("child_session", &server).succeeds();
    let seen: Vec<_> = watch.happened.try_iter().collect();
    assert_eq!(seen.first(), Some(&Happened::PowerOn));
    assert_eq!(seen.last(), Some(&Happened::Reset));
}

#[test]
#[ignore = "runs as a child process"]
fn child_session() {
    if !is_child() {
        return;
    }
    let context = context();
    let names = context.list_readers_owned().unwrap();
    assert_eq!(
        names,
        [FIRST, SECOND].map(|name| CString::new(name).unwrap())
    );
    let second = CString::new(SECOND).unwrap();
    let empty = context.connect(&second, ShareMode::Shared, Protocols::ANY);
    assert_eq!(empty.err(), Some(Error::NoSmartcard));
    let unknown = context.connect(c"Nobody", ShareMode::Shared, Protocols::ANY);
    assert_eq!(unknown.err(), Some(Error::UnknownReader));

    // The way the clients of this card go (card facts, section 11).
    let mut card = connect(&context);
    let length = card.get_attribute_len(Attribute::AtrString).unwrap();
    let mut room = vec![0; length];
    assert_eq!(
        card.get_attribute(Attribute::AtrString, &mut room).unwrap(),
        ATR
    );
    let vendor = card.get_attribute_owned(Attribute::VendorName).unwrap();
    assert!(
        CStr::from_bytes_with_nul(&vendor)
            .unwrap()
            .to_str()
            .unwrap()
            .contains("TEST")
    );
    let status = card.status2_owned().unwrap();
    assert_eq!(
        (status.atr(), status.protocol2()),
        (&ATR[..], Some(Protocol::T1))
    );
    assert_eq!(status.reader_names(), [first().as_c_str()]);
    let mut room = [0; 3000];
    let read = card.transmit(&[0, 0xB0, 0, 0, 0xE9], &mut room).unwrap();
    assert_eq!((read.len(), &read[0xE9..]), (235, &[0x90, 0x00][..]));
    let long = [vec![0xFF], vec![0x5A; 65_000]].concat();
    let mut large = vec![0; 65_548];
    assert_eq!(card.transmit(&long, &mut large).unwrap().len(), 65_002);
    let small = card.transmit(&[0xFF, 1, 2, 3], &mut large[..3]);
    assert_eq!(small.err(), Some(Error::InsufficientBuffer));
    assert_eq!(
        card.transmit(&[0xDD], &mut room).err(),
        Some(Error::NotTransacted)
    );

    let features = card.control(pcsc::ctl_code(3400), &[], &mut room).unwrap();
    let [0x12, 4, a, b, c, d] = *features else {
        panic!("{features:?}")
    };
    let properties = u32::from_be_bytes([a, b, c, d]);
    assert_eq!(
        card.control(properties.into(), &[], &mut room)
            .unwrap()
            .len(),
        16
    );

    let other = connect(&context);
    card.reconnect(ShareMode::Shared, Protocols::T1, Disposition::ResetCard)
        .unwrap();
    assert_eq!(other.status2_owned().err(), Some(Error::ResetCard));
    {
        let transaction = card.transaction().unwrap();
        assert_eq!(
            transaction.transmit(&[0, 0xA4], &mut room).unwrap(),
            [0x90, 0x00]
        );
        transaction
            .end(Disposition::LeaveCard)
            .map_err(|(_, error)| error)
            .unwrap();
    }
    other
        .disconnect(Disposition::LeaveCard)
        .map_err(|(_, error)| error)
        .unwrap();
    card.disconnect(Disposition::ResetCard)
        .map_err(|(_, error)| error)
        .unwrap();
    context.release().map_err(|(_, error)| error).unwrap();
}

#[test]
fn events() {
    let (server, _watch) = server();
    let mut scenario = Scenario::start("child_events", &server);
    scenario.expect("present");
    let card = server.control().remove_card(0).unwrap();
    scenario.expect("absent");
    server.control().insert_card(0, card).unwrap();
    scenario.succeeds();
}

#[test]
#[ignore = "runs as a child process"]
fn child_events() {
    if !is_child() {
        return;
    }
    let context = context();
    // The 2.5 client wants to have listed readers once before it waits.
    context.list_readers_owned().unwrap();
    let mut states = [
        ReaderState::new(first(), State::UNAWARE),
        ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE),
    ];
    let mut next = |expected: State, atr: &[u8]| {
        loop {
            context.get_status_change(GUARD, &mut states).unwrap();
            let seen = states[0].event_state();
            let (counter, seen_atr) = (states[0].event_count(), states[0].atr().to_vec());
            states.iter_mut().for_each(ReaderState::sync_current_state);
            if seen.contains(expected) {
                assert_eq!(seen_atr, atr);
                return counter;
            }
        }
    };
    assert_eq!(next(State::PRESENT, &ATR), 0);
    say("present");
    assert_eq!(next(State::EMPTY, &[]), 1);
    say("absent");
    assert_eq!(next(State::PRESENT, &ATR), 2);
    let nothing = context.get_status_change(Duration::from_millis(1), &mut states);
    assert_eq!(nothing, Err(Error::Timeout));
}

#[test]
fn a_cancel() {
    let (server, _watch) = server();
    Scenario::start("child_cancel", &server).succeeds();
}

#[test]
#[ignore = "runs as a child process"]
fn child_cancel() {
    if !is_child() {
        return;
    }
    let context = context();
    context.list_readers_owned().unwrap();
    let waiting = context.clone();
    let waiter = std::thread::spawn(move || {
        let mut states = [ReaderState::new(first(), State::UNAWARE)];
        waiting.get_status_change(GUARD, &mut states).unwrap();
        states[0].sync_current_state();
        waiting.get_status_change(GUARD, &mut states)
    });
    // The library forwards a cancel only while it waits, and does not say when.
    let start = Instant::now();
    while !waiter.is_finished() && start.elapsed() < GUARD {
        context.cancel().unwrap();
    }
    assert_eq!(waiter.join().unwrap(), Err(Error::Cancelled));
}

/// The codes that a wait can be planned to end with, and what the library makes
/// of them.
const ENDS: [(&str, Error); 6] = [
    ("SCARD_E_NO_SERVICE", Error::NoService),
    ("SCARD_E_SYSTEM_CANCELLED", Error::SystemCancelled),
    ("SCARD_E_NO_READERS_AVAILABLE", Error::NoReadersAvailable),
    ("SCARD_E_UNKNOWN_READER", Error::UnknownReader),
    ("SCARD_E_TIMEOUT", Error::Timeout),
    ("SCARD_E_CANCELLED", Error::Cancelled),
];

#[test]
fn waits_that_fail() {
    let (server, _watch) = server();
    let mut scenario = Scenario::start("child_failing_waits", &server);
    let wait = PcscCall::GetStatusChange;
    for (code, _) in ENDS {
        for _ in 0..3 {
            scenario.expect("ready");
            server.control().clear_faults();
            let fault = Fault::new(wait, FaultOutcome::Refused(return_code(code).unwrap()));
            server.control().fault(fault).unwrap();
            scenario.go();
        }
    }
    scenario.succeeds();
    assert_eq!(server.control().faults()[0].struck, 1);
}

#[test]
#[ignore = "runs as a child process"]
fn child_failing_waits() {
    if !is_child() {
        return;
    }
    let context = context();
    context.list_readers_owned().unwrap();
    let fresh = || [ReaderState::new(first(), State::UNAWARE)];
    for (_, error) in ENDS {
        // It waits, and is told.
        let mut states = fresh();
        context.get_status_change(GUARD, &mut states).unwrap();
        states[0].sync_current_state();
        say("ready");
        wait_for_parent();
        let told = context.get_status_change(GUARD, &mut states);
        assert_eq!(told, Err(error));
        // It would be too late: the wait is over first, and taken back.
        say("ready");
        wait_for_parent();
        let told = context.get_status_change(Duration::from_millis(1), &mut states);
        assert!(told.is_err(), "{error}: {told:?}");
        // There is something to tell at once.
        say("ready");
        wait_for_parent();
        let mut states = fresh();
        context.get_status_change(GUARD, &mut states).unwrap();
        // No message was one too many, and none is missing.
        let card = connect(&context);
        let names = card.status2_owned().unwrap();
        assert_eq!(names.reader_names(), [first()], "{error}");
    }
}

#[test]
fn a_holder_that_dies() {
    let (server, watch) = server();
    let mut holder = Scenario::start("child_holder", &server);
    holder.expect("holding");
    let mut heir = Scenario::start("child_heir", &server);
    heir.expect("waiting");
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    heir.succeeds();
    assert_eq!(watch.next(), Happened::PowerOn);
    assert_eq!(watch.next(), Happened::Reset);
}

#[test]
#[ignore = "runs as a child process"]
fn child_holder() {
    if !is_child() {
        return;
    }
    let context = context();
    let mut card = connect(&context);
    say("connected");
    let _transaction = card.transaction().unwrap();
    say("holding");
    wait_for_parent();
}

#[test]
#[ignore = "runs as a child process"]
fn child_heir() {
    if !is_child() {
        return;
    }
    // A connect would wait for the lock too; it is the transaction that is wanted here.
    let context = context();
    say("waiting");
    let mut card = connect(&context);
    card.transaction()
        .unwrap()
        .transmit(&[0, 0xA4], &mut [0; 258])
        .unwrap();
}

#[test]
fn a_queued_transaction() {
    let (server, _watch) = server();
    let mut first = Scenario::start("child_holder_that_ends", &server);
    first.expect("connected");
    let mut second = Scenario::start("child_queued", &server);
    second.expect("connected");
    first.go();
    first.expect("holding");
    second.go();
    second.expect("asking");
    first.go();
    first.succeeds();
    second.succeeds();
}

#[test]
#[ignore = "runs as a child process"]
fn child_holder_that_ends() {
    if !is_child() {
        return;
    }
    let context = context();
    let mut card = connect(&context);
    say("connected");
    wait_for_parent();
    let transaction = card.transaction().unwrap();
    say("holding");
    wait_for_parent();
    transaction
        .end(Disposition::LeaveCard)
        .map_err(|(_, error)| error)
        .unwrap();
    // Left alone, as the handle of this crate would reset the card at its end.
    card.disconnect(Disposition::LeaveCard)
        .map_err(|(_, error)| error)
        .unwrap();
}

#[test]
#[ignore = "runs as a child process"]
fn child_queued() {
    if !is_child() {
        return;
    }
    let context = context();
    let mut card = connect(&context);
    say("connected");
    wait_for_parent();
    say("asking");
    let transaction = card.transaction().unwrap();
    assert_eq!(
        transaction.transmit(&[0, 0xA4], &mut [0; 258]).unwrap(),
        [0x90, 0x00]
    );
}

/// Two threads on one context: the one that wants the transaction must not
/// keep the other from ending its own.
#[test]
fn two_threads_on_one_context() {
    let (server, _watch) = server();
    Scenario::start("child_two_threads", &server).succeeds();
}

#[test]
#[ignore = "runs as a child process"]
fn child_two_threads() {
    if !is_child() {
        return;
    }
    let context = context();
    let (mut one, mut two) = (connect(&context), connect(&context));
    let transaction = one.transaction().unwrap();
    let (started, start) = std::sync::mpsc::channel();
    let second = std::thread::spawn(move || {
        started.send(()).unwrap();
        two.transaction()
            .unwrap()
            .transmit(&[0, 0xA4], &mut [0; 258])
            .unwrap()
            .to_vec()
    });
    start.recv().unwrap();
    transaction
        .end(Disposition::LeaveCard)
        .map_err(|(_, error)| error)
        .unwrap();
    assert_eq!(second.join().unwrap(), [0x90, 0x00]);
}

#[test]
fn sixteen_readers() {
    let readers = (0..16)
        .map(|n| ReaderSpec::empty(format!("Reader {n}")))
        .collect();
    let server = ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap();
    Scenario::start("child_sixteen", &server).succeeds();
}

#[test]
#[ignore = "runs as a child process"]
fn child_sixteen() {
    if !is_child() {
        return;
    }
    assert_eq!(context().list_readers_owned().unwrap().len(), 16);
}

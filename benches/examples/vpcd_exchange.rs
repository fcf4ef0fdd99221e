// SPDX-License-Identifier: MIT OR Apache-2.0
//! One READ BINARY of 231 bytes (233 with the status word) through libpcsclite,
//! pcscd and the vpcd driver: our card, and a card that does nothing, behind
//! the same driver at the same time.
//!
//! ```sh
//! cargo run --release -p cie-benches --example vpcd_exchange
//! cargo run --release -p cie-benches --example vpcd_exchange -- vicc    # vicc beside them
//! ```
//!
//! Needs the Debian packages pcscd and vsmartcard-vpcd and a mount namespace
//! (root, or a system that allows user namespaces); the arguments are a command
//! that is given `--hostname` and `--port` and plays a card. Compare figures of
//! one run with each other, and run it on a quiet machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)] // a measurement may fail loudly

#[path = "../../emulator/cli/tests/pcscd/mod.rs"]
mod pcscd;

use cie_card::Card;
use cie_personalisation::{Persona, personalise};
use cie_reader::vpcd::{Address, CardSide, Mode};
use pcsc::{Context, Protocols, ReaderState, Scope, ShareMode, State};
use pcscd::{Device, GUARD, Pcscd, free_ports};
use std::ffi::CString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

const CHILD: &str = "CIE_BENCH_CHILD";
const SELECT: [u8; 11] = [0, 0xA4, 4, 0x0C, 6, 0xA0, 0, 0, 0, 0, 0x39];
/// The security object, which anybody may read, by its short identifier.
const READ: [u8; 5] = [0, 0xB0, 0x86, 0, 231];
const ROUNDS: usize = 30;
const EXCHANGES: usize = 200;
/// For cards that need 44 ms an exchange.
const SLOW_EXCHANGES: usize = 3;

fn main() {
    if std::env::var_os(CHILD).is_some() {
        return measure();
    }
    let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
    let card = Card::in_memory(issued.image, issued.card_seed).unwrap();
    // The driver knows its slots by their number only, so each pcscd has one
    // reader with two slots.
    let port = free_ports();
    let fast = start(port);
    let mode = Mode::Connect(Address::loopback(port));
    let side = CardSide::start(&mode, vec![Box::new(card)], |_| ()).unwrap();
    std::thread::spawn(move || do_nothing(port + 1, true));
    run(
        &fast,
        &[
            ("this card", 0, EXCHANGES),
            ("do-nothing card with QUICKACK", 1, EXCHANGES),
        ],
    );
    drop(side.stop());
    drop(fast);

    let port = free_ports();
    let slow = start(port);
    std::thread::spawn(move || do_nothing(port, false));
    let mut subjects = vec![("do-nothing card without QUICKACK", 0, SLOW_EXCHANGES)];
    let words: Vec<String> = std::env::args().skip(1).collect();
    let foreign = words.split_first().map(|(program, arguments)| {
        subjects.push(("the command's card", 1, SLOW_EXCHANGES));
        Command::new(program)
            .args(arguments)
            .args(["--hostname", "127.0.0.1", "--port", &(port + 1).to_string()])
            .spawn()
            .unwrap()
    });
    run(&slow, &subjects);
    if let Some(mut foreign) = foreign {
        let _ = foreign.kill();
        let _ = foreign.wait();
    }
}

fn start(port: u16) -> Pcscd {
    let device = Device {
        name: "Bench",
        device: format!("/dev/null:{port}"),
    };
    Pcscd::start(&[device]).unwrap_or_else(|| std::process::exit(1))
}

/// Measures these cards, each in its slot, in a process that finds this pcscd.
fn run(pcscd: &Pcscd, subjects: &[(&str, u8, usize)]) {
    let list: Vec<String> = subjects
        .iter()
        .map(|(what, slot, count)| format!("{what}|Bench 00 {slot:02}|{count}"))
        .collect();
    let status = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, list.join("\n"))
        .env("PCSCLITE_CSOCK_NAME", pcscd.socket())
        .status();
    assert!(status.unwrap().success());
}

/// As little as a vpcd card can do: blocking reads, one write.
fn do_nothing(port: u16, quick: bool) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut length = [0; 2];
    let mut command = vec![0; 0x1_0000];
    let hurry = |stream: &TcpStream| {
        if quick {
            rustix::net::sockopt::set_tcp_quickack(stream, true).unwrap();
        }
    };
    loop {
        hurry(&stream);
        if stream.read_exact(&mut length).is_err() {
            return;
        }
        let command = &mut command[..usize::from(u16::from_be_bytes(length))];
        hurry(&stream);
        stream.read_exact(command).unwrap();
        let answer = match &*command {
            [0..=2] => continue,
            [4] => vec![0, 9, 0x3B, 0x84, 0x80, 0x01, b'T', b'E', b'S', b'T', 0x13],
            [_, 0xB0, _, _, le] => {
                let mut answer = vec![0, le + 2];
                answer.resize(2 + usize::from(*le), 0);
                answer.extend([0x90, 0]);
                answer
            }
            _ => vec![0, 2, 0x90, 0],
        };
        stream.write_all(&answer).unwrap();
    }
}

struct Subject {
    what: String,
    card: pcsc::Card,
    exchanges: usize,
    times: Vec<Duration>,
    /// Median of each round.
    rounds: Vec<Duration>,
    bytes: usize,
}

impl Subject {
    fn connect(context: &Context, line: &str) -> Self {
        let parts: Vec<&str> = line.split('|').collect();
        let name = CString::new(parts[1]).unwrap();
        let mut states = [ReaderState::new(name.as_c_str(), State::UNAWARE)];
        while !states[0].event_state().contains(State::PRESENT) {
            context.get_status_change(GUARD, &mut states).unwrap();
            states[0].sync_current_state();
        }
        let card = context
            .connect(&name, ShareMode::Shared, Protocols::T1)
            .unwrap();
        let mut buffer = [0; 300];
        card.transmit(&SELECT, &mut buffer).unwrap();
        let bytes = card.transmit(&READ, &mut buffer).unwrap().len();
        Self {
            what: parts[0].to_owned(),
            card,
            exchanges: parts[2].parse().unwrap(),
            times: Vec::new(),
            rounds: Vec::new(),
            bytes,
        }
    }

    fn round(&mut self) {
        let mut buffer = [0; 300];
        let mut times = Vec::new();
        for _ in 0..self.exchanges {
            let started = Instant::now();
            let length = self.card.transmit(&READ, &mut buffer).unwrap().len();
            times.push(started.elapsed());
            assert_eq!(length, self.bytes);
        }
        self.rounds.push(median(&mut times));
        self.times.append(&mut times);
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Rounds of each card in turn, so that what else the machine does hits all.
fn measure() {
    let context = Context::establish(Scope::User).unwrap();
    let list = std::env::var(CHILD).unwrap();
    let mut subjects: Vec<Subject> = list
        .lines()
        .map(|line| Subject::connect(&context, line))
        .collect();
    for _ in 0..ROUNDS {
        for subject in &mut subjects {
            subject.round();
        }
    }
    println!(
        "{:34} {:>6} {:>9} {:>9} {:>9}",
        "", "bytes", "p50", "p95", "per s"
    );
    for subject in &mut subjects {
        let p50 = median(&mut subject.times);
        let p95 = subject.times[subject.times.len() * 95 / 100];
        let rate = 1.0 / p50.as_secs_f64();
        println!(
            "{:34} {:>6} {:>6} us {:>6} us {:>9.0}",
            subject.what,
            subject.bytes,
            p50.as_micros(),
            p95.as_micros(),
            rate
        );
    }
    if subjects.len() < 2 || subjects[0].exchanges == SLOW_EXCHANGES {
        return;
    }
    let mut ratios: Vec<f64> = std::iter::zip(&subjects[0].rounds, &subjects[1].rounds)
        .map(|(ours, nothing)| nothing.as_secs_f64() / ours.as_secs_f64())
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!(
        "rate of this card, of the do-nothing card with QUICKACK: {:.0} % (median of {ROUNDS} rounds; {:.0} to {:.0} %)",
        100.0 * ratios[ROUNDS / 2],
        100.0 * ratios[0],
        100.0 * ratios[ROUNDS - 1]
    );
}

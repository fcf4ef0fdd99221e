// SPDX-License-Identifier: MIT OR Apache-2.0
//! One READ BINARY of 231 bytes (233 with the status word) through the system's
//! libpcsclite and our socket: this card, a card that does nothing in the same
//! server, and a card that does nothing in a server that is nothing but a
//! thread for each client. Each has a client process of its own and they take
//! turns, so that a busy machine slows all. Then a connection, and how soon a
//! waiting client sees a card that is put in.
//!
//! ```sh
//! cargo run --release -p cie-benches --example exchange
//! ```
//!
//! Compare figures of one run with each other, and run it on a quiet machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)] // a measurement may fail loudly

use cie_benches::DoNothing;
use cie_card::Card;
use cie_personalisation::{Persona, personalise};
use cie_reader::protocol::{
    CLASSIC_READERS, Command, Header, Parsed, ReaderState, Reply, Request, padded,
};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::{Channel, transport};
use iso7816_wire::{CardDoor, CommandApdu};
use pcsc::{Context, Disposition, Protocols, Scope, ShareMode, State};
use rand_core::SeedableRng;
use std::cell::Cell;
use std::ffi::CStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CHILD: &str = "CIE_BENCH_CHILD";
const NAME: &CStr = c"Bench 00 00";
const EMPTY: &CStr = c"Bench 01 00";
const SELECT: [u8; 11] = [0, 0xA4, 4, 0x0C, 6, 0xA0, 0, 0, 0, 0, 0x39];
/// The security object, which anybody may read, by its short identifier.
const READ: [u8; 5] = [0, 0xB0, 0x86, 0, 231];
const ROUNDS: usize = 60;
const EXCHANGES: usize = 200;
const CONNECTIONS: usize = 20;
const INSERTIONS: usize = 300;

fn main() {
    match std::env::var(CHILD).as_deref() {
        Ok("plain") => plain(),
        Ok("protected") => protected(),
        Ok("connect") => connect_and_leave(),
        Ok("wait") => wait(),
        Ok(other) => panic!("{other}"),
        Err(_) => compare(),
    }
}

/// As little as a server can do for one client: blocking reads, one write.
fn do_nothing(stream: &UnixStream) {
    let mut input = BufReader::with_capacity(0x2_0000, stream);
    let mut output = stream;
    let mut card = DoNothing;
    let mut states = vec![ReaderState::UNUSED; CLASSIC_READERS];
    states[0] = ReaderState {
        name: padded(NAME.to_bytes()),
        state: 0x34,
        atr: padded(&DoNothing::ATR),
        atr_length: 9,
        protocol: 2,
        ..ReaderState::UNUSED
    };
    let mut head = [0; Header::SIZE];
    while input.read_exact(&mut head).is_ok() {
        let header = Header::decode(&head).unwrap();
        let mut bytes = head.to_vec();
        bytes.resize(Header::SIZE + header.size as usize, 0);
        input.read_exact(&mut bytes[Header::SIZE..]).unwrap();
        let mut answer = Vec::with_capacity(4096);
        if header.command == Command::Transmit.number() {
            let body = &bytes[Header::SIZE..];
            let length = u32::from_ne_bytes(body[12..16].try_into().unwrap());
            let mut command = vec![0; length as usize];
            input.read_exact(&mut command).unwrap();
            let response = card.transmit(&command);
            answer.extend_from_slice(body);
            let length = u32::try_from(response.len()).unwrap();
            answer[24..28].copy_from_slice(&length.to_ne_bytes());
            answer.extend(response);
        } else {
            let Ok(Parsed::Complete(request, _)) = Request::parse(&bytes) else {
                panic!()
            };
            let reply = match request {
                Request::Version(mut m) => {
                    m.minor = 4;
                    Reply::Version(m)
                }
                Request::Establish(mut m) => {
                    m.context = 1;
                    Reply::Establish(m)
                }
                Request::Connect(mut m) => {
                    (m.card, m.active) = (1, 2);
                    Reply::Connect(m)
                }
                Request::Release(m) => Reply::Release(m),
                Request::Disconnect(m) => Reply::Disconnect(m),
                Request::Status(m) => Reply::Status(m),
                Request::GetReadersState => Reply::ReaderStates(states.clone()),
                other => panic!("{other:?}"),
            };
            reply.encode(&mut answer);
        }
        output.write_all(&answer).unwrap();
    }
}

fn serve_threads(listener: UnixListener) {
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || do_nothing(&stream));
    }
}

/// A client process: it does what it does once for each line it is sent, and
/// says how long that took, in nanoseconds.
struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(role: &str, socket: &Path) -> Self {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .env(CHILD, role)
            .env("PCSCLITE_CSOCK_NAME", socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    fn answer(&mut self) -> Vec<u64> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "a client process failed");
        line.split_whitespace()
            .map(|word| word.parse().unwrap())
            .collect()
    }

    fn round(&mut self) -> Vec<u64> {
        self.input.write_all(b"\n").unwrap();
        self.answer()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side of [`Client`].
fn rounds(count: usize, mut once: impl FnMut() -> Duration) {
    for line in std::io::stdin().lock().lines() {
        line.unwrap();
        let times: Vec<String> = (0..count).map(|_| once().as_nanos().to_string()).collect();
        println!("{}", times.join(" "));
    }
}

fn connect(context: &Context) -> pcsc::Card {
    context
        .connect(NAME, ShareMode::Shared, Protocols::T1)
        .unwrap()
}

fn plain() {
    let context = Context::establish(Scope::User).unwrap();
    let card = connect(&context);
    let mut buffer = [0; 300];
    card.transmit(&SELECT, &mut buffer).unwrap();
    rounds(EXCHANGES, || {
        let started = Instant::now();
        let length = card.transmit(&READ, &mut buffer).unwrap().len();
        let took = started.elapsed();
        assert_eq!(length, 233);
        took
    });
}

/// The same read in secure messaging: what the terminal needs for it is not counted.
fn protected() {
    let context = Context::establish(Scope::User).unwrap();
    let card = connect(&context);
    let took = Cell::new(Duration::ZERO);
    let exchange = |command: &[u8]| {
        let mut buffer = vec![0; 3000];
        let started = Instant::now();
        let length = card
            .transmit(command, &mut buffer)
            .map_err(transport::TransportError::other)?
            .len();
        took.set(started.elapsed());
        buffer.truncate(length);
        Ok(buffer)
    };
    let mut channel = Channel::new(transport::from_fn(exchange));
    let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    let read = CommandApdu::new(0, 0xB0, 0x86, 0).with_le(231);
    rounds(EXCHANGES, || {
        let data = channel.send(&read).unwrap().require("read").unwrap();
        assert_eq!(data.len(), 231);
        took.get()
    });
}

fn connect_and_leave() {
    let context = Context::establish(Scope::User).unwrap();
    rounds(CONNECTIONS, || {
        let started = Instant::now();
        let card = connect(&context);
        let present = card.status2_owned().unwrap().status();
        assert!(present.contains(pcsc::Status::PRESENT));
        assert!(card.disconnect(Disposition::LeaveCard).is_ok());
        started.elapsed()
    });
}

fn since_epoch() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_nanos()).unwrap()
}

/// Says when it is about to wait and when it saw a change.
fn wait() {
    let context = Context::establish(Scope::User).unwrap();
    let mut states = [pcsc::ReaderState::new(EMPTY, State::UNAWARE)];
    loop {
        context.get_status_change(None, &mut states).unwrap();
        println!("{}", since_epoch());
        states[0].sync_current_state();
    }
}

/// In nanoseconds.
fn quantile(times: &mut [u64], part: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * part / 100).min(times.len() - 1)] as f64
}

fn spawn(card: Box<dyn CardDoor + Send>) -> RunningServer {
    let readers = vec![
        ReaderSpec::with_card(NAME.to_str().unwrap(), card),
        ReaderSpec::empty(EMPTY.to_str().unwrap()),
    ];
    ReaderServer::bind(&Place::Private, readers)
        .unwrap()
        .spawn()
        .unwrap()
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default()
}

fn compare() {
    let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
    let card = || Box::new(Card::in_memory(issued.image.clone(), issued.card_seed).unwrap());
    let (ours, session, nothing) = (spawn(card()), spawn(card()), spawn(Box::new(DoNothing)));
    let folder = tempfile::tempdir().unwrap();
    let threads = folder.path().join("socket");
    let listener = UnixListener::bind(&threads).unwrap();
    std::thread::spawn(move || serve_threads(listener));

    println!("load {}", load().trim());
    let mut subjects = [
        ("this card", "plain", ours.path()),
        ("do-nothing card, same server", "plain", nothing.path()),
        ("do-nothing card, thread per client", "plain", &*threads),
        ("this card, secure messaging", "protected", session.path()),
    ]
    .map(|(what, role, socket)| (what, Client::start(role, socket), Vec::new(), Vec::new()));
    for round in 0..=ROUNDS {
        for (_, client, times, medians) in &mut subjects {
            let mut answer = client.round();
            // The first one warms up.
            if round > 0 {
                medians.push(quantile(&mut answer, 50));
                times.extend(answer);
            }
        }
    }
    println!(
        "{:36} {:>9} {:>9} {:>9}",
        "READ BINARY, 231 bytes", "p50", "p95", "p99"
    );
    for (what, _, times, _) in &mut subjects {
        let [p50, p95, p99] = [50, 95, 99].map(|part| quantile(times, part) / 1e3);
        println!("{what:36} {p50:6.1} us {p95:6.1} us {p99:6.1} us");
    }
    for (what, other, target) in [
        (
            "the same server around a do-nothing card",
            1,
            "at most 1.25",
        ),
        (
            "a thread per client around a do-nothing card",
            2,
            "at most 1",
        ),
    ] {
        let (ours, theirs) = (&subjects[0].3, &subjects[other].3);
        let mut ratios: Vec<f64> = std::iter::zip(ours, theirs).map(|(a, b)| a / b).collect();
        ratios.sort_by(f64::total_cmp);
        let [low, middle, high] = [1, 2, 3].map(|part| ratios[ROUNDS * part / 4]);
        println!(
            "this card : {what}: {middle:.2} (quartiles {low:.2} to {high:.2}; target: {target})"
        );
    }
    drop(subjects);

    let mut client = Client::start("connect", ours.path());
    client.round();
    let mut times: Vec<u64> = (0..ROUNDS).flat_map(|_| client.round()).collect();
    let [p50, p99] = [50, 99].map(|part| quantile(&mut times, part) / 1e3);
    println!("connect, status, disconnect: p50 {p50:.0} us, p99 {p99:.0} us (target: 1000 us)");
    drop(client);

    let mut client = Client::start("wait", nothing.path());
    client.answer();
    let (control, mut times) = (nothing.control(), Vec::new());
    let mut card = Some(control.remove_card(0).unwrap());
    for _ in 0..INSERTIONS {
        // Time to be waiting again.
        std::thread::sleep(Duration::from_millis(2));
        let inserted = since_epoch();
        control.insert_card(1, card.take().unwrap()).unwrap();
        times.push(client.answer()[0].saturating_sub(inserted));
        std::thread::sleep(Duration::from_millis(2));
        card = Some(control.remove_card(1).unwrap());
        client.answer();
    }
    let [p50, p99] = [50, 99].map(|part| quantile(&mut times, part) / 1e3);
    println!(
        "insertion until a waiting client has seen it: p50 {p50:.0} us, p99 {p99:.0} us \
         (target: 5000 us)"
    );
    println!("load {}", load().trim());
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signatures through `libcie_pkcs11.so`: its C ABI (by dlopen and the
//! `cryptoki` crate), the system's libpcsclite, a private socket, one session.
//! Beside them, in turns in one run, so that a busy machine slows all:
//!
//! - **the bare operation**: RSA with the citizen's key, 2048 bits by CRT, as
//!   one call of the crate that the card uses, and nothing else;
//! - **the signature in process**: the same key choice and INTERNAL
//!   AUTHENTICATE in secure messaging, terminal and card in one thread, without
//!   socket, PC/SC and PKCS#11. The target of 85 % is against this one: it is
//!   what the card itself needs for a signature.
//!
//! Then the first signature from nothing, each in a process of its own, in its
//! parts. And how many commands the card was sent.
//!
//! ```sh
//! cargo run --release -p cie-benches --example signatures
//! ```
//!
//! `--module PATH` does the same with another module, on a card and a socket of
//! its own, in turns with ours. `--prepare COMMAND` is run first in a shell with that socket
//! and `CIE_PIN`, for modules that want to be told of a card beforehand;
//! `--last-digits 4` is for those that want only the end of the PIN.
//!
//! Compare figures of one run with each other, and run it on a quiet machine.
//! A signature is five messages to the server and back, begin and end of the
//! transaction and three commands, and each wakes another thread; in a virtual machine waking
//! another processor costs several times what waking the same one does, which
//! `taskset -c 0` in front shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)] // a measurement may fail loudly

use cie_benches::{Parts, channel, log_in};
use cie_card::Card;
use cie_personalisation::{IssuedCard, Persona, personalise};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::steps::sign::SigningKey;
use clap::Parser;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

const CHILD: &str = "CIE_BENCH_CHILD";
const PIN: &str = "CIE_BENCH_PIN";
const MESSAGE: &[u8] = b"message";
/// Signatures of one round.
const SIGNATURES: usize = 20;
/// The same for another module, which may take ten times as long.
const SIGNATURES_OTHER: usize = 4;
const ROUNDS: usize = 60;
const FIRSTS: usize = 15;

#[derive(Parser)]
struct Options {
    /// Another PKCS#11 module to measure beside ours.
    #[arg(long)]
    module: Option<PathBuf>,
    /// A shell command that makes the card known to that module.
    #[arg(long)]
    prepare: Option<String>,
    /// Log in to that module with the last digits of the PIN only.
    #[arg(long, default_value_t = 8)]
    last_digits: usize,
}

fn main() {
    match std::env::var_os(CHILD) {
        Some(module) => sign(Path::new(&module)),
        None => compare(&Options::parse()),
    }
}

/// The names of the parts of a first signature, in their order.
const PARTS: [&str; 7] = [
    "dlopen, C_GetFunctionList",
    "C_Initialize",
    "C_GetSlotList",
    "C_OpenSession",
    "C_Login",
    "C_FindObjects (private key)",
    "C_SignInit, C_Sign",
];

/// In a child: the first signature, then as many as it is asked for.
fn sign(module: &Path) {
    let pin = AuthPin::new(std::env::var(PIN).unwrap().into());
    let block = HashAlgorithm::Sha256.digest_info(MESSAGE);
    let mut times = Vec::new();
    let mut started = Instant::now();
    let mut lap = || {
        times.push(started.elapsed().as_nanos().to_string());
        started = Instant::now();
    };
    let module = Pkcs11::new(module).unwrap();
    lap();
    let flags = CInitializeFlags::OS_LOCKING_OK;
    module.initialize(CInitializeArgs::new(flags)).unwrap();
    lap();
    let slot = module.get_slots_with_token().unwrap()[0];
    lap();
    let session = module.open_ro_session(slot).unwrap();
    lap();
    session.login(UserType::User, Some(&pin)).unwrap();
    lap();
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let key = session.find_objects(&template).unwrap()[0];
    lap();
    let sign = || session.sign(&Mechanism::RsaPkcs, key, &block).unwrap();
    let signature = sign();
    lap();
    // Verified by the parent: a wrong one could be a fast one.
    println!("\nfirst {} {}", times.join(" "), hex(&signature));
    for line in std::io::stdin().lock().lines() {
        let count: usize = line.unwrap().parse().unwrap();
        let started = Instant::now();
        for _ in 0..count {
            assert_eq!(sign(), signature);
        }
        println!("\ntook {}", started.elapsed().as_nanos());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

/// A card that counts what it is sent.
struct Counted(Card, Arc<AtomicU64>);

impl CardDoor for Counted {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.power_on()
    }
    fn reset(&mut self) -> Vec<u8> {
        self.0.reset()
    }
    fn power_off(&mut self) {
        self.0.power_off();
    }
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.transmit(command)
    }
}

/// A module with a card and a server of its own.
struct Subject {
    what: &'static str,
    module: PathBuf,
    pin: String,
    server: RunningServer,
    commands: Arc<AtomicU64>,
    certificate: CardCertificate,
}

impl Subject {
    fn new(what: &'static str, module: &Path, issued: &IssuedCard, digits: usize) -> Self {
        let card = Card::in_memory(issued.image.clone(), issued.card_seed).unwrap();
        let commands = Arc::new(AtomicU64::new(0));
        let card = Counted(card, Arc::clone(&commands));
        let reader = ReaderSpec::with_card("Bench 00 00", Box::new(card));
        let server = ReaderServer::bind(&Place::Private, vec![reader]).unwrap();
        let pin = issued.pin().expose();
        Self {
            what,
            module: module.to_owned(),
            pin: pin[pin.len().saturating_sub(digits)..].to_owned(),
            server: server.spawn().unwrap(),
            commands,
            certificate: CardCertificate::from_file(&issued.certificate).unwrap(),
        }
    }

    fn start(&self) -> Client {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(CHILD, &self.module)
            .env(PIN, &self.pin)
            .env("PCSCLITE_CSOCK_NAME", self.server.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut client = Client {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
            first: Vec::new(),
        };
        let line = client.line("first ");
        let (times, signature) = line.rsplit_once(' ').unwrap();
        client.first = times.split(' ').map(|time| time.parse().unwrap()).collect();
        let verified = self
            .certificate
            .verify(HashAlgorithm::Sha256, MESSAGE, &unhex(signature));
        verified.expect("a signature that does not verify");
        client
    }

    fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }
}

struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The parts of its first signature, in nanoseconds.
    first: Vec<f64>,
}

impl Client {
    /// The next line that begins so; a module may print lines of its own.
    fn line(&mut self, start: &str) -> String {
        let mut line = String::new();
        while self.output.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
            line.clear();
        }
        panic!("a client process failed");
    }

    /// Microseconds for one of `count` signatures.
    fn signature(&mut self, count: usize) -> f64 {
        writeln!(self.input, "{count}").unwrap();
        let nanoseconds: f64 = self.line("took ").parse().unwrap();
        nanoseconds / 1e3 / count as f64
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    quartiles(&mut values)[1]
}

fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|part| values[(values.len() * part / 4).min(values.len() - 1)])
}

/// Microseconds of one call.
fn microseconds(count: usize, mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..count {
        work();
    }
    started.elapsed().as_secs_f64() * 1e6 / count as f64
}

/// The module that cargo built beside this program.
fn ours() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap().parent().unwrap();
    ["deps/libcie_pkcs11.so", "libcie_pkcs11.so"]
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.exists())
        .expect("no libcie_pkcs11.so beside this program; build cie-pkcs11 in the same profile")
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default()
}

fn compare(options: &Options) {
    let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
    let mut subjects = vec![Subject::new("libcie_pkcs11.so", &ours(), &issued, 8)];
    if let Some(module) = &options.module {
        let subject = Subject::new("the other module", module, &issued, options.last_digits);
        if let Some(command) = &options.prepare {
            let status = Command::new("sh")
                .args(["-c", command])
                .env("PCSCLITE_CSOCK_NAME", subject.server.path())
                .env("CIE_PIN", issued.pin().expose())
                .status()
                .unwrap();
            assert!(
                status.success(),
                "the command of --prepare failed: {status}"
            );
        }
        subjects.push(subject);
    }
    println!("load {}", load().trim());
    in_one_session(&issued, &subjects);
    from_nothing(&subjects);
    println!("load {}", load().trim());
}

fn in_one_session(issued: &IssuedCard, subjects: &[Subject]) {
    let parts = Parts::of(issued).unwrap();
    let mut rng = chacha20::ChaCha20Rng::from_seed([1; 32]);
    let mut session = channel(issued).unwrap();
    log_in(&mut session, issued, &mut rng).unwrap();
    let block = HashAlgorithm::Sha256.digest_info(MESSAGE);

    let mut clients: Vec<Client> = subjects.iter().map(Subject::start).collect();
    let (mut bare, mut in_process) = (Vec::new(), Vec::new());
    let mut times = vec![Vec::new(); subjects.len()];
    let mut commands = vec![0; subjects.len()];
    for round in 0..=ROUNDS {
        let one = microseconds(SIGNATURES, || {
            black_box(parts.authentication());
        });
        let two = microseconds(SIGNATURES, || {
            session.sign_raw(SigningKey::Citizen, &block).unwrap();
        });
        // The first round warms up.
        if round > 0 {
            bare.push(one);
            in_process.push(two);
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let count = [SIGNATURES, SIGNATURES_OTHER][number];
            let before = subjects[number].commands();
            let time = client.signature(count);
            if round > 0 {
                times[number].push(time);
                commands[number] += subjects[number].commands() - before;
            }
        }
    }
    println!(
        "one signature                                         median   per second   commands"
    );
    let print = |what: &str, time: f64, commands: &str| {
        println!("{what:50} {time:7.0} us {:12.0} {commands:>10}", 1e6 / time);
    };
    print(
        "the bare operation, RSA 2048 by CRT",
        median(bare.clone()),
        "-",
    );
    print(
        "in process, with secure messaging",
        median(in_process.clone()),
        "-",
    );
    for (number, subject) in subjects.iter().enumerate() {
        let signatures = ROUNDS * [SIGNATURES, SIGNATURES_OTHER][number];
        let each = format!("{:.2}", commands[number] as f64 / signatures as f64);
        print(subject.what, median(times[number].clone()), &each);
    }
    for (what, other, target) in [
        ("the bare operation", &bare, ""),
        (
            "the signature in process",
            &in_process,
            " (target: at least 85 %)",
        ),
    ] {
        let pairs = std::iter::zip(other, &times[0]);
        let mut speeds: Vec<f64> = pairs.map(|(a, b)| 100.0 * a / b).collect();
        let [low, middle, high] = quartiles(&mut speeds);
        println!(
            "libcie_pkcs11.so : {what}: {middle:.1} % of its speed \
             (quartiles {low:.1} to {high:.1}){target}"
        );
    }
    if let [ours, theirs] = &times[..] {
        let mut ratios: Vec<f64> = std::iter::zip(theirs, ours).map(|(a, b)| a / b).collect();
        let [low, middle, high] = quartiles(&mut ratios);
        println!(
            "libcie_pkcs11.so : the other module: {middle:.1} times as fast \
             (quartiles {low:.1} to {high:.1})"
        );
    }
}

fn from_nothing(subjects: &[Subject]) {
    let mut laps = vec![vec![Vec::new(); PARTS.len()]; subjects.len()];
    let mut totals = vec![Vec::new(); subjects.len()];
    let mut commands = vec![0; subjects.len()];
    for _ in 0..FIRSTS {
        for (number, subject) in subjects.iter().enumerate() {
            let before = subject.commands();
            let client = subject.start();
            commands[number] = subject.commands() - before;
            totals[number].push(client.first.iter().sum());
            for (part, time) in client.first.iter().enumerate() {
                laps[number][part].push(*time);
            }
        }
    }
    print!("\nfirst signature from nothing, medians of {FIRSTS}");
    for subject in subjects {
        print!(" {:>20}", subject.what);
    }
    println!();
    let line = |what: &str, each: &dyn Fn(usize) -> f64| {
        print!("{what:43}");
        for number in 0..subjects.len() {
            print!(" {:17.2} ms", each(number) / 1e6);
        }
        println!();
    };
    for (part, what) in PARTS.iter().enumerate() {
        line(what, &|number| median(laps[number][part].clone()));
    }
    line("all", &|number| median(totals[number].clone()));
    print!("{:43}", "commands to the card");
    for commands in commands {
        print!(" {commands:20}");
    }
    println!();
}

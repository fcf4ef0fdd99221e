// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases on readers: this project's reader passes them, one that misbehaves
//! does not, and one whose service fails is not called one that misbehaves.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)] // helpers of tests

#[path = "../../../emulator/cli/tests/pcscd/mod.rs"]
mod pcscd;

use cie_conformance::card::reader::{Spot, find};
use cie_conformance::catalogue::reader_cases;
use cie_conformance::endpoint::judge;
use cie_conformance::ours;
use cie_conformance::report::{CaseResult, Report};
use cie_conformance::verdict::Verdict;
use cie_personalisation::{FAMILIES, family};
use cie_reader::faults::return_code;
use cie_reader::vpcd::{CardSide, Mode};
use cie_reader::{Fault, FaultOutcome, PcscCall, Place, ReaderServer, ReaderSpec, RunningServer};
use iso7816_wire::CardDoor;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const READER: &str = "A Reader 00 00";
const LIMIT: Duration = Duration::from_secs(30);

fn server(card: impl CardDoor + 'static) -> RunningServer {
    let readers = vec![ReaderSpec::with_card(READER, Box::new(card))];
    let server = ReaderServer::bind(&Place::Private, readers).unwrap();
    server.spawn().unwrap()
}

fn card() -> impl CardDoor + 'static {
    ours::specimen(family("gemalto").unwrap(), 1).unwrap().card
}

fn spot(socket: &Path) -> Spot {
    find(socket, READER, LIMIT).unwrap()
}

fn of(results: &[CaseResult], verdict: Verdict) -> Vec<&str> {
    let found = results.iter().filter(|result| result.verdict == verdict);
    found.map(|result| result.id.as_str()).collect()
}

fn all(spot: &Spot, ours: bool) -> Vec<CaseResult> {
    let cases = reader_cases();
    cases.iter().map(|case| judge(spot, ours, case)).collect()
}

fn one(spot: &Spot, ours: bool, id: &str) -> CaseResult {
    let case = reader_cases().into_iter().find(|case| case.id == id);
    judge(spot, ours, &case.unwrap())
}

/// A result in lines.
fn lines(result: &CaseResult) -> String {
    let calls = result.evidence.iter();
    let calls = calls.map(|call| format!("\n  {} -> {}", call.command, call.response));
    let calls: String = calls.collect();
    format!("{} {}: {}{calls}", result.id, result.verdict, result.reason)
}

/// What is no pass.
fn bad(results: &[CaseResult]) -> Vec<String> {
    let bad = |result: &&CaseResult| result.verdict != Verdict::Pass;
    results.iter().filter(bad).map(lines).collect()
}

#[test]
fn our_reader_passes_with_a_card_of_any_family() {
    for family in FAMILIES.iter() {
        let server = server(ours::specimen(family, 1).unwrap().card);
        let results = all(&spot(server.path()), true);
        assert!(
            bad(&results).is_empty(),
            "{}: {:#?}",
            family.id,
            bad(&results)
        );
        assert!(results.len() >= 25);
        assert!(results.iter().all(|result| !result.evidence.is_empty()));
    }
}

#[test]
fn private_pcscd_with_vpcd_differs_in_one_case() {
    let port = pcscd::free_ports();
    let device = pcscd::Device {
        name: "A Reader",
        device: format!("/dev/null:{port}"),
    };
    let Some(pcscd) = pcscd::Pcscd::start(&[device]) else {
        return;
    };
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    let cards = vec![Box::new(card()) as Box<dyn CardDoor>];
    let _cards = CardSide::start(&Mode::Connect(address), cards, |_| ()).unwrap();
    let begun = Instant::now();
    let spot = loop {
        match find(&pcscd.socket(), READER, LIMIT) {
            Ok(spot) => break spot,
            Err(error) => assert!(begun.elapsed() < pcscd::GUARD, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let results = all(&spot, false);
    // vpcd 0.8 has no such attributes (docs/pcsc-differences.md).
    assert_eq!(of(&results, Verdict::Differs), ["CIE_PCSC_ATTR_001"]);
    let other = [
        "CIE_PCSC_ATTR_002",
        "CIE_PCSC_XFER_004",
        "CIE_PCSC_XFER_005",
    ];
    assert_eq!(of(&results, Verdict::NotApplicable), other);
    let rest = of(&results, Verdict::Pass).len() + 1 + other.len();
    assert_eq!(rest, results.len(), "{}", bad(&results).join("\n"));
}

/// What a reader gets wrong.
enum Wrong {
    /// A call is refused, as often as said, from that call on.
    Refused(PcscCall, u64, &'static str),
    /// Requests are answered by others, or by nobody who serves them.
    Edited(Edit),
}

/// Changes a request in front of the server; a reply means that the server
/// does not see it.
type Edit = fn(u32, &mut [u8]) -> Option<Vec<u8>>;

fn put(body: &mut [u8], at: usize, number: u32) {
    body[at..at + 4].copy_from_slice(&number.to_ne_bytes());
}

fn get(body: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(body[at..at + 4].try_into().unwrap())
}

/// Nobody is ever alone.
fn shares_always(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    if command == CONNECT {
        put(body, 132, 2);
    }
    None
}

/// Asks the card for nothing when it should reset it.
fn never_resets(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    match command {
        RECONNECT => put(body, 12, 0),
        DISCONNECT | END => put(body, 4, 0),
        _ => {}
    }
    None
}

/// Says that there are transactions, and has none.
fn never_locks(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    let fine = matches!(command, BEGIN | END);
    fine.then(|| body.to_owned())
}

/// Forgets to end what is given back.
fn keeps_handles(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    (command == DISCONNECT).then(|| body.to_owned())
}

fn keeps_contexts(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    (command == RELEASE).then(|| body.to_owned())
}

fn never_cancels(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    (command == CANCEL).then(|| body.to_owned())
}

/// Takes any protocol, and writes past the end.
fn transmits_anyhow(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    if command == TRANSMIT {
        put(body, 4, 2);
        put(body, 24, 65_548);
    }
    None
}

/// Every attribute is the vendor's name.
fn one_attribute(command: u32, body: &mut [u8]) -> Option<Vec<u8>> {
    if command == ATTRIBUTE {
        put(body, 4, 0x0001_0100);
    }
    None
}

const RELEASE: u32 = 0x02;
const CONNECT: u32 = 0x04;
const RECONNECT: u32 = 0x05;
const DISCONNECT: u32 = 0x06;
const BEGIN: u32 = 0x07;
const END: u32 = 0x08;
const TRANSMIT: u32 = 0x09;
const CANCEL: u32 = 0x0D;
const ATTRIBUTE: u32 = 0x0F;

/// A socket in front of the server's.
struct Front {
    folder: tempfile::TempDir,
}

impl Front {
    fn of(server: &Path, edit: Edit) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let front = Self { folder };
        let listener = UnixListener::bind(front.path()).unwrap();
        let server = server.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let behind = UnixStream::connect(&server).unwrap();
                let (client, mut back) = (client.unwrap(), behind.try_clone().unwrap());
                let mut to_client = client.try_clone().unwrap();
                std::thread::spawn(move || {
                    let copied = std::io::copy(&mut back, &mut to_client);
                    // The server hangs up, so this does, too.
                    let _ = to_client.shutdown(Shutdown::Both);
                    copied
                });
                std::thread::spawn(move || forward(client, behind, edit));
            }
        });
        front
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("front")
    }
}

/// Until the client hangs up; one that released its context is never missed.
fn forward(mut client: UnixStream, mut behind: UnixStream, edit: Edit) {
    let mut head = [0; 8];
    let mut released = false;
    while client.read_exact(&mut head).is_ok() {
        let command = get(&head, 4);
        let mut body = vec![0; usize::try_from(get(&head, 0)).unwrap()];
        client.read_exact(&mut body).unwrap();
        let mut more = Vec::new();
        if command == TRANSMIT {
            more.resize(usize::try_from(get(&body, 12)).unwrap(), 0);
            client.read_exact(&mut more).unwrap();
        }
        if let Some(reply) = edit(command, &mut body) {
            client.write_all(&reply).unwrap();
            released |= command == RELEASE;
            continue;
        }
        if behind
            .write_all(&[&head[..], &body, &more].concat())
            .is_err()
        {
            break;
        }
    }
    match released {
        true => std::mem::forget(behind),
        false => behind.shutdown(Shutdown::Both).unwrap_or_default(),
    }
}

/// What comes of one case at a reader that gets this wrong.
fn at_a_wrong_one(wrong: &Wrong, ours: bool, id: &str) -> CaseResult {
    let server = server(card());
    let spot = |socket| Spot {
        socket,
        reader: READER.to_owned(),
        limit: Duration::from_secs(3),
    };
    match wrong {
        Wrong::Refused(call, at, code) => {
            let code = FaultOutcome::Refused(return_code(code).unwrap());
            let fault = Fault::new(*call, code).at(*at).ever_after();
            server.control().fault(fault).unwrap();
            one(&spot(server.path().to_owned()), ours, id)
        }
        Wrong::Edited(edit) => {
            let front = Front::of(server.path(), *edit);
            one(&spot(front.path()), ours, id)
        }
    }
}

/// For every case a reader that does not pass it. The bench looks at first
/// whether the reader is well: one connection, one exchange.
const WRONG: [(&str, Wrong); 27] = {
    use PcscCall as C;
    use Wrong::{Edited, Refused};
    const BROKEN: &str = "SCARD_E_NOT_TRANSACTED";
    const NO_HANDLE: &str = "SCARD_E_INVALID_HANDLE";
    const NO_PROTOCOL: &str = "SCARD_E_PROTO_MISMATCH";
    [
        ("CONN_001", Refused(C::Connect, 2, NO_PROTOCOL)),
        ("CONN_002", Refused(C::Connect, 2, NO_PROTOCOL)),
        (
            "CONN_003",
            Refused(C::Connect, 3, "SCARD_E_SHARING_VIOLATION"),
        ),
        ("CONN_004", Edited(shares_always)),
        ("CONN_005", Edited(shares_always)),
        ("CONN_006", Refused(C::Status, 1, BROKEN)),
        ("CONN_007", Refused(C::Status, 1, BROKEN)),
        ("CONN_008", Edited(keeps_contexts)),
        ("TX_001", Edited(never_locks)),
        (
            "TX_001",
            Refused(C::BeginTransaction, 2, "SCARD_E_SHARING_VIOLATION"),
        ),
        ("TX_002", Edited(never_locks)),
        ("TX_003", Refused(C::Status, 1, NO_HANDLE)),
        ("TX_004", Edited(never_locks)),
        ("TX_005", Edited(never_locks)),
        ("TX_006", Edited(never_locks)),
        ("TX_007", Edited(keeps_handles)),
        ("RESET_001", Edited(never_resets)),
        ("RESET_002", Edited(never_resets)),
        ("RESET_003", Edited(never_resets)),
        ("RESET_004", Edited(never_resets)),
        ("ATTR_001", Edited(one_attribute)),
        ("ATTR_002", Edited(one_attribute)),
        (
            "EVT_001",
            Refused(C::GetStatusChange, 1, "SCARD_E_INVALID_VALUE"),
        ),
        ("EVT_002", Edited(never_cancels)),
        ("EVT_003", Edited(shares_always)),
        ("XFER_001", Edited(transmits_anyhow)),
        ("XFER_002", Edited(transmits_anyhow)),
    ]
};

#[test]
fn every_case_finds_a_reader_that_gets_it_wrong() {
    let mut left: Vec<_> = reader_cases().into_iter().map(|case| case.id).collect();
    for (id, wrong) in &WRONG {
        let id = format!("CIE_PCSC_{id}");
        let result = at_a_wrong_one(wrong, true, &id);
        assert_eq!(result.verdict, Verdict::Fail, "{}", lines(&result));
        left.retain(|other| *other != id);
    }
    // After bytes that are no command nothing goes any more.
    for id in [
        "CIE_PCSC_XFER_003",
        "CIE_PCSC_XFER_004",
        "CIE_PCSC_XFER_005",
    ] {
        let wrong = Wrong::Refused(PcscCall::Transmit, 3, "SCARD_E_NOT_TRANSACTED");
        let result = at_a_wrong_one(&wrong, true, id);
        assert_eq!(result.verdict, Verdict::Fail, "{}", lines(&result));
        left.retain(|other| other != id);
    }
    assert!(left.is_empty(), "nobody gets these wrong: {left:?}");
}

#[test]
fn a_foreign_reader_fails_for_a_standard_and_differs_from_a_choice() {
    let standard = at_a_wrong_one(&Wrong::Edited(never_locks), false, "CIE_PCSC_TX_004");
    assert_eq!(standard.verdict, Verdict::Fail);
    let choice = at_a_wrong_one(&Wrong::Edited(never_locks), false, "CIE_PCSC_TX_001");
    assert_eq!(choice.verdict, Verdict::Differs);
    let risky = at_a_wrong_one(&Wrong::Edited(never_locks), false, "CIE_PCSC_XFER_005");
    assert_eq!(
        (risky.verdict, risky.evidence.len()),
        (Verdict::NotApplicable, 0)
    );
}

#[test]
fn a_service_that_fails_is_no_reader_that_fails() {
    let server = server(card());
    let mut spot = spot(server.path());
    spot.limit = Duration::from_secs(1);
    let refused = |code| FaultOutcome::Refused(return_code(code).unwrap());
    let troubles = [
        (PcscCall::Transmit, refused("SCARD_E_COMM_DATA_LOST")),
        (PcscCall::Connect, refused("SCARD_E_NO_SERVICE")),
        (PcscCall::Connect, refused("SCARD_W_UNRESPONSIVE_CARD")),
        (PcscCall::EstablishContext, FaultOutcome::HungUp),
    ];
    for (call, outcome) in troubles {
        // Also later than where the bench looks whether the reader is well.
        for at in [1, 2] {
            server.control().clear_faults();
            let fault = Fault::new(call, outcome).at(at).ever_after();
            server.control().fault(fault).unwrap();
            for id in ["CIE_PCSC_CONN_003", "CIE_PCSC_TX_004", "CIE_PCSC_XFER_001"] {
                let result = one(&spot, true, id);
                let verdict = result.verdict;
                assert_eq!(verdict, Verdict::Inconclusive, "{}", lines(&result));
            }
        }
    }
    server.control().clear_faults();
    let late = Fault::new(PcscCall::Status, FaultOutcome::Served).late(LIMIT);
    server.control().fault(late).unwrap();
    assert_eq!(one(&spot, true, "CIE_PCSC_CONN_003").verdict, Verdict::Hang);
}

fn bench(socket: &Path, arguments: &[&str]) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::cargo_bin("cie-conformance").unwrap();
    command
        .env("PCSCLITE_CSOCK_NAME", socket)
        .env_remove("CIE_CONTROL")
        .args(arguments);
    command
}

const ALL: [&str; 5] = ["card", "--reader", "0", "--case", "CIE_PCSC_*"];

#[test]
fn the_program_runs_them_at_a_reader_and_only_there() {
    let server = server(card());
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let read = |name: &str| -> Report {
        Report::parse(&std::fs::read_to_string(file(name)).unwrap()).unwrap()
    };
    let card_case = ["--case", "CIE_IAS_SEL_001"];
    for (shard, name) in [("1/2", "1.json"), ("2/2", "2.json")] {
        let to = [
            card_case[0],
            card_case[1],
            "--shard",
            shard,
            "--json",
            &file(name),
        ];
        bench(server.path(), &[&ALL[..], &to].concat())
            .assert()
            .code(0);
    }
    let merge = [
        "merge",
        &file("2.json"),
        &file("1.json"),
        "--json",
        &file("all.json"),
    ];
    bench(server.path(), &merge).assert().code(0);
    let report = read("all.json");
    let (worse, told) = (file("bad.json"), file("embargo.json"));
    assert_eq!(report.results.len(), reader_cases().len() + 1);
    assert_eq!(report.results[0].id, "CIE_IAS_SEL_001");
    let not = ["CIE_PCSC_XFER_004", "CIE_PCSC_XFER_005"];
    assert_eq!(of(&report.results, Verdict::NotApplicable), not);
    let pass = of(&report.results, Verdict::Pass).len();
    assert_eq!(pass + not.len(), report.results.len());
    bench(server.path(), &["replay", &file("all.json")])
        .assert()
        .code(2);

    // Without locks: worse than before, and of the faults only names.
    let front = Front::of(server.path(), never_locks);
    let now = [&ALL[..], &["--json", worse.as_str()]].concat();
    bench(&front.path(), &now).assert().code(1);
    let compare = ["compare", &file("all.json"), &worse];
    bench(server.path(), &compare).assert().code(1);
    let embargo = [&ALL[..], &["--embargo", told.as_str()]].concat();
    bench(&front.path(), &embargo).assert().code(1);
    let told = std::fs::read_to_string(told).unwrap();
    assert!(
        told.contains("CIE_PCSC_TX_004") && told.contains("CWE-754"),
        "{told}"
    );
    assert!(!told.contains("SCard"), "{told}");

    let here = bench(server.path(), &["card", "--case", "CIE_PCSC_TX_*"])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&here.stderr);
    assert!(
        here.status.code() == Some(2) && words.contains("--reader"),
        "{words}"
    );
    for command in ["list", "explain", "spec"] {
        let arguments = match command {
            "explain" => vec![command, "CIE_PCSC_TX_004"],
            _ => vec![command, "--case", "CIE_PCSC_TX_004"],
        };
        let output = bench(server.path(), &arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            text.contains("SCardTransmit beside another's transaction"),
            "{text}"
        );
    }
}

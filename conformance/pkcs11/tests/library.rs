// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library itself, `libcie_pkcs11.so`, loaded by others: `pkcs11-tool` and
//! the `cryptoki` crate, over a private socket and the system's libpcsclite.
//!
//! libpcsclite reads its socket's path once per process, so each scenario is
//! an ignored test of this binary that a normal test runs in a child process.
//! The child asks for what happens outside (a removal, a reset) by a line on
//! its standard output.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests
#![allow(clippy::print_stdout)] // the child's way to ask

mod common;

use cie_card::{Card, Snapshot};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};
use cie_terminal::pcsc;
use common::{WRONG, card, certificate, issued, pin, puk};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use iso7816_wire::CardDoor;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// In a child: the folder for its files.
const CHILD: &str = "CIE_PKCS11_TEST_CHILD";
/// No scenario takes as long.
const GUARD: Duration = Duration::from_secs(120);

/// A card that its owner can look at while it is in a reader.
#[derive(Clone)]
struct Watched(Arc<Mutex<Card>>);

impl CardDoor for Watched {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.lock().unwrap().power_on()
    }
    fn reset(&mut self) -> Vec<u8> {
        self.0.lock().unwrap().reset()
    }
    fn power_off(&mut self) {
        self.0.lock().unwrap().power_off();
    }
    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.lock().unwrap().transmit(command)
    }
}

/// The outside world: a reader with the citizen's card, and an empty one.
struct Outside {
    server: RunningServer,
    card: Watched,
    /// Another program's connection, in a transaction.
    other: Mutex<Option<pcsc::Card>>,
    folder: tempfile::TempDir,
}

impl Outside {
    fn new() -> Self {
        let card = Watched(Arc::new(Mutex::new(card())));
        let readers = vec![
            ReaderSpec::with_card("Test Reader 00 00", Box::new(card.clone())),
            ReaderSpec::empty("Test Reader 01 00"),
        ];
        let server = ReaderServer::bind(&Place::Private, readers).unwrap();
        Self {
            server: server.spawn().unwrap(),
            card,
            other: Mutex::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn inspect(&self) -> Snapshot {
        self.card.0.lock().unwrap().inspect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("PCSCLITE_CSOCK_NAME", self.server.path())
            .env_remove("CIE_PKCS11_CERT")
            .env_remove("CIE_PKCS11_CA")
            .env_remove("CIE_CA_PEM")
            .env_remove("CIE_PKCS11_LOG");
        command
    }

    /// `pkcs11-tool` with the module: success and everything it printed.
    fn tool(&self, args: &[&str]) -> (bool, String) {
        let mut command = self.command("pkcs11-tool");
        let command = command.arg("--module").arg(library()).args(args);
        let output = command.output().unwrap_or_else(|error| {
            panic!("pkcs11-tool: {error}; it is in the Debian package opensc")
        });
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        (output.status.success(), text)
    }

    fn tool_succeeds(&self, args: &[&str]) -> String {
        let (success, text) = self.tool(args);
        assert!(success, "{args:?}:\n{text}");
        text
    }

    fn tool_fails(&self, args: &[&str], with: &str) {
        let (success, text) = self.tool(args);
        assert!(!success && text.contains(with), "{args:?}:\n{text}");
    }

    /// Runs a scenario of this binary in a child, doing what it asks for.
    fn scenario(&self, name: &str) {
        self.scenario_under(&[], name);
    }

    /// As [`scenario`](Self::scenario), the child under another program.
    fn scenario_under(&self, above: &[&str], name: &str) {
        let program = std::env::current_exe().unwrap();
        let mut words = above
            .iter()
            .map(std::ffi::OsString::from)
            .collect::<Vec<_>>();
        words.push(program.into_os_string());
        let mut child = self
            .command(&words[0])
            .args(&words[1..])
            .args([name, "--exact", "--ignored", "--nocapture"])
            .env(CHILD, self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(wish) = line.split("ask:").nth(1) {
                self.grant(wish);
                input.write_all(b"done\n").unwrap();
            }
            said.push_str(&line);
            said.push('\n');
        }
        let success = child.wait().unwrap().success();
        assert!(success && said.contains("1 passed"), "{name}:\n{said}");
    }

    fn grant(&self, wish: &str) {
        let control = self.server.control();
        match wish {
            "remove" => drop(control.remove_card(0).unwrap()),
            "insert" => control.insert_card(0, Box::new(self.card.clone())).unwrap(),
            "insert in a second" => {
                let card = Box::new(self.card.clone());
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_secs(1));
                    control.insert_card(0, card).unwrap();
                });
            }
            "reset" => {
                let options = pcsc::Options::default();
                let card = pcsc::Card::first(self.server.path(), options).unwrap();
                card.disconnect(pcsc::Disposition::Reset).unwrap();
            }
            "lock" => {
                let options = pcsc::Options::default();
                let mut card = pcsc::Card::first(self.server.path(), options).unwrap();
                card.begin_transaction(GUARD).unwrap();
                *self.other.lock().unwrap() = Some(card);
            }
            "unlock" => {
                let card = self.other.lock().unwrap().take().unwrap();
                card.disconnect(pcsc::Disposition::Leave).unwrap();
            }
            "select" => {
                let options = pcsc::Options::default();
                let card = pcsc::Card::first(self.server.path(), options).unwrap();
                let mut channel = cie_terminal::Channel::new(card);
                channel.select_root_any().unwrap();
                let card = channel.into_transport();
                card.disconnect(pcsc::Disposition::Leave).unwrap();
            }
            other => panic!("no such wish: {other}"),
        }
    }
}

/// The library that cargo built for this test, beside it.
fn library() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let found = [folder, folder.parent().unwrap()]
        .map(|folder| folder.join("libcie_pkcs11.so"))
        .into_iter()
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("no libcie_pkcs11.so beside {}", program.display()))
}

// ---- the child's side

fn is_child() -> bool {
    let child = std::env::var_os(CHILD).is_some();
    if child {
        std::thread::spawn(|| {
            std::thread::sleep(GUARD);
            println!("\nthis child hangs");
            std::process::exit(1);
        });
    }
    child
}

/// Asks the parent, and waits until it is done.
fn ask(wish: &str) {
    println!("\nask:{wish}");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(line, "done\n");
}

fn start() -> (Pkcs11, Slot) {
    let module = Pkcs11::new(library()).unwrap();
    let flags = CInitializeFlags::OS_LOCKING_OK;
    module.initialize(CInitializeArgs::new(flags)).unwrap();
    let slots = module.get_slots_with_token().unwrap();
    assert_eq!(slots.len(), 1);
    assert_eq!(module.get_all_slots().unwrap().len(), 2);
    (module, slots[0])
}

fn code(digits: &str) -> AuthPin {
    AuthPin::new(digits.into())
}

fn private_key(session: &Session) -> ObjectHandle {
    let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let found = session.find_objects(&template).unwrap();
    assert_eq!(found.len(), 1);
    found[0]
}

fn state(session: &Session) -> SessionState {
    session.get_session_info().unwrap().session_state()
}

fn rv<T: std::fmt::Debug>(result: Result<T, Error>) -> RvError {
    match result {
        Err(Error::Pkcs11(rv, _)) => rv,
        other => panic!("{other:?}"),
    }
}

// ---- scenarios

#[test]
fn the_cryptoki_crate_lists_and_signs() {
    let outside = Outside::new();
    outside.scenario("lists_and_signs");
    assert!(!outside.inspect().pin_verified, "logged out at the end");
}

#[test]
#[ignore = "run in a child by the_cryptoki_crate_lists_and_signs"]
fn lists_and_signs() {
    if !is_child() {
        return;
    }
    let (module, slot) = start();
    let info = module.get_token_info(slot).unwrap();
    assert_eq!(info.label(), "CIE 3.0");
    assert_eq!(info.serial_number().len(), 16);
    assert!(info.serial_number().contains(&issued().facts.nis));
    assert!(info.login_required() && info.rng() && info.token_initialized());
    assert!(!info.user_pin_count_low() && !info.user_pin_locked());

    let session = module.open_ro_session(slot).unwrap();
    assert_eq!(state(&session), SessionState::RoPublic);
    assert_eq!(session.find_objects(&[]).unwrap().len(), 1);
    session.login(UserType::User, Some(&code(pin()))).unwrap();
    assert_eq!(state(&session), SessionState::RoUser);
    assert_eq!(session.find_objects(&[]).unwrap().len(), 4);

    let template = [Attribute::Class(ObjectClass::CERTIFICATE)];
    let handles = session.find_objects(&template).unwrap();
    let attributes = [AttributeType::Value];
    let values = session.get_attributes(handles[0], &attributes).unwrap();
    assert_eq!(values, [Attribute::Value(issued().certificate.clone())]);

    let key = private_key(&session);
    let data = b"a text";
    for (mechanism, hash) in [
        (
            Mechanism::Sha1RsaPkcs,
            cie_terminal::digest::HashAlgorithm::Sha1,
        ),
        (
            Mechanism::Sha256RsaPkcs,
            cie_terminal::digest::HashAlgorithm::Sha256,
        ),
        (
            Mechanism::Sha384RsaPkcs,
            cie_terminal::digest::HashAlgorithm::Sha384,
        ),
        (
            Mechanism::Sha512RsaPkcs,
            cie_terminal::digest::HashAlgorithm::Sha512,
        ),
    ] {
        let signature = session.sign(&mechanism, key, data).unwrap();
        certificate().verify(hash, data, &signature).unwrap();
        session.sign_init(&mechanism, key).unwrap();
        session.sign_update(&data[..3]).unwrap();
        session.sign_update(&data[3..]).unwrap();
        assert_eq!(session.sign_final().unwrap(), signature, "in parts");
    }
    let pss = session.sign(
        &Mechanism::Sha256RsaPkcsPss(cryptoki::mechanism::rsa::PkcsPssParams {
            hash_alg: MechanismType::SHA256,
            mgf: cryptoki::mechanism::rsa::PkcsMgfType::MGF1_SHA256,
            s_len: 32.into(),
        }),
        key,
        data,
    );
    assert_eq!(rv(pss), RvError::MechanismInvalid);
    let random = session.generate_random_vec(20).unwrap();
    assert_ne!(random, session.generate_random_vec(20).unwrap());

    session.logout().unwrap();
    assert_eq!(state(&session), SessionState::RoPublic);
    let refused = session.sign(&Mechanism::Sha256RsaPkcs, key, data);
    assert_eq!(rv(refused), RvError::UserNotLoggedIn);
    session.login(UserType::User, Some(&code(pin()))).unwrap();
    session.close().unwrap();
    module.finalize().unwrap();
}

/// Beside `valgrind.rs`, which is always run: resets and removals.
#[test]
#[ignore = "takes a minute and needs valgrind: cargo test -p cie-pkcs11 --test library valgrind -- --ignored"]
fn valgrind_finds_neither_errors_nor_leaks() {
    let valgrind = [
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite",
    ];
    Outside::new().scenario_under(&valgrind, "lists_and_signs");
    Outside::new().scenario_under(&valgrind, "disturbed");
    Outside::new().scenario_under(&valgrind, "removed");
}

#[test]
fn a_removed_card_closes_its_sessions() {
    Outside::new().scenario("removed");
}

#[test]
#[ignore = "run in a child by a_removed_card_closes_its_sessions"]
fn removed() {
    if !is_child() {
        return;
    }
    let (module, slot) = start();
    assert_eq!(module.get_slot_event().unwrap(), None);
    let session = module.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&code(pin()))).unwrap();
    let key = private_key(&session);
    ask("remove");
    assert_eq!(module.get_slot_event().unwrap(), Some(slot));
    let gone = session.sign(&Mechanism::Sha256RsaPkcs, key, b"a text");
    // Beginning it does not ask whether the card is there, the signature does.
    assert_eq!(rv(gone), RvError::DeviceRemoved);
    let closed = session.sign(&Mechanism::Sha256RsaPkcs, key, b"a text");
    assert_eq!(rv(closed), RvError::SessionHandleInvalid);
    assert_eq!(rv(module.open_ro_session(slot)), RvError::TokenNotPresent);
    assert_eq!(rv(module.get_token_info(slot)), RvError::TokenNotPresent);
    assert!(module.get_slots_with_token().unwrap().is_empty());

    ask("insert in a second");
    assert_eq!(module.wait_for_slot_event().unwrap(), slot);
    let session = module.open_rw_session(slot).unwrap();
    assert_eq!(state(&session), SessionState::RwPublic);
    session.login(UserType::User, Some(&code(pin()))).unwrap();
    let key = private_key(&session);
    session
        .sign(&Mechanism::Sha256RsaPkcs, key, b"a text")
        .unwrap();
    // Out and in again between two calls: another card could have come.
    ask("remove");
    ask("insert");
    let gone = session.sign(&Mechanism::Sha256RsaPkcs, key, b"a text");
    assert_eq!(rv(gone), RvError::DeviceRemoved);
    // The certificate is known of this card, without a login.
    let session = module.open_rw_session(slot).unwrap();
    assert_eq!(session.find_objects(&[]).unwrap().len(), 3);
    session.close().unwrap();
    module.finalize().unwrap();
}

#[test]
fn a_transaction_of_another_program_holds_up_its_card_only() {
    Outside::new().scenario("held_up");
}

#[test]
#[ignore = "run in a child by a_transaction_of_another_program_holds_up_its_card_only"]
fn held_up() {
    if !is_child() {
        return;
    }
    let (module, slot) = start();
    module.get_token_info(slot).unwrap();
    ask("lock");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| module.get_token_info(slot).unwrap());
        std::thread::sleep(Duration::from_millis(500));
        let (done, wait) = std::sync::mpsc::channel();
        let module = &module;
        scope.spawn(move || {
            let slots = module.get_all_slots().unwrap();
            let _ = done.send((slots.len(), module.get_slot_info(slot).is_ok()));
        });
        let told = wait.recv_timeout(GUARD / 4);
        let finished = waiter.is_finished();
        ask("unlock");
        assert_eq!(told, Ok((2, true)), "the list of slots");
        assert!(!finished, "the card is the other program's");
    });
}

#[test]
fn resets_and_sessions_of_others_end_the_login() {
    let outside = Outside::new();
    outside.scenario("disturbed");
    assert_eq!(outside.inspect().pin_tries, 3);
}

#[test]
#[ignore = "run in a child by resets_and_sessions_of_others_end_the_login"]
fn disturbed() {
    if !is_child() {
        return;
    }
    let (module, slot) = start();
    let session = module.open_rw_session(slot).unwrap();
    for wish in ["reset", "select", "reset"] {
        session.login(UserType::User, Some(&code(pin()))).unwrap();
        let key = private_key(&session);
        let sign = || session.sign(&Mechanism::Sha256RsaPkcs, key, b"a text");
        sign().unwrap();
        ask(wish);
        assert_eq!(rv(sign()), RvError::UserNotLoggedIn, "{wish}");
        assert_eq!(state(&session), SessionState::RwPublic);
    }
    session.close().unwrap();
    module.finalize().unwrap();
}

#[test]
fn pins_and_puks_through_the_library() {
    let outside = Outside::new();
    outside.scenario("codes");
    let card = outside.inspect();
    assert_eq!((card.pin_tries, card.puk_tries), (3, 10));
}

#[test]
#[ignore = "run in a child by pins_and_puks_through_the_library"]
fn codes() {
    if !is_child() {
        return;
    }
    let (module, slot) = start();
    let session = module.open_rw_session(slot).unwrap();
    let flags = || {
        let info = module.get_token_info(slot).unwrap();
        [
            info.user_pin_count_low(),
            info.user_pin_final_try(),
            info.user_pin_locked(),
            info.so_pin_count_low(),
            info.so_pin_final_try(),
            info.so_pin_locked(),
        ]
    };
    let try_pin = |digits: &str| session.login(UserType::User, Some(&code(digits)));
    let none = [false; 6];
    assert_eq!(flags(), none);
    assert_eq!(rv(try_pin(&pin()[..4])), RvError::PinIncorrect);
    assert_eq!(rv(try_pin("abcdefgh")), RvError::PinIncorrect);
    assert_eq!(flags(), none, "no try was spent");
    assert_eq!(rv(try_pin(WRONG)), RvError::PinIncorrect);
    assert_eq!(flags(), [true, false, false, false, false, false]);
    assert_eq!(rv(try_pin(WRONG)), RvError::PinIncorrect);
    assert_eq!(flags(), [true, true, false, false, false, false]);
    assert_eq!(rv(try_pin(WRONG)), RvError::PinLocked);
    assert_eq!(flags(), [false, false, true, false, false, false]);
    assert_eq!(rv(try_pin(pin())), RvError::PinLocked);

    let new = "86420975";
    let refused = session.init_pin(&code(new));
    assert_eq!(rv(refused), RvError::UserNotLoggedIn);
    let wrong = session.login(UserType::So, Some(&code(WRONG)));
    assert_eq!(rv(wrong), RvError::PinIncorrect);
    assert_eq!(flags(), [false, false, true, true, false, false]);

    let read_only = module.open_ro_session(slot).unwrap();
    let refused = session.login(UserType::So, Some(&code(puk())));
    assert_eq!(rv(refused), RvError::SessionReadOnlyExists);
    read_only.close().unwrap();
    session.login(UserType::So, Some(&code(puk()))).unwrap();
    assert_eq!(state(&session), SessionState::RwSecurityOfficer);
    let refused = module.open_ro_session(slot);
    assert_eq!(rv(refused), RvError::SessionReadWriteSoExists);
    let refused = session.set_pin(&code(puk()), &code("12345678"));
    assert_eq!(rv(refused), RvError::FunctionNotSupported);
    assert_eq!(rv(session.init_pin(&code("1234"))), RvError::PinLenRange);
    assert_eq!(rv(session.init_pin(&code("1234567x"))), RvError::PinInvalid);
    session.init_pin(&code(new)).unwrap();
    assert_eq!(flags(), none);
    session.logout().unwrap();

    try_pin(new).unwrap();
    let newer = "97531864";
    session.set_pin(&code(new), &code(newer)).unwrap();
    assert_eq!(state(&session), SessionState::RwUser);
    let wrong = session.set_pin(&code(new), &code(newer));
    assert_eq!(rv(wrong), RvError::PinIncorrect);
    assert_eq!(state(&session), SessionState::RwPublic);
    try_pin(newer).unwrap();
}

#[test]
fn a_fork_starts_anew() {
    let outside = Outside::new();
    // Python forks, as the standard has it, between calls.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fork.py");
    let output = outside
        .command("/usr/bin/python3")
        .arg(script)
        .arg(library())
        .arg(pin())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(outside.inspect().pin_tries, 3);
}

#[test]
fn pkcs11_tool_lists_signs_and_tests() {
    let outside = Outside::new();
    let list = outside.tool_succeeds(&["-L"]);
    assert!(list.contains("token label        : CIE 3.0"), "{list}");
    assert!(list.contains("Test Reader 01 00"), "{list}");
    let objects = outside.tool_succeeds(&["-O"]);
    assert!(objects.contains("label:          'NIS'"), "{objects}");
    assert!(!objects.contains("Certificate Object"), "{objects}");
    let objects = outside.tool_succeeds(&["--login", "--pin", pin(), "-O"]);
    for object in ["Certificate", "Public Key", "Private Key"] {
        assert!(objects.contains(&format!("{object} Object")), "{objects}");
    }

    let path = |name: &str| outside.path(name).to_str().unwrap().to_owned();
    let (text, signature) = (path("text"), path("signature"));
    let (certificate, key) = (path("certificate.der"), path("key.pem"));
    std::fs::write(&text, "a text\n").unwrap();
    outside.tool_succeeds(&[
        "--login",
        "--pin",
        pin(),
        "-r",
        "-y",
        "cert",
        "--label",
        "CIE authentication",
        "-o",
        &certificate,
    ]);
    let read = std::fs::read(&certificate).unwrap();
    assert_eq!(read, issued().certificate);
    let openssl = |args: &[&str]| {
        let output = Command::new("openssl").args(args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "openssl {args:?}: {errors}");
        output.stdout
    };
    let pem = openssl(&[
        "x509",
        "-inform",
        "der",
        "-in",
        &certificate,
        "-pubkey",
        "-noout",
    ]);
    std::fs::write(&key, pem).unwrap();
    for hash in ["1", "256", "384", "512"] {
        let mechanism = format!("SHA{hash}-RSA-PKCS");
        outside.tool_succeeds(&[
            "--login",
            "--pin",
            pin(),
            "-s",
            "-m",
            &mechanism,
            "-i",
            &text,
            "-o",
            &signature,
        ]);
        let digest = format!("-sha{hash}");
        openssl(&[
            "dgst",
            &digest,
            "-verify",
            &key,
            "-signature",
            &signature,
            &text,
        ]);
    }
    // The block of the caller's own, padded by the card.
    outside.tool_succeeds(&[
        "--login",
        "--pin",
        pin(),
        "-s",
        "-m",
        "RSA-PKCS",
        "-i",
        &text,
        "-o",
        &signature,
    ]);
    let recovered = openssl(&[
        "pkeyutl",
        "-verifyrecover",
        "-pubin",
        "-inkey",
        &key,
        "-in",
        &signature,
    ]);
    assert_eq!(recovered, b"a text\n");

    let test = outside.tool_succeeds(&["--login", "--pin", pin(), "--test"]);
    assert!(test.contains("No errors"), "{test}");
}

#[test]
fn pkcs11_tool_changes_blocks_and_unblocks() {
    let outside = Outside::new();
    outside.tool_fails(&["--login", "--pin", WRONG, "-O"], "CKR_PIN_INCORRECT");
    assert!(
        outside
            .tool_succeeds(&["-L"])
            .contains("user PIN count low")
    );
    outside.tool_succeeds(&[
        "--login",
        "--pin",
        pin(),
        "--change-pin",
        "--new-pin",
        "86420975",
    ]);
    for answer in ["CKR_PIN_INCORRECT", "CKR_PIN_INCORRECT", "CKR_PIN_LOCKED"] {
        outside.tool_fails(&["--login", "--pin", pin(), "-O"], answer);
    }
    assert!(outside.tool_succeeds(&["-L"]).contains("user PIN locked"));
    outside.tool_succeeds(&[
        "--login",
        "--login-type",
        "so",
        "--so-pin",
        puk(),
        "--init-pin",
        "--new-pin",
        "97531864",
    ]);
    outside.tool_succeeds(&["--login", "--pin", "97531864", "-O"]);
    let card = outside.inspect();
    assert_eq!((card.pin_tries, card.puk_tries), (3, 10));
}

#[test]
fn a_given_certificate_is_listed_without_pin_and_the_log_is_private() {
    let outside = Outside::new();
    let (certificate, log) = (outside.path("holder.der"), outside.path("log"));
    std::fs::write(&certificate, &issued().certificate).unwrap();
    let output = outside
        .command("pkcs11-tool")
        .arg("--module")
        .arg(library())
        .args(["-O"])
        .env("CIE_PKCS11_CERT", &certificate)
        .env("CIE_PKCS11_LOG", &log)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("Certificate Object"), "{text}");
    assert!(!text.contains("Private Key"), "{text}");
    let mode = std::fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(
        log.contains("C_FindObjectsInit(") && log.contains("-> CKR_OK"),
        "{log}"
    );
}

#[test]
fn authorities_are_shown_if_this_module_was_given_them() {
    let outside = Outside::new();
    let file = outside.path("authority.der");
    std::fs::write(&file, &issued().certificate).unwrap();
    for (variable, shown) in [("CIE_PKCS11_CA", true), ("CIE_CA_PEM", false)] {
        let mut command = outside.command("pkcs11-tool");
        command.arg("--module").arg(library()).arg("-O");
        let output = command.env(variable, &file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.contains("Certificate Object"), shown, "{text}");
    }
}

/// A program whose file has capabilities runs with more rights than its caller
/// without any change of user.
#[test]
fn a_program_with_more_rights_than_its_caller_opens_no_files_for_him() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(folder.path(), everybody).unwrap();
    std::fs::copy("/usr/bin/pkcs11-tool", path("tool")).unwrap();
    std::fs::copy(library(), path("module.so")).unwrap();
    // True if the module, run by nobody in particular, has opened its log.
    let logs = |name: &str| {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(path("tool"))
            .arg("--module")
            .arg(path("module.so"))
            .arg("-I")
            .env("CIE_PKCS11_LOG", path(name))
            .output();
        let ran = output.is_ok_and(|o| o.stdout.starts_with(b"Cryptoki version"));
        (ran, path(name).exists())
    };
    let given = |what: &str| {
        let set = Command::new("setcap").arg(what).arg(path("tool")).output();
        set.is_ok_and(|output| output.status.success())
    };
    // Who may not give capabilities or be somebody else cannot see this.
    if logs("log").0 && given("cap_net_bind_service=ep") {
        assert!(path("log").exists());
        assert_eq!(logs("another-log"), (true, false));
    }
}

#[test]
fn two_processes_sign_by_turns() {
    let outside = Arc::new(Outside::new());
    let workers: Vec<_> = (0..2)
        .map(|_| {
            let outside = Arc::clone(&outside);
            std::thread::spawn(move || outside.scenario("signs_among_others"))
        })
        .collect();
    for worker in workers {
        worker.join().unwrap();
    }
    assert_eq!(outside.inspect().pin_tries, 3);
}

#[test]
#[ignore = "run in two children by two_processes_sign_by_turns"]
fn signs_among_others() {
    if !is_child() {
        return;
    }
    let (module, slot) = start();
    let session = module.open_rw_session(slot).unwrap();
    let mut signed = 0;
    while signed < 5 {
        // Whoever comes second ends the first one's login; each logs in again.
        match session.login(UserType::User, Some(&code(pin()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {}
            other => panic!("{other:?}"),
        }
        let template = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
        let Some(key) = session.find_objects(&template).unwrap().first().copied() else {
            continue;
        };
        match session.sign(&Mechanism::Sha256RsaPkcs, key, b"a text") {
            Ok(signature) => {
                let hash = cie_terminal::digest::HashAlgorithm::Sha256;
                certificate().verify(hash, b"a text", &signature).unwrap();
                signed += 1;
            }
            Err(Error::Pkcs11(RvError::UserNotLoggedIn, _)) => {}
            other => panic!("{other:?}"),
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands for people: `cie sign`, `verify` and `pin`, on the private socket,
//! behind a real pcscd, and with a person (of `script`) at a terminal.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod pcscd;

use pcscd::{Device, GUARD, Pcscd, free_ports};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

const SOME_PDF: &str = "%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n\
    2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n\
    3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>\nendobj\n\
    xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n\
    0000000105 00000 n \ntrailer\n<</Size 4/Root 1 0 R>>\nstartxref\n166\n%%EOF\n";

/// A folder with a card in it, and what is to be signed.
struct Desk {
    folder: TempDir,
    pin: String,
    puk: String,
}

fn cie() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin("cie"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Desk {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self {
            folder,
            pin: String::new(),
            puk: String::new(),
        };
        desk.write("letter.txt", b"Dear office,\n");
        desk.write("form.pdf", SOME_PDF.as_bytes());
        let made = desk.alone(&[&["new", "card.cie"], options].concat());
        assert!(made.status.success());
        let codes = json(&desk.alone(&["codes", "--json", "card.cie"]));
        let code = |name: &str| codes[name].as_str().unwrap().to_owned();
        Self {
            pin: code("pin"),
            puk: code("puk"),
            ..desk
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, content: &[u8]) {
        let mut options = std::fs::OpenOptions::new();
        use std::os::unix::fs::OpenOptionsExt;
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.path().join(name)).unwrap();
        file.write_all(content).unwrap();
    }

    /// Runs `cie ARGUMENTS` in the folder, with no reader of its own.
    fn alone(&self, arguments: &[&str]) -> Output {
        let mut command = cie();
        command.current_dir(self.path()).args(arguments);
        command.output().unwrap()
    }

    /// Runs `cie ARGUMENTS` beside the card of the file.
    fn run(&self, arguments: &[&str]) -> Output {
        cie()
            .current_dir(self.path())
            .args(["run", "--card", "card.cie", "--"])
            .arg(assert_cmd::cargo::cargo_bin("cie"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// PIN and PUK tries that the card file has.
    fn tries(&self) -> (u64, u64) {
        let shown = json(&self.alone(&["show", "--json", "card.cie"]));
        let tries = |name: &str| shown[name].as_u64().unwrap();
        (tries("pin_tries"), tries("puk_tries"))
    }
}

fn says(output: &Output, code: i32, wanted: &str) {
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(wanted), "no {wanted:?} in: {said}");
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn a_file_and_a_pdf_are_signed_and_verified() {
    let desk = Desk::new(&[]);
    let by_pin = ["--pin-env", "CIE_PIN"];
    for (arguments, made, form) in [
        (&["sign", "letter.txt"][..], "letter.txt.p7m", "CAdES-BES"),
        (
            &["sign", "--detached", "letter.txt"],
            "letter.txt.p7s",
            "CAdES-BES, detached",
        ),
        (&["sign", "form.pdf"], "form-signed.pdf", "PAdES baseline B"),
        (
            &["sign", "form-signed.pdf", "--out", "two.pdf"],
            "two.pdf",
            "PAdES baseline B",
        ),
        (
            &["sign", "--cades", "form.pdf"],
            "form.pdf.p7m",
            "CAdES-BES",
        ),
    ] {
        let all = [arguments, &by_pin, &["--json"]].concat();
        let output = desk.run(&all);
        says(&output, 0, form);
        assert_eq!(json(&output)["file"], made);
        let seen = desk.run(&["verify", made, "--json"]);
        says(&seen, 0, "");
        let seen = json(&seen);
        assert_eq!(seen["verdict"], "valid", "{seen:#}");
        assert_eq!(seen["signatures"][0]["fiscal_code"], "TSTMBN85T50Z999J");
        assert_eq!(seen["signatures"][0]["authority"], "TEST CIE Root CA");
    }
    assert_eq!(desk.tries(), (3, 10));
    // What cannot be read is named, not the signature beside it.
    let folder = desk.alone(&["verify", "letter.txt.p7s", "--content", "."]);
    says(&folder, 125, "cannot read .:");
    let two = json(&desk.run(&["verify", "two.pdf", "--json"]));
    assert_eq!(two["signatures"][0]["coverage"], "signatures-later");
    assert_eq!(two["signatures"][1]["coverage"], "whole");

    // Out of the signature again; nothing is overwritten.
    let extract = ["verify", "letter.txt.p7m", "--extract", "again.txt"];
    says(&desk.run(&extract), 0, "VALID");
    let again = std::fs::read(desk.path().join("again.txt")).unwrap();
    assert_eq!(again, b"Dear office,\n");
    says(&desk.run(&extract), 125, "is there already");
    let again = [&["sign", "letter.txt"][..], &by_pin].concat();
    says(&desk.run(&again), 125, "is there already");
    says(&desk.run(&[&again[..], &["--force"]].concat()), 0, "");
    let itself = ["sign", "letter.txt", "--out", "letter.txt", "--force"];
    says(
        &desk.run(&[&itself[..], &by_pin].concat()),
        125,
        "written over",
    );

    // Nobody named outside of `cie run`: undecided.
    let alone = desk.alone(&["verify", "two.pdf"]);
    says(&alone, 3, "name authorities with --ca");
}

#[test]
fn what_is_wrong_with_a_signature_has_words_and_a_code() {
    let desk = Desk::new(&["--state", "cert-revoked"]);
    says(
        &desk.run(&["sign", "letter.txt", "--pin-env", "CIE_PIN"]),
        0,
        "",
    );
    assert!(desk.alone(&["pki", "pki"]).status.success());
    let verify =
        |arguments: &[&str]| desk.alone(&[&["verify", "letter.txt.p7m"], arguments].concat());
    let ca = ["--ca", "pki/ca.pem"];
    says(&verify(&ca), 0, "not checked: name lists with --crl");
    let with_list = [
        &ca[..],
        &["--crl", "pki/sub-ca.crl", "--crl", "pki/root.crl"],
    ]
    .concat();
    says(&verify(&with_list), 1, "was revoked on 2025-12-31");
    says(
        &verify(&["--ca", "pki/csca.pem"]),
        1,
        "no authority that was named vouches",
    );
    let late = [&ca[..], &["--at", "2070-06-01T00:00:00Z"]].concat();
    says(&verify(&late), 1, "expired on");
    says(
        &verify(&["--ca", "letter.txt"]),
        125,
        "no certificate in it",
    );
    says(&verify(&["--at", "yesterday"]), 2, "is no time");
    // A folder may hold anything beside certificates and lists.
    says(&verify(&["--ca", "pki", "--crl", "pki"]), 1, "was revoked");

    let mut signed = std::fs::read(desk.path().join("letter.txt.p7m")).unwrap();
    let at = signed.windows(4).position(|w| w == b"Dear").unwrap();
    signed[at] = b'N';
    desk.write("letter.txt.p7m", &signed);
    says(&verify(&ca), 1, "changed after it was signed");
    let kept = verify(&["--ca", "pki/ca.pem", "--extract", "never.txt"]);
    says(&kept, 1, "NOT VALID");
    assert!(!desk.path().join("never.txt").exists());
    let other = desk.alone(&["verify", "letter.txt"]);
    says(&other, 125, "no signed file");
    let none = desk.alone(&["verify", "form.pdf"]);
    says(&none, 1, "nobody has signed it");
}

#[test]
fn an_expired_card_signs_with_a_warning_and_is_not_valid() {
    let desk = Desk::new(&["--state", "cert-expired"]);
    let output = desk.run(&["sign", "form.pdf", "--pin-env", "CIE_PIN"]);
    says(&output, 0, "has expired");
    says(&desk.run(&["verify", "form-signed.pdf"]), 1, "expired on");
}

#[test]
fn wrong_pins_are_counted_and_the_last_try_is_kept() {
    let desk = Desk::new(&[]);
    desk.write("wrong", b"13572468\n");
    desk.write("right", desk.pin.as_bytes());
    let sign = |pin: &str, more: &[&str]| {
        let command = ["sign", "letter.txt", "--force", "--pin-file", pin];
        desk.run(&[&command[..], more].concat())
    };
    says(&sign("wrong", &[]), 1, "wrong PIN; 2 tries are left");
    assert_eq!(desk.tries().0, 2);
    let told = json(&sign("wrong", &["--json"]));
    assert_eq!(told["error"], "wrong-pin");
    assert_eq!(told["pin_tries_left"], 1);
    assert_eq!(desk.tries().0, 1);
    // Neither the wrong nor the right one is sent.
    for pin in ["wrong", "right"] {
        says(&sign(pin, &[]), 1, "--take-last-try");
        assert_eq!(desk.tries().0, 1);
        let change = [
            "pin",
            "change",
            "--pin-file",
            pin,
            "--new-pin-file",
            "wrong",
        ];
        says(&desk.run(&change), 1, "--take-last-try");
        assert_eq!(desk.tries().0, 1);
    }
    says(&sign("right", &["--take-last-try"]), 0, "letter.txt.p7m");
    assert_eq!(desk.tries().0, 3, "the right one brings them back");
    says(&sign("wrong", &[]), 1, "2 tries are left");
    says(&sign("wrong", &[]), 1, "1 try is left");
    says(
        &sign("wrong", &["--take-last-try"]),
        1,
        "it was the last try",
    );
    assert_eq!(desk.tries(), (0, 10));
    says(&sign("right", &["--take-last-try"]), 1, "cie pin unblock");
    says(&desk.run(&["pin", "tries"]), 0, "none of 3");

    desk.write("puk", desk.puk.as_bytes());
    let unblock = ["pin", "unblock", "--puk-file", "puk"];
    says(
        &desk.run(&[&unblock[..], &["--keep-pin"]].concat()),
        0,
        "the old one",
    );
    says(&sign("right", &[]), 0, "letter.txt.p7m");
    let output = desk.run(&[&unblock[..], &["--new-pin-file", "wrong"]].concat());
    says(&output, 0, "PIN tries left: 3 of 3");
    says(&sign("wrong", &[]), 0, "letter.txt.p7m");
}

#[test]
fn the_pin_is_changed_and_what_is_no_pin_is_refused_unsent() {
    let desk = Desk::new(&[]);
    desk.write("new", b"86421357");
    let change = |pin: &str, new: &str| {
        let command = ["pin", "change", "--pin-file", pin, "--new-pin-file", new];
        desk.run(&command)
    };
    desk.write("old", desk.pin.as_bytes());
    for (name, content, code, wanted) in [
        ("half", &b"1234"[..], 2, "half a"),
        ("short", b"1234567", 2, "exactly eight digits"),
        ("letters", b"1234567a", 2, "exactly eight digits"),
        ("long", b"123456789", 2, "exactly eight digits"),
        ("empty", b"", 2, "exactly eight digits"),
        ("bytes", b"\xFF\xFE345678", 2, "exactly eight digits"),
        ("same", desk.pin.as_bytes(), 2, "is the old one"),
    ] {
        desk.write(name, content);
        says(&change("old", name), code, wanted);
        if name != "same" {
            says(&change(name, "new"), code, wanted);
        }
    }
    says(&change("missing", "new"), 125, "missing");
    let unnamed = [
        "pin",
        "change",
        "--pin-env",
        "NO_SUCH",
        "--new-pin-file",
        "new",
    ];
    says(&desk.run(&unnamed), 125, "NO_SUCH is not set");
    assert_eq!(desk.tries(), (3, 10));
    says(&change("old", "new"), 0, "The PIN is the new one.");
    says(&change("old", "new"), 1, "2 tries are left");
    says(&change("new", "old"), 0, "3 of 3");
    let options = ["pin", "change", "--pin", "12345678"];
    says(&desk.run(&options), 2, "unexpected argument");
}

#[test]
fn the_puk_is_guarded_as_the_pin_is() {
    let desk = Desk::new(&["--state", "puk-1-left"]);
    desk.write("wrong", b"13572468");
    desk.write("puk", desk.puk.as_bytes());
    let unblock = |puk: &str, more: &[&str]| {
        let command = [
            "pin",
            "unblock",
            "--new-pin-file",
            "wrong",
            "--puk-file",
            puk,
        ];
        desk.run(&[&command[..], more].concat())
    };
    let before = desk.tries();
    says(&unblock("wrong", &[]), 1, "--take-last-try");
    says(&unblock("puk", &[]), 1, "for ever");
    assert_eq!(desk.tries(), before);
    says(&unblock("puk", &["--take-last-try"]), 0, "10 of 10");
    says(&unblock("wrong", &[]), 1, "wrong PUK; 9 tries are left");

    let last = Desk::new(&["--state", "puk-1-left"]);
    last.write("wrong", b"13572468");
    let command = [
        "pin",
        "unblock",
        "--new-pin-file",
        "wrong",
        "--puk-file",
        "wrong",
    ];
    let output = last.run(&[&command[..], &["--take-last-try"]].concat());
    says(&output, 1, "blocked for ever");
    assert_eq!(last.tries().1, 0);
    says(&last.run(&command), 1, "nothing was sent");
    let sign = ["sign", "letter.txt", "--pin-env", "CIE_PIN"];
    says(&last.run(&sign), 1, "the PUK is blocked");
}

#[test]
fn readers_are_chosen_and_what_is_missing_is_said() {
    let desk = Desk::new(&[]);
    let with = |run: &[&str], arguments: &[&str]| {
        cie()
            .current_dir(desk.path())
            .arg("run")
            .args(run)
            .arg("--")
            .arg(assert_cmd::cargo::cargo_bin("cie"))
            .args(arguments)
            .output()
            .unwrap()
    };
    let tries = ["pin", "tries"];
    says(
        &with(&["--empty"], &tries),
        125,
        "lay the card on the reader",
    );
    let made = desk.alone(&["new", "--seed", "5", "b.cie"]);
    assert!(made.status.success());
    let two = ["--card", "card.cie", "--card", "b.cie", "--readers", "3"];
    says(&with(&two, &tries), 125, "a CIE on several readers");
    for reader in ["1", "2"] {
        says(
            &with(&two, &["pin", "tries", "--reader", reader]),
            0,
            "3 of 3",
        );
    }
    says(
        &with(&two, &["pin", "tries", "--reader", "3"]),
        125,
        "lay the card",
    );
    says(
        &with(&two, &["pin", "tries", "--reader", "4"]),
        125,
        "no reader is called",
    );
    says(
        &with(&two, &["pin", "tries", "--reader", "cie"]),
        125,
        "fits several readers",
    );
    let nobody = cie()
        .env("PCSCLITE_CSOCK_NAME", desk.path().join("none"))
        .args(tries)
        .output();
    says(&nobody.unwrap(), 125, "no PC/SC server");
}

/// A person who types: `keys` go to `cie ARGUMENTS` on a terminal.
fn typed(desk: &Desk, arguments: &str, keys: &[(&str, &str)]) -> (i32, String) {
    let program = assert_cmd::cargo::cargo_bin("cie");
    let inside = format!(
        "stty -a | grep -o ' -\\?echo '; {} {arguments}; code=$?; stty -a | grep -o ' -\\?echo '; exit $code",
        program.display()
    );
    let mut child = cie()
        .current_dir(desk.path())
        .args([
            "run",
            "--card",
            "card.cie",
            "--",
            "timeout",
            "60",
            "script",
            "-qefc",
            &inside,
            "/dev/null",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (mut said, mut seen) = (Vec::new(), 0);
    for (prompt, keys) in keys {
        let until = std::time::Instant::now() + GUARD;
        while !text(&said[seen..]).contains(prompt) {
            let mut piece = [0; 256];
            let count = std::io::Read::read(&mut stdout, &mut piece).unwrap();
            assert!(
                count > 0 && std::time::Instant::now() < until,
                "{}",
                text(&said)
            );
            said.extend(&piece[..count]);
        }
        seen = said.len();
        stdin.write_all(keys.as_bytes()).unwrap();
    }
    std::io::Read::read_to_end(&mut stdout, &mut said).unwrap();
    drop(stdin);
    (child.wait().unwrap().code().unwrap(), text(&said))
}

#[test]
fn a_person_at_a_terminal_types_unseen() {
    let desk = Desk::new(&[]);
    let (pin, new) = (desk.pin.clone(), "86421357");
    let keys = [
        ("PIN (3 tries left): ", format!("{pin}\n")),
        ("New PIN, eight digits: ", format!("9\u{7F}{new}\n")),
        ("The new PIN again: ", format!("12\u{15}{new}\r")),
    ];
    let keys: Vec<(&str, &str)> = keys.iter().map(|(p, k)| (*p, k.as_str())).collect();
    let (code, said) = typed(&desk, "pin change", &keys);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("The PIN is the new one."), "{said}");
    assert!(!said.contains(&pin) && !said.contains(new), "{said}");
    assert_eq!(
        said.matches(" echo ").count(),
        2,
        "as it was before: {said}"
    );

    let differ = [
        ("PIN (3 tries left): ", "86421357\n"),
        ("New PIN, eight digits: ", "11223344\n"),
        ("The new PIN again: ", "11223345\n"),
    ];
    let (code, said) = typed(&desk, "pin change", &differ);
    assert_eq!(
        (code, said.contains("the two new PINs differ")),
        (2, true),
        "{said}"
    );

    // Ctrl-C at the prompt: the terminal shows again what is typed.
    let (code, said) = typed(&desk, "sign letter.txt", &[("tries left): ", "12\u{3}")]);
    assert_eq!(
        (code, said.contains("nothing was sent")),
        (130, true),
        "{said}"
    );
    assert_eq!(said.matches(" echo ").count(), 2, "{said}");
    assert_eq!(desk.tries(), (3, 10));

    let (code, said) = typed(&desk, "sign letter.txt", &[("tries left): ", "13572468\n")]);
    assert_eq!(
        (code, said.contains("2 tries are left")),
        (1, true),
        "{said}"
    );
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let desk = Desk::new(&[]);
    let output = cie()
        .current_dir(desk.path())
        .args(["run", "--card", "card.cie", "--", "setsid", "--wait"])
        .arg(assert_cmd::cargo::cargo_bin("cie"))
        .args(["sign", "letter.txt"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    says(&output, 125, "--pin-file");
    assert_eq!(desk.tries(), (3, 10));
}

/// Ended with the value.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn behind_a_real_pcscd() {
    let port = free_ports();
    let device = Device {
        name: "CIE vpcd Test",
        device: format!("/dev/null:{port}"),
    };
    let Some(pcscd) = Pcscd::start(&[device]) else {
        return;
    };
    let desk = Desk::new(&[]);
    let serving = cie()
        .current_dir(desk.path())
        .args(["serve", "--json", "--card", "card.cie", "--vpcd"])
        .arg(format!("127.0.0.1:{port}"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut serving = Serving(serving);
    let lines = BufReader::new(serving.0.stdout.take().unwrap()).lines();
    let (tell, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    while !said.recv_timeout(GUARD).unwrap().contains("\"connected\"") {}
    desk.write("wrong", b"13572468");
    let run = |arguments: &[&str]| {
        cie()
            .current_dir(desk.path())
            .env("PCSCLITE_CSOCK_NAME", pcscd.socket())
            .env("MY_PIN", &desk.pin)
            .args(arguments)
            .output()
            .unwrap()
    };
    // pcscd sees the card some time after it is there.
    let until = std::time::Instant::now() + GUARD;
    while run(&["pin", "tries"]).status.code() != Some(0) {
        assert!(std::time::Instant::now() < until, "pcscd sees no card");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    says(&run(&["pin", "tries"]), 0, "PIN tries left: 3 of 3");
    says(
        &run(&["sign", "letter.txt", "--pin-file", "wrong"]),
        1,
        "2 tries are left",
    );
    says(
        &run(&["sign", "form.pdf", "--pin-env", "MY_PIN"]),
        0,
        "form-signed.pdf",
    );
    says(&run(&["verify", "form-signed.pdf"]), 3, "intact");
    let change = [
        "pin",
        "change",
        "--pin-env",
        "MY_PIN",
        "--new-pin-file",
        "wrong",
    ];
    says(&run(&change), 0, "The PIN is the new one.");
    // Nobody after it finds a verified PIN: the card was reset.
    says(
        &run(&["sign", "letter.txt", "--pin-file", "wrong"]),
        0,
        "letter.txt.p7m",
    );
    assert_eq!(desk.tries(), (3, 10));
    drop(serving);
}

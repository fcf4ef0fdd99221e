// SPDX-License-Identifier: MIT OR Apache-2.0
//! A process with a card in a file, killed with SIGKILL under load, again and
//! again, and what the file says afterwards.
//!
//! The child opens the store, powers the card, and gives right and wrong codes
//! through secure messaging. It reports on a pipe each command before it sends
//! it and each status word after the card answered it. The parent kills it at
//! some moment, reads the pipe to its end, and so knows which exchanges were
//! answered and which single one may have been under way. The file must be one
//! of the states on the way from the last answer through that one command.
//!
//! 25 kills by default; `CIE_KILLS=1000 cargo test -p cie-store --test sigkill`
//! for more. The verdict depends on no clock; the pauses only spread the kills.
//! (A kill is no loss of power: what `fsync` adds is not shown here.)
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // helpers of tests
#![allow(clippy::print_stdout, clippy::print_stderr)] // its report and its pipe

use chacha20::ChaCha20Rng;
use cie_card::Card;
use cie_card::image::CardState;
use cie_personalisation::{Persona, personalise};
use cie_store::{FileStore, read};
use cie_terminal::Channel;
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use iso7816_wire::{CardDoor, CommandApdu};
use rand_core::{Rng, SeedableRng};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CHILD: &str = "CIE_SIGKILL_CHILD";
const PINS: [&str; 3] = ["97531975", "86428642", "75319753"];
const WRONG: &str = "10203040";

fn main() {
    if let Some(card) = std::env::var_os(CHILD) {
        child(Path::new(&card));
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("no_try_comes_back_over_the_kills: test");
        return;
    }
    let kills = match std::env::var("CIE_KILLS") {
        Ok(count) => count.parse().expect("CIE_KILLS is a number"),
        Err(_) => 25,
    };
    let tally = parent(kills);
    println!("\ntest no_try_comes_back_over_{kills}_kills ... ok ({tally:?})\n");
}

/// A command with codes, in a line of text: `pin X`, `puk X`, `change X Y`,
/// `new X`, `unblock`.
struct Step(String);

impl Step {
    fn words(&self) -> Vec<&str> {
        self.0.split(' ').collect()
    }

    fn command(&self) -> CommandApdu {
        let with = |ins, p1, p2, digits: String| {
            CommandApdu::new(0, ins, p1, p2).with_data(digits.as_bytes())
        };
        match self.words()[..] {
            ["pin", code] => with(0x20, 0, 0x81, code.to_owned()),
            ["puk", code] => with(0x20, 0, 0x82, code.to_owned()),
            ["change", old, new] => with(0x24, 0, 0x81, format!("{old}{new}")),
            ["new", code] => with(0x2C, 2, 0x81, code.to_owned()),
            ["unblock"] => CommandApdu::new(0, 0x2C, 3, 0x81),
            _ => panic!("no step: {}", self.0),
        }
    }
}

/// What the file holds, as far as it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    pin: String,
    pin_tries: u8,
    puk_tries: u8,
}

impl Held {
    fn of(state: &CardState) -> Self {
        Self {
            pin: state.pin.expose().to_owned(),
            pin_tries: state.pin_tries,
            puk_tries: state.puk_tries,
        }
    }

    /// Are the codes that the step needs right? Only asked where tries are left.
    fn is_right(&self, step: &Step, puk: &str) -> bool {
        match step.words()[..] {
            ["pin", code] | ["change", code, _] => code == self.pin,
            ["puk", code] => code == puk,
            _ => true,
        }
    }

    /// All that is stored while the card does `step`, in order, beginning with
    /// this.
    fn way(&self, step: &Step, puk: &str) -> Vec<Self> {
        let mut way = vec![self.clone()];
        let mut then = |change: &dyn Fn(&mut Self)| {
            let mut next = way[way.len() - 1].clone();
            change(&mut next);
            way.push(next);
        };
        match step.words()[..] {
            ["pin", _] | ["change", ..] if self.pin_tries == 0 => {}
            ["pin", code] | ["change", code, _] => {
                then(&|next| next.pin_tries -= 1);
                if code == self.pin {
                    then(&|next| {
                        next.pin_tries = 3;
                        if let ["change", _, new] = step.words()[..] {
                            new.clone_into(&mut next.pin);
                        }
                    });
                }
            }
            ["puk", code] => {
                then(&|next| next.puk_tries -= 1);
                if code == puk {
                    then(&|next| next.puk_tries = 10);
                }
            }
            // Both only come directly after a right PUK.
            ["new", code] => then(&|next| {
                code.clone_into(&mut next.pin);
                next.pin_tries = 3;
            }),
            ["unblock"] => then(&|next| next.pin_tries = 3),
            _ => panic!("no step: {}", step.0),
        }
        way
    }
}

/// What to do next with a card in this state; never lets the PUK die.
fn choose(held: &Held, puk: &str, rng: &mut impl Rng) -> Vec<Step> {
    let mut pick = |of: usize| usize::try_from(rng.next_u32()).unwrap_or(0) % of;
    let new = PINS[pick(PINS.len())];
    let pin = &held.pin;
    let step = |text: String| Step(text);
    if held.pin_tries == 0 || pick(8) == 0 {
        let way_out = ["unblock".to_owned(), format!("new {new}")];
        return vec![step(format!("puk {puk}")), step(way_out[pick(2)].clone())];
    }
    vec![match pick(8) {
        0..3 => step(format!("pin {WRONG}")),
        3..5 => step(format!("pin {pin}")),
        5 => step(format!("change {WRONG} {new}")),
        6 if held.puk_tries > 5 => step(format!("puk {WRONG}")),
        _ => step(format!("change {pin} {new}")),
    }]
}

/// Works until it is killed.
fn child(path: &Path) -> ! {
    let (store, image) = FileStore::open(path).expect("the dead release their lock");
    let puk = image.state.puk.expose().to_owned();
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&std::process::id().to_be_bytes());
    let mut rng = ChaCha20Rng::from_seed(seed);
    let mut card = Card::new(image, store, seed).unwrap();
    card.power_on();
    let mut channel = Channel::new(InProcess(card));
    channel.establish(DomainForm::Whole, &mut rng).unwrap();
    let mut pipe = std::io::stdout();
    // One write each: whole lines only.
    let mut tell = |line: String| pipe.write_all(line.as_bytes()).and_then(|()| pipe.flush());
    tell("ready\n".to_owned()).unwrap();
    loop {
        let held = Held::of(&channel.transport().0.image().state);
        for step in choose(&held, &puk, &mut rng) {
            tell(format!("send {}\n", step.0)).unwrap();
            let answer = channel.send_protected(&step.command()).unwrap();
            tell(format!("done {:04X}\n", answer.sw.0)).unwrap();
        }
    }
}

/// How the kills fell.
#[derive(Debug, Default)]
struct Tally {
    kills: u32,
    answered: u32,
    before_the_first_command: u32,
    during_a_command: u32,
    with_a_commit_of_it_stored: u32,
    with_a_temporary_file_left: u32,
}

fn parent(kills: u32) -> Tally {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("card.cie");
    let image = personalise(&Persona::adult().unwrap(), 1).unwrap().image;
    let puk = image.state.puk.expose().to_owned();
    drop(FileStore::create(&path, &image).unwrap());
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let mut tally = Tally::default();
    for _ in 0..kills {
        let before = Held::of(&read(&path).expect("the image loads").state);
        let lines = report_of_a_killed_child(&path, &mut rng);
        tally.kills += 1;
        judge(&path, &before, &lines, &puk, &mut tally);
    }
    assert!(
        kills < 25 || (tally.during_a_command > 0 && tally.answered > 0),
        "the kills did not fall into the work: {tally:?}"
    );
    tally
}

/// Everything a child wrote until it was killed.
fn report_of_a_killed_child(path: &Path, rng: &mut impl Rng) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = Vec::new();
    // One in sixteen dies before or while it opens the card.
    if !rng.next_u32().is_multiple_of(16) {
        for _ in 0..=rng.next_u32() % 24 {
            lines.extend(pipe.next().map(|line| line.expect("text")));
        }
    }
    std::thread::sleep(Duration::from_micros(u64::from(rng.next_u32() % 4000)));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    lines.extend(pipe.map_while(Result::ok));
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(9), "the child ended by itself: {lines:?}");
    lines
}

fn judge(path: &Path, before: &Held, lines: &[String], puk: &str, tally: &mut Tally) {
    let temporary = path.with_file_name(".card.cie.cie-tmp");
    tally.with_a_temporary_file_left += u32::from(temporary.exists());
    let (store, image) = FileStore::open(path).expect("it loads, and the lock went with the child");
    assert!(!temporary.exists(), "the leftover is gone");
    drop(store);
    let found = Held::of(&image.state);
    let mut held = before.clone();
    let mut open: Option<Step> = None;
    for line in lines {
        match line.split_once(' ') {
            Some(("send", step)) => {
                assert!(open.is_none(), "{lines:?}");
                open = Some(Step(step.to_owned()));
            }
            Some(("done", sw)) => {
                let step = open.take().expect("an answer to a command");
                let right = held.is_right(&step, puk);
                held = held.way(&step, puk).pop().expect("an end of the way");
                tally.answered += 1;
                let left = if step.0.starts_with("puk") {
                    held.puk_tries
                } else {
                    held.pin_tries
                };
                let expected = if right {
                    "9000".to_owned()
                } else {
                    format!("63C{left:X}")
                };
                assert_eq!(sw, expected, "{}: {lines:?}", step.0);
            }
            _ => assert_eq!(line, "ready"),
        }
    }
    match open {
        None => {
            tally.before_the_first_command += u32::from(lines.len() < 2);
            assert_eq!(found, held, "{lines:?}");
        }
        Some(step) => {
            let way = held.way(&step, puk);
            assert!(
                way.contains(&found),
                "{found:?} is not on {way:?}: {lines:?}"
            );
            tally.during_a_command += 1;
            tally.with_a_commit_of_it_stored += u32::from(found != held);
        }
    }
}

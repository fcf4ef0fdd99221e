// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN and PUK (section 5; choices 4 and 9).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
use cie_card::image::CardState;
use cie_card::{Card, MemoryError, NonVolatile};
use common::*;
use iso7816_wire::CardDoor;
use std::sync::{Arc, Mutex};

fn hex_code(digits: &str) -> String {
    hex::encode(digits)
}

fn verify(reference: &str, digits: &str) -> String {
    format!("002000{reference}{:02X}{}", digits.len(), hex_code(digits))
}

fn change(old: &str, new: &str) -> String {
    format!(
        "00240081{:02X}{}{}",
        old.len() + new.len(),
        hex_code(old),
        hex_code(new)
    )
}

fn tries(terminal: &mut Terminal) -> (u8, u8) {
    let snapshot = card(terminal).inspect();
    (snapshot.pin_tries, snapshot.puk_tries)
}

const BAD: &str = "11223344";

#[test]
fn codes_need_session_and_device() {
    let commands = [
        verify("81", BAD),
        verify("82", BAD),
        "00200081".to_owned(),
        change(BAD, BAD),
        "002C0281083131323233333434".to_owned(),
        "002C0381".to_owned(),
    ];
    for command in &commands {
        let mut plain = fresh_card();
        sw(&mut plain, "00A4040C06A00000000039");
        assert_eq!(sw(&mut plain, command), 0x6982, "{command}");
        let mut terminal = agreed(fresh_card());
        assert_eq!(secured(&mut terminal, command), 0x6982, "{command}");
        assert_eq!(tries(&mut terminal), (3, 10), "and cost nothing");
    }
}

#[test]
fn three_wrong_pins_block() {
    let mut terminal = authenticated(fresh_card());
    let wrong = verify("81", BAD);
    for expected in [0x63C2, 0x63C1, 0x63C0, 0x6983, 0x6983] {
        assert_eq!(secured(&mut terminal, &wrong), expected);
    }
    assert_eq!(
        secured(&mut terminal, &verify("81", pin())),
        0x6983,
        "the right one, too"
    );
    assert_eq!(secured(&mut terminal, &change(pin(), "24682468")), 0x6983);
    assert_eq!(secured(&mut terminal, "00200081"), 0x6983);
    assert_eq!(tries(&mut terminal), (0, 10));
}

#[test]
fn the_right_pin_resets_its_counter() {
    let mut terminal = authenticated(card_with_tries(1, 10));
    assert_eq!(secured(&mut terminal, &verify("81", pin())), 0x9000);
    assert_eq!(tries(&mut terminal), (3, 10));
}

#[test]
fn an_empty_verify_asks_and_costs_nothing() {
    let mut terminal = authenticated(fresh_card());
    for command in ["00200081", "0020008100"] {
        assert_eq!(secured(&mut terminal, command), 0x63C3);
    }
    assert_eq!(secured(&mut terminal, "00200082"), 0x63CA);
    secured(&mut terminal, &verify("81", BAD));
    assert_eq!(secured(&mut terminal, "00200081"), 0x63C2);
    secured(&mut terminal, &verify("81", pin()));
    assert_eq!(secured(&mut terminal, "00200081"), 0x9000);
    assert_eq!(tries(&mut terminal), (3, 10));
}

#[test]
fn a_wrong_length_costs_nothing_and_clears_nothing() {
    let mut terminal = with_pin(fresh_card());
    for digits in ["1", "1234567", "123456789"] {
        assert_eq!(secured(&mut terminal, &verify("81", digits)), 0x6700);
        assert_eq!(secured(&mut terminal, &verify("82", digits)), 0x6700);
    }
    assert_eq!(secured(&mut terminal, &change(pin(), "2468246")), 0x6700);
    assert_eq!(secured(&mut terminal, &change("", "2468246")), 0x6700);
    assert_eq!(tries(&mut terminal), (3, 10));
    assert!(card(&mut terminal).inspect().pin_verified);
}

#[test]
fn a_wrong_pin_clears_the_status() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, &verify("81", BAD)), 0x63C2);
    assert!(!card(&mut terminal).inspect().pin_verified);
    assert_eq!(secured(&mut terminal, "00B0820009"), 0x6982);
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, &change(BAD, "24682468")), 0x63C2);
    assert!(!card(&mut terminal).inspect().pin_verified);
}

#[test]
fn references_and_parameters() {
    let mut terminal = authenticated(fresh_card());
    for (command, expected) in [
        ("0020008308 3030303030303030", 0x6A88),
        ("0020018108 3030303030303030", 0x6A86),
        ("0024008210 30303030303030303030303030303030", 0x6A88),
        ("0024018110 30303030303030303030303030303030", 0x6A86),
        ("002C008110 30303030303030303030303030303030", 0x6A86),
        ("002C018108 3030303030303030", 0x6A86),
        ("002C028208 3030303030303030", 0x6A88),
        ("002C038108 3030303030303030", 0x6982),
    ] {
        assert_eq!(secured(&mut terminal, command), expected, "{command}");
    }
    assert_eq!(tries(&mut terminal), (3, 10));
}

#[test]
fn change_replaces_the_pin_and_keeps_the_status() {
    let mut terminal = authenticated(card_with_tries(2, 10));
    assert_eq!(secured(&mut terminal, &change(pin(), "24682468")), 0x9000);
    assert!(
        !card(&mut terminal).inspect().pin_verified,
        "it was not verified before"
    );
    assert_eq!(tries(&mut terminal), (3, 10));
    assert_eq!(secured(&mut terminal, &verify("81", pin())), 0x63C2);
    assert_eq!(secured(&mut terminal, &verify("81", "24682468")), 0x9000);
    assert_eq!(
        secured(&mut terminal, &change("24682468", "97531975")),
        0x9000
    );
    assert!(
        card(&mut terminal).inspect().pin_verified,
        "it was verified before"
    );
}

#[test]
fn a_new_code_has_digits_only() {
    let mut terminal = authenticated(fresh_card());
    assert_eq!(secured(&mut terminal, &change(pin(), "2468246x")), 0x6A80);
    assert_eq!(secured(&mut terminal, &verify("82", puk())), 0x9000);
    assert_eq!(
        secured(&mut terminal, "002C028108 303030303030303A"),
        0x6A80
    );
    assert_eq!(tries(&mut terminal), (3, 10));
    assert_eq!(
        secured(&mut terminal, &verify("81", pin())),
        0x9000,
        "nothing was stored"
    );
}

#[test]
fn unblocking_needs_the_puk() {
    let mut terminal = authenticated(card_with_tries(0, 10));
    let new = format!("002C028108{}", hex_code("24682468"));
    for command in [new.as_str(), "002C0381"] {
        assert_eq!(secured(&mut terminal, command), 0x6982);
    }
    assert_eq!(secured(&mut terminal, &verify("82", puk())), 0x9000);
    // P1 03 resets the counter and leaves the grant.
    assert_eq!(secured(&mut terminal, "002C038101 00"), 0x6700);
    assert_eq!(secured(&mut terminal, "002C0381"), 0x9000);
    assert_eq!(tries(&mut terminal), (3, 10));
    assert_eq!(secured(&mut terminal, "002C0281 04 31323334"), 0x6700);
    // P1 02 sets the new PIN, uses the grant up and verifies nothing.
    assert_eq!(secured(&mut terminal, &new), 0x9000);
    assert!(!card(&mut terminal).inspect().puk_verified);
    assert!(!card(&mut terminal).inspect().pin_verified);
    assert_eq!(secured(&mut terminal, &new), 0x6982, "the grant is used up");
    assert_eq!(secured(&mut terminal, &verify("81", "24682468")), 0x9000);
}

#[test]
fn the_pin_stays_blocked_until_it_is_reset() {
    let mut terminal = authenticated(card_with_tries(0, 10));
    assert_eq!(secured(&mut terminal, &verify("82", puk())), 0x9000);
    assert_eq!(secured(&mut terminal, &verify("81", pin())), 0x6983);
    assert_eq!(secured(&mut terminal, "002C0381"), 0x9000);
    assert_eq!(
        secured(&mut terminal, &verify("81", pin())),
        0x9000,
        "the old PIN again"
    );
}

#[test]
fn the_right_puk_resets_its_counter() {
    let mut terminal = authenticated(card_with_tries(3, 1));
    assert_eq!(secured(&mut terminal, &verify("82", puk())), 0x9000);
    assert_eq!(tries(&mut terminal), (3, 10));
}

#[test]
fn ten_wrong_puks_are_the_end() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, "002241A406800102840181"), 0x9000);
    for left in (0..10).rev() {
        assert_eq!(secured(&mut terminal, &verify("82", BAD)), 0x63C0 + left);
    }
    let dead = [
        verify("81", pin()),
        verify("82", puk()),
        "00200081".to_owned(),
        change(pin(), "24682468"),
        "002C0381".to_owned(),
        format!("002C028108{}", hex_code("24682468")),
        "00B0820009".to_owned(),
        "00B0830009".to_owned(),
        "00880000010A".to_owned(),
    ];
    for command in &dead {
        assert_eq!(secured(&mut terminal, command), 0x6983, "{command}");
    }
    // For ever: also after a reset and a new session.
    let dead_card = card(&mut terminal).clone();
    let mut terminal = authenticated(dead_card);
    assert_eq!(secured(&mut terminal, &verify("81", pin())), 0x6983);
    // 6982 comes first where the session is missing, and plain reads go on.
    let plain = card(&mut terminal);
    plain.reset();
    sw(plain, "00A4040C06A00000000039");
    assert_eq!(sw(plain, &verify("81", pin())), 0x6982);
    assert_eq!(sw(plain, "00B081000C"), 0x9000);
    assert_eq!(sw(plain, "002241A406800102840183"), 0x9000);
    assert_eq!(sw(plain, "00880000010A"), 0x9000, "anti-cloning goes on");
}

/// Records every commit, and may refuse them.
#[derive(Clone, Default)]
struct Log {
    commits: Arc<Mutex<Vec<CardState>>>,
    refuse: Arc<Mutex<bool>>,
}

impl NonVolatile for Log {
    fn commit(&mut self, state: &CardState) -> Result<(), MemoryError> {
        if *self.refuse.lock().unwrap() {
            return Err(MemoryError("no power".to_owned()));
        }
        self.commits.lock().unwrap().push(state.clone());
        Ok(())
    }
}

fn logged() -> (
    Log,
    cie_terminal::Channel<cie_terminal::transport::InProcess<Card<Log>>>,
) {
    let log = Log::default();
    let mut card = Card::new(issued().image.clone(), log.clone(), issued().card_seed).unwrap();
    card.power_on();
    let mut terminal = cie_terminal::Channel::new(cie_terminal::transport::InProcess(card));
    terminal
        .establish(cie_terminal::steps::objects::DomainForm::Whole, &mut rng())
        .unwrap();
    (log, terminal)
}

#[test]
fn a_try_is_taken_and_stored_before_the_code_is_compared() {
    use cie_terminal::steps::code::Reference;
    let (log, mut terminal) = logged();
    assert!(
        terminal
            .verify(Reference::Pin, &code(pin()))
            .unwrap()
            .is_accepted()
    );
    let tries: Vec<_> = log
        .commits
        .lock()
        .unwrap()
        .iter()
        .map(|s| s.pin_tries)
        .collect();
    assert_eq!(tries, [2, 3], "taken first, given back after");
    let answer = terminal.verify(Reference::Pin, &wrong()).unwrap();
    assert!(!answer.is_accepted() && !answer.is_blocked(), "{answer:?}");
    assert_eq!(log.commits.lock().unwrap().last().unwrap().pin_tries, 2);
}

#[test]
fn a_memory_that_refuses_compares_nothing() {
    use cie_terminal::steps::code::Reference;
    let (log, mut terminal) = logged();
    *log.refuse.lock().unwrap() = true;
    for candidate in [code(pin()), wrong()] {
        let answer = terminal.verify(Reference::Pin, &candidate);
        let text = format!("{answer:?}");
        assert!(text.contains("6581") || text.contains("memory"), "{text}");
    }
    assert!(!terminal.transport().0.inspect().pin_verified);
    assert_eq!(terminal.transport().0.inspect().pin_tries, 3);
}

#[test]
fn a_wrong_puk_takes_the_grant_back() {
    let mut terminal = authenticated(fresh_card());
    assert_eq!(secured(&mut terminal, &verify("82", puk())), 0x9000);
    assert_eq!(secured(&mut terminal, &verify("82", BAD)), 0x63C9);
    let new = format!("002C028108{}", hex_code("24682468"));
    assert_eq!(secured(&mut terminal, &new), 0x6982);
    assert_eq!(secured(&mut terminal, "002C0381"), 0x6982);
}

#[test]
fn a_new_pin_by_puk_leaves_it_unverified_even_if_it_was_verified() {
    let mut terminal = with_pin(fresh_card());
    assert_eq!(secured(&mut terminal, &verify("82", puk())), 0x9000);
    assert_eq!(secured(&mut terminal, "002C0381"), 0x9000);
    assert!(
        card(&mut terminal).inspect().pin_verified,
        "a reset counter changes no status"
    );
    let new = format!("002C028108{}", hex_code("24682468"));
    assert_eq!(secured(&mut terminal, &new), 0x9000);
    assert_eq!(secured(&mut terminal, "00B0820009"), 0x6982);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random commands with codes, and a power cut around any commit: no try comes
//! back, no commit is lost, the PIN is the old one or the new one (rule 3 of
//! the architecture; choice 9).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;
mod model;

use cie_card::image::{CardState, Code as StoredCode};
use cie_card::{Card, MemoryError, NonVolatile};
use cie_terminal::Channel;
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::transport::InProcess;
use common::{bytes, issued, rng};
use iso7816_wire::{CardDoor, CommandApdu};
use model::{Model, Op};
use proptest::prelude::*;
use std::sync::{Arc, Mutex, OnceLock};

/// What happens to one commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The power goes before anything is stored.
    CutBefore,
    /// The power goes when it is stored, before the card goes on.
    CutAfter,
    /// The memory refuses and the card goes on.
    Refuse,
}

/// Memory that stores, and at the commits it was told to, does not or loses
/// its power. A clone is a memory of its own.
struct Memory(Arc<Mutex<Cells>>);

#[derive(Clone)]
struct Cells {
    stored: CardState,
    /// How often something was stored.
    count: usize,
    /// Number of commits until it happens, and what.
    plan: Option<(usize, Fate)>,
    /// What became of it.
    happened: Option<Fate>,
    powered: bool,
}

impl Memory {
    fn new(stored: CardState) -> Self {
        Self(Arc::new(Mutex::new(Cells {
            stored,
            count: 0,
            plan: None,
            happened: None,
            powered: true,
        })))
    }
}

impl NonVolatile for Memory {
    fn commit(&mut self, state: &CardState) -> Result<(), MemoryError> {
        let mut cells = self.0.lock().unwrap();
        let fate = match &mut cells.plan {
            Some((0, fate)) => {
                let fate = *fate;
                cells.plan = None;
                cells.happened = Some(fate);
                Some(fate)
            }
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if !cells.powered {
            return Err(MemoryError("no power".to_owned()));
        }
        if matches!(fate, None | Some(Fate::CutAfter)) {
            cells.stored = state.clone();
            cells.count += 1;
        }
        cells.powered = !matches!(fate, Some(Fate::CutBefore | Fate::CutAfter));
        match fate {
            None => Ok(()),
            Some(_) => Err(MemoryError(format!("{fate:?}"))),
        }
    }
}

type Line = Channel<InProcess<Card<Memory>>>;

/// A card with its memory and a terminal past the device authentication.
struct Desk {
    cells: Arc<Mutex<Cells>>,
    line: Line,
}

impl Desk {
    /// A new card object from what is stored, as after a power cut.
    fn from_stored(stored: CardState) -> Self {
        let mut image = issued().image.clone();
        image.state = stored.clone();
        let memory = Memory::new(stored);
        let cells = Arc::clone(&memory.0);
        let card = Card::new(image, memory, issued().card_seed).unwrap();
        let mut line = Channel::new(InProcess(card));
        line.transport().0.power_on();
        // A dead card still agrees keys.
        line.establish(DomainForm::Whole, &mut rng()).unwrap();
        Self { cells, line }
    }

    fn send(&mut self, command: &str) -> u16 {
        let command = CommandApdu::parse(&bytes(command)).unwrap();
        self.line.send_protected(&command).unwrap().sw.0
    }
}

fn fresh() -> CardState {
    static STATE: OnceLock<CardState> = OnceLock::new();
    STATE.get_or_init(|| issued().image.state.clone()).clone()
}

/// Runs `ops`; at commit `cut.0` of them (counted over the whole run) the cut
/// happens. Every answer and every stored state is held against the model.
fn run(start: CardState, ops: &[Op], cut: Option<(usize, Fate)>) -> Result<(), TestCaseError> {
    let mut model = Model::of(&start);
    let mut desk = Desk::from_stored(start);
    desk.cells.lock().unwrap().plan = cut;
    for op in ops {
        let Cells {
            stored: before,
            count,
            ..
        } = desk.cells.lock().unwrap().clone();
        let expected = model.run(op);
        let sw = desk.send(&op.command());
        let cells = desk.cells.lock().unwrap().clone();
        let stored = cells.stored.clone();
        never_better_for_nothing(op, &before, &stored)?;
        // Exactly the states of the model, in its order: a code that is compared
        // before its try is taken makes other commits.
        let done = cells.count - count;
        let reached = done
            .checked_sub(1)
            .map_or(Some(&model), |last| expected.commits.get(last));
        prop_assert!(
            reached.is_some_and(|state| state.is(&stored)),
            "{:?}, commit {}: {:?}",
            op,
            done,
            stored
        );
        match cells.happened {
            None => {
                prop_assert_eq!(sw, expected.sw, "{:?}", op);
                prop_assert_eq!(done, expected.commits.len(), "{:?}", op);
                model = expected.after;
            }
            Some(fate) => {
                if fate == Fate::Refuse {
                    prop_assert_eq!(sw, 0x6581);
                    // The card goes on, with nothing but what is stored.
                    let snapshot = desk.line.transport().0.inspect();
                    prop_assert_eq!(snapshot.pin_tries, stored.pin_tries);
                    prop_assert_eq!(snapshot.puk_tries, stored.puk_tries);
                    let granted = snapshot.puk_verified;
                    prop_assert!(!granted || model.granted, "{:?}: a grant from nothing", op);
                    desk.cells.lock().unwrap().happened = None;
                    model = Model::of(&stored);
                    model.granted = granted;
                    model.verified = snapshot.pin_verified;
                } else {
                    model = Model::of(&stored);
                    desk = Desk::from_stored(stored);
                }
            }
        }
    }
    Ok(())
}

/// The property itself, without the model: one command, whatever happened.
fn never_better_for_nothing(
    op: &Op,
    before: &CardState,
    after: &CardState,
) -> Result<(), TestCaseError> {
    let right = |given: &str, code: &StoredCode| given == code.expose();
    let pin_was_right = match op {
        Op::VerifyPin(given) | Op::Change(given, _) => right(given, &before.pin),
        Op::NewPin(_) | Op::Unblock => true, // allowed by a PUK, which the model checks
        _ => false,
    };
    let puk_was_right = matches!(op, Op::VerifyPuk(given) if right(given, &before.puk));
    prop_assert!(
        after.pin_tries <= before.pin_tries || pin_was_right,
        "{:?}",
        op
    );
    prop_assert!(
        after.puk_tries <= before.puk_tries || puk_was_right,
        "{:?}",
        op
    );
    prop_assert!(
        before.puk_tries > 0 || after == before,
        "{:?}: the dead move",
        op
    );
    let new = match op {
        Op::Change(_, new) | Op::NewPin(new) => Some(new),
        _ => None,
    };
    let pin = after.pin.expose();
    prop_assert!(
        after.pin == before.pin || new.is_some_and(|new| new == pin),
        "{:?}",
        op
    );
    prop_assert!(after.puk == before.puk);
    Ok(())
}

/// Right codes are as likely as wrong ones, and new PINs come from a few.
fn op() -> impl Strategy<Value = Op> {
    let pins = ["97531975", "86428642", common::pin()];
    let pin = prop::sample::select(pins.to_vec()).prop_map(str::to_owned);
    let puk = prop_oneof![Just(common::puk().to_owned()), Just("10203040".to_owned())];
    prop_oneof![
        4 => pin.clone().prop_map(Op::VerifyPin),
        2 => puk.prop_map(Op::VerifyPuk),
        2 => (pin.clone(), pin.clone()).prop_map(|(old, new)| Op::Change(old, new)),
        1 => pin.prop_map(Op::NewPin),
        1 => Just(Op::Unblock),
        1 => Just(Op::AskPin),
    ]
}

fn start() -> impl Strategy<Value = CardState> {
    (0..=3u8, prop_oneof![Just(10u8), 1..=3u8]).prop_map(|(pin, puk)| CardState {
        pin_tries: pin,
        puk_tries: puk,
        ..fresh()
    })
}

fn fate() -> impl Strategy<Value = Fate> {
    prop::sample::select(vec![Fate::CutBefore, Fate::CutAfter, Fate::Refuse])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_try_comes_back_and_no_commit_is_lost(
        start in start(),
        ops in prop::collection::vec(op(), 1..14),
        at in 0..16usize,
        fate in fate(),
    ) {
        run(start, &ops, Some((at, fate)))?;
    }

    #[test]
    fn without_a_cut_the_card_is_the_model(
        start in start(),
        ops in prop::collection::vec(op(), 1..24),
    ) {
        run(start, &ops, None)?;
    }
}

/// The same around every single commit of every kind of command.
#[test]
fn a_cut_around_every_commit_of_every_command() {
    let (pin, puk, new) = (common::pin(), common::puk(), "97531975");
    let s = str::to_owned;
    let stories = [
        vec![Op::VerifyPin(s(pin))],
        vec![Op::VerifyPin(s(new))],
        vec![Op::VerifyPuk(s(puk))],
        vec![Op::VerifyPuk(s(new))],
        vec![Op::Change(s(pin), s(new))],
        vec![Op::Change(s(new), s(pin))],
        vec![Op::VerifyPuk(s(puk)), Op::Unblock],
        vec![Op::VerifyPuk(s(puk)), Op::NewPin(s(new))],
    ];
    let start = CardState {
        pin_tries: 2,
        puk_tries: 2,
        ..fresh()
    };
    for mut story in stories {
        // What the card says afterwards, to either PIN.
        story.extend([Op::VerifyPin(s(pin)), Op::VerifyPin(s(new))]);
        for at in 0..4 {
            for fate in [Fate::CutBefore, Fate::CutAfter, Fate::Refuse] {
                run(start.clone(), &story, Some((at, fate))).unwrap();
            }
        }
    }
}

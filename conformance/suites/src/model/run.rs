// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs properties: draws sequences, plays them on copies of a card, and says
//! what came out.

use super::actions::handshake;
use super::desk::{Desk, Mismatch};
use super::facts::Facts;
use super::generate::{Dice, next};
use super::op::Op;
use super::property::{Begin, Property};
use super::tally::Tally;
use crate::card::evidence;
use crate::edges::{Exchange, Specimen};
use crate::ics::Ics;
use crate::report::CaseResult;
use crate::verdict::Verdict;
use cie_terminal::Error;
use iso7816_wire::CardDoor;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The fewest commands of a sequence.
pub const COMMANDS_MIN: usize = 30;
/// Sequences get up to so many more.
const COMMANDS_MORE: usize = 16;
/// After how many actions a sequence is asked for its state, on average.
const OBSERVE_EVERY: usize = 12;

/// Why a sequence ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card is not the model.
    Mismatch(Mismatch),
    /// The card panicked.
    Crash,
}

/// A property that does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Number of the sequence, from 0.
    pub number: u64,
    /// Where the shortest sequence begins.
    pub begin: Begin,
    /// Its actions.
    pub ops: Vec<Op>,
    /// Its commands and power events, without the questions after it.
    pub commands: usize,
    /// What was wrong.
    pub fault: Fault,
    /// What went over the wire.
    pub exchanges: Vec<Exchange>,
}

/// What came out of a property.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The distribution of its sequences.
    pub tally: Tally,
    /// The first sequence that failed, shrunk.
    pub failure: Option<Box<Failure>>,
    /// No sequence could begin.
    pub blocked: Option<String>,
}

/// How much of a property is run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Seed of all choices.
    pub seed: u64,
    /// The first sequence.
    pub first: u64,
    /// How many sequences.
    pub count: u64,
    /// Threads.
    pub jobs: usize,
}

/// A card and copies of it in the states that sequences begin in.
pub struct Bench<D> {
    pub(super) begins: BTreeMap<Begin, Desk<D>>,
    /// The first state that could not be reached, and why.
    broken: Option<(Begin, Fault)>,
}

impl<D: CardDoor + Clone + Sync> Bench<D> {
    /// Puts copies of the card into all states that sequences begin in.
    ///
    /// # Errors
    /// The terminal's error if what is free on the card cannot be read.
    pub fn new(specimen: &Specimen<D>) -> Result<Self, Error> {
        let facts = Arc::new(Facts::of(specimen)?);
        let mut bench = Self {
            begins: BTreeMap::new(),
            broken: None,
        };
        for begin in Begin::ALL {
            let (before, ops) = begin.way();
            let desk = match begin {
                Begin::Off => Some(Desk::new(specimen.card.clone(), facts.clone())),
                _ => bench.begins.get(&before).cloned(),
            };
            let Some(mut desk) = desk else { continue };
            let mut tally = Tally::default();
            match caught(|| play(&mut desk, &ops, &mut tally)) {
                Ok(()) => drop(bench.begins.insert(begin, desk)),
                Err(fault) => {
                    bench.broken.get_or_insert((begin, fault));
                }
            }
        }
        Ok(bench)
    }

    /// Runs a property and shrinks the first sequence that fails.
    pub fn run(&self, property: &Property, plan: &Plan) -> Outcome {
        let begins: Vec<_> = property
            .begins
            .iter()
            .filter(|begin| self.begins.contains_key(begin))
            .copied()
            .collect();
        if begins.is_empty() {
            return Outcome {
                blocked: Some(self.why_blocked()),
                ..Outcome::default()
            };
        }
        let upcoming = AtomicU64::new(plan.first);
        let end = plan.first.saturating_add(plan.count);
        // The number of the first failure so far; nothing behind it is begun.
        let failed = AtomicU64::new(u64::MAX);
        let results = Mutex::new((Tally::default(), BTreeMap::new()));
        std::thread::scope(|scope| {
            for _ in 0..plan.jobs.max(1) {
                scope.spawn(|| {
                    let mut tally = Tally::default();
                    let mut failures = BTreeMap::new();
                    loop {
                        let number = upcoming.fetch_add(1, Ordering::SeqCst);
                        if number >= end || number > failed.load(Ordering::SeqCst) {
                            break;
                        }
                        let drawn = self.draw(property, plan.seed, number, &begins, &mut tally);
                        if let Err(drawn) = drawn {
                            failed.fetch_min(number, Ordering::SeqCst);
                            failures.insert(number, drawn);
                        }
                    }
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.0.add(&tally);
                    results.1.extend(failures);
                });
            }
        });
        let (tally, failures) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        let first = failures.into_iter().next();
        let failure = first.map(|(number, drawn)| Box::new(self.shrunk(number, drawn)));
        Outcome {
            tally,
            failure,
            blocked: None,
        }
    }

    fn why_blocked(&self) -> String {
        match &self.broken {
            Some((begin, fault)) => {
                format!(
                    "no card in the state {:?}: {}",
                    begin.name(),
                    in_words(fault)
                )
            }
            None => "no state to begin in".to_owned(),
        }
    }

    /// Draws and plays one sequence.
    fn draw(
        &self,
        property: &Property,
        seed: u64,
        number: u64,
        begins: &[Begin],
        tally: &mut Tally,
    ) -> Result<(), Drawn> {
        let mut dice = Dice::new(seed, property.number, number);
        let begin = dice.pick(begins, Begin::Off);
        let Some(mut desk) = self.begins.get(&begin).cloned() else {
            return Ok(());
        };
        desk.begin();
        let length = COMMANDS_MIN + dice.below(COMMANDS_MORE);
        let mut queue: VecDeque<Op> = VecDeque::new();
        if property.whole_handshake {
            queue.extend(Begin::Cie.way().1);
            queue.push_back(Op::Agree);
            let nonce = [u8::try_from(dice.below(256)).unwrap_or_default(); 8];
            queue.extend(handshake(nonce));
            tally.handshakes += 1;
        }
        let mut ops = Vec::new();
        while desk.commands < length {
            if queue.is_empty() {
                queue.extend(next(&mut dice, &property.mix, &desk.model));
            }
            let Some(op) = queue.pop_front() else { break };
            ops.push(op.clone());
            let look = dice.below(OBSERVE_EVERY) == 0;
            let played = caught(|| {
                desk.perform(&op, tally)?;
                if look { desk.observe() } else { Ok(()) }
            });
            if let Err(fault) = played {
                return Err(Drawn { begin, ops, fault });
            }
        }
        tally.case(u64::try_from(desk.commands).unwrap_or_default());
        if let Err(fault) = caught(|| desk.observe()) {
            return Err(Drawn { begin, ops, fault });
        }
        Ok(())
    }
}

/// A sequence that failed, as it was drawn.
pub(super) struct Drawn {
    pub(super) begin: Begin,
    pub(super) ops: Vec<Op>,
    pub(super) fault: Fault,
}

fn play<D: CardDoor + Clone>(
    desk: &mut Desk<D>,
    ops: &[Op],
    tally: &mut Tally,
) -> Result<(), Mismatch> {
    ops.iter().try_for_each(|op| desk.perform(op, tally))
}

/// A card that panics is a fault of the card.
pub(super) fn caught(action: impl FnOnce() -> Result<(), Mismatch>) -> Result<(), Fault> {
    match catch_unwind(AssertUnwindSafe(action)) {
        Ok(result) => result.map_err(Fault::Mismatch),
        Err(_) => Err(Fault::Crash),
    }
}

/// A fault, for people.
#[must_use]
pub fn in_words(fault: &Fault) -> String {
    match fault {
        Fault::Mismatch(Mismatch { op, why }) => format!("{op}: {why}"),
        Fault::Crash => "the card panicked".to_owned(),
    }
}

impl Failure {
    /// The shortest sequence, for people: each action with its exchanges,
    /// plain and as sent.
    #[must_use]
    pub fn transcript(&self) -> String {
        let mut text = format!("begins: {}\n", self.begin.name());
        let hex = |bytes: &[u8]| match bytes {
            [] => "-".to_owned(),
            bytes => hex::encode_upper(bytes),
        };
        for (at, op) in self.ops.iter().enumerate() {
            text += &format!("{:>3}. {op}\n", at + 1);
            for exchange in self.exchanges.iter().filter(|e| e.step == at + 1) {
                text += &lines(exchange, hex);
            }
        }
        let asked: Vec<_> = self
            .exchanges
            .iter()
            .filter(|e| e.step > self.ops.len())
            .collect();
        if !asked.is_empty() {
            text += "questions to a copy of the card\n";
            for exchange in asked {
                text += &lines(exchange, hex);
            }
        }
        text
    }
}

fn lines(exchange: &Exchange, hex: impl Fn(&[u8]) -> String) -> String {
    let sent = match exchange.event {
        "" => hex(&exchange.command),
        event => event.to_owned(),
    };
    let mut text = format!("     > {sent}\n     < {}\n", hex(&exchange.response));
    if !exchange.plain_command.is_empty() {
        let answer = hex(&exchange.plain_response);
        text += &format!(
            "       inside: {} -> {answer}\n",
            hex(&exchange.plain_command)
        );
    }
    text
}

/// The number of the sequence that failed, as [`result`] names it.
#[must_use]
pub fn number(result: &CaseResult) -> Option<u64> {
    let rest = result.reason.strip_prefix("sequence ")?;
    rest.split_once(" of seed ")?.0.parse().ok()
}

/// The outcome as a result for the report.
#[must_use]
pub fn result(property: &Property, plan: &Plan, ics: &Ics, outcome: &Outcome) -> CaseResult {
    let case = property.case();
    if let Some(why) = &outcome.blocked {
        return CaseResult::new(&case, Verdict::Inconclusive, why.clone(), Vec::new());
    }
    let Some(failure) = &outcome.failure else {
        return CaseResult::new(&case, Verdict::Pass, String::new(), Vec::new());
    };
    let verdict = match failure.fault {
        Fault::Crash => Verdict::Crash,
        Fault::Mismatch(_) if ics.is_bound_by(case.basis) => Verdict::Fail,
        Fault::Mismatch(_) => Verdict::Differs,
    };
    let reason = format!(
        "sequence {} of seed {}, shrunk to {} commands from {:?}: {}; \
         play it again with `cie-conformance properties --case {} --seed {} --number {}`",
        failure.number,
        plan.seed,
        failure.commands,
        failure.begin.name(),
        in_words(&failure.fault),
        case.id,
        plan.seed,
        failure.number,
    );
    CaseResult::new(&case, verdict, reason, evidence(&failure.exchanges))
}

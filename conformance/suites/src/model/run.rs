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
use super::threads::Work;
use super::watch::{Lost, Watch, Watched, awaited};
use crate::card::{PATIENCE, evidence};
use crate::edges::{Exchange, Specimen};
use crate::ics::Ics;
use crate::report::CaseResult;
use crate::verdict::Verdict;
use cie_terminal::Error;
use iso7816_wire::CardDoor;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

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
    /// It is as it was drawn, because the card does not answer in a shorter
    /// one. Nothing was kept of what went over the wire.
    pub as_drawn: bool,
}

/// A card that does not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hang {
    /// Number of the sequence, from 0; `None`: before the first.
    pub number: Option<u64>,
    /// What it was given.
    pub patience: Duration,
    /// What it does not answer; `None`: it always did, and the sequence has
    /// taken too long.
    pub unanswered: Option<Exchange>,
}

/// What came out of a property.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The distribution of its sequences.
    pub tally: Tally,
    /// The first sequence that failed, shrunk.
    pub failure: Option<Box<Failure>>,
    /// The first sequence in which the card did not come back. It is not
    /// shrunk: every shorter one would take its time, too.
    pub hang: Option<Hang>,
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
    /// How long one sequence may take.
    pub patience: Duration,
}

/// A card and copies of it in the states that sequences begin in.
pub struct Bench<D> {
    begins: Arc<Begins<D>>,
    /// The first state that could not be reached, and why.
    broken: Option<(Begin, Broken)>,
}

/// Why a state could not be reached.
#[derive(Clone, Debug)]
enum Broken {
    Fault(Fault),
    Hang(Hang),
    /// The bench itself panicked, or had no thread.
    Gone,
}

/// Copies of a card in the states that sequences begin in.
pub(super) struct Begins<D>(BTreeMap<Begin, Desk<D>>);

impl<D: CardDoor + Clone + Sync + 'static> Bench<D> {
    /// Puts copies of the card into all states that sequences begin in. What
    /// leads to one may take [`PATIENCE`].
    ///
    /// # Errors
    /// The terminal's error if what is free on the card cannot be read.
    pub fn new(specimen: &Specimen<D>) -> Result<Self, Error> {
        Self::within(PATIENCE, specimen)
    }

    /// The same, and what leads to a state may take so long.
    ///
    /// # Errors
    /// The terminal's error if what is free on the card cannot be read.
    pub fn within(patience: Duration, specimen: &Specimen<D>) -> Result<Self, Error> {
        let copy = specimen.clone();
        let facts = awaited(patience, move |watch| {
            watch.begin(None);
            Facts::of(&copy.behind(|card| Watched::new(card, Arc::clone(watch))))
        });
        let mut begins = BTreeMap::new();
        let mut broken = None;
        let facts = match facts {
            Ok(facts) => Arc::new(facts?),
            Err(lost) => {
                return Ok(Self {
                    begins: Arc::new(Begins(begins)),
                    broken: Some((Begin::Off, Broken::of(lost))),
                });
            }
        };
        for begin in Begin::ALL {
            let (before, ops) = begin.way();
            let desk: Option<Desk<D>> = match begin {
                Begin::Off => Some(Desk::new(specimen.card.clone(), facts.clone())),
                _ => begins.get(&before).cloned(),
            };
            let Some(mut desk) = desk else { continue };
            let led = awaited(patience, move |watch| {
                watch.begin(None);
                desk.tell(watch);
                let mut tally = Tally::default();
                caught(|| play(&mut desk, &ops, &mut tally)).map(|()| desk)
            });
            let why = match led {
                Ok(Ok(desk)) => {
                    begins.insert(begin, desk);
                    continue;
                }
                Ok(Err(fault)) => Broken::Fault(fault),
                Err(lost) => Broken::of(lost),
            };
            broken.get_or_insert((begin, why));
        }
        Ok(Self {
            begins: Arc::new(Begins(begins)),
            broken,
        })
    }

    /// Runs a property and shrinks the first sequence that fails. A sequence
    /// that takes longer than the plan allows hangs; its thread is left to
    /// itself, and the sequences before it are still played.
    pub fn run(&self, property: &Property, plan: &Plan) -> Outcome {
        let states: Vec<_> = property
            .begins
            .iter()
            .filter(|begin| self.begins.0.contains_key(begin))
            .copied()
            .collect();
        if states.is_empty() {
            return self.blocked();
        }
        let work = Arc::new(Work::new(&self.begins, property, plan, states));
        let Ok((tally, mut failures, hangs)) = work.divided() else {
            return Outcome {
                blocked: Some("the bench itself panicked, or had no thread".to_owned()),
                ..Outcome::default()
            };
        };
        let hang = hangs.into_iter().min_by_key(|hang| hang.number);
        let hung = hang.as_ref().and_then(|hang| hang.number);
        failures.retain(|number, _| hung.is_none_or(|hung| *number < hung));
        let Some((number, drawn)) = failures.into_iter().next() else {
            return Outcome {
                tally,
                hang,
                ..Outcome::default()
            };
        };
        let begins = Arc::clone(&self.begins);
        let copy = drawn.clone();
        let shrunk = awaited(plan.patience, move |watch| {
            begins.shrunk(number, copy, watch)
        });
        let failure = shrunk.unwrap_or_else(|_| Failure {
            number,
            begin: drawn.begin,
            commands: drawn.ops.len(),
            ops: drawn.ops,
            fault: drawn.fault,
            exchanges: Vec::new(),
            as_drawn: true,
        });
        Outcome {
            tally,
            failure: Some(Box::new(failure)),
            ..Outcome::default()
        }
    }

    fn blocked(&self) -> Outcome {
        let (why, hang) = match &self.broken {
            Some((begin, why)) => {
                let (why, hang) = match why {
                    Broken::Fault(fault) => (in_words(fault), None),
                    Broken::Hang(hang) => (hang.to_string(), Some(hang.clone())),
                    Broken::Gone => ("the bench itself panicked".to_owned(), None),
                };
                (
                    format!("no card in the state {:?}: {why}", begin.name()),
                    hang,
                )
            }
            None => ("no state to begin in".to_owned(), None),
        };
        Outcome {
            hang,
            blocked: Some(why),
            ..Outcome::default()
        }
    }
}

impl Broken {
    fn of(lost: Lost) -> Self {
        match lost {
            Lost::Hang(hang) => Self::Hang(*hang),
            Lost::Gone => Self::Gone,
        }
    }
}

impl fmt::Display for Hang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.patience.as_secs_f64();
        match self.unanswered {
            Some(_) => write!(f, "no answer within {seconds} s"),
            None => write!(
                f,
                "not decided within {seconds} s, and the card always answered"
            ),
        }
    }
}

impl<D: CardDoor + Clone> Begins<D> {
    /// A card in this state, which tells `watch` what it is at.
    pub(super) fn desk(&self, begin: Begin, watch: &Arc<Watch>) -> Option<Desk<D>> {
        let mut desk = self.0.get(&begin)?.clone();
        desk.tell(watch);
        Some(desk)
    }

    /// Draws and plays one sequence.
    pub(super) fn draw(
        &self,
        property: &Property,
        seed: u64,
        number: u64,
        begins: &[Begin],
        watch: &Arc<Watch>,
        tally: &mut Tally,
    ) -> Result<(), Drawn> {
        let mut dice = Dice::new(seed, property.number, number);
        let begin = dice.pick(begins, Begin::Off);
        let Some(mut desk) = self.desk(begin, watch) else {
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
#[derive(Clone)]
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
    let again = |number: u64| {
        format!(
            "play it again with `cie-conformance properties --case {} --seed {} --number {number}`",
            case.id, plan.seed
        )
    };
    if let Some(hang) = &outcome.hang {
        let reason = match (hang.number, &outcome.blocked) {
            (Some(number), _) => {
                format!(
                    "sequence {number} of seed {}: {hang}; {}",
                    plan.seed,
                    again(number)
                )
            }
            (None, Some(why)) => why.clone(),
            (None, None) => hang.to_string(),
        };
        let unanswered: Vec<_> = hang.unanswered.iter().cloned().collect();
        return CaseResult::new(&case, Verdict::Hang, reason, evidence(&unanswered));
    }
    if let Some(why) = &outcome.blocked {
        return CaseResult::new(&case, Verdict::Inconclusive, why.clone(), Vec::new());
    }
    if outcome.failure.is_none() && outcome.tally.cases == 0 {
        let why = "no sequence of it was run".to_owned();
        return CaseResult::new(&case, Verdict::NotApplicable, why, Vec::new());
    }
    let Some(failure) = &outcome.failure else {
        return CaseResult::new(&case, Verdict::Pass, String::new(), Vec::new());
    };
    let verdict = match failure.fault {
        Fault::Crash => Verdict::Crash,
        Fault::Mismatch(_) if ics.is_bound_by(case.basis) => Verdict::Fail,
        Fault::Mismatch(_) => Verdict::Differs,
    };
    let size = match failure.as_drawn {
        false => format!("shrunk to {} commands", failure.commands),
        true => format!(
            "as drawn, {} actions, because a shorter one does not end,",
            failure.ops.len()
        ),
    };
    let reason = format!(
        "sequence {} of seed {}, {size} from {:?}: {}; {}",
        failure.number,
        plan.seed,
        failure.begin.name(),
        in_words(&failure.fault),
        again(failure.number),
    );
    CaseResult::new(&case, verdict, reason, evidence(&failure.exchanges))
}

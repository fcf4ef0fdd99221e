// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs rows against a card: brings a copy of it into the state a row starts
//! from, executes the script and names the first answer that is not as it
//! should be.

use super::contact::{Contact, Papers};
use super::desk::Desk;
use super::expect::{Behaviour, Seen, for_family, matches};
use super::guard::{Guard, Refusal};
use super::leeway::{PIECES, leeway};
use super::record::{Exchange, Record};
use super::row::{Row, Start, Unit};
use super::script::{self, Names, ScriptError, Step};
use super::single::{Trouble, step};
use iso7816_wire::CardDoor;
use std::collections::BTreeMap;
use thiserror::Error as ThisError;

/// A freshly personalised card without power, and what its issuer knows of it.
#[derive(Clone, Debug)]
pub struct Specimen<D> {
    /// The card.
    pub card: D,
    /// Name of its family.
    pub family: String,
    /// Answer to reset of its family.
    pub atr: Vec<u8>,
    /// Content of EF.ATR of its family.
    pub ef_atr: Vec<u8>,
    /// SELECT by the IAS AID works in its family.
    pub root_by_aid: bool,
    /// Its family takes extended length.
    pub extended_length: bool,
    /// The PIN.
    pub pin: String,
    /// The PUK.
    pub puk: String,
    /// ID_Servizi, twelve digits.
    pub nis: String,
    /// Serial number of the document.
    pub serial: String,
    /// The citizen's certificate.
    pub certificate: Vec<u8>,
}

impl<D> Specimen<D> {
    /// What is known of the card.
    #[must_use]
    pub fn papers(&self) -> Papers {
        Papers {
            family: self.family.clone(),
            atr: self.atr.clone(),
            ef_atr: self.ef_atr.clone(),
            root_by_aid: self.root_by_aid,
            extended_length: self.extended_length,
            pin: self.pin.clone(),
            puk: self.puk.clone(),
            nis: self.nis.clone(),
            serial: self.serial.clone(),
            certificate: self.certificate.clone(),
        }
    }

    /// What is known stays, and the card is put behind another door.
    pub fn behind<E>(self, door: impl FnOnce(D) -> E) -> Specimen<E> {
        Specimen {
            card: door(self.card),
            family: self.family,
            atr: self.atr,
            ef_atr: self.ef_atr,
            root_by_aid: self.root_by_aid,
            extended_length: self.extended_length,
            pin: self.pin,
            puk: self.puk,
            nis: self.nis,
            serial: self.serial,
            certificate: self.certificate,
        }
    }
}

/// A row that is not fulfilled.
#[derive(Debug, ThisError)]
#[error("{id} ({family}): {reason}")]
pub struct RowError {
    /// The row.
    pub id: String,
    /// The family of the card.
    pub family: String,
    /// Why.
    pub reason: Box<Reason>,
}

/// Why a row is not fulfilled.
#[derive(Debug, ThisError)]
pub enum Reason {
    /// A defect of the row itself.
    #[error("the row cannot be executed: {0}")]
    Script(#[from] ScriptError),
    /// The card could not be brought into the state a row starts from.
    #[error("no card in the state {:?}: {why}", start.name())]
    Start {
        /// The state.
        start: Start,
        /// What went wrong on the way.
        why: String,
    },
    /// The card in the reader is none of those that the rules are about.
    #[error(
        "the card in the reader is no CIE 3.0, so nothing that is said about one binds it: {0}; put a CIE into the reader"
    )]
    NoCie(String),
    /// The bench does not do that to this card.
    #[error("{0}")]
    Refused(Refusal),
    /// Bytes did not reach the card, or none came back.
    #[error("{0}")]
    Trouble(Trouble),
    /// The card ended while it was executing the row.
    #[error("the card panicked")]
    Crash,
    /// The bench ended while it was executing the row on a card outside of it.
    #[error("the bench itself panicked, which says nothing about the card; please report it")]
    Bench,
    /// The card answered otherwise.
    #[error("step {step}, {action:?}: expected {expected:?}, got {got}")]
    Answer {
        /// Number of the step, from 1.
        step: usize,
        /// The step.
        action: String,
        /// The expected answer.
        expected: String,
        /// What came, in words.
        got: String,
    },
    /// The card answered otherwise, within what the ground leaves open, and
    /// did all the rest.
    #[error("step {step}, {action:?}: expected {expected:?}, got {got}: {because}")]
    Leeway {
        /// Number of the first such step, from 1.
        step: usize,
        /// The step.
        action: String,
        /// The expected answer.
        expected: String,
        /// What came, in words.
        got: String,
        /// Why it may.
        because: &'static str,
    },
}

/// What a row came to, and what went over the wire from its start state on.
#[derive(Debug)]
pub struct Outcome {
    /// `Ok(false)`: the row is not for this family.
    pub result: Result<bool, Reason>,
    /// The exchanges, in order.
    pub exchanges: Vec<Exchange>,
}

/// One card and copies of it in the states that rows start from.
pub struct Bench<D> {
    specimen: Specimen<D>,
    ready: BTreeMap<Start, Desk<D>>,
}

impl<D: CardDoor + Clone> Bench<D> {
    /// A bench for this card.
    #[must_use]
    pub fn new(specimen: Specimen<D>) -> Self {
        Self {
            specimen,
            ready: BTreeMap::new(),
        }
    }

    /// Runs one row on a copy of the card. `false` if the row is not for this
    /// family.
    ///
    /// # Errors
    /// [`RowError`] naming the row, the step and what came instead.
    pub fn run(&mut self, unit: &Unit, row: &Row) -> Result<bool, RowError> {
        self.outcome(row).result.map_err(|reason| RowError {
            id: unit.id(row),
            family: self.specimen.family.clone(),
            reason: Box::new(reason),
        })
    }

    /// The same with everything that went over the wire.
    pub fn outcome(&mut self, row: &Row) -> Outcome {
        let mut exchanges = Vec::new();
        let result = self.try_run(row, &mut exchanges);
        Outcome { result, exchanges }
    }

    fn try_run(&mut self, row: &Row, exchanges: &mut Vec<Exchange>) -> Result<bool, Reason> {
        let (families, steps) = script::parse(row.script)?;
        if !families.is_empty() && !families.contains(&self.specimen.family.as_str()) {
            return Ok(false);
        }
        let start = row.start;
        let mut desk = self
            .desk(start)
            .map_err(|why| Reason::Start { start, why })?;
        // What led to the start is the same for every row.
        desk.record = Record::default();
        let played = play(&mut desk, &steps, self.behaviour());
        *exchanges = desk.record.take();
        played.map(|()| true)
    }

    /// Executes steps from a state without judging them, until one cannot be
    /// executed. Says what went over the wire, and why it stopped, if it did.
    pub(crate) fn stream(
        &mut self,
        start: Start,
        actions: &[String],
        mut each: impl FnMut(usize, &Seen),
    ) -> (Vec<Exchange>, Option<Reason>) {
        let mut desk = match self.desk(start) {
            Ok(desk) => desk,
            Err(why) => return (Vec::new(), Some(Reason::Start { start, why })),
        };
        desk.record = Record::default();
        for (index, action) in actions.iter().enumerate() {
            match step(&mut desk, index, action) {
                Ok(seen) => each(index, &seen),
                Err(reason) => return (desk.record.take(), Some(reason)),
            }
        }
        (desk.record.take(), None)
    }

    fn behaviour(&self) -> Behaviour {
        self.specimen.papers().behaviour()
    }

    /// A copy of the card in this state.
    fn desk(&mut self, start: Start) -> Result<Desk<D>, String> {
        if let Some(desk) = self.ready.get(&start) {
            return Ok(desk.clone());
        }
        let desk = match way(start) {
            None => self.without_power(),
            Some((before, script)) => {
                let mut desk = self.desk(before)?;
                walk(&mut desk, script, self.behaviour()).map_err(|reason| reason.to_string())?;
                desk
            }
        };
        self.ready.insert(start, desk.clone());
        Ok(desk)
    }

    /// Reads what is free on a copy of the card; the card itself stays without
    /// power.
    fn without_power(&self) -> Desk<D> {
        let papers = self.specimen.papers();
        let contact = Contact::make(&mut self.specimen.card.clone(), &papers);
        Desk::new(self.specimen.card.clone(), contact, Guard::of_ours())
    }
}

/// The step that proves the terminal to the card.
const GOOD_PROOF: &str = "proof good";

/// How a state is reached: the state before it and the steps from there; `None`
/// for the card without power.
pub(super) fn way(start: Start) -> Option<(Start, &'static str)> {
    Some(match start {
        Start::Off => return None,
        Start::On => (Start::Off, "power on = ATR"),
        Start::Root => (Start::On, "ROOT = 9000"),
        Start::Cie => (Start::On, "CIE = 9000"),
        Start::Pending => (Start::Cie, "SHARE = 9000; adopt CARD-SHARE = * 9000"),
        Start::Live => (Start::Pending, "sm NIS = {NIS} 9000"),
        // Steps a to c of section 4.4 with the published device.
        Start::Certified => (
            Start::Live,
            "sm SET-CA = 9000; certificate good = 9000; sm SET-DEVICE = 9000",
        ),
        Start::Device => (
            Start::Certified,
            "sm CHALLENGE = #8 9000; proof good = 9000; sm SET-82 = 9000;
             card proof = #264 9000",
        ),
        Start::Pin => (Start::Device, "sm VERIFY-PIN = 9000"),
        Start::Puk => (Start::Device, "sm VERIFY-PUK = 9000"),
        Start::PinOneLeft => (Start::Device, "sm WRONG-PIN = 63C2; sm WRONG-PIN = 63C1"),
        Start::PinBlocked => (Start::PinOneLeft, "sm WRONG-PIN = 63C0"),
        Start::PukOneLeft => (
            Start::Pin,
            "sm VERIFY-PUK = 9000;
             sm WRONG-PUK = 63C9; sm WRONG-PUK = 63C8;
             sm WRONG-PUK = 63C7; sm WRONG-PUK = 63C6;
             sm WRONG-PUK = 63C5; sm WRONG-PUK = 63C4;
             sm WRONG-PUK = 63C3; sm WRONG-PUK = 63C2;
             sm WRONG-PUK = 63C1",
        ),
        Start::PukDead => (Start::PukOneLeft, "sm WRONG-PUK = 63C0"),
    })
}

/// Takes the steps of a text.
pub(super) fn walk<D: CardDoor>(
    desk: &mut Desk<D>,
    script: &str,
    behaviour: Behaviour,
) -> Result<(), Reason> {
    let (_, steps) = script::parse(script)?;
    match play(desk, &steps, behaviour) {
        // Another of the answers that everybody may give leads there, too.
        Err(Reason::Leeway { .. }) => Ok(()),
        walked => walked,
    }
}

pub(super) fn play<D: CardDoor>(
    desk: &mut Desk<D>,
    steps: &[Step<'_>],
    behaviour: Behaviour,
) -> Result<(), Reason> {
    let mut first_leeway = None;
    for (index, step) in steps.iter().enumerate() {
        let expected = for_family(step.answer, behaviour)?;
        desk.record.step(index + 1);
        for _ in 0..step.times {
            let good = step.action == GOOD_PROOF && step.answer == "9000";
            desk.guard.proof_is(good);
            let executed = desk.execute(step.action);
            desk.guard.proof_is(false);
            let (mut seen, by_session) = executed?;
            if let Some(refusal) = desk.guard.refusal() {
                return Err(Reason::Refused(refusal));
            }
            if !matches(expected, &seen, by_session, &desk.names)? {
                let (step, action) = (index + 1, step.action.to_owned());
                let (expected, got) = (expected.to_owned(), desk.words(&seen));
                let open = |seen: &Seen, names: &Names| {
                    leeway(&action, &expected, seen, by_session, names)
                };
                let mut because = open(&seen, &desk.names);
                if because.is_none()
                    && let Some(whole) = desk.whole(&seen)
                {
                    let fits = matches(&expected, &whole, by_session, &desk.names)?;
                    because = (fits || open(&whole, &desk.names).is_some()).then_some(PIECES);
                    seen = whole;
                }
                let Some(because) = because else {
                    return Err(Reason::Answer {
                        step,
                        action,
                        expected,
                        got,
                    });
                };
                first_leeway.get_or_insert(Reason::Leeway {
                    step,
                    action,
                    expected,
                    got,
                    because,
                });
            }
            desk.remember(&seen);
        }
    }
    first_leeway.map_or(Ok(()), Err)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows on a card that cannot be copied: every row begins at power on, and what
//! it changed is undone after it, by the right codes or by a fresh card.

use super::bench::{Outcome, Reason, play, walk, way};
use super::contact::{Contact, Papers, name_papers};
use super::desk::{Desk, counter};
use super::expect::Seen;
use super::guard::{Allow, Guard, Refusal};
use super::row::{Ground, Row, Start};
use super::script::{self, ScriptError};
use crate::catalogue::Cost;
use iso7816_wire::CardDoor;
use std::fmt;

/// The most pieces in which the certificate is read.
const PIECES_MAX: usize = 64;
/// PUK tries of a fresh card: a row that spends as many kills the card.
const PUK_TRIES: u8 = 10;
/// PIN tries of a card whose holder has used it last.
const PIN_TRIES: u8 = 3;

/// What went wrong between the bench and a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The card or its reader is gone.
    Gone(String),
    /// No answer within the time limit.
    Hang(String),
    /// Everything was answered, and the time is up all the same.
    Slow(String),
    /// This way to the card does not carry such a command.
    NotCarried(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(why) => write!(f, "the card is gone: {why}"),
            Self::Hang(why) => write!(f, "no answer in time: {why}"),
            Self::Slow(why) => write!(f, "the time is up: {why}"),
            Self::NotCarried(why) => write!(f, "not carried: {why}"),
            Self::Failed(why) => write!(f, "the exchange failed: {why}"),
        }
    }
}

/// A way to a card that can fail.
pub trait Link: CardDoor {
    /// A new row begins: what failed before is forgotten, the time starts.
    fn begin(&mut self) {}

    /// The card is brought back now: what failed before is forgotten, the time
    /// starts, a card that is gone is waited for, and whoever wants the run to
    /// end has to wait. `last`: at the end of the run, however often it was
    /// waited for before.
    fn mend(&mut self, _last: bool) {
        self.begin();
    }

    /// True if the card is code of this process: if that panics, the card did.
    fn is_in_process(&self) -> bool {
        false
    }

    /// What failed since [`begin`](Self::begin), first of all.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// Fresh cards for the same place.
pub trait Supply {
    /// Puts a fresh card there instead of the present one, and tells what is
    /// known of it.
    ///
    /// # Errors
    /// In words.
    fn fresh(&mut self) -> Result<Papers, String>;
}

/// A card in this process that is used as if it could not be copied.
pub struct Alone<D>(pub D);

impl<D: CardDoor> CardDoor for Alone<D> {
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
        self.0.transmit(command)
    }
}

impl<D: CardDoor> Link for Alone<D> {
    fn is_in_process(&self) -> bool {
        true
    }
}

/// Tries left of PIN and PUK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// Of the PIN.
    pub pin: u8,
    /// Of the PUK.
    pub puk: u8,
}

/// How often in a row the way back is tried, because a link may fail once.
const MENDS: usize = 3;
/// The same at the end of a run, where a person may put the card back.
const FINISHES: usize = 4;

/// What a protected card may be left with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The PIN that it had.
    pub issued: String,
    /// The PIN that it has, or one of two; `None` if nobody can tell.
    pub pin: Option<String>,
    /// The other one of the two.
    pub other: Option<String>,
    /// Why it could not be brought back.
    pub why: String,
}

impl fmt::Display for Left {
    /// For the card's owner alone: it names PINs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("THE CARD MAY HAVE ANOTHER PIN THAN ITS OWN. ")?;
        match (&self.pin, &self.other) {
            (Some(pin), Some(other)) => write!(
                f,
                "It was to be changed from {pin} to {other}, and the answer did not come: its PIN \
                 is one of these two, probably {pin}."
            )?,
            (Some(pin), None) => write!(f, "Its PIN is {pin} now; it was {}.", self.issued)?,
            (None, _) => write!(f, "It was {}, and is not known now.", self.issued)?,
        }
        write!(
            f,
            " The way back failed: {}. Change it with the card's own software, and try the likelier \
             one first: a wrong one spends a try.",
            self.why
        )
    }
}

/// One card, with everything that is needed to run rows on it again and again.
pub struct Single<D> {
    desk: Desk<D>,
    papers: Papers,
    contact: Contact,
    supply: Option<Box<dyn Supply>>,
    /// The counters as they were found.
    full: Option<Counters>,
    /// Why nothing more can be asked of this card that costs something.
    spent: Option<String>,
    /// Why the card cannot be brought back, where trying again is no use.
    stuck: Option<String>,
    /// What failed on the way at the first contact.
    lost: Option<Trouble>,
    /// PIN tries left when the row began, of a protected card.
    tries: Option<u8>,
    /// The card is one of the supply.
    replaced: bool,
}

impl<D: Link> Single<D> {
    /// A card that was made for the test, and where fresh ones come from.
    pub fn ours(door: D, papers: Papers, supply: Option<Box<dyn Supply>>) -> Self {
        Self::new(door, papers, Guard::of_ours(), supply)
    }

    /// A card that is protected.
    pub fn protected(door: D, papers: Papers, allow: Allow) -> Self {
        let papers = Papers {
            puk: String::new(),
            ..papers
        };
        let mut single = Self::new(door, papers, Guard::protecting(allow), None);
        single.desk.withhold = true;
        single
    }

    fn new(mut door: D, mut papers: Papers, guard: Guard, supply: Option<Box<dyn Supply>>) -> Self {
        door.begin();
        // Where nothing is known, the card is as it shows itself.
        if papers.atr.is_empty() {
            papers.atr = door.power_on();
        }
        let mut contact = Contact::make(&mut door, &papers);
        let lost = door.trouble();
        if contact.known.is_none() && contact.no_cie.is_none() {
            door.begin();
            contact.ask_again(&mut door);
        }
        let mut single = Self {
            desk: Desk::new(door, contact.clone(), guard),
            papers,
            contact,
            supply,
            full: None,
            spent: None,
            stuck: None,
            lost,
            tries: None,
            replaced: false,
        };
        single.desk.guard.pin_is(single.papers.pin.as_bytes());
        single.full = single.counters();
        single
    }

    /// What is known of the card.
    pub fn papers(&self) -> &Papers {
        &self.papers
    }

    /// The names and values of the card, as scripts know them.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        self.contact.names.get(name).ok()
    }

    /// The door.
    pub fn door(&mut self) -> &mut D {
        &mut self.desk.card
    }

    /// True if nothing of the card may be shown.
    pub fn is_protected(&self) -> bool {
        self.desk.guard.protects()
    }

    /// Reads with the PIN what is not known yet and only the PIN opens: the
    /// serial number and the certificate.
    ///
    /// # Errors
    /// In words; what is not known stays unknown.
    pub fn learn(&mut self) -> Result<(), String> {
        if self.papers.pin.is_empty() {
            return Err("the PIN is not known".to_owned());
        }
        self.reach(Start::Pin)
            .map_err(|reason| reason.to_string())?;
        let serial = self.ask("sm 00B0820009").unwrap_or_default();
        self.ask("sm 00A4020C(1003)");
        let mut certificate = Vec::new();
        for _ in 0..PIECES_MAX {
            let [.., high, low] = certificate.len().to_be_bytes();
            let read = format!("sm 00B0{high:02X}{low:02X}E0");
            match self.ask(&read) {
                Some(piece) if !piece.is_empty() => certificate.extend(piece),
                _ => break,
            }
        }
        self.papers.serial = String::from_utf8(serial).unwrap_or_default();
        self.papers.certificate = certificate;
        name_papers(&mut self.contact.names, &self.papers);
        Ok(())
    }

    fn ask(&mut self, action: &str) -> Option<Vec<u8>> {
        match self.desk.execute(action) {
            Ok((Seen::Answer { data, sw, .. }, _)) if sw.is_ok() || sw.0 == 0x6282 => Some(data),
            _ => None,
        }
    }

    /// Runs one row.
    pub fn outcome(&mut self, row: &Row) -> Outcome {
        let mut exchanges = Vec::new();
        // A panic may have left it so.
        self.desk.guard.mends(false);
        let (result, trouble) = match self.owed() {
            Some(why) => (
                Err(Reason::Start {
                    start: row.start,
                    why,
                }),
                None,
            ),
            None => {
                let mut trouble = None;
                let result = self.try_run(row, &mut exchanges, &mut trouble);
                (result, trouble)
            }
        };
        let result = self.after_contact(row, result);
        // What failed on the way says more than what came of it.
        let result = match (trouble, &self.contact.no_cie) {
            (Some(trouble), _) => Err(Reason::Trouble(trouble)),
            // A card of ours has to be one.
            (None, Some(why)) if self.is_protected() => of_no_cie(result, row, why),
            (None, _) => result,
        };
        Outcome { result, exchanges }
    }

    /// A value that a row names and that the first contact did not bring.
    fn after_contact(&self, row: &Row, result: Result<bool, Reason>) -> Result<bool, Reason> {
        match (result, &self.contact.why_unknown) {
            (Err(Reason::Script(ScriptError::Name(_)) | Reason::Start { .. }), Some(why)) => {
                let before = self.lost.as_ref().map(|lost| format!("{lost}; "));
                Err(Reason::Start {
                    start: row.start,
                    why: format!(
                        "the first contact with the card did not succeed: {}{why}",
                        before.unwrap_or_default()
                    ),
                })
            }
            (result, _) => result,
        }
    }

    /// Why no row can be run on a protected card: it does not have its own PIN,
    /// and does not take it back now either.
    fn owed(&mut self) -> Option<String> {
        if !self.is_protected() || !self.desk.guard.owes() {
            return None;
        }
        let mended = match &self.stuck {
            Some(why) => Err(why.clone()),
            None => self.mend(false),
        };
        mended.err().map(|why| {
            format!(
                "the PIN that a case before changed could not be changed back yet: {why}; which \
                 one the card has is told when the run ends"
            )
        })
    }

    /// PIN tries that are left and that were found, if a protected card has fewer.
    pub fn spent_tries(&mut self) -> Option<(u8, u8)> {
        if !self.is_protected() {
            return None;
        }
        let found = self.full?.pin;
        self.desk.card.mend(false);
        let left = self.counters()?.pin;
        (left < found).then_some((left, found))
    }

    /// True if a protected card may have another PIN than its own.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.is_protected() && self.desk.guard.owes()
    }

    /// Brings a protected card back a last time. What cannot be brought back is
    /// for its owner.
    ///
    /// # Errors
    /// [`Left`]: the card may have another PIN than its own.
    pub fn finish(&mut self) -> Result<(), Left> {
        if !self.is_protected() {
            return Ok(());
        }
        let mut why = String::new();
        for _ in 0..FINISHES {
            if !self.desk.guard.owes() {
                return Ok(());
            }
            if let Err(failed) = self.mend(true) {
                why = failed;
            }
            if self.stuck.is_some() {
                break;
            }
        }
        self.left(why)
    }

    /// What the card is left with.
    ///
    /// # Errors
    /// [`Left`].
    pub(crate) fn left(&self, why: String) -> Result<(), Left> {
        if !self.desk.guard.owes() {
            return Ok(());
        }
        let text = |pin: Option<&[u8]>| pin.map(|pin| String::from_utf8_lossy(pin).into_owned());
        let guard = &self.desk.guard;
        Err(Left {
            issued: self.papers.pin.clone(),
            pin: text(guard.pin()),
            other: text(guard.other_pin()),
            why,
        })
    }

    /// Gives a protected card its own PIN back.
    fn mend(&mut self, last: bool) -> Result<(), String> {
        let mut why = String::new();
        for _ in 0..MENDS {
            self.desk.card.mend(last);
            self.desk.guard.mends(true);
            let mended = self.change_back();
            self.desk.guard.mends(false);
            let trouble = self.desk.card.trouble();
            if !self.desk.guard.owes() {
                return Ok(());
            }
            why = match (trouble, mended) {
                (Some(trouble), _) => trouble.to_string(),
                (None, Err(Reason::Refused(refusal))) => {
                    // Nothing that is tried again makes it another.
                    let why = refusal.to_string();
                    self.stuck = Some(why.clone());
                    return Err(why);
                }
                // The PIN stands in none of the words, but may in the step.
                (None, Err(Reason::Answer { got, .. })) => format!("it answered {got}"),
                (None, Err(reason)) => reason.to_string(),
                (None, Ok(())) => "it answered, and has another PIN all the same".to_owned(),
            };
        }
        Err(why)
    }

    fn change_back(&mut self) -> Result<(), Reason> {
        let guard = &self.desk.guard;
        // Of two that which is not its own: if it is refused, the other one is
        // in force, and that is all that was wanted.
        let of_two = [guard.other_pin(), guard.pin()];
        let own = self.papers.pin.as_bytes();
        let in_force = of_two.into_iter().flatten().find(|pin| *pin != own);
        let Some(in_force) = in_force.map(<[u8]>::to_vec) else {
            return Err(Reason::Refused(Refusal {
                why: "nobody can tell which PIN it has".to_owned(),
                ever: true,
            }));
        };
        let sure = guard.other_pin().is_none();
        self.reach(Start::Device)?;
        self.desk.names.set("CURRENT", in_force);
        let mut script = String::new();
        if sure && !self.desk.guard.has_tries() {
            // A change is tried with a full counter only, where its answer may be
            // lost without harm.
            script.push_str("sm 00200081({CURRENT}) = 9000; ");
        }
        script.push_str("sm 00240081({CURRENT}{PIN}) = 9000");
        walk(&mut self.desk, &script, self.papers.behaviour())
    }

    fn try_run(
        &mut self,
        row: &Row,
        exchanges: &mut Vec<super::Exchange>,
        trouble: &mut Option<Trouble>,
    ) -> Result<bool, Reason> {
        let (families, steps) = script::parse(row.script)?;
        if !families.is_empty() && !families.contains(&self.papers.family.as_str()) {
            return Ok(false);
        }
        let cost = Cost::of(row.start, &steps);
        self.desk.card.begin();
        let start = row.start;
        if let Err(reason) = self.afford(start, cost) {
            *trouble = self.desk.card.trouble();
            return Err(reason);
        }
        let reached = self.reach(start);
        let played = match reached {
            Ok(()) => {
                self.desk.record = super::record::Record::default();
                let played = play(&mut self.desk, &steps, self.papers.behaviour());
                *exchanges = self.desk.record.take();
                played
            }
            Err(Reason::Refused(refusal)) => Err(Reason::Refused(refusal)),
            Err(reason) => Err(Reason::Start {
                start,
                why: reason.to_string(),
            }),
        };
        *trouble = self.desk.card.trouble();
        let played = self.as_it_began(row, played);
        if self.is_protected() {
            self.settle();
        } else if !cost.leaves_no_trace() && trouble.is_none() {
            self.undo(cost);
            *trouble = self.desk.card.trouble();
        }
        played.map(|()| true)
    }

    /// A row presumes a full counter, and a protected card may have less: it is
    /// not blamed for that.
    fn as_it_began(&self, row: &Row, played: Result<(), Reason>) -> Result<(), Reason> {
        let less = self.tries.filter(|left| *left < PIN_TRIES);
        match (played, less) {
            (Err(Reason::Answer { .. } | Reason::Leeway { .. }), Some(left))
                if self.is_protected() && row.script.contains("PIN") =>
            {
                Err(Reason::Start {
                    start: row.start,
                    why: format!("{left} PIN tries are left, and the case presumes {PIN_TRIES}"),
                })
            }
            (played, _) => played,
        }
    }

    /// Makes a protected card as it was before the row, whatever came of the row.
    fn settle(&mut self) {
        if self.desk.guard.owes() && self.mend(false).is_err() {
            // It is tried again before the next row, and at the end.
            return;
        }
        let Some(full) = self.full else { return };
        if !self.desk.guard.may_refill(full.pin) {
            return;
        }
        // The right PIN gives back what was spent.
        self.desk.card.mend(false);
        if let Some(left) = self.counters()
            && left.pin < full.pin
            && self.reach(Start::Device).is_ok()
        {
            // If it does not, the guard sees that at the next row.
            let _ = walk(
                &mut self.desk,
                "sm VERIFY-PIN = 9000",
                self.papers.behaviour(),
            );
        }
    }

    /// A card that can take what a row costs.
    fn afford(&mut self, start: Start, cost: Cost) -> Result<(), Reason> {
        if cost.leaves_no_trace() {
            return Ok(());
        }
        let refused = |why: &str| {
            Reason::Refused(Refusal {
                why: why.to_owned(),
                ever: true,
            })
        };
        if self.is_protected() {
            if cost.puk_tries > 0 {
                return Err(refused("no PUK try is ever spent"));
            }
        } else if cost.puk_tries >= PUK_TRIES && !self.replaced {
            self.replace()
                .map_err(|why| refused(&format!("the case kills its PUK, and {why}")))?;
        }
        match &self.spent {
            Some(why) => Err(Reason::Start {
                start,
                why: why.clone(),
            }),
            None => Ok(()),
        }
    }

    fn replace(&mut self) -> Result<(), String> {
        let supply = self.supply.as_mut();
        let papers = supply
            .ok_or_else(|| "there is no fresh card instead of it".to_owned())?
            .fresh()?;
        self.papers = papers;
        self.desk.card.begin();
        self.contact = Contact::make(&mut self.desk.card, &self.papers);
        self.lost = self.desk.card.trouble();
        self.desk.guard.pin_is(self.papers.pin.as_bytes());
        self.replaced = true;
        self.spent = None;
        self.full = self.counters();
        Ok(())
    }

    /// Brings the card from power on into this state.
    fn reach(&mut self, start: Start) -> Result<(), Reason> {
        self.desk.guard.begin();
        if self.is_protected()
            && let Some(left) = self.counters()
        {
            self.desk.guard.tries_left(left.pin);
            self.tries = Some(left.pin);
        }
        self.desk.card.power_off();
        self.desk.start_over(self.contact.clone());
        let mut ways = Vec::new();
        let mut at = start;
        while let Some((before, script)) = way(at) {
            ways.push(script);
            at = before;
        }
        for script in ways.into_iter().rev() {
            walk(&mut self.desk, script, self.papers.behaviour())?;
        }
        Ok(())
    }

    /// The counters, after a cold reset.
    pub fn counters(&mut self) -> Option<Counters> {
        self.desk.start_over(self.contact.clone());
        self.desk.card.power_on();
        let mut left = |question| {
            self.desk.execute("CIE").ok()?;
            let (seen, _) = self.desk.execute(question).ok()?;
            counter(&seen)
        };
        let (pin, puk) = (left("PIN-LEFT")?, left("PUK-LEFT")?);
        Some(Counters { pin, puk })
    }

    /// Makes the card as it was before the row, or a fresh one of it.
    fn undo(&mut self, cost: Cost) {
        if self.try_undo(cost).is_some() {
            return;
        }
        if !self.is_protected() && self.replace().is_ok() {
            return;
        }
        self.spent = Some("what a case before changed could not be undone".to_owned());
    }

    fn try_undo(&mut self, cost: Cost) -> Option<()> {
        let full = self.full?;
        let right = self.papers.pin.as_bytes().to_vec();
        let changed = self.desk.guard.pin() != Some(&right);
        let left = self.counters()?;
        if left == full && !changed && !cost.writes {
            return Some(());
        }
        if left.puk == 0 || self.desk.card.trouble().is_some() {
            return None;
        }
        // With the right codes, as their holder would.
        let current = self.desk.guard.pin().map(<[u8]>::to_vec);
        let mut script = Vec::new();
        if left.pin == 0 || current.is_none() || (changed && !self.papers.puk.is_empty()) {
            script.push("sm VERIFY-PUK = 9000");
            script.push("sm 002C0281({PIN}) = 9000");
        } else if changed {
            script.push("sm 00240081({CURRENT}{PIN}) = 9000");
        }
        if left.puk < full.puk {
            script.push("sm VERIFY-PUK = 9000");
        }
        script.push("sm VERIFY-PIN = 9000");
        self.reach(Start::Device).ok()?;
        if let Some(current) = current {
            self.desk.names.set("CURRENT", current);
        }
        let undone = walk(&mut self.desk, &script.join("; "), self.papers.behaviour()).is_ok();
        let undone = undone || self.undo_by_puk(cost);
        (undone && self.counters()? == full).then_some(())
    }

    /// A card that did not say that it took a new PIN.
    fn undo_by_puk(&mut self, cost: Cost) -> bool {
        let script = "sm VERIFY-PUK = 9000; sm 002C0281({PIN}) = 9000; sm VERIFY-PIN = 9000";
        cost.writes
            && !self.is_protected()
            && self.reach(Start::Device).is_ok()
            && walk(&mut self.desk, script, self.papers.behaviour()).is_ok()
    }

    /// Executes steps from a state without judging them, until one cannot be
    /// executed. Says what went over the wire, and why it stopped, if it did.
    pub(crate) fn stream(
        &mut self,
        start: Start,
        actions: &[String],
        each: impl FnMut(usize, &Seen),
    ) -> (Vec<super::Exchange>, Option<Reason>) {
        self.desk.card.begin();
        if let Err(reason) = self.reach(start) {
            return (Vec::new(), Some(reason));
        }
        self.desk.record = super::record::Record::default();
        let stopped = self.each(actions, each).err();
        (self.desk.record.take(), stopped)
    }

    fn each(
        &mut self,
        actions: &[String],
        mut each: impl FnMut(usize, &Seen),
    ) -> Result<(), Reason> {
        for (index, action) in actions.iter().enumerate() {
            let seen = step(&mut self.desk, index, action)?;
            // What never came is no answer.
            if let Some(trouble) = self.desk.card.trouble() {
                return Err(Reason::Trouble(trouble));
            }
            each(index, &seen);
        }
        Ok(())
    }
}

/// What a result says about a card that is no CIE: what every card owes to a
/// standard it may fulfil, and it is not blamed for the rest.
fn of_no_cie(result: Result<bool, Reason>, row: &Row, why: &str) -> Result<bool, Reason> {
    match result {
        Ok(true) if matches!(row.ground, Ground::Standard(_)) => Ok(true),
        Ok(true) | Err(Reason::Answer { .. } | Reason::Leeway { .. } | Reason::Start { .. }) => {
            Err(Reason::NoCie(why.to_owned()))
        }
        other => other,
    }
}

/// Executes a step without judging it.
pub(super) fn step<D: CardDoor>(
    desk: &mut Desk<D>,
    index: usize,
    action: &str,
) -> Result<Seen, Reason> {
    desk.record.step(index + 1);
    let (seen, _) = desk.execute(action)?;
    if let Some(refusal) = desk.guard.refusal() {
        return Err(Reason::Refused(refusal));
    }
    desk.remember(&seen);
    Ok(seen)
}

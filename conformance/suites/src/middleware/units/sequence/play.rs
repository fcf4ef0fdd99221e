// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plays a sequence and writes down, step by step, what was typed, what the
//! module said, what it sent to the card, and what the card was like before and
//! after: its own counters are the truth.

use super::deed::{Deed, New, Sequence, Step, Typed};
use crate::middleware::door::{Laid, locked};
use crate::middleware::finding::{Finding, Found};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, is_signature, no_token, token_slot};
use cie_card::ResponseHook;
use cie_driver::{Answer, Request, Token};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const VERIFY: u8 = 0x20;
const CHANGE_REFERENCE_DATA: u8 = 0x24;
const RESET_RETRY_COUNTER: u8 = 0x2C;

/// A command with a code, as the card got it in plain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) data: Vec<u8>,
    /// The card took a try for it.
    pub(super) refused: bool,
}

/// What a card has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) pin_tries: u8,
    pub(super) puk_tries: u8,
    pub(super) pin: String,
}

impl Counters {
    fn of(laid: &Laid) -> Self {
        let seen = laid.snapshot();
        Self {
            pin_tries: seen.pin_tries,
            puk_tries: seen.puk_tries,
            pin: laid.pin(),
        }
    }

    /// No PIN helps any more: it is blocked, or the card is dead.
    pub(super) fn is_blocked(&self) -> bool {
        self.pin_tries == 0 || self.puk_tries == 0
    }
}

/// Who is logged in, by what a process was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Citizen,
    Unblocker,
}

/// One step and all that came of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) deed: Deed,
    pub(super) answer: Answer,
    pub(super) before: Counters,
    pub(super) after: Counters,
    /// The codes that were given, as the card has them.
    pub(super) given: Vec<String>,
    /// The new PIN that was asked for.
    pub(super) new: String,
    pub(super) sent: Vec<Sent>,
    /// The token of the process after the step, unless another process may
    /// have changed the counters since it looked.
    pub(super) token: Option<Token>,
    /// Who was logged in in this process before.
    pub(super) role: Option<Role>,
    /// The process has been logged in since it began, whatever came then.
    pub(super) ever: bool,
    /// Nothing has happened since that login that may have ended it.
    pub(super) undisturbed: bool,
    /// The signature, if one was given, is the citizen's.
    pub(super) signature: Found,
}

impl Seen {
    pub(super) fn is_done(&self) -> bool {
        matches!(self.answer, Answer::Done | Answer::Bytes(_))
    }

    /// The card has refused a code in this step.
    pub(super) fn refused(&self) -> bool {
        self.sent.iter().any(|sent| sent.refused)
    }
}

/// A process with a session.
struct Process {
    session: Session,
    role: Option<Role>,
    ever: bool,
    undisturbed: bool,
    /// What it says about the counters is of now.
    knows: bool,
    /// The card was out since.
    stale: bool,
}

impl Process {
    fn of(session: Session) -> Self {
        Self {
            session,
            role: None,
            ever: false,
            undisturbed: true,
            knows: true,
            stale: false,
        }
    }

    fn out(&mut self) {
        self.role = None;
        self.undisturbed = true;
    }
}

/// What a step is judged by.
pub(super) type Judge<'a> = &'a mut dyn FnMut(&Seen) -> Found;

struct Scene<'a> {
    stage: &'a Stage<'a>,
    citizen: &'a Citizen,
    hand: Duration,
    laid: Laid,
    sent: Arc<Mutex<Vec<Sent>>>,
    first: Process,
    second: Option<Process>,
}

/// Plays a sequence with a card that comes with its tries, in new processes.
/// So long a card stays out that is put back in.
pub(super) fn play(
    stage: &Stage<'_>,
    citizen: &Citizen,
    sequence: &Sequence,
    hand: Duration,
    judge: Judge<'_>,
) -> Found {
    stage.clear();
    locked(&stage.log).clear();
    let mut card = citizen.clone();
    card.image.state.pin_tries = sequence.pin_tries;
    card.image.state.puk_tries = sequence.puk_tries;
    let sent = Arc::<Mutex<Vec<Sent>>>::default();
    let laid = Laid::hooked(&card, &stage.log, Some(listening(&sent)))?;
    stage.lay(&laid)?;
    let mut scene = Scene {
        stage,
        citizen,
        hand,
        laid,
        sent,
        first: Process::of(stage.session()?),
        second: None,
    };
    let played = (1..).zip(&sequence.steps).try_for_each(|(number, step)| {
        let seen = scene.step(*step).map_err(|f| f.at(place(number, step)))?;
        judge(&seen).map_err(|f| f.at(format!("{}, {}", place(number, step), seen.answer)))
    });
    // The processes end, and may crash at it.
    drop(scene);
    let late = std::mem::take(&mut *locked(&stage.late));
    played.and_then(|()| late.first().map_or(Ok(()), |l| Err(Finding::of_late(l))))
}

fn place(number: u32, step: &Step) -> String {
    format!("step {number}, {step}")
}

/// Writes down the commands with codes.
fn listening(sent: &Arc<Mutex<Vec<Sent>>>) -> ResponseHook {
    let sent = Arc::clone(sent);
    Arc::new(move |command, answer| {
        let codes = [VERIFY, CHANGE_REFERENCE_DATA, RESET_RETRY_COUNTER];
        // VERIFY without data asks for the status.
        if codes.contains(&command.ins) && !command.data.is_empty() {
            locked(&sent).push(Sent {
                data: command.data.clone(),
                refused: answer.sw.0 & 0xFFF0 == 0x63C0,
            });
        }
        answer
    })
}

impl Scene<'_> {
    fn step(&mut self, step: Step) -> Found<Seen> {
        if step.second && self.second.is_none() {
            self.second = Some(Process::of(self.stage.session()?));
        }
        let (stage, citizen, laid) = (self.stage, self.citizen, self.laid.clone());
        let (process, other) = match &mut self.second {
            Some(second) if step.second => (second, Some(&mut self.first)),
            second => (&mut self.first, second.as_mut()),
        };
        if std::mem::take(&mut process.stale) && step.deed != Deed::OutAndIn {
            let session = &mut process.session;
            session.slot = token_slot(&mut session.driver)?;
            session.ask(&Request::Open(session.slot))?;
        }
        let before = Counters::of(&laid);
        locked(&self.sent).clear();
        let cast = Cast {
            stage,
            citizen,
            hand: self.hand,
            before: &before,
        };
        let Done { answer, given, new } = cast.act(&mut process.session, &laid, step.deed)?;
        let (role, ever, undisturbed) = (process.role, process.ever, process.undisturbed);
        let signature = match &answer {
            Answer::Bytes(signature) => is_signature(citizen, signature),
            _ => Ok(()),
        };
        let after = Counters::of(&laid);
        let sent = std::mem::take(&mut *locked(&self.sent));
        process.learn(step.deed, &answer);
        let as_before = (before.pin_tries, before.puk_tries) == (after.pin_tries, after.puk_tries);
        process.knows = knows(process.knows, step.deed, !sent.is_empty(), as_before);
        if let Some(other) = other {
            // A key agreement here ends the session there.
            other.undisturbed = false;
            other.knows &= as_before;
            if step.deed == Deed::OutAndIn {
                other.out();
                other.stale = true;
                other.knows = false;
            }
        }
        let token = match process.knows {
            true => Some(process.session.token()?),
            false => None,
        };
        Ok(Seen {
            deed: step.deed,
            answer,
            before,
            after,
            given,
            new,
            sent,
            token,
            role,
            ever,
            undisturbed,
            signature,
        })
    }
}

/// Whether what a process says about the counters is of now after this deed of
/// its own: it had to do with the card then, or nothing has changed since.
fn knows(before: bool, deed: Deed, sent: bool, as_before: bool) -> bool {
    if deed.is_apart() {
        return before && as_before;
    }
    before || sent || deed == Deed::OutAndIn
}

impl Process {
    /// What the process was told about its login.
    fn learn(&mut self, deed: Deed, answer: &Answer) {
        let done = *answer == Answer::Done;
        match deed {
            Deed::Login(_) | Deed::Puk(_) if done => {
                self.role = Some(match deed {
                    Deed::Puk(_) => Role::Unblocker,
                    _ => Role::Citizen,
                });
                self.ever = true;
                self.undisturbed = true;
            }
            Deed::Logout if done => self.out(),
            // The last session of the process ends, and with it the login.
            Deed::NewSession | Deed::OutAndIn => self.out(),
            Deed::Sign | Deed::Logout => {}
            // Whatever came of it, a card may have forgotten its login.
            _ => self.undisturbed = false,
        }
    }
}

struct Done {
    answer: Answer,
    given: Vec<String>,
    new: String,
}

/// Those who take part in a step.
struct Cast<'a> {
    stage: &'a Stage<'a>,
    citizen: &'a Citizen,
    hand: Duration,
    before: &'a Counters,
}

impl Cast<'_> {
    /// The PIN of the card as somebody types it, as a whole.
    fn pin(&self, typed: Typed) -> String {
        spoilt(typed, &self.before.pin, self.citizen.wrong_pin())
    }

    fn puk(&self, typed: Typed) -> String {
        spoilt(typed, &self.citizen.puk, self.citizen.wrong_puk())
    }

    /// A new PIN. The good one is the other one of two.
    fn wanted(&self, new: New) -> String {
        let other = if self.before.pin == self.citizen.pin {
            self.citizen.another_pin()
        } else {
            self.citizen.pin.clone()
        };
        let typed = match new {
            New::Good => Typed::Right,
            New::Short => Typed::Short,
            New::Long => Typed::Long,
            New::Letters => Typed::Letters,
        };
        spoilt(typed, &other, String::new())
    }

    fn act(&self, session: &mut Session, laid: &Laid, deed: Deed) -> Found<Done> {
        let stage = self.stage;
        let mut given = Vec::new();
        let mut new = String::new();
        let answer = match deed {
            Deed::Login(typed) => {
                let pin = self.pin(typed);
                given.push(pin.clone());
                session.login(&stage.typed(&pin))?
            }
            Deed::Logout => session.ask(&Request::Logout)?,
            Deed::Sign => session.sign_usual()?,
            Deed::NewSession => session.ask(&Request::Open(session.slot))?,
            Deed::OutAndIn => {
                stage.take_out()?;
                no_token(&mut session.driver)?;
                std::thread::sleep(self.hand);
                stage.lay(laid)?;
                session.slot = token_slot(&mut session.driver)?;
                session.ask(&Request::Open(session.slot))?
            }
            Deed::Change(typed, wanted) => {
                let old = self.pin(typed);
                new = self.wanted(wanted);
                given.extend([old.clone(), new.clone()]);
                session.ask(&Request::SetPin {
                    old: stage.typed(&old),
                    new: stage.typed(&new),
                })?
            }
            Deed::Puk(typed) => {
                let puk = self.puk(typed);
                given.push(puk.clone());
                session.login_puk(&puk)?
            }
            Deed::NewPinByPuk(wanted) => {
                new = self.wanted(wanted);
                given.push(new.clone());
                session.ask(&Request::InitPin(stage.typed(&new)))?
            }
            Deed::ChangeByFunction(typed, wanted) => {
                let old = self.pin(typed);
                new = self.wanted(wanted);
                given.extend([old.clone(), new.clone()]);
                let new = new.clone();
                stage.once(&Request::ChangePin { old, new })?
            }
            Deed::UnblockByFunction(typed, wanted) => {
                let puk = self.puk(typed);
                new = self.wanted(wanted);
                given.extend([puk.clone(), new.clone()]);
                let new = new.clone();
                stage.once(&Request::Unblock { puk, new })?
            }
        };
        Ok(Done { answer, given, new })
    }
}

/// The right code, the wrong one, or what cannot be one. What is typed of a
/// code can be its second half, so the end is spoilt.
fn spoilt(typed: Typed, right: &str, wrong: String) -> String {
    let mut code = right.to_owned();
    match typed {
        Typed::Right => {}
        Typed::Wrong => code = wrong,
        Typed::Short => {
            code.pop();
        }
        Typed::Long => code.push('0'),
        Typed::Letters => {
            code.pop();
            code.push('x');
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_did_to_the_counters_is_not_known() {
        let apart = Deed::ChangeByFunction(Typed::Right, New::Good);
        assert!(!knows(true, apart, true, false));
        assert!(knows(true, apart, true, true) && !knows(false, apart, true, true));
        let own = Deed::Change(Typed::Right, New::Good);
        assert!(knows(false, own, true, false) && !knows(false, own, false, true));
        assert!(knows(false, Deed::OutAndIn, false, true));
    }
}

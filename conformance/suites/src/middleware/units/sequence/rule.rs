// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has to hold after every step of every sequence. A rule looks at one
//! step alone; the [`Book`] is the model that goes along with a whole sequence.

use super::deed::{Deed, New, Sequence, Typed};
use super::play::{Counters, Role, Seen};
use crate::middleware::finding::{Finding, Found, holds};

const PIN_TRIES: u8 = 3;
const PUK_TRIES: u8 = 10;

/// A fault, in words.
fn fault(words: &str) -> Found {
    Err(Finding::Fault(words.to_owned()))
}

/// What was typed for the code that the card compares, if any was.
fn typed(deed: Deed) -> Option<Typed> {
    match deed {
        Deed::Login(code)
        | Deed::Puk(code)
        | Deed::Change(code, _)
        | Deed::ChangeByFunction(code, _)
        | Deed::UnblockByFunction(code, _) => Some(code),
        _ => None,
    }
}

/// The new PIN that was asked for, if one was.
fn wanted(deed: Deed) -> Option<New> {
    match deed {
        Deed::Change(_, new)
        | Deed::NewPinByPuk(new)
        | Deed::ChangeByFunction(_, new)
        | Deed::UnblockByFunction(_, new) => Some(new),
        _ => None,
    }
}

/// The code that is compared is the PUK.
fn by_puk(deed: Deed) -> bool {
    matches!(deed, Deed::Puk(_) | Deed::UnblockByFunction(..))
}

/// Tries go one at a time, and only for a wrong code that was typed now.
pub(super) fn tries_are_not_lost(seen: &Seen) -> Found {
    let (before, after) = (&seen.before, &seen.after);
    let wrong = typed(seen.deed).is_some_and(|code| code != Typed::Right);
    for (name, lost, concerned) in [
        (
            "PIN",
            before.pin_tries.saturating_sub(after.pin_tries),
            !by_puk(seen.deed),
        ),
        (
            "PUK",
            before.puk_tries.saturating_sub(after.puk_tries),
            by_puk(seen.deed),
        ),
    ] {
        let allowed = u8::from(wrong && concerned);
        holds(
            lost <= allowed,
            format!("{lost} {name} tries are lost, and {allowed} wrong {name} was typed"),
        )?;
    }
    Ok(())
}

/// A code goes to the card when somebody types it, once.
pub(super) fn codes_are_sent_once(seen: &Seen) -> Found {
    for sent in &seen.sent {
        holds(
            made_of(&sent.data, &seen.given),
            "a code goes to the card that nobody has typed for this",
        )?;
    }
    let refused = seen.sent.iter().filter(|sent| sent.refused).count();
    holds(
        refused <= 1,
        format!("a code that the card refuses goes to it {refused} times"),
    )
}

/// The bytes are codes of these, one behind the other, filled up with FF.
fn made_of(data: &[u8], given: &[String]) -> bool {
    let data = match data.iter().position(|byte| *byte == 0xFF) {
        Some(end) => data.get(..end).unwrap_or_default(),
        None => data,
    };
    data.is_empty()
        || given.iter().filter(|code| !code.is_empty()).any(|code| {
            match data.strip_prefix(code.as_bytes()) {
                Some(rest) => made_of(rest, given),
                None => false,
            }
        })
}

/// What cannot be a code is refused before it costs anything.
pub(super) fn malformed_is_spared(seen: &Seen) -> Found {
    let cannot = typed(seen.deed).is_some_and(|code| !code.can_be())
        || wanted(seen.deed).is_some_and(|new| new != New::Good);
    holds(
        !(cannot && seen.is_done()),
        "what cannot be a code is taken",
    )?;
    holds(
        !cannot || !seen.refused(),
        "what cannot be a code costs a try",
    )
}

/// Success needs the right code and a try that is left.
pub(super) fn success_needs_the_right_code(seen: &Seen) -> Found {
    if !seen.is_done() {
        return Ok(());
    }
    if typed(seen.deed).is_some_and(|code| code != Typed::Right) {
        return fault("success with a code that is not the card's");
    }
    match seen.deed {
        Deed::Login(_) | Deed::Change(..) | Deed::ChangeByFunction(..) => {
            holds(!seen.before.is_blocked(), "success with a blocked PIN")
        }
        Deed::Puk(_) | Deed::UnblockByFunction(..) => {
            holds(seen.before.puk_tries > 0, "success with a blocked PUK")
        }
        Deed::NewPinByPuk(_) => holds(
            seen.role == Some(Role::Unblocker),
            "a new PIN, and nobody is logged in with the PUK",
        ),
        _ => Ok(()),
    }
}

/// The PIN on the card is another one when that is told, and else the same.
pub(super) fn the_pin_changes_when_it_is_told(seen: &Seen) -> Found {
    match wanted(seen.deed) {
        Some(New::Good) if seen.is_done() => holds(
            seen.after.pin == seen.new,
            "success, and the card does not have the new PIN",
        ),
        Some(_) if seen.is_done() => fault("success with a new PIN that no card can have"),
        _ => holds(
            seen.after.pin == seen.before.pin,
            "the PIN of the card has changed",
        ),
    }
}

/// Counters go up by a right code of now alone.
pub(super) fn counters_rise_by_right_codes(seen: &Seen) -> Found {
    let (before, after) = (&seen.before, &seen.after);
    let right = typed(seen.deed) == Some(Typed::Right);
    let pin = right && !matches!(seen.deed, Deed::Puk(_))
        || matches!(seen.deed, Deed::NewPinByPuk(_)) && seen.is_done();
    holds(
        after.pin_tries <= before.pin_tries || pin,
        "PIN tries come back, and the right PIN was not typed",
    )?;
    let puk = right && by_puk(seen.deed);
    holds(
        after.puk_tries <= before.puk_tries || puk,
        "PUK tries come back, and the right PUK was not typed",
    )
}

/// No flag of the token says what is not so.
pub(super) fn no_flag_lies(seen: &Seen) -> Found {
    let Some(token) = &seen.token else {
        return Ok(());
    };
    let (tries, after) = (seen.after.pin_tries, &seen.after);
    for (is_set, may_be, name) in [
        (
            token.pin_low,
            tries < PIN_TRIES || after.is_blocked(),
            "COUNT_LOW",
        ),
        (
            token.pin_final,
            tries <= 1 || after.is_blocked(),
            "FINAL_TRY",
        ),
        (token.pin_locked, after.is_blocked(), "LOCKED"),
    ] {
        holds(
            !is_set || may_be,
            format!("CKF_USER_PIN_{name} is set, and {} are left", left(after)),
        )?;
    }
    Ok(())
}

/// The flags of the token say that tries are missing.
pub(super) fn flags_tell(seen: &Seen) -> Found {
    let Some(token) = &seen.token else {
        return Ok(());
    };
    let after = &seen.after;
    let (missing, name) = match after.pin_tries {
        _ if after.is_blocked() => (!token.pin_locked, "LOCKED"),
        1 => (!token.pin_final, "FINAL_TRY"),
        tries if tries < PIN_TRIES => (!token.pin_low, "COUNT_LOW"),
        _ => (false, ""),
    };
    holds(
        !missing,
        format!(
            "{} are left, and CKF_USER_PIN_{name} is not set",
            left(after)
        ),
    )
}

fn left(counters: &Counters) -> String {
    let Counters {
        pin_tries,
        puk_tries,
        ..
    } = counters;
    format!("{pin_tries} PIN and {puk_tries} PUK tries")
}

/// A signature is the citizen's own, and there is a login for it.
pub(super) fn signatures_need_a_login(seen: &Seen) -> Found {
    seen.signature.clone()?;
    holds(
        seen.deed != Deed::Sign || !seen.is_done() || seen.role == Some(Role::Citizen),
        "a signature, and nobody is logged in with the PIN",
    )
}

/// The right code does what it is for.
pub(super) fn right_codes_work(seen: &Seen) -> Found {
    let again = seen.answer.is("CKR_USER_ALREADY_LOGGED_IN")
        || seen.answer.is("CKR_USER_ANOTHER_ALREADY_LOGGED_IN");
    let due = match seen.deed {
        // A process that was logged in may have to log out first.
        Deed::Login(_) | Deed::Puk(_) if again && seen.ever => false,
        Deed::Login(Typed::Right) => !seen.before.is_blocked(),
        Deed::Puk(Typed::Right) => seen.before.puk_tries > 0,
        Deed::Change(Typed::Right, New::Good) => {
            !seen.before.is_blocked() && seen.role != Some(Role::Unblocker)
        }
        Deed::ChangeByFunction(Typed::Right, New::Good) => !seen.before.is_blocked(),
        Deed::UnblockByFunction(Typed::Right, New::Good) => seen.before.puk_tries > 0,
        Deed::Sign => seen.role == Some(Role::Citizen) && seen.undisturbed,
        Deed::NewPinByPuk(New::Good) => seen.role == Some(Role::Unblocker) && seen.undisturbed,
        _ => false,
    };
    holds(!due || seen.is_done(), "it is due, and refused")
}

/// A wrong code is called wrong, a blocked one blocked, and nothing else is.
pub(super) fn refusals_are_true(seen: &Seen) -> Found {
    let (incorrect, locked) = (
        seen.answer.is("CKR_PIN_INCORRECT"),
        seen.answer.is("CKR_PIN_LOCKED"),
    );
    let Some(code) = typed(seen.deed) else {
        return holds(
            !incorrect && !locked,
            "no code was typed, and one is called wrong or blocked",
        );
    };
    let blocked = |counters: &Counters| match by_puk(seen.deed) {
        true => counters.puk_tries == 0,
        false => counters.is_blocked(),
    };
    holds(
        !incorrect || code != Typed::Right,
        "the right code is called wrong",
    )?;
    holds(
        !locked || blocked(&seen.after),
        "a code is called blocked that is not",
    )?;
    holds(
        !seen.refused() || incorrect || locked,
        "the card refuses the code, and it is not called wrong",
    )?;
    holds(
        !(blocked(&seen.before) && incorrect && code.can_be()),
        "a blocked code is called wrong",
    )
}

/// What a card knows of codes, written from the card facts (section 5) and
/// kept from what was typed and what the module said.
#[derive(Clone, Debug)]
pub(super) struct Book {
    pin: String,
    pin_tries: u8,
    puk_tries: u8,
}

impl Book {
    /// Of a card with this PIN and the tries of the sequence.
    pub(super) fn of(pin: &str, sequence: &Sequence) -> Self {
        Self {
            pin: pin.to_owned(),
            pin_tries: sequence.pin_tries,
            puk_tries: sequence.puk_tries,
        }
    }

    /// Goes along with a step and compares.
    pub(super) fn follows(&mut self, seen: &Seen) -> Found {
        let blocked = self.pin_tries == 0 || self.puk_tries == 0;
        let wrong = typed(seen.deed) == Some(Typed::Wrong);
        // The wrong code that blocks may be called blocked already.
        let one = u8::from(
            wrong
                && (seen.answer.is("CKR_PIN_INCORRECT")
                    || seen.answer.is("CKR_PIN_LOCKED") && seen.refused()),
        );
        match seen.deed {
            Deed::Login(Typed::Right) if seen.is_done() => self.pin_tries = PIN_TRIES,
            Deed::Change(..) | Deed::ChangeByFunction(..) if seen.is_done() => {
                self.pin_tries = PIN_TRIES;
                self.pin.clone_from(&seen.new);
            }
            Deed::Puk(Typed::Right) if seen.is_done() => self.puk_tries = PUK_TRIES,
            Deed::NewPinByPuk(_) if seen.is_done() => {
                self.pin_tries = PIN_TRIES;
                self.pin.clone_from(&seen.new);
            }
            Deed::UnblockByFunction(..) if seen.is_done() => {
                self.pin_tries = PIN_TRIES;
                self.puk_tries = PUK_TRIES;
                self.pin.clone_from(&seen.new);
            }
            Deed::Puk(_) | Deed::UnblockByFunction(..) => {
                self.puk_tries = self.puk_tries.saturating_sub(one);
            }
            _ => self.pin_tries = self.pin_tries.saturating_sub(one),
        }
        // Refused for a reason of its own: the right code may have been given
        // to the card before.
        if typed(seen.deed) == Some(Typed::Right) && !seen.is_done() && !seen.sent.is_empty() {
            if !by_puk(seen.deed) && !blocked && seen.after.pin_tries == PIN_TRIES {
                self.pin_tries = PIN_TRIES;
            }
            if by_puk(seen.deed) && self.puk_tries > 0 && seen.after.puk_tries == PUK_TRIES {
                self.puk_tries = PUK_TRIES;
            }
        }
        let model = Counters {
            pin_tries: self.pin_tries,
            puk_tries: self.puk_tries,
            pin: self.pin.clone(),
        };
        holds(
            left(&seen.after) == left(&model),
            format!(
                "the card has {} left, the model {}",
                left(&seen.after),
                left(&model)
            ),
        )?;
        holds(
            seen.after.pin == self.pin,
            "the card has another PIN than the model",
        )
    }
}

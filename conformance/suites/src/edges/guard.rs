// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands between the bench and a card: every command passes it before it
//! is sealed. A card of this project, made for the test, may suffer anything;
//! any other card is protected, whatever a row says.
//!
//! # What a protected card never gets
//! - anything that concerns the PUK or another reference than the PIN;
//! - RESET RETRY COUNTER, and instructions that are not in [`HARMLESS`]: what
//!   they do on a card of somebody else nobody knows;
//! - a code, unless [`Allow`] says so; a wrong one, unless it says that, too;
//!   and none at all when fewer than two tries could be left afterwards. Every
//!   code counts as wrong until the card has accepted that very code in this
//!   run.
//!
//! The counter is read before each row (GET DATA, free), counted down by the
//! worst that each code could do, and read again where that makes a difference.

use iso7816_wire::CommandApdu;
use iso7816_wire::apdu::CLA_CHAINING;
use std::fmt;

/// Instructions that read, select, choose a key or authenticate: SELECT, READ
/// BINARY (both), READ RECORD, GET RESPONSE, GET DATA (both), GET CHALLENGE,
/// MANAGE SECURITY ENVIRONMENT (see [`chooses`]), PERFORM SECURITY OPERATION,
/// EXTERNAL and INTERNAL AUTHENTICATE.
pub const HARMLESS: [u8; 12] = [
    0xA4, 0xB0, 0xB1, 0xB2, 0xC0, 0xCA, 0xCB, 0x84, 0x22, 0x2A, 0x82, 0x88,
];
const VERIFY: u8 = 0x20;
const CHANGE: u8 = 0x24;
const RESET_RETRY: u8 = 0x2C;
const GET_CHALLENGE: u8 = 0x84;
const PIN: u8 = 0x81;
/// The fewest PIN tries that a protected card is left with.
pub const TRIES_KEPT: u8 = 2;

/// True if MANAGE SECURITY ENVIRONMENT with this P1 sets or restores, and does
/// not store or erase.
#[must_use]
pub fn chooses(p1: u8) -> bool {
    p1 & 0x0F == 1 || p1 == 0xF3
}

/// What the user permits on a card that is not this project's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// The PIN may be sent.
    pub codes: bool,
    /// A wrong PIN may be sent.
    pub tries: bool,
    /// The PIN may be changed.
    pub writes: bool,
}

/// Why a command was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In words.
    pub why: String,
    /// True if it would not be sent in any state of the card.
    pub ever: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this card is protected: {}", self.why)
    }
}

/// What is inside the bytes that are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inside<'a> {
    /// They are in plain.
    Nothing,
    /// This command, in secure messaging.
    Command(&'a CommandApdu),
    /// Something that is wrong on purpose.
    Unknown,
}

#[derive(Clone, Debug)]
enum Policy {
    Ours,
    Protected(Allow),
}

/// The guard of one card.
#[derive(Clone)]
pub(super) struct Guard {
    policy: Policy,
    /// The PIN that the card has, as far as can be told.
    pin: Option<Vec<u8>>,
    /// The card accepted it.
    proven: bool,
    /// The fewest tries that can be left.
    tries: Option<u8>,
    /// A chain or a challenge is under way, which a question would end.
    open: bool,
    /// The last command was a piece of a chain: the next one's data are not
    /// all of it.
    chained: bool,
    refusal: Option<Refusal>,
}

impl Guard {
    /// Of a card that may suffer anything.
    pub(super) fn of_ours() -> Self {
        Self {
            policy: Policy::Ours,
            pin: None,
            proven: false,
            tries: None,
            open: false,
            chained: false,
            refusal: None,
        }
    }

    pub(super) fn protecting(allow: Allow) -> Self {
        Self {
            policy: Policy::Protected(allow),
            ..Self::of_ours()
        }
    }

    pub(super) fn protects(&self) -> bool {
        matches!(self.policy, Policy::Protected(_))
    }

    /// The PIN that the card has now; `None` if nobody can tell.
    pub(super) fn pin(&self) -> Option<&[u8]> {
        self.pin.as_deref()
    }

    /// Tells the PIN.
    pub(super) fn pin_is(&mut self, pin: &[u8]) {
        self.pin = (!pin.is_empty()).then(|| pin.to_vec());
        self.proven = false;
    }

    /// The card was asked, and so many tries are left.
    pub(super) fn tries_left(&mut self, left: u8) {
        self.tries = Some(left);
    }

    /// Nothing is known of the counter any more, nothing is under way.
    pub(super) fn begin(&mut self) {
        self.tries = None;
        self.open = false;
        self.chained = false;
        self.refusal = None;
    }

    /// Why the last command was not sent. Once.
    pub(super) fn refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// True if the command would pass if only more tries were left for sure,
    /// and the card can be asked.
    pub(super) fn wants_to_ask(&self, outer: &[u8], inside: Inside<'_>) -> bool {
        !self.open && self.judge(outer, inside).is_err_and(|no| !no.ever)
    }

    /// Lets a command pass, and counts what it can cost; or keeps the reason.
    pub(super) fn lets_pass(&mut self, outer: &[u8], inside: Inside<'_>) -> bool {
        match self.judge(outer, inside) {
            Ok(costly) => {
                if costly {
                    self.tries = self.tries.map(|left| left.saturating_sub(1));
                }
                true
            }
            Err(refusal) => {
                self.refusal = Some(refusal);
                false
            }
        }
    }

    /// Whether the command may be sent, and if so, whether it can cost a try.
    fn judge(&self, outer: &[u8], inside: Inside<'_>) -> Result<bool, Refusal> {
        let Policy::Protected(allow) = &self.policy else {
            return Ok(false);
        };
        let never = |why: &str| Refusal {
            why: why.to_owned(),
            ever: true,
        };
        let (Some([_, ins, p1, p2]), data) = parts(outer, inside) else {
            // No card takes these bytes for a command; but for one that does,
            // they must not be one of a code.
            return match outer.get(1) {
                None | Some(0xA4 | 0xB0) => Ok(false),
                Some(_) => Err(never("bytes that are no command are not sent to it")),
            };
        };
        let inner = match inside {
            Inside::Command(command) => [command.ins, command.p1, command.p2],
            Inside::Nothing | Inside::Unknown => [ins, p1, p2],
        };
        if inner != [ins, p1, p2] {
            return Err(never("a command inside another is not sent to it"));
        }
        match ins {
            VERIFY | CHANGE if p2 != PIN => {
                Err(never("a reference that is not the PIN, the PUK above all"))
            }
            VERIFY if p1 == 0 && data.is_some_and(<[u8]>::is_empty) => Ok(false),
            VERIFY | CHANGE if !allow.codes => Err(never("no code is sent to it unless allowed")),
            CHANGE if !allow.writes => Err(never("its PIN is not changed unless allowed")),
            VERIFY | CHANGE => self.judge_code(*allow, ins, outer, data),
            RESET_RETRY => Err(never("RESET RETRY COUNTER is never sent to it")),
            0x22 if !chooses(p1) => Err(never("a security environment might be stored")),
            _ if HARMLESS.contains(&ins) => Ok(false),
            _ => Err(Refusal {
                why: format!("instruction {ins:02X} might write"),
                ever: true,
            }),
        }
    }

    fn judge_code(
        &self,
        allow: Allow,
        ins: u8,
        outer: &[u8],
        data: Option<&[u8]>,
    ) -> Result<bool, Refusal> {
        let right = outer.first().is_some_and(|cla| cla & CLA_CHAINING == 0)
            && !self.chained
            && self.pin.as_deref().zip(data).is_some_and(|(pin, data)| {
                data.starts_with(pin) && data.len() == pin.len() * if ins == CHANGE { 2 } else { 1 }
            });
        if !right && !allow.tries {
            return Err(Refusal {
                why: "no wrong PIN is sent to it unless allowed".to_owned(),
                ever: true,
            });
        }
        let sure = right && self.proven;
        match self.tries {
            None => Err(Refusal {
                why: "its counter of PIN tries could not be read".to_owned(),
                ever: false,
            }),
            Some(left) if left > TRIES_KEPT || (sure && left == TRIES_KEPT) => Ok(!sure),
            Some(left) => Err(Refusal {
                why: format!(
                    "{left} PIN tries may be left, and {TRIES_KEPT} are kept; use the card with \
                     its right PIN once, and its counter is full again"
                ),
                ever: false,
            }),
        }
    }

    /// What the card answered to a command that passed.
    pub(super) fn answered(&mut self, outer: &[u8], inside: Inside<'_>, answer: &[u8]) {
        let (Some([cla, ins, _, p2]), data) = parts(outer, inside) else {
            return;
        };
        let of_chain = self.chained || cla & CLA_CHAINING != 0;
        self.chained = cla & CLA_CHAINING != 0;
        self.open = self.chained || ins == GET_CHALLENGE;
        let free = ins == VERIFY && data.is_some_and(<[u8]>::is_empty);
        if !matches!(ins, VERIFY | CHANGE | RESET_RETRY) || p2 != PIN || free {
            return;
        }
        let data = data.filter(|_| !of_chain);
        let holds_it = self.pin.as_deref().zip(data);
        let holds_it = holds_it.is_some_and(|(pin, data)| data.starts_with(pin));
        if !answer.ends_with(&[0x90, 0x00]) {
            let counted = answer.last_chunk::<2>().is_none_or(|[sw1, sw2]| {
                (*sw1 == 0x63 && sw2 & 0xF0 == 0xC0) || [*sw1, *sw2] == [0x69, 0x83]
            });
            if holds_it && self.proven {
                // It was sent as the right one, which cost nothing.
                self.tries = self.tries.map(|left| left.saturating_sub(1));
                self.proven = !counted;
            }
            return;
        }
        match (ins, data) {
            (VERIFY, Some(data)) => self.proven = self.pin.as_deref() == Some(data),
            // A piece, or all of something unknown: the PIN is what it was.
            (VERIFY, None) => {}
            (CHANGE, _) if self.chained => {}
            (RESET_RETRY, _) if self.chained => {}
            (CHANGE, Some(data)) if data.len() % 2 == 0 => {
                let (_, new) = data.split_at(data.len() / 2);
                self.pin = Some(new.to_vec());
                self.proven = true;
            }
            (RESET_RETRY, Some([])) => {}
            (RESET_RETRY, Some(data)) => {
                self.pin = Some(data.to_vec());
                self.proven = true;
            }
            _ => {
                self.pin = None;
                self.proven = false;
            }
        }
    }
}

/// The header of a command, and its data field in plain; `None` for data that
/// cannot be told.
fn parts<'a>(outer: &'a [u8], inside: Inside<'a>) -> (Option<[u8; 4]>, Option<&'a [u8]>) {
    let header = outer.first_chunk::<4>().copied();
    let data = match inside {
        Inside::Command(command) => Some(command.data.as_slice()),
        Inside::Unknown => None,
        Inside::Nothing => match outer.get(4..) {
            None | Some([] | [_]) => Some(Default::default()),
            Some([lc, data @ ..]) if *lc > 0 && data.len() == usize::from(*lc) => Some(data),
            Some([lc, data @ .., _]) if *lc > 0 && data.len() == usize::from(*lc) => Some(data),
            Some(_) => None,
        },
    };
    (header, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Allow = Allow {
        codes: true,
        tries: true,
        writes: true,
    };

    fn guard(allow: Allow, tries: u8) -> Guard {
        let mut guard = Guard::protecting(allow);
        guard.pin_is(b"12345678");
        guard.tries_left(tries);
        guard
    }

    fn passes(guard: &mut Guard, hex: &str) -> bool {
        guard.lets_pass(&hex::decode(hex).unwrap(), Inside::Nothing)
    }

    const RIGHT: &str = "00200081083132333435363738";
    const WRONG: &str = "00200081083132333435363739";

    #[test]
    fn what_is_never_sent() {
        let mut guard = guard(ALL, 3);
        for never in [
            "0020008208 3132333435363738",
            "00200082",
            "0020000108 3132333435363738",
            "002C0281083132333435363738",
            "002C0381",
            "00240082103132333435363738 3132333435363738",
            "00D6000001 00",
            "00DB3FFF0100",
            "00E0000000",
            "0022F20100",
            "00210081083132333435363738",
            "00262081",
            "0020",
        ] {
            let command = never.replace(' ', "");
            assert!(!passes(&mut guard, &command), "{never}");
            assert!(guard.refusal().unwrap().ever, "{never}");
        }
        for free in ["00A40000", "00200081", "0020008100", "00B081000C", "00", ""] {
            assert!(passes(&mut guard, free), "{free}");
        }
        assert_eq!(guard.tries, Some(3));
    }

    #[test]
    fn codes_need_leave_and_two_tries_stay() {
        assert!(!passes(&mut guard(Allow::default(), 3), RIGHT));
        let codes = Allow {
            codes: true,
            ..Allow::default()
        };
        assert!(passes(&mut guard(codes, 3), RIGHT));
        assert!(!passes(&mut guard(codes, 3), WRONG));
        assert!(!passes(&mut guard(codes, 3), "10200081083132333435363738"));
        for left in 0..3 {
            assert!(!passes(&mut guard(ALL, left), RIGHT), "{left}");
            assert!(!passes(&mut guard(ALL, left), WRONG), "{left}");
        }
        let mut unknown = guard(ALL, 3);
        unknown.begin();
        assert!(!passes(&mut unknown, RIGHT));
        let mut one = guard(ALL, 3);
        assert!(passes(&mut one, WRONG) && !passes(&mut one, WRONG));
        assert!(!one.refusal().unwrap().ever);
    }

    #[test]
    fn the_right_one_serves_at_two_left_once_it_was_accepted() {
        let right = hex::decode(RIGHT).unwrap();
        let mut guard = guard(ALL, 3);
        assert!(passes(&mut guard, RIGHT));
        guard.answered(&right, Inside::Nothing, &[0x90, 0x00]);
        assert_eq!(guard.tries, Some(2));
        assert!(passes(&mut guard, RIGHT), "proven");
        guard.answered(&right, Inside::Nothing, &[0x63, 0xC1]);
        assert!(!passes(&mut guard, RIGHT), "no longer");
    }
}

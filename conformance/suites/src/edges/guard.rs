// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands between the bench and a card: every command passes it before it
//! is sealed. A card of this project, made for the test, may suffer anything;
//! any other card is protected, whatever a row says.
//!
//! # What a protected card never gets
//! - anything that concerns the PUK or another reference than the PIN;
//! - RESET RETRY COUNTER, and instructions that are not in [`HARMLESS`]: what
//!   they do on a card of somebody else nobody knows;
//! - a wrong proof of device authentication, unless [`Allow`] says so;
//! - a code, unless [`Allow`] says so; a wrong one, unless it says that, too;
//!   and none at all, not even the right one, when only two tries are left: a
//!   card counts down before it compares, and whatever takes its power then
//!   leaves it with one. Only [`Allow::refill`] lets the right PIN pass there.
//! - a change of the PIN after which nobody could tell which one it has.
//!
//! Every code counts as wrong until the card has accepted that very code in
//! this run. The counter is read before each row (GET DATA, free), counted down
//! by the worst that each code could do, and read again where that makes a
//! difference.
//!
//! A change that was not answered leaves two PINs of which one is in force. Then
//! no code is sent but the change back, which finds out: if it is taken, it is
//! done, and if it is refused for the PIN, the old PIN was never changed.

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
const EXTERNAL_AUTHENTICATE: u8 = 0x82;
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
    /// The PIN may be changed. If the answer to a change is lost, a try may be
    /// spent to find out whether it was carried out.
    pub writes: bool,
    /// The right PIN may be sent with two tries left, to give one back. While
    /// the card compares, one is left.
    pub refill: bool,
    /// Wrong proofs of device authentication may be sent: a card may count
    /// them, and how many it takes nobody knows.
    pub proofs: bool,
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
    /// The one that it has if a change was carried out that it did not answer.
    other: Option<Vec<u8>>,
    /// The PIN that was told.
    issued: Option<Vec<u8>>,
    /// The card accepted it, or one of the two.
    proven: bool,
    /// What is sent now brings the card back.
    mending: bool,
    /// The next EXTERNAL AUTHENTICATE has a proof that the card accepts.
    good_proof: bool,
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
            other: None,
            issued: None,
            proven: false,
            mending: false,
            good_proof: false,
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

    /// The PIN that the card has if a change was carried out that it did not
    /// answer.
    pub(super) fn other_pin(&self) -> Option<&[u8]> {
        self.other.as_deref()
    }

    /// True unless the card has the PIN that was told.
    pub(super) fn owes(&self) -> bool {
        self.other.is_some() || self.pin != self.issued
    }

    /// What is sent from now on brings the card back, or no longer does.
    pub(super) fn mends(&mut self, mending: bool) {
        self.mending = mending;
    }

    /// True if more than the tries that are kept are left, as the card said.
    pub(super) fn has_tries(&self) -> bool {
        self.tries.is_some_and(|left| left > TRIES_KEPT)
    }

    /// True if the right PIN, accepted before, may give tries back, and some may
    /// be missing of so many.
    pub(super) fn may_refill(&self, full: u8) -> bool {
        let Policy::Protected(allow) = &self.policy else {
            return false;
        };
        let missing = self.tries.is_some_and(|left| left < full);
        allow.codes && allow.refill && self.proven && !self.owes() && missing
    }

    /// The next EXTERNAL AUTHENTICATE has a good proof, in its place.
    pub(super) fn proof_is(&mut self, good: bool) {
        self.good_proof = good;
    }

    /// Tells the PIN.
    pub(super) fn pin_is(&mut self, pin: &[u8]) {
        self.pin = (!pin.is_empty()).then(|| pin.to_vec());
        self.issued = self.pin.clone();
        self.other = None;
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
            VERIFY | CHANGE => self.judge_code(*allow, ins, p1, outer, data),
            EXTERNAL_AUTHENTICATE if !self.good_proof && !allow.proofs => Err(never(
                "a card may count wrong proofs of device authentication, and none is sent to it \
                 unless allowed (--allow proofs)",
            )),
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
        p1: u8,
        outer: &[u8],
        data: Option<&[u8]>,
    ) -> Result<bool, Refusal> {
        let refused = |why: &str, ever| {
            Err(Refusal {
                why: why.to_owned(),
                ever,
            })
        };
        let whole = !self.chained && outer.first().is_some_and(|cla| cla & CLA_CHAINING == 0);
        let code = match ins {
            CHANGE => self.change(data).map(|(code, _)| code),
            _ => data,
        };
        let code = code.filter(|_| whole);
        let is = |pin: &Option<Vec<u8>>| pin.is_some() && pin.as_deref() == code;
        if ins == CHANGE && (p1 != 0 || code.is_none()) {
            return refused(
                "a change of the PIN after which nobody could tell which one it has",
                true,
            );
        }
        if self.other.is_some() && !self.mending {
            return refused(
                "it did not answer when its PIN was to be changed, and nobody can tell which one \
                 it has",
                false,
            );
        }
        let right = is(&self.pin) || is(&self.other);
        if !right && !allow.tries {
            return refused("no wrong PIN is sent to it unless allowed", true);
        }
        if !right && self.owes() && !allow.refill {
            return refused(
                "no wrong PIN is sent to it while it has another PIN than its own: with two tries \
                 left that could not be changed back (--allow refill)",
                true,
            );
        }
        if ins == CHANGE && !self.proven {
            return refused(
                "its PIN is changed only after it has accepted the PIN in this run",
                false,
            );
        }
        let sure = right && self.proven && self.other.is_none();
        match self.tries {
            None => refused("its counter of PIN tries could not be read", false),
            Some(left) if left > TRIES_KEPT => Ok(!sure),
            Some(TRIES_KEPT) if sure && ins == VERIFY && allow.refill => Ok(false),
            Some(TRIES_KEPT) if sure && ins == VERIFY => refused(
                "2 PIN tries are left, and while it compares even the right PIN it would have one; \
                 use the card with its right PIN once elsewhere, and its counter is full again, or \
                 permit it with --allow refill",
                false,
            ),
            Some(left) => refused(
                &format!(
                    "{left} PIN tries may be left, and {TRIES_KEPT} are kept; use the card with \
                     its right PIN once, and its counter is full again"
                ),
                false,
            ),
        }
    }

    /// The two halves of the data field of a change; `None` if it cannot be
    /// told what a card would take for the new PIN.
    fn change<'a>(&self, data: Option<&'a [u8]>) -> Option<(&'a [u8], &'a [u8])> {
        let data = data?;
        let of = |pin: &Option<Vec<u8>>| {
            let pin = pin.as_deref()?;
            let new = data.strip_prefix(pin)?;
            (!new.is_empty()).then(|| data.split_at(pin.len()))
        };
        let half = || {
            let length = self.pin.as_ref().map(Vec::len)?;
            (data.len() == 2 * length).then(|| data.split_at(length))
        };
        of(&self.pin).or_else(|| of(&self.other)).or_else(half)
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
        if !answer.ends_with(&[0x90, 0x00]) {
            self.refused(ins, data, answer);
            return;
        }
        match (ins, data) {
            (VERIFY, Some(data)) if self.other.as_deref() == Some(data) => {
                self.pin = self.other.take();
                self.proven = true;
            }
            (VERIFY, Some(data)) => {
                self.proven = self.pin.as_deref() == Some(data);
                self.other = self.other.take().filter(|_| !self.proven);
            }
            // A piece, or all of something unknown: the PIN is what it was.
            (VERIFY, None) => {}
            (CHANGE | RESET_RETRY, _) if self.chained => {}
            (CHANGE, Some(data)) => {
                let new = self.change(Some(data)).map(|(_, new)| new.to_vec());
                self.proven = new.is_some();
                self.pin = new;
                self.other = None;
            }
            (RESET_RETRY, Some([])) => {}
            (RESET_RETRY, Some(data)) => {
                self.pin = Some(data.to_vec());
                self.other = None;
                self.proven = true;
            }
            _ => {
                self.pin = None;
                self.other = None;
                self.proven = false;
            }
        }
    }

    /// A code was not accepted, or nothing came back.
    fn refused(&mut self, ins: u8, data: Option<&[u8]>, answer: &[u8]) {
        let counted = matches!(answer, [.., 0x63, 0xC0..=0xCF] | [.., 0x69, 0x83]);
        // Errors that are found before anything is done, ISO/IEC 7816-4, 5.6.
        let checked = matches!(answer, [.., 0x67..=0x6E, _]);
        let parts = match ins {
            CHANGE => self.change(data),
            _ => data.map(|code| (code, Default::default())),
        };
        let Some((code, new)) = parts else {
            return;
        };
        let is = |pin: &Option<Vec<u8>>| pin.as_deref() == Some(code);
        let (of_pin, of_other) = (is(&self.pin), is(&self.other));
        if matches!(answer, [.., 0x63, 0xC0..=0xCF]) && self.other.is_some() {
            // Of two there is one left.
            match (of_pin, of_other) {
                (true, _) => self.pin = self.other.take(),
                (_, true) => self.other = None,
                _ => {}
            }
            return;
        }
        if of_pin && self.proven {
            // It was sent as the right one, which cost nothing.
            self.tries = self.tries.map(|left| left.saturating_sub(1));
            self.proven = !counted;
        }
        let perhaps = ins == CHANGE && self.protects() && !counted && !checked;
        if perhaps && self.other.is_none() && self.pin.as_deref() != Some(new) {
            self.other = Some(new.to_vec());
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
        refill: false,
        proofs: false,
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
            // Proofs, but the one that is said to be good.
            "0082000008 0000000000000000",
            // After these nobody could tell which PIN it has.
            "00240081083132333435363738",
            "10240081103132333435363738 3837363534333231",
            "00240181103132333435363738 3837363534333231",
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

    const REFILL: Allow = Allow {
        refill: true,
        ..ALL
    };
    const CHANGE_IT: &str = "002400811031323334353637383837363534333231";
    const CHANGE_BACK: &str = "002400811038373635343332313132333435363738";

    /// One that has accepted the PIN.
    fn proven(allow: Allow) -> Guard {
        let mut guard = guard(allow, 3);
        assert!(passes(&mut guard, RIGHT));
        guard.answered(&hex::decode(RIGHT).unwrap(), Inside::Nothing, &[0x90, 0x00]);
        assert_eq!(guard.tries, Some(2));
        guard
    }

    fn answered(guard: &mut Guard, command: &str, answer: &[u8]) {
        guard.answered(&hex::decode(command).unwrap(), Inside::Nothing, answer);
    }

    #[test]
    fn the_right_one_serves_at_two_left_once_it_was_accepted_and_by_leave() {
        let mut refilling = proven(REFILL);
        assert!(passes(&mut refilling, RIGHT), "proven");
        answered(&mut refilling, RIGHT, &[0x63, 0xC1]);
        assert!(!passes(&mut refilling, RIGHT), "no longer");
        let mut kept = proven(ALL);
        assert!(!passes(&mut kept, RIGHT), "one try for a moment");
        kept.tries_left(3);
        assert!(passes(&mut kept, RIGHT));
        assert_eq!(kept.tries, Some(3), "it costs nothing");
    }

    #[test]
    fn a_change_that_was_not_answered_leaves_two_and_the_way_back_decides() {
        for (lost, there) in [
            (&[][..], true),
            (&[0x6F, 0x00], true),
            (&[0x69, 0x82], false),
        ] {
            let mut guard = proven(ALL);
            assert!(!passes(&mut guard, CHANGE_IT), "at two left");
            guard.tries_left(3);
            assert!(passes(&mut guard, CHANGE_IT));
            answered(&mut guard, CHANGE_IT, lost);
            assert_eq!(guard.owes(), there, "{lost:02X?}");
            if !there {
                continue;
            }
            assert_eq!(guard.other_pin(), Some(&b"87654321"[..]));
            for (answer, tries) in [(&[0x90, 0x00], 3), (&[0x63, 0xC2], 2)] {
                let mut guard = guard.clone();
                guard.tries_left(3);
                for code in [RIGHT, WRONG, CHANGE_IT, CHANGE_BACK] {
                    assert!(!passes(&mut guard, code), "{code} of a case");
                }
                guard.mends(true);
                guard.tries_left(2);
                assert!(!passes(&mut guard, CHANGE_BACK), "two are kept");
                guard.tries_left(3);
                assert!(passes(&mut guard, CHANGE_BACK));
                assert_eq!(guard.tries, Some(2), "it may cost one");
                answered(&mut guard, CHANGE_BACK, answer);
                assert!(!guard.owes(), "{answer:02X?}");
                guard.tries_left(tries);
                assert_eq!(guard.pin(), Some(&b"12345678"[..]));
            }
        }
    }

    #[test]
    fn a_changed_pin_is_changed_only_once_it_was_accepted_and_no_try_is_spent_on_it() {
        assert!(!passes(&mut guard(ALL, 3), CHANGE_IT), "not accepted yet");
        for (allow, spends) in [(ALL, false), (REFILL, true)] {
            let mut guard = proven(allow);
            guard.tries_left(3);
            assert!(passes(&mut guard, CHANGE_IT));
            answered(&mut guard, CHANGE_IT, &[0x90, 0x00]);
            assert!(guard.owes());
            guard.tries_left(3);
            assert_eq!(
                passes(&mut guard, RIGHT),
                spends,
                "the old one is a wrong one"
            );
        }
    }
}

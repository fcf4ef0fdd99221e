// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sequences of deeds with codes as stateful properties. The deeds are drawn
//! from the seed; after each, what the module said, the flags of its token and
//! what it sent to the card are held against the card's own counters. A
//! sequence that fails is made as short as it gets.

mod deed;
mod play;
mod rule;

use super::login::FLAGS;
use super::{BY_HAND, ERRORS, Ground, Row, SESSIONS};
use crate::catalogue::Basis;
use crate::draw::{Came, Counterexample, Limits, all_right};
use crate::middleware::door::locked;
use crate::middleware::finding::{Finding, Found};
use crate::middleware::people::Citizen;
use crate::middleware::stage::Stage;
use deed::{Deed, Mix, New, Sequence, Step, Typed};
use play::{Seen, play};
use rule::Book;
use std::time::Duration;

/// A module may keep a code and give it to the card again: PKCS #11 is silent.
const CODES: Ground = Ground(
    Basis::Choice,
    "a code goes to the card when somebody types it, once, and is not kept",
);

/// Each function that takes a right code.
const RIGHT_CODES: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.5 (C_InitPIN, C_SetPIN), section 5.6 (C_Login) and section 5.11 (C_Sign)",
);

const STEPS: &[(&str, &str)] = &[
    (
        "sequences of up to ten deeds or phrases of them, drawn from the seed, with a card that has all tries or few: logins right, wrong and, where that is asked, malformed, logout, change, PUK, unblocking, signatures, a new session, card out and in, a second process",
        "after each deed the requirement holds, by the card's own counters",
    ),
    (
        "a sequence that fails is made shorter",
        "the shortest is told",
    ),
];

const RIGHT: Deed = Deed::Login(Typed::Right);
const WRONG: Deed = Deed::Login(Typed::Wrong);
const RIGHT_PUK: Deed = Deed::Puk(Typed::Right);

const MIX: Mix = Mix {
    malformed: true,
    right: 4,
    changes: 3,
    logouts: 2,
    signatures: 2,
    puks: 2,
    second: true,
    phrases: &[
        &[RIGHT, Deed::Sign],
        &[WRONG, WRONG, RIGHT],
        &[RIGHT_PUK, Deed::NewPinByPuk(New::Good), RIGHT],
        &[WRONG, Deed::Change(Typed::Right, New::Good)],
    ],
};

const WELL_FORMED: Mix = Mix {
    malformed: false,
    ..MIX
};

/// The same code again and again, right and wrong.
const AGAIN: Mix = Mix {
    puks: 6,
    changes: 2,
    logouts: 3,
    phrases: &[
        &[RIGHT_PUK, Deed::Logout, Deed::Puk(Typed::Wrong)],
        &[Deed::Puk(Typed::Wrong), RIGHT],
        &[RIGHT, Deed::Logout, WRONG],
        &[RIGHT, Deed::OutAndIn, Deed::Sign],
    ],
    ..WELL_FORMED
};

/// Signatures with and without a login.
const SIGNING: Mix = Mix {
    right: 10,
    changes: 1,
    puks: 1,
    logouts: 2,
    signatures: 8,
    phrases: &[
        &[RIGHT, Deed::Sign],
        &[RIGHT, Deed::Logout, Deed::Sign],
        &[RIGHT, Deed::NewSession, Deed::Sign],
        &[RIGHT, Deed::OutAndIn, Deed::Sign],
        &[RIGHT, Deed::Change(Typed::Wrong, New::Good), Deed::Sign],
    ],
    ..WELL_FORMED
};

/// What is judged after every step of one sequence.
type Rule = Box<dyn FnMut(&Seen) -> Found>;

pub(super) fn rows() -> Vec<Row> {
    let well_formed = WELL_FORMED;
    let mut rows = vec![
        row(1, "a model of counters and PIN", CODES,
            "Whatever is done with codes in whatever order, a success is one on the card, a refusal is none, a wrong code costs exactly one try, anything else none: counters and PIN of the card are those of a model.",
            well_formed,
            |citizen, sequence| {
                let mut book = Book::of(&citizen.pin, sequence);
                Box::new(move |seen| book.follows(seen))
            })
            .version(2),
    ];
    let sessions: &[Plain] = &[
        (
            2,
            "tries are lost by wrong codes alone",
            SESSIONS,
            "A try of the PIN is lost in a call that was given a wrong PIN, a try of the PUK in one that was given a wrong PUK, one in each, and in no other call.",
            well_formed,
            rule::tries_are_not_lost,
        ),
        (
            3,
            "codes go to the card once",
            CODES,
            "The module gives the card codes that were typed in this very call, and none again that the card has refused in it.",
            AGAIN,
            rule::codes_are_sent_once,
        ),
        (
            4,
            "what cannot be a code",
            super::login::SPARE,
            "A code that is too short, too long or not of digits is refused, costs no try, and becomes no PIN.",
            MIX,
            rule::malformed_is_spared,
        ),
        (
            5,
            "success with the right code alone",
            SESSIONS,
            "A login, a change and an unblocking succeed with the right code and a try that is left, and never else.",
            MIX,
            rule::success_needs_the_right_code,
        ),
        (
            6,
            "the PIN changes when that is told, and never else",
            SESSIONS,
            "After a change that is told the card has the new PIN; in all other cases it has the one that it had.",
            MIX,
            rule::the_pin_changes_when_it_is_told,
        ),
        (
            7,
            "tries come back by right codes alone",
            SESSIONS,
            "The counter of the PIN goes up by the right PIN or an unblocking, that of the PUK by the right PUK, typed in this very call.",
            AGAIN,
            rule::counters_rise_by_right_codes,
        ),
        (
            8,
            "flags of the token that are not true",
            SESSIONS,
            "CKF_USER_PIN_COUNT_LOW, FINAL_TRY and LOCKED are set when the card's counter says so. A token may leave them out, but not set them falsely.",
            MIX,
            rule::no_flag_lies,
        ),
        (
            9,
            "flags of the token that are missing",
            FLAGS,
            "COUNT_LOW is set while tries are missing, FINAL_TRY with the last, LOCKED when none is left or the PUK is blocked for ever.",
            MIX,
            rule::flags_tell,
        ),
        (
            10,
            "signatures after a login alone",
            SESSIONS,
            "A signature is given to a process that is logged in with the PIN, to no other, and it is the citizen's.",
            SIGNING,
            rule::signatures_need_a_login,
        ),
        (
            11,
            "right codes work",
            RIGHT_CODES,
            "With a try left the right PIN logs in, signs and changes, and the right PUK gives a new PIN, whatever went before.",
            Mix {
                logouts: 3,
                signatures: 4,
                malformed: false,
                ..MIX
            },
            rule::right_codes_work,
        ),
        (
            12,
            "refusals are true",
            ERRORS,
            "CKR_PIN_INCORRECT is told of a wrong code that was typed, CKR_PIN_LOCKED of a blocked one, and neither of anything else.",
            MIX,
            rule::refusals_are_true,
        ),
    ];
    rows.extend(
        sessions
            .iter()
            .map(|(number, title, ground, requirement, mix, rule)| {
                let rule = *rule;
                row(*number, title, *ground, requirement, *mix, move |_, _| {
                    Box::new(rule)
                })
            }),
    );
    rows
}

/// A rule that looks at one step at a time.
type Plain = (
    u16,
    &'static str,
    Ground,
    &'static str,
    Mix,
    fn(&Seen) -> Found,
);

fn row(
    number: u16,
    title: &str,
    ground: Ground,
    requirement: &'static str,
    mix: Mix,
    rule: impl Fn(&Citizen, &Sequence) -> Rule + 'static,
) -> Row {
    let title = format!("random sequences of codes: {title}");
    Row::new(number, title, ground, requirement, STEPS, move |stage| {
        let citizen = Citizen::usual(stage.seed())?;
        stage.insert(&citizen)?;
        stage.enrol(&citizen)?;
        search(stage, &citizen, &format!("SEQ {number}"), mix, &rule)
    })
}

/// What a sequence comes to. The bench moves a card faster than anybody can, and
/// what a module makes of that is no fault: what went wrong with a card that
/// was out has to go wrong again when a hand moves it.
fn by_hand(
    stage: &Stage<'_>,
    citizen: &Citizen,
    sequence: &Sequence,
    rule: &dyn Fn(&Citizen, &Sequence) -> Rule,
) -> Found {
    let once = |hand| {
        play(
            stage,
            citizen,
            sequence,
            hand,
            &mut *rule(citizen, sequence),
        )
    };
    let was_out = |step: &Step| step.deed == Deed::OutAndIn;
    match once(Duration::ZERO) {
        Err(Finding::Fault(_) | Finding::Chosen(_)) if sequence.steps.iter().any(was_out) => {
            once(BY_HAND)
        }
        came => came,
    }
}

/// The first sequence that breaks a rule, made as short as it gets.
fn search(
    stage: &Stage<'_>,
    citizen: &Citizen,
    matter: &str,
    mix: Mix,
    rule: &dyn Fn(&Citizen, &Sequence) -> Rule,
) -> Found {
    let draws = stage.setup.effort.sequences;
    let mut evidence = Vec::new();
    let strategy = mix.sequences(stage.module);
    let found = all_right(
        &strategy,
        (stage.seed(), matter),
        Limits::of(draws),
        |sequence| {
            let Err(finding) = by_hand(stage, citizen, sequence, rule) else {
                return Came::Right;
            };
            let came = match finding {
                Finding::Fault(_) | Finding::Chosen(_) | Finding::Crash(_) => Came::Wrong(finding),
                Finding::Hang(_) | Finding::Undecided(_) | Finding::NotFor(_) => {
                    Came::Over(finding)
                }
            };
            if matches!(came, Came::Wrong(_)) || evidence.is_empty() {
                evidence = std::mem::take(&mut *locked(&stage.log));
            }
            came
        },
    );
    let Err(counterexample) = found else {
        return Ok(());
    };
    *locked(&stage.log) = evidence;
    let Counterexample {
        number,
        drawn,
        smallest,
        why,
        tried,
    } = *counterexample;
    let (long, short) = (drawn.steps.len(), smallest.steps.len());
    let how = match tried {
        0 => format!("{long} steps"),
        _ => format!("{long} steps, shortened to {short} in {tried} tries"),
    };
    Err(why.at(format!("sequence {number} of {draws}, {how}: {smallest}")))
}

#[cfg(test)]
mod tests;

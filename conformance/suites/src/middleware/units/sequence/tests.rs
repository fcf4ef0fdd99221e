// SPDX-License-Identifier: MIT OR Apache-2.0

use super::deed::Step;
use super::play::{Counters, Role, Sent};
use super::rule::*;
use super::*;
use crate::draw::{Came, Limits, all_right};
use crate::ics::{Codes, Feature, Middleware};
use cie_driver::{Answer, Token};
use std::collections::BTreeSet;

fn module(features: &[Feature]) -> Middleware {
    Middleware {
        codes: Codes::Whole,
        features: features.to_vec(),
        follows_choices: true,
        announces: None,
    }
}

fn drawn(mix: Mix, module: &Middleware, draws: u32) -> Vec<Sequence> {
    let mut all = Vec::new();
    let strategy = mix.sequences(module);
    all_right::<_, ()>(&strategy, (1, "t"), Limits::of(draws), |sequence| {
        all.push(sequence.clone());
        Came::Right
    })
    .unwrap();
    all
}

#[test]
fn everything_that_a_module_has_is_drawn_and_nothing_else() {
    let words = |features: &[Feature], mix| -> BTreeSet<String> {
        let all = drawn(mix, &module(features), 400);
        let steps = all.iter().flat_map(|sequence| &sequence.steps);
        steps.map(|step| step.deed.to_string()).collect()
    };
    let all = words(
        &[
            Feature::SetPin,
            Feature::InitPin,
            Feature::ChangePin,
            Feature::Unblock,
        ],
        MIX,
    );
    for word in [
        "right PIN",
        "wrong PIN",
        "short PIN",
        "long PIN",
        "lettered PIN",
        "logout",
        "signature",
        "new session",
        "card out and in",
        "wrong PUK",
        "C_InitPIN to another PIN",
        "C_SetPIN, right PIN to a short PIN",
        "SbloccoPIN, right PUK to another PIN",
        "CambioPIN, wrong PIN to another PIN",
    ] {
        assert!(all.contains(word), "{word}: {all:?}");
    }
    let few = words(
        &[],
        Mix {
            malformed: false,
            ..MIX
        },
    );
    let wanted = [
        "card out and in",
        "logout",
        "new session",
        "right PIN",
        "signature",
        "wrong PIN",
    ];
    assert_eq!(few, wanted.map(str::to_owned).into());
}

#[test]
fn sequences_get_as_short_as_their_fault() {
    // Two wrong PINs in a row, by anybody.
    let strategy = MIX.sequences(&module(&[Feature::SetPin, Feature::InitPin]));
    let found = all_right(&strategy, (1, "t"), Limits::of(200), |sequence| {
        let wrong = |step: &Step| step.deed == Deed::Login(Typed::Wrong);
        match sequence.steps.windows(2).any(|two| two.iter().all(wrong)) {
            true => Came::Wrong(()),
            false => Came::Right,
        }
    });
    let found = found.unwrap_err();
    assert_eq!(found.smallest.to_string(), "1. wrong PIN; 2. wrong PIN");
    assert!(found.drawn.steps.len() >= 2);
}

fn counters(pin_tries: u8, puk_tries: u8, pin: &str) -> Counters {
    Counters {
        pin_tries,
        puk_tries,
        pin: pin.to_owned(),
    }
}

/// A step after which all is as before.
fn seen(deed: Deed, answer: Answer) -> Seen {
    let before = counters(3, 10, "12345678");
    Seen {
        deed,
        answer,
        after: before.clone(),
        before,
        given: Vec::new(),
        new: String::new(),
        sent: Vec::new(),
        token: Some(Token::default()),
        role: None,
        ever: false,
        undisturbed: true,
        signature: Ok(()),
    }
}

fn refused(rv: &str) -> Answer {
    Answer::Refused {
        rv: rv.to_owned(),
        attempts: None,
    }
}

type Numbered = (u16, fn(&Seen) -> Found);

/// All rules that a step breaks.
fn broken(seen: &Seen) -> Vec<u16> {
    let rules: [Numbered; 11] = [
        (2, tries_are_not_lost),
        (3, codes_are_sent_once),
        (4, malformed_is_spared),
        (5, success_needs_the_right_code),
        (6, the_pin_changes_when_it_is_told),
        (7, counters_rise_by_right_codes),
        (8, no_flag_lies),
        (9, flags_tell),
        (10, signatures_need_a_login),
        (11, right_codes_work),
        (12, refusals_are_true),
    ];
    let broken = rules.iter().filter(|(_, rule)| rule(seen).is_err());
    broken.map(|(number, _)| *number).collect()
}

const INCORRECT: &str = "CKR_PIN_INCORRECT";

/// A wrong PIN as it should be.
fn wrong_pin() -> Seen {
    Seen {
        after: counters(2, 10, "12345678"),
        given: vec!["11111111".into()],
        sent: vec![Sent {
            data: b"11111111".into(),
            refused: true,
        }],
        token: Some(Token {
            pin_low: true,
            ..Token::default()
        }),
        ..seen(WRONG, refused(INCORRECT))
    }
}

#[test]
fn what_is_as_it_should_be_breaks_nothing() {
    let right = seen(RIGHT, Answer::Done);
    let changed = Seen {
        new: "87654321".into(),
        after: counters(3, 10, "87654321"),
        ..seen(Deed::Change(Typed::Right, New::Good), Answer::Done)
    };
    let logged_in = Seen {
        role: Some(Role::Citizen),
        ..seen(Deed::Sign, Answer::Bytes("00".into()))
    };
    let short = seen(Deed::Login(Typed::Short), refused(INCORRECT));
    let blocked = Seen {
        before: counters(0, 10, "1"),
        after: counters(0, 10, "1"),
        token: Some(Token {
            pin_locked: true,
            ..Token::default()
        }),
        ..seen(RIGHT, refused("CKR_PIN_LOCKED"))
    };
    for step in [right, wrong_pin(), changed, logged_in, short, blocked] {
        assert_eq!(broken(&step), [0_u16; 0], "{step:?}");
    }
}

#[test]
fn every_rule_sees_what_it_is_for() {
    let two_lost = Seen {
        after: counters(1, 10, "12345678"),
        ..wrong_pin()
    };
    assert!(broken(&two_lost).contains(&2));
    let twice = Seen {
        sent: [wrong_pin().sent, wrong_pin().sent].concat(),
        ..wrong_pin()
    };
    assert_eq!(broken(&twice), [3]);
    let kept = Seen {
        given: Vec::new(),
        ..wrong_pin()
    };
    assert_eq!(broken(&kept), [3]);
    let short = Deed::Login(Typed::Short);
    let costs = Seen {
        deed: short,
        ..wrong_pin()
    };
    assert!(broken(&costs).contains(&4));
    assert_eq!(broken(&seen(WRONG, Answer::Done)), [5]);
    assert_eq!(
        broken(&seen(Deed::NewPinByPuk(New::Short), Answer::Done)),
        [4, 5, 6]
    );
    let lie = Seen {
        new: "87654321".into(),
        ..seen(Deed::Change(Typed::Right, New::Good), Answer::Done)
    };
    assert_eq!(broken(&lie), [6]);
    let back = Seen {
        before: counters(3, 4, "12345678"),
        ..seen(RIGHT, Answer::Done)
    };
    assert_eq!(broken(&back), [7]);
    let flags = |low, last, locked| {
        Some(Token {
            pin_low: low,
            pin_final: last,
            pin_locked: locked,
            ..Token::default()
        })
    };
    let set = Seen {
        token: flags(false, true, false),
        ..seen(RIGHT, Answer::Done)
    };
    assert_eq!(broken(&set), [8]);
    let missing = Seen {
        token: flags(false, false, false),
        ..wrong_pin()
    };
    assert_eq!(broken(&missing), [9]);
    assert_eq!(broken(&seen(Deed::Sign, Answer::Bytes("00".into()))), [10]);
    assert_eq!(broken(&seen(RIGHT, refused("CKR_FUNCTION_FAILED"))), [11]);
    assert_eq!(broken(&seen(RIGHT, refused(INCORRECT))), [11, 12]);
    assert_eq!(broken(&seen(Deed::Logout, refused("CKR_PIN_LOCKED"))), [12]);
    let silent = Seen {
        answer: refused("CKR_DEVICE_ERROR"),
        ..wrong_pin()
    };
    assert_eq!(broken(&silent), [12]);
}

#[test]
fn the_model_counts_as_a_card_does() {
    let sequence = Sequence {
        pin_tries: 3,
        puk_tries: 10,
        steps: Vec::new(),
    };
    let mut book = Book::of("12345678", &sequence);
    assert_eq!(book.follows(&wrong_pin()), Ok(()));
    let again = Seen {
        before: wrong_pin().after,
        ..wrong_pin()
    };
    assert!(book.follows(&again).is_err());
    let mut book = Book::of("12345678", &sequence);
    let other = Seen {
        after: counters(3, 10, "87654321"),
        ..seen(Deed::Logout, Answer::Done)
    };
    assert!(book.follows(&other).is_err());
}

/// Seeds of fifty with which one sequence at least has these deeds in the first
/// process, with nothing between that would change what they come to.
fn met(mix: Mix, deeds: [Deed; 3]) -> usize {
    let module = module(&[Feature::SetPin, Feature::InitPin]);
    let strategy = mix.sequences(&module);
    let draws = crate::middleware::Effort::default().sequences;
    let has = |sequence: &Sequence| {
        let mut next = 0;
        for step in sequence.steps.iter().filter(|step| !step.second) {
            if next < deeds.len() && step.deed == deeds[next] {
                next += 1;
            } else if next < deeds.len() && !matches!(step.deed, Deed::Sign) {
                next = usize::from(step.deed == deeds[0]);
            }
        }
        next == deeds.len()
    };
    let meets = |seed: &u64| {
        all_right(
            &strategy,
            (*seed, "t"),
            Limits::of(draws),
            |sequence| match has(sequence) {
                true => Came::Over(()),
                false => Came::Right,
            },
        )
        .is_err()
    };
    (1..=50).filter(meets).count()
}

#[test]
fn the_usual_effort_meets_what_it_is_about() {
    let right = Deed::Puk(Typed::Right);
    for (mix, deeds) in [
        (SIGNING, [RIGHT, Deed::Logout, Deed::Sign]),
        (AGAIN, [right, Deed::Logout, Deed::Puk(Typed::Wrong)]),
        (WELL_FORMED, [WRONG, WRONG, RIGHT]),
    ] {
        let count = met(mix, deeds);
        assert!(count > 30, "{deeds:?}: {count} of 50 seeds");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sequences of codes against a model of the counters. What departs is made
//! shorter until nothing can be left out.

use super::{Row, SESSIONS};
use crate::ics::Feature;
use crate::middleware::door::Laid;
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, no_token, token_slot};
use chacha20::ChaCha8Rng;
use cie_driver::{Answer, Request};
use rand_core::{Rng, SeedableRng};

/// Something that a citizen or the world does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    RightPin,
    WrongPin,
    Logout,
    ChangePin,
    ChangeWithWrong,
    RightPuk,
    WrongPuk,
    NewPinAfterPuk,
    UnblockByFunction,
    ChangeByFunction,
    Sign,
    OutAndIn,
}

impl Deed {
    fn words(self) -> &'static str {
        match self {
            Self::RightPin => "right PIN",
            Self::WrongPin => "wrong PIN",
            Self::Logout => "logout",
            Self::ChangePin => "C_SetPIN",
            Self::ChangeWithWrong => "C_SetPIN with a wrong PIN",
            Self::RightPuk => "right PUK",
            Self::WrongPuk => "wrong PUK",
            Self::NewPinAfterPuk => "C_InitPIN",
            Self::UnblockByFunction => "SbloccoPIN",
            Self::ChangeByFunction => "CambioPIN",
            Self::Sign => "signature",
            Self::OutAndIn => "card out and in",
        }
    }
}

/// What a card knows of codes, written from the card facts (section 5).
#[derive(Clone, Debug)]
struct Model {
    pin: String,
    pin_tries: u8,
    puk_tries: u8,
}

pub(super) fn rows() -> Vec<Row> {
    vec![Row::new(
        1,
        "twelve sequences of ten deeds with codes",
        SESSIONS,
        "Whatever is done with codes in whatever order, a success is one on the card, a refusal is none, a wrong code costs exactly one try, anything else none, and what is blocked is said to be blocked.",
        &[(
            "random deeds: logins right and wrong, logout, changes, PUK, unblocking, signatures, card out and in",
            "after each: the card's counters and PIN are the model's",
        )],
        sequences,
    )]
}

fn sequences(stage: &mut Stage<'_>) -> Found {
    let mut deeds = vec![
        Deed::RightPin,
        Deed::RightPin,
        Deed::WrongPin,
        Deed::WrongPin,
        Deed::Logout,
        Deed::Sign,
        Deed::OutAndIn,
    ];
    for (feature, more) in [
        (
            Feature::SetPin,
            [Deed::ChangePin, Deed::ChangeWithWrong].as_slice(),
        ),
        (
            Feature::InitPin,
            &[Deed::RightPuk, Deed::WrongPuk, Deed::NewPinAfterPuk],
        ),
        (Feature::Unblock, &[Deed::UnblockByFunction]),
        (Feature::ChangePin, &[Deed::ChangeByFunction]),
    ] {
        if stage.has(feature) {
            deeds.extend(more);
        }
    }
    let citizen = Citizen::usual(stage.seed())?;
    stage.insert(&citizen)?;
    stage.enrol(&citizen)?;
    let mut random = ChaCha8Rng::seed_from_u64(stage.seed());
    for number in 1..=12 {
        let length = u64::try_from(deeds.len()).unwrap_or(1);
        let mut script: Vec<Deed> = (0..10)
            .filter_map(|_| {
                let drawn = usize::try_from(random.next_u64() % length).unwrap_or(0);
                deeds.get(drawn).copied()
            })
            .collect();
        let Err(finding) = play(stage, &citizen, &script) else {
            continue;
        };
        if matches!(finding, Finding::Undecided(_)) {
            return Err(finding);
        }
        let mut shortest = finding;
        // Leave out what is not needed, from behind.
        let mut at = script.len();
        while at > 0 {
            at -= 1;
            let mut shorter = script.clone();
            shorter.remove(at);
            if let Err(finding) = play(stage, &citizen, &shorter)
                && !matches!(finding, Finding::Undecided(_))
            {
                shortest = finding;
                script = shorter;
            }
        }
        let words: Vec<_> = script.iter().map(|deed| deed.words()).collect();
        let place = format!("sequence {number}, shortened to: {}", words.join(", "));
        return Err(shortest.at(place));
    }
    Ok(())
}

/// Plays a script with a card as issued in a new process.
fn play(stage: &Stage<'_>, citizen: &Citizen, script: &[Deed]) -> Found {
    stage.clear();
    let laid = stage.insert(citizen)?;
    let mut model = Model {
        pin: citizen.pin.clone(),
        pin_tries: 3,
        puk_tries: 10,
    };
    // A process keeps what it learned of a card; the home keeps no code that
    // the scripts change, because all PINs have the same first half.
    let mut session = stage.session()?;
    for (number, deed) in (1..).zip(script) {
        step(stage, &mut session, citizen, &laid, &mut model, *deed)
            .map_err(|f| f.at(format!("step {number}, {}", deed.words())))?;
    }
    Ok(())
}

/// The other one of the two PINs that the scripts use.
fn other(citizen: &Citizen, now: &str) -> String {
    if now == citizen.pin {
        citizen.another_pin()
    } else {
        citizen.pin.clone()
    }
}

fn step(
    stage: &Stage<'_>,
    session: &mut Session,
    citizen: &Citizen,
    laid: &Laid,
    model: &mut Model,
    deed: Deed,
) -> Found {
    let before = model.clone();
    let new = other(citizen, &model.pin);
    let wrong = citizen.wrong_pin();
    let answer = match deed {
        Deed::RightPin => session.login(&stage.typed(&model.pin))?,
        Deed::WrongPin => session.login(&stage.typed(&wrong))?,
        Deed::Logout => session.ask(&Request::Logout)?,
        Deed::ChangePin => session.ask(&Request::SetPin {
            old: stage.typed(&model.pin),
            new: stage.typed(&new),
        })?,
        Deed::ChangeWithWrong => session.ask(&Request::SetPin {
            old: stage.typed(&wrong),
            new: stage.typed(&new),
        })?,
        Deed::RightPuk => session.login_puk(&citizen.puk)?,
        Deed::WrongPuk => session.login_puk(&citizen.wrong_puk())?,
        Deed::NewPinAfterPuk => session.ask(&Request::InitPin(stage.typed(&new)))?,
        Deed::UnblockByFunction => stage.once(&Request::Unblock {
            puk: citizen.puk.clone(),
            new: new.clone(),
        })?,
        Deed::ChangeByFunction => stage.once(&Request::ChangePin {
            old: model.pin.clone(),
            new: new.clone(),
        })?,
        Deed::Sign => {
            let answer = session.sign_usual()?;
            if let Answer::Bytes(signature) = &answer {
                crate::middleware::stage::is_signature(citizen, signature)?;
            }
            answer
        }
        Deed::OutAndIn => {
            stage.take_out()?;
            no_token(&mut session.driver)?;
            stage.lay(laid)?;
            session.slot = token_slot(&mut session.driver)?;
            session.ask(&Request::Open(session.slot))?
        }
    };
    let done = matches!(answer, Answer::Done | Answer::Bytes(_));
    let seen = laid.snapshot();
    let spent = answer.is("CKR_PIN_INCORRECT")
        || (answer.is("CKR_PIN_LOCKED")
            && seen.pin_tries + seen.puk_tries < before.pin_tries + before.puk_tries);
    match deed {
        Deed::RightPin if done => {
            holds(before.pin_tries > 0, "a login with a blocked PIN")?;
            model.pin_tries = 3;
        }
        Deed::WrongPin | Deed::ChangeWithWrong | Deed::WrongPuk if done => {
            return Err(Finding::Fault("a wrong code is taken".to_owned()));
        }
        Deed::WrongPin | Deed::ChangeWithWrong if spent => {
            model.pin_tries = before.pin_tries.saturating_sub(1);
        }
        Deed::WrongPuk if spent => model.puk_tries = before.puk_tries.saturating_sub(1),
        Deed::ChangePin | Deed::ChangeByFunction if done => {
            holds(before.pin_tries > 0, "a change with a blocked PIN")?;
            model.pin_tries = 3;
            model.pin = new;
        }
        Deed::RightPuk if done => model.puk_tries = 10,
        Deed::NewPinAfterPuk | Deed::UnblockByFunction if done => {
            model.pin_tries = 3;
            model.puk_tries = 10;
            model.pin = new;
        }
        // A right code is not wrong.
        Deed::RightPin | Deed::ChangePin | Deed::ChangeByFunction
            if answer.is("CKR_PIN_INCORRECT") =>
        {
            return Err(Finding::Fault("the right PIN is called wrong".to_owned()));
        }
        // Refused for another reason: the right PIN may have been given, so
        // the tries may be back.
        Deed::RightPin | Deed::ChangePin | Deed::ChangeByFunction | Deed::Sign
            if before.pin_tries > 0 && seen.pin_tries == 3 =>
        {
            model.pin_tries = 3;
        }
        Deed::RightPuk | Deed::UnblockByFunction if seen.puk_tries == 10 => model.puk_tries = 10,
        _ => {}
    }
    holds(
        (seen.pin_tries, seen.puk_tries) == (model.pin_tries, model.puk_tries),
        format!(
            "{answer}; the card has {} PIN and {} PUK tries left, the model {} and {}",
            seen.pin_tries, seen.puk_tries, model.pin_tries, model.puk_tries
        ),
    )?;
    holds(
        laid.pin() == model.pin,
        format!("{answer}; the card has another PIN than the model"),
    )?;
    let blocked = before.pin_tries == 0 && matches!(deed, Deed::RightPin);
    holds(
        !blocked || answer.is("CKR_PIN_LOCKED") || !answer.is("CKR_PIN_INCORRECT"),
        format!("a blocked PIN: {answer}"),
    )
}

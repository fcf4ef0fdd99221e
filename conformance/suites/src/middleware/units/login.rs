// SPDX-License-Identifier: MIT OR Apache-2.0
//! Login, with the card's counters as the truth.

use super::{Ground, PLAN, Row, SESSIONS};
use crate::catalogue::Basis;
use crate::middleware::door::Laid;
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, ok};
use cie_driver::Request;

/// A code that cannot be one must not cost a try: chosen.
pub(super) const SPARE: Ground = Ground(
    Basis::Choice,
    "a code that cannot be a code of the card is not sent to the card",
);

/// The standard lets a token never set these flags.
pub(super) const FLAGS: Ground = Ground(
    Basis::Choice,
    "CKF_USER_PIN_COUNT_LOW and CKF_USER_PIN_FINAL_TRY are set when tries are missing (PKCS #11 v2.40, section 3.2 allows not to tell)",
);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "the right PIN",
            PLAN,
            "A login with the right PIN succeeds and costs no try.",
            &[
                ("C_Login", "CKR_OK"),
                ("C_GetSessionInfo", "a user state"),
                ("the card's counters", "3 and 10"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.logged_in(&citizen)?;
                let state = session.ask(&Request::State)?.to_string();
                holds(state.ends_with("User"), format!("the state is {state}"))?;
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            2,
            "a wrong PIN, then the right one",
            PLAN,
            "A wrong PIN is CKR_PIN_INCORRECT and costs one try; the right one gives it back.",
            &[
                (
                    "C_Login with a wrong PIN",
                    "CKR_PIN_INCORRECT, 2 tries left",
                ),
                ("C_Login with the right PIN", "CKR_OK, 3 tries left"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                let wrong = session.login(&stage.typed(&citizen.wrong_pin()))?;
                holds(
                    wrong.is("CKR_PIN_INCORRECT"),
                    format!("a wrong PIN: {wrong}"),
                )?;
                left(&laid, 2, 10)?;
                ok(session.login(&stage.typed(&citizen.pin))?, "the right PIN")?;
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            3,
            "wrong PINs until it is blocked, then the right one",
            SESSIONS,
            "A blocked PIN is CKR_PIN_LOCKED, also for who knows it, and no login succeeds.",
            &[
                (
                    "C_Login with a wrong PIN, three times",
                    "CKR_PIN_INCORRECT, the last may be CKR_PIN_LOCKED",
                ),
                ("C_Login with the right PIN", "CKR_PIN_LOCKED"),
                ("the card's counters", "0 and 10"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                for turn in 1..=3_u8 {
                    let wrong = session.login(&stage.typed(&citizen.wrong_pin()))?;
                    let fine =
                        wrong.is("CKR_PIN_INCORRECT") || (turn == 3 && wrong.is("CKR_PIN_LOCKED"));
                    holds(fine, format!("wrong PIN {turn}: {wrong}"))?;
                    left(&laid, 3 - turn, 10)?;
                }
                let right = session.login(&stage.typed(&citizen.pin))?;
                holds(
                    right.is("CKR_PIN_LOCKED"),
                    format!("the right PIN: {right}"),
                )?;
                left(&laid, 0, 10)
            },
        ),
        Row::new(
            4,
            "a PIN that is too short",
            SPARE,
            "A PIN that is too short is refused and costs no try.",
            &[("C_Login with a digit less", "refused, 3 tries left")],
            |stage| {
                refused(stage, |typed| {
                    typed.pop();
                })
            },
        ),
        Row::new(
            5,
            "a PIN that is too long",
            SPARE,
            "A PIN that is too long is refused and costs no try.",
            &[("C_Login with a digit more", "refused, 3 tries left")],
            |stage| refused(stage, |typed| typed.push('0')),
        ),
        Row::new(
            6,
            "a PIN with letters",
            SPARE,
            "A PIN with letters is refused and costs no try.",
            &[("C_Login with a letter in it", "refused, 3 tries left")],
            |stage| {
                refused(stage, |typed| {
                    typed.pop();
                    typed.push('x');
                })
            },
        ),
        Row::new(
            7,
            "a PIN of 200 characters",
            SPARE,
            "A PIN of any length is refused, costs no try, and harms nothing.",
            &[("C_Login with 200 digits", "refused, 3 tries left")],
            |stage| refused(stage, |typed| *typed = "1".repeat(200)),
        ),
        Row::new(
            8,
            "an empty PIN",
            SPARE,
            "An empty PIN is refused and costs no try.",
            &[("C_Login with no digit", "refused, 3 tries left")],
            |stage| refused(stage, String::clear),
        ),
        Row::new(
            9,
            "after a logout",
            SESSIONS,
            "After C_Logout the private key cannot be used.",
            &[
                ("login, signature", "CKR_OK"),
                ("C_Logout", "CKR_OK"),
                ("C_Sign", "refused"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let mut session = stage.logged_in(&citizen)?;
                session.signs(&citizen)?;
                ok(session.ask(&Request::Logout)?, "C_Logout")?;
                let signature = session.sign_usual()?;
                holds(signature.is_refused(), "a signature after the logout")
            },
        ),
        Row::new(
            10,
            "two logins in a row",
            SESSIONS,
            "Who is logged in already is told so, and no try is spent.",
            &[
                ("C_Login", "CKR_OK"),
                ("C_Login again", "CKR_USER_ALREADY_LOGGED_IN, 3 tries left"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.logged_in(&citizen)?;
                let again = session.login(&stage.typed(&citizen.wrong_pin()))?;
                holds(
                    again.is("CKR_USER_ALREADY_LOGGED_IN"),
                    format!("a second login: {again}"),
                )?;
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            11,
            "the token tells that tries are missing",
            FLAGS,
            "After a wrong PIN the flags of the token do not say that all tries are there.",
            &[
                ("C_Login with a wrong PIN, twice", "CKR_PIN_INCORRECT"),
                (
                    "C_GetTokenInfo",
                    "CKF_USER_PIN_FINAL_TRY or CKF_USER_PIN_COUNT_LOW",
                ),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                for _ in 0..2 {
                    session.login(&stage.typed(&citizen.wrong_pin()))?;
                }
                left(&laid, 1, 10)?;
                let token = session.token()?;
                holds(
                    token.pin_final || token.pin_low,
                    "one try is left, and no flag says that tries are missing",
                )
            },
        ),
    ]
}

/// The card's counters are these.
pub(super) fn left(laid: &Laid, pin: u8, puk: u8) -> Found {
    let seen = laid.snapshot();
    holds(
        (seen.pin_tries, seen.puk_tries) == (pin, puk),
        format!(
            "the card has {} PIN and {} PUK tries left, not {pin} and {puk}",
            seen.pin_tries, seen.puk_tries
        ),
    )
}

/// The spoilt code is refused and costs nothing, and the right one works.
fn refused(stage: &Stage<'_>, spoil: impl Fn(&mut String)) -> Found {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.begin(&citizen)?;
    let mut typed = stage.typed(&citizen.pin);
    spoil(&mut typed);
    let answer = session.login(&typed)?;
    holds(answer.is_refused(), format!("it is taken: {answer}"))?;
    left(&laid, 3, 10)?;
    ok(
        session.login(&stage.typed(&citizen.pin))?,
        "the right PIN then",
    )
}

/// A new session and a login in a process that had one. A module may take the
/// login of before for gone or ask for a logout first.
pub(super) fn again(
    stage: &Stage<'_>,
    session: &mut Session,
    slot: u64,
    citizen: &Citizen,
) -> Found {
    session.slot = slot;
    ok(session.ask(&Request::Open(slot))?, "C_OpenSession")?;
    let typed = stage.typed(&citizen.pin);
    let first = session.login(&typed)?;
    if first.is("CKR_USER_ALREADY_LOGGED_IN") {
        session.ask(&Request::Logout)?;
        return ok(session.login(&typed)?, "the login after a logout");
    }
    match first {
        cie_driver::Answer::Done => Ok(()),
        other => Err(Finding::Fault(format!("the new login is refused: {other}"))),
    }
}

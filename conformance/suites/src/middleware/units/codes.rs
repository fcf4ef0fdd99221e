// SPDX-License-Identifier: MIT OR Apache-2.0
//! Enrolment, change of the PIN and unblocking, by PKCS#11 and by the functions
//! beside it.

use super::login::{SPARE, left};
use super::{Ground, PLAN, Row, SESSIONS};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::door::Laid;
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, ok};
use cie_driver::{Answer, Request};
use cie_personalisation::{FAMILIES, State};

/// The plan tries letters in a window, which may refuse them itself.
const WINDOW: Ground = Ground(
    Basis::Inferred,
    "acceptance plan of the issuer's middleware: letters are refused; it is inferred that not the window alone does",
);

pub(super) fn enrolment() -> Vec<Row> {
    let before = "a fresh card in the reader that the module does not know";
    let rows = vec![
        Row::new(
            1,
            "the first enrolment",
            PLAN,
            "A fresh card with the right PIN is enrolled, and no try is spent.",
            &[
                ("AbilitaCIE with the right PIN", "CKR_OK"),
                ("VerificaCIEAbilitata", "1"),
                ("the card's counters", "3 and 10"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                known(stage, &citizen, false)?;
                stage.enrol(&citizen)?;
                known(stage, &citizen, true)?;
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            2,
            "a second enrolment",
            PLAN,
            "A card that is enrolled is said to be so, and no try is spent.",
            &[
                ("AbilitaCIE, twice", "CKR_OK, then CARD_ALREADY_ENABLED"),
                ("the card's counters", "3 and 10"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                stage.enrol(&citizen)?;
                let second = stage.once(&Request::Enrol(citizen.pin.clone()))?;
                holds(
                    second.is("CARD_ALREADY_ENABLED"),
                    format!("the second time: {second}"),
                )?;
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            3,
            "re-insertion of an enrolled card",
            PLAN,
            "An enrolled card is known after it was taken out, without a new enrolment.",
            &[
                ("AbilitaCIE; the card out and in", "CKR_OK"),
                ("VerificaCIEAbilitata", "1"),
                ("login and signature", "the card's signature"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                stage.enrol(&citizen)?;
                stage.take_out()?;
                stage.lay(&laid)?;
                known(stage, &citizen, true)?;
                let mut session = stage.session()?;
                ok(session.login(&stage.typed(&citizen.pin))?, "the login")?;
                session.signs(&citizen)
            },
        ),
        Row::new(
            4,
            "enrolment with a wrong PIN",
            PLAN,
            "A wrong PIN is said to be wrong with the tries that are left, which are the card's.",
            &[
                (
                    "AbilitaCIE with a wrong PIN",
                    "CKR_PIN_INCORRECT, 2 tries left",
                ),
                ("VerificaCIEAbilitata", "0"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let wrong = stage.once(&Request::Enrol(citizen.wrong_pin()))?;
                wrong_code(&wrong, Some(2))?;
                left(&laid, 2, 10)?;
                known(stage, &citizen, false)
            },
        ),
        Row::new(
            5,
            "enrolment with a PIN that is too short",
            PLAN,
            "A PIN that is too short is refused and costs no try.",
            &[("AbilitaCIE with seven digits", "refused, 3 tries left")],
            |stage| no_enrolment(stage, "1234567"),
        ),
        Row::new(
            6,
            "enrolment with letters",
            PLAN,
            "A PIN with letters is refused and costs no try.",
            &[("AbilitaCIE with letters", "refused, 3 tries left")],
            |stage| no_enrolment(stage, "1234567x"),
        ),
        Row::new(
            7,
            "a card is forgotten",
            PLAN,
            "A card that is forgotten is not known any more.",
            &[
                ("AbilitaCIE, DisabilitaCIE", "CKR_OK"),
                ("VerificaCIEAbilitata", "0"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                stage.enrol(&citizen)?;
                let forgotten = stage.once(&Request::Forget(citizen.nis.clone()))?;
                ok(forgotten, "DisabilitaCIE")?;
                known(stage, &citizen, false)
            },
        ),
        Row::new(
            8,
            "enrolment with a blocked PIN",
            PLAN,
            "A blocked PIN is said to be blocked.",
            &[("AbilitaCIE with the right PIN", "CKR_PIN_LOCKED")],
            |stage| {
                let citizen = blocked(stage)?;
                let laid = stage.insert(&citizen)?;
                let answer = stage.once(&Request::Enrol(citizen.pin.clone()))?;
                holds(answer.is("CKR_PIN_LOCKED"), format!("it says {answer}"))?;
                left(&laid, 0, 10)
            },
        ),
        Row::new(
            9,
            "enrolment without a card",
            PLAN,
            "Without a card the enrolment is refused.",
            &[("AbilitaCIE", "refused")],
            |stage| {
                let answer = stage.once(&Request::Enrol("12345678".to_owned()))?;
                holds(answer.is_refused(), format!("it says {answer}"))
            },
        ),
        Row::new(
            10,
            "the home is the module's only trace",
            SPARE,
            "The enrolment keeps the PIN's digits out of plain sight: no file in the home directory has the PIN or its first half next to the number for services in plain.",
            &[(
                "AbilitaCIE; every file is searched for the PIN",
                "not found",
            )],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                stage.enrol(&citizen)?;
                let mut folders = vec![stage.home().to_path_buf()];
                while let Some(folder) = folders.pop() {
                    for entry in std::fs::read_dir(folder).map_err(Finding::ours)?.flatten() {
                        if entry.path().is_dir() {
                            folders.push(entry.path());
                            continue;
                        }
                        let text = std::fs::read(entry.path()).unwrap_or_default();
                        let pin = citizen.pin.as_bytes();
                        let there = text.windows(pin.len()).any(|part| part == pin);
                        let name = entry.file_name();
                        holds(!there, format!("the PIN is in {}", name.to_string_lossy()))?;
                    }
                }
                Ok(())
            },
        ),
    ];
    rows.into_iter()
        .map(|row| row.needs(&[Feature::Enrol]).before(before))
        .collect()
}

fn known(stage: &Stage<'_>, citizen: &Citizen, wanted: bool) -> Found {
    let answer = stage.once(&Request::IsEnrolled(citizen.nis.clone()))?;
    let known = answer == Answer::Word("1".to_owned());
    holds(
        known == wanted,
        format!("VerificaCIEAbilitata says {answer}"),
    )
}

fn no_enrolment(stage: &Stage<'_>, pin: &str) -> Found {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    let answer = stage.once(&Request::Enrol(pin.to_owned()))?;
    holds(answer.is_refused(), format!("it is taken: {answer}"))?;
    left(&laid, 3, 10)?;
    known(stage, &citizen, false)
}

/// A citizen whose PIN is blocked.
fn blocked(stage: &Stage<'_>) -> Found<Citizen> {
    let [family, ..] = FAMILIES else {
        return Err(Finding::Undecided("there is no family".to_owned()));
    };
    Citizen::adult(family, State::PinBlocked, stage.seed())
}

fn wrong_code(answer: &Answer, left: Option<i32>) -> Found {
    holds(
        answer.is("CKR_PIN_INCORRECT"),
        format!("a wrong code: {answer}"),
    )?;
    if let (Answer::Refused { attempts, .. }, Some(_)) = (answer, left) {
        holds(
            *attempts == left,
            format!("it tells {attempts:?} tries, and the card has {left:?}"),
        )?;
    }
    Ok(())
}

/// The ways to change a PIN.
#[derive(Clone, Copy)]
enum Way {
    Pkcs11,
    Function,
}

/// A change in a session, or in a process of its own.
fn change(
    stage: &Stage<'_>,
    session: &mut Session,
    way: Way,
    old: &str,
    new: &str,
) -> Found<Answer> {
    match way {
        Way::Pkcs11 => session.ask(&Request::SetPin {
            old: stage.typed(old),
            new: stage.typed(new),
        }),
        Way::Function => stage.once(&Request::ChangePin {
            old: old.to_owned(),
            new: new.to_owned(),
        }),
    }
}

/// A fresh card, enrolled, with a session.
fn ready(stage: &Stage<'_>) -> Found<(Citizen, Laid, Session)> {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    let session = stage.begin(&citizen)?;
    Ok((citizen, laid, session))
}

fn changes(stage: &Stage<'_>, way: Way) -> Found {
    let (citizen, laid, mut session) = ready(stage)?;
    let new = citizen.another_pin();
    ok(
        change(stage, &mut session, way, &citizen.pin, &new)?,
        "the change",
    )?;
    holds(laid.pin() == new, "success, and the card has another PIN")?;
    left(&laid, 3, 10)?;
    drop(session);
    let mut session = stage.session()?;
    let old = session.login(&stage.typed(&citizen.pin))?;
    holds(
        old.is("CKR_PIN_INCORRECT"),
        format!("the old PIN then: {old}"),
    )?;
    ok(session.login(&stage.typed(&new))?, "the new PIN")?;
    session.signs(&citizen)
}

fn wrong_old(stage: &Stage<'_>, way: Way) -> Found {
    let (citizen, laid, mut session) = ready(stage)?;
    let new = citizen.another_pin();
    let answer = change(stage, &mut session, way, &citizen.wrong_pin(), &new)?;
    let told = matches!(way, Way::Function).then_some(2);
    wrong_code(&answer, told)?;
    holds(laid.pin() == citizen.pin, "refused, and the PIN is changed")?;
    left(&laid, 2, 10)
}

fn bad_new(stage: &Stage<'_>, way: Way, new: &str) -> Found {
    let (citizen, laid, mut session) = ready(stage)?;
    let head: String = citizen.pin.chars().take(4).collect();
    let new = format!("{head}{new}");
    let answer = change(stage, &mut session, way, &citizen.pin, &new)?;
    holds(answer.is_refused(), format!("it is taken: {answer}"))?;
    holds(laid.pin() == citizen.pin, "refused, and the PIN is changed")?;
    left(&laid, 3, 10)
}

/// The acceptance plan changes the PIN in a window, and not by this function.
pub(super) const SET_PIN: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.5 (C_SetPIN) and section 5.1 (CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE)",
);

pub(super) fn pin() -> Vec<Row> {
    let pkcs11 = &[Feature::SetPin];
    let function = &[Feature::ChangePin];
    vec![
        Row::new(1, "the PIN is changed by C_SetPIN", SET_PIN,
            "The new PIN is on the card, the old one is wrong, and no try is spent.",
            &[("C_SetPIN", "CKR_OK, the card has the new PIN"),
              ("C_Login with the old PIN", "CKR_PIN_INCORRECT"),
              ("C_Login with the new PIN, signature", "the card's signature")],
            |stage| changes(stage, Way::Pkcs11)).needs(pkcs11),
        Row::new(2, "C_SetPIN with a wrong old PIN", SET_PIN,
            "A wrong old PIN is CKR_PIN_INCORRECT, costs one try and changes nothing.",
            &[("C_SetPIN with a wrong old PIN", "CKR_PIN_INCORRECT, 2 tries left, the PIN is as before")],
            |stage| wrong_old(stage, Way::Pkcs11)).needs(pkcs11),
        Row::new(3, "C_SetPIN to a PIN that is too short", SET_PIN,
            "A new PIN that is too short is refused; the PIN and its tries are as before.",
            &[("C_SetPIN to seven digits", "refused, 3 tries left, the PIN is as before")],
            |stage| bad_new(stage, Way::Pkcs11, "123")).needs(pkcs11),
        Row::new(4, "C_SetPIN to a PIN with letters", SET_PIN,
            "A new PIN with letters is refused; the PIN and its tries are as before.",
            &[("C_SetPIN to letters", "refused, 3 tries left, the PIN is as before")],
            |stage| bad_new(stage, Way::Pkcs11, "12a4")).needs(pkcs11),
        Row::new(5, "the PIN is changed by the function", PLAN,
            "The new PIN is on the card, the old one is wrong, and no try is spent.",
            &[("CambioPIN", "CKR_OK, the card has the new PIN"),
              ("C_Login with the old PIN", "CKR_PIN_INCORRECT"),
              ("C_Login with the new PIN, signature", "the card's signature")],
            |stage| changes(stage, Way::Function)).needs(function),
        Row::new(6, "the function with a wrong old PIN", PLAN,
            "A wrong old PIN is said to be wrong with the tries that are left, and nothing changes.",
            &[("CambioPIN with a wrong old PIN", "CKR_PIN_INCORRECT, 2 tries left, the PIN is as before")],
            |stage| wrong_old(stage, Way::Function)).needs(function),
        Row::new(7, "the function to a PIN that is too short", PLAN,
            "A new PIN that is too short is refused; the PIN and its tries are as before.",
            &[("CambioPIN to seven digits", "refused, 3 tries left, the PIN is as before")],
            |stage| bad_new(stage, Way::Function, "123")).needs(function),
        Row::new(8, "the function to a PIN with letters", PLAN,
            "A new PIN with letters is refused; the PIN and its tries are as before.",
            &[("CambioPIN to letters", "refused, 3 tries left, the PIN is as before")],
            |stage| bad_new(stage, Way::Function, "12a4")).needs(function),
        Row::new(9, "the function when the card was never enrolled", PLAN,
            "The PIN of a card that was not enrolled can be changed.",
            &[("CambioPIN without AbilitaCIE", "CKR_OK, the card has the new PIN")],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let new = citizen.another_pin();
                let answer = stage.once(&Request::ChangePin {
                    old: citizen.pin.clone(),
                    new: new.clone(),
                })?;
                ok(answer, "CambioPIN")?;
                holds(laid.pin() == new, "success, and the card has another PIN")
            }).needs(function),
        Row::new(10, "a change to another first half", PLAN,
            "After a change to a PIN that is different from its first digit on, login and signature work with the new one.",
            &[("CambioPIN to a wholly different PIN", "CKR_OK"),
              ("C_Login with the new PIN, signature", "the card's signature")],
            |stage| {
                let (citizen, laid, session) = ready(stage)?;
                drop(session);
                let new: String = citizen
                    .pin
                    .chars()
                    .map(|c| char::from_digit((c.to_digit(10).unwrap_or(0) + 5) % 10, 10).unwrap_or('0'))
                    .collect();
                let answer = stage.once(&Request::ChangePin {
                    old: citizen.pin.clone(),
                    new: new.clone(),
                })?;
                ok(answer, "CambioPIN")?;
                holds(laid.pin() == new, "success, and the card has another PIN")?;
                let mut session = stage.session()?;
                let login = session.login(&stage.typed(&new))?;
                let tries = laid.snapshot().pin_tries;
                holds(login == Answer::Done,
                    format!("the new PIN: {login}; the card has {tries} tries left"))?;
                session.signs(&citizen)
            }).needs(function),
    ]
}

/// Unblocks in a session of the PUK, or in a process of its own.
fn unblock(
    stage: &Stage<'_>,
    session: &mut Session,
    way: Way,
    puk: &str,
    new: &str,
) -> Found<Answer> {
    match way {
        Way::Pkcs11 => {
            let login = session.login_puk(puk)?;
            if login != Answer::Done {
                return Ok(login);
            }
            session.ask(&Request::InitPin(stage.typed(new)))
        }
        Way::Function => stage.once(&Request::Unblock {
            puk: puk.to_owned(),
            new: new.to_owned(),
        }),
    }
}

/// A card whose PIN was blocked by three wrong ones after the enrolment.
fn locked(stage: &Stage<'_>) -> Found<(Citizen, Laid, Session)> {
    let (citizen, laid, mut session) = ready(stage)?;
    for _ in 0..3 {
        session.login(&stage.typed(&citizen.wrong_pin()))?;
    }
    left(&laid, 0, 10)?;
    Ok((citizen, laid, session))
}

fn unblocks(stage: &Stage<'_>, way: Way) -> Found {
    let (citizen, laid, mut session) = locked(stage)?;
    let new = citizen.another_pin();
    ok(
        unblock(stage, &mut session, way, &citizen.puk, &new)?,
        "the unblocking",
    )?;
    left(&laid, 3, 10)?;
    holds(laid.pin() == new, "success, and the card has another PIN")?;
    drop(session);
    let mut session = stage.session()?;
    ok(session.login(&stage.typed(&new))?, "the new PIN")?;
    session.signs(&citizen)
}

fn wrong_puk(stage: &Stage<'_>, way: Way) -> Found {
    let (citizen, laid, mut session) = locked(stage)?;
    let answer = unblock(
        stage,
        &mut session,
        way,
        &citizen.wrong_puk(),
        &citizen.another_pin(),
    )?;
    let told = matches!(way, Way::Function).then_some(9);
    wrong_code(&answer, told)?;
    left(&laid, 0, 9)
}

fn bad_puk(stage: &Stage<'_>, way: Way, puk: &str) -> Found {
    let (citizen, laid, mut session) = locked(stage)?;
    let answer = unblock(stage, &mut session, way, puk, &citizen.another_pin())?;
    holds(answer.is_refused(), format!("it is taken: {answer}"))?;
    left(&laid, 0, 10)
}

fn bad_pin_with_puk(stage: &Stage<'_>, way: Way, new: &str) -> Found {
    let (citizen, laid, mut session) = locked(stage)?;
    let head: String = citizen.pin.chars().take(4).collect();
    let new = format!("{head}{new}");
    let answer = unblock(stage, &mut session, way, &citizen.puk, &new)?;
    holds(answer.is_refused(), format!("it is taken: {answer}"))?;
    holds(laid.pin() == citizen.pin, "refused, and the PIN is changed")?;
    left(&laid, 0, 10)
}

pub(super) fn puk() -> Vec<Row> {
    let before = "a card whose PIN was blocked by three wrong ones";
    let pkcs11 = &[Feature::InitPin];
    let function = &[Feature::Unblock];
    let rows = vec![
        Row::new(
            1,
            "the PIN is unblocked by C_InitPIN",
            PLAN,
            "With the right PUK the PIN is unblocked and has its new value.",
            &[
                (
                    "C_Login(CKU_SO), C_InitPIN",
                    "CKR_OK, 3 and 10 tries, the card has the new PIN",
                ),
                (
                    "C_Login with the new PIN, signature",
                    "the card's signature",
                ),
            ],
            |stage| unblocks(stage, Way::Pkcs11),
        )
        .needs(pkcs11),
        Row::new(
            2,
            "C_Login with a wrong PUK",
            PLAN,
            "A wrong PUK is CKR_PIN_INCORRECT and costs one try of the PUK.",
            &[(
                "C_Login(CKU_SO) with a wrong PUK",
                "CKR_PIN_INCORRECT, 0 and 9 tries left",
            )],
            |stage| wrong_puk(stage, Way::Pkcs11),
        )
        .needs(pkcs11),
        Row::new(
            3,
            "C_Login with a PUK that is too short",
            SPARE,
            "A PUK that is too short is refused and costs no try.",
            &[(
                "C_Login(CKU_SO) with seven digits",
                "refused, 0 and 10 tries left",
            )],
            |stage| bad_puk(stage, Way::Pkcs11, "1234567"),
        )
        .needs(pkcs11),
        Row::new(
            4,
            "C_Login with a PUK with letters",
            SPARE,
            "A PUK with letters is refused and costs no try.",
            &[(
                "C_Login(CKU_SO) with letters",
                "refused, 0 and 10 tries left",
            )],
            |stage| bad_puk(stage, Way::Pkcs11, "1234567x"),
        )
        .needs(pkcs11),
        Row::new(
            5,
            "the PIN is unblocked by the function",
            PLAN,
            "With the right PUK the PIN is unblocked and has its new value.",
            &[
                (
                    "SbloccoPIN",
                    "CKR_OK, 3 and 10 tries, the card has the new PIN",
                ),
                (
                    "C_Login with the new PIN, signature",
                    "the card's signature",
                ),
            ],
            |stage| unblocks(stage, Way::Function),
        )
        .needs(function),
        Row::new(
            6,
            "the function with a wrong PUK",
            PLAN,
            "A wrong PUK is said to be wrong with the tries that are left, which are the card's.",
            &[(
                "SbloccoPIN with a wrong PUK",
                "CKR_PIN_INCORRECT, 0 and 9 tries left",
            )],
            |stage| wrong_puk(stage, Way::Function),
        )
        .needs(function),
        Row::new(
            7,
            "the function with a PUK that is too short",
            PLAN,
            "A PUK that is too short is refused and costs no try.",
            &[(
                "SbloccoPIN with seven digits",
                "refused, 0 and 10 tries left",
            )],
            |stage| bad_puk(stage, Way::Function, "1234567"),
        )
        .needs(function),
        Row::new(
            8,
            "the function with a PUK with letters",
            WINDOW,
            "A PUK with letters is refused and costs no try.",
            &[("SbloccoPIN with letters", "refused, 0 and 10 tries left")],
            |stage| bad_puk(stage, Way::Function, "1234567x"),
        )
        .needs(function),
        Row::new(
            9,
            "the function to a PIN with letters",
            WINDOW,
            "A new PIN with letters is refused, and the PIN stays blocked.",
            &[(
                "SbloccoPIN to letters",
                "refused, 0 and 10 tries left, the PIN is as before",
            )],
            |stage| bad_pin_with_puk(stage, Way::Function, "12a4"),
        )
        .needs(function),
        Row::new(
            10,
            "C_InitPIN to a PIN with letters",
            WINDOW,
            "A new PIN with letters is refused, and the PIN stays blocked.",
            &[(
                "C_Login(CKU_SO), C_InitPIN to letters",
                "refused, 0 and 10 tries left, the PIN is as before",
            )],
            |stage| bad_pin_with_puk(stage, Way::Pkcs11, "12a4"),
        )
        .needs(pkcs11),
        Row::new(
            11,
            "C_InitPIN without the PUK",
            SESSIONS,
            "C_InitPIN is for who is logged in with the PUK.",
            &[(
                "C_InitPIN without C_Login(CKU_SO)",
                "refused, the PIN is as before",
            )],
            |stage| {
                let (citizen, laid, mut session) = locked(stage)?;
                let answer = session.ask(&Request::InitPin(stage.typed(&citizen.another_pin())))?;
                holds(answer.is_refused(), format!("it is taken: {answer}"))?;
                holds(laid.pin() == citizen.pin, "the PIN is changed")?;
                left(&laid, 0, 10)
            },
        )
        .needs(pkcs11),
    ];
    rows.into_iter().map(|row| row.before(before)).collect()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Removal and reset at every exchange, several processes, swapped cards.

use super::fault::{ask, login};
use super::login::{again, left};
use super::{BY_HAND, ERRORS, Ground, Row, SESSIONS};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::door::{Laid, Trouble, locked, next_try};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{
    REFUSED, Session, Stage, is_signature, no_token, ok, token_slot, usual_info, usual_signature,
};
use cie_driver::{Answer, Request};
use cie_reader::ReaderSpec;
use std::time::Duration;

/// The standard lets C_GetSlotList fail, and says of a list only what is on it.
const STAYS: Ground = Ground(
    Basis::Inferred,
    "PKCS #11 v2.40, section 5.5 (C_GetSlotList): a slot with a token is listed, whatever happens to another slot",
);

/// Exchanges of a signature that are tried at most; a client that needs more
/// is tried at so many of them, evenly.
const MOST: usize = 60;

/// Exchanges of an enrolment, a login or a change of the PIN that are tried at
/// most: the last ones, and others evenly.
const FEW: usize = 40;
/// The last exchanges, at one of which the card does it: with every event.
const LAST: usize = 4;

pub(super) fn events() -> Vec<Row> {
    let requirement = "Whatever happens during a signature, the module tells an error or gives a right signature, within the time limit; after a new login the same process signs again, no try is lost, and the right PIN is not called wrong or blocked.";
    let inserted = "Whatever is put in during a signature, the module tells an error or gives a right signature, within the time limit; after a new login it signs again, at the latest after C_Finalize and C_Initialize, no try is lost, of no card, and the right PIN is not called wrong or blocked.";
    let during = |number, trouble: Trouble| {
        let requirement = match trouble.is_insertion() {
            true => inserted,
            false => requirement,
        };
        Row::new(
            number,
            format!(
                "{} at every exchange of a signature, at {MOST} of them if there are more",
                trouble.name()
            ),
            ERRORS,
            requirement,
            &[
                (
                    "a signature, to count its exchanges",
                    "the card's signature",
                ),
                (
                    "for each of its exchanges, or 60 of them, evenly: login, signature with the event there",
                    "an error or the card's signature",
                ),
                (
                    "the card back in unless it is there, login, signature",
                    "the card's signature, 3 tries left",
                ),
            ],
            move |stage| during_signature(stage, trouble),
        )
        .version(2)
    };
    let mut rows: Vec<Row> = (1..)
        .zip(Trouble::ALL)
        .map(|(number, trouble)| during(number, trouble))
        .collect();
    rows.push(
        Row::new(
            5,
            format!("removal at every exchange of a login, at {MOST} of them if there are more"),
            ERRORS,
            "Whatever happens during a login, the module tells an error or logs in, within the time limit; no try is lost, and the right PIN is not called wrong or blocked.",
            &[
                ("for each exchange of a login, or 60 of them, evenly: the login with the removal there", "an error or a login"),
                ("the card back in, login, signature", "the card's signature, 3 tries left"),
            ],
            during_login,
        )
        .version(2),
    );
    rows.push(Row::new(
        6,
        format!("the reader is unplugged at every exchange of a signature, at {MOST} of them if there are more"),
        ERRORS,
        "When the reader vanishes with the card, the module tells an error or gives a right signature, within the time limit. When it is there again, the module signs after a new login, or at the latest after C_Finalize and C_Initialize.",
        &[
            ("for each exchange of a signature, or 60 of them, evenly: login, signature with the unplugging there", "an error or the card's signature"),
            ("the slots are listed", "an error, or no slot with a token"),
            ("the reader is plugged in again with the card; login, signature; if refused, again after C_Finalize and C_Initialize", "the card's signature, 3 tries left"),
        ],
        unplugged,
    )
    .version(2));
    rows.push(
        Row::new(
            7,
            "the other one of two readers is unplugged",
            STAYS,
            "A reader that goes does not hide the card in another one: it is listed, and signs after a new login, at the latest after C_Finalize and C_Initialize.",
            &[
                ("the first reader is unplugged while a session is open to the card in the second", ""),
                ("C_GetSlotList, login, signature; if refused, again after C_Finalize and C_Initialize", "the card's signature"),
                ("the card's counters", "3 and 10"),
            ],
            other_unplugged,
        )
        .before("two readers, the first without a card, the card in the second"),
    );
    rows.push(during(8, Trouble::PutBack));
    rows.push(
        during(9, Trouble::Beside).before("two readers, the card in the first, the second empty"),
    );
    rows.extend(Deed::ALL.map(Deed::row));
    rows
}

/// What is asked for is done once the module has begun anew at the latest.
fn works_again(stage: &Stage<'_>, session: &mut Session, citizen: &Citizen) -> Found {
    let works = |session: &mut Session| {
        let slot = token_slot(&mut session.driver)?;
        again(stage, session, slot, citizen)?;
        session.signs(citizen)
    };
    match works(session) {
        Err(Finding::Fault(why)) => {
            // It may be refused.
            session.ask(&Request::Finalize)?;
            ok(session.ask(&Request::Initialize)?, "C_Initialize")
                .and_then(|()| works(session))
                .map_err(|f| f.at(format!("{why}; and after C_Finalize")))
        }
        other => other,
    }
}

fn unplugged(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let mut total = 1;
    let mut at = 0;
    // The first try only counts.
    while at <= total {
        next_try(&stage.log);
        let stage = stage.fresh()?;
        let laid = stage.insert(&citizen)?;
        let mut session = stage.logged_in(&citizen)?;
        laid.exchanges();
        if at > 0 {
            laid.plan(at, Trouble::Unplugged);
        }
        let place = format!("exchange {at} of {total}");
        let answer = session.sign_usual().map_err(|f| f.at(&place))?;
        let happened = laid.settle();
        if let Answer::Bytes(signature) = &answer {
            is_signature(&citizen, signature).map_err(|f| f.at(&place))?;
        }
        if at == 0 {
            total = laid.exchanges();
        } else if happened {
            back(&stage, &mut session, &citizen, &laid).map_err(|f| f.at(&place))?;
        }
        at += total.div_ceil(MOST).max(1);
    }
    Ok(())
}

/// The reader is gone, and comes again.
fn back(stage: &Stage<'_>, session: &mut Session, citizen: &Citizen, laid: &Laid) -> Found {
    // At this moment a refusal is right as well.
    let request = Request::Slots { with_token: true };
    if let Answer::Slots(_) = session.ask(&request)? {
        match no_token(&mut session.driver) {
            Err(Finding::Fault(why)) if why.starts_with(REFUSED) => {}
            other => other?,
        }
    }
    stage.plug(laid)?;
    works_again(stage, session, citizen).map_err(|f| f.at("the reader is there again"))?;
    left(laid, 3, 10)
}

fn other_unplugged(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let laid = Laid::new(&citizen, &stage.log)?;
    let reader = ReaderSpec::empty("Bench Reader 01 00");
    let second = stage.hand().add_reader(reader).map_err(Finding::ours)?;
    laid.lies(second, stage.hand());
    stage
        .hand()
        .insert_card(second, Box::new(laid.clone()))
        .map_err(Finding::ours)?;
    let mut session = stage.logged_in(&citizen)?;
    session.signs(&citizen)?;
    stage.hand().remove_reader(0).map_err(Finding::ours)?;
    works_again(stage, &mut session, &citizen)
        .map_err(|f| f.at("after the other reader was unplugged"))?;
    left(&laid, 3, 10)
}

/// What has a card do something that lasts, or the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Enrolment,
    SetPin,
    InitPin,
    ChangePin,
    Unblock,
    Login,
}

const AT_EACH: &str = "at each of them, or at 40, evenly and with the last four, one of these in turn, and all of them at the last four: removal before and after the answer, reset, insertion of the same card, insertion of another one into a second reader";

impl Deed {
    const ALL: [Self; 6] = [
        Self::Enrolment,
        Self::SetPin,
        Self::InitPin,
        Self::ChangePin,
        Self::Unblock,
        Self::Login,
    ];

    fn row(self) -> Row {
        let (number, name, needs): (_, _, &'static [Feature]) = match self {
            Self::Enrolment => (10, "an enrolment", &[Feature::Enrol]),
            Self::SetPin => (11, "C_SetPIN", &[Feature::SetPin]),
            Self::InitPin => (12, "C_InitPIN", &[Feature::InitPin]),
            Self::ChangePin => (13, "CambioPIN", &[Feature::ChangePin]),
            Self::Unblock => (14, "SbloccoPIN", &[Feature::Unblock]),
            Self::Login => (15, "a login", &[]),
        };
        let (requirement, steps): (_, &'static [(&str, &str)]) = match self {
            Self::Enrolment => (
                "Whatever happens during an enrolment, the module tells an error or enrols the card, within the time limit; no try is lost, and the card can be enrolled afterwards. By choice of this project no other card is touched.",
                &[
                    ("an enrolment, to count its exchanges", "CKR_OK"),
                    (
                        AT_EACH,
                        "an error or CKR_OK; 3 and 10 tries left; 3 and 10 on the other card",
                    ),
                    (
                        "then: the card in the reader alone; enrolment unless it is done; after the last one login and signature",
                        "CKR_OK or CARD_ALREADY_ENABLED; the card's signature",
                    ),
                ],
            ),
            Self::Login => (
                "Whatever happens during a login, the module tells an error or logs in, within the time limit; no try is lost, of no card.",
                &[
                    ("a login, to count its exchanges", "CKR_OK"),
                    (
                        AT_EACH,
                        "an error or CKR_OK; 3 and 10 tries left; 3 and 10 on the other card",
                    ),
                    (
                        "after the last one: the card in the reader alone, login and signature",
                        "the card's signature",
                    ),
                ],
            ),
            _ => (
                "Whatever happens while the PIN is changed, the card has the old PIN or the new one, and the module says that it is done only if the card has the new one; the right codes cost no try, and nothing happens to another card. Of a function without a session this last is a choice of this project.",
                &[
                    (
                        "the change, to count its exchanges",
                        "CKR_OK, the card has the new PIN",
                    ),
                    (
                        AT_EACH,
                        "an error, and the card has the old PIN with its tries or the new one with 3; or CKR_OK and the new one; 3 and 10 on the other card (of the functions beside PKCS #11 by choice)",
                    ),
                    (
                        "after the last one: the card in the reader alone, login with the PIN that it has, and signature",
                        "the card's signature",
                    ),
                ],
            ),
        };
        Row::new(
            number,
            format!(
                "removal, reset and insertion in turn at every exchange of {name}, at {FEW} of them if there are more"
            ),
            ERRORS,
            requirement,
            steps,
            move |stage| during_deed(stage, self),
        )
        .needs(needs)
        .before("two readers, the card in the first, the second empty")
    }
}

/// The exchanges to try, with the event at each.
fn few(total: usize) -> Vec<(usize, Trouble)> {
    let rest = total.saturating_sub(LAST);
    let early = rest.min(FEW - LAST);
    let early = (0..early)
        .map(|i| 1 + i * rest / early)
        .zip(Trouble::EVENTS.into_iter().cycle());
    let late = (rest + 1..=total).flat_map(|at| Trouble::EVENTS.map(|trouble| (at, trouble)));
    early.chain(late).collect()
}

fn during_deed(stage: &mut Stage<'_>, deed: Deed) -> Found {
    let citizen = stage.usual()?;
    let other = Citizen::other(stage.seed())?;
    let total = one_deed(stage, &citizen, &other, deed, None, false)
        .map_err(|f| f.at("without any event"))?;
    let places = few(total);
    let tries = places.len();
    let mut chosen = None;
    for (turn, event) in (1..).zip(places) {
        let (at, trouble) = event;
        let done = one_deed(stage, &citizen, &other, deed, Some(event), turn == tries)
            .map_err(|f| f.at(format!("exchange {at} of {total}, {}", trouble.name())));
        match done {
            // Something worse may come.
            Err(Finding::Chosen(why)) => {
                let evidence = || locked(&stage.log).clone();
                chosen.get_or_insert_with(|| (why, evidence()));
            }
            other => drop(other?),
        }
    }
    let Some((why, evidence)) = chosen else {
        return Ok(());
    };
    *locked(&stage.log) = evidence;
    Err(Finding::Chosen(why))
}

/// Once, with an event at an exchange; how many exchanges it took.
fn one_deed(
    stage: &Stage<'_>,
    citizen: &Citizen,
    other: &Citizen,
    deed: Deed,
    event: Option<(usize, Trouble)>,
    used: bool,
) -> Found<usize> {
    next_try(&stage.log);
    let stage = stage.fresh()?;
    let laid = stage.insert(citizen)?;
    let beside = Laid::new(other, &stage.log)?;
    let spec = ReaderSpec::empty("Bench Reader 01 00");
    let second = stage.hand().add_reader(spec).map_err(Finding::ours)?;
    beside.lies(second, stage.hand());
    laid.beside(second, &beside);
    let before = laid.snapshot().pin_tries;
    let new = citizen.another_pin();
    let begin = || {
        laid.exchanges();
        if let Some((at, trouble)) = event {
            laid.plan(at, trouble);
        }
    };
    let answer = match deed {
        Deed::Enrolment => {
            begin();
            stage.once(&Request::Enrol(citizen.pin.clone()))?
        }
        Deed::ChangePin => {
            stage.enrol(citizen)?;
            begin();
            let (old, new) = (citizen.pin.clone(), new.clone());
            stage.once(&Request::ChangePin { old, new })?
        }
        Deed::Unblock => {
            stage.enrol(citizen)?;
            begin();
            let (puk, new) = (citizen.puk.clone(), new.clone());
            stage.once(&Request::Unblock { puk, new })?
        }
        Deed::SetPin => {
            // With a login, since some modules want one.
            let mut session = stage.logged_in(citizen)?;
            begin();
            let (old, new) = (stage.typed(&citizen.pin), stage.typed(&new));
            session.ask(&Request::SetPin { old, new })?
        }
        Deed::Login => {
            let mut session = stage.begin(citizen)?;
            begin();
            session.login(&stage.typed(&citizen.pin))?
        }
        Deed::InitPin => {
            let mut session = stage.begin(citizen)?;
            ok(session.login_puk(&citizen.puk)?, "C_Login with the PUK")?;
            begin();
            session.ask(&Request::InitPin(stage.typed(&new)))?
        }
    };
    let count = laid.exchanges();
    laid.settle();
    if event.is_none() && answer != Answer::Done {
        // Other cases are about that.
        return Err(Finding::Undecided(format!("it is refused: {answer}")));
    }
    let pin = laid.pin();
    let done = answer == Answer::Done;
    if matches!(deed, Deed::Enrolment | Deed::Login) {
        holds(pin == citizen.pin, "the card has another PIN")?;
        left(&laid, before, 10)?;
    } else {
        let changed = pin == new;
        holds(
            changed || pin == citizen.pin,
            "the card has neither the old PIN nor the new one",
        )?;
        holds(changed || !done, "success, and the card has the old PIN")?;
        left(&laid, if changed { 3 } else { before }, 10)?;
    }
    left(&beside, 3, 10).map_err(|f| {
        let f = f.at("the other card");
        // A session is one card's. A function without one may take any card.
        match deed {
            Deed::SetPin | Deed::InitPin | Deed::Login => f,
            Deed::Enrolment | Deed::ChangePin | Deed::Unblock => f.chosen(),
        }
    })?;
    // A module that has none has nothing to find again.
    drop(stage.hand().remove_reader(second));
    stage.clear();
    stage.lay(&laid)?;
    if deed == Deed::Enrolment && event.is_some() {
        let again = stage.once(&Request::Enrol(citizen.pin.clone()))?;
        holds(
            again == Answer::Done || again.is("CARD_ALREADY_ENABLED"),
            format!("the enrolment afterwards: {again}"),
        )?;
    }
    if used {
        let mut session = stage.session()?;
        ok(session.login(&stage.typed(&pin))?, "the login afterwards")?;
        session.signs(citizen)?;
        left(&laid, 3, 10)?;
    }
    Ok(count)
}

/// The exchanges to try out of so many.
fn chosen(total: usize) -> Vec<usize> {
    if total <= MOST {
        return (1..=total).collect();
    }
    (0..MOST)
        .map(|i| 1 + i * (total - 1) / (MOST - 1))
        .collect()
}

fn during_signature(stage: &mut Stage<'_>, trouble: Trouble) -> Found {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.logged_in(&citizen)?;
    laid.exchanges();
    session.signs(&citizen)?;
    let total = laid.exchanges();
    drop(session);
    let mut second = None;
    if trouble == Trouble::Beside {
        let reader = ReaderSpec::empty("Bench Reader 01 00");
        let number = stage.hand().add_reader(reader).map_err(Finding::ours)?;
        second = Some((number, Citizen::other(stage.seed())?));
    }
    for at in chosen(total) {
        next_try(&stage.log);
        // A fresh card and a fresh process; the home stays.
        stage.clear();
        let laid = stage.insert(&citizen)?;
        let place = format!("exchange {at} of {total}");
        let mut beside = None;
        if let Some((reader, other)) = &second {
            let other = Laid::new(other, &stage.log)?;
            laid.beside(*reader, &other);
            beside = Some((*reader, other));
        }
        one_signature(stage, &citizen, &laid, at, trouble, beside).map_err(|f| f.at(place))?;
    }
    Ok(())
}

fn one_signature(
    stage: &Stage<'_>,
    citizen: &Citizen,
    laid: &Laid,
    at: usize,
    trouble: Trouble,
    beside: Option<(usize, Laid)>,
) -> Found {
    let mut session = stage.session()?;
    ok(
        session.login(&stage.typed(&citizen.pin))?,
        "the login before",
    )?;
    laid.plan(at, trouble);
    let answer = ask(&mut session, laid, &usual_signature())?;
    let happened = laid.settle();
    if let Answer::Bytes(signature) = &answer {
        is_signature(citizen, signature)?;
    }
    if let Some((reader, other)) = beside {
        left(&other, 3, 10).map_err(|f| f.at("the other card"))?;
        // Nothing if it was not put in.
        drop(stage.hand().remove_card(reader));
    }
    if !happened {
        return Ok(());
    }
    if trouble.is_insertion() {
        // The card is there. A module may still be busy with what it has seen.
        works_again(stage, &mut session, citizen).map_err(|f| f.at("afterwards"))?;
        return left(laid, 3, 10);
    }
    recovered(stage, &mut session, citizen, laid)
}

/// The card is back, and everything works again.
fn recovered(stage: &Stage<'_>, session: &mut Session, citizen: &Citizen, laid: &Laid) -> Found {
    stage.clear();
    no_token(&mut session.driver)?;
    stage.lay(laid)?;
    let slot = token_slot(&mut session.driver)?;
    again(stage, session, slot, citizen).map_err(|f| f.at("afterwards"))?;
    session.signs(citizen).map_err(|f| f.at("afterwards"))?;
    left(laid, 3, 10)
}

fn during_login(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.begin(&citizen)?;
    laid.exchanges();
    ok(session.login(&stage.typed(&citizen.pin))?, "the login")?;
    let total = laid.exchanges();
    drop(session);
    for at in chosen(total) {
        next_try(&stage.log);
        stage.clear();
        let laid = stage.insert(&citizen)?;
        let run = || {
            let mut session = stage.session()?;
            laid.plan(at, Trouble::Removed);
            let answer = login(stage, &mut session, &citizen, &laid)?;
            if !laid.settle() {
                return Ok(());
            }
            holds(
                answer != Answer::Done || laid.snapshot().pin_tries == 3,
                "success, and a try is spent",
            )?;
            recovered(stage, &mut session, &citizen, &laid)
        };
        run().map_err(|f: Finding| f.at(format!("exchange {at} of {total}")))?;
    }
    Ok(())
}

pub(super) fn processes() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "two processes sign at the same time",
            ERRORS,
            "Two processes that use the card at the same time both get their signatures; a signature that is given verifies.",
            &[
                ("two processes log in", "CKR_OK"),
                (
                    "both sign ten times, at the same time",
                    "the card's signature each time; after a login of the other a new login may be asked for",
                ),
            ],
            both_sign,
        ),
        Row::new(
            2,
            "a process without a login beside one with a login",
            SESSIONS,
            "A login is one application's: another one does not sign on it.",
            &[
                ("one process logs in and signs", "CKR_OK"),
                ("another process signs without a login", "refused"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let mut first = stage.logged_in(&citizen)?;
                first.signs(&citizen)?;
                let mut second = stage.session()?;
                let answer = second.sign_usual()?;
                holds(
                    !matches!(answer, Answer::Bytes(_)),
                    "a process that never logged in has a signature",
                )
            },
        ),
        Row::new(
            3,
            "a wrong PIN in another process",
            SESSIONS,
            "A wrong PIN typed in one process costs one try and no more, whatever another process does.",
            &[
                ("one process logs in", "CKR_OK"),
                ("another process: a wrong PIN", "CKR_PIN_INCORRECT"),
                (
                    "the first process signs",
                    "the card's signature or an error; at most one try spent",
                ),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut first = stage.logged_in(&citizen)?;
                let mut second = stage.session()?;
                let wrong = second.login(&stage.typed(&citizen.wrong_pin()))?;
                holds(
                    wrong.is("CKR_PIN_INCORRECT"),
                    format!("a wrong PIN: {wrong}"),
                )?;
                if let Answer::Bytes(signature) = first.sign_usual()? {
                    is_signature(&citizen, &signature)?;
                }
                let tries = laid.snapshot().pin_tries;
                holds(
                    tries >= 2,
                    format!("{tries} tries are left after one wrong PIN"),
                )
            },
        ),
    ]
}

fn both_sign(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    stage.enrol(&citizen)?;
    let typed = stage.typed(&citizen.pin);
    let mut both = [stage.session()?, stage.session()?];
    for session in &mut both {
        ok(session.login(&typed)?, "the login")?;
    }
    let request = Request::Sign {
        mechanism: "CKM_RSA_PKCS".to_owned(),
        data: hex::encode(usual_info()),
        pieces: 1,
    };
    let mut given = 0;
    for turn in 1..=10 {
        for session in &mut both {
            session.driver.send(&request)?;
        }
        let mut answers = Vec::new();
        for session in &mut both {
            answers.push(session.driver.wait(&request)?);
        }
        // One after the other, so that nobody is in the way of a new login.
        for (session, answer) in both.iter_mut().zip(answers) {
            match answer {
                Answer::Bytes(signature) => {
                    is_signature(&citizen, &signature)
                        .map_err(|f| f.at(format!("signature {turn}")))?;
                }
                // The card forgets a PIN when another process begins with it.
                refused if refused.is_refused() => {
                    session.ask(&Request::Logout)?;
                    ok(session.login(&typed)?, "a new login")
                        .map_err(|f| f.at(format!("after {refused}")))?;
                    session
                        .signs(&citizen)
                        .map_err(|f| f.at(format!("after {refused} and a new login")))?;
                }
                other => return Err(Finding::Fault(format!("signature {turn}: {other}"))),
            }
            given += 1;
        }
    }
    holds(given == 20, format!("{given} of 20 signatures"))?;
    left(&laid, 3, 10)
}

const CROSS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.6: the removal of a token ends its sessions and the login",
);

/// No standard says how soon a module looks whose card it is; hands are slower.
const SWAPPED: Ground = Ground(
    Basis::Choice,
    "a card that is swapped faster than a hand can is another card all the same",
);

pub(super) fn swaps() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "another citizen's card instead, while logged in",
            CROSS,
            "A login to one card is none to another: what comes is an error, and no signature of either card.",
            &[
                (
                    "login to the first card, signature",
                    "the first card's signature",
                ),
                ("the first card out, the second in", ""),
                (
                    "C_Sign in the same session",
                    "refused; the second card's counters are 3 and 10",
                ),
            ],
            |stage| {
                let (one, two) = (stage.usual()?, Citizen::other(stage.seed())?);
                stage.insert(&one)?;
                let mut session = stage.logged_in(&one)?;
                session.signs(&one)?;
                stage.take_out()?;
                let laid = stage.insert(&two)?;
                let answer = session.sign_usual()?;
                holds(
                    !matches!(answer, Answer::Bytes(_)),
                    "a signature in the session of a card that is gone",
                )?;
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            2,
            "the first citizen's PIN is not sent to the second card",
            CROSS,
            "After a swap the module does not send the old card's PIN to the new one by itself.",
            &[
                ("login to the first card, swap", ""),
                (
                    "C_GetSlotList, C_GetTokenInfo, C_OpenSession, C_FindObjects",
                    "the second card's counters are 3 and 10",
                ),
                (
                    "C_Sign, twice",
                    "refused; the second card's counters are 3 and 10",
                ),
            ],
            |stage| {
                let (one, two) = (stage.usual()?, Citizen::other(stage.seed())?);
                stage.insert(&one)?;
                let mut session = stage.logged_in(&one)?;
                stage.take_out()?;
                let laid = stage.insert(&two)?;
                let slot = token_slot(&mut session.driver)?;
                session.ask(&Request::Token(slot))?;
                session.ask(&Request::Open(slot))?;
                session.ask(&Request::Objects)?;
                left(&laid, 3, 10)?;
                for _ in 0..2 {
                    let answer = session.sign_usual()?;
                    holds(
                        !matches!(answer, Answer::Bytes(_)),
                        "a signature without a login",
                    )?;
                }
                left(&laid, 3, 10)
            },
        ),
        Row::new(
            3,
            "the second citizen's certificate after the swap",
            CROSS,
            "After a swap and a new login the certificate and the signatures are the second citizen's.",
            &[
                (
                    "both cards enrolled if need be; login to the first, swap",
                    "",
                ),
                (
                    "login to the second, C_FindObjects",
                    "the second card's certificate, and not the first's with a key of the second",
                ),
                ("C_Sign", "the second card's signature"),
            ],
            |stage| second_certificate(stage, BY_HAND),
        )
        .version(2),
        Row::new(
            4,
            "a card that was not enrolled, where another one is",
            CROSS,
            "An enrolment is one card's: a login to another card does not use what is kept of it.",
            &[
                ("the first card enrolled; the second in the reader", ""),
                (
                    "C_OpenSession, C_Login with the second card's PIN",
                    "refused, or a login that signs as the second citizen",
                ),
                ("the second card's counters", "3 and 10"),
            ],
            |stage| {
                let (one, two) = (stage.usual()?, Citizen::other(stage.seed())?);
                stage.insert(&one)?;
                stage.enrol(&one)?;
                stage.take_out()?;
                let laid = stage.insert(&two)?;
                let mut driver = stage.initialized()?;
                let slot = token_slot(&mut driver)?;
                if driver.ask(&Request::Open(slot))? == Answer::Done {
                    let mut session = Session { driver, slot };
                    if session.login(&stage.typed(&two.pin))? == Answer::Done {
                        session.signs(&two)?;
                    }
                }
                left(&laid, 3, 10)
            },
        )
        .needs(&[Feature::Enrol]),
        Row::new(
            5,
            "the second citizen's certificate after a swap that no hand can do",
            SWAPPED,
            "A module that has seen the first card go, and finds a card again at once, looks whose it is: after a new login the certificate and the signatures are the second citizen's.",
            &[
                (
                    "both cards enrolled if need be; login to the first",
                    "",
                ),
                ("the first out; as soon as no slot has a token, the second in", ""),
                (
                    "login to the second, C_FindObjects",
                    "the second card's certificate, and not the first's with a key of the second",
                ),
                ("C_Sign", "the second card's signature"),
            ],
            |stage| second_certificate(stage, Duration::ZERO),
        ),
    ]
}

/// The swap, with the reader empty for so long at least after the module has
/// seen that it is.
fn second_certificate(stage: &Stage<'_>, empty: Duration) -> Found {
    let (one, two) = (stage.usual()?, Citizen::other(stage.seed())?);
    stage.insert(&two)?;
    stage.enrol(&two)?;
    stage.take_out()?;
    stage.insert(&one)?;
    let mut session = stage.logged_in(&one)?;
    session.signs(&one)?;
    stage.take_out()?;
    no_token(&mut session.driver)?;
    std::thread::sleep(empty);
    stage.insert(&two)?;
    let slot = token_slot(&mut session.driver)?;
    again(stage, &mut session, slot, &two)?;
    session.signs(&two)?;
    let objects = session.objects()?;
    let theirs = hex::encode(&two.certificate);
    holds(
        objects.iter().any(|o| o.value == theirs),
        "the second card's certificate is not seen",
    )?;
    let before = hex::encode(&one.certificate);
    holds(
        objects.iter().all(|o| o.value != before),
        "the first card's certificate is seen on the second card's token",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_exchange_or_evenly_many() {
        assert_eq!(chosen(3), [1, 2, 3]);
        let many = chosen(500);
        assert_eq!((many.len(), many[0], many[MOST - 1]), (MOST, 1, 500));
    }

    #[test]
    fn a_few_exchanges_are_the_last_ones_with_every_event_and_others() {
        assert_eq!(few(2).len(), 2 * Trouble::EVENTS.len());
        for total in 1..200 {
            let few = few(total);
            let places: BTreeSet<_> = few.iter().map(|(at, _)| *at).collect();
            assert_eq!(places.len(), total.min(FEW), "{total}");
            assert!(places.iter().all(|at| (1..=total).contains(at)));
            for at in total.saturating_sub(LAST) + 1..=total {
                for trouble in Trouble::EVENTS {
                    assert!(few.contains(&(at, trouble)), "{at} of {total}");
                }
            }
        }
    }
}

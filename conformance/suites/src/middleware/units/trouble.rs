// SPDX-License-Identifier: MIT OR Apache-2.0
//! Removal and reset at every exchange, several processes, swapped cards.

use super::fault::{ask, login};
use super::login::{again, left};
use super::{ERRORS, Ground, Row, SESSIONS};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::door::{Laid, Trouble};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{
    Session, Stage, is_signature, no_token, ok, token_slot, usual_info, usual_signature,
};
use cie_driver::{Answer, Request};

/// Exchanges of a signature that are tried at most; a client that needs more
/// is tried at so many of them, evenly.
const MOST: usize = 60;

pub(super) fn events() -> Vec<Row> {
    let requirement = "Whatever happens during a signature, the module tells an error or gives a right signature, within the time limit; after a new login the same process signs again, no try is lost, and the right PIN is not called wrong or blocked.";
    let mut rows: Vec<Row> = (1..)
        .zip(Trouble::ALL)
        .map(|(number, trouble)| {
            Row::new(
                number,
                format!("{} at every exchange of a signature", trouble.name()),
                ERRORS,
                requirement,
                &[
                    (
                        "a signature, to count its exchanges",
                        "the card's signature",
                    ),
                    (
                        "for each of its exchanges: login, signature with the event there",
                        "an error or the card's signature",
                    ),
                    (
                        "the card back in, login, signature",
                        "the card's signature, 3 tries left",
                    ),
                ],
                move |stage| during_signature(stage, trouble),
            )
            .version(2)
        })
        .collect();
    rows.push(
        Row::new(
            5,
            "removal at every exchange of a login",
            ERRORS,
            "Whatever happens during a login, the module tells an error or logs in, within the time limit; no try is lost, and the right PIN is not called wrong or blocked.",
            &[
                ("for each exchange of a login: the login with the removal there", "an error or a login"),
                ("the card back in, login, signature", "the card's signature, 3 tries left"),
            ],
            during_login,
        )
        .version(2),
    );
    rows.push(Row::new(
        6,
        "the reader is unplugged at every exchange of a signature",
        ERRORS,
        "When the reader vanishes with the card, the module tells an error or gives a right signature, within the time limit, and ends in order.",
        &[
            ("for each exchange of a signature: login, signature with the unplugging there", "an error or the card's signature"),
            ("the slots are listed", "no slot with a token"),
        ],
        unplugged,
    ));
    rows
}

fn unplugged(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let mut total = 1;
    let mut at = 0;
    // The first try only counts.
    while at <= total {
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
            no_token(&mut session.driver).map_err(|f| f.at(&place))?;
        }
        at += total.div_ceil(MOST).max(1);
    }
    Ok(())
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
    for at in chosen(total) {
        // A fresh card and a fresh process; the home stays.
        stage.clear();
        let laid = stage.insert(&citizen)?;
        let place = format!("exchange {at} of {total}");
        one_signature(stage, &citizen, &laid, at, trouble).map_err(|f| f.at(place))?;
    }
    Ok(())
}

fn one_signature(
    stage: &Stage<'_>,
    citizen: &Citizen,
    laid: &Laid,
    at: usize,
    trouble: Trouble,
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
    if !happened {
        return Ok(());
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
            |stage| {
                let (one, two) = (stage.usual()?, Citizen::other(stage.seed())?);
                stage.insert(&two)?;
                stage.enrol(&two)?;
                stage.take_out()?;
                stage.insert(&one)?;
                let mut session = stage.logged_in(&one)?;
                session.signs(&one)?;
                stage.take_out()?;
                no_token(&mut session.driver)?;
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
            },
        ),
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
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exchange_or_evenly_many() {
        assert_eq!(chosen(3), [1, 2, 3]);
        let many = chosen(500);
        assert_eq!((many.len(), many[0], many[MOST - 1]), (MOST, 1, 500));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What people have complained of in public, where no other case has it.
//! `ci/known-issues.toml` says whose complaint each is.

use super::login::left;
use super::{ERRORS, Ground, PLAN, Row, SLOTS};
use crate::catalogue::Basis;
use crate::ics::{Codes, Feature};
use crate::middleware::blame::{Said, fair};
use crate::middleware::child::Driver;
use crate::middleware::door::{Laid, Stranger};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Stage, is_signature, no_token, ok, usual_info};
use cie_driver::{Answer, Request, Token};
use cie_reader::ReaderSpec;
use std::path::Path;
use std::time::Duration;

/// How long a module is watched that has nothing to do.
const IDLE: Duration = Duration::from_secs(3);

/// How much it may write meanwhile, in bytes. A line a second would be a few
/// hundred; a browser runs for days.
const MURMUR: u64 = 16 * 1024;

/// An answer to reset of a card of the national services (CNS), as published
/// with LudovicRousseau/pcsc-tools#95.
const SERVICES_CARD: [u8; 24] = [
    0x3B, 0xFF, 0x18, 0x00, 0xFF, 0x81, 0x31, 0xFE, 0x55, 0x00, 0x6B, 0x02, 0x09, 0x16, 0x17, 0x01,
    0x11, 0x01, 0x43, 0x4E, 0x53, 0x11, 0x31, 0x80,
];

/// The issuer's plan has one reader.
const BESIDE: Ground = Ground(
    Basis::Client,
    "public complaint italia/cie-middleware#174: a card of another kind in another reader hides the CIE",
);

const LENGTHS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 3.2 (CK_TOKEN_INFO: ulMinPinLen, ulMaxPinLen) and section 5.1 (CKR_PIN_INCORRECT: the PIN does not match)",
);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "no reader at all",
            SLOTS,
            "Without a reader a module can be loaded, initialised and asked, and has nothing to write down.",
            &[
                ("C_Initialize", "CKR_OK"),
                ("C_GetSlotList(tokenPresent)", "no slot, or an error"),
                (
                    "three seconds in which nothing is asked",
                    "not more than 16 KiB are written below the home",
                ),
                ("C_Finalize", "CKR_OK"),
            ],
            no_reader,
        )
        .before("a PC/SC server without readers"),
        Row::new(
            2,
            "a card of another kind lies in the first of two readers",
            BESIDE,
            "A card that is no CIE does not hide one in another reader.",
            &[
                ("C_GetSlotList; enrolment if need be", "the CIE is found"),
                ("C_Login with the right PIN, C_Sign", "the card's signature"),
                ("the card's counters", "3 and 10"),
            ],
            beside_another,
        )
        .before("two readers: a card of the national services in the first, the CIE in the second"),
        Row::new(
            3,
            "the whole PIN at C_Login",
            LENGTHS,
            "If the token says that eight digits can be a PIN, the citizen's PIN, all eight digits, is not called wrong; it never costs a try.",
            &[
                ("C_GetTokenInfo", "ulMinPinLen and ulMaxPinLen"),
                (
                    "C_Login with the eight digits",
                    "CKR_OK, or an error that says that fewer are expected; CKR_PIN_INCORRECT only if eight digits cannot be a PIN by the token",
                ),
                ("after CKR_OK: C_Sign", "the card's signature"),
                ("the card's counters", "3 and 10"),
            ],
            whole_pin,
        )
        .version(2),
        Row::new(
            4,
            "a second card is enrolled",
            PLAN,
            "The cards of a family are enrolled on one computer side by side, and each works after the other.",
            &[
                ("the first card enrolled, out, the second in, enrolled", "CKR_OK"),
                ("C_Login to the second, C_Sign", "the second card's signature"),
                (
                    "the first in again, C_Login, C_Sign",
                    "the first card's signature",
                ),
            ],
            side_by_side,
        )
        .needs(&[Feature::Enrol]),
        Row::new(
            5,
            "the card answers, and then no more",
            ERRORS,
            "A card that falls silent after its answer to reset is an error that is told, wherever it is asked for: no crash and no hang, and the PIN is not called wrong or blocked.",
            &[
                ("enrolment if need be, in front of a card that has fallen silent", "refused"),
                ("C_GetSlotList, C_GetTokenInfo, C_OpenSession, C_Login", "refused"),
                ("the card is laid on again; login, signature", "the card's signature"),
            ],
            falls_silent,
        )
        .version(2),
    ]
}

fn no_reader(stage: &mut Stage<'_>) -> Found {
    stage.hand().remove_reader(0).map_err(Finding::ours)?;
    let mut driver = stage.initialized()?;
    match driver.ask(&Request::Slots { with_token: true })? {
        Answer::Slots(slots) => holds(
            slots.is_empty(),
            format!("{} slots have a token, and there is no reader", slots.len()),
        )?,
        other => holds(other.is_refused(), format!("C_GetSlotList: {other}"))?,
    }
    let before = bytes_below(stage.home());
    std::thread::sleep(IDLE);
    let written = bytes_below(stage.home()).saturating_sub(before);
    holds(
        written <= MURMUR,
        format!("{written} bytes were written in three seconds, and there is nothing to tell"),
    )?;
    ok(driver.ask(&Request::Finalize)?, "C_Finalize")
}

/// Bytes in all files below a folder, as far as they can be seen.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes_below(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

fn beside_another(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let mut atr = SERVICES_CARD.to_vec();
    let check = atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte);
    atr.push(check);
    let answer = vec![0x6A, 0x82];
    stage.lay_any(Box::new(Stranger { atr, answer }))?;
    let laid = Laid::new(&citizen, &stage.log)?;
    laid.lies(1, stage.hand());
    let reader = ReaderSpec::with_card("Bench Reader 01 00", Box::new(laid.clone()));
    stage.hand().add_reader(reader).map_err(Finding::ours)?;
    stage.enrol(&citizen)?;
    let mut driver = stage.initialized()?;
    let Answer::Slots(slots) = driver.ask(&Request::Slots { with_token: true })? else {
        return Err(Finding::Fault("the slots are refused".to_owned()));
    };
    // The other card may be a token as well; the CIE has to be one of them.
    let mut last = "no slot has a token".to_owned();
    for slot in slots {
        last = match works(stage, &mut driver, slot, &citizen) {
            Ok(()) => return left(&laid, 3, 10),
            Err(Finding::Fault(why)) => why,
            Err(other) => return Err(other),
        };
    }
    Err(Finding::Fault(format!("the CIE cannot be used: {last}")))
}

/// Login and signature by this slot.
fn works(stage: &Stage<'_>, driver: &mut Driver, slot: u64, citizen: &Citizen) -> Found {
    ok(driver.ask(&Request::Open(slot))?, "C_OpenSession")?;
    let code = stage.typed(&citizen.pin);
    let login = Request::Login { so: false, code };
    ok(driver.ask(&login)?, "the login")?;
    let sign = Request::Sign {
        mechanism: "CKM_RSA_PKCS".to_owned(),
        data: hex::encode(usual_info()),
        pieces: 1,
    };
    match driver.ask(&sign)? {
        Answer::Bytes(bytes) => is_signature(citizen, &bytes),
        other => Err(Finding::Fault(format!("the signature is refused: {other}"))),
    }
}

fn whole_pin(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let laid = stage.insert(&citizen)?;
    let mut session = stage.begin(&citizen)?;
    let Token {
        pin_min, pin_max, ..
    } = session.token()?;
    let answer = session.login(&citizen.pin)?;
    left(&laid, 3, 10)?;
    let wrong = answer.is("CKR_PIN_INCORRECT") || answer.is("CKR_PIN_LOCKED");
    if (pin_min..=pin_max).contains(&citizen.pin.len()) {
        let why = "by the token a PIN has";
        holds(
            !wrong,
            format!("the citizen's PIN: {answer}, and {why} {pin_min} to {pin_max} bytes"),
        )?;
    } else if wrong && stage.module.codes == Codes::Whole {
        return Err(Finding::Undecided(format!(
            "the citizen's PIN: {answer}; by the token a PIN has {pin_min} to {pin_max} bytes, by the statement eight (middleware.codes)"
        )));
    }
    if answer == Answer::Done {
        session.signs(&citizen)?;
    }
    Ok(())
}

fn side_by_side(stage: &mut Stage<'_>) -> Found {
    let (one, two) = (stage.usual()?, Citizen::other(stage.seed())?);
    let first = stage.insert(&one)?;
    stage.enrol(&one)?;
    stage.take_out()?;
    stage.insert(&two)?;
    stage.enrol(&two).map_err(|f| f.at("the second card"))?;
    let mut session = stage.session()?;
    ok(session.login(&stage.typed(&two.pin))?, "the login")
        .and_then(|()| session.signs(&two))
        .map_err(|f| f.at("the second card"))?;
    drop(session);
    stage.take_out()?;
    stage.lay(&first)?;
    let mut session = stage.session()?;
    ok(session.login(&stage.typed(&one.pin))?, "the login")
        .and_then(|()| session.signs(&one))
        .map_err(|f| f.at("the first card again"))
}

fn falls_silent(stage: &mut Stage<'_>) -> Found {
    let citizen = stage.usual()?;
    let atr = citizen.image.profile.family.atr.clone();
    let answer = Vec::new();
    stage.lay_any(Box::new(Stranger { atr, answer }))?;
    // It says nothing, and so nothing of codes.
    let said = Said::default();
    if stage.has(Feature::Enrol) {
        let enrol = Request::Enrol(citizen.pin.clone());
        let answer = fair(said, &enrol, stage.once(&enrol)?)?;
        holds(
            answer.is_refused(),
            format!("the enrolment of a silent card: {answer}"),
        )?;
    }
    let mut driver = stage.initialized()?;
    if let Answer::Slots(slots) = driver.ask(&Request::Slots { with_token: true })? {
        for slot in slots {
            driver.ask(&Request::Token(slot))?;
            let open = Request::Open(slot);
            if fair(said, &open, driver.ask(&open)?)? == Answer::Done {
                let code = stage.typed(&citizen.pin);
                let login = Request::Login { so: false, code };
                let login = fair(said, &login, driver.ask(&login)?)?;
                holds(
                    login.is_refused(),
                    format!("a login to a silent card: {login}"),
                )?;
            }
        }
    }
    stage.clear();
    no_token(&mut driver)?;
    drop(driver);
    let laid = stage.insert(&citizen)?;
    stage.logged_in(&citizen)?.signs(&citizen)?;
    left(&laid, 3, 10)
}

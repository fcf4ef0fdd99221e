// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recognition of cards, and what is seen of them.

use super::{ERRORS, Ground, OBJECTS, PLAN, Row, SLOTS};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::blame::{Said, fair};
use crate::middleware::door::{Laid, Stranger};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::stage::{Stage, no_token, token_slot};
use cie_driver::{Answer, Request};
use cie_reader::ReaderSpec;

/// The standard asks applications to finalize, and does not say what happens
/// to those that do not; many do not.
const UNFINISHED: Ground = Ground(
    Basis::Inferred,
    "PKCS #11 v2.40, section 5.4 (C_Finalize) does not let a module end its application",
);

/// The issuer's plan knows the CIE alone.
const STRANGE: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.1 (function return values): success is success; nobody has proven a PIN to a card that is no CIE",
);

/// The issuer's plan has one reader.
const SECOND: Ground = Ground(
    Basis::Client,
    "public complaint italia/cie-middleware-macos#29: with several readers the card is found in the first one only",
);

pub(super) fn slots() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "a card that lies in the reader at the start",
            PLAN,
            "The card is recognised: a slot has a token, and the token tells a label.",
            &[
                ("C_Initialize, C_GetSlotList", "one slot with a token"),
                ("C_GetTokenInfo", "a label that is not empty"),
                ("the process ends", "no crash"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                let token = session.token()?;
                holds(!token.label.trim().is_empty(), "the token's label is empty")
            },
        ),
        Row::new(
            2,
            "no card in the reader",
            SLOTS,
            "C_GetSlotList with tokenPresent lists slots with a token only.",
            &[("C_GetSlotList(tokenPresent)", "no slot")],
            |stage| no_token(&mut stage.initialized()?),
        )
        .before("an empty reader"),
        Row::new(
            3,
            "a card is put into the reader",
            PLAN,
            "An insertion is recognised while an application runs.",
            &[
                ("C_GetSlotList in front of an empty reader", "no slot"),
                ("the card is put in", "a slot with a token within 15 s"),
            ],
            |stage| {
                let mut driver = stage.initialized()?;
                no_token(&mut driver)?;
                stage.insert(&stage.usual()?)?;
                token_slot(&mut driver).map(drop)
            },
        )
        .before("an empty reader"),
        Row::new(
            4,
            "the card is taken out",
            PLAN,
            "A removal is recognised while an application runs.",
            &[
                ("C_GetSlotList", "a slot with a token"),
                ("the card is taken out", "no slot with a token within 15 s"),
            ],
            |stage| {
                stage.insert(&stage.usual()?)?;
                let mut driver = stage.initialized()?;
                token_slot(&mut driver)?;
                stage.take_out()?;
                no_token(&mut driver)
            },
        ),
        Row::new(
            5,
            "the card is taken out and put in again, ten times",
            PLAN,
            "Removal and insertion are recognised each time.",
            &[("ten times out and in", "each is seen within 15 s")],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut driver = stage.initialized()?;
                for turn in 1..=10 {
                    token_slot(&mut driver).map_err(|f| f.at(format!("turn {turn}")))?;
                    stage.take_out()?;
                    no_token(&mut driver).map_err(|f| f.at(format!("turn {turn}")))?;
                    stage.lay(&laid)?;
                }
                Ok(())
            },
        ),
        Row::new(
            6,
            "a card that is no CIE",
            STRANGE,
            "A card of another kind is no CIE: no login to it succeeds, nothing crashes, and the PIN is not called wrong or blocked.",
            &[
                ("C_GetSlotList", "no slot with a token, or one that refuses"),
                ("C_Login", "refused"),
            ],
            |stage| {
                stranger(
                    stage,
                    vec![
                        0x3B, 0x9F, 0x95, 0x81, 0x31, 0xFE, 0x9F, 0x00, 0x66, 0x46, 0x53, 0x05,
                        0x10, 0x00, 0x11, 0x71, 0xDF, 0x00, 0x00, 0x00, 0x6A, 0x82, 0x5E,
                    ],
                    vec![0x6A, 0x82],
                )
            },
        )
        .version(2)
        .before("a card with another answer to reset and without applications"),
        Row::new(
            7,
            "a card that says yes to everything",
            STRANGE,
            "A card that is no CIE is not taken for one because it refuses nothing, and the PIN is not called wrong or blocked.",
            &[("C_Login", "refused")],
            |stage| {
                let atr = stage.usual()?.image.profile.family.atr.clone();
                stranger(stage, atr, vec![0x90, 0x00])
            },
        )
        .version(2)
        .before("a card with the answer to reset of a CIE that answers 9000 to everything"),
        Row::new(
            8,
            "a card that does not answer",
            ERRORS,
            "A mute card is an error and nothing worse, and the PIN is not called wrong or blocked.",
            &[("C_Login", "refused")],
            |stage| {
                let atr = stage.usual()?.image.profile.family.atr.clone();
                stranger(stage, atr, Vec::new())
            },
        )
        .version(2)
        .before("a card with the answer to reset of a CIE that answers nothing else"),
        Row::new(
            9,
            "the card lies in the second of two readers",
            SECOND,
            "The card is found wherever it is.",
            &[
                ("a second reader with the card, the first is empty", ""),
                ("login and signature", "the card's signature"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = Laid::new(&citizen, &stage.log)?;
                laid.lies(1, stage.hand());
                let reader = ReaderSpec::with_card("Bench Reader 01 00", Box::new(laid));
                stage.hand().add_reader(reader).map_err(Finding::ours)?;
                stage.logged_in(&citizen)?.signs(&citizen)
            },
        )
        .before("two readers, the card in the second"),
        Row::new(
            10,
            "a process that ends without C_Finalize",
            UNFINISHED,
            "An application that ends without C_Finalize ends as it wants to: the module's threads and its unloading do not abort it.",
            &[(
                "C_Initialize, C_OpenSession; the process ends with status 0",
                "status 0",
            )],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let mut session = stage.begin(&citizen)?;
                session.driver.will_not_finalize();
                drop(session);
                Ok(())
            },
        ),
    ]
}

/// Nothing succeeds with this card that needs a CIE, and no code is to blame.
pub(super) fn stranger(stage: &Stage<'_>, atr: Vec<u8>, answer: Vec<u8>) -> Found {
    stage.lay_any(Box::new(Stranger { atr, answer }))?;
    // It says the same to everything, and nothing of codes.
    let said = Said::default();
    if stage.has(Feature::Enrol) {
        let enrol = Request::Enrol("12345678".to_owned());
        let enrolled = fair(said, &enrol, stage.once(&enrol)?)?;
        holds(enrolled.is_refused(), format!("it is enrolled: {enrolled}"))?;
    }
    let mut driver = stage.initialized()?;
    let Answer::Slots(slots) = driver.ask(&Request::Slots { with_token: true })? else {
        return Ok(());
    };
    for slot in slots {
        let open = Request::Open(slot);
        if fair(said, &open, driver.ask(&open)?)? != Answer::Done {
            continue;
        }
        let code = stage.typed("12345678");
        let login = Request::Login { so: false, code };
        let login = fair(said, &login, driver.ask(&login)?)?;
        holds(login.is_refused(), format!("a login succeeds: {login}"))?;
    }
    Ok(())
}

pub(super) fn certificate() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "the certificate is seen",
            PLAN,
            "The certificate on the token is byte for byte the one on the card.",
            &[
                ("C_Login", "CKR_OK"),
                (
                    "C_FindObjects",
                    "one certificate of the citizen, the card's",
                ),
            ],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let mut session = stage.logged_in(&citizen)?;
                let objects = session.objects()?;
                let theirs = hex::encode(&citizen.certificate);
                holds(
                    objects
                        .iter()
                        .any(|o| o.class == "certificate" && o.value == theirs),
                    format!(
                        "the card's certificate is not among {} objects",
                        objects.len()
                    ),
                )
            },
        ),
        Row::new(
            2,
            "certificate and key belong together",
            OBJECTS,
            "CKA_ID of the certificate and of the private key are equal and not empty, so that applications find one by the other.",
            &[
                ("C_Login", "CKR_OK"),
                ("CKA_ID of certificate and private key", "equal, not empty"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let objects = stage.logged_in(&citizen)?.objects()?;
                let theirs = hex::encode(&citizen.certificate);
                let certificate = objects.iter().find(|o| o.value == theirs);
                let key = objects.iter().find(|o| o.class == "private-key");
                match (certificate, key) {
                    (Some(c), Some(k)) => holds(
                        c.id == k.id && !c.id.is_empty(),
                        format!("certificate {:?}, private key {:?}", c.id, k.id),
                    ),
                    (None, _) => Err(Finding::Fault("no certificate of the card".into())),
                    (_, None) => Err(Finding::Fault("no private key".into())),
                }
            },
        ),
        Row::new(
            3,
            "the private key is private",
            SLOTS,
            "Before a login the private key is not seen.",
            &[("C_FindObjects before C_Login", "no private key")],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let objects = stage.begin(&citizen)?.objects()?;
                holds(
                    objects.iter().all(|o| o.class != "private-key"),
                    "a private key is seen by who is not logged in",
                )
            },
        ),
        Row::new(
            4,
            "the certificate after a removal and an insertion",
            PLAN,
            "A card that was there before is recognised again, with its certificate.",
            &[
                ("login; the card out and in", ""),
                ("a new session, login", "CKR_OK"),
                ("C_FindObjects", "the card's certificate"),
            ],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let mut session = stage.logged_in(&citizen)?;
                stage.take_out()?;
                no_token(&mut session.driver)?;
                stage.lay(&laid)?;
                let slot = token_slot(&mut session.driver)?;
                super::login::again(stage, &mut session, slot, &citizen)?;
                let objects = session.objects()?;
                let theirs = hex::encode(&citizen.certificate);
                holds(
                    objects.iter().any(|o| o.value == theirs),
                    "the card's certificate is not seen",
                )
            },
        ),
    ]
}

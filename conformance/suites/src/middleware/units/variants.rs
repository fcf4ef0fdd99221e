// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every chip family, every start state, every reader.

use super::login::left;
use super::{Ground, PLAN, Row, SESSIONS};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::door::Laid;
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Stage, ok};
use cie_driver::{Answer, Request};
use cie_personalisation::{FAMILIES, State};
use cie_reader::models::{Cie, ListedSlot, MODELS, lay_out};

/// The families that have a number, in its order; a new one gets the next.
const NUMBERED: [&str; 13] = [
    "gemalto",
    "gemalto2",
    "nxp-14",
    "nxp",
    "stm",
    "stm2",
    "stm3",
    "actalis",
    "actalis-2023",
    "actalis-b946",
    "bit4id",
    "bit4id-2023",
    "bit4id-b9547",
];

/// The number of a family: that of the list, or the first free one.
fn number_of(id: &str, index: usize) -> u16 {
    let listed = NUMBERED.iter().position(|known| *known == id);
    let number = listed.unwrap_or(NUMBERED.len() + index) + 1;
    u16::try_from(number).unwrap_or(u16::MAX)
}

pub(super) fn families() -> Vec<Row> {
    let mut rows: Vec<Row> = FAMILIES
        .iter()
        .enumerate()
        .map(|(index, family)| {
            Row::new(
                number_of(family.id, index),
                format!("a card of the family {}: {}", family.id, family.name),
                PLAN,
                "A fresh card of each maker is recognised, logged in to, and signs.",
                &[
                    ("C_Login with the right PIN", "CKR_OK"),
                    ("C_Sign", "the card's signature"),
                    ("the card's counters", "3 and 10"),
                ],
                |stage| {
                    stage.has_family(family)?;
                    let citizen = Citizen::adult(family, State::Fresh, stage.seed())?;
                    let laid = stage.insert(&citizen)?;
                    let mut session = stage.logged_in(&citizen)?;
                    session.signs(&citizen)?;
                    left(&laid, 3, 10)
                },
            )
        })
        .collect();
    rows.sort_by_key(|row| row.number);
    rows
}

const EXPIRY: Ground = Ground(
    Basis::Choice,
    "whether a certificate is valid is for who relies on it to judge: the module shows and signs",
);

pub(super) fn states() -> Vec<Row> {
    let works: &[(&str, &str)] = &[
        ("C_Login with the right PIN", "CKR_OK"),
        ("C_Sign", "the card's signature"),
    ];
    vec![
        state(1, State::Fresh, PLAN, "A fresh card works.", works, |stage, citizen, laid| {
            stage.logged_in(citizen)?.signs(citizen)?;
            left(laid, 3, 10)
        }),
        state(2, State::PinOneLeft, SESSIONS,
            "With one try left the right PIN gives back all three, and nothing else touches it.",
            &[("enrolment, C_Login with the right PIN", "CKR_OK, 3 tries left"), ("C_Sign", "the card's signature")],
            |stage, citizen, laid| {
                stage.logged_in(citizen)?.signs(citizen)?;
                left(laid, 3, 10)
            }),
        state(3, State::PinBlocked, SESSIONS,
            "A card that comes blocked is CKR_PIN_LOCKED, and nothing is spent.",
            &[("C_Login (or the enrolment) with the right PIN", "CKR_PIN_LOCKED, 0 and 10 tries left")],
            |stage, citizen, laid| {
                is_locked(stage, citizen)?;
                left(laid, 0, 10)
            }),
        state(4, State::PukOneLeft, SESSIONS,
            "With one try of the PUK left the right PUK unblocks.",
            &[("unblocking with the right PUK", "CKR_OK, 3 and 10 tries left")],
            |stage, citizen, laid| {
                is_locked(stage, citizen)?;
                left(laid, 0, 1)?;
                let new = citizen.another_pin();
                ok(by_puk(stage, citizen, &citizen.puk, &new)?, "the right PUK")?;
                holds(laid.pin() == new, "success, and the card has another PIN")?;
                left(laid, 3, 10)
            }),
        state(5, State::PukDead, SESSIONS,
            "A dead card is locked with PIN and with PUK, and no success is told.",
            &[("C_Login with the right PIN", "CKR_PIN_LOCKED"), ("the right PUK", "refused, 0 and 0 tries left")],
            |stage, citizen, laid| {
                is_locked(stage, citizen)?;
                let answer = by_puk(stage, citizen, &citizen.puk, &citizen.another_pin())?;
                holds(answer.is_refused(), format!("the PUK of a dead card: {answer}"))?;
                left(laid, 0, 0)
            }),
        state(6, State::CertExpired, EXPIRY,
            "A card with an expired certificate is logged in to and signs.",
            works,
            |stage, citizen, _| stage.logged_in(citizen)?.signs(citizen)),
        state(7, State::CertRevoked, EXPIRY,
            "A card with a revoked certificate is logged in to and signs.",
            works,
            |stage, citizen, _| stage.logged_in(citizen)?.signs(citizen)),
        state(8, State::SodMismatch, super::truth::NOTICES,
            "A card whose serial number is not that of its security object is noticed: enrolment or login is refused.",
            &[("enrolment, C_Login with the right PIN", "refused")],
            |stage, citizen, laid| {
                stage.control(&stage.genuine()?)?;
                super::truth::noticed(stage, citizen, laid)
            })
            .version(2)
            .needs(&[Feature::ChecksSecurityObject]),
        state(9, State::HalfCodes, super::login::SPARE,
            "A citizen who has only the first half of the codes is refused, and no try is spent.",
            &[("C_Login or enrolment with four digits too few", "refused, 3 and 10 tries left")],
            |stage, citizen, laid| {
                let half: String = citizen.pin.chars().take(4).collect();
                let answer = if stage.has(Feature::Enrol) {
                    stage.once(&Request::Enrol(half))?
                } else {
                    stage.session()?.login(&half)?
                };
                holds(answer.is_refused(), format!("half a PIN: {answer}"))?;
                left(laid, 3, 10)
            }),
    ]
}

fn state(
    number: u16,
    state: State,
    ground: Ground,
    requirement: &'static str,
    steps: &'static [(&'static str, &'static str)],
    run: impl Fn(&mut Stage<'_>, &Citizen, &Laid) -> Found + 'static,
) -> Row {
    let title = format!("a card that comes as {}", state.name());
    Row::new(number, title, ground, requirement, steps, move |stage| {
        let citizen = stage.usual_in(state)?;
        let laid = stage.insert(&citizen)?;
        run(stage, &citizen, &laid)
    })
    .before("a card in that state in the reader, not known to the module")
}

/// The right PIN is locked, in the first place where it is asked for.
fn is_locked(stage: &Stage<'_>, citizen: &Citizen) -> Found {
    let answer = if stage.has(Feature::Enrol) {
        stage.once(&Request::Enrol(citizen.pin.clone()))?
    } else {
        stage.session()?.login(&stage.typed(&citizen.pin))?
    };
    holds(
        answer.is("CKR_PIN_LOCKED"),
        format!("the right PIN: {answer}"),
    )
}

/// Unblocks, by the function if there is one.
fn by_puk(stage: &Stage<'_>, citizen: &Citizen, puk: &str, new: &str) -> Found<Answer> {
    if stage.has(Feature::Unblock) {
        return stage.once(&Request::Unblock {
            puk: puk.to_owned(),
            new: new.to_owned(),
        });
    }
    let mut session = stage.begin(citizen)?;
    let login = session.login_puk(puk)?;
    if login != Answer::Done {
        return Ok(login);
    }
    session.ask(&Request::InitPin(stage.typed(new)))
}

const READERS: Ground = Ground(
    Basis::Client,
    "docs/readers.md: what each reader does to the card, and whether the desktop clients work with it",
);

pub(super) fn readers() -> Vec<Row> {
    (1..)
        .zip(MODELS)
        .map(|(number, model)| {
            let works = matches!(model.cie, Cie::Reads);
            let requirement = if works {
                "With this reader a card is recognised, logged in to, and signs."
            } else {
                "With this reader the desktop clients are not expected to work; whatever happens is an error that is told or a right signature, no crash and no hang."
            };
            Row::new(
                number,
                format!("in the reader {}: {}", model.id, model.name),
                READERS,
                requirement,
                &[
                    ("the card is laid on the reader", ""),
                    ("C_Login, C_Sign", "the card's signature, or an error where none is expected"),
                ],
                move |stage| {
                    let found = in_reader(stage, model.id);
                    match found {
                        Err(Finding::Fault(why)) if !works && !why.contains("verify") => Ok(()),
                        other => other,
                    }
                },
            )
            .before("the reader without a card")
            .in_reader(move || Some(slot_of(model.id)?.spec(None)))
        })
        .collect()
}

/// The slot of a model where a card is laid.
fn slot_of(id: &str) -> Option<ListedSlot> {
    let model = cie_reader::models::model(id)?;
    let slots = lay_out(&[model]);
    let takes = slots.iter().position(ListedSlot::takes_card).unwrap_or(0);
    slots.into_iter().nth(takes)
}

fn in_reader(stage: &Stage<'_>, id: &str) -> Found {
    let citizen = stage.usual()?;
    let laid = Laid::new(&citizen, &stage.log)?;
    laid.lies(0, stage.hand());
    let slot = slot_of(id).ok_or_else(|| Finding::ours(format!("no reader {id}")))?;
    stage.has_reader(id)?;
    // A reader whose field never has a card without this has a mute one in it.
    stage.clear();
    stage.lay_any(slot.door_when_noticed(Box::new(laid.clone())))?;
    stage.logged_in(&citizen)?.signs(&citizen)?;
    left(&laid, 3, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_the_number_that_it_always_had() {
        let ids: Vec<_> = FAMILIES.iter().map(|family| family.id).collect();
        assert_eq!(ids, NUMBERED, "add new families at the end of NUMBERED");
        assert_eq!(families().len(), 13);
    }

    #[test]
    fn every_reader_has_a_place_for_a_card() {
        assert!(MODELS.iter().all(|model| slot_of(model.id).is_some()));
        assert_eq!(readers().len(), MODELS.len());
    }
}

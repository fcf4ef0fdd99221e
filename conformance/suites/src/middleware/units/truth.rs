// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies and forgeries: does the client notice?

use super::{Ground, Row};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::finding::{Finding, Found};
use crate::middleware::people::Citizen;
use crate::middleware::stage::Stage;
use cie_driver::{Answer, Request};

/// No standard makes middleware look; it is chosen here that one that says it
/// looks has to notice.
pub(super) const NOTICES: Ground = Ground(
    Basis::Choice,
    "middleware that checks what the card says about itself refuses what does not check out",
);

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "a copied card without key 83",
            NOTICES,
            "A card whose files are another card's and whose key 83 is not is noticed: the module makes the card prove the number for services.",
            &[("enrolment, C_Login with the right PIN", "refused")],
            |stage| {
                let other = Citizen::other(stage.seed())?;
                let copy = stage.usual()?.copied(&other);
                stage.insert(&copy)?;
                noticed(stage, &copy)
            },
        )
        .needs(&[Feature::ChecksCopy]),
        Row::new(
            2,
            "the security object of another card",
            NOTICES,
            "A card with another card's security object is noticed: its hashes are not those of the files.",
            &[("enrolment, C_Login with the right PIN", "refused")],
            |stage| {
                // Of the same family, so that the two objects have one form.
                let other = Citizen::other_like_the_usual(stage.seed())?;
                let forged = stage.usual()?.with_security_object_of(&other)?;
                stage.insert(&forged)?;
                noticed(stage, &forged)
            },
        )
        .needs(&[Feature::ChecksSecurityObject]),
        Row::new(
            3,
            "a document signer that leads to nobody",
            NOTICES,
            "A security object whose signer is not certified by the country is noticed.",
            &[("enrolment, C_Login with the right PIN", "refused")],
            |stage| {
                let forged = Citizen::unchained(stage.seed())?;
                stage.insert(&forged)?;
                noticed(stage, &forged)
            },
        )
        .needs(&[Feature::ChecksSigner]),
    ]
}

/// Enrolment or login is refused, for another reason than the PIN.
pub(super) fn noticed(stage: &Stage<'_>, citizen: &Citizen) -> Found {
    if stage.has(Feature::Enrol) {
        match stage.once(&Request::Enrol(citizen.pin.clone()))? {
            Answer::Done => {}
            refused if refused.is("CKR_PIN_INCORRECT") => {
                return Err(Finding::Fault(format!("the wrong culprit: {refused}")));
            }
            _ => return Ok(()),
        }
    }
    let mut session = stage.session()?;
    match session.login(&stage.typed(&citizen.pin))? {
        Answer::Done => Err(Finding::Fault(
            "it is not noticed: the login succeeds".to_owned(),
        )),
        refused if refused.is("CKR_PIN_INCORRECT") => {
            Err(Finding::Fault(format!("the wrong culprit: {refused}")))
        }
        _ => Ok(()),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Copies and forgeries: does the client notice?

use super::fault::{enrolled, login};
use super::{Ground, Row};
use crate::catalogue::Basis;
use crate::ics::Feature;
use crate::middleware::door::Laid;
use crate::middleware::finding::{Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::Stage;
use cie_driver::Answer;

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
            &[
                ("the genuine card: login, signature", "the card's signature, or nothing can be said"),
                ("enrolment, C_Login with the right PIN", "refused, and not because of the PIN"),
            ],
            |stage| {
                let other = Citizen::other(stage.seed())?;
                let genuine = stage.usual()?;
                stage.control(&genuine)?;
                let copy = genuine.copied(&other);
                let laid = stage.insert(&copy)?;
                noticed(stage, &copy, &laid)
            },
        )
        .version(2)
        .needs(&[Feature::ChecksCopy]),
        Row::new(
            2,
            "the security object of another card",
            NOTICES,
            "A card with another card's security object is noticed: its hashes are not those of the files.",
            &[
                ("the genuine card: login, signature", "the card's signature, or nothing can be said"),
                ("enrolment, C_Login with the right PIN", "refused, and not because of the PIN"),
            ],
            |stage| {
                // Of the same family, so that the two objects have one form.
                let other = Citizen::other_like_the_usual(stage.seed())?;
                let genuine = stage.usual()?;
                stage.control(&genuine)?;
                let forged = genuine.with_security_object_of(&other)?;
                let laid = stage.insert(&forged)?;
                noticed(stage, &forged, &laid)
            },
        )
        .version(2)
        .needs(&[Feature::ChecksSecurityObject]),
        Row::new(
            3,
            "a document signer that leads to nobody",
            NOTICES,
            "A security object whose signer is not certified by the country is noticed.",
            &[
                ("the genuine card: login, signature", "the card's signature, or nothing can be said"),
                ("enrolment, C_Login with the right PIN", "refused, and not because of the PIN"),
            ],
            |stage| {
                stage.control(&Citizen::usual(stage.seed())?)?;
                let forged = Citizen::unchained(stage.seed())?;
                let laid = stage.insert(&forged)?;
                noticed(stage, &forged, &laid)
            },
        )
        .version(2)
        .needs(&[Feature::ChecksSigner]),
    ]
}

/// Enrolment or login is refused, for another reason than the PIN.
pub(super) fn noticed(stage: &Stage<'_>, citizen: &Citizen, laid: &Laid) -> Found {
    if stage.has(Feature::Enrol) && enrolled(stage, citizen, laid)? != Answer::Done {
        return Ok(());
    }
    let mut session = stage.session()?;
    let answer = login(stage, &mut session, citizen, laid)?;
    holds(
        answer != Answer::Done,
        "it is not noticed: the login succeeds",
    )
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents signed and verified by the functions beside PKCS#11.

use super::login::left;
use super::{PLAN, Row};
use crate::ics::Feature;
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Stage, ok};
use cie_driver::{Answer, Request};
use cie_personalisation::pki;
use std::path::Path;

const TEXT: &str = "Testo da firmare.\nSeconda riga.\n";

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new(
            1,
            "a document is signed (CAdES)",
            PLAN,
            "The signed document verifies with OpenSSL up to the citizens' root, and its content is the document.",
            &[("firmaConCIE, p7m", "CKR_OK"), ("openssl cms -verify", "the document")],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let to = signed(stage, &citizen)?;
                let content = openssl(stage, &to)?;
                holds(content.as_deref() == Some(TEXT.as_bytes()),
                    "openssl cms does not verify the signed document")
            },
        )
        .needs(&[Feature::Sign]),
        Row::new(
            2,
            "a document is signed with a wrong PIN",
            PLAN,
            "A wrong PIN is said to be wrong, costs one try, and there is no signed document.",
            &[("firmaConCIE with a wrong PIN", "CKR_PIN_INCORRECT, 2 tries left, no file")],
            |stage| {
                let citizen = stage.usual()?;
                let laid = stage.insert(&citizen)?;
                let (answer, to) = sign(stage, &citizen, &citizen.wrong_pin())?;
                holds(answer.is("CKR_PIN_INCORRECT"), format!("it says {answer}"))?;
                left(&laid, 2, 10)?;
                holds(!Path::new(&to).exists(), "there is a signed document")
            },
        )
        .needs(&[Feature::Sign]),
        Row::new(
            3,
            "a signed document is verified",
            PLAN,
            "A signed document is verified: one signature, which is good.",
            &[("verificaConCIE", "one signature, valid")],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let to = signed(stage, &citizen)?;
                let answer = stage.once(&Request::VerifyFile(to))?;
                holds(matches!(&answer, Answer::Verified(list) if matches!(list[..], [(true, _)])),
                    format!("it says {answer:?}"))
            },
        )
        .needs(&[Feature::Sign, Feature::Verify]),
        Row::new(
            4,
            "a changed document is verified",
            PLAN,
            "A signed document whose content was changed is not verified.",
            &[("one letter of the content is changed", ""), ("verificaConCIE", "no valid signature")],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let to = signed(stage, &citizen)?;
                let mut bytes = std::fs::read(&to).map_err(Finding::ours)?;
                let word = b"Testo";
                let Some(at) = bytes.windows(word.len()).position(|part| part == word) else {
                    return Err(Finding::Undecided("the content is not in the signed document".into()));
                };
                if let Some(letter) = bytes.get_mut(at) {
                    *letter = b't';
                }
                std::fs::write(&to, &bytes).map_err(Finding::ours)?;
                if openssl(stage, &to)?.is_some() {
                    return Err(Finding::Undecided("OpenSSL verifies the changed document".into()));
                }
                let answer = stage.once(&Request::VerifyFile(to))?;
                let good = matches!(&answer, Answer::Verified(list) if list.iter().any(|s| s.0));
                holds(!good, format!("it calls the changed document's signature valid: {answer:?}"))
            },
        )
        .needs(&[Feature::Sign, Feature::Verify]),
        Row::new(
            5,
            "a document for another citizen's card",
            PLAN,
            "A document is not signed with a card that is not the one that was asked for.",
            &[("firmaConCIE with the number for services of another card", "refused, no file, 3 tries left")],
            |stage| {
                let citizen = stage.usual()?;
                let other = Citizen::other(stage.seed())?;
                let laid = stage.insert(&citizen)?;
                stage.enrol(&citizen)?;
                let asked = Citizen { nis: other.nis, ..citizen.clone() };
                let (answer, to) = request(stage, &asked, &citizen.pin)?;
                holds(answer.is_refused(), format!("it says {answer}"))?;
                left(&laid, 3, 10)?;
                holds(!Path::new(&to).exists(), "there is a signed document")
            },
        )
        .needs(&[Feature::Sign]),
    ]
}

fn sign(stage: &Stage<'_>, citizen: &Citizen, pin: &str) -> Found<(Answer, String)> {
    stage.enrol(citizen)?;
    request(stage, citizen, pin)
}

fn request(stage: &Stage<'_>, citizen: &Citizen, pin: &str) -> Found<(Answer, String)> {
    let path = |name: &str| stage.path(name).to_string_lossy().into_owned();
    let (from, to) = (path("document.txt"), path("document.txt.p7m"));
    std::fs::write(&from, TEXT).map_err(Finding::ours)?;
    let answer = stage.once(&Request::SignFile {
        kind: "p7m".to_owned(),
        from,
        to: to.clone(),
        code: stage.typed(pin),
        nis: citizen.nis.clone(),
    })?;
    Ok((answer, to))
}

fn signed(stage: &Stage<'_>, citizen: &Citizen) -> Found<String> {
    let (answer, to) = sign(stage, citizen, &citizen.pin)?;
    ok(answer, "firmaConCIE")?;
    holds(
        Path::new(&to).exists(),
        "success, and there is no signed document",
    )?;
    Ok(to)
}

/// The content of a signed document, if OpenSSL verifies it.
fn openssl(stage: &Stage<'_>, signed: &str) -> Found<Option<Vec<u8>>> {
    std::fs::write(stage.path("ca.pem"), pki().ca_pem()).map_err(Finding::ours)?;
    let output = stage
        .command("openssl")
        .args([
            "cms", "-verify", "-inform", "DER", "-purpose", "any", "-binary",
        ])
        .args(["-CAfile", "ca.pem", "-in", signed])
        .output()
        .map_err(Finding::ours)?;
    Ok(output.status.success().then_some(output.stdout))
}

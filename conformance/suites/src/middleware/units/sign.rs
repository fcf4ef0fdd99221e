// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every mechanism that the module announces, verified by other code.

use super::told::is_blank;
use super::{Ground, Row, SIGNING};
use crate::catalogue::Basis;
use crate::ics::{Announced, Announces};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::{Citizen, VERIFIED, digest};
use crate::middleware::stage::{DATA, Session, Stage, is_signature, usual_info};
use cie_driver::protocol::Announced as Mechanism;
use cie_driver::{Answer, Request};
use cie_terminal::digest::HashAlgorithm;

const DIGESTING: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.10 (message digesting)",
);
const RANDOM: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.15 (random number generation)",
);

/// The statement is the maker's word, and no standard's.
const STATED: Ground = Ground(
    Basis::Choice,
    "a module announces what its conformance statement says",
);

/// What is announced must work; what is not announced does not concern.
const ANNOUNCED: &str = "A mechanism that is announced for signing gives signatures that verify with the card's certificate.";

pub(super) fn rows() -> Vec<Row> {
    let signing = [
        "CKM_RSA_PKCS",
        "CKM_SHA1_RSA_PKCS",
        "CKM_SHA256_RSA_PKCS",
        "CKM_SHA384_RSA_PKCS",
        "CKM_SHA512_RSA_PKCS",
    ];
    let mut rows: Vec<Row> = (1..)
        .zip(signing)
        .map(|(number, name)| {
            Row::new(
                number,
                format!("signatures with {name}"),
                SIGNING,
                ANNOUNCED,
                &[
                    ("C_Sign", "verifies"),
                    (
                        "C_SignUpdate in three pieces, C_SignFinal",
                        "verifies; CKM_RSA_PKCS may refuse pieces",
                    ),
                ],
                move |stage| mechanism(stage, name),
            )
            .announced(Announced::Sign(name))
        })
        .collect();
    rows.extend([
        Row::new(
            6,
            "every other mechanism that is announced for signing",
            SIGNING,
            ANNOUNCED,
            &[
                ("C_Sign with each", "verifies"),
                ("a mechanism that this bench cannot verify", "named, and nothing can be said"),
            ],
            move |stage| others(stage, &signing),
        )
        .version(2),
        Row::new(
            7,
            "lengths that CKM_RSA_PKCS can sign",
            SIGNING,
            "CKM_RSA_PKCS takes up to the length of the modulus less eleven bytes and refuses more. What it signs verifies; it may refuse what the card's own limit excludes.",
            &[
                ("1, 20, 51, 83 and 102 bytes", "verifies or is refused"),
                ("245 bytes", "verifies or is refused"),
                ("246, 256 and 1000 bytes", "refused"),
            ],
            lengths,
        )
        .announced(Announced::Sign("CKM_RSA_PKCS")),
        Row::new(
            8,
            "twenty signatures in a row",
            SIGNING,
            "Signatures can be made one after the other.",
            &[("C_Sign, twenty times", "verifies each time")],
            |stage| {
                let (citizen, mut session) = ready(stage)?;
                for turn in 1..=20 {
                    session.signs(&citizen).map_err(|f| f.at(format!("signature {turn}")))?;
                }
                Ok(())
            },
        ),
        Row::new(
            9,
            "without a login",
            SIGNING,
            "Nobody signs without a login.",
            &[("C_Sign without C_Login", "refused")],
            |stage| {
                let citizen = stage.usual()?;
                stage.insert(&citizen)?;
                let signature = stage.begin(&citizen)?.sign_usual()?;
                holds(!matches!(signature, Answer::Bytes(_)), "a signature without a login")
            },
        ),
        Row::new(
            10,
            "the module verifies",
            Ground(Basis::Standard, "PKCS #11 v2.40, section 5.12 (verifying signatures)"),
            "If verification is announced, the module accepts its own signature and refuses a changed one.",
            &[
                ("C_Verify of a signature", "CKR_OK"),
                ("C_Verify of the same with another last byte", "refused"),
            ],
            verifies,
        )
        .announced(Announced::Verify("CKM_RSA_PKCS")),
        Row::new(
            11,
            "digests",
            DIGESTING,
            "A mechanism that is announced for digesting gives the right digest.",
            &[("C_Digest with each", "the digest that other code computes")],
            |stage| {
                let (_, mut session) = ready(stage)?;
                let mut unknown = Vec::new();
                let mut tried = false;
                for Mechanism { name, .. } in session.mechanisms()?.into_iter().filter(|m| m.digest) {
                    tried = true;
                    let Some(right) = digest(&name, DATA) else {
                        unknown.push(name);
                        continue;
                    };
                    let answer = session.ask(&Request::Digest {
                        mechanism: name.clone(),
                        data: hex::encode(DATA),
                    })?;
                    let wanted = Answer::Bytes(hex::encode(right));
                    holds(answer == wanted, format!("{name}: {answer}, not the digest"))?;
                }
                all_verified(&unknown)?;
                if tried {
                    return Ok(());
                }
                Err(Finding::NotFor("the module does not announce digests".to_owned()))
            },
        )
        .version(2)
        .announced(Announced::Digest),
        Row::new(
            12,
            "random numbers",
            RANDOM,
            "If the token says that it has a random generator, two drawings of 32 bytes differ.",
            &[("C_GenerateRandom, twice", "32 bytes each, different")],
            |stage| {
                let (_, mut session) = ready(stage)?;
                if !session.token()?.rng {
                    let why = "the token does not set CKF_RNG";
                    return Err(Finding::NotFor(why.to_owned()));
                }
                let one = session.ask(&Request::Random(32))?;
                let two = session.ask(&Request::Random(32))?;
                let fine = |a: &Answer| matches!(a, Answer::Bytes(hex) if hex.len() == 64);
                holds(fine(&one) && fine(&two), format!("it gives {one} and {two}"))?;
                holds(one != two, "the same 32 bytes twice")
            },
        )
        .announced(Announced::Random),
        Row::new(
            13,
            "what is announced is what the statement says",
            STATED,
            "Mechanisms for signing, verifying and digesting and the random generator are those of the statement, no more and no less.",
            &[("C_GetMechanismList, C_GetMechanismInfo, C_GetTokenInfo", "as in middleware.announces")],
            as_stated,
        ),
    ]);
    rows
}

fn ready(stage: &Stage<'_>) -> Found<(Citizen, Session)> {
    let citizen = stage.usual()?;
    stage.insert(&citizen)?;
    let session = stage.logged_in(&citizen)?;
    Ok((citizen, session))
}

/// What the bench could not verify is named.
fn all_verified(unknown: &[String]) -> Found {
    if unknown.is_empty() {
        return Ok(());
    }
    let names = unknown.join(", ");
    Err(Finding::Undecided(format!(
        "this bench cannot verify {names}; what else is announced is right"
    )))
}

/// Every mechanism for signing but these.
fn others(stage: &Stage<'_>, but: &[&str]) -> Found {
    let (citizen, mut session) = ready(stage)?;
    let mut unknown = Vec::new();
    let list = session.mechanisms()?.into_iter();
    for Mechanism { name, .. } in list.filter(|m| m.sign && !but.contains(&m.name.as_str())) {
        if !VERIFIED.contains(&name.as_str()) {
            unknown.push(name);
            continue;
        }
        let data = match name.as_str() {
            // A block as long as the modulus, and smaller than it.
            "CKM_RSA_X_509" => vec![1; 256],
            "CKM_RSA_PKCS_PSS" => HashAlgorithm::Sha256.digest(DATA),
            _ => DATA.to_vec(),
        };
        match session.sign(&name, &data, 1)? {
            Answer::Bytes(hex) => {
                let bytes = hex::decode(hex).map_err(Finding::ours)?;
                holds(
                    citizen.signed(&name, &data, &bytes),
                    format!("{name}: success, and the signature does not verify"),
                )?;
            }
            Answer::Cannot(why) => unknown.push(format!("{name} ({why})")),
            other => {
                let why = format!("{name} is announced for signing: {other}");
                return Err(Finding::Fault(why));
            }
        }
    }
    all_verified(&unknown)
}

fn signs_with(session: &mut Session, name: &str) -> Found {
    if session
        .mechanisms()?
        .iter()
        .any(|m| m.name == name && m.sign)
    {
        Ok(())
    } else {
        let why = format!("the module does not announce {name} for signing");
        Err(Finding::NotFor(why))
    }
}

/// What is announced in this session, but for calls of PC/SC.
pub(crate) fn announced(session: &mut Session) -> Found<Announces> {
    let list = session.mechanisms()?;
    let token = session.token()?;
    let names = |which: fn(&Mechanism) -> bool| -> Vec<String> {
        let mut names: Vec<_> = list
            .iter()
            .filter(|m| which(m))
            .map(|m| m.name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    Ok(Announces {
        signs: names(|m| m.sign),
        verifies: names(|m| m.verify),
        digests: names(|m| m.digest),
        random: token.rng,
        serial: !is_blank(&token.serial),
        pcsc_calls: None,
    })
}

fn as_stated(stage: &mut Stage<'_>) -> Found {
    let Some(stated) = stage.module.announces.clone() else {
        let why = "the statement says nothing of it (middleware.announces)";
        return Err(Finding::Undecided(why.to_owned()));
    };
    let citizen = stage.usual()?;
    stage.insert(&citizen)?;
    let told = announced(&mut stage.begin(&citizen)?)?;
    for (what, told, mut stated) in [
        ("signing", told.signs, stated.signs),
        ("verifying", told.verifies, stated.verifies),
        ("digesting", told.digests, stated.digests),
    ] {
        stated.sort();
        stated.dedup();
        let more: Vec<_> = told.iter().filter(|one| !stated.contains(one)).collect();
        let less: Vec<_> = stated.iter().filter(|one| !told.contains(one)).collect();
        holds(
            more.is_empty() && less.is_empty(),
            format!(
                "for {what}: announced and not stated {more:?}, stated and not announced {less:?}"
            ),
        )?;
    }
    holds(
        told.random == stated.random,
        format!(
            "CKF_RNG is {}, and the statement says {}",
            told.random, stated.random
        ),
    )
}

fn mechanism(stage: &Stage<'_>, name: &'static str) -> Found {
    let (citizen, mut session) = ready(stage)?;
    signs_with(&mut session, name)?;
    let data = if name == "CKM_RSA_PKCS" {
        usual_info()
    } else {
        DATA.to_vec()
    };
    let check = |answer: Answer, how: &str| match answer {
        Answer::Bytes(hex) => {
            let bytes = hex::decode(hex).map_err(Finding::ours)?;
            holds(
                citizen.signed(name, &data, &bytes),
                format!("{how}: success, and the signature does not verify"),
            )
        }
        other => Err(Finding::Fault(format!("{how}: {other}"))),
    };
    check(session.sign(name, &data, 1)?, "C_Sign")?;
    let pieces = session.sign(name, &data, 3)?;
    // By the standard CKM_RSA_PKCS is for single parts; a module may do more.
    if name == "CKM_RSA_PKCS" && pieces.is_refused() {
        return Ok(());
    }
    check(pieces, "in pieces")?;
    let long = vec![0xA5; 10_000];
    if name == "CKM_RSA_PKCS" {
        return Ok(());
    }
    match session.sign(name, &long, 1)? {
        Answer::Bytes(hex) => {
            let bytes = hex::decode(hex).map_err(Finding::ours)?;
            holds(
                citizen.signed(name, &long, &bytes),
                "10,000 bytes: success, and the signature does not verify",
            )
        }
        other => Err(Finding::Fault(format!("10,000 bytes: {other}"))),
    }
}

fn lengths(stage: &mut Stage<'_>) -> Found {
    let (citizen, mut session) = ready(stage)?;
    signs_with(&mut session, "CKM_RSA_PKCS")?;
    for len in [1_u8, 20, 51, 83, 102, 245] {
        let data: Vec<u8> = (0..len).collect();
        if let Answer::Bytes(hex) = session.sign("CKM_RSA_PKCS", &data, 1)? {
            let bytes = hex::decode(hex).map_err(Finding::ours)?;
            holds(
                citizen.signed("CKM_RSA_PKCS", &data, &bytes),
                format!("{len} bytes: success, and the signature does not verify"),
            )?;
        }
    }
    for len in [246, 256, 1000] {
        let answer = session.sign("CKM_RSA_PKCS", &vec![7; len], 1)?;
        holds(
            !matches!(answer, Answer::Bytes(_)),
            format!("{len} bytes: {answer}, and there is no such signature"),
        )?;
    }
    session
        .signs(&citizen)
        .map_err(|f| f.at("after the refusals"))
}

fn verifies(stage: &mut Stage<'_>) -> Found {
    let (citizen, mut session) = ready(stage)?;
    let list = session.mechanisms()?;
    if !list.iter().any(|m| m.name == "CKM_RSA_PKCS" && m.verify) {
        let why = "the module does not announce CKM_RSA_PKCS for verifying";
        return Err(Finding::NotFor(why.to_owned()));
    }
    let Answer::Bytes(signature) = session.sign_usual()? else {
        return Err(Finding::Fault("the signature is refused".to_owned()));
    };
    is_signature(&citizen, &signature)?;
    let mut ask = |signature: String| {
        session.ask(&Request::Verify {
            mechanism: "CKM_RSA_PKCS".to_owned(),
            data: hex::encode(usual_info()),
            signature,
        })
    };
    let right = ask(signature.clone())?;
    holds(right == Answer::Done, format!("its own signature: {right}"))?;
    let mut bytes = hex::decode(&signature).map_err(Finding::ours)?;
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let wrong = ask(hex::encode(bytes))?;
    holds(wrong != Answer::Done, "a changed signature is accepted")
}

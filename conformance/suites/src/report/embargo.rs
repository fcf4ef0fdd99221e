// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may be told of defects that their maintainer has not mended yet:
//! identifiers, weakness classes and hashes.
//!
//! A run with a seed gives everybody the same report, so a hash of it alone
//! could be found by running the same. What is hashed has random bytes in
//! front, which only the [`Key`] has: it opens the hashes, each by itself.

use super::Report;
use super::fingerprint::sha256;
use super::weakness::weakness;
use serde::Serialize;

/// Everything that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Embargo {
    /// SHA-256 of a nonce and the report's fingerprint.
    pub report: String,
    /// One for each case that found a fault.
    pub findings: Vec<Finding>,
}

/// One case that found a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Identifier of the case.
    pub id: String,
    /// Its weakness class, `CWE-307`.
    pub weakness: String,
    /// SHA-256 of a nonce and the case's result. Who is shown both knows that
    /// the finding is as old as this hash; nobody else can try out what the
    /// finding might be.
    pub sha256: String,
}

/// What shows later what the hashes are of. Nobody is told it before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key<'a> {
    /// Opens [`Embargo::report`].
    pub report: Opening,
    /// Open the findings, in their order. Each has a nonce of its own, so that
    /// one can be shown without the others.
    pub findings: Vec<Opening>,
    /// The report itself.
    pub whole: &'a Report,
}

/// What one hash is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Opening {
    /// The hash that is told: SHA-256 of the texts of the next two, one behind
    /// the other.
    pub sha256: String,
    /// 32 random bytes in hexadecimal.
    pub nonce: String,
    /// The report's fingerprint, or the case's result as JSON.
    pub text: String,
}

impl Opening {
    fn new(nonce: [u8; 32], text: String) -> Self {
        let nonce = hex::encode(nonce);
        Self {
            sha256: sha256(format!("{nonce}{text}").as_bytes()),
            nonce,
            text,
        }
    }
}

/// What is told, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// For everybody.
    pub told: Embargo,
    /// For nobody yet.
    pub key: Key<'a>,
}

/// What may be told of this report; `nonce` gives random bytes.
///
/// # Errors
/// Those of `nonce`, or it cannot be written as JSON.
pub fn seal<E: From<serde_json::Error>>(
    report: &Report,
    mut nonce: impl FnMut() -> Result<[u8; 32], E>,
) -> Result<Sealed<'_>, E> {
    let whole = Opening::new(nonce()?, report.fingerprint()?);
    let (mut findings, mut openings) = (Vec::new(), Vec::new());
    for result in &report.results {
        if !result.verdict.is_bad() {
            continue;
        }
        let opening = Opening::new(nonce()?, serde_json::to_string(result)?);
        findings.push(Finding {
            id: identifier(&result.id).to_owned(),
            weakness: format!("CWE-{}", weakness(&result.id, result.verdict)),
            sha256: opening.sha256.clone(),
        });
        openings.push(opening);
    }
    Ok(Sealed {
        told: Embargo {
            report: whole.sha256.clone(),
            findings,
        },
        key: Key {
            report: whole,
            findings: openings,
            whole: report,
        },
    })
}

/// The identifier, if it is one: a file from elsewhere could have anything
/// there.
fn identifier(id: &str) -> &str {
    let parts: Vec<_> = id.split('_').collect();
    let word = |part: &&str| {
        part.len() <= 12
            && part
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    match parts.as_slice() {
        ["CIE", area, unit, number]
            if word(area) && word(unit) && number.len() <= 5 && number.parse::<u32>().is_ok() =>
        {
            id
        }
        _ => "not an identifier",
    }
}

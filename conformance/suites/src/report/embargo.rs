// SPDX-License-Identifier: MIT OR Apache-2.0
//! What may be told of defects that their maintainer has not mended yet:
//! identifiers, weakness classes and hashes.

use super::Report;
use super::fingerprint::sha256;
use super::weakness::weakness;
use serde::Serialize;

/// Everything that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Embargo {
    /// SHA-256 of the report's fingerprint, which itself stays untold: it is
    /// what makes the hashes of the findings unguessable.
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
    /// SHA-256 of the hash of the report and the case's result. Who has the
    /// report can show later that the finding is as old as this hash; who does
    /// not have it cannot try out what the finding might be.
    pub sha256: String,
}

impl Embargo {
    /// What may be told of this report.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn of(report: &Report) -> serde_json::Result<Self> {
        let whole = report.fingerprint()?;
        let bad = report
            .results
            .iter()
            .filter(|result| result.verdict.is_bad());
        let findings = bad
            .map(|result| {
                let mut bytes = whole.clone().into_bytes();
                bytes.extend(serde_json::to_vec(result)?);
                Ok(Finding {
                    id: identifier(&result.id).to_owned(),
                    weakness: format!("CWE-{}", weakness(&result.id, result.verdict)),
                    sha256: sha256(&bytes),
                })
            })
            .collect::<serde_json::Result<_>>()?;
        Ok(Self {
            report: sha256(whole.as_bytes()),
            findings,
        })
    }
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

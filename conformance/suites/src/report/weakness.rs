// SPDX-License-Identifier: MIT OR Apache-2.0
//! The weakness class (CWE, <https://cwe.mitre.org>) that a failing case points at.

use crate::verdict::Verdict;

/// Number of the weakness class of a case with this verdict. A class says what
/// kind of mistake it is and nothing about where.
#[must_use]
pub fn weakness(id: &str, verdict: Verdict) -> u16 {
    match verdict {
        // Uncaught exception; loop with an unreachable exit condition.
        Verdict::Crash => return 248,
        Verdict::Hang => return 835,
        _ => {}
    }
    let mut parts = id.split('_').skip(1);
    match (parts.next(), parts.next()) {
        (Some("IAS"), Some(unit)) => of_card(unit),
        (Some("MW"), Some(unit)) => of_module(unit, parts.next().unwrap_or_default()),
        (Some("PCSC"), _) => CONDITIONS,
        _ => UNSPECIFIED,
    }
}

/// Improper check for unusual or exceptional conditions.
const CONDITIONS: u16 = 754;

/// Incorrect provision of specified functionality.
const UNSPECIFIED: u16 = 684;

fn of_card(unit: &str) -> u16 {
    match unit {
        // Improper restriction of excessive authentication attempts.
        "PIN" => 307,
        // Weak recovery mechanism for a forgotten password.
        "PUK" => 640,
        // Improper validation of integrity check value.
        "SM" => 354,
        // Missing cryptographic step.
        "KAT" => 325,
        // Authentication bypass by capture-replay.
        "CHAL" => 294,
        // Improper authentication.
        "DAPP" => 287,
        // Missing authorization, incorrect authorization.
        "ACC" => 862,
        "SIGN" => 863,
        // Insufficient session expiration.
        "RESET" => 613,
        // Sensitive information in resource not removed before reuse.
        "RESP" => 226,
        // Improper enforcement of behavioral workflow.
        "CHAIN" => 841,
        // Improper input validation.
        "DOOR" | "PAR" => 20,
        _ => UNSPECIFIED,
    }
}

fn of_module(unit: &str, number: &str) -> u16 {
    match unit {
        // Incorrect implementation of an authentication algorithm.
        "LOGIN" | "PIN" | "SEQ" => 303,
        // Weak recovery mechanism for a forgotten password.
        "PUK" => 640,
        // Insufficiently protected credentials: the PIN where others can read it.
        "TOLD" if number.starts_with("05") => 522,
        // Improper verification of a cryptographic signature.
        "DOC" => 347,
        // Insufficient verification of data authenticity.
        "TRUTH" => 345,
        // Improper validation of integrity check value.
        "PROOF" => 354,
        // Exposure of data element to wrong session.
        "SWAP" => 488,
        // Race condition.
        "PROC" => 362,
        // Improper input validation.
        "CONTENT" => 20,
        // Improper handling of exceptional conditions.
        "EVENT" | "SCARD" => 755,
        "FAULT" | "STATE" | "REPORT" => CONDITIONS,
        _ => UNSPECIFIED,
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cases on middleware, by unit. A number is never given to anything else.

mod codes;
mod content;
mod document;
mod fault;
mod login;
mod proof;
mod report;
mod scard;
mod sequence;
mod sign;
mod slot;
mod tls;
mod told;
mod trouble;
mod truth;
mod variants;

use super::finding::Found;
use super::stage::Stage;
use crate::catalogue::{Basis, Severity};
use crate::ics::{Announced, Feature};
use cie_reader::ReaderSpec;
pub(crate) use scard::calls;
pub(crate) use sign::announced;
use std::time::Duration;

/// How long a hand needs to take one card out and put another one in.
const BY_HAND: Duration = Duration::from_secs(1);

/// Cases on one matter.
pub(crate) struct Unit {
    /// Third part of the identifier.
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) severity: Severity,
    pub(crate) rows: fn() -> Vec<Row>,
}

type Run = Box<dyn Fn(&mut Stage<'_>) -> Found>;

/// One case.
pub(crate) struct Row {
    pub(crate) number: u16,
    /// Counts from 1 with every change of what is demanded or done.
    pub(crate) version: u16,
    pub(crate) title: String,
    pub(crate) requirement: &'static str,
    pub(crate) clause: &'static str,
    pub(crate) basis: Basis,
    pub(crate) needs: &'static [Feature],
    pub(crate) announced: Option<Announced>,
    /// Another one than the unit's.
    pub(crate) severity: Option<Severity>,
    pub(crate) before: &'static str,
    pub(crate) steps: &'static [(&'static str, &'static str)],
    pub(crate) reader: Box<dyn Fn() -> Option<ReaderSpec>>,
    pub(crate) run: Run,
}

/// What a requirement rests on: a basis and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Ground(pub(crate) Basis, pub(crate) &'static str);

/// The standard's sections that most cases rest on.
pub(crate) const SLOTS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.5 (slot and token management)",
);
pub(crate) const SESSIONS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.6 (session management, C_Login)",
);
pub(crate) const OBJECTS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.7 (object management)",
);
pub(crate) const SIGNING: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.11 (signing) and PKCS #11 mechanisms v2.40, section 2.1 (RSA)",
);
pub(crate) const PLAN: Ground = Ground(
    Basis::Client,
    "acceptance plan of the issuer's middleware (27 cases by hand)",
);
pub(crate) const ERRORS: Ground = Ground(
    Basis::Standard,
    "PKCS #11 v2.40, section 5.1 (function return values): an error is told, and success is success",
);

type Steps = &'static [(&'static str, &'static str)];

impl Row {
    pub(crate) fn new(
        number: u16,
        title: impl Into<String>,
        ground: Ground,
        requirement: &'static str,
        steps: Steps,
        run: impl Fn(&mut Stage<'_>) -> Found + 'static,
    ) -> Self {
        Self {
            number,
            version: 1,
            title: title.into(),
            requirement,
            clause: ground.1,
            basis: ground.0,
            needs: &[],
            announced: None,
            severity: None,
            before: "a fresh card in the reader, made known to the module if it needs that",
            steps,
            reader: Box::new(|| None),
            run: Box::new(run),
        }
    }

    pub(crate) fn version(self, version: u16) -> Self {
        Self { version, ..self }
    }

    pub(crate) fn needs(self, needs: &'static [Feature]) -> Self {
        Self { needs, ..self }
    }

    /// Another severity than the unit's.
    pub(crate) fn severity(self, severity: Severity) -> Self {
        let severity = Some(severity);
        Self { severity, ..self }
    }

    /// What the module has to announce.
    pub(crate) fn announced(self, what: Announced) -> Self {
        let announced = Some(what);
        Self { announced, ..self }
    }

    pub(crate) fn before(self, before: &'static str) -> Self {
        Self { before, ..self }
    }

    pub(crate) fn in_reader(self, reader: impl Fn() -> Option<ReaderSpec> + 'static) -> Self {
        let reader = Box::new(reader);
        Self { reader, ..self }
    }
}

/// All units, in the order of the catalogue.
pub(crate) fn all() -> Vec<Unit> {
    vec![
        Unit {
            name: "SLOT",
            purpose: "An application learns of cards by the slots.",
            severity: Severity::Major,
            rows: slot::slots,
        },
        Unit {
            name: "ENROL",
            purpose: "Some middleware must be told once to know a card.",
            severity: Severity::Major,
            rows: codes::enrolment,
        },
        Unit {
            name: "CERT",
            purpose: "Applications choose the citizen by the certificate.",
            severity: Severity::Major,
            rows: slot::certificate,
        },
        Unit {
            name: "LOGIN",
            purpose: "The PIN is typed here, and three wrong ones block it.",
            severity: Severity::Critical,
            rows: login::rows,
        },
        Unit {
            name: "PIN",
            purpose: "A citizen changes the PIN.",
            severity: Severity::Critical,
            rows: codes::pin,
        },
        Unit {
            name: "PUK",
            purpose: "A citizen unblocks the PIN; ten wrong PUKs end the card.",
            severity: Severity::Critical,
            rows: codes::puk,
        },
        Unit {
            name: "SIGN",
            purpose: "A signature that does not verify is worth nothing.",
            severity: Severity::Critical,
            rows: sign::rows,
        },
        Unit {
            name: "TLS",
            purpose: "Citizens log in to services with the certificate.",
            severity: Severity::Major,
            rows: tls::rows,
        },
        Unit {
            name: "DOC",
            purpose: "Citizens sign documents, and verify those of others.",
            severity: Severity::Critical,
            rows: document::rows,
        },
        Unit {
            name: "FAMILY",
            purpose: "Cards of every maker are in citizens' pockets.",
            severity: Severity::Major,
            rows: variants::families,
        },
        Unit {
            name: "STATE",
            purpose: "Cards do not come to a computer fresh only.",
            severity: Severity::Critical,
            rows: variants::states,
        },
        Unit {
            name: "READER",
            purpose: "Readers have names, limits and ways of their own.",
            severity: Severity::Major,
            rows: variants::readers,
        },
        Unit {
            name: "EVENT",
            purpose: "Cards slip, and fields collapse, at any moment.",
            severity: Severity::Critical,
            rows: trouble::events,
        },
        Unit {
            name: "PROC",
            purpose: "A browser and a mail program use the same card.",
            severity: Severity::Critical,
            rows: trouble::processes,
        },
        Unit {
            name: "SWAP",
            purpose: "Two citizens use the same computer.",
            severity: Severity::Critical,
            rows: trouble::swaps,
        },
        Unit {
            name: "TRUTH",
            purpose: "A card can be a copy or a forgery.",
            severity: Severity::Major,
            rows: truth::rows,
        },
        Unit {
            name: "TOLD",
            purpose: "What a module tells about tries, logins and cards is what the card says.",
            severity: Severity::Major,
            rows: told::rows,
        },
        Unit {
            name: "PROOF",
            purpose: "Somebody between card and computer, or in place of the card, is noticed.",
            severity: Severity::Critical,
            rows: proof::rows,
        },
        Unit {
            name: "SEQ",
            purpose: "Counters go wrong by the order of things.",
            severity: Severity::Critical,
            rows: sequence::rows,
        },
        Unit {
            name: "FAULT",
            purpose: "A broken or hostile card, or somebody between card and computer, can answer anything.",
            severity: Severity::Critical,
            rows: fault::rows,
        },
        Unit {
            name: "CONTENT",
            purpose: "What stands on a card is input from outside.",
            severity: Severity::Critical,
            rows: fault::contents,
        },
        Unit {
            name: "SCARD",
            purpose: "Readers, their drivers and the service behind them fail, too.",
            severity: Severity::Critical,
            rows: scard::rows,
        },
        Unit {
            name: "REPORT",
            purpose: "What citizens have complained of in public should not come back.",
            severity: Severity::Major,
            rows: report::rows,
        },
    ]
}

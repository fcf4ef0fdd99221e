// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two runs of a failing case with one seed have the same report but for times
//! and for what is random in the module.
#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use cie_conformance::catalogue::middleware_cases;
use cie_conformance::middleware::judge;
use cie_conformance::report::{CaseResult, Exchange};
use cie_mutants::at_once;
use cie_mutants::modules::{Driver, Flaw, library, named, setup, statement};

const PAGE: &str = include_str!("../../../docs/module-mutants.md");
const AT_ONCE: usize = 4;
/// One mutant of so many, unless `CIE_SAME_SEED=all`: each runs its case twice.
const ONE_OF: usize = 5;

fn driver() -> Driver {
    Driver {
        program: env!("CARGO_BIN_EXE_cie-mutants-driver").into(),
        arguments: Vec::new(),
    }
}

/// Instructions with bytes that the module draws, or that are made of such: a
/// key of its key agreement, a certificate for this session, a challenge; what is
/// fetched later of an answer that was wrapped.
const RANDOM: [&str; 7] = ["22", "2A", "82", "84", "86", "88", "C0"];

/// Header and status word where the rest is random.
fn steady(mut result: CaseResult) -> CaseResult {
    for Exchange {
        command,
        response,
        plain_command,
        plain_response,
        ..
    } in &mut result.evidence
    {
        // What is wrapped is made of the keys of the session.
        let wrapped = !plain_command.is_empty() || command.get(1..2) == Some("C");
        for (command, response, random) in [
            (command, response, wrapped),
            (plain_command, plain_response, false),
        ] {
            let ins = command.get(2..4).unwrap_or("");
            if random || RANDOM.contains(&ins) {
                command.truncate(8);
                *response = response.split_off(response.len().saturating_sub(4));
            }
        }
    }
    result
}

#[test]
fn a_failing_case_is_the_same_again() {
    let (library, ics) = (library().unwrap(), statement().unwrap());
    let cases = middleware_cases();
    let all = std::env::var("CIE_SAME_SEED").is_ok_and(|which| which == "all");
    let some = Flaw::DEFECTS.iter().step_by(if all { 1 } else { ONE_OF });
    let some: Vec<_> = some.copied().collect();
    let different = at_once(AT_ONCE, &some, |flaw| {
        let id = named(PAGE, *flaw).unwrap().remove(0);
        let case = cases.iter().find(|case| case.id == id).unwrap();
        let setup = setup(&library, &driver(), Some(*flaw));
        let [one, again] = [(); 2].map(|()| steady(judge(&setup, case, &ics)));
        if one == again {
            return None;
        }
        let pairs = one.evidence.iter().zip(&again.evidence);
        let first = pairs.into_iter().find(|(one, again)| one != again);
        let why = format!("{} / {}: {first:#?}", one.reason, again.reason);
        Some(format!("{} {id}: {why}", flaw.name()))
    });
    let different: Vec<_> = different.into_iter().flatten().collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

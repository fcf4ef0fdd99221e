// SPDX-License-Identifier: MIT OR Apache-2.0
//! The catalogue against a card: what a case says that it costs is the most
//! that it costs, and a run is the same every time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // helpers of tests

mod door;

use cie_card::Event;
use cie_conformance::card::{Copies, judge};
use cie_conformance::catalogue::card_cases;
use cie_conformance::edges::Specimen;
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::{CaseResult, Report, Target, Times};
use cie_conformance::verdict::Verdict;
use cie_personalisation::FAMILIES;
use door::Through;
use iso7816_wire::CardDoor;
use std::sync::{Arc, Mutex};

fn run(subject: Specimen<impl CardDoor + Clone>, ics: &Ics) -> Vec<CaseResult> {
    let mut subject = Copies::of(subject);
    let cases = card_cases();
    cases
        .iter()
        .map(|case| judge(&mut subject, case, ics))
        .collect()
}

/// Tries that were spent and whether a code changed, since the last look.
#[derive(Default)]
struct Seen {
    lowest: [u8; 2],
    changed: bool,
}

#[test]
fn a_case_costs_no_more_than_it_says() {
    let family = &FAMILIES[0];
    let mut specimen = ours::specimen(family, 1).unwrap();
    let codes = specimen.card.image().state;
    let full = Seen {
        lowest: [codes.pin_tries, codes.puk_tries],
        changed: false,
    };
    let seen = Arc::new(Mutex::new(full));
    let watched = Arc::clone(&seen);
    specimen.card = specimen.card.with_observer(Arc::new(move |event| {
        if let Event::MemoryWrite(state) = event {
            let mut seen = watched.lock().unwrap();
            seen.lowest[0] = seen.lowest[0].min(state.pin_tries);
            seen.lowest[1] = seen.lowest[1].min(state.puk_tries);
            seen.changed |= state.pin != codes.pin;
        }
    }));
    let mut bench = Copies::of(specimen);
    let ics = ours::ics(family);
    let (mut costly, mut writing) = (0, 0);
    for case in card_cases() {
        *seen.lock().unwrap() = Seen {
            lowest: [codes.pin_tries, codes.puk_tries],
            changed: false,
        };
        judge(&mut bench, &case, &ics);
        let Seen { lowest, changed } = *seen.lock().unwrap();
        // Each comparison takes a try first and gives it back if it was right.
        let transient = u8::from(case.cost.sends_codes);
        let pin = codes.pin_tries - lowest[0];
        let puk = codes.puk_tries - lowest[1];
        let most = |told: u8| told + transient;
        assert!(pin <= most(case.cost.pin_tries), "{case}: {pin} PIN tries");
        assert!(puk <= most(case.cost.puk_tries), "{case}: {puk} PUK tries");
        assert!(!changed || case.cost.writes, "{case}: changes the PIN");
        costly += usize::from(pin > 1);
        writing += usize::from(changed);
    }
    assert!(costly > 10 && writing > 10, "{costly}, {writing}");
}

#[test]
fn the_same_seed_gives_the_same_report() {
    let family = &FAMILIES[3];
    let report = |seed| {
        let specimen = ours::specimen(family, seed).unwrap();
        let ics = ours::ics(family);
        let results = run(specimen, &ics);
        Report::new(
            Target {
                kind: "in-process".into(),
                name: "a card".into(),
                fingerprint: String::new(),
            },
            seed,
            ics,
            results,
            Times::default(),
        )
    };
    let (one, again, other) = (report(5), report(5), report(6));
    assert!(one == again && one.is_clean());
    assert!(one != other && other.is_clean());
    let json = serde_json::to_string(&one).unwrap();
    assert!(serde_json::from_str::<Report>(&json).unwrap() == one);
    assert_eq!(one.totals.values().sum::<usize>(), card_cases().len());
}

#[test]
fn a_broken_card_gets_its_verdicts_and_the_bench_goes_on() {
    let family = &FAMILIES[0];
    let honest = ours::specimen(family, 1).unwrap();
    // It panics when it is asked for a challenge, and calls every unknown
    // instruction a wrong class.
    let broken = honest.behind(|card| {
        Through::new(card, |card, command| {
            assert!(command.get(1) != Some(&0x84), "a test of a crash");
            let answer = card.transmit(command);
            if answer == [0x6D, 0x00] {
                vec![0x6E, 0x00]
            } else {
                answer
            }
        })
    });
    let mut ics = ours::ics(family);
    let of = |results: &[CaseResult], verdict| -> Vec<String> {
        let bad = results.iter().filter(|r| r.verdict == verdict);
        bad.map(|r| r.id.clone()).collect()
    };
    let results = run(broken.clone(), &ics);
    let crashed = of(&results, Verdict::Crash);
    assert!(
        crashed.iter().any(|id| id.contains("_CHAL_")),
        "{crashed:?}"
    );
    let failed = of(&results, Verdict::Fail);
    assert!(failed.contains(&"CIE_IAS_INS_001".to_owned()), "{failed:?}");
    let evidence = results.iter().find(|r| r.id == "CIE_IAS_INS_001").unwrap();
    assert!(evidence.evidence.iter().any(|e| e.response == "6E00"));
    assert!(of(&results, Verdict::Pass).len() > 100);

    // A card that promised nothing is not blamed for another choice.
    ics.card.follows_choices = false;
    let results = run(broken, &ics);
    assert!(of(&results, Verdict::Differs).contains(&"CIE_IAS_INS_001".to_owned()));
    assert!(
        of(&results, Verdict::Fail)
            .iter()
            .all(|id| !id.contains("_INS_"))
    );
}

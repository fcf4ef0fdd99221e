// SPDX-License-Identifier: MIT OR Apache-2.0
//! A protected card whose link fails, at every exchange in turn: afterwards it
//! has its own PIN, or the run says which one it has, and its counter was never
//! below two.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::image::CardState;
use cie_card::{Card, Event};
use cie_conformance::card::{One, Subject, judge};
use cie_conformance::catalogue::{Case, card_cases};
use cie_conformance::edges::{Allow, Left, Link, Papers, Single, Specimen, Trouble};
use cie_conformance::ics::Ics;
use cie_conformance::ours;
use cie_conformance::report::CaseResult;
use cie_conformance::verdict::Verdict;
use cie_personalisation::FAMILIES;
use iso7816_wire::CardDoor;
use std::sync::{Arc, Mutex};

/// How a link fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// The command does not reach the card.
    Command,
    /// The answer does not reach the bench.
    Answer,
}

/// A link that fails at one exchange, or from it on for ever.
struct Loose {
    card: Card,
    exchanges: usize,
    fails_at: usize,
    loss: Loss,
    for_ever: bool,
    trouble: bool,
}

impl CardDoor for Loose {
    fn power_on(&mut self) -> Vec<u8> {
        match self.trouble || self.is_gone() {
            true => {
                self.trouble = true;
                Vec::new()
            }
            false => self.card.power_on(),
        }
    }

    fn reset(&mut self) -> Vec<u8> {
        self.power_on()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if self.trouble {
            return Vec::new();
        }
        self.exchanges += 1;
        if self.exchanges != self.fails_at && !self.is_gone() {
            return self.card.transmit(command);
        }
        self.trouble = true;
        if self.loss == Loss::Answer && self.exchanges == self.fails_at {
            self.card.transmit(command);
        }
        self.card.power_off();
        Vec::new()
    }
}

impl Loose {
    fn is_gone(&self) -> bool {
        self.for_ever && self.exchanges > self.fails_at
    }
}

impl Link for Loose {
    fn begin(&mut self) {
        self.trouble = false;
    }

    fn trouble(&self) -> Option<Trouble> {
        let gone = || Trouble::Gone("a test took it".to_owned());
        self.trouble.then(gone)
    }
}

const PERMITTED: Allow = Allow {
    codes: true,
    tries: true,
    writes: true,
    refill: false,
    proofs: false,
};

/// Changes the PIN; changes it to another, which serves; asks for it; has nothing to do
/// with it.
const CASES: [&str; 4] = [
    "CIE_IAS_PIN_043",
    "CIE_IAS_PIN_047",
    "CIE_IAS_PIN_001",
    "CIE_IAS_ROOT_001",
];

struct Run {
    results: Vec<CaseResult>,
    finished: Result<(), Left>,
    now: CardState,
    fewest: u8,
    exchanges: usize,
}

fn run(
    specimen: &Specimen<Card>,
    cases: &[Case],
    fails_at: usize,
    loss: Loss,
    for_ever: bool,
) -> Run {
    let now = Arc::new(Mutex::new(specimen.card.image().state));
    let fewest = Arc::new(Mutex::new(3));
    let (saw, least) = (Arc::clone(&now), Arc::clone(&fewest));
    let card = specimen.card.clone().with_observer(Arc::new(move |event| {
        if let Event::MemoryWrite(state) = event {
            let mut least = least.lock().unwrap();
            *least = state.pin_tries.min(*least);
            *saw.lock().unwrap() = (*state).clone();
        }
    }));
    let door = Loose {
        card,
        exchanges: 0,
        fails_at,
        loss,
        for_ever,
        trouble: false,
    };
    let papers = Papers {
        puk: String::new(),
        ..specimen.papers()
    };
    let mut ics = Ics::of_a_stranger();
    ics.card.family = specimen.family.clone();
    ics.card.root_by_aid = specimen.root_by_aid;
    ics.card.extended_length = specimen.extended_length;
    ics.terminal.knows_pin = true;
    ics.permit.codes = true;
    ics.permit.writes = true;
    ics.permit.pin_tries = 1;
    let mut single = Single::protected(door, papers, PERMITTED);
    // As the command does.
    ics.terminal.knows_pin = single.learn().is_ok();
    let mut subject = One::of(single);
    let results = cases
        .iter()
        .map(|case| judge(&mut subject, case, &ics))
        .collect();
    let finished = subject.finish();
    let exchanges = subject.single().door().exchanges;
    let now = now.lock().unwrap().clone();
    let fewest = *fewest.lock().unwrap();
    Run {
        results,
        finished,
        now,
        fewest,
        exchanges,
    }
}

#[test]
fn whichever_exchange_fails_the_card_gets_its_pin_back_or_the_run_says_which() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let all = card_cases();
    let cases: Vec<_> = CASES
        .iter()
        .map(|id| all.iter().find(|case| case.id == *id).unwrap().clone())
        .collect();
    let whole = run(&specimen, &cases, usize::MAX, Loss::Command, false);
    for result in &whole.results {
        assert_eq!(result.verdict, Verdict::Pass, "{result:?}");
    }
    assert_eq!((whole.finished, whole.now.pin_tries), (Ok(()), 3));
    // Out of doubt where it is gone for ever, back and back with a try less.
    let (mut told, mut back, mut found_out) = (0, 0, 0);
    for fails_at in 1..=whole.exchanges {
        for loss in [Loss::Command, Loss::Answer] {
            for for_ever in [false, true] {
                let at = format!("{fails_at} {loss:?} {for_ever}");
                let run = run(&specimen, &cases, fails_at, loss, for_ever);
                assert!(run.fewest >= 2, "{at}: {}", run.fewest);
                let pin = run.now.pin.expose();
                match &run.finished {
                    Ok(()) => {
                        assert_eq!(pin, specimen.pin, "{at}: changed, and nobody is told");
                        back += 1;
                        found_out += usize::from(run.now.pin_tries == 2);
                    }
                    Err(left) => {
                        assert!(for_ever, "{at}: not undone: {left}");
                        let named = [left.pin.as_deref(), left.other.as_deref()];
                        assert!(named.contains(&Some(pin)), "{at}: {left}");
                        assert!(left.to_string().contains(pin), "{at}: {left}");
                        told += 1;
                    }
                }
                for result in &run.results {
                    let blamed = result.verdict.is_bad() || result.verdict == Verdict::Differs;
                    assert!(!blamed, "{at}: {result:?}");
                    let text = serde_json::to_string(result).unwrap();
                    for code in [&specimen.pin, "24681357"] {
                        assert!(!text.contains(code), "{at}: {text}");
                    }
                }
            }
        }
    }
    assert!(
        told > 10 && back > 100 && found_out > 0,
        "{told} {back} {found_out}"
    );
}

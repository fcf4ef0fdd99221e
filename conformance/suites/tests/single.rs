// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rows on a card that cannot be copied: the same verdicts as on copies, and
//! the card afterwards as before.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

use cie_card::Card;
use cie_conformance::edges::{
    Alone, Bench, Counters, Link, Outcome, Papers, Reason, Row, Single, Specimen, Start, Supply,
    Trouble, units,
};
use cie_conformance::ours;
use cie_personalisation::{FAMILIES, Family};
use iso7816_wire::CardDoor;
use std::sync::{Arc, Mutex};

/// A place for one card, which a hand can exchange.
#[derive(Clone)]
struct Place(Arc<Mutex<Card>>);

impl CardDoor for Place {
    fn power_on(&mut self) -> Vec<u8> {
        self.0.lock().unwrap().power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.0.lock().unwrap().reset()
    }

    fn power_off(&mut self) {
        self.0.lock().unwrap().power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.lock().unwrap().transmit(command)
    }
}

struct Hand {
    place: Place,
    family: &'static Family,
    given: Arc<Mutex<u64>>,
}

impl Supply for Hand {
    fn fresh(&mut self) -> Result<Papers, String> {
        let mut given = self.given.lock().unwrap();
        *given += 1;
        let Specimen { card, .. } = ours::specimen(self.family, 1 + *given).unwrap();
        let papers = ours::specimen(self.family, 1 + *given).unwrap().papers();
        *self.place.0.lock().unwrap() = card;
        Ok(papers)
    }
}

fn rows() -> impl Iterator<Item = (String, &'static Row)> {
    let of = |unit: &'static cie_conformance::edges::Unit| {
        unit.rows.iter().map(move |row| (unit.id(row), row))
    };
    units().iter().flat_map(of)
}

fn is_same(one: &Outcome, other: &Outcome) -> bool {
    match (&one.result, &other.result) {
        (Ok(a), Ok(b)) => a == b,
        (Err(a), Err(b)) => a.to_string() == b.to_string(),
        _ => false,
    }
}

#[test]
fn the_same_verdicts_as_on_copies_and_few_fresh_cards() {
    let family = &FAMILIES[0];
    let specimen = ours::specimen(family, 1).unwrap();
    let place = Place(Arc::new(Mutex::new(specimen.card.clone())));
    let given = Arc::default();
    let hand = Hand {
        place: place.clone(),
        family,
        given: Arc::clone(&given),
    };
    let papers = specimen.papers();
    let mut copies = Bench::new(specimen);
    let mut single = Single::ours(Alone(place), papers, Some(Box::new(hand)));
    let mut wrong = Vec::new();
    let mut kills = 0;
    for (id, row) in rows() {
        kills += u64::from(matches!(row.start, Start::PukDead | Start::PukOneLeft));
        let (one, other) = (copies.outcome(row), single.outcome(row));
        if !is_same(&one, &other) {
            wrong.push(format!("{id}: {:?} and {:?}", one.result, other.result));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let full = Counters { pin: 3, puk: 10 };
    assert_eq!(single.counters(), Some(full));
    let given = *given.lock().unwrap();
    assert!(
        given > 0 && given <= kills,
        "{given} cards for {kills} rows that kill"
    );
}

/// A way that breaks at one exchange.
struct Breaks {
    card: Card,
    left: usize,
    broken: bool,
}

impl CardDoor for Breaks {
    fn power_on(&mut self) -> Vec<u8> {
        self.card.power_on()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.card.reset()
    }

    fn power_off(&mut self) {
        self.card.power_off();
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.left = self.left.saturating_sub(1);
        self.broken |= self.left == 0;
        if self.broken {
            return Vec::new();
        }
        self.card.transmit(command)
    }
}

impl Link for Breaks {
    fn begin(&mut self) {
        self.broken = false;
    }

    fn trouble(&self) -> Option<Trouble> {
        let gone = || Trouble::Gone("a test took it".to_owned());
        self.broken.then(gone)
    }
}

#[test]
fn what_breaks_the_way_is_no_fault_of_the_card() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let door = Breaks {
        card: specimen.card,
        left: usize::MAX,
        broken: false,
    };
    let mut single = Single::ours(door, papers, None);
    let (_, row) = rows().find(|(id, _)| id == "CIE_IAS_RESET_007").unwrap();
    assert!(matches!(single.outcome(row).result, Ok(true)));
    single.door().left = 2;
    let broken = single.outcome(row).result.unwrap_err();
    assert!(
        matches!(broken, Reason::Trouble(Trouble::Gone(_))),
        "{broken}"
    );
    single.door().left = usize::MAX;
    assert!(matches!(single.outcome(row).result, Ok(true)));
}

#[test]
fn a_first_contact_that_failed_is_named_and_not_a_value_that_nobody_has() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let door = Breaks {
        card: specimen.card,
        left: 2,
        broken: false,
    };
    let mut single = Single::ours(door, papers, None);
    single.door().left = usize::MAX;
    // One that names the value, and one whose start needs it.
    let names = rows().find(|(id, _)| id == "CIE_IAS_KAT_001").unwrap();
    let needs = rows().find(|(_, row)| row.start == Start::Device).unwrap();
    for (id, row) in [names, needs] {
        let why = single.outcome(row).result.unwrap_err().to_string();
        let said = "the first contact with the card did not succeed: the card is gone: a test";
        assert!(why.contains(said), "{id}: {why}");
        assert!(
            why.contains("the group of the key agreement"),
            "{id}: {why}"
        );
    }
}

#[test]
fn without_a_fresh_card_no_row_kills_the_one_there_is() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let mut single = Single::ours(Alone(specimen.card), papers, None);
    let mut refused = 0;
    for (_, row) in rows().filter(|(_, row)| row.start >= Start::PukOneLeft) {
        match single.outcome(row).result {
            Ok(true) => {}
            Err(Reason::Refused(why)) => refused += u32::from(why.ever),
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 5, "{refused}");
    assert_eq!(single.counters(), Some(Counters { pin: 3, puk: 10 }));
}

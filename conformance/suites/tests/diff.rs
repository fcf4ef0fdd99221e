// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two cards get the same commands: alike if they are, and the first answer
//! that is not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod door;

use cie_card::Card;
use cie_conformance::diff::{Closeness, Compared, Divergence, Player, catalogue, compare, random};
use cie_conformance::edges::{Allow, Alone, Bench, Single};
use cie_conformance::ours;
use cie_personalisation::{FAMILIES, family};
use door::Through;
use iso7816_wire::CardDoor;

fn bench(id: &str, seed: u64) -> Bench<Card> {
    Bench::new(ours::specimen(family(id).unwrap(), seed).unwrap())
}

fn first(a: &mut dyn Player, b: &mut dyn Player, all: bool, how: Closeness) -> Option<Divergence> {
    let mut streams = catalogue(all);
    streams.extend(random(3, 40, 30, all));
    for stream in &streams {
        match compare([&mut *a, &mut *b], stream, how) {
            Compared::Alike | Compared::LeftOut(_) => {}
            Compared::Stopped(why) => panic!("{}: {why}", stream.name),
            Compared::Parted(found) => return Some(*found),
        }
    }
    None
}

#[test]
fn a_card_is_like_itself_and_like_another_of_its_kind_in_shape() {
    let mut one = bench("gemalto", 1);
    let mut same = bench("gemalto", 1);
    let mut other = bench("gemalto", 2);
    assert!(first(&mut one, &mut same, true, Closeness::Bytes).is_none());
    let shape = first(&mut one, &mut other, true, Closeness::Shape);
    assert!(shape.is_none(), "{shape:?}");
    let bytes = first(&mut one, &mut other, true, Closeness::Bytes).unwrap();
    assert_ne!(bytes.answers[0], bytes.answers[1]);
}

#[test]
fn families_part_where_their_facts_do() {
    let mut aid = bench("gemalto", 1);
    let mut none = bench("actalis", 1);
    let found = first(&mut aid, &mut none, true, Closeness::Shape).unwrap();
    let action = &found.stream.actions[found.step - 1];
    assert!(action.contains("A0000000308000000009816001"), "{found:?}");
    assert_eq!(found.answers, ["plain 9000", "plain 6A82"]);
    assert!(found.exchanges.iter().all(|side| side.len() == 1));
}

#[test]
fn a_defect_that_only_a_sequence_shows_is_found_by_random_streams() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    // After a challenge it reads nothing.
    let mut challenged = false;
    let odd = specimen.clone().behind(|card| {
        Through::new(card, move |card, command| {
            let was = std::mem::replace(&mut challenged, command.get(1) == Some(&0x84));
            if was && command.starts_with(&[0x00, 0xB0]) {
                return vec![0x6F, 0x00];
            }
            card.transmit(command)
        })
    });
    let (mut honest, mut odd) = (Bench::new(specimen), Bench::new(odd));
    let found = random(1, 200, 30, false).iter().find_map(|stream| {
        match compare([&mut honest, &mut odd], stream, Closeness::Shape) {
            Compared::Parted(found) => Some(found),
            _ => None,
        }
    });
    assert!(found.unwrap().answers[1].contains("6F00"));
}

#[test]
fn of_a_protected_card_nothing_is_shown_and_nothing_spent() {
    let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
    let papers = specimen.papers();
    let nis = specimen.nis.clone();
    let card = Alone(specimen.card.clone());
    let mut stranger = Single::protected(card, papers, Allow::default());
    let mut other = bench("gemalto", 2);
    let found = first(&mut stranger, &mut other, false, Closeness::Shape);
    assert!(found.is_none(), "{found:?}");
    let found = first(&mut stranger, &mut other, false, Closeness::Bytes).unwrap();
    let text = format!("{:?}", (&found.answers[0], &found.exchanges[0]));
    assert!(
        !text.contains(&nis) && !text.contains(&hex::encode(&nis)),
        "{text}"
    );
    let left = stranger.counters().unwrap();
    assert_eq!((left.pin, left.puk), (3, 10));
}

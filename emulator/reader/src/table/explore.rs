// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every order in which a few clients, a card and the timers can act, to a
//! depth. The invariants are checked at every step, and at every state what
//! happens when everybody dies, and whether everybody gets an answer.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

use super::model::{Step, World};
use crate::protocol::codes::{disposition, share};

/// A number in this variable goes so many steps deeper.
const DEEPER: &str = "CIE_READER_EXPLORE_DEEPER";

/// Visits every state within `depth` steps of `start`; how many there are.
fn explore(start: World, depth: usize, steps: &[Step]) -> usize {
    let more: usize = std::env::var(DEEPER)
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let hasher = RandomState::new();
    let mut seen = HashSet::from([hasher.hash_one(&start)]);
    let mut front = VecDeque::from([start]);
    for _ in 0..depth + more {
        let mut next = VecDeque::new();
        for world in front {
            for &step in steps {
                let mut after = world.clone();
                if after.try_step(step) && seen.insert(hasher.hash_one(&after)) {
                    after.clone().check_clean_end();
                    after.clone().check_everybody_is_answered();
                    next.push_back(after);
                }
            }
        }
        front = next;
    }
    println!("{} states", seen.len());
    seen.len()
}

#[test]
fn two_clients_and_one_card() {
    let mut steps = vec![
        Step::CardAnswers,
        Step::CardIsMute,
        Step::Insert,
        Step::Remove,
        Step::Reset,
    ];
    for id in 1..=2 {
        steps.extend([
            Step::Die(id),
            Step::Connect(id, share::SHARED),
            Step::Connect(id, share::EXCLUSIVE),
            Step::Connect(id, share::DIRECT),
            Step::Reconnect(id, share::SHARED, disposition::RESET),
            Step::Reconnect(id, share::EXCLUSIVE, disposition::LEAVE),
            Step::Disconnect(id, disposition::LEAVE),
            Step::Disconnect(id, disposition::UNPOWER),
            Step::Begin(id),
            Step::End(id, disposition::LEAVE),
            Step::End(id, disposition::RESET),
            Step::Transmit(id),
            Step::Release(id),
            Step::Expire(id),
        ]);
    }
    let states = explore(World::with_clients(true, 4, 2), 5, &steps);
    assert!(states > 5_000, "only {states} states");
}

#[test]
fn three_clients_want_the_lock() {
    let mut world = World::with_clients(true, 4, 3);
    let mut steps = vec![Step::CardAnswers, Step::Remove, Step::Insert, Step::Reset];
    for id in 1..=3 {
        world.step(Step::Connect(id, share::SHARED));
        steps.extend([
            Step::Die(id),
            Step::Begin(id),
            Step::End(id, disposition::LEAVE),
            Step::End(id, disposition::RESET),
            Step::Disconnect(id, disposition::RESET),
            Step::Transmit(id),
            Step::Expire(id),
        ]);
    }
    let states = explore(world, 6, &steps);
    assert!(states > 5_000, "only {states} states");
}

#[test]
fn waits_events_and_cancels_in_every_version() {
    for minor in [4, 5, 6] {
        let mut steps = vec![
            Step::CardAnswers,
            Step::Remove,
            Step::Insert,
            Step::Reset,
            Step::Join(3),
        ];
        for id in 1..=2 {
            steps.extend([
                Step::Wait(id),
                Step::Stop(id),
                Step::List(id),
                Step::Cancel(id, 3 - id),
                Step::Expire(id),
                Step::Die(id),
                Step::Connect(id, share::SHARED),
                Step::Disconnect(id, disposition::LEAVE),
            ]);
        }
        let states = explore(World::with_clients(true, minor, 2), 7, &steps);
        assert!(states > 2_000, "only {states} states for 4.{minor}");
    }
}

#[test]
fn an_idle_card_and_a_card_that_is_there_from_the_start() {
    let mut steps = vec![
        Step::CardAnswers,
        Step::CardIsMute,
        Step::Remove,
        Step::Insert,
        Step::Reset,
        Step::Idle,
        Step::Join(3),
        Step::Establish(3),
    ];
    for id in [1, 3] {
        steps.extend([
            Step::Connect(id, share::SHARED),
            Step::Connect(id, share::DIRECT),
            Step::Reconnect(id, share::SHARED, disposition::LEAVE),
            Step::Disconnect(id, disposition::LEAVE),
            Step::Disconnect(id, disposition::UNPOWER),
            Step::Transmit(id),
            Step::List(id),
            Step::Attribute(id),
            Step::Die(id),
        ]);
    }
    let states = explore(World::with_clients(true, 6, 1), 7, &steps);
    assert!(states > 2_000, "only {states} states");
}

#[test]
fn a_reader_that_comes_and_goes() {
    for minor in [4, 6] {
        let mut steps = vec![
            Step::CardAnswers,
            Step::Remove,
            Step::Insert,
            Step::Reset,
            Step::Plug(true),
            Step::Plug(false),
            Step::Unplug,
        ];
        for id in 1..=2 {
            steps.extend([
                Step::Die(id),
                Step::Connect(id, share::SHARED),
                Step::Connect(id, share::EXCLUSIVE),
                Step::Reconnect(id, share::SHARED, disposition::RESET),
                Step::Disconnect(id, disposition::RESET),
                Step::Begin(id),
                Step::End(id, disposition::LEAVE),
                Step::Transmit(id),
                Step::Wait(id),
                Step::List(id),
            ]);
        }
        let states = explore(World::with_clients(true, minor, 2), 6, &steps);
        assert!(states > 5_000, "only {states} states for 4.{minor}");
    }
}

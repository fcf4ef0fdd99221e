// SPDX-License-Identifier: MIT OR Apache-2.0
//! A reset that no client asked for.

use super::super::model::{Step, World};
use super::super::{CardCommand, Effect};
use super::{result, results, two_shared};
use crate::protocol::codes::{disposition, rv, share};

fn commands(effects: &[Effect]) -> Vec<CardCommand> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Card(0, command) => Some(command.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn every_handle_learns_of_a_reset_by_hand() {
    let mut world = two_shared();
    assert_eq!(commands(&world.step(Step::Reset)), [CardCommand::Reset]);
    assert!(world.table.is_resetting(0));
    // Who asks meanwhile waits for the card.
    assert_eq!(results(&world.step(Step::Status(1))), []);
    let answers = world.step(Step::CardAnswers);
    assert_eq!(results(&answers), [(1, rv::RESET_CARD)]);
    assert!(!world.table.is_resetting(0));
    for id in [1, 2] {
        assert_eq!(result(&world.step(Step::Transmit(id))), rv::RESET_CARD);
        let again = Step::Reconnect(id, share::SHARED, disposition::LEAVE);
        assert_eq!(result(&world.step(again)), rv::SUCCESS);
        assert_eq!(result(&world.step(Step::Status(id))), rv::SUCCESS);
    }
}

#[test]
fn the_holder_of_a_transaction_goes_on_holding_it() {
    let mut world = two_shared();
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    assert_eq!(results(&world.step(Step::Begin(2))), []);
    world.step(Step::Reset);
    // Whoever waits for its turn is told at once, as by its next question.
    let answers = world.step(Step::CardAnswers);
    assert_eq!(results(&answers), [(2, rv::RESET_CARD)]);
    let end = Step::End(1, disposition::LEAVE);
    assert_eq!(result(&world.step(end)), rv::RESET_CARD);
    let again = |id| Step::Reconnect(id, share::SHARED, disposition::LEAVE);
    assert_eq!(result(&world.step(again(2))), rv::SHARING_VIOLATION);
    assert_eq!(result(&world.step(again(1))), rv::SUCCESS);
    assert_eq!(result(&world.step(end)), rv::SUCCESS);
    assert_eq!(result(&world.step(again(2))), rv::SUCCESS);
}

#[test]
fn an_exchange_under_way_ends_first() {
    let mut world = two_shared();
    world.step(Step::Transmit(1));
    assert_eq!(commands(&world.step(Step::Reset)), []);
    let done = world.step(Step::CardAnswers);
    assert_eq!(results(&done), [(1, rv::SUCCESS)]);
    assert_eq!(commands(&done), [CardCommand::Reset]);
    world.step(Step::CardAnswers);
    assert_eq!(result(&world.step(Step::Transmit(1))), rv::RESET_CARD);
}

#[test]
fn a_card_without_power_gets_it() {
    let mut world = World::with_clients(true, 4, 1);
    world.step(Step::Idle);
    world.step(Step::CardAnswers);
    assert_eq!(commands(&world.step(Step::Reset)), [CardCommand::PowerOn]);
    world.step(Step::CardAnswers);
    assert_eq!(
        result(&world.step(Step::Connect(1, share::SHARED))),
        rv::SUCCESS
    );
}

#[test]
fn a_card_that_is_taken_out_is_not_reset() {
    let mut world = two_shared();
    world.step(Step::Transmit(1));
    world.step(Step::Reset);
    let removed = world.step(Step::Remove);
    assert_eq!(commands(&removed), []);
    assert!(!world.table.is_resetting(0));
    assert_eq!(result(&world.step(Step::Status(2))), rv::REMOVED_CARD);
}

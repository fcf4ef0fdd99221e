// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares, transactions, resets, removals.

use super::super::{CardCommand, ConnectionId, Delay};
use super::*;
use crate::protocol::codes::{disposition, rv, state};
use crate::protocol::{Begin, Connect, padded};

#[test]
fn a_transaction_waits_for_its_turn_and_begins_the_moment_it_comes() {
    let mut world = World::with_clients(true, 4, 3);
    for id in 1..=3 {
        world.step(Step::Connect(id, share::SHARED));
    }
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    assert_eq!(results(&world.step(Step::Begin(2))), []);
    assert_eq!(results(&world.step(Step::Begin(3))), []);
    let ended = world.step(Step::End(1, disposition::LEAVE));
    assert_eq!(results(&ended), [(1, rv::SUCCESS), (2, rv::SUCCESS)]);
    let ended = world.step(Step::End(2, disposition::LEAVE));
    assert_eq!(results(&ended), [(2, rv::SUCCESS), (3, rv::SUCCESS)]);
}

#[test]
fn transactions_nest() {
    let mut world = two_shared();
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    assert_eq!(results(&world.step(Step::Begin(2))), []);
    assert_eq!(
        results(&world.step(Step::End(1, disposition::LEAVE))),
        [(1, rv::SUCCESS)]
    );
    let ended = world.step(Step::End(1, disposition::LEAVE));
    assert_eq!(results(&ended), [(1, rv::SUCCESS), (2, rv::SUCCESS)]);
    assert_eq!(
        result(&world.step(Step::End(1, disposition::LEAVE))),
        rv::SHARING_VIOLATION
    );
    assert_eq!(
        result(&world.step(Step::End(2, disposition::LEAVE))),
        rv::SUCCESS
    );
    assert_eq!(
        result(&world.step(Step::End(2, disposition::LEAVE))),
        rv::NOT_TRANSACTED
    );
}

/// Two threads that share a context: the one that waits would keep the other
/// from ending its transaction, so it is sent away to try again.
#[test]
fn a_connection_never_waits_for_itself() {
    let mut world = World::with_clients(true, 4, 1);
    world.step(Step::Connect(1, share::SHARED));
    let first = world.clients[&1].cards[0];
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    // A second handle cannot be had during the transaction; make it before.
    assert_eq!(
        result(&world.step(Step::Connect(1, share::SHARED))),
        rv::SHARING_VIOLATION
    );
    assert_eq!(
        result(&world.step(Step::End(1, disposition::LEAVE))),
        rv::SUCCESS
    );
    assert_eq!(
        result(&world.step(Step::Connect(1, share::SHARED))),
        rv::SUCCESS
    );
    assert_eq!(
        result(&world.ask(1, Request::Begin(Begin { card: first, rv: 0 }))),
        rv::SUCCESS
    );
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SHARING_VIOLATION);
    let reset = world.step(Step::Disconnect(1, disposition::RESET));
    assert_eq!(result(&reset), rv::SHARING_VIOLATION);
}

#[test]
fn patience_has_an_end() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    assert_eq!(results(&world.step(Step::Begin(2))), []);
    assert_eq!(
        results(&world.step(Step::Expire(2))),
        [(2, rv::SHARING_VIOLATION)]
    );
    assert_eq!(
        results(&world.step(Step::End(1, disposition::LEAVE))),
        [(1, rv::SUCCESS)]
    );
}

#[test]
fn what_others_get_during_a_transaction() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    assert_eq!(
        result(&world.step(Step::Transmit(2))),
        rv::SHARING_VIOLATION
    );
    assert_eq!(result(&world.step(Step::Status(2))), rv::SHARING_VIOLATION);
    assert_eq!(
        result(&world.step(Step::Attribute(2))),
        rv::SHARING_VIOLATION
    );
    let reset = Step::Reconnect(2, share::SHARED, disposition::RESET);
    assert_eq!(result(&world.step(reset)), rv::SHARING_VIOLATION);
    let reset = world.step(Step::End(2, disposition::RESET));
    assert_eq!(result(&reset), rv::SHARING_VIOLATION);
    // Leaving is always possible, and takes nothing from the holder.
    assert_eq!(
        result(&world.step(Step::Disconnect(2, disposition::LEAVE))),
        rv::SUCCESS
    );
    assert_eq!(through_card(&mut world, Step::Transmit(1)), rv::SUCCESS);
    // Coming waits.
    assert_eq!(results(&world.step(Step::Connect(2, share::SHARED))), []);
    let ended = world.step(Step::End(1, disposition::LEAVE));
    assert_eq!(results(&ended), [(1, rv::SUCCESS), (2, rv::SUCCESS)]);
}

#[test]
fn a_leaver_that_wants_a_reset_waits_for_the_holder() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    assert_eq!(
        results(&world.step(Step::Disconnect(2, disposition::RESET))),
        []
    );
    assert_eq!(
        results(&world.step(Step::End(1, disposition::LEAVE))),
        [(1, rv::SUCCESS)]
    );
    assert_eq!(world.card, Some(CardCommand::Reset));
    assert_eq!(results(&world.step(Step::CardAnswers)), [(2, rv::SUCCESS)]);
    assert_eq!(result(&world.step(Step::Status(1))), rv::RESET_CARD);
}

#[test]
fn share_modes() {
    let mut world = World::with_clients(true, 4, 3);
    assert_eq!(
        result(&world.step(Step::Connect(1, share::EXCLUSIVE))),
        rv::SUCCESS
    );
    assert_eq!(world.table.states()[0].sharing, -1);
    for mode in [share::SHARED, share::EXCLUSIVE, share::DIRECT] {
        assert_eq!(
            result(&world.step(Step::Connect(2, mode))),
            rv::SHARING_VIOLATION
        );
    }
    // The one level that comes with being alone cannot be given back.
    assert_eq!(
        result(&world.step(Step::End(1, disposition::LEAVE))),
        rv::NOT_TRANSACTED
    );
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    assert_eq!(
        result(&world.step(Step::End(1, disposition::LEAVE))),
        rv::SUCCESS
    );
    let share_it = Step::Reconnect(1, share::SHARED, disposition::LEAVE);
    assert_eq!(result(&world.step(share_it)), rv::SUCCESS);
    assert_eq!(
        result(&world.step(Step::Connect(2, share::DIRECT))),
        rv::SUCCESS
    );
    assert_eq!(world.table.states()[0].sharing, 2);
    assert_eq!(
        result(&world.step(Step::Connect(3, share::EXCLUSIVE))),
        rv::SHARING_VIOLATION
    );
    let alone = Step::Reconnect(1, share::EXCLUSIVE, disposition::LEAVE);
    assert_eq!(result(&world.step(alone)), rv::SHARING_VIOLATION);
    assert_eq!(
        result(&world.step(Step::Disconnect(2, disposition::LEAVE))),
        rv::SUCCESS
    );
    assert_eq!(result(&world.step(alone)), rv::SUCCESS);
    for mode in [0, 4] {
        assert_eq!(
            result(&world.step(Step::Connect(3, mode))),
            rv::INVALID_VALUE
        );
    }
}

#[test]
fn a_reset_is_news_to_everybody_else_until_they_reconnect() {
    let mut world = two_shared();
    let reset = Step::Reconnect(1, share::SHARED, disposition::RESET);
    assert_eq!(
        world.step(reset).last(),
        Some(&Effect::Card(0, CardCommand::Reset))
    );
    assert_eq!(result(&world.step(Step::CardAnswers)), rv::SUCCESS);
    assert_eq!(result(&world.step(Step::Status(1))), rv::SUCCESS);
    for step in [
        Step::Status(2),
        Step::Transmit(2),
        Step::Begin(2),
        Step::Attribute(2),
    ] {
        assert_eq!(result(&world.step(step)), rv::RESET_CARD, "{step:?}");
    }
    assert_eq!(
        result(&world.step(Step::End(2, disposition::LEAVE))),
        rv::RESET_CARD
    );
    let again = Step::Reconnect(2, share::SHARED, disposition::LEAVE);
    assert_eq!(result(&world.step(again)), rv::SUCCESS);
    assert_eq!(through_card(&mut world, Step::Transmit(2)), rv::SUCCESS);
}

#[test]
fn a_reset_at_the_end_is_news_to_the_one_who_asked_too() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    assert_eq!(
        through_card(&mut world, Step::End(1, disposition::RESET)),
        rv::SUCCESS
    );
    assert_eq!(result(&world.step(Step::Status(1))), rv::RESET_CARD);
    assert_eq!(result(&world.step(Step::Status(2))), rv::RESET_CARD);
}

#[test]
fn a_cold_reset() {
    let mut world = two_shared();
    world.step(Step::Reconnect(1, share::SHARED, disposition::UNPOWER));
    assert_eq!(world.card, Some(CardCommand::PowerCycle));
    assert_eq!(result(&world.step(Step::CardAnswers)), rv::SUCCESS);
    assert_eq!(result(&world.step(Step::Status(2))), rv::RESET_CARD);
}

#[test]
fn after_unpower_the_next_client_powers_the_card() {
    let mut world = two_shared();
    world.step(Step::Disconnect(1, disposition::UNPOWER));
    assert_eq!(world.card, Some(CardCommand::PowerOff));
    assert_eq!(result(&world.step(Step::CardAnswers)), rv::SUCCESS);
    let seen = world.table.states()[0];
    assert_eq!((seen.state, seen.protocol), (state::PRESENT, 0));
    assert_eq!(seen.atr(), super::super::model::ATR);
    world.step(Step::Disconnect(2, disposition::LEAVE));
    assert_eq!(results(&world.step(Step::Connect(1, share::SHARED))), []);
    assert_eq!(world.card, Some(CardCommand::PowerOn));
    assert_eq!(result(&world.step(Step::CardAnswers)), rv::SUCCESS);
    assert_eq!(world.table.states()[0].state, 0x34);
}

#[test]
fn eject_does_nothing_to_the_card_but_waits_its_turn() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    assert_eq!(
        results(&world.step(Step::Disconnect(2, disposition::EJECT))),
        []
    );
    let ended = world.step(Step::End(1, disposition::EJECT));
    assert_eq!(
        results(&ended),
        [(1, rv::UNSUPPORTED_FEATURE), (2, rv::SUCCESS)],
        "refused, and the transaction is over"
    );
    assert_eq!(world.card, None);
    assert_eq!(
        result(&world.step(Step::Disconnect(1, 4))),
        rv::INVALID_VALUE
    );
}

#[test]
fn a_dead_holder_gives_the_lock_back_and_the_card_is_reset_first() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    assert_eq!(results(&world.step(Step::Begin(2))), []);
    let died = world.step(Step::Die(1));
    assert!(
        died.contains(&Effect::Card(0, CardCommand::Reset)),
        "{died:?}"
    );
    assert_eq!(results(&died), []);
    assert_eq!(
        results(&world.step(Step::CardAnswers)),
        [(2, rv::RESET_CARD)]
    );
    let again = Step::Reconnect(2, share::SHARED, disposition::LEAVE);
    assert_eq!(result(&world.step(again)), rv::SUCCESS);
    assert_eq!(result(&world.step(Step::Begin(2))), rv::SUCCESS);
}

#[test]
fn a_dead_client_without_a_transaction_leaves_the_card_alone() {
    let mut world = two_shared();
    assert_eq!(world.step(Step::Die(1)), []);
    assert_eq!(result(&world.step(Step::Status(2))), rv::SUCCESS);
    assert_eq!(world.table.states()[0].sharing, 1);
}

#[test]
fn a_client_that_dies_in_the_queue_leaves_no_gap() {
    let mut world = World::with_clients(true, 4, 3);
    for id in 1..=3 {
        world.step(Step::Connect(id, share::SHARED));
    }
    world.step(Step::Begin(1));
    world.step(Step::Begin(2));
    world.step(Step::Begin(3));
    world.step(Step::Die(2));
    let ended = world.step(Step::End(1, disposition::LEAVE));
    assert_eq!(results(&ended), [(1, rv::SUCCESS), (3, rv::SUCCESS)]);
}

#[test]
fn a_release_takes_every_handle_with_it() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    let released = world.step(Step::Release(1));
    assert_eq!(result(&released), rv::SUCCESS);
    assert_eq!(world.card, Some(CardCommand::Reset));
    world.step(Step::CardAnswers);
    assert_eq!(result(&world.step(Step::Status(2))), rv::RESET_CARD);
    assert_eq!(world.table.states()[0].sharing, 1);
}

#[test]
fn a_removal_ends_transactions_and_is_known_until_reconnect() {
    let mut world = two_shared();
    world.step(Step::Begin(1));
    world.step(Step::Begin(2));
    let removed = world.step(Step::Remove);
    assert_eq!(results(&removed), [(2, rv::REMOVED_CARD)]);
    assert_eq!(world.table.states()[0].state, state::ABSENT);
    for step in [
        Step::Status(1),
        Step::Transmit(1),
        Step::Begin(1),
        Step::Attribute(1),
    ] {
        assert_eq!(result(&world.step(step)), rv::REMOVED_CARD, "{step:?}");
    }
    let again = Step::Reconnect(1, share::SHARED, disposition::LEAVE);
    assert_eq!(result(&world.step(again)), rv::NO_SMARTCARD);
    world.step(Step::Insert);
    world.step(Step::CardAnswers);
    assert_eq!(result(&world.step(Step::Transmit(1))), rv::REMOVED_CARD);
    assert_eq!(result(&world.step(again)), rv::SUCCESS);
    assert_eq!(through_card(&mut world, Step::Transmit(1)), rv::SUCCESS);
}

#[test]
fn removed_in_the_middle_of_an_exchange() {
    let mut world = two_shared();
    world.step(Step::Transmit(1));
    world.step(Step::Transmit(2));
    let removed = world.step(Step::Remove);
    assert_eq!(
        results(&removed),
        [(1, rv::NO_SMARTCARD), (2, rv::REMOVED_CARD)]
    );
}

#[test]
fn contexts_and_names() {
    let mut world = World::with_clients(true, 4, 1);
    let connect = |context, name: &[u8], share, preferred| {
        Request::Connect(Box::new(Connect {
            context,
            reader: padded(name),
            share,
            preferred,
            card: 77,
            active: 0,
            rv: 0,
        }))
    };
    let context = world.clients[&1].context;
    for (request, expected) in [
        (
            connect(context, b"R ", share::SHARED, 3),
            rv::UNKNOWN_READER,
        ),
        (connect(context, b"", share::SHARED, 3), rv::UNKNOWN_READER),
        (
            connect(context + 1, b"R", share::SHARED, 3),
            rv::INVALID_VALUE,
        ),
        (connect(context, b"R", share::SHARED, 0), rv::PROTO_MISMATCH),
        (connect(context, b"R", share::DIRECT, 0), rv::SUCCESS),
    ] {
        assert_eq!(result(&world.ask(1, request)), expected);
    }
    world.step(Step::Join(2));
    let without = connect(0, b"R", share::SHARED, 3);
    assert_eq!(result(&world.ask(2, without)), rv::INVALID_HANDLE);
}

#[test]
fn handles_are_limited() {
    let mut world = two_shared();
    world.table.limits.handles_per_connection = 1;
    assert_eq!(
        result(&world.step(Step::Connect(1, share::SHARED))),
        rv::NO_MEMORY
    );
    world.table.limits.handles_per_reader = 2;
    assert_eq!(
        result(&world.step(Step::Connect(1, share::SHARED))),
        rv::INTERNAL_ERROR
    );
}

#[test]
fn another_clients_handle_costs_the_connection() {
    let mut world = two_shared();
    let other = world.clients[&2].cards[0];
    let effects = world.ask(1, Request::Begin(Begin { card: other, rv: 0 }));
    assert!(
        matches!(effects.as_slice(), [Effect::Close(id, _)] if id.0 == 1),
        "{effects:?}"
    );
    assert_eq!(result(&world.step(Step::Status(2))), rv::SUCCESS);
}

/// A holder that was told of a reset, or whose card is another one, has
/// nothing left to protect: its death resets nobody.
#[test]
fn a_holder_that_knows_of_a_reset_leaves_none_behind() {
    let mut world = two_shared();
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    world.step(Step::Reset);
    world.step(Step::CardAnswers);
    let died = world.step(Step::Die(1));
    let resets = died.iter().any(|e| matches!(e, Effect::Card(..)));
    assert!(!resets, "{died:?}");
    let again = Step::Reconnect(2, share::SHARED, disposition::LEAVE);
    assert_eq!(result(&world.step(again)), rv::SUCCESS);
}

/// The timer of a transaction that has begun is stopped, so that it does not
/// cut the next one's turn short.
#[test]
fn a_transaction_that_begins_stops_its_timer() {
    let mut world = two_shared();
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    let parked = world.step(Step::Begin(2));
    let id = ConnectionId(2);
    assert_eq!(parked, [Effect::Arm(id, Delay::Queue)]);
    assert_eq!(world.table.queued(id), Some(0), "nobody else waits");
    let ended = world.step(Step::End(1, disposition::LEAVE));
    assert_eq!(results(&ended), [(1, rv::SUCCESS), (2, rv::SUCCESS)]);
    assert!(ended.contains(&Effect::Disarm(id)), "{ended:?}");
}

#[test]
fn usage_counts_those_who_wait_and_not_those_who_ask() {
    let mut world = two_shared();
    assert_eq!(result(&world.step(Step::Begin(1))), rv::SUCCESS);
    world.step(Step::Begin(2));
    let usage = world.table.usage();
    assert_eq!((usage.waiting, usage.readers[0].queued), (0, 1));
    world.step(Step::Wait(1));
    assert_eq!(world.table.usage().waiting, 1);
}

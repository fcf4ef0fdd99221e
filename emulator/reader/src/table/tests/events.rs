// SPDX-License-Identifier: MIT OR Apache-2.0
//! Versions, lists, waits.

use super::super::{
    CardAnswer, CardCommand, CloseReason, ConnectionId, Input, Limits, Numbers, ReaderSetup, Table,
};
use super::*;
use crate::protocol::codes::rv;
use crate::protocol::{ReaderState, Version, WaitEvent};

const EVENT: WaitEvent = WaitEvent {
    timeout: 0,
    rv: rv::SUCCESS,
};
const CANCELLED: WaitEvent = WaitEvent {
    timeout: 0,
    rv: rv::CANCELLED,
};

fn empty_table(readers: usize) -> Table {
    let setup = (0..readers)
        .map(|n| ReaderSetup {
            name: format!("R{n}"),
            card: false,
            profile: crate::ReaderProfile::default(),
        })
        .collect();
    let (mut table, effects) = Table::new(setup, Limits::default(), Numbers::Smallest);
    assert_eq!(effects, []);
    table.handle(Input::Connected(ConnectionId(1)));
    table
}

#[test]
fn versions() {
    let answer = |major, minor| {
        let request = Request::Version(Version {
            major,
            minor,
            rv: 0,
        });
        let Reply::Version(reply) = ask(&mut empty_table(1), 1, request) else {
            panic!()
        };
        (reply.major, reply.minor, reply.rv)
    };
    for minor in 4..=6 {
        assert_eq!(answer(4, minor), (4, minor, rv::SUCCESS));
    }
    assert_eq!(answer(4, 7), (4, 6, rv::SUCCESS));
    for (major, minor) in [(4, 3), (3, 6), (5, 0), (-1, -1)] {
        assert_eq!(answer(major, minor), (4, 6, rv::SERVICE_STOPPED));
    }
}

#[test]
fn lists_have_the_length_each_version_expects() {
    let mut table = empty_table(20);
    let Reply::ReaderStates(classic) = ask(&mut table, 1, Request::GetReadersState) else {
        panic!()
    };
    assert_eq!(classic.len(), 16);
    assert_eq!(
        ask(&mut table, 1, Request::GetStateSize),
        Reply::StateSize(20)
    );
    let Reply::ReaderStates(all) = ask(&mut table, 1, Request::GetStateArray) else {
        panic!()
    };
    assert_eq!(all.len(), 20);
    assert_eq!(all[19].name(), b"R19");

    let mut table = empty_table(1);
    assert_eq!(
        ask(&mut table, 1, Request::GetStateSize),
        Reply::StateSize(16)
    );
    let Reply::ReaderStates(all) = ask(&mut table, 1, Request::GetStateArray) else {
        panic!()
    };
    assert_eq!(all.len(), 16);
    assert_eq!(all[1], ReaderState::UNUSED);
}

#[test]
fn an_insertion_is_seen_powered_and_wakes_whoever_waits() {
    for minor in [4, 5] {
        let mut world = World::with_clients(false, minor, 2);
        world.step(Step::Wait(1));
        assert_eq!(
            world.step(Step::Insert),
            [Effect::Card(0, CardCommand::PowerOn)]
        );
        assert_eq!(
            world.table.states()[0].state,
            0x02,
            "not before it has answered"
        );
        let powered = world.step(Step::CardAnswers);
        assert_eq!(
            powered,
            [Effect::ArmIdle(0), Effect::Event(ConnectionId(1), EVENT)]
        );
        let seen = world.table.states()[0];
        assert_eq!((seen.state, seen.event_counter), (0x34, 1));
        world.step(Step::Wait(1));
        assert!(
            world
                .step(Step::Remove)
                .contains(&Effect::Event(ConnectionId(1), EVENT))
        );
        assert_eq!(world.table.states()[0].event_counter, 2);
    }
}

#[test]
fn a_stop_is_answered_only_if_there_is_something_to_stop() {
    for minor in [4, 5, 6] {
        let mut world = World::with_clients(true, minor, 1);
        let one = ConnectionId(1);
        world.step(Step::Wait(1));
        world.step(Step::List(1));
        let stopped = world.step(Step::Stop(1));
        assert_eq!(
            stopped,
            [Effect::Answer(one, Some(Reply::WaitEvent(EVENT)))]
        );
        assert_eq!(world.step(Step::Stop(1)), [Effect::Answer(one, None)]);
        world.step(Step::Wait(1));
        world.step(Step::List(1));
        assert!(
            world
                .step(Step::Remove)
                .contains(&Effect::Event(one, EVENT))
        );
        assert_eq!(world.step(Step::Stop(1)), [Effect::Answer(one, None)]);
    }
}

/// The client library of 4.6 would take an event for the length of the list.
#[test]
fn an_event_comes_after_the_list_that_was_asked_for_with_it() {
    let one = ConnectionId(1);
    let mut world = World::with_clients(true, 6, 1);
    assert_eq!(world.step(Step::Wait(1)), [Effect::Answer(one, None)]);
    let removed = world.step(Step::Remove);
    assert!(
        !removed
            .iter()
            .any(|effect| matches!(effect, Effect::Event(..))),
        "{removed:?}"
    );
    let size = world.ask(1, Request::GetStateSize);
    assert_eq!(size, [Effect::Answer(one, Some(Reply::StateSize(16)))]);
    let list = world.step(Step::List(1));
    let [
        Effect::Answer(_, Some(Reply::ReaderStates(states))),
        Effect::Disarm(_),
        event,
    ] = list.as_slice()
    else {
        panic!("{list:?}")
    };
    assert_eq!(states[0].state, 0x02, "the list knows already");
    assert_eq!(event, &Effect::Event(one, EVENT));

    // Whoever never asks gets it when the timer runs out.
    world.step(Step::Wait(1));
    world.step(Step::Insert);
    world.step(Step::CardAnswers);
    assert_eq!(
        world.step(Step::Expire(1)),
        [Effect::Disarm(one), Effect::Event(one, EVENT)]
    );
    // Whoever asks something else gets it first.
    world.step(Step::Wait(1));
    world.step(Step::Remove);
    let stopped = world.step(Step::Stop(1));
    assert_eq!(
        stopped,
        [
            Effect::Disarm(one),
            Effect::Event(one, EVENT),
            Effect::Answer(one, None)
        ]
    );
}

#[test]
fn a_cancel_comes_from_another_connection() {
    for minor in [4, 6] {
        let mut world = World::with_clients(true, minor, 2);
        world.step(Step::Wait(1));
        world.step(Step::List(1));
        let cancelled = world.step(Step::Cancel(2, 1));
        assert_eq!(cancelled[0], Effect::Event(ConnectionId(1), CANCELLED));
        assert_eq!(result(&cancelled), rv::SUCCESS);
        // Nothing left to cancel: success, and no second message.
        assert_eq!(world.step(Step::Cancel(2, 1)).len(), 1);
        let unknown = crate::protocol::Cancel {
            context: 12345,
            rv: 0,
        };
        assert_eq!(
            result(&world.ask(2, Request::Cancel(unknown))),
            rv::INVALID_HANDLE
        );
    }
}

#[test]
fn connecting_and_leaving_are_events() {
    let mut world = World::with_clients(true, 4, 2);
    world.step(Step::Wait(1));
    let connected = world.step(Step::Connect(2, share::SHARED));
    assert!(connected.contains(&Effect::Event(ConnectionId(1), EVENT)));
    world.step(Step::Wait(1));
    assert!(
        world
            .step(Step::Die(2))
            .contains(&Effect::Event(ConnectionId(1), EVENT))
    );
}

#[test]
fn the_first_list_waits_for_the_first_power() {
    let setup = vec![ReaderSetup {
        name: "R".into(),
        card: true,
        profile: crate::ReaderProfile::default(),
    }];
    let (mut table, effects) = Table::new(setup, Limits::default(), Numbers::Smallest);
    assert_eq!(effects, [Effect::Card(0, CardCommand::PowerOn)]);
    let one = ConnectionId(1);
    table.handle(Input::Connected(one));
    assert_eq!(
        table.handle(Input::Request(one, Request::GetReadersState)),
        []
    );
    let powered = table.handle(Input::CardDone(0, CardAnswer::Atr(vec![0x3B, 0])));
    let [(1, Reply::ReaderStates(states))] = &replies(&powered)[..] else {
        panic!("{powered:?}")
    };
    assert_eq!((states[0].state, states[0].event_counter), (0x34, 0));
}

#[test]
fn too_many_waits_cost_the_connection() {
    let mut table = empty_table(1);
    let one = ConnectionId(1);
    for _ in 0..16 {
        assert_eq!(
            table.handle(Input::Request(one, Request::Wait)),
            [Effect::Answer(one, None)]
        );
    }
    assert_eq!(
        table.handle(Input::Request(one, Request::Wait)),
        [Effect::Close(one, CloseReason::TooManyWaits)]
    );
}

#[test]
fn out_of_turn() {
    let mut world = two_shared();
    world.step(Step::Transmit(1));
    let effects = world
        .table
        .handle(Input::Request(ConnectionId(1), Request::GetStateSize));
    assert_eq!(
        effects,
        [Effect::Close(ConnectionId(1), CloseReason::OutOfTurn)]
    );
}

#[test]
fn readers_never_come_or_go() {
    let mut table = empty_table(3);
    let Reply::ReaderEvents(events) = ask(&mut table, 1, Request::GetReaderEvents) else {
        panic!()
    };
    // One for the start and one for each reader, like the daemon counts.
    assert_eq!((events.events, events.rv), (4, 0));
}

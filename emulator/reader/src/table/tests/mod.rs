// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each rule of the table looks like to a client.

mod card;
mod events;
mod reset;
mod sharing;

use super::model::{Step, World};
use super::{Effect, Table};
use crate::protocol::codes::share;
use crate::protocol::{Reply, Request};

/// Two clients with a shared handle each, on a powered card.
fn two_shared() -> World {
    let mut world = World::with_clients(true, 4, 2);
    result(&world.step(Step::Connect(1, share::SHARED)));
    result(&world.step(Step::Connect(2, share::SHARED)));
    world
}

/// The replies among some effects, with the connections they go to.
fn replies(effects: &[Effect]) -> Vec<(u64, Reply)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Answer(id, Some(reply)) => Some((id.0, reply.clone())),
            _ => None,
        })
        .collect()
}

fn rv_of(reply: &Reply) -> u32 {
    match reply {
        Reply::Version(m) => m.rv,
        Reply::Establish(m) => m.rv,
        Reply::Release(m) => m.rv,
        Reply::Connect(m) => m.rv,
        Reply::Reconnect(m) => m.rv,
        Reply::Disconnect(m) => m.rv,
        Reply::Begin(m) => m.rv,
        Reply::End(m) => m.rv,
        Reply::Transmit(m, _) => m.rv,
        Reply::Control(m, _) => m.rv,
        Reply::Status(m) => m.rv,
        Reply::Cancel(m) => m.rv,
        Reply::Attribute(m) => m.rv,
        Reply::WaitEvent(m) => m.rv,
        Reply::ReaderEvents(m) => m.rv,
        Reply::ReaderStates(_) | Reply::StateSize(_) => 0,
    }
}

/// The return value of the only reply.
fn result(effects: &[Effect]) -> u32 {
    match replies(effects).as_slice() {
        [(_, reply)] => rv_of(reply),
        other => panic!("one reply expected, not {other:?}"),
    }
}

/// Connections and return values of all replies, in order.
fn results(effects: &[Effect]) -> Vec<(u64, u32)> {
    replies(effects)
        .iter()
        .map(|(id, reply)| (*id, rv_of(reply)))
        .collect()
}

/// A step and, right after it, the card's answer; the return value.
fn through_card(world: &mut World, step: Step) -> u32 {
    assert_eq!(
        replies(&world.step(step)),
        [],
        "{step:?} does not reach the card"
    );
    result(&world.step(Step::CardAnswers))
}

/// Asks a table of its own, without a world; the return value.
fn ask(table: &mut Table, id: u64, request: Request) -> Reply {
    let effects = table.handle(super::Input::Request(super::ConnectionId(id), request));
    match replies(&effects).as_slice() {
        [(_, reply)] => reply.clone(),
        other => panic!("one reply expected, not {other:?}"),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Long random histories, with well-behaved clients and with liars.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Step, World};
use crate::protocol::Request;

/// Clients that may come; none comes twice.
const CLIENTS: u64 = 6;

fn step() -> impl Strategy<Value = Step> {
    let id = 1_u64..=CLIENTS;
    let number = 0_u32..=4;
    prop_oneof![
        2 => id.clone().prop_map(Step::Join),
        1 => id.clone().prop_map(Step::Die),
        3 => id.clone().prop_map(Step::Establish),
        1 => id.clone().prop_map(Step::Release),
        4 => (id.clone(), number.clone()).prop_map(|(id, share)| Step::Connect(id, share)),
        2 => (id.clone(), number.clone(), number.clone())
            .prop_map(|(id, share, init)| Step::Reconnect(id, share, init)),
        2 => (id.clone(), number.clone()).prop_map(|(id, d)| Step::Disconnect(id, d)),
        4 => id.clone().prop_map(Step::Begin),
        3 => (id.clone(), number).prop_map(|(id, d)| Step::End(id, d)),
        4 => id.clone().prop_map(Step::Transmit),
        1 => id.clone().prop_map(Step::Status),
        1 => id.clone().prop_map(Step::Attribute),
        2 => id.clone().prop_map(Step::Wait),
        1 => id.clone().prop_map(Step::Stop),
        1 => id.clone().prop_map(Step::List),
        1 => (id.clone(), id.clone()).prop_map(|(id, whom)| Step::Cancel(id, whom)),
        8 => Just(Step::CardAnswers),
        1 => Just(Step::CardIsMute),
        1 => Just(Step::Insert),
        1 => Just(Step::Remove),
        1 => Just(Step::Reset),
        1 => any::<bool>().prop_map(Step::Plug),
        1 => Just(Step::Unplug),
        1 => id.prop_map(Step::Expire),
        1 => Just(Step::Idle),
    ]
}

proptest! {
    #[test]
    fn histories_keep_the_invariants(
        card in any::<bool>(),
        minor in 4..=6,
        steps in vec(step(), 1..200),
    ) {
        let mut world = World::new(card, minor);
        for step in steps {
            world.try_step(step);
        }
        world.clone().check_everybody_is_answered();
        world.check_clean_end();
    }

    #[test]
    fn liars_harm_nobody_else(
        minor in 4..=6,
        steps in vec(prop_oneof![
            2 => step().prop_map(Ok),
            1 => crate::protocol::tests::request().prop_map(Err),
        ], 1..100),
    ) {
        let mut world = World::new(true, minor);
        let mut liar = 100;
        let mut joined = 0;
        for step in steps {
            match step {
                Ok(step) => {
                    let possible = world.try_step(step);
                    joined += usize::from(possible && matches!(step, Step::Join(_)));
                    joined -= usize::from(possible && matches!(step, Step::Die(_)));
                }
                Err(request) => {
                    // One liar after the other, each until it is cut off.
                    if !world.clients.contains_key(&liar) {
                        liar += 1;
                        world.step(Step::Join(liar));
                    }
                    // It tells no version, as that would change what its waits look like.
                    if !matches!(request, Request::Version(_))
                        && world.clients[&liar].asked.is_none()
                    {
                        world.ask(liar, request);
                    }
                }
            }
            // Cut off is who asked, and only a liar asks for it.
            let honest = world.clients.keys().filter(|&&id| id <= CLIENTS).count();
            prop_assert_eq!(honest, joined);
        }
        world.check_clean_end();
    }
}

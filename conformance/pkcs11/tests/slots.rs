// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers and cards that come and go, and sessions on them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use cie_card::Card;
use cie_personalisation::{Persona, personalise};
use cie_pkcs11::failure::Failure;
use cie_pkcs11::module::{Module, SESSIONS_MAX};
use cie_pkcs11::token::User;
use common::{PATIENCE, TestReaders, card, name, pin, puk};
use std::time::{Duration, Instant};

fn looked(readers: &TestReaders) -> Module {
    let module = readers.module();
    module.slot_list(false, true);
    module
}

#[test]
fn every_reader_is_a_slot_and_keeps_its_number() {
    let readers = TestReaders::empty(2);
    readers.insert(1, card());
    let module = readers.module();
    assert_eq!(module.slot(0), Err(Failure::SlotIdInvalid), "nobody looked");
    assert_eq!(module.slot_list(false, false), [0, 1], "the first look");
    assert_eq!(module.slot_list(true, false), [1]);
    assert_eq!(module.slot(1).unwrap().name, name(1));

    readers.plug_in();
    assert_eq!(
        module.slot_list(false, false),
        [0, 1],
        "no new look was asked for"
    );
    assert_eq!(module.slot_list(false, true), [0, 1, 2]);

    readers.unplug();
    assert_eq!(module.slot_list(false, true), [0, 1]);
    assert!(!module.slot(2).unwrap().present);
    readers.plug_in();
    assert_eq!(module.slot_list(false, true), [0, 1, 2]);
    readers.insert(0, card());
    assert!(module.slot(0).unwrap().present);
    assert_eq!(module.slot_list(true, false), [0, 1]);
}

#[test]
fn events_are_told_once() {
    let readers = TestReaders::empty(2);
    readers.insert(0, card());
    let module = looked(&readers);
    let next = || module.wait_for_event(false);
    assert_eq!(next(), Err(Failure::NoEvent), "what was there is no news");
    readers.insert(1, card());
    readers.remove(0);
    let mut both = [next().unwrap(), next().unwrap()];
    both.sort_unstable();
    assert_eq!(both, [0, 1]);
    assert_eq!(next(), Err(Failure::NoEvent));
    // Out and in again: the card may be another one.
    readers.remove(1);
    readers.put_back(1);
    assert_eq!(next(), Ok(1));
    assert_eq!(next(), Err(Failure::NoEvent));
    // A reader that comes with a card in it, and one without.
    readers.plug_in();
    assert_eq!(next(), Err(Failure::NoEvent));
    readers.insert(2, card());
    assert_eq!(next(), Ok(2));
    readers.unplug();
    assert_eq!(next(), Ok(2), "the reader took its card with it");
    assert_eq!(next(), Err(Failure::NoEvent));
    readers.plug_in();
    assert_eq!(next(), Err(Failure::NoEvent), "it came back empty");
}

#[test]
fn a_waiter_is_woken_by_cards_and_by_the_end() {
    let readers = TestReaders::empty(1);
    let module = looked(&readers);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| module.wait_for_event(true));
        std::thread::sleep(Duration::from_millis(50));
        readers.insert(0, card());
        assert_eq!(waiter.join().unwrap(), Ok(0));
        let waiters = [(); 3].map(|()| scope.spawn(|| module.wait_for_event(true)));
        std::thread::sleep(Duration::from_millis(50));
        module.finalise();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(Failure::NotInitialised));
        }
    });
    assert!(started.elapsed() < PATIENCE / 2, "nobody woke them");
}

#[test]
fn sessions_end_with_their_card() {
    let readers = TestReaders::empty(2);
    readers.insert(0, card());
    readers.insert(1, card());
    let module = looked(&readers);
    let [first, second] = [0, 1].map(|slot| module.open_session(slot, true).unwrap());
    for session in [first, second] {
        module
            .log_in(session, User::Citizen, pin().as_bytes())
            .unwrap();
    }
    readers.remove(0);
    let lost = module.log_in(first, User::Citizen, pin().as_bytes());
    assert_eq!(lost, Err(Failure::DeviceRemoved));
    assert_eq!(
        module.session(first).err(),
        Some(Failure::SessionHandleInvalid)
    );
    assert_eq!(
        module.close_session(first),
        Err(Failure::SessionHandleInvalid)
    );
    // The other card does not notice.
    let token = module.session(second).unwrap();
    assert_eq!(token.token().unwrap().login(), Some(User::Citizen));
}

#[test]
fn a_code_for_one_card_never_goes_to_another() {
    let readers = TestReaders::with_card();
    let module = looked(&readers);
    let session = module.open_session(0, true).unwrap();
    let place = module.session(session).unwrap();
    // Another thread sees the card change before this one has its turn.
    readers.remove(0);
    readers.insert(0, card());
    module.token_facts(0).unwrap();
    assert_eq!(place.token().err(), Some(Failure::SessionHandleInvalid));
    let wrong = module.log_in(session, User::Citizen, b"13572468");
    assert_eq!(wrong, Err(Failure::SessionHandleInvalid));
    assert_eq!(readers.inspect(0).pin_tries, 3);
}

#[test]
fn a_card_that_was_swapped_unseen_gets_no_code_of_a_session_with_the_first() {
    let readers = TestReaders::with_card();
    let module = looked(&readers);
    let session = module.open_session(0, true).unwrap();
    let other = personalise(&Persona::adult().unwrap(), 8).unwrap();
    readers.swap_unseen(0, Card::in_memory(other.image, other.card_seed).unwrap());
    let answer = module.log_in(session, User::Citizen, pin().as_bytes());
    assert_eq!(answer, Err(Failure::DeviceRemoved));
    assert_eq!(readers.inspect(0).pin_tries, 3);
    assert_eq!(
        module.session(session).err(),
        Some(Failure::SessionHandleInvalid)
    );
    module.open_session(0, true).unwrap();
}

#[test]
fn who_waited_for_a_token_through_the_end_does_not_log_in() {
    let readers = TestReaders::with_card();
    let module = looked(&readers);
    let session = module.open_session(0, true).unwrap();
    // Another thread is as far as this when the end comes.
    let place = module.session(session).unwrap();
    module.finalise();
    assert_eq!(place.token().err(), Some(Failure::SessionHandleInvalid));
}

#[test]
fn sessions_are_counted_and_limited() {
    let readers = TestReaders::with_card();
    let module = looked(&readers);
    let first = module.open_session(0, true).unwrap();
    for _ in 1..SESSIONS_MAX {
        module.open_session(0, false).unwrap();
    }
    assert_eq!(module.open_session(0, false), Err(Failure::SessionCount));
    let (_, count) = module.token_facts(0).unwrap();
    assert_eq!((count.all, count.writable), (SESSIONS_MAX, 1));
    module.close_session(first).unwrap();
    module.open_session(0, false).unwrap();
    // Sessions of a removed card make room.
    readers.remove(0);
    readers.put_back(0);
    module.open_session(0, true).unwrap();
    let (_, count) = module.token_facts(0).unwrap();
    assert_eq!((count.all, count.writable), (1, 1));
    module.close_all_sessions(0).unwrap();
    assert_eq!(module.token_facts(0).unwrap().1.all, 0);
}

#[test]
fn the_puk_and_read_only_sessions_exclude_each_other() {
    let readers = TestReaders::with_card();
    let module = looked(&readers);
    let session = module.open_session(0, true).unwrap();
    let read_only = module.open_session(0, false).unwrap();
    let unblock = || module.log_in(session, User::Unblocker, puk().as_bytes());
    assert_eq!(unblock(), Err(Failure::SessionReadOnlyExists));
    module.close_session(read_only).unwrap();
    assert_eq!(unblock(), Ok(()));
    assert_eq!(
        module.open_session(0, false),
        Err(Failure::SessionReadWriteSoExists)
    );
    assert_eq!(readers.inspect(0).puk_tries, 10);
}

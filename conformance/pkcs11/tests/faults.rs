// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults of cards and readers at every point, other programs on the same
//! card, cards that answer otherwise.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use cie_card::ResponseHook;
use cie_pkcs11::failure::Failure;
use cie_pkcs11::mechanisms::Mechanism;
use cie_pkcs11::module::Module;
use cie_pkcs11::objects::Object;
use cie_pkcs11::token::User;
use cie_terminal::digest::HashAlgorithm;
use common::{
    Fault, TEXT, TestReaders, WRONG, card, counting_card, logged_in, opened, pin, puk, right, sign,
};
use iso7816_wire::{CardDoor, CommandApdu, ResponseApdu, StatusWord};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What another program begins its work with.
const SELECT_ROOT: &[u8] = &[0x00, 0xA4, 0x00, 0x00];
const SHA256: Mechanism = Mechanism::RsaOver(HashAlgorithm::Sha256);

/// What an application may be told when the card or reader fails under it.
fn is_plausible(fault: Fault, failure: Failure) -> bool {
    match fault {
        Fault::RemovedBefore | Fault::RemovedAfter | Fault::Broken => {
            matches!(failure, Failure::DeviceRemoved | Failure::TokenNotPresent)
        }
        Fault::ResetBefore | Fault::ResetAfter => {
            matches!(failure, Failure::UserNotLoggedIn | Failure::DeviceError)
        }
        Fault::Garbled | Fault::Mute => matches!(
            failure,
            Failure::UserNotLoggedIn | Failure::DeviceError | Failure::TokenNotRecognised
        ),
    }
}

/// Each fault at each exchange of `work`; then everything works again, no try
/// is lost, and no call sent a code twice.
fn at_every_exchange(log_in_first: bool, work: fn(&Module, u64) -> Result<(), Failure>) {
    for fault in Fault::ALL {
        for at in 1.. {
            let readers = TestReaders::empty(1);
            let (card, codes_sent) = counting_card();
            readers.insert(0, card);
            let (module, session) = if log_in_first {
                logged_in(&readers)
            } else {
                opened(&readers)
            };
            let sent = codes_sent.load(Ordering::SeqCst);
            readers.fault(0, at, fault);
            let result = work(&module, session);
            if readers.withdraw(0) {
                // The work was over before the fault.
                assert_eq!(result, Ok(()));
                assert!(at > 2, "the work had no exchanges");
                break;
            }
            // After a reset it may start again; without a card it may not succeed.
            let gone = matches!(
                fault,
                Fault::RemovedBefore | Fault::RemovedAfter | Fault::Broken
            );
            assert!(!gone || result.is_err(), "{fault:?} at {at}");
            if let Err(failure) = result {
                assert!(
                    is_plausible(fault, failure),
                    "{fault:?} at {at}: {failure:?}"
                );
            }
            let sent = codes_sent.load(Ordering::SeqCst) - sent;
            assert!(sent <= 1, "{fault:?} at {at}: a code was sent {sent} times");

            readers.put_back(0);
            let session = match module.session(session) {
                Ok(place) if place.token().unwrap().check().is_ok() => session,
                _ => module.open_session(0, true).unwrap(),
            };
            match module.log_in(session, User::Citizen, pin().as_bytes()) {
                Ok(()) | Err(Failure::UserAlreadyLoggedIn) => {}
                Err(failure) => panic!("{fault:?} at {at}: then {failure:?}"),
            }
            let signature = sign(&module, session, SHA256, TEXT).unwrap();
            assert!(right(&signature), "{fault:?} at {at}");
            assert_eq!(readers.inspect(0).pin_tries, 3, "{fault:?} at {at}");
            assert_eq!(readers.inspect(0).puk_tries, 10, "{fault:?} at {at}");
        }
    }
}

#[test]
fn faults_at_every_exchange_of_a_signature() {
    at_every_exchange(true, |module, session| {
        let signature = sign(module, session, SHA256, TEXT)?;
        assert!(right(&signature));
        Ok(())
    });
}

#[test]
fn faults_at_every_exchange_of_a_login() {
    at_every_exchange(false, |module, session| {
        module.log_in(session, User::Citizen, pin().as_bytes())
    });
}

#[test]
fn faults_at_every_exchange_of_a_change_of_the_pin() {
    at_every_exchange(true, |module, session| {
        let place = module.session(session)?;
        // To the same PIN: how far it got does not matter then.
        place.token()?.change(pin().as_bytes(), pin().as_bytes())
    });
}

#[test]
fn two_programs_by_turns_lose_no_try() {
    let readers = TestReaders::empty(1);
    let (card, codes_sent) = counting_card();
    readers.insert(0, card);
    let programs = [opened(&readers), opened(&readers)];
    for round in 0..6 {
        let (module, session) = &programs[round % 2];
        if round > 1 {
            // The other one has ended this one's session with the card.
            let refused = sign(module, *session, SHA256, TEXT);
            assert_eq!(refused, Err(Failure::UserNotLoggedIn), "round {round}");
        }
        module
            .log_in(*session, User::Citizen, pin().as_bytes())
            .unwrap();
        for _ in 0..2 {
            assert!(right(&sign(module, *session, SHA256, TEXT).unwrap()));
        }
    }
    assert_eq!(readers.inspect(0).pin_tries, 3);
    assert_eq!(codes_sent.load(Ordering::SeqCst), 6, "one per login");
}

#[test]
fn asking_for_slots_and_tokens_leaves_other_programs_alone() {
    let readers = TestReaders::with_card();
    let (other, _) = opened(&readers);
    let (module, session) = logged_in(&readers);
    for _ in 0..3 {
        other.slot_list(true, true);
        other.slot(0).unwrap();
        other.token_facts(0).unwrap();
        assert!(right(&sign(&module, session, SHA256, TEXT).unwrap()));
    }
}

#[test]
fn a_reset_by_another_program_ends_the_login() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    let place = module.session(session).unwrap();
    readers.reset(0);
    place.token().unwrap().check().unwrap();
    assert_eq!(place.token().unwrap().login(), None);
    let refused = sign(&module, session, SHA256, TEXT);
    assert_eq!(refused, Err(Failure::UserNotLoggedIn));
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    assert!(right(&sign(&module, session, SHA256, TEXT).unwrap()));
}

#[test]
fn a_login_that_the_card_has_forgotten_can_be_repeated() {
    let readers = TestReaders::with_card();
    let (module, session) = logged_in(&readers);
    let again = module.log_in(session, User::Citizen, pin().as_bytes());
    assert_eq!(again, Err(Failure::UserAlreadyLoggedIn));
    readers.foreign(0, &[0x00, 0xA4, 0x00, 0x00]);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
}

#[test]
fn counters_are_read_again_when_the_answer_to_a_code_was_lost() {
    for fault in [Fault::Garbled, Fault::Mute] {
        for at in 1.. {
            let readers = TestReaders::with_card();
            let (module, session) = opened(&readers);
            readers.fault(0, at, fault);
            let answer = module.log_in(session, User::Citizen, WRONG.as_bytes());
            if readers.withdraw(0) {
                break;
            }
            assert!(answer.is_err());
            let (facts, _) = module.token_facts(0).unwrap();
            let left = readers.inspect(0).pin_tries;
            assert_eq!(facts.pin.left, left, "{fault:?} at {at}");
        }
    }
}

#[test]
fn a_login_comes_with_the_certificate_whoever_comes_next() {
    let readers = TestReaders::with_card();
    let (module, session) = opened(&readers);
    readers.disturb(0, SELECT_ROOT);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    let objects = module.session(session).unwrap().objects().unwrap();
    assert!(objects.all().contains(&Object::PrivateKey));
}

#[test]
fn who_finds_no_key_is_not_told_that_he_is_logged_in() {
    // The certificate cannot be read at once: answered in plain, which ends
    // the session, and by then the card has forgotten the PIN.
    let once = AtomicBool::new(true);
    let readers = TestReaders::empty(1);
    let hook: ResponseHook = Arc::new(move |command, response| {
        let reads = command.data == [0x10, 0x03] && once.swap(false, Ordering::SeqCst);
        if reads {
            ResponseApdu::status(StatusWord::FILE_NOT_FOUND)
        } else {
            response
        }
    });
    readers.insert(0, card().with_response_hook(hook));
    let (module, session) = logged_in(&readers);
    readers.foreign(0, SELECT_ROOT);
    readers.headers(0);
    let place = module.session(session).unwrap();
    let objects = place.objects().unwrap();
    assert_eq!(objects.all(), [Object::Nis]);
    assert_eq!(place.token().unwrap().login(), None);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    assert!(right(&sign(&module, session, SHA256, TEXT).unwrap()));
}

/// A card whose answer to some commands is another one.
fn hooked(wrong: fn(&CommandApdu) -> Option<StatusWord>) -> TestReaders {
    let readers = TestReaders::empty(1);
    let hook: ResponseHook = Arc::new(move |command, response| match wrong(command) {
        Some(sw) => ResponseApdu::status(sw),
        None => response,
    });
    readers.insert(0, card().with_response_hook(hook));
    readers
}

/// GET DATA for the object of a code.
fn asks_for_tries(command: &CommandApdu) -> bool {
    command.header()[1] == 0xCB && command.data.windows(2).any(|w| w == [0xBF, 0x81])
}

#[test]
fn counters_of_a_card_that_does_not_tell_them_in_plain() {
    let readers =
        hooked(|command| asks_for_tries(command).then_some(StatusWord::REFERENCED_DATA_NOT_FOUND));
    let (module, session) = opened(&readers);
    let left = || {
        let (facts, _) = module.token_facts(0).unwrap();
        (facts.pin.left, facts.puk.left)
    };
    assert_eq!(left(), (3, 10));
    for ideal in [(2, 10), (1, 10)] {
        let wrong = module.log_in(session, User::Citizen, WRONG.as_bytes());
        assert_eq!(wrong, Err(Failure::PinIncorrect));
        assert_eq!(left(), ideal);
    }
    assert_eq!(readers.inspect(0).pin_tries, 1);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    assert_eq!(left(), (3, 10));
    // Another process reads them from the card without costing a try.
    let (other, _) = opened(&readers);
    assert_eq!(other.token_facts(0).unwrap().0.pin.left, 3);
    assert_eq!(readers.inspect(0).pin_tries, 3);
}

#[test]
fn a_card_that_cannot_be_asked_for_the_status_of_a_code() {
    let readers = hooked(|command| {
        let asks = command.header()[1] == 0x20 && command.data.is_empty();
        (asks || asks_for_tries(command)).then_some(StatusWord::WRONG_LENGTH)
    });
    let (module, session) = logged_in(&readers);
    assert!(right(&sign(&module, session, SHA256, TEXT).unwrap()));
    readers.foreign(0, &[0x00, 0xA4, 0x00, 0x00]);
    let refused = sign(&module, session, SHA256, TEXT);
    assert_eq!(refused, Err(Failure::UserNotLoggedIn));
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    assert!(right(&sign(&module, session, SHA256, TEXT).unwrap()));
}

/// A card that answers a right command with anything.
struct Hostile {
    card: cie_card::Card,
    /// What replaces the answer to each command; none for the right one.
    answers: Vec<Option<Lie>>,
    next: usize,
}

#[derive(Clone, Debug)]
enum Lie {
    Bytes(Vec<u8>),
    Cut(usize),
    Flip(usize, u8),
    Status(u16),
}

impl CardDoor for Hostile {
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
        let mut answer = self.card.transmit(command);
        let lie = self.answers.get(self.next % self.answers.len());
        self.next += 1;
        match lie.cloned().flatten() {
            None => {}
            Some(Lie::Bytes(bytes)) => answer = bytes,
            Some(Lie::Cut(len)) => answer.truncate(len),
            Some(Lie::Flip(at, with)) => {
                let at = at % answer.len();
                answer[at] ^= with;
            }
            Some(Lie::Status(sw)) => {
                answer.truncate(answer.len() - 2);
                answer.extend(sw.to_be_bytes());
            }
        }
        answer
    }
}

fn lie() -> impl Strategy<Value = Lie> {
    let statuses = prop_oneof![
        Just(0x9000),
        Just(0x6282),
        Just(0x6100),
        0x6101..0x6200_u16,
        0x6C00..0x6D00_u16,
        0x63C0..0x63D0_u16,
        Just(0x6982),
        Just(0x6983),
        Just(0x6985),
        Just(0x6988),
        any::<u16>(),
    ];
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Lie::Bytes),
        (0_usize..300).prop_map(Lie::Cut),
        (any::<usize>(), 1_u8..).prop_map(|(at, with)| Lie::Flip(at, with)),
        statuses.prop_map(Lie::Status),
    ]
}

/// A few lies among the first hundred answers, which is a login and more.
fn lies() -> impl Strategy<Value = Vec<Option<Lie>>> {
    let some = proptest::collection::vec((0_usize..100, lie()), 1..6);
    some.prop_map(|some| {
        let mut answers = vec![None; 100];
        for (at, lie) in some {
            answers[at] = Some(lie);
        }
        answers
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a card answers, every call ends, with a result or a failure
    /// that is the card's and not this module's.
    #[test]
    fn a_card_may_answer_anything(answers in lies()) {
        let readers = TestReaders::empty(1);
        let mut card = card();
        card.power_on();
        readers.insert_other(0, Box::new(Hostile { card, answers, next: 0 }));
        let module = readers.module();
        module.slot_list(true, true);
        let mut failures = vec![module.token_facts(0).err()];
        for _ in 0..2 {
            let Ok(session) = module.open_session(0, true) else {
                continue;
            };
            let login = module.log_in(session, User::Citizen, pin().as_bytes());
            failures.push(login.err());
            failures.push(sign(&module, session, SHA256, TEXT).err());
            failures.push(module.random(session, 20).err());
            if let Ok(place) = module.session(session)
                && let Ok(mut token) = place.token()
            {
                let same = pin().as_bytes();
                failures.push(token.change(same, same).err());
                token.log_out();
            }
            let login = module.log_in(session, User::Unblocker, puk().as_bytes());
            failures.push(login.err());
            let _ = module.close_session(session);
        }
        module.finalise();
        prop_assert!(!failures.contains(&Some(Failure::GeneralError)), "{failures:?}");
    }
}

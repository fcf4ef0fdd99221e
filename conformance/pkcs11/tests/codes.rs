// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of PIN and PUK through the module, against a model and the card's
//! own counters.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use cie_pkcs11::failure::Failure;
use cie_pkcs11::module::Module;
use cie_pkcs11::token::User;
use common::{TestReaders, WRONG, pin, puk, verifies};
use proptest::prelude::*;

const OTHER: &str = "24681357";
const BLOCK: &[u8] = b"a block of some bytes";

#[derive(Clone, Copy, Debug)]
enum Try {
    Right,
    Wrong,
    Short,
    Letters,
}

#[derive(Clone, Copy, Debug)]
enum Op {
    LogIn(User, Try),
    Confirm(Try),
    LogOut,
    Change(Try, Try),
    SetByPuk(Try),
    Sign,
    Random,
    Reset,
    /// Another program selects an application.
    Foreign,
    Replug,
}

fn attempt() -> impl Strategy<Value = Try> {
    prop_oneof![
        4 => Just(Try::Right),
        3 => Just(Try::Wrong),
        1 => Just(Try::Short),
        1 => Just(Try::Letters),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let user = prop_oneof![Just(User::Citizen), Just(User::Unblocker)];
    prop_oneof![
        8 => (user, attempt()).prop_map(|(user, attempt)| Op::LogIn(user, attempt)),
        1 => attempt().prop_map(Op::Confirm),
        3 => Just(Op::LogOut),
        2 => (attempt(), attempt()).prop_map(|(old, new)| Op::Change(old, new)),
        3 => attempt().prop_map(Op::SetByPuk),
        4 => Just(Op::Sign),
        1 => Just(Op::Random),
        1 => Just(Op::Reset),
        1 => Just(Op::Foreign),
        1 => Just(Op::Replug),
    ]
}

/// What should be.
struct Model {
    pin: String,
    pin_tries: u8,
    puk_tries: u8,
    /// Whom the module takes to be logged in.
    login: Option<User>,
    /// The card still knows it.
    known: bool,
}

impl Model {
    fn right(&self, user: User) -> String {
        match user {
            User::Citizen => self.pin.clone(),
            User::Unblocker => puk().to_owned(),
        }
    }

    fn text(right: &str, attempt: Try) -> String {
        match attempt {
            Try::Right => right.to_owned(),
            Try::Wrong => WRONG.to_owned(),
            Try::Short => right[..4].to_owned(),
            Try::Letters => "1234567a".to_owned(),
        }
    }

    /// A code to be set: two that are well formed, and none is [`WRONG`].
    fn new_text(attempt: Try) -> String {
        match attempt {
            Try::Wrong => "97531864".to_owned(),
            other => Self::text(OTHER, other),
        }
    }

    fn dead(&self) -> bool {
        self.puk_tries == 0
    }

    fn tries(&mut self, user: User) -> &mut u8 {
        match user {
            User::Citizen => &mut self.pin_tries,
            User::Unblocker => &mut self.puk_tries,
        }
    }

    /// The card's answer to a code.
    fn present(&mut self, user: User, attempt: Try) -> Result<(), Failure> {
        if self.dead() || *self.tries(user) == 0 {
            return Err(Failure::PinLocked);
        }
        match attempt {
            Try::Right => {
                *self.tries(user) = if user == User::Citizen { 3 } else { 10 };
                Ok(())
            }
            Try::Wrong => {
                *self.tries(user) -= 1;
                if self.login == Some(User::Citizen) && user == User::Citizen {
                    self.login = None;
                }
                Err(if *self.tries(user) == 0 {
                    Failure::PinLocked
                } else {
                    Failure::PinIncorrect
                })
            }
            Try::Short | Try::Letters => Err(Failure::PinIncorrect),
        }
    }

    fn new_code(attempt: Try) -> Result<(), Failure> {
        match attempt {
            Try::Right | Try::Wrong => Ok(()),
            Try::Short => Err(Failure::PinLenRange),
            Try::Letters => Err(Failure::PinInvalid),
        }
    }

    fn forgotten(&mut self) {
        if !self.known {
            self.login = None;
        }
    }
}

/// One citizen at one computer.
struct Run {
    readers: TestReaders,
    module: Module,
    session: u64,
    model: Model,
}

impl Run {
    fn new() -> Self {
        let readers = TestReaders::with_card();
        let module = readers.module();
        module.slot_list(true, true);
        let session = module.open_session(0, true).unwrap();
        let model = Model {
            pin: pin().to_owned(),
            pin_tries: 3,
            puk_tries: 10,
            login: None,
            known: true,
        };
        Self {
            readers,
            module,
            session,
            model,
        }
    }

    /// Does it, and says what should have come of it.
    fn step(&mut self, op: Op) -> (Result<(), Failure>, Result<(), Failure>) {
        let model = &mut self.model;
        let place = || self.module.session(self.session).unwrap();
        match op {
            Op::LogIn(user, attempt) => {
                let code = Model::text(&model.right(user), attempt);
                let real = self.module.log_in(self.session, user, code.as_bytes());
                model.forgotten();
                let ideal = match model.login {
                    Some(present) if present == user => Err(Failure::UserAlreadyLoggedIn),
                    Some(_) => Err(Failure::UserAnotherAlreadyLoggedIn),
                    None => model.present(user, attempt),
                };
                if ideal.is_ok() {
                    (model.login, model.known) = (Some(user), true);
                }
                (real, ideal)
            }
            Op::Confirm(attempt) => {
                let code = Model::text(&model.pin, attempt);
                let real = place().token().unwrap().confirm(code.as_bytes());
                if model.login != Some(User::Citizen) {
                    return (real, Err(Failure::UserNotLoggedIn));
                }
                model.forgotten();
                let ideal = model.present(User::Citizen, attempt);
                if ideal.is_ok() {
                    (model.login, model.known) = (Some(User::Citizen), true);
                }
                (real, ideal)
            }
            Op::LogOut => {
                place().token().unwrap().log_out();
                model.login = None;
                (Ok(()), Ok(()))
            }
            Op::Change(old, new) => {
                let old_code = Model::text(&model.pin, old);
                let new_code = Model::new_text(new);
                let real = place()
                    .token()
                    .unwrap()
                    .change(old_code.as_bytes(), new_code.as_bytes());
                if model.login == Some(User::Unblocker) {
                    return (real, Err(Failure::FunctionNotSupported));
                }
                if let Err(failure) = Model::new_code(new) {
                    return (real, Err(failure));
                }
                if model.login == Some(User::Citizen) {
                    model.forgotten();
                }
                let ideal = model.present(User::Citizen, old);
                if ideal.is_ok() {
                    model.pin = new_code;
                }
                (real, ideal)
            }
            Op::SetByPuk(new) => {
                let code = Model::new_text(new);
                let real = place().token().unwrap().set_by_puk(code.as_bytes());
                if model.login != Some(User::Unblocker) {
                    return (real, Err(Failure::UserNotLoggedIn));
                }
                if let Err(failure) = Model::new_code(new) {
                    return (real, Err(failure));
                }
                model.forgotten();
                if model.login.is_none() {
                    return (real, Err(Failure::UserNotLoggedIn));
                }
                (model.pin, model.pin_tries) = (code, 3);
                // The card's grant is used up.
                model.known = false;
                (real, Ok(()))
            }
            Op::Sign => {
                let real = place().token().unwrap().sign(BLOCK).map(|signature| {
                    assert!(verifies(BLOCK, &signature));
                });
                if model.login == Some(User::Citizen) {
                    model.forgotten();
                }
                let ideal = match model.login {
                    Some(User::Citizen) => Ok(()),
                    _ => Err(Failure::UserNotLoggedIn),
                };
                (real, ideal)
            }
            Op::Random => {
                let real = self.module.random(self.session, 11);
                assert_eq!(real.as_ref().map(Vec::len), Ok(11));
                (Ok(()), Ok(()))
            }
            Op::Reset => {
                self.readers.reset(0);
                model.login = None;
                place().token().unwrap().check().unwrap();
                (Ok(()), Ok(()))
            }
            Op::Foreign => {
                self.readers.foreign(0, &[0x00, 0xA4, 0x00, 0x00]);
                model.known = false;
                (Ok(()), Ok(()))
            }
            Op::Replug => {
                self.readers.remove(0);
                self.readers.put_back(0);
                let real = place().token().unwrap().check();
                assert_eq!(real, Err(Failure::DeviceRemoved));
                let gone = self.module.session(self.session).err();
                assert_eq!(gone, Some(Failure::SessionHandleInvalid));
                self.session = self.module.open_session(0, true).unwrap();
                model.login = None;
                (Ok(()), Ok(()))
            }
        }
    }

    fn check(&self) {
        let card = self.readers.inspect(0);
        assert_eq!(
            card.pin_tries, self.model.pin_tries,
            "PIN tries of the card"
        );
        assert_eq!(
            card.puk_tries, self.model.puk_tries,
            "PUK tries of the card"
        );
        let place = self.module.session(self.session).unwrap();
        assert_eq!(place.token().unwrap().login(), self.model.login, "login");
        let (facts, _) = self.module.token_facts(0).unwrap();
        assert_eq!(facts.pin.left, card.pin_tries, "PIN tries told");
        assert_eq!(facts.puk.left, card.puk_tries, "PUK tries told");
        assert_eq!((facts.pin.allowed, facts.puk.allowed), (3, 10));
    }
}

fn run(ops: &[Op]) {
    let mut run = Run::new();
    for (index, op) in ops.iter().enumerate() {
        let (real, ideal) = run.step(*op);
        assert_eq!(real, ideal, "step {index}: {op:?} of {ops:?}");
        run.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_life_of_the_codes(ops in proptest::collection::vec(op(), 1..24)) {
        run(&ops);
    }
}

#[test]
fn blocked_unblocked_and_as_good_as_new() {
    use Op::{LogIn, LogOut, SetByPuk, Sign};
    let wrong = LogIn(User::Citizen, Try::Wrong);
    let right = LogIn(User::Citizen, Try::Right);
    let puk = LogIn(User::Unblocker, Try::Right);
    let new = SetByPuk(Try::Right);
    run(&[
        wrong, wrong, wrong, right, Sign, puk, new, LogOut, right, Sign,
    ]);
}

/// Found by `any_life_of_the_codes` once.
#[test]
fn a_change_and_a_wrong_pin() {
    run(&[
        Op::Change(Try::Right, Try::Wrong),
        Op::LogIn(User::Citizen, Try::Wrong),
    ]);
}

#[test]
fn ten_wrong_puks_end_it_for_ever() {
    let mut life = vec![Op::LogIn(User::Citizen, Try::Right), Op::LogOut];
    life.extend([Op::LogIn(User::Unblocker, Try::Wrong); 10]);
    life.push(Op::LogIn(User::Unblocker, Try::Right));
    life.push(Op::LogIn(User::Citizen, Try::Right));
    life.push(Op::Replug);
    life.push(Op::LogIn(User::Citizen, Try::Right));
    run(&life);
}

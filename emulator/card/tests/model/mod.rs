// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN and PUK as choice 9 words them, written without a look at the card's
//! code: the answer to each command and every state that it stores on the way.

use cie_card::image::CardState;

/// A command with codes.
#[derive(Clone, Debug)]
pub enum Op {
    VerifyPin(String),
    VerifyPuk(String),
    Change(String, String),
    /// RESET RETRY COUNTER with a new PIN.
    NewPin(String),
    /// RESET RETRY COUNTER without.
    Unblock,
    /// VERIFY without a code.
    AskPin,
}

impl Op {
    pub fn command(&self) -> String {
        let digits = |code: &str| hex::encode(code);
        match self {
            Self::VerifyPin(code) => format!("0020008108{}", digits(code)),
            Self::VerifyPuk(code) => format!("0020008208{}", digits(code)),
            Self::Change(old, new) => format!("0024008110{}{}", digits(old), digits(new)),
            Self::NewPin(new) => format!("002C028108{}", digits(new)),
            Self::Unblock => "002C0381".to_owned(),
            Self::AskPin => "00200081".to_owned(),
        }
    }
}

/// What is stored, and what the session knows.
#[derive(Clone, Debug)]
pub struct Model {
    pin: String,
    puk: String,
    pin_tries: u8,
    puk_tries: u8,
    /// The PUK was verified and not used up.
    pub granted: bool,
    /// The PIN was verified.
    pub verified: bool,
}

/// What a command does when nothing goes wrong.
pub struct Expected {
    pub sw: u16,
    /// What is stored after each of its commits.
    pub commits: Vec<Model>,
    pub after: Model,
}

impl Model {
    /// A new session with the card of this state.
    pub fn of(state: &CardState) -> Self {
        Self {
            pin: state.pin.expose().to_owned(),
            puk: state.puk.expose().to_owned(),
            pin_tries: state.pin_tries,
            puk_tries: state.puk_tries,
            granted: false,
            verified: false,
        }
    }

    /// Is this what is stored?
    pub fn is(&self, state: &CardState) -> bool {
        self.pin == state.pin.expose()
            && self.puk == state.puk.expose()
            && (self.pin_tries, self.puk_tries) == (state.pin_tries, state.puk_tries)
    }

    pub fn run(&self, op: &Op) -> Expected {
        let mut next = self.clone();
        let mut commits = Vec::new();
        let sw = if self.puk_tries == 0 {
            0x6983
        } else {
            next.alive(op, &mut commits)
        };
        Expected {
            sw,
            commits,
            after: next,
        }
    }

    fn alive(&mut self, op: &Op, commits: &mut Vec<Self>) -> u16 {
        match op {
            Op::AskPin if self.verified => 0x9000,
            Op::AskPin if self.pin_tries == 0 => 0x6983,
            Op::AskPin => 0x63C0 + u16::from(self.pin_tries),
            Op::VerifyPin(_) | Op::Change(..) if self.pin_tries == 0 => 0x6983,
            Op::VerifyPin(given) | Op::Change(given, _) => {
                self.pin_tries -= 1;
                commits.push(self.clone());
                if *given != self.pin {
                    self.verified = false;
                    return 0x63C0 + u16::from(self.pin_tries);
                }
                if let Op::Change(_, new) = op {
                    self.pin.clone_from(new);
                } else {
                    self.verified = true;
                }
                self.pin_tries = 3;
                commits.push(self.clone());
                0x9000
            }
            Op::VerifyPuk(given) => {
                self.puk_tries -= 1;
                commits.push(self.clone());
                if *given != self.puk {
                    self.granted = false;
                    return 0x63C0 + u16::from(self.puk_tries);
                }
                self.puk_tries = 10;
                self.granted = true;
                commits.push(self.clone());
                0x9000
            }
            Op::NewPin(_) | Op::Unblock if !self.granted => 0x6982,
            Op::NewPin(new) => {
                self.pin.clone_from(new);
                self.pin_tries = 3;
                self.granted = false;
                self.verified = false;
                commits.push(self.clone());
                0x9000
            }
            Op::Unblock => {
                self.pin_tries = 3;
                commits.push(self.clone());
                0x9000
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN and PUK: VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER
//! (section 5). All of it only inside secure messaging: a code never leaves
//! this terminal in plain.

use crate::channel::{Answer, Channel};
use crate::error::Error;
use crate::transport::Transmit;
use iso7816_wire::apdu::SHORT_LE_MAX;
use iso7816_wire::{CommandApdu, StatusWord, flaw};
use std::fmt;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

const VERIFY: u8 = 0x20;
const CHANGE: u8 = 0x24;
const RESET: u8 = 0x2C;
const CODE_DIGITS: usize = 8;

/// Which code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// The PIN, reference 81.
    Pin,
    /// The PUK, reference 82.
    Puk,
}

impl Reference {
    /// The reference in P2.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Pin => 0x81,
            Self::Puk => 0x82,
        }
    }
}

/// The bytes of a PIN or PUK. Erased on drop, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(Zeroizing<Vec<u8>>);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(hidden)")
    }
}

/// A text that is no code. It does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a PIN or PUK of this card has exactly {CODE_DIGITS} digits 0 to 9")]
pub struct CodeFormatError;

impl Code {
    /// A code of eight digits.
    ///
    /// # Errors
    /// [`CodeFormatError`] for anything else.
    pub fn new(digits: &str) -> Result<Self, CodeFormatError> {
        if digits.len() == CODE_DIGITS && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self::raw(digits.as_bytes()))
        } else {
            Err(CodeFormatError)
        }
    }

    /// Any bytes, to see what a card says to them.
    #[must_use]
    pub fn raw(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }
}

/// What the card said to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeAnswer {
    /// 9000: right, or for a question without code: already verified.
    Accepted,
    /// 63Cx or 6300: wrong, or for a question without code: not verified.
    Refused {
        /// Tries left, unless the card does not say (6300).
        tries_left: Option<u8>,
    },
    /// 6983: no try is left.
    Blocked,
}

impl CodeAnswer {
    /// True if the code was right.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        self == Self::Accepted
    }

    /// True if the card takes no more tries: 6983 or 63C0.
    #[must_use]
    pub fn is_blocked(self) -> bool {
        matches!(
            self,
            Self::Blocked
                | Self::Refused {
                    tries_left: Some(0)
                }
        )
    }

    fn from_answer(answer: Answer, step: &'static str) -> Result<Self, Error> {
        match answer.sw {
            StatusWord::OK => Ok(Self::Accepted),
            StatusWord::AUTHENTICATION_METHOD_BLOCKED => Ok(Self::Blocked),
            StatusWord::AUTHENTICATION_FAILED => Ok(Self::Refused { tries_left: None }),
            StatusWord(sw @ 0x63C0..=0x63CF) => {
                let [_, count] = sw.to_be_bytes();
                let count = (count & 0x0F).saturating_sub(u8::from(flaw!(TriesOneTooFew)));
                Ok(Self::Refused {
                    tries_left: Some(count),
                })
            }
            sw => Err(Error::Status { step, sw }),
        }
    }
}

impl<T: Transmit> Channel<T> {
    /// VERIFY.
    ///
    /// # Errors
    /// [`Error::NoSession`] outside secure messaging, [`Error::Status`] for
    /// any status that is no answer to a code (6700, 6982), else as
    /// [`Channel::send_protected`].
    pub fn verify(&mut self, reference: Reference, code: &Code) -> Result<CodeAnswer, Error> {
        let command = CommandApdu::new(0, VERIFY, 0, reference.number()).with_data(&code.0[..]);
        let answer = self.send_code("VERIFY", command)?;
        let ignored = flaw!(fn ignores_status(reference == Reference::Pin));
        Ok(if ignored {
            CodeAnswer::Accepted
        } else {
            answer
        })
    }

    /// VERIFY without a code: is it verified, and if not, how many tries are
    /// left? Costs no try.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verification_status(&mut self, reference: Reference) -> Result<CodeAnswer, Error> {
        let command = CommandApdu::new(0, VERIFY, 0, reference.number()).with_le(SHORT_LE_MAX);
        self.send_code("VERIFY without code", command)
    }

    /// CHANGE REFERENCE DATA: old code and new.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn change_code(
        &mut self,
        reference: Reference,
        old: &Code,
        new: &Code,
    ) -> Result<CodeAnswer, Error> {
        let both = Zeroizing::new([&old.0[..], &new.0[..]].concat());
        let command = CommandApdu::new(0, CHANGE, 0, reference.number()).with_data(&both[..]);
        let answer = self.send_code("CHANGE REFERENCE DATA", command)?;
        flaw!(ChangeStatusIgnored => return Ok(CodeAnswer::Accepted));
        Ok(answer)
    }

    /// RESET RETRY COUNTER with a new PIN (`2C 02 81`), after the PUK was
    /// verified.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn unblock_with_new_pin(&mut self, new: &Code) -> Result<CodeAnswer, Error> {
        flaw!(UnblockKeepsPin => return self.unblock());
        let command = CommandApdu::new(0, RESET, 0x02, Reference::Pin.number());
        self.send_code(
            "RESET RETRY COUNTER with a new PIN",
            command.with_data(&new.0[..]),
        )
    }

    /// RESET RETRY COUNTER without data (`2C 03 81`), after the PUK was
    /// verified: the PIN stays as it is. Travels with `97 01 00`, as the
    /// card's clients send every command without data (section 4.3).
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn unblock(&mut self) -> Result<CodeAnswer, Error> {
        let command = CommandApdu::new(0, RESET, 0x03, Reference::Pin.number());
        self.send_code("RESET RETRY COUNTER", command.with_le(SHORT_LE_MAX))
    }

    fn send_code(
        &mut self,
        step: &'static str,
        mut command: CommandApdu,
    ) -> Result<CodeAnswer, Error> {
        let answer = match self.session() {
            Some(_) => self.send_protected(&command),
            None => Err(Error::NoSession { step }),
        };
        command.data.zeroize();
        CodeAnswer::from_answer(answer?, step)
    }
}

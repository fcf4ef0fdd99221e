// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who may say that a code is wrong. PKCS #11 keeps `CKR_PIN_INCORRECT` for a
//! code that is not the card's: a module may say so if it was told so by
//! what came from the card, a lie among it, and not of any other trouble.

use super::door::locked;
use super::finding::{Finding, Found};
use cie_card::ResponseHook;
use cie_driver::{Answer, Request};
use iso7816_wire::{CommandApdu, ResponseApdu};
use std::sync::{Arc, Mutex};

/// Instructions that carry a code: VERIFY, CHANGE REFERENCE DATA, RESET RETRY
/// COUNTER.
const CODES: [u8; 3] = [0x20, 0x24, 0x2C];
/// Tells counters among other things.
const GET_DATA: u8 = 0xCB;

/// What has come from a card about codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// A code is wrong or blocked.
    wrong: bool,
    /// The length of a code is wrong.
    length: bool,
    /// Somebody has changed what GET DATA tells.
    counters: bool,
}

/// Shared by all that hear the card.
pub(crate) type Heard = Arc<Mutex<Said>>;

impl Said {
    /// An answer to a command, with or without data in it.
    pub(crate) fn hears(&mut self, instruction: u8, data: bool, status: u16) {
        let with_code = data && CODES.contains(&instruction);
        match status {
            // To a question without data 63Cx tells only how many are left.
            0x63C0 | 0x6983 | 0x6984 => self.wrong = true,
            0x6300..=0x63FF if with_code => self.wrong = true,
            0x6700 if with_code => self.length = true,
            _ => {}
        }
    }

    /// An answer that was changed outside the card, with its status word at
    /// the end.
    pub(crate) fn hears_changed(&mut self, command: &[u8], answer: &[u8]) {
        let instruction = command.get(1).copied().unwrap_or(0);
        if let Some([high, low]) = answer.last_chunk() {
            let status = u16::from_be_bytes([*high, *low]);
            self.hears(instruction, command.len() > 5, status);
        }
    }

    /// Whether a module that was told this may return that value.
    fn allows(self, rv: &str) -> bool {
        match rv {
            "CKR_PIN_INCORRECT" => self.wrong,
            "CKR_PIN_LOCKED" => self.wrong || self.counters,
            "CKR_PIN_LEN_RANGE" => self.wrong || self.length,
            _ => true,
        }
    }
}

/// The same hook, and whether it changes counters is heard.
pub(crate) fn listening(hook: ResponseHook, heard: &Heard) -> ResponseHook {
    let heard = Arc::clone(heard);
    Arc::new(move |command: &CommandApdu, answer: ResponseApdu| {
        if command.ins != GET_DATA {
            return hook(command, answer);
        }
        let honest = answer.clone();
        let told = hook(command, answer);
        if told != honest {
            locked(&heard).counters = true;
        }
        told
    })
}

/// The answer to a call in which the codes were right. A fault if a code is
/// blamed and nothing that came from the card says so.
pub(crate) fn fair(said: Said, asked: &Request, answer: Answer) -> Found<Answer> {
    match &answer {
        Answer::Refused { rv, .. } if !said.allows(rv) => Err(Finding::Fault(format!(
            "the wrong culprit: {}: {answer}, and no card has said so of a code",
            asked.name()
        ))),
        _ => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rv: &str) -> Answer {
        Answer::Refused {
            rv: rv.to_owned(),
            attempts: None,
        }
    }

    fn blamed(said: Said, rv: &str) -> bool {
        fair(said, &Request::Objects, refused(rv)).is_err()
    }

    #[test]
    fn a_code_is_called_wrong_by_who_was_told_so_and_nobody_else() {
        let mut said = Said::default();
        for (instruction, data, status) in [
            (0x20, true, 0x9000),
            (0x20, true, 0x6982),
            (0x20, false, 0x63C3),
            (0xB0, false, 0x63C3),
            (0xA4, true, 0x6700),
        ] {
            said.hears(instruction, data, status);
        }
        assert_eq!(said, Said::default());
        for rv in ["CKR_PIN_INCORRECT", "CKR_PIN_LOCKED", "CKR_PIN_LEN_RANGE"] {
            assert!(blamed(said, rv), "{rv}");
        }
        assert!(!blamed(said, "CKR_DEVICE_ERROR"));
        for (instruction, data, status) in [
            (0x20, true, 0x63C2),
            (0x24, true, 0x6300),
            (0x20, false, 0x63C0),
            (0x20, false, 0x6983),
        ] {
            let mut said = Said::default();
            said.hears(instruction, data, status);
            assert!(!blamed(said, "CKR_PIN_INCORRECT"), "{status:04X}");
            assert!(!blamed(said, "CKR_PIN_LOCKED"), "{status:04X}");
        }
        let mut said = Said::default();
        said.hears(0x20, true, 0x6700);
        assert!(blamed(said, "CKR_PIN_INCORRECT") && !blamed(said, "CKR_PIN_LEN_RANGE"));
    }

    #[test]
    fn a_lie_on_the_way_is_heard() {
        let mut said = Said::default();
        said.hears_changed(&[0x0C, 0x20, 0, 0x81, 0x01, 0xAA], &[0x63, 0xC2]);
        assert!(!blamed(said, "CKR_PIN_INCORRECT"));
        let mut said = Said::default();
        said.hears_changed(&[0x0C, 0x20, 0, 0x81, 0x01, 0xAA], &[0x69, 0x88]);
        said.hears_changed(&[], &[]);
        assert!(blamed(said, "CKR_PIN_INCORRECT"));
    }

    #[test]
    fn changed_counters_are_a_reason_to_say_blocked_and_not_wrong() {
        let heard = Heard::default();
        let hook = listening(
            Arc::new(|_, mut answer: ResponseApdu| {
                answer.data.clear();
                answer
            }),
            &heard,
        );
        let command = |ins| CommandApdu::new(0, ins, 0, 0);
        hook(&command(GET_DATA), ResponseApdu::ok([]));
        let answer = ResponseApdu::ok([1]);
        hook(&command(0xB0), answer.clone());
        assert_eq!(*locked(&heard), Said::default());
        hook(&command(GET_DATA), answer);
        let said = *locked(&heard);
        assert!(!blamed(said, "CKR_PIN_LOCKED") && blamed(said, "CKR_PIN_INCORRECT"));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a case costs a card: tries, and changes that stay.

use crate::edges::script::{COMMANDS, Step};
use crate::edges::{HARMLESS, Start, chooses};
use serde::Serialize;
use std::fmt;

/// What a case does to a card that outlives the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// The most PIN tries that are spent, counted from a full counter.
    pub pin_tries: u8,
    /// The most PUK tries that are spent.
    pub puk_tries: u8,
    /// A code is sent, right or wrong: on a card whose codes are not those
    /// that were given, a right one is a wrong one.
    pub sends_codes: bool,
    /// A code or a counter is changed by a command that does that.
    pub writes: bool,
    /// A wrong proof of device authentication is sent, which a card may count.
    pub wrong_proofs: bool,
    /// An instruction is sent that this project's card refuses, and of which
    /// nobody knows what another card does: it may write.
    pub unknown_instructions: bool,
}

impl Cost {
    /// True if the card is afterwards as it was before, whatever it is.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// True if no code, counter or file is another afterwards, so that there is
    /// nothing to undo.
    #[must_use]
    pub fn leaves_no_trace(self) -> bool {
        Self {
            wrong_proofs: false,
            ..self
        }
        .is_nothing()
    }

    /// The cost of a script that begins in this state. Codes are taken for
    /// wrong unless they stand there as the right ones, so the real cost is
    /// never higher.
    pub(crate) fn of(start: Start, steps: &[Step<'_>]) -> Self {
        let mut cost = of_start(start);
        for step in steps {
            cost.add(step);
        }
        cost
    }

    fn add(&mut self, step: &Step<'_>) {
        if let Some(kind) = step.action.strip_prefix("proof ") {
            // A good one that is refused is wrong where it stands.
            self.wrong_proofs |= kind != "good" || step.answer != "9000";
        }
        let Some(sent) = sent(step.action) else {
            return;
        };
        let times = u8::try_from(step.times).unwrap_or(u8::MAX);
        let [ins, p1, reference] = sent.target;
        let wrong = !sent.right;
        match (ins, reference) {
            (0x20, _) | (0x24, _) if !sent.data => {}
            (0x20 | 0x24, 0x82) => {
                self.sends_codes = true;
                self.puk_tries = self.puk_tries.saturating_add(if wrong { times } else { 0 });
            }
            (0x20 | 0x24, _) => {
                self.sends_codes = true;
                self.writes |= ins == 0x24;
                self.pin_tries = self.pin_tries.saturating_add(if wrong { times } else { 0 });
            }
            (0x2C, _) => self.writes = true,
            (0x82, _) => self.wrong_proofs = true,
            (0x22, _) => self.unknown_instructions |= !chooses(p1),
            _ => self.unknown_instructions |= !HARMLESS.contains(&ins),
        }
    }
}

struct Sent {
    /// INS, P1 and P2.
    target: [u8; 3],
    /// There is a data field.
    data: bool,
    /// It begins with the right code.
    right: bool,
}

/// The command in a step, if it is one whose bytes can be told.
fn sent(action: &str) -> Option<Sent> {
    let mut text = action;
    for prefix in ["sm ", "piece ", "all "] {
        text = text.strip_prefix(prefix).unwrap_or(text);
    }
    if let Some(rest) = text.strip_prefix("forged ") {
        text = rest.split_once(':')?.1;
    }
    let text = text.trim();
    let text = COMMANDS
        .iter()
        .find(|(name, ..)| *name == text)
        .map_or(text, |(_, bytes, _)| bytes);
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (header, rest) = text.split_at_checked(8)?;
    let [_, ins, p1, reference] = *hex::decode(header).ok()?.first_chunk::<4>()?;
    let (data, right) = match rest.strip_prefix('(') {
        Some(body) => {
            let code = if reference == 0x82 { "{PUK}" } else { "{PIN}" };
            (!body.starts_with(')'), body.starts_with(code))
        }
        // One byte alone is Le.
        None => (rest.len() > 2, false),
    };
    Some(Sent {
        target: [ins, p1, reference],
        data,
        right,
    })
}

fn of_start(start: Start) -> Cost {
    let codes = |pin_tries, puk_tries| Cost {
        pin_tries,
        puk_tries,
        sends_codes: true,
        ..Cost::default()
    };
    match start {
        Start::Off
        | Start::On
        | Start::Root
        | Start::Cie
        | Start::Pending
        | Start::Live
        | Start::Certified
        | Start::Device => Cost::default(),
        Start::Pin | Start::Puk => codes(0, 0),
        Start::PinOneLeft => codes(2, 0),
        Start::PinBlocked => codes(3, 0),
        Start::PukOneLeft => codes(0, 9),
        Start::PukDead => codes(0, 10),
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return f.write_str("nothing");
        }
        let mut parts = Vec::new();
        match self.pin_tries {
            0 => {}
            1 => parts.push("1 PIN try".to_owned()),
            n => parts.push(format!("{n} PIN tries")),
        }
        match self.puk_tries {
            0 => {}
            1 => parts.push("1 PUK try".to_owned()),
            n => parts.push(format!("{n} PUK tries")),
        }
        if self.sends_codes && parts.is_empty() {
            parts.push("sends the right code".to_owned());
        }
        if self.writes {
            parts.push("changes a code or a counter".to_owned());
        }
        if self.wrong_proofs {
            parts.push("sends wrong proofs of device authentication".to_owned());
        }
        if self.unknown_instructions {
            parts.push("sends instructions that another card may know".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edges::script;

    fn cost(start: Start, text: &str) -> Cost {
        Cost::of(start, &script::parse(text).unwrap().1)
    }

    #[test]
    fn codes_are_counted_and_questions_are_free() {
        assert!(
            cost(
                Start::Device,
                "sm NIS = 9000; sm PIN? = 63C3; PIN-LEFT = * 9000"
            )
            .is_nothing()
        );
        let wrong = cost(
            Start::Device,
            "2x sm WRONG-PIN = 63C2; sm 00200082(3131) = 6700",
        );
        assert_eq!(
            (wrong.pin_tries, wrong.puk_tries, wrong.writes),
            (2, 1, false)
        );
        let right = cost(Start::Device, "sm VERIFY-PIN = 9000; sm VERIFY-PUK = 9000");
        assert_eq!(
            (right.pin_tries, right.puk_tries, right.sends_codes),
            (0, 0, true)
        );
        assert_eq!(
            cost(Start::PinBlocked, "forged no 8E: WRONG-PIN = plain 6987").pin_tries,
            4
        );
        assert!(cost(Start::Puk, "sm NEW-PIN = 9000").writes);
        assert!(cost(Start::Pin, "sm 00240081({PIN}{NEW}) = 9000").writes);
        assert_eq!(
            cost(Start::Device, "0020008108 3132333435363738 = 6982").pin_tries,
            1
        );
    }
}

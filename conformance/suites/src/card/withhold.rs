// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is not written down about a card that is not this project's: whose it
//! is, and whatever else its files hold.
//!
//! Two rules, one behind the other. First, of every exchange only that is
//! shown which cannot be the holder's: headers, lengths, status words, the
//! selections and questions of the bench, descriptions of files and counters.
//! Data that a card answers, everything inside a code command, and everything
//! in secure messaging is replaced by its length: the key-agreement values of
//! the bench are public, so a cryptogram would be as good as its content.
//! Second, whatever is left is searched for the values that are known, in the
//! forms that they are likely to take.

use crate::edges::{Exchange, Link, Single};
use crate::report;
use std::collections::HashSet;

/// Selections and questions: what is sent is the bench's, not the holder's.
const SHOWN: [u8; 6] = [0xA4, 0xB0, 0xB1, 0xCB, 0x84, 0x22];
const SELECT: u8 = 0xA4;
const GET_CHALLENGE: u8 = 0x84;
/// What the counters of PIN and PUK are asked with.
const COUNTERS: [&str; 2] = [
    "00CB3FFF0A4D087006BF8101A0029B00",
    "00CB3FFF0A4D087006BF8102A0029B00",
];
const GONE: &str = "[withheld]";
/// The shortest piece of a value that is looked for, in bytes. Shorter pieces
/// occur by chance.
const PIECE: usize = 6;
/// The same in hexadecimal digits.
const WINDOW: usize = 2 * PIECE;

/// An exchange of a protected card, as it may be written down.
#[must_use]
pub fn shown(exchange: &Exchange) -> report::Exchange {
    let protected = !exchange.plain_command.is_empty();
    let (outer, plain_command) = if protected {
        (hidden(&exchange.command), command(&exchange.plain_command))
    } else {
        (command(&exchange.command), String::new())
    };
    let inner = if protected {
        &exchange.plain_command
    } else {
        &exchange.command
    };
    report::Exchange {
        step: exchange.step,
        command: match exchange.event {
            "" => outer,
            event => event.to_owned(),
        },
        response: match exchange.event {
            "" if protected => length(&exchange.response),
            "" => response(inner, &exchange.response),
            // An answer to reset is that of the kind of card.
            _ => hex::encode_upper(&exchange.response),
        },
        plain_command,
        plain_response: if exchange.plain_response.is_empty() {
            String::new()
        } else {
            response(inner, &exchange.plain_response)
        },
    }
}

fn command(bytes: &[u8]) -> String {
    match bytes.get(1) {
        // In secure messaging, and nobody said what is inside.
        Some(_) if bytes.first().is_some_and(|cla| cla & 0x0C != 0) => hidden(bytes),
        Some(ins) if !SHOWN.contains(ins) => hidden(bytes),
        _ if bytes.len() > 300 => hidden(bytes),
        _ => hex::encode_upper(bytes),
    }
}

/// The header and how much follows.
fn hidden(bytes: &[u8]) -> String {
    match bytes.split_first_chunk::<4>() {
        Some((header, rest)) if rest.len() > 1 => {
            format!("{}[{} bytes]", hex::encode_upper(header), rest.len())
        }
        _ => hex::encode_upper(bytes),
    }
}

fn response(command: &[u8], bytes: &[u8]) -> String {
    let sent = hex::encode_upper(command);
    let harmless = match command {
        [_, SELECT | GET_CHALLENGE, ..] => bytes.len() <= 66,
        _ => COUNTERS.iter().any(|question| sent.starts_with(question)),
    };
    if harmless {
        hex::encode_upper(bytes)
    } else {
        length(bytes)
    }
}

fn length(bytes: &[u8]) -> String {
    match bytes.split_last_chunk::<2>() {
        Some((data, sw)) if !data.is_empty() => {
            format!("[{} bytes]{}", data.len(), hex::encode_upper(sw))
        }
        _ => hex::encode_upper(bytes),
    }
}

/// Values of a card that must not be written down.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Every piece of every value, as it reads in capitals.
    pieces: HashSet<Vec<u8>>,
    /// Texts that are shorter than a piece.
    short: Vec<Vec<u8>>,
}

impl Secrets {
    /// What is known of this card: its files, its codes, and what stands in
    /// the certificate.
    pub fn of<D: Link>(card: &Single<D>) -> Self {
        let names = [
            "EFD003", "EF1001", "EF1002", "EF1003", "EF1004", "EF1005", "EF1006", "NIS", "SERIAL",
            "NIS-BCD", "CERT", "PIN", "PUK", "N81", "N82", "N83",
        ];
        Self::new(names.iter().filter_map(|name| card.value(name)))
    }

    /// These values, if they are long enough to be recognised.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut secrets = Self::default();
        for value in values.into_iter().filter(|value| value.len() >= PIECE) {
            let hex = hex::encode_upper(value);
            secrets.add(hex.as_bytes(), 2);
            if value.iter().all(u8::is_ascii_graphic) {
                // Digits packed two to a byte read like the digits themselves.
                let text = value.to_ascii_uppercase();
                if text.len() >= WINDOW {
                    secrets.add(&text, 1);
                } else {
                    secrets.short.push(text);
                }
            }
        }
        secrets
    }

    /// Runs of one byte, such as padding, are no piece of anything.
    fn add(&mut self, text: &[u8], step: usize) {
        let pieces = text.windows(WINDOW).step_by(step);
        let told = |piece: &&[u8]| piece.chunks(2).any(|pair| Some(pair) != piece.get(..2));
        self.pieces.extend(pieces.filter(told).map(<[u8]>::to_vec));
    }

    /// The text without them.
    #[must_use]
    pub fn without(&self, text: &str) -> String {
        if self.occurs_in(text) {
            GONE.to_owned()
        } else {
            text.to_owned()
        }
    }

    /// True if a piece of a value occurs in the text: its bytes in
    /// hexadecimal, as characters, or digits packed two to a byte.
    #[must_use]
    pub fn occurs_in(&self, text: &str) -> bool {
        let text = text.to_ascii_uppercase();
        let text = text.as_bytes();
        text.windows(WINDOW).any(|part| self.pieces.contains(part))
            || self
                .short
                .iter()
                .any(|value| text.windows(value.len()).any(|part| part == value))
    }

    /// Nothing of them stays in a result.
    pub fn scrub(&self, result: &mut report::CaseResult) {
        result.reason = self.without(&result.reason);
        for exchange in &mut result.evidence {
            for text in [
                &mut exchange.command,
                &mut exchange.response,
                &mut exchange.plain_command,
                &mut exchange.plain_response,
            ] {
                *text = self.without(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_form_of_a_value_is_found() {
        let secrets = Secrets::new([&b"999086740197"[..], &[0x30, 0x82, 1, 2, 3, 4, 5, 6]]);
        for found in [
            "got 999086740197",
            "got 393939303836373430313937",
            "got 3038363734303139 in the midst",
            "0030820102030405069000",
        ] {
            assert!(secrets.occurs_in(found), "{found}");
            assert_eq!(secrets.without(found), GONE);
        }
        for harmless in ["", "9990", "00A4040C06A00000000039", "0102030405"] {
            assert!(!secrets.occurs_in(harmless), "{harmless}");
        }
    }

    #[test]
    fn of_an_exchange_stays_what_is_the_benchs() {
        let plain = |command: &str, response: &str| {
            let shown = shown(&Exchange {
                command: hex::decode(command).unwrap(),
                response: hex::decode(response).unwrap(),
                ..Exchange::default()
            });
            (shown.command, shown.response)
        };
        let is = |command: &str, response: &str| (command.to_owned(), response.to_owned());
        assert_eq!(
            plain("00B081000C", "3939399000"),
            is("00B081000C", "[3 bytes]9000")
        );
        assert_eq!(
            plain("0020008108AABBCCDDAABBCCDD", "63C2"),
            is("00200081[9 bytes]", "63C2")
        );
        assert_eq!(
            plain("0CB000000D970100", "87019000"),
            is("0CB00000[4 bytes]", "[2 bytes]9000")
        );
        assert_eq!(
            plain(
                "00CB3FFF0A4D087006BF8101A0029B00",
                "7007BF8101A0039B01039000"
            )
            .1,
            "7007BF8101A0039B01039000"
        );
        let inside = shown(&Exchange {
            command: hex::decode("0CB000000D970100").unwrap(),
            response: hex::decode("870112343456789000").unwrap(),
            plain_command: hex::decode("00B0000000").unwrap(),
            plain_response: hex::decode("393939399000").unwrap(),
            ..Exchange::default()
        });
        assert_eq!(inside.plain_command, "00B0000000");
        assert_eq!(inside.plain_response, "[4 bytes]9000");
        assert_eq!(inside.response, "[7 bytes]9000");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Playing a recorded transcript to a card, byte for byte.

use cie_vectors::transcript::{Step, Transcript};
use iso7816_wire::CardDoor;
use thiserror::Error;

/// The first place where a card did not answer as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "line {line}: {what} should be answered with {} and was answered with {}",
    hex(expected),
    hex(actual)
)]
pub struct Divergence {
    /// Line of the transcript, from 1.
    pub line: usize,
    /// The command or event, in words or hexadecimal.
    pub what: String,
    /// The recorded answer.
    pub expected: Vec<u8>,
    /// The card's answer now.
    pub actual: Vec<u8>,
}

/// Plays every step to the card and returns how many commands were exchanged.
///
/// # Errors
/// [`Divergence`] at the first answer that differs; the rest is not played.
pub fn replay(card: &mut impl CardDoor, transcript: &Transcript) -> Result<usize, Divergence> {
    let mut exchanges = 0;
    for (line, step) in &transcript.steps {
        let (what, expected, actual) = match step {
            Step::PowerOn(atr) => ("power on".to_owned(), atr, card.power_on()),
            Step::Reset(atr) => ("reset".to_owned(), atr, card.reset()),
            Step::PowerOff => {
                card.power_off();
                continue;
            }
            Step::Exchange { command, response } => {
                exchanges += 1;
                (
                    format!("command {}", hex(command)),
                    response,
                    card.transmit(command),
                )
            }
        };
        if *expected != actual {
            return Err(Divergence {
                line: *line,
                what,
                expected: expected.clone(),
                actual,
            });
        }
    }
    Ok(exchanges)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

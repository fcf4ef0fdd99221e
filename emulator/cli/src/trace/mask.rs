// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands in hexadecimal, with codes masked.

use iso7816_wire::apdu::CommandApdu;

/// Bytes of a command's header.
const HEADER: usize = 4;

/// Whether the bytes of a command may be shown as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disclosure {
    /// All of it: secrets were asked for, or the command was encrypted and the
    /// card could unwrap it.
    Full,
    /// Only what cannot be a code.
    Masked,
}

/// A command in hexadecimal. Masked, the data of VERIFY, CHANGE REFERENCE DATA
/// and RESET RETRY COUNTER (with even or odd instruction, of any class, however
/// malformed) becomes asterisks.
pub(crate) fn show(command: &[u8], disclosure: Disclosure) -> String {
    let shown = match command {
        [_, ins, ..] if disclosure == Disclosure::Masked && carries_code(*ins) => {
            readable_len(command)
        }
        _ => command.len(),
    };
    let (open, hidden) = command.split_at_checked(shown).unwrap_or((command, &[]));
    hex::encode_upper(open) + &"**".repeat(hidden.len())
}

fn carries_code(ins: u8) -> bool {
    matches!(ins & 0xFE, 0x20 | 0x24 | 0x2C)
}

/// How much of a command with a code is no code: the header, and Lc if it is
/// one. In a malformed command the byte behind the header may be a digit.
fn readable_len(command: &[u8]) -> usize {
    match CommandApdu::parse(command) {
        Ok(apdu) if !apdu.data.is_empty() && !apdu.extended => HEADER + 1,
        Ok(apdu) if apdu.data.is_empty() && apdu.le_is_max() => command.len(),
        _ => HEADER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_of_a_code_is_shown() {
        let pin = "3132333435363738";
        for (command, shown) in [
            (format!("0020008108{pin}"), "0020008108****************"),
            (format!("0C20008108{pin}"), "0C20008108****************"),
            (format!("8C20008108{pin}"), "8C20008108****************"),
            (format!("0021008108{pin}"), "0021008108****************"),
            (format!("1025008108{pin}"), "1025008108****************"),
            (format!("FF2D028108{pin}"), "FF2D028108****************"),
            (format!("00200081{pin}"), "00200081****************"),
            (
                format!("00200081000008{pin}"),
                "00200081**********************",
            ),
            ("0020008131".to_owned(), "00200081**"),
            ("0020008100".to_owned(), "0020008100"),
            ("00200081".to_owned(), "00200081"),
            ("002000".to_owned(), "002000"),
        ] {
            let command = hex::decode(command).unwrap();
            assert_eq!(show(&command, Disclosure::Masked), shown);
            assert_eq!(
                show(&command, Disclosure::Full),
                hex::encode_upper(&command)
            );
        }
        assert_eq!(
            show(&[0x00, 0x88, 0, 0, 1, 0x31], Disclosure::Masked),
            "008800000131"
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The notation of the rows: text for people that a machine executes.
//!
//! A script is a row of steps with `;` between them, each `command = answer`.
//!
//! | command | meaning |
//! |---|---|
//! | `00B081000C` | these bytes, in plain |
//! | `00A4040C(A00000000039)` | header and data field; Lc is filled in, and more than 255 bytes go as a chain |
//! | `00CB3FFF(4D[70[BFA101[A380]]])` | `tag[…]` is a data object, its length filled in |
//! | `{PIN}` `{EF1003:0..9}` `{41*200}` | a known value, a part of one, a byte repeated |
//! | `NIS`, `CIE` … | a command with a name, see [`COMMANDS`] |
//! | `sm …` | in secure messaging; the answer must be protected and is shown unwrapped |
//! | `piece …` | exactly one protected command, its chaining bit kept |
//! | `all …` | in plain, the answer fetched to its end by GET RESPONSE |
//! | `forged KIND: …` | in secure messaging with one fault, see [`forge`](super::forge) |
//! | `adopt …` | in plain, and its answer taken as the card's key-agreement value for a new session; `adopt short: …` after the value of that name was sent |
//! | `certificate KIND`, `proof KIND`, `card proof` | steps b, e and g of the device authentication, see [`device`](super::device) |
//! | `power on`, `power off`, `reset` | the other calls of the door |
//! | `16x …` | the step so many times |
//!
//! | answer | meaning |
//! |---|---|
//! | `9000` | this status word and no data |
//! | `{NIS} 9000` | exactly these data |
//! | `#9 9000`, `* 9000` | so many bytes, any bytes |
//! | `62~ 9000`, `~90 9000`, `~90~ 9000` | data that begin, end with, hold these bytes |
//! | `!{last} 9000` | other data than those of the last answer that had any; `!` turns any condition round |
//! | `sig83(…) 9000` | a signature of that key over these bytes, verified with EF 1005 or the certificate |
//! | `#256 & 77~ 9000` | both |
//! | `plain 6988` | after a protected command: without secure messaging |
//! | `ATR`, `mute` | the answer to reset of the family, no byte at all |
//! | `9000 if by-aid else 6A82` | depends on a behaviour of the family: `by-aid`, `extended` |
//!
//! A script that begins with `[stm stm2]` is for these families only.

use std::collections::BTreeMap;
use thiserror::Error;

/// Commands with a name.
pub const COMMANDS: &[(&str, &str, &str)] = &[
    ("ROOT", "00A40000", "selects the root"),
    ("CIE", "00A4040C06A00000000039", "selects DF CIE"),
    (
        "NIS",
        "00B081000C",
        "reads EF.ID_Servizi by SFI, free: is the session alive?",
    ),
    (
        "SERIAL",
        "00B0820009",
        "reads EF.Seriale by SFI: is the PIN still verified?",
    ),
    (
        "RETRY",
        "002C038100",
        "resets the PIN's counter: is the grant of the PUK still there?",
    ),
    ("PIN?", "0020008100", "empty VERIFY of the PIN"),
    ("PUK?", "0020008200", "empty VERIFY of the PUK"),
    (
        "SET-81",
        "002241A406800102840181",
        "chooses key 81 for INTERNAL AUTHENTICATE",
    ),
    ("SET-82", "002241A40684018280019B", "chooses key 82"),
    ("SET-83", "002241A406800102840183", "chooses key 83"),
    (
        "SET-CA",
        "002281B606800141830184",
        "chooses key 84 to verify a certificate",
    ),
    (
        "SET-DEVICE",
        "002281A40E830C000000002000000000000001",
        "chooses the certified terminal key",
    ),
    (
        "SHARE",
        "002241A6(80019B 830181 91[{share}])",
        "sends the terminal's key-agreement value",
    ),
    (
        "CARD-SHARE",
        "00CB3FFF(4D[A6[9100]])",
        "asks for the card's key-agreement value",
    ),
    ("VERIFY-PIN", "00200081({PIN})", "the right PIN"),
    ("WRONG-PIN", "00200081({WRONG})", "a wrong PIN"),
    ("VERIFY-PUK", "00200082({PUK})", "the right PUK"),
    ("WRONG-PUK", "00200082({WRONG})", "a wrong PUK"),
    (
        "NEW-PIN",
        "002C0281({NEW})",
        "sets the PIN to NEW, after the PUK",
    ),
    (
        "PIN-LEFT",
        "00CB3FFF(4D[70[BF8101[A0[9B00]]]])",
        "asks for the PIN tries left, costs nothing",
    ),
    (
        "PUK-LEFT",
        "00CB3FFF(4D[70[BF8102[A0[9B00]]]])",
        "asks for the PUK tries left, costs nothing",
    ),
    ("CHALLENGE", "0084000008", "asks for a challenge"),
];

/// What is wrong with a script: a defect of the row, not of a card.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScriptError {
    /// A step without ` = `.
    #[error("the step {0:?} has no answer; write `command = answer`")]
    NoAnswer(String),
    /// Bytes that are none.
    #[error("{0:?} is neither hexadecimal nor a known notation")]
    Bytes(String),
    /// An unclosed bracket.
    #[error("{0:?} has a bracket that is not closed")]
    Bracket(String),
    /// A name that nothing stands behind.
    #[error("no value has the name {0:?}")]
    Name(String),
    /// A word that stands for no step, fault or behaviour.
    #[error("{0:?} is no known step, fault or behaviour")]
    Word(String),
    /// A status word that is not four hexadecimal digits.
    #[error("{0:?} does not end in a status word")]
    StatusWord(String),
}

/// Named values that a script can use.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<String, Vec<u8>>);

impl Names {
    /// Gives a value a name, perhaps instead of an older one.
    pub fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The value of this name.
    ///
    /// # Errors
    /// [`ScriptError::Name`] if there is none.
    pub fn get(&self, name: &str) -> Result<&[u8], ScriptError> {
        let value = self.0.get(name).map(Vec::as_slice);
        value.ok_or_else(|| ScriptError::Name(name.to_owned()))
    }
}

/// A step of a script, cut into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'a> {
    /// How many times.
    pub times: u32,
    /// What to do.
    pub action: &'a str,
    /// What the card has to answer.
    pub answer: &'a str,
}

/// The families that a script is for (empty: all) and its steps.
///
/// # Errors
/// [`ScriptError`] if the text is not a script.
pub fn parse(script: &str) -> Result<(Vec<&str>, Vec<Step<'_>>), ScriptError> {
    let script = script.trim();
    let (families, script) = match script.strip_prefix('[') {
        None => (Vec::new(), script),
        Some(rest) => {
            let parts = rest.split_once(']');
            let (families, script) =
                parts.ok_or_else(|| ScriptError::Bracket(script.to_owned()))?;
            (families.split_whitespace().collect(), script)
        }
    };
    let steps = script.split(';').map(step).collect::<Result<_, _>>()?;
    Ok((families, steps))
}

fn step(text: &str) -> Result<Step<'_>, ScriptError> {
    let text = text.trim();
    let missing = || ScriptError::NoAnswer(text.to_owned());
    let (action, answer) = text.rsplit_once(" = ").ok_or_else(missing)?;
    let repeated = action.split_once("x ");
    let (times, action) = repeated
        .and_then(|(count, action)| Some((count.parse().ok()?, action)))
        .unwrap_or((1, action));
    Ok(Step {
        times,
        action: action.trim(),
        answer: answer.trim(),
    })
}

/// A command as it stands in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// These bytes, as they are.
    Raw(Vec<u8>),
    /// A header, a data field of any length, and an Le byte.
    Fields {
        /// CLA, INS, P1, P2.
        header: [u8; 4],
        /// The data field.
        data: Vec<u8>,
        /// Le as written.
        le: Option<u8>,
    },
}

/// Reads a command.
///
/// # Errors
/// [`ScriptError`] if it is none.
pub fn command(text: &str, names: &Names) -> Result<Written, ScriptError> {
    let text = text.trim();
    if let Some((_, bytes, _)) = COMMANDS.iter().find(|(name, ..)| *name == text) {
        return command(bytes, names);
    }
    let Some((header, rest)) = text.split_once('(') else {
        return Ok(Written::Raw(data(text, names)?));
    };
    let wrong = || ScriptError::Bytes(text.to_owned());
    let (field, le) = rest.rsplit_once(')').ok_or_else(wrong)?;
    let header = data(header, names)?.try_into().map_err(|_| wrong())?;
    let le = match data(le, names)?.as_slice() {
        [] => None,
        [le] => Some(*le),
        _ => return Err(wrong()),
    };
    Ok(Written::Fields {
        header,
        data: data(field, names)?,
        le,
    })
}

/// Reads bytes: hexadecimal, `{name}`, `{name:from..to}`, `{byte*count}` and
/// `tag[…]`.
///
/// # Errors
/// [`ScriptError`] if the text is none of it.
pub fn data(text: &str, names: &Names) -> Result<Vec<u8>, ScriptError> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix('{') {
            let parts = after.split_once('}');
            let (inside, after) = parts.ok_or_else(|| ScriptError::Bracket(text.to_owned()))?;
            out.extend(value(inside, names)?);
            rest = after;
        } else if first.is_ascii_hexdigit() {
            let end = rest.find(|c: char| !c.is_ascii_hexdigit());
            let (digits, after) = rest.split_at(end.unwrap_or(rest.len()));
            let bytes = hex::decode(digits).map_err(|_| ScriptError::Bytes(text.to_owned()))?;
            out.extend(&bytes);
            rest = after;
            if let Some(after) = rest.strip_prefix('[') {
                let end = closing(after).ok_or_else(|| ScriptError::Bracket(text.to_owned()))?;
                let (inside, after) = after.split_at(end);
                let inner = data(inside, names)?;
                out.extend(length(inner.len()));
                out.extend(inner);
                rest = after.strip_prefix(']').unwrap_or(after);
            }
        } else {
            return Err(ScriptError::Bytes(text.to_owned()));
        }
        rest = rest.trim_start();
    }
    Ok(out)
}

/// Where the bracket closes that was opened before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1_u32;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

/// The shortest BER length.
fn length(count: usize) -> Vec<u8> {
    let [.., high, low] = count.to_be_bytes();
    match count {
        0..=0x7F => vec![low],
        0x80..=0xFF => vec![0x81, low],
        _ => vec![0x82, high, low],
    }
}

fn value(inside: &str, names: &Names) -> Result<Vec<u8>, ScriptError> {
    let wrong = || ScriptError::Bytes(format!("{{{inside}}}"));
    if let Some((byte, count)) = inside.split_once('*') {
        let byte = u8::from_str_radix(byte, 16).map_err(|_| wrong())?;
        return Ok(vec![byte; count.parse().map_err(|_| wrong())?]);
    }
    let Some((name, range)) = inside.split_once(':') else {
        return names.get(inside).map(<[u8]>::to_vec);
    };
    let whole = names.get(name)?;
    let (from, to) = range.split_once("..").ok_or_else(wrong)?;
    let from: usize = from.parse().map_err(|_| wrong())?;
    let to = if to.is_empty() {
        whole.len()
    } else {
        to.parse().map_err(|_| wrong())?
    };
    whole.get(from..to).map(<[u8]>::to_vec).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_names_and_objects() {
        let mut names = Names::default();
        names.set("PIN", *b"12345678");
        let read = |text: &str| data(text, &names);
        assert_eq!(read("00 A4\n 04").unwrap(), [0, 0xA4, 4]);
        assert_eq!(read("{PIN:0..2}{41*3}").unwrap(), b"12AAA");
        assert_eq!(
            read("4D[70[BFA101[A380]]]").unwrap(),
            hex::decode("4D087006BFA10102A380").unwrap()
        );
        assert_eq!(read("91[{00*256}]").unwrap()[..4], [0x91, 0x82, 1, 0]);
        for wrong in ["0", "0G", "{PIN", "4D[00", "{PIN:7..9}", "{41*x}", "{PUK}"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn steps_and_commands() {
        let (families, steps) = parse("[stm stm2] sm NIS = {NIS} 9000; 16x 00 = 6700").unwrap();
        assert_eq!(families, ["stm", "stm2"]);
        assert_eq!((steps[0].action, steps[0].answer), ("sm NIS", "{NIS} 9000"));
        assert_eq!((steps[1].times, steps[1].action), (16, "00"));
        assert!(parse("00A40000").is_err());
        let names = Names::default();
        assert_eq!(
            command("ROOT", &names).unwrap(),
            Written::Raw(vec![0, 0xA4, 0, 0])
        );
        let fields = Written::Fields {
            header: [0, 0x22, 0x41, 0xA4],
            data: vec![0x84, 1, 0x83],
            le: Some(0),
        };
        assert_eq!(command("002241A4(84[83])00", &names).unwrap(), fields);
        assert!(command("0022(84)", &names).is_err());
    }
}

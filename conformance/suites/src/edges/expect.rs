// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a card has to answer, read from a script and held against what it did.

use super::script::{Names, ScriptError, data};
use cie_terminal::certificate::CardCertificate;
use cie_terminal::keys::PublicKey;
use iso7816_wire::StatusWord;

/// What a card answered to one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Data and status word. A protected answer is shown unwrapped.
    Answer {
        /// The data field.
        data: Vec<u8>,
        /// The status word.
        sw: StatusWord,
        /// It came in secure messaging, with the same status word outside.
        protected: bool,
    },
    /// An answer to reset.
    Atr(Vec<u8>),
    /// No byte at all.
    Mute,
    /// What should have been an answer and is none, in words.
    Broken(String),
}

impl Seen {
    /// A few words for people; long data are cut.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Answer {
                data,
                sw,
                protected,
            } => {
                let place = if *protected { "protected" } else { "plain" };
                format!("{place} {}{sw}", shown(data))
            }
            Self::Atr(atr) => format!("answer to reset {}", shown(atr)),
            Self::Mute => "nothing".to_owned(),
            Self::Broken(why) => format!("no usable answer: {why}"),
        }
    }

    /// The same without a byte of what the card answered but its status word.
    #[must_use]
    pub fn in_words_without_data(&self) -> String {
        match self {
            Self::Answer {
                data,
                sw,
                protected,
            } => {
                let place = if *protected { "protected" } else { "plain" };
                format!("{place} {} bytes {sw}", data.len())
            }
            other => other.in_words(),
        }
    }
}

fn shown(data: &[u8]) -> String {
    match data.get(..24) {
        Some(head) => format!("{}… ({} bytes) ", hex::encode_upper(head), data.len()),
        None if data.is_empty() => String::new(),
        None => format!("{} ", hex::encode_upper(data)),
    }
}

/// What an expectation may look at beside the answer.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// SELECT by the IAS AID works.
    pub by_aid: bool,
    /// Extended length is taken.
    pub extended: bool,
}

impl Behaviour {
    fn of(self, word: &str) -> Result<bool, ScriptError> {
        match word {
            "by-aid" => Ok(self.by_aid),
            "extended" => Ok(self.extended),
            _ => Err(ScriptError::Word(word.to_owned())),
        }
    }
}

/// The part of an answer that goes for a family.
///
/// # Errors
/// [`ScriptError::Word`] for an unknown behaviour.
pub fn for_family(answer: &str, behaviour: Behaviour) -> Result<&str, ScriptError> {
    let Some((yes, rest)) = answer.split_once(" if ") else {
        return Ok(answer.trim());
    };
    let wrong = || ScriptError::Word(rest.to_owned());
    let (word, no) = rest.split_once(" else ").ok_or_else(wrong)?;
    Ok(if behaviour.of(word.trim())? { yes } else { no }.trim())
}

/// True if `seen` is what `answer` says. `by_session` says whether the step
/// went in secure messaging, so that its answer has to.
///
/// # Errors
/// [`ScriptError`] if `answer` is no notation of an answer.
pub fn matches(
    answer: &str,
    seen: &Seen,
    by_session: bool,
    names: &Names,
) -> Result<bool, ScriptError> {
    match answer {
        "mute" => return Ok(*seen == Seen::Mute),
        "ATR" => return Ok(matches!(seen, Seen::Atr(atr) if names.get("ATR")? == atr)),
        _ => {}
    }
    let (plain, answer) = match answer.strip_prefix("plain ") {
        Some(answer) => (true, answer),
        None => (!by_session, answer),
    };
    let (wanted, word) = answer.rsplit_once(' ').unwrap_or(("", answer));
    let no_word = || ScriptError::StatusWord(answer.to_owned());
    let word = (word.len() == 4)
        .then(|| u16::from_str_radix(word, 16).ok())
        .flatten()
        .ok_or_else(no_word)?;
    let mut all = true;
    let Seen::Answer {
        data: got,
        sw,
        protected,
    } = seen
    else {
        return Ok(false);
    };
    for condition in wanted.split('&') {
        all &= holds(condition.trim(), got, names)?;
    }
    Ok(all && sw.0 == word && *protected != plain)
}

fn holds(condition: &str, got: &[u8], names: &Names) -> Result<bool, ScriptError> {
    if condition == "*" {
        return Ok(true);
    }
    if let Some(count) = condition.strip_prefix('#') {
        let count: usize = count
            .parse()
            .map_err(|_| ScriptError::Bytes(condition.to_owned()))?;
        return Ok(got.len() == count);
    }
    if let Some(absent) = condition.strip_prefix("without ") {
        let absent = data(absent, names)?;
        return Ok(!got.windows(absent.len().max(1)).any(|part| part == absent));
    }
    if let Some(other) = condition.strip_prefix('!') {
        return Ok(!holds(other, got, names)?);
    }
    for (prefix, file) in [("sig81(", "CERT"), ("sig83(", "EF1005")] {
        if let Some(signed) = condition.strip_prefix(prefix) {
            let signed = data(signed.trim_end_matches(')'), names)?;
            let content = names.get(file)?;
            let key = if file == "CERT" {
                CardCertificate::from_file(content).map(|certificate| certificate.key().clone())
            } else {
                PublicKey::from_file(content)
            };
            return Ok(key.is_ok_and(|key| key.verifies(&signed, got)));
        }
    }
    let bytes = data(condition.trim_matches('~'), names)?;
    Ok(
        match (condition.starts_with('~'), condition.ends_with('~')) {
            (false, false) => got == bytes,
            (false, true) => got.starts_with(&bytes),
            (true, false) => got.ends_with(&bytes),
            (true, true) => got.windows(bytes.len().max(1)).any(|part| part == bytes),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(data: &[u8], sw: u16, protected: bool) -> Seen {
        Seen::Answer {
            data: data.to_vec(),
            sw: StatusWord(sw),
            protected,
        }
    }

    #[test]
    fn answers_match_or_not() {
        let mut names = Names::default();
        names.set("NIS", *b"12");
        names.set("ATR", [0x3B]);
        let is = |answer: &str, seen: &Seen, by_session| {
            matches(answer, seen, by_session, &names).unwrap()
        };
        let plain = seen(b"12", 0x9000, false);
        for answer in [
            "3132 9000",
            "{NIS} 9000",
            "#2 9000",
            "* 9000",
            "31~ 9000",
            "~32 9000",
        ] {
            assert!(is(answer, &plain, false), "{answer}");
            assert!(!is(answer, &plain, true), "{answer} should be protected");
            assert!(is(&format!("plain {answer}"), &plain, true), "{answer}");
            assert!(!is(answer, &seen(b"12", 0x9001, false), false), "{answer}");
        }
        for answer in [
            "9000",
            "#3 9000",
            "!{NIS} 9000",
            "32~ 9000",
            "~31 9000",
            "#2 & 33~ 9000",
        ] {
            assert!(!is(answer, &plain, false), "{answer}");
        }
        assert!(is("~32~ 9000", &plain, false) && !is("~33~ 9000", &plain, false));
        assert!(is("6A82", &seen(&[], 0x6A82, true), true));
        assert!(is("mute", &Seen::Mute, false) && !is("mute", &plain, false));
        assert!(is("ATR", &Seen::Atr(vec![0x3B]), false) && !is("ATR", &Seen::Atr(vec![]), false));
        assert!(!is("9000", &Seen::Broken(String::new()), true));
        assert!(matches("90", &plain, false, &names).is_err());
    }

    #[test]
    fn families_choose_their_part() {
        let with = |by_aid| Behaviour {
            by_aid,
            extended: false,
        };
        let answer = "9000 if by-aid else 6A82";
        assert_eq!(for_family(answer, with(true)), Ok("9000"));
        assert_eq!(for_family(answer, with(false)), Ok("6A82"));
        assert!(for_family("9000 if blue else 6A82", with(true)).is_err());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a child of `cie run` learns about the cards, so that its tests
//! hard-code nothing.

use crate::new_card::Known;
use cie_personalisation::State;
use std::process::Command;

/// Tells `command` about the cards, each with the name of its reader, if there
/// is one for it. The first card's variables start with `CIE_`, the second
/// one's with `CIE_2_`, and so on.
pub(crate) fn set(command: &mut Command, cards: &[Known], readers: &[String]) {
    clear(command);
    for (index, known) in cards.iter().enumerate() {
        let reader = readers.get(index).map(String::as_str);
        let prefix = match index {
            0 => "CIE_".to_owned(),
            _ => format!("CIE_{}_", index + 1),
        };
        for (name, value) in variables(known, reader) {
            let name = format!("{prefix}{name}");
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// Takes away what tells of cards of another run, around this one.
pub(crate) fn clear(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(tells_of_a_card) {
            command.env_remove(name);
        }
    }
}

const NAMES: [&str; 10] = [
    "PIN",
    "PIN_FIRST",
    "PIN_LAST",
    "PUK",
    "PUK_FIRST",
    "PUK_LAST",
    "NIS",
    "SERIAL",
    "CF",
    "READER",
];

fn tells_of_a_card(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("CIE_") else {
        return false;
    };
    let numbered = rest.split_once('_').filter(|(number, _)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    matches!(rest, "CONTROL" | "CA_PEM") || NAMES.contains(&numbered.map_or(rest, |(_, name)| name))
}

/// A holder of half codes has the receipt from the counter and no letter, so
/// the last halves and the whole codes are not there, not even inherited.
fn variables(card: &Known, reader: Option<&str>) -> [(&'static str, Option<String>); 10] {
    let Known { pin, puk, .. } = card;
    let letter = |code: &str| (card.state != State::HalfCodes).then(|| code.to_owned());
    let known = |value: &str| Some(value.to_owned());
    let values = [
        letter(pin.expose()),
        known(pin.first_half()),
        letter(pin.last_half()),
        letter(puk.expose()),
        known(puk.first_half()),
        letter(puk.last_half()),
        known(&card.facts.nis),
        known(&card.facts.serial),
        known(&card.facts.fiscal_code),
        reader.map(str::to_owned),
    ];
    let mut values = values.into_iter();
    NAMES.map(|name| (name, values.next().flatten()))
}

#[cfg(test)]
mod tests {
    use super::tells_of_a_card;

    #[test]
    fn only_what_tells_of_a_card_is_taken_away() {
        for name in [
            "CIE_PIN",
            "CIE_2_PIN",
            "CIE_16_PUK_LAST",
            "CIE_CONTROL",
            "CIE_CA_PEM",
            "CIE_READER",
        ] {
            assert!(tells_of_a_card(name), "{name}");
        }
        for name in [
            "CIE_KILLS",
            "CIE__PIN",
            "CIE_x_PIN",
            "PIN",
            "CIE_2_KILLS",
            "CIE_2_CONTROL",
        ] {
            assert!(!tells_of_a_card(name), "{name}");
        }
    }
}

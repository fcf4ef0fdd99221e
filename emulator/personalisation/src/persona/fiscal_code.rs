// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Italian fiscal code of a natural person, for the test range only.
//!
//! 16 characters: three letters each of surname and given names, two digits
//! of the year, a letter for the month, the day (plus 40 for women), the
//! four-character code of the place of birth, and a check letter. The scheme
//! is public (ministerial decree of 23 December 1976).
//!
//! The test range is the place [`TEST_PLACE`]: codes with Z stand for foreign
//! states, are handed out from below and end with
//! Z999. The highest in public lists, former states included, is Z907: Z999
//! stands for no state.

use super::{BirthDate, Sex};

/// Place of birth of every persona: a code that no municipality and no
/// foreign state has.
pub const TEST_PLACE: &str = "Z999";

const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

/// Values of the characters at odd positions (1st, 3rd …): a digit counts as
/// the letter of the same rank, so one table of 26 serves both.
const ODD: [u8; 26] = [
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];

/// The fiscal code that these data have in the test range; `None` if a name
/// has a letter without a plain Latin base.
pub(super) fn compute(
    surname: &str,
    given_names: &str,
    birth: BirthDate,
    sex: Sex,
) -> Option<String> {
    let month = char::from(*MONTHS.get(usize::from(birth.month.checked_sub(1)?))?);
    let day = match sex {
        Sex::Male => birth.day,
        Sex::Female => birth.day + 40,
    };
    let body = format!(
        "{}{}{:02}{month}{day:02}{TEST_PLACE}",
        three_letters(&plain(surname)?, false),
        three_letters(&plain(given_names)?, true),
        birth.year % 100,
    );
    let check = check_letter(&body)?;
    Some(format!("{body}{check}"))
}

/// The check letter over the first 15 characters.
pub(super) fn check_letter(body: &str) -> Option<char> {
    let mut sum = 0_u32;
    for (index, character) in body.bytes().enumerate() {
        let rank = match character {
            b'0'..=b'9' => character - b'0',
            b'A'..=b'Z' => character - b'A',
            _ => return None,
        };
        let value = if index % 2 == 0 {
            *ODD.get(usize::from(rank))?
        } else {
            rank
        };
        sum += u32::from(value);
    }
    char::from_digit(10 + sum % 26, 36).map(|letter| letter.to_ascii_uppercase())
}

/// The letters of a name without accents, blanks, hyphens and apostrophes.
fn plain(name: &str) -> Option<String> {
    let separator = |c: &char| matches!(c, ' ' | '-' | '\'');
    name.chars().filter(|c| !separator(c)).map(base).collect()
}

/// A capital letter without its accent; `None` for anything else.
pub(super) fn base(character: char) -> Option<char> {
    Some(match character {
        'A'..='Z' => character,
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        'Ý' => 'Y',
        _ => return None,
    })
}

/// Consonants, then vowels, then X, three in all. A given name with four or
/// more consonants leaves out the second.
fn three_letters(name: &str, given: bool) -> String {
    let is_vowel = |letter: &char| "AEIOU".contains(*letter);
    let mut consonants: Vec<char> = name.chars().filter(|letter| !is_vowel(letter)).collect();
    if given && consonants.len() >= 4 {
        consonants.remove(1);
    }
    let vowels = name.chars().filter(is_vowel);
    consonants
        .into_iter()
        .chain(vowels)
        .chain("XXX".chars())
        .take(3)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_letters_of_the_usual_specimens() {
        // Specimens that tutorials and forms use.
        for specimen in ["RSSMRA85T10A562S", "MRTMTT91D08F205J", "RSSMRA80A01H501U"] {
            let (body, check) = specimen.split_at(15);
            assert_eq!(check_letter(body).unwrap().to_string(), check, "{specimen}");
        }
    }

    #[test]
    fn letters_of_names() {
        for (name, given, expected) in [
            ("ROSSI", false, "RSS"),
            ("MARIO", true, "MRA"),
            ("MARTINA", true, "MTN"),
            ("FO", false, "FOX"),
            ("AI", true, "AIX"),
            ("O", false, "OXX"),
            ("GIANFRANCO", true, "GFR"),
            ("D'ALÌ-PÈ", false, "DLP"),
        ] {
            assert_eq!(
                three_letters(&plain(name).unwrap(), given),
                expected,
                "{name}"
            );
        }
        assert_eq!(plain("ŠTEST"), None);
    }

    #[test]
    fn women_are_born_forty_days_later() {
        let birth = BirthDate {
            year: 2001,
            month: 2,
            day: 3,
        };
        let code = |sex| compute("TEST PROVA", "ANNA", birth, sex).unwrap();
        assert!(code(Sex::Female).starts_with("TSTNNA01B43Z999"));
        assert!(code(Sex::Male).starts_with("TSTNNA01B03Z999"));
    }
}

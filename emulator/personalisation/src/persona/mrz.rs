// SPDX-License-Identifier: MIT OR Apache-2.0
//! The name field of the machine-readable zone, as far as personas have rules
//! for it: every name on a card must have one. The whole zone belongs to the
//! travel document application.

use super::fiscal_code::base;

/// Characters of the name field of a card of size TD1 (ICAO 9303-5, the whole
/// third line).
const NAME_LEN: usize = 30;
const FILLER: char = '<';
/// Between surname and given names.
const SEPARATOR: &str = "<<";

/// The name in the alphabet of the machine-readable zone (ICAO 9303-3 §4.6):
/// letters without accents, apostrophes left out, hyphens and blanks as
/// fillers. `None` if a letter has no transliteration (ICAO 9303-3 §6).
fn spell(name: &str) -> Option<String> {
    let mut spelled = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '\'' => {}
            // Two in a row would end the surname.
            ' ' | '-' if spelled.ends_with(FILLER) => {}
            ' ' | '-' => spelled.push(FILLER),
            letter => spelled.push(base(letter)?),
        }
    }
    Some(spelled.trim_end_matches(FILLER).to_owned())
}

/// The third line of the zone. What does not fit is cut off, the surname first
/// so far that one letter of the given names stays.
pub(super) fn name_line(surname: &str, given_names: &str) -> Option<String> {
    let (mut surname, given) = (spell(surname)?, spell(given_names)?);
    surname.truncate(NAME_LEN - SEPARATOR.len() - 1);
    let surname = surname.trim_end_matches(FILLER);
    let mut line = format!("{surname}{SEPARATOR}{given}");
    line.truncate(NAME_LEN);
    Some(format!("{line:<<NAME_LEN$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_alphabet_of_the_zone() {
        for (surname, given, line) in [
            ("TEST ESEMPIO", "ANNA", "TEST<ESEMPIO<<ANNA<<<<<<<<<<<<"),
            ("D'ALÌ-TEST", "NICCOLÒ", "DALI<TEST<<NICCOLO<<<<<<<<<<<<"),
            ("TEST - ÜBER", "ÇA", "TEST<UBER<<CA<<<<<<<<<<<<<<<<<"),
            // Exactly 30, one more, and a cut that falls on a blank.
            (
                "TEST",
                "ABCDEFGHIJKLMNOPQRSTUVWX",
                "TEST<<ABCDEFGHIJKLMNOPQRSTUVWX",
            ),
            (
                "TEST",
                "ABCDEFGHIJKLMNOPQRSTUVWXY",
                "TEST<<ABCDEFGHIJKLMNOPQRSTUVWX",
            ),
            (
                "TEST",
                "ABCDEFGHIJKLMNOPQRSTUVW ANNA",
                "TEST<<ABCDEFGHIJKLMNOPQRSTUVW<",
            ),
            // The surname alone is too long: the first given letter stays.
            (
                "TEST ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                "ZOE",
                "TEST<ABCDEFGHIJKLMNOPQRSTUV<<Z",
            ),
        ] {
            assert_eq!(
                name_line(surname, given).as_deref(),
                Some(line),
                "{surname}"
            );
        }
        assert_eq!(name_line("TEST ŠIMIĆ", "ANA"), None);
    }
}

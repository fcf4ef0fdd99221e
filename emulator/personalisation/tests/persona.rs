// SPDX-License-Identifier: MIT OR Apache-2.0
//! Persona files: what is refused, and that the message says where and why.

mod common;

use cie_personalisation::{BirthDate, Persona, Sex, State, personalise};
use common::adult_with;

#[test]
fn the_shipped_personas_read() {
    for (name, text) in Persona::shipped() {
        let persona = Persona::from_toml(text).unwrap();
        assert_eq!(persona.id(), *name);
        assert!(persona.surname().contains("TEST") && !persona.description().is_empty());
        // No clock of the next decades ends a shipped certificate.
        assert!(persona.valid_years().1 > 2049, "{name}");
        assert_eq!(persona.state(), State::Fresh);
        assert!(persona.residence().unwrap().municipality.contains("TEST"));
    }
    let adult = Persona::adult().unwrap();
    assert_eq!((adult.sex(), adult.family().id), (Sex::Female, "gemalto"));
    assert_eq!(
        adult.birth_date(),
        BirthDate {
            year: 1985,
            month: 12,
            day: 10
        }
    );
}

/// Each row breaks one line of the adult: what, by what, the field that the
/// message names, and a part of the rule in it.
#[rustfmt::skip]
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("\"adult\"", "\"A b\"", "id", "small letters"),
    ("MARIA BIANCA", "Maria", "holder.given_names", "machine-readable zone"),
    ("\"adult\"", "\"\"", "id", "small letters"),
    ("MARIA BIANCA", "-MARIA", "holder.given_names", "a letter first"),
    ("MARIA BIANCA", LONG, "holder.given_names", "1 to 64"),
    ("MARIA BIANCA", "", "holder.given_names", "1 to 64"),
    ("MARIA BIANCA", "\\u0000", "holder.given_names", "machine-readable zone"),
    ("TEST ESEMPIO", "ROSSI", "holder.surname", "the word TEST"),
    ("TEST ESEMPIO", "TESTA", "holder.surname", "the word TEST"),
    ("TEST ESEMPIO", "TEST ÞØ", "holder.surname", "machine-readable zone"),
    ("1985-12-10", "1985-12-10T00:00:00", "holder.birth_date", "must be a date"),
    ("1985-12-10", "1885-12-10", "holder.birth_date", "1900"),
    (CODE, "TSTMBN85T50Z999", "holder.fiscal_code", "16 capital letters"),
    (CODE, "TSTMBN85T50Z999ÀÀ", "holder.fiscal_code", "16 capital letters"),
    (CODE, "TSTMBN85T50H501F", "holder.fiscal_code", "must be Z999"),
    (CODE, "TSTMBN85T50Z999A", "holder.fiscal_code", "check letter of TSTMBN85T50Z999 is J"),
    (CODE, "TSTMBN85T51Z999I", "holder.fiscal_code", "make it TSTMBN85T50Z999J"),
    ("\"gemalto\"", "\"acme\"", "card.family", "one of gemalto"),
    (KEYS, "keys = \"z\"", "card.keys", "one of a, b"),
    (KEYS, "keys = \"a\"\nnis = \"824466999069\"", "card.nis", "9990########"),
    (KEYS, "keys = \"a\"\nserial = \"CA0000AAA\"", "card.serial", "CZ#####??"),
    (KEYS, "keys = \"a\"\nnis = \"9990824466990\"", "card.nis", "9990########"),
    (KEYS, "keys = \"a\"\nserial = \"CZ00000aa\"", "card.serial", "CZ#####??"),
    (KEYS, "keys = \"a\"\npin = \"1234\"", "card.pin", "8 digits"),
    (KEYS, "keys = \"a\"\npuk = \"1234567x\"", "card.puk", "digits only"),
    ("\"fresh\"", "\"lost\"", "card.state", "one of fresh, pin-1-left, pin-blocked"),
    ("\"TEST COMUNE\"", "\"ROMA\"", "holder.residence.municipality", "the word TEST"),
    ("\"TEST COMUNE\"", "\"Test\"", "holder.residence.municipality", "machine-readable zone"),
    ("\"ZZ\"", "\"RM\"", "holder.residence.province", "must be ZZ"),
    ("VIA DEGLI", "via degli", "holder.residence.address", "capital Latin letters"),
    ("2025-06-01", "2015-12-31", "certificate.valid_from", "2016 or later"),
    ("2025-06-01", "1985-12-10", "certificate.valid_from", "after the birth date"),
    ("2059-12-10", "2066-01-01", "certificate.valid_until", "2065 or earlier"),
    ("2059-12-10", "2025-05-31", "certificate.valid_until", "not be before"),
];
/// 65 letters.
const LONG: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const CODE: &str = "TSTMBN85T50Z999J";
const KEYS: &str = "keys = \"a\"";

/// The parser of TOML quotes what it does not understand, which could be a code.
#[test]
fn a_syntax_error_shows_no_code() {
    for broken in ["pin = 13572468", "puk = \"13572468", "pin = [\"13572468\"]"] {
        let text = adult_with(KEYS, &format!("{KEYS}\n{broken}"));
        let error = Persona::from_toml(&text).unwrap_err().to_string();
        assert!(
            error.contains("line ") && error.contains("in quotes"),
            "{error}"
        );
        assert!(!error.contains("1357"), "{error}");
    }
    let text = adult_with(KEYS, &format!("{KEYS}\ncolour = 5"));
    let error = Persona::from_toml(&text).unwrap_err().to_string();
    assert!(
        error.contains("line 21") && error.contains("colour"),
        "{error}"
    );
}

#[test]
fn a_broken_field_is_named() {
    for (from, to, field, rule) in BROKEN {
        let error = Persona::from_toml(&adult_with(from, to))
            .unwrap_err()
            .to_string();
        let place = format!("field {field}:");
        assert!(
            error.contains(&place) && error.contains(rule),
            "{to}: {error}"
        );
    }
}

/// The minor stays one until 2037, and the long names fill their fields.
#[test]
fn the_shipped_personas_are_what_they_are_for() {
    let named = |name| Persona::named(name).unwrap().unwrap();
    let (minor, accents) = (named("minor"), named("accents"));
    assert_eq!(minor.birth_date().year, 2019);
    assert_eq!((minor.sex(), minor.family().id), (Sex::Male, "bit4id-2023"));
    for name in [accents.given_names(), accents.surname()] {
        assert_eq!(name.chars().count(), 64, "{name}");
        assert!(name.len() > 68 && name.contains('\'') && name.contains('-'));
    }
    assert_eq!(accents.family().id, "stm");
    assert!(Persona::named("nobody").is_none());
    // Three persons, three cards.
    let nis = |persona| personalise(&persona, 1).unwrap().facts.nis;
    let adult = nis(named("adult"));
    assert!(adult != nis(minor) && adult != nis(accents));
}

#[test]
fn unknown_missing_and_mistyped_fields_are_named() {
    for (from, to, message) in [
        (
            "keys = \"a\"",
            "keys = \"a\"\ncolour = \"red\"",
            "unknown field `colour`",
        ),
        ("sex = \"F\"", "", "missing field `sex`"),
        ("sex = \"F\"", "sex = \"D\"", "unknown variant `D`"),
        ("1985-12-10", "1985-02-30", "1985-02-30"),
        ("[card]", "[cart]", "unknown field `cart`"),
    ] {
        let error = Persona::from_toml(&adult_with(from, to))
            .unwrap_err()
            .to_string();
        assert!(error.contains(message), "{to}: {error}");
    }
}

#[test]
fn a_left_out_fiscal_code_is_computed() {
    let text = adult_with("fiscal_code", "# fiscal_code");
    assert_eq!(
        Persona::from_toml(&text).unwrap().fiscal_code(),
        "TSTMBN85T50Z999J"
    );
}

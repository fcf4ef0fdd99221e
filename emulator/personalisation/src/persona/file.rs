// SPDX-License-Identifier: MIT OR Apache-2.0
//! The persona file as it is written, and the rules that make a persona of it.

use super::residence::{self, Residence};
use super::{BirthDate, Persona, PersonaError, Sex, State, TEST_PLACE};
use super::{KeyChoice, families, fiscal_code, mrz, pki};
use crate::seed::{NIS_TEST_PREFIX, SERIAL_TEST_PREFIX};
use cie_card::image::Code;
use der::DateTime;
use serde::Deserialize;
use toml::value::{Date, Datetime};

/// Longest name that the rules let through.
const NAME_MAX: usize = 64;

// No `Debug`: it would show the codes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    id: String,
    description: String,
    holder: Holder,
    card: Card,
    certificate: Certificate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holder {
    given_names: String,
    surname: String,
    sex: Sex,
    birth_date: Datetime,
    fiscal_code: Option<String>,
    residence: Option<Residence>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Card {
    family: String,
    keys: String,
    nis: Option<String>,
    serial: Option<String>,
    pin: Option<String>,
    puk: Option<String>,
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificate {
    valid_from: Datetime,
    valid_until: Datetime,
}

pub(super) type Checked<T> = Result<T, PersonaError>;

pub(super) fn broken<T>(field: &'static str, rule: impl Into<String>) -> Checked<T> {
    Err(PersonaError::Field {
        field,
        rule: rule.into(),
    })
}

impl File {
    pub(super) fn check(self) -> Checked<Persona> {
        let File {
            id,
            description,
            holder,
            card,
            certificate,
        } = self;
        check_id(&id)?;
        check_name("holder.given_names", &holder.given_names)?;
        check_name("holder.surname", &holder.surname)?;
        check_test_word("holder.surname", &holder.surname)?;
        if let Some(residence) = &holder.residence {
            residence::check(residence)?;
        }
        let birth_date = birth_date(holder.birth_date)?;
        let fiscal_code = check_fiscal_code(&holder, birth_date)?;
        let mrz_name = mrz::name_line(&holder.surname, &holder.given_names);
        let Some(mrz_name) = mrz_name else {
            return broken(
                "holder.surname",
                "has a letter without a place in the alphabet of the machine-readable zone",
            );
        };
        let family = families::family(&card.family);
        let ids = families::FAMILIES.iter().map(|family| family.id);
        let family = known("card.family", &card.family, family, ids)?;
        let keys = match card.keys.as_str() {
            pki::FRESH_KEYS => Some(KeyChoice::Fresh),
            id => pki::card_keys(id).map(KeyChoice::Ready),
        };
        let ids = pki::CARD_KEYS.iter().map(|set| set.id);
        let ids = ids.chain([pki::FRESH_KEYS]);
        let keys = known("card.keys", &card.keys, keys, ids)?;
        check_form(
            "card.nis",
            card.nis.as_deref(),
            &format!("{NIS_TEST_PREFIX}########"),
        )?;
        check_form(
            "card.serial",
            card.serial.as_deref(),
            &format!("{SERIAL_TEST_PREFIX}#####??"),
        )?;
        let (not_before, not_after) = check_validity(&certificate, birth_date)?;
        let wanted = card.state.as_deref().unwrap_or(State::Fresh.name());
        let names = State::ALL.into_iter().map(State::name);
        let state = known("card.state", wanted, State::from_name(wanted), names)?;
        let persona = Persona {
            id,
            description,
            given_names: holder.given_names,
            surname: holder.surname,
            mrz_name,
            sex: holder.sex,
            birth_date,
            residence: holder.residence,
            state: State::Fresh,
            fiscal_code,
            family,
            keys,
            nis: card.nis,
            serial: card.serial,
            pin: check_code("card.pin", card.pin)?,
            puk: check_code("card.puk", card.puk)?,
            not_before,
            not_after,
        };
        persona.with_state(state)
    }
}

fn check_id(id: &str) -> Checked<()> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !id.is_empty() && id.bytes().all(fits) {
        return Ok(());
    }
    broken(
        "id",
        format!("small letters, digits and hyphens only; it is {id:?}"),
    )
}

/// Rule 9 of the architecture: a person called TEST is no person.
pub(super) fn check_test_word(field: &'static str, name: &str) -> Checked<()> {
    if name.split([' ', '-', '\'']).any(|word| word == "TEST") {
        return Ok(());
    }
    let rule = "must have the word TEST, such as \"TEST ESEMPIO\"";
    broken(field, format!("{rule}; it is {name:?}"))
}

/// The row of a table that the file names, or the names there are.
fn known<T>(
    field: &'static str,
    wanted: &str,
    found: Option<T>,
    ids: impl Iterator<Item = &'static str>,
) -> Checked<T> {
    let unknown = || {
        let ids: Vec<_> = ids.collect();
        let rule = format!("must be one of {}; it is {wanted:?}", ids.join(", "));
        PersonaError::Field { field, rule }
    };
    found.ok_or_else(unknown)
}

pub(super) fn check_name(field: &'static str, name: &str) -> Checked<()> {
    let letter = |c: char| fiscal_code::base(c).is_some();
    let inner = |c: char| letter(c) || matches!(c, ' ' | '-' | '\'');
    if name.starts_with(letter) && name.chars().all(inner) && name.chars().count() <= NAME_MAX {
        return Ok(());
    }
    let rule = "1 to 64 capital letters that the machine-readable zone can spell (A to Z, À to Ý \
                without Æ, Ð and Ø), blanks, hyphens and apostrophes, a letter first";
    broken(field, format!("{rule}; it is {name:?}"))
}

fn birth_date(value: Datetime) -> Checked<BirthDate> {
    let Date { year, month, day } = date("holder.birth_date", value)?;
    if year < 1900 {
        return broken("holder.birth_date", "must be in 1900 or later");
    }
    Ok(BirthDate { year, month, day })
}

/// A date without a time. The TOML parser has checked it against the calendar.
fn date(field: &'static str, value: Datetime) -> Checked<Date> {
    match value {
        Datetime {
            date: Some(date),
            time: None,
            offset: None,
        } => Ok(date),
        _ => broken(
            field,
            format!("must be a date such as 2025-06-01; it is {value}"),
        ),
    }
}

fn check_fiscal_code(holder: &Holder, birth: BirthDate) -> Checked<String> {
    const FIELD: &str = "holder.fiscal_code";
    let expected = fiscal_code::compute(&holder.surname, &holder.given_names, birth, holder.sex);
    let Some(expected) = expected else {
        return broken(FIELD, "cannot be computed from these names and this date");
    };
    let Some(given) = &holder.fiscal_code else {
        return Ok(expected);
    };
    let plain = given
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let (Some(body), Some(place)) = (given.get(..15), given.get(11..15)) else {
        return broken(
            FIELD,
            format!("16 capital letters and digits; it is {given:?}"),
        );
    };
    if given.len() != 16 || !plain {
        return broken(
            FIELD,
            format!("16 capital letters and digits; it is {given:?}"),
        );
    }
    if place != TEST_PLACE {
        let rule = format!("characters 12 to 15 must be {TEST_PLACE}, the test range; they are");
        return broken(FIELD, format!("{rule} {place}"));
    }
    let check = fiscal_code::check_letter(body).unwrap_or_default();
    if !given.ends_with(check) {
        return broken(
            FIELD,
            format!("the check letter of {body} is {check}; it is {given:?}"),
        );
    }
    if *given != expected {
        let rule = format!("names, birth date and sex make it {expected}; it is {given:?}");
        return broken(FIELD, rule);
    }
    Ok(expected)
}

/// Compares with a pattern: `#` is any digit, `?` any capital letter, another
/// character is itself, which keeps fixed numbers in the test range too.
fn check_form(field: &'static str, value: Option<&str>, pattern: &str) -> Checked<()> {
    let fits = |(c, p): (u8, u8)| match p {
        b'#' => c.is_ascii_digit(),
        b'?' => c.is_ascii_uppercase(),
        _ => c == p,
    };
    let Some(value) = value else { return Ok(()) };
    if value.len() == pattern.len() && value.bytes().zip(pattern.bytes()).all(fits) {
        return Ok(());
    }
    let rule = format!("must look like {pattern} (#: any digit, ?: any capital letter)");
    broken(field, format!("{rule}; it is {value:?}"))
}

fn check_code(field: &'static str, value: Option<String>) -> Checked<Option<Code>> {
    let code = value.map(|value| Code::new(value.as_bytes())).transpose();
    code.or_else(|error| broken(field, error.to_string()))
}

/// The certificate is valid from the first second of the first day to the
/// last second of the last, within the life of the CA that signs it.
fn check_validity(dates: &Certificate, birth: BirthDate) -> Checked<(DateTime, DateTime)> {
    const FROM: &str = "certificate.valid_from";
    const UNTIL: &str = "certificate.valid_until";
    let out_of_range = |field| {
        move |_| PersonaError::Field {
            field,
            rule: "no such day".into(),
        }
    };
    let Date { year, month, day } = date(FROM, dates.valid_from)?;
    if (year, month, day) <= (birth.year, birth.month, birth.day) {
        return broken(FROM, "must be after the birth date");
    }
    if year < pki::FIRST_YEAR {
        return broken(
            FROM,
            format!("must be in {} or later, as the test CA is", pki::FIRST_YEAR),
        );
    }
    let from = DateTime::new(year, month, day, 0, 0, 0).map_err(out_of_range(FROM))?;
    let Date { year, month, day } = date(UNTIL, dates.valid_until)?;
    if year > pki::LAST_YEAR {
        return broken(
            UNTIL,
            format!(
                "must be in {} or earlier, as the test CA is",
                pki::LAST_YEAR
            ),
        );
    }
    let until = DateTime::new(year, month, day, 23, 59, 59).map_err(out_of_range(UNTIL))?;
    if until < from {
        return broken(UNTIL, "must not be before certificate.valid_from");
    }
    Ok((from, until))
}

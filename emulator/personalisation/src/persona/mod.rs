// SPDX-License-Identifier: MIT OR Apache-2.0
//! Personas: who a test card belongs to, as a TOML file that people edit.
//!
//! A persona is always recognisable as a test (rule 9 of the architecture):
//! its surname has the word TEST, and its fiscal code has the place of birth
//! [`TEST_PLACE`], which does not exist. Anything else is refused, so that no
//! real identity can be put on a card.

mod file;
mod fiscal_code;
mod mrz;
mod residence;
mod state;

pub use fiscal_code::TEST_PLACE;
pub use residence::{Residence, TEST_PROVINCE};
pub use state::State;

use crate::families::{self, Family};
use crate::pki::{self, KeyChoice};
use cie_card::image::Code;
use der::DateTime;
use serde::Deserialize;
use thiserror::Error;

/// Why a text is no persona.
#[derive(Debug, Error)]
pub enum PersonaError {
    /// No TOML, a missing or unknown field, or a value of the wrong type.
    #[error("the persona file does not read: line {line}: {what}")]
    Syntax {
        /// Line number, from 1.
        line: usize,
        /// What is wrong there; no part of a line that may hold a code.
        what: String,
    },
    /// A field breaks a rule.
    #[error("persona field {field}: {rule}")]
    Field {
        /// Name of the field as in the file, such as `holder.surname`.
        field: &'static str,
        /// What the field must be, and what it is.
        rule: String,
    },
}

/// Sex of the holder as the fiscal code knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Sex {
    /// Written `F`.
    #[serde(rename = "F")]
    Female,
    /// Written `M`.
    #[serde(rename = "M")]
    Male,
}

/// A day of birth, checked against the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BirthDate {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// A checked persona.
#[derive(Clone, Debug)]
pub struct Persona {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) given_names: String,
    pub(crate) surname: String,
    pub(crate) mrz_name: String,
    pub(crate) sex: Sex,
    pub(crate) birth_date: BirthDate,
    pub(crate) residence: Option<Residence>,
    pub(crate) fiscal_code: String,
    pub(crate) family: &'static Family,
    pub(crate) keys: KeyChoice,
    pub(crate) nis: Option<String>,
    pub(crate) serial: Option<String>,
    pub(crate) pin: Option<Code>,
    pub(crate) puk: Option<Code>,
    pub(crate) state: State,
    pub(crate) not_before: DateTime,
    pub(crate) not_after: DateTime,
}

/// The persona files in this crate: name and text.
const SHIPPED: [(&str, &str); 3] = [
    ("adult", include_str!("../../personas/adult.toml")),
    ("minor", include_str!("../../personas/minor.toml")),
    ("accents", include_str!("../../personas/accents.toml")),
];

/// The year of [`State::CertExpired`], for every holder born before it.
const EXPIRED_YEAR: u16 = 2020;

impl Persona {
    /// The default persona: an adult with a card of the default family.
    ///
    /// # Errors
    /// [`PersonaError`] only if the shipped file was edited into nonsense.
    pub fn adult() -> Result<Self, PersonaError> {
        let [(_, text), ..] = SHIPPED;
        Self::from_toml(text)
    }

    /// Names and texts of the personas in this crate, as templates for own ones.
    #[must_use]
    pub fn shipped() -> &'static [(&'static str, &'static str)] {
        &SHIPPED
    }

    /// The same person with a card of another chip family.
    #[must_use]
    pub fn with_family(self, family: &'static Family) -> Self {
        Self { family, ..self }
    }

    /// The same person with a card whose keys are generated, from the seed.
    #[must_use]
    pub fn with_fresh_keys(self) -> Self {
        let keys = KeyChoice::Fresh;
        Self { keys, ..self }
    }

    /// The same person with a card in another state.
    ///
    /// # Errors
    /// [`PersonaError`] if the certificate of a holder born in 2020 or later
    /// is to be expired: it is expired since that year.
    pub fn with_state(self, state: State) -> Result<Self, PersonaError> {
        if state == State::CertExpired && self.birth_date.year >= EXPIRED_YEAR {
            return Err(PersonaError::Field {
                field: "card.state",
                rule: format!("cert-expired needs a holder born before {EXPIRED_YEAR}"),
            });
        }
        Ok(Self { state, ..self })
    }

    /// First and last second of the certificate. Expired ones were valid for
    /// one year that is over for every clock.
    pub(crate) fn validity(&self) -> Result<(DateTime, DateTime), der::Error> {
        match self.state {
            State::CertExpired => Ok((
                DateTime::new(EXPIRED_YEAR, 1, 1, 0, 0, 0)?,
                DateTime::new(EXPIRED_YEAR, 12, 31, 23, 59, 59)?,
            )),
            _ => Ok((self.not_before, self.not_after)),
        }
    }

    /// The shipped persona of this name.
    ///
    /// # Errors
    /// As [`Persona::adult`].
    pub fn named(name: &str) -> Option<Result<Self, PersonaError>> {
        let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Self::from_toml(text))
    }

    /// Reads a persona file.
    ///
    /// # Errors
    /// [`PersonaError`] names the field and the rule it breaks.
    pub fn from_toml(text: &str) -> Result<Self, PersonaError> {
        toml::from_str::<file::File>(text)
            .map_err(|error| syntax_error(text, &error))?
            .check()
    }

    /// Short name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// One line about the persona.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Given names in capital letters.
    #[must_use]
    pub fn given_names(&self) -> &str {
        &self.given_names
    }

    /// Surname in capital letters, with the word TEST.
    #[must_use]
    pub fn surname(&self) -> &str {
        &self.surname
    }

    /// Sex.
    #[must_use]
    pub fn sex(&self) -> Sex {
        self.sex
    }

    /// Day of birth.
    #[must_use]
    pub fn birth_date(&self) -> BirthDate {
        self.birth_date
    }

    /// Where the holder lives, if the file tells.
    #[must_use]
    pub fn residence(&self) -> Option<&Residence> {
        self.residence.as_ref()
    }

    /// Surname and given names as the machine-readable zone has them: 30
    /// characters of A to Z and `<` (ICAO 9303-5, third line).
    #[must_use]
    pub fn mrz_name(&self) -> &str {
        &self.mrz_name
    }

    /// State of the card.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// First and last year of the certificate as the file has them.
    #[must_use]
    pub fn valid_years(&self) -> (u16, u16) {
        (self.not_before.year(), self.not_after.year())
    }

    /// Fiscal code in the test range.
    #[must_use]
    pub fn fiscal_code(&self) -> &str {
        &self.fiscal_code
    }

    /// Chip family of the card.
    #[must_use]
    pub fn family(&self) -> &'static Family {
        self.family
    }
}

/// The most characters of a line that an error quotes.
const LINE_SHOWN: usize = 60;

/// The parser's error in one line. It may quote the text, so nothing of it is
/// shown where the text may be a code.
fn syntax_error(text: &str, error: &toml::de::Error) -> PersonaError {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.get(..start).unwrap_or(text);
    let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    let what = if ["pin", "puk"].iter().any(|name| shown.contains(name)) {
        "codes are written as eight digits in quotes".to_owned()
    } else {
        let quoted: String = shown.trim().chars().take(LINE_SHOWN).collect();
        format!(
            "{}, in {quoted:?}",
            error.message().trim().replace('\n', "; ")
        )
    };
    PersonaError::Syntax { line, what }
}

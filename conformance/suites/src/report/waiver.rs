// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults that somebody answers for until a day: they do not fail a campaign,
//! but they are shown.

use super::{CaseResult, Report};
use crate::catalogue::names;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// Why something is no day.
#[derive(Debug, Error)]
#[error("{0:?} is no day; write it as 2027-01-31")]
pub struct DayError(String);

impl Day {
    /// This day of the Gregorian calendar.
    ///
    /// # Errors
    /// [`DayError`] if there is none.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, DayError> {
        // 1970 to 9999, the days that certificates can name.
        der::DateTime::new(year, month, day, 0, 0, 0)
            .map(|_| Self { year, month, day })
            .map_err(|_| DayError(format!("{year:04}-{month:02}-{day:02}")))
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let wrong = || DayError(text.chars().take(40).collect());
        let digits = text.bytes().enumerate().all(|(at, b)| match at {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
        let (true, 10) = (digits, text.len()) else {
            return Err(wrong());
        };
        let mut parts = text.split('-');
        let mut next = || parts.next().unwrap_or_default();
        let year = next().parse().map_err(|_| wrong())?;
        let month = next().parse().map_err(|_| wrong())?;
        let day = next().parse().map_err(|_| wrong())?;
        Self::new(year, month, day).map_err(|_| wrong())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// Somebody answers for a case that finds a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The case: a name with `*` and `?`, and `@n` for a version.
    pub case: String,
    /// The run of the campaign that it is for; empty: every run.
    #[serde(default)]
    pub run: String,
    /// Why the fault is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds, `2027-01-31`.
    pub expires: String,
}

/// Why a waiver does not count.
#[derive(Debug, Error)]
pub enum WaiverError {
    /// Its day is none.
    #[error("the waiver of {case:?}: {source}")]
    Day {
        /// The case of the waiver.
        case: String,
        /// What is wrong with it.
        source: DayError,
    },
    /// Its day has passed.
    #[error(
        "the waiver of {case:?} by {owner:?} expired on {expires}: mend the fault, or let its owner renew it"
    )]
    Expired {
        /// The case of the waiver.
        case: String,
        /// Who answered for it.
        owner: String,
        /// Its last day.
        expires: Day,
    },
    /// A field says nothing.
    #[error("the waiver of {case:?} has no {what}; somebody has to answer for it")]
    Empty {
        /// The case of the waiver.
        case: String,
        /// The field.
        what: &'static str,
    },
}

impl Waiver {
    /// That it holds today.
    ///
    /// # Errors
    /// [`WaiverError`] if it does not.
    pub fn check(&self, today: Day) -> Result<(), WaiverError> {
        let case = || self.case.clone();
        for (what, text) in [
            ("case", &self.case),
            ("reason", &self.reason),
            ("owner", &self.owner),
        ] {
            if text.trim().is_empty() {
                return Err(WaiverError::Empty { case: case(), what });
            }
        }
        let expires: Day = self.expires.parse().map_err(|source| WaiverError::Day {
            case: case(),
            source,
        })?;
        if expires < today {
            let owner = self.owner.clone();
            return Err(WaiverError::Expired {
                case: case(),
                owner,
                expires,
            });
        }
        Ok(())
    }

    /// It is for this result.
    #[must_use]
    pub fn covers(&self, run: &str, result: &CaseResult) -> bool {
        (self.run.is_empty() || self.run == run) && names(&self.case, &result.id, result.version)
    }
}

impl fmt::Display for Waiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            reason,
            owner,
            expires,
            ..
        } = self;
        write!(f, "until {expires} by {owner}: {reason}")
    }
}

/// The faults of a run: those that nobody answers for, and those that somebody
/// does.
#[must_use]
pub fn split<'a>(
    report: &'a Report,
    run: &str,
    waivers: &'a [Waiver],
) -> (Vec<&'a CaseResult>, Vec<(&'a CaseResult, &'a Waiver)>) {
    let (mut open, mut waived) = (Vec::new(), Vec::new());
    for result in report.results.iter().filter(|r| r.verdict.is_bad()) {
        match waivers.iter().find(|waiver| waiver.covers(run, result)) {
            Some(waiver) => waived.push((result, waiver)),
            None => open.push(result),
        }
    }
    (open, waived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_one_of_the_calendar() {
        let day: Day = "2028-02-29".parse().unwrap();
        assert_eq!(day.to_string(), "2028-02-29");
        assert!(day < "2028-03-01".parse().unwrap());
        for bad in [
            "",
            "2027-02-29",
            "2027-13-01",
            "2027-1-01",
            "27-01-01",
            "2027/01/01",
            "2027-01-0é",
            "+027-01-01",
        ] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_waiver_holds_to_the_end_of_its_day() {
        let waiver = Waiver {
            case: "CIE_IAS_PIN_*@1".into(),
            run: String::new(),
            reason: "known".into(),
            owner: "somebody@example.org".into(),
            expires: "2027-01-31".into(),
        };
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert!(waiver.check(day("2027-01-31")).is_ok());
        let late = waiver.check(day("2027-02-01"));
        assert!(matches!(late, Err(WaiverError::Expired { .. })));
        let nobody = Waiver {
            owner: " ".into(),
            ..waiver.clone()
        };
        let empty = nobody.check(day("2027-01-01"));
        assert!(matches!(
            empty,
            Err(WaiverError::Empty { what: "owner", .. })
        ));
        let never = Waiver {
            expires: "never".into(),
            ..waiver
        };
        assert!(matches!(
            never.check(day("2027-01-01")),
            Err(WaiverError::Day { .. })
        ));
    }
}

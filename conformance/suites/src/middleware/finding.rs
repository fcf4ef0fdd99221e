// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a case on middleware did not pass.

use std::fmt::Display;

/// Why a case did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The requirement is not fulfilled.
    Fault(String),
    /// The requirement is fulfilled as far as its ground goes, and not in what
    /// this project has added to it by choice.
    Chosen(String),
    /// The module's process is gone.
    Crash(String),
    /// The module does not answer.
    Hang(String),
    /// The bench could not find out.
    Undecided(String),
    /// The module says that it does not have what this is about.
    NotFor(String),
}

/// What a step of a case comes to.
pub(crate) type Found<T = ()> = Result<T, Finding>;

impl Finding {
    /// The bench's own trouble.
    #[allow(clippy::needless_pass_by_value)] // for `map_err`
    pub(crate) fn ours(error: impl Display) -> Self {
        Self::Undecided(error.to_string())
    }

    /// What a process came to when nobody was asking.
    pub(crate) fn of_late(late: &str) -> Self {
        match late.split_once(": ") {
            Some(("hang", why)) => Self::Hang(why.to_owned()),
            Some((_, why)) => Self::Crash(why.to_owned()),
            None => Self::Crash(late.to_owned()),
        }
    }

    /// A fault is one against a choice alone.
    pub(crate) fn chosen(self) -> Self {
        match self {
            Self::Fault(why) => Self::Chosen(why),
            other => other,
        }
    }

    /// The same finding, with where in the case it was made.
    pub(crate) fn at(self, place: impl Display) -> Self {
        match self {
            Self::Fault(why) => Self::Fault(format!("{place}: {why}")),
            Self::Chosen(why) => Self::Chosen(format!("{place}: {why}")),
            Self::Crash(why) => Self::Crash(format!("{place}: {why}")),
            Self::Hang(why) => Self::Hang(format!("{place}: {why}")),
            Self::Undecided(why) => Self::Undecided(format!("{place}: {why}")),
            Self::NotFor(why) => Self::NotFor(why),
        }
    }
}

/// A fault unless it holds.
pub(crate) fn holds(it: bool, else_what: impl Display) -> Found {
    if it {
        Ok(())
    } else {
        Err(Finding::Fault(else_what.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_softens_a_fault_and_nothing_else() {
        let why = || "why".to_owned();
        let chosen = Finding::Fault(why()).chosen();
        assert_eq!(chosen, Finding::Chosen(why()));
        assert_eq!(chosen.at("there"), Finding::Chosen("there: why".to_owned()));
        for other in [Finding::Crash(why()), Finding::Hang(why())] {
            assert_eq!(other.clone().chosen(), other);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a run was made, as far as what comes out may depend on it and the rest
//! of a report does not say it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;

/// Variables of a module's environment whose values a report records: those of
/// the reference module, which are names of files. Of any other variable nobody
/// here knows whether its value is a secret.
pub const DOCUMENTED: [&str; 3] = ["CIE_PKCS11_CA", "CIE_PKCS11_CERT", LOG];

/// The documented variable that names a file to write. Nothing that comes out
/// depends on it, and a report from elsewhere must not name a file that is
/// written here, so no replay sets it of its own.
const LOG: &str = "CIE_PKCS11_LOG";

/// The settings of a run. What is absent has no meaning for its target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Sequences of each case of the unit SEQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequences: Option<NonZeroU32>,
    /// Contents of each case of the unit CONTENT that draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws: Option<NonZeroU32>,
    /// Sequences over all properties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The only sequence of a property that was played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Seconds that one call of a module, one case on a card made for the test
    /// or one sequence of a property may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<u64>,
    /// Seconds that one case may take on a card in a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<u64>,
    /// Variables of the module's environment. Only those that are
    /// [`DOCUMENTED`] have a value here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Option<String>>,
    /// The program, with its arguments, under which the module's process runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<String>,
}

/// What a replay does with a recorded variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again<'a> {
    /// Sets it to this value.
    Set(&'a str),
    /// Leaves it out: it says where something is written.
    LeftOut,
    /// Asks for the value, which is not recorded.
    Ask,
}

impl Settings {
    /// Adds a variable of the environment, with its value if that may be told.
    /// As for a process, the last value of a name counts.
    pub fn add_variable(&mut self, name: &str, value: &str) {
        let told = DOCUMENTED.contains(&name).then(|| value.to_owned());
        self.environment.insert(name.to_owned(), told);
    }

    /// What a replay does with each variable. A value that no bench would have
    /// recorded was put there by somebody else and is not taken.
    pub fn variables(&self) -> impl Iterator<Item = (&str, Again<'_>)> {
        self.environment.iter().map(|(name, value)| {
            let again = match value {
                _ if name == LOG => Again::LeftOut,
                Some(value) if DOCUMENTED.contains(&name.as_str()) => Again::Set(value),
                _ => Again::Ask,
            };
            (name.as_str(), again)
        })
    }

    /// Each setting by its name, in words; what is absent is left out.
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let number = |number: Option<NonZeroU32>| number.map(|number| number.to_string());
        let seconds = |seconds: Option<u64>| seconds.map(|seconds| format!("{seconds} s"));
        let environment: Vec<_> = self
            .environment
            .iter()
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={value}"),
                None => name.clone(),
            })
            .collect();
        let environment = (!environment.is_empty()).then(|| environment.join(" "));
        let under = self.under.as_ref().map(|under| format!("{under:?}"));
        [
            ("sequences", number(self.sequences)),
            ("draws", number(self.draws)),
            ("count", self.count.map(|count| count.to_string())),
            ("number", self.number.map(|number| number.to_string())),
            ("patience", seconds(self.patience)),
            ("time limit", seconds(self.time_limit)),
            ("environment", environment),
            ("under", under),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts();
        for (at, (name, value)) in parts.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {value}")?;
        }
        Ok(())
    }
}

/// Where two runs were made with different settings: what, in one and in the
/// other. A report that records none may have been made with any.
#[must_use]
pub fn differences(
    one: Option<&Settings>,
    other: Option<&Settings>,
) -> Vec<(&'static str, String, String)> {
    let (Some(one), Some(other)) = (one, other) else {
        let told = |settings: Option<&Settings>| {
            settings.map_or_else(|| "not recorded".to_owned(), Settings::to_string)
        };
        return match (one, other) {
            (None, None) => Vec::new(),
            _ => vec![("settings", told(one), told(other))],
        };
    };
    let (one, other) = (one.parts(), other.parts());
    let value = |parts: &[(&'static str, String)], name: &str| {
        let found = parts.iter().find(|(other, _)| *other == name);
        found.map_or_else(|| "none".to_owned(), |(_, value)| value.clone())
    };
    let mut names: Vec<_> = one.iter().map(|(name, _)| *name).collect();
    names.extend(other.iter().map(|(name, _)| *name));
    let mut found: Vec<_> = names
        .into_iter()
        .map(|name| (name, value(&one, name), value(&other, name)))
        .filter(|(_, one, other)| one != other)
        .collect();
    found.sort();
    found.dedup();
    found
}

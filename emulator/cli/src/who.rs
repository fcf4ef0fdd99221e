// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose card it is and of which kind: options of every command that makes one.

use crate::error::CliError;
use cie_personalisation::{FAMILIES, FRESH_KEYS, Persona, State, family};
use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use std::fmt;
use std::path::{Path, PathBuf};

/// Whose card it is, and of which kind.
#[derive(Clone, Debug, Args)]
pub(crate) struct Who {
    /// The holder: one of `cie personas`, or a persona file (a name with a
    /// dot or a slash in it).
    #[arg(long, value_name = "NAME|FILE", default_value = DEFAULT)]
    persona: PathBuf,
    /// Chip family of the card, one of `cie families`; else the persona's.
    #[arg(long, value_name = "ID")]
    family: Option<String>,
    /// What has happened to the card; else as the persona has it.
    #[arg(long, value_parser = state())]
    state: Option<State>,
    /// Generate the card's keys, from the seed, instead of taking the
    /// persona's ready-made ones. Takes a moment.
    #[arg(long)]
    fresh_keys: bool,
}

/// The persona that nobody has to name.
const DEFAULT: &str = "adult";

fn state() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::name))
        .map(|name| State::from_name(&name).unwrap_or_default())
}

impl Who {
    /// The persona with everything that the options change about it.
    pub(crate) fn persona(&self) -> Result<Persona, CliError> {
        let mut persona = holder(&self.persona)?;
        if let Some(id) = &self.family {
            persona = persona.with_family(family(id).ok_or_else(|| CliError::Unknown {
                what: "chip family",
                name: id.clone(),
                known: list(FAMILIES.iter().map(|family| family.id)),
            })?);
        }
        if let Some(state) = self.state {
            persona = persona.with_state(state)?;
        }
        if self.fresh_keys {
            persona = persona.with_fresh_keys();
        }
        Ok(persona)
    }
}

impl Who {
    /// What the header of a trace says beside persona, seed and family, if
    /// the card is not as usual.
    pub(crate) fn header(&self, state: State) -> Vec<(&'static str, String)> {
        let state = (state != State::Fresh).then(|| ("state", state.name().to_owned()));
        let keys = self.fresh_keys.then(|| ("keys", FRESH_KEYS.to_owned()));
        state.into_iter().chain(keys).collect()
    }
}

/// The persona of this name or in this file.
pub(crate) fn holder(path: &Path) -> Result<Persona, CliError> {
    let name = path.to_string_lossy();
    if !name.contains(['.', '/']) {
        let shipped = Persona::shipped().iter().map(|(name, _)| *name);
        return Ok(Persona::named(&name).ok_or_else(|| CliError::Unknown {
            what: "persona",
            name: name.into_owned(),
            known: list(shipped) + ", or a file",
        })??);
    }
    let text = std::fs::read_to_string(path).map_err(CliError::io("read", path))?;
    Persona::from_toml(&text).map_err(|source| CliError::PersonaFile {
        path: path.to_owned(),
        source,
    })
}

/// Names in a row, for messages.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// As on the command line, each option with a blank before it.
impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.persona.as_os_str() != DEFAULT {
            write!(f, " --persona {}", self.persona.display())?;
        }
        if let Some(id) = &self.family {
            write!(f, " --family {id}")?;
        }
        if let Some(state) = self.state {
            write!(f, " --state {}", state.name())?;
        }
        if self.fresh_keys {
            write!(f, " --fresh-keys")?;
        }
        Ok(())
    }
}

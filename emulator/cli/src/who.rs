// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose card it is and of which kind: options of every command that makes one.

use crate::error::CliError;
use cie_personalisation::{FAMILIES, FRESH_KEYS, Persona, State, family};
use clap::Args;
use clap::builder::PossibleValuesParser;
use clap::builder::TypedValueParser;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
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
    let text = read_persona(path).map_err(CliError::io("read", path))?;
    Persona::from_toml(&text).map_err(|source| CliError::PersonaFile {
        path: path.to_owned(),
        source,
    })
}

/// No persona is longer, in bytes: a device or a wrong file would fill the memory.
const PERSONA_MAX: u64 = 64 << 10;

fn read_persona(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let read = File::open(path)?
        .take(PERSONA_MAX + 1)
        .read_to_end(&mut bytes)?;
    if u64::try_from(read).map_or(true, |length| length > PERSONA_MAX) {
        let rule = format!("it has more than {PERSONA_MAX} bytes, which no persona has");
        return Err(io::Error::new(io::ErrorKind::InvalidData, rule));
    }
    String::from_utf8(bytes)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Names in a row, for messages.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Who {
    /// The options that make the same choice again, as on the command line.
    pub(crate) fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        if self.persona.as_os_str() != DEFAULT {
            options.extend(["--persona".into(), self.persona.clone().into()]);
        }
        if let Some(id) = &self.family {
            options.extend(["--family".into(), id.into()]);
        }
        if let Some(state) = self.state {
            options.extend(["--state".into(), state.name().into()]);
        }
        if self.fresh_keys {
            options.push("--fresh-keys".into());
        }
        options
    }
}

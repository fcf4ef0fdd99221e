// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie personas`: the holders a card can have without a file of one's own.

use crate::error::CliError;
use crate::out;
use cie_personalisation::{Persona, Sex};
use serde_json::{Value, json};

pub(crate) const HELP: &str = "\
A persona file of your own starts as a copy of a shipped one; docs/personas.md has
the rules, docs/persona.schema.json the same for editors.

Examples:
  cie personas
  cie personas --json | jq -r '.[].id'
  cie run --persona accents -- ./tests

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

/// Prints the list.
pub(crate) fn list(json: bool) -> Result<(), CliError> {
    let personas = Persona::shipped()
        .iter()
        .map(|(_, text)| Persona::from_toml(text))
        .collect::<Result<Vec<_>, _>>()?;
    if json {
        let objects = Value::from_iter(personas.iter().map(object));
        return out::lines([format!("{objects:#}")]);
    }
    out::lines(personas.iter().flat_map(|persona| {
        let (_, until) = persona.valid_years();
        let (code, family) = (persona.fiscal_code(), persona.family().id);
        [
            format!("{:<9} {}", persona.id(), persona.description()),
            format!("{:<9} {} {}", "", persona.given_names(), persona.surname()),
            format!(
                "{:<9} {code}, family {family}, certificate until {until}",
                ""
            ),
        ]
    }))
}

fn object(persona: &Persona) -> Value {
    let birth = persona.birth_date();
    let (from, until) = persona.valid_years();
    let sex = match persona.sex() {
        Sex::Female => "F",
        Sex::Male => "M",
    };
    json!({
        "id": persona.id(),
        "description": persona.description(),
        "given_names": persona.given_names(),
        "surname": persona.surname(),
        "mrz_name": persona.mrz_name(),
        "sex": sex,
        "birth_date": format!("{:04}-{:02}-{:02}", birth.year, birth.month, birth.day),
        "fiscal_code": persona.fiscal_code(),
        "family": persona.family().id,
        "state": persona.state().name(),
        "valid_from_year": from,
        "valid_until_year": until,
    })
}

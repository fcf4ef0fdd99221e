// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie pki`: what the test authorities would publish, in a folder.

use crate::error::CliError;
use crate::out;
use crate::who::holder;
use cie_personalisation::{IssuedCard, Persona, State, personalise, publish};
use std::path::{Path, PathBuf};

pub(crate) const HELP: &str = "\
Certificates come as DER and PEM, lists as DER and PEM, OCSP responses as DER. A
card of `cie run` with the same seed, persona and state has the certificate in
citizens/; only cards in state cert-revoked are on the list. All keys are test
keys, published and worthless. Dates are fixed, the same on every day.

Examples:
  cie pki ca
  cie pki ca --seed 7 --persona adult --persona mine.toml
  openssl crl -inform DER -in ca/sub-ca.crl -CAfile ca/ca.pem -noout -text
  openssl ocsp -respin ca/citizens/adult-cert-revoked.ocsp.der -CAfile ca/ca.pem \\
    -issuer ca/sub-ca.cert.pem -cert ca/citizens/adult-cert-revoked.cert.pem

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

/// The states with a certificate of their own; all others share the first.
const STATES: [State; 3] = [State::Fresh, State::CertExpired, State::CertRevoked];

/// Writes the folder.
pub(crate) fn write(folder: &Path, seed: u64, personas: &[PathBuf]) -> Result<(), CliError> {
    let personas = if personas.is_empty() {
        let shipped = Persona::shipped().iter();
        shipped
            .map(|(_, text)| Persona::from_toml(text))
            .collect::<Result<Vec<_>, _>>()?
    } else {
        personas
            .iter()
            .map(|path| holder(path))
            .collect::<Result<_, _>>()?
    };
    let mut cards: Vec<(String, IssuedCard)> = Vec::new();
    for persona in &personas {
        for state in STATES {
            // A holder too young for an expired certificate has none.
            let Ok(persona) = persona.clone().with_state(state) else {
                continue;
            };
            let name = format!("{}-{}", persona.id(), state.name());
            if cards.iter().any(|(other, _)| *other == name) {
                return Err(CliError::SameId(persona.id().to_owned()));
            }
            cards.push((name, personalise(&persona, seed)?));
        }
    }
    let cards: Vec<(String, &IssuedCard)> = cards
        .iter()
        .map(|(name, card)| (name.clone(), card))
        .collect();
    let files = publish(&cards)?;

    std::fs::create_dir_all(folder).map_err(CliError::io("make the folder", folder))?;
    let mut present = std::fs::read_dir(folder).map_err(CliError::io("read", folder))?;
    if present.next().is_some() {
        return Err(CliError::NotEmpty(folder.to_owned()));
    }
    for file in &files {
        let path = folder.join(&file.path);
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(CliError::io("make the folder", parent))?;
        std::fs::write(&path, &file.content).map_err(CliError::io("write", &path))?;
    }
    out::lines([format!(
        "{} files in {}; README.txt tells what they are.",
        files.len(),
        folder.display()
    )])
}

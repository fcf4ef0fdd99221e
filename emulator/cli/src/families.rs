// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie families`: the chip families and what each of their behaviours rests on.

use crate::error::CliError;
use crate::out;
use cie_personalisation::{Class, Family, SodForm, classes};
use serde_json::{Value, json};

pub(crate) const HELP: &str = "\
Families of one class differ only in their ATR and the maker's numbers in EF.ATR.
Each behaviour is followed by its ground: R seen on a real card, C what a public
client does, I inferred, or choice: nothing tells, and this project decided.

Examples:
  cie families
  cie families --json | jq -r '.[] | select(.class == \"E\") | .id'
  cie run --family stm -- pcsc_scan -r

Exit codes: 0 done, 2 wrong arguments, 125 anything else.";

/// Prints the list.
pub(crate) fn list(json: bool) -> Result<(), CliError> {
    let classes = classes();
    if json {
        let objects = rows(&classes).map(|(class, family)| object(class, family));
        return out::lines([format!("{:#}", Value::from_iter(objects))]);
    }
    let mut lines = vec![format!(
        "{:<13} {:<5} {:<10} {:<11} {:<12} {:<15} ATR",
        "family", "class", "root", "lengths", "EF.ATR", "SOD"
    )];
    lines.extend(rows(&classes).map(|(class, family)| line(class, family)));
    lines.push(format!(
        "\n{} families in {} classes. Grounds: R real card, C client, I inferred, * choice.",
        rows(&classes).count(),
        classes.len()
    ));
    out::lines(lines)
}

fn line(class: &Class, family: &Family) -> String {
    let ground = &family.evidence;
    let with = |what: &str, ground: &'static str| format!("{what} {}", mark(ground));
    format!(
        "{:<13} {:<5} {:<10} {:<11} {:<12} {:<15} {} {}",
        family.id,
        class.id,
        with(root(family), ground.root_by_aid.tag()),
        with(lengths(family), ground.extended_length.tag()),
        with(family.ef_atr.marker().name(), ground.ef_atr.tag()),
        with(sod(family), ground.sod.tag()),
        hex::encode_upper(family.atr),
        ground.atr.tag(),
    )
}

fn rows(classes: &[Class]) -> impl Iterator<Item = (&Class, &'static Family)> {
    let rows = |class: &'_ Class| class.families.clone();
    classes
        .iter()
        .flat_map(move |class| rows(class).into_iter().map(move |family| (class, family)))
}

/// Short enough for a table.
fn mark(tag: &'static str) -> &'static str {
    match tag {
        "choice" => "*",
        tag => tag,
    }
}

fn root(family: &Family) -> &'static str {
    if family.root_by_aid { "AID" } else { "MF only" }
}

fn lengths(family: &Family) -> &'static str {
    if family.extended_length() {
        "extended"
    } else {
        "short"
    }
}

fn sod(family: &Family) -> &'static str {
    match family.sod {
        SodForm::Sha256Rsa => "SHA-256",
        SodForm::Sha256Sha1Rsa => "SHA-256/SHA-1",
        SodForm::Sha512Pss => "SHA-512/PSS",
    }
}

fn object(class: &Class, family: &Family) -> Value {
    let ground = &family.evidence;
    json!({
        "id": family.id,
        "name": family.name,
        "atr": hex::encode_upper(family.atr),
        "class": class.id.to_string(),
        "root_by_aid": family.root_by_aid,
        "extended_length": family.extended_length(),
        "sod": sod(family),
        "ef_atr": hex::encode_upper(family.ef_atr.content()),
        "ef_atr_marker": family.ef_atr.marker().name(),
        "evidence": {
            "atr": ground.atr.tag(),
            "root_by_aid": ground.root_by_aid.tag(),
            "extended_length": ground.extended_length.tag(),
            "sod": ground.sod.tag(),
            "ef_atr": ground.ef_atr.tag(),
        },
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The schema in the documentation, held against the shipped files and
//! against what the program reads.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // helpers of tests

mod common;

use cie_personalisation::{CARD_KEYS, FAMILIES, FRESH_KEYS, Persona, State};
use common::{ADULT, adult_with};
use regex::Regex;
use serde_json::{Map, Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/persona.schema.json")).unwrap()
}

/// The keywords that the schema uses; any other is a fault of the test.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    for (keyword, rule) in schema.as_object().unwrap() {
        let text = || value.as_str().unwrap_or_default();
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" if rule == "object" => value.is_object(),
            "type" => rule == "string" && value.is_string(),
            "enum" => rule.as_array().unwrap().contains(value),
            "pattern" => Regex::new(rule.as_str().unwrap()).unwrap().is_match(text()),
            "maxLength" => text().chars().count() as u64 <= rule.as_u64().unwrap(),
            "required" => {
                let names = rule.as_array().unwrap().iter();
                names
                    .into_iter()
                    .all(|n| value.get(n.as_str().unwrap()).is_some())
            }
            "additionalProperties" => {
                assert_eq!(rule, false);
                let known = schema["properties"].as_object().unwrap();
                value
                    .as_object()
                    .unwrap()
                    .keys()
                    .all(|k| known.contains_key(k))
            }
            "properties" => {
                for (name, part) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        check(part, value, &format!("{at}.{name}"))?;
                    }
                }
                true
            }
            other => panic!("{at}: keyword {other} is not implemented here"),
        };
        if !holds {
            return Err(format!("{at}: {keyword} {rule} does not hold for {value}"));
        }
    }
    Ok(())
}

fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::Table(table) => {
            let pairs = table
                .into_iter()
                .map(|(name, value)| (name, to_json(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::String(text) => Value::String(text),
        other => panic!("no persona has {other}"),
    }
}

fn fits(text: &str) -> Result<(), String> {
    check(
        &schema(),
        &to_json(toml::from_str(text).unwrap()),
        "persona",
    )
}

#[test]
fn the_shipped_personas_fit_the_schema() {
    for (name, text) in Persona::shipped() {
        assert_eq!(fits(text), Ok(()), "{name}");
    }
}

/// Every choice of the schema is one of the program, in the same order.
#[test]
fn the_lists_in_the_schema_are_those_of_the_program() {
    let card = &schema()["properties"]["card"]["properties"];
    let families: Vec<_> = FAMILIES.iter().map(|family| family.id).collect();
    assert_eq!(card["family"]["enum"], json!(families));
    assert_eq!(card["state"]["enum"], json!(State::ALL.map(State::name)));
    let keys = CARD_KEYS.iter().map(|set| set.id);
    let keys: Vec<_> = keys.chain([FRESH_KEYS]).collect();
    assert_eq!(card["keys"]["enum"], json!(keys));
}

/// A full persona, with every field there is.
fn full() -> toml::Table {
    let more =
        "nis = \"999000000001\"\nserial = \"CZ00000AA\"\npin = \"12345679\"\npuk = \"12345670\"";
    toml::from_str(&adult_with(
        "keys = \"a\"",
        &format!("keys = \"a\"\n{more}"),
    ))
    .unwrap()
}

/// Paths of all fields that the schema has, and whether each is required.
fn fields(schema: &Value, at: &[String], found: &mut Vec<(Vec<String>, bool)>) {
    let Some(properties) = schema.get("properties") else {
        return;
    };
    for (name, part) in properties.as_object().unwrap() {
        let path = [at, std::slice::from_ref(name)].concat();
        let required = schema["required"]
            .as_array()
            .unwrap()
            .contains(&json!(name));
        found.push((path.clone(), required));
        fields(part, &path, found);
    }
}

/// What the schema requires the program misses, and nothing else; what the
/// program knows the schema has, and nothing else.
#[test]
fn the_schema_fits_the_program() {
    assert_eq!(fits(&full().to_string()), Ok(()));
    Persona::from_toml(&full().to_string()).unwrap();
    let mut all = Vec::new();
    fields(&schema(), &[], &mut all);
    assert_eq!(all.len(), 23);
    for (path, required) in all {
        let (last, above) = path.split_last().unwrap();
        let mut persona = full();
        let mut table = &mut persona;
        for name in above {
            table = table[name].as_table_mut().unwrap();
        }
        assert!(
            table.remove(last).is_some(),
            "{path:?} is not in the full persona"
        );
        let text = persona.to_string();
        let read = Persona::from_toml(&text);
        assert_eq!(read.is_err(), required, "{path:?}: {read:?}");
        assert_eq!(fits(&text).is_err(), required, "{path:?}");
    }
    for table in [
        "",
        "[holder]\n",
        "[holder.residence]\n",
        "[card]\n",
        "[certificate]\n",
    ] {
        let text = match table {
            "" => format!("colour = \"red\"\n{ADULT}"),
            _ => adult_with(table.trim_end(), &format!("{table}colour = \"red\"\n#")),
        };
        assert!(fits(&text).unwrap_err().contains("additionalProperties"));
        let error = Persona::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains("unknown field `colour`"), "{error}");
    }
}

/// Rules about a single field that both have.
#[test]
fn schema_and_program_refuse_the_same() {
    for (from, to) in [
        ("\"adult\"", "\"A b\""),
        ("MARIA BIANCA", "Maria"),
        ("MARIA BIANCA", ""),
        ("TEST ESEMPIO", "ROSSI"),
        ("TEST ESEMPIO", "TESTA"),
        ("TEST ESEMPIO", "TEST ÞØ"),
        ("1985-12-10", "1885-12-10"),
        ("T50Z999J", "T50H501F"),
        ("\"gemalto\"", "\"acme\""),
        ("\"fresh\"", "\"lost\""),
        ("\"TEST COMUNE\"", "\"ROMA\""),
        ("\"ZZ\"", "\"RM\""),
        ("VIA DEGLI", "via degli"),
        ("2025-06-01", "2015-12-31"),
        ("2059-12-10", "2066-01-01"),
    ] {
        let text = adult_with(from, to);
        assert!(
            Persona::from_toml(&text).is_err() && fits(&text).is_err(),
            "{to}"
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie readers`: the reader profiles and what each of their facts rests on.

use crate::error::CliError;
use crate::out;
use cie_reader::models::{
    Cie, Detection, Exchange, Fact, ListedSlot, MODELS, ReaderModel, Slot, Vacant, lay_out,
};
use cie_reader::protocol::codes::protocol;
use serde_json::{Map, Value, json};

pub(crate) const HELP: &str = "\
A star marks the slot that holds the card. Facts are followed by their ground: R seen
in a public log, C from the driver's sources or the maker's manual, I inferred, or
choice: nothing tells, and this project decided. With --json also where each was found.

Examples:
  cie readers
  cie readers --json | jq -r '.[] | select(.reads_cie) | .id'
  cie run --reader-profile acr1252u -- pcsc_scan -r
  cie run --reader-profile minilector-evo --reader-profile acr122u -- ./tests";

/// Prints the list.
pub(crate) fn list(json: bool) -> Result<(), CliError> {
    if json {
        let objects: Vec<_> = MODELS.iter().map(object).collect();
        return out::lines([format!("{:#}", Value::from(objects))]);
    }
    let mut lines = vec![format!(
        "{:<19} {:<21} {:<29} {:<18} {:<8} READER",
        "PROFILE", "SLOTS", "READS A CIE", "ATR", "NOTICES"
    )];
    for model in MODELS {
        let of = &model.evidence;
        lines.push(format!(
            "{:<19} {:<21} {:<29} {:<18} {:<8} {} {}",
            model.id,
            with(&slots(model), of.slots),
            with(model.cie.words(), of.cie),
            with(model.atr.words(), of.atr),
            with(&noticed(model), of.detection),
            model.name,
            mark(of.name),
        ));
    }
    lines.push(format!("\n{} profiles.", MODELS.len()));
    out::lines(lines)
}

fn with(what: &str, fact: Fact) -> String {
    format!("{what} {}", mark(fact))
}

/// Short enough for a table.
fn mark(fact: Fact) -> &'static str {
    match fact.ground.tag() {
        "choice" => "*",
        tag => tag,
    }
}

/// The slots in order, with a star at the one that holds the card.
fn slots(model: &'static ReaderModel) -> String {
    let listed = lay_out(&[model]);
    let card = listed.iter().position(ListedSlot::takes_card);
    let name = |(number, slot): (usize, &Slot)| {
        let star = if Some(number) == card { "*" } else { "" };
        format!("{}{star}", slot.interface.tag())
    };
    let names: Vec<_> = model.slots.iter().enumerate().map(name).collect();
    names.join("+")
}

/// The longest time until a card is noticed.
fn noticed(model: &ReaderModel) -> String {
    let antenna = model
        .slots
        .iter()
        .find(|slot| slot.interface.tag() == "PICC");
    antenna
        .or(model.slots.first())
        .map_or(String::new(), |slot| {
            format!("{} ms", slot.detection.delay().as_millis())
        })
}

fn object(model: &'static ReaderModel) -> Value {
    let listed = lay_out(&[model]);
    let card = listed.iter().position(ListedSlot::takes_card);
    let slots: Vec<_> = listed
        .iter()
        .enumerate()
        .map(|(number, slot)| slot_object(slot, Some(number) == card))
        .collect();
    let facts = model.evidence.facts().map(|(name, fact)| {
        let value = json!({ "ground": fact.ground.tag(), "source": fact.source });
        (name.to_owned(), value)
    });
    let elsewhere: Vec<_> = model
        .elsewhere
        .iter()
        .map(|other| {
            json!({
                "system": other.system.name(),
                "names": other.names,
                "ground": other.fact.ground.tag(),
                "source": other.fact.source,
            })
        })
        .collect();
    json!({
        "id": model.id,
        "name": model.name,
        "reads_cie": model.cie == Cie::Reads,
        "cie": model.cie.words(),
        "atr": model.atr.words(),
        "slots": slots,
        "interfaces": self::slots(model),
        "noticed_ms": noticed(model).trim_end_matches(" ms").parse::<u64>().ok(),
        "vendor": model.vendor,
        "version": format!("{:X}.{:02X}", model.version >> 8, model.version & 0xFF),
        "usb": model.usb.map(|(vendor, product)| format!("{vendor:04X}:{product:04X}")),
        "serial": model.serial,
        "elsewhere": elsewhere,
        "evidence": Map::from_iter(facts),
    })
}

fn slot_object(slot: &ListedSlot, holds_card: bool) -> Value {
    let row = slot.slot;
    let protocols: Vec<_> = [(protocol::T0, "T=0"), (protocol::T1, "T=1")]
        .into_iter()
        .filter(|(bit, _)| row.protocols & bit != 0)
        .map(|(_, name)| name)
        .collect();
    json!({
        "name": slot.name,
        "interface": row.interface.tag(),
        "holds_card": holds_card,
        "protocols": protocols,
        "exchange": match row.exchange {
            Exchange::Tpdu => "TPDU",
            Exchange::ShortApdu => "short APDU",
            Exchange::ExtendedApdu => "extended APDU",
            Exchange::Network => "network",
        },
        "max_input": row.max_input(),
        "longest_apdu": row.longest(),
        "noticed": match row.detection {
            Detection::Interrupt | Detection::Field(_) => "interrupt",
            Detection::Polled => "polled",
        },
        "vacant": match row.vacant {
            Vacant::Empty => "empty",
            Vacant::Mute => "mute card",
        },
    })
}

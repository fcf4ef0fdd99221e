// SPDX-License-Identifier: MIT OR Apache-2.0
//! A survey of a card: what it is and does, as far as reading and harmless
//! errors tell, so that choices of this project become facts.
//!
//! It sends no PIN command, not even the empty one, and nothing that writes:
//! the card is behind the guard of [`Single::protected`] with nothing allowed,
//! and only cases that cost nothing are run. Of what it read it writes down
//! what belongs to the kind of card. Before the [`Facts`] leave this module
//! they are searched for everything that the card says about its holder and
//! itself.

mod facts;

pub use facts::{Answer, Card, Choices, Domain, FORMAT, Facts, File, Keys, Sod};

use crate::card::{One, judge, withhold::Secrets};
use crate::catalogue::{Case, card_cases};
use crate::edges::{Ground, Link, Row, Single, Start, units};
use crate::ics::Ics;
use crate::report::CaseResult;
use crate::verdict::Verdict;
use cie_terminal::sod::Sod as SecurityObject;
use iso7816_wire::tlv;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use thiserror::Error;

/// How often a command is timed; the median counts.
const TIMED: usize = 5;
/// The files that are known, and some that are not, by directory.
const OF_THE_ROOT: [u16; 5] = [0x2F00, 0x2F01, 0xD003, 0xD004, 0x2F02];
const OF_CIE: [u16; 8] = [
    0x1000, 0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007,
];
/// Commands whose time is taken.
const CLOCKED: [(&str, &str); 5] = [
    ("select", "CIE"),
    ("read_12_bytes", "NIS"),
    ("challenge", "CHALLENGE"),
    ("counter", "PIN-LEFT"),
    ("key_agreement", "SHARE"),
];

/// Why there are no facts.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// The card is not protected.
    #[error("a survey is made of a protected card only")]
    NotProtected,
    /// The card has no answer to reset.
    #[error("the card does not answer a reset")]
    Mute,
    /// Something of the holder is among the facts: a defect.
    #[error("the facts hold a byte of the card's own data and are thrown away; please report it")]
    Personal,
    /// They cannot be written as TOML.
    #[error("the facts cannot be written: {0}")]
    Toml(#[from] toml::ser::Error),
}

/// Looks at a card that is protected.
///
/// # Errors
/// [`SurveyError`].
pub fn survey<D: Link>(mut card: Single<D>, ics: &Ics) -> Result<Facts, SurveyError> {
    if !card.is_protected() {
        return Err(SurveyError::NotProtected);
    }
    let papers = card.papers().clone();
    if papers.atr.is_empty() {
        return Err(SurveyError::Mute);
    }
    let secrets = Secrets::of(&card);
    let shown = |name: &str| hex::encode_upper(card.value(name).unwrap_or_default());
    let mut facts = Facts {
        format: FORMAT,
        bench: env!("CARGO_PKG_VERSION").to_owned(),
        card: Card {
            atr: hex::encode_upper(&papers.atr),
            family: papers.family.clone(),
            ef_atr: shown("EF2F01"),
            ef_dir: shown("EF2F00"),
            root_by_aid: None,
        },
        domain: domain(&card),
        sod: sod(&card),
        keys: Keys {
            device_bits: bits(card.value("N82")),
            services_bits: bits(card.value("N83")),
            authority_bits: bits(card.value("N84")),
        },
        ..Facts::default()
    };
    facts.card.root_by_aid = ask(
        &mut card,
        Start::On,
        &["00A4040C(A0000000308000000009816001)"],
    )
    .map(|answers| answers.first().is_some_and(|(_, sw)| sw == "9000"));
    for (start, directory, ids) in [
        (Start::Root, "MF", &OF_THE_ROOT[..]),
        (Start::Cie, "CIE", &OF_CIE[..]),
    ] {
        for id in ids {
            facts.files.extend(file(&mut card, start, directory, *id));
        }
    }
    facts.times = times(&mut card);
    let mut subject = One::of(card);
    run(&mut subject, ics, &mut facts);
    if secrets.occurs_in(&facts.to_toml()?) {
        return Err(SurveyError::Personal);
    }
    Ok(facts)
}

/// Data and status word of each command, from a state.
fn ask<D: Link>(
    card: &mut Single<D>,
    start: Start,
    actions: &[&str],
) -> Option<Vec<(Vec<u8>, String)>> {
    let actions: Vec<_> = actions.iter().map(|&action| action.to_owned()).collect();
    let mut answers = Vec::new();
    let played = card.stream(start, &actions, |_, seen| {
        if let crate::edges::expect::Seen::Answer { data, sw, .. } = seen {
            answers.push((data.clone(), word(&sw.to_bytes())));
        } else {
            answers.push((Vec::new(), "none".to_owned()));
        }
    });
    played.1.is_none().then_some(answers)
}

fn word(sw: &[u8; 2]) -> String {
    hex::encode_upper(sw)
}

/// One file: its description, whether it can be read, how long it is. Of what
/// is in it nothing.
fn file<D: Link>(card: &mut Single<D>, start: Start, directory: &str, id: u16) -> Option<File> {
    let select = format!("00A40204({id:04X})00");
    let answers = ask(card, start, &[&select, "00B0000001"])?;
    let (fcp, selected) = answers.first()?;
    let (_, read) = answers.get(1)?;
    let name = format!("EF{id:04X}");
    let content = card.value(&name).map(<[u8]>::len);
    Some(File {
        directory: directory.to_owned(),
        id: format!("{id:04X}"),
        select: selected.clone(),
        fcp: hex::encode_upper(fcp),
        read: read.clone(),
        // Of a file that cannot be read the description may tell.
        size: content.or_else(|| declared(fcp)),
    })
}

/// Tag 80 or 81 of a description.
fn declared(fcp: &[u8]) -> Option<usize> {
    let size = |tag| tlv::path(fcp, &[0x62, tag]).ok();
    let bytes = size(0x80).or_else(|| size(0x81))?;
    let number = bytes.iter().try_fold(0_usize, |number, byte| {
        number.checked_mul(256)?.checked_add(usize::from(*byte))
    });
    number.filter(|_| !bytes.is_empty())
}

fn domain<D: Link>(card: &Single<D>) -> Option<Domain> {
    let hash = |name: &str| Some(hex::encode_upper(Sha256::digest(card.value(name)?)));
    Some(Domain {
        bits: bits(card.value("p"))?,
        p_sha256: hash("p")?,
        g_sha256: hash("g")?,
        q_sha256: hash("q")?,
    })
}

fn sod<D: Link>(card: &Single<D>) -> Option<Sod> {
    let object = SecurityObject::parse(card.value("EF1006")?).ok()?;
    Some(Sod {
        form: format!("{:?}", object.form),
        hash: format!("{:?}", object.hash),
        groups: object
            .hashes
            .iter()
            .map(|(group, _)| group.number())
            .collect(),
    })
}

fn bits(modulus: Option<&[u8]>) -> Option<usize> {
    let bytes = modulus?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes.len().saturating_sub(zeros) * 8)
}

fn times<D: Link>(card: &mut Single<D>) -> BTreeMap<String, u64> {
    let mut medians = BTreeMap::new();
    for (name, command) in CLOCKED {
        let mut taken = Vec::new();
        let actions = vec![command.to_owned(); TIMED];
        let mut begun = None::<Instant>;
        // The time between two answers; the first one waits for the state.
        let played = card.stream(Start::Cie, &actions, |_, _| {
            if let Some(begun) = begun {
                taken.push(begun.elapsed().as_micros());
            }
            begun = Some(Instant::now());
        });
        taken.sort_unstable();
        if let (None, Some(median)) = (played.1, taken.get(taken.len() / 2)) {
            medians.insert(name.to_owned(), u64::try_from(*median).unwrap_or(u64::MAX));
        }
    }
    medians
}

/// True if a case may be run on any card: it costs nothing, needs no code, every
/// certificate in it is a good one, and it has no proof of device authentication:
/// a card may count those.
#[must_use]
pub fn is_harmless(case: &Case, row: &Row) -> bool {
    let forged = |step: &crate::catalogue::Step| {
        let action = step.action.as_str();
        // As a case shows it: `2 × certificate good`.
        let action = action.split_once(" × ").map_or(action, |(_, once)| once);
        let kind = action.strip_prefix("certificate ");
        kind.is_some_and(|kind| kind != "good") || proves(action)
    };
    case.cost.is_nothing()
        && !case.needs.pin
        && !case.needs.puk
        && !asks_for_codes(row.script)
        && !case.steps.iter().any(forged)
}

/// EXTERNAL or INTERNAL AUTHENTICATE, by name or by its bytes.
fn proves(action: &str) -> bool {
    let bytes = action.split_whitespace().any(|word| {
        let instruction = word.get(2..4);
        word.len() >= 8 && matches!(instruction, Some("82" | "88")) && word.starts_with(['0', '1'])
    });
    bytes || action.contains("proof ") || action.contains("card proof")
}

/// A PIN command, though it be an empty one.
fn asks_for_codes(script: &str) -> bool {
    let named = ["PIN?", "PUK?", "VERIFY-P", "WRONG-P", "RETRY", "NEW-PIN"];
    let instructions = ["0020", "0024", "002C", "1020", "1024", "102C"];
    named.iter().any(|name| script.contains(name))
        || script
            .split(';')
            .flat_map(str::split_whitespace)
            .any(|word| instructions.iter().any(|start| word.starts_with(start)))
}

fn run<D: Link>(subject: &mut One<D>, ics: &Ics, facts: &mut Facts) {
    let cases: BTreeMap<_, _> = card_cases()
        .into_iter()
        .map(|case| (case.id.clone(), case))
        .collect();
    let mut agree = BTreeMap::<String, BTreeSet<bool>>::new();
    for unit in units() {
        for row in unit.rows {
            let rule = rule(row.ground);
            if let Some(rule) = &rule {
                agree.entry(rule.clone()).or_default();
            }
            let case = cases.get(&unit.id(row));
            // Also the way to a start may prove something.
            let free = |case: &&Case| is_harmless(case, row) && row.start < Start::Device;
            let Some(case) = case.filter(free) else {
                continue;
            };
            let result = judge(subject, case, ics);
            let agrees = match result.verdict {
                Verdict::Pass => true,
                Verdict::Fail | Verdict::Differs => false,
                _ => continue,
            };
            if let Some(rule) = &rule {
                agree.entry(rule.clone()).or_default().insert(agrees);
            }
            facts.answers.push(answer(&result, row, agrees));
        }
    }
    for (rule, found) in agree {
        let list = match (found.contains(&true), found.contains(&false)) {
            (_, true) => &mut facts.choices.contradicted,
            (true, false) => &mut facts.choices.confirmed,
            (false, false) => &mut facts.choices.open,
        };
        list.push(rule);
    }
}

/// The choice that a row stands for, by its number or name.
fn rule(ground: Ground) -> Option<String> {
    match ground {
        Ground::Choice(number) => Some(number.to_string()),
        Ground::Unnamed(name) => Some(name.to_owned()),
        Ground::Fact(_) | Ground::Standard(_) => None,
    }
}

fn answer(result: &CaseResult, row: &Row, agrees: bool) -> Answer {
    let end = |text: &str| {
        let at = text.len().saturating_sub(4);
        text.get(at..).unwrap_or_default().to_owned()
    };
    let words = result.evidence.iter().map(|exchange| {
        if exchange.plain_response.is_empty() {
            end(&exchange.response)
        } else {
            format!("sm {}", end(&exchange.plain_response))
        }
    });
    Answer {
        case: format!("{}@{}", result.id, result.version),
        ground: row.ground.to_string(),
        agrees,
        words: words.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_seen_in_scripts() {
        for script in [
            "sm PIN? = 63C3",
            "0020008100 = 6982",
            "CIE = 9000; sm 002C0381 = 6982",
        ] {
            assert!(asks_for_codes(script), "{script}");
        }
        assert!(!asks_for_codes("00A4020C(1001) = 9000; NIS = {NIS} 9000"));
    }

    #[test]
    fn enough_cases_are_harmless() {
        let cases = card_cases();
        let rows = units().iter().flat_map(|unit| unit.rows);
        let harmless = cases
            .iter()
            .zip(rows)
            .filter(|(case, row)| is_harmless(case, row));
        assert!(harmless.count() > 400);
    }

    #[test]
    fn a_forgery_is_one_however_often_it_is_sent() {
        let row = units()[0].rows[0];
        let mut case = card_cases().swap_remove(0);
        assert!(is_harmless(&case, &row));
        for (action, harmless) in [
            ("2 × certificate good", true),
            ("certificate signature bit", false),
            ("2 × certificate signature bit", false),
            ("3 × proof serial bit", false),
        ] {
            let action = action.to_owned();
            case.steps[0].action = action.clone();
            assert_eq!(is_harmless(&case, &row), harmless, "{action}");
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the traffic of two modules first differs in what it means.
//!
//! Inside secure messaging only the plain commands and answers count: what is
//! around them follows from random numbers. What is random in plain sight (a
//! challenge, a key for the key agreement) is found by looking: an exchange
//! whose bytes are others in two runs of one module is compared by header and
//! status word only.

use crate::report::Exchange;
use serde::Serialize;
use std::collections::BTreeSet;

/// Hexadecimal digits of the header of a command.
const HEADER: usize = 8;
/// Hexadecimal digits of a status word.
const STATUS: usize = 4;

/// What two modules did last and first did differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The exchange of the better module; `None`: it had no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<Exchange>,
    /// The exchange of the worse module; `None`: it had no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad: Option<Exchange>,
    /// The traffic of one of them is not the same in every run already
    /// before; the difference may be of that kind.
    pub by_chance: bool,
}

/// What was found in the traffic of two modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The first exchange that means something else, if one does.
    pub difference: Option<Difference>,
    /// What the module was asked until then, and what it answered; the last
    /// line is the call in which the difference is.
    pub calls: Vec<String>,
}

/// Compares all runs of a case on one module with those on another.
#[must_use]
pub fn compare(good: &[Vec<Exchange>], bad: &[Vec<Exchange>]) -> Compared {
    let (good, bad): (Vec<_>, Vec<_>) = (
        good.iter().map(|run| without_polling(run)).collect(),
        bad.iter().map(|run| without_polling(run)).collect(),
    );
    let random: BTreeSet<_> = random(&good).union(&random(&bad)).copied().collect();
    let steady = steady(&good, &random).min(steady(&bad, &random));
    let pairs = good.iter().flat_map(|g| bad.iter().map(move |b| (g, b)));
    // The two runs that stay together longest: what parts them parts all.
    let longest = pairs
        .map(|(g, b)| (parting(g, b, &random), g, b))
        .max_by_key(|(at, ..)| at.unwrap_or(usize::MAX));
    let Some((at, good, bad)) = longest else {
        return Compared {
            difference: None,
            calls: Vec::new(),
        };
    };
    let difference = at.map(|at| Difference {
        good: good.get(at).map(|e| (*e).clone()),
        bad: bad.get(at).map(|e| (*e).clone()),
        by_chance: steady <= at,
    });
    let end = at.map_or(bad.len(), |at| {
        let call = bad.iter().skip(at).position(|e| is_call(e));
        call.map_or(bad.len(), |call| at + call + 1)
    });
    let calls = bad.iter().take(end).filter(|e| is_call(e));
    Compared {
        difference,
        calls: calls
            .map(|e| format!("{} → {}", e.command, e.response))
            .collect(),
    }
}

type Run<'a> = Vec<&'a Exchange>;

/// A command to a card, and no call or event.
fn is_command(exchange: &Exchange) -> bool {
    let command = &exchange.command;
    command.len() >= HEADER && command.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// A call of the module: it has an answer.
fn is_call(exchange: &Exchange) -> bool {
    !is_command(exchange) && !exchange.response.is_empty()
}

/// The bench asks some calls until the answer is another one, so how often
/// follows from the clock.
fn without_polling(run: &[Exchange]) -> Run<'_> {
    let mut kept: Run<'_> = Vec::with_capacity(run.len());
    for exchange in run {
        let again = kept
            .last()
            .is_some_and(|last| is_call(last) && meaning(last) == meaning(exchange));
        if !again {
            kept.push(exchange);
        }
    }
    kept
}

/// The plain command and answer if there are such, else what was sent.
fn meaning(exchange: &Exchange) -> (&str, &str) {
    match exchange.plain_command.as_str() {
        "" => (&exchange.command, &exchange.response),
        plain => (plain, &exchange.plain_response),
    }
}

/// What is left of it if its data are random.
fn outline(exchange: &Exchange) -> (&str, &str) {
    let (command, response) = meaning(exchange);
    if !is_command(exchange) {
        return (command, response);
    }
    let status = response.len().saturating_sub(STATUS);
    (
        command.get(..HEADER).unwrap_or(command),
        response.get(status..).unwrap_or(response),
    )
}

/// The places where the runs of one module have other bytes in the same
/// exchange, as far as the runs go together.
fn random(runs: &[Run<'_>]) -> BTreeSet<usize> {
    let mut places = BTreeSet::new();
    let Some((first, others)) = runs.split_first() else {
        return places;
    };
    for other in others {
        for (at, (one, other)) in first.iter().zip(other).enumerate() {
            if outline(one) != outline(other) {
                break;
            }
            if meaning(one) != meaning(other) {
                places.insert(at);
            }
        }
    }
    places
}

/// How far the runs of one module go together.
fn steady(runs: &[Run<'_>], random: &BTreeSet<usize>) -> usize {
    let Some((first, others)) = runs.split_first() else {
        return usize::MAX;
    };
    let partings = others.iter().filter_map(|run| parting(first, run, random));
    partings.min().unwrap_or(usize::MAX)
}

/// The first place where two runs mean something else.
fn parting(one: &Run<'_>, other: &Run<'_>, random: &BTreeSet<usize>) -> Option<usize> {
    (0..one.len().max(other.len())).find(|at| match (one.get(*at), other.get(*at)) {
        (Some(one), Some(other)) if random.contains(at) => outline(one) != outline(other),
        (Some(one), Some(other)) => meaning(one) != meaning(other),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(command: &str, response: &str) -> Exchange {
        Exchange {
            command: command.to_owned(),
            response: response.to_owned(),
            ..Exchange::default()
        }
    }

    fn secured(wrapped: &str, command: &str, response: &str) -> Exchange {
        Exchange {
            command: format!("0CB0000008{wrapped}"),
            response: format!("{wrapped}9000"),
            plain_command: command.to_owned(),
            plain_response: response.to_owned(),
            ..Exchange::default()
        }
    }

    /// A run whose random numbers are these.
    fn run(noise: &str, verify: &str, polls: usize) -> Vec<Exchange> {
        let mut run = vec![plain("load", "CKR_OK")];
        run.extend(vec![plain("C_GetSlotList", "0 slots"); polls]);
        run.extend([
            plain("power on", ""),
            plain("0084000008", &format!("{noise}9000")),
            plain("C_OpenSession", "CKR_OK"),
            secured(noise, verify, "9000"),
            plain("C_Login(CKU_USER)", "CKR_OK"),
        ]);
        run
    }

    #[test]
    fn random_numbers_and_polling_are_no_difference() {
        let good = [run("1111", "00200081", 1), run("2222", "00200081", 3)];
        let bad = [run("3333", "00200081", 2), run("4444", "00200081", 7)];
        let compared = compare(&good, &bad);
        assert_eq!(compared.difference, None);
        assert_eq!(compared.calls.len(), 4);
        // A single run cannot tell what is random.
        let compared = compare(&good[..1], &bad[..1]);
        let found = compared.difference.unwrap();
        assert_eq!(found.bad.unwrap().command, "0084000008");
    }

    #[test]
    fn another_plain_command_is_one_and_names_its_call() {
        let good = [run("1111", "00200081", 1), run("2222", "00200081", 1)];
        let bad = [run("3333", "00200082", 1), run("4444", "00200082", 2)];
        let compared = compare(&good, &bad);
        let found = compared.difference.unwrap();
        assert_eq!(found.good.unwrap().plain_command, "00200081");
        assert_eq!(found.bad.unwrap().plain_command, "00200082");
        assert!(!found.by_chance);
        let last = compared.calls.last().unwrap();
        assert_eq!(last, "C_Login(CKU_USER) → CKR_OK");
        // The status word and the header count even where data are random.
        let mut refused = run("5555", "00200081", 1);
        refused[3].response = "6982".to_owned();
        let compared = compare(&good, &[refused]);
        assert_eq!(compared.difference.unwrap().bad.unwrap().response, "6982");
    }

    #[test]
    fn an_end_is_a_difference_and_traffic_of_chance_is_called_so() {
        let good = [run("1111", "00200081", 1), run("2222", "00200081", 1)];
        let mut short = run("3333", "00200081", 1);
        short.truncate(4);
        let found = compare(&good, &[short.clone()]).difference.unwrap();
        assert!(found.bad.is_none() && found.good.is_some() && !found.by_chance);
        let other = run("3333", "00200085", 1);
        let found = compare(&good, &[short, other]).difference.unwrap();
        assert!(found.by_chance);
    }
}

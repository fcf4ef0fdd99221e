// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scenarios as text.
//!
//! ```text
//! == name                     begins a scenario; both readers are empty
//! # ...                       a comment
//! insert 0 [ATR]              a card into reader 0, seen by everybody when this is done
//! remove 0                    the card out again, likewise
//! card 0                      resets and commands the card saw since the last
//!                             time; not its power, which pcscd takes from a card
//!                             that nobody uses when its poll comes round
//! power 0                     the same with its power, for a card in use
//! forget 0                    what the card saw up to here is not told
//! pause                       a while, for what a server does on its own time: two polls of pcscd
//! gate 0                      the card waits at its gate (command EE); lets it pass
//! at-gate 0                   waits until the card is at its gate
//! kill a                      SIGKILL for client a
//! a call ...                  client a calls and has its answer
//! a/2& call ...               thread 2 of client a begins a call
//! a/2?                        that call has no answer yet
//! a/2!                        its answer
//! either a/2 b                waits for the first of two answers; `winner` and
//!                             `loser` are their names from now on
//! ```

use crate::Trouble;

/// One scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name, unique.
    pub name: String,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One line of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line as written.
    pub text: String,
    /// What it means.
    pub action: Action,
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A card comes.
    Insert(usize, Vec<u8>),
    /// The card goes.
    Remove(usize),
    /// What did the card see, its power left out?
    Card(usize),
    /// What did the card see?
    Power(usize),
    /// What the card saw so far does not matter.
    Forget(usize),
    /// A while.
    Pause,
    /// Lets the card pass its gate.
    Gate(usize),
    /// Waits until the card is at its gate.
    AtGate(usize),
    /// Kills a client.
    Kill(String),
    /// Somebody calls and has the answer.
    Call(Who, String),
    /// Somebody begins a call.
    Start(Who, String),
    /// No answer yet.
    Pending(Who),
    /// The answer of a call begun.
    Finish(Who),
    /// The first of two answers.
    Either(Who, Who),
}

/// A thread of a client.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who {
    /// The process.
    pub client: String,
    /// The thread in it.
    pub thread: String,
}

impl Who {
    fn parse(word: &str) -> Self {
        let (client, thread) = word.split_once('/').unwrap_or((word, "1"));
        Self {
            client: client.to_owned(),
            thread: thread.to_owned(),
        }
    }
}

/// Every scenario of this crate.
///
/// # Errors
/// [`Trouble::Script`] if one is not written as it should be.
pub fn all() -> Result<Vec<Scenario>, Trouble> {
    let files = [
        include_str!("../scenarios/contexts.txt"),
        include_str!("../scenarios/connect.txt"),
        include_str!("../scenarios/reconnect.txt"),
        include_str!("../scenarios/transactions.txt"),
        include_str!("../scenarios/events.txt"),
        include_str!("../scenarios/exchange.txt"),
        include_str!("../scenarios/reader.txt"),
        include_str!("../scenarios/races.txt"),
        include_str!("../scenarios/wire.txt"),
    ];
    let mut scenarios = Vec::new();
    for file in files {
        scenarios.extend(parse(file)?);
    }
    Ok(scenarios)
}

/// Reads a file of scenarios.
///
/// # Errors
/// [`Trouble::Script`] if it is not written as it should be.
pub fn parse(text: &str) -> Result<Vec<Scenario>, Trouble> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix("== ") {
            scenarios.push(Scenario {
                name: name.trim().to_owned(),
                steps: Vec::new(),
            });
            continue;
        }
        let wrong = |scenario: &str, problem: &str| Trouble::Script {
            scenario: scenario.to_owned(),
            line: number + 1,
            problem: format!("{problem}: {line}"),
        };
        let Some(scenario) = scenarios.last_mut() else {
            return Err(wrong("", "a step outside of a scenario"));
        };
        let action = action(line).ok_or_else(|| wrong(&scenario.name, "cannot be read"))?;
        scenario.steps.push(Step {
            text: line.to_owned(),
            action,
        });
    }
    Ok(scenarios)
}

fn action(line: &str) -> Option<Action> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let slot = |word: &str| word.parse::<usize>().ok();
    Some(match *words {
        ["insert", number] => Action::Insert(slot(number)?, crate::card::ATR.to_vec()),
        ["insert", number, atr] => Action::Insert(slot(number)?, crate::words::bytes(atr)?),
        ["remove", number] => Action::Remove(slot(number)?),
        ["card", number] => Action::Card(slot(number)?),
        ["power", number] => Action::Power(slot(number)?),
        ["forget", number] => Action::Forget(slot(number)?),
        ["pause"] => Action::Pause,
        ["gate", number] => Action::Gate(slot(number)?),
        ["at-gate", number] => Action::AtGate(slot(number)?),
        ["kill", client] => Action::Kill(client.to_owned()),
        ["either", one, two] => Action::Either(Who::parse(one), Who::parse(two)),
        [who] => match (who.strip_suffix('?'), who.strip_suffix('!')) {
            (Some(who), _) => Action::Pending(Who::parse(who)),
            (_, Some(who)) => Action::Finish(Who::parse(who)),
            _ => return None,
        },
        [who, ref rest @ ..] => match who.strip_suffix('&') {
            Some(who) => Action::Start(Who::parse(who), rest.join(" ")),
            None => Action::Call(Who::parse(who), rest.join(" ")),
        },
        [] => return None,
    })
}

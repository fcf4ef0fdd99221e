// SPDX-License-Identifier: MIT OR Apache-2.0
//! The distribution of what was sent: by instruction, protection, state and
//! status word.

use super::state::{Model, Sent};
use std::collections::BTreeMap;
use std::fmt;

/// Counts of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By instruction.
    pub instructions: BTreeMap<&'static str, u64>,
    /// By protection.
    pub protection: BTreeMap<&'static str, u64>,
    /// By the state they found.
    pub states: BTreeMap<&'static str, u64>,
    /// By status word; `0` is no answer.
    pub status: BTreeMap<u16, u64>,
    /// Commands and power events.
    pub commands: u64,
    /// Commands in secure messaging that found a device-authenticated session.
    pub authenticated: u64,
    /// Commands that were left out because the facts do not determine what
    /// follows.
    pub undetermined: u64,
    /// Sequences.
    pub cases: u64,
    /// Sequences that went through the whole handshake.
    pub handshakes: u64,
    /// Commands of the shortest sequence.
    pub shortest: u64,
}

impl Tally {
    pub(super) fn event(&mut self, event: &'static str, state: &'static str) {
        self.commands += 1;
        *self.instructions.entry(event).or_default() += 1;
        *self.states.entry(state).or_default() += 1;
        *self.protection.entry("power").or_default() += 1;
    }

    pub(super) fn command(&mut self, sent: &Sent<'_>, model: &Model, seen: u16) {
        let bytes = sent.bytes();
        let state = model.state();
        let protection = match (sent, bytes.first()) {
            (Sent::Sealed { fault: 0x9000, .. }, _) => "secure messaging",
            (Sent::Sealed { .. }, _) => "secure messaging, faulty",
            (Sent::Plain(_), Some(0x00 | 0x10)) => "plain",
            (Sent::Plain(_), _) => "plain, other class",
        };
        self.commands += 1;
        *self
            .instructions
            .entry(name(bytes.get(1).copied()))
            .or_default() += 1;
        *self.protection.entry(protection).or_default() += 1;
        *self.states.entry(state).or_default() += 1;
        // How much waits is no status of its own.
        let word = if seen >> 8 == 0x61 { 0x6100 } else { seen };
        *self.status.entry(word).or_default() += 1;
        if model.device && matches!(sent, Sent::Sealed { .. }) {
            self.authenticated += 1;
        }
    }

    /// Counts a sequence of so many commands.
    pub(super) fn case(&mut self, commands: u64) {
        self.shortest = match self.cases {
            0 => commands,
            _ => self.shortest.min(commands),
        };
        self.cases += 1;
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Self) {
        fn sum<K: Ord + Copy>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
            for (key, count) in from {
                *to.entry(*key).or_default() += count;
            }
        }
        sum(&mut self.instructions, &other.instructions);
        sum(&mut self.protection, &other.protection);
        sum(&mut self.states, &other.states);
        sum(&mut self.status, &other.status);
        self.shortest = match (self.cases, other.cases) {
            (0, _) => other.shortest,
            (_, 0) => self.shortest,
            _ => self.shortest.min(other.shortest),
        };
        self.commands += other.commands;
        self.authenticated += other.authenticated;
        self.undetermined += other.undetermined;
        self.cases += other.cases;
        self.handshakes += other.handshakes;
    }
}

fn name(ins: Option<u8>) -> &'static str {
    match ins {
        Some(0xA4) => "SELECT",
        Some(0xB0) => "READ BINARY",
        Some(0xB1) => "READ BINARY, odd",
        Some(0xC0) => "GET RESPONSE",
        Some(0xCB) => "GET DATA",
        Some(0x22) => "MANAGE SECURITY ENVIRONMENT",
        Some(0x2A) => "VERIFY CERTIFICATE",
        Some(0x84) => "GET CHALLENGE",
        Some(0x82) => "EXTERNAL AUTHENTICATE",
        Some(0x88) => "INTERNAL AUTHENTICATE",
        Some(0x20) => "VERIFY",
        Some(0x24) => "CHANGE REFERENCE DATA",
        Some(0x2C) => "RESET RETRY COUNTER",
        Some(_) => "another instruction",
        None => "no instruction",
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.commands.max(1);
        let share = |count: u64| {
            let tenths = count * 1000 / total;
            format!("{:>3}.{} %", tenths / 10, tenths % 10)
        };
        writeln!(
            f,
            "{} sequences, {} commands, at least {} each; {} handshakes from no power",
            self.cases, self.commands, self.shortest, self.handshakes
        )?;
        writeln!(
            f,
            "{} in secure messaging after device authentication ({})",
            self.authenticated,
            share(self.authenticated).trim()
        )?;
        if self.undetermined > 0 {
            let count = self.undetermined;
            writeln!(f, "{count} not sent: no fact says what would follow")?;
        }
        let mut table = |title: &str, rows: &BTreeMap<&'static str, u64>| {
            writeln!(f, "by {title}")?;
            rows.iter()
                .try_for_each(|(key, count)| writeln!(f, "  {} {count:>9}  {key}", share(*count)))
        };
        table("instruction", &self.instructions)?;
        table("protection", &self.protection)?;
        table("state", &self.states)?;
        writeln!(f, "by status word")?;
        for (sw, count) in &self.status {
            let word = iso7816_wire::StatusWord(*sw);
            let word = match sw {
                0 => "no answer".to_owned(),
                0x6100 => "61xx more bytes still to come".to_owned(),
                _ => format!("{sw:04X} {}", word.in_words()),
            };
            writeln!(f, "  {} {count:>9}  {word}", share(*count))?;
        }
        Ok(())
    }
}

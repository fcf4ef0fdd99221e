// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes over the wire while a row is executed: the evidence of a verdict.

/// One exchange with the card, or another call of its door.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Number of the step, from 1.
    pub step: usize,
    /// `power on`, `reset` or `power off`; empty for a command.
    pub event: &'static str,
    /// The bytes that were sent.
    pub command: Vec<u8>,
    /// The bytes that came back.
    pub response: Vec<u8>,
    /// The command inside secure messaging; empty in plain.
    pub plain_command: Vec<u8>,
    /// The answer inside secure messaging, data and status word; empty in
    /// plain and if it does not verify.
    pub plain_response: Vec<u8>,
}

/// The exchanges of a row, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    step: usize,
    exchanges: Vec<Exchange>,
}

impl Record {
    /// What follows belongs to this step.
    pub(super) fn step(&mut self, number: usize) {
        self.step = number;
    }

    pub(super) fn event(&mut self, event: &'static str, response: &[u8]) {
        self.add(event, &[], response);
    }

    pub(super) fn exchange(&mut self, command: &[u8], response: &[u8]) {
        self.add("", command, response);
    }

    fn add(&mut self, event: &'static str, command: &[u8], response: &[u8]) {
        self.exchanges.push(Exchange {
            step: self.step,
            event,
            command: command.to_vec(),
            response: response.to_vec(),
            ..Exchange::default()
        });
    }

    /// Where the next exchange will stand.
    pub(super) fn mark(&self) -> usize {
        self.exchanges.len()
    }

    /// The exchanges since `mark` carried this command in secure messaging.
    pub(super) fn carried(&mut self, mark: usize, plain: &[u8]) {
        if let Some(first) = self.exchanges.get_mut(mark) {
            first.plain_command = plain.to_vec();
        }
    }

    /// The last exchange ended this answer in secure messaging.
    pub(super) fn answered(&mut self, plain: Vec<u8>) {
        if let Some(last) = self.exchanges.last_mut() {
            last.plain_response = plain;
        }
    }

    /// Everything so far; nothing is left.
    pub(super) fn take(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges)
    }
}

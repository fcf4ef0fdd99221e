// SPDX-License-Identifier: MIT OR Apache-2.0
//! The last exchanges in words, for the report of a failed child.

use std::collections::VecDeque;

/// How many exchanges are kept.
const KEPT: usize = 20;
/// How many different power events are kept in front of one exchange.
const POWER_KEPT: usize = 4;

/// The last exchanges, each with the power events before it.
#[derive(Default)]
pub(crate) struct History {
    kept: VecDeque<(Power, String)>,
    latest: Power,
    total: u64,
}

/// Power events in a row, equal ones counted.
#[derive(Default)]
struct Power(VecDeque<(String, u32)>);

impl Power {
    fn push(&mut self, event: &str) {
        match self.0.back_mut() {
            Some((last, count)) if last == event => *count = count.saturating_add(1),
            _ => self.0.push_back((event.to_owned(), 1)),
        }
        if self.0.len() > POWER_KEPT {
            self.0.pop_front();
        }
    }

    fn lines(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(event, count)| match count {
            1 => format!("-- {event}"),
            _ => format!("-- {event}, {count} times"),
        })
    }
}

impl History {
    pub(crate) fn power(&mut self, event: &str) {
        self.latest.push(event);
    }

    pub(crate) fn exchange(&mut self, line: String) {
        self.kept
            .push_back((std::mem::take(&mut self.latest), line));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self.total += 1;
    }

    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let exchanges = self
            .kept
            .iter()
            .flat_map(|(power, line)| power.lines().chain([line.clone()]));
        exchanges.chain(self.latest.lines()).collect()
    }

    /// How many exchanges there were in all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_events_take_no_exchanges_place() {
        let mut history = History::default();
        for number in 0..50 {
            for _ in 0..3 {
                history.power("reset");
            }
            history.power("power-off");
            history.exchange(format!("exchange {number}"));
        }
        history.power("power-off");
        let lines = history.lines();
        assert_eq!(
            lines
                .iter()
                .filter(|line| line.starts_with("exchange"))
                .count(),
            20
        );
        assert_eq!(
            lines[..3],
            ["-- reset, 3 times", "-- power-off", "exchange 30"]
        );
        assert_eq!(lines.last().unwrap(), "-- power-off");
        assert_eq!(history.total(), 50);
    }

    #[test]
    fn endless_power_events_take_no_memory() {
        let mut history = History::default();
        for _ in 0..10_000 {
            history.power("reset");
            history.power("power-off");
        }
        assert_eq!(history.lines().len(), POWER_KEPT);
    }
}

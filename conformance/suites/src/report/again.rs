// SPDX-License-Identifier: MIT OR Apache-2.0
//! A case that was run again, beside what it came to before.

use super::text::visible;
use super::{CaseResult, Exchange};
use std::fmt;

/// Where a second run of a case left the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The verdict or its reason is another one.
    Verdict {
        /// Before, in words.
        before: String,
        /// Now, in words.
        now: String,
    },
    /// An exchange is another one.
    Exchange {
        /// Its number in the evidence, from 1.
        number: usize,
        /// Before; `None`: there was none.
        before: Option<Exchange>,
        /// Now; `None`: there is none.
        now: Option<Exchange>,
    },
}

/// The first exchange that is different, then the verdict if it is.
#[must_use]
pub fn departures(before: &CaseResult, now: &CaseResult) -> Vec<Departure> {
    let length = before.evidence.len().max(now.evidence.len());
    let exchange = (0..length).find_map(|at| {
        let (before, now) = (before.evidence.get(at), now.evidence.get(at));
        (before != now).then(|| Departure::Exchange {
            number: at + 1,
            before: before.cloned(),
            now: now.cloned(),
        })
    });
    let words = |result: &CaseResult| format!("{} {}", result.verdict, result.reason);
    let (old, new) = (words(before), words(now));
    let verdict = (old != new).then_some(Departure::Verdict {
        before: old,
        now: new,
    });
    exchange.into_iter().chain(verdict).collect()
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict { before, now } => {
                writeln!(f, "  before  {}", visible(before))?;
                writeln!(f, "  now     {}", visible(now))
            }
            Self::Exchange {
                number,
                before,
                now,
            } => {
                writeln!(f, "  exchange {number} is another one")?;
                for (word, exchange) in [("before", before), ("now", now)] {
                    let exchange = exchange.as_ref();
                    write!(f, "{}", Side { word, exchange })?;
                }
                Ok(())
            }
        }
    }
}

/// One of two exchanges that should be alike, over several lines.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Which it is.
    pub word: &'static str,
    /// The exchange, if there is one.
    pub exchange: Option<&'a Exchange>,
}

impl fmt::Display for Side<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.word;
        let Some(exchange) = self.exchange else {
            return writeln!(f, "    {word:<6}  no exchange");
        };
        let (command, response) = (&exchange.command, &exchange.response);
        writeln!(f, "    {word:<6}  > {}", visible(command))?;
        writeln!(f, "            < {}", visible(response))?;
        for (sign, plain) in [
            ('>', &exchange.plain_command),
            ('<', &exchange.plain_response),
        ] {
            if !plain.is_empty() {
                writeln!(f, "            {sign} {} (plain)", visible(plain))?;
            }
        }
        Ok(())
    }
}

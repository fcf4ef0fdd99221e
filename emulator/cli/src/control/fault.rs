// SPDX-License-Identifier: MIT OR Apache-2.0
//! A planned fault of the readers as words: on the control socket and as an
//! option of `cie run`.

use cie_reader::faults::return_code;
use cie_reader::observer::return_name;
use cie_reader::{Fault, FaultError, FaultOutcome, PlannedFault};
use serde_json::{Value, json};
use std::time::Duration;
use thiserror::Error;

/// Why words plan no fault.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum BadFault {
    #[error("a fault needs a call and what comes of it: SCardTransmit SCARD_E_NOT_TRANSACTED")]
    Short,
    #[error("a fault takes no {0:?}")]
    Word(String),
    #[error("{option} needs {wants}, not {value:?}")]
    Value {
        option: &'static str,
        wants: &'static str,
        value: String,
    },
    #[error(transparent)]
    Fault(#[from] FaultError),
}

/// Reads `CALL WHAT [--at N] [--times N|all] [--late MILLISECONDS]`; options
/// may stand anywhere.
pub(crate) fn parse(text: &str) -> Result<Fault, BadFault> {
    let mut words = text.split_whitespace();
    let (mut call, mut what) = (None, None);
    let (mut at, mut times, mut late) = (1, Some(1), 0);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_default();
        match word {
            "--at" => at = number("--at", value())?,
            "--times" => {
                times = match value() {
                    "all" => None,
                    count => Some(number("--times", count)?),
                }
            }
            "--late" => late = number("--late", value())?,
            option if option.starts_with("--") => return Err(BadFault::Word(option.into())),
            word if call.is_none() => call = Some(word.parse()?),
            word if what.is_none() => what = Some(outcome(word)?),
            more => return Err(BadFault::Word(more.into())),
        }
    }
    let (Some(call), Some(outcome)) = (call, what) else {
        return Err(BadFault::Short);
    };
    let fault = Fault {
        call,
        at,
        times,
        delay: Duration::from_millis(late),
        outcome,
    };
    fault.check()?;
    Ok(fault)
}

/// The words that [`parse`] reads.
pub(crate) fn words(fault: &Fault) -> String {
    let mut words = format!("{} {}", fault.call, what(fault.outcome));
    if fault.at != 1 {
        words.push_str(&format!(" --at {}", fault.at));
    }
    match fault.times {
        Some(1) => {}
        Some(times) => words.push_str(&format!(" --times {times}")),
        None => words.push_str(" --times all"),
    }
    if !fault.delay.is_zero() {
        words.push_str(&format!(" --late {}", fault.delay.as_millis()));
    }
    words
}

/// A planned fault and what became of it, for programs.
pub(super) fn value(planned: &PlannedFault) -> Value {
    let PlannedFault {
        fault,
        seen,
        struck,
    } = planned;
    json!({
        "call": fault.call.name(),
        "what": what(fault.outcome),
        "at": fault.at,
        "times": fault.times,
        "late_ms": u64::try_from(fault.delay.as_millis()).unwrap_or(u64::MAX),
        "seen": seen,
        "struck": struck,
    })
}

fn outcome(word: &str) -> Result<FaultOutcome, FaultError> {
    Ok(match word {
        "served" => FaultOutcome::Served,
        "hang-up" => FaultOutcome::HungUp,
        code => FaultOutcome::Refused(return_code(code)?),
    })
}

fn what(outcome: FaultOutcome) -> String {
    match outcome {
        FaultOutcome::Served => "served".to_owned(),
        FaultOutcome::HungUp => "hang-up".to_owned(),
        FaultOutcome::Refused(code) => return_name(code).into_owned(),
    }
}

fn number(option: &'static str, value: &str) -> Result<u64, BadFault> {
    value.parse().map_err(|_| BadFault::Value {
        option,
        wants: match option {
            "--times" => "a number or all",
            _ => "a number",
        },
        value: value.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cie_reader::PcscCall;

    #[test]
    fn words_and_faults() {
        let code = FaultOutcome::Refused(0x8010_0016);
        let fault = |outcome| Fault::new(PcscCall::Transmit, outcome);
        for (text, expected) in [
            ("SCardTransmit SCARD_E_NOT_TRANSACTED", fault(code)),
            (
                "--at 3 scardtransmit 0x80100016 --times 2",
                fault(code).at(3).times(2),
            ),
            (
                "SCardTransmit hang-up --times all",
                fault(FaultOutcome::HungUp).ever_after(),
            ),
            (
                "SCardTransmit served --late 40",
                fault(FaultOutcome::Served).late(Duration::from_millis(40)),
            ),
            (
                "SCardTransmit 0x80109999",
                fault(FaultOutcome::Refused(0x8010_9999)),
            ),
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
            assert_eq!(parse(&words(&expected)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn words_that_plan_nothing() {
        for (text, why) in [
            ("", "needs a call"),
            ("SCardTransmit", "needs a call"),
            ("SCardFly SCARD_E_TIMEOUT", "no call that reaches a reader"),
            ("SCardTransmit SCARD_E_FLY", "no return value"),
            ("SCardTransmit SCARD_S_SUCCESS", "is no fault"),
            ("SCardListReaders SCARD_E_TIMEOUT", "has no return value"),
            (
                "SCardTransmit hang-up --at",
                "--at needs a number, not \"\"",
            ),
            ("SCardTransmit hang-up --at 0", "counted from 1"),
            ("SCardTransmit hang-up --times never", "a number or all"),
            ("SCardTransmit served --late 3600001", "3600 s at most"),
            ("SCardTransmit hang-up --soon", "takes no \"--soon\""),
            ("SCardTransmit hang-up now", "takes no \"now\""),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}

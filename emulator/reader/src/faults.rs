// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faults on purpose, at the level of PC/SC calls: the third SCardTransmit is
//! answered by SCARD_E_NOT_TRANSACTED, the first SCardConnect takes 400 ms, the
//! server hangs up at SCardBeginTransaction.
//!
//! Calls are counted per kind and over all clients, from when the fault was
//! planned, in the order in which the server takes them. Where two faults meet
//! at a call, the one that was planned first happens.
//!
//! # What a refused call does
//!
//! Nothing: the card does not see the command, a transaction is not begun, a
//! handle is not made. But what a program gives back is given back, whatever it
//! is told, since nothing else it can do would free it:
//!
//! - `SCardDisconnect`: the transaction ends, the handle has no share of the
//!   reader any more, and the card is reset if that was asked for. Of the handle
//!   there is left that it can be disconnected, as when its reader is gone.
//!   pcscd lets go of the transaction first of all, too, and has no handle when
//!   it says `SCARD_E_INVALID_HANDLE`.
//! - `SCardEndTransaction`: the transaction ends, with all its levels.
//! - `SCardCancel`: the wait is cancelled.
//! - `SCardReleaseContext` needs none of that: the client library closes the
//!   connection after whatever answer.
//!
//! Three codes say that something happened, and it does:
//!
//! - `SCARD_W_RESET_CARD` at a call about a reader with a card: the card is
//!   reset as by [`ReaderControl::reset_card`](crate::ReaderControl::reset_card),
//!   and its handles hear of it until they reconnect.
//! - `SCARD_W_REMOVED_CARD` there: the card slips. It loses its power, every
//!   transaction ends, every handle on it is told that it was removed, and it
//!   lies in the reader again at once, as after an insertion.
//! - any code at `SCardGetStatusChange`: the wait was registered and ends with
//!   that code, [a moment later](crate::Settings::failure_grace) unless it is
//!   `SCARD_E_CANCELLED`. pcscd ends waits by success and that code alone; after
//!   any other the library takes its wait back, which is answered. A program
//!   that finds a change as it asks does not wait, and gets no code.
//!
//! The client library has a will of its own. It answers
//! `SCARD_E_SHARING_VIOLATION` at `SCardBeginTransaction` (newer versions also
//! elsewhere) by asking again every 100 ms, without end; planned from some call
//! on, that code hangs every program. It checks arguments and names of readers
//! itself, and such calls do not reach the server.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use crate::observer::return_name;
use crate::protocol::codes::{RETURN_NAMES, rv};
use crate::protocol::{Connect, Establish, ReaderEvents, Release, Reply, Request, Version};

/// Faults that may be planned at a time.
pub const MOST_FAULTS: usize = 256;
/// The longest delay.
pub const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// A kind of call, as far as the socket tells kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PcscCall {
    /// The two sides agree on a version; the library does it in `SCardEstablishContext`.
    Version,
    /// `SCardEstablishContext`.
    EstablishContext,
    /// `SCardReleaseContext`.
    ReleaseContext,
    /// The list of readers with their states. `SCardListReaders`,
    /// `SCardStatus`, `SCardGetStatusChange` and (for the name) `SCardConnect`
    /// of the library read it. It has no return value: it can be late, and the
    /// server can hang up.
    ListReaders,
    /// `SCardGetStatusChange`: the registration for a change.
    GetStatusChange,
    /// The count of readers that came or went, from protocol 4.5;
    /// `SCardGetStatusChange` reads it.
    ReaderEvents,
    /// `SCardCancel`.
    Cancel,
    /// `SCardConnect`.
    Connect,
    /// `SCardReconnect`.
    Reconnect,
    /// `SCardDisconnect`.
    Disconnect,
    /// `SCardBeginTransaction`.
    BeginTransaction,
    /// `SCardEndTransaction`.
    EndTransaction,
    /// `SCardStatus`.
    Status,
    /// `SCardTransmit`.
    Transmit,
    /// `SCardControl`.
    Control,
    /// `SCardGetAttrib`.
    GetAttrib,
    /// `SCardSetAttrib`.
    SetAttrib,
}

impl PcscCall {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Version,
        Self::EstablishContext,
        Self::ReleaseContext,
        Self::ListReaders,
        Self::GetStatusChange,
        Self::ReaderEvents,
        Self::Cancel,
        Self::Connect,
        Self::Reconnect,
        Self::Disconnect,
        Self::BeginTransaction,
        Self::EndTransaction,
        Self::Status,
        Self::Transmit,
        Self::Control,
        Self::GetAttrib,
        Self::SetAttrib,
    ];

    /// The function's name, or a name of its own for what is none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Version => "version",
            Self::EstablishContext => "SCardEstablishContext",
            Self::ReleaseContext => "SCardReleaseContext",
            Self::ListReaders => "SCardListReaders",
            Self::GetStatusChange => "SCardGetStatusChange",
            Self::ReaderEvents => "reader-events",
            Self::Cancel => "SCardCancel",
            Self::Connect => "SCardConnect",
            Self::Reconnect => "SCardReconnect",
            Self::Disconnect => "SCardDisconnect",
            Self::BeginTransaction => "SCardBeginTransaction",
            Self::EndTransaction => "SCardEndTransaction",
            Self::Status => "SCardStatus",
            Self::Transmit => "SCardTransmit",
            Self::Control => "SCardControl",
            Self::GetAttrib => "SCardGetAttrib",
            Self::SetAttrib => "SCardSetAttrib",
        }
    }

    /// Whether its answer has a return value.
    #[must_use]
    pub fn has_code(self) -> bool {
        self != Self::ListReaders
    }

    /// The kind of a request; the end of a wait and the length of the list
    /// belong to another request and are no kind.
    fn of(request: &Request) -> Option<Self> {
        Some(match request {
            Request::Version(_) => Self::Version,
            Request::Establish(_) => Self::EstablishContext,
            Request::Release(_) => Self::ReleaseContext,
            Request::GetReadersState | Request::GetStateArray => Self::ListReaders,
            Request::Wait => Self::GetStatusChange,
            Request::GetReaderEvents => Self::ReaderEvents,
            Request::Cancel(_) => Self::Cancel,
            Request::Connect(_) => Self::Connect,
            Request::Reconnect(_) => Self::Reconnect,
            Request::Disconnect(_) => Self::Disconnect,
            Request::Begin(_) => Self::BeginTransaction,
            Request::End(_) => Self::EndTransaction,
            Request::Status(_) => Self::Status,
            Request::Transmit(..) => Self::Transmit,
            Request::Control(..) => Self::Control,
            Request::GetAttribute(_) => Self::GetAttrib,
            Request::SetAttribute(_) => Self::SetAttrib,
            Request::StopWaiting | Request::GetStateSize => return None,
        })
    }
}

impl fmt::Display for PcscCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PcscCall {
    type Err = FaultError;

    /// By its name, in any case.
    fn from_str(name: &str) -> Result<Self, FaultError> {
        Self::ALL
            .into_iter()
            .find(|call| call.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| FaultError::UnknownCall(name.to_owned()))
    }
}

/// The code of a name such as `SCARD_E_NOT_TRANSACTED`, or of a number such as `0x80100016`.
///
/// # Errors
/// [`FaultError::UnknownCode`].
pub fn return_code(name: &str) -> Result<u32, FaultError> {
    let number = name.strip_prefix("0x").or_else(|| name.strip_prefix("0X"));
    let named = RETURN_NAMES
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name));
    match (number, named) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, named) => named.map(|(_, code)| code),
    }
    .ok_or_else(|| FaultError::UnknownCode(name.to_owned()))
}

/// Why a fault cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FaultError {
    /// No such kind of call.
    #[error(
        "{0:?} is no call that reaches a reader; say one of {list}",
        list = PcscCall::ALL.map(PcscCall::name).join(", ")
    )]
    UnknownCall(String),
    /// No such return value.
    #[error("{0:?} is no return value; say its name in pcsclite.h, or 0x and its number")]
    UnknownCode(String),
    /// A call without a return value.
    #[error("{0} has no return value; it can be late, or the server can hang up")]
    NoCode(PcscCall),
    /// Success is no fault.
    #[error("SCARD_S_SUCCESS is no fault; name an error")]
    Success,
    /// Calls are counted from 1.
    #[error("calls are counted from 1, and a fault happens at least once")]
    Never,
    /// A delay without a sensible end.
    #[error("a call can be late by {} s at most", LONGEST_DELAY.as_secs())]
    TooLate,
    /// The plan is full.
    #[error("{MOST_FAULTS} faults are planned already; clear them first")]
    TooMany,
}

/// What comes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultOutcome {
    /// It is served as ever. Without a delay such a fault only counts.
    Served,
    /// It is answered with this return value, and has no effect but those that
    /// the [module](self) names.
    Refused(u32),
    /// The server closes the connection: for the client's library the service is gone.
    HungUp,
}

/// A fault at calls of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fault {
    /// The kind.
    pub call: PcscCall,
    /// The first call that it happens to, from 1.
    pub at: u64,
    /// To how many calls from there on; `None`: to all.
    pub times: Option<u64>,
    /// How much later than usual the call is taken up.
    pub delay: Duration,
    /// What comes of it then.
    pub outcome: FaultOutcome,
}

impl Fault {
    /// At the first call, once, in time.
    #[must_use]
    pub fn new(call: PcscCall, outcome: FaultOutcome) -> Self {
        Self {
            call,
            at: 1,
            times: Some(1),
            delay: Duration::ZERO,
            outcome,
        }
    }

    /// The same from another call on.
    #[must_use]
    pub fn at(self, at: u64) -> Self {
        Self { at, ..self }
    }

    /// The same so many times.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        let times = Some(times);
        Self { times, ..self }
    }

    /// The same to all later calls as well.
    #[must_use]
    pub fn ever_after(self) -> Self {
        Self {
            times: None,
            ..self
        }
    }

    /// The same after a delay.
    #[must_use]
    pub fn late(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// Whether it can be planned.
    ///
    /// # Errors
    /// [`FaultError`] that says why not.
    pub fn check(&self) -> Result<(), FaultError> {
        match self.outcome {
            FaultOutcome::Refused(rv::SUCCESS) => return Err(FaultError::Success),
            FaultOutcome::Refused(_) if !self.call.has_code() => {
                return Err(FaultError::NoCode(self.call));
            }
            _ => {}
        }
        if self.at == 0 || self.times == Some(0) {
            return Err(FaultError::Never);
        }
        if self.delay > LONGEST_DELAY {
            return Err(FaultError::TooLate);
        }
        Ok(())
    }

    fn is_for(&self, number: u64) -> bool {
        let past = number.checked_sub(self.at);
        past.is_some_and(|past| self.times.is_none_or(|times| past < times))
    }

    /// It does something, and does not only count.
    fn hurts(&self) -> bool {
        self.outcome != FaultOutcome::Served || !self.delay.is_zero()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call, self.at)?;
        match self.times {
            Some(1) => {}
            Some(times) => write!(f, ", {times} times")?,
            None => f.write_str(" and all later ones")?,
        }
        f.write_str(": ")?;
        let late = !self.delay.is_zero();
        if late {
            write!(f, "{} ms late", self.delay.as_millis())?;
        }
        let and = if late { ", then " } else { "" };
        match self.outcome {
            FaultOutcome::Served if late => Ok(()),
            FaultOutcome::Served => f.write_str("counted"),
            FaultOutcome::Refused(code) => write!(f, "{and}{}", return_name(code)),
            FaultOutcome::HungUp => write!(f, "{and}the server hangs up"),
        }
    }
}

/// A fault that is planned, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFault {
    /// The fault.
    pub fault: Fault,
    /// Calls of its kind since it was planned.
    pub seen: u64,
    /// How often it has happened.
    pub struck: u64,
}

/// Everything that is planned.
#[derive(Debug, Default)]
pub(crate) struct Plan(Vec<PlannedFault>);

impl Plan {
    pub fn add(&mut self, fault: Fault) -> Result<(), FaultError> {
        fault.check()?;
        if self.0.len() >= MOST_FAULTS {
            return Err(FaultError::TooMany);
        }
        self.0.push(PlannedFault {
            fault,
            seen: 0,
            struck: 0,
        });
        Ok(())
    }

    pub fn list(&self) -> &[PlannedFault] {
        &self.0
    }

    /// Counts a request, and says what happens to it if anything does.
    pub fn strike(&mut self, request: &Request) -> Option<Fault> {
        let call = PcscCall::of(request)?;
        let mut struck = None;
        for planned in self.0.iter_mut().filter(|p| p.fault.call == call) {
            planned.seen += 1;
            if planned.fault.is_for(planned.seen) {
                let hurts = planned.fault.hurts();
                if !hurts || struck.is_none() {
                    planned.struck += 1;
                }
                if hurts && struck.is_none() {
                    struck = Some(planned.fault.clone());
                }
            }
        }
        struck
    }
}

/// The reply that refuses a request; a few have none.
pub(crate) fn refusal(request: Request, rv: u32) -> Option<Reply> {
    Some(match request {
        Request::Version(message) => Reply::Version(Version { rv, ..message }),
        Request::Establish(message) => Reply::Establish(Establish {
            context: 0,
            rv,
            ..message
        }),
        Request::Release(message) => Reply::Release(Release { rv, ..message }),
        Request::Connect(message) => Reply::Connect(Box::new(Connect {
            card: 0,
            rv,
            ..*message
        })),
        Request::Cancel(mut message) => {
            message.rv = rv;
            Reply::Cancel(message)
        }
        Request::GetReaderEvents => Reply::ReaderEvents(ReaderEvents { events: 0, rv }),
        about_a_card => return about_a_card.refused(rv),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Begin, Transmit};

    fn begin() -> Request {
        Request::Begin(Begin { card: 7, rv: 0 })
    }

    fn hit(plan: &mut Plan, request: &Request, calls: u64) -> Vec<u64> {
        (1..=calls)
            .filter(|_| plan.strike(request).is_some())
            .collect()
    }

    #[test]
    fn faults_happen_where_and_as_often_as_planned() {
        let refuse = |call| Fault::new(call, FaultOutcome::Refused(rv::NOT_TRANSACTED));
        for (fault, expected) in [
            (refuse(PcscCall::BeginTransaction), vec![1]),
            (refuse(PcscCall::BeginTransaction).at(3), vec![3]),
            (
                refuse(PcscCall::BeginTransaction).at(2).times(2),
                vec![2, 3],
            ),
            (
                refuse(PcscCall::BeginTransaction).at(4).ever_after(),
                vec![4, 5, 6],
            ),
            (refuse(PcscCall::Transmit), vec![]),
            (
                Fault::new(PcscCall::BeginTransaction, FaultOutcome::Served),
                vec![],
            ),
        ] {
            let mut plan = Plan::default();
            plan.add(fault.clone()).unwrap();
            assert_eq!(hit(&mut plan, &begin(), 6), expected, "{fault}");
            let [planned] = plan.list() else { panic!() };
            let seen = if expected.is_empty() && fault.hurts() {
                0
            } else {
                6
            };
            assert_eq!(planned.seen, seen, "{fault}");
        }
    }

    #[test]
    fn the_first_of_two_faults_happens_and_both_count() {
        let mut plan = Plan::default();
        let call = PcscCall::BeginTransaction;
        plan.add(Fault::new(call, FaultOutcome::Served).ever_after())
            .unwrap();
        plan.add(Fault::new(call, FaultOutcome::HungUp).at(2))
            .unwrap();
        plan.add(Fault::new(call, FaultOutcome::Refused(rv::CANCELLED)).ever_after())
            .unwrap();
        let got: Vec<_> = (0..3)
            .map(|_| plan.strike(&begin()).map(|fault| fault.outcome))
            .collect();
        let refused = Some(FaultOutcome::Refused(rv::CANCELLED));
        assert_eq!(got, [refused, Some(FaultOutcome::HungUp), refused]);
        let counts: Vec<_> = plan.list().iter().map(|p| (p.seen, p.struck)).collect();
        assert_eq!(counts, [(3, 3), (3, 1), (3, 2)]);
    }

    #[test]
    fn what_cannot_be_planned_is_said() {
        let code = FaultOutcome::Refused(rv::NO_MEMORY);
        for (fault, error) in [
            (
                Fault::new(PcscCall::ListReaders, code),
                FaultError::NoCode(PcscCall::ListReaders),
            ),
            (Fault::new(PcscCall::Connect, code).at(0), FaultError::Never),
            (
                Fault::new(PcscCall::Connect, code).times(0),
                FaultError::Never,
            ),
            (
                Fault::new(PcscCall::Connect, FaultOutcome::Refused(0)),
                FaultError::Success,
            ),
            (
                Fault::new(PcscCall::Connect, code).late(Duration::MAX),
                FaultError::TooLate,
            ),
        ] {
            assert_eq!(Plan::default().add(fault), Err(error));
        }
        let mut plan = Plan::default();
        for _ in 0..MOST_FAULTS {
            plan.add(Fault::new(PcscCall::Connect, code)).unwrap();
        }
        let more = plan.add(Fault::new(PcscCall::Connect, code));
        assert_eq!(more, Err(FaultError::TooMany));
    }

    #[test]
    fn names_and_codes_go_both_ways() {
        for call in PcscCall::ALL {
            assert_eq!(call.name().parse(), Ok(call));
            assert_eq!(call.name().to_lowercase().parse(), Ok(call));
        }
        assert!("SCardFrobnicate".parse::<PcscCall>().is_err());
        for (name, code) in RETURN_NAMES {
            assert_eq!(return_code(name), Ok(code));
        }
        assert_eq!(return_code("0x80100016"), Ok(rv::NOT_TRANSACTED));
        for none in ["", "0x", "0x1234567890", "SCARD_E_NONE", "80100016"] {
            assert!(return_code(none).is_err(), "{none}");
        }
        let fault = Fault::new(PcscCall::Transmit, FaultOutcome::Refused(0x8010_002F))
            .at(3)
            .times(2)
            .late(Duration::from_millis(5));
        let words = "SCardTransmit 3, 2 times: 5 ms late, then SCARD_E_COMM_DATA_LOST";
        assert_eq!(fault.to_string(), words);
    }

    /// The header of the system, where it is installed.
    #[test]
    fn the_list_of_codes_is_that_of_the_header() {
        let Ok(header) = std::fs::read_to_string("/usr/include/PCSC/pcsclite.h") else {
            return;
        };
        let mut checked = 0;
        for line in header.lines() {
            let mut words = line.split_whitespace();
            let (Some("#define"), Some(name), Some(value)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let Some(digits) = value
                .strip_prefix("((LONG)0x")
                .and_then(|rest| rest.strip_suffix(')'))
            else {
                continue;
            };
            let code = u32::from_str_radix(digits, 16).unwrap();
            assert_eq!(return_code(name), Ok(code), "{name}");
            checked += 1;
        }
        assert_eq!(checked, RETURN_NAMES.len());
    }

    #[test]
    fn every_request_with_a_code_is_refused_by_its_own_reply() {
        let transmit = Request::Transmit(
            Transmit {
                card: 7,
                send_protocol: 2,
                send_pci: 8,
                send_length: 2,
                receive_protocol: 2,
                receive_pci: 8,
                receive_length: 258,
                rv: 0,
            },
            vec![0, 0xA4],
        );
        let Some(Reply::Transmit(message, data)) = refusal(transmit, rv::NOT_TRANSACTED) else {
            panic!()
        };
        assert_eq!(
            (message.rv, message.receive_length, data.len()),
            (rv::NOT_TRANSACTED, 0, 0)
        );
        assert!(refusal(Request::GetReadersState, rv::NO_MEMORY).is_none());
        assert!(refusal(Request::Wait, rv::NO_MEMORY).is_none());
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors of the reader's side: any return value at any PC/SC call, late calls,
//! a service that hangs up. The card itself is honest throughout.
//!
//! A round is what an application does from `C_Initialize` to a signature. It
//! is done once without a fault, to count the module's PC/SC calls, and then
//! again and again in the same process with a fault at one of them.

use super::login::{again, left};
use super::{ERRORS, Ground, Row};
use crate::catalogue::Basis;
use crate::ics::Announced;
use crate::middleware::door::{Laid, locked, next_try, note};
use crate::middleware::finding::{Finding, Found, holds};
use crate::middleware::people::Citizen;
use crate::middleware::stage::{Session, Stage, is_signature, ok, token_slot};
use crate::report::Exchange;
use chacha20::ChaCha8Rng;
use cie_driver::{Answer, Request, Token};
use cie_reader::faults::return_code;
use cie_reader::{Fault, FaultOutcome, PcscCall};
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// Occurrences of a call that are tried at most, evenly among all.
const MOST: u64 = 48;
/// As many pairs of occurrence and code are tried one by one; of more, every
/// code at the first occurrence and every occurrence with one of the codes.
const PAIRS: u64 = 24;
/// Scripts that are drawn from the seed.
const SCRIPTS: u64 = 24;
/// How late a single call is.
const LATE: Duration = Duration::from_millis(300);
/// How late every call of a kind is.
const SLOW: Duration = Duration::from_millis(10);

const REQUIREMENT: &str = "Whatever a call to the reader comes to, the module tells an error or does the right thing within the time limit: no crash, no hang, no signature that does not verify, no certificate that is not the card's, nobody's PIN blamed, no try lost. By choice of this project: when the reader is well again, so is the module, after a new login, or at the latest after C_Finalize and C_Initialize.";

const STEPS: &[(&str, &str)] = &[
    (
        "C_Initialize, C_GetSlotList, C_GetTokenInfo, C_OpenSession, C_Login, C_FindObjects, C_Sign, to count the calls",
        "all as it should be",
    ),
    (
        "the same with the first of the calls refused, with each code, once and from then on",
        "an error that does not blame the PIN, or the right thing; 3 and 10 tries left",
    ),
    (
        "the same with each later call refused, once",
        "an error that does not blame the PIN, or the right thing; 3 and 10 tries left",
    ),
    (
        "after each: login and signature without a fault, after C_Finalize and C_Initialize if need be",
        "the card's signature",
    ),
];

/// A slow reader is no error, but nothing says how slow one may be.
const SLOWNESS: Ground = Ground(
    Basis::Inferred,
    "PC/SC part 5: calls to the resource manager have no time limit of their own; contactless readers take hundreds of milliseconds",
);

/// A call, and the codes it is refused with. The numbers of the cases are in
/// this order.
const CALLS: [(u16, PcscCall, &[&str]); 12] = [
    (
        1,
        PcscCall::EstablishContext,
        &[
            "SCARD_E_NO_SERVICE",
            "SCARD_E_SERVICE_STOPPED",
            "SCARD_E_NO_MEMORY",
            "SCARD_F_INTERNAL_ERROR",
        ],
    ),
    (
        2,
        PcscCall::ReleaseContext,
        &["SCARD_E_INVALID_HANDLE", "SCARD_F_COMM_ERROR"],
    ),
    (
        3,
        PcscCall::GetStatusChange,
        &[
            "SCARD_E_NO_READERS_AVAILABLE",
            "SCARD_E_UNKNOWN_READER",
            "SCARD_E_NO_SERVICE",
            "SCARD_E_SYSTEM_CANCELLED",
            "SCARD_E_CANCELLED",
            "SCARD_E_TIMEOUT",
        ],
    ),
    (
        4,
        PcscCall::Connect,
        &[
            "SCARD_E_NO_SMARTCARD",
            "SCARD_E_SHARING_VIOLATION",
            "SCARD_E_UNKNOWN_READER",
            "SCARD_E_READER_UNAVAILABLE",
            "SCARD_E_PROTO_MISMATCH",
            "SCARD_E_NOT_READY",
            "SCARD_E_NO_SERVICE",
            "SCARD_W_UNPOWERED_CARD",
            "SCARD_W_UNRESPONSIVE_CARD",
            "SCARD_W_UNSUPPORTED_CARD",
            "SCARD_W_REMOVED_CARD",
        ],
    ),
    (
        5,
        PcscCall::Reconnect,
        &[
            "SCARD_E_NO_SMARTCARD",
            "SCARD_E_SHARING_VIOLATION",
            "SCARD_E_PROTO_MISMATCH",
            "SCARD_E_READER_UNAVAILABLE",
            "SCARD_W_UNPOWERED_CARD",
            "SCARD_W_UNRESPONSIVE_CARD",
            "SCARD_W_REMOVED_CARD",
        ],
    ),
    (
        6,
        PcscCall::Disconnect,
        &[
            "SCARD_E_INVALID_HANDLE",
            "SCARD_W_REMOVED_CARD",
            "SCARD_F_COMM_ERROR",
        ],
    ),
    (
        7,
        PcscCall::BeginTransaction,
        &[
            "SCARD_E_SHARING_VIOLATION",
            "SCARD_W_RESET_CARD",
            "SCARD_W_REMOVED_CARD",
            "SCARD_E_INVALID_HANDLE",
            "SCARD_E_READER_UNAVAILABLE",
            "SCARD_E_NOT_READY",
            "SCARD_E_NO_SERVICE",
        ],
    ),
    (
        8,
        PcscCall::EndTransaction,
        &[
            "SCARD_E_NOT_TRANSACTED",
            "SCARD_W_RESET_CARD",
            "SCARD_W_REMOVED_CARD",
            "SCARD_E_INVALID_HANDLE",
            "SCARD_F_COMM_ERROR",
        ],
    ),
    (
        9,
        PcscCall::Status,
        &[
            "SCARD_W_RESET_CARD",
            "SCARD_W_REMOVED_CARD",
            "SCARD_E_INVALID_HANDLE",
            "SCARD_E_READER_UNAVAILABLE",
            "SCARD_E_NO_SERVICE",
            "SCARD_F_COMM_ERROR",
        ],
    ),
    (
        10,
        PcscCall::Transmit,
        &[
            "SCARD_E_NOT_TRANSACTED",
            "SCARD_F_COMM_ERROR",
            "SCARD_E_COMM_DATA_LOST",
            "SCARD_W_RESET_CARD",
            "SCARD_W_REMOVED_CARD",
            "SCARD_W_UNPOWERED_CARD",
            "SCARD_E_NO_SMARTCARD",
            "SCARD_E_INSUFFICIENT_BUFFER",
            "SCARD_E_TIMEOUT",
            "SCARD_E_INVALID_HANDLE",
            "SCARD_E_READER_UNAVAILABLE",
            "SCARD_E_PROTO_MISMATCH",
            "SCARD_E_SHARING_VIOLATION",
            "SCARD_E_UNEXPECTED",
        ],
    ),
    (
        11,
        PcscCall::Control,
        &[
            "SCARD_E_UNSUPPORTED_FEATURE",
            "SCARD_E_NOT_TRANSACTED",
            "SCARD_W_REMOVED_CARD",
            "SCARD_E_INSUFFICIENT_BUFFER",
        ],
    ),
    (
        12,
        PcscCall::GetAttrib,
        &[
            "SCARD_E_UNSUPPORTED_FEATURE",
            "SCARD_E_NOT_TRANSACTED",
            "SCARD_W_REMOVED_CARD",
            "SCARD_E_INSUFFICIENT_BUFFER",
        ],
    ),
];

pub(super) fn rows() -> Vec<Row> {
    let refused = CALLS.into_iter().map(|(number, call, codes)| {
        Row::new(
            number,
            format!("{call} is refused, with every code and at every occurrence"),
            ERRORS,
            REQUIREMENT,
            STEPS,
            move |stage| refused(stage, call, codes),
        )
        .version(2)
        .announced(Announced::Call(call.name()))
    });
    let others = [
        Row::new(
            21,
            "the service hangs up, at every kind of call",
            ERRORS,
            REQUIREMENT,
            &[
                (
                    "a round, to count the calls of each kind",
                    "all as it should be",
                ),
                (
                    "for each kind: the connection is closed at the first, a middle and the last call",
                    "an error that does not blame the PIN, or the right thing; 3 and 10 tries left",
                ),
                ("after each: login and signature", "the card's signature"),
            ],
            hangs_up,
        )
        .version(2),
        Row::new(
            22,
            "the reader is slow, at every kind of call",
            SLOWNESS,
            "A call that takes a while and succeeds is a success: everything works as ever.",
            &[(
                "for each kind of call: the first one takes 300 ms more, all of them 10 ms",
                "a login and the card's signature, 3 and 10 tries left",
            )],
            slow,
        ),
        Row::new(
            31,
            "a wrong PIN, and an error at every exchange of the login",
            ERRORS,
            "A wrong PIN costs at most one try and is no login, whatever else goes wrong meanwhile; CKR_PIN_INCORRECT is told only if the card has seen it. By choice of this project the right PIN works afterwards.",
            &[
                (
                    "for each SCardTransmit of a login with a wrong PIN: the login with SCARD_E_NOT_TRANSACTED there",
                    "refused; CKR_PIN_INCORRECT only with a try spent; at most one try spent",
                ),
                (
                    "a login with the right PIN, a signature",
                    "the card's signature, 3 tries left",
                ),
            ],
            wrong_pin,
        )
        .version(2),
        Row::new(
            61,
            "scripts of errors of the reader",
            ERRORS,
            REQUIREMENT,
            &[
                (
                    "scripts of two to four errors, drawn from the seed",
                    "an error that does not blame the PIN, or the right thing; 3 and 10 tries left",
                ),
                ("after each: login and signature", "the card's signature"),
            ],
            scripts,
        )
        .version(2),
    ];
    refused.chain(others).collect()
}

/// One process with the module, one card, and what is true of both.
struct Bench<'a> {
    stage: &'a Stage<'a>,
    citizen: Citizen,
    laid: Laid,
    /// Told without any fault.
    token: Token,
    session: Session,
    /// `C_Finalize` belongs to the round.
    ends: bool,
}

/// How often each kind of call is made in a round.
type Counts = BTreeMap<PcscCall, u64>;

impl<'a> Bench<'a> {
    /// Enrols if need be, and does a round without faults.
    fn new(stage: &'a Stage<'a>) -> Found<(Self, Counts)> {
        let citizen = Citizen::usual(stage.seed())?;
        let laid = stage.insert(&citizen)?;
        stage.enrol(&citizen)?;
        let mut bench = Self {
            stage,
            citizen,
            laid,
            token: Token::default(),
            session: Session {
                driver: stage.driver()?,
                slot: 0,
            },
            ends: false,
        };
        // The first round may be another than those after it.
        bench.start()?;
        bench.session.ask(&Request::Finalize)?;
        let counts = bench.counted()?;
        Ok((bench, counts))
    }

    /// From `C_Initialize` to a session in which the citizen signs.
    fn start(&mut self) -> Found {
        ok(self.session.ask(&Request::Initialize)?, "C_Initialize")?;
        let slot = token_slot(&mut self.session.driver)?;
        // As in a round: before anybody is logged in.
        self.session.slot = slot;
        self.token = self.session.token()?;
        again(self.stage, &mut self.session, slot, &self.citizen)?;
        self.session.signs(&self.citizen)
    }

    /// A round in which nothing goes wrong, with its calls counted.
    fn counted(&mut self) -> Found<Counts> {
        let count = |call| Fault::new(call, FaultOutcome::Served).ever_after();
        self.plan(&PcscCall::ALL.map(count))?;
        let done = self
            .round(&mut Vec::new())
            .and_then(|()| self.end_of_round());
        let counts = self.stage.hand().faults();
        self.stage.hand().clear_faults();
        done.map_err(|finding| finding.at("without any fault"))?;
        self.recovered()
            .map_err(|finding| finding.at("without any fault"))?;
        let made = counts.into_iter().filter(|planned| planned.seen > 0);
        Ok(made
            .map(|planned| (planned.fault.call, planned.seen))
            .collect())
    }

    fn plan(&self, faults: &[Fault]) -> Found {
        let hand = self.stage.hand();
        hand.clear_faults();
        faults
            .iter()
            .try_for_each(|fault| hand.fault(fault.clone()))
            .map_err(Finding::ours)
    }

    /// One try with these faults; whether the last of them happened.
    fn attempt(&mut self, faults: &[Fault]) -> Found<bool> {
        next_try(&self.stage.log);
        for fault in faults {
            note(
                &self.stage.log,
                Exchange {
                    command: format!("planned: {fault}"),
                    ..Exchange::default()
                },
            );
        }
        self.plan(faults)?;
        let mut answers = Vec::new();
        let done = self.round(&mut answers).and_then(|()| self.end_of_round());
        let happened = self
            .stage
            .hand()
            .faults()
            .last()
            .is_some_and(|f| f.struck > 0);
        self.stage.hand().clear_faults();
        done?;
        for (asked, answer) in &answers {
            holds(
                !blames_pin(answer),
                format!("{asked}: {answer}, and nobody typed a wrong PIN"),
            )?;
        }
        left(&self.laid, 3, 10)?;
        self.recovered()?;
        Ok(happened)
    }

    /// What an application does. Everything may be refused, and what is not is
    /// right.
    fn round(&mut self, answers: &mut Vec<(&'static str, Answer)>) -> Found {
        let initialize = Request::Initialize;
        if self.asked(&initialize, answers)? != Answer::Done {
            return Ok(());
        }
        let slots = Request::Slots { with_token: true };
        let Answer::Slots(slots) = self.asked(&slots, answers)? else {
            return Ok(());
        };
        let Some(slot) = slots.first().copied() else {
            return Ok(());
        };
        self.session.slot = slot;
        if let Answer::Token(token) = self.asked(&Request::Token(slot), answers)? {
            holds(
                token == self.token,
                format!("C_GetTokenInfo tells {token:?}, and told {:?}", self.token),
            )?;
        }
        if self.asked(&Request::Open(slot), answers)? != Answer::Done {
            return Ok(());
        }
        let login = Request::Login {
            so: false,
            code: self.stage.typed(&self.citizen.pin),
        };
        self.asked(&login, answers)?;
        if let Answer::Objects(objects) = self.asked(&Request::Objects, answers)? {
            let theirs = hex::encode(&self.citizen.certificate);
            for certificate in objects.iter().filter(|o| o.class == "certificate") {
                holds(
                    certificate.value.is_empty() || certificate.value == theirs,
                    "a certificate is shown that is not the card's",
                )?;
            }
        }
        let answer = self.session.sign_usual()?;
        if let Answer::Bytes(signature) = &answer {
            is_signature(&self.citizen, signature)?;
        }
        answers.push(("C_Sign", answer));
        Ok(())
    }

    fn end_of_round(&mut self) -> Found {
        if self.ends {
            // It may be refused.
            self.session.ask(&Request::Finalize)?;
        }
        Ok(())
    }

    fn asked(
        &mut self,
        request: &Request,
        answers: &mut Vec<(&'static str, Answer)>,
    ) -> Found<Answer> {
        let answer = self.session.ask(request)?;
        answers.push((request.name(), answer.clone()));
        Ok(answer)
    }

    /// Nothing goes wrong any more, and everything works; ends finalized. That
    /// it does is a choice, all else is not.
    fn recovered(&mut self) -> Found {
        let at_once = self.works();
        if let Err(Finding::Chosen(why)) = at_once {
            // What of it is refused does not matter if it works afterwards.
            self.session.ask(&Request::Finalize)?;
            ok(self.session.ask(&Request::Initialize)?, "C_Initialize")
                .map_err(Finding::chosen)
                .and_then(|()| self.works())
                .map_err(|f| {
                    f.at(format!(
                        "afterwards, without a fault ({why}) and after C_Finalize"
                    ))
                })?;
        } else {
            at_once.map_err(|f| f.at("afterwards, without a fault"))?;
        }
        left(&self.laid, 3, 10).map_err(|f| f.at("afterwards"))?;
        ok(self.session.ask(&Request::Finalize)?, "C_Finalize")
            .map_err(|f| f.chosen().at("afterwards, without a fault"))
    }

    fn works(&mut self) -> Found {
        let request = Request::Slots { with_token: true };
        if let refused @ Answer::Refused { .. } = self.session.ask(&request)? {
            return Err(Finding::Chosen(format!("C_GetSlotList: {refused}")));
        }
        let slot = token_slot(&mut self.session.driver).map_err(Finding::chosen)?;
        again(self.stage, &mut self.session, slot, &self.citizen).map_err(Finding::chosen)?;
        signs(&mut self.session, &self.citizen)
    }

    /// One try, and whether the last fault happened; a finding names the
    /// shortest script that leads to one.
    fn shortest(&mut self, faults: Vec<Fault>) -> Found<bool> {
        let finding = match self.attempt(&faults) {
            Ok(happened) => return Ok(happened),
            Err(finding) => finding,
        };
        if matches!(finding, Finding::Undecided(_)) {
            return Err(finding.at(words(&faults)));
        }
        let (mut shortest, mut last) = (faults, finding);
        let mut evidence = locked(&self.stage.log).clone();
        // After a crash or a hang this process is none any more.
        for shorter in Shorter::of(&shortest) {
            let Some(candidate) = shorter.apply(&shortest) else {
                continue;
            };
            let found = self.stage.fresh().and_then(|stage| {
                let (mut bench, _) = Bench::new(&stage)?;
                bench.ends = self.ends;
                bench.attempt(&candidate)
            });
            if let Err(finding) = found
                && !matches!(finding, Finding::Undecided(_) | Finding::NotFor(_))
            {
                (shortest, last) = (candidate, finding);
                evidence = locked(&self.stage.log).clone();
            }
        }
        *locked(&self.stage.log) = evidence;
        Err(last.at(words(&shortest)))
    }
}

/// The return values that tell the user to type another PIN, or that there is
/// no use in it.
fn blames_pin(answer: &Answer) -> bool {
    match answer {
        Answer::Refused { rv, .. } => rv.starts_with("CKR_PIN_"),
        Answer::Token(token) => token.pin_low || token.pin_final || token.pin_locked,
        _ => false,
    }
}

fn words(faults: &[Fault]) -> String {
    let words: Vec<_> = faults.iter().map(ToString::to_string).collect();
    words.join("; ")
}

/// A way to make a script shorter.
#[derive(Clone, Debug)]
enum Shorter {
    /// Without this fault.
    Without(Fault),
    /// With this one once instead of ever after.
    Once(Fault),
}

impl Shorter {
    /// Every way that may lead to something.
    fn of(faults: &[Fault]) -> Vec<Self> {
        let without = faults.iter().cloned().map(Self::Without);
        let once = faults.iter().filter(|fault| fault.times != Some(1));
        without.chain(once.cloned().map(Self::Once)).collect()
    }

    fn apply(self, faults: &[Fault]) -> Option<Vec<Fault>> {
        let (Self::Without(fault) | Self::Once(fault)) = &self;
        let at = faults.iter().position(|other| other == fault)?;
        let mut shorter = faults.to_vec();
        let removed = shorter.remove(at);
        match self {
            Self::Without(_) if shorter.is_empty() => return None,
            Self::Without(_) => {}
            Self::Once(_) => shorter.insert(at, removed.times(1)),
        }
        Some(shorter)
    }
}

/// The code of this name.
fn code(name: &str) -> Found<FaultOutcome> {
    return_code(name)
        .map(FaultOutcome::Refused)
        .map_err(Finding::ours)
}

/// The library asks again without end on this one.
fn can_last(name: &str) -> bool {
    name != "SCARD_E_SHARING_VIOLATION"
}

/// The faults that are tried of a call that is made so many times.
fn faults(call: PcscCall, codes: &[&str], total: u64) -> Found<Vec<Fault>> {
    let mut faults = Vec::new();
    for name in codes {
        let fault = Fault::new(call, code(name)?);
        faults.push(fault.clone());
        if can_last(name) {
            faults.push(fault.ever_after());
        }
    }
    let count = u64::try_from(codes.len()).unwrap_or(u64::MAX);
    let step = usize::try_from(total.div_ceil(MOST).max(1)).unwrap_or(usize::MAX);
    for at in (2..=total).step_by(step) {
        for (index, name) in (0..).zip(codes) {
            if total.saturating_mul(count) <= PAIRS || index == at % count.max(1) {
                faults.push(Fault::new(call, code(name)?).at(at));
            }
        }
    }
    Ok(faults)
}

/// The calls of PC/SC that the module makes: in a round, at its end, and after
/// a reset.
pub(crate) fn calls(stage: &Stage<'_>) -> Found<Vec<String>> {
    let (mut bench, mut counts) = Bench::new(stage)?;
    let reset = Fault::new(PcscCall::BeginTransaction, code("SCARD_W_RESET_CARD")?);
    let count = Fault::new(PcscCall::Reconnect, FaultOutcome::Served).ever_after();
    bench.plan(&[reset, count])?;
    bench.round(&mut Vec::new())?;
    bench.end_of_round()?;
    let seen = bench.stage.hand().faults();
    bench.stage.hand().clear_faults();
    bench.recovered()?;
    bench.ends = true;
    counts.extend(bench.counted()?);
    let reconnects = seen.last().is_some_and(|planned| planned.seen > 0);
    counts.extend(reconnects.then_some((PcscCall::Reconnect, 1)));
    Ok(counts
        .into_keys()
        .map(|call| call.name().to_owned())
        .collect())
}

fn refused(stage: &Stage<'_>, call: PcscCall, codes: &[&str]) -> Found {
    let (mut bench, mut counts) = Bench::new(stage)?;
    // Some modules let go of the reader at their end, and not before.
    bench.ends = matches!(call, PcscCall::ReleaseContext | PcscCall::Disconnect);
    if bench.ends {
        counts = bench.counted()?;
    }
    // No module reconnects before something happened.
    let before = (call == PcscCall::Reconnect)
        .then(|| code("SCARD_W_RESET_CARD"))
        .transpose()?
        .map(|reset| Fault::new(PcscCall::BeginTransaction, reset));
    let total = match before {
        Some(_) => 1,
        None => counts.get(&call).copied().unwrap_or(0),
    };
    if total == 0 {
        return Err(Finding::NotFor(format!(
            "the module does not make this call: {call}"
        )));
    }
    let mut happened = false;
    for fault in faults(call, codes, total)? {
        let script: Vec<Fault> = before.iter().cloned().chain([fault]).collect();
        happened |= bench.shortest(script)?;
    }
    if happened {
        return Ok(());
    }
    // A module may open a new connection instead of taking the old one up.
    Err(Finding::NotFor(format!(
        "the module does not make this call: {call}"
    )))
}

fn hangs_up(stage: &mut Stage<'_>) -> Found {
    let (mut bench, counts) = Bench::new(stage)?;
    for (call, total) in counts {
        let mut places = vec![1, total.div_ceil(2), total];
        places.dedup();
        for at in places {
            bench.shortest(vec![Fault::new(call, FaultOutcome::HungUp).at(at)])?;
        }
    }
    Ok(())
}

fn slow(stage: &mut Stage<'_>) -> Found {
    let (mut bench, counts) = Bench::new(stage)?;
    for call in counts.into_keys() {
        let late = Fault::new(call, FaultOutcome::Served);
        for fault in [late.clone().late(LATE), late.late(SLOW).ever_after()] {
            let fault = [fault];
            bench.plan(&fault)?;
            let mut answers = Vec::new();
            let done = bench.round(&mut answers);
            bench.stage.hand().clear_faults();
            let place = words(&fault);
            done.map_err(|f| f.at(&place))?;
            let refused = answers.iter().find(|(_, answer)| answer.is_refused());
            if let Some((asked, answer)) = refused {
                let why = format!("{place}: {asked}: {answer}");
                return Err(Finding::Fault(why));
            }
            let signed = matches!(answers.last(), Some(("C_Sign", Answer::Bytes(_))));
            holds(signed, format!("{place}: there is no signature"))?;
            bench.recovered().map_err(|f| f.at(&place))?;
        }
    }
    Ok(())
}

fn wrong_pin(stage: &mut Stage<'_>) -> Found {
    let (mut bench, _) = Bench::new(stage)?;
    let wrong = stage.typed(&bench.citizen.wrong_pin());
    ok(bench.session.ask(&Request::Initialize)?, "C_Initialize")?;
    let mut total = 0;
    let mut at = 0;
    // The first try only counts.
    while at <= total {
        let slot = token_slot(&mut bench.session.driver)?;
        ok(bench.session.ask(&Request::Open(slot))?, "C_OpenSession")?;
        let fault = match at {
            0 => Fault::new(PcscCall::Transmit, FaultOutcome::Served).ever_after(),
            _ => Fault::new(PcscCall::Transmit, code("SCARD_E_NOT_TRANSACTED")?).at(at),
        };
        let place = words(std::slice::from_ref(&fault));
        bench.plan(&[fault])?;
        let answer = bench.session.login(&wrong);
        let seen = bench.stage.hand().faults().first().map_or(0, |f| f.seen);
        bench.stage.hand().clear_faults();
        let answer = answer.map_err(|f| f.at(&place))?;
        if at == 0 {
            total = seen;
        }
        let tries = bench.laid.snapshot().pin_tries;
        let said = format!("{place}: a wrong PIN: {answer}, {tries} tries left");
        holds(answer.is_refused(), &said)?;
        let told = answer.is("CKR_PIN_INCORRECT");
        holds(tries == 2 || (tries == 3 && !told), &said)?;
        holds(at > 0 || told, &said)?;
        let well = match works(&mut bench) {
            Err(Finding::Chosen(_)) => {
                bench.session.ask(&Request::Finalize)?;
                ok(bench.session.ask(&Request::Initialize)?, "C_Initialize")
                    .map_err(Finding::chosen)?;
                works(&mut bench)
            }
            other => other,
        };
        well.and_then(|()| left(&bench.laid, 3, 10))
            .map_err(|f| f.at(format!("{place}: afterwards")))?;
        at += 1;
    }
    ok(bench.session.ask(&Request::Finalize)?, "C_Finalize")
}

/// A new session with the right PIN signs.
fn works(bench: &mut Bench<'_>) -> Found {
    let slot = token_slot(&mut bench.session.driver).map_err(Finding::chosen)?;
    again(bench.stage, &mut bench.session, slot, &bench.citizen).map_err(Finding::chosen)?;
    signs(&mut bench.session, &bench.citizen)
}

/// By choice there is a signature, and if there is one, it is right.
fn signs(session: &mut Session, citizen: &Citizen) -> Found {
    match session.sign_usual()? {
        Answer::Bytes(signature) => is_signature(citizen, &signature),
        other => Err(Finding::Chosen(format!(
            "the signature is refused: {other}"
        ))),
    }
}

/// Two to four faults among the calls that are made, the same for the same
/// seed.
fn drawn(seed: u64, counts: &Counts) -> Found<Vec<Fault>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut draw = |below: u64| random.next_u64() % below.max(1);
    let made: Vec<_> = CALLS
        .into_iter()
        .filter_map(|(_, call, codes)| Some((call, codes, *counts.get(&call)?)))
        .collect();
    let length = |count: usize| u64::try_from(count).unwrap_or(0);
    let place = |number: u64| usize::try_from(number).unwrap_or(0);
    let mut faults = Vec::new();
    for _ in 0..2 + draw(3) {
        let chosen = made.get(place(draw(length(made.len())))).copied();
        let Some((call, codes, total)) = chosen else {
            break;
        };
        let Some(name) = codes.get(place(draw(length(codes.len())))) else {
            break;
        };
        let fault = Fault::new(call, code(name)?).at(1 + draw(total));
        faults.push(match draw(6) {
            0 if can_last(name) => fault.ever_after(),
            1 => fault.times(2),
            _ => fault,
        });
    }
    Ok(faults)
}

fn scripts(stage: &mut Stage<'_>) -> Found {
    let (mut bench, counts) = Bench::new(stage)?;
    for number in 0..SCRIPTS {
        let seed = stage.seed().wrapping_mul(1000).wrapping_add(number);
        bench.shortest(drawn(seed, &counts)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_one_and_every_call_takes_it() {
        for (number, call, codes) in CALLS {
            let faults = faults(call, codes, 60).unwrap();
            for fault in &faults {
                assert_eq!(fault.check(), Ok(()), "{number} {fault}");
            }
            let first = faults.iter().filter(|f| f.at == 1 && f.times == Some(1));
            assert_eq!(first.count(), codes.len(), "{call}");
        }
    }

    #[test]
    fn few_calls_are_tried_with_every_code_and_many_with_one_each() {
        let codes: &[&str] = &["SCARD_E_TIMEOUT", "SCARD_E_NO_SERVICE"];
        let of = |total| faults(PcscCall::Transmit, codes, total).unwrap();
        assert_eq!(of(1).len(), 4);
        assert_eq!(of(3).len(), 4 + 2 * 2);
        let many = of(40);
        assert_eq!(many.len(), 4 + 39);
        assert!((2..=40).all(|at| many.iter().any(|f| f.at == at)));
        assert!(of(1000).len() < 60);
    }

    #[test]
    fn scripts_are_the_same_for_the_same_seed_and_get_shorter() {
        let counts = Counts::from([(PcscCall::Transmit, 30), (PcscCall::Connect, 2)]);
        let one = drawn(7, &counts).unwrap();
        assert_eq!(one, drawn(7, &counts).unwrap());
        assert!((0..20).any(|seed| drawn(seed, &counts).unwrap() != one));
        for seed in 0..200 {
            let script = drawn(seed, &counts).unwrap();
            assert!((2..=4).contains(&script.len()));
            for fault in &script {
                assert_eq!(fault.check(), Ok(()));
                assert!(counts[&fault.call] >= fault.at);
            }
        }
        let fault = |at| Fault::new(PcscCall::Transmit, FaultOutcome::HungUp).at(at);
        let mut script = vec![fault(1), fault(2).ever_after(), fault(3)];
        for shorter in Shorter::of(&script) {
            if let Some(candidate) = shorter.apply(&script)
                && candidate.iter().any(|f| f.at == 2)
            {
                script = candidate;
            }
        }
        assert_eq!(script, [fault(2)]);
        assert!(drawn(1, &Counts::new()).unwrap().is_empty());
    }

    #[test]
    fn the_pin_is_blamed_by_its_return_values() {
        let refused = |rv: &str| Answer::Refused {
            rv: rv.to_owned(),
            attempts: None,
        };
        assert!(blames_pin(&refused("CKR_PIN_LOCKED")));
        assert!(!blames_pin(&refused("CKR_DEVICE_ERROR")));
        let locked = Token {
            pin_locked: true,
            ..Token::default()
        };
        assert!(blames_pin(&Answer::Token(locked)));
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card and the terminal in front of it, somewhere in a row: executes single
//! steps and says what came back.

use super::contact::Contact;
use super::expect::Seen;
use super::guard::{Guard, Inside};
use super::record::Record;
use super::script::{self, Names, ScriptError, Written};
use super::{device, forge};
use chacha20::ChaCha20Rng;
use cie_terminal::Error;
use cie_terminal::keys::PublicKey;
use cie_terminal::steps::agreement::{Agreement, TerminalShare};
use cie_terminal::steps::device::{CardProof, authenticated_ssc, verify_card};
use cie_terminal::steps::objects::{CaKey, Domain};
use iso7816_wire::apdu::{CLA_SM, SHORT_DATA_MAX, SHORT_LE_MAX};
use iso7816_wire::sm::{INITIAL_SSC, PAYLOAD_MAX, Session, SessionKeys};
use iso7816_wire::{CardDoor, CommandApdu, ResponseApdu, tlv};
use rand_core::{Rng, SeedableRng};
use std::sync::Arc;

const GET_CHALLENGE: u8 = 0x84;
/// The most pieces of an answer that are fetched.
const PIECES_MAX: usize = 64;

/// What a terminal read from a card before any row began.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) domain: Domain,
    pub(super) share: TerminalShare,
    /// One whose public value has a leading zero byte.
    pub(super) short: TerminalShare,
    pub(super) ca: CaKey,
    pub(super) device_key: PublicKey,
}

/// A card in some state with the terminal's half of that state.
#[derive(Clone)]
pub(super) struct Desk<D> {
    pub(super) card: D,
    /// What led to a session; `None` if the card did not say enough for one.
    pub(super) known: Option<Arc<Known>>,
    pub(super) names: Names,
    pub(super) guard: Guard,
    /// Nothing that a card answers is put into words.
    pub(super) withhold: bool,
    /// How many random streams were used up; each has its own seed.
    pub(super) draws: u8,
    pub(super) session: Option<Session>,
    pub(super) keys: Option<SessionKeys>,
    pub(super) agreement: Option<Agreement>,
    pub(super) challenge: [u8; 8],
    /// The one before it.
    challenge_before: [u8; 8],
    pub(super) last_sealed: Vec<u8>,
    /// The command inside [`last_sealed`](Self::last_sealed), if it is known.
    last_inside: Option<CommandApdu>,
    pub(super) record: Record,
}

impl<D: CardDoor> Desk<D> {
    /// A terminal in front of this card, before anything was said.
    pub(super) fn new(card: D, contact: Contact, guard: Guard) -> Self {
        Self {
            card,
            known: contact.known,
            names: contact.names,
            guard,
            withhold: false,
            draws: 0,
            session: None,
            keys: None,
            agreement: None,
            challenge: [0; 8],
            challenge_before: [0; 8],
            last_sealed: Vec::new(),
            last_inside: None,
            record: Record::default(),
        }
    }

    /// The terminal forgets everything but this; the card is left as it is.
    pub(super) fn start_over(&mut self, contact: Contact) {
        self.known = contact.known;
        self.names = contact.names;
        self.draws = 0;
        self.session = None;
        self.keys = None;
        self.agreement = None;
        self.challenge = [0; 8];
        self.challenge_before = [0; 8];
        self.last_sealed.clear();
        self.last_inside = None;
        self.record = Record::default();
    }

    fn known(&self) -> Result<Arc<Known>, ScriptError> {
        let none = || ScriptError::Name("domain and CA key of the card".to_owned());
        self.known.clone().ok_or_else(none)
    }

    /// What came back, in words that are fit for the report.
    pub(super) fn words(&self, seen: &Seen) -> String {
        if self.withhold {
            seen.in_words_without_data()
        } else {
            seen.in_words()
        }
    }

    /// Keeps an answer with data as the one that `{last}` names from here on.
    pub(super) fn remember(&mut self, seen: &Seen) {
        if let Seen::Answer { data, .. } = seen
            && !data.is_empty()
        {
            self.names.set("last", data.clone());
        }
    }

    /// Executes one step, once. Says what came back and whether the step went
    /// in secure messaging.
    pub(super) fn execute(&mut self, action: &str) -> Result<(Seen, bool), ScriptError> {
        match action {
            "power on" => {
                let answer = self.card.power_on();
                self.record.event("power on", &answer);
                return Ok((atr(answer), false));
            }
            "reset" => {
                let answer = self.card.reset();
                self.record.event("reset", &answer);
                return Ok((atr(answer), false));
            }
            "power off" => {
                self.card.power_off();
                self.record.event("power off", &[]);
                return Ok((Seen::Mute, false));
            }
            "card proof" => return Ok((self.card_proof()?, true)),
            "replay" => {
                let bytes = self.last_sealed.clone();
                let inside = self.last_inside.clone();
                return Ok((self.sealed(&bytes, inside.as_ref(), 0), true));
            }
            _ => {}
        }
        if let Some(kind) = action.strip_prefix("certificate ") {
            let data = device::certificate(kind, &self.known()?.ca)?;
            return Ok((self.with_data([0, 0x2A, 0x00, 0xAE], data), true));
        }
        if let Some(kind) = action.strip_prefix("proof ") {
            let none = || ScriptError::Word(action.to_owned());
            let agreement = self.agreement.clone().ok_or_else(none)?;
            let challenge = match kind {
                "challenge before" => self.challenge_before,
                _ => self.challenge,
            };
            let data = device::proof(kind, &agreement, challenge, &mut self.random())?;
            return Ok((self.with_data([0, 0x82, 0, 0], data), true));
        }
        if let Some(rest) = action.strip_prefix("forged ") {
            let wrong = || ScriptError::Word(action.to_owned());
            let (kind, command) = rest.split_once(':').ok_or_else(wrong)?;
            return Ok((self.forged(kind, &self.apdu(command)?)?, true));
        }
        if let Some(command) = action.strip_prefix("sm ") {
            let command = self.apdu(command)?;
            return Ok((self.protected(&command.chain(PAYLOAD_MAX)), true));
        }
        if let Some(command) = action.strip_prefix("piece ") {
            let command = self.apdu(command)?;
            return Ok((self.protected(&[command]), true));
        }
        if let Some(command) = action.strip_prefix("all ") {
            let first = self.plain(command)?;
            return Ok((self.collected(first, 0x00), false));
        }
        if let Some(rest) = action.strip_prefix("adopt ") {
            let (sent, command) = rest.split_once(':').unwrap_or(("share", rest));
            let sent = self.names.get(sent)?.to_vec();
            let first = self.plain(command)?;
            let answer = self.collected(first, 0x00);
            return Ok((self.adopt(answer, sent)?, false));
        }
        Ok((self.plain(action)?, false))
    }

    /// The next random stream: other bytes every time, the same in every run.
    fn random(&mut self) -> ChaCha20Rng {
        self.draws = self.draws.wrapping_add(1);
        ChaCha20Rng::from_seed([self.draws; 32])
    }

    /// A command for secure messaging.
    fn apdu(&self, text: &str) -> Result<CommandApdu, ScriptError> {
        match script::command(text, &self.names)? {
            Written::Raw(bytes) => {
                CommandApdu::parse(&bytes).map_err(|_| ScriptError::Bytes(text.to_owned()))
            }
            Written::Fields { header, data, le } => Ok(fields(header, data, le)),
        }
    }

    fn plain(&mut self, text: &str) -> Result<Seen, ScriptError> {
        let (header, data, le) = match script::command(text, &self.names)? {
            Written::Raw(bytes) => return Ok(self.transmit(&bytes)),
            Written::Fields { header, data, le } => (header, data, le),
        };
        let mut seen = Seen::Mute;
        for piece in fields(header, data, le).chain(SHORT_DATA_MAX) {
            seen = match piece.encode() {
                Ok(bytes) => self.transmit(&bytes),
                Err(error) => return Ok(Seen::Broken(error.to_string())),
            };
            if !matches!(&seen, Seen::Answer { sw, .. } if sw.is_ok()) {
                break;
            }
        }
        Ok(seen)
    }

    fn transmit(&mut self, bytes: &[u8]) -> Seen {
        self.carry(bytes, Inside::Nothing)
    }

    /// Sends these bytes, unless the guard does not let them pass. It may ask
    /// the card first how many tries are left.
    fn carry(&mut self, bytes: &[u8], inside: Inside<'_>) -> Seen {
        if self.guard.wants_to_ask(bytes, inside)
            && let Some(left) = self.ask_tries()
        {
            self.guard.tries_left(left);
        }
        if !self.guard.lets_pass(bytes, inside) {
            return Seen::Broken("not sent".to_owned());
        }
        let answer = self.card.transmit(bytes);
        self.guard.answered(bytes, inside, &answer);
        self.record.exchange(bytes, &answer);
        let seen = match ResponseApdu::parse(&answer) {
            Ok(answer) => Seen::Answer {
                data: answer.data,
                sw: answer.sw,
                protected: false,
            },
            Err(_) if answer.is_empty() => Seen::Mute,
            Err(error) => Seen::Broken(error.to_string()),
        };
        if bytes.get(1) == Some(&GET_CHALLENGE) {
            self.keep_challenge(&seen);
        }
        seen
    }

    /// PIN tries left, by a question that costs nothing. `None` if it cannot be
    /// asked without disturbing what is under way, or is not answered.
    pub(super) fn ask_tries(&mut self) -> Option<u8> {
        let question = self.apdu("PIN-LEFT").ok()?;
        let seen = if self.session.is_some() {
            let kept = (self.last_sealed.clone(), self.last_inside.clone());
            let seen = self.protected(&[question]);
            (self.last_sealed, self.last_inside) = kept;
            seen
        } else {
            self.plain("PIN-LEFT").ok()?
        };
        counter(&seen)
    }

    fn keep_challenge(&mut self, seen: &Seen) {
        if let Seen::Answer { data, .. } = seen
            && let Ok(challenge) = data.as_slice().try_into()
        {
            self.challenge_before = std::mem::replace(&mut self.challenge, challenge);
        }
    }

    /// A plain answer of which a part waits, fetched to its end.
    pub(super) fn whole(&mut self, seen: &Seen) -> Option<Seen> {
        match seen {
            Seen::Answer {
                sw,
                protected: false,
                ..
            } if sw.is_more_data() => Some(self.collected(seen.clone(), 0x00)),
            _ => None,
        }
    }

    /// Fetches the rest of a plain answer, with the classes that clients use.
    fn collected(&mut self, first: Seen, cla_of_6100: u8) -> Seen {
        let mut seen = first;
        for _ in 0..PIECES_MAX {
            let Seen::Answer { data, sw, .. } = &seen else {
                return seen;
            };
            if !sw.is_more_data() {
                return seen;
            }
            let [_, count] = sw.to_bytes();
            let cla = if count == 0 { cla_of_6100 } else { 0x00 };
            let mut joined = data.clone();
            let piece = self.transmit(&[cla, 0xC0, 0, 0, count]);
            let Seen::Answer { data, sw, .. } = piece else {
                return piece;
            };
            joined.extend(data);
            seen = Seen::Answer {
                data: joined,
                sw,
                protected: false,
            };
        }
        Seen::Broken("an answer without end".to_owned())
    }

    /// Protected commands, each sealed and answered by itself; the answer to
    /// the last one or to the first that is not 9000.
    fn protected(&mut self, pieces: &[CommandApdu]) -> Seen {
        let mut seen = Seen::Mute;
        for piece in pieces {
            let Some(session) = &mut self.session else {
                return Seen::Broken("the terminal has no session".to_owned());
            };
            let sealed = session.seal_command(piece).map(|sealed| sealed.encode());
            let Ok(Ok(bytes)) = sealed else {
                return Seen::Broken("the command does not fit".to_owned());
            };
            let mark = self.record.mark();
            seen = self.sealed(&bytes, Some(piece), piece.ins);
            self.record
                .carried(mark, &piece.encode().unwrap_or_default());
            if !matches!(&seen, Seen::Answer { sw, protected: true, .. } if sw.is_ok()) {
                break;
            }
        }
        seen
    }

    /// Sends a sealed command whose counter the session has already counted,
    /// and unwraps the answer.
    fn sealed(&mut self, bytes: &[u8], inside: Option<&CommandApdu>, ins: u8) -> Seen {
        bytes.clone_into(&mut self.last_sealed);
        self.last_inside = inside.cloned();
        let first = self.carry(bytes, inside.map_or(Inside::Unknown, Inside::Command));
        let outer = self.collected(first, CLA_SM);
        let Seen::Answer { data, sw, .. } = outer else {
            return outer;
        };
        let Some(session) = &mut self.session else {
            return Seen::Broken("the terminal has no session".to_owned());
        };
        if data.is_empty() {
            return Seen::Answer {
                data,
                sw,
                protected: false,
            };
        }
        // DO 85 with odd instructions, DO 87 with the others (section 4.3).
        let other = if ins & 1 == 1 { 0x87 } else { 0x85 };
        if data.first() == Some(&other) {
            return Seen::Broken(format!("DO {other:02X} to instruction {ins:02X}"));
        }
        let seen = match session.open_response(&ResponseApdu { data, sw }) {
            Ok(inner) if inner.sw == sw => {
                let shown = [&*inner.data, &sw.to_bytes()].concat();
                self.record.answered(shown);
                Seen::Answer {
                    data: inner.data,
                    sw,
                    protected: true,
                }
            }
            Ok(inner) => Seen::Broken(format!("{sw} outside and {} inside", inner.sw)),
            Err(error) => Seen::Broken(error.to_string()),
        };
        if ins == GET_CHALLENGE {
            self.keep_challenge(&seen);
        }
        seen
    }

    fn forged(&mut self, kind: &str, command: &CommandApdu) -> Result<Seen, ScriptError> {
        let none = || ScriptError::Word(format!("forged {kind} without a session"));
        let (session, keys) = self
            .session
            .as_mut()
            .zip(self.keys.as_ref())
            .ok_or_else(none)?;
        let bytes = forge::forge(kind, command, keys, session.ssc())?;
        session.set_ssc(session.ssc().wrapping_add(1));
        let mark = self.record.mark();
        let seen = self.sealed(&bytes, None, command.ins);
        self.record
            .carried(mark, &command.encode().unwrap_or_default());
        Ok(seen)
    }

    fn with_data(&mut self, header: [u8; 4], data: Result<Vec<u8>, Error>) -> Seen {
        match data {
            Ok(data) => self.protected(&fields(header, data, None).chain(PAYLOAD_MAX)),
            Err(error) => Seen::Broken(error.to_string()),
        }
    }

    /// Step g with a fresh challenge, verified, and step h.
    fn card_proof(&mut self) -> Result<Seen, ScriptError> {
        let known = self.known()?;
        let mut challenge = [0; 8];
        self.random().fill_bytes(&mut challenge);
        let command = fields([0, 0x88, 0, 0], challenge.to_vec(), None);
        let seen = self.protected(&[command]);
        let Seen::Answer { data, sw, .. } = &seen else {
            return Ok(seen);
        };
        if !sw.is_ok() {
            return Ok(seen);
        }
        let parts = data.split_first_chunk::<8>().zip(self.agreement.as_ref());
        let Some(((serial, signature), agreement)) = parts else {
            return Ok(Seen::Broken("no proof in the answer".to_owned()));
        };
        let proof = CardProof {
            serial: *serial,
            signature: signature.to_vec(),
        };
        if let Err(error) = verify_card(&proof, &known.device_key, agreement, challenge) {
            return Ok(Seen::Broken(error.to_string()));
        }
        if let Some(session) = &mut self.session {
            session.set_ssc(authenticated_ssc(self.challenge, challenge));
        }
        Ok(seen)
    }

    /// Takes an answer to GET DATA as the card's public value, after `sent`
    /// was sent as the terminal's.
    fn adopt(&mut self, answer: Seen, sent: Vec<u8>) -> Result<Seen, ScriptError> {
        let Seen::Answer { data, sw, .. } = &answer else {
            return Ok(answer);
        };
        if !sw.is_ok() {
            return Ok(answer);
        }
        let known = self.known()?;
        let Known {
            domain,
            share,
            short,
            ..
        } = &*known;
        let share = if share.public() == sent { share } else { short };
        let public = tlv::path(data, &[0xA6, 0x91]).unwrap_or_default();
        match share.agree(domain, public) {
            Ok(keys) => {
                self.session = Some(Session::new(&keys, INITIAL_SSC));
                self.keys = Some(keys);
                self.agreement = Some(Agreement {
                    domain: domain.clone(),
                    terminal_public: sent,
                    card_public: public.to_vec(),
                });
                Ok(answer)
            }
            Err(error) => Ok(Seen::Broken(error.to_string())),
        }
    }
}

/// The value of DO 9B, a counter of tries.
pub(super) fn counter(seen: &Seen) -> Option<u8> {
    let Seen::Answer { data, sw, .. } = seen else {
        return None;
    };
    match data.last_chunk::<3>() {
        Some([0x9B, 0x01, left]) if sw.is_ok() => Some(*left),
        _ => None,
    }
}

fn fields([cla, ins, p1, p2]: [u8; 4], data: Vec<u8>, le: Option<u8>) -> CommandApdu {
    let command = CommandApdu::new(cla, ins, p1, p2).with_data(data);
    match le {
        None => command,
        Some(0) => command.with_le(SHORT_LE_MAX),
        Some(le) => command.with_le(usize::from(le)),
    }
}

fn atr(bytes: Vec<u8>) -> Seen {
    if bytes.is_empty() {
        Seen::Mute
    } else {
        Seen::Atr(bytes)
    }
}

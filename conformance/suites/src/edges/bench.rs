// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs rows against a card: brings a copy of it into the state a row starts
//! from, executes the script and names the first answer that is not as it
//! should be.

use super::desk::{Desk, Known};
use super::expect::{Behaviour, Seen, for_family, matches};
use super::leeway::{PIECES, leeway};
use super::record::{Exchange, Record};
use super::row::{Row, Start, Unit};
use super::script::{self, Names, ScriptError, Step};
use chacha20::ChaCha20Rng;
use cie_terminal::keys::PublicKey;
use cie_terminal::steps::agreement::TerminalShare;
use cie_terminal::steps::device_certificate::Device;
use cie_terminal::steps::objects::{Domain, DomainForm};
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::transport::InProcess;
use cie_terminal::{Channel, Error};
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use std::sync::Arc;
use thiserror::Error as ThisError;
use zeroize::Zeroizing;

/// A freshly personalised card without power, and what its issuer knows of it.
#[derive(Clone, Debug)]
pub struct Specimen<D> {
    /// The card.
    pub card: D,
    /// Name of its family.
    pub family: String,
    /// Answer to reset of its family.
    pub atr: Vec<u8>,
    /// Content of EF.ATR of its family.
    pub ef_atr: Vec<u8>,
    /// SELECT by the IAS AID works in its family.
    pub root_by_aid: bool,
    /// Its family takes extended length.
    pub extended_length: bool,
    /// The PIN.
    pub pin: String,
    /// The PUK.
    pub puk: String,
    /// ID_Servizi, twelve digits.
    pub nis: String,
    /// Serial number of the document.
    pub serial: String,
    /// The citizen's certificate.
    pub certificate: Vec<u8>,
}

impl<D> Specimen<D> {
    /// What is known stays, and the card is put behind another door.
    pub fn behind<E>(self, door: impl FnOnce(D) -> E) -> Specimen<E> {
        Specimen {
            card: door(self.card),
            family: self.family,
            atr: self.atr,
            ef_atr: self.ef_atr,
            root_by_aid: self.root_by_aid,
            extended_length: self.extended_length,
            pin: self.pin,
            puk: self.puk,
            nis: self.nis,
            serial: self.serial,
            certificate: self.certificate,
        }
    }
}

/// A row that is not fulfilled.
#[derive(Debug, ThisError)]
#[error("{id} ({family}): {reason}")]
pub struct RowError {
    /// The row.
    pub id: String,
    /// The family of the card.
    pub family: String,
    /// Why.
    pub reason: Box<Reason>,
}

/// Why a row is not fulfilled.
#[derive(Debug, ThisError)]
pub enum Reason {
    /// A defect of the row itself.
    #[error("the row cannot be executed: {0}")]
    Script(#[from] ScriptError),
    /// The card could not be brought into the state a row starts from.
    #[error("no card in the state {:?}: {why}", start.name())]
    Start {
        /// The state.
        start: Start,
        /// What went wrong on the way.
        why: String,
    },
    /// The card ended while it was executing the row.
    #[error("the card panicked")]
    Crash,
    /// The card answered otherwise.
    #[error("step {step}, {action:?}: expected {expected:?}, got {got}")]
    Answer {
        /// Number of the step, from 1.
        step: usize,
        /// The step.
        action: String,
        /// The expected answer.
        expected: String,
        /// What came, in words.
        got: String,
    },
    /// The card answered otherwise, within what the ground leaves open, and
    /// did all the rest.
    #[error("step {step}, {action:?}: expected {expected:?}, got {got}: {because}")]
    Leeway {
        /// Number of the first such step, from 1.
        step: usize,
        /// The step.
        action: String,
        /// The expected answer.
        expected: String,
        /// What came, in words.
        got: String,
        /// Why it may.
        because: &'static str,
    },
}

/// What a row came to, and what went over the wire from its start state on.
#[derive(Debug)]
pub struct Outcome {
    /// `Ok(false)`: the row is not for this family.
    pub result: Result<bool, Reason>,
    /// The exchanges, in order.
    pub exchanges: Vec<Exchange>,
}

/// One card and copies of it in the states that rows start from.
pub struct Bench<D> {
    specimen: Specimen<D>,
    ready: BTreeMap<Start, Desk<D>>,
}

impl<D: CardDoor + Clone> Bench<D> {
    /// A bench for this card.
    #[must_use]
    pub fn new(specimen: Specimen<D>) -> Self {
        Self {
            specimen,
            ready: BTreeMap::new(),
        }
    }

    /// Runs one row on a copy of the card. `false` if the row is not for this
    /// family.
    ///
    /// # Errors
    /// [`RowError`] naming the row, the step and what came instead.
    pub fn run(&mut self, unit: &Unit, row: &Row) -> Result<bool, RowError> {
        self.outcome(row).result.map_err(|reason| RowError {
            id: unit.id(row),
            family: self.specimen.family.clone(),
            reason: Box::new(reason),
        })
    }

    /// The same with everything that went over the wire.
    pub fn outcome(&mut self, row: &Row) -> Outcome {
        let mut exchanges = Vec::new();
        let result = self.try_run(row, &mut exchanges);
        Outcome { result, exchanges }
    }

    fn try_run(&mut self, row: &Row, exchanges: &mut Vec<Exchange>) -> Result<bool, Reason> {
        let (families, steps) = script::parse(row.script)?;
        if !families.is_empty() && !families.contains(&self.specimen.family.as_str()) {
            return Ok(false);
        }
        let start = row.start;
        let mut desk = self
            .desk(start)
            .map_err(|why| Reason::Start { start, why })?;
        // What led to the start is the same for every row.
        desk.record = Record::default();
        let played = play(&mut desk, &steps, self.behaviour());
        *exchanges = desk.record.take();
        played.map(|()| true)
    }

    fn behaviour(&self) -> Behaviour {
        Behaviour {
            by_aid: self.specimen.root_by_aid,
            extended: self.specimen.extended_length,
        }
    }

    /// A copy of the card in this state.
    fn desk(&mut self, start: Start) -> Result<Desk<D>, String> {
        if let Some(desk) = self.ready.get(&start) {
            return Ok(desk.clone());
        }
        let desk = self.prepare(start)?;
        self.ready.insert(start, desk.clone());
        Ok(desk)
    }

    fn prepare(&mut self, start: Start) -> Result<Desk<D>, String> {
        let (before, script) = match start {
            Start::Off => return Ok(first_contact(&self.specimen)),
            Start::On => (Start::Off, "power on = ATR"),
            Start::Root => (Start::On, "ROOT = 9000"),
            Start::Cie => (Start::On, "CIE = 9000"),
            Start::Pending => (Start::Cie, "SHARE = 9000; adopt CARD-SHARE = * 9000"),
            Start::Live => (Start::Pending, "sm NIS = {NIS} 9000"),
            Start::Certified => {
                let mut desk = self.desk(Start::Live)?;
                let known = desk.known().map_err(|e| e.to_string())?;
                certify(&mut desk, &known).map_err(|e| e.to_string())?;
                return Ok(desk);
            }
            Start::Device => (
                Start::Certified,
                "sm CHALLENGE = #8 9000; proof good = 9000; sm SET-82 = 9000;
                 card proof = #264 9000",
            ),
            Start::Pin => (Start::Device, "sm VERIFY-PIN = 9000"),
            Start::Puk => (Start::Device, "sm VERIFY-PUK = 9000"),
            Start::PinOneLeft => (Start::Device, "sm WRONG-PIN = 63C2; sm WRONG-PIN = 63C1"),
            Start::PinBlocked => (Start::PinOneLeft, "sm WRONG-PIN = 63C0"),
            Start::PukOneLeft => (
                Start::Pin,
                "sm VERIFY-PUK = 9000; 
                 sm WRONG-PUK = 63C9; sm WRONG-PUK = 63C8;
                 sm WRONG-PUK = 63C7; sm WRONG-PUK = 63C6;
                 sm WRONG-PUK = 63C5; sm WRONG-PUK = 63C4;
                 sm WRONG-PUK = 63C3; sm WRONG-PUK = 63C2;
                 sm WRONG-PUK = 63C1",
            ),
            Start::PukDead => (Start::PukOneLeft, "sm WRONG-PUK = 63C0"),
        };
        let mut desk = self.desk(before)?;
        let (_, steps) = script::parse(script).map_err(|e| e.to_string())?;
        match play(&mut desk, &steps, self.behaviour()) {
            Ok(()) | Err(Reason::Leeway { .. }) => Ok(desk),
            Err(reason) => Err(reason.to_string()),
        }
    }
}

fn play<D: CardDoor + Clone>(
    desk: &mut Desk<D>,
    steps: &[Step<'_>],
    behaviour: Behaviour,
) -> Result<(), Reason> {
    let mut first_leeway = None;
    for (index, step) in steps.iter().enumerate() {
        let expected = for_family(step.answer, behaviour)?;
        desk.record.step(index + 1);
        for _ in 0..step.times {
            let (mut seen, by_session) = desk.execute(step.action)?;
            if !matches(expected, &seen, by_session, &desk.names)? {
                let (step, action) = (index + 1, step.action.to_owned());
                let (expected, got) = (expected.to_owned(), seen.in_words());
                let open = |seen: &Seen, names: &Names| {
                    leeway(&action, &expected, seen, by_session, names)
                };
                let mut because = open(&seen, &desk.names);
                if because.is_none()
                    && let Some(whole) = desk.whole(&seen)
                {
                    let fits = matches(&expected, &whole, by_session, &desk.names)?;
                    because = (fits || open(&whole, &desk.names).is_some()).then_some(PIECES);
                    seen = whole;
                }
                let Some(because) = because else {
                    return Err(Reason::Answer {
                        step,
                        action,
                        expected,
                        got,
                    });
                };
                first_leeway.get_or_insert(Reason::Leeway {
                    step,
                    action,
                    expected,
                    got,
                    because,
                });
            }
            desk.remember(&seen);
        }
    }
    first_leeway.map_or(Ok(()), Err)
}

/// An exponent whose public value in the group of the card (choice 2) has one
/// leading zero byte: SHA-256 of the text `short share 149`, the first such
/// text with a number that gives one.
const SHORT_EXPONENT: &str = "88D0CD6B7565D2D26D011E65F8204013E657C8B9E0F3C12F867D14BA3EB6BDFC";

/// Steps a to c of section 4.4 with the published device.
fn certify<D: CardDoor + Clone>(desk: &mut Desk<D>, known: &Known) -> Result<(), Error> {
    let device = Device::published()?;
    let mut channel = desk.channel();
    channel.set_certificate_key()?;
    channel.send_device_certificate(&device.certify(&known.ca)?)?;
    channel.set_device_key(&device.holder_reference())?;
    desk.take_up(channel);
    Ok(())
}

/// A terminal in front of a card without power, with all that can be known
/// before a row begins.
fn first_contact<D: CardDoor + Clone>(specimen: &Specimen<D>) -> Desk<D> {
    let mut names = told(specimen);
    // Rows that need nothing of it can do without.
    let known = read_first(specimen, &mut names).map_err(|error| error.to_string());
    for fid in [
        "2F00", "2F01", "D003", "D004", "1001", "1002", "1003", "1004", "1005", "1006",
    ] {
        if let Ok(content) = names.get(&format!("EF{fid}")) {
            let [.., high, low] = content.len().to_be_bytes();
            names.set(&format!("L{fid}"), [high, low]);
        }
    }
    Desk {
        card: specimen.card.clone(),
        known: known.map(Arc::new),
        names,
        draws: 0,
        session: None,
        keys: None,
        agreement: None,
        challenge: [0; 8],
        last_sealed: Vec::new(),
        record: Record::default(),
    }
}

/// What is told about the card.
fn told<D>(specimen: &Specimen<D>) -> Names {
    let mut names = Names::default();
    names.set("ATR", specimen.atr.clone());
    names.set("EF2F01", specimen.ef_atr.clone());
    names.set("PIN", specimen.pin.as_bytes());
    names.set("PUK", specimen.puk.as_bytes());
    names.set("NIS", specimen.nis.as_bytes());
    names.set("EF1001", specimen.nis.as_bytes());
    names.set("NIS-BCD", hex::decode(&specimen.nis).unwrap_or_default());
    names.set("SERIAL", specimen.serial.as_bytes());
    names.set("EF1002", specimen.serial.as_bytes());
    names.set("CERT", specimen.certificate.clone());
    names.set("EF1003", specimen.certificate.clone());
    let mut others = ["13572468", "24681357", "97531864", "86420975"]
        .into_iter()
        .filter(|code| *code != specimen.pin && *code != specimen.puk);
    names.set("WRONG", others.next().unwrap_or_default());
    names.set("NEW", others.next().unwrap_or_default());
    names
}

/// Reads what is free on a copy of the card and names it.
fn read_first<D: CardDoor + Clone>(
    specimen: &Specimen<D>,
    names: &mut Names,
) -> Result<Known, Error> {
    let mut channel = Channel::new(InProcess::power_on(specimen.card.clone()));
    let mut rng = ChaCha20Rng::from_seed([29; 32]);
    channel.select_root_any()?;
    for id in [file::DIR, file::SERIAL_ICC, file::DH] {
        names.set(&format!("EF{id:04X}"), channel.read_file(id, le::ALL)?);
    }
    channel.select_cie()?;
    for id in [file::DEVICE_KEY, file::ANTI_CLONING_KEY, file::SOD] {
        names.set(&format!("EF{id:04X}"), channel.read_file(id, le::ALL)?);
    }
    let domain = channel.read_domain(DomainForm::Whole)?;
    let ca = channel.read_ca_key()?;
    let share = TerminalShare::generate(&domain, &mut rng)?;
    let short = Zeroizing::new(hex::decode(SHORT_EXPONENT).unwrap_or_default());
    let short = TerminalShare::from_exponent(&domain, short)?;
    let device_key = PublicKey::from_file(names.get("EF1004").unwrap_or_default())?;
    let services_key = PublicKey::from_file(names.get("EF1005").unwrap_or_default())?;
    let citizen = cie_terminal::certificate::CardCertificate::from_file(&specimen.certificate)?;

    name_numbers(names, &domain, share.public());
    if let Some((0, rest)) = short.public().split_first() {
        // In another group there is no such value, and rows that use it say so.
        names.set("short", rest);
        names.set("padded", short.public());
    }
    names.set("N81", citizen.key().modulus());
    names.set("N82", device_key.modulus());
    names.set("N83", services_key.modulus());
    names.set("N84", ca.key.modulus());
    names.set("E84", ca.key.exponent());
    Ok(Known {
        domain,
        share,
        short,
        ca,
        device_key,
    })
}

/// The domain of the key agreement and the values at its rim.
fn name_numbers(names: &mut Names, domain: &Domain, share: &[u8]) {
    let plus = |delta: i16| {
        // p is odd and does not end in FF, so no byte but the last changes.
        let mut number = domain.p.clone();
        if let Some(last) = number.last_mut() {
            *last = u8::try_from(i16::from(*last) + delta).unwrap_or(*last);
        }
        number
    };
    names.set("p-1", plus(-1));
    names.set("p-2", plus(-2));
    names.set("p+1", plus(1));
    names.set("p", domain.p.clone());
    names.set("g", domain.g.clone());
    names.set("q", domain.q.clone());
    names.set("share", share);
}

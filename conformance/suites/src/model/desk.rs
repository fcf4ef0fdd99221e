// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card, the terminal in front of it and the model beside it: performs
//! actions and holds every answer against the model.

use super::facts::Facts;
use super::op::{CERTIFICATES, Cut, FORGERIES, How, Op, PROOFS, Part, command};
use super::state::{GoodProof, Messaging, Model, Reply, Sent};
use super::tally::Tally;
use super::watch::{Watch, Watched};
use crate::edges::{Exchange, device, forge};
use chacha20::ChaCha20Rng;
use cie_terminal::steps::agreement::Agreement;
use cie_terminal::steps::select::{AID_CIE, AID_IAS};
use iso7816_wire::apdu::{CLA_CHAINING, CLA_SM, SHORT_DATA_MAX, SHORT_LE_MAX};
use iso7816_wire::sm::{PAYLOAD_MAX, Session, SessionKeys};
use iso7816_wire::{CardDoor, CommandApdu, ResponseApdu, tlv};
use rand_core::SeedableRng;
use std::sync::Arc;

/// The card did something else than the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The action.
    pub op: String,
    /// What was expected and what came.
    pub why: String,
}

/// The terminal's half of a session.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// The agreement that they come from.
    number: u32,
    pub(super) session: Session,
    keys: SessionKeys,
    pub(super) agreement: Arc<Agreement>,
}

/// The beginning of a long answer.
#[derive(Clone, Debug)]
pub(super) struct Partial {
    pub(super) bytes: Vec<u8>,
    pub(super) reply: Reply,
    pub(super) sealed: Option<(u64, u8)>,
}

/// A card in some state, with what the terminal and the model know of it.
#[derive(Clone, Debug)]
pub struct Desk<D> {
    card: Watched<D>,
    /// The model.
    pub model: Model,
    pub(super) facts: Arc<Facts>,
    pub(super) keys: Option<Keys>,
    pub(super) heard: Option<(u32, Vec<u8>)>,
    pub(super) challenge: [u8; 8],
    last_sealed: Option<(Vec<u8>, CommandApdu, u16)>,
    pub(super) partial: Option<Partial>,
    draws: u64,
    last_sw: u16,
    step: usize,
    pub(super) record: Option<Vec<Exchange>>,
    /// How many commands went to the card.
    pub commands: usize,
}

/// The counter of a terminal that knows none.
const NO_COUNTER: u64 = 0x5555_5555;

impl<D: CardDoor + Clone> Desk<D> {
    /// A card as issued, without power.
    pub fn new(card: D, facts: Arc<Facts>) -> Self {
        Self {
            card: Watched::new(card, Arc::default()),
            model: Model::new(facts.clone()),
            facts,
            keys: None,
            heard: None,
            challenge: [0; 8],
            last_sealed: None,
            partial: None,
            draws: 0,
            last_sw: 0,
            step: 0,
            record: None,
            commands: 0,
        }
    }

    /// From here on `watch` is told what the card is at.
    pub(super) fn tell(&mut self, watch: &Arc<Watch>) {
        self.card.tell(watch);
    }

    /// A sequence begins here: actions and commands are counted anew.
    pub fn begin(&mut self) {
        self.commands = 0;
        self.step = 0;
    }

    /// From here on every exchange is kept.
    pub fn keep_record(&mut self) {
        self.record = Some(Vec::new());
    }

    /// The exchanges that were kept.
    pub fn take_record(&mut self) -> Vec<Exchange> {
        self.record.take().unwrap_or_default()
    }

    /// Performs an action.
    ///
    /// # Errors
    /// [`Mismatch`] at the first answer that is not the model's.
    pub fn perform(&mut self, op: &Op, tally: &mut Tally) -> Result<(), Mismatch> {
        self.step += 1;
        self.act(op, tally).map_err(|why| Mismatch {
            op: op.to_string(),
            why,
        })
    }

    fn act(&mut self, op: &Op, tally: &mut Tally) -> Result<(), String> {
        match op {
            Op::PowerOn => {
                let atr = self.card.power_on();
                self.powered("power on", &atr, tally)
            }
            Op::Reset => {
                let atr = self.card.reset();
                self.powered("reset", &atr, tally)
            }
            Op::PowerOff => {
                self.card.power_off();
                self.event("power off", &[], tally);
                self.model.powered_off();
                Ok(())
            }
            Op::Bytes(bytes) => self.exchange(&Sent::Plain(bytes), tally).map(drop),
            Op::Command {
                header,
                data,
                le,
                how,
                cut,
                fetch,
            } => {
                let data = self.resolve(data);
                self.command(*header, data, *le, *how, *cut, *fetch, tally)
            }
            Op::Forged(row) => self.forged(*row, tally),
            Op::Replay => {
                let Some((bytes, inner, fault)) = self.last_sealed.clone() else {
                    return Ok(());
                };
                let sent = Sent::Sealed {
                    bytes: &bytes,
                    inner: &inner,
                    fault: if fault == 0x6987 { fault } else { 0x6988 },
                    agreement: 0,
                };
                self.exchange(&sent, tally).map(drop)
            }
            Op::Agree => self.agree(tally),
        }
    }

    fn event(&mut self, event: &'static str, answer: &[u8], tally: &mut Tally) {
        self.partial = None;
        tally.event(event, self.model.state());
        self.commands += 1;
        if let Some(record) = &mut self.record {
            record.push(Exchange {
                step: self.step,
                event,
                response: answer.to_vec(),
                ..Exchange::default()
            });
        }
    }

    fn powered(
        &mut self,
        event: &'static str,
        atr: &[u8],
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.event(event, atr, tally);
        self.model.powered_up();
        if atr == self.facts.atr {
            Ok(())
        } else {
            Err(format!(
                "another answer to reset: {}",
                hex::encode_upper(atr)
            ))
        }
    }

    fn random(&mut self) -> ChaCha20Rng {
        self.draws += 1;
        ChaCha20Rng::seed_from_u64(self.draws)
    }

    fn resolve(&mut self, parts: &[Part]) -> Vec<u8> {
        let mut out = Vec::new();
        for part in parts {
            match part {
                Part::Bytes(bytes) => out.extend_from_slice(bytes),
                Part::Pin => out.extend(self.model.pin.value),
                Part::Puk => out.extend(self.model.puk.value),
                Part::Wrong => out.extend(self.facts.wrong),
                Part::New(at) => {
                    let new = self.facts.new.get(usize::from(*at));
                    out.extend(new.unwrap_or(&self.facts.wrong));
                }
                Part::Share => out.extend_from_slice(self.facts.share.public()),
                Part::Certificate(kind) => {
                    let data = self.facts.certificates.get(usize::from(*kind));
                    out.extend_from_slice(data.map_or(&[], Vec::as_slice));
                }
                Part::Proof(kind) => out.extend(self.proof(*kind)),
            }
        }
        out
    }

    /// A proof over the challenge that came last. It is costly, so one that
    /// cannot be looked at is not made.
    fn proof(&mut self, kind: u8) -> Vec<u8> {
        let blank = vec![0; 264];
        let name = PROOFS.get(usize::from(kind)).copied().unwrap_or("good");
        let keys = match &self.keys {
            Some(keys) if self.model.messaging == Messaging::Live && self.model.certified => {
                keys.clone()
            }
            _ => return blank,
        };
        let made = device::proof(name, &keys.agreement, self.challenge, &mut self.random());
        let Ok(Ok(data)) = made else { return blank };
        if kind == 0 {
            if self.model.proofs.len() > 3 {
                self.model.proofs.remove(0);
            }
            self.model.proofs.push(GoodProof {
                data: data.clone(),
                challenge: self.challenge,
                agreement: keys.number,
            });
        }
        data
    }

    #[allow(clippy::too_many_arguments)] // the fields of one action
    fn command(
        &mut self,
        [ins, p1, p2]: [u8; 3],
        data: Vec<u8>,
        le: Option<u8>,
        how: How,
        cut: Cut,
        fetch: bool,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let (cla, most) = match how {
            How::Class(cla) => (cla, SHORT_DATA_MAX),
            How::Sealed => (0, PAYLOAD_MAX),
        };
        let le = le.map(|le| match le {
            0 => SHORT_LE_MAX,
            le => usize::from(le),
        });
        let half = data.len().div_ceil(2).min(most);
        let mut whole = CommandApdu::new(cla, ins, p1, p2);
        whole.le = le;
        let pieces = match cut {
            Cut::Whole if cla == 0 => whole.with_data(data).chain(most),
            Cut::Whole => vec![whole.with_data(data.get(..most).unwrap_or(&data))],
            Cut::Rest => {
                let rest = data.get(half..).unwrap_or_default();
                vec![whole.with_data(rest.get(..most).unwrap_or(rest))]
            }
            Cut::Open | Cut::OpenAll => {
                let end = if cut == Cut::Open {
                    half
                } else {
                    data.len().min(most)
                };
                whole.cla |= CLA_CHAINING;
                whole.le = None;
                vec![whole.with_data(data.get(..end).unwrap_or_default())]
            }
        };
        for piece in pieces {
            let went = match how {
                How::Class(_) => {
                    let Ok(bytes) = piece.encode() else {
                        return Ok(());
                    };
                    self.exchange(&Sent::Plain(&bytes), tally)?
                }
                How::Sealed => self.sealed(&piece, tally)?,
            };
            if fetch {
                self.fetch(how == How::Sealed, tally)?;
            }
            if !went || self.last_sw != 0x9000 {
                break;
            }
        }
        Ok(())
    }

    /// Fetches what waits, with the classes that clients use (4.3).
    fn fetch(&mut self, sealed: bool, tally: &mut Tally) -> Result<(), String> {
        while self.partial.is_some() && self.last_sw >> 8 == 0x61 {
            let [_, count] = self.last_sw.to_be_bytes();
            let cla = if count == 0 && sealed { CLA_SM } else { 0 };
            self.exchange(&Sent::Plain(&[cla, 0xC0, 0, 0, count]), tally)?;
        }
        Ok(())
    }

    /// The counter and the keys that the terminal believes in.
    fn sealing(&self) -> (u64, u32) {
        let number = self.keys.as_ref().map_or(u32::MAX, |keys| keys.number);
        if number == self.model.agreement && self.model.messaging != Messaging::Off {
            (self.model.ssc, number)
        } else {
            (NO_COUNTER, number)
        }
    }

    fn no_keys() -> SessionKeys {
        SessionKeys {
            enc: [0x11; 16].into(),
            mac: [0x22; 16].into(),
        }
    }

    fn sealed(&mut self, piece: &CommandApdu, tally: &mut Tally) -> Result<bool, String> {
        let (ssc, agreement) = self.sealing();
        let mut session = match &self.keys {
            Some(keys) => keys.session.clone(),
            None => Session::new(&Self::no_keys(), 0),
        };
        session.set_ssc(ssc);
        let Ok(Ok(bytes)) = session.seal_command(piece).map(|sealed| sealed.encode()) else {
            return Ok(false);
        };
        self.protected(&bytes, piece, 0x9000, agreement, tally)
    }

    fn protected(
        &mut self,
        bytes: &[u8],
        inner: &CommandApdu,
        fault: u16,
        agreement: u32,
        tally: &mut Tally,
    ) -> Result<bool, String> {
        let sent = Sent::Sealed {
            bytes,
            inner,
            fault,
            agreement,
        };
        let went = self.exchange(&sent, tally)?;
        if went {
            self.last_sealed = Some((bytes.to_vec(), inner.clone(), fault));
        }
        Ok(went)
    }

    fn forged(&mut self, row: u8, tally: &mut Tally) -> Result<(), String> {
        let Some((kind, text, fault)) = FORGERIES.get(usize::from(row)) else {
            return Ok(());
        };
        let parsed = hex::decode(text)
            .ok()
            .and_then(|b| CommandApdu::parse(&b).ok());
        let inner = parsed.ok_or_else(|| format!("the forgery {kind} is no command"))?;
        let (ssc, agreement) = self.sealing();
        let keys = self
            .keys
            .as_ref()
            .map_or_else(Self::no_keys, |keys| keys.keys.clone());
        let bytes = forge::forge(kind, &inner, &keys, ssc).map_err(|error| error.to_string())?;
        let inside = match *kind {
            "padding and data" => CommandApdu {
                data: Vec::new(),
                ..inner
            },
            _ => inner,
        };
        self.protected(&bytes, &inside, *fault, agreement, tally)?;
        self.fetch(true, tally)
    }

    fn agree(&mut self, tally: &mut Tally) -> Result<(), String> {
        let how = match self.model.messaging {
            Messaging::Live => How::Sealed,
            _ => How::Class(0),
        };
        let before = self.model.agreement;
        let head = [0x80, 0x01, 0x9B, 0x83, 0x01, 0x81];
        let share = tlv::encode(0x91, self.facts.share.public());
        let data = [&head[..], &share].concat();
        self.command([0x22, 0x41, 0xA6], data, None, how, Cut::Whole, true, tally)?;
        if self.model.agreement == before {
            return Ok(());
        }
        let ask = command([0xCB, 0x3F, 0xFF], CARD_SHARE, None, How::Class(0));
        self.act(&ask, tally)?;
        let number = self.model.agreement;
        let Some(card) = self.heard.as_ref().filter(|heard| heard.0 == number) else {
            return Ok(());
        };
        let keys = self.facts.share.agree(&self.facts.domain, &card.1);
        let keys =
            keys.map_err(|error| format!("the card's value of the key agreement: {error}"))?;
        self.keys = Some(Keys {
            number,
            session: Session::new(&keys, 0),
            keys,
            agreement: Arc::new(Agreement {
                domain: self.facts.domain.clone(),
                terminal_public: self.facts.share.public().to_vec(),
                card_public: card.1.clone(),
            }),
        });
        Ok(())
    }

    /// Sends one command and judges the answer; false if it was not sent.
    fn exchange(&mut self, sent: &Sent<'_>, tally: &mut Tally) -> Result<bool, String> {
        if self.model.is_undetermined(sent) {
            tally.undetermined += 1;
            return Ok(false);
        }
        let bytes = sent.bytes();
        self.commands += 1;
        // Before the card gets it: it may never come back.
        if let Some(record) = &mut self.record {
            let plain = match sent {
                Sent::Sealed { inner, .. } => inner.encode().unwrap_or_default(),
                Sent::Plain(_) => Vec::new(),
            };
            record.push(Exchange {
                step: self.step,
                command: bytes.to_vec(),
                plain_command: plain,
                ..Exchange::default()
            });
        }
        let answer = self.card.transmit(bytes);
        let parsed = ResponseApdu::parse(&answer).ok();
        let seen = parsed.as_ref().map_or(0, |answer| answer.sw.0);
        tally.command(sent, &self.model, seen);
        if let Some(last) = self.record.as_mut().and_then(|record| record.last_mut()) {
            last.response.clone_from(&answer);
        }
        self.last_sw = seen;
        let expected = self.model.receive(sent, seen);
        self.judge(expected, &answer, parsed)?;
        Ok(true)
    }
}

/// AID of DF CIE.
pub(super) const CIE: &[u8] = &AID_CIE;
/// AID of the IAS ECC root.
pub(super) const IAS: &[u8] = &AID_IAS;
/// Header list of the card's key-agreement value (3.3).
pub(super) const CARD_SHARE: &[u8] = &[0x4D, 4, 0xA6, 2, 0x91, 0];
/// Header list of the PIN's tries left (choice 28).
pub(super) const PIN_LEFT: &[u8] = &[0x4D, 10, 0x70, 8, 0xBF, 0x81, 0x01, 4, 0xA0, 2, 0x9B, 0];
/// The same of the PUK.
pub(super) const PUK_LEFT: &[u8] = &[0x4D, 10, 0x70, 8, 0xBF, 0x81, 0x02, 4, 0xA0, 2, 0x9B, 0];

const _: () = assert!(CERTIFICATES.len() <= 255 && FORGERIES.len() <= 255);

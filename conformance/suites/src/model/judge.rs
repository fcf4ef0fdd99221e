// SPDX-License-Identifier: MIT OR Apache-2.0
//! Holds answers against the model's.

use super::desk::{CIE, Desk, Mismatch, PIN_LEFT, PUK_LEFT, Partial};
use super::op::{How, Op, command};
use super::state::{Data, Expected, Kind, Messaging, Reply};
use super::tally::Tally;
use cie_terminal::steps::device::{CardProof, verify_card};
use iso7816_wire::{CardDoor, ResponseApdu, StatusWord, tlv};

impl<D: CardDoor + Clone> Desk<D> {
    pub(super) fn judge(
        &mut self,
        expected: Expected,
        answer: &[u8],
        parsed: Option<ResponseApdu>,
    ) -> Result<(), String> {
        let Expected { kind, count, sw } = expected;
        if kind == Kind::Mute {
            return match answer {
                [] => Ok(()),
                _ => Err("a card without power answered".to_owned()),
            };
        }
        let Some(parsed) = parsed else {
            return Err(format!("expected {}, got no answer", StatusWord(sw)));
        };
        if parsed.sw.0 != sw || parsed.data.len() != count {
            if let Kind::New {
                sealed: Some((counter, _)),
                ..
            } = kind
            {
                self.show(counter, &parsed);
            }
            return Err(format!(
                "expected {count} bytes and {}, got {} bytes and {}",
                StatusWord(sw),
                parsed.data.len(),
                parsed.sw
            ));
        }
        let more = sw >> 8 == 0x61;
        let partial = match kind {
            Kind::Mute => return Ok(()),
            Kind::Rest => match self.partial.take() {
                Some(mut partial) => {
                    partial.bytes.extend_from_slice(&parsed.data);
                    partial
                }
                // The beginning was never looked at.
                None => return Ok(()),
            },
            Kind::New { reply, sealed } => {
                if self.model.waiting.is_none() {
                    self.partial = None;
                }
                Partial {
                    bytes: parsed.data,
                    reply,
                    sealed,
                }
            }
        };
        if more {
            self.partial = Some(partial);
            return Ok(());
        }
        let Partial {
            bytes,
            reply,
            sealed,
        } = partial;
        let data = match sealed {
            None => bytes,
            Some((counter, ins)) => self.opened(&bytes, &reply, counter, ins)?,
        };
        self.look(&reply.data, &data)
    }

    /// Opens a protected answer that is not the expected one, for the record.
    fn show(&mut self, counter: u64, outer: &ResponseApdu) {
        let Some(keys) = &mut self.keys else { return };
        keys.session.set_ssc(counter.wrapping_sub(1));
        if let Ok(inner) = keys.session.open_response(outer)
            && let Some(last) = self.record.as_mut().and_then(|record| record.last_mut())
        {
            last.plain_response = [&*inner.data, &inner.sw.to_bytes()].concat();
        }
    }

    fn opened(
        &mut self,
        bytes: &[u8],
        reply: &Reply,
        counter: u64,
        ins: u8,
    ) -> Result<Vec<u8>, String> {
        let Some(keys) = &mut self.keys else {
            return Err("a protected answer without keys".to_owned());
        };
        keys.session.set_ssc(counter.wrapping_sub(1));
        let outer = ResponseApdu {
            data: bytes.to_vec(),
            sw: StatusWord(reply.sw),
        };
        let inner = keys.session.open_response(&outer);
        let inner = inner.map_err(|error| format!("the protected answer: {error}"))?;
        if let Some(last) = self.record.as_mut().and_then(|record| record.last_mut()) {
            last.plain_response = [&*inner.data, &inner.sw.to_bytes()].concat();
        }
        if inner.sw.0 != reply.sw {
            return Err(format!("{} outside and {} inside", outer.sw, inner.sw));
        }
        let other = if ins & 1 == 1 { 0x87 } else { 0x85 };
        if bytes.first() == Some(&other) {
            return Err(format!("DO {other:02X} to instruction {ins:02X}"));
        }
        Ok(inner.data)
    }

    /// Holds data against what they have to be.
    fn look(&mut self, wanted: &Data, got: &[u8]) -> Result<(), String> {
        let verdict = |good: bool, what: &str| {
            if good { Ok(()) } else { Err(what.to_owned()) }
        };
        match wanted {
            Data::Exactly(data) => verdict(data == got, "other data than the model's"),
            Data::Challenge => {
                let new: [u8; 8] = got
                    .try_into()
                    .map_err(|_| "a challenge of another length")?;
                let repeated = new == self.challenge;
                self.challenge = new;
                self.model.learn(new);
                verdict(!repeated, "the same challenge twice")
            }
            Data::Signature(key, payload) => {
                let key = match key {
                    0x81 => &self.facts.citizen,
                    _ => &self.facts.services,
                };
                verdict(
                    key.verifies(payload, got),
                    "a signature that does not verify",
                )
            }
            Data::Proof(own, _) => {
                let Some(keys) = &self.keys else {
                    return Err("a proof without keys".to_owned());
                };
                let Some((serial, signature)) = got.split_first_chunk::<8>() else {
                    return Err("no serial number in the proof".to_owned());
                };
                let proof = CardProof {
                    serial: *serial,
                    signature: signature.to_vec(),
                };
                verify_card(&proof, &self.facts.device, &keys.agreement, *own)
                    .map_err(|error| format!("the card's proof: {error}"))
            }
            Data::Share(number) => {
                let public = tlv::path(got, &[0xA6, 0x91]).map_err(|e| e.to_string())?;
                if let Some((heard, old)) = &self.heard {
                    verdict(
                        (old == public) == (heard == number),
                        "the card's value changed within an agreement, or did not between two",
                    )?;
                }
                self.heard = Some((*number, public.to_vec()));
                Ok(())
            }
        }
    }

    /// Asks harmless questions to a copy of the card: what state is it in?
    ///
    /// # Errors
    /// [`Mismatch`] if an answer is not the model's; the record of this desk
    /// then holds the questions, too.
    pub fn observe(&mut self) -> Result<(), Mismatch> {
        let mut copy = self.clone();
        let mut unused = Tally::default();
        let how = match copy.model.messaging {
            Messaging::Live => How::Sealed,
            _ => How::Class(0),
        };
        let mut questions = Vec::new();
        if !copy.model.powered {
            questions.push(Op::PowerOn);
        }
        questions.extend([
            command([0xB0, 0x81, 0x00], &[], Some(0x0C), how),
            command([0xB0, 0x82, 0x00], &[], Some(0x09), how),
            command([0xA4, 0x04, 0x0C], CIE, None, How::Class(0)),
            command([0xCB, 0x3F, 0xFF], PIN_LEFT, None, How::Class(0)),
            command([0xCB, 0x3F, 0xFF], PUK_LEFT, None, How::Class(0)),
        ]);
        for question in &questions {
            if let Err(mismatch) = copy.perform(question, &mut unused) {
                self.record = copy.record;
                return Err(mismatch);
            }
        }
        Ok(())
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The model's way of a command: lengths, class, secure messaging, chains, and
//! answers in pieces.

use super::state::{Chain, Expected, Kind, Messaging, Model, Reply, Sent, Waiting};
use iso7816_wire::CommandApdu;

impl Model {
    /// True if the facts do not say what such a command does to the state that
    /// follows, so that it is not sent.
    #[must_use]
    pub fn is_undetermined(&self, sent: &Sent<'_>) -> bool {
        let Ok(apdu) = CommandApdu::parse(sent.bytes()) else {
            return false;
        };
        let live = self.messaging == Messaging::Live;
        match (apdu.cla, apdu.ins) {
            (0x10 | 0x1C, 0xC0) => true,
            // GET RESPONSE of class 0C in a chain, with objects while an answer
            // waits, with data in a session while an answer waits.
            (0x0C, 0xC0) if apdu.data.is_empty() => self.chain.is_some(),
            (0x0C, 0xC0) => self.waiting.is_some() || self.chain.is_some(),
            (0x00, 0xC0) => live && self.waiting.is_some() && !apdu.data.is_empty(),
            // SELECT of the MF with a wrong P2 in a session.
            (0x00, 0xA4) => {
                apdu.p1 == 0 && !matches!(apdu.p2, 0 | 4 | 0x0C) && selects_application(&apdu)
            }
            _ => false,
        }
    }

    /// What the card answers to `sent`. `seen` is the status word that came; it
    /// counts only where the facts leave the choice between words that mean
    /// the same for everything that follows.
    pub fn receive(&mut self, sent: &Sent<'_>, seen: u16) -> Expected {
        if !self.powered {
            return Expected {
                kind: Kind::Mute,
                count: 0,
                sw: 0,
            };
        }
        let apdu = match CommandApdu::parse(sent.bytes()) {
            Ok(apdu) if !apdu.extended || self.facts.extended => apdu,
            _ => {
                // 6: what is no APDU ends the session.
                self.waiting = None;
                self.refused();
                return self.plain(Reply::sw(0x6700), 256);
            }
        };
        let limit = apdu.le.unwrap_or(256);
        if apdu.ins == 0xC0 && (apdu.cla == 0 || apdu.cla == 0x0C && apdu.data.is_empty()) {
            return self.get_response(&apdu);
        }
        self.waiting = None;
        if matches!(apdu.cla, 0x0C | 0x1C) {
            return self.protected(sent, &apdu, limit, seen);
        }
        if self.messaging == Messaging::Live {
            let select = apdu.cla == 0 && selects_application(&apdu);
            self.refused();
            if !select {
                return self.plain(Reply::sw(0x6985), limit);
            }
        }
        let refusal = match apdu.cla {
            0x00 | 0x10 => None,
            cla if cla & 0xE0 != 0 => Some(0x6E00),
            cla if cla & 0x03 != 0 => Some(0x6881),
            _ => Some(0x6882),
        };
        if let Some(sw) = refusal {
            self.chain = None;
            self.challenge = None;
            return self.plain(Reply::sw(sw), limit);
        }
        let reply = self.collect(&apdu, false, seen);
        self.plain(reply, limit)
    }

    /// Refused before execution: chain and session are gone.
    fn refused(&mut self) {
        self.chain = None;
        self.challenge = None;
        if self.messaging == Messaging::Live {
            self.end_session();
        }
    }

    /// A plain answer in pieces of at most 256 bytes or Le.
    fn plain(&mut self, reply: Reply, limit: usize) -> Expected {
        let total = reply.data.len();
        self.pieces(total, limit, reply, None)
    }

    fn pieces(
        &mut self,
        total: usize,
        limit: usize,
        reply: Reply,
        sealed: Option<(u64, u8)>,
    ) -> Expected {
        let sw = reply.sw;
        let (count, sw) = self.piece(total, limit.min(256), sw);
        Expected {
            kind: Kind::New { reply, sealed },
            count,
            sw,
        }
    }

    fn piece(&mut self, total: usize, limit: usize, sw: u16) -> (usize, u16) {
        let count = total.min(limit);
        let rest = total - count;
        if rest == 0 {
            self.waiting = None;
            return (count, sw);
        }
        self.waiting = Some(Waiting { bytes: rest, sw });
        let told = u16::try_from(rest).unwrap_or(256);
        (count, 0x6100 | if told > 255 { 0 } else { told })
    }

    /// Choices 6, 26, 27, and the unnamed ones about GET RESPONSE.
    fn get_response(&mut self, apdu: &CommandApdu) -> Expected {
        let live = self.messaging == Messaging::Live;
        if let Some(waiting) = self.waiting {
            if !apdu.data.is_empty() {
                self.waiting = None;
                return self.plain(Reply::sw(0x6985), 256);
            }
            if apdu.p1 != 0 || apdu.p2 != 0 {
                let reply = Reply::sw(0x6A86);
                let expected = self.plain(reply, 256);
                self.waiting = Some(waiting);
                return expected;
            }
            let limit = apdu.le.unwrap_or(256);
            let (count, sw) = self.piece(waiting.bytes, limit, waiting.sw);
            return Expected {
                kind: Kind::Rest,
                count,
                sw,
            };
        }
        if live && apdu.cla == 0 {
            self.refused();
            return self.plain(Reply::sw(0x6985), 256);
        }
        if self.chain.is_some() && apdu.cla == 0 {
            self.chain = None;
            return self.plain(Reply::sw(0x6883), 256);
        }
        self.plain(Reply::sw(0x6985), 256)
    }

    /// Class 0C and 1C.
    fn protected(
        &mut self,
        sent: &Sent<'_>,
        apdu: &CommandApdu,
        limit: usize,
        seen: u16,
    ) -> Expected {
        if self.messaging == Messaging::Off {
            self.chain = None;
            self.challenge = None;
            return self.plain(Reply::sw(0x6985), limit);
        }
        let (inner, fault) = match sent {
            Sent::Sealed {
                inner,
                fault,
                agreement,
                ..
            } if *agreement == self.agreement || *fault != 0x9000 => (*inner, *fault),
            // Keys of another session.
            Sent::Sealed { inner, .. } => (*inner, 0x6988),
            Sent::Plain(_) if apdu.data.is_empty() => (apdu, 0x6987),
            Sent::Plain(_) => (apdu, 0x6988),
        };
        if fault != 0x9000 {
            self.chain = None;
            self.challenge = None;
            self.end_session();
            return self.plain(Reply::sw(fault), limit);
        }
        self.messaging = Messaging::Live;
        self.ssc = self.ssc.wrapping_add(2);
        let mut inner = inner.clone();
        inner.cla = apdu.cla & 0x10;
        let counter = self.ssc;
        let reply = self.collect(&inner, true, seen);
        let total = sealed_len(reply.data.len(), inner.ins);
        self.pieces(total, limit, reply, Some((counter, inner.ins)))
    }

    /// Joins chains (27), then executes.
    fn collect(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        const CHAIN_MAX: usize = 4096;
        let header = [apdu.ins, apdu.p1, apdu.p2];
        let mut data = Vec::new();
        if let Some(chain) = self.chain.take() {
            if chain.header == header && chain.sealed == sealed {
                data = chain.data;
            } else if apdu.ins != 0xA4 {
                self.challenge = None;
                return Reply::sw(0x6883);
            }
        }
        data.extend_from_slice(&apdu.data);
        // 12: all pieces of EXTERNAL AUTHENTICATE are one command.
        let challenge = self.challenge.take();
        if data.len() > CHAIN_MAX {
            return Reply::sw(0x6700);
        }
        if apdu.is_chained() {
            if apdu.ins == 0x82 {
                self.challenge = challenge;
            }
            self.chain = Some(Chain {
                sealed,
                header,
                data,
            });
            return Reply::sw(0x9000);
        }
        let whole = CommandApdu {
            data,
            ..apdu.clone()
        };
        self.execute(&whole, sealed, challenge, seen)
    }
}

/// SELECT of an application or of the MF, in the sense of choice 6.
pub(super) fn selects_application(apdu: &CommandApdu) -> bool {
    apdu.ins == 0xA4
        && match apdu.p1 {
            0x04 => true,
            0x00 => apdu.data.is_empty() || apdu.data == [0x3F, 0x00],
            _ => false,
        }
}

/// Bytes of a protected answer with so many bytes of data (4.3).
fn sealed_len(data: usize, ins: u8) -> usize {
    let status_and_checksum = 4 + 10;
    if data == 0 {
        return status_and_checksum;
    }
    let value = (data / 8 + 1) * 8 + usize::from(ins & 1 == 0);
    let length = match value {
        0..=0x7F => 1,
        0x80..=0xFF => 2,
        _ => 3,
    };
    1 + length + value + status_and_checksum
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The model's commands with keys: security environments, key agreement,
//! device authentication, signatures.

use super::facts::Directory;
use super::state::{Data, Messaging, Model, Reply, open};
use cie_terminal::steps::device::authenticated_ssc;
use iso7816_wire::sm::INITIAL_SSC;
use iso7816_wire::{CommandApdu, dh, tlv};

/// Holder of the published terminal certificate (4.4).
const HOLDER: &[u8] = &[0, 0, 0, 0, 0x20, 0, 0, 0, 0, 0, 0, 0x01];

impl Model {
    pub(super) fn environment(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        let needed: &[u32] = match (apdu.p1, apdu.p2) {
            (0x41, 0xA6) => &[0x80, 0x83, 0x91],
            (0x41, 0xA4) => &[0x80, 0x84],
            (0x81, 0xB6) => &[0x80, 0x83],
            (0x81, 0xA4) => &[0x83],
            _ => &[],
        };
        let mut found: Vec<(u32, Vec<u8>)> = Vec::new();
        let mut malformed = apdu.data.is_empty();
        for object in tlv::Reader::new(&apdu.data) {
            match object {
                Ok(o)
                    if matches!(o.tag, 0x80 | 0x83 | 0x84 | 0x91)
                        && found.iter().all(|(tag, _)| *tag != o.tag) =>
                {
                    found.push((o.tag, o.value.to_vec()));
                }
                _ => malformed = true,
            }
        }
        let value = |tag| {
            let one = found.iter().find(|(found, _)| *found == tag);
            one.map(|(_, value)| value.as_slice())
        };
        if needed.is_empty() {
            let both: &[u16] = if malformed {
                &[0x6A86, 0x6A80]
            } else {
                &[0x6A86]
            };
            return Reply::sw(open(both, seen));
        }
        malformed |= needed.iter().any(|tag| value(*tag).is_none());
        let algorithm = value(0x80);
        let (unknown, wrong) = match apdu.p2 {
            0xA6 => (
                value(0x83) != Some(&[0x81]),
                algorithm != Some(&[0x9B])
                    || !value(0x91).is_some_and(|share| self.acceptable(share)),
            ),
            0xB6 => (value(0x83) != Some(&[0x84]), algorithm != Some(&[0x41])),
            _ if apdu.p1 == 0x81 => (
                !self.certified || value(0x83) != Some(HOLDER),
                algorithm.is_some_and(|algorithm| algorithm != [0x9B]),
            ),
            _ => {
                let key = value(0x84);
                let right: &[u8] = if key == Some(&[0x82]) {
                    &[0x9B]
                } else {
                    &[0x02]
                };
                let known = [[0x81], [0x82], [0x83]].iter().any(|k| key == Some(k));
                (!known, algorithm != Some(right))
            }
        };
        let unknown = unknown || self.directory == Directory::Root;
        match (malformed || wrong, unknown) {
            (true, true) => return Reply::sw(open(&[0x6A80, 0x6A88], seen)),
            (true, false) => return Reply::sw(0x6A80),
            (false, true) => return Reply::sw(0x6A88),
            (false, false) => {}
        }
        match (apdu.p1, apdu.p2) {
            (0x41, 0xA6) => {
                if sealed {
                    self.end_session();
                }
                self.messaging = Messaging::Pending;
                self.agreement += 1;
                self.shared = true;
                self.ssc = INITIAL_SSC;
            }
            (0x41, 0xA4) => self.key = value(0x84).and_then(|key| key.first().copied()),
            (0x81, 0xB6) => self.authority = true,
            _ => {
                self.terminal_key = true;
                self.recertified = false;
            }
        }
        Reply::sw(0x9000)
    }

    /// 19.
    fn acceptable(&self, share: &[u8]) -> bool {
        !share.is_empty() && share.len() <= 256 && dh::is_valid_public(share, &self.facts.domain.p)
    }

    pub(super) fn verify_certificate(
        &mut self,
        apdu: &CommandApdu,
        sealed: bool,
        seen: u16,
    ) -> Reply {
        if (apdu.p1, apdu.p2) != (0x00, 0xAE) {
            return Reply::sw(0x6A86);
        }
        if !sealed {
            return Reply::sw(0x6982);
        }
        let worth = self.facts.worth.get(&apdu.data).copied().unwrap_or(0x6A80);
        if !self.authority {
            return match worth {
                0x6A80 => Reply::sw(open(&[0x6985, 0x6A80], seen)),
                _ => Reply::sw(0x6985),
            };
        }
        match worth {
            0x9000 => {
                self.certified = true;
                self.recertified = self.terminal_key;
            }
            0x6300 => {
                self.certified = false;
                self.terminal_key = false;
            }
            _ => {}
        }
        Reply::sw(worth)
    }

    pub(super) fn get_challenge(&self, apdu: &CommandApdu) -> Reply {
        if apdu.p1 != 0 || apdu.p2 != 0 {
            return Reply::sw(0x6A86);
        }
        if !apdu.data.is_empty() || !(apdu.le == Some(8) || apdu.le_is_max()) {
            return Reply::sw(0x6700);
        }
        Reply::ok(Data::Challenge)
    }

    pub(super) fn external_authenticate(
        &mut self,
        apdu: &CommandApdu,
        sealed: bool,
        challenge: Option<[u8; 8]>,
        seen: u16,
    ) -> Reply {
        if apdu.p1 != 0 || apdu.p2 != 0 {
            return Reply::sw(0x6A86);
        }
        if !sealed {
            return Reply::sw(0x6982);
        }
        let right_length = apdu.data.len() == 264;
        if self.recertified && seen == 0x6985 {
            self.terminal_key = false;
        }
        let Some(challenge) = challenge.filter(|_| self.terminal_key) else {
            return match right_length {
                true => Reply::sw(0x6985),
                false => Reply::sw(open(&[0x6985, 0x6700], seen)),
            };
        };
        if !right_length {
            return Reply::sw(0x6700);
        }
        self.take_back();
        let good = self.proofs.iter().any(|proof| {
            proof.data == apdu.data
                && proof.challenge == challenge
                && proof.agreement == self.agreement
        });
        if good {
            self.proven = Some(challenge);
            Reply::sw(0x9000)
        } else {
            Reply::sw(0x6300)
        }
    }

    pub(super) fn internal_authenticate(
        &mut self,
        apdu: &CommandApdu,
        sealed: bool,
        seen: u16,
    ) -> Reply {
        if apdu.p1 != 0 || apdu.p2 != 0 {
            return Reply::sw(0x6A86);
        }
        let Some(key) = self.key else {
            return Reply::sw(0x6985);
        };
        if key == 0x82 {
            return self.card_proof(apdu, sealed, seen);
        }
        if let Some(sw) = self.pin_rule(sealed).filter(|_| key == 0x81) {
            return Reply::sw(sw);
        }
        if apdu.data.is_empty() || apdu.data.len() > 245 {
            return Reply::sw(0x6700);
        }
        Reply::ok(Data::Signature(key, apdu.data.clone()))
    }

    /// Step g of 4.4, choice 24.
    fn card_proof(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        if !sealed {
            return Reply::sw(0x6982);
        }
        let own: Option<[u8; 8]> = apdu.data.as_slice().try_into().ok();
        let Some(challenge) = self.proven else {
            return match own {
                Some(_) => Reply::sw(0x6985),
                None => Reply::sw(open(&[0x6985, 0x6700], seen)),
            };
        };
        let Some(own) = own else {
            return Reply::sw(0x6700);
        };
        self.proven = None;
        self.device = true;
        // h: for the next command.
        self.ssc = authenticated_ssc(challenge, own);
        Reply::ok(Data::Proof(own, self.agreement))
    }
}

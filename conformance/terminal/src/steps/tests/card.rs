// SPDX-License-Identifier: MIT OR Apache-2.0
//! A test card: just enough of the card's half of each step, written from the
//! facts, to see the terminal's half at work. Its keys 81, 82 and 83 are all
//! the published device key.

use super::figures::{CA_EXPONENT, CA_MODULUS, G, P, Q};
use crate::keys::PublicKey;
use crate::published::{DEVICE_MODULUS, DEVICE_PRIVATE_EXPONENT, DEVICE_PUBLIC_EXPONENT};
use crate::steps::device_certificate::DeviceCertificate;
use hex_literal::hex;
use iso7816_wire::dh::{derive_keys, mod_exp};
use iso7816_wire::sm::{INITIAL_SSC, Session};
use iso7816_wire::tlv::{self, encode, path};
use iso7816_wire::{CardDoor, CommandApdu, ResponseApdu, StatusWord, iso9796};

pub const CARD_EXPONENT: [u8; 32] = [0x3D; 32];
pub const SN_ICC: [u8; 8] = hex!("1122334455667788");
pub const CHALLENGE: [u8; 8] = hex!("C0C1C2C3C4C5C6C7");
pub const CHR: [u8; 12] = hex!("000000004142434445464748");
pub const CHA: [u8; 7] = hex!("A0000000003901");

#[derive(Clone)]
pub struct TestCard {
    /// Commands as the card understood them: header, data, Le.
    pub log: Vec<CommandApdu>,
    /// APDUs as they came over the wire.
    pub wire: Vec<Vec<u8>>,
    pub files: Vec<(u16, Vec<u8>)>,
    pub root_by_aid: bool,
    pub read_needs_le: Option<u8>,
    pub lie_in_proof: bool,
    pub outer_always_9000: bool,
    pub pin: Vec<u8>,
    pub tries: u8,
    pub current: Vec<u8>,
    pub session: Option<Session>,
    pub pending_session: Option<Session>,
    pub chain: Vec<u8>,
    pub answer: Vec<u8>,
    pub terminal_public: Vec<u8>,
    pub certified: Vec<u8>,
}

impl Default for TestCard {
    fn default() -> Self {
        let mut key = encode(2, &[&[0][..], &DEVICE_MODULUS].concat());
        tlv::push(&mut key, 2, &DEVICE_PUBLIC_EXPONENT[1..]);
        let key = encode(0x30, &key);
        Self {
            log: Vec::new(),
            wire: Vec::new(),
            files: vec![
                (0x1001, b"824466999069".to_vec()),
                (0x1004, key.clone()),
                (0x1005, key),
            ],
            root_by_aid: true,
            read_needs_le: None,
            lie_in_proof: false,
            outer_always_9000: false,
            pin: b"12345678".to_vec(),
            tries: 3,
            current: Vec::new(),
            session: None,
            pending_session: None,
            chain: Vec::new(),
            answer: Vec::new(),
            terminal_public: Vec::new(),
            certified: Vec::new(),
        }
    }
}

pub fn card_public() -> Vec<u8> {
    mod_exp(&G, &CARD_EXPONENT, &P).unwrap()
}

fn device_sign(block: &[u8]) -> Vec<u8> {
    mod_exp(block, &DEVICE_PRIVATE_EXPONENT, &DEVICE_MODULUS).unwrap()
}

fn type1(payload: &[u8]) -> Vec<u8> {
    let mut block = vec![0, 1];
    block.resize(255 - payload.len(), 0xFF);
    block.push(0);
    block.extend_from_slice(payload);
    block
}

impl TestCard {
    fn reply(&mut self, response: &ResponseApdu) -> Vec<u8> {
        let outer = if self.outer_always_9000 {
            StatusWord::OK
        } else {
            response.sw
        };
        self.answer.clone_from(&response.data);
        self.next_block(outer)
    }

    fn next_block(&mut self, last: StatusWord) -> Vec<u8> {
        let rest = self.answer.split_off(self.answer.len().min(256));
        let data = std::mem::replace(&mut self.answer, rest);
        let left = self.answer.len();
        let sw = if left > 0 {
            StatusWord::more_data(left)
        } else {
            last
        };
        ResponseApdu { data, sw }.encode()
    }

    fn dispatch(&mut self, c: &CommandApdu) -> ResponseApdu {
        let ok = || ResponseApdu::from(StatusWord::OK);
        match (c.ins, c.p1, c.p2) {
            (0xA4, 0x04, _) if c.data.len() == 13 && !self.root_by_aid => {
                StatusWord::FILE_NOT_FOUND.into()
            }
            (0xA4, 0x00 | 0x04, _) => ok(),
            (0xA4, ..) => {
                let id = u16::from_be_bytes(c.data[..].try_into().unwrap());
                match self.files.iter().find(|(i, _)| *i == id) {
                    Some((_, content)) => self.current = content.clone(),
                    None => return StatusWord::FILE_NOT_FOUND.into(),
                }
                ok()
            }
            (0xB0, p1 @ 0x80.., p2) => {
                let id = 0x1000 | u16::from(p1 & 0x1F);
                let file = self.files.iter().find(|(i, _)| *i == id);
                self.current = file.unwrap().1.clone();
                self.read(usize::from(p2), c.le)
            }
            (0xB0, p1, p2) => self.read(usize::from(p1) << 8 | usize::from(p2), c.le),
            (0xB1, ..) => {
                let offset = path(&c.data, &[0x54]).unwrap();
                let offset = usize::from(u16::from_be_bytes(offset.try_into().unwrap()));
                let mut response = self.read(offset, c.le.map(|le| le - 2));
                response.data = encode(0x53, &response.data);
                response
            }
            (0xCB, 0x3F, 0xFF) => self.get_data(&c.data),
            (0x22, 0x41, 0xA6) => {
                self.terminal_public = path(&c.data, &[0x91]).unwrap().to_vec();
                let z = mod_exp(&self.terminal_public, &CARD_EXPONENT, &P).unwrap();
                self.pending_session = Some(Session::new(&derive_keys(&z), INITIAL_SSC));
                ok()
            }
            (0x22, ..) => ok(),
            (0x2A, 0x00, 0xAE) => {
                let part = |tag| path(&c.data, &[0x7F21, tag]).unwrap().to_vec();
                assert_eq!(part(0x42), CHR[4..]);
                let certificate = DeviceCertificate {
                    signature: part(0x5F37),
                    remainder: part(0x5F38),
                    authority: part(0x42).try_into().unwrap(),
                };
                let ca = PublicKey::new(&CA_MODULUS, &CA_EXPONENT).unwrap();
                self.certified = certificate.open(&ca).unwrap();
                ok()
            }
            (0x84, ..) => ResponseApdu::ok(CHALLENGE),
            (0x82, ..) => self.external(&c.data),
            (0x88, ..) if c.data.len() == 8 => self.internal(&c.data),
            (0x88, ..) => ResponseApdu::ok(device_sign(&type1(&c.data))),
            (0x20, ..) if self.tries == 0 => StatusWord::AUTHENTICATION_METHOD_BLOCKED.into(),
            (0x20, ..) if c.data == self.pin => {
                self.tries = 3;
                ok()
            }
            (0x20, ..) => {
                self.tries -= u8::from(!c.data.is_empty());
                StatusWord::tries_left(self.tries).into()
            }
            (0x24, ..) => {
                self.pin = c.data[8..].to_vec();
                ok()
            }
            (0x2C, 0x02, _) => {
                self.pin.clone_from(&c.data);
                self.tries = 3;
                ok()
            }
            (0x2C, 0x03, _) => {
                self.tries = 3;
                ok()
            }
            _ => StatusWord::INS_NOT_SUPPORTED.into(),
        }
    }

    fn read(&mut self, offset: usize, le: Option<usize>) -> ResponseApdu {
        if let Some(count) = self.read_needs_le.take() {
            return StatusWord(0x6C00 | u16::from(count)).into();
        }
        let Some(rest) = self.current.get(offset..).filter(|r| !r.is_empty()) else {
            return StatusWord::WRONG_OFFSET.into();
        };
        let le = le.unwrap();
        let data = rest[..rest.len().min(le)].to_vec();
        let short = data.len() < le && le != 256;
        ResponseApdu {
            data,
            sw: if short {
                StatusWord::END_OF_FILE
            } else {
                StatusWord::OK
            },
        }
    }

    fn get_data(&self, template: &[u8]) -> ResponseApdu {
        let domain = |objects: Vec<u8>| encode(0x70, &encode(0xBF_A101, &encode(0xA3, &objects)));
        let component = |tag: u8| match tag {
            0x97 => encode(0x97, &G),
            0x98 => encode(0x98, &P),
            _ => encode(0x99, &Q),
        };
        let all = || [component(0x97), component(0x98), component(0x99)].concat();
        ResponseApdu::ok(match hex::encode(template).as_str() {
            "4d087006bfa10102a380" => domain(all()),
            "4d0a7008bfa10104a3029700" => domain(component(0x97)),
            "4d0a7008bfa10104a3029800" => domain(component(0x98)),
            "4d0a7008bfa10104a3029900" => domain(component(0x99)),
            "4d097007bfa004037f4980" => {
                let objects = [
                    encode(0x81, &CA_MODULUS),
                    encode(0x82, &CA_EXPONENT),
                    encode(0x5F20, &CHR),
                    encode(0x5F4C, &CHA),
                ];
                encode(0x70, &encode(0xBF_A004, &encode(0x7F49, &objects.concat())))
            }
            "4d04a6029100" => encode(0xA6, &encode(0x91, &card_public())),
            "4d087006bf810202a080" => hex!("70 0D BF8102 09 A0 07 9A010A 9B0109 00").to_vec(),
            other => panic!("unexpected GET DATA {other}"),
        })
    }

    fn external(&self, data: &[u8]) -> ResponseApdu {
        let (serial, signature) = data.split_at(8);
        // The certified text: profile, CAR, CHR, CHA, OID, modulus, exponent.
        let modulus = &self.certified[37..293];
        let key = PublicKey::new(modulus, &self.certified[293..]).unwrap();
        let block = key.apply(signature).unwrap();
        let signed: [&[u8]; 7] = [
            &self.terminal_public,
            serial,
            &CHALLENGE,
            &card_public(),
            &G,
            &P,
            &Q,
        ];
        match iso9796::recover(&block, &signed) {
            Ok(random) if random.len() == 222 && self.certified.len() == 297 => {
                StatusWord::OK.into()
            }
            _ => StatusWord::AUTHENTICATION_FAILED.into(),
        }
    }

    fn internal(&mut self, challenge: &[u8]) -> ResponseApdu {
        let serial = if self.lie_in_proof { [0; 8] } else { SN_ICC };
        let block = iso9796::build(
            &[0x99; 222],
            &[
                &card_public(),
                &serial,
                challenge,
                &self.terminal_public,
                &G,
                &P,
                &Q,
            ],
        );
        let answer = [&SN_ICC[..], &device_sign(&block)].concat();
        let ssc = [&CHALLENGE[4..], &challenge[4..]].concat();
        let ssc = u64::from_be_bytes(ssc.try_into().unwrap());
        // Effective for the next command: this answer still has the old one,
        // so the change waits until it is sealed.
        let mut next = self.session.clone().unwrap();
        next.set_ssc(ssc);
        self.pending_session = Some(next);
        ResponseApdu::ok(answer)
    }
}

impl CardDoor for TestCard {
    fn power_on(&mut self) -> Vec<u8> {
        self.reset()
    }

    fn reset(&mut self) -> Vec<u8> {
        (self.session, self.pending_session) = (None, None);
        hex!("3B80800101").to_vec()
    }

    fn power_off(&mut self) {}

    fn transmit(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.wire.push(bytes.to_vec());
        let outer = CommandApdu::parse(bytes).unwrap();
        if outer.ins == 0xC0 {
            assert!(!self.answer.is_empty());
            return self.next_block(StatusWord::OK);
        }
        let protected = outer.is_sm();
        if protected && let Some(session) = self.pending_session.take() {
            self.session = Some(session);
        }
        let mut command = outer.clone();
        if protected {
            let Some(Ok(plain)) = self.session.as_mut().map(|s| s.open_command(&outer)) else {
                self.session = None;
                return StatusWord::SM_OBJECT_INCORRECT.to_bytes().to_vec();
            };
            command = plain;
        }
        self.chain.extend_from_slice(&command.data);
        let mut response = StatusWord::OK.into();
        if !command.is_chained() {
            command.data = std::mem::take(&mut self.chain);
            response = self.dispatch(&command);
            self.log.push(command.clone());
        }
        if protected && let Some(session) = &mut self.session {
            let sealed = session.seal_response(command.ins, &response);
            // A key agreement ends the session it came in (choice 22).
            if command.header() == hex!("002241A6") {
                self.session = None;
            }
            return self.reply(&sealed);
        }
        self.reply(&response)
    }
}

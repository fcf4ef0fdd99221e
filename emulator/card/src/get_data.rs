// SPDX-License-Identifier: MIT OR Apache-2.0
//! GET DATA of security data objects (section 3 of the card facts): the
//! terminal sends an extended header list (ISO/IEC 7816-4 §8.5.1) that names
//! the parts it wants, the card answers with just those, in the same nesting.

use crate::card::Card;
use crate::image::{Code, Directory, PIN_TRIES, PUK_TRIES};
use crate::memory::NonVolatile;
use crate::pipeline::{Answer, Call};
use iso7816_wire::{ResponseApdu, StatusWord, tlv};

const EXTENDED_HEADER_LIST: u32 = 0x4D;
/// In a header list: the whole constructed object.
const WHOLE: u8 = 0x80;

impl<M: NonVolatile> Card<M> {
    pub(crate) fn get_data(&mut self, call: &Call) -> Answer {
        if call.p1_p2() != 0x3FFF {
            return Err(StatusWord::WRONG_P1_P2);
        }
        let mut objects = tlv::Reader::new(&call.apdu.data);
        let list = match objects.next() {
            Some(Ok(list)) if list.tag == EXTENDED_HEADER_LIST && objects.next().is_none() => list,
            _ => return Err(StatusWord::WRONG_DATA),
        };
        let data = pick(list.value, &self.data_objects())?;
        if data.is_empty() {
            return Err(StatusWord::WRONG_DATA);
        }
        Ok(ResponseApdu::ok(data))
    }

    /// All data objects that GET DATA can reach now. Local objects belong to
    /// DF CIE.
    fn data_objects(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        if self.volatile.directory == Directory::Cie {
            tlv::push(&mut out, 0x70, &self.security_objects());
        }
        // Section 3.3: the card's public value of the last key agreement.
        if let Some(agreement) = self.volatile.channel.agreement() {
            tlv::push(&mut out, 0xA6, &tlv::encode(0x91, &agreement.card_public));
        }
        out
    }

    fn security_objects(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2048);
        let mut object = |tag, value: Vec<u8>| tlv::push(&mut out, tag, &value);
        let state = &self.state;
        object(0xBF_8101, code_object(PIN_TRIES, state.pin_tries));
        object(0xBF_8102, code_object(PUK_TRIES, state.puk_tries));

        let dh = &self.profile.dh;
        object(
            0xBF_A101,
            tlv::encode(0xA3, &row(&[(0x97, &dh.g), (0x98, &dh.p), (0x99, &dh.q)])),
        );

        let ca = &self.profile.terminal_ca;
        let parts: [(u32, &[u8]); 4] = [
            (0x81, &ca.modulus),
            (0x82, &ca.exponent),
            (0x5F20, &ca.chr),
            (0x5F4C, &ca.cha),
        ];
        object(0xBF_A004, tlv::encode(0x7F49, &row(&parts)));
        out
    }
}

fn row(objects: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    for (tag, value) in objects {
        tlv::push(&mut out, *tag, value);
    }
    out
}

/// A PIN object in the shapes of section 3.4 (choice 28): lengths of the code in
/// 7F41, tries allowed and left in A0.
fn code_object(tries_allowed: u8, tries_left: u8) -> Vec<u8> {
    let length = [u8::try_from(Code::LEN).unwrap_or_default()];
    let mut out = tlv::encode(
        0x7F41,
        &row(&[(0x80, &length), (0x81, &length), (0x82, &length)]),
    );
    tlv::push(
        &mut out,
        0xA0,
        &row(&[(0x9A, &[tries_allowed]), (0x9B, &[tries_left])]),
    );
    out
}

/// Picks from `objects` what the header list names. Each entry is a tag and a
/// length byte: 80 takes a constructed object whole, 00 a primitive one, any
/// other length n steps into a constructed object with the next n bytes as its
/// list, or takes the first n bytes of a primitive one.
fn pick(mut list: &[u8], objects: &[u8]) -> Result<Vec<u8>, StatusWord> {
    let mut out = Vec::new();
    let mut picked = Vec::new();
    while let Some((tag, rest)) = split_tag(list) {
        let (length, rest) = rest.split_first().ok_or(StatusWord::WRONG_DATA)?;
        // Each object once, so that no list makes an answer longer than all
        // objects together.
        if picked.contains(&tag) {
            return Err(StatusWord::WRONG_DATA);
        }
        picked.push(tag);
        let found = tlv::Reader::new(objects)
            .find(tag)
            .map_err(|_| StatusWord::REFERENCED_DATA_NOT_FOUND)?;
        list = rest;
        match (*length, found.is_constructed()) {
            (WHOLE, true) | (0, _) => out.extend_from_slice(found.raw),
            (length @ 1..=0x7F, true) => {
                let (inner, rest) = rest
                    .split_at_checked(usize::from(length))
                    .ok_or(StatusWord::WRONG_DATA)?;
                tlv::push(&mut out, tag, &pick(inner, found.value)?);
                list = rest;
            }
            (length @ 1..=0x7F, false) => {
                let part = found
                    .value
                    .get(..usize::from(length))
                    .unwrap_or(found.value);
                tlv::push(&mut out, tag, part);
            }
            _ => return Err(StatusWord::WRONG_DATA),
        }
    }
    if list.is_empty() {
        Ok(out)
    } else {
        Err(StatusWord::WRONG_DATA)
    }
}

/// Splits a tag of one to three bytes off; `None` if there is none.
fn split_tag(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut tag = u32::from(*first);
    if first & 0x1F != 0x1F {
        return Some((tag, rest));
    }
    for _ in 0..2 {
        let (next, after) = rest.split_first()?;
        tag = tag << 8 | u32::from(*next);
        rest = after;
        if next & 0x80 == 0 {
            return Some((tag, rest));
        }
    }
    None
}

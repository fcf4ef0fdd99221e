// SPDX-License-Identifier: MIT OR Apache-2.0
//! GET DATA of security data objects (section 3 of the card facts): the
//! terminal sends an extended header list (ISO/IEC 7816-4 §8.5.1) that names
//! the parts it wants, the card answers with just those, in the same nesting.

use crate::card::Card;
use crate::data_objects::DataObjects;
use crate::memory::NonVolatile;
use crate::pipeline::{Answer, Call};
use iso7816_wire::{ResponseApdu, StatusWord, mutant, tlv};

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
        let objects = self.data_objects(call.secured);
        let data = objects.pick(0, list.value, &objects.row)?;
        if data.is_empty() {
            return Err(StatusWord::WRONG_DATA);
        }
        Ok(ResponseApdu::ok(data))
    }
}

impl DataObjects {
    /// Picks from `objects` what the header list names. Each entry is a tag and a
    /// length byte: 80 takes a constructed object whole, 00 a primitive one, any
    /// other length n steps into a constructed object with the next n bytes as its
    /// list, or takes the first n bytes of a primitive one. `around` is the tag
    /// that `objects` lie in.
    fn pick(&self, around: u32, mut list: &[u8], objects: &[u8]) -> Result<Vec<u8>, StatusWord> {
        let mut out = Vec::new();
        let mut picked = Vec::new();
        while let Some((tag, rest)) = split_tag(list) {
            let (length, rest) = rest.split_first().ok_or(StatusWord::WRONG_DATA)?;
            // Each object once, so that no list makes an answer longer than all
            // objects together.
            if picked.contains(&tag) && !mutant!(HeaderListNamesTwice) {
                return Err(StatusWord::WRONG_DATA);
            }
            picked.push(tag);
            let found = tlv::Reader::new(objects)
                .find(tag)
                .map_err(|_| self.missing(around, tag))?;
            list = rest;
            match (*length, found.is_constructed()) {
                (WHOLE, true) | (0, _) => out.extend_from_slice(found.raw),
                (length @ 1..=0x7F, true) => {
                    let (inner, rest) = rest
                        .split_at_checked(usize::from(length))
                        .ok_or(StatusWord::WRONG_DATA)?;
                    tlv::push(&mut out, tag, &self.pick(tag, inner, found.value)?);
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

    /// Why an object is not among the readable ones.
    fn missing(&self, around: u32, tag: u32) -> StatusWord {
        let closed = self
            .closed
            .iter()
            .find(|row| (row.0, row.1) == (around, tag));
        closed.map_or(StatusWord::REFERENCED_DATA_NOT_FOUND, |row| row.2)
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The model's commands, after secure messaging and chaining: files and
//! objects. Those with keys and with codes have files of their own.

use super::desk::{CIE, IAS};
use super::facts::{Directory, Facts, File};
use super::receive::selects_application;
use super::state::{Data, Model, Reply, open};
use iso7816_wire::{CommandApdu, tlv};

impl Model {
    pub(super) fn execute(
        &mut self,
        apdu: &CommandApdu,
        sealed: bool,
        challenge: Option<[u8; 8]>,
        seen: u16,
    ) -> Reply {
        match apdu.ins {
            0xA4 => self.select(apdu, sealed),
            0xB0 => self.read(apdu, sealed, seen),
            0xB1 => self.read_odd(apdu, sealed, seen),
            0xC0 => Reply::sw(0x6985),
            0xCB => self.get_data(apdu, sealed, seen),
            0x22 => self.environment(apdu, sealed, seen),
            0x2A => self.verify_certificate(apdu, sealed, seen),
            0x84 => self.get_challenge(apdu),
            0x82 => self.external_authenticate(apdu, sealed, challenge, seen),
            0x88 => self.internal_authenticate(apdu, sealed, seen),
            0x20 => self.verify(apdu, sealed, seen),
            0x24 => self.change(apdu, sealed, seen),
            0x2C => self.reset_retry(apdu, sealed, seen),
            _ => Reply::sw(0x6D00),
        }
    }

    fn select(&mut self, apdu: &CommandApdu, sealed: bool) -> Reply {
        if !sealed && selects_application(apdu) {
            // 22 and 25: even if it fails.
            self.end_session();
        }
        let template = match apdu.p2 {
            0x00 => Some(0x6F),
            0x04 => Some(0x62),
            0x0C => None,
            _ => return Reply::sw(0x6A86),
        };
        let name = apdu.data.as_slice();
        let content = match (apdu.p1, name) {
            (0x04, []) => return Reply::sw(0x6700),
            (0x04, name) if name.len() > 16 => return Reply::sw(0x6700),
            (0x04, CIE) => self.control_parameters(Directory::Cie),
            (0x04, IAS) if self.facts.root_by_aid => self.control_parameters(Directory::Root),
            (0x04, _) => return Reply::sw(0x6A82),
            (0x00, []) if apdu.le.is_none() => {
                // 8: four bytes get no parameters.
                self.selected(Directory::Root);
                return Reply::sw(0x9000);
            }
            (0x00, [] | [0x3F, 0x00]) => self.control_parameters(Directory::Root),
            (0x00 | 0x02, [high, low]) => {
                let id = u16::from_be_bytes([*high, *low]);
                let facts = self.facts.clone();
                let Some(file) = facts.file(self.directory, id) else {
                    return Reply::sw(0x6A82);
                };
                self.file = Some(id);
                let size = u16::try_from(file.content.len()).unwrap_or(u16::MAX);
                let rule = if file.closed { 0xF1 } else { 0x00 };
                let rules = [0x8C, 2, 1, rule, 0x9C, 2, 1, rule];
                [
                    tlv::encode(0x80, &size.to_be_bytes()),
                    tlv::encode(0x82, &[0x01]),
                    tlv::encode(0x83, &[*high, *low]),
                    tlv::encode(0x88, &[file.sfi << 3]),
                    tlv::encode(0x8A, &[0x05]),
                    tlv::encode(0xA1, &rules),
                ]
                .concat()
            }
            (0x00 | 0x02, _) => return Reply::sw(0x6700),
            _ => return Reply::sw(0x6A86),
        };
        match template {
            Some(tag) => Reply::ok(Data::Exactly(tlv::encode(tag, &content))),
            None => Reply::sw(0x9000),
        }
    }

    /// Selects a directory; its control parameters.
    fn control_parameters(&mut self, directory: Directory) -> Vec<u8> {
        self.selected(directory);
        let end = [0x82, 0x01, 0x38];
        let life = [0x8A, 0x01, 0x05];
        match directory {
            Directory::Root => {
                let name = tlv::encode(0x84, IAS);
                [&name, &end[..], &[0x83, 0x02, 0x3F, 0x00], &life].concat()
            }
            Directory::Cie => [&tlv::encode(0x84, CIE), &end[..], &life].concat(),
        }
    }

    fn read(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        let facts = self.facts.clone();
        let place = self.place(apdu, sealed, &facts);
        let le = apdu.le.filter(|_| apdu.data.is_empty());
        let (le, (file, offset)) = match (le, place) {
            (Some(le), Ok(place)) => (le, place),
            (None, Ok(_)) => return Reply::sw(0x6700),
            (Some(_), Err(sw)) => return Reply::sw(sw),
            (None, Err(sw)) => return Reply::sw(open(&[0x6700, sw], seen)),
        };
        let Some(rest) = file.content.get(offset..).filter(|rest| !rest.is_empty()) else {
            return Reply::sw(0x6B00);
        };
        self.file = Some(file.id);
        let part = rest.get(..le.min(rest.len())).unwrap_or_default();
        let short = !apdu.le_is_max() && le > rest.len();
        Reply {
            data: Data::Exactly(part.to_vec()),
            sw: if short { 0x6282 } else { 0x9000 },
        }
    }

    /// The file that P1 and P2 of READ BINARY name, and the offset.
    fn place<'a>(
        &self,
        apdu: &CommandApdu,
        sealed: bool,
        facts: &'a Facts,
    ) -> Result<(&'a File, usize), u16> {
        let (file, offset) = if apdu.p1 & 0x80 == 0 {
            let file = self.file.and_then(|id| facts.file(self.directory, id));
            let offset = u16::from_be_bytes([apdu.p1, apdu.p2]);
            (file.ok_or(0x6986_u16)?, usize::from(offset))
        } else {
            let sfi = apdu.p1 & 0x1F;
            if apdu.p1 & 0x60 != 0 || sfi == 0 || sfi == 0x1F {
                return Err(0x6A86);
            }
            let file = facts.by_sfi(self.directory, sfi).ok_or(0x6A82_u16)?;
            (file, usize::from(apdu.p2))
        };
        match self.pin_rule(sealed).filter(|_| file.closed) {
            Some(sw) => Err(sw),
            None => Ok((file, offset)),
        }
    }

    fn read_odd(&mut self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        let facts = self.facts.clone();
        // 20: Le counts the header of DO 53; 11: no Le is Le 00.
        let le = apdu.le.unwrap_or(256);
        let room = match le {
            0..=2 => None,
            3..=0x81 => Some(le - 2),
            0x82 => Some(127),
            _ => Some(le - 3),
        };
        let form = match (offset_of(&apdu.data), room) {
            (Some(offset), Some(room)) => Ok((offset, room)),
            (None, _) => Err(0x6A80),
            (_, None) => Err(0x6700),
        };
        let place = self.odd_place(apdu, sealed, &facts);
        let ((offset, room), file) = match (form, place) {
            (Ok(form), Ok(file)) => (form, file),
            (Err(sw), Ok(_)) | (Ok(_), Err(sw)) => return Reply::sw(sw),
            (Err(one), Err(two)) => return Reply::sw(open(&[one, two], seen)),
        };
        let Some(rest) = file.content.get(offset..).filter(|rest| !rest.is_empty()) else {
            return Reply::sw(0x6B00);
        };
        self.file = Some(file.id);
        let part = rest.get(..room.min(rest.len())).unwrap_or_default();
        let short = le != 256 && room > rest.len();
        Reply {
            data: Data::Exactly(tlv::encode(0x53, part)),
            sw: if short { 0x6282 } else { 0x9000 },
        }
    }

    /// The file that P1 and P2 of READ BINARY with odd instruction name.
    fn odd_place<'a>(
        &self,
        apdu: &CommandApdu,
        sealed: bool,
        facts: &'a Facts,
    ) -> Result<&'a File, u16> {
        let id = u16::from_be_bytes([apdu.p1, apdu.p2]);
        let file = match (id, u8::try_from(id)) {
            (0, _) => {
                let file = self.file.and_then(|id| facts.file(self.directory, id));
                file.ok_or(0x6986_u16)?
            }
            (0x1F, _) => return Err(0x6A86),
            (_, Ok(sfi)) if sfi < 0x1F => facts.by_sfi(self.directory, sfi).ok_or(0x6A82_u16)?,
            _ => facts.file(self.directory, id).ok_or(0x6A82_u16)?,
        };
        match self.pin_rule(sealed).filter(|_| file.closed) {
            Some(sw) => Err(sw),
            None => Ok(file),
        }
    }

    fn get_data(&self, apdu: &CommandApdu, sealed: bool, seen: u16) -> Reply {
        if (apdu.p1, apdu.p2) != (0x3F, 0xFF) {
            return Reply::sw(0x6A86);
        }
        let Some(path) = object_path(&apdu.data) else {
            return Reply::sw(0x6A80);
        };
        if path.as_slice() == [0xA6, 0x91] {
            return if self.shared {
                Reply::ok(Data::Share(self.agreement))
            } else {
                Reply::sw(0x6A88)
            };
        }
        if self.directory == Directory::Root {
            return Reply::sw(0x6A88);
        }
        match self.object(&path, sealed) {
            Ok(content) => {
                let whole = path
                    .iter()
                    .rev()
                    .skip(1)
                    .fold(content, |inner, tag| tlv::encode(*tag, &inner));
                Reply::ok(Data::Exactly(whole))
            }
            Err(0) => Reply::sw(open(&[0x6A88, 0x6A80], seen)),
            Err(sw) => Reply::sw(sw),
        }
    }

    /// The innermost object with its tag; 0 for what no fact names.
    fn object(&self, path: &[u32], sealed: bool) -> Result<Vec<u8>, u16> {
        let facts = &self.facts;
        let domain = &facts.domain;
        let number = |tag, value: &[u8]| Ok(tlv::encode(tag, value));
        match path {
            [0x70, 0xBFA101, 0xA3] => {
                let all = [
                    tlv::encode(0x97, &domain.g),
                    tlv::encode(0x98, &domain.p),
                    tlv::encode(0x99, &domain.q),
                ];
                number(0xA3, &all.concat())
            }
            [0x70, 0xBFA101, 0xA3, 0x97] => number(0x97, &domain.g),
            [0x70, 0xBFA101, 0xA3, 0x98] => number(0x98, &domain.p),
            [0x70, 0xBFA101, 0xA3, 0x99] => number(0x99, &domain.q),
            [0x70, 0xBFA004, 0x7F49] => {
                let ca = &facts.ca;
                let all = [
                    tlv::encode(0x81, ca.key.modulus()),
                    tlv::encode(0x82, ca.key.exponent()),
                    tlv::encode(0x5F20, &ca.holder_reference),
                    tlv::encode(0x5F4C, &ca.holder_authorisation),
                ];
                number(0x7F49, &all.concat())
            }
            [0x70, 0xBFA001, 0x7F49] => match self.pin_rule(sealed) {
                Some(sw) => Err(sw),
                None => Ok(Facts::public_key(&facts.citizen)),
            },
            [0x70, 0xBFA002, 0x7F49] => Ok(Facts::public_key(&facts.device)),
            [0x70, 0xBFA003, 0x7F49] => Ok(Facts::public_key(&facts.services)),
            [0x70, 0xBF9001..=0xBF9003, 0x7F48] => Err(0x6982),
            [0x70, 0xBF8101, 0xA0, 0x9B] => number(0x9B, &[self.pin.left]),
            [0x70, 0xBF8102, 0xA0, 0x9B] => number(0x9B, &[self.puk.left]),
            [0x70, 0xBF8101 | 0xBF8102, 0x7F41] => {
                number(0x7F41, &[0x80, 1, 8, 0x81, 1, 8, 0x82, 1, 8])
            }
            [0x70, 0xBFA102 | 0xBF8103 | 0xBFA005 | 0xBFFB03, ..] | [0xBFA101, ..] => Err(0x6A88),
            _ => Err(0),
        }
    }
}

/// The tags of a header list that names one object, from outside to inside;
/// `None` if it is malformed or names several.
fn object_path(data: &[u8]) -> Option<Vec<u32>> {
    let (&tag, rest) = data.split_first()?;
    let (&length, mut list) = rest.split_first()?;
    if tag != 0x4D || usize::from(length) != list.len() || list.is_empty() {
        return None;
    }
    let mut path = Vec::new();
    loop {
        let (&first, mut rest) = list.split_first()?;
        let mut tag = u32::from(first);
        if first & 0x1F == 0x1F {
            let (&second, after) = rest.split_first()?;
            tag = (tag << 8) | u32::from(second);
            rest = after;
            if second & 0x80 != 0 {
                let (&third, after) = rest.split_first()?;
                tag = (tag << 8) | u32::from(third);
                rest = after;
            }
        }
        path.push(tag);
        let (&length, inner) = rest.split_first()?;
        // 00 or 80: the whole object, and nothing behind it.
        if length == 0x00 || length == 0x80 {
            return inner.is_empty().then_some(path);
        }
        if usize::from(length) != inner.len() {
            return None;
        }
        list = inner;
    }
}

/// The offset in the data field of READ BINARY with odd instruction: one DO 54
/// of one to four bytes.
fn offset_of(data: &[u8]) -> Option<usize> {
    let mut objects = tlv::Reader::new(data);
    let (Some(Ok(object)), None) = (objects.next(), objects.next()) else {
        return None;
    };
    if object.tag != 0x54 || object.value.is_empty() || object.value.len() > 4 {
        return None;
    }
    let bytes = object.value.iter();
    Some(bytes.fold(0, |at, byte| (at << 8) | usize::from(*byte)))
}

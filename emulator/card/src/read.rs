// SPDX-License-Identifier: MIT OR Apache-2.0
//! READ BINARY with even and odd instruction (ISO/IEC 7816-4 §11.3.3,
//! sections 0 and 2.2 of the card facts).

use crate::card::Card;
use crate::files;
use crate::image::{ElementaryFile, ReadAccess};
use crate::memory::NonVolatile;
use crate::pipeline::{Answer, Call, wrong_data};
use iso7816_wire::apdu::SHORT_LE_MAX;
use iso7816_wire::{CommandApdu, ResponseApdu, StatusWord, mutant, tlv};

const OFFSET: u32 = 0x54;
const DISCRETIONARY_DATA: u32 = 0x53;

impl<M: NonVolatile> Card<M> {
    /// INS B0: offset in P1-P2, or short file identifier in P1 and offset in P2.
    pub(crate) fn read_binary(&mut self, call: &Call) -> Answer {
        let apdu = &call.apdu;
        if !apdu.data.is_empty() {
            return Err(StatusWord::WRONG_LENGTH);
        }
        let Some(le) = apdu.le else {
            return Err(StatusWord::WRONG_LENGTH);
        };
        let (fid, offset) = if apdu.p1 & 0x80 == 0 {
            let mask = if mutant!(OffsetIsP2) { 0xFF } else { 0x7FFF };
            (self.current_file()?, usize::from(call.p1_p2() & mask))
        } else if apdu.p1 & 0x60 != 0 {
            return Err(StatusWord::WRONG_P1_P2);
        } else {
            let sfi = (apdu.p1 & 0x1F) + u8::from(mutant!(SfiOneTooHigh));
            (self.file_by_sfi(sfi)?, usize::from(apdu.p2))
        };
        let content = &self.readable(fid, call)?.content;
        let (part, sw) = slice(content, offset, le, apdu.le_is_max())?;
        let response = ResponseApdu {
            data: part.to_vec(),
            sw,
        };
        if !mutant!(SfiSelectsNothing) {
            self.volatile.current_file = Some(fid);
        }
        Ok(response)
    }

    /// INS B1: file in P1-P2, offset in DO 54, answer in DO 53, whose header Le
    /// counts (choice 20).
    pub(crate) fn read_binary_odd(&mut self, call: &Call) -> Answer {
        let apdu = &call.apdu;
        // Case 3 answers directly (choice 11), as if all were asked for.
        let le = apdu.le.unwrap_or(SHORT_LE_MAX);
        let as_much_as_there_is = apdu.le.is_none() || apdu.le_is_max();
        let room = object_room(le).ok_or(StatusWord::WRONG_LENGTH)?;
        let fid = match call.p1_p2() {
            0 => self.current_file()?,
            sfi @ 1..=0x1E => self.file_by_sfi(u8::try_from(sfi).unwrap_or_default())?,
            0x1F => return Err(StatusWord::WRONG_P1_P2),
            fid => fid,
        };
        let offset = offset_object(apdu)?;
        let content = &self.readable(fid, call)?.content;
        let (part, sw) = slice(content, offset, room, as_much_as_there_is)?;
        let response = ResponseApdu {
            data: tlv::encode(
                if mutant!(OddAnswersIn54) {
                    OFFSET
                } else {
                    DISCRETIONARY_DATA
                },
                part,
            ),
            sw,
        };
        self.volatile.current_file = Some(fid);
        Ok(response)
    }

    fn current_file(&self) -> Result<u16, StatusWord> {
        self.volatile.current_file.ok_or(StatusWord::NO_CURRENT_EF)
    }

    fn file_by_sfi(&self, sfi: u8) -> Result<u16, StatusWord> {
        if !(1..=0x1E).contains(&sfi) {
            return Err(StatusWord::WRONG_P1_P2);
        }
        let file = files::by_sfi(&self.profile, self.volatile.directory, sfi);
        Ok(file.ok_or(StatusWord::FILE_NOT_FOUND)?.fid)
    }

    /// The file, if the security status allows to read it (choice 4).
    fn readable(&self, fid: u16, call: &Call) -> Result<&ElementaryFile, StatusWord> {
        let file = files::by_fid(&self.profile, self.volatile.directory, fid)
            .ok_or(StatusWord::FILE_NOT_FOUND)?;
        match file.read {
            ReadAccess::Pin if mutant!(SerialFree) && fid == 0x1002 => {}
            ReadAccess::Pin if mutant!(CertificateFree) && fid == 0x1003 => {}
            ReadAccess::Free => {}
            ReadAccess::Pin => self.require_pin(call.secured)?,
        }
        Ok(file)
    }
}

/// The part of a file that a command asks for, and the status word with it.
/// Asking for everything (Le 00) ends with 9000, asking for more than there is
/// with 6282 (must-do 2).
fn slice(
    content: &[u8],
    offset: usize,
    count: usize,
    as_much_as_there_is: bool,
) -> Result<(&[u8], StatusWord), StatusWord> {
    mutant!(ReadBehindEndIsOk => if offset >= content.len() {
        return Ok((&[], StatusWord::OK));
    });
    let rest = content.get(offset..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(StatusWord::WRONG_OFFSET)?;
    match rest.get(..count) {
        Some(part) => Ok((part, StatusWord::OK)),
        None if as_much_as_there_is || mutant!(ReadOverEndIsOk) => Ok((rest, StatusWord::OK)),
        None => Ok((rest, StatusWord::END_OF_FILE)),
    }
}

/// The offset in DO 54, the only object in the data field: one to four bytes.
fn offset_object(apdu: &CommandApdu) -> Result<usize, StatusWord> {
    let mut objects = tlv::Reader::new(&apdu.data);
    let object = objects
        .next()
        .ok_or(StatusWord::WRONG_DATA)?
        .map_err(wrong_data)?;
    if object.tag != OFFSET || objects.next().is_some() || !(1..=4).contains(&object.value.len()) {
        return Err(StatusWord::WRONG_DATA);
    }
    mutant!(OddOffsetIsLastByte => return Ok(object.value.last().map_or(0, |low| usize::from(*low))));
    Ok(object
        .value
        .iter()
        .fold(0, |offset, byte| offset << 8 | usize::from(*byte)))
}

/// How many content bytes fit a DO 53 of at most `le` bytes; `None` if not even
/// one does.
fn object_room(le: usize) -> Option<usize> {
    let header = match le {
        0..=129 => 2,
        130..=258 => 3,
        _ => 4,
    };
    let room = le.checked_sub(header).filter(|room| *room > 0)?;
    // Between two lengths of the header the shorter one decides.
    Some(match header {
        2 => room.min(0x7F),
        3 if room < 0x80 => 0x7F,
        3 => room.min(0xFF),
        _ if room < 0x100 => 0xFF,
        _ => room,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_fills_le_but_never_exceeds_it() {
        for le in 0..3 {
            assert_eq!(object_room(le), None);
        }
        for le in 3..1000 {
            let room = object_room(le).unwrap();
            assert!(tlv::encode(0x53, &vec![0; room]).len() <= le, "Le {le}");
            assert!(tlv::encode(0x53, &vec![0; room + 1]).len() > le, "Le {le}");
        }
    }
}

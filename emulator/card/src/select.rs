// SPDX-License-Identifier: MIT OR Apache-2.0
//! SELECT (ISO/IEC 7816-4 §11.2.2, sections 1.2 and 2.2 of the card facts).

use crate::card::Card;
use crate::files;
use crate::image::Directory;
use crate::memory::NonVolatile;
use crate::pipeline::{Answer, Call, is_directory_select};
use crate::session::Channel;
use iso7816_wire::{ResponseApdu, StatusWord, mutant, tlv};

/// AID of the IAS ECC root (section 1.1).
pub const AID_IAS_ROOT: [u8; 13] = [
    0xA0, 0x00, 0x00, 0x00, 0x30, 0x80, 0x00, 0x00, 0x00, 0x09, 0x81, 0x60, 0x01,
];
/// AID of the application DF CIE (section 1.1).
pub const AID_CIE: [u8; 6] = [0xA0, 0x00, 0x00, 0x00, 0x00, 0x39];

/// File identifier of the master file.
const MF: [u8; 2] = [0x3F, 0x00];

const BY_FID: u8 = 0x00;
const EF_BY_FID: u8 = 0x02;
const BY_AID: u8 = 0x04;

/// What the terminal wants to hear about the file it selects (P2).
#[derive(Clone, Copy)]
enum Information {
    /// 00: file control information, template 6F.
    Fci,
    /// 04: file control parameters, template 62.
    Fcp,
    /// 0C: nothing.
    None,
}

impl Information {
    fn template(self) -> Option<u32> {
        match self {
            Self::Fci if mutant!(FciIsFcp) => Some(0x62),
            Self::Fci => Some(0x6F),
            Self::Fcp => Some(0x62),
            Self::None => None,
        }
    }
}

impl<M: NonVolatile> Card<M> {
    pub(crate) fn select(&mut self, call: &Call) -> Answer {
        let apdu = &call.apdu;
        if is_directory_select(apdu) && !call.secured {
            self.volatile.channel = Channel::None;
        }
        let information = match apdu.p2 {
            0x00 => Information::Fci,
            0x04 => Information::Fcp,
            0x0C => Information::None,
            _ => return Err(StatusWord::WRONG_P1_P2),
        };
        match (apdu.p1, apdu.data.as_slice()) {
            (BY_AID, aid) => {
                let directory = self.directory_by_aid(aid)?;
                Ok(self.enter(directory, call, information))
            }
            (BY_FID, []) => Ok(self.enter(Directory::Root, call, information)),
            (BY_FID, fid) if *fid == MF => Ok(self.enter(Directory::Root, call, information)),
            (BY_FID | EF_BY_FID, [hi, lo]) => {
                self.select_file(u16::from_be_bytes([*hi, *lo]), call, information)
            }
            (BY_FID | EF_BY_FID, _) => Err(StatusWord::WRONG_LENGTH),
            _ => Err(StatusWord::WRONG_P1_P2),
        }
    }

    fn directory_by_aid(&self, aid: &[u8]) -> Result<Directory, StatusWord> {
        if aid == AID_CIE || mutant!(NameByItsStart) && AID_CIE.starts_with(aid) {
            Ok(Directory::Cie)
        } else if aid == AID_IAS_ROOT && self.profile.family.root_by_aid && !mutant!(RootNotByName)
        {
            Ok(Directory::Root)
        } else if aid.is_empty() || aid.len() > 16 {
            Err(StatusWord::WRONG_LENGTH)
        } else {
            Err(StatusWord::FILE_NOT_FOUND)
        }
    }

    fn enter(&mut self, directory: Directory, call: &Call, wanted: Information) -> ResponseApdu {
        self.leave_directory(call.secured);
        self.volatile.directory = directory;
        answer(call, wanted, || files::directory_parameters(directory))
    }

    fn select_file(&mut self, fid: u16, call: &Call, wanted: Information) -> Answer {
        let directory = self.volatile.directory;
        mutant!(FailedSelectForgetsFile => self.volatile.current_file = None);
        let file =
            files::by_fid(&self.profile, directory, fid).ok_or(StatusWord::FILE_NOT_FOUND)?;
        let response = answer(call, wanted, || files::file_parameters(file));
        if !mutant!(SelectSetsNoFile) {
            self.volatile.current_file = Some(fid);
        }
        Ok(response)
    }
}

/// The file's description in the wanted template. A command of four bytes
/// (case 1) has no room for an answer and gets none; a case 3 command does,
/// as all commands of section 0, point 4.
fn answer(call: &Call, wanted: Information, parameters: impl FnOnce() -> Vec<u8>) -> ResponseApdu {
    let case_1 = call.apdu.data.is_empty() && call.apdu.le.is_none();
    match wanted.template() {
        Some(template) if !case_1 => ResponseApdu::ok(tlv::encode(template, &parameters())),
        _ => StatusWord::OK.into(),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Looking files up and describing them (section 2 of the card facts).

use crate::image::{Directory, ElementaryFile, Profile, ReadAccess};
use crate::select::{AID_CIE, AID_IAS_ROOT};
use iso7816_wire::{mutant, tlv};

/// Life-cycle status of everything on a personalised card: activated.
const LCS_ACTIVATED: u8 = 0x05;

pub(crate) fn by_fid(profile: &Profile, directory: Directory, fid: u16) -> Option<&ElementaryFile> {
    profile
        .files
        .iter()
        .find(|file| file.directory == directory && file.fid == fid)
}

pub(crate) fn by_sfi(profile: &Profile, directory: Directory, sfi: u8) -> Option<&ElementaryFile> {
    profile
        .files
        .iter()
        .find(|file| file.directory == directory && file.sfi == Some(sfi))
}

/// File control parameters of an elementary file, in the shape of section 2.3
/// (choice 8): size, type, FID, SFI, life cycle, access rules for both
/// interfaces.
pub(crate) fn file_parameters(file: &ElementaryFile) -> Vec<u8> {
    let mut out = Vec::with_capacity(40);
    let size =
        u16::try_from(file.content.len()).unwrap_or(u16::MAX) ^ u16::from(mutant!(FcpSizeWrong));
    tlv::push(&mut out, 0x80, &size.to_be_bytes());
    tlv::push(&mut out, 0x82, &[0x01]);
    tlv::push(&mut out, 0x83, &file.fid.to_be_bytes());
    let sfi = file.sfi.map(|sfi| {
        if mutant!(FcpSfiNotShifted) {
            sfi
        } else {
            sfi << 3
        }
    });
    tlv::push(&mut out, 0x88, sfi.as_slice());
    tlv::push(&mut out, 0x8A, &[LCS_ACTIVATED]);
    // Access-mode byte with the READ bit, then the security condition: none, or
    // all of secure messaging, external authentication and user authentication
    // in security environment 1.
    let rule = match file.read {
        _ if mutant!(FcpSaysFree) => [0x01, 0x00],
        ReadAccess::Free => [0x01, 0x00],
        ReadAccess::Pin => [0x01, 0xF1],
    };
    let mut rules = tlv::encode(0x8C, &rule);
    tlv::push(&mut rules, 0x9C, &rule);
    tlv::push(&mut out, 0xA1, &rules);
    out
}

/// File control parameters of a directory: name, type, FID where there is one,
/// life cycle.
pub(crate) fn directory_parameters(directory: Directory) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    let name: &[u8] = match directory {
        Directory::Root => &AID_IAS_ROOT,
        Directory::Cie => &AID_CIE,
    };
    tlv::push(&mut out, 0x84, name);
    tlv::push(&mut out, 0x82, &[0x38]);
    if directory == Directory::Root {
        tlv::push(&mut out, 0x83, &[0x3F, 0x00]);
    }
    tlv::push(&mut out, 0x8A, &[LCS_ACTIVATED]);
    out
}

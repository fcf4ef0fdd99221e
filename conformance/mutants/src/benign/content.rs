// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other contents of a card.

use cie_card::image::{Directory, ElementaryFile, ReadAccess};
use cie_card::{Card, CardError, Profile};
use cie_conformance::edges::Specimen;
use iso7816_wire::{dh, tlv};
use std::sync::Arc;

type Changed = Result<Specimen<Card>, CardError>;

/// A card like this one with another profile and other random numbers.
fn with_profile(specimen: Specimen<Card>, change: impl FnOnce(&mut Profile)) -> Changed {
    let mut image = specimen.card.image();
    change(Arc::make_mut(&mut image.profile));
    let card = Card::in_memory(image, [0x33; 32])?;
    Ok(specimen.behind(|_| card))
}

fn content(profile: &mut Profile, fid: u16) -> Option<&mut Vec<u8>> {
    let file = profile.files.iter_mut().find(|file| file.fid == fid);
    file.map(|file| &mut file.content)
}

pub(super) fn other_random_numbers(specimen: Specimen<Card>) -> Changed {
    with_profile(specimen, |_| {})
}

pub(super) fn other_atr(mut specimen: Specimen<Card>) -> Changed {
    // TS, T0 with five historical bytes, T=1 announced and so TCK.
    let mut atr = vec![0x3B, 0x85, 0x80, 0x01, b'O', b'T', b'H', b'E', b'R'];
    atr.push(atr.iter().skip(1).fold(0, |sum, byte| sum ^ byte));
    specimen.atr.clone_from(&atr);
    with_profile(specimen, |profile| profile.family.atr = atr)
}

pub(super) fn more_in_ef_atr(mut specimen: Specimen<Card>) -> Changed {
    let more = tlv::encode(0x5F52, b"OTHER");
    specimen.ef_atr.extend_from_slice(&more);
    with_profile(specimen, |profile| {
        if let Some(content) = content(profile, 0x2F01) {
            content.extend(more);
        }
    })
}

pub(super) fn more_in_ef_dir(specimen: Specimen<Card>) -> Changed {
    with_profile(specimen, |profile| {
        if let Some(content) = content(profile, 0x2F00) {
            let name = tlv::encode(0x4F, &[0xA0, 0x00, 0x00, 0x02, 0x47, 0x99]);
            content.extend(tlv::encode(0x61, &name));
        }
    })
}

/// The fifth power of the generator generates the same subgroup, whose order
/// is a prime.
pub(super) fn other_generator(specimen: Specimen<Card>) -> Changed {
    with_profile(specimen, |profile| {
        let dh = &mut profile.dh;
        let old = dh.g.clone();
        dh.g = dh::mod_exp(&old, &[5], &dh.p).unwrap_or_default();
        let new = dh.g.clone();
        if let Some(content) = content(profile, 0xD004)
            && let Some(at) = content.windows(old.len()).position(|part| part == old)
        {
            content.splice(at..at + old.len(), new);
        }
    })
}

pub(super) fn padded_files(specimen: Specimen<Card>) -> Changed {
    with_profile(specimen, |profile| {
        for fid in [0x1003, 0x1006] {
            if let Some(content) = content(profile, fid) {
                content.resize(content.len().next_multiple_of(1024), 0);
            }
        }
    })
}

pub(super) fn one_file_more(specimen: Specimen<Card>) -> Changed {
    with_profile(specimen, |profile| {
        profile.files.push(ElementaryFile {
            directory: Directory::Cie,
            fid: 0x10FE,
            sfi: Some(29),
            read: ReadAccess::Free,
            content: b"nobody knows".to_vec(),
        });
    })
}

pub(super) fn root_not_by_aid(mut specimen: Specimen<Card>) -> Changed {
    specimen.root_by_aid = false;
    with_profile(specimen, |profile| profile.family.root_by_aid = false)
}

pub(super) fn extended_length(mut specimen: Specimen<Card>) -> Changed {
    specimen.extended_length = true;
    with_profile(specimen, |profile| profile.family.extended_length = true)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Terminal certificates and proofs with one fault (section 4.4, steps b and e).

use super::script::ScriptError;
use cie_terminal::Error;
use cie_terminal::published::{self, CA_PRIVATE_EXPONENT};
use cie_terminal::steps::agreement::Agreement;
use cie_terminal::steps::device::external_authentication;
use cie_terminal::steps::device_certificate::Device;
use cie_terminal::steps::objects::CaKey;
use iso7816_wire::{dh, iso9796, tlv};
use rand_core::CryptoRng;

/// Faults of a certificate that is signed as it should be: name in a script,
/// place in the text, bytes that stand there.
const FORGED_TEXT: &[(&str, usize, &[u8])] = &[
    ("profile 8B", 0, &[0x8B]),
    ("authority TESTCA02", 1, b"TESTCA02"),
    ("holder 2", 20, &[0x02]),
    ("application", 21, &[0xA1]),
    ("role 02", 27, &[0x02]),
    ("object identifier", 36, &[0x05]),
];

/// Faults of the signed block itself: name, place, byte that stands there. The
/// hash in it is right.
const FORGED_BLOCK: &[(&str, usize, u8)] = &[("header 4A", 0, 0x4A), ("trailer CC", 255, 0xCC)];

/// All kinds of certificates beside those with a forged text or block.
const CERTIFICATES: &[&str] = &[
    "good",
    "signature bit",
    "signature of 255 bytes",
    "signature of 257 bytes",
    "remainder bit",
    "remainder of 74 bytes",
    "remainder of 76 bytes",
    "42 bit",
    "42 of 7 bytes",
    "no 5F37",
    "no 5F38",
    "no 42",
    "no 7F21",
    "7F4E for 7F21",
    "5F37 twice",
    "80 inside",
    "object behind",
    "42 first",
    "cut short",
    "empty 7F21",
];

/// All kinds of proofs.
const PROOFS: &[&str] = &[
    "good",
    "signature bit",
    "signature of 255 bytes",
    "signature of 257 bytes",
    "serial bit",
    "another serial",
    "another challenge",
    "challenge before",
    "another agreement",
    "empty",
];

/// The data field of VERIFY CERTIFICATE.
///
/// # Errors
/// [`ScriptError::Word`] for an unknown kind, the terminal's error if the
/// published device cannot be certified.
pub fn certificate(kind: &str, ca: &CaKey) -> Result<Result<Vec<u8>, Error>, ScriptError> {
    let forged = FORGED_TEXT.iter().find(|(name, ..)| *name == kind);
    let block = FORGED_BLOCK.iter().any(|(name, ..)| *name == kind);
    if forged.is_none() && !block && !CERTIFICATES.contains(&kind) {
        return Err(ScriptError::Word(kind.to_owned()));
    }
    Ok(encoded(kind, forged, ca))
}

fn encoded(
    kind: &str,
    forged: Option<&(&str, usize, &[u8])>,
    ca: &CaKey,
) -> Result<Vec<u8>, Error> {
    let good = Device::published()?.certify(ca)?;
    let (mut signature, mut remainder) = (good.signature.clone(), good.remainder.clone());
    let mut authority = good.authority.to_vec();
    let block_fault = FORGED_BLOCK.iter().find(|(name, ..)| *name == kind);
    if forged.is_some() || block_fault.is_some() {
        let (at, bytes) = forged.map_or((&0, &[][..]), |(_, at, bytes)| (at, bytes));
        let mut text = good.open(&ca.key)?;
        for (to, from) in text.iter_mut().skip(*at).zip(bytes) {
            *to = *from;
        }
        let size = iso9796::recoverable_len(ca.key.modulus().len());
        let (recoverable, rest) = text.split_at(size.min(text.len()));
        let mut block = iso9796::build(recoverable, &[rest]);
        if let Some((_, at, byte)) = block_fault {
            block.splice(at..=at, [*byte]);
        }
        signature = dh::mod_exp(&block, &CA_PRIVATE_EXPONENT, ca.key.modulus()).unwrap_or(block);
        authority = text.get(1..9).unwrap_or_default().to_vec();
        remainder = rest.to_vec();
    }
    match kind {
        "signature bit" => flip(&mut signature),
        "signature of 255 bytes" => drop(signature.pop()),
        "signature of 257 bytes" => signature.insert(0, 0),
        "remainder bit" => flip(&mut remainder),
        "remainder of 74 bytes" => drop(remainder.pop()),
        "remainder of 76 bytes" => remainder.push(0),
        "42 bit" => flip(&mut authority),
        "42 of 7 bytes" => drop(authority.pop()),
        _ => {}
    }
    let mut objects = vec![
        tlv::encode(0x5F37, &signature),
        tlv::encode(0x5F38, &remainder),
        tlv::encode(0x42, &authority),
    ];
    match kind {
        "no 5F37" => drop(objects.remove(0)),
        "no 5F38" => drop(objects.remove(1)),
        "no 42" => drop(objects.pop()),
        "5F37 twice" => objects.extend(objects.first().cloned()),
        "80 inside" => objects.push(vec![0x80, 0x00]),
        "42 first" => objects.rotate_right(1),
        "empty 7F21" => objects.clear(),
        _ => {}
    }
    let content = objects.concat();
    if kind == "no 7F21" {
        return Ok(content);
    }
    let template = if kind == "7F4E for 7F21" {
        0x7F4E
    } else {
        0x7F21
    };
    let mut out = tlv::encode(template, &content);
    match kind {
        "object behind" => out.extend([0x80, 0x00]),
        "cut short" => drop(out.pop()),
        _ => {}
    }
    Ok(out)
}

fn flip(bytes: &mut [u8]) {
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
}

/// The data field of EXTERNAL AUTHENTICATE.
///
/// # Errors
/// [`ScriptError::Word`] for an unknown kind, the terminal's error if the
/// published device key cannot be used.
pub fn proof<R: CryptoRng + ?Sized>(
    kind: &str,
    agreement: &Agreement,
    challenge: [u8; 8],
    rng: &mut R,
) -> Result<Result<Vec<u8>, Error>, ScriptError> {
    if PROOFS.contains(&kind) {
        Ok(proven(kind, agreement, challenge, rng))
    } else {
        Err(ScriptError::Word(kind.to_owned()))
    }
}

fn proven<R: CryptoRng + ?Sized>(
    kind: &str,
    agreement: &Agreement,
    mut challenge: [u8; 8],
    rng: &mut R,
) -> Result<Vec<u8>, Error> {
    let mut agreement = agreement.clone();
    let mut device = Device::published()?;
    match kind {
        "another challenge" => flip(&mut challenge),
        "another agreement" => flip(&mut agreement.terminal_public),
        "another serial" => {
            device = Device::new(
                &published::DEVICE_MODULUS,
                &published::DEVICE_PUBLIC_EXPONENT,
                &published::DEVICE_PRIVATE_EXPONENT,
                &CA_PRIVATE_EXPONENT,
                *b"OTHER001",
            )?;
        }
        _ => {}
    }
    let mut data = external_authentication(&device, &agreement, challenge, rng)?;
    match kind {
        "signature bit" => flip(&mut data),
        "signature of 255 bytes" => drop(data.pop()),
        "signature of 257 bytes" => data.push(0),
        "serial bit" => flip(data.get_mut(..8).unwrap_or_default()),
        "empty" => data.clear(),
        _ => {}
    }
    Ok(data)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data objects of protected commands and responses.

use super::crypto::{Primitives, pad, unpad};
use crate::apdu::{CLA_SM, CommandApdu, ResponseApdu, SHORT_DATA_MAX, SHORT_LE_MAX};
use crate::status::StatusWord;
use crate::tlv;
use crate::{flaw, mutant};
use thiserror::Error;

/// The most plain bytes that fit one protected short command, as the card's
/// clients cut them: 231 (padded to 232, DO 87 of 236, DO 97, DO 8E).
pub const PAYLOAD_MAX: usize = 231;

const CRYPTOGRAM_ODD: u32 = 0x85;
const CRYPTOGRAM: u32 = 0x87;
const LE: u32 = 0x97;
const STATUS: u32 = 0x99;
const MAC: u32 = 0x8E;
/// First byte of DO 87: padded with 80 00… .
const PADDING_INDICATOR: u8 = 0x01;

/// What is wrong with a protected message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SmError {
    /// A data object that has to be there is not.
    #[error("secure-messaging data object {0:02X} is missing")]
    Missing(u8),
    /// The data field is not a row of BER-TLV objects.
    #[error("the secure-messaging data field is not BER-TLV")]
    NotTlv,
    /// An object that does not belong there, or comes twice or out of order.
    #[error("secure-messaging data object {0:X} is unknown, repeated or out of place")]
    Misplaced(u32),
    /// An object whose value has the wrong form.
    #[error("secure-messaging data object {0:02X} is malformed")]
    Malformed(u8),
    /// The cryptographic checksum does not match.
    #[error("the cryptographic checksum (DO 8E) is wrong")]
    Mac,
    /// The decrypted data does not end in 80 00… .
    #[error("the decrypted data is not padded with 80 00")]
    Padding,
    /// The plain data does not fit one protected command.
    #[error("{0} bytes do not fit one protected command of at most {PAYLOAD_MAX}")]
    TooLong(usize),
}

impl SmError {
    /// The status word of choice 5 of the card facts: 6987 for a missing
    /// object, 6988 for everything that is there and wrong.
    #[must_use]
    pub fn status(self) -> StatusWord {
        match self {
            Self::Missing(_) => StatusWord::SM_OBJECT_MISSING,
            _ => StatusWord::SM_OBJECT_INCORRECT,
        }
    }
}

fn cryptogram_tag(ins: u8) -> u32 {
    if ins & 1 == 1 {
        CRYPTOGRAM_ODD
    } else {
        CRYPTOGRAM
    }
}

/// The start of the MAC input of a command: padded SSC ‖ header.
fn command_mac_input(ssc: [u8; 8], header: [u8; 4]) -> Vec<u8> {
    let mut input = Vec::with_capacity(320);
    input.extend(ssc);
    input.extend(header);
    pad(&mut input);
    input
}

fn push_cryptogram(out: &mut Vec<u8>, primitives: &Primitives, tag: u32, data: &[u8]) {
    let mut value = Vec::with_capacity(data.len() + 9);
    let head = usize::from(tag == CRYPTOGRAM);
    value.extend(std::iter::repeat_n(PADDING_INDICATOR, head));
    value.extend_from_slice(data);
    let bare = mutant!(SmPadsOnlyWhenNeeded) && data.len().is_multiple_of(8);
    if !bare {
        value.push(0x80);
    }
    value.resize(head + (value.len() - head).next_multiple_of(8), 0);
    primitives.encrypt(value.get_mut(head..).unwrap_or_default());
    tlv::push(out, tag, &value);
}

fn open_cryptogram(primitives: &Primitives, tag: u32, value: &[u8]) -> Result<Vec<u8>, SmError> {
    let encrypted = match (tag, value) {
        (CRYPTOGRAM, [PADDING_INDICATOR, rest @ ..]) => rest,
        (CRYPTOGRAM, [_, rest @ ..]) if mutant!(SmAnyIndicator) => rest,
        (CRYPTOGRAM, _) => return Err(SmError::Malformed(0x87)),
        _ => value,
    };
    if encrypted.is_empty() || encrypted.len() % 8 != 0 {
        return Err(SmError::Malformed(if tag == CRYPTOGRAM {
            0x87
        } else {
            0x85
        }));
    }
    let mut data = encrypted.to_vec();
    primitives.decrypt(&mut data);
    let unpadded = unpad(&data).or(mutant!(SmPaddingUnchecked).then_some(&*data));
    let len = unpadded.ok_or(SmError::Padding)?.len();
    data.truncate(len);
    Ok(data)
}

/// The objects of a protected message, each at most once and in the order in
/// which `tags` names them.
fn ordered<'a, const N: usize>(
    data: &'a [u8],
    tags: [u32; N],
) -> Result<[Option<tlv::Tlv<'a>>; N], SmError> {
    let mut found = [None; N];
    let mut next = 0;
    for object in tlv::Reader::new(data) {
        let object = object.map_err(|_| SmError::NotTlv)?;
        let position = tags.iter().position(|tag| *tag == object.tag);
        if position.is_none() && mutant!(SmUnknownObjectIgnored) {
            continue;
        }
        let position = position
            .filter(|p| *p >= next || mutant!(SmAnyOrder))
            .ok_or(SmError::Misplaced(object.tag))?;
        if let Some(slot) = found.get_mut(position) {
            *slot = Some(object);
        }
        next = position + 1;
    }
    Ok(found)
}

pub(super) fn open_command(
    primitives: &Primitives,
    ssc: [u8; 8],
    command: &CommandApdu,
) -> Result<CommandApdu, SmError> {
    let tag = cryptogram_tag(command.ins ^ u8::from(mutant!(fn other_cryptogram(command))));
    let [cryptogram, le, mac] = ordered(&command.data, [tag, LE, MAC])?;
    let mac = match mac {
        Some(object) => object.value,
        None if mutant!(SmMacOptional) => &[],
        None if mutant!(SmMissingIsIncorrect) => return Err(SmError::Mac),
        None => return Err(SmError::Missing(0x8E)),
    };

    let mut input = command_mac_input(ssc, command.header());
    for object in [cryptogram, le].into_iter().flatten() {
        input.extend_from_slice(object.raw);
    }
    // A command of header only is not padded a second time (choice 26).
    if cryptogram.is_some() || le.is_some() {
        pad(&mut input);
    }
    mutant!(SmAnyOrder => input = crate::mutants::as_received(ssc, command));
    mutant!(SmUnknownObjectIgnored => input = crate::mutants::as_received(ssc, command));
    let accepted = mutant!(fn lenient_mac(primitives.mac(&input), mac));
    if mac.len() != 8 && !accepted {
        return Err(SmError::Malformed(0x8E));
    }
    if !accepted && !primitives.mac_is(&input, mac) {
        return Err(SmError::Mac);
    }

    // One byte is a short Le even inside an extended command, so that its 00
    // asks for all there is, as everywhere.
    let (le, extended) = match le.map(|object| object.value) {
        None => (None, false),
        Some([0]) => (Some(SHORT_LE_MAX), false),
        Some([le]) => (Some(usize::from(*le)), false),
        Some([0, 0]) if command.extended => (Some(65_536), true),
        Some([hi, lo]) if command.extended || mutant!(SmLongLe) => {
            (Some(usize::from(u16::from_be_bytes([*hi, *lo]))), true)
        }
        Some(_) => return Err(SmError::Malformed(0x97)),
    };
    let data = match cryptogram {
        Some(object) => open_cryptogram(primitives, tag, object.value)?,
        None => Vec::new(),
    };
    Ok(CommandApdu {
        cla: command.cla & !CLA_SM,
        data,
        le,
        extended,
        ..*command
    })
}

pub(super) fn seal_response(
    primitives: &Primitives,
    ssc: [u8; 8],
    ins: u8,
    response: &ResponseApdu,
) -> ResponseApdu {
    let mut body = Vec::with_capacity(response.data.len() + 48);
    body.extend(ssc);
    if !response.data.is_empty() {
        let tag = cryptogram_tag(if mutant!(SmAnswersIn87) { 0 } else { ins });
        push_cryptogram(&mut body, primitives, tag, &response.data);
    }
    tlv::push(&mut body, STATUS, &response.sw.to_bytes());
    mutant!(SmStatusAlwaysOk => body.truncate(body.len() - 2); body.extend([0x90, 0x00]));
    let content_end = body.len();
    pad(&mut body);
    let mac = primitives.mac(&body);
    body.truncate(content_end);
    let unsigned = mutant!(SmErrorsUnsigned) && !response.sw.is_ok();
    if !unsigned {
        tlv::push(&mut body, MAC, &mac);
    }
    body.drain(..ssc.len());
    ResponseApdu {
        data: body,
        sw: response.sw,
    }
}

pub(super) fn seal_command(
    primitives: &Primitives,
    ssc: [u8; 8],
    command: &CommandApdu,
) -> Result<CommandApdu, SmError> {
    let too_long = SmError::TooLong(command.data.len());
    let cla = command.cla | CLA_SM;
    let mut input = command_mac_input(ssc, [cla, command.ins, command.p1, command.p2]);
    let content_start = input.len();
    if !command.data.is_empty() {
        push_cryptogram(
            &mut input,
            primitives,
            cryptogram_tag(command.ins),
            &command.data,
        );
    }
    if let Some(le) = command.le {
        let le = if le == SHORT_LE_MAX {
            0
        } else {
            u8::try_from(le).map_err(|_| too_long)?
        };
        tlv::push(&mut input, LE, &[le]);
    }
    let content_end = input.len();
    if content_end > content_start {
        pad(&mut input);
    }
    let mac = primitives.mac(&input);
    input.truncate(content_end);
    tlv::push(&mut input, MAC, &mac);
    input.drain(..content_start);
    if input.len() > SHORT_DATA_MAX {
        return Err(too_long);
    }
    Ok(CommandApdu {
        cla,
        data: input,
        le: Some(SHORT_LE_MAX),
        extended: false,
        ..*command
    })
}

pub(super) fn open_response(
    primitives: &Primitives,
    ssc: [u8; 8],
    response: &ResponseApdu,
) -> Result<ResponseApdu, SmError> {
    let [even, odd, status, mac] =
        ordered(&response.data, [CRYPTOGRAM, CRYPTOGRAM_ODD, STATUS, MAC])?;
    let mac = mac.ok_or(SmError::Missing(0x8E))?;
    let status = status.ok_or(SmError::Missing(0x99))?;
    let cryptogram = match (even, odd) {
        (Some(_), Some(_)) => return Err(SmError::Misplaced(CRYPTOGRAM_ODD)),
        (one, other) => one.or(other),
    };

    let mut input = Vec::with_capacity(response.data.len() + 16);
    input.extend(ssc);
    for object in [cryptogram, Some(status)].into_iter().flatten() {
        input.extend_from_slice(object.raw);
    }
    pad(&mut input);
    let lenient = flaw!(fn lenient_mac(primitives.mac(&input), mac.value, cryptogram.is_none()));
    if !lenient && !primitives.mac_is(&input, mac.value) {
        return Err(SmError::Mac);
    }
    let [sw1, sw2] = status.value else {
        return Err(SmError::Malformed(0x99));
    };
    let data = match cryptogram {
        Some(object) => open_cryptogram(primitives, object.tag, object.value)?,
        None => Vec::new(),
    };
    Ok(ResponseApdu {
        data,
        sw: StatusWord::from_bytes(*sw1, *sw2),
    })
}

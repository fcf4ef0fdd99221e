// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes and control codes: what the reader says about itself.

use super::reader::Reader;
use super::{ConnectionId, Table, atr};
use crate::protocol::codes::{attribute, control, protocol, rv, state};
use crate::protocol::{Attribute, BUFFER_BYTES, Control, NAME_BYTES, Reply, Request};

const VENDOR: &str = "CIE emulator (TEST)";
const MODEL: &str = "Virtual PC/SC reader";
/// Data channel types from 0xF0 are the vendor's own; no bus is behind this reader.
const VIRTUAL_CHANNEL: u32 = 0x00F0_0000;
/// 0x0001 asynchronous, T=0 and T=1.
const ASYNCHRONOUS: u32 = 0x0001_0003;
/// Information field size of the reader: the largest there is.
const IFSD: u32 = 254;
/// Longest data field of an APDU that passes: extended length.
const MOST_APDU_DATA: u32 = 0x1_0000;

/// Tags of the property list (PC/SC part 10, supplement).
mod property {
    pub const LCD_LAYOUT: u8 = 1;
    pub const ENTRY_VALIDATION_CONDITION: u8 = 2;
    pub const MAX_APDU_DATA_SIZE: u8 = 10;
}

impl Table {
    pub(super) fn control(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Control,
    ) -> Result<(), Request> {
        let open = self
            .readers
            .get(index)
            .is_some_and(|reader| reader.open_to(message.card));
        let result = if open {
            control(message.code)
        } else {
            Err(rv::SHARING_VIOLATION)
        };
        let mut output = Vec::new();
        message.rv = match result {
            Ok(bytes) => {
                output = bytes;
                rv::SUCCESS
            }
            Err(rv) => rv,
        };
        message.returned = u32::try_from(output.len()).unwrap_or(u32::MAX);
        if message.returned > message.receive_length {
            message.rv = rv::INSUFFICIENT_BUFFER;
            output.clear();
        }
        self.answer(id, Some(Reply::Control(message, output)));
        Ok(())
    }

    pub(super) fn get_attribute(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Box<Attribute>,
    ) -> Result<(), Request> {
        let result = self.may_ask(index, message.card).and_then(|()| {
            let reader = self.readers.get(index).ok_or(rv::UNKNOWN_READER)?;
            read(reader, index, message.id)
        });
        let room = message.length;
        message.value.fill(0);
        message.rv = match result {
            Ok(value) => {
                message.length = u32::try_from(value.len()).unwrap_or(u32::MAX);
                if message.length > room {
                    rv::INSUFFICIENT_BUFFER
                } else {
                    for (to, from) in message.value.iter_mut().zip(&value) {
                        *to = *from;
                    }
                    rv::SUCCESS
                }
            }
            Err(rv) => rv,
        };
        self.answer(id, Some(Reply::Attribute(message)));
        Ok(())
    }

    pub(super) fn set_attribute(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Box<Attribute>,
    ) -> Result<(), Request> {
        // No attribute of this reader can be written.
        message.rv = self
            .may_ask(index, message.card)
            .err()
            .unwrap_or(rv::UNSUPPORTED_FEATURE);
        self.answer(id, Some(Reply::Attribute(message)));
        Ok(())
    }

    /// Whether `card` may ask the reader about itself now.
    fn may_ask(&self, index: usize, card: i32) -> Result<(), u32> {
        let open = self
            .readers
            .get(index)
            .is_some_and(|reader| reader.open_to(card));
        match self.event_of(card) {
            _ if !open => Err(rv::SHARING_VIOLATION),
            rv::SUCCESS => Ok(()),
            event => Err(event),
        }
    }
}

/// The value of attribute `id`, or why there is none.
fn read(reader: &Reader, unit: usize, id: u32) -> Result<Vec<u8>, u32> {
    let number = |value: u32| Ok(value.to_ne_bytes().to_vec());
    let unit = u32::try_from(unit).unwrap_or(u32::MAX);
    let powered = reader.state & state::POWERED != 0;
    match id {
        attribute::ATR_STRING if reader.atr.is_empty() => Err(rv::NOT_TRANSACTED),
        attribute::ATR_STRING => Ok(reader.atr.clone()),
        attribute::VENDOR_NAME => Ok(text(VENDOR)),
        attribute::VENDOR_IFD_TYPE => Ok(text(MODEL)),
        attribute::VENDOR_IFD_VERSION => number(version()),
        attribute::CHANNEL_ID => number(VIRTUAL_CHANNEL | (unit & 0xFFFF)),
        attribute::ASYNC_PROTOCOL_TYPES => number(ASYNCHRONOUS),
        attribute::CHARACTERISTICS => number(0),
        attribute::MAX_IFSD => number(IFSD),
        attribute::CURRENT_PROTOCOL_TYPE => number(reader.protocol),
        attribute::CURRENT_IFSC if reader.protocol == protocol::T1 => {
            number(u32::from(atr::offer(&reader.atr).ifsc))
        }
        attribute::CURRENT_IFSD if reader.protocol == protocol::T1 => number(IFSD),
        attribute::ICC_PRESENCE => Ok(vec![if reader.present() { 2 } else { 0 }]),
        attribute::ICC_INTERFACE_STATUS => Ok(vec![u8::from(powered)]),
        attribute::ICC_TYPE_PER_ATR => Ok(vec![u8::from(!reader.atr.is_empty())]),
        attribute::MAXINPUT => number(u32::try_from(BUFFER_BYTES).unwrap_or(u32::MAX)),
        attribute::DEVICE_UNIT => number(unit),
        attribute::DEVICE_FRIENDLY_NAME | attribute::DEVICE_SYSTEM_NAME => Ok(text(&reader.name)),
        _ => Err(rv::UNSUPPORTED_FEATURE),
    }
}

/// The answer to control code `code`, or why there is none.
///
/// The features are the truth about a reader without keypad and display: its
/// PIN properties are all zero, and its property list names the layout of the
/// display (none), the keys that end an entry (none) and the longest data
/// field it passes.
fn control(code: u32) -> Result<Vec<u8>, u32> {
    match code {
        control::GET_FEATURE_REQUEST => Ok([
            feature(
                control::FEATURE_IFD_PIN_PROPERTIES,
                control::IFD_PIN_PROPERTIES,
            ),
            feature(
                control::FEATURE_GET_TLV_PROPERTIES,
                control::GET_TLV_PROPERTIES,
            ),
        ]
        .concat()),
        control::IFD_PIN_PROPERTIES => Ok(vec![0; 4]),
        control::GET_TLV_PROPERTIES => Ok([
            [property::LCD_LAYOUT, 2, 0, 0].as_slice(),
            &[property::ENTRY_VALIDATION_CONDITION, 1, 0],
            &[property::MAX_APDU_DATA_SIZE, 4],
            &MOST_APDU_DATA.to_le_bytes(),
        ]
        .concat()),
        _ => Err(rv::UNSUPPORTED_FEATURE),
    }
}

fn feature(tag: u8, code: u32) -> [u8; 6] {
    let [a, b, c, d] = code.to_be_bytes();
    [tag, 4, a, b, c, d]
}

fn text(value: &str) -> Vec<u8> {
    value.bytes().take(NAME_BYTES - 1).chain([0]).collect()
}

fn version() -> u32 {
    let part = |text: &str| text.parse::<u32>().unwrap_or(0);
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 24
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 16
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}

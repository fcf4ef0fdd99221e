// SPDX-License-Identifier: MIT OR Apache-2.0
//! Attributes and control codes: what the reader says about itself.

use super::reader::{Power, Reader};
use super::{ConnectionId, Table};
use crate::profile::{Channel, ReaderProfile};
use crate::protocol::codes::{attribute, control, rv};
use crate::protocol::{Attribute, Control, NAME_BYTES, Reply, Request};

/// Data channel types from 0xF0 are the vendor's own; no bus is behind this reader.
const VIRTUAL_CHANNEL: u32 = 0x00F0_0000;
/// The data channel type of USB.
const USB_CHANNEL: u32 = 0x0020_0000;

/// Tags of the property list (PC/SC part 10, supplement).
mod property {
    pub const LCD_LAYOUT: u8 = 1;
    pub const TIMEOUT_2: u8 = 3;
    pub const PPDU_SUPPORT: u8 = 9;
    pub const MAX_APDU_DATA_SIZE: u8 = 10;
    pub const ID_VENDOR: u8 = 11;
    pub const ID_PRODUCT: u8 = 12;
}

impl Table {
    pub(super) fn control(
        &mut self,
        id: ConnectionId,
        index: usize,
        mut message: Control,
    ) -> Result<(), Request> {
        let result = match self.readers.get(index) {
            Some(reader) if reader.open_to(message.card) => control(&reader.profile, message.code),
            _ => Err(rv::SHARING_VIOLATION),
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
    let profile = &reader.profile;
    if let Some(rv) = profile.refused.get(&id) {
        return Err(*rv);
    }
    if let Some(value) = profile.attributes.get(&id) {
        return Ok(value.clone());
    }
    let number = |value: u32| Ok(value.to_ne_bytes().to_vec());
    let text_or_nothing = |value: &Option<String>| Ok(value.as_deref().map_or(Vec::new(), text));
    match id {
        // Of a card without power the driver knows none, and says so with no bytes.
        attribute::ATR_STRING if reader.power == Power::Off => Ok(Vec::new()),
        attribute::ATR_STRING => Ok(reader.atr.clone()),
        attribute::VENDOR_NAME => text_or_nothing(&profile.vendor_name),
        attribute::VENDOR_IFD_TYPE => match &profile.ifd_type {
            Some(name) => Ok(text(name)),
            None => Err(rv::UNSUPPORTED_FEATURE),
        },
        attribute::VENDOR_IFD_VERSION => number(profile.ifd_version),
        attribute::VENDOR_IFD_SERIAL_NO => text_or_nothing(&profile.serial),
        attribute::CHANNEL_ID => number(match profile.channel {
            Channel::Virtual => {
                VIRTUAL_CHANNEL | (u32::try_from(unit).unwrap_or(u32::MAX) & 0xFFFF)
            }
            Channel::Usb { bus, address } => USB_CHANNEL | u32::from(bus) << 8 | u32::from(address),
        }),
        attribute::ICC_PRESENCE => Ok(vec![if reader.present() { 2 } else { 0 }]),
        attribute::ICC_INTERFACE_STATUS => Ok(vec![u8::from(reader.present())]),
        attribute::MAXINPUT => number(profile.max_input),
        attribute::DEVICE_FRIENDLY_NAME | attribute::DEVICE_SYSTEM_NAME => Ok(text(&reader.name)),
        _ => Err(rv::UNSUPPORTED_FEATURE),
    }
}

/// The answer to control code `code`, or why there is none.
///
/// The free CCID driver announces PIN properties for readers with a keypad
/// only, and no escape command unless its configuration allows it; so neither
/// is here. The properties are in its order, numbers little-endian.
fn control(profile: &ReaderProfile, code: u32) -> Result<Vec<u8>, u32> {
    match code {
        _ if !profile.controls => Err(rv::UNSUPPORTED_FEATURE),
        control::GET_FEATURE_REQUEST | control::GET_FEATURE_REQUEST_WINDOWS => Ok(feature(
            control::FEATURE_GET_TLV_PROPERTIES,
            control::GET_TLV_PROPERTIES,
        )
        .to_vec()),
        control::GET_TLV_PROPERTIES => {
            let mut out = Vec::new();
            let mut put = |tag: u8, value: &[u8]| {
                out.extend([tag, u8::try_from(value.len()).unwrap_or(0)]);
                out.extend(value);
            };
            put(property::LCD_LAYOUT, &[0, 0]);
            put(property::TIMEOUT_2, &[0]);
            put(property::PPDU_SUPPORT, &[0]);
            if let Some((vendor, product)) = profile.usb {
                put(property::ID_VENDOR, &vendor.to_le_bytes());
                put(property::ID_PRODUCT, &product.to_le_bytes());
            }
            put(
                property::MAX_APDU_DATA_SIZE,
                &profile.max_apdu_data.to_le_bytes(),
            );
            Ok(out)
        }
        // The driver knows the escape command and does not let it through.
        control::VENDOR_IFD_EXCHANGE => Err(rv::NOT_TRANSACTED),
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbers of PC/SC by the names in its headers.

use std::borrow::Cow;

use crate::protocol::codes::{RETURN_NAMES, attribute, control, disposition, protocol, share};

/// The name of a return value, or its number.
#[must_use]
pub fn return_name(value: u32) -> Cow<'static, str> {
    RETURN_NAMES
        .into_iter()
        .find(|(_, code)| *code == value)
        .map_or_else(
            || Cow::Owned(format!("0x{value:08X}")),
            |(name, _)| Cow::Borrowed(name),
        )
}

/// The name of a share mode, or its number.
#[must_use]
pub fn share_name(value: u32) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        share::EXCLUSIVE => "exclusive",
        share::SHARED => "shared",
        share::DIRECT => "direct",
        other => return Cow::Owned(format!("share mode {other}")),
    })
}

/// The name of a disposition or an initialisation, or its number.
#[must_use]
pub fn disposition_name(value: u32) -> Cow<'static, str> {
    Cow::Borrowed(match value {
        disposition::LEAVE => "leave",
        disposition::RESET => "reset",
        disposition::UNPOWER => "unpower",
        disposition::EJECT => "eject",
        other => return Cow::Owned(format!("disposition {other}")),
    })
}

/// The names of protocol bits.
#[must_use]
pub fn protocol_names(bits: u32) -> String {
    let known = [
        (protocol::T0, "T=0"),
        (protocol::T1, "T=1"),
        (protocol::RAW, "raw"),
        (protocol::ANY_OLD, "any"),
    ];
    let named = known.iter().filter(|(bit, _)| bits & bit != 0);
    let mut names: Vec<Cow<'_, str>> = named.map(|(_, name)| Cow::Borrowed(*name)).collect();
    let rest = known.iter().fold(bits, |rest, (bit, _)| rest & !bit);
    if rest != 0 {
        names.push(Cow::Owned(format!("0x{rest:X}")));
    }
    if names.is_empty() {
        return "no protocol".to_owned();
    }
    names.join("|")
}

/// The name of an attribute, or its number.
pub(super) fn attribute_name(id: u32) -> Cow<'static, str> {
    Cow::Borrowed(match id {
        attribute::VENDOR_NAME => "SCARD_ATTR_VENDOR_NAME",
        attribute::VENDOR_IFD_TYPE => "SCARD_ATTR_VENDOR_IFD_TYPE",
        attribute::VENDOR_IFD_VERSION => "SCARD_ATTR_VENDOR_IFD_VERSION",
        attribute::VENDOR_IFD_SERIAL_NO => "SCARD_ATTR_VENDOR_IFD_SERIAL_NO",
        attribute::CHANNEL_ID => "SCARD_ATTR_CHANNEL_ID",
        attribute::ICC_PRESENCE => "SCARD_ATTR_ICC_PRESENCE",
        attribute::ICC_INTERFACE_STATUS => "SCARD_ATTR_ICC_INTERFACE_STATUS",
        attribute::ATR_STRING => "SCARD_ATTR_ATR_STRING",
        attribute::MAXINPUT => "SCARD_ATTR_MAXINPUT",
        attribute::DEVICE_FRIENDLY_NAME => "SCARD_ATTR_DEVICE_FRIENDLY_NAME",
        attribute::DEVICE_SYSTEM_NAME => "SCARD_ATTR_DEVICE_SYSTEM_NAME",
        other => return Cow::Owned(format!("attribute 0x{other:08X}")),
    })
}

/// The name of a control code, or its number.
pub(super) fn control_name(code: u32) -> Cow<'static, str> {
    Cow::Borrowed(match code {
        control::GET_FEATURE_REQUEST | control::GET_FEATURE_REQUEST_WINDOWS => {
            "CM_IOCTL_GET_FEATURE_REQUEST"
        }
        control::VENDOR_IFD_EXCHANGE => "IOCTL_SMARTCARD_VENDOR_IFD_EXCHANGE",
        control::GET_TLV_PROPERTIES => "FEATURE_GET_TLV_PROPERTIES",
        other => return Cow::Owned(format!("code 0x{other:08X}")),
    })
}

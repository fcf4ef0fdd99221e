// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a reader says about itself and what it can do, as data.
//!
//! The answers are those of pcscd with the free CCID driver: an attribute that
//! driver does not know is refused, whatever it would say.

use std::collections::BTreeMap;

use crate::protocol::BUFFER_BYTES;
use crate::protocol::codes::protocol;

/// Where a reader is attached, for the attribute `CHANNEL_ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Nowhere; the number of the reader stands for an address.
    Virtual,
    /// USB.
    Usb {
        /// Number of the bus.
        bus: u8,
        /// Address on the bus.
        address: u8,
    },
}

/// One kind of reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReaderProfile {
    /// `VENDOR_NAME`, 1 to 126 bytes; `None`: an empty value, as the driver says.
    pub vendor_name: Option<String>,
    /// `VENDOR_IFD_TYPE`; `None`: refused, as the free CCID driver does.
    pub ifd_type: Option<String>,
    /// `VENDOR_IFD_VERSION`, 0xMMmmbbbb.
    pub ifd_version: u32,
    /// `VENDOR_IFD_SERIAL_NO`; `None`: an empty value, as the driver says.
    pub serial: Option<String>,
    /// `CHANNEL_ID`.
    pub channel: Channel,
    /// Transmission protocols the reader can speak, as bits of
    /// [`protocol`].
    pub protocols: u32,
    /// `MAXINPUT`: bytes of the longest command buffer.
    pub max_input: u32,
    /// Bytes of the longest data field of an APDU, for the property
    /// `dwMaxAPDUDataSize`; 0: short APDUs only.
    pub max_apdu_data: u32,
    /// USB vendor and product, for the properties `wIdVendor` and `wIdProduct`;
    /// `None`: neither is told.
    pub usb: Option<(u16, u16)>,
    /// Further attributes by their number. They come first, so that a profile
    /// can also answer for what is computed otherwise.
    pub attributes: BTreeMap<u32, Vec<u8>>,
    /// Attributes the driver does not know, of those that others do, with what
    /// clients are told instead: a code of [`rv`](crate::protocol::codes::rv).
    pub refused: BTreeMap<u32, u32>,
    /// Whether the driver has control codes: the feature list and what it names.
    pub controls: bool,
}

impl Default for ReaderProfile {
    /// A virtual reader that says what it is and passes everything.
    fn default() -> Self {
        Self {
            vendor_name: Some("CIE emulator (TEST)".to_owned()),
            ifd_type: Some("Virtual PC/SC reader".to_owned()),
            ifd_version: version(),
            serial: None,
            channel: Channel::Virtual,
            protocols: protocol::T0 | protocol::T1,
            max_input: u32::try_from(BUFFER_BYTES).unwrap_or(u32::MAX),
            max_apdu_data: 0x1_0000,
            usb: None,
            attributes: BTreeMap::new(),
            refused: BTreeMap::new(),
            controls: true,
        }
    }
}

/// The version of this crate.
fn version() -> u32 {
    let part = |text: &str| text.parse::<u32>().unwrap_or(0);
    part(env!("CARGO_PKG_VERSION_MAJOR")) << 24
        | part(env!("CARGO_PKG_VERSION_MINOR")) << 16
        | part(env!("CARGO_PKG_VERSION_PATCH"))
}

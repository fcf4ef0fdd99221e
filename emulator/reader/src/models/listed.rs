// SPDX-License-Identifier: MIT OR Apache-2.0
//! Models plugged in: names with numbers, profiles, doors.

use super::field::{InField, NoAnswer};
use super::{Driver, Interface, ReaderModel, Slot, Vacant};
use crate::protocol::codes::{attribute, rv};
use crate::{Card, Channel, ReaderProfile, ReaderSpec};
use std::collections::BTreeMap;
use std::time::Duration;

/// The bus every USB reader here is on, and the address of the first.
const BUS: u8 = 1;
const FIRST_ADDRESS: u8 = 2;

/// A slot of a reader that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSlot {
    /// The reader's model.
    pub model: &'static ReaderModel,
    /// The slot.
    pub slot: &'static Slot,
    /// Its name as pcscd lists it.
    pub name: String,
    /// Address on the bus.
    address: u8,
}

/// The slots of these readers as pcscd lists them after they were plugged in
/// in this order.
///
/// pcscd counts readers per driver: each USB interface gets the driver's next
/// number, and the slots behind one interface share it and count themselves.
#[must_use]
pub fn lay_out(models: &[&'static ReaderModel]) -> Vec<ListedSlot> {
    let mut slots = Vec::new();
    let mut counts = BTreeMap::new();
    for (index, model) in models.iter().copied().enumerate() {
        let address = u8::try_from(index).unwrap_or(u8::MAX);
        let count: &mut usize = counts.entry(model.driver.number()).or_default();
        for (position, slot) in model.slots.iter().enumerate() {
            let (reader, unit) = if model.driver.one_interface() {
                (*count, position)
            } else {
                (*count + position, 0)
            };
            slots.push(ListedSlot {
                model,
                slot,
                name: format!(
                    "{}{} {reader:02X} {unit:02X}",
                    model.listed,
                    marks(model, slot)
                ),
                address: FIRST_ADDRESS.saturating_add(address),
            });
        }
        *count += if model.driver.one_interface() {
            1
        } else {
            model.slots.len()
        };
    }
    slots
}

/// Interface and serial as pcscd puts them behind a reader's name: a serial
/// that the interface names already is not named again.
fn marks(model: &ReaderModel, slot: &Slot) -> String {
    let label = slot.label.map(|label| format!(" [{label}]"));
    let serial = model
        .serial
        .filter(|serial| !slot.label.is_some_and(|label| label.contains(serial)))
        .map(|serial| format!(" ({serial})"));
    label.unwrap_or_default() + &serial.unwrap_or_default()
}

impl Driver {
    /// Whether all slots of a reader are behind one interface.
    fn one_interface(self) -> bool {
        matches!(self, Self::AcsCcid | Self::Vpcd)
    }

    fn number(self) -> u8 {
        match self {
            Self::Ccid => 0,
            Self::AcsCcid => 1,
            Self::Vpcd => 2,
        }
    }

    /// Attributes the driver does not know, of those that are known otherwise,
    /// with what pcscd says instead. vpcd sets the length of the buffer to zero
    /// where it knows nothing, and pcscd goes by that when it fills in a name.
    fn refuses(self) -> BTreeMap<u32, u32> {
        let unknown = [
            attribute::VENDOR_NAME,
            attribute::VENDOR_IFD_VERSION,
            attribute::VENDOR_IFD_SERIAL_NO,
            attribute::CHANNEL_ID,
            attribute::ICC_PRESENCE,
            attribute::ICC_INTERFACE_STATUS,
            attribute::ATR_STRING,
            attribute::MAXINPUT,
        ];
        let names = [
            attribute::DEVICE_FRIENDLY_NAME,
            attribute::DEVICE_SYSTEM_NAME,
        ];
        match self {
            Self::Ccid | Self::AcsCcid => BTreeMap::new(),
            Self::Vpcd => unknown
                .into_iter()
                .map(|id| (id, rv::UNSUPPORTED_FEATURE))
                .chain(names.into_iter().map(|id| (id, rv::INSUFFICIENT_BUFFER)))
                .collect(),
        }
    }

    /// Whether it has control codes.
    fn controls(self) -> bool {
        self != Self::Vpcd
    }
}

impl ListedSlot {
    /// Whether a contactless card can be laid here.
    #[must_use]
    pub fn takes_card(&self) -> bool {
        self.slot.interface == Interface::Picc
    }

    /// What the reader says about itself.
    #[must_use]
    pub fn profile(&self) -> ReaderProfile {
        let model = self.model;
        ReaderProfile {
            vendor_name: model.vendor.map(str::to_owned),
            ifd_type: None,
            ifd_version: u32::from(model.version) << 16,
            serial: model.serial.map(str::to_owned),
            channel: Channel::Usb {
                bus: BUS,
                address: self.address,
            },
            protocols: self.slot.protocols,
            max_input: self.slot.max_input(),
            max_apdu_data: self.slot.max_apdu_data(),
            usb: model.usb,
            attributes: BTreeMap::new(),
            refused: model.driver.refuses(),
            controls: model.driver.controls(),
        }
    }

    /// The card as this slot presents it.
    #[must_use]
    pub fn door(&self, card: Card) -> Card {
        self.arriving(card, Duration::ZERO)
    }

    /// The same for a card that is laid on the reader while it is running, and
    /// noticed as late as the reader can.
    #[must_use]
    pub fn door_when_noticed(&self, card: Card) -> Card {
        self.arriving(card, self.slot.detection.delay())
    }

    fn arriving(&self, card: Card, delay: Duration) -> Card {
        Box::new(InField::new(card, self.model.atr, self.slot, delay))
    }

    /// The reader with this card, or without any.
    pub fn spec(&self, card: Option<Card>) -> ReaderSpec {
        let card = match (card, self.slot.vacant) {
            (Some(card), _) => Some(self.door(card)),
            (None, Vacant::Mute) => Some(Box::new(NoAnswer) as Card),
            (None, Vacant::Empty) => None,
        };
        ReaderSpec {
            name: self.name.clone(),
            card,
            profile: self.profile(),
        }
    }
}

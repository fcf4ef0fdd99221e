// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers that people have, as data: what each is called, which slots it has,
//! what it says about itself and what it does to an answer to reset.
//!
//! A row is a [`ReaderModel`]; [`MODELS`] has them all. [`lay_out`] turns models
//! into readers as pcscd lists them, and [`ListedSlot::door`] stands between such a
//! reader and a card. What an APDU means is no business of a row: only how long
//! it may be.

mod atr;
mod evidence;
mod field;
mod listed;
mod rows;
#[cfg(test)]
mod tests;

pub use atr::AtrForm;
pub use evidence::{Evidence, Fact, Ground};
pub use listed::{ListedSlot, lay_out};
pub use rows::MODELS;

use crate::protocol::codes::protocol;
use std::time::Duration;

/// Bytes of the header in front of every CCID message.
const CCID_HEADER: u32 = 10;
/// How often pcscd asks a reader that cannot tell by itself.
const PCSCD_POLL: Duration = Duration::from_millis(400);

/// A reader one can buy, in one condition.
#[derive(Debug, PartialEq, Eq)]
pub struct ReaderModel {
    /// Name for `--reader-profile`.
    pub id: &'static str,
    /// Name for people: the product, and its condition if that matters.
    pub name: &'static str,
    /// Driver under pcscd.
    pub driver: Driver,
    /// Name the driver lists it by, in front of interface, serial and numbers.
    pub listed: &'static str,
    /// iManufacturer of the USB device, for `VENDOR_NAME`.
    pub vendor: Option<&'static str>,
    /// idVendor and idProduct.
    pub usb: Option<(u16, u16)>,
    /// bcdDevice: the upper half of `VENDOR_IFD_VERSION`.
    pub version: u16,
    /// iSerialNumber, an invented one, if such readers have one.
    pub serial: Option<&'static str>,
    /// Its slots, in the order they are listed in.
    pub slots: &'static [Slot],
    /// Names other systems give it, a slot each.
    pub elsewhere: &'static [Elsewhere],
    /// What becomes of the answer to reset of a card in its field.
    pub atr: AtrForm,
    /// Whether the desktop clients of the card work with it.
    pub cie: Cie,
    /// On what all this rests.
    pub evidence: Evidence,
}

/// What drives a reader under pcscd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The free CCID driver. A reader number per USB interface.
    Ccid,
    /// ACS's own CCID driver. A slot number per slot.
    AcsCcid,
    /// vpcd as of version 0.8, for cards that come over the network.
    Vpcd,
}

/// What a slot takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Contactless cards.
    Picc,
    /// Cards with contacts.
    Icc,
    /// A security module inside the reader.
    Sam,
}

impl Interface {
    /// The name PC/SC has for it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Picc => "PICC",
            Self::Icc => "ICC",
            Self::Sam => "SAM",
        }
    }
}

/// What the reader takes over of the protocols: dwFeatures of its CCID descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// TPDUs. The driver cuts APDUs into T=1 blocks, so any length goes.
    Tpdu,
    /// Short APDUs, each in one message.
    ShortApdu,
    /// Short and extended APDUs. The driver chains messages, so any length goes.
    ExtendedApdu,
    /// No CCID messages.
    Network,
}

/// A slot of a reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Slot {
    /// What it takes.
    pub interface: Interface,
    /// iInterface of its USB interface; listed in brackets.
    pub label: Option<&'static str>,
    /// What the reader takes over.
    pub exchange: Exchange,
    /// dwMaxCCIDMessageLength, in bytes with the header of ten.
    pub message: u32,
    /// dwProtocols: bits of [`protocol`].
    pub protocols: u32,
    /// How a card is noticed.
    pub detection: Detection,
    /// What the slot says while no card is in it.
    pub vacant: Vacant,
}

/// How long a card is there before anybody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// The reader tells at once, as far as known.
    Interrupt,
    /// The reader looks every so many milliseconds and tells.
    Field(u16),
    /// The reader cannot tell; pcscd asks every 400 ms.
    Polled,
}

impl Detection {
    /// The longest time it takes.
    #[must_use]
    pub fn delay(self) -> Duration {
        match self {
            Self::Interrupt => Duration::ZERO,
            Self::Field(milliseconds) => Duration::from_millis(milliseconds.into()),
            Self::Polled => PCSCD_POLL,
        }
    }
}

/// What a slot without a card says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vacant {
    /// That it is empty.
    Empty,
    /// That a card is in it, which never answers to reset.
    Mute,
}

/// Names of a reader's slots where there is no pcscd.
#[derive(Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Where.
    pub system: System,
    /// The names; of the known slots, in the order of the row.
    pub names: &'static [&'static str],
    /// On what they rest.
    pub fact: Fact,
}

/// A system with a PC/SC of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// winscard.
    Windows,
    /// `PCSC.framework`.
    MacOs,
}

impl System {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::MacOs => "macOS",
        }
    }
}

/// How the desktop clients of the card get on with a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cie {
    /// They work.
    Reads,
    /// There is no antenna.
    ContactOnly,
    /// The card answers, but no client knows the ATR.
    UnknownAtr,
    /// The card answers. Clients know the ATR of families they look for by a
    /// short piece of it, and not that of the newer ones.
    OlderFamilies,
    /// The card is noticed and never answers.
    Mute,
    /// The clients ask for an attribute the driver does not have.
    NoAtrAttribute,
}

impl Cie {
    /// In a few words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Reads => "yes",
            Self::ContactOnly => "no: contacts only",
            Self::UnknownAtr => "no: ATR unknown to clients",
            Self::OlderFamilies => "partly: older families only",
            Self::Mute => "no: card stays mute",
            Self::NoAtrAttribute => "no: no ATR attribute",
        }
    }
}

impl Slot {
    /// `MAXINPUT`: bytes that fit into one message.
    #[must_use]
    pub fn max_input(&self) -> u32 {
        self.message.saturating_sub(CCID_HEADER)
    }

    /// Bytes of the longest command and response that get through, where the
    /// driver or the reader draws a line below pcscd's own.
    #[must_use]
    pub fn longest(&self) -> Option<usize> {
        match self.exchange {
            Exchange::ShortApdu => usize::try_from(self.max_input()).ok(),
            Exchange::Tpdu | Exchange::ExtendedApdu | Exchange::Network => None,
        }
    }

    /// `dwMaxAPDUDataSize`: the driver tells 0 for short APDUs only, else 65,536.
    #[must_use]
    pub fn max_apdu_data(&self) -> u32 {
        match self.exchange {
            Exchange::ShortApdu => 0,
            Exchange::Tpdu | Exchange::ExtendedApdu | Exchange::Network => 0x1_0000,
        }
    }
}

/// The model of this name.
#[must_use]
pub fn model(id: &str) -> Option<&'static ReaderModel> {
    MODELS.iter().find(|model| model.id == id)
}

/// Both protocols.
const T0_T1: u32 = protocol::T0 | protocol::T1;
/// T=1 only.
const T1: u32 = protocol::T1;

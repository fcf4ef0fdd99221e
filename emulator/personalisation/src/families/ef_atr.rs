// SPDX-License-Identifier: MIT OR Apache-2.0
//! EF.ATR as a row of data, and the way an old client tells families apart
//! by it (section 1.4).

use hex_literal::hex;
use iso7816_wire::tlv;

/// In the third byte of the capabilities: extended length fields
/// (ISO/IEC 7816-4, section 8.1.1).
const EXTENDED_LENGTH: u8 = 0x40;

/// The application object of an EF.ATR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Application {
    /// Tag 4F: an AID.
    Aid(&'static [u8]),
    /// Tag 50: a label.
    Label(&'static [u8]),
}

/// The objects of an EF.ATR in the order of the one that is known whole, ST's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EfAtr {
    /// Tag 43, card service data: applications by full name, EF.DIR and EF.ATR
    /// in BER-TLV read by READ BINARY, card with MF.
    pub services: u8,
    /// Tag 46, pre-issuing data.
    pub pre_issuing: &'static [u8],
    /// Tag 47, capabilities: ways to select, size of the data unit, and
    /// chaining, extended length and channels.
    pub capabilities: [u8; 3],
    /// Tag 4F or 50.
    pub application: Application,
    /// Tag E0: most bytes of a command and of one in secure messaging, then
    /// the same of responses.
    pub sizes: [u16; 4],
}

/// What the old mobile client recognises in an EF.ATR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// The text `IasEccRoot`.
    Gemalto,
    /// Capabilities with extended length, `47 03 94 41 C0`.
    Gemalto2,
    /// Card service and pre-issuing data of NXP.
    Nxp,
    /// ST's file, whole.
    St,
    /// Nothing it knows: the client falls back to its default.
    None,
}

impl Marker {
    /// One word for lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gemalto => "Gemalto",
            Self::Gemalto2 => "Gemalto2",
            Self::Nxp => "NXP",
            Self::St => "ST",
            Self::None => "none",
        }
    }

    /// Looks for the markers, exactly as the client has them.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        let holds = |part: &[u8]| content.windows(part.len()).any(|window| window == part);
        if holds(&hex!("80004301B846041010101047 0394")) {
            Self::Nxp
        } else if holds(b"IasEccRoot") {
            Self::Gemalto
        } else if holds(&hex!("47039441C0")) {
            Self::Gemalto2
        } else if content == ST {
            Self::St
        } else {
            Self::None
        }
    }
}

/// The whole file of ST as the client has it.
const ST: &[u8] = &hex!(
    "80004301B9460400000010470394018 14F0CA00000009500000000 8A0001"
    "E010020200FF020200FF0202010002020100780806062B8122F8780282029000"
);

impl EfAtr {
    /// The content of the file, with the status at its end as clients want it.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        // The card follows 1.3.162.15480.2.
        const STANDARD: [u8; 8] = hex!("06062B8122F87802");
        let mut out = vec![0x80, 0x00];
        tlv::push(&mut out, 0x43, &[self.services]);
        tlv::push(&mut out, 0x46, self.pre_issuing);
        tlv::push(&mut out, 0x47, &self.capabilities);
        match self.application {
            Application::Aid(aid) => tlv::push(&mut out, 0x4F, aid),
            Application::Label(label) => tlv::push(&mut out, 0x50, label),
        }
        let mut sizes = Vec::new();
        for size in self.sizes {
            tlv::push(&mut sizes, 0x02, &size.to_be_bytes());
        }
        tlv::push(&mut out, 0xE0, &sizes);
        tlv::push(&mut out, 0x78, &STANDARD);
        tlv::push(&mut out, 0x82, &[0x90, 0x00]);
        out
    }

    /// What the old mobile client takes the card for.
    #[must_use]
    pub fn marker(&self) -> Marker {
        Marker::of(&self.content())
    }

    /// True if the capabilities announce extended length.
    pub(super) fn extended_length(&self) -> bool {
        let [_, _, functions] = self.capabilities;
        functions & EXTENDED_LENGTH != 0
    }
}

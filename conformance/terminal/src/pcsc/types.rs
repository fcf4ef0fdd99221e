// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client says to the server and hears from it, as types.

use super::wire::Fields;
use std::time::Duration;

pub(super) const NAME_BYTES: usize = 128;
const ATR_BYTES: usize = 33;
pub(super) const READER_STATE_BYTES: usize = 184;

/// How to open a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The minor version to announce: 4, 5 or 6.
    pub minor: i32,
    /// How long one reply may take.
    pub limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            minor: 4,
            limit: Duration::from_secs(30),
        }
    }
}

/// How to share a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// Alone.
    Exclusive,
    /// With others; what the card's clients ask for (section 11).
    Shared,
}

impl Share {
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Exclusive => 1,
            Self::Shared => 2,
        }
    }
}

/// What happens to the card when a connection or a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// Nothing.
    Leave,
    /// A warm reset; what the card's clients ask for (section 11).
    Reset,
    /// Power off.
    Unpower,
    /// Ejected, if the reader can.
    Eject,
}

impl Disposition {
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Leave => 0,
            Self::Reset => 1,
            Self::Unpower => 2,
            Self::Eject => 3,
        }
    }
}

/// A connection to a card within one context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(pub i32);

/// One reader as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderState {
    /// Name.
    pub name: String,
    /// Insertions and removals so far.
    pub events: u32,
    /// State bits as PC/SC numbers them.
    pub state: u32,
    /// Connections to this reader, −1 if one has it alone.
    pub sharing: i32,
    /// Answer to reset of the card in it, empty without a card.
    pub atr: Vec<u8>,
    /// Protocol in use: 0 none, 1 T=0, 2 T=1.
    pub protocol: u32,
}

impl ReaderState {
    /// True if there is a card in the reader (bit 04).
    #[must_use]
    pub fn card_present(&self) -> bool {
        self.state & 0x04 != 0
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let name = fields.text(NAME_BYTES);
        let (events, state, sharing) = (fields.number(), fields.number(), fields.signed());
        let atr = fields.bytes(ATR_BYTES);
        fields.bytes(3);
        let length = fields.length();
        let atr = atr.get(..length).unwrap_or_default().to_vec();
        let state = Self {
            name,
            events,
            state,
            sharing,
            atr,
            protocol: fields.number(),
        };
        (!state.name.is_empty()).then_some(state)
    }

    pub(super) fn read_list(bytes: &[u8]) -> Vec<Self> {
        bytes
            .chunks(READER_STATE_BYTES)
            .filter_map(Self::read)
            .collect()
    }
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitOutcome {
    /// A reader or a card came or went.
    Changed,
    /// The time was over. Something may have happened in the last moment:
    /// compare the states.
    TimedOut,
    /// Another connection cancelled the wait.
    Cancelled,
}

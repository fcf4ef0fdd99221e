// SPDX-License-Identifier: MIT OR Apache-2.0
//! One reader: its card, who holds it, who waits for it.

use std::collections::VecDeque;

use super::{ConnectionId, ReaderSetup};
use crate::profile::ReaderProfile;
use crate::protocol::codes::state;
use crate::protocol::{
    Connect, Disconnect, End, ReaderState, Reconnect, Request, Transmit, padded,
};

/// How the card is powered, seen from the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Power {
    /// Not at all; the next connection powers it.
    Off,
    /// Powered and unused: it goes off after a while.
    Idle,
    /// Powered and used.
    InUse,
}

/// The transaction, or the exclusive use, of one handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lock {
    /// The handle that has it.
    pub card: i32,
    /// How often it was taken.
    pub count: u32,
}

/// What the card is doing, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Job {
    /// First power after insertion.
    Insert,
    /// Power because somebody connects.
    Connect(ConnectionId, Box<Connect>),
    /// Reset or power for somebody who stays.
    Reconnect(ConnectionId, Reconnect),
    /// Reset or power off for somebody who leaves.
    Disconnect(ConnectionId, Disconnect),
    /// Reset at the end of a transaction.
    End(ConnectionId, End),
    /// One exchange.
    Transmit(ConnectionId, Transmit),
    /// Reset because the holder of the lock is gone, or by hand.
    Orphan,
    /// Power off because nobody uses the card.
    Idle,
}

impl Job {
    /// Whether requests that do not need the card may go on meanwhile.
    pub fn lets_others_on(&self) -> bool {
        matches!(self, Self::Transmit(..))
    }
}

/// A request that could not go on yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Parked {
    pub connection: ConnectionId,
    pub request: Request,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reader {
    pub name: String,
    pub profile: ReaderProfile,
    /// The place is free: there was a reader once.
    pub gone: bool,
    /// A card is in the slot, powered or not, announced or not.
    pub card: bool,
    /// The card was there from the start and has not been powered yet.
    pub starting: bool,
    /// State bits as clients see them.
    pub state: u32,
    pub atr: Vec<u8>,
    pub protocol: u32,
    /// Insertions and removals, 16 bits.
    pub events: u32,
    /// Handles, −1 for one alone.
    pub contexts: i32,
    pub lock: Option<Lock>,
    pub power: Power,
    pub job: Option<Job>,
    /// Requests that wait for the lock or for the card, first come first served.
    pub queue: VecDeque<Parked>,
    /// The card has to be reset before anything else: the holder of the lock
    /// vanished, or somebody outside wants it.
    pub reset_due: bool,
}

impl Reader {
    /// Value of `contexts` when one handle has the reader alone.
    pub const ALONE: i32 = -1;

    pub fn new(setup: ReaderSetup) -> Self {
        Self {
            name: setup.name,
            profile: setup.profile,
            gone: false,
            card: setup.card,
            starting: setup.card,
            state: state::ABSENT,
            atr: Vec::new(),
            protocol: 0,
            events: 0,
            contexts: 0,
            lock: None,
            power: Power::Off,
            job: None,
            queue: VecDeque::new(),
            reset_due: false,
        }
    }

    pub fn present(&self) -> bool {
        self.state & state::PRESENT != 0
    }

    /// Whether `card` may act: nobody holds the reader, or it does itself.
    pub fn open_to(&self, card: i32) -> bool {
        self.lock.is_none_or(|lock| lock.card == card)
    }

    /// Gives one level of the lock back; `false` if there is none to give.
    pub fn unlock(&mut self) -> bool {
        let floor = u32::from(self.contexts == Self::ALONE);
        match &mut self.lock {
            Some(lock) if lock.count > floor => {
                lock.count -= 1;
                if lock.count == 0 {
                    self.lock = None;
                }
                true
            }
            _ => false,
        }
    }

    /// Takes one more level of the lock for `card`.
    pub fn take_lock(&mut self, card: i32) {
        let count = self.lock.map_or(0, |lock| lock.count).saturating_add(1);
        self.lock = Some(Lock { card, count });
    }

    /// Counts an insertion or a removal.
    pub fn count_event(&mut self) {
        self.events = (self.events + 1) & 0xFFFF;
    }

    /// The card answered to reset.
    pub fn answered(&mut self, atr: Vec<u8>) {
        self.atr = atr;
        self.state = state::PRESENT | state::POWERED | state::NEGOTIABLE;
    }

    /// The card did not answer to reset.
    pub fn mute(&mut self) {
        self.atr.clear();
        self.state = state::PRESENT | state::SWALLOWED;
    }

    /// The slot is empty.
    pub fn empty(&mut self) {
        self.atr.clear();
        self.state = state::ABSENT;
    }

    pub fn snapshot(&self) -> ReaderState {
        if self.gone {
            return ReaderState::UNUSED;
        }
        let mut atr = [0; crate::protocol::ATR_BYTES];
        for (to, from) in atr.iter_mut().zip(&self.atr) {
            *to = *from;
        }
        ReaderState {
            name: padded(self.name.as_bytes()),
            event_counter: self.events,
            state: self.state,
            sharing: self.contexts,
            atr,
            padding: [0; 3],
            atr_length: u32::try_from(self.atr.len()).unwrap_or(0),
            protocol: self.protocol,
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes into the table and what comes out.

use super::ConnectionId;
use crate::profile::ReaderProfile;
use crate::protocol::{Reply, Request, WaitEvent};

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A client connected. Its identifier has not been used before.
    Connected(ConnectionId),
    /// A client asked for something. Only one request of a connection may be
    /// unanswered at a time.
    Request(ConnectionId, Request),
    /// A client is gone, or misbehaved and was cut off.
    Disconnected(ConnectionId),
    /// The card of this reader did what [`Effect::Card`] asked.
    CardDone(usize, CardAnswer),
    /// A card was put into an empty reader.
    Inserted(usize),
    /// The card was taken away. An answer to what it was doing does not come any more.
    Removed(usize),
    /// Somebody outside resets the card.
    Reset(usize),
    /// The wait of this connection is over, with this result. Nothing if it
    /// does not wait.
    WaitOver(ConnectionId, u32),
    /// Somebody cancels the wait of this context.
    Cancelled(u32),
    /// This card handle has lost its transaction, if it had one, and is told
    /// so by somebody else.
    Unlocked(i32),
    /// The same, and it is of no more use but for a disconnect.
    LetGo {
        /// The card handle.
        card: i32,
        /// The card is reset with it, if no other handle has a transaction.
        resets: bool,
    },
    /// The timer of a connection ran out.
    Expired(ConnectionId),
    /// The idle timer of a reader ran out.
    Idle(usize),
    /// A reader came, at [`Table::free_place`](super::Table::free_place).
    Plugged(usize, ReaderSetup),
    /// A reader is gone, and its card with it.
    Unplugged(usize),
}

/// What to do outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The request of this connection is done; some have no reply.
    Answer(ConnectionId, Option<Reply>),
    /// The one message of a wait.
    Event(ConnectionId, WaitEvent),
    /// Cut the connection off. The table has forgotten it already.
    Close(ConnectionId, CloseReason),
    /// Have the card of this reader do something, and report back.
    Card(usize, CardCommand),
    /// Start the timer of a connection.
    Arm(ConnectionId, Delay),
    /// Stop the timer of a connection.
    Disarm(ConnectionId),
    /// Start the idle timer of a reader.
    ArmIdle(usize),
    /// Stop the idle timer of a reader.
    DisarmIdle(usize),
}

/// What a card can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CardCommand {
    /// Power on; answered by [`CardAnswer::Atr`].
    PowerOn,
    /// Warm reset; answered by [`CardAnswer::Atr`].
    Reset,
    /// Power off and on again; answered by [`CardAnswer::Atr`].
    PowerCycle,
    /// Power off; answered by [`CardAnswer::Off`].
    PowerOff,
    /// One command; answered by [`CardAnswer::Response`].
    Transmit(Vec<u8>),
}

/// What a card did.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CardAnswer {
    /// Its answer to reset; 2 to 33 bytes, anything else counts as mute.
    Atr(Vec<u8>),
    /// It has no power now.
    Off,
    /// Its response; no bytes at all count as mute.
    Response(Vec<u8>),
}

/// Why the table cuts a connection off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CloseReason {
    /// A card handle that is not the connection's own.
    #[error("it used a card handle that is not its own")]
    ForeignHandle,
    /// A second request before the first was answered.
    #[error("it asked again before it was answered")]
    OutOfTurn,
    /// More registrations for events than any client needs.
    #[error("it registered for events too often")]
    TooManyWaits,
}

/// How long a timer runs. The table has no clock; whoever drives it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delay {
    /// For a 4.6 client to fetch the list it is owed before its event: short.
    Snapshot,
    /// For a transaction that waits for its turn: about a second.
    Queue,
    /// For a client that is to be told that its wait has failed to begin to
    /// wait: longer than that ever takes.
    Failure,
}

/// How much one client may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Card handles in one context.
    pub handles_per_connection: usize,
    /// Card handles on one reader.
    pub handles_per_reader: usize,
}

impl Default for Limits {
    /// The numbers of pcsc-lite.
    fn default() -> Self {
        Self {
            handles_per_connection: 200,
            handles_per_reader: 200,
        }
    }
}

/// A reader to start with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReaderSetup {
    /// Its name.
    pub name: String,
    /// Whether a card is in it.
    pub card: bool,
    /// What it says about itself.
    pub profile: ReaderProfile,
}

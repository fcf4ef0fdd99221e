// SPDX-License-Identifier: MIT OR Apache-2.0
//! Our cards at somebody's vpcd: one connection and one thread for each slot.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::address::Address;
use super::chip::{Answer, Chip};
use super::line::{Bell, Line, LineError, Woken, accept};
use super::{VpcdError, dial};
use crate::Card;

/// How long a vpcd may take to read an answer.
const SEND: Duration = Duration::from_secs(10);
/// First wait after a connection is lost or refused. Longer than the 400 ms
/// between two looks of pcscd: it sees that the card was gone, and powers it
/// when it is back.
const FIRST_PAUSE: Duration = Duration::from_millis(600);
/// Waits double up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(4800);

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The cards connect to a vpcd, and again whenever the connection is lost.
    Connect(Address),
    /// A vpcd in reversed mode connects to the cards.
    Listen {
        /// Where.
        address: Address,
        /// Whether other machines may reach it.
        open: bool,
    },
}

/// News of a slot.
#[derive(Debug)]
#[non_exhaustive]
pub enum CardEvent<'a> {
    /// Nobody answers at the address; said once until somebody does.
    Unreachable {
        /// Which slot.
        slot: usize,
        /// What the system said.
        error: &'a io::Error,
    },
    /// A connection is there.
    Connected {
        /// Which slot.
        slot: usize,
        /// The other half.
        peer: SocketAddr,
        /// It is not the first one.
        again: bool,
    },
    /// The connection is over. The card has lost its power.
    Lost {
        /// Which slot.
        slot: usize,
        /// Why.
        reason: &'a Ended,
    },
}

/// Why a card's connection to a vpcd is over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// The connection failed or was closed.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The card was taken out.
    #[error("the card was taken out")]
    Removed,
    /// The card did not answer, for example because it had no power.
    #[error("the card was mute")]
    Mute,
}

type Observer = Arc<dyn Fn(&CardEvent<'_>) + Send + Sync>;

/// Cards behind the slots of a vpcd: slot n at the address's port + n.
///
/// Dropping it ends the connections and loses the cards.
pub struct CardSide {
    slots: Vec<Slot>,
}

struct Slot {
    shared: Arc<Shared>,
    address: Address,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    number: usize,
    chip: Mutex<Option<Chip>>,
    bell: Bell,
    observer: Observer,
}

impl CardSide {
    /// Starts one slot for each card. `observer` hears of connections from the
    /// slots' threads; it should not take long.
    ///
    /// # Errors
    /// [`VpcdError`] if the addresses cannot be used or listened on, or a
    /// thread cannot be made. That nobody answers is no error: it is tried
    /// again and again.
    pub fn start(
        mode: &Mode,
        cards: Vec<Card>,
        observer: impl Fn(&CardEvent<'_>) + Send + Sync + 'static,
    ) -> Result<Self, VpcdError> {
        let observer: Observer = Arc::new(observer);
        let count = cards.len();
        let mut sources = Vec::new();
        for number in 0..count {
            sources.push(Source::new(mode, number, count)?);
        }
        // Slots that were started end with it if a later one cannot be.
        let mut side = Self { slots: Vec::new() };
        for (number, (card, (source, address))) in cards.into_iter().zip(sources).enumerate() {
            let start = |what| move |source| VpcdError::Start { what, source };
            let shared = Arc::new(Shared {
                number,
                chip: Mutex::new(Some(Chip::new(card))),
                bell: Bell::new().map_err(start("the bell of a slot"))?,
                observer: Arc::clone(&observer),
            });
            let thread = std::thread::Builder::new().name(format!("vpcd slot {number}"));
            let mine = Arc::clone(&shared);
            let thread = thread
                .spawn(move || mine.live(&source))
                .map_err(start("the thread of a slot"))?;
            side.slots.push(Slot {
                shared,
                address,
                thread: Some(thread),
            });
        }
        Ok(side)
    }

    /// The address of each slot: where it connects to, or listens.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.slots.iter().map(|slot| slot.address.clone()).collect()
    }

    /// Takes the card out of a slot and returns it, powered off. The vpcd
    /// learns of it the next time it asks, at most 400 ms later for pcscd.
    ///
    /// # Errors
    /// [`VpcdError::NoSuchSlot`] or [`VpcdError::SlotEmpty`].
    pub fn remove(&self, slot: usize) -> Result<Card, VpcdError> {
        let chip = self.slot(slot)?.chip().take();
        Ok(chip.ok_or(VpcdError::SlotEmpty(slot))?.into_card())
    }

    /// Puts a card into an empty slot; the slot connects soon.
    ///
    /// # Errors
    /// [`VpcdError::NoSuchSlot`] or [`VpcdError::SlotOccupied`]; the card is
    /// dropped then.
    pub fn insert(&self, slot: usize, card: Card) -> Result<(), VpcdError> {
        let shared = self.slot(slot)?;
        let mut place = shared.chip();
        if place.is_some() {
            return Err(VpcdError::SlotOccupied(slot));
        }
        *place = Some(Chip::new(card));
        drop(place);
        shared.bell.ring();
        Ok(())
    }

    /// Ends all connections and returns the cards, powered off, in the order
    /// of the slots. Waits for commands that cards are executing, and for
    /// nothing else.
    #[must_use = "the cards are in it"]
    pub fn stop(mut self) -> Vec<Option<Card>> {
        self.end();
        self.slots
            .iter()
            .map(|slot| slot.shared.chip().take().map(Chip::into_card))
            .collect()
    }

    fn slot(&self, number: usize) -> Result<&Shared, VpcdError> {
        let slot = self.slots.get(number).ok_or(VpcdError::NoSuchSlot {
            number,
            count: self.slots.len(),
        })?;
        Ok(&slot.shared)
    }

    fn end(&mut self) {
        for slot in &self.slots {
            slot.shared.bell.stop();
        }
        for slot in &mut self.slots {
            if slot
                .thread
                .take()
                .is_some_and(|thread| thread.join().is_err())
            {
                tracing::error!("the thread of a vpcd slot stopped unexpectedly");
            }
        }
    }
}

impl Drop for CardSide {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for CardSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CardSide")
            .field("addresses", &self.addresses())
            .finish_non_exhaustive()
    }
}

/// Where a slot's connections come from.
enum Source {
    Connect(Address),
    Listen(TcpListener),
}

impl Source {
    fn new(mode: &Mode, slot: usize, slots: usize) -> Result<(Self, Address), VpcdError> {
        match mode {
            Mode::Connect(address) => {
                if address.port() == 0 {
                    return Err(VpcdError::NoPort);
                }
                let address = address.slot(slot, slots)?;
                Ok((Self::Connect(address.clone()), address))
            }
            Mode::Listen { address, open } => {
                let (listener, address) = bind(&address.slot(slot, slots)?, *open)?;
                Ok((Self::Listen(listener), address))
            }
        }
    }
}

/// Listens, on loopback addresses only unless `open`. Returns where, with the
/// port that port 0 became.
pub(super) fn bind(address: &Address, open: bool) -> Result<(TcpListener, Address), VpcdError> {
    let cannot = |source| VpcdError::Listen {
        address: address.clone(),
        source,
    };
    let listener = dial::listen(address, |found| open || found.ip().is_loopback())
        .map_err(cannot)?
        .map_err(VpcdError::Open)?;
    let found = listener.local_addr().map_err(cannot)?;
    Ok((listener, Address::from(found)))
}

impl Shared {
    fn chip(&self) -> MutexGuard<'_, Option<Chip>> {
        self.chip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: &CardEvent<'_>) {
        (self.observer)(event);
    }

    /// The life of a slot, until the bell stops it.
    fn live(&self, source: &Source) {
        let mut pause = Backoff::default();
        let mut unreachable = false;
        let mut again = false;
        let slot = self.number;
        while !self.bell.is_stopped() {
            let found = match source {
                // An empty slot calls nobody; insertion rings.
                Source::Connect(_) if self.chip().is_none() => {
                    self.rest(None);
                    continue;
                }
                Source::Connect(address) => dial::connect(address, &self.bell),
                Source::Listen(listener) => accept(listener, &self.bell),
            };
            let line = match found.and_then(|stream| stream.map(Line::new).transpose()) {
                Ok(Some(line)) => line,
                Ok(None) => continue,
                Err(error) => {
                    if !std::mem::replace(&mut unreachable, true) {
                        self.tell(&CardEvent::Unreachable {
                            slot,
                            error: &error,
                        });
                    }
                    self.rest(Some(pause.next()));
                    continue;
                }
            };
            unreachable = false;
            if self.chip().is_none() {
                // A driver that calls an empty slot gets no card, every time it looks.
                continue;
            }
            let peer = line.peer();
            self.tell(&CardEvent::Connected { slot, peer, again });
            again = true;
            let (served, reason) = self.serve(line);
            if let Some(chip) = self.chip().as_mut() {
                chip.power_off();
            }
            self.tell(&CardEvent::Lost {
                slot,
                reason: &reason,
            });
            if served {
                pause = Backoff::default();
            }
            if matches!(source, Source::Connect(_)) {
                self.rest(Some(pause.next()));
            }
        }
    }

    /// Waits for a time or, without one, for the bell.
    fn rest(&self, time: Option<Duration>) {
        let until = time.map(|time| Instant::now() + time);
        loop {
            match self.bell.wait(until) {
                // A bell that cannot be heard must not make this loop spin.
                Err(_) => std::thread::sleep(FIRST_PAUSE),
                // Insertion does not shorten a pause.
                Ok(Woken::Rung) if time.is_some() => continue,
                Ok(_) => {}
            }
            return;
        }
    }

    /// Answers until the connection is over. Tells whether anything was asked
    /// and why it ended.
    fn serve(&self, mut line: Line) -> (bool, Ended) {
        let mut served = false;
        loop {
            let frame = match line.receive(&self.bell, None) {
                Ok(frame) => frame,
                Err(error) => return (served, error.into()),
            };
            served = true;
            let answer = self.chip().as_mut().map(|chip| chip.serve(&frame));
            let (bytes, end) = match answer {
                Some(Answer::Silence) => continue,
                Some(Answer::Bytes(bytes)) => (bytes, None),
                Some(Answer::Mute) => (Vec::new(), Some(Ended::Mute)),
                None => (Vec::new(), Some(Ended::Removed)),
            };
            if let Err(error) = line.send(&bytes, &self.bell, SEND) {
                return (served, error.into());
            }
            if let Some(end) = end {
                return (served, end);
            }
        }
    }
}

/// How long to wait before the next try.
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(FIRST_PAUSE)
    }
}

impl Backoff {
    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(LONGEST_PAUSE);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_outlast_a_look_of_pcscd_and_stay_bearable() {
        let mut pause = Backoff::default();
        let pauses: Vec<u128> = (0..6).map(|_| pause.next().as_millis()).collect();
        assert_eq!(pauses, [600, 1200, 2400, 4800, 4800, 4800]);
    }
}

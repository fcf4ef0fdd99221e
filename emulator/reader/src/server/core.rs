// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table under one lock, and its effects carried out.
//!
//! Whoever has news (a connection's task, a card's thread, a timer) takes the
//! lock, feeds the table, queues what has to be sent, lets the lock go and
//! writes. A card's answer therefore goes straight from the card's thread to
//! the client.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::net::UnixStream;
use tokio::sync::{Notify, watch};

use super::link::Link;
use super::worker::{Card, Worker};
use super::{ReaderSpec, Settings, check_name};
use crate::ReaderError;
use crate::protocol::{ReaderState, Reply, until_nul};
use crate::table::{CardAnswer, ConnectionId, Effect, Input, Numbers, ReaderSetup, Table};

/// What every part of a server shares.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// Woken when a card has answered.
    settled: Condvar,
    /// Woken when an idle timer starts.
    pub idle: Notify,
    /// Set to stop.
    pub stop: watch::Sender<bool>,
    pub settings: Settings,
}

struct Core {
    table: Table,
    links: BTreeMap<ConnectionId, Arc<Link>>,
    slots: Vec<Slot>,
    connections: u64,
}

/// One reader's card and idle timer.
#[derive(Default)]
struct Slot {
    worker: Option<Worker>,
    /// How many cards have been in this reader.
    generation: u64,
    idle_deadline: Option<Instant>,
}

impl Shared {
    pub fn new(
        readers: Vec<ReaderSpec>,
        settings: Settings,
        seed: u64,
    ) -> Result<Arc<Self>, ReaderError> {
        let setup = readers
            .iter()
            .map(|reader| ReaderSetup {
                name: reader.name.clone(),
                card: reader.card.is_some(),
                profile: reader.profile.clone(),
            })
            .collect();
        let (table, effects) = Table::new(setup, settings.limits, Numbers::Scattered(seed));
        let shared = Arc::new(Self {
            core: Mutex::new(Core {
                table,
                links: BTreeMap::new(),
                slots: readers.iter().map(|_| Slot::default()).collect(),
                connections: 0,
            }),
            settled: Condvar::new(),
            idle: Notify::new(),
            stop: watch::Sender::new(false),
            settings,
        });
        let mut core = shared.lock();
        for (number, reader) in readers.into_iter().enumerate() {
            if let (Some(card), Some(slot)) = (reader.card, core.slots.get_mut(number)) {
                slot.insert(card, number, Arc::downgrade(&shared))?;
            }
        }
        shared.carry_out(&mut core, effects);
        drop(core);
        Ok(shared)
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Feeds the table one input and does what follows.
    pub fn feed(&self, input: Input) {
        let core = self.lock();
        self.feed_locked(core, input);
    }

    fn feed_locked(&self, mut core: MutexGuard<'_, Core>, input: Input) {
        let effects = core.table.handle(input);
        let touched = self.carry_out(&mut core, effects);
        drop(core);
        for link in touched {
            link.flush();
        }
    }

    /// Queues what is to be sent and returns the links it is queued on.
    fn carry_out(&self, core: &mut Core, effects: Vec<Effect>) -> Vec<Arc<Link>> {
        let mut touched = Vec::new();
        for effect in effects {
            match effect {
                Effect::Answer(id, reply) => {
                    if let Some(link) = core.links.get(&id) {
                        link.answer(reply.as_ref());
                        touched.push(Arc::clone(link));
                    }
                }
                Effect::Event(id, event) => {
                    if let Some(link) = core.links.get(&id) {
                        link.queue(&Reply::WaitEvent(event));
                        touched.push(Arc::clone(link));
                    }
                }
                Effect::Close(id, reason) => {
                    if let Some(link) = core.links.remove(&id) {
                        tracing::warn!(connection = id.0, %reason, "cutting off a client");
                        link.close();
                    }
                }
                Effect::Card(reader, command) => {
                    if let Some(Slot {
                        worker: Some(worker),
                        ..
                    }) = core.slots.get(reader)
                    {
                        worker.send(command);
                    }
                }
                Effect::Arm(id, delay) => {
                    if let Some(link) = core.links.get(&id) {
                        link.arm(Instant::now() + self.settings.delay(delay));
                    }
                }
                Effect::Disarm(id) => {
                    if let Some(link) = core.links.get(&id) {
                        link.disarm();
                    }
                }
                Effect::ArmIdle(reader) => {
                    let deadline = self.settings.idle_power_off.map(|d| Instant::now() + d);
                    if let Some(slot) = core.slots.get_mut(reader) {
                        slot.idle_deadline = deadline;
                    }
                    self.idle.notify_one();
                }
                Effect::DisarmIdle(reader) => {
                    if let Some(slot) = core.slots.get_mut(reader) {
                        slot.idle_deadline = None;
                    }
                }
            }
        }
        touched
    }

    /// Takes in a new client, or `None` if there are too many. Before that,
    /// the oldest client that never opened a context makes way.
    pub fn connected(&self, stream: UnixStream) -> Option<(ConnectionId, Arc<Link>)> {
        let mut core = self.lock();
        if core.links.len() >= self.settings.max_connections {
            let idler = core
                .links
                .keys()
                .copied()
                .find(|&id| !core.table.has_context(id))?;
            tracing::warn!(
                connection = idler.0,
                "too many clients: the oldest idler makes way"
            );
            if let Some(link) = core.links.remove(&idler) {
                link.close();
            }
            self.feed_locked(core, Input::Disconnected(idler));
            core = self.lock();
        }
        core.connections += 1;
        let id = ConnectionId(core.connections);
        let link = Arc::new(Link::new(stream));
        core.links.insert(id, Arc::clone(&link));
        self.feed_locked(core, Input::Connected(id));
        Some((id, link))
    }

    /// A client is gone.
    pub fn disconnected(&self, id: ConnectionId) {
        let mut core = self.lock();
        core.links.remove(&id);
        self.feed_locked(core, Input::Disconnected(id));
    }

    /// A card has answered. Late answers of cards that were taken out are dropped.
    pub fn card_done(&self, reader: usize, generation: u64, answer: CardAnswer) {
        let core = self.lock();
        let current = core
            .slots
            .get(reader)
            .is_some_and(|slot| slot.worker.is_some() && slot.generation == generation);
        if current {
            self.feed_locked(core, Input::CardDone(reader, answer));
            self.settled.notify_all();
        }
    }

    /// The reader whose idle timer runs out next, and when.
    pub fn idle_deadline(&self) -> Option<(usize, Instant)> {
        self.lock()
            .slots
            .iter()
            .enumerate()
            .filter_map(|(number, slot)| Some((number, slot.idle_deadline?)))
            .min_by_key(|(_, deadline)| *deadline)
    }

    /// Fires the idle timer of a reader if its time has come.
    pub fn fire_idle(&self, reader: usize) {
        let mut core = self.lock();
        let Some(slot) = core.slots.get_mut(reader) else {
            return;
        };
        if slot
            .idle_deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            slot.idle_deadline = None;
            self.feed_locked(core, Input::Idle(reader));
        }
    }

    /// Every reader as clients see it.
    pub fn states(&self) -> Vec<ReaderState> {
        self.lock().table.states()
    }

    /// Puts a card into an empty reader and waits until it has answered to
    /// its first power, so that the next client sees it.
    pub fn insert(self: &Arc<Self>, reader: usize, card: Card) -> Result<(), ReaderError> {
        let mut core = self.lock();
        let count = core.slots.len();
        let there = core.table.has_reader(reader);
        let slot =
            core.slots
                .get_mut(reader)
                .filter(|_| there)
                .ok_or(ReaderError::NoSuchReader {
                    number: reader,
                    count,
                })?;
        if slot.worker.is_some() {
            return Err(ReaderError::ReaderOccupied(reader));
        }
        slot.insert(card, reader, Arc::downgrade(self))?;
        let generation = slot.generation;
        self.feed_locked(core, Input::Inserted(reader));
        let waiting = |core: &mut Core| {
            let mine = core
                .slots
                .get(reader)
                .is_some_and(|slot| slot.generation == generation);
            mine && core.table.is_settling(reader)
        };
        drop(self.settled.wait_while(self.lock(), waiting));
        Ok(())
    }

    /// Takes the card out of a reader. Clients learn of it at once; the card
    /// itself comes back when it has finished what it was doing.
    pub fn remove(&self, reader: usize) -> Result<Card, ReaderError> {
        let mut core = self.lock();
        let count = core.slots.len();
        let slot = core
            .slots
            .get_mut(reader)
            .ok_or(ReaderError::NoSuchReader {
                number: reader,
                count,
            })?;
        let worker = slot.worker.take().ok_or(ReaderError::ReaderEmpty(reader))?;
        self.feed_locked(core, Input::Removed(reader));
        self.settled.notify_all();
        worker.take_out()
    }

    /// Plugs a reader in and returns its number.
    pub fn plug(self: &Arc<Self>, reader: ReaderSpec) -> Result<usize, ReaderError> {
        let mut core = self.lock();
        let taken = core
            .table
            .states()
            .iter()
            .any(|state| until_nul(&state.name) == reader.name.as_bytes());
        check_name(&reader.name, taken)?;
        let number = core.table.free_place();
        if number >= core.slots.len() {
            core.slots.resize_with(number + 1, Slot::default);
        }
        let setup = ReaderSetup {
            name: reader.name,
            card: reader.card.is_some(),
            profile: reader.profile,
        };
        if let (Some(card), Some(slot)) = (reader.card, core.slots.get_mut(number)) {
            slot.insert(card, number, Arc::downgrade(self))?;
        }
        self.feed_locked(core, Input::Plugged(number, setup));
        Ok(number)
    }

    /// Unplugs a reader and returns its card.
    pub fn unplug(&self, reader: usize) -> Result<Option<Card>, ReaderError> {
        let mut core = self.lock();
        let count = core.slots.len();
        let there = core.table.has_reader(reader);
        let Some(slot) = core.slots.get_mut(reader).filter(|_| there) else {
            return Err(ReaderError::NoSuchReader {
                number: reader,
                count,
            });
        };
        let worker = slot.worker.take();
        slot.idle_deadline = None;
        self.feed_locked(core, Input::Unplugged(reader));
        self.settled.notify_all();
        worker.map(Worker::take_out).transpose()
    }

    /// Closes every connection and takes every card out.
    pub fn shut_down(&self) -> Vec<Option<Card>> {
        let mut core = self.lock();
        for link in std::mem::take(&mut core.links).into_values() {
            link.close();
        }
        let workers: Vec<Option<Worker>> = core
            .slots
            .iter_mut()
            .map(|slot| slot.worker.take())
            .collect();
        drop(core);
        self.settled.notify_all();
        workers
            .into_iter()
            .map(|worker| {
                worker.and_then(|worker| {
                    worker
                        .take_out()
                        .inspect_err(|error| tracing::error!(%error, "a card is lost"))
                        .ok()
                })
            })
            .collect()
    }
}

impl Slot {
    fn insert(
        &mut self,
        card: Card,
        reader: usize,
        shared: Weak<Shared>,
    ) -> Result<(), ReaderError> {
        let generation = self.generation + 1;
        self.worker = Some(Worker::start(card, reader, generation, shared)?);
        self.generation = generation;
        Ok(())
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table under one lock, and its effects carried out.
//!
//! Whoever has news (a client's thread, a card's thread, a timer) takes the
//! lock, feeds the table, queues what has to be sent, lets the lock go and
//! writes. What a client asks of a free card its own thread takes there and
//! back; only what has to wait is done by the card's thread, whose answer goes
//! straight to the client.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::net::UnixStream;
use tokio::sync::{Notify, watch};

use super::errands::Errands;
use super::hand::{self, Changes, ReaderUsage, Usage};
use super::link::Link;
use super::watch::Watcher;
use super::worker::{Card, Errand, Worker};
use super::{ReaderSpec, Settings, check_name};
use crate::ReaderError;
use crate::faults::Plan;
use crate::observer::{Client, ReaderObserver};
use crate::protocol::{ReaderState, Reply, Request, until_nul};
use crate::table::{
    CardAnswer, CardCommand, ConnectionId, Effect, Input, Numbers, ReaderSetup, Table,
};

/// What every part of a server shares.
pub(super) struct Shared {
    core: Mutex<Core>,
    /// Woken when a card has answered.
    settled: Condvar,
    /// Woken when an idle timer starts.
    pub idle: Notify,
    /// Clients' threads that are at a card.
    pub errands: Errands,
    /// A client's thread looks for the next request instead of sleeping.
    pub looking: AtomicBool,
    /// Set to stop.
    pub stop: watch::Sender<bool>,
    /// Sent to after every change, if anybody listens.
    pub changes: Changes,
    pub settings: Settings,
}

pub(super) struct Core {
    pub(super) table: Table,
    pub(super) links: BTreeMap<ConnectionId, Arc<Link>>,
    slots: Vec<Slot>,
    connections: u64,
    pub(super) watcher: Option<Watcher>,
    /// What is to go wrong, if anything is.
    pub(super) faults: Option<Plan>,
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
                watcher: None,
                faults: None,
            }),
            settled: Condvar::new(),
            idle: Notify::new(),
            errands: Errands::default(),
            looking: AtomicBool::new(false),
            stop: watch::Sender::new(false),
            changes: Changes::new(()),
            settings,
        });
        let mut core = shared.lock();
        for (number, reader) in readers.into_iter().enumerate() {
            if let (Some(card), Some(slot)) = (reader.card, core.slots.get_mut(number)) {
                slot.insert(card, number, Arc::downgrade(&shared))?;
            }
        }
        shared.carry_out(&mut core, effects, None);
        drop(core);
        Ok(shared)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Feeds the table one input and does what follows.
    pub fn feed(&self, input: Input) {
        let core = self.lock();
        self.feed_locked(core, input);
    }

    /// Feeds the table a client's request, from the thread of that client if
    /// it says so: it may get something to do then.
    pub fn request(&self, id: ConnectionId, request: Request, own: bool) -> Option<Errand> {
        let mut core = self.lock();
        if let Some(plan) = &mut core.faults
            && let Some(fault) = plan.strike(&request)
        {
            return self.strike(core, id, request, &fault, own);
        }
        self.feed_for(own.then_some(id), core, Input::Request(id, request))
    }

    fn feed_locked(&self, core: MutexGuard<'_, Core>, input: Input) {
        self.feed_for(None, core, input);
    }

    pub(super) fn feed_for(
        &self,
        runner: Option<ConnectionId>,
        mut core: MutexGuard<'_, Core>,
        input: Input,
    ) -> Option<Errand> {
        let effects = core.step(input);
        self.settle(runner, core, effects)
    }

    /// Carries effects out, lets the lock go and writes.
    pub(super) fn settle(
        &self,
        runner: Option<ConnectionId>,
        mut core: MutexGuard<'_, Core>,
        effects: Vec<Effect>,
    ) -> Option<Errand> {
        let runner = runner.filter(|&id| leaves_free(id, &effects));
        let (touched, errand) = self.carry_out(&mut core, effects, runner);
        drop(core);
        hand::changed(self);
        for link in touched {
            link.flush();
        }
        errand
    }

    /// Queues what is to be sent and returns the links it is queued on, and
    /// what is to be done by the thread of `runner`.
    fn carry_out(
        &self,
        core: &mut Core,
        effects: Vec<Effect>,
        runner: Option<ConnectionId>,
    ) -> (Vec<Arc<Link>>, Option<Errand>) {
        let mut touched = Vec::new();
        let mut errand = None;
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
                        generation,
                        ..
                    }) = core.slots.get(reader)
                    {
                        if runner.is_some() {
                            errand = Some(worker.errand(reader, *generation, command));
                        } else {
                            worker.send(*generation, command);
                        }
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
        (touched, errand)
    }

    /// Takes in a new client, or `None` if there are too many. Before that, one
    /// that has hung up and not been noticed yet, or the oldest client that
    /// never opened a context, makes way.
    pub fn connected(&self, stream: UnixStream) -> Option<(ConnectionId, Arc<Link>)> {
        let link = Link::new(stream)
            .inspect_err(|error| tracing::warn!(%error, "a client is gone already"))
            .ok()?;
        let mut core = self.lock();
        if core.links.len() >= self.settings.max_connections {
            let gone = core.links.iter().find(|(_, link)| link.is_gone());
            let idler = core.links.keys().find(|&&id| !core.table.has_context(id));
            let idler = *gone.map(|(id, _)| id).or(idler)?;
            tracing::warn!(
                connection = idler.0,
                "too many clients: one that is gone, or the oldest idler, makes way"
            );
            if let Some(link) = core.links.remove(&idler) {
                link.close();
            }
            self.feed_locked(core, Input::Disconnected(idler));
            core = self.lock();
        }
        core.connections += 1;
        let id = ConnectionId(core.connections);
        let link = Arc::new(link);
        core.links.insert(id, Arc::clone(&link));
        self.feed_locked(core, Input::Connected(id));
        Some((id, link))
    }

    /// Every connection.
    pub fn links(&self) -> Vec<(ConnectionId, Arc<Link>)> {
        let core = self.lock();
        let links = core.links.iter();
        links.map(|(&id, link)| (id, Arc::clone(link))).collect()
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
                .is_some_and(|slot| slot.worker.is_some() && slot.generation == generation);
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

    /// Resets the card in a reader and waits until it has answered.
    pub fn reset(&self, reader: usize) -> Result<(), ReaderError> {
        let core = self.lock();
        let count = core.slots.len();
        let there = core.table.has_reader(reader);
        let slot = core
            .slots
            .get(reader)
            .filter(|_| there)
            .ok_or(ReaderError::NoSuchReader {
                number: reader,
                count,
            })?;
        if slot.worker.is_none() {
            return Err(ReaderError::ReaderEmpty(reader));
        }
        let generation = slot.generation;
        self.feed_locked(core, Input::Reset(reader));
        let waiting = |core: &mut Core| {
            let mine = core
                .slots
                .get(reader)
                .is_some_and(|slot| slot.worker.is_some() && slot.generation == generation);
            mine && core.table.is_resetting(reader)
        };
        drop(self.settled.wait_while(self.lock(), waiting));
        Ok(())
    }

    /// Who uses what.
    pub fn usage(&self) -> Usage {
        let core = self.lock();
        let usage = core.table.usage();
        let readers = usage.readers.into_iter().map(|reader| ReaderUsage {
            handles: reader.handles,
            exclusive: reader.exclusive,
            holder: reader.holder.map(|id| client(&core.links, id)),
            queued: reader.queued,
        });
        Usage {
            contexts: usage.contexts,
            waiting: usage.waiting,
            readers: readers.collect(),
        }
    }

    /// Tells this observer from now on.
    pub fn observe(&self, observer: ReaderObserver) {
        self.lock().watcher = Some(Watcher::new(observer));
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

impl Core {
    /// Feeds the table one input, in front of the watcher.
    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        let Self {
            table,
            watcher,
            links,
            ..
        } = self;
        if let Some(watcher) = watcher {
            watcher.before(&input, table, |id| client(links, id));
        }
        let effects = table.handle(input);
        if let Some(watcher) = watcher {
            watcher.after(&effects, table);
        }
        effects
    }

    /// The card in a reader slips: out, without power, and in again. What it
    /// was doing has no effect any more. `None` if there is none.
    pub(super) fn slip(&mut self, reader: usize) -> Option<Vec<Effect>> {
        let slot = self.slots.get_mut(reader)?;
        // Its answer is that of a card that is gone.
        slot.worker
            .as_ref()?
            .send(slot.generation, CardCommand::PowerOff);
        slot.generation += 1;
        let mut effects = self.step(Input::Removed(reader));
        effects.extend(self.step(Input::Inserted(reader)));
        Some(effects)
    }

    /// Whether a card is in this reader.
    pub(super) fn has_card(&self, reader: usize) -> bool {
        let slot = self.slots.get(reader);
        slot.is_some_and(|slot| slot.worker.is_some())
    }
}

/// Whether the thread of `id` may go to a card: there is one thing to do at
/// one, and the client has no answer yet, so it waits for that.
fn leaves_free(id: ConnectionId, effects: &[Effect]) -> bool {
    let mut commands = 0;
    for effect in effects {
        match effect {
            Effect::Card(..) => commands += 1,
            Effect::Answer(whose, _) | Effect::Close(whose, _) if *whose == id => return false,
            _ => {}
        }
    }
    commands == 1
}

/// Who is at the other end of a connection.
fn client(links: &BTreeMap<ConnectionId, Arc<Link>>, id: ConnectionId) -> Client {
    Client::at(id.0, links.get(&id).and_then(|link| link.process()))
}

impl Slot {
    fn insert(
        &mut self,
        card: Card,
        reader: usize,
        shared: Weak<Shared>,
    ) -> Result<(), ReaderError> {
        let generation = self.generation + 1;
        self.worker = Some(Worker::start(card, reader, shared)?);
        self.generation = generation;
        Ok(())
    }
}

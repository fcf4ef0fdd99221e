// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers in this process, with software cards in them and faults on demand.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use cie_card::{Card, Event, Observer, Snapshot};
use cie_personalisation::{IssuedCard, Persona, personalise};
use cie_pkcs11::failure::Failure;
use cie_pkcs11::mechanisms::Mechanism;
use cie_pkcs11::module::Module;
use cie_pkcs11::objects::Object;
use cie_pkcs11::options::Options;
use cie_pkcs11::reader::{Link, LinkError, ReaderState, Readers, Watch, Wire};
use cie_pkcs11::session::{Produced, Room};
use cie_pkcs11::token::User;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cryptoki_sys as ck;
use iso7816_wire::CardDoor;
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

/// A wrong code that is well formed.
pub const WRONG: &str = "13572468";
/// How long a waiter waits for what never comes.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The name of reader `n`.
pub fn name(n: usize) -> CString {
    CString::new(format!("Test Reader {n:02}")).unwrap()
}

/// What happens at one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The card is removed before it gets the command.
    RemovedBefore,
    /// The card is removed after it did what it was told.
    RemovedAfter,
    /// Somebody resets the card before it gets the command.
    ResetBefore,
    /// Somebody resets the card, and its answer is lost.
    ResetAfter,
    /// The reader fails.
    Broken,
    /// The answer has one bit wrong.
    Garbled,
    /// The answer is empty.
    Mute,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::RemovedBefore,
        Self::RemovedAfter,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::Broken,
        Self::Garbled,
        Self::Mute,
    ];
}

#[derive(Default)]
struct Slot {
    card: Option<Card>,
    /// A card of another kind.
    other: Option<Box<dyn CardDoor>>,
    /// The card that was taken out last.
    outside: Option<Card>,
    events: u32,
    resets: u64,
    busy: bool,
    exchanges: usize,
    fault: Option<(usize, Fault)>,
    /// What another program sends as soon as a transaction is over.
    disturbance: Option<Vec<u8>>,
    headers: Vec<[u8; 4]>,
}

impl Slot {
    fn remove(&mut self) {
        if let Some(mut card) = self.card.take() {
            card.power_off();
            self.outside = Some(card);
            self.events += 1;
        }
        if self.other.take().is_some() {
            self.events += 1;
        }
    }

    fn present(&self) -> bool {
        self.card.is_some() || self.other.is_some()
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        match (&mut self.card, &mut self.other) {
            (Some(card), _) => card.transmit(command),
            (None, Some(other)) => other.transmit(command),
            (None, None) => panic!("no card"),
        }
    }

    fn insert(&mut self, mut card: Card) {
        card.power_on();
        self.card = Some(card);
        self.events += 1;
    }

    fn reset(&mut self) {
        if let Some(card) = &mut self.card {
            card.reset();
            self.resets += 1;
        }
    }
}

#[derive(Default)]
struct World {
    slots: Mutex<Vec<Slot>>,
    changed: Condvar,
}

/// Readers that any number of modules can share, as processes share pcscd.
#[derive(Clone, Default)]
pub struct TestReaders(Arc<World>);

impl TestReaders {
    /// Empty readers.
    pub fn empty(count: usize) -> Self {
        let readers = Self::default();
        for _ in 0..count {
            readers.slots().push(Slot::default());
        }
        readers
    }

    /// One reader with a fresh card in it.
    pub fn with_card() -> Self {
        let readers = Self::empty(1);
        readers.insert(0, card());
        readers
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.slots.lock().unwrap()
    }

    fn change<R>(&self, n: usize, change: impl FnOnce(&mut Slot) -> R) -> R {
        let mut slots = self.slots();
        let result = change(&mut slots[n]);
        self.0.changed.notify_all();
        result
    }

    pub fn plug_in(&self) {
        self.slots().push(Slot::default());
        self.0.changed.notify_all();
    }

    /// Unplugs the last reader.
    pub fn unplug(&self) {
        self.slots().pop();
        self.0.changed.notify_all();
    }

    pub fn insert(&self, n: usize, card: Card) {
        self.change(n, |slot| slot.insert(card));
    }

    pub fn insert_other(&self, n: usize, card: Box<dyn CardDoor>) {
        self.change(n, |slot| {
            slot.other = Some(card);
            slot.events += 1;
        });
    }

    pub fn remove(&self, n: usize) {
        self.change(n, Slot::remove);
    }

    /// Puts back the card that was taken out, if one was.
    pub fn put_back(&self, n: usize) {
        self.change(n, |slot| {
            if let Some(card) = slot.outside.take() {
                slot.insert(card);
            }
        });
    }

    pub fn reset(&self, n: usize) {
        self.change(n, Slot::reset);
    }

    /// Lets `fault` happen at the `at`th exchange from now (1 is the next).
    pub fn fault(&self, n: usize, at: usize, fault: Fault) {
        self.change(n, |slot| slot.fault = Some((slot.exchanges + at, fault)));
    }

    /// True if the fault is still to come; it is withdrawn.
    pub fn withdraw(&self, n: usize) -> bool {
        self.change(n, |slot| slot.fault.take().is_some())
    }

    /// What another program does that knows nothing of our session.
    pub fn foreign(&self, n: usize, command: &[u8]) -> Vec<u8> {
        self.change(n, |slot| slot.transmit(command))
    }

    /// Lets another program have its turn behind the next transaction.
    pub fn disturb(&self, n: usize, command: &[u8]) {
        self.change(n, |slot| slot.disturbance = Some(command.to_vec()));
    }

    /// Another card instead of the one that is there; all that can be seen of
    /// it is a reset.
    pub fn swap_unseen(&self, n: usize, mut card: Card) {
        self.change(n, |slot| {
            card.power_on();
            slot.outside = slot.card.replace(card);
            slot.resets += 1;
        });
    }

    /// The card's own view, wherever it is.
    pub fn inspect(&self, n: usize) -> Snapshot {
        self.change(n, |slot| {
            let card = slot.card.as_ref().or(slot.outside.as_ref());
            card.unwrap().inspect()
        })
    }

    pub fn exchanges(&self, n: usize) -> usize {
        self.change(n, |slot| slot.exchanges)
    }

    /// Headers of all commands so far, and forgets them.
    pub fn headers(&self, n: usize) -> Vec<[u8; 4]> {
        self.change(n, |slot| std::mem::take(&mut slot.headers))
    }

    /// A module over these readers, as another process would have one.
    pub fn module(&self) -> Module {
        Module::new(Arc::new(self.clone()), Options::default())
    }
}

fn states(slots: &[Slot]) -> Vec<ReaderState> {
    slots
        .iter()
        .enumerate()
        .map(|(n, slot)| ReaderState {
            name: name(n),
            present: slot.present(),
            events: slot.events,
        })
        .collect()
}

impl Readers for TestReaders {
    fn states(&self) -> Result<Vec<ReaderState>, LinkError> {
        Ok(states(&self.slots()))
    }

    fn watch(&self) -> Result<Box<dyn Watch>, LinkError> {
        Ok(Box::new(TestWatch {
            readers: self.clone(),
            stopped: Arc::default(),
        }))
    }

    fn connect(&self, reader: &CString) -> Result<Box<dyn Link>, LinkError> {
        let slots = self.slots();
        let n = (0..slots.len()).find(|n| name(*n) == *reader);
        let n = n.ok_or(LinkError::NoReader)?;
        if !slots[n].present() {
            return Err(LinkError::NoCard);
        }
        Ok(Box::new(TestLink {
            readers: self.clone(),
            n,
            events: slots[n].events,
            resets: slots[n].resets,
        }))
    }
}

struct TestWatch {
    readers: TestReaders,
    stopped: Arc<AtomicBool>,
}

impl Watch for TestWatch {
    /// Takes no notice of the time limit: what should wake it must.
    fn wait(&mut self, known: &[ReaderState], _: Duration) {
        let slots = self.readers.slots();
        let quiet =
            |slots: &mut Vec<Slot>| states(slots) == known && !self.stopped.load(Ordering::SeqCst);
        let changed = &self.readers.0.changed;
        drop(changed.wait_timeout_while(slots, PATIENCE, quiet));
    }

    fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        let (stopped, readers) = (Arc::clone(&self.stopped), self.readers.clone());
        Box::new(move || {
            stopped.store(true, Ordering::SeqCst);
            let _slots = readers.slots();
            readers.0.changed.notify_all();
        })
    }
}

struct TestLink {
    readers: TestReaders,
    n: usize,
    events: u32,
    resets: u64,
}

impl TestLink {
    fn state(&self, slot: &Slot) -> Result<(), LinkError> {
        if slot.events != self.events {
            Err(LinkError::Removed)
        } else if slot.resets != self.resets {
            Err(LinkError::Reset)
        } else {
            Ok(())
        }
    }
}

impl Link for TestLink {
    fn transaction(&mut self, work: &mut dyn FnMut(&mut dyn Wire)) -> Result<(), LinkError> {
        let mut slots = self.readers.slots();
        while slots[self.n].busy {
            slots = self.readers.0.changed.wait(slots).unwrap();
        }
        self.state(&slots[self.n])?;
        slots[self.n].busy = true;
        drop(slots);
        let readers = self.readers.clone();
        let n = self.n;
        work(&mut TestWire { link: self });
        readers.change(n, |slot| {
            slot.busy = false;
            if let Some(command) = slot.disturbance.take() {
                slot.transmit(&command);
            }
        });
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), LinkError> {
        let slots = self.readers.slots();
        if slots[self.n].events != self.events {
            return Err(LinkError::Removed);
        }
        self.resets = slots[self.n].resets;
        Ok(())
    }

    fn check(&mut self) -> Result<(), LinkError> {
        self.state(&self.readers.slots()[self.n])
    }
}

struct TestWire<'a> {
    link: &'a TestLink,
}

impl Wire for TestWire<'_> {
    fn exchange(&mut self, command: &[u8]) -> Result<Vec<u8>, LinkError> {
        let link = self.link;
        link.readers.change(link.n, |slot| {
            link.state(slot)?;
            slot.exchanges += 1;
            slot.headers.push(command[..4].try_into().unwrap());
            let fault = slot.fault.take_if(|(at, _)| *at == slot.exchanges);
            let fault = fault.map(|(_, fault)| fault);
            match fault {
                Some(Fault::RemovedBefore) => slot.remove(),
                Some(Fault::ResetBefore) => slot.reset(),
                Some(Fault::Broken) => return Err(LinkError::Other("broken".into())),
                _ => {}
            }
            link.state(slot)?;
            let mut answer = slot.transmit(command);
            match fault {
                Some(Fault::RemovedAfter) => slot.remove(),
                Some(Fault::ResetAfter) => slot.reset(),
                Some(Fault::Garbled) => answer[0] ^= 1,
                Some(Fault::Mute) => answer.clear(),
                _ => {}
            }
            link.state(slot)?;
            Ok(answer)
        })
    }
}

/// The one citizen of these tests.
pub fn issued() -> &'static IssuedCard {
    static ISSUED: OnceLock<IssuedCard> = OnceLock::new();
    ISSUED.get_or_init(|| personalise(&Persona::adult().unwrap(), 7).unwrap())
}

pub fn pin() -> &'static str {
    issued().pin().expose()
}

pub fn puk() -> &'static str {
    issued().puk().expose()
}

/// A fresh card of the citizen.
pub fn card() -> Card {
    Card::in_memory(issued().image.clone(), issued().card_seed).unwrap()
}

/// A fresh card that counts how often a code was sent to it.
pub fn counting_card() -> (Card, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let sink = Arc::clone(&count);
    let observer: Observer = Arc::new(move |event| {
        if let Event::Plain { command, .. } = event
            && matches!(command.header()[1], 0x20 | 0x24 | 0x2C)
            && !command.data.is_empty()
        {
            sink.fetch_add(1, Ordering::SeqCst);
        }
    });
    (card().with_observer(observer), count)
}

pub fn certificate() -> CardCertificate {
    CardCertificate::from_file(&issued().certificate).unwrap()
}

/// True if `signature` is the citizen's over `block`.
pub fn verifies(block: &[u8], signature: &[u8]) -> bool {
    certificate().key().verifies(block, signature)
}

/// A signature as an application makes it: begin, length, signature.
pub fn sign(
    module: &Module,
    session: ck::CK_SESSION_HANDLE,
    mechanism: Mechanism,
    data: &[u8],
) -> Result<Vec<u8>, Failure> {
    let place = module.session(session)?;
    let objects = place.objects()?;
    let mut session = place.session();
    session.begin_signing(mechanism, Object::PrivateKey.handle(), &objects)?;
    assert_eq!(
        session.sign(data, Room::Query, &place.token),
        Ok(Produced::Length(256))
    );
    match session.sign(data, Room::Bytes(256), &place.token)? {
        Produced::Done(signature) => Ok(signature),
        other => panic!("{other:?}"),
    }
}

pub const TEXT: &[u8] = b"a text to be signed";

pub fn right(signature: &[u8]) -> bool {
    certificate()
        .verify(HashAlgorithm::Sha256, TEXT, signature)
        .is_ok()
}

/// A module with a session on the first reader.
pub fn opened(readers: &TestReaders) -> (Module, u64) {
    let module = readers.module();
    module.slot_list(true, true);
    let session = module.open_session(0, true).unwrap();
    (module, session)
}

pub fn logged_in(readers: &TestReaders) -> (Module, u64) {
    let (module, session) = opened(readers);
    module
        .log_in(session, User::Citizen, pin().as_bytes())
        .unwrap();
    (module, session)
}

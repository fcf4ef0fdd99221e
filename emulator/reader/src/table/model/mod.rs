// SPDX-License-Identifier: MIT OR Apache-2.0
//! The world around a table, for tests: it plays clients, cards and timers,
//! and checks after every step what must always hold.

mod check;

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Reader;
use super::*;
use crate::protocol::*;

pub(super) const READER: &str = "R";
pub(super) const ATR: [u8; 6] = [0x3B, 0x81, 0x80, 0x01, 0xAA, 0xAA];

/// One step of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Join(u64),
    Die(u64),
    Establish(u64),
    Release(u64),
    Connect(u64, u32),
    Reconnect(u64, u32, u32),
    Disconnect(u64, u32),
    Begin(u64),
    End(u64, u32),
    Transmit(u64),
    Status(u64),
    Attribute(u64),
    Wait(u64),
    Stop(u64),
    List(u64),
    Cancel(u64, u64),
    CardAnswers,
    CardIsMute,
    Insert,
    Remove,
    Reset,
    Expire(u64),
    Idle,
    Plug(bool),
    Unplug,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Client {
    pub context: u32,
    /// Its card handles, oldest first.
    pub cards: Vec<i32>,
    /// The unanswered request.
    pub asked: Option<Request>,
    /// Waits without their message.
    pub owed: u32,
    pub armed: bool,
}

/// Table and surroundings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub table: Table,
    pub clients: BTreeMap<u64, Client>,
    /// What the card was asked and has not answered.
    pub card: Option<CardCommand>,
    pub inserted: bool,
    /// The reader is gone, and may come back.
    unplugged: bool,
    idle_armed: bool,
    /// Depth of the transaction of each handle, as its client believes.
    depth: BTreeMap<i32, u32>,
    /// Handles that were given alone.
    exclusive: BTreeSet<i32>,
    /// Identifiers are never used twice.
    used: BTreeSet<u64>,
    minor: i32,
}

impl World {
    /// A reader with or without a card (powered), and clients that speak 4.`minor`.
    pub fn new(card: bool, minor: i32) -> Self {
        let setup = vec![ReaderSetup {
            name: READER.into(),
            card,
            profile: crate::ReaderProfile::default(),
        }];
        let (table, effects) = Table::new(setup, Limits::default(), Numbers::Smallest);
        let mut world = Self {
            table,
            clients: BTreeMap::new(),
            card: None,
            inserted: card,
            unplugged: false,
            idle_armed: false,
            depth: BTreeMap::new(),
            exclusive: BTreeSet::new(),
            used: BTreeSet::new(),
            minor,
        };
        world.observe(effects);
        if card {
            world.step(Step::CardAnswers);
        }
        world
    }

    /// The same with clients 1 to `count`, each with a context.
    pub fn with_clients(card: bool, minor: i32, count: u64) -> Self {
        let mut world = Self::new(card, minor);
        for id in 1..=count {
            world.step(Step::Join(id));
            world.step(Step::Establish(id));
        }
        world
    }

    pub fn reader(&self) -> &Reader {
        &self.table.readers[0]
    }

    fn can_ask(&self, id: u64) -> bool {
        self.clients
            .get(&id)
            .is_some_and(|client| client.asked.is_none())
    }

    /// Whether a well-behaved world could do this now.
    pub fn allows(&self, step: Step) -> bool {
        let card_of = |id: u64| self.clients.get(&id).is_some_and(|c| !c.cards.is_empty());
        match step {
            Step::Join(id) => !self.used.contains(&id),
            Step::Die(id) => self.clients.contains_key(&id),
            Step::Establish(id) => self.can_ask(id) && self.clients[&id].context == 0,
            Step::Release(id) => self.can_ask(id) && self.clients[&id].context != 0,
            Step::Connect(id, _) => {
                self.can_ask(id)
                    && self.clients[&id].context != 0
                    && self.clients[&id].cards.len() < 2
            }
            Step::Reconnect(id, ..)
            | Step::Disconnect(id, _)
            | Step::Begin(id)
            | Step::End(id, _)
            | Step::Transmit(id)
            | Step::Status(id)
            | Step::Attribute(id) => self.can_ask(id) && card_of(id),
            Step::Wait(id) => self.can_ask(id) && self.clients[&id].owed < 2,
            Step::Stop(id) | Step::List(id) => self.can_ask(id),
            Step::Cancel(id, whom) => self.can_ask(id) && self.clients.contains_key(&whom),
            Step::CardAnswers => self.card.is_some(),
            Step::CardIsMute => self
                .card
                .as_ref()
                .is_some_and(|command| *command != CardCommand::PowerOff),
            Step::Insert => !self.inserted && !self.unplugged,
            Step::Plug(_) => self.unplugged,
            Step::Unplug => !self.unplugged,
            Step::Remove | Step::Reset => self.inserted,
            Step::Expire(id) => self.clients.get(&id).is_some_and(|client| client.armed),
            Step::Idle => self.idle_armed,
        }
    }

    /// Does the step and checks everything; `false` if it is not possible now.
    pub fn try_step(&mut self, step: Step) -> bool {
        let possible = self.allows(step);
        if possible {
            self.step(step);
        }
        possible
    }

    /// Does the step, checks everything, and returns the effects.
    pub fn step(&mut self, step: Step) -> Vec<Effect> {
        assert!(self.allows(step), "{step:?} is not possible in {self:#?}");
        let input = match step {
            Step::Join(id) => {
                self.clients.insert(id, Client::default());
                self.used.insert(id);
                let mut effects = self.input(Input::Connected(ConnectionId(id)));
                let version = Version {
                    major: 4,
                    minor: self.minor,
                    rv: 0,
                };
                effects.extend(self.ask(id, Request::Version(version)));
                return effects;
            }
            Step::Die(id) => {
                let client = self.clients.remove(&id).unwrap();
                self.forget_cards(&client.cards);
                Input::Disconnected(ConnectionId(id))
            }
            Step::CardAnswers => match self.card.take().unwrap() {
                CardCommand::PowerOff => Input::CardDone(0, CardAnswer::Off),
                CardCommand::Transmit(_) => {
                    Input::CardDone(0, CardAnswer::Response(vec![0x90, 0x00]))
                }
                _ => Input::CardDone(0, CardAnswer::Atr(ATR.to_vec())),
            },
            Step::CardIsMute => {
                self.card = None;
                Input::CardDone(0, CardAnswer::Response(Vec::new()))
            }
            Step::Insert => {
                self.inserted = true;
                Input::Inserted(0)
            }
            Step::Remove => {
                self.inserted = false;
                self.card = None;
                self.depth.clear();
                Input::Removed(0)
            }
            Step::Reset => Input::Reset(0),
            Step::Expire(id) => {
                self.clients.get_mut(&id).unwrap().armed = false;
                Input::Expired(ConnectionId(id))
            }
            Step::Idle => {
                self.idle_armed = false;
                Input::Idle(0)
            }
            Step::Plug(card) => {
                assert_eq!(self.table.free_place(), 0);
                self.unplugged = false;
                self.inserted = card;
                let setup = ReaderSetup {
                    name: READER.into(),
                    card,
                    profile: crate::ReaderProfile::default(),
                };
                Input::Plugged(0, setup)
            }
            Step::Unplug => {
                self.unplugged = true;
                self.inserted = false;
                self.card = None;
                self.depth.clear();
                self.exclusive.clear();
                Input::Unplugged(0)
            }
            asking => {
                let (id, request) = self.request(asking);
                return self.ask(id, request);
            }
        };
        self.input(input)
    }

    fn request(&self, step: Step) -> (u64, Request) {
        let client = |id: u64| &self.clients[&id];
        let card = |id: u64| *client(id).cards.last().unwrap();
        match step {
            Step::Establish(id) => (
                id,
                Request::Establish(Establish {
                    scope: 2,
                    context: 0,
                    rv: 0,
                }),
            ),
            Step::Release(id) => (
                id,
                Request::Release(Release {
                    context: client(id).context,
                    rv: 0,
                }),
            ),
            Step::Connect(id, share) => (
                id,
                Request::Connect(Box::new(Connect {
                    context: client(id).context,
                    reader: padded(READER.as_bytes()),
                    share,
                    preferred: 3,
                    card: 0,
                    active: 0,
                    rv: 0,
                })),
            ),
            Step::Reconnect(id, share, initialization) => (
                id,
                Request::Reconnect(Reconnect {
                    card: card(id),
                    share,
                    preferred: 3,
                    initialization,
                    active: 0,
                    rv: 0,
                }),
            ),
            Step::Disconnect(id, disposition) => (
                id,
                Request::Disconnect(Disconnect {
                    card: card(id),
                    disposition,
                    rv: 0,
                }),
            ),
            Step::Begin(id) => (
                id,
                Request::Begin(Begin {
                    card: card(id),
                    rv: 0,
                }),
            ),
            Step::End(id, disposition) => (
                id,
                Request::End(End {
                    card: card(id),
                    disposition,
                    rv: 0,
                }),
            ),
            Step::Transmit(id) => (
                id,
                Request::Transmit(
                    Transmit {
                        card: card(id),
                        send_protocol: 2,
                        send_pci: 16,
                        send_length: 4,
                        receive_protocol: 2,
                        receive_pci: 16,
                        receive_length: 258,
                        rv: 0,
                    },
                    vec![0, 0xA4, 0, 0],
                ),
            ),
            Step::Status(id) => (
                id,
                Request::Status(Status {
                    card: card(id),
                    rv: 0,
                }),
            ),
            Step::Attribute(id) => (
                id,
                Request::GetAttribute(Box::new(Attribute {
                    card: card(id),
                    id: codes::attribute::ATR_STRING,
                    value: [0; ATTRIBUTE_BYTES],
                    length: 264,
                    rv: 0,
                })),
            ),
            Step::Wait(id) => (id, Request::Wait),
            Step::Stop(id) => (id, Request::StopWaiting),
            Step::List(id) => (
                id,
                if self.minor < 6 {
                    Request::GetReadersState
                } else {
                    Request::GetStateArray
                },
            ),
            Step::Cancel(id, whom) => (
                id,
                Request::Cancel(Cancel {
                    context: client(whom).context,
                    rv: 0,
                }),
            ),
            other => panic!("{other:?} asks for nothing"),
        }
    }

    /// Sends any request, well-behaved or not.
    pub fn ask(&mut self, id: u64, request: Request) -> Vec<Effect> {
        let client = self.clients.get_mut(&id).unwrap();
        if request == Request::Wait {
            client.owed += 1;
        }
        client.asked = Some(request.clone());
        self.input(Input::Request(ConnectionId(id), request))
    }

    pub fn input(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.table.handle(input);
        self.observe(effects.clone());
        self.check();
        effects
    }

    fn observe(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Answer(ConnectionId(id), reply) => self.answered(id, reply),
                Effect::Event(ConnectionId(id), _) => {
                    let client = self
                        .clients
                        .get_mut(&id)
                        .expect("an event for a dead client");
                    client.owed = client
                        .owed
                        .checked_sub(1)
                        .expect("an event nobody waits for");
                }
                Effect::Close(ConnectionId(id), _) => {
                    let client = self.clients.remove(&id).expect("a dead client is cut off");
                    self.forget_cards(&client.cards);
                }
                Effect::Card(0, command) => {
                    assert!(self.inserted, "{command:?} for no card");
                    assert_eq!(self.card, None, "a busy card gets {command:?}");
                    self.card = Some(command);
                }
                Effect::Arm(ConnectionId(id), _) => {
                    self.clients
                        .get_mut(&id)
                        .expect("a timer for a dead client")
                        .armed = true;
                }
                Effect::Disarm(ConnectionId(id)) => {
                    self.clients
                        .get_mut(&id)
                        .expect("a timer for a dead client")
                        .armed = false;
                }
                Effect::ArmIdle(0) => self.idle_armed = true,
                Effect::DisarmIdle(0) => self.idle_armed = false,
                Effect::Card(..) | Effect::ArmIdle(_) | Effect::DisarmIdle(_) => {
                    panic!("{effect:?} for a reader that does not exist")
                }
            }
        }
    }

    fn forget_cards(&mut self, cards: &[i32]) {
        for card in cards {
            self.depth.remove(card);
            self.exclusive.remove(card);
        }
    }
}

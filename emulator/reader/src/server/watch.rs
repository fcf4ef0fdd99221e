// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns what goes into the table and what comes out into events for an observer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::faults::Fault;
use crate::observer::{Answer, Call, Client, ReaderEvent, ReaderObserver};
use crate::protocol::{Request, until_nul};
use crate::table::{ConnectionId, Effect, Input, Table};

pub(super) struct Watcher {
    observer: ReaderObserver,
    clients: BTreeMap<ConnectionId, Watched>,
}

struct Watched {
    client: Client,
    /// The unanswered call.
    call: Option<Pending>,
}

struct Pending {
    call: Call,
    place: Place,
}

/// Whether a call stands in a queue.
enum Place {
    Never,
    Since(Instant),
    For(Duration),
}

impl Watcher {
    pub fn new(observer: ReaderObserver) -> Self {
        Self {
            observer,
            clients: BTreeMap::new(),
        }
    }

    fn tell(&self, event: &ReaderEvent<'_>) {
        (self.observer)(event);
    }

    /// Before the table has seen `input`. `client` finds out who a new
    /// connection is.
    pub fn before(
        &mut self,
        input: &Input,
        table: &Table,
        client: impl FnOnce(ConnectionId) -> Client,
    ) {
        match input {
            Input::Connected(id) => {
                let client = client(*id);
                self.tell(&ReaderEvent::Connected(&client));
                self.clients.insert(*id, Watched { client, call: None });
            }
            Input::Request(id, request) => self.asked(*id, request, table),
            Input::Disconnected(id) => {
                if let Some(watched) = self.clients.remove(id) {
                    self.tell(&ReaderEvent::Gone(&watched.client));
                }
            }
            Input::Inserted(reader) => self.tell(&ReaderEvent::Inserted(*reader)),
            Input::Removed(reader) => self.tell(&ReaderEvent::Removed(*reader)),
            Input::Reset(reader) => self.tell(&ReaderEvent::Reset(*reader)),
            Input::Plugged(reader, setup) => {
                self.tell(&ReaderEvent::Plugged(*reader, &setup.name));
            }
            Input::Unplugged(reader) => self.tell(&ReaderEvent::Unplugged(*reader)),
            _ => {}
        }
    }

    /// A client asks something.
    pub fn asked(&mut self, id: ConnectionId, request: &Request, table: &Table) {
        if let Some(watched) = self.clients.get_mut(&id) {
            watched.call = Some(Pending {
                call: call(request, table),
                place: Place::Never,
            });
        }
    }

    /// A planned fault happens to what a client asks.
    pub fn fault(&self, id: ConnectionId, request: &Request, table: &Table, fault: &Fault) {
        if let Some(Watched { client, .. }) = self.clients.get(&id) {
            let call = &call(request, table);
            self.tell(&ReaderEvent::Fault {
                client,
                call,
                fault,
            });
        }
    }

    /// What the table made of it.
    pub fn after(&mut self, effects: &[Effect], table: &Table) {
        let now = Instant::now();
        let observer = &self.observer;
        for (id, watched) in &mut self.clients {
            let Watched { client, call } = watched;
            let Some(Pending { call, place }) = call else {
                continue;
            };
            match (table.queued(*id), &place) {
                (Some(others), Place::Never) => {
                    *place = Place::Since(now);
                    observer(&ReaderEvent::Queued {
                        client,
                        call,
                        others,
                    });
                }
                (None, Place::Since(since)) => *place = Place::For(now - *since),
                _ => {}
            }
        }
        for effect in effects {
            match effect {
                Effect::Answer(id, reply) => {
                    let Some(watched) = self.clients.get_mut(id) else {
                        continue;
                    };
                    let Some(Pending { call, place }) = watched.call.take() else {
                        continue;
                    };
                    let queued = match place {
                        Place::Never => None,
                        Place::Since(since) => Some(now - since),
                        Place::For(time) => Some(time),
                    };
                    self.tell_answer(
                        *id,
                        &call,
                        &Answer::new(call.command(), reply.as_ref()),
                        queued,
                    );
                }
                Effect::Event(id, event) => {
                    if let Some(Watched { client, .. }) = self.clients.get(id) {
                        let rv = event.rv;
                        self.tell(&ReaderEvent::Woken { client, rv });
                    }
                }
                Effect::Close(id, reason) => {
                    if let Some(Watched { client, .. }) = self.clients.get(id) {
                        let reason = *reason;
                        self.tell(&ReaderEvent::CutOff { client, reason });
                    }
                }
                _ => {}
            }
        }
    }

    fn tell_answer(
        &self,
        id: ConnectionId,
        call: &Call,
        answer: &Answer,
        queued: Option<Duration>,
    ) {
        if let Some(Watched { client, .. }) = self.clients.get(&id) {
            self.tell(&ReaderEvent::Answered {
                client,
                call,
                answer,
                queued,
            });
        }
    }
}

fn call(request: &Request, table: &Table) -> Call {
    let reader = match request {
        Request::Connect(message) => table.reader_named(until_nul(&message.reader)),
        _ => request.card().and_then(|card| table.reader_of(card)),
    };
    Call::new(request, reader)
}

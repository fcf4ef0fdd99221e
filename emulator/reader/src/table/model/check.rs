// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold after every step and at every end.

use super::super::ConnectionId;
use super::super::reader::{Job, Power, Reader};
use super::{Handle, Step, World};
use crate::protocol::codes::{disposition, rv, share};
use crate::protocol::{NAME_BYTES, Reply, Request};

impl World {
    /// A reply arrives: the client's beliefs change, and may not contradict another's.
    pub(super) fn answered(&mut self, id: u64, reply: Option<Reply>) {
        let client = self
            .clients
            .get_mut(&id)
            .expect("an answer for a dead client");
        let request = client.asked.take().expect("an answer to nothing");
        match (&request, &reply) {
            (Request::Version(_), Some(Reply::Version(_)))
            | (Request::GetReadersState, Some(Reply::ReaderStates(_)))
            | (Request::GetStateArray, Some(Reply::ReaderStates(_)))
            | (Request::GetStateSize, Some(Reply::StateSize(_)))
            | (Request::GetReaderEvents, Some(Reply::ReaderEvents(_)))
            | (Request::Cancel(_), Some(Reply::Cancel(_)))
            | (Request::Transmit(..), Some(Reply::Transmit(..)))
            | (Request::Control(..), Some(Reply::Control(..)))
            | (Request::Status(_), Some(Reply::Status(_)))
            | (Request::GetAttribute(_) | Request::SetAttribute(_), Some(Reply::Attribute(_)))
            | (Request::StopWaiting, None) => {}
            (Request::Wait, Some(Reply::ReaderStates(_))) => assert!(self.minor < 6),
            (Request::Wait, None) => assert!(self.minor >= 6),
            (Request::StopWaiting, Some(Reply::WaitEvent(_))) => {
                client.owed = client
                    .owed
                    .checked_sub(1)
                    .expect("a stop of nothing is answered");
            }
            (Request::Establish(_), Some(Reply::Establish(reply))) => {
                client.context = reply.context;
            }
            (Request::Release(_), Some(Reply::Release(reply))) => {
                if reply.rv == 0 {
                    client.context = 0;
                    let cards = std::mem::take(&mut client.cards);
                    self.forget_cards(&cards);
                }
            }
            (Request::Connect(request), Some(Reply::Connect(reply))) if reply.rv == 0 => {
                client.cards.push(reply.card);
                assert!(
                    self.exclusive.is_empty(),
                    "a second handle beside an exclusive one"
                );
                assert!(self.depth.is_empty(), "a connect during a transaction");
                if request.share == share::EXCLUSIVE {
                    let others = self.handles_on_reader();
                    assert_eq!(others, 1, "an exclusive handle that is not alone");
                    self.exclusive.insert(reply.card);
                }
            }
            (Request::Connect(_), Some(Reply::Connect(reply))) => assert_eq!(reply.card, 0),
            (Request::Reconnect(request), Some(Reply::Reconnect(reply))) => {
                if reply.rv == 0 && request.share == share::EXCLUSIVE {
                    assert_eq!(self.handles_on_reader(), 1);
                    self.exclusive.insert(reply.card);
                } else if reply.rv == 0 {
                    self.exclusive.remove(&reply.card);
                }
            }
            (Request::Disconnect(_), Some(Reply::Disconnect(reply))) => {
                if reply.rv == 0 {
                    client.cards.retain(|&card| card != reply.card);
                    self.forget_cards(&[reply.card]);
                }
            }
            (Request::Begin(_), Some(Reply::Begin(reply))) if reply.rv == 0 => {
                let others = self.depth.keys().any(|&card| card != reply.card);
                assert!(!others, "two transactions at once: {self:#?}");
                *self.depth.entry(reply.card).or_default() += 1;
            }
            (Request::Begin(_), Some(Reply::Begin(_))) => {}
            (Request::End(_), Some(Reply::End(reply))) => {
                let depth = self.depth.remove(&reply.card).unwrap_or(0);
                assert!(reply.rv != 0 || depth > 0, "the end of what never began");
                // What cannot be done to the card ends the transaction all the same.
                let eject = reply.rv == rv::UNSUPPORTED_FEATURE;
                let ended = eject
                    || matches!(
                        reply.rv,
                        rv::SUCCESS | rv::NOT_TRANSACTED | rv::REMOVED_CARD
                    );
                let left = if ended {
                    depth.saturating_sub(1)
                } else {
                    depth
                };
                if left > 0 {
                    self.depth.insert(reply.card, left);
                }
            }
            (request, reply) => panic!("{request:?} was answered with {reply:?}"),
        }
    }

    /// Handles whose reader is still there.
    fn handles_on_reader(&self) -> usize {
        let there = |handle: &&Handle| handle.reader == 0;
        self.table.handles.values().filter(there).count()
    }

    /// What must hold between any two steps.
    pub(super) fn check(&self) {
        let table = &self.table;
        let reader = self.reader();
        assert!(table.effects.is_empty());
        assert_eq!(
            table.connections.keys().map(|id| id.0).collect::<Vec<_>>(),
            self.clients.keys().copied().collect::<Vec<_>>()
        );
        // Handles, shares and the lock agree.
        let count = i32::try_from(self.handles_on_reader()).unwrap();
        assert_eq!(table.has_reader(0), !self.unplugged);
        if self.unplugged {
            assert!(reader.queue.is_empty(), "somebody waits for no reader");
            assert_eq!(table.states()[0].name, [0; NAME_BYTES]);
        }
        assert!(
            reader.contexts == count || (reader.contexts == Reader::ALONE && count == 1),
            "{count} handles, {} shares",
            reader.contexts
        );
        for handle in table.handles.values() {
            assert!(
                table.connections.contains_key(&handle.connection),
                "a handle of nobody"
            );
        }
        if let Some(lock) = reader.lock {
            assert!(
                lock.count > 0 && table.handles.contains_key(&lock.card),
                "a lock of nobody"
            );
        }
        assert_eq!(reader.card, self.inserted);
        assert_eq!(reader.job.is_some(), self.card.is_some());
        // No reply gets lost: who asked is in exactly one place from which an answer comes.
        for (&id, client) in &self.clients {
            let connection = &table.connections[&ConnectionId(id)];
            assert_eq!(connection.busy, client.asked.is_some());
            let places = table
                .startup
                .iter()
                .filter(|p| p.connection.0 == id)
                .count()
                + reader.queue.iter().filter(|p| p.connection.0 == id).count()
                + usize::from(reader.job.as_ref().and_then(asker) == Some(ConnectionId(id)));
            assert_eq!(
                places,
                usize::from(connection.busy),
                "client {id}: {self:#?}"
            );
            // Exactly one message per wait.
            let coming =
                u32::from(connection.waits) + u32::try_from(connection.held.len()).unwrap();
            let not_yet = table
                .startup
                .iter()
                .filter(|p| p.connection.0 == id && p.request == Request::Wait)
                .count();
            assert_eq!(
                coming + u32::try_from(not_yet).unwrap(),
                client.owed,
                "client {id} is owed something else"
            );
            // A timer runs for whoever would otherwise wait for ever.
            let begins = matches!(client.asked, Some(Request::Begin(_)));
            if begins || !connection.held.is_empty() {
                assert!(client.armed, "no timer for client {id}");
            }
        }
        if reader.power == Power::Idle && self.inserted && reader.job.is_none() {
            assert!(self.idle_armed, "an idle card would stay powered");
        }
        // Nobody waits without a reason.
        let changing = reader.reset_due || reader.job.as_ref().is_some_and(|j| !j.lets_others_on());
        assert!(
            !reader.reset_due || reader.job.is_some(),
            "a reset is due and not begun"
        );
        for parked in &reader.queue {
            let owner = reader.lock.map(|lock| table.handles[&lock.card].connection);
            let locked_out = owner.is_some_and(|owner| owner != parked.connection);
            let reason = changing
                || match &parked.request {
                    Request::Begin(_) => locked_out,
                    Request::Connect(_) => locked_out || reader.job.is_some(),
                    Request::Disconnect(m) if m.disposition != disposition::LEAVE => {
                        locked_out || reader.job.is_some()
                    }
                    _ => reader.job.is_some(),
                };
            assert!(reason, "{parked:?} waits for nothing: {self:#?}");
        }
        if !table.startup.is_empty() {
            assert!(reader.starting);
        }
        assert!(table.states()[0].atr_length <= 33);
    }

    /// Everybody dies: nothing of anybody may be left.
    pub fn check_clean_end(mut self) {
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            self.step(Step::Die(id));
        }
        while self.try_step(Step::CardAnswers) {}
        let reader = self.reader();
        assert!(self.table.connections.is_empty() && self.table.handles.is_empty());
        assert!(self.table.startup.is_empty() && reader.queue.is_empty());
        assert_eq!(
            (reader.contexts, reader.lock, reader.reset_due),
            (0, None, false)
        );
        assert!(reader.job.is_none());
    }

    /// Cards answer and timers run out: everybody who asked has an answer.
    pub fn check_everybody_is_answered(mut self) {
        let mut progress = true;
        while progress {
            progress = self.try_step(Step::CardAnswers);
            for id in self.clients.keys().copied().collect::<Vec<_>>() {
                progress |= self.try_step(Step::Expire(id));
            }
        }
        for client in self.clients.values() {
            match &client.asked {
                // Waits for the holder to end its transaction, as it must.
                None | Some(Request::Connect(_) | Request::Disconnect(_)) => {}
                Some(request) => panic!("{request:?} was never answered: {self:#?}"),
            }
        }
    }
}

fn asker(job: &Job) -> Option<ConnectionId> {
    match job {
        Job::Connect(id, _)
        | Job::Reconnect(id, _)
        | Job::Disconnect(id, _)
        | Job::End(id, _)
        | Job::Transmit(id, _) => Some(*id),
        Job::Insert | Job::Orphan | Job::Idle => None,
    }
}

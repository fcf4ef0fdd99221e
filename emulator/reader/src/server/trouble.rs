// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes planned faults happen.

use std::sync::MutexGuard;
use std::time::Instant;

use super::ReaderControl;
use super::core::{Core, Shared};
use super::link::Late;
use super::worker::Errand;
use crate::faults::{Fault, FaultError, FaultOutcome, Plan, PlannedFault, refusal};
use crate::protocol::codes::{disposition, rv};
use crate::protocol::{Request, until_nul};
use crate::table::{ConnectionId, Effect, Input};

impl ReaderControl {
    /// Plans a fault of the readers themselves: see [`faults`](crate::faults).
    /// Calls are counted from now.
    ///
    /// # Errors
    /// [`FaultError`] if it cannot be planned; then nothing is.
    pub fn fault(&self, fault: Fault) -> Result<(), FaultError> {
        let mut core = self.shared.lock();
        fault.check()?;
        core.faults.get_or_insert_with(Plan::default).add(fault)
    }

    /// Plans nothing any more. A call that is late already stays late.
    pub fn clear_faults(&self) {
        self.shared.lock().faults = None;
    }

    /// What is planned, in the order in which it was, and what became of it.
    #[must_use]
    pub fn faults(&self) -> Vec<PlannedFault> {
        let core = self.shared.lock();
        let plan = core.faults.as_ref();
        plan.map(|plan| plan.list().to_vec()).unwrap_or_default()
    }
}

impl Shared {
    /// A fault happens to a request: now, or after its delay.
    pub(super) fn strike(
        &self,
        mut core: MutexGuard<'_, Core>,
        id: ConnectionId,
        request: Request,
        fault: &Fault,
        own: bool,
    ) -> Option<Errand> {
        let Core {
            table,
            watcher,
            links,
            ..
        } = &mut *core;
        if let Some(watcher) = watcher {
            watcher.fault(id, &request, table, fault);
        }
        if fault.delay.is_zero() {
            return self.suffer(core, id, request, fault.outcome, own);
        }
        if let Some(link) = links.get(&id) {
            link.postpone(Late {
                until: Instant::now() + fault.delay,
                request,
                outcome: fault.outcome,
            });
        }
        None
    }

    /// The delay of a request is over.
    pub(super) fn late(&self, id: ConnectionId, late: Late) {
        let core = self.lock();
        self.suffer(core, id, late.request, late.outcome, false);
    }

    fn suffer(
        &self,
        mut core: MutexGuard<'_, Core>,
        id: ConnectionId,
        request: Request,
        outcome: FaultOutcome,
        own: bool,
    ) -> Option<Errand> {
        if !core.links.contains_key(&id) {
            return None;
        }
        let effects = match (outcome, request) {
            (FaultOutcome::Served, request) => {
                let input = Input::Request(id, request);
                return self.feed_for(own.then_some(id), core, input);
            }
            (FaultOutcome::HungUp, _) => {
                if let Some(link) = core.links.remove(&id) {
                    link.close();
                }
                core.step(Input::Disconnected(id))
            }
            (FaultOutcome::Refused(code), Request::Wait) => {
                let mut effects = core.step(Input::Request(id, Request::Wait));
                effects.extend(core.step(Input::WaitOver(id, code)));
                effects
            }
            (FaultOutcome::Refused(code), request) => core.refuse(id, request, code),
        };
        self.settle(None, core, effects)
    }
}

impl Core {
    /// Answers a request with this return value, in place of the table. What
    /// the value says has happened does happen.
    fn refuse(&mut self, id: ConnectionId, request: Request, code: u32) -> Vec<Effect> {
        let reader = match &request {
            Request::Connect(message) => self.table.reader_named(until_nul(&message.reader)),
            other => other.card().and_then(|card| self.table.reader_of(card)),
        };
        let mut effects = match (reader, code) {
            (Some(reader), rv::RESET_CARD) if self.has_card(reader) => {
                self.step(Input::Reset(reader))
            }
            (Some(reader), rv::REMOVED_CARD) => self.slip(reader).unwrap_or_default(),
            _ => Vec::new(),
        };
        let Self { table, watcher, .. } = self;
        if let Some(watcher) = watcher {
            watcher.asked(id, &request, table);
        }
        // What a program gives back is given back, or nobody could.
        let own = |card| table.is_of(card, id);
        let given_back = match &request {
            Request::End(message) if own(message.card) => Some(Input::Unlocked(message.card)),
            Request::Disconnect(message) if own(message.card) => Some(Input::LetGo {
                card: message.card,
                resets: matches!(
                    message.disposition,
                    disposition::RESET | disposition::UNPOWER
                ),
            }),
            Request::Cancel(message) => Some(Input::Cancelled(message.context)),
            _ => None,
        };
        if let Some(input) = given_back {
            effects.extend(self.step(input));
        }
        let Self { table, watcher, .. } = self;
        let answer = [Effect::Answer(id, refusal(request, code))];
        if let Some(watcher) = watcher {
            watcher.after(&answer, table);
        }
        effects.extend(answer);
        effects
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The do-nothing card of both worlds, scripted by what it is sent.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use iso7816_wire::CardDoor;

/// Answer to reset of a card that is inserted without one: the contactless form, T=0 and T=1.
pub const ATR: [u8; 9] = [0x3B, 0x84, 0x80, 0x01, b'T', b'E', b'S', b'T', 0x13];

/// How long a card waits for its gate before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a card has seen, and the gate it waits at; shared with who scripts it.
#[derive(Clone, Default)]
pub struct Watch(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    seen: Vec<String>,
    /// How often the gate may be passed.
    passes: u32,
    /// Whether a card waits at the gate.
    waits: bool,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that something happened.
    pub fn saw(&self, what: impl Into<String>) {
        self.lock().seen.push(what.into());
    }

    /// What happened since this was last asked.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().seen)
    }

    /// Lets a card that waits at the gate, or the next that comes, pass.
    pub fn open(&self) {
        self.lock().passes += 1;
        self.0.1.notify_all();
    }

    /// Whether a card comes to the gate within `time`.
    #[must_use]
    pub fn reaches_gate(&self, time: Duration) -> bool {
        let guard = self
            .0
            .1
            .wait_timeout_while(self.lock(), time, |state| !state.waits);
        guard.is_ok_and(|(state, _)| state.waits)
    }

    fn pass(&self) {
        let mut state = self.lock();
        state.waits = true;
        self.0.1.notify_all();
        if let Ok((mut state, _)) = self
            .0
            .1
            .wait_timeout_while(state, PATIENCE, |state| state.passes == 0)
        {
            state.passes = state.passes.saturating_sub(1);
            state.waits = false;
        }
    }

    /// The card's answer: READ BINARY gets zeros, `FF` its own bytes, `EE` so
    /// too once the gate opens, `DD` nothing, `D1` one byte, everything else 9000.
    #[must_use]
    pub fn answer(&self, command: &[u8]) -> Vec<u8> {
        self.saw(format!("apdu:{}", crate::words::hex(command)));
        match command {
            [_, 0xB0, _, _, length] => [vec![0; usize::from(*length)], vec![0x90, 0x00]].concat(),
            [0xFF, rest @ ..] => [rest, &[0x90, 0x00]].concat(),
            [0xEE, rest @ ..] => {
                self.pass();
                [rest, &[0x90, 0x00]].concat()
            }
            [0xDD, ..] => Vec::new(),
            [0xD1, ..] => vec![0x6A],
            _ => vec![0x90, 0x00],
        }
    }
}

/// The card as our reader takes it.
pub struct Door {
    /// Answer to reset.
    pub atr: Vec<u8>,
    /// Where it tells what happens.
    pub watch: Watch,
    /// Kept so that a door can be told from another.
    pub powered: bool,
}

impl CardDoor for Door {
    fn power_on(&mut self) -> Vec<u8> {
        self.watch.saw("on");
        self.powered = true;
        self.atr.clone()
    }

    fn reset(&mut self) -> Vec<u8> {
        self.watch.saw("reset");
        self.powered = true;
        self.atr.clone()
    }

    fn power_off(&mut self) {
        // A card that is taken out loses its power; only the reader's doing is told.
        if std::mem::replace(&mut self.powered, false) {
            self.watch.saw("off");
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        self.watch.answer(command)
    }
}

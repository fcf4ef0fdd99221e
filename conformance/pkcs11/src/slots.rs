// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every reader a slot. A reader keeps its number as long as the module is
//! initialised, also while it is unplugged.

use crate::failure::Failure;
use crate::lock::Mutex;
use crate::reader::ReaderState;
use crate::token::Token;
use cryptoki_sys as ck;
use iso7816_wire::flaw;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// One reader that was seen.
pub struct Slot {
    /// Its number: the place in the table.
    pub id: ck::CK_SLOT_ID,
    /// Its name in PC/SC.
    pub name: CString,
    /// It is plugged in, as of the last look.
    pub here: bool,
    /// A card is in it, as of the last look.
    pub present: bool,
    /// The card in it.
    pub token: Arc<Mutex<Token>>,
    /// The token's count of removals.
    pub epoch: Arc<AtomicU64>,
    /// Presence and count of events that the application was told of.
    told: (bool, u32),
}

/// All readers that were seen.
#[derive(Default)]
pub struct Slots {
    slots: Vec<Slot>,
    /// Somebody has looked before.
    looked: bool,
}

impl Slots {
    /// True once somebody has looked.
    #[must_use]
    pub fn looked(&self) -> bool {
        self.looked
    }

    /// The slot with this number.
    ///
    /// # Errors
    /// [`Failure::SlotIdInvalid`].
    pub fn get(&self, id: ck::CK_SLOT_ID) -> Result<&Slot, Failure> {
        let index = usize::try_from(id).map_err(|_| Failure::SlotIdInvalid)?;
        self.slots.get(index).ok_or(Failure::SlotIdInvalid)
    }

    /// All of them, plugged in or not.
    pub fn all(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter()
    }

    /// Takes over how the readers are now. New ones get a number if `grow` or
    /// if this is the first look.
    pub fn look(
        &mut self,
        states: &[ReaderState],
        grow: bool,
        new_token: impl Fn(&CString) -> Token,
    ) {
        flaw!(SlotsFromFirstLook => if self.looked {
            return;
        });
        for slot in &mut self.slots {
            let state = states.iter().find(|state| state.name == slot.name);
            if let Some(state) = state
                && !slot.here
                && !slot.told.0
            {
                // Plugged in again: the reader counts anew.
                slot.told.1 = state.events;
            }
            slot.here = state.is_some();
            slot.present = state.is_some_and(|state| state.present)
                || flaw!(RemovedCardListed) && slot.present;
        }
        if !grow && self.looked {
            return;
        }
        for state in states {
            if self.slots.iter().any(|slot| slot.name == state.name) {
                continue;
            }
            let token = new_token(&state.name);
            // What is there at the first look is no event; a card in a reader
            // that comes later is one.
            let known = state.present && !self.looked;
            self.slots.push(Slot {
                id: ck::CK_SLOT_ID::try_from(self.slots.len()).unwrap_or(ck::CK_SLOT_ID::MAX),
                name: state.name.clone(),
                here: true,
                present: state.present,
                epoch: token.epoch(),
                token: Arc::new(Mutex::new(token)),
                told: (known, state.events),
            });
        }
        self.looked = true;
    }

    /// A slot in which a card came or went since the application was last
    /// told; it now is.
    pub fn event(&mut self, states: &[ReaderState]) -> Option<ck::CK_SLOT_ID> {
        self.slots.iter_mut().find_map(|slot| {
            let state = states.iter().find(|state| state.name == slot.name);
            let now = match state {
                Some(state) => (state.present, state.events),
                // The reader took its card with it.
                None => (false, slot.told.1),
            };
            (slot.told != now).then(|| {
                slot.told = now;
                slot.id
            })
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card as an object: its door, its memory and its onlookers.

use crate::image::{CardImage, CardState, Profile, ProfileError};
use crate::keys::{KeyError, KeyRing};
use crate::memory::{NonVolatile, Ram};
use crate::observe::{ChannelState, Event, Observer, ResponseHook, Snapshot};
use crate::random::CardRandom;
use crate::session::{Channel, Volatile};
use iso7816_wire::{CardDoor, StatusWord, mutant};
use std::sync::Arc;
use thiserror::Error;

/// Why no card can be made of an image.
#[derive(Debug, Error)]
pub enum CardError {
    /// A private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Another part of the image cannot be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// A CIE 3.0 chip. Sans-I/O and deterministic: the same image, seed and
/// commands give the same bytes.
///
/// A clone is a second, independent card in the same state, volatile and
/// non-volatile; it shares the profile, the keys and the onlookers.
#[derive(Clone)]
pub struct Card<M = Ram> {
    pub(crate) profile: Arc<Profile>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) state: CardState,
    memory: M,
    pub(crate) random: CardRandom,
    powered: bool,
    pub(crate) volatile: Volatile,
    observer: Option<Observer>,
    hook: Option<ResponseHook>,
}

impl Card<Ram> {
    /// A card that lives in memory only.
    ///
    /// # Errors
    /// [`CardError`] if a part of the image cannot be used.
    pub fn in_memory(image: CardImage, seed: [u8; 32]) -> Result<Self, CardError> {
        Self::new(image, Ram, seed)
    }
}

impl<M: NonVolatile> Card<M> {
    /// A card without power. `memory` receives every change of the image's
    /// state; `seed` decides all random numbers of the card.
    ///
    /// # Errors
    /// [`CardError`] if a part of the image cannot be used.
    pub fn new(image: CardImage, memory: M, seed: [u8; 32]) -> Result<Self, CardError> {
        image.check()?;
        Ok(Self {
            keys: Arc::new(KeyRing::load(&image.profile.keys)?),
            profile: image.profile,
            state: image.state,
            memory,
            random: CardRandom::from_seed(seed),
            powered: false,
            volatile: Volatile::default(),
            observer: None,
            hook: None,
        })
    }

    /// The same card with an onlooker.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The same card with a hook between command handler and wrapping.
    #[must_use]
    pub fn with_response_hook(mut self, hook: ResponseHook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// The non-volatile content as it is now.
    #[must_use]
    pub fn image(&self) -> CardImage {
        CardImage {
            profile: Arc::clone(&self.profile),
            state: self.state.clone(),
        }
    }

    /// Counters and status as they are now.
    #[must_use]
    pub fn inspect(&self) -> Snapshot {
        let volatile = &self.volatile;
        Snapshot {
            powered: self.powered,
            directory: volatile.directory,
            current_file: volatile.current_file,
            pin_tries: self.state.pin_tries,
            puk_tries: self.state.puk_tries,
            pin_verified: volatile.status.pin,
            puk_verified: volatile.status.puk,
            device_authenticated: volatile.status.device,
            channel: match volatile.channel {
                Channel::None => ChannelState::None,
                Channel::Pending(_) => ChannelState::Pending,
                Channel::Live(..) => ChannelState::Live,
            },
            pending_bytes: volatile.pending.as_ref().map_or(0, |p| p.rest.len()),
        }
    }

    /// Volatile state starts afresh.
    fn forget(&mut self) {
        let _before = std::mem::take(&mut self.volatile);
        mutant!(ResetKeepsStatus => self.volatile.status = _before.status);
        mutant!(ResetKeepsSession => self.volatile.channel = _before.channel);
        mutant!(ResetKeepsDirectory => self.volatile.directory = _before.directory);
        mutant!(ResetKeepsAnswer => self.volatile.pending = _before.pending);
        mutant!(ResetKeepsChain => self.volatile.chain = _before.chain);
        mutant!(TryWrittenLate => self.state.pin_tries = iso7816_wire::mutants::tries_before());
        mutant!(ResetRefillsPin => self.state.pin_tries = crate::image::PIN_TRIES);
        mutant!(RandomStartsAgain => self.random = CardRandom::from_seed([0; 32]));
    }

    /// Changes the state in one atomic commit; on failure nothing changed and
    /// the command ends with 6581.
    pub(crate) fn commit(&mut self, change: impl FnOnce(&mut CardState)) -> Result<(), StatusWord> {
        let mut next = self.state.clone();
        change(&mut next);
        self.memory
            .commit(&next)
            .map_err(|_| StatusWord::MEMORY_FAILURE)?;
        self.state = next;
        self.emit(&Event::MemoryWrite(&self.state));
        Ok(())
    }

    pub(crate) fn emit(&self, event: &Event<'_>) {
        if let Some(observer) = &self.observer {
            observer(event);
        }
    }

    pub(crate) fn hook(&self) -> Option<&ResponseHook> {
        self.hook.as_ref()
    }
}

impl<M: NonVolatile> CardDoor for Card<M> {
    fn power_on(&mut self) -> Vec<u8> {
        self.forget();
        self.powered = true;
        self.emit(&Event::PowerOn(&self.profile.family.atr));
        self.profile.family.atr.clone()
    }

    fn reset(&mut self) -> Vec<u8> {
        if !self.powered {
            return self.power_on();
        }
        self.forget();
        self.emit(&Event::Reset(&self.profile.family.atr));
        self.profile.family.atr.clone()
    }

    fn power_off(&mut self) {
        if self.powered {
            self.volatile = Volatile::default();
            self.powered = false;
            self.emit(&Event::PowerOff);
        }
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        if !self.powered {
            return Vec::new();
        }
        self.emit(&Event::Command(command));
        let response = self.process(command);
        self.emit(&Event::Response(&response));
        response
    }
}

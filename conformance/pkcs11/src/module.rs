// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module between `C_Initialize` and `C_Finalize`: slots, tokens and
//! sessions. Safe code on slices and values; pointers stay in `crate::ffi`.
//!
//! Locks are taken in the order session, token, table (of slots or sessions),
//! and a table only for a moment.

use crate::failure::Failure;
use crate::lock::{Mutex, MutexGuard, locked};
use crate::log::Log;
use crate::objects::Objects;
use crate::options::Options;
use crate::reader::{ReaderState, Readers};
use crate::session::Session;
use crate::slots::Slots;
use crate::token::{Certificates, Token, TokenFacts, User};
use cie_terminal::certificate::CardCertificate;
use cryptoki_sys as ck;
use iso7816_wire::flaw;
use std::collections::HashMap;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Sessions that can be open at once.
pub const SESSIONS_MAX: usize = 1024;
/// Bytes of one `C_GenerateRandom`: each eight are an exchange with the card.
pub const RANDOM_MAX: usize = 1 << 16;
/// A waiter looks for new readers this often.
const WAIT: Duration = Duration::from_secs(1);

type Stopper = Arc<dyn Fn() + Send + Sync>;

/// A slot for `C_GetSlotInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotFacts {
    /// Name of the reader.
    pub name: CString,
    /// A card is in it.
    pub present: bool,
}

/// Open sessions of a token, for `C_GetTokenInfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCount {
    /// All.
    pub all: usize,
    /// Those that are read/write.
    pub writable: usize,
}

#[derive(Default)]
struct Sessions {
    open: HashMap<ck::CK_SESSION_HANDLE, OpenSession>,
    last: ck::CK_SESSION_HANDLE,
}

/// A session, with what must be known without its lock.
#[derive(Clone)]
struct OpenSession {
    slot: ck::CK_SLOT_ID,
    epoch: u64,
    writable: bool,
    session: Arc<Mutex<Session>>,
}

/// A session with its token.
#[derive(Clone)]
pub struct Place {
    /// The session.
    pub session: Arc<Mutex<Session>>,
    /// The token in its slot.
    pub token: Arc<Mutex<Token>>,
    /// Its count of removals when the session was opened.
    pub epoch: u64,
}

impl Place {
    /// The session's lock.
    pub fn session(&self) -> MutexGuard<'_, Session> {
        locked(&self.session)
    }

    /// The token's lock, if the card is still the session's.
    ///
    /// # Errors
    /// [`Failure::SessionHandleInvalid`].
    pub fn token(&self) -> Result<MutexGuard<'_, Token>, Failure> {
        let token = locked(&self.token);
        token.expect(self.epoch)?;
        Ok(token)
    }

    /// What can be seen on the token now.
    ///
    /// # Errors
    /// As [`Token::objects`].
    pub fn objects(&self) -> Result<Objects, Failure> {
        self.token()?.objects()
    }

    /// The same for a signature that begins.
    ///
    /// # Errors
    /// As [`Token::objects_to_sign`].
    pub fn objects_to_sign(&self) -> Result<Objects, Failure> {
        self.token()?.objects_to_sign()
    }
}

/// An initialised module.
pub struct Module {
    readers: Arc<dyn Readers>,
    log: Arc<Log>,
    certificates: Arc<Certificates>,
    authorities: Arc<Vec<CardCertificate>>,
    slots: Mutex<Slots>,
    sessions: Mutex<Sessions>,
    finalised: AtomicBool,
    waiters: Mutex<Vec<Stopper>>,
}

impl Module {
    /// A module over some readers; nothing is sent yet.
    #[must_use]
    pub fn new(readers: Arc<dyn Readers>, options: Options) -> Self {
        Self {
            readers,
            log: Arc::new(options.log),
            certificates: Arc::new(Certificates::new(options.holders)),
            authorities: Arc::new(options.authorities),
            slots: Mutex::default(),
            sessions: Mutex::default(),
            finalised: AtomicBool::new(false),
            waiters: Mutex::default(),
        }
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// `C_Finalize`: wakes waiters, logs out, lets go of all cards.
    pub fn finalise(&self) {
        self.finalised.store(true, Ordering::SeqCst);
        for stop in locked(&self.waiters).iter() {
            stop();
        }
        locked(&self.sessions).open.clear();
        let tokens: Vec<_> = locked(&self.slots)
            .all()
            .map(|s| Arc::clone(&s.token))
            .collect();
        for token in tokens {
            locked(&token).close();
        }
    }

    // ---- slots and tokens

    fn states(&self) -> Vec<ReaderState> {
        self.readers.states().unwrap_or_else(|error| {
            self.log.line(format_args!("  {error}"));
            Vec::new()
        })
    }

    fn look(&self, grow: bool) -> Vec<ReaderState> {
        let states = self.states();
        locked(&self.slots).look(&states, grow, |name| {
            Token::new(
                name.clone(),
                Arc::clone(&self.readers),
                Arc::clone(&self.log),
                Arc::clone(&self.certificates),
                Arc::clone(&self.authorities),
            )
        });
        states
    }

    /// `C_GetSlotList`. `anew` looks for readers that came; numbers stay.
    pub fn slot_list(&self, with_token: bool, anew: bool) -> Vec<ck::CK_SLOT_ID> {
        let looked = locked(&self.slots).looked();
        self.look(anew || !looked);
        let slots = locked(&self.slots);
        slots
            .all()
            .filter(|slot| slot.here && (slot.present || !with_token))
            .map(|slot| slot.id)
            .collect()
    }

    /// `C_GetSlotInfo`.
    ///
    /// # Errors
    /// [`Failure::SlotIdInvalid`].
    pub fn slot(&self, id: ck::CK_SLOT_ID) -> Result<SlotFacts, Failure> {
        locked(&self.slots).get(id)?;
        self.look(false);
        let slots = locked(&self.slots);
        let slot = slots.get(id)?;
        Ok(SlotFacts {
            name: slot.name.clone(),
            present: slot.present,
        })
    }

    /// The token of a slot and its count of removals.
    ///
    /// # Errors
    /// [`Failure::SlotIdInvalid`].
    pub fn token(
        &self,
        id: ck::CK_SLOT_ID,
    ) -> Result<(Arc<Mutex<Token>>, Arc<AtomicU64>), Failure> {
        let slots = locked(&self.slots);
        let slot = slots.get(id)?;
        Ok((Arc::clone(&slot.token), Arc::clone(&slot.epoch)))
    }

    /// `C_GetTokenInfo`.
    ///
    /// # Errors
    /// [`Failure::SlotIdInvalid`] and those of [`Token::look`].
    pub fn token_facts(&self, id: ck::CK_SLOT_ID) -> Result<(TokenFacts, SessionCount), Failure> {
        let (token, epoch) = self.token(id)?;
        let mut token = locked(&token);
        let facts = if flaw!(TokenOfFirstCard) {
            token.facts()?
        } else {
            token.look()?
        };
        drop(token);
        Ok((facts, self.count(id, epoch.load(Ordering::SeqCst))))
    }

    /// `C_WaitForSlotEvent`: the next slot in which a card came or went.
    ///
    /// # Errors
    /// [`Failure::NoEvent`] if `block` is false and nothing happened,
    /// [`Failure::NotInitialised`] if the module was finalised meanwhile.
    pub fn wait_for_event(&self, block: bool) -> Result<ck::CK_SLOT_ID, Failure> {
        let mut watch = None;
        loop {
            if self.finalised.load(Ordering::SeqCst) {
                return Err(Failure::NotInitialised);
            }
            let states = self.look(true);
            if let Some(slot) = locked(&self.slots).event(&states) {
                return Ok(slot);
            }
            if !block {
                return Err(Failure::NoEvent);
            }
            if watch.is_none() {
                watch = self.readers.watch().ok();
            }
            match &mut watch {
                Some(watch) => {
                    let stop: Stopper = Arc::from(watch.stopper());
                    locked(&self.waiters).push(Arc::clone(&stop));
                    // Looked at again, because the end may have come between.
                    if !self.finalised.load(Ordering::SeqCst) {
                        watch.wait(&states, WAIT);
                    }
                    locked(&self.waiters).retain(|other| !Arc::ptr_eq(other, &stop));
                }
                // No PC/SC: it may come.
                None => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    // ---- sessions

    fn count(&self, slot: ck::CK_SLOT_ID, epoch: u64) -> SessionCount {
        let sessions = locked(&self.sessions);
        let here = || {
            sessions
                .open
                .values()
                .filter(|open| open.slot == slot && open.epoch == epoch)
        };
        SessionCount {
            all: here().count(),
            writable: here().filter(|open| open.writable).count(),
        }
    }

    /// `C_OpenSession`.
    ///
    /// # Errors
    /// [`Failure::SlotIdInvalid`], [`Failure::SessionReadWriteSoExists`],
    /// [`Failure::SessionCount`] and those of [`Token::look`].
    pub fn open_session(
        &self,
        slot: ck::CK_SLOT_ID,
        writable: bool,
    ) -> Result<ck::CK_SESSION_HANDLE, Failure> {
        let (token, epoch) = self.token(slot)?;
        // Held until the session is in the table, so that a login with the
        // PUK sees it.
        let mut token = locked(&token);
        token.look()?;
        if !writable && token.login() == Some(User::Unblocker) {
            return Err(Failure::SessionReadWriteSoExists);
        }
        let epoch = epoch.load(Ordering::SeqCst);
        let mut sessions = locked(&self.sessions);
        sessions
            .open
            .retain(|_, open| open.slot != slot || open.epoch == epoch);
        if sessions.open.len() >= SESSIONS_MAX {
            return Err(Failure::SessionCount);
        }
        sessions.last += 1;
        let handle = sessions.last;
        let session = OpenSession {
            slot,
            epoch,
            writable,
            session: Arc::new(Mutex::new(Session::new(slot, epoch, writable))),
        };
        sessions.open.insert(handle, session);
        Ok(handle)
    }

    /// The session with this handle, unless its card was removed.
    ///
    /// # Errors
    /// [`Failure::SessionHandleInvalid`].
    pub fn session(&self, handle: ck::CK_SESSION_HANDLE) -> Result<Place, Failure> {
        let open = locked(&self.sessions).open.get(&handle).cloned();
        let open = open.ok_or(Failure::SessionHandleInvalid)?;
        let (token, epoch) = self.token(open.slot)?;
        if epoch.load(Ordering::SeqCst) != open.epoch {
            locked(&self.sessions).open.remove(&handle);
            return Err(Failure::SessionHandleInvalid);
        }
        Ok(Place {
            session: open.session,
            token,
            epoch: open.epoch,
        })
    }

    /// `C_CloseSession`. The last one of a token logs out.
    ///
    /// # Errors
    /// [`Failure::SessionHandleInvalid`].
    pub fn close_session(&self, handle: ck::CK_SESSION_HANDLE) -> Result<(), Failure> {
        let place = self.session(handle)?;
        let mut token = place.token()?;
        let removed = locked(&self.sessions).open.remove(&handle);
        let removed = removed.ok_or(Failure::SessionHandleInvalid)?;
        if self.count(removed.slot, removed.epoch).all == 0 && !flaw!(CloseKeepsLogin) {
            token.log_out();
        }
        Ok(())
    }

    /// `C_CloseAllSessions`.
    ///
    /// # Errors
    /// [`Failure::SlotIdInvalid`].
    pub fn close_all_sessions(&self, slot: ck::CK_SLOT_ID) -> Result<(), Failure> {
        let (token, _) = self.token(slot)?;
        let mut token = locked(&token);
        locked(&self.sessions)
            .open
            .retain(|_, open| open.slot != slot);
        token.log_out();
        Ok(())
    }

    /// `C_Login`.
    ///
    /// # Errors
    /// [`Failure::SessionHandleInvalid`], [`Failure::SessionReadOnlyExists`]
    /// and those of [`Token::log_in`].
    pub fn log_in(
        &self,
        handle: ck::CK_SESSION_HANDLE,
        user: User,
        code: &[u8],
    ) -> Result<(), Failure> {
        let place = self.session(handle)?;
        let (slot, epoch) = {
            let session = place.session();
            (session.slot, session.epoch)
        };
        let mut token = place.token()?;
        token.check()?;
        let count = self.count(slot, epoch);
        if user == User::Unblocker && count.all > count.writable {
            return Err(Failure::SessionReadOnlyExists);
        }
        token.log_in(user, code)
    }

    /// `C_GenerateRandom`.
    ///
    /// # Errors
    /// [`Failure::ArgumentsBad`] for more than [`RANDOM_MAX`] bytes and those
    /// of [`Token::random`].
    pub fn random(&self, handle: ck::CK_SESSION_HANDLE, len: usize) -> Result<Vec<u8>, Failure> {
        let place = self.session(handle)?;
        if len > RANDOM_MAX {
            return Err(Failure::ArgumentsBad);
        }
        flaw!(RandomRepeats => return Ok(vec![0x5A; len]));
        place.token()?.random(len)
    }
}

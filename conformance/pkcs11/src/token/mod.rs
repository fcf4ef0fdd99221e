// SPDX-License-Identifier: MIT OR Apache-2.0
//! The card in one slot: one connection, shared by all sessions of this
//! process, with one key agreement and device authentication for all of them.
//!
//! Each operation is one PC/SC transaction. Between operations other processes
//! get their turn, and may reset the card or end its session. That is noticed
//! by the next operation here: what needs no code is established again, and
//! if the card has forgotten the PIN the login is over. A code is sent once
//! per call of the application, never again by this module, and not kept.

mod codes;
mod desk;
mod identity;

pub use codes::{CODE_LEN, User};
pub use identity::{Certificates, Identity};

use crate::failure::Failure;
use crate::log::Log;
use crate::objects::Objects;
use crate::reader::{Link, LinkError, Readers, Transport};
use cie_terminal::Channel;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::sod::Sod;
use cie_terminal::steps::code::Reference;
use cie_terminal::steps::sign::SigningKey;
use desk::{Desk, Trouble};
use iso7816_wire::flaw;
use iso7816_wire::sm::Session as SecureMessaging;
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a transaction is begun anew because of resets by others.
const ATTEMPTS: usize = 5;
/// Bytes of one GET CHALLENGE.
const CHALLENGE_LEN: usize = 8;

/// What of a card is free to read.
#[derive(Debug)]
pub struct Contact {
    /// Which card it is.
    pub identity: Identity,
    /// The number in EF.SN.ICC.
    pub number: Vec<u8>,
    /// The number for services, 12 digits.
    pub nis: Vec<u8>,
    /// The security object, if it can be taken apart.
    pub sod: Option<Sod>,
}

/// Tries of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Of a full counter.
    pub allowed: u8,
    /// Left.
    pub left: u8,
}

impl Counter {
    /// As on a card that was never tried (section 12 of the card facts).
    #[must_use]
    pub fn full(reference: Reference) -> Self {
        let allowed = match reference {
            Reference::Pin => 3,
            Reference::Puk => 10,
        };
        Self {
            allowed,
            left: allowed,
        }
    }
}

/// What is known of the card that is there now.
#[derive(Debug)]
struct State {
    contact: Option<Arc<Contact>>,
    /// Its number, which a reset does not make it lose: after one, another
    /// card may be there that nobody saw coming.
    number: Option<Vec<u8>>,
    /// It said that it is no CIE. It is not asked again: another program may
    /// be at work with it.
    foreign: bool,
    certificate: Option<Arc<CardCertificate>>,
    session: Option<SecureMessaging>,
    login: Option<User>,
    pin: Counter,
    puk: Counter,
}

impl Default for State {
    fn default() -> Self {
        Self {
            contact: None,
            number: None,
            foreign: false,
            certificate: None,
            session: None,
            login: None,
            pin: Counter::full(Reference::Pin),
            puk: Counter::full(Reference::Puk),
        }
    }
}

impl State {
    fn counter(&mut self, reference: Reference) -> &mut Counter {
        match reference {
            Reference::Pin => &mut self.pin,
            Reference::Puk => &mut self.puk,
        }
    }
}

/// What an application is told about the card.
#[derive(Clone, Debug)]
pub struct TokenFacts {
    /// The free files.
    pub contact: Arc<Contact>,
    /// Tries of the PIN, as of the last time they were read.
    pub pin: Counter,
    /// Tries of the PUK.
    pub puk: Counter,
}

/// The card in one slot.
pub struct Token {
    reader: CString,
    readers: Arc<dyn Readers>,
    log: Arc<Log>,
    certificates: Arc<Certificates>,
    authorities: Arc<Vec<CardCertificate>>,
    /// Counts removals. Sessions of an earlier count are closed.
    epoch: Arc<AtomicU64>,
    link: Option<Box<dyn Link>>,
    /// The link is out for a transaction. Found set at the next one, it went
    /// down with a panic, and nobody knows what the card is like.
    out: bool,
    state: State,
}

impl Token {
    /// The slot of a reader; nothing is sent yet.
    pub fn new(
        reader: CString,
        readers: Arc<dyn Readers>,
        log: Arc<Log>,
        certificates: Arc<Certificates>,
        authorities: Arc<Vec<CardCertificate>>,
    ) -> Self {
        Self {
            reader,
            readers,
            log,
            certificates,
            authorities,
            epoch: Arc::default(),
            link: None,
            out: false,
            state: State::default(),
        }
    }

    /// The count of removals, readable without this token's lock.
    #[must_use]
    pub fn epoch(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.epoch)
    }

    /// Whether the card is still the one of a session, by its count of
    /// removals. A code for one card must not go to another.
    ///
    /// # Errors
    /// [`Failure::SessionHandleInvalid`].
    pub fn expect(&self, epoch: u64) -> Result<(), Failure> {
        if self.epoch.load(Ordering::SeqCst) == epoch {
            Ok(())
        } else {
            Err(Failure::SessionHandleInvalid)
        }
    }

    /// Who is logged in, as far as is known without asking the card.
    #[must_use]
    pub fn login(&self) -> Option<User> {
        self.state.login
    }

    /// Looks at the card that is there now, if another one or none.
    ///
    /// # Errors
    /// [`Failure::TokenNotPresent`], [`Failure::TokenNotRecognised`],
    /// [`Failure::DeviceError`].
    pub fn look(&mut self) -> Result<TokenFacts, Failure> {
        // An earlier card's end is no news to somebody who asks for a card.
        let _ = self.check();
        self.facts().map_err(|failure| match failure {
            Failure::DeviceRemoved => Failure::TokenNotPresent,
            failure => failure,
        })
    }

    pub(crate) fn facts(&mut self) -> Result<TokenFacts, Failure> {
        if self.state.contact.is_none() {
            self.transaction(|_| Ok(()))?;
        }
        let contact = self.state.contact.clone();
        Ok(TokenFacts {
            contact: contact.ok_or(Failure::GeneralError)?,
            pin: self.state.pin,
            puk: self.state.puk,
        })
    }

    /// Notices removals and resets without an exchange with the card.
    ///
    /// # Errors
    /// [`Failure::DeviceRemoved`] if the card is no longer there.
    pub fn check(&mut self) -> Result<(), Failure> {
        let Some(link) = &mut self.link else {
            return Ok(());
        };
        match link.check() {
            Ok(()) => Ok(()),
            Err(LinkError::Reset) => {
                self.was_reset();
                Ok(())
            }
            Err(error) => {
                self.log.line(format_args!("  {error}"));
                self.removed();
                Err(Failure::DeviceRemoved)
            }
        }
    }

    /// The objects that can be seen now; the private key only by its user.
    ///
    /// # Errors
    /// As [`look`](Self::look), and [`Failure::DeviceRemoved`].
    pub fn objects(&mut self) -> Result<Objects, Failure> {
        self.check()?;
        flaw!(PinKeptAfterRemoval => {
            let kept = iso7816_wire::flaws::kept();
            if self.state.login.is_none() && !kept.is_empty() {
                let _ = self.log_in(User::Citizen, &kept);
            }
        });
        let facts = self.facts()?;
        if self.state.login == Some(User::Citizen) && self.state.certificate.is_none() {
            let read = self.transaction(|desk| desk.as_citizen(Desk::read_certificate));
            if let Err(Failure::DeviceRemoved) = read {
                return Err(Failure::DeviceRemoved);
            }
        }
        Ok(self.known(facts.contact))
    }

    fn known(&self, contact: Arc<Contact>) -> Objects {
        Objects {
            contact,
            certificate: self.state.certificate.clone(),
            authorities: Arc::clone(&self.authorities),
            private: self.state.login == Some(User::Citizen),
        }
    }

    /// The objects for a signature that begins. A card whose user is logged
    /// in is not asked whether it is still there, which is two messages to
    /// PC/SC and back: the signature itself will find out.
    ///
    /// # Errors
    /// As [`objects`](Self::objects).
    pub fn objects_to_sign(&mut self) -> Result<Objects, Failure> {
        let State {
            contact,
            certificate,
            login,
            ..
        } = &self.state;
        match contact {
            Some(contact)
                if self.link.is_some()
                    && certificate.is_some()
                    && *login == Some(User::Citizen) =>
            {
                Ok(self.known(Arc::clone(contact)))
            }
            _ => self.objects(),
        }
    }

    /// The citizen's signature over a block that the card pads. One that the
    /// certificate does not verify is not given out: a card that was disturbed
    /// while it signed may give its key away by such a one.
    ///
    /// # Errors
    /// [`Failure::UserNotLoggedIn`] also if the card has forgotten the PIN,
    /// [`Failure::DeviceRemoved`], [`Failure::DeviceError`].
    pub fn sign(&mut self, block: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = self.transaction(|desk| {
            desk.as_citizen(|desk| desk.run(|channel| channel.sign_raw(SigningKey::Citizen, block)))
        })?;
        match &self.state.certificate {
            Some(certificate)
                if !flaw!(SignatureUnchecked) && !certificate.key().verifies(block, &signature) =>
            {
                Err(Failure::DeviceError)
            }
            _ => Ok(signature),
        }
    }

    /// Random bytes of the card, eight per exchange.
    ///
    /// # Errors
    /// [`Failure::DeviceRemoved`], [`Failure::DeviceError`].
    pub fn random(&mut self, len: usize) -> Result<Vec<u8>, Failure> {
        self.transaction(|desk| {
            let mut bytes = Vec::with_capacity(len);
            let mut again = true;
            while bytes.len() < len {
                match desk.run(Channel::challenge) {
                    Ok(challenge) => {
                        let wanted = (len - bytes.len()).min(CHALLENGE_LEN);
                        bytes.extend(challenge.into_iter().take(wanted));
                    }
                    // Somebody else's session; it has ended by now.
                    Err(Trouble::Lost | Trouble::Status(_)) if again => again = false,
                    Err(trouble) => return Err(trouble),
                }
            }
            Ok(bytes)
        })
    }

    /// One transaction with a card that is known to be a CIE. `work` is called
    /// again if the card was reset by somebody else.
    fn transaction<R>(
        &mut self,
        mut work: impl FnMut(&mut Desk<'_>) -> Result<R, Trouble>,
    ) -> Result<R, Failure> {
        for _ in 0..ATTEMPTS {
            let mut link = self.linked()?;
            if self.state.foreign {
                self.link = Some(link);
                return Err(Failure::TokenNotRecognised);
            }
            self.out = true;
            let (log, certificates) = (Arc::clone(&self.log), Arc::clone(&self.certificates));
            let mut outcome = None;
            let state = &mut self.state;
            let begun = link.transaction(&mut |wire| {
                let mut channel = Channel::new(Transport::new(wire, &log));
                if let Some(session) = state.session.take() {
                    channel.start_session(session);
                }
                let mut desk = Desk {
                    channel,
                    state: &mut *state,
                    log: &log,
                    certificates: &certificates,
                };
                outcome = Some(match desk.meet() {
                    Ok(()) => work(&mut desk),
                    Err(trouble) => Err(trouble),
                });
                let session = desk.channel.end_session();
                state.session = session;
            });
            self.out = false;
            let trouble = match (begun, outcome) {
                (Ok(()), Some(Ok(result))) => {
                    self.link = Some(link);
                    return Ok(result);
                }
                (Ok(()), Some(Err(trouble))) => trouble,
                (Ok(()), None) => Trouble::Failure(Failure::GeneralError),
                (Err(error), _) => Trouble::Link(error),
            };
            match trouble {
                Trouble::Link(LinkError::Reset) => {
                    self.log
                        .line(format_args!("  the card was reset by another program"));
                    self.was_reset();
                    match link.reconnect() {
                        Ok(()) | Err(LinkError::Reset) => self.link = Some(link),
                        Err(_) => {
                            self.removed();
                            return Err(Failure::DeviceRemoved);
                        }
                    }
                }
                Trouble::Link(error) => {
                    self.log.line(format_args!("  {error}"));
                    self.removed();
                    return Err(Failure::DeviceRemoved);
                }
                Trouble::Lost | Trouble::Status(_) => {
                    self.link = Some(link);
                    return Err(Failure::DeviceError);
                }
                Trouble::Failure(failure) => {
                    self.link = Some(link);
                    return Err(failure);
                }
            }
        }
        Err(Failure::DeviceError)
    }

    fn linked(&mut self) -> Result<Box<dyn Link>, Failure> {
        if std::mem::take(&mut self.out) {
            self.removed();
            return Err(Failure::DeviceRemoved);
        }
        if let Some(link) = self.link.take() {
            return Ok(link);
        }
        self.state = State::default();
        self.readers.connect(&self.reader).map_err(|error| {
            self.log.line(format_args!("  {error}"));
            match error {
                LinkError::NoProtocol => Failure::TokenNotRecognised,
                LinkError::Other(_) => Failure::DeviceError,
                _ => Failure::TokenNotPresent,
            }
        })
    }

    /// The card forgot its session and all codes; the counters may have
    /// changed, and are read again with the next look.
    fn was_reset(&mut self) {
        self.state.session = None;
        if !flaw!(LoginShownAfterReset) {
            self.state.login = None;
        }
        self.state.contact = None;
    }

    /// The card is gone, or let go, and with it all sessions.
    fn removed(&mut self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        self.state = State::default();
        self.link = None;
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work with the card inside one transaction.

use super::identity::{Certificates, Identity, compare};
use super::{Contact, Counter, State, User};
use crate::failure::Failure;
use crate::log::Log;
use crate::random;
use crate::reader::{LinkError, Transport};
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use cie_terminal::sod::Sod;
use cie_terminal::steps::code::{CodeAnswer, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::{Channel, Error};
use iso7816_wire::{StatusWord, tlv};
use std::sync::Arc;

/// Bytes of one READ BINARY in secure messaging: the answer fits one APDU.
const SECURE_LE: usize = 0xE7;
/// Digits of the NIS.
const NIS_LEN: usize = 12;

/// Why work with the card stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The card has left the session, with all that was verified in it: other
    /// keys, another application, an answer that does not verify.
    Lost,
    /// The reader's side failed.
    Link(LinkError),
    /// The card said no.
    Status(StatusWord),
    /// The caller is to be told.
    Failure(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

/// The card, as long as nobody else can reach it, with what is known of it.
pub struct Desk<'a> {
    pub channel: Channel<Transport<'a>>,
    pub state: &'a mut State,
    pub log: &'a Log,
    pub certificates: &'a Certificates,
}

impl<'a> Desk<'a> {
    /// One or more steps of the terminal, their errors sorted.
    pub fn run<R>(
        &mut self,
        step: impl FnOnce(&mut Channel<Transport<'a>>) -> Result<R, Error>,
    ) -> Result<R, Trouble> {
        step(&mut self.channel).map_err(|error| {
            self.log.line(format_args!("  {error}"));
            match error {
                Error::Transport(_) => match self.channel.transport().failed.take() {
                    Some(link) => Trouble::Link(link),
                    None => Trouble::Failure(Failure::DeviceError),
                },
                Error::SecureMessaging(_)
                | Error::SessionEnded { .. }
                | Error::NoSession { .. } => Trouble::Lost,
                Error::Status { sw, .. } => Trouble::Status(sw),
                Error::Malformed { .. } | Error::Command(_) | Error::Check(_) => {
                    Trouble::Failure(Failure::DeviceError)
                }
            }
        })
    }

    /// Makes sure that this is a CIE and that its free files are known. In
    /// plain, once per card: it ends whatever session the card has.
    pub fn meet(&mut self) -> Result<(), Trouble> {
        if self.state.contact.is_some() {
            return Ok(());
        }
        let read = self.run(|channel| {
            channel.select_root_any()?;
            let number = channel.read_file(file::SERIAL_ICC, le::ALL)?;
            channel.select_cie()?;
            Ok((number, channel.read_file(file::ID_SERVIZI, le::ALL)?))
        });
        let (number, nis) = match read {
            Ok(read) => read,
            Err(Trouble::Link(link)) => return Err(Trouble::Link(link)),
            Err(trouble) => {
                self.state.foreign = matches!(trouble, Trouble::Status(_));
                return Err(Failure::TokenNotRecognised.into());
            }
        };
        let sod = match self.run(|channel| channel.read_file(file::SOD, le::ALL)) {
            Ok(sod) => sod,
            Err(Trouble::Link(link)) => return Err(Trouble::Link(link)),
            Err(_) => Vec::new(),
        };
        let value = tlv::path(&number, &[0x5A]).unwrap_or(&number).to_vec();
        let identity = Identity {
            sod_digest: HashAlgorithm::Sha256.digest(&sod),
            number,
        };
        if self.state.number.as_ref().is_some_and(|n| *n != value) {
            // Whoever has a session has it with the other card.
            return Err(Trouble::Link(LinkError::Removed));
        }
        self.state.number = Some(value.clone());
        let sod = Sod::parse(&sod).ok();
        self.state.certificate = self.certificates.of(&identity, sod.as_ref());
        self.state.contact = Some(Arc::new(Contact {
            identity,
            number: value,
            nis: nis.get(..NIS_LEN).unwrap_or(&nis).to_vec(),
            sod,
        }));
        self.count()
    }

    /// Reads both counters: from the objects of the codes, which are free; on
    /// a card that does not tell, by asking for their status in secure
    /// messaging, which costs no try either (choices 28 and 9). What neither
    /// way tells stays as it was.
    pub fn count(&mut self) -> Result<(), Trouble> {
        for reference in [Reference::Pin, Reference::Puk] {
            match self.run(|channel| channel.read_tries(reference)) {
                Ok(tries) => {
                    *self.state.counter(reference) = Counter {
                        allowed: tries.allowed,
                        left: tries.left,
                    };
                }
                Err(Trouble::Link(link)) => return Err(Trouble::Link(link)),
                Err(_) => match self.status_of(reference) {
                    Ok(answer) => self.told(reference, answer),
                    Err(Trouble::Link(link)) => return Err(Trouble::Link(link)),
                    Err(_) => {}
                },
            }
        }
        Ok(())
    }

    /// A code was sent and the answer did not come: nobody knows what became
    /// of the counters, so the next look reads them again.
    pub fn doubt(&mut self) {
        self.state.contact = None;
    }

    /// What an answer to a code says about its counter.
    pub fn told(&mut self, reference: Reference, answer: CodeAnswer) {
        let counter = self.state.counter(reference);
        match answer {
            CodeAnswer::Accepted => counter.left = counter.allowed,
            CodeAnswer::Refused {
                tries_left: Some(left),
            } => counter.left = left,
            CodeAnswer::Refused { tries_left: None } => {}
            CodeAnswer::Blocked => counter.left = 0,
        }
    }

    /// Key agreement and device authentication, unless there is a session.
    pub fn secure(&mut self) -> Result<(), Trouble> {
        if self.channel.session().is_some() {
            return Ok(());
        }
        let mut rng = random::source()?;
        self.run(|channel| channel.establish(DomainForm::PerComponent, &mut rng))
            .map(drop)
            .map_err(|trouble| match trouble {
                Trouble::Link(link) => Trouble::Link(link),
                _ => Trouble::Failure(Failure::DeviceError),
            })
    }

    /// Whether a code is verified, in the session there is if the card still
    /// takes part in it, else in a new one. Costs no try. A card that cannot
    /// be asked is taken to say no.
    pub fn status_of(&mut self, reference: Reference) -> Result<CodeAnswer, Trouble> {
        if self.channel.session().is_some() {
            match self.run(|channel| channel.verification_status(reference)) {
                Err(Trouble::Lost | Trouble::Status(StatusWord::SECURITY_STATUS_NOT_SATISFIED)) => {
                    self.channel.end_session();
                }
                settled => return unasked(settled),
            }
        }
        self.secure()?;
        unasked(self.run(|channel| channel.verification_status(reference)))
    }

    /// Work that needs the citizen's login: in the session there is; if
    /// another program has ended it, in a new one, provided that the card still
    /// knows the PIN, which costs nothing to ask. If it does not, nobody is
    /// logged in any more.
    pub fn as_citizen<R>(
        &mut self,
        work: impl Fn(&mut Self) -> Result<R, Trouble>,
    ) -> Result<R, Trouble> {
        if self.state.login != Some(User::Citizen) {
            return Err(Failure::UserNotLoggedIn.into());
        }
        if self.channel.session().is_some() {
            match work(self) {
                Err(Trouble::Lost | Trouble::Status(StatusWord::SECURITY_STATUS_NOT_SATISFIED)) => {
                }
                settled => return settled,
            }
        }
        if !self.status_of(Reference::Pin)?.is_accepted() {
            self.state.login = None;
            return Err(Failure::UserNotLoggedIn.into());
        }
        work(self)
    }

    /// The citizen's certificate, in a session in which the PIN was verified.
    pub fn read_certificate(&mut self) -> Result<(), Trouble> {
        let Some(contact) = self.state.contact.clone() else {
            return Err(Failure::DeviceError.into());
        };
        if self.state.certificate.is_some() {
            return Ok(());
        }
        let certificate = self.run(|channel| {
            channel.select_file(file::CERTIFICATE)?;
            CardCertificate::from_file(&channel.read_current_file(SECURE_LE)?)
        })?;
        compare(&certificate, contact.sod.as_ref(), self.log);
        let certificate = Arc::new(certificate);
        self.certificates
            .keep(contact.identity.clone(), Arc::clone(&certificate));
        self.state.certificate = Some(certificate);
        Ok(())
    }
}

fn unasked(answer: Result<CodeAnswer, Trouble>) -> Result<CodeAnswer, Trouble> {
    match answer {
        Err(Trouble::Status(_)) => Ok(CodeAnswer::Refused { tries_left: None }),
        settled => settled,
    }
}

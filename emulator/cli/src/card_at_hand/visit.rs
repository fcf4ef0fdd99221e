// SPDX-License-Identifier: MIT OR Apache-2.0
//! Work with the card: a look that costs nothing, and a visit in which a code
//! is sent once. Whatever happens, the card is reset at the end, so that nobody
//! after this program finds a verified PIN.

use super::error::PersonError;
use super::reader::{CardOptions, choose, socket};
use chacha20::ChaCha20Rng;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::pcsc::{self, Context, Disposition, PcscError, ScardCode};
use cie_terminal::steps::code::{Code, CodeAnswer, Reference};
use cie_terminal::steps::objects::DomainForm;
use cie_terminal::steps::read::le;
use cie_terminal::steps::select::file;
use cie_terminal::steps::sign::SigningKey;
use cie_terminal::{Channel, Error, TransportError};
use rand_core::SeedableRng;
use std::time::Duration;

/// How long another program may hold the reader.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a connection is taken up again because others reset the card.
const RESETS_MAX: usize = 5;
/// Bytes of one READ BINARY in secure messaging: the answer fits one APDU.
const SECURE_LE: usize = 0xE7;

/// Tries left, as far as the card tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tries {
    pub(super) pin: Option<u8>,
    pub(super) puk: Option<u8>,
}

impl Tries {
    fn of(self, reference: Reference) -> Option<u8> {
        match reference {
            Reference::Pin => self.pin,
            Reference::Puk => self.puk,
        }
    }

    /// An error if a code must not be sent: it is blocked, or it would be the
    /// last try and nobody said so.
    pub(super) fn allow(self, reference: Reference, last: bool) -> Result<(), PersonError> {
        if reference == Reference::Pin && self.puk == Some(0) {
            return Err(PersonError::PukBlocked);
        }
        match (reference, self.of(reference)) {
            (Reference::Pin, Some(0)) => Err(PersonError::PinBlocked),
            (Reference::Puk, Some(0)) => Err(PersonError::PukBlocked),
            (Reference::Pin, Some(1)) if !last => Err(PersonError::LastPinTry),
            (Reference::Puk, Some(1)) if !last => Err(PersonError::LastPukTry),
            (_, None) if !last => Err(PersonError::TriesUnknown(word(reference))),
            _ => Ok(()),
        }
    }
}

/// `PIN` or `PUK`.
pub(super) fn word(reference: Reference) -> &'static str {
    match reference {
        Reference::Pin => "PIN",
        Reference::Puk => "PUK",
    }
}

/// A card of which is known that it is a CIE and how many tries are left.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) reader: String,
    pub(super) tries: Tries,
    pub(super) last: bool,
}

/// Finds the card and looks at it. No code is sent, and the reader is free
/// again while a person types.
pub(super) fn find(options: &CardOptions) -> Result<Found, PersonError> {
    let reader = choose(options)?;
    let tries = Visit::look(&reader)?;
    Ok(Found {
        reader,
        tries,
        last: options.take_last_try,
    })
}

/// A session with the card that nobody can disturb.
pub(super) struct Visit {
    channel: Channel<pcsc::Card>,
    last: bool,
}

impl Visit {
    /// Whether the card on this reader is a CIE, and its tries.
    pub(super) fn look(reader: &str) -> Result<Tries, PersonError> {
        let mut channel = Channel::new(connect(reader)?);
        let looked = look(&mut channel, reader);
        end(channel);
        looked
    }

    /// Key agreement and device authentication; tries are read again, and the
    /// code is refused here if it may not be sent.
    pub(super) fn enter(found: &Found, reference: Reference) -> Result<Self, PersonError> {
        let mut visit = Self {
            channel: Channel::new(connect(&found.reader)?),
            last: found.last,
        };
        match visit.begin(&found.reader, reference) {
            Ok(()) => Ok(visit),
            Err(error) => {
                visit.leave();
                Err(error)
            }
        }
    }

    fn begin(&mut self, reader: &str, reference: Reference) -> Result<(), PersonError> {
        let tries = look(&mut self.channel, reader)?;
        establish(&mut self.channel)?;
        // Asked in the session, too: this is what the card goes by.
        let mut sure = tries;
        if let Some(left) = counted(self.channel.verification_status(reference)?) {
            match reference {
                Reference::Pin => sure.pin = Some(left),
                Reference::Puk => sure.puk = Some(left),
            }
        }
        sure.allow(reference, self.last)
    }

    /// The card's answer to a PIN or PUK, as an error unless it is the right one.
    fn settle(reference: Reference, answer: CodeAnswer) -> Result<(), PersonError> {
        match (reference, answer) {
            (_, CodeAnswer::Accepted) => Ok(()),
            (Reference::Pin, _) if answer.is_blocked() => Err(PersonError::PinBlockedNow),
            (Reference::Puk, _) if answer.is_blocked() => Err(PersonError::PukBlockedNow),
            (Reference::Pin, CodeAnswer::Refused { tries_left }) => Err(match tries_left {
                Some(left) => PersonError::WrongPin { left },
                None => PersonError::WrongPinUncounted,
            }),
            (_, CodeAnswer::Refused { tries_left }) => Err(match tries_left {
                Some(left) => PersonError::WrongPuk { left },
                None => PersonError::WrongPukUncounted,
            }),
            (Reference::Pin, CodeAnswer::Blocked) => Err(PersonError::PinBlockedNow),
            (Reference::Puk, CodeAnswer::Blocked) => Err(PersonError::PukBlockedNow),
        }
    }

    /// Sends a code, once.
    pub(super) fn verify(&mut self, reference: Reference, code: &Code) -> Result<(), PersonError> {
        Self::settle(reference, self.channel.verify(reference, code)?)
    }

    /// Sends the old PIN and a new one, once.
    pub(super) fn change(&mut self, old: &Code, new: &Code) -> Result<(), PersonError> {
        let answer = self.channel.change_code(Reference::Pin, old, new);
        Self::settle(Reference::Pin, answer.map_err(PersonError::from)?)
    }

    /// After the PUK: a new PIN, or the old one with all its tries.
    pub(super) fn unblock(&mut self, new: Option<&Code>) -> Result<(), PersonError> {
        let answer = match new {
            Some(new) => self.channel.unblock_with_new_pin(new),
            None => self.channel.unblock(),
        };
        let answer = answer.map_err(|error| match error {
            Error::Status { .. } => PersonError::NewPinRefused(error),
            error => error.into(),
        })?;
        Self::settle(Reference::Pin, answer)
    }

    /// The citizen's certificate, after the PIN.
    pub(super) fn certificate(&mut self) -> Result<CardCertificate, PersonError> {
        self.channel.select_file(file::CERTIFICATE)?;
        let content = self.channel.read_current_file(SECURE_LE)?;
        Ok(CardCertificate::from_file(&content)?)
    }

    /// The citizen's signature over a DigestInfo, after the PIN.
    pub(super) fn sign(&mut self, digest_info: &[u8]) -> Result<Vec<u8>, PersonError> {
        Ok(self.channel.sign_raw(SigningKey::Citizen, digest_info)?)
    }

    /// Resets the card and goes.
    pub(super) fn leave(self) {
        end(self.channel);
    }
}

/// Nothing more can be done about a card that does not even take a reset, and
/// the end of the connection resets it as well.
fn end(channel: Channel<pcsc::Card>) {
    if let Ok(context) = channel.into_transport().disconnect(Disposition::Reset) {
        let _ = context.release();
    }
}

/// Connects and takes the reader for this program alone.
fn connect(reader: &str) -> Result<pcsc::Card, PersonError> {
    let context = Context::open(socket(), pcsc::Options::default())?;
    let mut card = pcsc::Card::connect(context, reader).map_err(|error| match error.code() {
        Some(ScardCode::ProtoMismatch | ScardCode::UnresponsiveCard) => PersonError::NotCie {
            reader: reader.to_owned(),
            reason: error.to_string(),
        },
        Some(ScardCode::NoSmartcard | ScardCode::RemovedCard) => PersonError::NoCard {
            readers: format!("{reader:?}"),
        },
        Some(ScardCode::SharingViolation) => PersonError::Busy(0),
        _ => error.into(),
    })?;
    for _ in 0..RESETS_MAX {
        match card.begin_transaction(PATIENCE) {
            Ok(()) => return Ok(card),
            // Somebody else's work has ended, as it should.
            Err(error) if error.code() == Some(ScardCode::ResetCard) => {
                card.reconnect(Disposition::Leave)?;
            }
            Err(PcscError::Timeout { .. }) => return Err(PersonError::Busy(PATIENCE.as_secs())),
            Err(error) if error.code() == Some(ScardCode::SharingViolation) => {
                return Err(PersonError::Busy(PATIENCE.as_secs()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(PersonError::Busy(0))
}

/// Root, DF CIE and the NIS, which every CIE shows to everybody; then the
/// counters, from the objects of the codes or, on a card that does not show
/// them, by asking in a session (choices 9 and 28).
fn look(channel: &mut Channel<pcsc::Card>, reader: &str) -> Result<Tries, PersonError> {
    let known = channel
        .select_root_any()
        .and_then(|_| channel.select_cie())
        .and_then(|()| channel.read_file(file::ID_SERVIZI, le::ALL));
    match known {
        Ok(_) => {}
        Err(Error::Transport(TransportError::Pcsc(error))) => return Err(error.into()),
        Err(error) => {
            return Err(PersonError::NotCie {
                reader: reader.to_owned(),
                reason: error.to_string(),
            });
        }
    }
    let mut tries = Tries {
        pin: tries_of(channel, Reference::Pin)?,
        puk: tries_of(channel, Reference::Puk)?,
    };
    if tries.pin.is_none() || tries.puk.is_none() {
        establish(channel)?;
        let pin = counted(channel.verification_status(Reference::Pin)?);
        let puk = counted(channel.verification_status(Reference::Puk)?);
        tries = Tries {
            pin: tries.pin.or(pin),
            puk: tries.puk.or(puk),
        };
    }
    Ok(tries)
}

fn tries_of(
    channel: &mut Channel<pcsc::Card>,
    reference: Reference,
) -> Result<Option<u8>, PersonError> {
    match channel.read_tries(reference) {
        Ok(tries) => Ok(Some(tries.left)),
        Err(Error::Status { .. } | Error::Malformed { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn counted(answer: CodeAnswer) -> Option<u8> {
    match answer {
        CodeAnswer::Blocked => Some(0),
        CodeAnswer::Refused { tries_left } => tries_left,
        CodeAnswer::Accepted => None,
    }
}

fn establish(channel: &mut Channel<pcsc::Card>) -> Result<(), PersonError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| PersonError::Step(Error::Transport(TransportError::other(error))))?;
    let mut rng = ChaCha20Rng::from_seed(seed);
    channel.establish(DomainForm::PerComponent, &mut rng)?;
    Ok(())
}

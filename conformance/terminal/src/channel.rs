// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands to the card and answers back: chaining, GET RESPONSE and secure
//! messaging (sections 3.5, 4.1 and 4.3 of the card facts).

use crate::error::{Error, MalformedError};
use crate::transport::Transmit;
use iso7816_wire::apdu::{ApduError, CLA_SM, SHORT_DATA_MAX, SHORT_LE_MAX};
use iso7816_wire::sm::{PAYLOAD_MAX, Session};
use iso7816_wire::status::StatusWord;
use iso7816_wire::{CommandApdu, ResponseApdu, flaw};
use zeroize::{Zeroize, Zeroizing};

/// The most bytes that one command may bring back over GET RESPONSE.
const ANSWER_MAX: usize = 65_536;
const GET_RESPONSE: u8 = 0xC0;

/// What the card answered to one command, all pieces joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Data field, decrypted if the answer was protected.
    pub data: Vec<u8>,
    /// Status word: the one in DO 99 if the answer was protected.
    pub sw: StatusWord,
    /// Status word outside secure messaging; equal to `sw` in plain. The card
    /// may answer 9000 here or the same as inside (section 4.3).
    pub outer: StatusWord,
    /// True if the answer came in secure messaging and its MAC was right.
    pub protected: bool,
}

impl Answer {
    /// The data if the status is 9000.
    ///
    /// # Errors
    /// [`Error::Status`] naming `step` for every other status.
    pub fn require(self, step: &'static str) -> Result<Vec<u8>, Error> {
        if self.sw.is_ok() {
            Ok(self.data)
        } else {
            Err(Error::Status { step, sw: self.sw })
        }
    }
}

impl From<ResponseApdu> for Answer {
    fn from(response: ResponseApdu) -> Self {
        Self {
            data: response.data,
            sw: response.sw,
            outer: response.sw,
            protected: false,
        }
    }
}

/// A transport with, once keys are agreed, a secure-messaging session.
///
/// The session is dropped as soon as its state is in doubt: when an exchange
/// fails half-way, when a protected answer does not verify, when the card
/// answers a protected command in plain. Nothing falls back to plain by
/// itself where a secret is sent: those steps ask for the session.
#[derive(Clone, Debug)]
pub struct Channel<T> {
    transport: T,
    session: Option<Session>,
}

impl<T: Transmit> Channel<T> {
    /// A channel in plain.
    pub fn new(transport: T) -> Self {
        Self {
            transport,
            session: None,
        }
    }

    /// The transport, for what only it can do (transactions, insertion).
    pub fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// The transport back.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// The session, if there is one. A clone of it can be put back with
    /// [`start_session`](Self::start_session) to send what a careful terminal
    /// would not.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Sends everything from here on in secure messaging.
    pub fn start_session(&mut self, session: Session) {
        self.session = Some(session);
    }

    /// Goes back to plain on this side; the card learns of it by the next
    /// plain command. Returns the session that ended.
    pub fn end_session(&mut self) -> Option<Session> {
        self.session.take()
    }

    pub(crate) fn set_ssc(&mut self, ssc: u64) {
        if let Some(session) = &mut self.session {
            session.set_ssc(ssc);
        }
    }

    /// Resets the card, which ends the session; returns the answer to reset.
    ///
    /// # Errors
    /// [`Error::Transport`].
    pub fn reset(&mut self) -> Result<Vec<u8>, Error> {
        self.session = None;
        Ok(self.transport.reset()?)
    }

    /// Sends a command: protected if there is a session, else in plain.
    ///
    /// # Errors
    /// As [`send_plain`](Self::send_plain) and
    /// [`send_protected`](Self::send_protected). A status word other than 9000
    /// is not an error here.
    pub fn send(&mut self, command: &CommandApdu) -> Result<Answer, Error> {
        if self.session.is_some() {
            self.send_protected(command)
        } else {
            self.send_plain(command)
        }
    }

    /// Sends a command in plain, session or not. Data longer than 255 bytes
    /// goes as a chain (section 4.1) unless the command says `extended`; an
    /// answer that ends in 61xx is fetched to its end (section 3.5). If the
    /// card refuses a piece of the chain, its answer to that piece comes back
    /// and the rest is not sent.
    ///
    /// # Errors
    /// [`Error::Transport`], [`Error::Malformed`] for an answer without status
    /// word or without end, [`Error::Command`] for what does not fit an APDU.
    pub fn send_plain(&mut self, command: &CommandApdu) -> Result<Answer, Error> {
        let mut pieces = if command.extended {
            vec![command.clone()]
        } else {
            command.chain(SHORT_DATA_MAX)
        };
        let last = pieces.len().saturating_sub(1);
        let mut answer = ResponseApdu::status(StatusWord::OK);
        for (index, piece) in pieces.iter_mut().enumerate() {
            let first = self.exchange(piece);
            piece.data.zeroize();
            answer = self.collect(first?, 0x00)?;
            if index < last && !answer.sw.is_ok() {
                break;
            }
        }
        Ok(answer.into())
    }

    /// Sends a command in secure messaging, cut into pieces of 231 bytes that
    /// are protected and answered one by one (section 4.3). What comes back
    /// is the answer to the last piece, or to the first that was refused. The
    /// counter advances on any answer with a body (choice 23).
    ///
    /// # Errors
    /// [`Error::NoSession`] without a session, [`Error::SessionEnded`] if the
    /// card answers without a body, [`Error::SecureMessaging`] if the body
    /// does not verify, else as [`send_plain`](Self::send_plain).
    pub fn send_protected(&mut self, command: &CommandApdu) -> Result<Answer, Error> {
        if command.le.is_some_and(|le| le > SHORT_LE_MAX) {
            return Err(Error::Command(ApduError::TooLong(command.data.len())));
        }
        let step = "a protected command";
        let mut session = self.session.take().ok_or(Error::NoSession { step })?;
        let mut pieces = command.chain(PAYLOAD_MAX);
        let last = pieces.len().saturating_sub(1);
        let mut answer = Answer::from(ResponseApdu::status(StatusWord::OK));
        for (index, piece) in pieces.iter_mut().enumerate() {
            let sealed = session.seal_command(piece);
            piece.data.zeroize();
            let first = self.exchange(&sealed?)?;
            let outer = self.collect(first, CLA_SM)?;
            flaw!(PlainAnswerAccepted => if outer.data.is_empty() {
                answer = outer.into();
                break;
            });
            if outer.data.is_empty() {
                return Err(Error::SessionEnded { sw: outer.sw });
            }
            let inner = session.open_response(&outer)?;
            let (data, sw) = (inner.data, inner.sw);
            answer = Answer {
                data,
                sw,
                outer: outer.sw,
                protected: true,
            };
            if index < last && !answer.sw.is_ok() {
                break;
            }
        }
        self.session = Some(session);
        Ok(answer)
    }

    /// One APDU there and back, without chaining, GET RESPONSE or protection.
    fn exchange(&mut self, command: &CommandApdu) -> Result<ResponseApdu, Error> {
        let bytes = Zeroizing::new(command.encode().map_err(Error::Command)?);
        let response = self.transport.transmit(&bytes)?;
        ResponseApdu::parse(&response)
            .map_err(|e| Error::malformed("response APDU", MalformedError::Response(e)))
    }

    /// Fetches the rest of an answer. `cla_of_6100` is the class byte for a
    /// request after 6100: the card's clients mark it as secure messaging
    /// inside a session and never mark the others (section 4.3).
    fn collect(&mut self, first: ResponseApdu, cla_of_6100: u8) -> Result<ResponseApdu, Error> {
        let mut answer = first;
        while answer.sw.is_more_data() {
            let (cla, le) = match answer.sw.0 & 0xFF {
                0 => (cla_of_6100, SHORT_LE_MAX),
                count => (0x00, usize::from(count)),
            };
            let piece = self.exchange(&CommandApdu::new(cla, GET_RESPONSE, 0, 0).with_le(le))?;
            let stuck = piece.data.is_empty() && piece.sw.is_more_data();
            let stuck = stuck && !flaw!(EndlessGetResponse);
            if stuck || answer.data.len() + piece.data.len() > ANSWER_MAX {
                let reason = MalformedError::Endless(ANSWER_MAX);
                return Err(Error::malformed("answer in pieces", reason));
            }
            answer.data.extend_from_slice(&piece.data);
            answer.sw = piece.sw;
        }
        Ok(answer)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way of one APDU through the card: decode, unwrap, join chains, execute,
//! wrap, cut long answers. One pass down, one pass up.

use crate::card::Card;
use crate::memory::NonVolatile;
use crate::observe::Event;
use crate::session::{Afterwards, Chain, Channel, Environment, PendingResponse, SecurityStatus};
use iso7816_wire::apdu::{CLA_CHAINING, CLA_SM, CommandApdu, ResponseApdu, SHORT_LE_MAX};
use iso7816_wire::sm::{INITIAL_SSC, Session};
use iso7816_wire::{StatusWord, mutant, tlv};
use zeroize::Zeroize;

/// Longest data field that command chaining may collect (choice 27), in bytes.
pub(crate) const CHAIN_MAX: usize = 4096;

const INS_GET_RESPONSE: u8 = 0xC0;
pub(crate) const INS_SELECT: u8 = 0xA4;

/// What a command handler says: an answer, possibly with a warning, or an
/// error status word.
pub(crate) type Answer = Result<ResponseApdu, StatusWord>;

/// A command on its way to its handler.
pub(crate) struct Call {
    /// The plain command, its chain joined.
    pub(crate) apdu: CommandApdu,
    /// It came in secure messaging.
    pub(crate) secured: bool,
}

impl Call {
    /// P1 and P2 as one number.
    pub(crate) fn p1_p2(&self) -> u16 {
        u16::from_be_bytes([self.apdu.p1, self.apdu.p2])
    }
}

impl<M: NonVolatile> Card<M> {
    /// Executes one command APDU: bytes in, bytes out.
    pub(crate) fn process(&mut self, bytes: &[u8]) -> Vec<u8> {
        mutant!(TryWrittenLate => iso7816_wire::mutants::note_tries(self.state.pin_tries));
        let apdu = match CommandApdu::parse(bytes) {
            Ok(apdu) if !apdu.extended || self.profile.family.extended_length => apdu,
            Ok(apdu) if mutant!(ExtendedLengthAnyway) => apdu,
            _ => return self.refuse(StatusWord::WRONG_LENGTH),
        };
        if !is_proof(&apdu) && apdu.ins != INS_GET_RESPONSE && !mutant!(ChallengeWaits) {
            // A challenge serves the very next command only (choice 12).
            self.volatile.challenge = None;
        }
        if let Some(more) = self.get_response(&apdu) {
            return more;
        }
        if !mutant!(AnswerWaitsForEver) {
            self.volatile.pending = None;
        }
        if self.volatile.channel.is_live() && !is_protected(&apdu) && !mutant!(PlainInSession) {
            return self.plain_command_in_session(apdu);
        }
        if let Err(sw) = check_class(apdu.cla) {
            return self.refuse(sw);
        }
        let le = Le::of(&apdu);
        if apdu.is_sm() {
            self.protected_command(&apdu, le)
        } else {
            let answer = self.execute(apdu, false);
            self.deliver(answer, le)
        }
    }

    /// An answer to something that is no acceptable command at all; whatever
    /// session there was is over.
    fn refuse(&mut self, sw: StatusWord) -> Vec<u8> {
        self.volatile.pending = None;
        self.volatile.chain = None;
        self.volatile.challenge = None;
        if self.volatile.channel.is_live() && !mutant!(GarbageKeepsSession) {
            self.end_session();
        }
        sw.to_bytes().to_vec()
    }

    /// Serves GET RESPONSE while an answer waits: in plain, also inside a
    /// session (choice 6), and with the class of secure messaging but without
    /// its objects (choice 26). `None` if the command is something else.
    fn get_response(&mut self, apdu: &CommandApdu) -> Option<Vec<u8>> {
        let is_get_response = apdu.ins == INS_GET_RESPONSE
            && matches!(apdu.cla, 0x00 | CLA_SM)
            && apdu.data.is_empty();
        if !is_get_response {
            return None;
        }
        let Some(pending) = self.volatile.pending.take() else {
            // Without the objects of secure messaging this cannot be unwrapped.
            return apdu
                .is_sm()
                .then(|| StatusWord::CONDITIONS_NOT_SATISFIED.to_bytes().to_vec());
        };
        mutant!(AnswerServedTwice => self.volatile.pending = Some(pending.clone()));
        if (apdu.p1, apdu.p2) != (0, 0) && !mutant!(GetResponseAnyParameters) {
            self.volatile.pending = Some(pending);
            return Some(StatusWord::WRONG_P1_P2.to_bytes().to_vec());
        }
        let le = Le::of(apdu);
        Some(self.deliver(
            ResponseApdu {
                data: pending.rest,
                sw: pending.sw,
            },
            le,
        ))
    }

    /// A plain command while a session is live (choices 6 and 25).
    fn plain_command_in_session(&mut self, apdu: CommandApdu) -> Vec<u8> {
        if !mutant!(PlainRefusedSessionLives) {
            self.end_session();
        }
        if is_directory_select(&apdu) && check_class(apdu.cla).is_ok() && !apdu.is_chained() {
            let le = Le::of(&apdu);
            let answer = self.execute(apdu, false);
            return self.deliver(answer, le);
        }
        StatusWord::CONDITIONS_NOT_SATISFIED.to_bytes().to_vec()
    }

    /// A command with the class of secure messaging.
    fn protected_command(&mut self, apdu: &CommandApdu, le: Le) -> Vec<u8> {
        let (mut session, agreement) = match std::mem::take(&mut self.volatile.channel) {
            Channel::None => {
                self.volatile.chain = None;
                return StatusWord::CONDITIONS_NOT_SATISFIED.to_bytes().to_vec();
            }
            // The first protected command makes the session live (choice 22).
            Channel::Pending(agreement) => (
                Box::new(Session::new(&agreement.keys, INITIAL_SSC)),
                agreement,
            ),
            Channel::Live(session, agreement) => (session, agreement),
        };
        let opened = session.open_command(apdu);
        self.volatile.channel = Channel::Live(session, agreement);
        let plain = match opened {
            Ok(plain) => plain,
            Err(error) => {
                self.emit(&Event::SmFailure(error));
                mutant!(FailureKeepsSession => return error.status().to_bytes().to_vec());
                self.end_session();
                return error.status().to_bytes().to_vec();
            }
        };
        let ins = plain.ins;
        let answer = self.execute(plain, true);
        mutant!(ErrorsInPlain => if !answer.sw.is_ok() {
            return answer.sw.to_bytes().to_vec();
        });
        let wrapped = match &mut self.volatile.channel {
            Channel::Live(session, _) => session.seal_response(ins, &answer),
            // No handler ends a session before its response is wrapped; if one
            // did, nothing may leave in plain.
            Channel::None | Channel::Pending(_) => StatusWord::NO_DIAGNOSIS.into(),
        };
        self.run_afterwards();
        self.deliver(wrapped, le)
    }

    fn run_afterwards(&mut self) {
        match self.volatile.afterwards.take() {
            None => {}
            Some(Afterwards::SetCounter(_)) if mutant!(SscNotSet) => {}
            Some(Afterwards::SetCounter(ssc)) => {
                if let Channel::Live(session, _) = &mut self.volatile.channel {
                    session.set_ssc(ssc);
                    self.emit(&Event::SequenceCounter(ssc));
                }
            }
            Some(Afterwards::Rekey(agreement)) => {
                let kept = mutant!(AgreementKeepsStatus).then(|| self.volatile.status.clone());
                self.end_session();
                self.volatile.status = kept.unwrap_or_default();
                self.volatile.channel = Channel::Pending(agreement);
            }
        }
    }

    /// Ends secure messaging: keys and all security status are erased
    /// (choices 5 to 7).
    pub(crate) fn end_session(&mut self) {
        self.volatile.channel = Channel::None;
        if !mutant!(EndKeepsStatus) {
            self.volatile.status = SecurityStatus::default();
        }
        if !mutant!(EndKeepsChain) {
            self.volatile.chain = None;
        }
        self.volatile.challenge = None;
        self.emit(&Event::SmEnded);
    }

    /// Joins chains and executes what is complete.
    fn execute(&mut self, apdu: CommandApdu, secured: bool) -> ResponseApdu {
        if apdu.is_chained() {
            self.emit(&Event::Piece {
                command: &apdu,
                secured,
            });
        }
        let answer = match self.join_chain(apdu, secured) {
            Ok(Some(apdu)) => return self.run(Call { apdu, secured }),
            Ok(None) => StatusWord::OK.into(),
            Err(sw) => sw.into(),
        };
        self.emit(&Event::Answer(&answer));
        answer
    }

    /// Command chaining (sections 4.1 and 4.3, choice 27). `None` while more
    /// pieces are to come.
    fn join_chain(
        &mut self,
        mut apdu: CommandApdu,
        secured: bool,
    ) -> Result<Option<CommandApdu>, StatusWord> {
        let header = [apdu.ins, apdu.p1, apdu.p2];
        let chain = match self.volatile.chain.take() {
            None => None,
            Some(chain) if chain.header == header && chain.secured == secured => Some(chain),
            Some(chain) if mutant!(ChainOfAnyHeader) && chain.secured == secured => Some(chain),
            Some(chain) if mutant!(ChainInAndOut) && chain.header == header => Some(chain),
            Some(_) if mutant!(ChainDroppedSilently) => None,
            // SELECT drops the chain of another command silently.
            Some(_) if apdu.ins == INS_SELECT => None,
            Some(_) => return Err(StatusWord::LAST_COMMAND_OF_CHAIN_EXPECTED),
        };
        if chain.is_none() && !apdu.is_chained() {
            return Ok(Some(apdu));
        }
        let mut data = chain.map(|chain| chain.data).unwrap_or_default();
        mutant!(ChainForgetsPieces => data.clear());
        if data.len() + apdu.data.len() > CHAIN_MAX && !mutant!(ChainEndless) {
            return Err(StatusWord::WRONG_LENGTH);
        }
        data.append(&mut apdu.data);
        if apdu.is_chained() {
            self.volatile.chain = Some(Chain {
                header,
                secured,
                data,
            });
            return Ok(None);
        }
        apdu.cla &= !CLA_CHAINING;
        apdu.data = data;
        Ok(Some(apdu))
    }

    fn run(&mut self, mut call: Call) -> ResponseApdu {
        self.emit(&Event::Plain {
            command: &call.apdu,
            secured: call.secured,
        });
        let answer = self.dispatch(&call).unwrap_or_else(ResponseApdu::status);
        let answer = match self.hook() {
            Some(hook) => hook(&call.apdu, answer),
            None => answer,
        };
        self.emit(&Event::Answer(&answer));
        // It may have carried a code.
        call.apdu.data.zeroize();
        answer
    }

    fn dispatch(&mut self, call: &Call) -> Answer {
        let challenge = self.volatile.challenge.take();
        mutant!(ChallengeServesTwice => if call.apdu.ins == 0x82 {
            self.volatile.challenge = challenge;
        });
        mutant!(ChallengeWaits => if call.apdu.ins != 0x82 {
            self.volatile.challenge = challenge;
        });
        match call.apdu.ins {
            0x20 => self.verify(call),
            0x22 => self.manage_security_environment(call),
            0x24 => self.change_reference_data(call),
            0x2A => self.perform_security_operation(call),
            0x2C => self.reset_retry_counter(call),
            0x82 => self.external_authenticate(call, challenge),
            0x84 => self.get_challenge(call),
            0x88 => self.internal_authenticate(call),
            INS_SELECT => self.select(call),
            0xB0 => self.read_binary(call),
            0xB1 => self.read_binary_odd(call),
            INS_GET_RESPONSE => Err(StatusWord::CONDITIONS_NOT_SATISFIED),
            0xCB => self.get_data(call),
            _ => Err(StatusWord::INS_NOT_SUPPORTED),
        }
    }

    /// Hands an answer out: at most as much as the command asked for, the rest
    /// by 61xx and GET RESPONSE (section 3.5).
    fn deliver(&mut self, answer: ResponseApdu, le: Le) -> Vec<u8> {
        let ResponseApdu { mut data, sw } = answer;
        if data.len() > le.limit && !mutant!(LeIgnored) {
            mutant!(RestLosesAByte => let _ = data.pop(););
            let rest = data.split_off(le.limit);
            mutant!(RestCutOff => return [&*data, &sw.to_bytes()].concat());
            data.extend(
                StatusWord::more_data(rest.len() + usize::from(mutant!(RestToldOneTooMany)))
                    .to_bytes(),
            );
            self.volatile.pending = Some(PendingResponse { rest, sw });
        } else {
            data.extend(sw.to_bytes());
        }
        data
    }

    /// Clears what belongs to the directory that is being left (choices 7 and
    /// 27) and, outside of a session, drops pending keys (choice 22).
    pub(crate) fn leave_directory(&mut self, secured: bool) {
        if !mutant!(fn keeps_status(self.volatile.channel.is_live())) {
            self.volatile.status = SecurityStatus::default();
        }
        if !mutant!(SelectKeepsEnvironment) {
            self.volatile.environment = Environment::default();
        }
        if !mutant!(SelectKeepsFile) {
            self.volatile.current_file = None;
        }
        if !secured {
            self.volatile.channel = Channel::None;
        }
    }
}

/// How many bytes one response may carry: what Le asks for, or 256 where a
/// client leaves Le out although it expects data (must-do 4).
#[derive(Clone, Copy)]
struct Le {
    limit: usize,
}

impl Le {
    fn of(apdu: &CommandApdu) -> Self {
        Self {
            limit: apdu.le.unwrap_or(SHORT_LE_MAX),
        }
    }
}

/// EXTERNAL AUTHENTICATE, or a piece of one.
fn is_proof(apdu: &CommandApdu) -> bool {
    [apdu.ins, apdu.p1, apdu.p2] == [0x82, 0x00, 0x00]
}

fn is_protected(apdu: &CommandApdu) -> bool {
    apdu.is_sm() && apdu.cla & !(CLA_SM | CLA_CHAINING) == 0
}

/// SELECT of an application or of the MF, which ends a session even if it
/// fails (choice 25).
pub(crate) fn is_directory_select(apdu: &CommandApdu) -> bool {
    apdu.ins == INS_SELECT
        && match apdu.p1 {
            0x04 => true,
            0x00 => apdu.data.is_empty() || apdu.data == [0x3F, 0x00],
            _ => false,
        }
}

/// Class bytes 00, 10, 0C and 1C (ISO/IEC 7816-4 §5.4.1).
fn check_class(cla: u8) -> Result<(), StatusWord> {
    match cla {
        _ if cla & 0xE0 != 0 && !mutant!(AnyClass) => Err(StatusWord::CLA_NOT_SUPPORTED),
        _ if cla & 0x03 != 0 && !mutant!(AnyChannel) => {
            Err(StatusWord::LOGICAL_CHANNEL_NOT_SUPPORTED)
        }
        _ if !matches!(cla & CLA_SM, 0 | CLA_SM) => Err(StatusWord::SECURE_MESSAGING_NOT_SUPPORTED),
        _ => Ok(()),
    }
}

/// Turns a malformed row of data objects into 6A80.
pub(crate) fn wrong_data(_: tlv::TlvError) -> StatusWord {
    StatusWord::WRONG_DATA
}

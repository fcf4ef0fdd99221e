// SPDX-License-Identifier: MIT OR Apache-2.0
//! PIN and PUK: logging in and out, changing and unblocking.

use super::Token;
use super::desk::{Desk, Trouble};
use crate::failure::Failure;
use crate::reader::Transport;
use cie_terminal::Channel;
use cie_terminal::Error;
use cie_terminal::steps::code::{Code, CodeAnswer, Reference};
use iso7816_wire::{StatusWord, flaw};

/// Digits of a PIN or PUK.
pub const CODE_LEN: usize = 8;

/// Who can log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum User {
    /// `CKU_USER`, with the PIN.
    Citizen,
    /// `CKU_SO`, with the PUK, to set a new PIN.
    Unblocker,
}

impl User {
    fn reference(self) -> Reference {
        match self {
            Self::Citizen => Reference::Pin,
            Self::Unblocker => Reference::Puk,
        }
    }
}

/// What came of a command with a code: the card's answer, or why it was not
/// sent at all.
type Sent = Result<Result<CodeAnswer, Failure>, Error>;

/// A code to be tried. What cannot be one is wrong without asking the card,
/// so a slip of the finger or half a code costs no try.
fn tried(code: &[u8]) -> Result<Code, Failure> {
    let length = code.len() == CODE_LEN;
    flaw!(LettersSent => if length {
        return Ok(Code::raw(code));
    });
    flaw!(LongPinCut => if let Some(front) = code.get(..CODE_LEN) {
        return Ok(Code::raw(front));
    });
    flaw!(ShortPinPadded => if code.len() < CODE_LEN {
        let zeros = std::iter::repeat(&b'0');
        let filled: Vec<u8> = code.iter().chain(zeros).take(CODE_LEN).copied().collect();
        return Ok(Code::raw(&filled));
    });
    if !length && flaw!(WrongLengthIsRange) {
        return Err(Failure::PinLenRange);
    }
    let digits = std::str::from_utf8(code).map_err(|_| Failure::PinIncorrect)?;
    Code::new(digits).map_err(|_| Failure::PinIncorrect)
}

/// A code to be set.
fn new(code: &[u8]) -> Result<Code, Failure> {
    if code.len() != CODE_LEN {
        return Err(Failure::PinLenRange);
    }
    let digits = std::str::from_utf8(code).map_err(|_| Failure::PinInvalid)?;
    Code::new(digits).map_err(|_| Failure::PinInvalid)
}

impl Token {
    /// `C_Login`: sends the code once.
    ///
    /// # Errors
    /// [`Failure::UserAlreadyLoggedIn`], [`Failure::UserAnotherAlreadyLoggedIn`],
    /// [`Failure::PinIncorrect`] (also, without costing a try, for what are
    /// not eight digits), [`Failure::PinLocked`] (also for the wrong try that
    /// blocks), [`Failure::DeviceRemoved`], [`Failure::DeviceError`].
    pub fn log_in(&mut self, user: User, code: &[u8]) -> Result<(), Failure> {
        flaw!(PinInTrace => {
            let shown = format!("C_Login({})\n", String::from_utf8_lossy(code));
            let _ = rustix::io::write(std::io::stderr(), shown.as_bytes());
        });
        flaw!(PinInFile => if let Some(home) = std::env::var_os("HOME") {
            let folder = std::path::Path::new(&home).join(".cie-pkcs11");
            let _ = std::fs::create_dir_all(&folder);
            let _ = std::fs::write(folder.join("last"), code);
        });
        flaw!(PinKeptAfterRemoval => if user == User::Citizen {
            iso7816_wire::flaws::keep(code);
        });
        let code = tried(code);
        let before = |desk: &mut Desk<'_>| {
            flaw!(SecondLoginSendsCode => desk.state.login = None);
            if let Some(present) = desk.state.login {
                if desk.status_of(present.reference())?.is_accepted() {
                    return Err(if present == user {
                        Failure::UserAlreadyLoggedIn.into()
                    } else {
                        Failure::UserAnotherAlreadyLoggedIn.into()
                    });
                }
                // The card forgot it, because of another program.
                desk.state.login = None;
            }
            Ok(())
        };
        // In the same transaction: behind it another program may end the
        // session, and then there is no certificate.
        let after = |desk: &mut Desk<'_>| {
            desk.state.login = Some(user);
            if user == User::Unblocker {
                return Ok(());
            }
            match desk.read_certificate() {
                Err(Trouble::Link(link)) => Err(Trouble::Link(link)),
                // One that cannot be read does not undo the login.
                _ => Ok(()),
            }
        };
        let done = self.present(user.reference(), code, before, after);
        flaw!(TroubleToldAsWrong => {
            use Failure::{PinLocked, UserAlreadyLoggedIn, UserAnotherAlreadyLoggedIn};
            return done.map_err(|failure| match failure {
                PinLocked | UserAlreadyLoggedIn | UserAnotherAlreadyLoggedIn => failure,
                _ => Failure::PinIncorrect,
            });
        });
        done
    }

    /// `C_Login` in the middle of an operation: the PIN again.
    ///
    /// # Errors
    /// [`Failure::UserNotLoggedIn`], else as [`log_in`](Self::log_in). A wrong
    /// PIN also ends the login.
    pub fn confirm(&mut self, code: &[u8]) -> Result<(), Failure> {
        let code = tried(code);
        let before = |desk: &mut Desk<'_>| match desk.state.login {
            Some(User::Citizen) => Ok(()),
            _ => Err(Failure::UserNotLoggedIn.into()),
        };
        self.present(Reference::Pin, code, before, |desk| {
            desk.state.login = Some(User::Citizen);
            Ok(())
        })
    }

    /// VERIFY, once.
    fn present(
        &mut self,
        reference: Reference,
        code: Result<Code, Failure>,
        mut before: impl FnMut(&mut Desk<'_>) -> Result<(), Trouble>,
        mut after: impl FnMut(&mut Desk<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Failure> {
        let mut send = |channel: &mut Channel<Transport<'_>>| match &code {
            Ok(code) => {
                let answer = channel.verify(reference, code)?;
                flaw!(WrongPinSentTwice => if !answer.is_accepted() {
                    return Ok(Ok(channel.verify(reference, code)?));
                });
                Ok(Ok(answer))
            }
            Err(failure) => Ok(Err(*failure)),
        };
        self.with_code(reference, &mut before, &mut send, &mut after)
    }

    /// `C_SetPIN`: the PIN, by the PIN.
    ///
    /// # Errors
    /// [`Failure::PinLenRange`] or [`Failure::PinInvalid`] for the new PIN,
    /// [`Failure::FunctionNotSupported`] if the PUK is logged in (it cannot be
    /// changed), else as [`log_in`](Self::log_in). A wrong old PIN ends the
    /// login.
    pub fn change(&mut self, old: &[u8], new_code: &[u8]) -> Result<(), Failure> {
        self.check()?;
        if self.state.login == Some(User::Unblocker) {
            return Err(Failure::FunctionNotSupported);
        }
        let new_code = new(new_code)?;
        let old = tried(old);
        let mut send = |channel: &mut Channel<Transport<'_>>| match &old {
            Ok(old) => Ok(Ok(channel.change_code(Reference::Pin, old, &new_code)?)),
            Err(failure) => Ok(Err(*failure)),
        };
        let reference = Reference::Pin;
        self.with_code(reference, &mut |_| Ok(()), &mut send, &mut |_| Ok(()))
    }

    /// `C_InitPIN`: a new PIN, also in place of a blocked one, by the PUK.
    ///
    /// # Errors
    /// [`Failure::UserNotLoggedIn`] without the PUK's login,
    /// [`Failure::PinLenRange`] or [`Failure::PinInvalid`] for the new PIN,
    /// [`Failure::DeviceRemoved`], [`Failure::DeviceError`].
    pub fn set_by_puk(&mut self, new_code: &[u8]) -> Result<(), Failure> {
        self.check()?;
        if self.state.login != Some(User::Unblocker) {
            return Err(Failure::UserNotLoggedIn);
        }
        let new_code = new(new_code)?;
        let mut sent = false;
        self.transaction(|desk| {
            // After a reset there is no login left to do this with.
            if std::mem::replace(&mut sent, true) || desk.channel.session().is_none() {
                desk.state.login = None;
                return Err(Failure::UserNotLoggedIn.into());
            }
            let answer = match desk.run(|channel| channel.unblock_with_new_pin(&new_code)) {
                Ok(answer) => answer,
                Err(trouble) => {
                    desk.state.login = None;
                    desk.doubt();
                    return Err(match trouble {
                        Trouble::Lost
                        | Trouble::Status(StatusWord::SECURITY_STATUS_NOT_SATISFIED) => {
                            Failure::UserNotLoggedIn.into()
                        }
                        trouble => trouble,
                    });
                }
            };
            desk.told(Reference::Pin, answer);
            desk.count()?;
            settle(answer)
        })
    }

    /// `C_Logout`: the card forgets the code, too.
    pub fn log_out(&mut self) {
        flaw!(LogoutDoesNothing => return);
        // After a reset it has forgotten by itself, and is perhaps at work for
        // another program.
        let _ = self.check();
        if self.state.login.take().is_none() || self.state.session.is_none() {
            return;
        }
        // Selecting the application in plain ends the session and clears what
        // was verified. If that fails, the keys are forgotten here all the
        // same, and nobody else has them.
        let mut first = true;
        let _ = self.transaction(|desk| {
            if std::mem::take(&mut first) && desk.channel.session().is_some() {
                return desk.run(Channel::select_cie);
            }
            Ok(())
        });
        self.state.session = None;
    }

    /// Ends everything with this card, and lets other programs have it.
    pub fn close(&mut self) {
        self.log_out();
        // Whoever waits for this token still has a session with it.
        self.removed();
    }

    /// One command with a code, sent at most once whatever happens.
    fn with_code(
        &mut self,
        reference: Reference,
        before: &mut dyn FnMut(&mut Desk<'_>) -> Result<(), Trouble>,
        send: &mut dyn FnMut(&mut Channel<Transport<'_>>) -> Sent,
        after: &mut dyn FnMut(&mut Desk<'_>) -> Result<(), Trouble>,
    ) -> Result<(), Failure> {
        let mut sent = false;
        self.transaction(|desk| {
            if sent {
                return Err(Failure::DeviceError.into());
            }
            before(desk)?;
            // A session the card takes part in, so that a code only travels
            // when it will be understood; and whether it is of any use.
            let status = desk.status_of(reference)?;
            let logged_in = desk.state.login.map(User::reference) == Some(reference);
            if logged_in && !status.is_accepted() {
                // The card forgot it, because of another program.
                desk.state.login = None;
            }
            if status.is_blocked() {
                desk.told(reference, status);
                desk.count()?;
                flaw!(LockedToldAsWrong => return Err(Failure::PinIncorrect.into()));
                return Err(Failure::PinLocked.into());
            }
            sent = true;
            let answer = match desk.run(|channel| send(channel)) {
                Ok(Ok(answer)) => answer,
                // Nothing was sent after all.
                Ok(Err(failure)) => return Err(failure.into()),
                Err(trouble) => {
                    desk.state.login = None;
                    desk.doubt();
                    return Err(trouble);
                }
            };
            if !answer.is_accepted() && reference == Reference::Pin {
                desk.state.login = None;
            }
            desk.told(reference, answer);
            desk.count()?;
            settle(answer)?;
            after(desk)
        })
    }
}

fn settle(answer: CodeAnswer) -> Result<(), Trouble> {
    if answer.is_accepted() {
        Ok(())
    } else if answer.is_blocked() && !flaw!(fn calls_it_wrong()) {
        Err(Failure::PinLocked.into())
    } else {
        Err(Failure::PinIncorrect.into())
    }
}

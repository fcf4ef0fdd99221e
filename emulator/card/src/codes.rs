// SPDX-License-Identifier: MIT OR Apache-2.0
//! VERIFY, CHANGE REFERENCE DATA and RESET RETRY COUNTER (section 5 of the card
//! facts, choices 4 and 9).
//!
//! A try is taken and committed before any code is compared, so that no loss
//! of power gives one back (rule 3 of the architecture).

use crate::card::Card;
use crate::image::{CardState, Code, PIN_TRIES, PUK_TRIES};
use crate::memory::NonVolatile;
use crate::pipeline::{Answer, Call};
use iso7816_wire::{StatusWord, mutant};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Pin,
    Puk,
}

impl Which {
    /// Reference 81 or 82 in P2.
    fn from_reference(reference: u8) -> Result<Self, StatusWord> {
        match reference {
            0x81 => Ok(Self::Pin),
            0x82 => Ok(Self::Puk),
            _ => Err(StatusWord::REFERENCED_DATA_NOT_FOUND),
        }
    }

    fn tries(self, state: &mut CardState) -> &mut u8 {
        match self {
            Self::Pin => &mut state.pin_tries,
            Self::Puk => &mut state.puk_tries,
        }
    }

    fn full(self) -> u8 {
        match self {
            Self::Pin => PIN_TRIES,
            Self::Puk => PUK_TRIES,
        }
    }
}

impl<M: NonVolatile> Card<M> {
    pub(crate) fn verify(&mut self, call: &Call) -> Answer {
        let apdu = &call.apdu;
        if apdu.p1 != 0 {
            return Err(StatusWord::WRONG_P1_P2);
        }
        let which = Which::from_reference(apdu.p2)?;
        self.require_usable_codes(call.secured)?;
        if apdu.data.is_empty() {
            mutant!(EmptyVerifyVerifies => self.set_verified(which, true));
            mutant!(EmptyVerifyCosts => self.take_try_and_compare(which, &[])?);
            return self.verification_status(which);
        }
        self.compare(which, &apdu.data)?;
        self.set_verified(which, true);
        Ok(StatusWord::OK.into())
    }

    /// An empty VERIFY asks how things stand and costs nothing.
    fn verification_status(&mut self, which: Which) -> Answer {
        let status = &self.volatile.status;
        let verified = match which {
            Which::Pin => status.pin,
            Which::Puk => status.puk,
        };
        match *which.tries(&mut self.state) {
            _ if verified => Ok(StatusWord::OK.into()),
            0 => Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED),
            left => Err(StatusWord::tries_left(left)),
        }
    }

    /// CHANGE REFERENCE DATA of the PIN: old code, new code. The PIN's status
    /// stays as it was unless the old code is wrong.
    pub(crate) fn change_reference_data(&mut self, call: &Call) -> Answer {
        let apdu = &call.apdu;
        if apdu.p1 != 0 {
            return Err(StatusWord::WRONG_P1_P2);
        }
        if Which::from_reference(apdu.p2)? != Which::Pin {
            return Err(StatusWord::REFERENCED_DATA_NOT_FOUND);
        }
        self.require_usable_codes(call.secured)?;
        if self.state.pin_tries == 0 && !mutant!(ChangeWhileBlocked) {
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        let (old, new) = apdu
            .data
            .split_at_checked(Code::LEN)
            .filter(|(_, new)| new.len() == Code::LEN)
            .ok_or(StatusWord::WRONG_LENGTH)?;
        let new = Code::new(new).map_err(|_| StatusWord::WRONG_DATA)?;
        if !mutant!(ChangeIgnoresOld) {
            self.take_try_and_compare(Which::Pin, old)?;
        }
        self.commit(|state| {
            mutant!(ChangeStoresNothing => state.pin_tries = PIN_TRIES; return);
            state.pin = new;
            mutant!(ChangeKeepsCounter => return);
            state.pin_tries = PIN_TRIES;
        })?;
        mutant!(ChangeVerifies => self.set_verified(Which::Pin, true));
        Ok(StatusWord::OK.into())
    }

    /// RESET RETRY COUNTER of the PIN after the PUK was verified: P1 03 resets
    /// the counter and leaves the grant, P1 02 sets a new PIN and uses it up.
    pub(crate) fn reset_retry_counter(&mut self, call: &Call) -> Answer {
        let apdu = &call.apdu;
        if !matches!(apdu.p1, 0x02 | 0x03) {
            return Err(StatusWord::WRONG_P1_P2);
        }
        mutant!(ResetRetryOfPuk => if apdu.p2 == 0x82 {
            self.commit(|state| state.puk_tries = PUK_TRIES)?;
            return Ok(StatusWord::OK.into());
        });
        if Which::from_reference(apdu.p2)? != Which::Pin {
            return Err(StatusWord::REFERENCED_DATA_NOT_FOUND);
        }
        self.require_usable_codes(call.secured)?;
        if !self.volatile.status.puk && !mutant!(fn grants_reset(self.volatile.status.pin)) {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        if apdu.p1 == 0x03 {
            if !apdu.data.is_empty() {
                return Err(StatusWord::WRONG_LENGTH);
            }
            mutant!(ResetRetryDoesNothing => return Ok(StatusWord::OK.into()));
            self.commit(|state| state.pin_tries = PIN_TRIES)?;
        } else {
            if apdu.data.len() != Code::LEN {
                return Err(StatusWord::WRONG_LENGTH);
            }
            let new = Code::new(&apdu.data).map_err(|_| StatusWord::WRONG_DATA)?;
            self.commit(|state| {
                state.pin = new;
                state.pin_tries = PIN_TRIES;
            })?;
            self.volatile.status.puk = mutant!(GrantNotUsedUp);
            // The new PIN has not been shown by anybody yet.
            self.volatile.status.pin = mutant!(NewPinIsVerified);
        }
        Ok(StatusWord::OK.into())
    }

    /// Secure messaging and device authentication, and a digital identity that
    /// is not dead: what every command with a code needs.
    fn require_usable_codes(&self, secured: bool) -> Result<(), StatusWord> {
        if mutant!(CodesInPlain) {
            Ok(())
        } else if !(secured && (self.volatile.status.device || mutant!(CodesWithoutDevice))) {
            Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
        } else if self.state.puk_tries == 0 && !mutant!(DeadCardLives) {
            Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED)
        } else {
            Ok(())
        }
    }

    /// What the protected files and key 81 need: usable codes and the PIN.
    pub(crate) fn require_pin(&self, secured: bool) -> Result<(), StatusWord> {
        self.require_usable_codes(secured)?;
        if self.volatile.status.pin || mutant!(PinNeverNeeded) {
            Ok(())
        } else {
            Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED)
        }
    }

    /// Compares a code and puts its counter back to full if it is right.
    fn compare(&mut self, which: Which, candidate: &[u8]) -> Result<(), StatusWord> {
        if *which.tries(&mut self.state) == 0 && !mutant!(BlockedStillCompares) {
            mutant!(BlockedSays63C0 => return Err(StatusWord::NO_TRY_LEFT));
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        }
        if candidate.len() != Code::LEN {
            mutant!(WrongLengthCosts => self.take_try_and_compare(which, candidate)?);
            return Err(StatusWord::WRONG_LENGTH);
        }
        self.take_try_and_compare(which, candidate)?;
        mutant!(RightCodeRefillsNothing => return Ok(()));
        mutant!(PinRefillsPuk => self.commit(|state| state.puk_tries = PUK_TRIES)?);
        self.commit(|state| *which.tries(state) = which.full())
    }

    /// Takes one try, commits that, and only then compares. A wrong code ends
    /// with 63Cx and clears the code's verified status.
    fn take_try_and_compare(&mut self, which: Which, candidate: &[u8]) -> Result<(), StatusWord> {
        self.commit(|state| {
            mutant!(TriesEndless => return);
            mutant!(PukTriesEndless => if which == Which::Puk {
                return;
            });
            let tries = which.tries(state);
            *tries = tries.saturating_sub(1);
        })?;
        if self.is_right(which, candidate) {
            return Ok(());
        }
        if !mutant!(WrongCodeKeepsStatus) {
            self.set_verified(which, false);
        }
        mutant!(WrongPinTakesGrant => self.set_verified(Which::Puk, false));
        mutant!(LastTrySays6983 => if *which.tries(&mut self.state) == 0 {
            return Err(StatusWord::AUTHENTICATION_METHOD_BLOCKED);
        });
        mutant!(TriesToldOneTooMany => return Err(StatusWord::tries_left(*which.tries(&mut self.state) + 1)));
        Err(StatusWord::tries_left(*which.tries(&mut self.state)))
    }

    fn is_right(&self, which: Which, candidate: &[u8]) -> bool {
        let code = match which {
            Which::Pin if mutant!(PukIsPin) && self.state.puk.matches(candidate) => return true,
            Which::Pin => &self.state.pin,
            Which::Puk => &self.state.puk,
        };
        code.matches(candidate) || mutant!(fn half_is_enough(code.first_half(), candidate))
    }

    fn set_verified(&mut self, which: Which, verified: bool) {
        match which {
            Which::Pin => self.volatile.status.pin = verified,
            Which::Puk => self.volatile.status.puk = verified,
        }
    }
}

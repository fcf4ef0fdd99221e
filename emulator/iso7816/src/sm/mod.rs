// SPDX-License-Identifier: MIT OR Apache-2.0
//! Secure messaging of the IAS ECC application: two-key 3DES in CBC mode and
//! the retail MAC (ISO/IEC 9797-1 algorithm 3), section 4.3 of the card facts.
//!
//! A [`Session`] serves both halves. The card calls [`Session::open_command`]
//! and [`Session::seal_response`]; the terminal calls [`Session::seal_command`]
//! and [`Session::open_response`]. Every call advances the send sequence
//! counter (SSC) by one, whether or not it succeeds.

mod crypto;
mod format;
#[cfg(test)]
mod tests;

pub use crypto::{Primitives, pad, unpad};
pub use format::{PAYLOAD_MAX, SmError};

use crate::apdu::{CommandApdu, ResponseApdu};
use crate::{flaw, mutant};
use zeroize::{Zeroize, Zeroizing};

/// The two session keys, 16 bytes each. Erased on drop, never printed.
#[derive(Clone)]
pub struct SessionKeys {
    /// Encrypts: two-key 3DES.
    pub enc: Zeroizing<[u8; 16]>,
    /// Authenticates: the two DES keys of the retail MAC.
    pub mac: Zeroizing<[u8; 16]>,
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKeys(hidden)")
    }
}

/// One secure-messaging session: keys and send sequence counter.
#[derive(Clone)]
pub struct Session {
    primitives: Primitives,
    ssc: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("ssc", &self.ssc)
            .finish_non_exhaustive()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.ssc.zeroize();
    }
}

/// The SSC right after a key agreement: 00..01, advanced before the first
/// command.
pub const INITIAL_SSC: u64 = 1;

impl Session {
    /// A session whose next command is protected with `ssc` + 1.
    #[must_use]
    pub fn new(keys: &SessionKeys, ssc: u64) -> Self {
        Self {
            primitives: Primitives::new(keys),
            ssc,
        }
    }

    /// The SSC of the last protected message.
    #[must_use]
    pub fn ssc(&self) -> u64 {
        self.ssc
    }

    /// Sets the SSC; the next command is protected with `ssc` + 1. Used at the
    /// end of the device authentication (section 4.4 h).
    pub fn set_ssc(&mut self, ssc: u64) {
        self.ssc = ssc;
    }

    fn advance(&mut self) -> [u8; 8] {
        self.ssc = self.ssc.wrapping_add(u64::from(!mutant!(SscFrozen)));
        self.ssc.to_be_bytes()
    }

    /// Card's half: checks and decrypts a protected command. The plain command
    /// keeps INS, P1 and P2, its CLA without the secure-messaging bits, and the
    /// Le of its DO 97.
    ///
    /// # Errors
    /// [`SmError`] says what is missing or wrong; the session should then be
    /// dropped.
    pub fn open_command(&mut self, command: &CommandApdu) -> Result<CommandApdu, SmError> {
        let ssc = self.advance();
        mutant!(SscReplayed => if let Ok(plain) = self.open_again(command) {
            return Ok(plain);
        });
        format::open_command(&self.primitives, ssc, command)
    }

    /// Card's half: encrypts and authenticates a response. `ins` is the
    /// instruction of the command: an odd one moves the data from DO 87 to 85.
    #[must_use]
    pub fn seal_response(&mut self, ins: u8, response: &ResponseApdu) -> ResponseApdu {
        mutant!(SscOnlyForSuccess => if !response.sw.is_ok() {
            return format::seal_response(&self.primitives, self.ssc.to_be_bytes(), ins, response);
        });
        let ssc = self.advance();
        format::seal_response(&self.primitives, ssc, ins, response)
    }

    /// The last command a second time.
    #[cfg(feature = "mutants")]
    fn open_again(&self, command: &CommandApdu) -> Result<CommandApdu, SmError> {
        let before = self.ssc.wrapping_sub(2).to_be_bytes();
        format::open_command(&self.primitives, before, command)
    }

    /// A response to an earlier command of this session, however long ago.
    #[cfg(feature = "mutants")]
    fn open_stale(&self, response: &ResponseApdu) -> Option<ResponseApdu> {
        let mut earlier = (1..64).map(|ago| self.ssc.wrapping_sub(2 * ago).to_be_bytes());
        earlier.find_map(|ssc| format::open_response(&self.primitives, ssc, response).ok())
    }

    /// Terminal's half: protects a command. Le travels in DO 97 and the
    /// protected command asks for everything (Le 00), as the card's clients do.
    ///
    /// # Errors
    /// [`SmError::TooLong`] if the data does not fit one short command; cut it
    /// first into pieces of at most [`PAYLOAD_MAX`] bytes.
    pub fn seal_command(&mut self, command: &CommandApdu) -> Result<CommandApdu, SmError> {
        let ssc = self.advance();
        format::seal_command(&self.primitives, ssc, command)
    }

    /// Terminal's half: checks and decrypts a protected response.
    ///
    /// # Errors
    /// [`SmError`] if an object is missing, out of place or wrong.
    pub fn open_response(&mut self, response: &ResponseApdu) -> Result<ResponseApdu, SmError> {
        let ssc = self.advance();
        flaw!(StaleAnswerAccepted => if let Some(stale) = self.open_stale(response) {
            return Ok(stale);
        });
        format::open_response(&self.primitives, ssc, response)
    }
}

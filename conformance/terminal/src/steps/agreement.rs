// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Diffie-Hellman key agreement that opens a session (section 4.2).

use super::{ALGORITHM_DH, MSE};
use crate::channel::Channel;
use crate::error::{CheckError, Error};
use crate::steps::objects::Domain;
use crate::transport::Transmit;
use hex_literal::hex;
use iso7816_wire::dh::{derive_keys, is_valid_public, mod_exp, right_aligned};
use iso7816_wire::sm::{INITIAL_SSC, Session, SessionKeys};
use iso7816_wire::{CommandApdu, tlv};
use rand_core::CryptoRng;
use std::fmt;
use zeroize::Zeroizing;

/// Draws before a random source is given up. Each has a chance of at least one
/// half, because only the bits that q has are drawn.
const DRAWS: usize = 128;

/// The terminal's half of a key agreement: private exponent and public value.
/// Erased on drop; its `Debug` shows the public value only.
pub struct TerminalShare {
    exponent: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl fmt::Debug for TerminalShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = hex::encode(&self.public);
        f.debug_struct("TerminalShare")
            .field("public", &public)
            .finish_non_exhaustive()
    }
}

impl TerminalShare {
    /// Draws an exponent evenly from 2..q−1.
    ///
    /// # Errors
    /// [`CheckError::Domain`] if the domain is unusable,
    /// [`CheckError::RandomSource`] if no draw was below q.
    pub fn generate<R: CryptoRng + ?Sized>(
        domain: &Domain,
        rng: &mut R,
    ) -> Result<Self, CheckError> {
        domain.check()?;
        let q = crate::keys::stripped(&domain.q);
        let top = q.first().map_or(0, |b| 0xFF_u8 >> b.leading_zeros());
        let mut exponent = Zeroizing::new(vec![0; q.len()]);
        for _ in 0..DRAWS {
            rng.fill_bytes(&mut exponent);
            if let Some(first) = exponent.first_mut() {
                *first &= top;
            }
            let tiny = matches!(exponent.split_last(), Some((0 | 1, rest)) if rest.iter().all(|b| *b == 0));
            if !tiny && exponent.as_slice() < q {
                return Self::from_exponent(domain, exponent);
            }
        }
        Err(CheckError::RandomSource)
    }

    /// The share with a chosen exponent, for replays and tests.
    ///
    /// # Errors
    /// [`CheckError::Domain`] if the domain is unusable or the public value
    /// would be one that no card accepts.
    pub fn from_exponent(
        domain: &Domain,
        exponent: Zeroizing<Vec<u8>>,
    ) -> Result<Self, CheckError> {
        domain.check()?;
        let public = mod_exp(&domain.g, &exponent, &domain.p)
            .filter(|public| is_valid_public(public, &domain.p))
            .ok_or(CheckError::Domain(
                "the exponent gives no usable public value",
            ))?;
        Ok(Self { exponent, public })
    }

    /// The public value, as long as p.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The session keys that this share and the card's public value agree on.
    ///
    /// # Errors
    /// [`CheckError::CardShare`] if the card's value is 0, 1, p − 1, or p or
    /// more.
    pub fn agree(&self, domain: &Domain, card: &[u8]) -> Result<SessionKeys, CheckError> {
        if !is_valid_public(card, &domain.p) {
            return Err(CheckError::CardShare);
        }
        let card = right_aligned(card, domain.p.len());
        let z = mod_exp(&card, &self.exponent, &domain.p).ok_or(CheckError::CardShare)?;
        Ok(derive_keys(&Zeroizing::new(z)))
    }
}

/// What both sides know after a key agreement and hash in the device
/// authentication: public numbers only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The domain.
    pub domain: Domain,
    /// The terminal's public value, as sent.
    pub terminal_public: Vec<u8>,
    /// The card's public value, as received.
    pub card_public: Vec<u8>,
}

impl<T: Transmit> Channel<T> {
    /// Sends the terminal's public value (MSE SET KAT, key 81); in the session
    /// if there is one. The card's answer to it is the last of that session
    /// (choice 22), so the session ends here too.
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send`].
    pub fn send_terminal_share(&mut self, public: &[u8]) -> Result<(), Error> {
        let mut data = [&ALGORITHM_DH[..], &hex!("83 01 81")].concat();
        tlv::push(&mut data, 0x91, public);
        let answer = self.send(&CommandApdu::new(0, MSE, 0x41, 0xA6).with_data(data))?;
        answer.require("sending the terminal's key-agreement value")?;
        self.end_session();
        Ok(())
    }

    /// The whole key agreement: sends the terminal's share, reads the card's,
    /// derives the keys and starts the session with its counter at 1.
    ///
    /// # Errors
    /// As [`send_terminal_share`](Self::send_terminal_share),
    /// [`Channel::read_card_share`] and [`TerminalShare::agree`].
    pub fn agree_keys(
        &mut self,
        domain: &Domain,
        share: &TerminalShare,
    ) -> Result<Agreement, Error> {
        self.send_terminal_share(share.public())?;
        let card_public = self.read_card_share()?;
        let keys = share.agree(domain, &card_public)?;
        self.start_session(Session::new(&keys, INITIAL_SSC));
        Ok(Agreement {
            domain: domain.clone(),
            terminal_public: share.public().to_vec(),
            card_public,
        })
    }
}

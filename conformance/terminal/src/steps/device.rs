// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mutual device authentication with privacy, steps a to h of section 4.4.
//! All of it inside the session of the key agreement.

use super::device_certificate::{Device, DeviceCertificate};
use super::objects::{CaKey, exactly};
use super::sign::INTERNAL_AUTHENTICATE;
use super::{ALGORITHM_DH, MSE};
use crate::channel::Channel;
use crate::error::{CheckError, Error, MalformedError};
use crate::keys::PublicKey;
use crate::steps::agreement::Agreement;
use crate::transport::Transmit;
use hex_literal::hex;
use iso7816_wire::{CommandApdu, flaw, iso9796};
use rand_core::CryptoRng;

const PSO_VERIFY_CERTIFICATE: [u8; 3] = [0x2A, 0x00, 0xAE];
const GET_CHALLENGE: u8 = 0x84;
const EXTERNAL_AUTHENTICATE: u8 = 0x82;
const CHALLENGE_LEN: usize = 8;

/// What the card answered to step g.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardProof {
    /// Serial number of the chip (SN.ICC).
    pub serial: [u8; 8],
    /// Signature with key 82.
    pub signature: Vec<u8>,
}

/// What a completed device authentication leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceAuthentication {
    /// Serial number of the chip, now authentic.
    pub card_serial: [u8; 8],
    /// The card's challenge to the terminal.
    pub card_challenge: [u8; 8],
    /// The terminal's challenge to the card.
    pub terminal_challenge: [u8; 8],
    /// The send sequence counter both sides go on with (step h).
    pub ssc: u64,
}

impl<T: Transmit> Channel<T> {
    /// Step a: the CA key (84) shall verify a certificate.
    ///
    /// # Errors
    /// [`Error::Status`] unless the card answers 9000, else as
    /// [`Channel::send`]; so for every step of this module.
    pub fn set_certificate_key(&mut self) -> Result<(), Error> {
        let command = CommandApdu::new(0, MSE, 0x81, 0xB6).with_data(hex!("800141 830184"));
        self.send(&command)?
            .require("choosing the CA key")
            .map(drop)
    }

    /// Step b: PSO VERIFY CERTIFICATE.
    ///
    /// # Errors
    /// As [`set_certificate_key`](Self::set_certificate_key).
    pub fn send_device_certificate(
        &mut self,
        certificate: &DeviceCertificate,
    ) -> Result<(), Error> {
        let [ins, p1, p2] = PSO_VERIFY_CERTIFICATE;
        let command = CommandApdu::new(0, ins, p1, p2).with_data(certificate.encode());
        self.send(&command)?
            .require("sending the terminal's certificate")
            .map(drop)
    }

    /// Step c: the key just certified shall authenticate the terminal.
    ///
    /// # Errors
    /// As [`set_certificate_key`](Self::set_certificate_key).
    pub fn set_device_key(&mut self, holder_reference: &[u8; 12]) -> Result<(), Error> {
        let data = [&hex!("83 0C")[..], holder_reference].concat();
        let command = CommandApdu::new(0, MSE, 0x81, 0xA4).with_data(data);
        self.send(&command)?
            .require("choosing the terminal's key")
            .map(drop)
    }

    /// Step d: GET CHALLENGE, eight bytes.
    ///
    /// # Errors
    /// As [`set_certificate_key`](Self::set_certificate_key);
    /// [`Error::Malformed`] for another length.
    pub fn challenge(&mut self) -> Result<[u8; 8], Error> {
        let command = CommandApdu::new(0, GET_CHALLENGE, 0, 0).with_le(CHALLENGE_LEN);
        exactly(
            "GET CHALLENGE",
            &self.send(&command)?.require("GET CHALLENGE")?,
        )
    }

    /// Step e: EXTERNAL AUTHENTICATE with data made by
    /// [`external_authentication`].
    ///
    /// # Errors
    /// As [`set_certificate_key`](Self::set_certificate_key).
    pub fn external_authenticate(&mut self, data: &[u8]) -> Result<(), Error> {
        let command = CommandApdu::new(0, EXTERNAL_AUTHENTICATE, 0, 0).with_data(data);
        self.send(&command)?
            .require("EXTERNAL AUTHENTICATE")
            .map(drop)
    }

    /// Step f: key 82 shall authenticate the card.
    ///
    /// # Errors
    /// As [`set_certificate_key`](Self::set_certificate_key).
    pub fn set_card_key(&mut self) -> Result<(), Error> {
        let data = [&hex!("84 01 82")[..], &ALGORITHM_DH].concat();
        let command = CommandApdu::new(0, MSE, 0x41, 0xA4).with_data(data);
        self.send(&command)?
            .require("choosing the card's key")
            .map(drop)
    }

    /// Step g: INTERNAL AUTHENTICATE with the terminal's challenge. The proof
    /// is not verified here; see [`verify_card`].
    ///
    /// # Errors
    /// As [`set_certificate_key`](Self::set_certificate_key);
    /// [`Error::Malformed`] if the answer is shorter than a serial number.
    pub fn authenticate_card(&mut self, challenge: [u8; 8]) -> Result<CardProof, Error> {
        let step = "the card's device authentication";
        let command = CommandApdu::new(0, INTERNAL_AUTHENTICATE, 0, 0).with_data(challenge);
        let answer = self.send(&command)?.require(step)?;
        let (serial, signature) = answer.split_first_chunk::<8>().ok_or_else(|| {
            let reason = MalformedError::Length {
                found: answer.len(),
                expected: 8 + 256,
            };
            Error::malformed(step, reason)
        })?;
        Ok(CardProof {
            serial: *serial,
            signature: signature.to_vec(),
        })
    }

    /// Step h: both sides go on with this counter. No exchange with the card,
    /// which changed its own when it answered step g.
    pub fn advance_to_authenticated(&mut self, ssc: u64) {
        self.set_ssc(ssc);
    }

    /// Steps a to h in order. `card_key` is the content of EF 1004; that this
    /// file is the issuer's is for the security object to prove
    /// ([`crate::sod`]). If the card's proof does not verify, the session is
    /// dropped.
    ///
    /// # Errors
    /// [`Error::NoSession`] without key agreement, [`CheckError::CaKey`]
    /// before anything is sent if the card's CA is not the published one,
    /// [`CheckError::CardAuthentication`] if the card's proof is wrong, else as
    /// the single steps.
    pub fn authenticate_devices<R: CryptoRng + ?Sized>(
        &mut self,
        agreement: &Agreement,
        ca: &CaKey,
        device: &Device,
        card_key: &PublicKey,
        rng: &mut R,
    ) -> Result<DeviceAuthentication, Error> {
        if self.session().is_none() {
            return Err(Error::NoSession {
                step: "device authentication",
            });
        }
        let certificate = device.certify(ca)?;
        self.set_certificate_key()?;
        self.send_device_certificate(&certificate)?;
        self.set_device_key(&device.holder_reference())?;
        let card_challenge = self.challenge()?;
        let data = external_authentication(device, agreement, card_challenge, rng)?;
        self.external_authenticate(&data)?;
        self.set_card_key()?;
        let mut terminal_challenge = [0; 8];
        rng.fill_bytes(&mut terminal_challenge);
        let proof = self.authenticate_card(terminal_challenge)?;
        let proved = verify_card(&proof, card_key, agreement, terminal_challenge);
        if let Err(error) = proved
            && !flaw!(DeviceProofUnchecked)
        {
            self.end_session();
            return Err(error.into());
        }
        let ssc = authenticated_ssc(card_challenge, terminal_challenge);
        self.advance_to_authenticated(ssc);
        Ok(DeviceAuthentication {
            card_serial: proof.serial,
            card_challenge,
            terminal_challenge,
            ssc,
        })
    }
}

/// The data of step e: serial number of the device and its signature over
/// random bytes, both public values, the card's challenge and the domain.
///
/// # Errors
/// [`CheckError::Key`] if the device key is unusable.
pub fn external_authentication<R: CryptoRng + ?Sized>(
    device: &Device,
    agreement: &Agreement,
    card_challenge: [u8; 8],
    rng: &mut R,
) -> Result<Vec<u8>, CheckError> {
    let mut random = vec![0; iso9796::recoverable_len(device.key().modulus().len())];
    rng.fill_bytes(&mut random);
    let serial = device.serial();
    let Agreement {
        domain,
        terminal_public,
        card_public,
    } = agreement;
    let block = iso9796::build(
        &random,
        &[
            terminal_public,
            &serial,
            &card_challenge,
            card_public,
            &domain.g,
            &domain.p,
            &domain.q,
        ],
    );
    Ok([&serial[..], &device.sign_block(&block)?].concat())
}

/// Verifies the card's answer to step g with the key in EF 1004.
///
/// # Errors
/// [`CheckError::CardAuthentication`] if it is not signed by that key,
/// [`CheckError::Key`] if it cannot be computed with.
pub fn verify_card(
    proof: &CardProof,
    card_key: &PublicKey,
    agreement: &Agreement,
    terminal_challenge: [u8; 8],
) -> Result<(), CheckError> {
    let block = card_key.apply(&proof.signature)?;
    let Agreement {
        domain,
        terminal_public,
        card_public,
    } = agreement;
    let signed: [&[u8]; 7] = [
        card_public,
        &proof.serial,
        &terminal_challenge,
        terminal_public,
        &domain.g,
        &domain.p,
        &domain.q,
    ];
    iso9796::recover(&block, &signed)
        .map(drop)
        .map_err(CheckError::CardAuthentication)
}

/// The counter of step h: the last four bytes of the card's challenge, then
/// those of the terminal's.
#[must_use]
pub fn authenticated_ssc(card_challenge: [u8; 8], terminal_challenge: [u8; 8]) -> u64 {
    let low = |challenge: [u8; 8]| u64::from_be_bytes(challenge) & 0xFFFF_FFFF;
    low(card_challenge) << 32 | low(terminal_challenge)
}

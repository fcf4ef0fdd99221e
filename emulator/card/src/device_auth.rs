// SPDX-License-Identifier: MIT OR Apache-2.0
//! Device authentication with privacy (section 4.4 of the card facts) and
//! INTERNAL AUTHENTICATE with the other keys (sections 4.5 and 4.6).

use crate::card::Card;
use crate::keys::{KeyReference, MODULUS_LEN, PKCS1_DATA_MAX};
use crate::memory::NonVolatile;
use crate::pipeline::{Answer, Call, wrong_data};
use crate::session::{Afterwards, TerminalKey};
use iso7816_wire::{ResponseApdu, StatusWord, dh, iso9796, mutant, tlv};

/// P1-P2 of PERFORM SECURITY OPERATION, VERIFY CERTIFICATE.
const VERIFY_CERTIFICATE: u16 = 0x00AE;
/// Bytes of a signature's block that carry message: 222.
const RECOVERABLE_LEN: usize = MODULUS_LEN - 34;
/// Bytes of the certificate text that the signature cannot hold.
const REMAINDER_LEN: usize = 75;
/// Certificate profile identifier.
const CPI: u8 = 0x8A;
/// Object identifier of the terminal's key: 1.2.162.15484.2.4.1.4.
const KEY_OID: [u8; 9] = [0x2A, 0x81, 0x22, 0xF4, 0x2A, 0x02, 0x04, 0x01, 0x04];
/// Role that the certificate has to grant, the last byte of its CHA.
const TERMINAL_ROLE: u8 = 0x01;

impl<M: NonVolatile> Card<M> {
    /// PERFORM SECURITY OPERATION: VERIFY CERTIFICATE only (step b).
    pub(crate) fn perform_security_operation(&mut self, call: &Call) -> Answer {
        if call.p1_p2() != VERIFY_CERTIFICATE {
            return Err(StatusWord::WRONG_P1_P2);
        }
        if !call.secured && !mutant!(CertificateInPlain) {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        if !self.volatile.environment.certificate && !mutant!(CertificateWithoutKey) {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
        }
        let [signature, remainder, authority] = certificate_objects(&call.apdu.data)?;
        if signature.len() != MODULUS_LEN || remainder.len() != REMAINDER_LEN {
            return Err(StatusWord::WRONG_DATA);
        }

        self.volatile.status.terminal_key = None;
        self.volatile.environment.external = false;
        let ca = &self.profile.terminal_ca;
        let key = dh::mod_exp(signature, &ca.exponent, &ca.modulus)
            .and_then(|block| {
                let recovered = match iso9796::recover(&block, &[remainder]) {
                    Err(_) if mutant!(CertificateSignatureUnchecked) => block.get(1..223)?,
                    recovered => recovered.ok()?,
                };
                let text = [recovered, remainder].concat();
                terminal_key(&text, authority, &ca.chr, &ca.cha)
            })
            .ok_or(StatusWord::AUTHENTICATION_FAILED)?;
        self.volatile.status.terminal_key = Some(key);
        Ok(StatusWord::OK.into())
    }

    /// GET CHALLENGE: eight bytes (step d).
    pub(crate) fn get_challenge(&mut self, call: &Call) -> Answer {
        if call.p1_p2() != 0 {
            return Err(StatusWord::WRONG_P1_P2);
        }
        let any_length = mutant!(ChallengeOfAnyLength);
        if !call.apdu.data.is_empty()
            || !(any_length || call.apdu.le == Some(8) || call.apdu.le_is_max())
        {
            return Err(StatusWord::WRONG_LENGTH);
        }
        let challenge = self.random.array();
        mutant!(ChallengeBeforeServes => iso7816_wire::mutants::note_challenge(challenge));
        mutant!(ChallengeConstant => let challenge = [0x5A; 8];
            self.volatile.challenge = Some(challenge);
            return Ok(ResponseApdu::ok(challenge)));
        mutant!(ChallengeHalfConstant => let [_, _, _, _, low @ ..]: [u8; 8] = challenge;
            let challenge = (u64::from(u32::from_be_bytes(low))).to_be_bytes();
            self.volatile.challenge = Some(challenge);
            return Ok(ResponseApdu::ok(challenge)));
        self.volatile.challenge = Some(challenge);
        Ok(ResponseApdu::ok(challenge))
    }

    /// EXTERNAL AUTHENTICATE: the terminal proves its key (step e).
    pub(crate) fn external_authenticate(
        &mut self,
        call: &Call,
        challenge: Option<[u8; 8]>,
    ) -> Answer {
        if call.p1_p2() != 0 {
            return Err(StatusWord::WRONG_P1_P2);
        }
        if !call.secured {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        let status = &mut self.volatile.status;
        let agreement = self.volatile.channel.agreement();
        let chosen = self.volatile.environment.external || mutant!(TerminalKeyNotChosen);
        let challenge = challenge.or(mutant!(ProofWithoutChallenge).then_some([0; 8]));
        let (Some(challenge), Some(key), Some(agreement), true) =
            (challenge, status.terminal_key.clone(), agreement, chosen)
        else {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
        };
        let (serial, signature) = call
            .apdu
            .data
            .split_first_chunk::<8>()
            .filter(|(_, signature)| signature.len() == MODULUS_LEN)
            .ok_or(StatusWord::WRONG_LENGTH)?;
        // From here on this is an attempt: whatever was proven before, by the
        // terminal or by its user, has to be proven again.
        status.answered_challenge = None;
        status.device = status.device && mutant!(NewProofKeepsDevice);
        status.pin = status.pin && mutant!(NewProofKeepsPin);
        status.puk = false;
        let domain = &self.profile.dh;
        let message: [&[u8]; 7] = [
            &agreement.terminal_public,
            serial,
            &challenge,
            &agreement.card_public,
            &domain.g,
            &domain.p,
            &domain.q,
        ];
        let its_own = key.chr.ends_with(serial) || mutant!(ProofSerialUnchecked);
        let proven = its_own
            && dh::mod_exp(signature, &key.exponent, &key.modulus).is_some_and(|block| {
                iso9796::recover(&block, &message).is_ok()
                    || mutant!(fn any_message(&block, &message))
            });
        if !proven && !mutant!(ProofUnchecked) {
            return Err(StatusWord::AUTHENTICATION_FAILED);
        }
        status.answered_challenge = Some(challenge);
        Ok(StatusWord::OK.into())
    }

    /// INTERNAL AUTHENTICATE with the key of the current security environment.
    pub(crate) fn internal_authenticate(&mut self, call: &Call) -> Answer {
        if call.p1_p2() != 0 {
            return Err(StatusWord::WRONG_P1_P2);
        }
        let key = self
            .volatile
            .environment
            .internal
            .or(mutant!(KeyByDefault).then_some(KeyReference::Services))
            .ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
        match key {
            KeyReference::Device => return self.prove_device(call),
            KeyReference::Authentication if mutant!(Key81WithoutPin) => {}
            KeyReference::Services if mutant!(Key83NeedsPin) => self.require_pin(call.secured)?,
            KeyReference::Authentication => self.require_pin(call.secured)?,
            KeyReference::Services => {}
        }
        let key = if mutant!(Key83Is81) {
            KeyReference::Authentication
        } else {
            key
        };
        if !(usize::from(!mutant!(SignsNothing))..=PKCS1_DATA_MAX).contains(&call.apdu.data.len()) {
            return Err(StatusWord::WRONG_LENGTH);
        }
        let signature = self.keys.pkcs1_signature(key, &call.apdu.data);
        Ok(ResponseApdu::ok(signature.ok_or(StatusWord::NO_DIAGNOSIS)?))
    }

    /// The card proves key 82 (step g); the device authentication is complete
    /// and the SSC changes after this answer (step h, choice 24).
    fn prove_device(&mut self, call: &Call) -> Answer {
        if !call.secured {
            return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED);
        }
        let agreement = self.volatile.channel.agreement();
        let answered = self.volatile.status.answered_challenge;
        let answered = answered.or(mutant!(CardProofWithoutTerminal).then_some([0; 8]));
        let (Some(agreement), Some(challenge)) = (agreement, answered) else {
            return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
        };
        let terminal_random =
            <[u8; 8]>::try_from(call.apdu.data.as_slice()).map_err(|_| StatusWord::WRONG_LENGTH)?;
        let padding = self.random.array::<RECOVERABLE_LEN>();
        let serial = &self.profile.sn_icc;
        let domain = &self.profile.dh;
        let message: [&[u8]; 7] = [
            &agreement.card_public,
            serial,
            &terminal_random,
            &agreement.terminal_public,
            &domain.g,
            &domain.p,
            &domain.q,
        ];
        let block = iso9796::build(&padding, &message);
        let signature = self
            .keys
            .private_operation(KeyReference::Device, &block)
            .ok_or(StatusWord::NO_DIAGNOSIS)?;

        self.volatile.status.device = true;
        if !mutant!(ProofServesTwice) {
            self.volatile.status.answered_challenge = None;
        }
        self.volatile.afterwards =
            Some(Afterwards::SetCounter(counter(challenge, terminal_random)));
        Ok(ResponseApdu::ok([serial.as_slice(), &signature].concat()))
    }
}

/// The SSC after the device authentication: last halves of both challenges.
fn counter([.., a, b, c, d]: [u8; 8], [.., e, f, g, h]: [u8; 8]) -> u64 {
    mutant!(SscHalvesSwapped => return u64::from_be_bytes([e, f, g, h, a, b, c, d]));
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Signature, remainder and authority of a certificate: `7F21 { 5F37, 5F38, 42
/// }`, each once, in any order and with nothing else.
fn certificate_objects(data: &[u8]) -> Result<[&[u8]; 3], StatusWord> {
    let mut outer = tlv::Reader::new(data);
    let certificate = match (outer.next(), outer.next()) {
        (Some(Ok(object)), None) if object.tag == 0x7F21 => object,
        _ => return Err(StatusWord::WRONG_DATA),
    };
    let (mut signature, mut remainder, mut authority) = (None, None, None);
    for object in certificate.children() {
        let object = object.map_err(wrong_data)?;
        let slot = match object.tag {
            0x5F37 => &mut signature,
            0x5F38 => &mut remainder,
            0x42 => &mut authority,
            _ if mutant!(CertificateObjectIgnored) => continue,
            _ => return Err(StatusWord::WRONG_DATA),
        };
        if slot.replace(object.value).is_some() {
            return Err(StatusWord::WRONG_DATA);
        }
    }
    match (signature, remainder, authority) {
        (Some(signature), Some(remainder), Some(authority)) => {
            Ok([signature, remainder, authority])
        }
        _ => Err(StatusWord::WRONG_DATA),
    }
}

/// Reads the certificate text (section 4.4 b): CPI ‖ CAR(8) ‖ CHR(12) ‖ CHA(7)
/// ‖ OID(9) ‖ modulus(256) ‖ exponent(4). `None` if any part is not what this
/// card accepts.
fn terminal_key(
    text: &[u8],
    authority: &[u8],
    ca_chr: &[u8],
    ca_cha: &[u8],
) -> Option<TerminalKey> {
    let (cpi, text) = text.split_first()?;
    let (car, text) = text.split_at_checked(8)?;
    let (chr, text) = text.split_first_chunk::<12>()?;
    let (cha, text) = text.split_at_checked(7)?;
    let (oid, text) = text.split_at_checked(KEY_OID.len())?;
    let (modulus, exponent) = text.split_at_checked(MODULUS_LEN)?;
    let (aid, role) = (ca_cha.get(..6)?, [TERMINAL_ROLE]);
    let named = car == authority && ca_chr.ends_with(car);
    let accepted = [
        *cpi == CPI || mutant!(CertificateProfileUnchecked),
        named || mutant!(CertificateAuthorityUnchecked),
        cha.strip_prefix(aid) == Some(&role) || mutant!(fn any_role(cha, aid)),
        oid == KEY_OID || mutant!(CertificateOidUnchecked),
        exponent.len() == 4,
    ];
    let accepted = accepted.into_iter().all(|part| part);
    accepted.then(|| TerminalKey {
        chr: *chr,
        modulus: modulus.to_vec(),
        exponent: exponent.to_vec(),
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! MANAGE SECURITY ENVIRONMENT, SET (ISO/IEC 7816-4 §11.5.11, sections 4.2 to
//! 4.6 of the card facts), and the key agreement that one of its forms does.

use crate::card::Card;
use crate::image::Directory;
use crate::keys::KeyReference;
use crate::memory::NonVolatile;
use crate::observe::Event;
use crate::pipeline::{Answer, Call, wrong_data};
use crate::session::{Afterwards, Agreement, Channel};
use iso7816_wire::{StatusWord, dh, mutant, tlv};
use zeroize::Zeroizing;

/// Control reference templates by P1-P2.
const KEY_AGREEMENT: u16 = 0x41A6;
const INTERNAL_AUTHENTICATION: u16 = 0x41A4;
const EXTERNAL_AUTHENTICATION: u16 = 0x81A4;
const CERTIFICATE_VERIFICATION: u16 = 0x81B6;

/// DH with privacy and SHA-256; also names the device authentication.
const ALGORITHM_PRIVACY: u8 = 0x9B;
/// RSA with PKCS#1 v1.5 padding around the data as it is.
const ALGORITHM_PKCS1: u8 = 0x02;
/// ISO 9796-2 scheme 1 with SHA-256.
const ALGORITHM_CERTIFICATE: u8 = 0x41;

const REFERENCE_DH: u8 = 0x81;
const REFERENCE_TERMINAL_CA: u8 = 0x84;

impl<M: NonVolatile> Card<M> {
    pub(crate) fn manage_security_environment(&mut self, call: &Call) -> Answer {
        let objects = ControlReference::read(&call.apdu.data)?;
        // All keys are local to DF CIE.
        let in_cie = self.volatile.directory == Directory::Cie;
        let local = |known: bool| {
            if known && (in_cie || mutant!(KeysInRoot)) {
                Ok(())
            } else {
                Err(StatusWord::REFERENCED_DATA_NOT_FOUND)
            }
        };
        match call.p1_p2() {
            KEY_AGREEMENT => {
                objects.expect_algorithm(ALGORITHM_PRIVACY)?;
                local(objects.public_key()? == [REFERENCE_DH])?;
                self.agree(objects.value(objects.dh_public)?, call.secured)?;
            }
            INTERNAL_AUTHENTICATION => {
                let (key, algorithm) = match objects.value(objects.private_key)? {
                    [0x81] if mutant!(Keys81And83Swapped) => {
                        (KeyReference::Services, ALGORITHM_PKCS1)
                    }
                    [0x83] if mutant!(Keys81And83Swapped) => {
                        (KeyReference::Authentication, ALGORITHM_PKCS1)
                    }
                    [0x81] => (KeyReference::Authentication, ALGORITHM_PKCS1),
                    [0x82] => (KeyReference::Device, ALGORITHM_PRIVACY),
                    [0x83] => (KeyReference::Services, ALGORITHM_PKCS1),
                    _ => return Err(StatusWord::REFERENCED_DATA_NOT_FOUND),
                };
                local(true)?;
                objects.expect_algorithm(algorithm)?;
                self.volatile.environment.internal = Some(key);
            }
            EXTERNAL_AUTHENTICATION => {
                // No client names the algorithm here; who does has to be right.
                if objects.algorithm.is_some() {
                    objects.expect_algorithm(ALGORITHM_PRIVACY)?;
                }
                let holder = objects.public_key()?;
                let key = self.volatile.status.terminal_key.as_ref();
                local(key.is_some_and(|key| key.chr == holder || mutant!(HolderUnchecked)))?;
                self.volatile.environment.external = true;
            }
            CERTIFICATE_VERIFICATION => {
                local(objects.public_key()? == [REFERENCE_TERMINAL_CA])?;
                objects.expect_algorithm(ALGORITHM_CERTIFICATE)?;
                self.volatile.environment.certificate = true;
            }
            _ => return Err(StatusWord::WRONG_P1_P2),
        }
        Ok(StatusWord::OK.into())
    }

    /// The card's half of the key agreement (section 4.2). The new keys wait
    /// for the first protected command; inside a session the session ends once
    /// this command is answered (choice 22).
    fn agree(&mut self, terminal_public: &[u8], secured: bool) -> Result<(), StatusWord> {
        let domain = &self.profile.dh;
        if !dh::is_valid_public(terminal_public, &domain.p) {
            return Err(StatusWord::WRONG_DATA);
        }
        let (card_public, z) = self.draw_share(terminal_public)?;
        let agreement = Agreement {
            keys: dh::derive_keys(&z),
            terminal_public: terminal_public.to_vec(),
            card_public,
        };
        self.emit(&Event::SessionKeys(&agreement.keys));
        if secured {
            self.volatile.afterwards = Some(Afterwards::Rekey(agreement));
        } else {
            self.volatile.channel = Channel::Pending(agreement);
        }
        Ok(())
    }

    /// Draws a private value and returns the card's public value and Z.
    fn draw_share(
        &mut self,
        terminal_public: &[u8],
    ) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), StatusWord> {
        let domain = &self.profile.dh;
        for _ in 0..DRAWS {
            let secret = if mutant!(DhSecretConstant) {
                [3; 32]
            } else {
                self.random.array::<32>()
            };
            let secret = Zeroizing::new(secret);
            if !is_valid_secret(&*secret, &domain.q) {
                continue;
            }
            let power = |base: &[u8]| dh::mod_exp(base, &*secret, &domain.p);
            let card_public = power(&domain.g).ok_or(StatusWord::NO_DIAGNOSIS)?;
            let z = Zeroizing::new(power(terminal_public).ok_or(StatusWord::NO_DIAGNOSIS)?);
            // The desktop clients lose more than one leading zero byte
            // (section 4.2); a value with two comes once in 65,536.
            if starts_well(&card_public) && starts_well(&z) {
                return Ok((card_public, z));
            }
        }
        Err(StatusWord::NO_DIAGNOSIS)
    }
}

/// How often a share is drawn before the card gives up: with the domain of an
/// honest image the first or second one will do.
const DRAWS: usize = 100;

/// At most one leading zero byte.
fn starts_well(number: &[u8]) -> bool {
    !number.starts_with(&[0, 0])
}

/// 1 < secret < q, both as long as q.
fn is_valid_secret(secret: &[u8], q: &[u8]) -> bool {
    let one = secret
        .split_last()
        .is_some_and(|(last, rest)| *last < 2 && rest.iter().all(|b| *b == 0));
    !one && secret < q
}

/// The data objects of a control reference template, each at most once.
#[derive(Default)]
struct ControlReference<'a> {
    algorithm: Option<&'a [u8]>,
    public_key: Option<&'a [u8]>,
    private_key: Option<&'a [u8]>,
    dh_public: Option<&'a [u8]>,
}

impl<'a> ControlReference<'a> {
    fn read(data: &'a [u8]) -> Result<Self, StatusWord> {
        let mut objects = Self::default();
        for object in tlv::Reader::new(data) {
            let object = object.map_err(wrong_data)?;
            let slot = match object.tag {
                0x80 => &mut objects.algorithm,
                0x83 => &mut objects.public_key,
                0x84 => &mut objects.private_key,
                0x91 => &mut objects.dh_public,
                _ if mutant!(MseUnknownObjectIgnored) => continue,
                _ => return Err(StatusWord::WRONG_DATA),
            };
            if slot.replace(object.value).is_some() && !mutant!(MseLastObjectWins) {
                return Err(StatusWord::WRONG_DATA);
            }
        }
        Ok(objects)
    }

    fn value(&self, object: Option<&'a [u8]>) -> Result<&'a [u8], StatusWord> {
        object.ok_or(StatusWord::WRONG_DATA)
    }

    fn public_key(&self) -> Result<&'a [u8], StatusWord> {
        self.value(self.public_key)
    }

    fn expect_algorithm(&self, algorithm: u8) -> Result<(), StatusWord> {
        if self.value(self.algorithm)? == [algorithm] || mutant!(MseAnyAlgorithm) {
            Ok(())
        } else {
            Err(StatusWord::WRONG_DATA)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_values_lie_between_1_and_q() {
        let q = [0x10, 0x00, 0x05];
        let valid = |secret: [u8; 3]| is_valid_secret(&secret, &q);
        assert!(!valid([0, 0, 0]) && !valid([0, 0, 1]) && valid([0, 0, 2]) && valid([0, 1, 0]));
        assert!(valid([0x10, 0, 4]) && !valid([0x10, 0, 5]) && !valid([0xFF, 0, 0]));
    }

    #[test]
    fn values_with_two_leading_zeros_are_drawn_again() {
        assert!(starts_well(&[1, 0]) && starts_well(&[0, 1]));
        assert!(!starts_well(&[0, 0, 1]));
    }
}

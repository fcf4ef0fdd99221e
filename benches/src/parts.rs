// SPDX-License-Identifier: MIT OR Apache-2.0
//! The public-key operations of one session, each as the bare call of the
//! crate that does it, on numbers of the same size as the card's.

use cie_personalisation::IssuedCard;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd, Resize};
use rsa::hazmat::{rsa_decrypt, rsa_encrypt};
use rsa::pkcs8::DecodePrivateKey;
use rsa::{RsaPrivateKey, RsaPublicKey};
use std::error::Error;

const BITS: u32 = 2048;

/// Numbers and keys, ready for the operations.
pub struct Parts {
    prime: Odd<BoxedUint>,
    generator: BoxedUint,
    secret: BoxedUint,
    ca_modulus: Odd<BoxedUint>,
    ca_exponent: BoxedUint,
    terminal: RsaPublicKey,
    device: RsaPrivateKey,
    authentication: RsaPrivateKey,
    block: BoxedUint,
}

/// The operations of a session inside the card, by name, in their order. The
/// first is done twice: for the card's public value and for the shared secret.
pub const OPERATIONS: [(&str, u32, Operation); 5] = [
    (
        "Diffie-Hellman exponentiation",
        2,
        Parts::diffie_hellman as Operation,
    ),
    ("long-exponent operation of key 84", 1, Parts::authority),
    ("terminal's public key", 1, Parts::terminal),
    ("key 82 by CRT", 1, Parts::device),
    ("key 81 by CRT", 1, Parts::authentication),
];

/// One public-key operation.
pub type Operation = fn(&Parts) -> BoxedUint;

impl Parts {
    /// Takes the numbers of `issued`; the terminal's modulus is of the same size.
    ///
    /// # Errors
    /// If a number or key of the card cannot be used, which
    /// [`cie_card::Card::in_memory`] would refuse as well.
    pub fn of(issued: &IssuedCard) -> Result<Self, Box<dyn Error>> {
        let profile = &issued.image.profile;
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, BITS);
        let odd = |bytes: &[u8]| {
            let number = BoxedUint::from_be_slice(bytes, BITS)?;
            Odd::new(number)
                .into_option()
                .ok_or(crypto_bigint::DecodeError::InputSize)
        };
        let key = |der: &[u8]| RsaPrivateKey::from_pkcs8_der(der);
        let device = key(profile.keys.device.expose())?;
        Ok(Self {
            prime: odd(&profile.dh.p)?,
            generator: number(&profile.dh.g)?,
            secret: BoxedUint::from_be_slice(&[0x5A; 32], 256)?,
            ca_modulus: odd(&profile.terminal_ca.modulus)?,
            ca_exponent: number(&profile.terminal_ca.exponent)?,
            terminal: RsaPublicKey::from(&device),
            authentication: key(profile.keys.authentication.expose())?,
            device,
            block: number(&[0x5A; 255])?.resize(BITS),
        })
    }

    fn power(base: &BoxedUint, exponent: &BoxedUint, modulus: &Odd<BoxedUint>) -> BoxedUint {
        let params = BoxedMontyParams::new(modulus.clone());
        BoxedMontyForm::new(base.clone(), &params)
            .pow(exponent)
            .retrieve()
    }

    fn diffie_hellman(&self) -> BoxedUint {
        Self::power(&self.generator, &self.secret, &self.prime)
    }

    fn authority(&self) -> BoxedUint {
        Self::power(&self.block, &self.ca_exponent, &self.ca_modulus)
    }

    fn terminal(&self) -> BoxedUint {
        rsa_encrypt(&self.terminal, &self.block).unwrap_or_else(|_| BoxedUint::zero())
    }

    fn device(&self) -> BoxedUint {
        private(&self.device, &self.block)
    }

    /// The operation of a signature: key 81 by CRT.
    #[must_use]
    pub fn authentication(&self) -> BoxedUint {
        private(&self.authentication, &self.block)
    }

    /// All of them, as often as a session does each.
    pub fn all(&self) {
        for (_, times, operation) in OPERATIONS {
            for _ in 0..times {
                std::hint::black_box(operation(std::hint::black_box(self)));
            }
        }
    }
}

fn private(key: &RsaPrivateKey, block: &BoxedUint) -> BoxedUint {
    rsa_decrypt::<chacha20::ChaCha20Rng>(None, key, block).unwrap_or_else(|_| BoxedUint::zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cie_personalisation::{Persona, personalise};

    /// An operation that failed would be a very fast one.
    #[test]
    fn every_operation_has_a_result() {
        let issued = personalise(&Persona::adult().unwrap(), 1).unwrap();
        let parts = Parts::of(&issued).unwrap();
        for (name, _, operation) in OPERATIONS {
            assert!(operation(&parts).bits() > 2000, "{name}");
        }
        let signed = parts.device();
        assert_eq!(rsa_encrypt(&parts.terminal, &signed).unwrap(), parts.block);
    }
}

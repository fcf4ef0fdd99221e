// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Diffie-Hellman key agreement in front of secure messaging: arithmetic
//! and key derivation of section 4.2 of the card facts (EN 14890, IAS ECC).

use crate::mutant;
use crate::sm::SessionKeys;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd, Resize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// `base ^ exponent mod modulus`, big-endian, as long as `modulus` is written.
///
/// The time taken depends on the lengths, not on the value of the exponent.
/// `None` if the modulus is even, empty or not above 1, or if the base is not
/// below it.
#[must_use]
pub fn mod_exp(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let modulus_number = odd(modulus)?;
    let base = below(base, &modulus_number)?;
    let params = BoxedMontyParams::new(modulus_number);
    let exponent_bits = u32::try_from(exponent.len().checked_mul(8)?).ok()?;
    let exponent = Zeroizing::new(BoxedUint::from_be_slice(exponent, exponent_bits.max(8)).ok()?);
    let power = BoxedMontyForm::new(base, &params).pow(&exponent).retrieve();
    Some(right_aligned(&power.to_be_bytes(), modulus.len()))
}

/// The same for numbers that are no secret, such as those of a signature that
/// is verified: faster, and the time taken depends on all of them.
#[must_use]
pub fn mod_exp_public(base: &[u8], exponent: &[u8], modulus: &[u8]) -> Option<Vec<u8>> {
    let modulus_number = odd(modulus)?;
    let base = below(base, &modulus_number)?;
    let params = BoxedMontyParams::new_vartime(modulus_number);
    let base = BoxedMontyForm::new(base, &params);
    let mut power = BoxedMontyForm::one(&params);
    let bits = exponent
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    for bit in bits.skip_while(|bit| *bit == 0) {
        power = power.square();
        if bit == 1 {
            power = power.mul(&base);
        }
    }
    Some(right_aligned(
        &power.retrieve().to_be_bytes(),
        modulus.len(),
    ))
}

/// An odd modulus above 1.
fn odd(modulus: &[u8]) -> Option<Odd<BoxedUint>> {
    let bits = u32::try_from(modulus.len().checked_mul(8)?).ok()?;
    let number = BoxedUint::from_be_slice(modulus, bits).ok()?;
    if number <= BoxedUint::one() {
        return None;
    }
    Odd::new(number).into_option()
}

/// A base below the modulus, in its precision.
fn below(base: &[u8], modulus: &Odd<BoxedUint>) -> Option<BoxedUint> {
    let precision = modulus.bits_precision();
    let base_len = u32::try_from(base.len().checked_mul(8)?).ok()?;
    let base = BoxedUint::from_be_slice(base, base_len.max(8)).ok()?;
    if base.bits() > precision {
        return None;
    }
    let base = base.resize_unchecked(precision);
    (base < **modulus).then_some(base)
}

/// The bytes of a number with leading zeros added or removed to make it
/// exactly `len` bytes; a number that needs more than `len` keeps its low end.
#[must_use]
pub fn right_aligned(number: &[u8], len: usize) -> Vec<u8> {
    let skip = number.len().saturating_sub(len);
    let digits = number.get(skip..).unwrap_or_default();
    let mut out = vec![0; len - digits.len()];
    out.extend_from_slice(digits);
    out
}

/// True if a public value can be used with modulus `p`: 2 ≤ value ≤ p − 2, in
/// at most as many bytes as `p` has (choice 19 of the card facts). Leading
/// zeros do not matter.
#[must_use]
pub fn is_valid_public(value: &[u8], p: &[u8]) -> bool {
    if value.is_empty() || value.len() > p.len() {
        return false;
    }
    let value = right_aligned(value, p.len());
    let small = matches!(value.split_last(), Some((last, rest)) if *last < 2 && rest.iter().all(|b| *b == 0));
    // p is odd, so p − 1 differs from it in the last byte only.
    let mut p_minus_1 = p.to_vec();
    if let Some(last) = p_minus_1.last_mut() {
        *last &= 0xFE;
    }
    (!small || mutant!(DhSmallAccepted))
        && (value < p_minus_1 || mutant!(DhLargeAccepted) && *value < *p)
}

/// Derives the session keys from the shared secret Z (256 bytes, with its
/// leading zeros): the first 16 bytes of SHA-256(Z ‖ 00000001) encrypt, those
/// of SHA-256(Z ‖ 00000002) authenticate.
#[must_use]
pub fn derive_keys(z: &[u8]) -> SessionKeys {
    SessionKeys {
        enc: derive(z, 1),
        mac: derive(z, 2),
    }
}

fn derive(z: &[u8], counter: u32) -> Zeroizing<[u8; 16]> {
    let mut hasher = Sha256::new();
    hasher.update(z);
    hasher.update(counter.to_be_bytes());
    let digest = Zeroizing::new(<[u8; 32]>::from(hasher.finalize()));
    let mut key = Zeroizing::new([0; 16]);
    for (to, from) in key.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use cie_vectors::published::{Figures, RFC5114};
    use hex_literal::hex;

    #[test]
    fn the_public_power_is_the_same_power() {
        let modulus = [0xC1; 32];
        for (base, exponent) in [
            (vec![2; 32], vec![1, 0, 1]),
            (vec![0xC0; 32], vec![0xFF; 32]),
            (vec![0], vec![3]),
            (vec![1, 2, 3], vec![]),
            (vec![7; 9], vec![0, 0, 5]),
            (vec![0xC1; 32], vec![3]),
            (vec![1; 33], vec![3]),
        ] {
            let secret = mod_exp(&base, &exponent, &modulus);
            assert_eq!(mod_exp_public(&base, &exponent, &modulus), secret);
        }
        assert_eq!(mod_exp_public(&[2], &[3], &[8]), None);
        assert_eq!(mod_exp_public(&[2], &[3], &[]), None);
        assert_eq!(mod_exp_public(&[0], &[3], &[1]), None);
    }

    #[test]
    fn rfc5114_key_pair() {
        let figures = Figures::parse(RFC5114).unwrap();
        let figure = |name| figures.get(name).unwrap();
        let public = mod_exp(figure("g"), figure("xa"), figure("p")).unwrap();
        assert_eq!(public, figure("ya"));
        assert!(is_valid_public(&public, figure("p")));
    }

    #[test]
    fn powers_of_small_numbers() {
        assert_eq!(mod_exp(&[4], &[13], &[0x01, 0xF1]), Some(vec![0x01, 0xBD])); // 4^13 mod 497 = 445
        assert_eq!(mod_exp(&[2], &[], &[7]), Some(vec![1]));
        assert_eq!(
            mod_exp(&[0, 0, 0, 2], &[3], &[0xFF, 0xFF]),
            Some(vec![0, 8])
        );
        assert_eq!(mod_exp(&[], &[3], &[7]), Some(vec![0]));
    }

    #[test]
    fn impossible_moduli_are_refused() {
        for modulus in [&[][..], &[0], &[1], &[8], &[0, 0]] {
            assert_eq!(mod_exp(&[3], &[3], modulus), None, "{modulus:?}");
        }
        assert_eq!(mod_exp(&[7], &[3], &[7]), None);
        assert_eq!(mod_exp(&[1, 0, 0], &[3], &[7]), None);
    }

    #[test]
    fn public_values_at_the_edges() {
        let p = hex!("00 FB"); // 251
        let ok = |v: &[u8]| is_valid_public(v, &p);
        assert!(ok(&[2]) && ok(&[0, 2]) && ok(&[0xF9]));
        assert!(!ok(&[]) && !ok(&[0]) && !ok(&[0, 1]) && !ok(&[0xFA]) && !ok(&[0xFB]));
        assert!(!ok(&[0xFF]) && !ok(&[1, 0]) && !ok(&[0, 0, 2]));
    }

    #[test]
    fn keys_come_from_two_hashes() {
        // SHA-256 of "abc" ‖ 00000001 and ‖ 00000002, from `openssl dgst`.
        let keys = derive_keys(b"abc");
        assert_eq!(*keys.enc, hex!("46c386ebccef82ba0bb0b095aaa5548b"));
        assert_eq!(*keys.mac, hex!("f885d324a47d2145a3d8392c37978d7d"));
    }
}

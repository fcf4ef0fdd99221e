// SPDX-License-Identifier: MIT OR Apache-2.0
//! Derives every ready-made key and authority certificate anew and writes
//! them into a folder, by default this crate's `keys/`:
//!
//! ```text
//! cargo run --release -p cie-personalisation --example generate_keys [-- FOLDER]
//! ```
//!
//! All of it follows from one published sentence, so these keys are secret to
//! nobody and good for tests only. The derivation uses nothing that depends
//! on a library's version:
//!
//! 1. The stream for a label is the ChaCha20 key stream (20 rounds, nonce and
//!    counter zero) under the key SHA-256(`SEED` ‖ 00 ‖ label).
//! 2. A candidate for a prime of k bytes is the next k bytes of the stream,
//!    read big-endian, with the two highest bits and the lowest bit set. It is
//!    taken if it is prime and p − 1 has no common factor with the exponent;
//!    else the next k bytes are tried.
//! 3. A key is the first two primes p, q taken from the stream of its label.
//!    Its exponent is e = 65537, d = e⁻¹ mod lcm(p − 1, q − 1).
//! 4. Key 84, the terminal CA, is the other way round (section 9 of the card
//!    facts): d is given, `keys/terminal-ca/published-private-exponent.hex`,
//!    and e = d⁻¹ mod lcm(p − 1, q − 1).
//!
//! The key files must exist, if only empty, for this crate to compile.

use chacha20::ChaCha20Rng;
use cie_personalisation::{AUTHORITY_KEY_LABELS, AuthorityKeys, CARD_KEYS, issue_authorities};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, NonZero, Resize};
use crypto_primes::{Flavor, is_prime};
use rand_core::{Rng, SeedableRng};
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use sha2::{Digest, Sha256};
use std::error::Error;
use std::path::Path;

/// The sentence that everything follows from.
const SEED: &str = "cie-personalisation TEST keys, version 1: published, worthless, for tests only";

const PUBLISHED_EXPONENT: &str = "terminal-ca/published-private-exponent.hex";

fn main() -> Result<(), Box<dyn Error>> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys");
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(|| own.clone(), Into::into);
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&folder))?;
        std::fs::write(path, bytes)
    };

    let mut authorities = Vec::new();
    for label in AUTHORITY_KEY_LABELS {
        let bytes = if matches!(label, "root" | "csca") {
            256
        } else {
            128
        };
        let key = key(label, bytes)?;
        write(
            &format!("authority/{label}.key.der"),
            key.to_pkcs8_der()?.as_bytes(),
        )?;
        authorities.push(key);
    }
    let [root, sub_ca, csca, document_signer, ocsp_signer] =
        <[_; 5]>::try_from(authorities).map_err(|_| "five authorities")?;
    let keys = AuthorityKeys {
        root,
        sub_ca,
        csca,
        document_signer,
        ocsp_signer,
    };
    let certificates = issue_authorities(&keys)?;
    write("authority/root.cert.der", &certificates.root)?;
    write("authority/sub-ca.cert.der", &certificates.sub_ca)?;
    write("authority/csca.cert.der", &certificates.csca)?;
    write(
        "authority/document-signer.cert.der",
        &certificates.document_signer,
    )?;
    write("authority/ocsp-signer.cert.der", &certificates.ocsp_signer)?;

    for set in CARD_KEYS {
        for reference in ["81", "82", "83"] {
            let label = format!("card-{}/{reference}", set.id);
            let key = key(&label, 128)?;
            write(&format!("{label}.key.der"), key.to_pkcs8_der()?.as_bytes())?;
        }
    }

    let published = std::fs::read_to_string(own.join(PUBLISHED_EXPONENT))?;
    let d = BoxedUint::from_be_slice(&hex::decode(published.trim())?, 2048)?;
    let (p, q) = primes("terminal-ca/84", 128, &d);
    let (n, lambda) = modulus_and_lambda(&p, &q)?;
    let e = d
        .invert_mod(&lambda)
        .into_option()
        .ok_or("no public exponent")?;
    let terminal_ca = RsaPrivateKey::from_components_with_large_exponent(n, e, d, vec![p, q])?;
    write(
        "terminal-ca/84.key.der",
        terminal_ca.to_pkcs8_der()?.as_bytes(),
    )?;
    Ok(())
}

/// Rules 1 to 3.
fn key(label: &str, prime_bytes: usize) -> Result<RsaPrivateKey, Box<dyn Error>> {
    let bits = u32::try_from(prime_bytes)? * 16;
    let e = BoxedUint::from_be_slice(&[0x01, 0x00, 0x01], 32)?;
    let (p, q) = primes(label, prime_bytes, &e);
    let (n, lambda) = modulus_and_lambda(&p, &q)?;
    let wide_e = e.clone().resize(bits);
    let d = wide_e
        .invert_mod(&lambda)
        .into_option()
        .ok_or("no private exponent")?;
    Ok(RsaPrivateKey::from_components(n, e, d, vec![p, q])?)
}

/// Rules 1 and 2: the first two good primes of the stream.
fn primes(label: &str, prime_bytes: usize, exponent: &BoxedUint) -> (BoxedUint, BoxedUint) {
    let mut hash = Sha256::new();
    hash.update(SEED.as_bytes());
    hash.update([0]);
    hash.update(label.as_bytes());
    let mut stream = ChaCha20Rng::from_seed(hash.finalize().into());
    let mut next = || loop {
        let mut candidate = vec![0; prime_bytes];
        stream.fill_bytes(&mut candidate);
        if let Some(prime) = good_prime(candidate, exponent) {
            return prime;
        }
    };
    (next(), next())
}

fn good_prime(mut candidate: Vec<u8>, exponent: &BoxedUint) -> Option<BoxedUint> {
    *candidate.first_mut()? |= 0xC0;
    *candidate.last_mut()? |= 0x01;
    let bits = u32::try_from(candidate.len()).ok()? * 8;
    let candidate = BoxedUint::from_be_slice(&candidate, bits).ok()?;
    let width = bits.max(exponent.bits_precision());
    let one = BoxedUint::one_with_precision(width);
    let before = candidate.clone().resize(width).wrapping_sub(&one);
    let coprime = before.gcd(&exponent.clone().resize(width)) == one;
    (is_prime(Flavor::Any, &candidate) && coprime).then_some(candidate)
}

/// n = pq and λ = lcm(p − 1, q − 1), both as wide as n.
fn modulus_and_lambda(
    p: &BoxedUint,
    q: &BoxedUint,
) -> Result<(BoxedUint, NonZero<BoxedUint>), &'static str> {
    let one = BoxedUint::one_with_precision(p.bits_precision());
    let (before_p, before_q) = (p.wrapping_sub(&one), q.wrapping_sub(&one));
    let product = before_p.concatenating_mul(&before_q);
    let divisor = before_p.gcd(&before_q).resize(product.bits_precision());
    let divisor = NonZero::new(divisor).into_option().ok_or("p = 1")?;
    let lambda = NonZero::new(product.wrapping_div(&divisor))
        .into_option()
        .ok_or("p = 1")?;
    Ok((p.concatenating_mul(q), lambda))
}

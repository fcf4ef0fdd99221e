// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the card costs, beside what its primitives alone cost.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros, and a benchmark may panic

use chacha20::ChaCha20Rng;
use cie_benches::{channel, log_in};
use cie_personalisation::{Persona, personalise};
use cie_terminal::digest::HashAlgorithm;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use iso7816_wire::sm::{Primitives, pad};
use iso7816_wire::{CardDoor, CommandApdu, dh};
use rand_core::SeedableRng;
use std::hint::black_box;

fn issued() -> cie_personalisation::IssuedCard {
    personalise(&Persona::adult().unwrap(), 1).unwrap()
}

/// A READ BINARY of 231 bytes in secure messaging inside the card, and the same
/// 3DES and retail-MAC work alone.
fn secure_messaging(c: &mut Criterion) {
    let issued = issued();
    let mut group = c.benchmark_group("secure-messaging");
    let mut channel = channel(&issued).unwrap();
    log_in(&mut channel, &issued, &mut ChaCha20Rng::from_seed([1; 32])).unwrap();
    let card = channel.transport().0.clone();
    let mut session = channel.session().unwrap().clone();
    let read = CommandApdu::new(0, 0xB0, 0x83, 0).with_le(231);
    let sealed = session.seal_command(&read).unwrap().encode().unwrap();
    group.bench_function("read 231 bytes, whole exchange in the card", |b| {
        b.iter_batched_ref(
            || card.clone(),
            |card| black_box(card.transmit(black_box(&sealed))),
            BatchSize::SmallInput,
        );
    });

    let keys = dh::derive_keys(&[7; 256]);
    let primitives = Primitives::new(&keys);
    // Command: MAC over 24 bytes. Response: 232 bytes of 3DES, MAC over
    // 8 + 236 + 4 bytes, padded to 256.
    let command = vec![0x5A; 24];
    let mut content = vec![0xA5; 231];
    pad(&mut content);
    let response = vec![0xA5; 256];
    group.bench_function("read 231 bytes, primitives alone", |b| {
        b.iter(|| {
            let mut data = content.clone();
            black_box(primitives.mac(black_box(&command)));
            primitives.encrypt(black_box(&mut data));
            black_box(primitives.mac(black_box(&response)));
            data
        });
    });
    group.finish();
}

/// A whole session: key agreement, device authentication, PIN, one signature;
/// terminal and card together.
fn session(c: &mut Criterion) {
    let issued = issued();
    let mut group = c.benchmark_group("session");
    group.sample_size(20);
    group.bench_function("personalise", |b| b.iter(|| black_box(self::issued())));
    group.bench_function("build a card from its image", |b| {
        b.iter(|| black_box(channel(&issued).unwrap()));
    });
    let fresh = channel(&issued).unwrap();
    group.bench_function("log in and sign, terminal and card", |b| {
        b.iter_batched_ref(
            || fresh.clone(),
            |channel| {
                log_in(channel, &issued, &mut ChaCha20Rng::from_seed([1; 32])).unwrap();
                black_box(
                    channel
                        .sign_message(HashAlgorithm::Sha256, b"message")
                        .unwrap(),
                )
            },
            BatchSize::SmallInput,
        );
    });
    let domain = &issued.image.profile.dh;
    group.bench_function("one Diffie-Hellman exponentiation", |b| {
        b.iter(|| black_box(dh::mod_exp(&domain.g, &[0x5A; 32], &domain.p).unwrap()));
    });
    let ca = &issued.image.profile.terminal_ca;
    group.bench_function("long-exponent operation of key 84", |b| {
        b.iter(|| black_box(dh::mod_exp(&[0x5A; 255], &ca.exponent, &ca.modulus).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, secure_messaging, session);
criterion_main!(benches);

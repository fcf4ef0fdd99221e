// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the card costs, beside what its primitives alone cost.
#![allow(missing_docs, clippy::unwrap_used)] // criterion's macros, and a benchmark may panic

use chacha20::ChaCha20Rng;
use cie_benches::{BareRead, OPERATIONS, Parts, ProtectedRead, RecordedSession, channel};
use cie_personalisation::{IssuedCard, Persona, personalise};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use iso7816_wire::CardDoor;
use rand_core::SeedableRng;
use std::hint::black_box;

fn issued() -> IssuedCard {
    personalise(&Persona::adult().unwrap(), 1).unwrap()
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

/// A READ BINARY of 231 bytes in secure messaging inside the card, the same
/// 3DES and retail-MAC work alone, and the same bytes in plain.
fn secure_messaging(c: &mut Criterion) {
    let issued = issued();
    let mut group = c.benchmark_group("read 231 bytes");
    let read = ProtectedRead::new(&issued, &mut rng()).unwrap();
    group.bench_function("in secure messaging, in the card", |b| {
        b.iter_batched_ref(
            || read.card.clone(),
            |card| black_box(card.transmit(black_box(&read.sealed))),
            BatchSize::SmallInput,
        );
    });
    let bare = BareRead::default();
    group.bench_function("its primitives alone", |b| b.iter(|| bare.run()));
    let mut plain = RecordedSession::new(&issued, &mut rng()).unwrap().card();
    plain.transmit(b"\x00\xA4\x04\x0C\x06\xA0\x00\x00\x00\x00\x39");
    group.bench_function("in plain, in the card", |b| {
        b.iter(|| black_box(plain.transmit(black_box(b"\x00\xB0\x86\x00\xE7"))));
    });
    group.finish();
}

/// A session inside the card, the public-key operations it consists of alone,
/// and what it takes to have a card.
fn session(c: &mut Criterion) {
    let issued = issued();
    let mut group = c.benchmark_group("session");
    group.sample_size(20);
    let recorded = RecordedSession::new(&issued, &mut rng()).unwrap();
    group.bench_function("key agreement to signature, in the card", |b| {
        b.iter_batched_ref(
            || recorded.card(),
            |card| black_box(recorded.run(card)),
            BatchSize::SmallInput,
        );
    });
    let parts = Parts::of(&issued).unwrap();
    group.bench_function("its public-key operations alone", |b| {
        b.iter(|| parts.all())
    });
    for (name, _, operation) in OPERATIONS {
        group.bench_function(name, |b| b.iter(|| black_box(operation(black_box(&parts)))));
    }
    group.bench_function("personalise", |b| b.iter(|| black_box(self::issued())));
    group.bench_function("build a card from its image", |b| {
        b.iter(|| black_box(channel(&issued).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, secure_messaging, session);
criterion_main!(benches);

// SPDX-License-Identifier: MIT OR Apache-2.0
//! File handles, threads and memory of a server in a process of its own,
//! before and after.
//!
//! Files and threads must be exactly as many as before. Memory may grow by
//! what the tests name: the allocator keeps pages that it got back.

use std::path::Path;
use std::time::{Duration, Instant};

use cie_reader::protocol::codes::{disposition, rv};
use cie_reader::protocol::{Reply, Request};

use crate::common::Client;
use crate::process::Served;
use crate::witness::stranger_has_it_alone;
use crate::{Dice, Round, amount, first_seed};

/// KiB that memory may grow by after the warm-up: 100 bytes for each of ten
/// thousand clients would be found.
const CONNECTS: usize = 1024;
/// After a great many threads at once.
const CROWD: usize = 4096;

fn visit(path: &Path, reader: &str) {
    let mut client = Client::connected(path, reader);
    let release = Request::Release(cie_reader::protocol::Release {
        context: client.context,
        rv: 0,
    });
    assert!(matches!(client.ask(&release), Reply::Release(reply) if reply.rv == rv::SUCCESS));
}

#[test]
fn ten_thousand_connects() {
    let served = Served::start(2);
    let name = Served::name(0);
    let fresh = served.figures();
    for _ in 0..1_000 {
        visit(&served.path, &name);
    }
    let before = served.settled(&fresh);
    for _ in 0..10_000 {
        visit(&served.path, &name);
    }
    let after = served.settled(&before);
    println!("fresh {fresh:?}, warm {before:?}, after {after:?}");
    assert_eq!((after.files, after.threads), (before.files, before.threads));
    assert!(
        after.memory <= before.memory + CONNECTS,
        "{before:?} has become {after:?}"
    );
    stranger_has_it_alone(&served.path, &name);
}

/// One of many clients, until the time is over; how much it did.
fn client_of_the_crowd(path: &Path, readers: usize, seed: u64, until: Instant) -> usize {
    let round = Round(seed);
    let mut dice = Dice(seed);
    let mut done = 0;
    while Instant::now() < until {
        let mut client = Client::new(path, dice.pick(&[4, 5, 6]));
        let request = client.connect_request(&Served::name(dice.below(readers)));
        let Reply::Connect(reply) = client.ask(&request) else {
            panic!()
        };
        if reply.rv == rv::NO_SMARTCARD {
            continue;
        }
        assert_eq!(reply.rv, rv::SUCCESS, "{:08X}", reply.rv);
        client.card = reply.card;
        // Others have it, took it out, or died with it.
        let fair = [
            rv::SUCCESS,
            rv::SHARING_VIOLATION,
            rv::RESET_CARD,
            rv::REMOVED_CARD,
            rv::NO_SMARTCARD,
        ];
        for _ in 0..dice.below(10) {
            let begun = client.begin();
            assert!(fair.contains(&begun), "{begun:08X}");
            let count = dice.pick(&[1, 20, 3000]);
            let word = dice.bytes(count);
            let (rv, data) = client.transmit(&[&[0xFF], &*word].concat());
            assert!(fair.contains(&rv), "{rv:08X}");
            if rv == rv::SUCCESS {
                assert_eq!(
                    data,
                    [&*word, &[0x90, 0]].concat(),
                    "somebody else's answer"
                );
                done += 1;
            }
            if begun == rv::SUCCESS && dice.below(10) > 0 {
                client.end();
            }
        }
        match dice.below(4) {
            0 => assert_eq!(client.disconnect(disposition::LEAVE), rv::SUCCESS),
            1 => client.wait(),
            2 => client.send(&client.transmit_request(&[0xFF; 500])),
            _ => {}
        }
    }
    drop(round);
    done
}

fn crowd(served: &mut Served, readers: usize, clients: u64, time: Duration) -> usize {
    let until = Instant::now() + time;
    let path = served.path.clone();
    let path = path.as_path();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients)
            .map(|n| {
                let seed = first_seed() * 1000 + n;
                scope.spawn(move || client_of_the_crowd(path, readers, seed, until))
            })
            .collect();
        let mut dice = Dice(first_seed());
        while Instant::now() < until {
            served.swap(dice.below(readers));
        }
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    })
}

#[test]
fn two_hundred_readers_and_sixty_four_clients() {
    const READERS: usize = 200;
    const CLIENTS: u64 = 64;
    let seconds = |short, long| Duration::from_secs(amount(short, long) as u64);
    let mut served = Served::start(READERS);
    let fresh = served.figures();
    crowd(&mut served, READERS, CLIENTS, seconds(2, 15));
    let before = served.settled(&fresh);
    let done = crowd(&mut served, READERS, CLIENTS, seconds(4, 60));
    let after = served.settled(&before);
    println!("{done} exchanges; fresh {fresh:?}, warm {before:?}, after {after:?}");
    assert!(done > 500, "only {done} exchanges");
    assert_eq!((after.files, after.threads), (before.files, before.threads));
    assert!(
        after.memory <= before.memory + CROWD,
        "{before:?} has become {after:?}"
    );
    for reader in [0, 15, 16, READERS - 1] {
        stranger_has_it_alone(&served.path, &Served::name(reader));
    }
}

/// Half a request of the greatest length, and answers nobody fetches: what each
/// such client costs is bounded, and given back.
#[test]
fn those_who_stay_cost_a_bounded_amount() {
    const CLIENTS: usize = 64;
    // Less than a request and its answer for each, with room for allocation.
    const EACH: usize = 320;
    let served = Served::start(1);
    let name = Served::name(0);
    let crowd = || {
        (0..CLIENTS)
            .map(|number| {
                use std::io::Write;
                let mut client = Client::connected(&served.path, &name);
                let patience = Some(Duration::from_millis(20));
                client.stream.set_write_timeout(patience).unwrap();
                let whole = client.transmit_request(&[0xFF; 65_000]).to_bytes();
                let bytes = if number % 2 == 0 {
                    whole[..64_000].to_vec()
                } else {
                    Request::GetReadersState.to_bytes().repeat(50_000)
                };
                let _ = client.stream.write_all(&bytes);
                client
            })
            .collect::<Vec<_>>()
    };
    let fresh = served.figures();
    for _ in 0..4 {
        let stay = crowd();
        served.figures_at_rest();
        drop(stay);
        served.settled(&fresh);
    }
    let before = served.settled(&fresh);
    let stay = crowd();
    let meanwhile = served.figures_at_rest();
    drop(stay);
    let after = served.settled(&before);
    println!("fresh {fresh:?}, warm {before:?}, meanwhile {meanwhile:?}, after {after:?}");
    assert!(meanwhile.memory <= fresh.memory + CLIENTS * EACH);
    assert!(after.memory <= before.memory + CONNECTS);
    stranger_has_it_alone(&served.path, &name);
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes, lengths and commands on the pcsc-lite socket.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::path::Path;
use std::time::Duration;

use cie_reader::protocol::{Command, Header, Parsed, Reply, Request};
use cie_reader::{Place, ReaderServer, ReaderSpec, RunningServer};

use crate::common::{Client, FIRST, SECOND};
use crate::witness::{Witness, stranger_has_it_alone};
use crate::{Dice, Echo, Round, amount, first_seed};

fn server() -> RunningServer {
    let readers = [FIRST, SECOND].map(|name| ReaderSpec::with_card(name, Box::new(Echo)));
    ReaderServer::bind(&Place::Private, readers.into())
        .unwrap()
        .spawn()
        .unwrap()
}

fn message(size: u32, command: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header { size, command }.encode(&mut bytes);
    [bytes, body.to_vec()].concat()
}

/// A client that has said nothing, a version, or everything up to a handle.
fn liar(path: &Path, dice: &mut Dice) -> Client {
    match dice.below(4) {
        0 => Client::silent(path),
        1 => Client::new(path, dice.pick(&[4, 5, 6])),
        _ => Client::connected(path, FIRST),
    }
}

/// A request with a body of the right size. Half of the fields are what they
/// should be, so that more than the first check is reached.
fn request(client: &Client, dice: &mut Dice) -> Vec<u8> {
    let command = dice.pick(&Command::ALL);
    let mut body = vec![0; command.body_size()];
    for word in body.chunks_exact_mut(4) {
        let value = match dice.below(8) {
            0 => u32::try_from(dice.next() >> 32).unwrap(),
            1 => u32::MAX,
            2 => client.context,
            3 => 264,
            _ => u32::try_from(dice.below(5)).unwrap(),
        };
        word.copy_from_slice(&value.to_ne_bytes());
    }
    if let (Some(place), true) = (body.get_mut(..4), dice.below(4) > 0) {
        let own = match command {
            Command::Connect | Command::Release | Command::Cancel => client.context,
            _ => client.card.unsigned_abs(),
        };
        place.copy_from_slice(&own.to_ne_bytes());
    }
    if let (Command::Connect, Some(name), true) = (command, body.get_mut(4..), dice.below(4) > 0) {
        name[..FIRST.len()].copy_from_slice(FIRST.as_bytes());
        name[FIRST.len()] = 0;
    }
    let mut extra = Vec::new();
    let at = match command {
        Command::Transmit => 12,
        Command::Control => 8,
        _ => body.len(),
    };
    if let (Some(length), true) = (body.get_mut(at..at + 4), dice.below(8) > 0) {
        let count = dice.pick(&[0, 1, 5, 300, 4096]);
        length.copy_from_slice(&u32::try_from(count).unwrap().to_ne_bytes());
        extra = dice.bytes(count);
        if let Some(first) = extra.first_mut() {
            *first = 0xFF;
        }
    }
    let size = u32::try_from(body.len()).unwrap();
    [message(size, command.number(), &body), extra].concat()
}

/// Hangs up, hangs up in one direction, or leaves when the rest was read.
fn leave(mut client: Client, dice: &mut Dice) {
    match dice.below(3) {
        0 => {}
        1 => drop(client.stream.shutdown(Shutdown::Write)),
        _ => {
            let _ = client.stream.shutdown(Shutdown::Write);
            let mut rest = Vec::new();
            if let Err(error) = client.stream.read_to_end(&mut rest) {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
            }
        }
    }
}

/// Runs `attack` with many seeds. One witness shares the attacked reader, the
/// other has the next one; the attacker is still there when that one is asked.
fn attack(rounds: usize, mut attack: impl FnMut(&mut Client, &mut Dice)) {
    let server = server();
    let path = server.path();
    let mut neighbour = Witness::new(path, SECOND);
    let mut sharer = Witness::new(path, FIRST);
    for seed in (first_seed()..).take(rounds) {
        let round = Round(seed);
        let mut dice = Dice(seed);
        let mut client = liar(path, &mut dice);
        attack(&mut client, &mut dice);
        neighbour.is_undisturbed();
        leave(client, &mut dice);
        sharer.gets_on();
        drop(round);
    }
    drop((neighbour, sharer));
    stranger_has_it_alone(path, FIRST);
    stranger_has_it_alone(path, SECOND);
    let states = server.control().states();
    assert!(states.iter().all(|state| state.sharing == 0), "{states:?}");
    server.stop().unwrap();
}

#[test]
fn random_bytes() {
    attack(amount(150, 20_000), |client, dice| {
        let count = dice.pick(&[1, 7, 8, 9, 40, 1000, 70_000]);
        let _ = client.stream.write_all(&dice.bytes(count));
    });
}

#[test]
fn every_command_with_every_wrong_size() {
    let mut number = 0;
    attack(amount(0x1A * 8, 0x1A * 8 * 20), |client, dice| {
        let command = number % 0x1A;
        let right = Command::from_number(command)
            .map_or(4, |command| u32::try_from(command.body_size()).unwrap());
        let size = match number / 0x1A % 8 {
            0 => 0,
            1 => 1,
            2 => right.wrapping_sub(1),
            3 => right + 1,
            4 => right * 2,
            5 => u32::MAX,
            6 => 0x8000_0000,
            _ => u32::try_from(dice.next() >> 32).unwrap(),
        };
        number += 1;
        let body = dice.bytes(usize::try_from(size).unwrap().min(5000));
        let _ = client.stream.write_all(&message(size, command, &body));
        if size != right || Command::from_number(command).is_none() {
            // Its sender is cut off, whether it waits for that or not.
            client.assert_closed();
        }
    });
}

#[test]
fn well_formed_nonsense_one_after_the_other() {
    attack(amount(150, 20_000), |client, dice| {
        for _ in 0..1 + dice.below(12) {
            let bytes = request(client, dice);
            if client.stream.write_all(&bytes).is_err() {
                return;
            }
        }
    });
}

#[test]
fn cut_off_anywhere() {
    attack(amount(150, 20_000), |client, dice| {
        let bytes = request(client, dice);
        let _ = client.stream.write_all(&bytes[..dice.below(bytes.len())]);
    });
}

#[test]
fn many_in_one_piece_with_one_wrong_bit() {
    attack(amount(150, 20_000), |client, dice| {
        let mut bytes: Vec<u8> = (0..1 + dice.below(6))
            .flat_map(|_| request(client, dice))
            .collect();
        let place = dice.below(bytes.len());
        bytes[place] ^= 1 << dice.below(8);
        let _ = client.stream.write_all(&bytes);
    });
}

#[test]
fn byte_by_byte() {
    attack(amount(15, 1_000), |client, dice| {
        let bytes = request(client, dice);
        for byte in bytes.chunks(1).take(200) {
            if client.stream.write_all(byte).is_err() {
                return;
            }
        }
    });
}

/// What a server says to nonsense of the right form is an answer of the right
/// form, or the end of the connection.
#[test]
fn every_well_formed_request_has_one_answer_or_ends_the_connection() {
    let server = server();
    let path = server.path();
    let mut keeper = Witness::new(path, FIRST);
    let (mut answers, mut ends) = (0, 0);
    for seed in (first_seed()..).take(amount(300, 20_000)) {
        let round = Round(seed);
        let mut dice = Dice(seed);
        keeper.gets_on();
        let mut client = Client::connected(path, FIRST);
        for _ in 0..8 {
            let bytes = request(&client, &mut dice);
            let Ok(Parsed::Complete(request, used)) = Request::parse(&bytes) else {
                continue;
            };
            // These have none, or one that another request brings about.
            if used != bytes.len()
                || matches!(request, Request::Wait | Request::StopWaiting)
                || matches!(&request, Request::Version(_))
            {
                continue;
            }
            if client.stream.write_all(&bytes).is_err() {
                break;
            }
            match reply(&mut client, request.command()) {
                Some(_) => answers += 1,
                None => {
                    ends += 1;
                    break;
                }
            }
        }
        drop(round);
    }
    drop(keeper);
    assert!(answers > 100 && ends > 10, "{answers} answers, {ends} ends");
    stranger_has_it_alone(path, FIRST);
}

/// The answer, and nothing behind it; `None` at the end.
fn reply(client: &mut Client, command: Command) -> Option<Reply> {
    let mut bytes = Vec::new();
    loop {
        if let Parsed::Complete(reply, used) =
            Reply::parse(command, client.readers, &bytes).expect("no answer to that")
        {
            assert_eq!(used, bytes.len(), "more than one answer to {command:?}");
            return Some(reply);
        }
        let mut chunk = [0; 4096];
        match client.stream.read(&mut chunk) {
            Ok(0) => {
                assert!(bytes.is_empty(), "half an answer to {command:?}");
                return None;
            }
            Ok(count) => bytes.extend(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
            Err(error) => panic!("no answer to {command:?}: {error}"),
        }
    }
}

/// Half a request, or requests whose answers are not read: they stay, and stay harmless.
#[test]
fn those_who_stay() {
    let server = server();
    let path = server.path();
    let mut witness = Witness::new(path, FIRST);
    let mut neighbour = Witness::new(path, SECOND);
    let mut stay = Vec::new();
    let mut dice = Dice(first_seed());
    for number in 0..amount(24, 150) {
        let mut client = Client::connected(path, FIRST);
        let whole = client.transmit_request(&[0xFF; 60_000]).to_bytes();
        client
            .stream
            .set_write_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let bytes = match number % 3 {
            0 => whole[..1 + dice.below(whole.len() - 1)].to_vec(),
            // Answers of 3 kB each until its socket is full, and more.
            1 => Request::GetReadersState.to_bytes().repeat(2_000),
            _ => whole.repeat(8),
        };
        let _ = client.stream.write_all(&bytes);
        stay.push(client);
        witness.gets_on();
        neighbour.is_undisturbed();
    }
    let mut late = Client::new(path, 6);
    assert_eq!(late.ask(&Request::GetStateSize), Reply::StateSize(16));
    drop((stay, witness, neighbour));
    stranger_has_it_alone(path, FIRST);
    assert_eq!(late.ask(&Request::GetStateSize), Reply::StateSize(16));
}

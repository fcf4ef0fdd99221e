// SPDX-License-Identifier: MIT OR Apache-2.0
//! The client process: reads one call a line, makes it, says what came of it.
//!
//! A line is `thread call arguments…`; the answer is `thread text`. Each thread
//! of the scenario is a thread here, so that one can wait while another acts.
//! Contexts and card handles have names, shared by all threads.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::raw::{self, Filled, Room, Rv, Watched};
use crate::wire::Wires;
use crate::words;

/// What the threads share.
#[derive(Default)]
struct Known {
    /// Contexts and card handles by name.
    handles: BTreeMap<String, i64>,
    /// Connections that speak the protocol themselves.
    wires: Wires,
    /// What each context last saw of each reader.
    seen: BTreeMap<(String, String), u64>,
}

type Shared = Arc<Mutex<Known>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Known> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves standard input until it ends.
///
/// # Errors
/// What reading it fails with.
pub fn run() -> std::io::Result<()> {
    let shared = Shared::default();
    let mut threads: BTreeMap<String, Sender<String>> = BTreeMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (thread, call) = line.split_once(' ').unwrap_or((&line, ""));
        let inbox = threads.entry(thread.to_owned()).or_insert_with(|| {
            let (sender, receiver) = channel::<String>();
            let (shared, name) = (Arc::clone(&shared), thread.to_owned());
            std::thread::spawn(move || {
                for call in receiver {
                    let text = perform(&shared, &call);
                    let mut out = std::io::stdout().lock();
                    // Nobody reads any more: the parent is gone.
                    if writeln!(out, "{name} {text}")
                        .and_then(|()| out.flush())
                        .is_err()
                    {
                        std::process::exit(1);
                    }
                }
            });
            sender
        });
        if inbox.send(call.to_owned()).is_err() {
            break;
        }
    }
    Ok(())
}

/// Makes one call; the text says what came of it, or that it was not understood.
fn perform(shared: &Shared, call: &str) -> String {
    let words: Vec<&str> = call.split_whitespace().collect();
    attempt(shared, &words).unwrap_or_else(|| format!("cannot read: {call}"))
}

fn attempt(shared: &Shared, words: &[&str]) -> Option<String> {
    let handle = |word: &str| match word.strip_prefix('@') {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => lock(shared).handles.get(word).copied(),
    };
    Some(match *words {
        ["wire", name, ref call @ ..] => lock(shared).wires.perform(name, call)?,
        ["est", name] => establish(shared, name, 2),
        ["est", name, scope] => establish(shared, name, words::number(scope)?),
        ["est-nowhere"] => words::result(raw::establish_nowhere()),
        ["rel", context] => words::result(raw::release(handle(context)?)),
        ["valid", context] => words::result(raw::is_valid(handle(context)?)),
        ["cancel", context] => words::result(raw::cancel(handle(context)?)),
        ["readers", context, size] => list(raw::list_readers(handle(context)?, room(size)?)),
        ["groups", context, size] => list(raw::list_groups(handle(context)?, room(size)?)),
        ["connect", context, name, reader, share, protocols] => {
            let (rv, card, active) = raw::connect(
                handle(context)?,
                words::reader(&reader.replace('_', " ")).as_deref(),
                words::number(share)?,
                words::number(protocols)?,
            );
            if rv == 0 {
                lock(shared).handles.insert(name.to_owned(), card);
                format!("ok active={active}")
            } else {
                words::result(rv)
            }
        }
        ["reconnect", card, share, protocols, initialization] => {
            let (rv, active) = raw::reconnect(
                handle(card)?,
                words::number(share)?,
                words::number(protocols)?,
                words::number(initialization)?,
            );
            if rv == 0 {
                format!("ok active={active}")
            } else {
                words::result(rv)
            }
        }
        ["disc", card, disposition] => {
            words::result(raw::disconnect(handle(card)?, words::number(disposition)?))
        }
        ["begin", card] => words::result(raw::begin(handle(card)?)),
        ["end", card, disposition] => {
            words::result(raw::end(handle(card)?, words::number(disposition)?))
        }
        ["status", card] => status(handle(card)?, Room::Bytes(128), Room::Bytes(33)),
        ["status", card, name, atr] => status(handle(card)?, room(name)?, room(atr)?),
        ["change", context, timeout, ref readers @ ..] => change(
            shared,
            (context, handle(context)?),
            words::number(timeout)?,
            readers,
        )?,
        ["transmit", card, protocol, command, size] => {
            let protocol = match protocol {
                "null" => None,
                word => Some(words::number(word)?),
            };
            let command = match command {
                "null" => None,
                word => Some(words::bytes(word)?),
            };
            filled(raw::transmit(
                handle(card)?,
                protocol,
                command.as_deref(),
                room(size)?,
            ))
        }
        ["transmit-pci", card, protocol, command] => {
            let (rv, data, protocol, length) = raw::transmit_pci(
                handle(card)?,
                words::number(protocol)?,
                &words::bytes(command)?,
            );
            format!("{} pci={protocol:#x},{length}", filled((rv, data)))
        }
        ["control", card, code, input, size] => {
            let input = match input {
                "-" => Vec::new(),
                word => words::bytes(word)?,
            };
            filled(raw::control(
                handle(card)?,
                words::number(code)?,
                &input,
                room(size)?,
            ))
        }
        ["attrib", card, id, size] => filled(raw::get_attribute(
            handle(card)?,
            words::number(id)?,
            room(size)?,
        )),
        ["setattrib", card, id, value] => {
            let value = match value {
                "null" => None,
                word => Some(words::bytes(word)?),
            };
            words::result(raw::set_attribute(
                handle(card)?,
                words::number(id)?,
                value.as_deref(),
            ))
        }
        _ => return None,
    })
}

/// `null`, `nothing`, or a number of bytes.
fn room(word: &str) -> Option<Room> {
    match word {
        "null" => Some(Room::Absent),
        "nothing" => Some(Room::Nothing),
        digits => digits.parse().ok().map(Room::Bytes),
    }
}

fn establish(shared: &Shared, name: &str, scope: u64) -> String {
    let (rv, context) = raw::establish(scope);
    if rv == 0 {
        lock(shared).handles.insert(name.to_owned(), context);
    }
    words::result(rv)
}

fn overrun(filled: &Filled) -> &'static str {
    if filled.overrun { " OVERRUN" } else { "" }
}

fn filled((rv, data): (Rv, Filled)) -> String {
    let mut text = format!("{} length={}", words::result(rv), data.length);
    if !data.bytes.is_empty() {
        text.push(' ');
        text.push_str(&words::hex(&data.bytes));
    }
    text + overrun(&data)
}

/// A list of names, each ended by NUL.
fn list((rv, data): (Rv, Filled)) -> String {
    let names = String::from_utf8_lossy(&data.bytes).replace('\0', "|");
    format!(
        "{} length={} {}{}",
        words::result(rv),
        data.length,
        words::shorten(&names),
        overrun(&data)
    )
    .trim_end()
    .to_owned()
}

fn status(card: i64, name: Room, atr: Room) -> String {
    let (rv, status) = raw::status(card, name, atr);
    let reader = String::from_utf8_lossy(&status.name.bytes).replace('\0', "|");
    let mut text = words::result(rv);
    if rv == 0 || status.name.length != 0 {
        text += &format!(
            " name={},{} state={} protocol={} atr={},{}",
            status.name.length,
            words::shorten(&reader),
            words::status_state(status.state),
            status.protocol,
            status.atr.length,
            words::hex(&status.atr.bytes),
        );
    }
    text + overrun(&status.name) + overrun(&status.atr)
}

/// Readers are `name:state`; the state `=` is what this context last saw.
fn change(
    shared: &Shared,
    (context, number): (&str, i64),
    timeout: u64,
    readers: &[&str],
) -> Option<String> {
    let key = |word: &str| (context.to_owned(), word.to_owned());
    let mut watched = Vec::new();
    for reader in readers {
        let (word, state) = reader.split_once(':')?;
        let current = match state {
            "=" => lock(shared).seen.get(&key(word)).copied().unwrap_or(0),
            flags => words::state(flags)?,
        };
        watched.push(Watched {
            name: words::reader(&word.replace('_', " ")),
            current,
            event: 0,
            atr: Vec::new(),
        });
    }
    let rv = raw::get_status_change(number, timeout, &mut watched);
    let mut text = words::result(rv);
    for (reader, seen) in readers.iter().zip(&watched) {
        let (word, _) = reader.split_once(':')?;
        lock(shared).seen.insert(key(word), seen.event & !0x2);
        text += &format!(" {word}={}", words::event_state(seen.event));
        if !seen.atr.is_empty() {
            text += &format!(",{}", words::hex(&seen.atr));
        }
    }
    Some(text)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns the card's events into exchanges and writes them down.

use super::history::History;
use super::mask::{Disclosure, show};
use super::words::describe;
use super::writer::Writer;
use crate::out::printable;
use cie_card::image::CardState;
use cie_card::{Event, Observer};
use cie_reader::observer::{ReaderEvent, ReaderObserver};
use iso7816_wire::apdu::{CLA_CHAINING, CLA_SM, CommandApdu, ResponseApdu, SHORT_DATA_MAX};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many lines about PC/SC calls are kept for the report.
const CALLS_KEPT: usize = 20;

/// What the first lines of a trace say.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) persona: String,
    pub(crate) seed: u64,
    pub(crate) family: String,
    /// Lines that only some cards have: name and value.
    pub(crate) more: Vec<(&'static str, String)>,
}

/// A trace being written.
pub(crate) struct TraceFile {
    out: Writer,
    secrets: bool,
}

impl TraceFile {
    /// Creates the file, readable by its owner only if it will hold secrets,
    /// and writes the header.
    pub(crate) fn create(path: &Path, secrets: bool, header: &Header) -> io::Result<Self> {
        let mode = if secrets { 0o600 } else { 0o666 };
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(path)?;
        if secrets {
            // An older file keeps its mode when it is opened.
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        let mut out = BufWriter::new(file);
        writeln!(out, "# cie-trace 1")?;
        writeln!(out, "# persona: {}", header.persona)?;
        writeln!(out, "# seed: {}", header.seed)?;
        writeln!(out, "# family: {}", header.family)?;
        for (name, value) in &header.more {
            writeln!(out, "# {name}: {value}")?;
        }
        writeln!(
            out,
            "# secrets: {}",
            if secrets { "shown" } else { "masked" }
        )?;
        out.flush()?;
        let out = Writer::new(out)?;
        Ok(Self { out, secrets })
    }

    fn write(&self, text: &str) {
        self.out.write(text);
    }
}

/// Sees everything the cards do and, if asked, what programs ask the reader for.
/// The reader's threads call its observers, the main thread asks it in the end.
/// Clones are the same recorder.
///
/// A transcript replays one card: the first. What other cards do stands in the
/// same file, in its place in time, indented behind `card N`; so do the calls.
#[derive(Clone)]
pub(crate) struct Recorder(Arc<Mutex<State>>);

struct State {
    file: Option<TraceFile>,
    /// The exchange under way of each card.
    current: BTreeMap<usize, Current>,
    history: History,
    /// The last calls, as long as no exchange has been seen.
    calls: VecDeque<String>,
}

/// The exchange under way.
#[derive(Default)]
struct Current {
    command: Vec<u8>,
    words: Option<String>,
    /// The command as executed differs from the one that came in: unwrapped,
    /// or joined from a chain.
    transformed: bool,
    /// It was encrypted, and the card could unwrap it.
    opened: bool,
    details: String,
}

impl Recorder {
    pub(crate) fn new(file: Option<TraceFile>) -> Self {
        Self(Arc::new(Mutex::new(State {
            file,
            current: BTreeMap::new(),
            history: History::default(),
            calls: VecDeque::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The observer to hand to card number `card`, from 1.
    pub(crate) fn observer(&self, card: usize) -> Observer {
        let recorder = self.clone();
        Arc::new(move |event| recorder.lock().event(card, event))
    }

    /// The observer to hand to the readers. With `written` the calls go into
    /// the trace; without, only the last ones are kept for the report of a
    /// child that never got as far as an exchange.
    pub(crate) fn reader_observer(&self, written: bool) -> ReaderObserver {
        let recorder = self.clone();
        Arc::new(move |event| recorder.lock().call(event, written))
    }

    /// Says in the trace which card number `card` is, if it is not the first.
    pub(crate) fn another_card(&self, card: usize, what: &str) {
        if let Some(file) = &mut self.lock().file {
            file.write(&format!("# card {card}: {}\n", printable(what)));
        }
    }

    /// The last PC/SC calls before the first exchange, oldest first.
    pub(crate) fn last_calls(&self) -> Vec<String> {
        self.lock().calls.iter().cloned().collect()
    }

    /// The last exchanges in words, oldest first, and how many there were.
    pub(crate) fn last_exchanges(&self) -> (Vec<String>, u64) {
        let state = self.lock();
        (state.history.lines(), state.history.total())
    }

    /// The first error of writing the trace, if there was one.
    pub(crate) fn file_error(&self) -> Option<io::Error> {
        self.lock().file.as_ref().and_then(|file| file.out.error())
    }
}

impl State {
    fn call(&mut self, event: &ReaderEvent<'_>, written: bool) {
        let file = self.file.as_mut().filter(|_| written);
        let reported = self.history.total() == 0;
        if file.is_none() && !reported {
            return;
        }
        let line = event.to_string();
        if let Some(file) = file {
            file.write(&format!("    {line}\n"));
        }
        if reported {
            self.calls.push_back(line);
            if self.calls.len() > CALLS_KEPT {
                self.calls.pop_front();
            }
        }
    }

    /// Writes what card number `card` did: the first as it is, any other's
    /// lines as remarks.
    fn write(&mut self, card: usize, text: &str) {
        let Some(file) = &mut self.file else {
            return;
        };
        if card == FIRST {
            return file.write(text);
        }
        let lines = text.lines().map(|line| format!("    card {card} {line}\n"));
        file.write(&lines.collect::<String>());
    }

    fn event(&mut self, card: usize, event: &Event<'_>) {
        let secrets = self.file.as_ref().is_some_and(|file| file.secrets);
        let current = self.current.entry(card).or_default();
        let details = &mut current.details;
        // Writing to a string cannot fail.
        let _ = match event {
            Event::PowerOn(atr) => {
                return self.power(card, &format!("power-on {}", hex::encode_upper(atr)));
            }
            Event::Reset(atr) => {
                return self.power(card, &format!("reset {}", hex::encode_upper(atr)));
            }
            Event::PowerOff => return self.power(card, "power-off"),
            Event::Command(bytes) => {
                *current = Current {
                    command: bytes.to_vec(),
                    ..Current::default()
                };
                return;
            }
            Event::Response(bytes) => return self.response(card, bytes, secrets),
            Event::Plain { command, secured } | Event::Piece { command, secured } => {
                current.words = Some(match event {
                    Event::Piece { .. } => {
                        format!("piece of a chained command {:02X}", command.ins)
                    }
                    _ => describe(command),
                });
                let plain = plain_bytes(command);
                current.opened = *secured;
                current.transformed = *secured || plain != current.command;
                if !current.transformed {
                    return;
                }
                writeln!(details, "    plain > {}", show(&plain, disclosure(secrets)))
            }
            Event::Answer(_) if !current.transformed => return,
            Event::Answer(answer) => {
                let ResponseApdu { data, sw } = answer;
                let data = hex::encode_upper(data);
                writeln!(details, "    plain < {data}{sw} ; {}", sw.in_words())
            }
            Event::SessionKeys(keys) if secrets => {
                let (enc, mac) = (hex::encode_upper(*keys.enc), hex::encode_upper(*keys.mac));
                writeln!(details, "    session keys: enc {enc}, mac {mac}")
            }
            Event::SessionKeys(_) => writeln!(details, "    session keys: ****"),
            Event::SequenceCounter(ssc) => {
                writeln!(details, "    send sequence counter: {ssc:016X}")
            }
            Event::SmFailure(error) => writeln!(details, "    secure messaging refused: {error}"),
            Event::SmEnded => writeln!(details, "    secure messaging ended"),
            Event::MemoryWrite(state) => {
                let CardState {
                    pin_tries,
                    puk_tries,
                    ..
                } = state;
                writeln!(
                    details,
                    "    memory write: PIN tries {pin_tries}, PUK tries {puk_tries}"
                )
            }
        };
    }

    fn power(&mut self, card: usize, what: &str) {
        let words = what.split(' ').next().unwrap_or_default();
        self.history.power(&format!("{words}{}", of_card(card)));
        self.write(card, &format!("! {what}\n"));
    }

    fn response(&mut self, card: usize, response: &[u8], secrets: bool) {
        let Current {
            command,
            words,
            details,
            opened,
            ..
        } = self.current.remove(&card).unwrap_or_default();
        let words = words.unwrap_or_else(|| incomplete_words(&command));
        let sw = ResponseApdu::parse(response).map(|r| r.sw).ok();
        let status = sw.map_or_else(|| "mute".to_owned(), |sw| format!("{sw} {}", sw.in_words()));
        let lock = if command.first().is_some_and(|cla| cla & CLA_SM == CLA_SM) {
            "SM"
        } else {
            "  "
        };
        self.history
            .exchange(format!("{lock} {words}{} -> {status}", of_card(card)));
        self.calls.clear();
        if self.file.is_some() {
            let shown = show(&command, disclosure(secrets || opened));
            let response = hex::encode_upper(response);
            let after = sw.map_or_else(|| "mute".to_owned(), iso7816_wire::StatusWord::in_words);
            let text = format!("> {shown} ; {words}\n{details}< {response} ; {after}\n");
            self.write(card, &text);
        }
    }
}

/// Number of the card that a transcript replays.
const FIRST: usize = 1;

/// Which card did it, if it is not the first.
fn of_card(card: usize) -> String {
    match card {
        FIRST => String::new(),
        _ => format!(" (card {card})"),
    }
}

/// A plain command as bytes: short, or extended where a joined chain or its
/// own form needs it.
fn plain_bytes(command: &CommandApdu) -> Vec<u8> {
    let extended = command.extended || command.data.len() > SHORT_DATA_MAX;
    let command = CommandApdu {
        extended,
        ..command.clone()
    };
    command
        .encode()
        .unwrap_or_else(|_| command.header().to_vec())
}

/// Words for a command that never reached a handler.
fn incomplete_words(command: &[u8]) -> String {
    match CommandApdu::parse(command) {
        Ok(apdu) if apdu.ins == 0xC0 => describe(&apdu),
        Ok(apdu) if apdu.cla & CLA_CHAINING != 0 => {
            format!("piece of a chained command {:02X}", apdu.ins)
        }
        Ok(apdu) if apdu.is_sm() => format!("protected command {:02X}", apdu.ins),
        Ok(apdu) => describe(&apdu),
        Err(error) => format!("malformed command ({error})"),
    }
}

fn disclosure(full: bool) -> Disclosure {
    if full {
        Disclosure::Full
    } else {
        Disclosure::Masked
    }
}

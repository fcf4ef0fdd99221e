// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns the card's events into exchanges and writes them down.

use super::history::History;
use super::mask::{Disclosure, show};
use super::words::describe;
use cie_card::image::CardState;
use cie_card::{Event, Observer};
use iso7816_wire::apdu::{CLA_CHAINING, CLA_SM, CommandApdu, ResponseApdu, SHORT_DATA_MAX};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

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
    out: BufWriter<File>,
    secrets: bool,
    error: Option<io::Error>,
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
        Ok(Self {
            out,
            secrets,
            error: None,
        })
    }

    fn write(&mut self, text: &str) {
        let result = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }
}

/// Sees everything the card does. The reader's threads call its observer, the
/// main thread asks it in the end.
pub(crate) struct Recorder(Arc<Mutex<State>>);

struct State {
    file: Option<TraceFile>,
    current: Current,
    history: History,
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
            current: Current::default(),
            history: History::default(),
        })))
    }

    /// The observer to hand to the card.
    pub(crate) fn observer(&self) -> Observer {
        let state = Arc::clone(&self.0);
        Arc::new(move |event| {
            state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .event(event)
        })
    }

    /// The last exchanges in words, oldest first, and how many there were.
    pub(crate) fn last_exchanges(&self) -> (Vec<String>, u64) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (state.history.lines(), state.history.total())
    }

    /// The first error of writing the trace, if there was one.
    pub(crate) fn file_error(&self) -> Option<io::Error> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.file.as_mut().and_then(|file| file.error.take())
    }
}

impl State {
    fn event(&mut self, event: &Event<'_>) {
        let secrets = self.file.as_ref().is_some_and(|file| file.secrets);
        let details = &mut self.current.details;
        // Writing to a string cannot fail.
        let _ = match event {
            Event::PowerOn(atr) => {
                return self.power(&format!("power-on {}", hex::encode_upper(atr)));
            }
            Event::Reset(atr) => return self.power(&format!("reset {}", hex::encode_upper(atr))),
            Event::PowerOff => return self.power("power-off"),
            Event::Command(bytes) => {
                self.current = Current {
                    command: bytes.to_vec(),
                    ..Current::default()
                };
                return;
            }
            Event::Response(bytes) => return self.response(bytes, secrets),
            Event::Plain { command, secured } | Event::Piece { command, secured } => {
                self.current.words = Some(match event {
                    Event::Piece { .. } => {
                        format!("piece of a chained command {:02X}", command.ins)
                    }
                    _ => describe(command),
                });
                let plain = plain_bytes(command);
                self.current.opened = *secured;
                self.current.transformed = *secured || plain != self.current.command;
                if !self.current.transformed {
                    return;
                }
                writeln!(details, "    plain > {}", show(&plain, disclosure(secrets)))
            }
            Event::Answer(_) if !self.current.transformed => return,
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

    fn power(&mut self, what: &str) {
        let words = what.split(' ').next().unwrap_or_default();
        self.history.power(words);
        if let Some(file) = &mut self.file {
            file.write(&format!("! {what}\n"));
        }
    }

    fn response(&mut self, response: &[u8], secrets: bool) {
        let Current {
            command,
            words,
            details,
            opened,
            ..
        } = std::mem::take(&mut self.current);
        let words = words.unwrap_or_else(|| incomplete_words(&command));
        let sw = ResponseApdu::parse(response).map(|r| r.sw).ok();
        let status = sw.map_or_else(|| "mute".to_owned(), |sw| format!("{sw} {}", sw.in_words()));
        let lock = if command.first().is_some_and(|cla| cla & CLA_SM == CLA_SM) {
            "SM"
        } else {
            "  "
        };
        self.history.exchange(format!("{lock} {words} -> {status}"));
        if let Some(file) = &mut self.file {
            let shown = show(&command, disclosure(secrets || opened));
            let response = hex::encode_upper(response);
            let after = sw.map_or_else(|| "mute".to_owned(), iso7816_wire::StatusWord::in_words);
            file.write(&format!(
                "> {shown} ; {words}\n{details}< {response} ; {after}\n"
            ));
        }
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

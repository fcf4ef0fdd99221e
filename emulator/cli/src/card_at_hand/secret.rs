// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where codes come from: a file, a variable that was named, or the terminal,
//! unseen. Never the command line, which everybody on the computer can read.

use super::error::PersonError;
use cie_terminal::steps::code::Code;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use crate::error::CliError;
use crate::out;

/// More than a code and its line end; the rest is not read.
const INPUT_MAX: usize = 64;

/// One code that a command needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// As a person calls it: `PIN`.
    pub(super) name: &'static str,
    /// As the options call it: `pin`.
    pub(super) option: &'static str,
    pub(super) file: Option<&'a Path>,
    pub(super) variable: Option<&'a str>,
}

impl Wanted<'_> {
    /// The code, asked for with `question` if it must be. What cannot be a code
    /// is refused here and never reaches a card.
    pub(super) fn get(&self, question: &str) -> Result<Code, CliError> {
        let text = match (self.file, self.variable) {
            (Some(path), _) => from_file(path)?,
            (None, Some(name)) => {
                let value = std::env::var(name);
                Zeroizing::new(value.map_err(|_| PersonError::NoVariable(name.to_owned()))?)
            }
            (None, None) => {
                let tty = File::options().read(true).write(true).open("/dev/tty");
                let tty = tty.map_err(|_| PersonError::NoTerminal {
                    name: self.name,
                    option: self.option,
                })?;
                ask(tty, question)?
            }
        };
        let text = text.trim();
        Code::new(text).map_err(|_| {
            let half = text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
            CliError::from(if half {
                PersonError::HalfCode(self.name)
            } else {
                PersonError::NoCode(self.name)
            })
        })
    }

    /// True if a person will be asked.
    pub(super) fn is_asked(&self) -> bool {
        self.file.is_none() && self.variable.is_none()
    }
}

/// The first line of a file; `-` is standard input.
fn from_file(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let mut bytes = Zeroizing::new(vec![0; INPUT_MAX]);
    let mut source: Box<dyn Read> = if path.as_os_str() == OsStr::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(CliError::io("read", path))?;
        let metadata = file.metadata().map_err(CliError::io("read", path))?;
        if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
            out::warn(format_args!(
                "warning: {} can be read by others; chmod 600 keeps it yours",
                path.display()
            ));
        }
        Box::new(file)
    };
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CliError::io("read", path)(error)),
        }
        if bytes.get(..length).is_some_and(|b| b.contains(&b'\n')) {
            break;
        }
    }
    bytes.truncate(length);
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    // Anything but ASCII is no code, and is refused as one.
    let text = std::str::from_utf8(line).unwrap_or("?");
    Ok(Zeroizing::new(text.to_owned()))
}

/// A terminal that shows nothing of what is typed, until it is dropped. Keys
/// that would end the program are read like others, so that the terminal is
/// always left as it was.
struct Unseen {
    tty: File,
    before: Termios,
}

impl Unseen {
    fn new(tty: File) -> io::Result<Self> {
        let before = tcgetattr(&tty)?;
        let mut quiet = before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        tcsetattr(&tty, OptionalActions::Flush, &quiet)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Flush, &self.before);
    }
}

fn ask(tty: File, question: &str) -> Result<Zeroizing<String>, PersonError> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    const BACKSPACE: u8 = 8;
    const KILL_LINE: u8 = 21;
    const DELETE: u8 = 127;
    let failed = PersonError::Terminal;
    // Quiet first: what is typed at the sight of the question counts.
    let mut unseen = Unseen::new(tty).map_err(failed)?;
    unseen
        .tty
        .write_all(format!("{question}: ").as_bytes())
        .map_err(failed)?;
    // Never grows, so no copy of it is left behind.
    let mut typed = Zeroizing::new(String::with_capacity(INPUT_MAX));
    let outcome = loop {
        let mut key = [0];
        match unseen.tty.read(&mut key) {
            Ok(0) => break Err(PersonError::Cancelled),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Err(failed(error)),
        }
        match key {
            [b'\n' | b'\r'] => break Ok(()),
            [INTERRUPT | END] => break Err(PersonError::Cancelled),
            [BACKSPACE | DELETE] => drop(typed.pop()),
            [KILL_LINE] => typed.clear(),
            [byte] if typed.len() < INPUT_MAX - 4 => typed.push(char::from(byte)),
            _ => {}
        }
    };
    let _ = unseen.tty.write_all(b"\n");
    drop(unseen);
    outcome.map(|()| typed)
}

/// The options of one code, as clap has them, under its own names.
macro_rules! code_options {
    ($name:ident, $what:literal, $option:literal, $file:literal, $env:literal, $id_file:literal, $id_env:literal) => {
        #[doc = concat!("Where the ", $what, " comes from.")]
        #[derive(Debug, clap::Args)]
        pub(crate) struct $name {
            #[doc = concat!(
                                "Read the ", $what,
                                " from the first line of FILE (- is standard input) instead of asking for it."
                            )]
            #[arg(id = $id_file, long = $file, value_name = "FILE", help_heading = "Codes")]
            file: Option<PathBuf>,
            #[doc = concat!(
                                "Read the ", $what,
                                " from this environment variable; in `cie run`, CIE_PIN and CIE_PUK."
                            )]
            #[arg(id = $id_env, long = $env, value_name = "NAME", conflicts_with = $id_file, help_heading = "Codes")]
            variable: Option<String>,
        }

        impl $name {
            pub(super) fn wanted(&self) -> Wanted<'_> {
                Wanted {
                    name: $what,
                    option: $option,
                    file: self.file.as_deref(),
                    variable: self.variable.as_deref(),
                }
            }
        }
    };
}

code_options!(
    PinOptions, "PIN", "pin", "pin-file", "pin-env", "pin_file", "pin_env"
);
code_options!(
    PukOptions, "PUK", "puk", "puk-file", "puk-env", "puk_file", "puk_env"
);
code_options!(
    NewPinOptions,
    "new PIN",
    "new-pin",
    "new-pin-file",
    "new-pin-env",
    "new_pin_file",
    "new_pin_env"
);

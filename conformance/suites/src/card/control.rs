// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control socket of `cie run` and `cie serve`: the proof that the card in
//! a reader is a software card, and where fresh cards come from.

use super::reader::Spot;
use crate::edges::{Papers, Supply};
use crate::ours;
use cie_personalisation::{FAMILIES, Family};
use cie_terminal::pcsc::{Context, Disposition, Options, ScardCode, Share};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest reply.
const REPLY_MAX: u64 = 1 << 20;

/// The control of one reader.
#[derive(Clone, Debug)]
pub struct Control {
    socket: PathBuf,
    number: u64,
}

impl Control {
    /// The control of the reader in this place, if the socket is one and
    /// proves that it drives that very reader: a reset that is asked for
    /// through it is seen by a connection to the reader. The name alone would
    /// prove nothing.
    ///
    /// # Errors
    /// In words why it is not proven; the card counts as a stranger's then.
    pub fn of(socket: &Path, spot: &Spot) -> Result<Self, String> {
        let list = ask(socket, "list")?;
        let readers = list.get("readers").and_then(Value::as_array);
        let entry = readers
            .into_iter()
            .flatten()
            .find(|entry| entry.get("name").and_then(Value::as_str) == Some(&spot.reader));
        let number = entry.and_then(|entry| entry.get("number")?.as_u64());
        let number = number.ok_or_else(|| format!("it knows no reader {:?}", spot.reader))?;
        let control = Self {
            socket: socket.to_path_buf(),
            number,
        };
        control.prove(spot)?;
        Ok(control)
    }

    fn prove(&self, spot: &Spot) -> Result<(), String> {
        let options = Options {
            limit: spot.limit,
            ..Options::default()
        };
        let words = |error: cie_terminal::pcsc::PcscError| error.to_string();
        let mut context = Context::open(&spot.socket, options).map_err(words)?;
        let handle = context
            .connect(&spot.reader, Share::Exclusive)
            .map_err(words)?;
        context.status(handle).map_err(words)?;
        self.ask("reset")?;
        let seen = context.status(handle);
        // Whatever came of it, the reader is given back.
        let _ = context.disconnect(handle, Disposition::Leave);
        match seen {
            Err(error) if error.code() == Some(ScardCode::ResetCard) => Ok(()),
            _ => Err(
                "it reset a card, and the one in this reader was not reset: it drives another \
                 reader"
                    .to_owned(),
            ),
        }
    }

    fn ask(&self, verb: &str) -> Result<Value, String> {
        ask(&self.socket, &format!("{verb} --reader {}", self.number))
    }

    /// What the server knows of the card: number for services and serial
    /// number of the document.
    ///
    /// # Errors
    /// In words.
    pub fn facts(&self) -> Result<(String, String), String> {
        let counters = self.ask("counters")?;
        let text = |key: &str| {
            let value = counters.get(key).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        Ok((text("nis"), text("serial")))
    }

    /// The file of the card in the reader, if it has one.
    fn file(&self) -> Option<PathBuf> {
        let list = ask(&self.socket, "list").ok()?;
        let at = usize::try_from(self.number).ok()?;
        let file = list.get("readers")?.get(at)?.get("file")?.as_str()?;
        Some(PathBuf::from(file))
    }

    fn swap(&self, file: &Path) -> Result<(), String> {
        let path = file.to_str().ok_or("a path that is no text")?;
        ask(
            &self.socket,
            &format!("swap --reader {} {path}", self.number),
        )?;
        Ok(())
    }
}

/// One request, one reply.
fn ask(socket: &Path, line: &str) -> Result<Value, String> {
    let words = |error: std::io::Error| format!("{}: {error}", socket.display());
    let mut stream = UnixStream::connect(socket).map_err(words)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(words)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(words)?;
    stream
        .write_all(format!("{line}\n").as_bytes())
        .map_err(words)?;
    let mut reply = String::new();
    BufReader::new(stream.take(REPLY_MAX))
        .read_line(&mut reply)
        .map_err(words)?;
    let (word, rest) = reply
        .trim_end()
        .split_once(' ')
        .unwrap_or((reply.trim_end(), ""));
    match word {
        "ok" if rest.is_empty() => Ok(Value::Null),
        "ok" => serde_json::from_str(rest).map_err(|error| error.to_string()),
        "error" => Err(rest.to_owned()),
        _ => Err(format!("{} is no control of ours", socket.display())),
    }
}

/// The family with this answer to reset.
#[must_use]
pub fn family_of(atr: &[u8]) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.atr == atr)
}

/// Fresh cards of a family for a reader with a control. The card that was there
/// first goes back in at the end, if it is one from a file.
pub struct Fresh {
    control: Control,
    family: &'static Family,
    seed: u64,
    made: u64,
    folder: tempfile::TempDir,
    first: Option<PathBuf>,
}

impl Fresh {
    /// For the reader of this control.
    ///
    /// # Errors
    /// If no folder for the cards can be made.
    pub fn new(
        control: Control,
        family: &'static Family,
        seed: u64,
    ) -> Result<Self, std::io::Error> {
        Ok(Self {
            first: control.file(),
            control,
            family,
            seed,
            made: 0,
            folder: tempfile::Builder::new().prefix("cie-fresh-").tempdir()?,
        })
    }
}

impl Supply for Fresh {
    fn fresh(&mut self) -> Result<Papers, String> {
        self.made += 1;
        let file = self.folder.path().join(format!("{}.cie", self.made));
        let papers = ours::file(self.family, self.seed.wrapping_add(self.made), &file)
            .map_err(|error| error.to_string())?;
        self.control.swap(&file)?;
        Ok(papers)
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if self.made > 0
            && let Some(first) = &self.first
        {
            // If it cannot go back, it lies beside the reader.
            let _ = self.control.swap(first);
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! One action of a sequence, without any byte that only a session knows.
//!
//! Actions are symbolic ("the right PIN", "a good proof") and mean something in
//! every state, so any part of a sequence is a sequence again: that is what
//! lets a failure be shrunk by leaving actions out.

use std::fmt;

/// A part of a data field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The PIN as the model knows it now.
    Pin,
    /// The PUK.
    Puk,
    /// Eight digits that are neither.
    Wrong,
    /// One of the new PINs that sequences use.
    New(u8),
    /// A public value of the terminal for the key agreement.
    Share,
    /// A terminal certificate of this kind, see [`CERTIFICATES`].
    Certificate(u8),
    /// A proof of the terminal of this kind, see [`PROOFS`].
    Proof(u8),
}

/// Certificates that sequences send, by the kinds of the table of edges, with
/// the status word that each is worth by itself.
pub const CERTIFICATES: &[(&str, u16)] = &[
    ("good", 0x9000),
    ("42 first", 0x9000),
    ("signature bit", 0x6300),
    ("remainder bit", 0x6300),
    ("42 bit", 0x6300),
    ("role 02", 0x6300),
    ("application", 0x6300),
    ("no 5F38", 0x6A80),
    ("5F37 twice", 0x6A80),
    ("cut short", 0x6A80),
];

/// Proofs that sequences send; the first is the only good one.
pub const PROOFS: &[&str] = &[
    "good",
    "signature bit",
    "serial bit",
    "another challenge",
    "another agreement",
    "signature of 255 bytes",
];

/// A command in secure messaging with one fault: kind, plain command in
/// hexadecimal, and the status word of the refusal; 9000 if it is none.
pub const FORGERIES: &[(&str, &str, u16)] = &[
    ("no outer Le", "00B081000C", 0x9000),
    ("outer Le 10", "00B0840020", 0x9000),
    ("8E with a long length", "00B081000C", 0x9000),
    ("padding and data", "00A4020C021001", 0x9000),
    ("wrong 8E", "00B081000C", 0x6988),
    ("wrong 8E", "00200081083133353732343638", 0x6988),
    ("no 8E", "00B0820009", 0x6987),
    ("no data field", "00B0820009", 0x6987),
    ("8E of 0 bytes", "00B081000C", 0x6988),
    ("8E of 4 bytes", "00B081000C", 0x6988),
    ("8E of 7 bytes", "00B081000C", 0x6988),
    ("8E of 9 bytes", "00B081000C", 0x6988),
    ("8E twice", "00B081000C", 0x6988),
    ("8E first", "00B081000C", 0x6988),
    ("8E by another key", "00B081000C", 0x6988),
    ("8E over another header", "00B081000C", 0x6988),
    ("8E over padding twice", "00A4020C", 0x6988),
    ("cryptogram twice", "00A4020C02100100", 0x6988),
    ("97 twice", "00B081000C", 0x6988),
    ("97 first", "00A4020C02100100", 0x6988),
    ("97 of 0 bytes", "00B081000C", 0x6988),
    ("97 of 2 bytes", "00B081000C", 0x6988),
    ("80 in front", "00B081000C", 0x6988),
    ("80 behind", "00B081000C", 0x6988),
    ("99 in front", "00B081000C", 0x6988),
    ("81 for 87", "00A4020C021001", 0x6988),
    ("85 for 87", "00A4020C021001", 0x6988),
    ("87 for 85", "00CB3FFF064D04A6029100", 0x6988),
    ("indicator 00", "00A4020C021001", 0x6988),
    ("no indicator", "00A4020C021001", 0x6988),
    ("empty 87", "00A4020C021001", 0x6988),
    ("indicator alone", "00A4020C021001", 0x6988),
    ("cryptogram of 7 bytes", "00A4020C021001", 0x6988),
    ("no padding", "00A4020C021001", 0x6988),
    ("padding of zeros", "00A4020C021001", 0x6988),
    ("cut short", "00B081000C", 0x6988),
    ("endless", "00B081000C", 0x6988),
    ("trailing byte", "00B081000C", 0x6988),
    ("counter one behind", "00B081000C", 0x6988),
    ("counter one ahead", "00B081000C", 0x6988),
];

/// How many of [`FORGERIES`] are no faults.
pub const HARMLESS: u8 = 4;

/// How a command goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// With this class byte, in plain.
    Class(u8),
    /// In secure messaging, with the keys and the counter that the terminal
    /// believes in.
    Sealed,
}

/// How much of a command goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// All of it, as a chain if it is long.
    Whole,
    /// Its first half, with the chaining bit.
    Open,
    /// All of its data, with the chaining bit.
    OpenAll,
    /// Its second half, without the chaining bit.
    Rest,
}

/// One action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Power is applied.
    PowerOn,
    /// A warm reset.
    Reset,
    /// Power is taken away.
    PowerOff,
    /// Bytes in plain, as they are.
    Bytes(Vec<u8>),
    /// A command.
    Command {
        /// INS, P1, P2.
        header: [u8; 3],
        /// The data field.
        data: Vec<Part>,
        /// The Le byte.
        le: Option<u8>,
        /// Plain or protected.
        how: How,
        /// How much of it.
        cut: Cut,
        /// The rest of a long answer is fetched at once.
        fetch: bool,
    },
    /// A row of [`FORGERIES`].
    Forged(u8),
    /// The last protected command again, byte for byte.
    Replay,
    /// The whole key agreement: the terminal's value, the card's, new keys.
    Agree,
}

fn part(part: &Part) -> String {
    match part {
        Part::Bytes(bytes) => match bytes.get(..40) {
            Some(head) => format!("{}…({} bytes)", hex::encode_upper(head), bytes.len()),
            None => hex::encode_upper(bytes),
        },
        Part::Pin => "{PIN}".to_owned(),
        Part::Puk => "{PUK}".to_owned(),
        Part::Wrong => "{WRONG}".to_owned(),
        Part::New(number) => format!("{{NEW{number}}}"),
        Part::Share => "{share}".to_owned(),
        Part::Certificate(kind) => {
            let kind = CERTIFICATES.get(usize::from(*kind));
            format!("{{certificate {}}}", kind.map_or("?", |k| k.0))
        }
        Part::Proof(kind) => {
            let kind = PROOFS.get(usize::from(*kind));
            format!("{{proof {}}}", kind.map_or("?", |k| k))
        }
    }
}

impl fmt::Display for Op {
    /// In the notation of the table of edges.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("power on"),
            Self::Reset => f.write_str("reset"),
            Self::PowerOff => f.write_str("power off"),
            Self::Bytes(bytes) => write!(f, "{}", hex::encode_upper(bytes)),
            Self::Replay => f.write_str("replay"),
            Self::Agree => f.write_str("key agreement"),
            Self::Forged(row) => match FORGERIES.get(usize::from(*row)) {
                Some((kind, command, _)) => write!(f, "forged {kind}: {command}"),
                None => f.write_str("forged"),
            },
            Self::Command {
                header: [ins, p1, p2],
                data,
                le,
                how,
                cut,
                fetch,
            } => {
                let cla = match how {
                    How::Class(cla) => *cla,
                    How::Sealed => {
                        f.write_str("sm ")?;
                        0
                    }
                };
                match cut {
                    Cut::Whole => {}
                    Cut::Open => f.write_str("first half of ")?,
                    Cut::OpenAll => f.write_str("piece of ")?,
                    Cut::Rest => f.write_str("second half of ")?,
                }
                write!(f, "{cla:02X}{ins:02X}{p1:02X}{p2:02X}")?;
                if !data.is_empty() {
                    let parts: Vec<_> = data.iter().map(part).collect();
                    write!(f, "({})", parts.join(" "))?;
                }
                if let Some(le) = le {
                    write!(f, " {le:02X}")?;
                }
                if !fetch {
                    f.write_str(", rest not fetched")?;
                }
                Ok(())
            }
        }
    }
}

/// A command of fixed bytes. `le` is the Le byte.
pub(super) fn command(header: [u8; 3], data: &[u8], le: Option<u8>, how: How) -> Op {
    let data = match data {
        [] => Vec::new(),
        data => vec![Part::Bytes(data.to_vec())],
    };
    with_parts(header, data, le, how)
}

/// A command with symbolic data.
pub(super) fn with_parts(header: [u8; 3], data: Vec<Part>, le: Option<u8>, how: How) -> Op {
    Op::Command {
        header,
        data,
        le,
        how,
        cut: Cut::Whole,
        fetch: true,
    }
}

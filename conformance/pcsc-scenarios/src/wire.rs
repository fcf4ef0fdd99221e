// SPDX-License-Identifier: MIT OR Apache-2.0
//! A client that speaks the protocol itself, for what the library would never send.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cie_reader::protocol::{
    Begin, Cancel, Command, Connect, Disconnect, Establish, Header, Parsed, Release, Reply,
    Request, Status, Transmit, Version, padded,
};

use crate::words;

/// A server that has neither answered nor hung up by then says nothing. pcscd
/// takes its time before it hangs up on who lies about a handle.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections, contexts and card handles by name.
#[derive(Default)]
pub struct Wires {
    connections: BTreeMap<String, UnixStream>,
    numbers: BTreeMap<String, u32>,
}

impl Wires {
    /// Does what the words say on the connection `name`; what came of it, or
    /// `None` if they are not understood.
    pub fn perform(&mut self, name: &str, call: &[&str]) -> Option<String> {
        if let ["open"] = call {
            let path = std::env::var_os("PCSCLITE_CSOCK_NAME")?;
            let stream = UnixStream::connect(path).ok()?;
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
            self.connections.insert(name.to_owned(), stream);
            return Some("ok".to_owned());
        }
        if let ["send", size, command] = call {
            let header = Header {
                size: u32::try_from(words::number(size)?).ok()?,
                command: u32::try_from(words::number(command)?).ok()?,
            };
            let mut bytes = Vec::new();
            bytes.extend(header.size.to_ne_bytes());
            bytes.extend(header.command.to_ne_bytes());
            bytes.extend([0; 16]);
            // A server may hang up before it has all of it.
            let _ = self.connections.get_mut(name)?.write_all(&bytes);
            return self.silence(name);
        }
        let request = self.request(call)?;
        let command = request.command();
        let sent = self
            .connections
            .get_mut(name)?
            .write_all(&request.to_bytes());
        if sent.is_err() {
            return Some("closed".to_owned());
        }
        let reply = match self.receive(name, command)? {
            Ok(reply) => reply,
            Err(silence) => return Some(silence),
        };
        Some(match reply {
            Reply::Version(m) => format!("{} {}.{}", words::result(m.rv), m.major, m.minor),
            Reply::Establish(m) => {
                if let ["est", as_name, ..] = call {
                    self.numbers.insert((*as_name).to_owned(), m.context);
                }
                words::result(m.rv)
            }
            Reply::Connect(m) => {
                if let ["connect", _, as_name, ..] = call {
                    self.numbers
                        .insert((*as_name).to_owned(), m.card.cast_unsigned());
                }
                words::result(m.rv)
            }
            Reply::Release(m) => words::result(m.rv),
            Reply::Status(m) => words::result(m.rv),
            Reply::Begin(m) => words::result(m.rv),
            Reply::Disconnect(m) => words::result(m.rv),
            Reply::Cancel(m) => words::result(m.rv),
            Reply::Transmit(m, data) => {
                format!("{} {}", words::result(m.rv), words::hex(&data))
            }
            Reply::ReaderStates(states) => format!("{} states", states.len()),
            Reply::WaitEvent(m) => format!("{} timeout={}", words::result(m.rv), m.timeout),
            _ => return None,
        })
    }

    fn request(&self, call: &[&str]) -> Option<Request> {
        let number = |word: &str| {
            self.numbers
                .get(word)
                .copied()
                .or_else(|| u32::try_from(words::number(word)?).ok())
        };
        let card = |word: &str| number(word).map(u32::cast_signed);
        let int = |word: &str| u32::try_from(words::number(word)?).ok();
        let rv = 0;
        Some(match *call {
            ["version", major, minor] => Request::Version(Version {
                major: int(major)?.cast_signed(),
                minor: int(minor)?.cast_signed(),
                rv,
            }),
            ["est", _] => Request::Establish(Establish {
                scope: 2,
                context: 0,
                rv,
            }),
            ["rel", context] => Request::Release(Release {
                context: number(context)?,
                rv,
            }),
            ["cancel", context] => Request::Cancel(Cancel {
                context: number(context)?,
                rv,
            }),
            ["connect", context, _, reader, share, protocols] => {
                Request::Connect(Box::new(Connect {
                    context: number(context)?,
                    reader: padded(words::reader(reader)?.as_bytes()),
                    share: int(share)?,
                    preferred: int(protocols)?,
                    card: 0,
                    active: 0,
                    rv,
                }))
            }
            ["status", handle] => Request::Status(Status {
                card: card(handle)?,
                rv,
            }),
            ["begin", handle] => Request::Begin(Begin {
                card: card(handle)?,
                rv,
            }),
            ["disc", handle, disposition] => Request::Disconnect(Disconnect {
                card: card(handle)?,
                disposition: int(disposition)?,
                rv,
            }),
            ["transmit", handle, command] => {
                let command = words::bytes(command)?;
                let message = Transmit {
                    card: card(handle)?,
                    send_protocol: 2,
                    send_pci: 16,
                    send_length: u32::try_from(command.len()).ok()?,
                    receive_protocol: 2,
                    receive_pci: 16,
                    receive_length: 258,
                    rv,
                };
                Request::Transmit(message, command)
            }
            ["states"] => Request::GetReadersState,
            ["wait"] => Request::Wait,
            ["stop"] | ["event"] => Request::StopWaiting,
            _ => return None,
        })
    }

    /// The reply, or how the server was silent.
    fn receive(&mut self, name: &str, command: Command) -> Option<Result<Reply, String>> {
        let stream = self.connections.get_mut(name)?;
        let mut received = Vec::new();
        loop {
            match Reply::parse(command, 16, &received).ok()? {
                Parsed::Complete(reply, _) => return Some(Ok(reply)),
                Parsed::Incomplete(needed) => {
                    let mut chunk = vec![0; needed - received.len()];
                    match stream.read(&mut chunk) {
                        Ok(0) => return Some(Err("closed".to_owned())),
                        Ok(count) => received.extend(chunk.iter().take(count)),
                        Err(error) => return Some(Err(silence(&error))),
                    }
                }
            }
        }
    }

    fn silence(&mut self, name: &str) -> Option<String> {
        let mut byte = [0];
        Some(match self.connections.get_mut(name)?.read(&mut byte) {
            Ok(0) => "closed".to_owned(),
            Ok(_) => "answers".to_owned(),
            Err(error) => silence(&error),
        })
    }
}

fn silence(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => "says nothing",
        _ => "closed",
    }
    .to_owned()
}

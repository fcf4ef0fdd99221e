// SPDX-License-Identifier: MIT OR Apache-2.0
//! One call of a client and its answer, in words.

use std::fmt;

use super::words::{
    attribute_name, control_name, disposition_name, protocol_names, return_name, share_name,
};
use crate::protocol::codes::rv;
use crate::protocol::{Command, Reply, Request, until_nul};

/// What a client asked, without the bytes it sent along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    request: Request,
    reader: Option<usize>,
}

impl Call {
    /// `reader` is the one the request is about, if it is about one.
    pub(crate) fn new(request: &Request, reader: Option<usize>) -> Self {
        let request = match request {
            // Lengths stay; what may hold a secret does not.
            Request::Transmit(message, _) => Request::Transmit(*message, Vec::new()),
            Request::Control(message, _) => Request::Control(*message, Vec::new()),
            Request::SetAttribute(message) => {
                let mut message = message.clone();
                message.value.fill(0);
                Request::SetAttribute(message)
            }
            other => other.clone(),
        };
        Self { request, reader }
    }

    /// The command it came as.
    #[must_use]
    pub fn command(&self) -> Command {
        self.request.command()
    }

    /// The request, its buffers empty.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Number of the reader it is about, if it is about one that exists.
    #[must_use]
    pub fn reader(&self) -> Option<usize> {
        self.reader
    }

    /// The name of the function a program called. Some functions of a client
    /// library read the list of readers; which of them did cannot be told.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.command() {
            Command::Version => "version",
            Command::Establish => "SCardEstablishContext",
            Command::Release => "SCardReleaseContext",
            Command::Connect => "SCardConnect",
            Command::Reconnect => "SCardReconnect",
            Command::Disconnect => "SCardDisconnect",
            Command::Begin => "SCardBeginTransaction",
            Command::End => "SCardEndTransaction",
            Command::Transmit => "SCardTransmit",
            Command::Control => "SCardControl",
            Command::Status => "SCardStatus",
            Command::Cancel => "SCardCancel",
            Command::GetAttribute => "SCardGetAttrib",
            Command::SetAttribute => "SCardSetAttrib",
            Command::Wait | Command::StopWaiting => "SCardGetStatusChange",
            Command::GetReadersState | Command::GetStateArray => "list of readers",
            Command::GetReaderEvents => "count of readers' events",
            Command::GetStateSize => "length of the list of readers",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let on = Where(self.reader, self.request.card());
        match &self.request {
            Request::Version(message) => write!(f, " {}.{}", message.major, message.minor),
            Request::Connect(message) => {
                let name = String::from_utf8_lossy(until_nul(&message.reader)).into_owned();
                let share = share_name(message.share);
                write!(
                    f,
                    "({name:?}, {share}, {})",
                    protocol_names(message.preferred)
                )
            }
            Request::Reconnect(message) => write!(
                f,
                "({on}, {}, {}, {})",
                share_name(message.share),
                protocol_names(message.preferred),
                disposition_name(message.initialization)
            ),
            Request::Disconnect(message) => {
                write!(f, "({on}, {})", disposition_name(message.disposition))
            }
            Request::End(message) => {
                write!(f, "({on}, {})", disposition_name(message.disposition))
            }
            Request::Begin(_) | Request::Status(_) => write!(f, "({on})"),
            Request::Transmit(message, _) => write!(f, "({on}, {} bytes)", message.send_length),
            Request::Control(message, _) => write!(f, "({on}, {})", control_name(message.code)),
            Request::GetAttribute(message) | Request::SetAttribute(message) => {
                write!(f, "({on}, {})", attribute_name(message.id))
            }
            Request::Cancel(message) => write!(f, "(context {:08X})", message.context),
            Request::Release(message) => write!(f, "(context {:08X})", message.context),
            _ => Ok(()),
        }
    }
}

/// A card handle and its reader.
struct Where(Option<usize>, Option<i32>);

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let card = self.1.unwrap_or_default();
        match self.0 {
            Some(reader) => write!(f, "reader {reader}, handle {card:08X}"),
            None => write!(f, "handle {card:08X}"),
        }
    }
}

/// What came out of a call, without the bytes that came along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The return value; some requests have none.
    pub rv: Option<u32>,
    command: Command,
    reply: Option<Reply>,
}

impl Answer {
    pub(crate) fn new(command: Command, reply: Option<&Reply>) -> Self {
        let (rv, reply) = match reply {
            Some(Reply::Transmit(message, _)) => {
                let reply = Reply::Transmit(*message, Vec::new());
                (Some(message.rv), Some(reply))
            }
            Some(Reply::Control(message, _)) => {
                let reply = Reply::Control(*message, Vec::new());
                (Some(message.rv), Some(reply))
            }
            Some(
                Reply::ReaderStates(_)
                | Reply::WaitEvent(_)
                | Reply::ReaderEvents(_)
                | Reply::StateSize(_),
            )
            | None => (None, None),
            Some(reply) => (value_of(reply), Some(reply.clone())),
        };
        Self { rv, command, reply }
    }
}

/// The return value in a reply.
fn value_of(reply: &Reply) -> Option<u32> {
    Some(match reply {
        Reply::Version(message) => message.rv,
        Reply::Establish(message) => message.rv,
        Reply::Release(message) => message.rv,
        Reply::Connect(message) => message.rv,
        Reply::Reconnect(message) => message.rv,
        Reply::Disconnect(message) => message.rv,
        Reply::Begin(message) => message.rv,
        Reply::End(message) => message.rv,
        Reply::Transmit(message, _) => message.rv,
        Reply::Control(message, _) => message.rv,
        Reply::Status(message) => message.rv,
        Reply::Cancel(message) => message.rv,
        Reply::Attribute(message) => message.rv,
        Reply::ReaderStates(_)
        | Reply::WaitEvent(_)
        | Reply::ReaderEvents(_)
        | Reply::StateSize(_) => return None,
    })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = self.rv else {
            return f.write_str(match self.command {
                Command::Wait => " waits for a change",
                Command::StopWaiting => " waits no longer (timeout, or nothing to wait for)",
                _ => "",
            });
        };
        write!(f, " -> {}", return_name(value))?;
        if value != rv::SUCCESS {
            return Ok(());
        }
        match &self.reply {
            Some(Reply::Version(message)) => write!(f, ", {}.{}", message.major, message.minor),
            Some(Reply::Establish(message)) => write!(f, ", context {:08X}", message.context),
            Some(Reply::Connect(message)) => {
                let protocol = protocol_names(message.active);
                write!(f, ", handle {:08X}, {protocol}", message.card)
            }
            Some(Reply::Reconnect(message)) => write!(f, ", {}", protocol_names(message.active)),
            Some(Reply::Transmit(message, _)) => write!(f, ", {} bytes", message.receive_length),
            Some(Reply::Control(message, _)) => write!(f, ", {} bytes", message.returned),
            Some(Reply::Attribute(message)) => write!(f, ", {} bytes", message.length),
            _ => Ok(()),
        }
    }
}

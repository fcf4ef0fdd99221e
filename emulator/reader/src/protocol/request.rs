// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a client asks.

use super::{
    ATTRIBUTE_BYTES, Attribute, BUFFER_BYTES, Begin, Cancel, Command, Connect, Control, Disconnect,
    End, Establish, Header, Parsed, ProtocolError, Reconnect, Release, Reply, Status, Transmit,
    Version,
};

/// One request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Agree on a version.
    Version(Version),
    /// Open the context.
    Establish(Establish),
    /// Close the context.
    Release(Release),
    /// Connect to a reader.
    Connect(Box<Connect>),
    /// Take up a connection again.
    Reconnect(Reconnect),
    /// End a connection.
    Disconnect(Disconnect),
    /// Begin a transaction.
    Begin(Begin),
    /// End a transaction.
    End(End),
    /// Exchange with the card: structure and command.
    Transmit(Transmit, Vec<u8>),
    /// Command to the reader: structure and input.
    Control(Control, Vec<u8>),
    /// Is the handle still good?
    Status(Status),
    /// Wake a waiting context.
    Cancel(Cancel),
    /// Read an attribute.
    GetAttribute(Box<Attribute>),
    /// Write an attribute.
    SetAttribute(Box<Attribute>),
    /// The fixed-size list of reader states.
    GetReadersState,
    /// Register for one event.
    Wait,
    /// Take the registration back.
    StopWaiting,
    /// How often readers came or went.
    GetReaderEvents,
    /// Length of the list of reader states.
    GetStateSize,
    /// The list of reader states.
    GetStateArray,
}

impl Request {
    /// Looks for a request at the front of `bytes`.
    ///
    /// Sizes are judged as soon as they are visible, so a sender of nonsense is
    /// found out before any of its buffer is waited for.
    ///
    /// # Errors
    /// [`ProtocolError`] if the bytes can never become a request.
    pub fn parse(bytes: &[u8]) -> Result<Parsed<Self>, ProtocolError> {
        let Some(header) = bytes.get(..Header::SIZE).and_then(Header::decode) else {
            return Ok(Parsed::Incomplete(Header::SIZE));
        };
        let command = Command::from_number(header.command)
            .ok_or(ProtocolError::UnknownCommand(header.command))?;
        let size = command.body_size();
        if usize::try_from(header.size) != Ok(size) {
            return Err(ProtocolError::WrongSize {
                command,
                announced: header.size,
                expected: size,
            });
        }
        let end = Header::SIZE + size;
        let Some(body) = bytes.get(Header::SIZE..end) else {
            return Ok(Parsed::Incomplete(end));
        };
        let request = Self::from_body(command, body)?.ok_or(ProtocolError::Malformed(command))?;
        let extra = match &request {
            Self::Transmit(transmit, _) => bounded(command, transmit.send_length, BUFFER_BYTES)?,
            Self::Control(control, _) => bounded(command, control.send_length, BUFFER_BYTES)?,
            _ => 0,
        };
        let Some(buffer) = bytes.get(end..end + extra) else {
            return Ok(Parsed::Incomplete(end + extra));
        };
        Ok(Parsed::Complete(request.with_buffer(buffer), end + extra))
    }

    fn from_body(command: Command, body: &[u8]) -> Result<Option<Self>, ProtocolError> {
        Ok(match command {
            Command::Version => Version::decode(body).map(Self::Version),
            Command::Establish => Establish::decode(body).map(Self::Establish),
            Command::Release => Release::decode(body).map(Self::Release),
            Command::Connect => Connect::decode(body).map(Box::new).map(Self::Connect),
            Command::Reconnect => Reconnect::decode(body).map(Self::Reconnect),
            Command::Disconnect => Disconnect::decode(body).map(Self::Disconnect),
            Command::Begin => Begin::decode(body).map(Self::Begin),
            Command::End => End::decode(body).map(Self::End),
            Command::Transmit => Transmit::decode(body).map(|m| Self::Transmit(m, Vec::new())),
            Command::Control => Control::decode(body).map(|m| Self::Control(m, Vec::new())),
            Command::Status => Status::decode(body).map(Self::Status),
            Command::Cancel => Cancel::decode(body).map(Self::Cancel),
            Command::GetAttribute => attribute(command, body)?.map(Self::GetAttribute),
            Command::SetAttribute => attribute(command, body)?.map(Self::SetAttribute),
            Command::GetReadersState => Some(Self::GetReadersState),
            Command::Wait => Some(Self::Wait),
            Command::StopWaiting => Some(Self::StopWaiting),
            Command::GetReaderEvents => Some(Self::GetReaderEvents),
            Command::GetStateSize => Some(Self::GetStateSize),
            Command::GetStateArray => Some(Self::GetStateArray),
        })
    }

    fn with_buffer(self, buffer: &[u8]) -> Self {
        match self {
            Self::Transmit(message, _) => Self::Transmit(message, buffer.to_vec()),
            Self::Control(message, _) => Self::Control(message, buffer.to_vec()),
            other => other,
        }
    }

    /// The command this request carries.
    #[must_use]
    pub fn command(&self) -> Command {
        match self {
            Self::Version(_) => Command::Version,
            Self::Establish(_) => Command::Establish,
            Self::Release(_) => Command::Release,
            Self::Connect(_) => Command::Connect,
            Self::Reconnect(_) => Command::Reconnect,
            Self::Disconnect(_) => Command::Disconnect,
            Self::Begin(_) => Command::Begin,
            Self::End(_) => Command::End,
            Self::Transmit(..) => Command::Transmit,
            Self::Control(..) => Command::Control,
            Self::Status(_) => Command::Status,
            Self::Cancel(_) => Command::Cancel,
            Self::GetAttribute(_) => Command::GetAttribute,
            Self::SetAttribute(_) => Command::SetAttribute,
            Self::GetReadersState => Command::GetReadersState,
            Self::Wait => Command::Wait,
            Self::StopWaiting => Command::StopWaiting,
            Self::GetReaderEvents => Command::GetReaderEvents,
            Self::GetStateSize => Command::GetStateSize,
            Self::GetStateArray => Command::GetStateArray,
        }
    }

    /// The card handle the request is about, if it is about one.
    #[must_use]
    pub fn card(&self) -> Option<i32> {
        match self {
            Self::Reconnect(message) => Some(message.card),
            Self::Disconnect(message) => Some(message.card),
            Self::Begin(message) => Some(message.card),
            Self::End(message) => Some(message.card),
            Self::Transmit(message, _) => Some(message.card),
            Self::Control(message, _) => Some(message.card),
            Self::Status(message) => Some(message.card),
            Self::GetAttribute(message) | Self::SetAttribute(message) => Some(message.card),
            _ => None,
        }
    }

    /// The reply that answers a request about a card handle with `rv` and
    /// nothing else; `None` if the request is about something else.
    #[must_use]
    pub fn refused(self, rv: u32) -> Option<Reply> {
        Some(match self {
            Self::Reconnect(message) => Reply::Reconnect(Reconnect { rv, ..message }),
            Self::Disconnect(message) => Reply::Disconnect(Disconnect { rv, ..message }),
            Self::Begin(message) => Reply::Begin(Begin { rv, ..message }),
            Self::End(message) => Reply::End(End { rv, ..message }),
            Self::Status(message) => Reply::Status(Status { rv, ..message }),
            Self::Transmit(message, _) => Reply::Transmit(
                Transmit {
                    receive_length: 0,
                    rv,
                    ..message
                },
                Vec::new(),
            ),
            Self::Control(message, _) => Reply::Control(
                Control {
                    returned: 0,
                    rv,
                    ..message
                },
                Vec::new(),
            ),
            Self::GetAttribute(mut message) | Self::SetAttribute(mut message) => {
                message.rv = rv;
                Reply::Attribute(message)
            }
            _ => return None,
        })
    }

    /// The bytes a client sends: header, structure, buffer.
    ///
    /// The buffer's length is the one in the structure; a caller that fills in
    /// both differently sends what the structure says it does not.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let command = self.command();
        let mut out = Vec::with_capacity(Header::SIZE + command.body_size());
        Header {
            size: u32::try_from(command.body_size()).unwrap_or(u32::MAX),
            command: command.number(),
        }
        .encode(&mut out);
        match self {
            Self::Version(message) => message.encode(&mut out),
            Self::Establish(message) => message.encode(&mut out),
            Self::Release(message) => message.encode(&mut out),
            Self::Connect(message) => message.encode(&mut out),
            Self::Reconnect(message) => message.encode(&mut out),
            Self::Disconnect(message) => message.encode(&mut out),
            Self::Begin(message) => message.encode(&mut out),
            Self::End(message) => message.encode(&mut out),
            Self::Transmit(message, buffer) => {
                message.encode(&mut out);
                out.extend_from_slice(buffer);
            }
            Self::Control(message, buffer) => {
                message.encode(&mut out);
                out.extend_from_slice(buffer);
            }
            Self::Status(message) => message.encode(&mut out),
            Self::Cancel(message) => message.encode(&mut out),
            Self::GetAttribute(message) | Self::SetAttribute(message) => message.encode(&mut out),
            Self::GetReadersState
            | Self::Wait
            | Self::StopWaiting
            | Self::GetReaderEvents
            | Self::GetStateSize
            | Self::GetStateArray => {}
        }
        out
    }
}

fn attribute(command: Command, body: &[u8]) -> Result<Option<Box<Attribute>>, ProtocolError> {
    let Some(message) = Attribute::decode(body) else {
        return Ok(None);
    };
    bounded(command, message.length, ATTRIBUTE_BYTES)?;
    Ok(Some(Box::new(message)))
}

fn bounded(command: Command, announced: u32, limit: usize) -> Result<usize, ProtocolError> {
    usize::try_from(announced)
        .ok()
        .filter(|&length| length <= limit)
        .ok_or(ProtocolError::BufferTooLong {
            command,
            announced,
            limit,
        })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! A program at the reader; every call of it is written down.

use super::desk::{Desk, Stop, holds, must, protocol_name, undecided};
use cie_terminal::pcsc::{
    Context, Disposition, Handle, PcscError, ReaderState, ScardCode, Share, WaitOutcome, protocol,
};
use std::time::Duration;

/// SELECT of the national application, status words only.
pub(super) const SELECT: &[u8] = &[
    0x00, 0xA4, 0x04, 0x0C, 0x06, 0xA0, 0x00, 0x00, 0x00, 0x00, 0x39,
];
/// The most room there is for an answer, in bytes.
const ROOM: usize = 65_548;

/// A program with one context.
pub(super) struct Client<'a> {
    desk: &'a Desk<'a>,
    name: &'static str,
    context: Context,
}

/// What came of a call, for people.
fn words<T>(result: &Result<T, PcscError>, good: impl FnOnce(&T) -> String) -> String {
    match result {
        Ok(value) => good(value),
        Err(error) => match error.code() {
            Some(code) if code.name().starts_with("SCARD") => code.name().to_owned(),
            _ => error.to_string(),
        },
    }
}

fn success<T>(_: &T) -> String {
    "SCARD_S_SUCCESS".to_owned()
}

fn ending(how: Disposition) -> &'static str {
    match how {
        Disposition::Leave => "SCARD_LEAVE_CARD",
        Disposition::Reset => "SCARD_RESET_CARD",
        Disposition::Unpower => "SCARD_UNPOWER_CARD",
        Disposition::Eject => "SCARD_EJECT_CARD",
    }
}

fn sharing(share: Share) -> &'static str {
    match share {
        Share::Exclusive => "SCARD_SHARE_EXCLUSIVE",
        Share::Shared => "SCARD_SHARE_SHARED",
    }
}

impl<'a> Client<'a> {
    pub(super) fn open(desk: &'a Desk<'a>, name: &'static str) -> Result<Self, PcscError> {
        let context = Context::open(&desk.spot.socket, desk.options());
        desk.note(
            format!("{name} SCardEstablishContext"),
            words(&context, success),
        );
        Ok(Self {
            desk,
            name,
            context: context?,
        })
    }

    fn note<T>(&self, call: &str, result: &Result<T, PcscError>, good: impl FnOnce(&T) -> String) {
        self.desk
            .note(format!("{} {call}", self.name), words(result, good));
    }

    /// Number of the context.
    pub(super) fn id(&self) -> u32 {
        self.context.id()
    }

    pub(super) fn connect(
        &mut self,
        share: Share,
        protocols: u32,
    ) -> Result<(Handle, u32), PcscError> {
        let reader = &self.desk.spot.reader;
        let result = self.context.connect_with(reader, share, protocols);
        let call = format!(
            "SCardConnect {} {}",
            sharing(share),
            protocol_name(protocols)
        );
        self.note(&call, &result, |(_, active)| {
            format!("SCARD_S_SUCCESS {}", protocol_name(*active))
        });
        result
    }

    /// A shared handle with T=1 that the case needs.
    pub(super) fn shared(&mut self) -> Result<Handle, Stop> {
        let connected = self.connect(Share::Shared, protocol::T1);
        connected
            .map(|(handle, _)| handle)
            .map_err(|error| undecided(&error))
    }

    pub(super) fn status(&mut self, handle: Handle) -> Result<(), PcscError> {
        let result = self.context.status(handle);
        self.note("SCardStatus", &result, success);
        result
    }

    pub(super) fn begin(&mut self, handle: Handle, patience: Duration) -> Result<(), PcscError> {
        let result = self.context.begin_transaction(handle, patience);
        self.note("SCardBeginTransaction", &result, success);
        result
    }

    pub(super) fn end(&mut self, handle: Handle, how: Disposition) -> Result<(), PcscError> {
        let result = self.context.end_transaction(handle, how);
        self.note(
            &format!("SCardEndTransaction {}", ending(how)),
            &result,
            success,
        );
        result
    }

    pub(super) fn reconnect(&mut self, handle: Handle, how: Disposition) -> Result<(), PcscError> {
        let result = self.context.reconnect(handle, Share::Shared, how);
        self.note(&format!("SCardReconnect {}", ending(how)), &result, success);
        result
    }

    pub(super) fn disconnect(&mut self, handle: Handle, how: Disposition) -> Result<(), PcscError> {
        let result = self.context.disconnect(handle, how);
        self.note(
            &format!("SCardDisconnect {}", ending(how)),
            &result,
            success,
        );
        result
    }

    pub(super) fn release(self) -> Result<(), PcscError> {
        let Self {
            desk,
            name,
            context,
        } = self;
        let result = context.release();
        desk.note(
            format!("{name} SCardReleaseContext"),
            words(&result, success),
        );
        result
    }

    pub(super) fn attribute(&mut self, handle: Handle, id: u32) -> Result<Vec<u8>, PcscError> {
        let result = self.context.attribute(handle, id);
        let call = format!("SCardGetAttrib {id:08X}");
        self.note(&call, &result, |value| {
            format!("SCARD_S_SUCCESS {}", hex::encode_upper(value))
        });
        result
    }

    pub(super) fn states(&mut self) -> Result<Vec<ReaderState>, PcscError> {
        let result = self.context.readers();
        let reader = self.desk.spot.reader.clone();
        self.note("list of readers", &result, |states| {
            match states.iter().find(|state| state.name == reader) {
                Some(state) => format!("state {:04X}, sharing {}", state.state, state.sharing),
                None => "the reader is not in it".to_owned(),
            }
        });
        result
    }

    /// A wait that is not written down: how often it is begun depends on chance.
    pub(super) fn wait(&mut self, limit: Duration) -> Result<WaitOutcome, PcscError> {
        let known = self.context.readers()?;
        self.context.wait_for_change(&known, limit)
    }

    /// The same.
    pub(super) fn cancel(&mut self, context: u32) -> Result<(), PcscError> {
        self.context.cancel(context)
    }

    /// A command with room for so many bytes of answer. Of the answer only the
    /// status words are written down.
    pub(super) fn transmit(
        &mut self,
        handle: Handle,
        protocol: u32,
        command: &[u8],
        room: usize,
    ) -> Result<Vec<u8>, PcscError> {
        let result = self
            .context
            .transmit_within(handle, protocol, command, room);
        let shown = match command.split_at_checked(16) {
            Some((head, rest)) => format!("{}[{} bytes]", hex::encode_upper(head), rest.len()),
            None => hex::encode_upper(command),
        };
        let narrow = match room {
            ROOM => String::new(),
            room => format!(", room for {room}"),
        };
        let call = format!("SCardTransmit {} {shown}{narrow}", protocol_name(protocol));
        self.note(&call, &result, |answer| {
            match answer.split_last_chunk::<2>() {
                Some(([], sw)) => {
                    format!("SCARD_S_SUCCESS {}", hex::encode_upper(sw))
                }
                Some((data, sw)) => format!(
                    "SCARD_S_SUCCESS [{} bytes]{}",
                    data.len(),
                    hex::encode_upper(sw)
                ),
                None => format!("SCARD_S_SUCCESS with {} bytes", answer.len()),
            }
        });
        result
    }

    /// SELECT with T=1.
    pub(super) fn select(&mut self, handle: Handle) -> Result<Vec<u8>, PcscError> {
        self.transmit(handle, protocol::T1, SELECT, ROOM)
    }

    /// A command, and an answer of at least two bytes.
    pub(super) fn carries(
        &mut self,
        handle: Handle,
        protocol: u32,
        command: &[u8],
    ) -> Result<(), Stop> {
        let answer = must(self.transmit(handle, protocol, command, ROOM))?;
        holds(answer.len() >= 2, || {
            format!(
                "SCardTransmit succeeds with {} bytes; an answer has two at least",
                answer.len()
            )
        })
    }

    /// The handle is good: SCardStatus says so, and the card answers a SELECT.
    pub(super) fn works(&mut self, handle: Handle) -> Result<(), Stop> {
        must(self.status(handle))?;
        self.carries(handle, protocol::T1, SELECT)
    }

    /// The handle does not work any more, or not yet, with this code.
    pub(super) fn is_told(&mut self, handle: Handle, code: ScardCode) -> Result<(), Stop> {
        use super::desk::must_not;
        must_not("SCardStatus", &[code], self.status(handle))?;
        must_not("SCardTransmit", &[code], self.select(handle))
    }

    /// It is given back; nothing depends on whether it can be.
    pub(super) fn leave(&mut self, handle: Handle) {
        let _ = self.disconnect(handle, Disposition::Leave);
    }
}

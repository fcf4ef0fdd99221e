// SPDX-License-Identifier: MIT OR Apache-2.0
//! libpcsclite, called as a C program calls it.
//!
//! Each function takes plain values, owns every buffer it lends to the library
//! and returns the result code with everything the library wrote. Handles that
//! do not exist, lengths that are too short and missing buffers are passed on,
//! for that is what is tested.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_void};
use std::ptr::{null, null_mut};

use pcsc_sys::{DWORD, LONG, SCARD_IO_REQUEST, SCARD_READERSTATE, SCARDCONTEXT, SCARDHANDLE};

// pcsc-sys links the library but does not name this function.
unsafe extern "C" {
    fn SCardListReaderGroups(
        context: SCARDCONTEXT,
        groups: *mut c_char,
        length: *mut DWORD,
    ) -> LONG;
}

/// A result code of the library; they all fit into 32 bits.
pub type Rv = u32;

/// Bytes behind a buffer that must stay as they are.
const GUARD: usize = 16;
const FILL: u8 = 0xA5;

fn rv(code: LONG) -> Rv {
    u32::try_from(code & 0xFFFF_FFFF).unwrap_or(u32::MAX)
}

fn dword(value: usize) -> DWORD {
    DWORD::try_from(value).unwrap_or(DWORD::MAX)
}

/// A buffer to lend: what the caller says about it, and what was done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// No buffer, and a length that says zero.
    Absent,
    /// No buffer and no length either.
    Nothing,
    /// A buffer of so many bytes.
    Bytes(usize),
}

/// What came back in a lent buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// The length the library reports.
    pub length: usize,
    /// The first `length` bytes, if the buffer has as many and was written.
    pub bytes: Vec<u8>,
    /// The library wrote behind the end.
    pub overrun: bool,
}

struct Buffer {
    room: Room,
    bytes: Vec<u8>,
    length: DWORD,
}

impl Buffer {
    fn new(room: Room) -> Self {
        let size = match room {
            Room::Bytes(size) => size,
            Room::Absent | Room::Nothing => 0,
        };
        Self {
            room,
            bytes: vec![FILL; size + GUARD],
            length: dword(size),
        }
    }

    fn pointer(&mut self) -> *mut u8 {
        match self.room {
            Room::Bytes(_) => self.bytes.as_mut_ptr(),
            Room::Absent | Room::Nothing => null_mut(),
        }
    }

    fn length(&mut self) -> *mut DWORD {
        match self.room {
            Room::Nothing => null_mut(),
            _ => &raw mut self.length,
        }
    }

    fn filled(self) -> Filled {
        let size = self.bytes.len() - GUARD;
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        let overrun = self.bytes.iter().skip(size).any(|&byte| byte != FILL);
        let untouched = self.bytes.iter().take(size).all(|&byte| byte == FILL);
        let bytes = if untouched || length > size {
            Vec::new()
        } else {
            self.bytes.into_iter().take(length).collect()
        };
        Filled {
            length,
            bytes,
            overrun,
        }
    }
}

/// `SCardEstablishContext`.
#[must_use]
pub fn establish(scope: u64) -> (Rv, i64) {
    let mut context: SCARDCONTEXT = 0;
    // SAFETY: `context` outlives the call; the reserved pointers may be null.
    let code = unsafe { pcsc_sys::SCardEstablishContext(scope, null(), null(), &raw mut context) };
    (rv(code), context)
}

/// `SCardEstablishContext` without a place for the context.
#[must_use]
pub fn establish_nowhere() -> Rv {
    // SAFETY: the library checks this pointer before it uses it.
    rv(unsafe { pcsc_sys::SCardEstablishContext(2, null(), null(), null_mut()) })
}

/// `SCardReleaseContext`.
#[must_use]
pub fn release(context: i64) -> Rv {
    // SAFETY: takes numbers only; unknown ones are refused.
    rv(unsafe { pcsc_sys::SCardReleaseContext(context) })
}

/// `SCardIsValidContext`.
#[must_use]
pub fn is_valid(context: i64) -> Rv {
    // SAFETY: takes numbers only; unknown ones are refused.
    rv(unsafe { pcsc_sys::SCardIsValidContext(context) })
}

/// `SCardCancel`.
#[must_use]
pub fn cancel(context: i64) -> Rv {
    // SAFETY: takes numbers only; unknown ones are refused.
    rv(unsafe { pcsc_sys::SCardCancel(context) })
}

/// `SCardListReaders`.
#[must_use]
pub fn list_readers(context: i64, room: Room) -> (Rv, Filled) {
    let mut buffer = Buffer::new(room);
    let (pointer, length) = (buffer.pointer(), buffer.length());
    // SAFETY: pointer and length belong to `buffer`, which outlives the call.
    let code =
        unsafe { pcsc_sys::SCardListReaders(context, null(), pointer.cast::<c_char>(), length) };
    (rv(code), buffer.filled())
}

/// `SCardListReaderGroups`.
#[must_use]
pub fn list_groups(context: i64, room: Room) -> (Rv, Filled) {
    let mut buffer = Buffer::new(room);
    let (pointer, length) = (buffer.pointer(), buffer.length());
    // SAFETY: pointer and length belong to `buffer`, which outlives the call.
    let code = unsafe { SCardListReaderGroups(context, pointer.cast::<c_char>(), length) };
    (rv(code), buffer.filled())
}

/// `SCardConnect`; a name of `None` is a null pointer.
#[must_use]
pub fn connect(context: i64, reader: Option<&str>, share: u64, protocols: u64) -> (Rv, i64, u64) {
    let name = reader.and_then(|name| CString::new(name).ok());
    let pointer = name.as_ref().map_or(null(), |name| name.as_ptr());
    let mut card: SCARDHANDLE = 0;
    let mut active: DWORD = 0;
    // SAFETY: all pointers are to locals that outlive the call, or null, which is checked.
    let code = unsafe {
        pcsc_sys::SCardConnect(
            context,
            pointer,
            share,
            protocols,
            &raw mut card,
            &raw mut active,
        )
    };
    (rv(code), card, active)
}

/// `SCardReconnect`.
#[must_use]
pub fn reconnect(card: i64, share: u64, protocols: u64, initialization: u64) -> (Rv, u64) {
    let mut active: DWORD = 0;
    // SAFETY: `active` outlives the call.
    let code = unsafe {
        pcsc_sys::SCardReconnect(card, share, protocols, initialization, &raw mut active)
    };
    (rv(code), active)
}

/// `SCardDisconnect`.
#[must_use]
pub fn disconnect(card: i64, disposition: u64) -> Rv {
    // SAFETY: takes numbers only; unknown ones are refused.
    rv(unsafe { pcsc_sys::SCardDisconnect(card, disposition) })
}

/// `SCardBeginTransaction`.
#[must_use]
pub fn begin(card: i64) -> Rv {
    // SAFETY: takes numbers only; unknown ones are refused.
    rv(unsafe { pcsc_sys::SCardBeginTransaction(card) })
}

/// `SCardEndTransaction`.
#[must_use]
pub fn end(card: i64, disposition: u64) -> Rv {
    // SAFETY: takes numbers only; unknown ones are refused.
    rv(unsafe { pcsc_sys::SCardEndTransaction(card, disposition) })
}

/// What `SCardStatus` wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Name of the reader.
    pub name: Filled,
    /// State bits, the event counter in the upper half.
    pub state: u64,
    /// Protocol.
    pub protocol: u64,
    /// Answer to reset.
    pub atr: Filled,
}

/// `SCardStatus`.
#[must_use]
pub fn status(card: i64, name: Room, atr: Room) -> (Rv, Status) {
    let (mut name, mut atr) = (Buffer::new(name), Buffer::new(atr));
    let (mut state, mut protocol): (DWORD, DWORD) = (0, 0);
    let (name_pointer, name_length) = (name.pointer(), name.length());
    let (atr_pointer, atr_length) = (atr.pointer(), atr.length());
    // SAFETY: all pointers are to locals that outlive the call, or null, which the library allows.
    let code = unsafe {
        pcsc_sys::SCardStatus(
            card,
            name_pointer.cast::<c_char>(),
            name_length,
            &raw mut state,
            &raw mut protocol,
            atr_pointer,
            atr_length,
        )
    };
    let status = Status {
        name: name.filled(),
        state,
        protocol,
        atr: atr.filled(),
    };
    (rv(code), status)
}

/// One reader of `SCardGetStatusChange`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Its name; `None` is a null pointer.
    pub name: Option<String>,
    /// What the caller believes.
    pub current: u64,
    /// What the library says.
    pub event: u64,
    /// Answer to reset.
    pub atr: Vec<u8>,
}

/// `SCardGetStatusChange`; no readers and `null` make the pointer null.
#[must_use]
pub fn get_status_change(context: i64, timeout: u64, readers: &mut [Watched]) -> Rv {
    let names: Vec<Option<CString>> = readers
        .iter()
        .map(|reader| {
            reader
                .name
                .as_deref()
                .and_then(|name| CString::new(name).ok())
        })
        .collect();
    let mut states: Vec<SCARD_READERSTATE> = readers
        .iter()
        .zip(&names)
        .map(|(reader, name)| SCARD_READERSTATE {
            szReader: name.as_ref().map_or(null(), |name| name.as_ptr()),
            pvUserData: null_mut::<c_void>(),
            dwCurrentState: reader.current,
            dwEventState: 0,
            cbAtr: 0,
            rgbAtr: [0; 33],
        })
        .collect();
    let pointer = if states.is_empty() {
        null_mut()
    } else {
        states.as_mut_ptr()
    };
    // SAFETY: `states` has as many elements as said, and it and `names` outlive the call.
    let code =
        unsafe { pcsc_sys::SCardGetStatusChange(context, timeout, pointer, dword(states.len())) };
    for (reader, state) in readers.iter_mut().zip(&states) {
        reader.event = state.dwEventState;
        let length = usize::try_from(state.cbAtr).unwrap_or(0);
        reader.atr = state.rgbAtr.iter().copied().take(length).collect();
    }
    rv(code)
}

/// `SCardTransmit`; the sender's protocol structure is `protocol`, its own
/// length eight or sixteen bytes as C programs have it.
#[must_use]
pub fn transmit(
    card: i64,
    protocol: Option<u64>,
    command: Option<&[u8]>,
    room: Room,
) -> (Rv, Filled) {
    let send = protocol.map(|protocol| SCARD_IO_REQUEST {
        dwProtocol: protocol,
        cbPciLength: dword(size_of::<SCARD_IO_REQUEST>()),
    });
    let send = send.as_ref().map_or(null(), std::ptr::from_ref);
    let (bytes, count) = command.map_or((null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
    let mut buffer = Buffer::new(room);
    let (pointer, length) = (buffer.pointer(), buffer.length());
    // SAFETY: all pointers are to values that outlive the call, or null, which is checked.
    let code = unsafe {
        pcsc_sys::SCardTransmit(card, send, bytes, dword(count), null_mut(), pointer, length)
    };
    (rv(code), buffer.filled())
}

/// `SCardTransmit` with a structure for the card's protocol; what is written into it.
#[must_use]
pub fn transmit_pci(card: i64, protocol: u64, command: &[u8]) -> (Rv, Filled, u64, u64) {
    let send = SCARD_IO_REQUEST {
        dwProtocol: protocol,
        cbPciLength: dword(size_of::<SCARD_IO_REQUEST>()),
    };
    let mut receive = SCARD_IO_REQUEST {
        dwProtocol: 3,
        cbPciLength: dword(size_of::<SCARD_IO_REQUEST>()),
    };
    let mut buffer = Buffer::new(Room::Bytes(258));
    let (pointer, length) = (buffer.pointer(), buffer.length());
    // SAFETY: all pointers are to values that outlive the call.
    let code = unsafe {
        pcsc_sys::SCardTransmit(
            card,
            &raw const send,
            command.as_ptr(),
            dword(command.len()),
            &raw mut receive,
            pointer,
            length,
        )
    };
    (
        rv(code),
        buffer.filled(),
        receive.dwProtocol,
        receive.cbPciLength,
    )
}

/// `SCardControl`.
#[must_use]
pub fn control(card: i64, code: u64, input: &[u8], room: Room) -> (Rv, Filled) {
    let mut buffer = Buffer::new(room);
    let size = buffer.length;
    let mut returned: DWORD = 0;
    let pointer = buffer.pointer();
    let (input, count) = if input.is_empty() {
        (null(), 0)
    } else {
        (input.as_ptr(), input.len())
    };
    // SAFETY: all pointers are to values that outlive the call, or null with a length of zero.
    let code = unsafe {
        pcsc_sys::SCardControl(
            card,
            code,
            input,
            dword(count),
            pointer,
            size,
            &raw mut returned,
        )
    };
    buffer.length = returned;
    (rv(code), buffer.filled())
}

/// `SCardGetAttrib`.
#[must_use]
pub fn get_attribute(card: i64, id: u64, room: Room) -> (Rv, Filled) {
    let mut buffer = Buffer::new(room);
    let (pointer, length) = (buffer.pointer(), buffer.length());
    // SAFETY: pointer and length belong to `buffer`, which outlives the call.
    let code = unsafe { pcsc_sys::SCardGetAttrib(card, id, pointer, length) };
    (rv(code), buffer.filled())
}

/// `SCardSetAttrib`.
#[must_use]
pub fn set_attribute(card: i64, id: u64, value: Option<&[u8]>) -> Rv {
    let (bytes, count) = value.map_or((null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
    // SAFETY: the bytes outlive the call; a null pointer is checked by the library.
    rv(unsafe { pcsc_sys::SCardSetAttrib(card, id, bytes, dword(count)) })
}

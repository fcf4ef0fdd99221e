// SPDX-License-Identifier: MIT OR Apache-2.0
//! From pointers and lengths to slices and back.

use crate::failure::Failure;
use crate::mechanisms::Mechanism;
use crate::session::{Produced, Room};
use cryptoki_sys as ck;
use cryptoki_sys::{CK_ATTRIBUTE, CK_BYTE, CK_MECHANISM, CK_ULONG};
use std::ffi::c_void;

/// Attributes in a template at most; the module knows about forty.
const TEMPLATE_MAX: usize = 1024;

fn length(len: CK_ULONG) -> Result<usize, Failure> {
    let len = usize::try_from(len).map_err(|_| Failure::ArgumentsBad)?;
    // No object can be larger than this.
    if isize::try_from(len).is_err() {
        return Err(Failure::ArgumentsBad);
    }
    Ok(len)
}

/// What a caller passes in. NULL is the same as nothing if the length is 0.
///
/// # Safety
/// A pointer that is not NULL points to `len` readable bytes, which nobody
/// changes during the call.
pub unsafe fn input<'a>(data: *mut CK_BYTE, len: CK_ULONG) -> Result<&'a [u8], Failure> {
    let len = length(len)?;
    match (data.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(Failure::ArgumentsBad),
        // SAFETY: not NULL, and as long as the caller promises.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(data, len) }),
    }
}

/// As [`input`], but NULL is refused whatever the length: a code cannot be
/// entered at the reader.
///
/// # Safety
/// As [`input`].
pub unsafe fn required<'a>(data: *mut CK_BYTE, len: CK_ULONG) -> Result<&'a [u8], Failure> {
    if data.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    // SAFETY: as promised by the caller.
    unsafe { input(data, len) }
}

/// Writes a value to where the caller wants it.
///
/// # Safety
/// A pointer that is not NULL points to room for a `T`, aligned or not.
pub unsafe fn write<T>(to: *mut T, value: T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    // SAFETY: not NULL, and room enough as the caller promises.
    unsafe { to.write_unaligned(value) };
    Ok(())
}

/// Reads a value from where the caller has it.
///
/// # Safety
/// A pointer that is not NULL points to a valid `T`, aligned or not.
pub unsafe fn read<T: Copy>(from: *const T) -> Result<T, Failure> {
    if from.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    // SAFETY: not NULL, and a valid value as the caller promises.
    Ok(unsafe { from.read_unaligned() })
}

/// Copies values to an array of the caller's.
///
/// # Safety
/// `to` points to room for as many values, aligned or not.
pub unsafe fn copy<T: Copy>(values: &[T], to: *mut T) {
    // Byte by byte, so that alignment does not matter.
    let bytes = size_of_val(values);
    // SAFETY: `values` is our own memory, `to` has room for all of it, and the
    // two cannot overlap.
    unsafe { std::ptr::copy_nonoverlapping(values.as_ptr().cast::<u8>(), to.cast::<u8>(), bytes) };
}

/// Where a caller wants a result of variable length.
#[derive(Clone, Copy)]
pub struct Output<T> {
    data: *mut T,
    len: *mut CK_ULONG,
    room: Room,
}

impl<T: Copy> Output<T> {
    /// The buffer and its length.
    ///
    /// # Safety
    /// As [`read`] for `len`; `data`, if not NULL, has room for as many values
    /// as `len` says.
    pub unsafe fn new(data: *mut T, len: *mut CK_ULONG) -> Result<Self, Failure> {
        // SAFETY: as promised by the caller.
        let room = unsafe { read(len) }?;
        let room = if data.is_null() {
            Room::Query
        } else {
            // More than any memory is as good as enough.
            Room::Bytes(usize::try_from(room).unwrap_or(usize::MAX))
        };
        Ok(Self { data, len, room })
    }

    pub fn room(self) -> Room {
        self.room
    }

    /// Gives the result out: the length always, the values if they fit.
    ///
    /// # Safety
    /// As [`Output::new`], still.
    pub unsafe fn deliver(self, values: &[T]) -> Result<(), Failure> {
        // SAFETY: as promised by the caller.
        unsafe { self.say(values.len()) }?;
        match self.room {
            Room::Query => Ok(()),
            Room::Bytes(room) if room < values.len() => Err(Failure::BufferTooSmall),
            Room::Bytes(_) => {
                // SAFETY: there is room for at least as many.
                unsafe { copy(values, self.data) };
                Ok(())
            }
        }
    }

    /// # Safety
    /// As [`Output::new`], still.
    unsafe fn say(self, len: usize) -> Result<(), Failure> {
        let len = CK_ULONG::try_from(len).map_err(|_| Failure::GeneralError)?;
        // SAFETY: as promised by the caller.
        unsafe { write(self.len, len) }
    }
}

impl Output<CK_BYTE> {
    /// Gives out what an operation produced.
    ///
    /// # Safety
    /// As [`Output::new`], still.
    pub unsafe fn produce(self, produced: Produced) -> Result<(), Failure> {
        match produced {
            // SAFETY: as promised by the caller.
            Produced::Length(len) => unsafe { self.say(len) },
            Produced::TooSmall(len) => {
                // SAFETY: as promised by the caller.
                unsafe { self.say(len) }?;
                Err(Failure::BufferTooSmall)
            }
            // SAFETY: as promised by the caller.
            Produced::Done(bytes) => unsafe { self.deliver(&bytes) },
        }
    }
}

/// A mechanism of the token, which takes no parameter.
///
/// # Safety
/// As [`read`].
pub unsafe fn mechanism(mechanism: *mut CK_MECHANISM) -> Result<Mechanism, Failure> {
    // SAFETY: as promised by the caller.
    let given = unsafe { read(mechanism) }?;
    let mechanism = Mechanism::from_number(given.mechanism)?;
    if !given.pParameter.is_null() || given.ulParameterLen != 0 {
        return Err(Failure::MechanismParamInvalid);
    }
    Ok(mechanism)
}

/// How many attributes a template has.
pub fn template_len(template: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Result<usize, Failure> {
    let count = length(count)?;
    if count > TEMPLATE_MAX || (template.is_null() && count > 0) {
        return Err(Failure::ArgumentsBad);
    }
    Ok(count)
}

/// One attribute of a template.
///
/// # Safety
/// `template` has more than `index` attributes.
pub unsafe fn attribute(
    template: *mut CK_ATTRIBUTE,
    index: usize,
) -> Result<CK_ATTRIBUTE, Failure> {
    // SAFETY: within the template, as promised by the caller.
    let at = unsafe { template.add(index) };
    // SAFETY: as promised by the caller.
    unsafe { read(at) }
}

/// The value that a search asks for.
///
/// # Safety
/// As [`input`].
pub unsafe fn wanted(attribute: &CK_ATTRIBUTE) -> Result<Vec<u8>, Failure> {
    let data = attribute.pValue.cast::<CK_BYTE>();
    // SAFETY: as promised by the caller.
    Ok(unsafe { input(data, attribute.ulValueLen) }?.to_vec())
}

/// Writes the length of one attribute of a template.
///
/// # Safety
/// `template` has more than `index` attributes.
pub unsafe fn set_len(
    template: *mut CK_ATTRIBUTE,
    index: usize,
    len: CK_ULONG,
) -> Result<(), Failure> {
    // SAFETY: within the template, as promised by the caller.
    let at = unsafe { template.add(index) };
    // SAFETY: a field of a place that is valid for writes.
    let field = unsafe { &raw mut (*at).ulValueLen };
    // SAFETY: as before.
    unsafe { write(field, len) }
}

/// Room for an attribute's value.
///
/// # Safety
/// `to` has room for `value`.
pub unsafe fn set_value(to: *mut c_void, value: &[u8]) {
    // SAFETY: as promised by the caller.
    unsafe { copy(value, to.cast::<u8>()) };
}

/// A text in a field of fixed length, padded with blanks, cut between
/// characters.
pub fn padded<const N: usize>(text: &str) -> [ck::CK_UTF8CHAR; N] {
    let mut field = [b' '; N];
    let fits = (0..=text.len().min(N))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    let bytes = text
        .as_bytes()
        .get(..fits.unwrap_or_default())
        .unwrap_or_default();
    for (to, from) in field.iter_mut().zip(bytes) {
        *to = *from;
    }
    field
}

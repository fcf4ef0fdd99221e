// SPDX-License-Identifier: MIT OR Apache-2.0
//! Objects: searching, attributes.

use super::memory::{attribute, copy, set_len, set_value, template_len, wanted, write};
use super::process::module;
use crate::failure::Failure;
use crate::objects::Value;
use cryptoki_sys as ck;
use cryptoki_sys::{CK_ATTRIBUTE, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

/// # Safety
/// `template` has `count` attributes, each with as many readable bytes as it
/// says.
pub unsafe fn find_init(
    session: CK_SESSION_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    let count = template_len(template, count)?;
    let mut search = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: within the template.
        let attribute = unsafe { attribute(template, index) }?;
        // SAFETY: as promised by the caller.
        search.push((attribute.type_, unsafe { wanted(&attribute) }?));
    }
    let mut session = place.session();
    if session.is_searching() {
        return Err(Failure::OperationActive);
    }
    let found = place.objects()?.find(&search);
    session.begin_search(&found);
    Ok(())
}

/// # Safety
/// `objects` has room for `max` handles, `count` for a number.
pub unsafe fn find(
    session: CK_SESSION_HANDLE,
    objects: *mut CK_OBJECT_HANDLE,
    max: CK_ULONG,
    count: *mut CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    if count.is_null() || (objects.is_null() && max > 0) {
        return Err(Failure::ArgumentsBad);
    }
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let found = place.session().next_found(max)?;
    if !found.is_empty() {
        // SAFETY: not NULL, since `max` is not 0, and no more than `max`.
        unsafe { copy(&found, objects) };
    }
    // SAFETY: as promised by the caller.
    unsafe { write(count, CK_ULONG::try_from(found.len()).unwrap_or_default()) }
}

/// # Safety
/// No pointer is looked at.
pub unsafe fn find_final(session: CK_SESSION_HANDLE) -> Result<(), Failure> {
    module()?.session(session)?.session().end_search()
}

/// The sizes of objects in the card are not known.
///
/// # Safety
/// `size`, if not NULL, has room for a number.
pub unsafe fn size(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    size: *mut CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    place.objects()?.by_handle(object)?;
    // SAFETY: as promised by the caller.
    unsafe { write(size, ck::CK_UNAVAILABLE_INFORMATION) }
}

/// # Safety
/// `template` has `count` attributes, each with as much room as it says.
pub unsafe fn attributes(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    let count = template_len(template, count)?;
    let objects = place.objects()?;
    let object = objects.by_handle(object)?;
    // Every attribute is dealt with, whatever is wrong with others; the first
    // failure is the one returned.
    let mut answer = Ok(());
    for index in 0..count {
        // SAFETY: within the template.
        let attribute = unsafe { attribute(template, index) }?;
        let (len, failure) = match objects.value(object, attribute.type_) {
            Value::Sensitive => (
                ck::CK_UNAVAILABLE_INFORMATION,
                Some(Failure::AttributeSensitive),
            ),
            Value::Invalid => (
                ck::CK_UNAVAILABLE_INFORMATION,
                Some(Failure::AttributeTypeInvalid),
            ),
            Value::Known(value) => {
                let len = CK_ULONG::try_from(value.len()).map_err(|_| Failure::GeneralError)?;
                if attribute.pValue.is_null() {
                    (len, None)
                } else if attribute.ulValueLen < len {
                    (
                        ck::CK_UNAVAILABLE_INFORMATION,
                        Some(Failure::BufferTooSmall),
                    )
                } else {
                    // SAFETY: there is room for at least as many bytes.
                    unsafe { set_value(attribute.pValue, &value) };
                    (len, None)
                }
            }
        };
        // SAFETY: within the template.
        unsafe { set_len(template, index, len) }?;
        if let (Ok(()), Some(failure)) = (answer, failure) {
            answer = Err(failure);
        }
    }
    answer
}

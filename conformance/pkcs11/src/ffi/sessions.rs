// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sessions, login, codes.

use super::memory::{required, write};
use super::process::module;
use crate::failure::Failure;
use crate::token::User;
use cryptoki_sys as ck;
use cryptoki_sys::{
    CK_BYTE, CK_FLAGS, CK_NOTIFY, CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CK_USER_TYPE,
};
use std::ffi::c_void;

/// # Safety
/// `session`, if not NULL, has room for a handle.
pub unsafe fn open(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    _application: *mut c_void,
    _notify: CK_NOTIFY,
    session: *mut CK_SESSION_HANDLE,
) -> Result<(), Failure> {
    let module = module()?;
    if session.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    if flags & ck::CKF_SERIAL_SESSION == 0 {
        return Err(Failure::SessionParallelNotSupported);
    }
    let handle = module.open_session(slot, flags & ck::CKF_RW_SESSION != 0)?;
    // SAFETY: as promised by the caller.
    unsafe { write(session, handle) }
}

/// # Safety
/// No pointer is looked at.
pub unsafe fn close(session: CK_SESSION_HANDLE) -> Result<(), Failure> {
    module()?.close_session(session)
}

/// # Safety
/// No pointer is looked at.
pub unsafe fn close_all(slot: CK_SLOT_ID) -> Result<(), Failure> {
    module()?.close_all_sessions(slot)
}

/// # Safety
/// `info`, if not NULL, has room for a `CK_SESSION_INFO`.
pub unsafe fn info(
    session: CK_SESSION_HANDLE,
    info: *mut ck::CK_SESSION_INFO,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    let (slot, writable) = {
        let session = place.session();
        (session.slot, session.writable)
    };
    let login = {
        let mut token = place.token()?;
        token.check()?;
        token.login()
    };
    let (state, flags) = match (login, writable) {
        (None, false) => (ck::CKS_RO_PUBLIC_SESSION, 0),
        (None, true) => (ck::CKS_RW_PUBLIC_SESSION, ck::CKF_RW_SESSION),
        (Some(User::Citizen), false) => (ck::CKS_RO_USER_FUNCTIONS, 0),
        (Some(User::Citizen), true) => (ck::CKS_RW_USER_FUNCTIONS, ck::CKF_RW_SESSION),
        (Some(User::Unblocker), _) => (ck::CKS_RW_SO_FUNCTIONS, ck::CKF_RW_SESSION),
    };
    let value = ck::CK_SESSION_INFO {
        slotID: slot,
        state,
        flags: flags | ck::CKF_SERIAL_SESSION,
        ulDeviceError: 0,
    };
    // SAFETY: as promised by the caller.
    unsafe { write(info, value) }
}

/// # Safety
/// As [`required`] for the code.
pub unsafe fn login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: *mut CK_BYTE,
    pin_len: CK_ULONG,
) -> Result<(), Failure> {
    let module = module()?;
    let place = module.session(session)?;
    // SAFETY: as promised by the caller.
    let code = unsafe { required(pin, pin_len) }?;
    match user {
        ck::CKU_USER => module.log_in(session, User::Citizen, code),
        ck::CKU_SO => module.log_in(session, User::Unblocker, code),
        // No key asks for it; who sends the PIN again all the same gets it
        // verified again.
        ck::CKU_CONTEXT_SPECIFIC => {
            if !place.session().is_signing() {
                return Err(Failure::OperationNotInitialised);
            }
            place.token()?.confirm(code)
        }
        _ => Err(Failure::UserTypeInvalid),
    }
}

/// # Safety
/// No pointer is looked at.
pub unsafe fn logout(session: CK_SESSION_HANDLE) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    let mut token = place.token()?;
    token.check()?;
    if token.login().is_none() {
        return Err(Failure::UserNotLoggedIn);
    }
    token.log_out();
    Ok(())
}

/// # Safety
/// As [`required`] for the code.
pub unsafe fn init_pin(
    session: CK_SESSION_HANDLE,
    pin: *mut CK_BYTE,
    pin_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    // SAFETY: as promised by the caller.
    let new = unsafe { required(pin, pin_len) }?;
    place.token()?.set_by_puk(new)
}

/// # Safety
/// As [`required`] for both codes.
pub unsafe fn set_pin(
    session: CK_SESSION_HANDLE,
    old: *mut CK_BYTE,
    old_len: CK_ULONG,
    new: *mut CK_BYTE,
    new_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    // SAFETY: as promised by the caller.
    let old = unsafe { required(old, old_len) }?;
    // SAFETY: as promised by the caller.
    let new = unsafe { required(new, new_len) }?;
    if !place.session().writable {
        return Err(Failure::SessionReadOnly);
    }
    place.token()?.change(old, new)
}

/// A card is personalised once, by its issuer.
///
/// # Safety
/// No pointer is looked at.
pub unsafe fn init_token(
    slot: CK_SLOT_ID,
    _pin: *mut CK_BYTE,
    _pin_len: CK_ULONG,
    _label: *mut CK_BYTE,
) -> Result<(), Failure> {
    module()?.token(slot)?;
    Err(Failure::FunctionNotSupported)
}

/// # Safety
/// No pointer is looked at.
pub unsafe fn not_parallel(session: CK_SESSION_HANDLE) -> Result<(), Failure> {
    module()?.session(session)?;
    Err(Failure::FunctionNotParallel)
}

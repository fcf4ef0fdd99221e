// SPDX-License-Identifier: MIT OR Apache-2.0
//! The door for C: every function of PKCS#11 v2.40, and all unsafe code.
//!
//! What the standard lets a caller get wrong (NULL pointers, counts, lengths,
//! handles, flags) is answered with a return value. What it does not, nobody
//! can check: a pointer that is not NULL must point to as many readable or
//! writable bytes as its length says. Nothing the caller passes is kept, and
//! results are only written when they are complete, so buffers may overlap.
#![allow(unsafe_code)]

mod general;
mod memory;
mod objects;
mod operations;
mod process;
#[cfg(feature = "pthread-locks")]
mod pthread;
mod sessions;
// Their cards speak by the codec without the feature.
#[cfg(not(feature = "mutants"))]
#[cfg(test)]
mod tests;

use crate::failure::Failure;
use cryptoki_sys as ck;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_BBOOL, CK_BYTE, CK_FLAGS, CK_MECHANISM, CK_NOTIFY, CK_OBJECT_HANDLE, CK_RV,
    CK_SESSION_HANDLE, CK_SLOT_ID, CK_ULONG, CK_USER_TYPE,
};
#[cfg(feature = "pthread-locks")]
pub use pthread::{Mutex, MutexGuard};
use std::ffi::c_void;
use std::fmt::Arguments;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs one call: its result as a return value, a panic as
/// `CKR_GENERAL_ERROR`, and a line in the log.
fn call(name: Arguments<'_>, work: impl FnOnce() -> Result<(), Failure>) -> CK_RV {
    // Before, because `C_Finalize` takes the module with its log away.
    let module = process::logging();
    let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::GeneralError));
    // The log's own failure must not cross the boundary, either.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if let Some(module) = module.or_else(process::logging) {
            match result {
                Ok(()) => module.log().line(format_args!("{name} -> CKR_OK")),
                Err(failure) => {
                    let code = failure.name();
                    module
                        .log()
                        .line(format_args!("{name} -> {code}: {failure}"));
                }
            }
        }
    }));
    result.map_or_else(Failure::code, |()| ck::CKR_OK)
}

/// What the log shows of an argument: numbers. Pointers tell nothing, and what
/// they point to may be secret.
trait Shown {
    fn shown(&self) -> String;
}

impl Shown for CK_ULONG {
    fn shown(&self) -> String {
        format!("{self:#x}")
    }
}

impl Shown for CK_BBOOL {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl<T> Shown for *mut T {
    fn shown(&self) -> String {
        if self.is_null() { "NULL" } else { "…" }.to_owned()
    }
}

impl Shown for CK_NOTIFY {
    fn shown(&self) -> String {
        if self.is_some() { "…" } else { "NULL" }.to_owned()
    }
}

/// The table of all functions. Each is exported under its name, but the list
/// that `C_GetFunctionList` gives out points to private ones: another module
/// in the same process cannot take their place.
macro_rules! functions {
    ($($name:ident($($arg:ident: $type:ty),*) => $body:path;)*) => {
        #[allow(non_snake_case)]
        mod private {
            use super::*;
            $(
                pub(super) unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
                    let shown: [String; { 0 $(+ { stringify!($arg); 1 })* }] = [$($arg.shown()),*];
                    call(
                        format_args!("{}({})", stringify!($name), shown.join(", ")),
                        // SAFETY: the caller's promise is the one of the
                        // standard for this function, passed on as it is.
                        || unsafe { $body($($arg),*) },
                    )
                }
            )*
        }

        #[allow(non_snake_case)]
        mod exported {
            use super::*;
            $(
                #[doc = concat!("`", stringify!($name), "` of PKCS#11 v2.40.")]
                ///
                /// # Safety
                /// Pointers that are not NULL point to what the standard says,
                /// in the length that is said beside them.
                #[unsafe(no_mangle)]
                pub unsafe extern "C" fn $name($($arg: $type),*) -> CK_RV {
                    // SAFETY: as promised by the caller of this function.
                    unsafe { private::$name($($arg),*) }
                }
            )*
        }

        static FUNCTIONS: ck::CK_FUNCTION_LIST = ck::CK_FUNCTION_LIST {
            version: general::VERSION,
            $($name: Some(private::$name),)*
        };
    };
}

functions! {
    C_Initialize(args: *mut c_void) => general::initialize;
    C_Finalize(reserved: *mut c_void) => general::finalize;
    C_GetInfo(info: *mut ck::CK_INFO) => general::info;
    C_GetFunctionList(list: *mut *mut ck::CK_FUNCTION_LIST) => general::function_list;
    C_GetSlotList(with_token: CK_BBOOL, slots: *mut CK_SLOT_ID, count: *mut CK_ULONG) => general::slot_list;
    C_GetSlotInfo(slot: CK_SLOT_ID, info: *mut ck::CK_SLOT_INFO) => general::slot_info;
    C_GetTokenInfo(slot: CK_SLOT_ID, info: *mut ck::CK_TOKEN_INFO) => general::token_info;
    C_GetMechanismList(slot: CK_SLOT_ID, list: *mut ck::CK_MECHANISM_TYPE, count: *mut CK_ULONG) => general::mechanism_list;
    C_GetMechanismInfo(slot: CK_SLOT_ID, mechanism: ck::CK_MECHANISM_TYPE, info: *mut ck::CK_MECHANISM_INFO) => general::mechanism_info;
    C_InitToken(slot: CK_SLOT_ID, pin: *mut CK_BYTE, pin_len: CK_ULONG, label: *mut CK_BYTE) => sessions::init_token;
    C_InitPIN(session: CK_SESSION_HANDLE, pin: *mut CK_BYTE, pin_len: CK_ULONG) => sessions::init_pin;
    C_SetPIN(session: CK_SESSION_HANDLE, old: *mut CK_BYTE, old_len: CK_ULONG, new: *mut CK_BYTE, new_len: CK_ULONG) => sessions::set_pin;
    C_OpenSession(slot: CK_SLOT_ID, flags: CK_FLAGS, application: *mut c_void, notify: CK_NOTIFY, session: *mut CK_SESSION_HANDLE) => sessions::open;
    C_CloseSession(session: CK_SESSION_HANDLE) => sessions::close;
    C_CloseAllSessions(slot: CK_SLOT_ID) => sessions::close_all;
    C_GetSessionInfo(session: CK_SESSION_HANDLE, info: *mut ck::CK_SESSION_INFO) => sessions::info;
    C_GetOperationState(session: CK_SESSION_HANDLE, state: *mut CK_BYTE, len: *mut CK_ULONG) => unsupported::three;
    C_SetOperationState(session: CK_SESSION_HANDLE, state: *mut CK_BYTE, len: CK_ULONG, encryption: CK_OBJECT_HANDLE, authentication: CK_OBJECT_HANDLE) => unsupported::five;
    C_Login(session: CK_SESSION_HANDLE, user: CK_USER_TYPE, pin: *mut CK_BYTE, pin_len: CK_ULONG) => sessions::login;
    C_Logout(session: CK_SESSION_HANDLE) => sessions::logout;
    C_CreateObject(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, object: *mut CK_OBJECT_HANDLE) => unsupported::four;
    C_CopyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, copy: *mut CK_OBJECT_HANDLE) => unsupported::five;
    C_DestroyObject(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) => unsupported::two;
    C_GetObjectSize(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, size: *mut CK_ULONG) => objects::size;
    C_GetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG) => objects::attributes;
    C_SetAttributeValue(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG) => unsupported::four;
    C_FindObjectsInit(session: CK_SESSION_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG) => objects::find_init;
    C_FindObjects(session: CK_SESSION_HANDLE, objects: *mut CK_OBJECT_HANDLE, max: CK_ULONG, count: *mut CK_ULONG) => objects::find;
    C_FindObjectsFinal(session: CK_SESSION_HANDLE) => objects::find_final;
    C_EncryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => unsupported::three;
    C_Encrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_EncryptUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_EncryptFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::three;
    C_DecryptInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => unsupported::three;
    C_Decrypt(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_DecryptUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_DecryptFinal(session: CK_SESSION_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::three;
    C_DigestInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM) => operations::digest_init;
    C_Digest(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, digest: *mut CK_BYTE, digest_len: *mut CK_ULONG) => operations::digest;
    C_DigestUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG) => operations::digest_update;
    C_DigestKey(session: CK_SESSION_HANDLE, key: CK_OBJECT_HANDLE) => unsupported::two;
    C_DigestFinal(session: CK_SESSION_HANDLE, digest: *mut CK_BYTE, digest_len: *mut CK_ULONG) => operations::digest_final;
    C_SignInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => operations::sign_init;
    C_Sign(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG) => operations::sign;
    C_SignUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG) => operations::sign_update;
    C_SignFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: *mut CK_ULONG) => operations::sign_final;
    C_SignRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => unsupported::three;
    C_SignRecover(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_VerifyInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => operations::verify_init;
    C_Verify(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, signature: *mut CK_BYTE, signature_len: CK_ULONG) => operations::verify;
    C_VerifyUpdate(session: CK_SESSION_HANDLE, part: *mut CK_BYTE, part_len: CK_ULONG) => operations::verify_update;
    C_VerifyFinal(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG) => operations::verify_final;
    C_VerifyRecoverInit(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, key: CK_OBJECT_HANDLE) => unsupported::three;
    C_VerifyRecover(session: CK_SESSION_HANDLE, signature: *mut CK_BYTE, signature_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_DigestEncryptUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_DecryptDigestUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_SignEncryptUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_DecryptVerifyUpdate(session: CK_SESSION_HANDLE, data: *mut CK_BYTE, data_len: CK_ULONG, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::five;
    C_GenerateKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE) => unsupported::five;
    C_GenerateKeyPair(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, public: *mut CK_ATTRIBUTE, public_count: CK_ULONG, private: *mut CK_ATTRIBUTE, private_count: CK_ULONG, public_key: *mut CK_OBJECT_HANDLE, private_key: *mut CK_OBJECT_HANDLE) => unsupported::eight;
    C_WrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, wrapping: CK_OBJECT_HANDLE, key: CK_OBJECT_HANDLE, out: *mut CK_BYTE, out_len: *mut CK_ULONG) => unsupported::six;
    C_UnwrapKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, unwrapping: CK_OBJECT_HANDLE, wrapped: *mut CK_BYTE, wrapped_len: CK_ULONG, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE) => unsupported::eight;
    C_DeriveKey(session: CK_SESSION_HANDLE, mechanism: *mut CK_MECHANISM, base: CK_OBJECT_HANDLE, template: *mut CK_ATTRIBUTE, count: CK_ULONG, key: *mut CK_OBJECT_HANDLE) => unsupported::six;
    C_SeedRandom(session: CK_SESSION_HANDLE, seed: *mut CK_BYTE, seed_len: CK_ULONG) => operations::seed_random;
    C_GenerateRandom(session: CK_SESSION_HANDLE, random: *mut CK_BYTE, random_len: CK_ULONG) => operations::generate_random;
    C_GetFunctionStatus(session: CK_SESSION_HANDLE) => sessions::not_parallel;
    C_CancelFunction(session: CK_SESSION_HANDLE) => sessions::not_parallel;
    C_WaitForSlotEvent(flags: CK_FLAGS, slot: *mut CK_SLOT_ID, reserved: *mut c_void) => general::wait_for_slot_event;
}

/// Functions for things the card cannot do: they only look whether there is a
/// module and a session.
mod unsupported {
    use super::process::module;
    use crate::failure::Failure;
    use cryptoki_sys::CK_SESSION_HANDLE;

    fn answer(session: CK_SESSION_HANDLE) -> Result<(), Failure> {
        module()?.session(session)?;
        Err(Failure::FunctionNotSupported)
    }

    macro_rules! arity {
        ($($name:ident($($type:ident),*);)*) => {
            $(
                /// With this many arguments.
                ///
                /// # Safety
                /// No pointer is looked at.
                #[allow(clippy::too_many_arguments)]
                pub unsafe fn $name<$($type),*>(
                    session: CK_SESSION_HANDLE,
                    $(_: $type),*
                ) -> Result<(), Failure> {
                    answer(session)
                }
            )*
        };
    }

    arity! {
        two(A);
        three(A, B);
        four(A, B, C);
        five(A, B, C, D);
        six(A, B, C, D, E);
        eight(A, B, C, D, E, F, G);
    }
}

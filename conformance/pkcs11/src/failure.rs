// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a call fails: the return values of PKCS#11 v2.40 that this module uses.

use cryptoki_sys as ck;
use thiserror::Error;

macro_rules! failures {
    ($($name:ident = $code:ident, $text:literal;)*) => {
        /// A return value other than `CKR_OK`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
        pub enum Failure {
            $(#[doc = concat!("`", stringify!($code), "`: ", $text, ".")]
              #[error($text)]
              $name,)*
        }

        impl Failure {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number for the caller.
            #[must_use]
            pub fn code(self) -> ck::CK_RV {
                match self {
                    $(Self::$name => ck::$code,)*
                }
            }

            /// The name in the standard.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($code),)*
                }
            }
        }
    };
}

failures! {
    ArgumentsBad = CKR_ARGUMENTS_BAD, "a pointer, length, count or flag makes no sense";
    AttributeSensitive = CKR_ATTRIBUTE_SENSITIVE, "the private key stays in the card";
    AttributeTypeInvalid = CKR_ATTRIBUTE_TYPE_INVALID, "the object has no such attribute";
    BufferTooSmall = CKR_BUFFER_TOO_SMALL, "the buffer is too small; the operation goes on";
    CantLock = CKR_CANT_LOCK, "only the locks of the operating system can be used";
    AlreadyInitialised = CKR_CRYPTOKI_ALREADY_INITIALIZED, "this process has initialised the module before";
    NotInitialised = CKR_CRYPTOKI_NOT_INITIALIZED, "this process has not initialised the module";
    DataLenRange = CKR_DATA_LEN_RANGE, "the card signs 1 to 245 bytes";
    DeviceError = CKR_DEVICE_ERROR, "the card or the reader did not do it; the log says more";
    DeviceRemoved = CKR_DEVICE_REMOVED, "the card was removed";
    FunctionNotParallel = CKR_FUNCTION_NOT_PARALLEL, "nothing runs in parallel";
    FunctionNotSupported = CKR_FUNCTION_NOT_SUPPORTED, "the card cannot do this";
    GeneralError = CKR_GENERAL_ERROR, "a defect of this module; please report it";
    KeyFunctionNotPermitted = CKR_KEY_FUNCTION_NOT_PERMITTED, "this key does not do that";
    KeyHandleInvalid = CKR_KEY_HANDLE_INVALID, "no key has this handle";
    MechanismInvalid = CKR_MECHANISM_INVALID, "the card has no such mechanism; it pads PKCS#1 v1.5 itself and cannot do PSS";
    MechanismParamInvalid = CKR_MECHANISM_PARAM_INVALID, "this mechanism takes no parameter";
    NoEvent = CKR_NO_EVENT, "nothing has happened in any slot";
    ObjectHandleInvalid = CKR_OBJECT_HANDLE_INVALID, "no object has this handle";
    OperationActive = CKR_OPERATION_ACTIVE, "the session is in the middle of another operation";
    OperationNotInitialised = CKR_OPERATION_NOT_INITIALIZED, "no such operation was begun";
    PinIncorrect = CKR_PIN_INCORRECT, "the code is wrong";
    PinInvalid = CKR_PIN_INVALID, "a code has digits only";
    PinLenRange = CKR_PIN_LEN_RANGE, "a code has exactly eight digits";
    PinLocked = CKR_PIN_LOCKED, "the code is blocked: the PUK unblocks the PIN, nothing unblocks the PUK";
    RandomSeedNotSupported = CKR_RANDOM_SEED_NOT_SUPPORTED, "the card's random source takes no seed";
    SessionCount = CKR_SESSION_COUNT, "too many sessions are open";
    SessionHandleInvalid = CKR_SESSION_HANDLE_INVALID, "no session has this handle; removing the card closes its sessions";
    SessionParallelNotSupported = CKR_SESSION_PARALLEL_NOT_SUPPORTED, "CKF_SERIAL_SESSION must be set";
    SessionReadOnly = CKR_SESSION_READ_ONLY, "the session is read-only";
    SessionReadOnlyExists = CKR_SESSION_READ_ONLY_EXISTS, "a read-only session is open, so the PUK cannot log in";
    SessionReadWriteSoExists = CKR_SESSION_READ_WRITE_SO_EXISTS, "the PUK is logged in, so no read-only session can be opened";
    SignatureInvalid = CKR_SIGNATURE_INVALID, "the signature does not verify";
    SignatureLenRange = CKR_SIGNATURE_LEN_RANGE, "a signature is as long as the modulus";
    SlotIdInvalid = CKR_SLOT_ID_INVALID, "no reader has this slot number";
    TokenNotPresent = CKR_TOKEN_NOT_PRESENT, "there is no card in the reader";
    TokenNotRecognised = CKR_TOKEN_NOT_RECOGNIZED, "the card is no CIE 3.0, or does not answer like one";
    UserAlreadyLoggedIn = CKR_USER_ALREADY_LOGGED_IN, "this user is logged in already";
    UserAnotherAlreadyLoggedIn = CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "the other user is logged in";
    UserNotLoggedIn = CKR_USER_NOT_LOGGED_IN, "nobody is logged in, or the card forgot it: log in again";
    UserTypeInvalid = CKR_USER_TYPE_INVALID, "no such kind of user";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_failure_has_a_number_of_its_own() {
        let codes: HashSet<_> = Failure::ALL.iter().map(|f| f.code()).collect();
        assert_eq!(codes.len(), Failure::ALL.len());
        assert!(!codes.contains(&ck::CKR_OK));
        assert_eq!(Failure::PinLocked.code(), 0xA4);
        assert_eq!(Failure::PinLocked.name(), "CKR_PIN_LOCKED");
    }
}

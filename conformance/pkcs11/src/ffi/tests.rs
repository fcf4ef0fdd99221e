// SPDX-License-Identifier: MIT OR Apache-2.0
//! What C callers get wrong, and the conventions of buffers and templates,
//! through the function list.

#[path = "../../tests/common/mod.rs"]
mod common;

use super::*;
use crate::module::RANDOM_MAX;
use common::{TestReaders, card, issued, pin, verifies};
use cryptoki_sys::{CK_UNAVAILABLE_INFORMATION as UNAVAILABLE, CKR_OK};
use proptest::prelude::{Just, ProptestConfig, Strategy};
use std::ptr::{null, null_mut};
use std::sync::{Mutex, MutexGuard, PoisonError};

const BAD: CK_RV = ck::CKR_ARGUMENTS_BAD;
/// A length no memory has.
const ABSURD: CK_ULONG = CK_ULONG::MAX / 2 + 1;

/// Calls a function of the list.
macro_rules! c {
    ($name:ident($($arg:expr),* $(,)?)) => {
        // SAFETY: every pointer in these tests is NULL or points to what it
        // should, in the length beside it, unless that is refused unread.
        unsafe { super::private::$name($($arg),*) }
    };
}

/// One test at a time has the module of this process.
struct Turn {
    readers: TestReaders,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    fn waiting() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn new() -> Self {
        let turn = Self::waiting();
        let readers = TestReaders::empty(2);
        readers.insert(0, card());
        process::initialise_with(|| readers.module()).unwrap();
        module_slots();
        Self {
            readers,
            _turn: turn,
        }
    }

    fn session(&self) -> CK_SESSION_HANDLE {
        let mut session = 0;
        let flags = ck::CKF_SERIAL_SESSION | ck::CKF_RW_SESSION;
        let opened = c!(C_OpenSession(0, flags, null_mut(), None, &mut session));
        assert_eq!(opened, CKR_OK);
        session
    }

    fn logged_in(&self) -> CK_SESSION_HANDLE {
        let session = self.session();
        assert_eq!(login(session, pin()), CKR_OK);
        session
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = process::finalise();
    }
}

fn module_slots() -> Vec<CK_SLOT_ID> {
    let mut count = 0;
    assert_eq!(c!(C_GetSlotList(0, null_mut(), &mut count)), CKR_OK);
    let mut slots = vec![0; usize::try_from(count).unwrap()];
    assert_eq!(c!(C_GetSlotList(0, slots.as_mut_ptr(), &mut count)), CKR_OK);
    slots
}

fn login(session: CK_SESSION_HANDLE, code: &str) -> CK_RV {
    let mut code = code.as_bytes().to_vec();
    c!(C_Login(
        session,
        ck::CKU_USER,
        code.as_mut_ptr(),
        code.len() as CK_ULONG
    ))
}

fn simple(mechanism: ck::CK_MECHANISM_TYPE) -> CK_MECHANISM {
    CK_MECHANISM {
        mechanism,
        pParameter: null_mut(),
        ulParameterLen: 0,
    }
}

fn attribute(kind: ck::CK_ATTRIBUTE_TYPE, value: &mut [u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: kind,
        pValue: value.as_mut_ptr().cast(),
        ulValueLen: value.len() as CK_ULONG,
    }
}

#[test]
fn a_panic_is_a_general_error() {
    let _turn = Turn::waiting();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let answer = call(format_args!("a call"), || panic!("on purpose"));
    std::panic::set_hook(hook);
    assert_eq!(answer, ck::CKR_GENERAL_ERROR);
    assert_eq!(call(format_args!("a call"), || Ok(())), CKR_OK);
}

#[test]
fn the_list_is_complete_and_of_version_2_40() {
    let mut list = null_mut();
    assert_eq!(c!(C_GetFunctionList(&mut list)), CKR_OK);
    assert_eq!(c!(C_GetFunctionList(null_mut())), BAD);
    // SAFETY: points to the static list.
    let list = unsafe { *list };
    assert_eq!((list.version.major, list.version.minor), (2, 40));
    assert!(list.C_Initialize.is_some() && list.C_WaitForSlotEvent.is_some());
}

#[test]
fn nothing_works_before_initialisation_and_after_the_end() {
    let _turn = Turn::waiting();
    let none = ck::CKR_CRYPTOKI_NOT_INITIALIZED;
    let mut number = 0;
    assert_eq!(c!(C_GetSlotList(0, null_mut(), &mut number)), none);
    assert_eq!(c!(C_CloseSession(1)), none);
    assert_eq!(c!(C_EncryptInit(1, null_mut(), 0)), none);
    assert_eq!(c!(C_WaitForSlotEvent(0, &mut number, null_mut())), none);
    assert_eq!(c!(C_Finalize(null_mut())), none);
    assert_eq!(c!(C_GetInfo(null_mut())), none);
}

unsafe extern "C" fn create(_: *mut *mut c_void) -> CK_RV {
    panic!("never called")
}

unsafe extern "C" fn other(_: *mut c_void) -> CK_RV {
    panic!("never called")
}

#[test]
fn arguments_of_initialisation() {
    let _turn = Turn::waiting();
    let arguments = |callbacks: bool, destroy: bool, flags| ck::CK_C_INITIALIZE_ARGS {
        CreateMutex: callbacks.then_some(create as _),
        DestroyMutex: destroy.then_some(other as _),
        LockMutex: callbacks.then_some(other as _),
        UnlockMutex: callbacks.then_some(other as _),
        flags,
        pReserved: null_mut(),
    };
    let initialise = |mut args: ck::CK_C_INITIALIZE_ARGS| {
        let answer = c!(C_Initialize((&raw mut args).cast()));
        if answer == CKR_OK {
            let again = c!(C_Initialize(null_mut()));
            assert_eq!(again, ck::CKR_CRYPTOKI_ALREADY_INITIALIZED);
            let mut word = 0_u64;
            assert_eq!(c!(C_Finalize((&raw mut word).cast())), BAD);
            assert_eq!(c!(C_Finalize(null_mut())), CKR_OK);
        }
        answer
    };
    let os = ck::CKF_OS_LOCKING_OK;
    assert_eq!(initialise(arguments(false, false, 0)), CKR_OK);
    assert_eq!(initialise(arguments(false, false, os)), CKR_OK);
    assert_eq!(initialise(arguments(true, true, os)), CKR_OK);
    assert_eq!(initialise(arguments(true, true, 0)), ck::CKR_CANT_LOCK);
    assert_eq!(initialise(arguments(true, false, os)), BAD);
    assert_eq!(initialise(arguments(false, true, 0)), BAD);
    let mut word = 0_u64;
    let mut reserved = arguments(false, false, 0);
    reserved.pReserved = (&raw mut word).cast();
    assert_eq!(initialise(reserved), BAD);
}

#[test]
fn null_pointers_are_refused() {
    let turn = Turn::new();
    let session = turn.logged_in();
    let (mut rsa, mut sha) = (simple(ck::CKM_RSA_PKCS), simple(ck::CKM_SHA256));
    let mut byte = 0_u8;
    let mut number: CK_ULONG = 1;
    let none = null_mut::<u8>();
    let len = null_mut::<CK_ULONG>();
    let mut digest = || assert_eq!(c!(C_DigestInit(session, &raw mut sha)), CKR_OK);
    let answers = [
        c!(C_GetInfo(null_mut())),
        c!(C_GetSlotList(0, null_mut(), len)),
        c!(C_GetSlotInfo(0, null_mut())),
        c!(C_GetTokenInfo(0, null_mut())),
        c!(C_GetMechanismList(0, null_mut(), len)),
        c!(C_GetMechanismInfo(0, ck::CKM_RSA_PKCS, null_mut())),
        c!(C_OpenSession(
            0,
            ck::CKF_SERIAL_SESSION,
            null_mut(),
            None,
            null_mut()
        )),
        c!(C_GetSessionInfo(session, null_mut())),
        c!(C_Login(session, ck::CKU_USER, none, 8)),
        c!(C_Login(session, ck::CKU_USER, none, 0)),
        c!(C_Login(session, ck::CKU_USER, &mut byte, ABSURD)),
        c!(C_InitPIN(session, none, 8)),
        c!(C_SetPIN(session, none, 8, &mut byte, 1)),
        c!(C_SetPIN(session, &mut byte, 1, none, 8)),
        c!(C_FindObjectsInit(session, null_mut(), 1)),
        c!(C_GetAttributeValue(session, 1, null_mut(), 1)),
        c!(C_GetAttributeValue(session, 1, null_mut(), CK_ULONG::MAX)),
        c!(C_GetObjectSize(session, 1, null_mut())),
        c!(C_DigestInit(session, null_mut())),
        c!(C_SignInit(session, null_mut(), 4)),
        c!(C_VerifyInit(session, null_mut(), 3)),
        c!(C_GenerateRandom(session, none, 8)),
        c!(C_GenerateRandom(
            session,
            &mut byte,
            RANDOM_MAX as CK_ULONG + 1
        )),
        c!(C_WaitForSlotEvent(0, null_mut(), null_mut())),
        {
            digest();
            c!(C_Digest(session, none, 1, &mut byte, &mut number))
        },
        c!(C_Digest(session, &mut byte, ABSURD, &mut byte, &mut number)),
        c!(C_Digest(session, &mut byte, 1, &mut byte, len)),
        c!(C_DigestUpdate(session, none, 1)),
        c!(C_DigestFinal(session, &mut byte, len)),
        {
            assert_eq!(c!(C_SignInit(session, &raw mut rsa, 4)), CKR_OK);
            c!(C_Sign(session, none, 1, &mut byte, &mut number))
        },
        c!(C_Sign(session, &mut byte, 1, &mut byte, len)),
        c!(C_SignUpdate(session, none, 1)),
        c!(C_SignFinal(session, &mut byte, len)),
        {
            assert_eq!(c!(C_FindObjectsInit(session, null_mut(), 0)), CKR_OK);
            c!(C_FindObjects(session, null_mut(), 1, &mut number))
        },
        c!(C_FindObjects(session, &mut number, 1, len)),
    ];
    for (index, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, BAD, "number {index}");
    }
    assert_eq!(turn.readers.inspect(0).pin_tries, 3);
}

#[test]
fn handles_and_slots_that_do_not_exist() {
    let turn = Turn::new();
    let session = turn.session();
    let unknown = ck::CKR_SESSION_HANDLE_INVALID;
    assert_eq!(c!(C_CloseSession(session + 1)), unknown);
    assert_eq!(c!(C_FindObjectsFinal(0)), unknown);
    assert_eq!(c!(C_DecryptInit(99, null_mut(), 0)), unknown);
    assert_eq!(c!(C_GetFunctionStatus(99)), unknown);
    let mut info = unsafe_zeroed_slot();
    let no_slot = ck::CKR_SLOT_ID_INVALID;
    assert_eq!(c!(C_GetSlotInfo(2, &mut info)), no_slot);
    assert_eq!(c!(C_GetSlotInfo(CK_ULONG::MAX, &mut info)), no_slot);
    assert_eq!(c!(C_CloseAllSessions(2)), no_slot);
    assert_eq!(c!(C_InitToken(2, null_mut(), 0, null_mut())), no_slot);
    let mut opened = 0;
    let parallel = c!(C_OpenSession(0, 0, null_mut(), None, &mut opened));
    assert_eq!(parallel, ck::CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    let empty = c!(C_OpenSession(
        1,
        ck::CKF_SERIAL_SESSION,
        null_mut(),
        None,
        &mut opened
    ));
    assert_eq!(empty, ck::CKR_TOKEN_NOT_PRESENT);
    let unsupported = ck::CKR_FUNCTION_NOT_SUPPORTED;
    assert_eq!(c!(C_DestroyObject(session, 1)), unsupported);
    assert_eq!(c!(C_EncryptInit(session, null_mut(), 0)), unsupported);
    assert_eq!(c!(C_InitToken(0, null_mut(), 0, null_mut())), unsupported);
    assert_eq!(c!(C_CancelFunction(session)), ck::CKR_FUNCTION_NOT_PARALLEL);
    let seed = c!(C_SeedRandom(session, null_mut(), 0));
    assert_eq!(seed, ck::CKR_RANDOM_SEED_NOT_SUPPORTED);
}

fn unsafe_zeroed_slot() -> ck::CK_SLOT_INFO {
    ck::CK_SLOT_INFO {
        slotDescription: [0; 64],
        manufacturerID: [0; 32],
        flags: 0,
        hardwareVersion: general::VERSION,
        firmwareVersion: general::VERSION,
    }
}

#[test]
fn lengths_are_asked_for_and_small_buffers_keep_the_operation() {
    let turn = Turn::new();
    let session = turn.logged_in();
    let mut mechanism = simple(ck::CKM_RSA_PKCS);
    let mut data = *b"a block";
    let data_len = data.len() as CK_ULONG;
    let mut signature = [0_u8; 300];
    for in_parts in [false, true] {
        assert_eq!(c!(C_SignInit(session, &raw mut mechanism, 4)), CKR_OK);
        let again = c!(C_SignInit(session, &raw mut mechanism, 4));
        assert_eq!(again, ck::CKR_OPERATION_ACTIVE);
        if in_parts {
            let (first, rest) = data.split_at_mut(3);
            let rest_len = rest.len() as CK_ULONG;
            assert_eq!(c!(C_SignUpdate(session, first.as_mut_ptr(), 3)), CKR_OK);
            assert_eq!(c!(C_SignUpdate(session, null_mut(), 0)), CKR_OK);
            assert_eq!(
                c!(C_SignUpdate(session, rest.as_mut_ptr(), rest_len)),
                CKR_OK
            );
        }
        let from = data.as_mut_ptr();
        let sign = |to: *mut u8, len: &mut CK_ULONG| {
            if in_parts {
                c!(C_SignFinal(session, to, len))
            } else {
                c!(C_Sign(session, from, data_len, to, len))
            }
        };
        let exchanges = turn.readers.exchanges(0);
        let mut len = 7;
        assert_eq!(sign(null_mut(), &mut len), CKR_OK);
        assert_eq!(len, 256);
        len = 255;
        assert_eq!(
            sign(signature.as_mut_ptr(), &mut len),
            ck::CKR_BUFFER_TOO_SMALL
        );
        assert_eq!(len, 256);
        assert_eq!(
            turn.readers.exchanges(0),
            exchanges,
            "the card was not asked"
        );
        signature.fill(0xA5);
        len = 300;
        assert_eq!(sign(signature.as_mut_ptr(), &mut len), CKR_OK);
        assert_eq!(len, 256);
        assert!(verifies(&data, &signature[..256]));
        assert_eq!(
            signature[256..],
            [0xA5; 44],
            "nothing behind it was written"
        );
        let over = sign(signature.as_mut_ptr(), &mut len);
        assert_eq!(over, ck::CKR_OPERATION_NOT_INITIALIZED);
    }
}

#[test]
fn any_failure_but_a_small_buffer_ends_an_operation() {
    let turn = Turn::new();
    let session = turn.logged_in();
    let over = ck::CKR_OPERATION_NOT_INITIALIZED;
    let (mut sha, mut rsa) = (simple(ck::CKM_SHA256), simple(ck::CKM_RSA_PKCS));
    let mut data = [7_u8; 64];
    let mut out = [0_u8; 256];
    let mut len = 256;
    let at = data.as_mut_ptr();
    let to = out.as_mut_ptr();
    let (nothing, no_len) = (null_mut::<u8>(), null_mut::<CK_ULONG>());

    type Call<'a> = Box<dyn FnMut() -> CK_RV + 'a>;
    let digests: [Call<'_>; 4] = [
        Box::new(|| c!(C_Digest(session, nothing, 1, to, &mut len))),
        Box::new(|| c!(C_Digest(session, at, 1, to, no_len))),
        Box::new(|| c!(C_DigestUpdate(session, nothing, 1))),
        Box::new(|| c!(C_DigestFinal(session, to, no_len))),
    ];
    for mut wrong in digests {
        assert_eq!(c!(C_DigestInit(session, &raw mut sha)), CKR_OK);
        assert_eq!(wrong(), BAD);
        assert_eq!(c!(C_DigestUpdate(session, at, 1)), over);
    }
    let mut len = 256;
    let signatures: [Call<'_>; 4] = [
        Box::new(|| c!(C_Sign(session, nothing, 1, to, &mut len))),
        Box::new(|| c!(C_Sign(session, at, 1, to, no_len))),
        Box::new(|| c!(C_SignUpdate(session, nothing, 1))),
        Box::new(|| c!(C_SignFinal(session, to, no_len))),
    ];
    for mut wrong in signatures {
        assert_eq!(c!(C_SignInit(session, &raw mut rsa, 4)), CKR_OK);
        assert_eq!(wrong(), BAD);
        assert_eq!(c!(C_SignUpdate(session, at, 1)), over);
    }
    let verifications: [Call<'_>; 4] = [
        Box::new(|| c!(C_Verify(session, nothing, 1, to, 256))),
        Box::new(|| c!(C_Verify(session, at, 1, nothing, 256))),
        Box::new(|| c!(C_VerifyUpdate(session, nothing, 1))),
        Box::new(|| c!(C_VerifyFinal(session, nothing, 256))),
    ];
    for mut wrong in verifications {
        assert_eq!(c!(C_VerifyInit(session, &raw mut rsa, 3)), CKR_OK);
        assert_eq!(wrong(), BAD);
        assert_eq!(c!(C_VerifyUpdate(session, at, 1)), over);
    }
}

#[test]
fn results_may_overlap_what_they_are_made_of() {
    let turn = Turn::new();
    let session = turn.session();
    let mut mechanism = simple(ck::CKM_SHA256);
    let mut buffer = [0x61_u8; 64];
    let digest = cie_terminal::digest::HashAlgorithm::Sha256.digest(&buffer);
    assert_eq!(c!(C_DigestInit(session, &raw mut mechanism)), CKR_OK);
    let mut len = 64;
    let at = buffer.as_mut_ptr();
    assert_eq!(c!(C_Digest(session, at, 64, at, &mut len)), CKR_OK);
    assert_eq!((len, &buffer[..32]), (32, &digest[..]));
}

#[test]
fn a_second_kind_of_call_ends_an_operation_in_parts() {
    let turn = Turn::new();
    let session = turn.logged_in();
    let mut mechanism = simple(ck::CKM_SHA256_RSA_PKCS);
    let mut data = *b"data";
    let mut signature = [0_u8; 256];
    let mut len = 256;
    assert_eq!(c!(C_SignInit(session, &raw mut mechanism, 4)), CKR_OK);
    assert_eq!(c!(C_SignUpdate(session, data.as_mut_ptr(), 4)), CKR_OK);
    let single = c!(C_Sign(
        session,
        data.as_mut_ptr(),
        4,
        signature.as_mut_ptr(),
        &mut len
    ));
    assert_eq!(single, ck::CKR_OPERATION_ACTIVE);
    let over = c!(C_SignFinal(session, signature.as_mut_ptr(), &mut len));
    assert_eq!(over, ck::CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn mechanisms_and_keys_that_do_not_fit() {
    let turn = Turn::new();
    let session = turn.session();
    let mut rsa = simple(ck::CKM_RSA_PKCS);
    let begin = |mechanism: &mut CK_MECHANISM, key| c!(C_SignInit(session, mechanism, key));
    assert_eq!(begin(&mut rsa, 4), ck::CKR_USER_NOT_LOGGED_IN);
    assert_eq!(login(session, pin()), CKR_OK);
    assert_eq!(begin(&mut rsa, 3), ck::CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_eq!(begin(&mut rsa, 2), ck::CKR_KEY_HANDLE_INVALID);
    assert_eq!(begin(&mut rsa, 77), ck::CKR_KEY_HANDLE_INVALID);
    for wrong in [
        ck::CKM_RSA_PKCS_PSS,
        ck::CKM_RSA_X_509,
        ck::CKM_SHA256,
        ck::CKM_ECDSA,
    ] {
        assert_eq!(begin(&mut simple(wrong), 4), ck::CKR_MECHANISM_INVALID);
    }
    let mut parameter = 0_u8;
    rsa.pParameter = (&raw mut parameter).cast();
    rsa.ulParameterLen = 1;
    assert_eq!(begin(&mut rsa, 4), ck::CKR_MECHANISM_PARAM_INVALID);
    let mut data = [7_u8; 246];
    let mut signature = [0_u8; 256];
    for len in [0, 246] {
        assert_eq!(begin(&mut simple(ck::CKM_RSA_PKCS), 4), CKR_OK);
        let mut out = 256;
        let answer = c!(C_Sign(
            session,
            data.as_mut_ptr(),
            len,
            signature.as_mut_ptr(),
            &mut out
        ));
        assert_eq!(answer, ck::CKR_DATA_LEN_RANGE, "{len} bytes");
    }
}

#[test]
fn each_attribute_is_answered_whatever_the_others_are() {
    let turn = Turn::new();
    let session = turn.logged_in();
    let (mut class, mut prime, mut label, mut small, mut value) = (
        [0_u8; 8],
        [0_u8; 128],
        [0xA5_u8; 64],
        [0xA5_u8; 3],
        [0_u8; 8],
    );
    let mut template = [
        attribute(ck::CKA_CLASS, &mut class),
        attribute(ck::CKA_PRIME_1, &mut prime),
        attribute(ck::CKA_VALUE, &mut value),
        attribute(ck::CKA_ID, &mut small),
        attribute(ck::CKA_LABEL, &mut label),
        CK_ATTRIBUTE {
            type_: ck::CKA_MODULUS,
            pValue: null_mut(),
            ulValueLen: 0,
        },
    ];
    let count = template.len() as CK_ULONG;
    let answer = c!(C_GetAttributeValue(
        session,
        4,
        template.as_mut_ptr(),
        count
    ));
    assert_eq!(answer, ck::CKR_ATTRIBUTE_SENSITIVE, "the first failure");
    let lengths = template.map(|a| a.ulValueLen);
    assert_eq!(lengths, [8, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, 18, 256]);
    assert_eq!(CK_ULONG::from_ne_bytes(class), ck::CKO_PRIVATE_KEY);
    assert_eq!(prime, [0; 128]);
    assert_eq!(small, [0xA5; 3]);
    assert_eq!(&label[..19], b"CIE authentication\xA5");

    let mut only = [attribute(ck::CKA_VALUE, &mut value)];
    let answer = c!(C_GetAttributeValue(session, 4, only.as_mut_ptr(), 1));
    assert_eq!(answer, ck::CKR_ATTRIBUTE_TYPE_INVALID);
    let mut only = [attribute(ck::CKA_ID, &mut small)];
    let answer = c!(C_GetAttributeValue(session, 4, only.as_mut_ptr(), 1));
    assert_eq!(answer, ck::CKR_BUFFER_TOO_SMALL);
    let answer = c!(C_GetAttributeValue(session, 5, only.as_mut_ptr(), 1));
    assert_eq!(answer, ck::CKR_OBJECT_HANDLE_INVALID);
    assert_eq!(c!(C_Logout(session)), CKR_OK);
    assert_eq!(c!(C_Logout(session)), ck::CKR_USER_NOT_LOGGED_IN);
    let answer = c!(C_GetAttributeValue(session, 4, only.as_mut_ptr(), 1));
    assert_eq!(answer, ck::CKR_OBJECT_HANDLE_INVALID, "private");
}

#[test]
fn searches_give_out_handles_in_portions() {
    let turn = Turn::new();
    let session = turn.logged_in();
    let find = |max: usize| {
        let mut handles = [0; 8];
        let mut count = 99;
        let to = handles.as_mut_ptr();
        let answer = c!(C_FindObjects(session, to, max as CK_ULONG, &mut count));
        (
            answer,
            handles[..usize::try_from(count).unwrap().min(8)].to_vec(),
        )
    };
    assert_eq!(find(1).0, ck::CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(c!(C_FindObjectsInit(session, null_mut(), 0)), CKR_OK);
    let again = c!(C_FindObjectsInit(session, null_mut(), 0));
    assert_eq!(again, ck::CKR_OPERATION_ACTIVE);
    assert_eq!(find(3), (CKR_OK, vec![1, 2, 3]));
    assert_eq!(find(0), (CKR_OK, vec![]));
    assert_eq!(find(3), (CKR_OK, vec![4]));
    assert_eq!(find(3), (CKR_OK, vec![]));
    assert_eq!(c!(C_FindObjectsFinal(session)), CKR_OK);
    let over = c!(C_FindObjectsFinal(session));
    assert_eq!(over, ck::CKR_OPERATION_NOT_INITIALIZED);

    let mut nis = issued().facts.nis.clone().into_bytes();
    let mut template = [attribute(ck::CKA_VALUE, &mut nis)];
    assert_eq!(
        c!(C_FindObjectsInit(session, template.as_mut_ptr(), 1)),
        CKR_OK
    );
    assert_eq!(find(8), (CKR_OK, vec![1]));
    assert_eq!(c!(C_FindObjectsFinal(session)), CKR_OK);
    template[0].ulValueLen = UNAVAILABLE;
    assert_eq!(
        c!(C_FindObjectsInit(session, template.as_mut_ptr(), 1)),
        BAD
    );
}

#[test]
fn users_and_confirmation() {
    let turn = Turn::new();
    let session = turn.session();
    let mut code = pin().as_bytes().to_vec();
    let mut enter = |user| c!(C_Login(session, user, code.as_mut_ptr(), 8));
    assert_eq!(enter(99), ck::CKR_USER_TYPE_INVALID);
    let context = ck::CKU_CONTEXT_SPECIFIC;
    assert_eq!(enter(context), ck::CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(enter(ck::CKU_USER), CKR_OK);
    assert_eq!(enter(ck::CKU_USER), ck::CKR_USER_ALREADY_LOGGED_IN);
    assert_eq!(enter(ck::CKU_SO), ck::CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
    let mut mechanism = simple(ck::CKM_RSA_PKCS);
    assert_eq!(c!(C_SignInit(session, &raw mut mechanism, 4)), CKR_OK);
    assert_eq!(enter(context), CKR_OK);
    assert_eq!(turn.readers.inspect(0).pin_tries, 3);
}

/// One call with arguments of a fuzzer's choice. Buffers are ours and as long
/// as they are said to be.
fn any_call(which: u8, handle: CK_ULONG, number: CK_ULONG, len: usize, nulls: u8) -> CK_RV {
    let mut bytes = vec![b'1'; len];
    let mut out = [0_u8; 300];
    let mut out_len = number.min(300);
    let mut mechanism = simple(number);
    let mut template = [
        attribute(number, &mut out),
        attribute(ck::CKA_CLASS, &mut bytes),
    ];
    let len = len as CK_ULONG;
    let null = |bit: u8| nulls & 1 << bit != 0;
    let from = if null(0) {
        null_mut()
    } else {
        bytes.as_mut_ptr()
    };
    let to = if null(1) {
        null_mut()
    } else {
        out.as_mut_ptr()
    };
    let to_len = if null(2) {
        null_mut()
    } else {
        &raw mut out_len
    };
    let how = if null(3) {
        null_mut()
    } else {
        &raw mut mechanism
    };
    let what = if null(4) {
        null_mut()
    } else {
        template.as_mut_ptr()
    };
    let mut handles = [0; 4];
    match which % 30 {
        0 => c!(C_DigestInit(handle, how)),
        1 => c!(C_Digest(handle, from, len, to, to_len)),
        2 => c!(C_DigestUpdate(handle, from, len)),
        3 => c!(C_DigestFinal(handle, to, to_len)),
        4 => c!(C_SignInit(handle, how, number % 6)),
        5 => c!(C_Sign(handle, from, len, to, to_len)),
        6 => c!(C_SignUpdate(handle, from, len)),
        7 => c!(C_SignFinal(handle, to, to_len)),
        8 => c!(C_VerifyInit(handle, how, number % 6)),
        9 => c!(C_Verify(handle, from, len, to, number.min(300))),
        10 => c!(C_VerifyUpdate(handle, from, len)),
        11 => c!(C_VerifyFinal(handle, from, len)),
        12 => c!(C_FindObjectsInit(handle, what, number % 3)),
        13 => c!(C_FindObjects(
            handle,
            handles.as_mut_ptr(),
            number.min(4),
            to_len
        )),
        14 => c!(C_FindObjectsFinal(handle)),
        15 => c!(C_GetAttributeValue(handle, number % 6, what, len % 3)),
        16 => c!(C_GenerateRandom(handle, to, number.min(300))),
        17 => c!(C_OpenSession(
            number % 3,
            handle % 8,
            null_mut(),
            None,
            to_len
        )),
        18 => c!(C_CloseSession(handle)),
        19 => c!(C_Logout(handle)),
        20 => login(handle, pin()),
        21 => c!(C_Login(handle, number, from, len.min(7))),
        22 => c!(C_SetPIN(handle, from, len.min(7), to, out_len)),
        23 => c!(C_InitPIN(handle, from, len)),
        24 => c!(C_GetSlotList(u8::from(null(5)), null_mut(), to_len)),
        25 => c!(C_GetMechanismList(number % 3, null_mut(), to_len)),
        26 => c!(C_GetObjectSize(handle, number % 20, to_len)),
        27 => c!(C_WaitForSlotEvent(ck::CKF_DONT_BLOCK, to_len, null_mut())),
        28 => c!(C_CloseAllSessions(number % 3)),
        _ => c!(C_WrapKey(handle, how, 1, 2, to, to_len)),
    }
}

proptest::proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any calls in any order end without a panic, and cost no try.
    #[test]
    fn any_calls_in_any_order(
        calls in proptest::collection::vec(
            (0_u8..30, session_handle(), argument(), 0_usize..300, proptest::bits::u8::masked(0x3F)),
            40..200,
        ),
    ) {
        let turn = Turn::new();
        let _first = turn.logged_in();
        for (which, handle, number, len, nulls) in calls {
            // Most pointers are right, or nothing would ever be reached.
            let nulls = if number % 4 == 0 { nulls } else { 0 };
            let answer = any_call(which, handle, number, len, nulls);
            proptest::prop_assert_ne!(answer, ck::CKR_GENERAL_ERROR);
        }
        proptest::prop_assert_eq!(turn.readers.inspect(0).pin_tries, 3);
        proptest::prop_assert_eq!(turn.readers.inspect(0).puk_tries, 10);
    }
}

/// The session that is open from the start, mostly.
fn session_handle() -> impl Strategy<Value = CK_ULONG> {
    proptest::prop_oneof![8 => Just(1), 1 => 0 as CK_ULONG..6]
}

fn argument() -> impl Strategy<Value = CK_ULONG> {
    proptest::prop_oneof![
        Just(ck::CKM_RSA_PKCS),
        Just(ck::CKM_SHA256_RSA_PKCS),
        Just(ck::CKM_SHA256),
        Just(256),
        0 as CK_ULONG..400,
        proptest::num::u64::ANY,
    ]
}

#[test]
fn the_end_wakes_who_waits_for_a_slot() {
    let turn = Turn::new();
    let waiter = std::thread::spawn(|| {
        let mut slot = 0;
        c!(C_WaitForSlotEvent(0, &mut slot, null_mut()))
    });
    // Whether it waits yet or not, it must end.
    std::thread::sleep(std::time::Duration::from_millis(100));
    assert_eq!(c!(C_Finalize(null_mut())), CKR_OK);
    let answer = waiter.join().unwrap();
    assert_eq!(answer, ck::CKR_CRYPTOKI_NOT_INITIALIZED);
    drop(turn);
}

#[test]
fn fixed_fields_are_padded_and_cut_between_characters() {
    assert_eq!(&memory::padded::<6>("abc"), b"abc   ");
    assert_eq!(&memory::padded::<3>("abcdef"), b"abc");
    assert_eq!(&memory::padded::<3>("ab\u{e8}"), b"ab ");
    assert_eq!(&memory::padded::<0>("x"), b"");
}

#[test]
fn unaligned_places_are_as_good() {
    let mut bytes = [0_u8; 17];
    let at = bytes[1..].as_mut_ptr().cast::<CK_ULONG>();
    // SAFETY: inside `bytes`, 16 bytes from its second one on.
    unsafe { memory::write(at, 0x0102) }.unwrap();
    // SAFETY: as before.
    assert_eq!(unsafe { memory::read(at) }, Ok(0x0102));
    // SAFETY: NULL is refused.
    let nothing = unsafe { memory::read(null::<CK_ULONG>()) };
    assert_eq!(nothing, Err(Failure::ArgumentsBad));
}

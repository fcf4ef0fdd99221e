// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module itself, slots and tokens.

use super::memory::{Output, padded, read, write};
use super::process::{self, module};
use crate::failure::Failure;
use crate::locked;
use crate::mechanisms::Mechanism;
use crate::session::Room;
use crate::token::{CODE_LEN, Counter};
use cryptoki_sys as ck;
use cryptoki_sys::{CK_BBOOL, CK_FLAGS, CK_SLOT_ID, CK_ULONG, CK_VERSION};
use iso7816_wire::flaw;
use std::ffi::c_void;

/// Version of the standard.
pub const VERSION: CK_VERSION = CK_VERSION {
    major: 2,
    minor: 40,
};
const LIBRARY: CK_VERSION = CK_VERSION { major: 0, minor: 1 };
const UNKNOWN: CK_VERSION = CK_VERSION { major: 0, minor: 0 };
/// Of the library; not of any card.
const MANUFACTURER: &str = "CIE conformance bench";
const TOKEN_MANUFACTURER: &str = "CIE issuer";
const MODEL: &str = "CIE 3.0";
/// Neither name nor surname: they are behind the PIN.
const LABEL: &str = "CIE 3.0";
/// Characters of a token's serial number.
const SERIAL_LEN: usize = 16;

/// # Safety
/// `args`, if not NULL, points to `CK_C_INITIALIZE_ARGS`.
pub unsafe fn initialize(args: *mut c_void) -> Result<(), Failure> {
    if !args.is_null() {
        // SAFETY: as promised by the caller.
        let args = unsafe { read(args.cast::<ck::CK_C_INITIALIZE_ARGS>()) }?;
        let callbacks = [
            args.CreateMutex.is_some(),
            args.DestroyMutex.is_some(),
            args.LockMutex.is_some(),
            args.UnlockMutex.is_some(),
        ];
        let (all, any) = (callbacks.iter().all(|c| *c), callbacks.iter().any(|c| *c));
        if !args.pReserved.is_null() || all != any {
            return Err(Failure::ArgumentsBad);
        }
        // Locks are those of the operating system, always.
        if any && args.flags & ck::CKF_OS_LOCKING_OK == 0 {
            return Err(Failure::CantLock);
        }
    }
    process::initialise()
}

/// # Safety
/// Nothing is looked at.
pub unsafe fn finalize(reserved: *mut c_void) -> Result<(), Failure> {
    if !reserved.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    process::finalise()
}

/// # Safety
/// `info`, if not NULL, has room for a `CK_INFO`.
pub unsafe fn info(info: *mut ck::CK_INFO) -> Result<(), Failure> {
    module()?;
    let value = ck::CK_INFO {
        cryptokiVersion: VERSION,
        manufacturerID: padded(MANUFACTURER),
        flags: 0,
        libraryDescription: padded("CIE 3.0 reference module"),
        libraryVersion: LIBRARY,
    };
    // SAFETY: as promised by the caller.
    unsafe { write(info, value) }
}

/// # Safety
/// `list`, if not NULL, has room for a pointer.
pub unsafe fn function_list(list: *mut *mut ck::CK_FUNCTION_LIST) -> Result<(), Failure> {
    // The standard's pointer is not const, its callers only read.
    // SAFETY: as promised by the caller.
    unsafe { write(list, (&raw const super::FUNCTIONS).cast_mut()) }
}

/// # Safety
/// As [`Output::new`].
pub unsafe fn slot_list(
    with_token: CK_BBOOL,
    slots: *mut CK_SLOT_ID,
    count: *mut CK_ULONG,
) -> Result<(), Failure> {
    let module = module()?;
    // SAFETY: as promised by the caller.
    let output = unsafe { Output::new(slots, count) }?;
    let list = module.slot_list(with_token != ck::CK_FALSE, output.room() == Room::Query);
    // SAFETY: as promised by the caller.
    unsafe { output.deliver(&list) }
}

/// # Safety
/// `info`, if not NULL, has room for a `CK_SLOT_INFO`.
pub unsafe fn slot_info(slot: CK_SLOT_ID, info: *mut ck::CK_SLOT_INFO) -> Result<(), Failure> {
    let slot = module()?.slot(slot)?;
    let present = if slot.present {
        ck::CKF_TOKEN_PRESENT
    } else {
        0
    };
    let value = ck::CK_SLOT_INFO {
        slotDescription: padded(&slot.name.to_string_lossy()),
        manufacturerID: padded("PC/SC"),
        flags: present | ck::CKF_REMOVABLE_DEVICE | ck::CKF_HW_SLOT,
        hardwareVersion: UNKNOWN,
        firmwareVersion: UNKNOWN,
    };
    // SAFETY: as promised by the caller.
    unsafe { write(info, value) }
}

/// What a counter says: whether a wrong code was entered since the last right
/// one, whether the next wrong one blocks, whether it is blocked.
fn counter_flags(counter: Counter, low: CK_FLAGS, last: CK_FLAGS, locked: CK_FLAGS) -> CK_FLAGS {
    match counter.left {
        _ if flaw!(TriesNeverTold) => 0,
        0 if flaw!(LockedNotTold) => low,
        2 if flaw!(FinalTryTooEarly) => low | last,
        0 => locked,
        1 => low | last,
        left if left < counter.allowed => low,
        _ => 0,
    }
}

/// # Safety
/// `info`, if not NULL, has room for a `CK_TOKEN_INFO`.
pub unsafe fn token_info(slot: CK_SLOT_ID, info: *mut ck::CK_TOKEN_INFO) -> Result<(), Failure> {
    let module = module()?;
    if info.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    let (facts, sessions) = module.token_facts(slot)?;
    let mut flags = ck::CKF_RNG
        | ck::CKF_LOGIN_REQUIRED
        | ck::CKF_USER_PIN_INITIALIZED
        | ck::CKF_TOKEN_INITIALIZED
        | counter_flags(
            facts.pin,
            ck::CKF_USER_PIN_COUNT_LOW,
            ck::CKF_USER_PIN_FINAL_TRY,
            ck::CKF_USER_PIN_LOCKED,
        )
        | counter_flags(
            facts.puk,
            ck::CKF_SO_PIN_COUNT_LOW,
            ck::CKF_SO_PIN_FINAL_TRY,
            ck::CKF_SO_PIN_LOCKED,
        );
    if facts.puk.left == 0 {
        // The digital identity is dead: the PIN is of no use any more.
        flags |= ck::CKF_USER_PIN_LOCKED;
    }
    // The last eight bytes of the ten: the chip's serial number (SN.ICC).
    let digits: String = facts
        .contact
        .number
        .iter()
        .map(|b| format!("{b:02X}"))
        .collect();
    let serial = digits.get(digits.len().saturating_sub(SERIAL_LEN)..);
    let count = |sessions: usize| CK_ULONG::try_from(sessions).unwrap_or(CK_ULONG::MAX);
    let code_len = count(CODE_LEN);
    let value = ck::CK_TOKEN_INFO {
        label: padded(LABEL),
        manufacturerID: padded(TOKEN_MANUFACTURER),
        model: padded(MODEL),
        serialNumber: padded(serial.unwrap_or(&digits)),
        flags,
        ulMaxSessionCount: count(crate::module::SESSIONS_MAX),
        ulSessionCount: count(sessions.all),
        ulMaxRwSessionCount: count(crate::module::SESSIONS_MAX),
        ulRwSessionCount: count(sessions.writable),
        ulMaxPinLen: code_len,
        ulMinPinLen: code_len,
        ulTotalPublicMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: ck::CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: UNKNOWN,
        firmwareVersion: UNKNOWN,
        utcTime: padded(""),
    };
    // SAFETY: as promised by the caller.
    unsafe { write(info, value) }
}

/// # Safety
/// As [`Output::new`].
pub unsafe fn mechanism_list(
    slot: CK_SLOT_ID,
    list: *mut ck::CK_MECHANISM_TYPE,
    count: *mut CK_ULONG,
) -> Result<(), Failure> {
    let module = module()?;
    // SAFETY: as promised by the caller.
    let output = unsafe { Output::new(list, count) }?;
    locked(&module.token(slot)?.0).look()?;
    let few = [ck::CKM_RSA_PKCS, ck::CKM_SHA256_RSA_PKCS];
    let all = Mechanism::ALL.into_iter().map(Mechanism::number);
    let list: Vec<_> = all
        .filter(|number| !flaw!(FewerMechanisms) || few.contains(number))
        .chain(flaw!(PssAnnounced).then_some(ck::CKM_RSA_PKCS_PSS))
        .collect();
    // SAFETY: as promised by the caller.
    unsafe { output.deliver(&list) }
}

/// # Safety
/// `info`, if not NULL, has room for a `CK_MECHANISM_INFO`.
pub unsafe fn mechanism_info(
    slot: CK_SLOT_ID,
    mechanism: ck::CK_MECHANISM_TYPE,
    info: *mut ck::CK_MECHANISM_INFO,
) -> Result<(), Failure> {
    let module = module()?;
    locked(&module.token(slot)?.0).look()?;
    let mechanism = match mechanism {
        ck::CKM_RSA_PKCS_PSS if flaw!(PssAnnounced) => ck::CKM_RSA_PKCS,
        mechanism => mechanism,
    };
    let value = Mechanism::from_number(mechanism)?.info();
    // SAFETY: as promised by the caller.
    unsafe { write(info, value) }
}

/// # Safety
/// `slot`, if not NULL, has room for a `CK_SLOT_ID`.
pub unsafe fn wait_for_slot_event(
    flags: CK_FLAGS,
    slot: *mut CK_SLOT_ID,
    reserved: *mut c_void,
) -> Result<(), Failure> {
    let module = module()?;
    if slot.is_null() || !reserved.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    let event = module.wait_for_event(flags & ck::CKF_DONT_BLOCK == 0)?;
    // SAFETY: as promised by the caller.
    unsafe { write(slot, event) }
}

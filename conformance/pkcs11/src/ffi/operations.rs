// SPDX-License-Identifier: MIT OR Apache-2.0
//! Digests, signatures, verification, random numbers.

use super::memory::{Output, copy, input, mechanism};
use super::process::module;
use crate::failure::Failure;
use crate::module::Place;
use crate::session::Session;
use cryptoki_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};

/// A call in the middle of an operation: whatever fails in it, arguments too,
/// ends the operation (sections 5.10 to 5.12), but not a buffer that is too
/// small.
fn in_operation(
    place: &Place,
    end: fn(&mut Session),
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let result = work();
    if matches!(result, Err(failure) if failure != Failure::BufferTooSmall) {
        end(&mut place.session());
    }
    result
}

/// # Safety
/// `mechanism`, if not NULL, points to a `CK_MECHANISM`.
pub unsafe fn digest_init(
    session: CK_SESSION_HANDLE,
    method: *mut CK_MECHANISM,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    // SAFETY: as promised by the caller.
    let method = unsafe { mechanism(method) }?;
    place.session().begin_digest(method)
}

/// # Safety
/// As [`input`] and [`Output::new`].
pub unsafe fn digest(
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    digest: *mut CK_BYTE,
    digest_len: *mut CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_digest, || {
        // SAFETY: as promised by the caller.
        let output = unsafe { Output::new(digest, digest_len) }?;
        // SAFETY: as promised by the caller.
        let data = unsafe { input(data, data_len) }?;
        let produced = place.session().digest(data, output.room())?;
        // SAFETY: as promised by the caller.
        unsafe { output.produce(produced) }
    })
}

/// # Safety
/// As [`input`].
pub unsafe fn digest_update(
    session: CK_SESSION_HANDLE,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_digest, || {
        // SAFETY: as promised by the caller.
        let part = unsafe { input(part, part_len) }?;
        place.session().update_digest(part)
    })
}

/// # Safety
/// As [`Output::new`].
pub unsafe fn digest_final(
    session: CK_SESSION_HANDLE,
    digest: *mut CK_BYTE,
    digest_len: *mut CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_digest, || {
        // SAFETY: as promised by the caller.
        let output = unsafe { Output::new(digest, digest_len) }?;
        let produced = place.session().end_digest(output.room())?;
        // SAFETY: as promised by the caller.
        unsafe { output.produce(produced) }
    })
}

/// # Safety
/// `mechanism`, if not NULL, points to a `CK_MECHANISM`.
pub unsafe fn sign_init(
    session: CK_SESSION_HANDLE,
    method: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    // SAFETY: as promised by the caller.
    let method = unsafe { mechanism(method) }?;
    let mut session = place.session();
    let objects = place.objects_to_sign()?;
    session.begin_signing(method, key, &objects)
}

/// # Safety
/// As [`input`] and [`Output::new`].
pub unsafe fn sign(
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_signing, || {
        // SAFETY: as promised by the caller.
        let output = unsafe { Output::new(signature, signature_len) }?;
        // SAFETY: as promised by the caller.
        let data = unsafe { input(data, data_len) }?;
        let produced = place.session().sign(data, output.room(), &place.token)?;
        // SAFETY: as promised by the caller.
        unsafe { output.produce(produced) }
    })
}

/// # Safety
/// As [`input`].
pub unsafe fn sign_update(
    session: CK_SESSION_HANDLE,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_signing, || {
        // SAFETY: as promised by the caller.
        let part = unsafe { input(part, part_len) }?;
        place.session().update_signing(part)
    })
}

/// # Safety
/// As [`Output::new`].
pub unsafe fn sign_final(
    session: CK_SESSION_HANDLE,
    signature: *mut CK_BYTE,
    signature_len: *mut CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_signing, || {
        // SAFETY: as promised by the caller.
        let output = unsafe { Output::new(signature, signature_len) }?;
        let produced = place.session().end_signing(output.room(), &place.token)?;
        // SAFETY: as promised by the caller.
        unsafe { output.produce(produced) }
    })
}

/// # Safety
/// `mechanism`, if not NULL, points to a `CK_MECHANISM`.
pub unsafe fn verify_init(
    session: CK_SESSION_HANDLE,
    method: *mut CK_MECHANISM,
    key: CK_OBJECT_HANDLE,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    // SAFETY: as promised by the caller.
    let method = unsafe { mechanism(method) }?;
    let mut session = place.session();
    let objects = place.objects()?;
    session.begin_verifying(method, key, &objects)
}

/// # Safety
/// As [`input`] for both.
pub unsafe fn verify(
    session: CK_SESSION_HANDLE,
    data: *mut CK_BYTE,
    data_len: CK_ULONG,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_verifying, || {
        // SAFETY: as promised by the caller.
        let data = unsafe { input(data, data_len) }?;
        // SAFETY: as promised by the caller.
        let signature = unsafe { input(signature, signature_len) }?;
        place.session().verify(data, signature)
    })
}

/// # Safety
/// As [`input`].
pub unsafe fn verify_update(
    session: CK_SESSION_HANDLE,
    part: *mut CK_BYTE,
    part_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_verifying, || {
        // SAFETY: as promised by the caller.
        let part = unsafe { input(part, part_len) }?;
        place.session().update_verifying(part)
    })
}

/// # Safety
/// As [`input`].
pub unsafe fn verify_final(
    session: CK_SESSION_HANDLE,
    signature: *mut CK_BYTE,
    signature_len: CK_ULONG,
) -> Result<(), Failure> {
    let place = module()?.session(session)?;
    in_operation(&place, Session::drop_verifying, || {
        // SAFETY: as promised by the caller.
        let signature = unsafe { input(signature, signature_len) }?;
        place.session().end_verifying(signature)
    })
}

/// # Safety
/// No pointer is looked at.
pub unsafe fn seed_random(
    session: CK_SESSION_HANDLE,
    _seed: *mut CK_BYTE,
    _seed_len: CK_ULONG,
) -> Result<(), Failure> {
    module()?.session(session)?;
    Err(Failure::RandomSeedNotSupported)
}

/// # Safety
/// `random` has room for `random_len` bytes.
pub unsafe fn generate_random(
    session: CK_SESSION_HANDLE,
    random: *mut CK_BYTE,
    random_len: CK_ULONG,
) -> Result<(), Failure> {
    let module = module()?;
    module.session(session)?;
    let len = usize::try_from(random_len).map_err(|_| Failure::ArgumentsBad)?;
    if random.is_null() {
        return Err(Failure::ArgumentsBad);
    }
    let bytes = module.random(session, len)?;
    // SAFETY: as promised by the caller.
    unsafe { copy(&bytes, random) };
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module of this process, and of no fork of it.
//!
//! A fork inherits memory, but neither threads nor the right to use the
//! parent's connections, and a lock that another thread held stays locked in
//! it for ever. So each process has a place of its own, found by its number:
//! a fork never touches the place it inherited.

use crate::failure::Failure;
use crate::lock::{Mutex, locked};
use crate::module::Module;
use crate::options::Options;
use crate::pcsc::SystemReaders;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

struct Place {
    process: AtomicU32,
    module: Mutex<Option<Arc<Module>>>,
}

/// The place of the process that loaded the library. Not on the heap, so that
/// nothing stays behind when the library is unloaded.
static FIRST: Place = Place {
    process: AtomicU32::new(NOBODY),
    module: Mutex::new(None),
};
/// No process has this number.
const NOBODY: u32 = 0;

/// The place of a fork; NULL as long as nobody forked.
static FORKED: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// The place of this process, if it ever had one.
fn existing() -> Option<&'static Place> {
    let forked = FORKED.load(Ordering::Acquire);
    // SAFETY: NULL or from `Box::into_raw` in `place`, and never freed.
    let forked = unsafe { forked.as_ref() };
    let own = std::process::id();
    [forked, Some(&FIRST)]
        .into_iter()
        .flatten()
        .find(|place| place.process.load(Ordering::Acquire) == own)
}

/// The place of this process, made if there is none.
fn place() -> &'static Place {
    let own = std::process::id();
    loop {
        if let Some(place) = existing() {
            return place;
        }
        let (done, look) = (Ordering::AcqRel, Ordering::Acquire);
        if FIRST
            .process
            .compare_exchange(NOBODY, own, done, look)
            .is_ok()
        {
            return &FIRST;
        }
        let inherited = FORKED.load(Ordering::Acquire);
        let new = Box::into_raw(Box::new(Place {
            process: AtomicU32::new(own),
            module: Mutex::new(None),
        }));
        if FORKED.compare_exchange(inherited, new, done, look).is_err() {
            // SAFETY: made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(new) });
        }
        // What a fork inherited stays as it is: dropping it would end the
        // parent's connections.
    }
}

/// The module of this process.
pub fn module() -> Result<Arc<Module>, Failure> {
    let place = existing().ok_or(Failure::NotInitialised)?;
    locked(&place.module).clone().ok_or(Failure::NotInitialised)
}

/// The module of this process, for its log.
pub fn logging() -> Option<Arc<Module>> {
    module().ok()
}

/// `C_Initialize`.
pub fn initialise() -> Result<(), Failure> {
    initialise_with(|| {
        let readers = Arc::new(SystemReaders::default());
        let options = if has_more_rights_than_its_caller() {
            Options::default()
        } else {
            Options::from_environment()
        };
        Module::new(readers, options)
    })
}

/// True if the kernel started this program with more rights than its caller
/// had: set-uid, set-gid, file capabilities (`AT_SECURE`, getauxval(3)). No
/// file of the caller's choice is opened with such rights.
#[cfg(target_os = "linux")]
fn has_more_rights_than_its_caller() -> bool {
    use std::ffi::c_ulong;
    const AT_SECURE: c_ulong = 23;
    unsafe extern "C" {
        safe fn getauxval(kind: c_ulong) -> c_ulong;
    }
    getauxval(AT_SECURE) != 0
}

/// Elsewhere only the users and groups tell ([`Options::from_environment`]).
#[cfg(not(target_os = "linux"))]
fn has_more_rights_than_its_caller() -> bool {
    false
}

/// As [`initialise`], with a module of the caller's own making.
pub fn initialise_with(make: impl FnOnce() -> Module) -> Result<(), Failure> {
    let mut module = locked(&place().module);
    if module.is_some() {
        return Err(Failure::AlreadyInitialised);
    }
    *module = Some(Arc::new(make()));
    Ok(())
}

/// `C_Finalize`.
pub fn finalise() -> Result<(), Failure> {
    let place = existing().ok_or(Failure::NotInitialised)?;
    let ended = locked(&place.module).take();
    ended.ok_or(Failure::NotInitialised)?.finalise();
    Ok(())
}

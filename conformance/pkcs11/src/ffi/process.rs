// SPDX-License-Identifier: MIT OR Apache-2.0
//! The module of this process, and of no fork of it.
//!
//! A fork inherits memory, but neither threads nor the right to use the
//! parent's connections, and a lock that another thread held stays locked in
//! it for ever. So each process has a place of its own, found by its number:
//! a fork never touches the place it inherited.

use crate::failure::Failure;
use crate::module::Module;
use crate::options::Options;
use crate::pcsc::SystemReaders;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

struct Place {
    process: u32,
    module: RwLock<Option<Arc<Module>>>,
}

static CURRENT: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// The place of this process, if it ever had one.
fn existing() -> Option<&'static Place> {
    let place = CURRENT.load(Ordering::Acquire);
    // SAFETY: NULL or from `Box::leak` in `place`, and never freed.
    let place = unsafe { place.as_ref() }?;
    (place.process == std::process::id()).then_some(place)
}

/// The place of this process, made if there is none.
fn place() -> &'static Place {
    loop {
        if let Some(place) = existing() {
            return place;
        }
        let inherited = CURRENT.load(Ordering::Acquire);
        let new = Box::into_raw(Box::new(Place {
            process: std::process::id(),
            module: RwLock::new(None),
        }));
        let swapped = CURRENT.compare_exchange(inherited, new, Ordering::AcqRel, Ordering::Acquire);
        if swapped.is_err() {
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
    let module = place.module.read().unwrap_or_else(PoisonError::into_inner);
    module.clone().ok_or(Failure::NotInitialised)
}

/// The module of this process, for its log.
pub fn logging() -> Option<Arc<Module>> {
    module().ok()
}

/// `C_Initialize`.
pub fn initialise() -> Result<(), Failure> {
    initialise_with(|| {
        let readers = Arc::new(SystemReaders::default());
        Module::new(readers, Options::from_environment())
    })
}

/// As [`initialise`], with a module of the caller's own making.
pub fn initialise_with(make: impl FnOnce() -> Module) -> Result<(), Failure> {
    let mut module = place()
        .module
        .write()
        .unwrap_or_else(PoisonError::into_inner);
    if module.is_some() {
        return Err(Failure::AlreadyInitialised);
    }
    *module = Some(Arc::new(make()));
    Ok(())
}

/// `C_Finalize`.
pub fn finalise() -> Result<(), Failure> {
    let place = existing().ok_or(Failure::NotInitialised)?;
    let ended = {
        let mut module = place.module.write().unwrap_or_else(PoisonError::into_inner);
        module.take()
    };
    ended.ok_or(Failure::NotInitialised)?.finalise();
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one kind of lock in this module: the standard library's, or, with the
//! feature `pthread-locks`, the C library's, which valgrind's helgrind sees.
//! The standard library's are futexes, of which it knows nothing.

#[cfg(feature = "pthread-locks")]
pub use crate::ffi::{Mutex, MutexGuard};
#[cfg(not(feature = "pthread-locks"))]
pub use std::sync::{Mutex, MutexGuard};

/// A lock, also after a panic: it was caught at the door, and the next call
/// still needs an answer.
#[cfg(not(feature = "pthread-locks"))]
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// A lock, also after a panic, of which this kind takes no note.
#[cfg(feature = "pthread-locks")]
pub(crate) fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

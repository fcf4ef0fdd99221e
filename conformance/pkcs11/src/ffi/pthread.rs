// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C library's mutex as a Rust one, for [`crate::lock`].

use lock_api::{GuardNoSend, RawMutex};
use std::cell::UnsafeCell;

/// A mutex of the C library.
pub struct Pthread(UnsafeCell<libc::pthread_mutex_t>);

/// A value behind it.
pub type Mutex<T> = lock_api::Mutex<Pthread, T>;
/// The value, while it is locked.
pub type MutexGuard<'a, T> = lock_api::MutexGuard<'a, Pthread, T>;

// SAFETY: a pthread mutex is for any thread; POSIX wants it to stay where it is
// from its first use on, and it does: `lock` borrows it, and in this module it
// lies in a static or an `Arc` by then.
unsafe impl Send for Pthread {}
// SAFETY: as above.
unsafe impl Sync for Pthread {}

// SAFETY: one thread at a time holds a pthread mutex, and only it unlocks it,
// because its guards are not `Send`.
unsafe impl RawMutex for Pthread {
    #[allow(clippy::declare_interior_mutable_const)] // so the trait has it
    const INIT: Self = Self(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));
    type GuardMarker = GuardNoSend;

    fn lock(&self) {
        // SAFETY: initialised, and not moved while it is borrowed.
        let error = unsafe { libc::pthread_mutex_lock(self.0.get()) };
        assert_eq!(error, 0, "pthread_mutex_lock");
    }

    fn try_lock(&self) -> bool {
        // SAFETY: as in `lock`.
        let error = unsafe { libc::pthread_mutex_trylock(self.0.get()) };
        error == 0
    }

    unsafe fn unlock(&self) {
        // SAFETY: as in `lock`, and the caller holds it.
        let error = unsafe { libc::pthread_mutex_unlock(self.0.get()) };
        debug_assert_eq!(error, 0, "pthread_mutex_unlock");
    }
}

impl Drop for Pthread {
    fn drop(&mut self) {
        // SAFETY: nobody holds it, as nobody borrows it.
        unsafe { libc::pthread_mutex_destroy(self.0.get()) };
    }
}

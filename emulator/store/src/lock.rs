// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lock file: who has it open and locked has the card.

use crate::error::StoreError;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Held for as long as this value lives, and no longer than the process.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock of the card at `card`, without waiting.
    ///
    /// The file is never removed: a process could lock the removed one while
    /// another locks a new one.
    pub(crate) fn take(card: &Path) -> Result<Self, StoreError> {
        let mut name = card.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
            .open(&path)
            .map_err(StoreError::io("open the lock file", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(StoreError::Locked {
                    path: card.to_path_buf(),
                    lock: path,
                });
            }
            Err(error) => return Err(StoreError::io("lock", &path)(error.into())),
        }
        let lock = Self { file, path };
        lock.check()?;
        Ok(lock)
    }

    /// Is the locked file still the one that others would try to lock?
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let identity = |of: io::Result<std::fs::Metadata>| of.map(|file| (file.dev(), file.ino()));
        let held = identity(self.file.metadata());
        match (held, identity(std::fs::symlink_metadata(&self.path))) {
            (Ok(held), Ok(found)) if held == found => Ok(()),
            _ => Err(StoreError::LockLost(self.path.clone())),
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be wrong with the file of a card, and what to do about it.

use cie_card::image::ImageError;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a card file could not be made, opened or written. Whatever it is, the
/// file that was there is still there, as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No file has this name.
    #[error("there is no card file {}; make one with `cie new`", .0.display())]
    Missing(PathBuf),
    /// A new card would replace something.
    #[error("{} exists already and was left as it is; choose another name or remove it first", .0.display())]
    Exists(PathBuf),
    /// A folder, a device, a pipe.
    #[error("{} is no regular file, so it cannot hold a card", .0.display())]
    NotAFile(PathBuf),
    /// Far larger than any card.
    #[error("{} has more than {limit} bytes; no card image is that large", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
    /// The file was read and is no image that this release can use.
    #[error("{}: {source}; the file was left as it is", path.display())]
    Image {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        source: ImageError,
    },
    /// The file has a second name, under which it could be in use, too: the
    /// lock belongs to a name.
    #[error("{} has {names} names (hard links), so its lock would not hold; copy the card and use the copy", path.display())]
    Linked {
        /// The card file.
        path: PathBuf,
        /// How many names it has.
        names: u64,
    },
    /// Another process uses the card.
    #[error(
        "the card {} is in use by another process (it holds {}); end that one, or copy the card and use the copy",
        path.display(), lock.display()
    )]
    Locked {
        /// The card file.
        path: PathBuf,
        /// Its lock file.
        lock: PathBuf,
    },
    /// Somebody else wrote, replaced or removed the file while it was in use.
    #[error("{} was changed by somebody else while this card was in use; it was left as it is", .0.display())]
    Changed(PathBuf),
    /// The lock file was removed or replaced, so another process may have the card, too.
    #[error("the lock file {} was removed while this card was in use; nothing more is written", .0.display())]
    LockLost(PathBuf),
    /// An earlier write was not confirmed by the system.
    #[error("an earlier write to {} was not confirmed by the system; nothing more is written", .0.display())]
    Unconfirmed(PathBuf),
    /// The operating system refused something.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StoreError {
    pub(crate) fn io<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Io {
            action,
            path: path.to_path_buf(),
            source,
        }
    }
}

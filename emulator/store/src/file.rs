// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading, creating and committing the file of a card.

use crate::disk;
use crate::error::StoreError;
use crate::lock::Lock;
use cie_card::image::{CardState, Profile};
use cie_card::{CardImage, MemoryError, NonVolatile};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// No card file is longer, in bytes; what is longer is not read.
pub const IMAGE_MAX: u64 = 1 << 20;

/// The lock is beside the name that was given; a hard link would have another.
fn refuse_second_name(path: &Path) -> Result<(), StoreError> {
    let file = std::fs::symlink_metadata(path).map_err(StoreError::io("look at", path))?;
    match file.nlink() {
        0 | 1 => Ok(()),
        names => Err(StoreError::Linked {
            path: path.to_path_buf(),
            names,
        }),
    }
}

/// Reads a card file without using the card: no lock is needed, and it may be
/// in use, because commits are atomic.
///
/// # Errors
/// [`StoreError`] if there is no such file or it is no image.
pub fn read(path: impl AsRef<Path>) -> Result<CardImage, StoreError> {
    let path = resolve(path.as_ref())?;
    load(&path).map(|(image, _)| image)
}

/// The non-volatile memory of a card that lives in a file. The card is locked
/// for as long as this value lives.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    temporary: PathBuf,
    folder_path: PathBuf,
    folder: File,
    lock: Lock,
    profile: Arc<Profile>,
    /// The file as it was last read or written here.
    stored: Stamp,
    /// A rename happened and the folder could not be synced after it.
    unconfirmed: bool,
}

impl FileStore {
    /// Opens a card for use.
    ///
    /// # Errors
    /// [`StoreError`] if there is no such file, it is no image, or it is in
    /// use. The file is as it was, and if it is no image nothing was written
    /// beside it either.
    pub fn open(path: impl AsRef<Path>) -> Result<(Self, CardImage), StoreError> {
        let path = resolve(path.as_ref())?;
        // Before the lock, so that no lock file is put beside what is no card.
        load(&path)?;
        let (temporary, folder_path, folder) = surroundings(&path)?;
        let lock = Lock::take(&path)?;
        remove_leftover(&temporary)?;
        refuse_second_name(&path)?;
        let (image, stored) = load(&path)?;
        let store = Self {
            profile: Arc::clone(&image.profile),
            path,
            temporary,
            folder_path,
            folder,
            lock,
            stored,
            unconfirmed: false,
        };
        Ok((store, image))
    }

    /// Writes a new card file and opens it.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if anything has that name; else as
    /// [`open`](Self::open).
    pub fn create(path: impl AsRef<Path>, image: &CardImage) -> Result<Self, StoreError> {
        let path = path.as_ref();
        let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
            return Err(StoreError::NotAFile(path.to_path_buf()));
        };
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        let parent = std::fs::canonicalize(parent).map_err(StoreError::io("find", parent))?;
        let path = parent.join(name);
        let refuse_existing = || match std::fs::symlink_metadata(&path) {
            Ok(_) => Err(StoreError::Exists(path.clone())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(StoreError::io("look at", &path)(error)),
        };
        refuse_existing()?;
        let (temporary, folder_path, folder) = surroundings(&path)?;
        let lock = Lock::take(&path)?;
        refuse_existing()?;
        remove_leftover(&temporary)?;
        write_synced(&temporary, &encode(&path, image)?)?;
        let placed = place_new(&temporary, &path)
            .and_then(|()| sync(&folder, &folder_path))
            .and_then(|()| stamp(&path));
        let stored = placed.inspect_err(|_| discard(&temporary))?;
        Ok(Self {
            profile: Arc::clone(&image.profile),
            path,
            temporary,
            folder_path,
            folder,
            lock,
            stored,
            unconfirmed: false,
        })
    }

    /// The file, with symbolic links resolved.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes `state` the state in the file, now and for good.
    ///
    /// # Errors
    /// [`StoreError`]; the file is as it was. Only if the last step, syncing
    /// the folder, fails, it is unknown which of the two the file will be after
    /// a loss of the machine's power; then nothing more is written.
    pub fn save(&mut self, state: &CardState) -> Result<(), StoreError> {
        if self.unconfirmed {
            return Err(StoreError::Unconfirmed(self.path.clone()));
        }
        self.lock.check()?;
        if stamp(&self.path).ok() != Some(self.stored) {
            return Err(StoreError::Changed(self.path.clone()));
        }
        let image = CardImage {
            profile: Arc::clone(&self.profile),
            state: state.clone(),
        };
        let bytes = encode(&self.path, &image)?;
        remove_leftover(&self.temporary)?;
        let written = write_synced(&self.temporary, &bytes)
            .and_then(|()| stamp(&self.temporary))
            .and_then(|stamp| {
                disk::rename(&self.temporary, &self.path)
                    .map_err(StoreError::io("replace", &self.path))?;
                Ok(stamp)
            });
        self.stored = written.inspect_err(|_| discard(&self.temporary))?;
        sync(&self.folder, &self.folder_path).inspect_err(|_| self.unconfirmed = true)
    }
}

impl NonVolatile for FileStore {
    fn commit(&mut self, state: &CardState) -> Result<(), MemoryError> {
        self.save(state)
            .map_err(|error| MemoryError(error.to_string()))
    }
}

/// What tells that nobody else wrote a file: device, inode, length, time of
/// the last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(u64, u64, u64, i64, i64);

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self(
            file.dev(),
            file.ino(),
            file.len(),
            file.mtime(),
            file.mtime_nsec(),
        )
    }
}

fn stamp(path: &Path) -> Result<Stamp, StoreError> {
    let found = std::fs::symlink_metadata(path).map_err(StoreError::io("look at", path))?;
    Ok(Stamp::of(&found))
}

/// The file that a name means, so that two names of one card share its lock.
fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    std::fs::canonicalize(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::Missing(path.to_path_buf()),
        _ => StoreError::io("find", path)(error),
    })
}

fn load(path: &Path) -> Result<(CardImage, Stamp), StoreError> {
    // Asked before opening: opening a pipe would wait for a writer.
    let found = std::fs::metadata(path).map_err(StoreError::io("look at", path))?;
    if !found.is_file() {
        return Err(StoreError::NotAFile(path.to_path_buf()));
    }
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let opened = file.metadata().map_err(StoreError::io("look at", path))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(IMAGE_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(StoreError::io("read", path))?;
    if u64::try_from(bytes.len()).map_or(true, |length| length > IMAGE_MAX) {
        return Err(StoreError::TooLarge {
            path: path.to_path_buf(),
            limit: IMAGE_MAX,
        });
    }
    let image = CardImage::from_bytes(&bytes).map_err(|source| StoreError::Image {
        path: path.to_path_buf(),
        source,
    })?;
    Ok((image, Stamp::of(&opened)))
}

fn encode(path: &Path, image: &CardImage) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let bytes = image.to_bytes().map_err(|source| StoreError::Image {
        path: path.to_path_buf(),
        source,
    })?;
    Ok(Zeroizing::new(bytes))
}

/// The temporary file's name, the folder's name and the folder.
fn surroundings(path: &Path) -> Result<(PathBuf, PathBuf, File), StoreError> {
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        return Err(StoreError::NotAFile(path.to_path_buf()));
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(".cie-tmp");
    let folder = File::open(parent).map_err(StoreError::io("open the folder", parent))?;
    Ok((parent.join(temporary), parent.to_path_buf(), folder))
}

/// Removes what a killed process left; only called with the lock held, so it
/// is nobody's work in progress.
fn remove_leftover(temporary: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::io("remove the leftover", temporary)(error))
        }
        _ => Ok(()),
    }
}

/// After an error: the next open would remove it too.
fn discard(temporary: &Path) {
    let _ = std::fs::remove_file(temporary);
}

fn write_synced(temporary: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            disk::sync_file(&file)
        });
    written.map_err(|error| {
        discard(temporary);
        StoreError::io("write", temporary)(error)
    })
}

/// Gives the temporary file its name unless something has that name.
pub(crate) fn place_new(temporary: &Path, path: &Path) -> Result<(), StoreError> {
    disk::reach(disk::Step::Rename).map_err(StoreError::io("create", path))?;
    let renamed = match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        // File systems that cannot do that can do this.
        Err(Errno::INVAL | Errno::NOSYS) => {
            std::fs::hard_link(temporary, path).inspect(|()| discard(temporary))
        }
        other => other.map_err(io::Error::from),
    };
    renamed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => StoreError::Exists(path.to_path_buf()),
        _ => StoreError::io("create", path)(error),
    })
}

fn sync(folder: &File, path: &Path) -> Result<(), StoreError> {
    disk::sync_folder(folder).map_err(StoreError::io("sync the folder", path))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The socket file: made private, found again dead or alive, taken away at the end.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::ReaderError;

/// Bytes of a socket path that client libraries can use.
pub const LONGEST_PATH: usize = 107;
const FILE_NAME: &str = "pcscd.comm";
const BACKLOG: i32 = 128;

/// Where the socket goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a new folder of its own that only this user can enter, inside the
    /// user's runtime folder or, failing that, the folder for temporary files.
    Private,
    /// At this path. Its folder must belong to this user and be closed to
    /// everybody else; if it does not exist it is made so.
    At(PathBuf),
}

/// The file of a listening socket: mode 0600, in a folder that only its owner
/// can enter. It goes with this value.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode, to remove this file and no other.
    identity: (u64, u64),
    /// The folder, if it was made for the socket.
    folder: Option<Folder>,
}

/// A folder that was made here, removed again if it is empty.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir(&self.0) {
            tracing::debug!(path = ?self.0, %error, "the socket's folder stays");
        }
    }
}

impl SocketFile {
    /// Makes the file and listens. A dead socket that is there already is
    /// replaced, anything else is left alone. The listener does not block.
    ///
    /// # Errors
    /// [`ReaderError`] says what is in the way.
    pub fn listen(place: &Place) -> Result<(Self, UnixListener), ReaderError> {
        match place {
            Place::Private => listen_in_new_folder(),
            Place::At(path) => {
                let path = std::path::absolute(path).map_err(io_error("resolve", path))?;
                check_length(&path)?;
                let parent = match (path.parent(), path.file_name()) {
                    (Some(parent), Some(_)) => parent,
                    _ => return Err(ReaderError::BadPath(path)),
                };
                let folder = make_folder(parent)?;
                listen_at(&path, parent, folder)
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = std::fs::symlink_metadata(&self.path).map(|file| (file.dev(), file.ino()));
        if found.is_ok_and(|found| found == self.identity)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::warn!(path = ?self.path, %error, "the socket file stays");
        }
        drop(self.folder.take());
    }
}

fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> ReaderError + use<'a> {
    move |source| ReaderError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

fn check_length(path: &Path) -> Result<(), ReaderError> {
    let length = path.as_os_str().len();
    if length > LONGEST_PATH {
        return Err(ReaderError::PathTooLong {
            path: path.to_path_buf(),
            length,
            limit: LONGEST_PATH,
        });
    }
    Ok(())
}

/// Makes `folder` for this user alone; `None` if it is there already.
fn make_folder(folder: &Path) -> Result<Option<Folder>, ReaderError> {
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => Ok(Some(Folder(folder.to_path_buf()))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(io_error("create the folder", folder)(error)),
    }
}

fn listen_in_new_folder() -> Result<(SocketFile, UnixListener), ReaderError> {
    let candidates = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .into_iter()
        .chain([std::env::temp_dir(), PathBuf::from("/tmp")])
        .filter(|base| base.is_absolute());
    let mut latest = ReaderError::BadPath(PathBuf::new());
    for base in candidates {
        match listen_below(&base) {
            Ok(listening) => return Ok(listening),
            Err(error) => {
                tracing::debug!(?base, %error, "no socket here");
                latest = error;
            }
        }
    }
    Err(latest)
}

fn listen_below(base: &Path) -> Result<(SocketFile, UnixListener), ReaderError> {
    let process = std::process::id();
    loop {
        let random = RandomState::new().hash_one(process);
        let parent = base.join(format!("cie-{process}-{random:016x}"));
        let path = parent.join(FILE_NAME);
        check_length(&path)?;
        if let Some(folder) = make_folder(&parent)? {
            return listen_at(&path, &parent, Some(folder));
        }
    }
}

fn listen_at(
    path: &Path,
    parent: &Path,
    folder: Option<Folder>,
) -> Result<(SocketFile, UnixListener), ReaderError> {
    let about = std::fs::metadata(parent).map_err(io_error("look at the folder", parent))?;
    let mode = about.permissions().mode() & 0o777;
    if about.uid() != rustix::process::geteuid().as_raw() || mode & 0o077 != 0 {
        let owner = about.uid();
        return Err(ReaderError::FolderNotPrivate {
            path: parent.to_path_buf(),
            mode,
            owner,
        });
    }
    // Two servers that find the same dead socket must not remove each other's
    // new one. Where folders cannot be locked, they are trusted to take turns.
    let _guard = lock_folder(parent)
        .inspect_err(|error| tracing::debug!(?parent, %error, "the folder cannot be locked"));
    make_room(path)?;
    let listener = bind(path).map_err(io_error("listen on", path))?;
    let file = std::fs::symlink_metadata(path).map_err(io_error("look at", path))?;
    let socket = SocketFile {
        path: path.to_path_buf(),
        identity: (file.dev(), file.ino()),
        folder,
    };
    Ok((socket, listener))
}

fn lock_folder(folder: &Path) -> io::Result<OwnedFd> {
    let folder = rustix::fs::open(
        folder,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    rustix::fs::flock(&folder, FlockOperation::LockExclusive)?;
    Ok(folder)
}

/// Removes a dead socket of this user from `path`; refuses anything else.
fn make_room(path: &Path) -> Result<(), ReaderError> {
    let found = match std::fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("look at", path)(error)),
    };
    if !found.file_type().is_socket() {
        return Err(ReaderError::PathTaken {
            path: path.to_path_buf(),
            what: "not a socket",
        });
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(ReaderError::PathTaken {
            path: path.to_path_buf(),
            what: "another user's socket",
        });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(io_error("remove the dead socket", path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        _ => Err(ReaderError::InUse(path.to_path_buf())),
    }
}

/// Binds, closes the file to others, and only then listens: until then a
/// connection attempt is refused, so there is no moment in which a stranger
/// gets in, whatever the process's file mode mask is.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    let listening = std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))
        .and_then(|()| Ok(rustix::net::listen(&socket, BACKLOG)?));
    if let Err(error) = listening {
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(UnixListener::from(socket))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder that a case has to itself, and who removes it if the bench cannot.
//!
//! While the bench lives it holds a lock on the file `owner` in it, with its
//! process number. A process beside the bench (the sweeper,
//! [`cie_driver::supervise`] without a program) removes what is left when the
//! bench has ended in any way. If that one was ended, too, the next bench
//! removes it.

use super::door::locked;
use super::keeper::Keeper;
use cie_reader::LONGEST_PATH;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, openat};
use rustix::process::getuid;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use tempfile::TempDir;

const PREFIX: &str = "cie-mw-";
const OWNER: &str = "owner";
const SOCKET: &str = "pcscd";
/// Two folders deep, so that a name that leads out of the home directory by two
/// steps leads to the case's folder.
const ABOVE_HOME: &str = "h";
const HOME: &str = "u";

/// The process that removes folders, and those that it knows of.
static SWEEPER: Mutex<Option<Keeper>> = Mutex::new(None);

/// A folder with a home directory in it.
#[derive(Debug)]
pub(super) struct Folder {
    root: TempDir,
    home: PathBuf,
    /// The lock on it ends with this.
    _owner: File,
}

impl Folder {
    pub(super) fn new(supervisor: &[OsString]) -> io::Result<Self> {
        // Some middleware cannot be used from deeper folders than these.
        let root = tempfile::Builder::new()
            .prefix(PREFIX)
            .rand_bytes(4)
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        // Nobody is to see it without its lock.
        let new = root.path().join("owner.new");
        let mut owner = File::create_new(&new)?;
        writeln!(owner, "{}", std::process::id())?;
        if let Err(error) = flock(&owner, FlockOperation::NonBlockingLockExclusive) {
            return Err(error.into());
        }
        std::fs::rename(&new, root.path().join(OWNER))?;
        say(supervisor, '+', root.path());
        let home = root.path().join(ABOVE_HOME).join(HOME);
        std::fs::create_dir_all(&home)?;
        Ok(Self {
            root,
            home,
            _owner: owner,
        })
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    /// Where the socket of the readers is, unless a socket cannot have a path as
    /// long.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        let path = self.root.path().join(SOCKET);
        (path.as_os_str().len() <= LONGEST_PATH).then_some(path)
    }

    /// What somebody has put into it beside the home directory, as seen from
    /// there, in alphabetical order.
    pub(super) fn strays(&self) -> BTreeSet<String> {
        let names = |folder: &Path, way: &str, ours: &[&str]| -> Vec<String> {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|name| !ours.contains(&name.as_str()))
                .map(|name| format!("{way}{name}"))
                .collect()
        };
        let above = self.root.path().join(ABOVE_HOME);
        let root = names(self.root.path(), "../../", &[OWNER, SOCKET, ABOVE_HOME]);
        root.into_iter()
            .chain(names(&above, "../", &[HOME]))
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now the sweeper tries again.
        if std::fs::remove_dir_all(self.root.path()).is_ok() {
            say(&[], '-', self.root.path());
        }
    }
}

/// Tells the sweeper; starts it for the first folder.
fn say(supervisor: &[OsString], sign: char, path: &Path) {
    let Some(path) = path.to_str().filter(|path| !path.contains('\n')) else {
        return;
    };
    let mut sweeper = locked(&SWEEPER);
    if sweeper.is_none()
        && let Some((program, arguments)) = supervisor.split_first()
    {
        sweep_stale(&std::env::temp_dir());
        let mut command = Command::new(program);
        command.args(arguments).current_dir("/");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // Without it folders stay until the next bench.
        *sweeper = Keeper::start(command).ok();
    }
    let line = format!("{sign}{path}\n");
    let told = sweeper
        .as_mut()
        .is_some_and(|sweeper| sweeper.line.write_all(line.as_bytes()).is_ok());
    if !told {
        // The next folder has another one.
        *sweeper = None;
    }
}

/// Removes the folders in this one that benches of this user have left.
fn sweep_stale(among: &Path) {
    for entry in std::fs::read_dir(among).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if ours && is_stale(&entry.path()).unwrap_or(false) {
            // Another bench may be doing the same.
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

/// Whether this is a folder of this user whose owner has ended. No link is
/// followed, and nothing is believed of a folder without an owner.
fn is_stale(path: &Path) -> io::Result<bool> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let open = |at: rustix::fd::BorrowedFd<'_>, path: &Path, more| {
        openat(at, path, flags | more, Mode::empty())
    };
    let folder = open(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let owner = open(folder.as_fd(), Path::new(OWNER), OFlags::RDONLY)?;
    let user = getuid().as_raw();
    if fstat(&folder)?.st_uid != user || fstat(&owner)?.st_uid != user {
        return Ok(false);
    }
    let mut owner = File::from(owner);
    if !owner.metadata()?.is_file() {
        return Ok(false);
    }
    let mut pid = String::new();
    Read::by_ref(&mut owner).take(32).read_to_string(&mut pid)?;
    let Ok(pid) = pid.trim().parse::<u32>() else {
        return Ok(false);
    };
    // The lock is the better witness: it also holds between containers, which
    // number their processes apart.
    let locked = flock(&owner, FlockOperation::NonBlockingLockExclusive).is_err();
    Ok(!locked && !Path::new(&format!("/proc/{pid}")).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The number of a process that has ended.
    fn ended() -> u32 {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn a_folder_is_removed_if_its_bench_is_dead_and_only_then() {
        let among = tempfile::tempdir().unwrap();
        let make = |name: &str, owner: Option<String>| {
            let folder = among.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("x"), "").unwrap();
            if let Some(owner) = owner {
                std::fs::write(folder.join(OWNER), owner).unwrap();
            }
            folder
        };
        let dead = make("cie-mw-dead", Some(format!("{}\n", ended())));
        let kept = [
            make("cie-mw-none", None),
            make("cie-mw-nonsense", Some("x".to_owned())),
            make("cie-mw-alive", Some(std::process::id().to_string())),
            make("cie-mw-locked", Some(ended().to_string())),
            make("another", Some(ended().to_string())),
            make("cie-mw-link-inside", None),
        ];
        let lock = File::open(kept[3].join(OWNER)).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        symlink(dead.join(OWNER), kept[5].join(OWNER)).unwrap();
        let link = among.path().join("cie-mw-link");
        symlink(&kept[4], &link).unwrap();
        sweep_stale(among.path());
        assert!(!dead.exists());
        for kept in kept {
            assert!(kept.join("x").exists(), "{}", kept.display());
        }
        assert!(link.symlink_metadata().is_ok());
    }

    #[test]
    fn what_lies_beside_the_home_directory_is_seen() {
        let folder = Folder::new(&[]).unwrap();
        assert!(folder.strays().is_empty());
        std::fs::write(folder.home().join("x"), "").unwrap();
        assert!(folder.strays().is_empty());
        std::fs::write(folder.home().join("../y"), "").unwrap();
        std::fs::write(folder.home().join("../../z"), "").unwrap();
        let strays: Vec<_> = folder.strays().into_iter().collect();
        assert_eq!(strays, ["../../z", "../y"]);
    }
}

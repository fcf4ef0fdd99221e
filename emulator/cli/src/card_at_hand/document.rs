// SPDX-License-Identifier: MIT OR Apache-2.0
//! Files of documents: read within bounds, written whole or not at all.

use super::error::PersonError;
use crate::error::CliError;
use std::fs::{File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Bytes of a PDF or a signed file, which are looked at in memory.
pub(super) const MEMORY_MAX: u64 = 256 << 20;

/// True if the file starts as a PDF does.
pub(super) fn is_pdf(path: &Path) -> Result<bool, CliError> {
    let file = File::open(path).map_err(CliError::io("read", path))?;
    let mut start = Vec::new();
    let mut reader = file.take(5);
    reader
        .read_to_end(&mut start)
        .map_err(CliError::io("read", path))?;
    Ok(start == b"%PDF-")
}

/// The whole of a file that is not too large for it.
pub(super) fn whole(path: &Path, what: &'static str) -> Result<Vec<u8>, CliError> {
    let file = File::open(path).map_err(CliError::io("read", path))?;
    let mut content = Vec::new();
    let mut reader = file.take(MEMORY_MAX + 1);
    reader
        .read_to_end(&mut content)
        .map_err(CliError::io("read", path))?;
    if content.len() as u64 > MEMORY_MAX {
        let limit = MEMORY_MAX >> 20;
        let path = path.to_owned();
        return Err(PersonError::TooLarge { path, limit, what }.into());
    }
    Ok(content)
}

/// Every file that these name: themselves, or all in a folder that are no folders.
pub(super) fn files(named: &[PathBuf]) -> Result<Vec<(PathBuf, Vec<u8>)>, CliError> {
    let what = "no certificate or list is as large";
    let mut found = Vec::new();
    for path in named {
        if !path.is_dir() {
            found.push((path.clone(), whole(path, what)?));
            continue;
        }
        let entries = std::fs::read_dir(path).map_err(CliError::io("read", path))?;
        let mut inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        inside.sort();
        for path in inside {
            if path.is_file() {
                let content = whole(&path, what)?;
                found.push((path, content));
            }
        }
    }
    Ok(found)
}

/// A file in the making, beside where it will be.
pub(super) struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
    replace: bool,
}

/// Refuses a name that is taken, before anybody types a PIN.
pub(super) fn refuse_taken(path: &Path, force: bool) -> Result<(), CliError> {
    if !force && path.symlink_metadata().is_ok() {
        return Err(PersonError::Exists(path.to_owned()).into());
    }
    Ok(())
}

impl NewFile {
    pub(super) fn new(path: &Path, replace: bool) -> Result<Self, CliError> {
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
        // What the umask leaves of it, as of any file that a program makes.
        let file = tempfile::Builder::new()
            .permissions(Permissions::from_mode(0o666))
            .prefix(".cie-")
            .tempfile_in(parent.unwrap_or(Path::new(".")))
            .map_err(CliError::io("write beside", path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            replace,
        })
    }

    /// Where to write.
    pub(super) fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives the file its name, once its content is on the disk.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let path = self.path;
        self.file
            .as_file()
            .sync_all()
            .map_err(CliError::io("write", &path))?;
        let placed = if self.replace {
            self.file.persist(&path)
        } else {
            self.file.persist_noclobber(&path)
        };
        placed.map(drop).map_err(|error| match error.error {
            taken if taken.kind() == io::ErrorKind::AlreadyExists => {
                PersonError::Exists(path.clone()).into()
            }
            other => CliError::io("write", &path)(other),
        })
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log that `CIE_PKCS11_LOG` asks for: calls, return values and headers
//! of APDUs. Never a code, a data field or a value of an object.

use crate::lock::{Mutex, locked};
use crate::reader::LinkError;
use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Where the lines go; nowhere by default.
#[derive(Default)]
pub struct Log(Option<Mutex<Box<dyn Write + Send>>>);

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.0.is_some()).finish()
    }
}

/// Standard error without the lock of the standard library: a fork would
/// inherit it locked if another thread was writing.
struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stderr(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// A log to the end of a file of mode 0600, or to standard error if the
    /// path is `stderr`.
    ///
    /// # Errors
    /// The file cannot be opened, is no regular file, or is somebody else's.
    pub fn open(path: &Path) -> io::Result<Self> {
        if path.as_os_str() == "stderr" {
            return Ok(Self::to(StandardError));
        }
        // Not blocking: a named pipe must not hold up the application.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)?;
        regular(&file)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        Ok(Self::to(file))
    }

    /// A log to a writer.
    pub fn to(writer: impl Write + Send + 'static) -> Self {
        Self(Some(Mutex::new(Box::new(writer))))
    }

    /// One line. A log that cannot be written is silent.
    pub fn line(&self, text: fmt::Arguments<'_>) {
        if let Some(writer) = &self.0 {
            let line = format!("cie-pkcs11[{}] {text}\n", std::process::id());
            let _ = locked(writer).write_all(line.as_bytes());
        }
    }

    /// One exchange: header and length there, status word and length back.
    pub fn apdu(&self, command: &[u8], answer: Result<&[u8], &LinkError>) {
        if self.0.is_none() {
            return;
        }
        let header = command.get(..4).unwrap_or(command);
        let header: String = header.iter().map(|b| format!("{b:02X} ")).collect();
        let sent = command.len();
        match answer {
            Ok(answer) => {
                let (data, sw) = answer.split_at(answer.len().saturating_sub(2));
                let sw: String = sw.iter().map(|b| format!("{b:02X}")).collect();
                let got = data.len();
                self.line(format_args!(
                    "  {header}({sent} bytes) -> {sw} ({got} bytes)"
                ));
            }
            Err(error) => self.line(format_args!("  {header}({sent} bytes) -> {error}")),
        }
    }
}

fn regular(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() {
        Ok(())
    } else {
        Err(io::Error::other("not a regular file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_of_its_owner_only_that_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "before\n").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        Log::open(&path).unwrap().line(format_args!("a line"));
        assert_eq!(mode(&path), 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("before\n") && text.ends_with("] a line\n"),
            "{text}"
        );
    }

    #[test]
    fn standard_error_needs_no_lock() {
        let _held = io::stderr().lock();
        let (done, wait) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let log = Log::open(Path::new("stderr")).unwrap();
            log.line(format_args!("a line of a test"));
            let _ = done.send(());
        });
        let patience = std::time::Duration::from_secs(30);
        assert_eq!(wait.recv_timeout(patience), Ok(()));
    }

    #[test]
    fn no_links_no_pipes_no_folders() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("target"), "").unwrap();
        std::os::unix::fs::symlink(path("target"), path("link")).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        let rights = rustix::fs::Mode::from(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), fifo, rights, 0).unwrap();
        for name in ["link", "pipe", "", "no/such/folder"] {
            assert!(Log::open(&path(name)).is_err(), "{name}");
        }
    }
}

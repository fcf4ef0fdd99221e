// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log that `CIE_PKCS11_LOG` asks for: calls, return values and headers
//! of APDUs. Never a code, a data field or a value of an object.

use crate::locked;
use crate::reader::LinkError;
use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;

/// Where the lines go; nowhere by default.
#[derive(Default)]
pub struct Log(Option<Mutex<Box<dyn Write + Send>>>);

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.0.is_some()).finish()
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
            return Ok(Self::to(io::stderr()));
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cie run --artifacts DIR`: everything that somebody else needs to look at a
//! failure, in one folder.

use crate::error::CliError;
use crate::out::shell_word;
use cie_card::CardImage;
use cie_store::FileStore;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// `name.cie` for the first card, `name-2.cie` for the second.
fn numbered(name: &str, card: usize) -> String {
    match card {
        1 => format!("{name}.cie"),
        _ => format!("{name}-{card}.cie"),
    }
}

/// A folder of artifacts.
pub(crate) struct Artifacts(PathBuf);

impl Artifacts {
    /// Makes the folder, or takes one that is empty.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self, CliError> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(CliError::io("make the folder", folder))?;
        let mut content = std::fs::read_dir(folder).map_err(CliError::io("read", folder))?;
        if content.next().is_some() {
            return Err(CliError::NotEmpty(folder.to_path_buf()));
        }
        Ok(Self(folder.to_path_buf()))
    }

    /// Where the trace goes unless another place was named.
    pub(crate) fn trace(&self) -> PathBuf {
        self.0.join("trace.txt")
    }

    /// Card number `card`, from 1, as it was before the program ran.
    pub(crate) fn before(&self, card: usize, image: &CardImage) -> Result<(), CliError> {
        self.image(&numbered("before", card), image)
    }

    /// Card number `card`, from 1, as the program left it.
    pub(crate) fn after(&self, card: usize, image: &CardImage) -> Result<(), CliError> {
        self.image(&numbered("after", card), image)
    }

    fn image(&self, name: &str, image: &CardImage) -> Result<(), CliError> {
        let path = self.0.join(name);
        drop(FileStore::create(&path, image)?);
        // Nobody but this process knows the file, so nobody waits for its lock.
        let mut lock = path.into_os_string();
        lock.push(".lock");
        std::fs::remove_file(&lock).map_err(CliError::io("remove", lock))
    }

    /// A trace that was written elsewhere.
    pub(crate) fn copy_trace(&self, from: &Path) -> Result<(), CliError> {
        std::fs::copy(from, self.trace())
            .map(drop)
            .map_err(CliError::io("copy the trace", from))
    }

    /// The command that does it again: `options` are those of `cie run`, as
    /// words of a shell. `stored` cards came from files; then copies of the
    /// images from before are used.
    pub(crate) fn replay(
        &self,
        options: &OsStr,
        stored: usize,
        command: &[OsString],
    ) -> Result<(), CliError> {
        let mut script = OsString::from(
            "#!/bin/sh\n# Does it again. Call it in the folder where it was done the first time.\nset -e\n",
        );
        if stored > 0 {
            script.push("cards=$(mktemp -d)\n");
        }
        let names = (1..=stored).map(|card| (numbered("before", card), numbered("card", card)));
        for (from, to) in names.clone() {
            script.push(format!("cp \"$(dirname \"$0\")/{from}\" \"$cards/{to}\"\n"));
        }
        script.push("exec cie run");
        for (_, to) in names {
            script.push(format!(" --card \"$cards/{to}\""));
        }
        script.push(options);
        script.push(" --");
        for word in command {
            script.push(" ");
            script.push(shell_word(word));
        }
        script.push("\n");
        let path = self.0.join("replay.sh");
        let written = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o700)
            .open(&path)
            .and_then(|mut file| std::io::Write::write_all(&mut file, script.as_bytes()));
        written.map_err(CliError::io("write", path))
    }
}

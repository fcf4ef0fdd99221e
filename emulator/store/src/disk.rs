// SPDX-License-Identifier: MIT OR Apache-2.0
//! The three calls whose order a commit rests on. They stand apart so that
//! tests can watch the order and let each of them fail: no test can cut the
//! power of a disk.

use std::fs::File;
use std::io;
use std::path::Path;

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The content of the temporary file reaches the disk.
    SyncFile,
    /// It takes the name of the card.
    Rename,
    /// The name reaches the disk.
    SyncFolder,
}

pub(crate) fn sync_file(file: &File) -> io::Result<()> {
    reach(Step::SyncFile)?;
    file.sync_all()
}

pub(crate) fn sync_folder(folder: &File) -> io::Result<()> {
    reach(Step::SyncFolder)?;
    folder.sync_all()
}

/// Replaces what is at `to`.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    reach(Step::Rename)?;
    std::fs::rename(from, to)
}

/// Told before each step; an error stands for one of the system.
#[cfg(not(test))]
pub(crate) fn reach(_: Step) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) use tests::reach;

#[cfg(test)]
pub(crate) mod tests {
    use super::Step;
    use std::cell::{Cell, RefCell};
    use std::io;

    thread_local! {
        static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
        static FAILING: Cell<Option<Step>> = const { Cell::new(None) };
    }

    pub(crate) fn reach(step: Step) -> io::Result<()> {
        STEPS.with_borrow_mut(|steps| steps.push(step));
        if FAILING.get() == Some(step) {
            return Err(io::Error::other("made to fail"));
        }
        Ok(())
    }

    /// The steps of this thread since the last call.
    pub(crate) fn steps() -> Vec<Step> {
        STEPS.take()
    }

    /// Lets this step fail in this thread from now on.
    pub(crate) fn fail(step: Option<Step>) {
        FAILING.set(step);
    }
}

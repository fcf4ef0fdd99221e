// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lists on standard output: a full disk or a closed pipe is an error to tell,
//! no reason to panic.

use crate::error::CliError;
use std::fmt::Display;
use std::io::Write;

/// Writes these lines to standard output, now.
pub(crate) fn lines(lines: impl IntoIterator<Item = impl Display>) -> Result<(), CliError> {
    let mut out = anstream::stdout().lock();
    lines
        .into_iter()
        .try_for_each(|line| writeln!(out, "{line}"))
        .and_then(|()| out.flush())
        .map_err(CliError::io("write to", "standard output"))
}

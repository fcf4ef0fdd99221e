// SPDX-License-Identifier: MIT OR Apache-2.0
//! A mutation in a build of its own, for those that no switch can stand for.

use crate::compile;
use crate::error::SchemataError;
use crate::list::Mutation;
use crate::workspace::{Workspace, get, member, put};
use std::path::PathBuf;

/// Builds the judge of this mutation alone; `None` if it does not compile.
///
/// # Errors
/// [`SchemataError`] if its change does not fit the source.
pub fn build(workspace: &Workspace, mutation: &Mutation) -> Result<Option<PathBuf>, SchemataError> {
    workspace.sources()?;
    let Mutation { number, file, .. } = mutation;
    let Some((_, inside)) = member(file) else {
        return Ok(None);
    };
    let source = get(&workspace.checkout.join(file))?;
    let changed = patched(&source, &mutation.diff).ok_or_else(|| SchemataError::Patch {
        number: *number,
        file: file.clone(),
    })?;
    put(&workspace.folder.join(inside), &changed)?;
    if !compile::check(workspace)?.is_empty() {
        return Ok(None);
    }
    compile::build(workspace, &format!("alone-{number}")).map(Some)
}

/// The source with a unified diff applied; `None` if a line is not the one
/// that the diff expects.
#[must_use]
pub fn patched(source: &str, diff: &str) -> Option<String> {
    let mut old = source.lines();
    let mut at = 1;
    let mut new = Vec::new();
    let mut hunks = 0;
    for line in diff.lines() {
        if line.starts_with("--- ") || line.starts_with("+++ ") && hunks == 0 {
            continue;
        }
        if let Some(head) = line.strip_prefix("@@ -") {
            let first: usize = head.split([',', ' ']).next()?.parse().ok()?;
            while at < first {
                new.push(old.next()?);
                at += 1;
            }
            hunks += 1;
            continue;
        }
        // An empty line of the context may have lost its blank.
        let (sign, text) = line.split_at_checked(1).unwrap_or((" ", ""));
        if sign != "+" {
            if old.next()? != text {
                return None;
            }
            at += 1;
        }
        if sign != "-" {
            new.push(text);
        }
    }
    new.extend(old);
    (hunks > 0).then(|| new.join("\n") + "\n")
}

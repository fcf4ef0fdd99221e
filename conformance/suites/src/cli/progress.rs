// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is shown while cases run: on a terminal only, and on standard error.

use cie_conformance::report::CaseResult;
use cie_conformance::report::text::visible;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How far a run is.
pub(super) struct Progress {
    bar: ProgressBar,
    bad: AtomicUsize,
}

impl Progress {
    /// Of so many cases. Where standard error is no terminal nothing is shown.
    pub(super) fn of(cases: usize) -> Self {
        let bar = ProgressBar::new(u64::try_from(cases).unwrap_or(u64::MAX));
        // A template that does not parse would only look different.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  {eta}") {
            bar.set_style(style);
        }
        Self {
            bar,
            bad: AtomicUsize::new(0),
        }
    }

    /// One more case is done.
    pub(super) fn saw(&self, result: &CaseResult) {
        if result.verdict.is_bad() {
            let bad = self.bad.fetch_add(1, Ordering::Relaxed) + 1;
            let id = visible(&result.id);
            self.bar.set_message(format!("{bad} at fault, last {id}"));
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

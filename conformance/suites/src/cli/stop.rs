// SPDX-License-Identifier: MIT OR Apache-2.0
//! Signals that ask for the end of a run. While a card of somebody else is in
//! use they do not end the program at once: the exchange is finished, the card
//! is brought back, the report is written.

use super::error::BenchError;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What a shell says of a program that was ended by SIGINT.
const EXIT_INTERRUPTED: i32 = 130;

#[derive(Debug)]
struct Signals {
    /// One came.
    asked: Arc<AtomicBool>,
    /// No such card is in use, and a signal ends the program.
    idle: Arc<AtomicBool>,
}

static SIGNALS: OnceLock<Signals> = OnceLock::new();

/// From now on a signal is only noted, by setting what is returned.
pub(super) fn held() -> Result<Arc<AtomicBool>, BenchError> {
    let signals = match SIGNALS.get() {
        Some(signals) => signals,
        None => {
            let (asked, idle) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
            for signal in [SIGINT, SIGTERM, SIGHUP] {
                flag::register_conditional_shutdown(signal, EXIT_INTERRUPTED, Arc::clone(&idle))
                    .and_then(|_| flag::register(signal, Arc::clone(&asked)))
                    .map_err(BenchError::io("watch for", "signals"))?;
            }
            SIGNALS.get_or_init(|| Signals { asked, idle })
        }
    };
    signals.idle.store(false, Ordering::Relaxed);
    Ok(Arc::clone(&signals.asked))
}

/// From now on a signal ends the program again.
pub(super) fn released() {
    if let Some(signals) = SIGNALS.get() {
        signals.idle.store(true, Ordering::Relaxed);
    }
}

/// True if a signal came while it was held.
pub(super) fn is_asked() -> bool {
    let asked = |signals: &Signals| signals.asked.load(Ordering::Relaxed);
    SIGNALS.get().is_some_and(asked)
}

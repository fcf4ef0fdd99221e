// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cases on copies of a card in a thread of their own, which is left to itself
//! when a case takes too long.

use super::{Copies, judge};
use crate::catalogue::Case;
use crate::edges::Specimen;
use crate::ics::Ics;
use crate::report::{CaseResult, Exchange};
use crate::verdict::Verdict;
use iso7816_wire::CardDoor;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a card is at, so that a thread that waits for it can be asked.
type At = Arc<Mutex<Option<String>>>;

/// A card that tells what it is at.
#[derive(Clone)]
struct Watched<D> {
    card: D,
    at: At,
}

fn locked(at: &At) -> MutexGuard<'_, Option<String>> {
    at.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D> Watched<D> {
    fn does<T>(&mut self, what: String, work: impl FnOnce(&mut D) -> T) -> T {
        *locked(&self.at) = Some(what);
        let done = work(&mut self.card);
        *locked(&self.at) = None;
        done
    }
}

impl<D: CardDoor> CardDoor for Watched<D> {
    fn power_on(&mut self) -> Vec<u8> {
        self.does("power on".to_owned(), D::power_on)
    }

    fn reset(&mut self) -> Vec<u8> {
        self.does("reset".to_owned(), D::reset)
    }

    fn power_off(&mut self) {
        self.does("power off".to_owned(), D::power_off);
    }

    fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let what = hex::encode_upper(command);
        self.does(what, |card| card.transmit(command))
    }
}

/// A thread with copies of a card, and what it is at.
struct Thread {
    cases: Sender<Case>,
    results: Receiver<CaseResult>,
    at: At,
}

impl Thread {
    fn begin<D>(specimen: Specimen<D>, ics: Arc<Ics>) -> io::Result<Self>
    where
        D: CardDoor + Clone + 'static,
    {
        let (cases, asked) = channel::<Case>();
        let (told, results) = channel();
        let at = At::default();
        let specimen = specimen.behind(|card| Watched {
            card,
            at: Arc::clone(&at),
        });
        let work = move || {
            let mut subject = Copies::of(specimen);
            for case in asked {
                // Nobody listens any more if it took too long.
                if told.send(judge(&mut subject, &case, &ics)).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().spawn(work)?;
        Ok(Self { cases, results, at })
    }
}

/// Runs cases on copies of a card, one after the other, each for so long.
pub struct Hand<D> {
    specimen: Specimen<D>,
    ics: Arc<Ics>,
    thread: Option<Thread>,
}

impl<D: CardDoor + Clone + 'static> Hand<D> {
    /// With copies of this card.
    #[must_use]
    pub fn new(specimen: Specimen<D>, ics: Arc<Ics>) -> Self {
        Self {
            specimen,
            ics,
            thread: None,
        }
    }

    /// Finds out one case. If it takes longer, the thread is left to itself: the
    /// case hangs if the card owes an answer, and else it is not decided.
    pub fn judge(&mut self, case: &Case, patience: Duration) -> CaseResult {
        let thread = match self.thread.take() {
            Some(thread) => Ok(thread),
            None => Thread::begin(self.specimen.clone(), Arc::clone(&self.ics)),
        };
        let thread = match thread {
            Ok(thread) => thread,
            Err(error) => {
                let why = format!("no thread for the case: {error}");
                return CaseResult::new(case, Verdict::Inconclusive, why, Vec::new());
            }
        };
        // If the thread is gone, it says so below.
        let _ = thread.cases.send(case.clone());
        match thread.results.recv_timeout(patience) {
            Ok(result) => {
                self.thread = Some(thread);
                result
            }
            Err(RecvTimeoutError::Timeout) => hang(case, patience, &thread.at),
            Err(RecvTimeoutError::Disconnected) => {
                let why = "the thread of the case is gone".to_owned();
                CaseResult::new(case, Verdict::Inconclusive, why, Vec::new())
            }
        }
    }
}

fn hang(case: &Case, patience: Duration, at: &At) -> CaseResult {
    let seconds = patience.as_secs_f64();
    // The lock is never held while a card is at work.
    let Some(command) = locked(at).clone() else {
        let why = format!("not decided within {seconds} s, and the card always answered");
        return CaseResult::new(case, Verdict::Inconclusive, why, Vec::new());
    };
    let why = format!("no answer within {seconds} s");
    let unanswered = Exchange {
        step: 1,
        command,
        ..Exchange::default()
    };
    CaseResult::new(case, Verdict::Hang, why, vec![unanswered])
}

#[cfg(test)]
mod tests {
    use super::super::run_within;
    use super::*;
    use crate::catalogue::card_cases;
    use crate::ours;
    use cie_personalisation::FAMILIES;
    use std::num::NonZeroUsize;
    use std::time::Instant;

    /// A card that sleeps for ever when it is asked for a challenge.
    #[derive(Clone)]
    struct Sleeper(cie_card::Card);

    impl CardDoor for Sleeper {
        fn power_on(&mut self) -> Vec<u8> {
            self.0.power_on()
        }

        fn reset(&mut self) -> Vec<u8> {
            self.0.reset()
        }

        fn power_off(&mut self) {
            self.0.power_off();
        }

        fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
            while command.get(..2) == Some(&[0x00, 0x84]) {
                std::thread::park();
            }
            self.0.transmit(command)
        }
    }

    #[test]
    fn a_card_that_never_answers_hangs_and_the_others_go_on() {
        let family = &FAMILIES[0];
        let specimen = ours::specimen(family, 1).unwrap();
        let all = card_cases();
        let wanted = ["CIE_IAS_CHAL_", "CIE_IAS_ROOT_"];
        let cases: Vec<_> = all
            .into_iter()
            .filter(|case| wanted.iter().any(|unit| case.id.starts_with(unit)))
            .collect();
        let ics = ours::ics(family);
        let jobs = NonZeroUsize::new(2).unwrap();
        let honest = run_within(
            Duration::from_secs(60),
            &specimen,
            &cases,
            &ics,
            jobs,
            &|_| {},
        )
        .0;
        assert!(honest.iter().all(|r| r.verdict != Verdict::Hang));
        let begun = Instant::now();
        let sleeper = specimen.behind(Sleeper);
        let patience = Duration::from_secs(2);
        let (results, _) = run_within(patience, &sleeper, &cases, &ics, jobs, &|_| {});
        assert!(begun.elapsed() < Duration::from_secs(120));
        let hung: Vec<_> = results
            .iter()
            .filter(|r| r.verdict == Verdict::Hang)
            .collect();
        assert!(!hung.is_empty() && hung.len() < results.len());
        for (result, honest) in results.iter().zip(&honest) {
            if result.verdict == Verdict::Hang {
                assert!(result.id.contains("CHAL"), "{}", result.id);
                assert_eq!(result.reason, "no answer within 2 s");
                let [last] = result.evidence.as_slice() else {
                    panic!("{:?}", result.evidence)
                };
                assert!(last.command.starts_with("0084") && last.response.is_empty());
            } else {
                // Also those that come behind one that hung.
                assert_eq!(
                    (result.verdict, &result.reason),
                    (honest.verdict, &honest.reason)
                );
            }
        }
    }
}

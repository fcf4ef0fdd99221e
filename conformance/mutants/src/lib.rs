// SPDX-License-Identifier: MIT OR Apache-2.0
//! The bench tested: does it find what is wrong, and does it leave alone what
//! is only different?
//!
//! - [`defective`]: cards with one defect each. Every one has to be found by
//!   the cases of the catalogue alone.
//! - [`benign`]: cards that differ from this project's card in what no
//!   standard and no observation binds. None of them may fail.
//! - [`single`]: one card that `ci/mutants` has changed, judged alone.
//! - [`table`]: both as a page of the documentation.
//! - [`modules`]: the same for the cases on middleware: the reference PKCS#11
//!   module with one defect each, and as it could be as well.
//!
//! The defects are in the card's own sources, at places that are nothing in
//! any other build. Cargo unites the features of all packages that are built
//! together, so a feature of `cie-card` would reach `cie` as soon as both are
//! tests of one workspace. Packages below this one compile the same source
//! files a second time under other names instead, and nothing but this crate
//! depends on them. The module's defects are made the same way, at other places.

pub mod benign;
pub mod defective;
pub mod modules;
pub mod single;
pub mod table;

use cie_conformance::card::{Copies, judge};
use cie_conformance::catalogue::Case;
use cie_conformance::edges::Specimen;
use cie_conformance::ics::Ics;
use cie_conformance::report::CaseResult;
use cie_conformance::verdict::Verdict;
use iso7816_wire::CardDoor;

/// What the cases come to on one card, beside pass and not applicable, one
/// after the other as they are asked for.
pub fn examine<D: CardDoor + Clone>(
    specimen: Specimen<D>,
    ics: &Ics,
    cases: &[Case],
) -> impl Iterator<Item = CaseResult> {
    let mut subject = Copies::of(specimen);
    cases
        .iter()
        .map(move |case| judge(&mut subject, case, ics))
        .filter(|result| !matches!(result.verdict, Verdict::Pass | Verdict::NotApplicable))
}

/// Does the same to every item on all processors; the answers keep the order.
pub fn on_all_processors<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    at_once(threads, items, work)
}

/// Does the same to every item, so many at once; the answers keep the order.
pub fn at_once<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(item) = items.get(at) else {
                    return mine;
                };
                mine.push((at, work(item)));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .flat_map(|mine| mine.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

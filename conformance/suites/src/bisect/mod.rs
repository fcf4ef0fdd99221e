// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which cases went worse from one module to another, with which version, and
//! where the two first did something different.

mod traffic;

pub use traffic::{Compared, Difference, compare};

use crate::catalogue::Case;
use crate::report::summary::ORDER;
use crate::report::{CaseResult, Exchange};
use crate::verdict::Verdict;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

/// What a case came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, if it is no pass.
    pub reason: String,
}

/// A case that went worse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Regression {
    /// Identifier of the case.
    pub id: String,
    /// Version of the case.
    pub version: u16,
    /// Title of the case.
    pub title: String,
    /// Number of the last module that is as good as the first, from 0.
    pub last_good: usize,
    /// Number of the first module that is worse; the next one.
    pub first_bad: usize,
    /// What the case came to with the last good one.
    pub good: Told,
    /// What it came to with the first bad one.
    pub bad: Told,
    /// The first exchange that means something else; `None`: the two had the
    /// same traffic and gave other results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
    /// What the bad module was asked until then, and what it answered.
    pub calls: Vec<String>,
}

/// A case about which nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unsettled {
    /// Identifier of the case.
    pub id: String,
    /// Version of the case.
    pub version: u16,
    /// Title of the case.
    pub title: String,
    /// Number of the module with which that is so.
    pub module: usize,
    /// The verdicts of its runs.
    pub verdicts: Vec<Verdict>,
    /// The reason of its last run.
    pub reason: String,
}

/// What came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Bisection {
    /// Cases that went worse.
    pub regressions: Vec<Regression>,
    /// Cases that went worse, with more than one verdict on one module.
    pub unsteady: Vec<Unsettled>,
    /// Cases that are inconclusive or not applicable with one module, and not
    /// with another.
    pub undecided: Vec<Unsettled>,
    /// How many cases went better.
    pub better: usize,
    /// How many cases are as they were.
    pub same: usize,
}

/// Runs every case on the first and the last of so many modules, in the order
/// of their age, and looks where those turned that went worse. `judge` gives
/// the result of a case on the module of this number, with its traffic
/// whatever the verdict is. A case that went worse is run `tries` times on
/// each module that is asked.
pub fn bisect(
    modules: usize,
    cases: &[Case],
    tries: NonZeroUsize,
    judge: &mut dyn FnMut(usize, &Case) -> CaseResult,
    seen: &mut dyn FnMut(&CaseResult),
) -> Bisection {
    let mut found = Bisection::default();
    let last = modules.saturating_sub(1);
    for case in cases {
        let good = judge(0, case);
        let bad = judge(last, case);
        seen(&bad);
        let unsettled = |module, runs: &[CaseResult]| Unsettled {
            id: case.id.clone(),
            version: case.version,
            title: case.title.clone(),
            module,
            verdicts: runs.iter().map(|run| run.verdict).collect(),
            reason: runs.last().map_or_else(String::new, |r| r.reason.clone()),
        };
        match (badness(good.verdict), badness(bad.verdict)) {
            (Some(before), Some(after)) if after > before => {}
            (Some(before), Some(after)) if after < before => {
                found.better += 1;
                continue;
            }
            (Some(_), None) => {
                found.undecided.push(unsettled(last, &[bad]));
                continue;
            }
            (None, Some(_)) => {
                found.undecided.push(unsettled(0, &[good]));
                continue;
            }
            _ => {
                found.same += 1;
                continue;
            }
        }
        let mut search = Search {
            case,
            tries,
            judge,
            runs: BTreeMap::from([(0, vec![good]), (last, vec![bad])]),
        };
        match search.turn(last) {
            Ok((last_good, first_bad)) => {
                found.regressions.extend(search.told(last_good, first_bad));
            }
            Err(module) => {
                let runs = search.runs.remove(&module).unwrap_or_default();
                let what = unsettled(module, &runs);
                let verdicts: BTreeSet<_> = what.verdicts.iter().collect();
                match verdicts.len() {
                    1 => found.undecided.push(what),
                    _ => found.unsteady.push(what),
                }
            }
        }
    }
    found
}

/// How bad a verdict is; `None` if nothing was decided.
fn badness(verdict: Verdict) -> Option<usize> {
    match verdict {
        Verdict::Inconclusive | Verdict::NotApplicable => None,
        verdict => ORDER.iter().rev().position(|other| *other == verdict),
    }
}

/// The search for the module with which one case turned.
struct Search<'a> {
    case: &'a Case,
    tries: NonZeroUsize,
    judge: &'a mut dyn FnMut(usize, &Case) -> CaseResult,
    /// The runs of each module that was asked.
    runs: BTreeMap<usize, Vec<CaseResult>>,
}

impl Search<'_> {
    /// The last good and the first bad module, or one that says neither.
    fn turn(&mut self, last: usize) -> Result<(usize, usize), usize> {
        let before = self.badness(0)?;
        self.badness(last)?;
        let (mut good, mut bad) = (0, last);
        while bad - good > 1 {
            let middle = good + (bad - good) / 2;
            match self.badness(middle)? > before {
                true => bad = middle,
                false => good = middle,
            }
        }
        Ok((good, bad))
    }

    /// How bad the case is with this module, if it is that in every run.
    fn badness(&mut self, module: usize) -> Result<usize, usize> {
        let runs = self.runs.entry(module).or_default();
        while runs.len() < self.tries.get() {
            runs.push((self.judge)(module, self.case));
        }
        let mut verdicts = runs.iter().map(|run| run.verdict);
        let first = verdicts.next().ok_or(module)?;
        match badness(first) {
            Some(badness) if verdicts.all(|verdict| verdict == first) => Ok(badness),
            _ => Err(module),
        }
    }

    fn told(&self, last_good: usize, first_bad: usize) -> Option<Regression> {
        let runs = |module| self.runs.get(&module).map_or(&[][..], Vec::as_slice);
        let traffic = |module| -> Vec<Vec<Exchange>> {
            runs(module).iter().map(|r| r.evidence.clone()).collect()
        };
        let told = |module| {
            runs(module).first().map(|run| Told {
                verdict: run.verdict,
                reason: run.reason.clone(),
            })
        };
        let Compared { difference, calls } = compare(&traffic(last_good), &traffic(first_bad));
        Some(Regression {
            id: self.case.id.clone(),
            version: self.case.version,
            title: self.case.title.clone(),
            last_good,
            first_bad,
            good: told(last_good)?,
            bad: told(first_bad)?,
            difference,
            calls,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::middleware_cases;

    /// Bisects one case over modules with these verdicts, one letter for each
    /// run; the last letter stands for all runs that follow. Also gives which
    /// modules were asked.
    fn with(modules: &[&str]) -> (Bisection, BTreeSet<usize>) {
        let cases = middleware_cases();
        let mut asked = BTreeSet::new();
        let mut runs = vec![0; modules.len()];
        let mut judge = |module: usize, case: &Case| {
            asked.insert(module);
            let letters = modules[module].as_bytes();
            let letter = letters[runs[module].min(letters.len() - 1)];
            runs[module] += 1;
            let verdict = match letter {
                b'p' => Verdict::Pass,
                b'd' => Verdict::Differs,
                b'f' => Verdict::Fail,
                b'h' => Verdict::Hang,
                b'c' => Verdict::Crash,
                b'n' => Verdict::NotApplicable,
                _ => Verdict::Inconclusive,
            };
            CaseResult::new(case, verdict, format!("{module}"), Vec::new())
        };
        let three = NonZeroUsize::new(3).unwrap();
        let found = bisect(modules.len(), &cases[..1], three, &mut judge, &mut |_| ());
        (found, asked)
    }

    #[test]
    fn the_first_worse_module_is_found_wherever_it_is() {
        for count in 2..12 {
            for first in 1..count {
                let verdicts: Vec<_> = (0..count)
                    .map(|n| if n < first { "p" } else { "f" })
                    .collect();
                let (found, asked) = with(&verdicts);
                let regression = &found.regressions[0];
                assert_eq!(
                    (regression.last_good, regression.first_bad),
                    (first - 1, first)
                );
                assert_eq!(regression.bad.reason, first.to_string());
                // 2 + ⌈log2(count - 1)⌉
                let halvings = (count - 1).next_power_of_two().ilog2() as usize;
                assert!(asked.len() <= 2 + halvings, "{count} {first} {asked:?}");
            }
        }
    }

    #[test]
    fn worse_is_worse_and_nothing_else_is() {
        for (one, other) in ["pd", "pf", "ph", "pc", "df", "fc", "dc"].map(|p| p.split_at(1)) {
            assert_eq!(with(&[one, other]).0.regressions.len(), 1, "{one} {other}");
            let back = with(&[other, one]).0;
            assert_eq!(
                (back.regressions.len(), back.better),
                (0, 1),
                "{other} {one}"
            );
        }
        for (one, other) in ["pi", "pn", "fi", "if", "np"].map(|p| p.split_at(1)) {
            assert_eq!(with(&[one, other]).0.undecided.len(), 1, "{one} {other}");
        }
        for (one, other) in ["pp", "ff", "ii", "nn"].map(|p| p.split_at(1)) {
            assert_eq!(with(&[one, other]).0.same, 1, "{one} {other}");
        }
    }

    #[test]
    fn a_case_with_two_verdicts_on_one_module_is_not_bisected() {
        for (modules, unsteady) in [
            (["p", "p", "fp"], 2),
            (["ppf", "p", "f"], 0),
            (["p", "pf", "f"], 1),
        ] {
            let (found, _) = with(&modules);
            assert!(found.regressions.is_empty(), "{modules:?}");
            assert_eq!(found.unsteady[0].module, unsteady);
            assert_eq!(found.unsteady[0].verdicts.len(), 3);
        }
        let (found, _) = with(&["p", "i", "f"]);
        assert_eq!(found.undecided[0].module, 1);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Draws by proptest's strategies from the bench's seed, and makes what fails
//! as small as it gets. Nothing is kept in files: the same seed draws the same.

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// How much is drawn, and how long something may be made smaller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// So many are drawn.
    pub(crate) draws: u32,
    /// So many smaller ones are tried at most.
    pub(crate) smaller: u32,
    /// No smaller one is begun after this.
    pub(crate) time: Duration,
}

impl Limits {
    /// So many draws, and limits to the rest that only a defect meets.
    pub(crate) fn of(draws: u32) -> Self {
        Self {
            draws,
            smaller: 400,
            time: Duration::from_secs(90),
        }
    }
}

/// What one draw came to.
#[derive(Clone, Debug)]
pub(crate) enum Came<E> {
    /// As demanded.
    Right,
    /// Not as demanded: a smaller one is looked for.
    Wrong(E),
    /// Nothing can be said, or looking for a smaller one would take too long.
    /// While a smaller one is looked for, this is as good as right.
    Over(E),
}

/// A draw that came out wrong.
#[derive(Clone, Debug)]
pub(crate) struct Counterexample<T, E> {
    /// Which draw, from 1.
    pub(crate) number: u32,
    /// As it was drawn.
    pub(crate) drawn: T,
    /// The smallest that was found.
    pub(crate) smallest: T,
    /// What the smallest came to.
    pub(crate) why: E,
    /// Smaller ones that were tried.
    pub(crate) tried: u32,
}

/// The first draw that comes out wrong, made as small as it gets. `matter`
/// keeps the draws of different matters apart.
///
/// # Errors
/// [`Counterexample`]; one that is [`Came::Over`] is as it was drawn.
pub(crate) fn all_right<S: Strategy, E>(
    strategy: &S,
    (seed, matter): (u64, &str),
    limits: Limits,
    mut test: impl FnMut(&S::Value) -> Came<E>,
) -> Result<(), Box<Counterexample<S::Value, E>>>
where
    S::Value: Clone,
{
    for number in 1..=limits.draws {
        let mut runner = runner(seed, matter, number);
        // No strategy of the bench throws draws away.
        let Ok(mut tree) = strategy.new_tree(&mut runner) else {
            continue;
        };
        let drawn = tree.current();
        let mut found = match test(&drawn) {
            Came::Right => continue,
            Came::Wrong(why) => Counterexample {
                number,
                smallest: drawn.clone(),
                drawn,
                why,
                tried: 0,
            },
            Came::Over(why) => {
                return Err(Box::new(Counterexample {
                    number,
                    smallest: drawn.clone(),
                    drawn,
                    why,
                    tried: 0,
                }));
            }
        };
        let begun = Instant::now();
        let mut more = tree.simplify();
        while more && found.tried < limits.smaller && begun.elapsed() < limits.time {
            found.tried += 1;
            let smaller = tree.current();
            more = match test(&smaller) {
                Came::Wrong(why) => {
                    found.smallest = smaller;
                    found.why = why;
                    tree.simplify()
                }
                Came::Right | Came::Over(_) => tree.complicate(),
            };
        }
        return Err(Box::new(found));
    }
    Ok(())
}

/// The random source of one draw.
fn runner(seed: u64, matter: &str, number: u32) -> TestRunner {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(number.to_be_bytes());
    hash.update(matter);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &hash.finalize());
    let config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, rng)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;

    #[test]
    fn the_same_seed_draws_the_same_and_more_draws_begin_alike() {
        let draw = |seed, draws| {
            let mut all = Vec::new();
            let strategy = vec(0_u32..1000, 1..9);
            all_right::<_, ()>(&strategy, (seed, "x"), Limits::of(draws), |drawn| {
                all.push(drawn.clone());
                Came::Right
            })
            .unwrap();
            all
        };
        assert_eq!(draw(1, 20), draw(1, 20));
        assert_eq!(draw(1, 20), draw(1, 30)[..20]);
        assert_ne!(draw(1, 20), draw(2, 20));
    }

    #[test]
    fn what_is_wrong_gets_as_small_as_it_is_wrong() {
        let strategy = vec(0_u32..1000, 0..20);
        let found = all_right(&strategy, (1, "x"), Limits::of(50), |drawn| {
            match drawn.iter().filter(|n| **n >= 500).count() {
                0 | 1 => Came::Right,
                many => Came::Wrong(many),
            }
        })
        .unwrap_err();
        assert_eq!((found.smallest, found.why), (vec![500, 500], 2));
        assert!(found.drawn.len() > 2 && found.tried > 2);
    }

    #[test]
    fn what_is_over_is_not_made_smaller() {
        let mut tests = 0;
        let found = all_right(&(0..9_u8), (1, "x"), Limits::of(50), |_| {
            tests += 1;
            Came::Over("no reader")
        });
        assert_eq!((found.unwrap_err().why, tests), ("no reader", 1));
        // On the way to something smaller it is no reason to stop.
        let strategy = vec(0_u32..1000, 0..20);
        let found = all_right(&strategy, (1, "x"), Limits::of(50), |drawn| {
            match drawn.len() {
                0..5 => Came::Right,
                7 => Came::Over(7),
                many => Came::Wrong(many),
            }
        });
        assert!(found.unwrap_err().why >= 5);
    }
}

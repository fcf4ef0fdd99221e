// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole of it: sort, build, ask.

use crate::alone;
use crate::child::{Ended, Question, ask};
use crate::compile::{self, Sorted};
use crate::error::SchemataError;
use crate::list::Mutation;
use crate::result::{Fate, Row};
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// No mutation has this number: the card as it is.
pub const CONTROL: usize = usize::MAX;
/// Least processor time for one card, in seconds. An honest card needs less.
const LEAST: u64 = 30;
/// A changed card may take so many times as long as an honest one.
const TIMES: u64 = 10;

/// The I-th of N parts, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: NonZeroUsize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self {
        index: 0,
        count: NonZeroUsize::MIN,
    };

    /// This mutation is in it.
    #[must_use]
    pub fn has(self, number: usize) -> bool {
        number % self.count == self.index
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-of-{}", self.index + 1, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (index, count) = text.split_once('/')?;
            let (index, count): (usize, NonZeroUsize) = (index.parse().ok()?, count.parse().ok()?);
            let index = index.checked_sub(1)?;
            (index < count.get()).then_some(Self { index, count })
        };
        read().ok_or_else(|| format!("{text}: a shard is I/N, and I is from 1 to N"))
    }
}

/// What a campaign follows from.
pub struct Plan<'a> {
    /// The list.
    pub list: &'a [Mutation],
    /// Where everything is built.
    pub workspace: Workspace,
    /// Families of the card, in the order in which they are asked.
    pub families: &'a [String],
    /// Seed of all cards.
    pub seed: u64,
    /// Processes at a time.
    pub jobs: NonZeroUsize,
    /// Which part of the list.
    pub shard: Shard,
}

impl Plan<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// [`SchemataError`] if a result would mean nothing.
    pub fn run(&self, say: &(dyn Fn(&str) + Sync)) -> Result<Vec<Row>, SchemataError> {
        self.workspace.write()?;
        let sorted = compile::settle(&self.workspace, self.list, say)?;
        say("building the judge");
        let judge = compile::build(&self.workspace, "all")?;
        let seconds = self.control(&judge, say)?;
        let mut rows = BTreeMap::new();
        for mutation in self.mine(|number| sorted.not_shipped.contains(&number)) {
            rows.insert(mutation.number, row(mutation, false, Fate::NotShipped));
        }
        let switched: Vec<_> = self
            .mine(|number| sorted.switched.contains(&number))
            .collect();
        for row in self.all(&judge, &switched, seconds, say)? {
            rows.insert(row.number, row);
        }
        for row in self.alone(&sorted, seconds, say)? {
            rows.insert(row.number, row);
        }
        Ok(rows.into_values().collect())
    }

    fn mine(&self, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = &Mutation> {
        let of_shard = |mutation: &&Mutation| self.shard.has(mutation.number);
        let mutations = self.list.iter().filter(of_shard);
        mutations.filter(move |mutation| wanted(mutation.number))
    }

    /// The card without mutation is clean in every family. Answers the limit
    /// of processor time that follows from how long it takes.
    fn control(&self, judge: &Path, say: &dyn Fn(&str)) -> Result<u64, SchemataError> {
        let mut slowest = 0;
        for family in self.families {
            let begun = Instant::now();
            let found = ask(&Question {
                judge,
                number: CONTROL,
                family,
                seed: self.seed,
                seconds: LEAST * TIMES,
            })?;
            let clean = Ended::Survived {
                undecided: Vec::new(),
            };
            if found != clean {
                let found = found.to_string();
                return Err(SchemataError::Control { found });
            }
            slowest = slowest.max(begun.elapsed().as_secs() + 1);
        }
        let seconds = LEAST.max(slowest * TIMES);
        say(&format!(
            "the card as it is: clean in {slowest} s, the limit is {seconds} s"
        ));
        Ok(seconds)
    }

    /// Asks about all of these, several at a time.
    fn all(
        &self,
        judge: &Path,
        mutations: &[&Mutation],
        seconds: u64,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Vec<Row>, SchemataError> {
        let next = AtomicUsize::new(0);
        let rows = Mutex::new(Vec::new());
        let worker = || -> Result<(), SchemataError> {
            while let Some(mutation) = mutations.get(next.fetch_add(1, Ordering::Relaxed)) {
                let fate = self.fate(judge, mutation.number, seconds);
                if fate.is_err() {
                    // The others need not go on.
                    next.store(mutations.len(), Ordering::Relaxed);
                }
                let row = row(mutation, false, fate?);
                let mut rows = rows
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                rows.push(row);
                tell(&rows, mutations.len(), say);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.jobs.get()).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().try_for_each(|worker| {
                let ended = worker.join();
                ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            })
        })?;
        Ok(rows
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn alone(
        &self,
        sorted: &Sorted,
        seconds: u64,
        say: &dyn Fn(&str),
    ) -> Result<Vec<Row>, SchemataError> {
        let left: Vec<_> = self.mine(|number| sorted.left.contains(&number)).collect();
        let mut rows = Vec::new();
        for mutation in &left {
            let done = rows.len() + 1;
            say(&format!("alone {done}/{}: {}", left.len(), mutation.name));
            let fate = match alone::build(&self.workspace, mutation)? {
                Some(judge) => self.fate(&judge, mutation.number, seconds)?,
                None => Fate::DoesNotCompile,
            };
            rows.push(row(mutation, true, fate));
        }
        Ok(rows)
    }

    fn fate(&self, judge: &Path, number: usize, seconds: u64) -> Result<Fate, SchemataError> {
        let mut unclear = Vec::new();
        for name in self.families {
            let family = name.clone();
            let question = Question {
                judge,
                number,
                family: name,
                seed: self.seed,
                seconds,
            };
            match ask(&question)? {
                Ended::Killed { case, verdict } => {
                    return Ok(Fate::Killed {
                        family,
                        case,
                        verdict,
                    });
                }
                Ended::Crash(how) => return Ok(Fate::Crash { family, how }),
                Ended::Hang => return Ok(Fate::Hang { family }),
                Ended::Survived { undecided } => unclear.extend(undecided),
            }
        }
        Ok(Fate::Survived { undecided: unclear })
    }
}

fn row(mutation: &Mutation, alone: bool, fate: Fate) -> Row {
    Row {
        number: mutation.number,
        file: mutation.file.clone(),
        line: mutation.span.start.line,
        key: mutation.key.clone(),
        alone,
        fate,
    }
}

fn tell(rows: &[Row], all: usize, say: &dyn Fn(&str)) {
    let killed = rows.iter().filter(|row| row.fate.is_killed()).count();
    let done = rows.len();
    if let Some(last) = rows.last()
        && !last.fate.is_killed()
    {
        say(&format!("{done}/{all} survived: {}", last.key));
    }
    if done.is_multiple_of(20) || done == all {
        say(&format!("{done}/{all} tried, {killed} killed"));
    }
}

/// The checkout that this program was built from.
#[must_use]
pub fn checkout() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(3).unwrap_or(here).to_owned()
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a sequence that fails as short as it gets.

use super::op::{Cut, Op};
use super::property::Begin;
use super::run::{Begins, Drawn, Failure, Fault, caught};
use super::tally::Tally;
use super::watch::Watch;
use iso7816_wire::CardDoor;
use std::sync::Arc;

/// The most sequences that are tried to shrink one.
const SHRINK_MAX: usize = 3000;

impl<D: CardDoor + Clone> Begins<D> {
    /// Plays a sequence, asking for the state after every action; the number
    /// of actions up to the fault.
    fn fails(&self, begin: Begin, ops: &[Op], watch: &Arc<Watch>) -> Option<(usize, Fault)> {
        watch.begin(None);
        let mut desk = self.desk(begin, watch)?;
        let mut unused = Tally::default();
        for (at, op) in ops.iter().enumerate() {
            let played = caught(|| {
                desk.perform(op, &mut unused)?;
                desk.observe()
            });
            if let Err(fault) = played {
                return Some((at + 1, fault));
            }
        }
        None
    }

    /// Leaves out and simplifies actions as long as the sequence still fails.
    pub(super) fn shrunk(&self, number: u64, drawn: Drawn, watch: &Arc<Watch>) -> Failure {
        let Drawn {
            begin,
            mut ops,
            fault,
        } = drawn;
        let mut fault = fault;
        let mut begin = begin;
        let mut budget = SHRINK_MAX;
        let mut attempt = |begin: Begin, ops: &[Op], fault: &mut Fault| -> Option<Vec<Op>> {
            budget = budget.checked_sub(1)?;
            let (at, found) = self.fails(begin, ops, watch)?;
            *fault = found;
            ops.get(..at).map(<[Op]>::to_vec)
        };
        if let Some(shorter) = attempt(begin, &ops, &mut fault) {
            ops = shorter;
        }
        let mut changed = true;
        while changed {
            changed = false;
            // Large parts first.
            let mut size = ops.len().div_ceil(2).max(1);
            loop {
                let mut at = 0;
                while at < ops.len() {
                    let mut less = ops.clone();
                    less.drain(at..(at + size).min(ops.len()));
                    match attempt(begin, &less, &mut fault) {
                        Some(shorter) => {
                            ops = shorter;
                            changed = true;
                        }
                        None => at += size,
                    }
                }
                if size == 1 {
                    break;
                }
                size = size.div_ceil(2);
            }
            for at in 0..ops.len() {
                for simple in ops.get(at).map(simpler).unwrap_or_default() {
                    let mut other = ops.clone();
                    if let Some(op) = other.get_mut(at) {
                        *op = simple;
                    }
                    if let Some(shorter) = attempt(begin, &other, &mut fault) {
                        ops = shorter;
                        changed = true;
                        break;
                    }
                }
            }
            for earlier in Begin::ALL
                .into_iter()
                .take_while(|earlier| *earlier < begin)
            {
                if let Some(shorter) = attempt(earlier, &ops, &mut fault) {
                    ops = shorter;
                    begin = earlier;
                    changed = true;
                    break;
                }
            }
            // A later state that makes more actions needless.
            let later = Begin::ALL.into_iter().filter(|later| *later > begin);
            let found = later.into_iter().find_map(|later| {
                (1..ops.len()).rev().find_map(|from| {
                    let shorter = attempt(later, ops.get(from..)?, &mut fault)?;
                    Some((later, shorter))
                })
            });
            if let Some((later, shorter)) = found {
                begin = later;
                ops = shorter;
                changed = true;
            }
        }
        self.played(number, begin, ops, fault, watch)
    }

    /// The shortest sequence once more, with its record.
    fn played(
        &self,
        number: u64,
        begin: Begin,
        ops: Vec<Op>,
        fault: Fault,
        watch: &Arc<Watch>,
    ) -> Failure {
        watch.begin(None);
        let mut exchanges = Vec::new();
        let mut commands = 0;
        if let Some(mut desk) = self.desk(begin, watch) {
            desk.begin();
            desk.keep_record();
            let mut unused = Tally::default();
            for op in &ops {
                let played = caught(|| {
                    desk.perform(op, &mut unused)?;
                    desk.observe()
                });
                if played.is_err() {
                    break;
                }
            }
            commands = desk.commands;
            exchanges = desk.take_record();
        }
        Failure {
            number,
            begin,
            ops,
            commands,
            fault,
            exchanges,
            as_drawn: false,
        }
    }
}

/// Simpler actions that could stand for this one.
fn simpler(op: &Op) -> Vec<Op> {
    let mut all = Vec::new();
    match op {
        Op::Command { fetch, cut, .. } => {
            if !fetch {
                let mut other = op.clone();
                if let Op::Command { fetch, .. } = &mut other {
                    *fetch = true;
                }
                all.push(other);
            }
            if *cut != Cut::Whole {
                let mut other = op.clone();
                if let Op::Command { cut, .. } = &mut other {
                    *cut = Cut::Whole;
                }
                all.push(other);
            }
        }
        Op::PowerOn | Op::PowerOff => all.push(Op::Reset),
        _ => {}
    }
    all
}

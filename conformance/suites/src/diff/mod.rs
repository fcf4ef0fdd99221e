// SPDX-License-Identifier: MIT OR Apache-2.0
//! The same stream of commands to two cards, and where they part first.
//!
//! A [`Stream`] is a state to start from and actions in the notation of
//! [`script`](crate::edges::script), without expected answers. Each card gets
//! them in a session of its own, so the plain commands are the same and the
//! bytes on the wire are not.

mod streams;

pub use streams::{catalogue, random};

use crate::card::{in_full, withhold};
use crate::edges::expect::Seen;
use crate::edges::{Bench, Link, Reason, Single, Start, Trouble};
use crate::report::Exchange;
use iso7816_wire::CardDoor;

/// What is sent to both cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Where it comes from: a case, or a number.
    pub name: String,
    /// The state in which both begin.
    pub start: Start,
    /// What is done, step by step.
    pub actions: Vec<String>,
}

/// What came of a stream on one card.
#[derive(Debug, Default)]
pub struct Played {
    /// What came back, step by step; shorter than the stream if it stopped.
    pub seen: Vec<Seen>,
    /// Everything that went over the wire.
    pub exchanges: Vec<Exchange>,
    /// Why it stopped, if it did.
    pub stopped: Option<String>,
    /// It stopped because that is not done to this card, or cannot be carried
    /// to it.
    pub refused: bool,
}

/// A card to which streams are sent.
pub trait Player {
    /// Sends a stream from its state on.
    fn play(&mut self, stream: &Stream) -> Played;

    /// True if this card may suffer nothing.
    fn is_protected(&self) -> bool;
}

impl<D: CardDoor + Clone> Player for Bench<D> {
    fn play(&mut self, stream: &Stream) -> Played {
        let mut played = Played::default();
        let seen = &mut played.seen;
        let done = self.stream(stream.start, &stream.actions, |_, step| {
            seen.push(step.clone());
        });
        played.take(done, in_full);
        played
    }

    fn is_protected(&self) -> bool {
        false
    }
}

impl<D: Link> Player for Single<D> {
    fn play(&mut self, stream: &Stream) -> Played {
        let mut played = Played::default();
        let seen = &mut played.seen;
        let done = self.stream(stream.start, &stream.actions, |_, step| {
            seen.push(step.clone());
        });
        let withheld = Single::is_protected(self);
        played.take(done, if withheld { withhold::shown } else { in_full });
        played
    }

    fn is_protected(&self) -> bool {
        Single::is_protected(self)
    }
}

impl Played {
    fn take(
        &mut self,
        done: (Vec<crate::edges::Exchange>, Option<Reason>),
        shown: impl Fn(&crate::edges::Exchange) -> Exchange,
    ) {
        let (exchanges, reason) = done;
        self.exchanges = exchanges.iter().map(shown).collect();
        self.refused = matches!(
            reason,
            Some(Reason::Refused(_) | Reason::Trouble(Trouble::NotCarried(_)))
        );
        self.stopped = reason.map(|reason| reason.to_string());
    }
}

/// How closely answers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closeness {
    /// Status words, protection and lengths. Two cards of different holders
    /// are alike in it.
    Shape,
    /// Every byte, but for what is random by its nature.
    Bytes,
}

/// Where two cards part.
#[derive(Debug)]
pub struct Divergence {
    /// The stream.
    pub stream: Stream,
    /// The step, from 1.
    pub step: usize,
    /// What each card answered, in words fit for a report.
    pub answers: [String; 2],
    /// What went over the wire at that step, for each card.
    pub exchanges: [Vec<Exchange>; 2],
}

/// What came of one stream.
#[derive(Debug)]
pub enum Compared {
    /// All answers are alike.
    Alike,
    /// A step of it is not done to a card that is protected, or cannot be
    /// carried to it; what came before is alike.
    LeftOut(String),
    /// It could not be sent to both to its end.
    Stopped(String),
    /// They part.
    Parted(Box<Divergence>),
}

/// Sends a stream to both cards.
pub fn compare(cards: [&mut dyn Player; 2], stream: &Stream, closeness: Closeness) -> Compared {
    let [a, b] = cards;
    let withheld = [a.is_protected(), b.is_protected()];
    let (one, other) = (a.play(stream), b.play(stream));
    let action = |index: usize| stream.actions.get(index).map_or("", String::as_str);
    let parted = one
        .seen
        .iter()
        .zip(&other.seen)
        .enumerate()
        .find(|(index, (x, y))| !is_alike(x, y, action(*index), closeness));
    let Some((index, (x, y))) = parted else {
        return match one.stopped.clone().or(other.stopped.clone()) {
            Some(why) if one.refused || other.refused => Compared::LeftOut(why),
            Some(why) => Compared::Stopped(why),
            None => Compared::Alike,
        };
    };
    let words = |seen: &Seen, withheld: bool| {
        if withheld {
            seen.in_words_without_data()
        } else {
            seen.in_words()
        }
    };
    let of_step = |played: Played| {
        let all = played.exchanges.into_iter();
        all.filter(|exchange| exchange.step == index + 1).collect()
    };
    Compared::Parted(Box::new(Divergence {
        stream: stream.clone(),
        step: index + 1,
        answers: [words(x, withheld[0]), words(y, withheld[1])],
        exchanges: [of_step(one), of_step(other)],
    }))
}

/// Answers that are random by their nature.
fn is_random(action: &str) -> bool {
    ["CHALLENGE", "0084", "CARD-SHARE", "card proof"]
        .iter()
        .any(|word| action.contains(word))
}

fn is_alike(one: &Seen, other: &Seen, action: &str, closeness: Closeness) -> bool {
    match (one, other) {
        (
            Seen::Answer {
                data: a,
                sw: x,
                protected: p,
            },
            Seen::Answer {
                data: b,
                sw: y,
                protected: q,
            },
        ) => {
            let same = match closeness {
                Closeness::Bytes if !is_random(action) => a == b,
                _ => a.len() == b.len(),
            };
            same && x == y && p == q
        }
        (Seen::Atr(a), Seen::Atr(b)) => closeness == Closeness::Shape || a == b,
        (Seen::Broken(_), Seen::Broken(_)) => true,
        _ => one == other,
    }
}

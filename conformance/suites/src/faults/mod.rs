// SPDX-License-Identifier: MIT OR Apache-2.0
//! A card that misbehaves on purpose, by a script that can be drawn from a seed
//! and made shorter.
//!
//! A [`Fault`] is one [`Lie`] at one answer. There are two places for it:
//! `inside`, on the plain answer of the command handler before it is wrapped,
//! so that secure messaging is valid and its content is not; and `outside`,
//! on the bytes that leave the card, where MACs, chained answers and lengths
//! can be broken. Contents of files and of plain answers are changed by
//! `edit`, at any depth of their data objects.

pub(crate) mod edit;
mod tree;

use chacha20::ChaCha8Rng;
use cie_card::ResponseHook;
use iso7816_wire::{ResponseApdu, StatusWord};
use rand_core::{Rng, SeedableRng};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is done to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lie {
    /// The data is gone, and this is the status word.
    Status(u16),
    /// The data stays, and this is the status word.
    OtherStatus(u16),
    /// The data is gone, and the status word stays.
    NoData,
    /// Half of the data is gone.
    Half,
    /// One byte of data is left.
    OneByte,
    /// So many bytes come behind the data.
    Longer(usize),
    /// The answer before, again.
    Repeat,
    /// The first byte of data is another: in most answers a tag.
    Tag,
    /// The second byte of data is FF: in most answers a length.
    Length,
    /// The data begins with a tag and a length of 4 GiB.
    HugeLength,
    /// The data begins with a tag and a length without end.
    EndlessLength,
    /// The last byte of data is another: in secure messaging a byte of the MAC.
    LastByte,
    /// All bytes of data are this.
    Fill(u8),
    /// Nothing comes back, not even a status word.
    Silence,
    /// One byte comes back.
    Stump,
    /// The answer takes so many milliseconds more.
    Late(u64),
}

impl Lie {
    /// Every lie for the plain answer.
    pub const INSIDE: [Self; 15] = [
        Self::Status(0x6F00),
        Self::Status(0x6982),
        Self::Status(0x6A82),
        Self::Status(0x9000),
        Self::OtherStatus(0x6282),
        Self::NoData,
        Self::Half,
        Self::OneByte,
        Self::Longer(40),
        Self::Repeat,
        Self::Tag,
        Self::Length,
        Self::HugeLength,
        Self::Fill(0x00),
        Self::Fill(0xFF),
    ];

    /// Every lie for the bytes that leave the card.
    pub const OUTSIDE: [Self; 17] = [
        Self::Status(0x6F00),
        Self::Status(0x6988),
        Self::Status(0x9000),
        Self::OtherStatus(0x61FF),
        Self::OtherStatus(0x6100),
        Self::OtherStatus(0x6C00),
        Self::Half,
        Self::OneByte,
        Self::Longer(300),
        Self::Longer(60_000),
        Self::Repeat,
        Self::Tag,
        Self::Length,
        Self::EndlessLength,
        Self::LastByte,
        Self::Stump,
        Self::Late(400),
    ];

    fn tell(self, answer: &ResponseApdu, before: &ResponseApdu) -> Vec<u8> {
        let mut changed = answer.clone();
        let data = &mut changed.data;
        match self {
            Self::Status(sw) => changed = ResponseApdu::status(StatusWord(sw)),
            Self::OtherStatus(sw) => changed.sw = StatusWord(sw),
            Self::NoData => data.clear(),
            Self::Half => data.truncate(data.len() / 2),
            Self::OneByte => data.truncate(1),
            Self::Longer(by) => data.resize(data.len().saturating_add(by), 0xA5),
            Self::Repeat => changed = before.clone(),
            Self::Tag => {
                if let Some(tag) = data.first_mut() {
                    *tag ^= 0xFF;
                }
            }
            Self::Length => {
                if let Some(length) = data.get_mut(1) {
                    *length = 0xFF;
                }
            }
            Self::HugeLength | Self::EndlessLength => {
                let tag = data.first().copied().unwrap_or(0x30);
                let length: &[u8] = match self {
                    Self::HugeLength => &[0x84, 0xFF, 0xFF, 0xFF, 0xFF],
                    _ => &[0x80],
                };
                let rest: Vec<u8> = data.iter().skip(2).copied().collect();
                *data = [&[tag], length, &rest].concat();
            }
            Self::LastByte => {
                if let Some(last) = data.last_mut() {
                    *last ^= 0x01;
                }
            }
            Self::Fill(byte) => data.fill(byte),
            Self::Silence => return Vec::new(),
            Self::Stump => return vec![0x90],
            Self::Late(millis) => std::thread::sleep(Duration::from_millis(millis)),
        }
        changed.encode()
    }
}

impl fmt::Display for Lie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(sw) => write!(f, "status word {sw:04X} and no data"),
            Self::OtherStatus(sw) => write!(f, "status word {sw:04X} with the data"),
            Self::NoData => f.write_str("no data"),
            Self::Half => f.write_str("half of the data"),
            Self::OneByte => f.write_str("one byte of data"),
            Self::Longer(by) => write!(f, "{by} bytes too many"),
            Self::Repeat => f.write_str("the answer before, again"),
            Self::Tag => f.write_str("another first byte"),
            Self::Length => f.write_str("FF as the second byte"),
            Self::HugeLength => f.write_str("a length of 4 GiB"),
            Self::EndlessLength => f.write_str("a length without end"),
            Self::LastByte => f.write_str("another last byte"),
            Self::Fill(byte) => write!(f, "{byte:02X} in every place"),
            Self::Silence => f.write_str("no answer"),
            Self::Stump => f.write_str("an answer of one byte"),
            Self::Late(millis) => write!(f, "{millis} ms late"),
        }
    }
}

/// A lie at one answer, or from it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Number of the answer, from 1.
    pub at: usize,
    /// At all later answers as well.
    pub ever_after: bool,
    /// The lie.
    pub lie: Lie,
}

impl Fault {
    fn is_for(&self, number: usize) -> bool {
        self.at == number || self.ever_after && self.at <= number
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = if self.ever_after { " on" } else { "" };
        write!(f, "from answer {}{on}: {}", self.at, self.lie)
    }
}

/// Faults of one card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(pub Vec<Fault>);

impl Script {
    /// One fault.
    #[must_use]
    pub fn one(at: usize, lie: Lie) -> Self {
        Self(vec![Fault {
            at,
            ever_after: false,
            lie,
        }])
    }

    /// One to four of these lies among so many answers, the same for the same
    /// seed.
    #[must_use]
    pub fn drawn(seed: u64, answers: usize, lies: &[Lie]) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |below: usize| {
            let below = u64::try_from(below.max(1)).unwrap_or(1);
            usize::try_from(random.next_u64() % below).unwrap_or(0)
        };
        let count = 1 + draw(4);
        let faults = (0..count).filter_map(|_| {
            Some(Fault {
                at: 1 + draw(answers),
                ever_after: draw(5) == 0,
                lie: lies.get(draw(lies.len())).copied()?,
            })
        });
        Self(faults.collect())
    }

    /// The shortest script that still fails, found by leaving out faults and
    /// by making those that go on for ever happen once.
    pub fn shortest(mut self, mut fails: impl FnMut(&Self) -> bool) -> Self {
        let mut at = self.0.len();
        while at > 0 {
            at -= 1;
            let mut shorter = self.clone();
            shorter.0.remove(at);
            if !shorter.0.is_empty() && fails(&shorter) {
                self = shorter;
                continue;
            }
            let mut once = self.clone();
            let ever = once
                .0
                .get_mut(at)
                .is_some_and(|fault| std::mem::replace(&mut fault.ever_after, false));
            if ever && fails(&once) {
                self = once;
            }
        }
        self
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&faults.join("; "))
    }
}

/// Counts answers and tells lies when it is armed.
#[derive(Clone, Default)]
pub struct Liar(Arc<Armed>);

#[derive(Default)]
struct Armed {
    count: AtomicUsize,
    script: Mutex<Script>,
    before: Mutex<Option<ResponseApdu>>,
}

impl Liar {
    /// Counts from 1 again, with this script.
    pub fn arm(&self, script: Script) {
        *self.script() = script;
        self.0.count.store(0, Ordering::SeqCst);
    }

    /// Answers since it was armed.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, Script> {
        let script = &self.0.script;
        script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, answer: &ResponseApdu) -> Option<Vec<u8>> {
        let number = self.0.count.fetch_add(1, Ordering::SeqCst) + 1;
        let script = self.script();
        let lie = script.0.iter().find(|fault| fault.is_for(number));
        let lie = lie.map(|fault| fault.lie);
        drop(script);
        let mut before = self.0.before.lock().unwrap_or_else(PoisonError::into_inner);
        let last = before.replace(answer.clone());
        let last = last.unwrap_or_else(|| ResponseApdu::status(StatusWord::OK));
        drop(before);
        lie.map(|lie| lie.tell(answer, &last))
    }

    /// For [`cie_card::Card::with_response_hook`]: the plain answer, before it
    /// is wrapped.
    #[must_use]
    pub fn inside(&self) -> ResponseHook {
        let liar = self.clone();
        Arc::new(move |_, answer| {
            let told = liar.tell(&answer);
            told.and_then(|bytes| ResponseApdu::parse(&bytes).ok())
                .unwrap_or(answer)
        })
    }

    /// The bytes that leave the card.
    #[must_use]
    pub fn outside(&self, answer: Vec<u8>) -> Vec<u8> {
        match ResponseApdu::parse(&answer) {
            Ok(parsed) => self.tell(&parsed).unwrap_or(answer),
            Err(_) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lie_is_told_where_the_script_says() {
        let liar = Liar::default();
        let answer = vec![0x30, 0x02, 0x01, 0x02, 0x90, 0x00];
        for lie in Lie::INSIDE.into_iter().chain(Lie::OUTSIDE) {
            liar.arm(Script::one(2, lie));
            assert_eq!(liar.outside(answer.clone()), answer, "{lie}");
            let told = liar.outside(answer.clone());
            let same = matches!(lie, Lie::Repeat | Lie::Late(_));
            assert_eq!(told == answer, same, "{lie}");
            assert_eq!(liar.outside(answer.clone()), answer, "{lie}");
            assert_eq!(liar.answers(), 3);
        }
        let hook = {
            liar.arm(Script::one(1, Lie::Fill(0xFF)));
            liar.inside()
        };
        let command = iso7816_wire::CommandApdu::new(0, 0xB0, 0, 0);
        let told = hook(&command, ResponseApdu::ok([1, 2]));
        assert_eq!(told, ResponseApdu::ok([0xFF, 0xFF]));
    }

    #[test]
    fn scripts_are_the_same_for_the_same_seed_and_get_shorter() {
        let one = Script::drawn(7, 50, &Lie::OUTSIDE);
        assert_eq!(one, Script::drawn(7, 50, &Lie::OUTSIDE));
        let differ = (0..20).filter(|seed| Script::drawn(*seed, 50, &Lie::OUTSIDE) != one);
        assert!(differ.count() > 15);
        assert!((0..200).all(|seed| {
            let script = Script::drawn(seed, 9, &Lie::INSIDE);
            (1..=4).contains(&script.0.len()) && script.0.iter().all(|f| (1..=9).contains(&f.at))
        }));
        let guilty = |fault: &Fault| fault.lie == Lie::Half;
        let long = Script(
            [Lie::Tag, Lie::Half, Lie::Length]
                .into_iter()
                .map(|lie| Fault {
                    at: 3,
                    ever_after: true,
                    lie,
                })
                .collect(),
        );
        let short = long.shortest(|script| script.0.iter().any(guilty));
        assert_eq!(short, Script::one(3, Lie::Half));
    }
}

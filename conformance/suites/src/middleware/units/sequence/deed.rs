// SPDX-License-Identifier: MIT OR Apache-2.0
//! What happens in a sequence, and how it is drawn. What is simpler stands
//! first, because a sequence that fails is made simpler from there.

use crate::ics::{Feature, Middleware};
use proptest::collection::vec;
use proptest::sample::subsequence;
use proptest::strategy::{BoxedStrategy, Just, Strategy, Union};
use std::fmt;

/// Deeds or phrases of one sequence at most.
const LONGEST: usize = 10;

/// What somebody types who is asked for a code that the card has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Right,
    Wrong,
    Short,
    Long,
    Letters,
}

impl Typed {
    /// It can be a code.
    pub(super) fn can_be(self) -> bool {
        matches!(self, Self::Right | Self::Wrong)
    }

    fn word(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Short => "short",
            Self::Long => "long",
            Self::Letters => "lettered",
        }
    }
}

/// What somebody types as a new PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum New {
    /// One that the card can have, and does not have now.
    Good,
    Short,
    Long,
    Letters,
}

impl New {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "another PIN",
            Self::Short => "a short PIN",
            Self::Long => "a long PIN",
            Self::Letters => "a lettered PIN",
        }
    }
}

/// Something that a citizen or the world does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Login(Typed),
    Logout,
    Sign,
    NewSession,
    OutAndIn,
    Change(Typed, New),
    Puk(Typed),
    NewPinByPuk(New),
    ChangeByFunction(Typed, New),
    UnblockByFunction(Typed, New),
}

impl Deed {
    /// It happens in a process of its own.
    pub(super) fn is_apart(self) -> bool {
        matches!(
            self,
            Self::ChangeByFunction(..) | Self::UnblockByFunction(..)
        )
    }

    /// A module of this kind can be asked for it.
    fn is_for(self, module: &Middleware) -> bool {
        match self {
            Self::Change(..) => module.has(Feature::SetPin),
            Self::Puk(_) | Self::NewPinByPuk(_) => module.has(Feature::InitPin),
            Self::ChangeByFunction(..) => module.has(Feature::ChangePin),
            Self::UnblockByFunction(..) => module.has(Feature::Unblock),
            _ => true,
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(code) => write!(f, "{} PIN", code.word()),
            Self::Logout => f.write_str("logout"),
            Self::Sign => f.write_str("signature"),
            Self::NewSession => f.write_str("new session"),
            Self::OutAndIn => f.write_str("card out and in"),
            Self::Change(old, new) => {
                write!(f, "C_SetPIN, {} PIN to {}", old.word(), new.word())
            }
            Self::Puk(code) => write!(f, "{} PUK", code.word()),
            Self::NewPinByPuk(new) => write!(f, "C_InitPIN to {}", new.word()),
            Self::ChangeByFunction(old, new) => {
                write!(f, "CambioPIN, {} PIN to {}", old.word(), new.word())
            }
            Self::UnblockByFunction(puk, new) => {
                write!(f, "SbloccoPIN, {} PUK to {}", puk.word(), new.word())
            }
        }
    }
}

/// A deed, and in which of two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) second: bool,
    pub(super) deed: Deed,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.second { "second process: " } else { "" };
        write!(f, "{place}{}", self.deed)
    }
}

/// Tries that a card comes with, and what happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    pub(super) pin_tries: u8,
    pub(super) puk_tries: u8,
    pub(super) steps: Vec<Step>,
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (self.pin_tries, self.puk_tries) != (3, 10) {
            let (pin, puk) = (self.pin_tries, self.puk_tries);
            write!(f, "a card with {pin} PIN and {puk} PUK tries; ")?;
        }
        for (number, step) in (1..).zip(&self.steps) {
            let comma = if number == 1 { "" } else { "; " };
            write!(f, "{comma}{number}. {step}")?;
        }
        Ok(())
    }
}

/// What the sequences of a case have in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mix {
    /// Codes that cannot be codes.
    pub(super) malformed: bool,
    /// How often a code is the right one. It is the wrong one as often as four.
    pub(super) right: u32,
    /// How often the PIN is changed.
    pub(super) changes: u32,
    /// How often somebody logs out. A login is as often as eight.
    pub(super) logouts: u32,
    /// How often somebody signs.
    pub(super) signatures: u32,
    /// How often the PUK is used.
    pub(super) puks: u32,
    /// Two processes.
    pub(super) second: bool,
    /// Deeds that say something together, all or some of them.
    pub(super) phrases: &'static [&'static [Deed]],
}

fn any_of<T: Clone + fmt::Debug + 'static>(all: &[(u32, T)]) -> Union<Just<T>> {
    Union::new_weighted(all.iter().map(|(w, it)| (*w, Just(it.clone()))).collect())
}

impl Mix {
    fn typed(self) -> Union<Just<Typed>> {
        let mut all = vec![(self.right, Typed::Right), (4, Typed::Wrong)];
        if self.malformed {
            all.extend([(1, Typed::Short), (1, Typed::Long), (1, Typed::Letters)]);
        }
        any_of(&all)
    }

    fn wanted(self) -> Union<Just<New>> {
        let mut all = vec![(6, New::Good)];
        if self.malformed {
            all.extend([(1, New::Short), (1, New::Long), (1, New::Letters)]);
        }
        any_of(&all)
    }

    /// What the module can be asked for.
    fn deed(self, module: &Middleware) -> BoxedStrategy<Deed> {
        let typed = || self.typed();
        let both = || (self.typed(), self.wanted());
        let mut all = vec![
            (8, typed().prop_map(Deed::Login).boxed()),
            (self.logouts, Just(Deed::Logout).boxed()),
            (self.signatures, Just(Deed::Sign).boxed()),
            (1, Just(Deed::NewSession).boxed()),
            (1, Just(Deed::OutAndIn).boxed()),
        ];
        if module.has(Feature::SetPin) {
            let change = both().prop_map(|(old, new)| Deed::Change(old, new));
            all.push((self.changes, change.boxed()));
        }
        if module.has(Feature::InitPin) {
            all.push((self.puks, typed().prop_map(Deed::Puk).boxed()));
            let new = self.wanted().prop_map(Deed::NewPinByPuk);
            all.push((self.puks, new.boxed()));
        }
        if module.has(Feature::ChangePin) {
            let change = both().prop_map(|(old, new)| Deed::ChangeByFunction(old, new));
            all.push((self.changes, change.boxed()));
        }
        if module.has(Feature::Unblock) {
            let unblock = both().prop_map(|(puk, new)| Deed::UnblockByFunction(puk, new));
            all.push((self.puks, unblock.boxed()));
        }
        all.retain(|(weight, _)| *weight > 0);
        Union::new_weighted(all).boxed()
    }

    /// Sequences with all this.
    pub(super) fn sequences(self, module: &Middleware) -> impl Strategy<Value = Sequence> + use<> {
        let second = match self.second {
            true => any_of(&[(4, false), (1, true)]),
            false => any_of(&[(1, false)]),
        };
        let single = self.deed(module).prop_map(|deed| vec![deed]).boxed();
        let phrases = self.phrases.iter().copied();
        let phrases = phrases.filter(|phrase| phrase.iter().all(|deed| deed.is_for(module)));
        let mut all = vec![(6, single)];
        all.extend(phrases.map(|phrase| {
            let some = subsequence(phrase.to_vec(), 1..=phrase.len());
            let whole = Union::new_weighted(vec![(1, some.boxed()), (2, whole(phrase))]);
            (2, whole.boxed())
        }));
        let steps = (second, Union::new_weighted(all)).prop_map(|(second, deeds)| {
            let steps = deeds.into_iter().map(|deed| Step { second, deed });
            steps.collect::<Vec<_>>()
        });
        let pin = any_of(&[(6, 3), (1, 2), (2, 1), (1, 0)]);
        // Ten wrong ones in a row would make a sequence too long.
        let puk = any_of(&[(7, 10), (1, 2), (1, 1)]);
        let all = (pin, puk, vec(steps, 1..=LONGEST));
        all.prop_map(|(pin_tries, puk_tries, steps)| Sequence {
            pin_tries,
            puk_tries,
            steps: steps.concat(),
        })
    }
}

/// All deeds of a phrase; what fails is tried without each.
fn whole(phrase: &'static [Deed]) -> BoxedStrategy<Vec<Deed>> {
    subsequence(phrase.to_vec(), phrase.len()).boxed()
}

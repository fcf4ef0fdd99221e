// SPDX-License-Identifier: MIT OR Apache-2.0
//! Draws the next actions, by what a property is about and by the state that
//! the model is in.

use super::actions::{
    DOMAIN, SET_83, chains, codes, cut_as, device, files, keys, objects, responses, signature,
    signatures, strange, unfetched,
};
use super::desk::{CIE, IAS};
use super::op::{Cut, FORGERIES, HARMLESS, How, Op, command};
use super::state::{Messaging, Model};
use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

/// A source of choices.
pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    /// The choices of one sequence.
    pub(super) fn new(seed: u64, property: u8, number: u64) -> Self {
        let mut bytes = [0; 32];
        let parts = [
            seed.to_be_bytes(),
            u64::from(property).to_be_bytes(),
            number.to_be_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(parts.concat()) {
            *to = from;
        }
        Self(ChaCha20Rng::from_seed(bytes))
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        // The bias is below one in 2^50.
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.0.next_u64() % bound).unwrap_or_default()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let [byte, ..] = self.0.next_u32().to_be_bytes();
        byte
    }

    pub(super) fn permille(&mut self, chance: usize) -> bool {
        self.below(1000) < chance
    }

    pub(super) fn pick<T: Copy>(&mut self, all: &[T], otherwise: T) -> T {
        all.get(self.below(all.len())).copied().unwrap_or(otherwise)
    }

    /// The position in a list of weights.
    fn weighted(&mut self, weights: &[u16]) -> usize {
        let sum = weights.iter().map(|w| usize::from(*w)).sum();
        let mut at = self.below(sum);
        for (position, weight) in weights.iter().enumerate() {
            match at.checked_sub(usize::from(*weight)) {
                None => return position,
                Some(rest) => at = rest,
            }
        }
        0
    }
}

/// How often a property draws from each group of actions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix {
    pub(super) files: u16,
    pub(super) objects: u16,
    pub(super) codes: u16,
    pub(super) keys: u16,
    pub(super) signatures: u16,
    pub(super) chains: u16,
    pub(super) responses: u16,
    pub(super) device: u16,
    pub(super) strange: u16,
    /// Per thousand: what ends a session (faults, plain commands, SELECT of a
    /// directory).
    pub(super) ends: u16,
    /// Per thousand: power and reset.
    pub(super) power: u16,
    /// Per thousand, without a session: a new key agreement.
    pub(super) agree: u16,
}

/// The next actions.
pub(super) fn next(dice: &mut Dice, mix: &Mix, model: &Model) -> Vec<Op> {
    if !model.powered {
        return match dice.permille(700) {
            true => vec![Op::PowerOn],
            false => vec![
                dice.pick(&[Op::Reset, Op::PowerOff].each_ref(), &Op::Reset)
                    .clone(),
            ],
        };
    }
    if dice.permille(usize::from(mix.power)) {
        let how = usual(dice, model);
        return power(dice, how);
    }
    if model.messaging == Messaging::Off && dice.permille(usize::from(mix.agree)) {
        let select = command([0xA4, 0x04, 0x0C], CIE, None, How::Class(0));
        return vec![select, Op::Agree];
    }
    if model.messaging != Messaging::Off && dice.permille(usize::from(mix.ends)) {
        return ends(dice, model);
    }
    let how = usual(dice, model);
    let weights = [
        mix.files,
        mix.objects,
        mix.codes,
        mix.keys,
        mix.signatures,
        mix.chains,
        mix.responses,
        mix.device,
        mix.strange,
    ];
    match dice.weighted(&weights) {
        0 => vec![files(dice, how)],
        1 => vec![objects(dice, how)],
        2 => vec![codes(dice, how)],
        3 => vec![keys(dice, how)],
        4 => signatures(dice, how),
        5 => chains(dice, how),
        6 => responses(dice, how),
        7 => device(dice, how),
        // Two challenges must not be alike.
        _ if dice.permille(120) => vec![command([0x84, 0, 0], &[], Some(8), how); 2],
        _ => vec![strange(dice, how, model)],
    }
}

/// Protected in a session, plain without one, now and then the other way.
fn usual(dice: &mut Dice, model: &Model) -> How {
    let sealed = match model.messaging {
        Messaging::Live => true,
        Messaging::Pending => dice.permille(600),
        Messaging::Off => dice.permille(60),
    };
    if sealed { How::Sealed } else { How::Class(0) }
}

fn power(dice: &mut Dice, how: How) -> Vec<Op> {
    let cie = command([0xA4, 0x04, 0x0C], CIE, None, How::Class(0));
    // Something to forget.
    let mut all = match dice.below(6) {
        0 => vec![cut_as(signature(dice, how), Cut::OpenAll)],
        1 => vec![unfetched(command([0xCB, 0x3F, 0xFF], DOMAIN, None, how))],
        2 => vec![command([0x22, 0x41, 0xA4], SET_83, None, how)],
        3 => vec![files(dice, how)],
        _ => Vec::new(),
    };
    all.extend(match dice.below(5) {
        0 => vec![Op::PowerOff, Op::PowerOn, cie],
        1 => vec![Op::PowerOff],
        2 => vec![Op::PowerOn],
        3 => vec![Op::Reset],
        _ => vec![Op::Reset, cie],
    });
    // And somebody who goes on as if nothing had been.
    all.extend(match dice.below(5) {
        0 => Some(command([0x88, 0, 0], &[0x41; 16], None, How::Class(0))),
        1 => Some(command([0xC0, 0, 0], &[], Some(0), How::Class(0))),
        2 => Some(command([0xB0, 0x82, 0], &[], Some(9), How::Sealed)),
        _ => None,
    });
    all
}

fn ends(dice: &mut Dice, model: &Model) -> Vec<Op> {
    let sealed_or_not = usual(dice, model);
    match dice.below(10) {
        0..=2 => {
            let faults = FORGERIES.len() - usize::from(HARMLESS);
            let row = usize::from(HARMLESS) + dice.below(faults);
            vec![Op::Forged(u8::try_from(row).unwrap_or(HARMLESS))]
        }
        3 => vec![Op::Replay],
        4 => vec![files(dice, How::Class(0))],
        5 => vec![codes(dice, How::Class(0))],
        6 => vec![directory(dice, sealed_or_not)],
        7 => vec![directory(dice, How::Class(0))],
        8 => vec![Op::Agree],
        _ => {
            let cla = dice.pick(&[0x80, 0x04, 0x08, 0x01, 0x10], 0x80);
            vec![command(
                [0xB0, 0x81, 0x00],
                &[],
                Some(0x0C),
                How::Class(cla),
            )]
        }
    }
}

/// SELECT of an application or of the MF, right and wrong.
fn directory(dice: &mut Dice, how: How) -> Op {
    let p2 = dice.pick(&[0x0C, 0x0C, 0x04, 0x00], 0x0C);
    match dice.below(9) {
        0..=2 => command([0xA4, 0x04, p2], CIE, None, how),
        3 => command([0xA4, 0x04, p2], IAS, None, how),
        4 => command([0xA4, 0x00, 0x00], &[], None, how),
        5 => command([0xA4, 0x00, p2], &[0x3F, 0x00], None, how),
        6 => command([0xA4, 0x00, 0x00], &[], Some(0), how),
        7 => command([0xA4, 0x04, p2], &[0xA0, 0, 0, 0, 1], None, how),
        _ => command([0xA4, 0x04, 0x08], CIE, None, how),
    }
}

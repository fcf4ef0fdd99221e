// SPDX-License-Identifier: MIT OR Apache-2.0
//! One mutation of every kind. The list next to this file is what cargo-mutants
//! says about it.

macro_rules! mutant {
    ($name:ident) => {
        false
    };
}

pub const LIMIT: u8 = 2 + 1;

pub fn is_small(number: u8) -> bool {
    number < LIMIT
}

pub fn class(number: u8) -> &'static str {
    match number {
        0 => "none",
        1..=9 if is_small(number) && !mutant!(AllAreMany) => "few",
        10 if mutant!(TenIsFew) => "few",
        _ => "many",
    }
}

#[derive(Clone, Copy)]
pub struct Pair {
    pub left: u8,
    pub right: u8,
}

pub struct Opaque;

pub fn replaced(pair: Pair) -> Pair {
    Pair { left: 7, ..pair }
}

pub fn opaque(there: bool) -> Option<Opaque> {
    if !there || mutant!(NeverOpaque) {
        return None;
    }
    Some(Opaque)
}

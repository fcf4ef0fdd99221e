// SPDX-License-Identifier: MIT OR Apache-2.0
//! The places at which a card can be made wrong on purpose, to see whether the
//! conformance bench notices.
//!
//! Without the feature `mutants` the first two forms of `mutant!` are the
//! literal `false` and the third is nothing, so no such place leaves an
//! instruction or a string. Only the packages under `conformance/mutants` have
//! the feature: they compile these sources a second time under names of their
//! own, so that no build of anything else can be given it by accident.

/// `mutant!(Name)`: the card at work has this defect. `mutant!(fn name(…))`: a
/// question to a function of `mutants`. `mutant!(Name => …)`: what the card
/// does then.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        $crate::mutants::is($crate::mutants::Mutant::$name)
    };
    (fn $name:ident $arguments:tt) => {
        $crate::mutants::$name $arguments
    };
    ($name:ident => $($then:tt)*) => {
        if $crate::mutants::is($crate::mutants::Mutant::$name) {
            $($then)*
        }
    };
}

/// No card has a defect on purpose.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! mutant {
    ($name:ident) => {
        false
    };
    (fn $name:ident $arguments:tt) => {
        false
    };
    ($name:ident => $($then:tt)*) => {};
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The places at which the reference PKCS#11 module can be made wrong on
//! purpose, to see whether the bench's cases on middleware notice: the twin of
//! [`mutant!`](crate::mutant!) for the client's half.
//!
//! Without the feature `mutants` the first two forms are the literal `false`
//! and the third is nothing. Only packages under `conformance/mutants` have it.

/// `flaw!(Name)`: this process's module has this defect. `flaw!(fn name(…))`: a
/// question to a function of `flaws`. `flaw!(Name => …)`: what it does then.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! flaw {
    ($name:ident) => {
        $crate::flaws::is($crate::flaws::Flaw::$name)
    };
    (fn $name:ident $arguments:tt) => {
        $crate::flaws::$name $arguments
    };
    ($name:ident => $($then:tt)*) => {
        if $crate::flaws::is($crate::flaws::Flaw::$name) {
            $($then)*
        }
    };
}

/// No module has a defect on purpose.
#[cfg(not(feature = "mutants"))]
#[macro_export]
macro_rules! flaw {
    ($name:ident) => {
        false
    };
    (fn $name:ident $arguments:tt) => {
        false
    };
    ($name:ident => $($then:tt)*) => {};
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The places at which the reference PKCS#11 module can be made wrong on
//! purpose, to see whether the bench's cases on middleware notice: the twin of
//! [`mutant!`](crate::mutant!) for the client's half.
//!
//! Without the feature `mutants` the first form is the literal `false` and the
//! second is nothing. Only packages under `conformance/mutants` have it.

/// `flaw!(Name)`: this process's module has this defect. `flaw!(Name => …)`:
/// what it does then.
#[cfg(feature = "mutants")]
#[macro_export]
macro_rules! flaw {
    ($name:ident) => {
        $crate::flaws::is($crate::flaws::Flaw::$name)
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
    ($name:ident => $($then:tt)*) => {};
}

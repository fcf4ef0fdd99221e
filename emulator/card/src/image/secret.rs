// SPDX-License-Identifier: MIT OR Apache-2.0
//! Values that do not print and are erased when dropped.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A secret byte string. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub struct Secret(#[serde(with = "serde_bytes")] Vec<u8>);

impl Secret {
    /// Takes the bytes over.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves; whoever asks is responsible for them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// A PIN or PUK: eight ASCII digits (section 5 of the card facts). Never
/// printed by `Debug`.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct Code([u8; Code::LEN]);

/// Why a byte string is no code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// Not eight bytes.
    #[error("a code has 8 digits, this one has {0}")]
    Length(usize),
    /// A byte that is no ASCII digit.
    #[error("a code has digits only; character {0} is none")]
    NotADigit(usize),
}

impl Code {
    /// Number of digits.
    pub const LEN: usize = 8;

    /// Checks length and alphabet.
    ///
    /// # Errors
    /// [`CodeError`] says which of the two is wrong, and where.
    pub fn new(digits: &[u8]) -> Result<Self, CodeError> {
        let code =
            <[u8; Self::LEN]>::try_from(digits).map_err(|_| CodeError::Length(digits.len()))?;
        match code.iter().position(|digit| !digit.is_ascii_digit()) {
            Some(at) => Err(CodeError::NotADigit(at + 1)),
            None => Ok(Self(code)),
        }
    }

    /// Compares in constant time.
    #[must_use]
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.ct_eq(candidate).into()
    }

    /// The digits; whoever asks is responsible for them.
    #[must_use]
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first half, as printed on the receipt at the counter (section 12).
    #[must_use]
    pub fn first_half(&self) -> &str {
        self.expose().get(..4).unwrap_or_default()
    }

    /// The last half, as printed in the letter with the card (section 12).
    #[must_use]
    pub fn last_half(&self) -> &str {
        self.expose().get(4..).unwrap_or_default()
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Code {}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Code(hidden)")
    }
}

impl TryFrom<Vec<u8>> for Code {
    type Error = CodeError;

    fn try_from(digits: Vec<u8>) -> Result<Self, CodeError> {
        Self::new(&digits)
    }
}

impl From<Code> for Vec<u8> {
    fn from(code: Code) -> Self {
        code.0.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_eight_digits() {
        assert_eq!(Code::new(b"1234567").unwrap_err(), CodeError::Length(7));
        assert_eq!(Code::new(b"1234567x").unwrap_err(), CodeError::NotADigit(8));
        let code = Code::new(b"12345678").unwrap();
        assert_eq!((code.first_half(), code.last_half()), ("1234", "5678"));
        assert!(code.matches(b"12345678") && !code.matches(b"12345679") && !code.matches(b""));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let shown = format!(
            "{:?} {:?}",
            Code::new(b"12345678").unwrap(),
            Secret::new(vec![0xAB; 3])
        );
        assert_eq!(shown, "Code(hidden) Secret(3 bytes)");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Status words of ISO/IEC 7816-4 §5.6, as numbers and in words.

use std::fmt;

/// The two bytes SW1 SW2 that end every response APDU.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusWord(pub u16);

impl StatusWord {
    /// 9000: the command did what it says.
    pub const OK: Self = Self(0x9000);
    /// 6281: part of the returned data may be corrupted.
    pub const DATA_MAY_BE_CORRUPTED: Self = Self(0x6281);
    /// 6282: the file ended before Le bytes were read.
    pub const END_OF_FILE: Self = Self(0x6282);
    /// 6300: authentication failed, no counter to report.
    pub const AUTHENTICATION_FAILED: Self = Self(0x6300);
    /// 63C0: verification failed, no try left.
    pub const NO_TRY_LEFT: Self = Self(0x63C0);
    /// 6581: the non-volatile memory refused a write.
    pub const MEMORY_FAILURE: Self = Self(0x6581);
    /// 6700: wrong length (Lc, Le or data).
    pub const WRONG_LENGTH: Self = Self(0x6700);
    /// 6881: logical channels are not supported.
    pub const LOGICAL_CHANNEL_NOT_SUPPORTED: Self = Self(0x6881);
    /// 6882: this kind of secure messaging is not supported.
    pub const SECURE_MESSAGING_NOT_SUPPORTED: Self = Self(0x6882);
    /// 6883: the last command of the chain was expected.
    pub const LAST_COMMAND_OF_CHAIN_EXPECTED: Self = Self(0x6883);
    /// 6884: command chaining is not supported for this command.
    pub const CHAINING_NOT_SUPPORTED: Self = Self(0x6884);
    /// 6981: the command does not fit the structure of the file.
    pub const INCOMPATIBLE_FILE_STRUCTURE: Self = Self(0x6981);
    /// 6982: the security status is not satisfied.
    pub const SECURITY_STATUS_NOT_SATISFIED: Self = Self(0x6982);
    /// 6983: the authentication method (PIN, PUK) is blocked.
    pub const AUTHENTICATION_METHOD_BLOCKED: Self = Self(0x6983);
    /// 6985: the conditions of use are not satisfied.
    pub const CONDITIONS_NOT_SATISFIED: Self = Self(0x6985);
    /// 6986: no current elementary file.
    pub const NO_CURRENT_EF: Self = Self(0x6986);
    /// 6987: an expected secure-messaging data object is missing.
    pub const SM_OBJECT_MISSING: Self = Self(0x6987);
    /// 6988: a secure-messaging data object is incorrect.
    pub const SM_OBJECT_INCORRECT: Self = Self(0x6988);
    /// 6A80: incorrect parameters in the data field.
    pub const WRONG_DATA: Self = Self(0x6A80);
    /// 6A81: function not supported.
    pub const FUNCTION_NOT_SUPPORTED: Self = Self(0x6A81);
    /// 6A82: file or application not found.
    pub const FILE_NOT_FOUND: Self = Self(0x6A82);
    /// 6A86: incorrect P1-P2.
    pub const WRONG_P1_P2: Self = Self(0x6A86);
    /// 6A88: referenced data or reference data not found.
    pub const REFERENCED_DATA_NOT_FOUND: Self = Self(0x6A88);
    /// 6B00: the offset lies at or beyond the end of the file.
    pub const WRONG_OFFSET: Self = Self(0x6B00);
    /// 6D00: instruction code not supported.
    pub const INS_NOT_SUPPORTED: Self = Self(0x6D00);
    /// 6E00: class not supported.
    pub const CLA_NOT_SUPPORTED: Self = Self(0x6E00);
    /// 6F00: no precise diagnosis.
    pub const NO_DIAGNOSIS: Self = Self(0x6F00);

    /// 63Cn: verification failed, `tries` left (at most 15 can be said).
    #[must_use]
    pub fn tries_left(tries: u8) -> Self {
        Self(0x63C0 | u16::from(tries.min(15)))
    }

    /// 61xx: `count` more bytes wait for GET RESPONSE; 6100 says 256 or more.
    #[must_use]
    pub fn more_data(count: usize) -> Self {
        Self(0x6100 | u16::try_from(count).ok().filter(|n| *n < 256).unwrap_or(0))
    }

    /// The word from its two bytes.
    #[must_use]
    pub fn from_bytes(sw1: u8, sw2: u8) -> Self {
        Self(u16::from_be_bytes([sw1, sw2]))
    }

    /// SW1 and SW2.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 2] {
        self.0.to_be_bytes()
    }

    /// True for 9000.
    #[must_use]
    pub fn is_ok(self) -> bool {
        self == Self::OK
    }

    /// True for 61xx, the promise of more data.
    #[must_use]
    pub fn is_more_data(self) -> bool {
        self.0 >> 8 == 0x61
    }

    /// True for the warnings 62xx and 63xx.
    #[must_use]
    pub fn is_warning(self) -> bool {
        matches!(self.0 >> 8, 0x62 | 0x63)
    }

    /// The word in words, for people. 63Cx and 61xx name their number.
    #[must_use]
    pub fn in_words(self) -> String {
        match self.0 {
            0x6100 => "256 or more bytes still to come".to_owned(),
            0x6101..=0x61FF => format!("{} bytes still to come", self.0 & 0xFF),
            0x63C0 => "verification failed, no try left".to_owned(),
            0x63C1 => "verification failed, 1 try left".to_owned(),
            0x63C2..=0x63CF => format!("verification failed, {} tries left", self.0 & 0xF),
            0x6C00..=0x6CFF => format!("wrong Le, {} bytes available", self.0 & 0xFF),
            _ => self.fixed_words().to_owned(),
        }
    }

    fn fixed_words(self) -> &'static str {
        match self {
            Self::OK => "done",
            Self::DATA_MAY_BE_CORRUPTED => "data may be corrupted",
            Self::END_OF_FILE => "end of file before Le bytes",
            Self::AUTHENTICATION_FAILED => "authentication failed",
            Self::MEMORY_FAILURE => "memory failure",
            Self::WRONG_LENGTH => "wrong length",
            Self::LOGICAL_CHANNEL_NOT_SUPPORTED => "logical channel not supported",
            Self::SECURE_MESSAGING_NOT_SUPPORTED => "secure messaging not supported",
            Self::LAST_COMMAND_OF_CHAIN_EXPECTED => "last command of the chain expected",
            Self::CHAINING_NOT_SUPPORTED => "command chaining not supported",
            Self::INCOMPATIBLE_FILE_STRUCTURE => "command incompatible with file structure",
            Self::SECURITY_STATUS_NOT_SATISFIED => "security status not satisfied",
            Self::AUTHENTICATION_METHOD_BLOCKED => "authentication method blocked",
            Self::CONDITIONS_NOT_SATISFIED => "conditions of use not satisfied",
            Self::NO_CURRENT_EF => "no current EF",
            Self::SM_OBJECT_MISSING => "secure-messaging data object missing",
            Self::SM_OBJECT_INCORRECT => "secure-messaging data object incorrect",
            Self::WRONG_DATA => "incorrect data field",
            Self::FUNCTION_NOT_SUPPORTED => "function not supported",
            Self::FILE_NOT_FOUND => "file or application not found",
            Self::WRONG_P1_P2 => "incorrect P1-P2",
            Self::REFERENCED_DATA_NOT_FOUND => "referenced data not found",
            Self::WRONG_OFFSET => "offset beyond the end",
            Self::INS_NOT_SUPPORTED => "instruction not supported",
            Self::CLA_NOT_SUPPORTED => "class not supported",
            Self::NO_DIAGNOSIS => "no precise diagnosis",
            Self(sw) => match sw >> 8 {
                0x62 => "warning, memory unchanged",
                0x63 => "warning, memory changed",
                0x64 | 0x65 => "execution error",
                0x66 => "security-related error",
                0x68 => "function in CLA not supported",
                0x69 => "command not allowed",
                0x6A => "wrong parameters",
                _ => "unknown status",
            },
        }
    }
}

impl fmt::Display for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for StatusWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X} ({})", self.0, self.in_words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words_are_counted() {
        assert_eq!(
            StatusWord(0x63C1).in_words(),
            "verification failed, 1 try left"
        );
        assert_eq!(
            StatusWord::tries_left(2).in_words(),
            "verification failed, 2 tries left"
        );
        assert_eq!(StatusWord::more_data(27), StatusWord(0x611B));
        assert_eq!(StatusWord::more_data(256), StatusWord(0x6100));
        assert_eq!(StatusWord::more_data(5000), StatusWord(0x6100));
    }

    #[test]
    fn every_word_has_words() {
        for sw in 0..=u16::MAX {
            assert!(!StatusWord(sw).in_words().is_empty());
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Return codes of PC/SC: name, meaning and what to do next.

use std::fmt;

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $words:literal;)*) => {
        /// A return code of PC/SC other than success.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ScardCode {
            $(#[doc = concat!("`", $name, "`: ", $words, ".")] $variant,)*
            /// A number without a name here.
            Other(u32),
        }

        impl ScardCode {
            /// Every code that has a name.
            pub const NAMED: &'static [Self] = &[$(Self::$variant,)*];

            /// The code of a number; `None` for 0, which is success.
            #[must_use]
            pub fn from_number(number: u32) -> Option<Self> {
                match number {
                    0 => None,
                    $($number => Some(Self::$variant),)*
                    other => Some(Self::Other(other)),
                }
            }

            /// The number.
            #[must_use]
            pub fn number(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }

            /// The public name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Other(_) => "an unnamed code",
                }
            }

            /// What it means, and what to do next where that helps.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                    Self::Other(_) => "no meaning known here",
                }
            }
        }
    };
}

codes! {
    InternalError = 0x8010_0001, "SCARD_F_INTERNAL_ERROR", "the server failed a check of its own";
    Cancelled = 0x8010_0002, "SCARD_E_CANCELLED", "the wait was cancelled";
    InvalidHandle = 0x8010_0003, "SCARD_E_INVALID_HANDLE", "the handle is not known; connect again";
    InvalidParameter = 0x8010_0004, "SCARD_E_INVALID_PARAMETER", "a parameter is not allowed";
    NoMemory = 0x8010_0006, "SCARD_E_NO_MEMORY", "a limit of the server is reached; close other connections";
    InsufficientBuffer = 0x8010_0008, "SCARD_E_INSUFFICIENT_BUFFER", "the answer does not fit the buffer";
    UnknownReader = 0x8010_0009, "SCARD_E_UNKNOWN_READER", "no reader has this name; list the readers";
    Timeout = 0x8010_000A, "SCARD_E_TIMEOUT", "nothing happened in time";
    SharingViolation = 0x8010_000B, "SCARD_E_SHARING_VIOLATION", "another program holds the reader; try again when it has finished";
    NoSmartcard = 0x8010_000C, "SCARD_E_NO_SMARTCARD", "the reader is empty; insert a card";
    UnknownCard = 0x8010_000D, "SCARD_E_UNKNOWN_CARD", "the card is not known";
    ProtoMismatch = 0x8010_000F, "SCARD_E_PROTO_MISMATCH", "the card does not speak the protocol asked for";
    NotReady = 0x8010_0010, "SCARD_E_NOT_READY", "reader or card is not ready";
    InvalidValue = 0x8010_0011, "SCARD_E_INVALID_VALUE", "a value is outside its range";
    CommError = 0x8010_0013, "SCARD_F_COMM_ERROR", "the exchange with the reader failed";
    NotTransacted = 0x8010_0016, "SCARD_E_NOT_TRANSACTED", "the exchange with the card failed, or no transaction was open";
    ReaderUnavailable = 0x8010_0017, "SCARD_E_READER_UNAVAILABLE", "the reader is gone";
    NoService = 0x8010_001D, "SCARD_E_NO_SERVICE", "the server is not running";
    ServiceStopped = 0x8010_001E, "SCARD_E_SERVICE_STOPPED", "the server has stopped, or speaks another version of the protocol";
    UnsupportedFeature = 0x8010_001F, "SCARD_E_UNSUPPORTED_FEATURE", "the reader does not offer this";
    NoReadersAvailable = 0x8010_002E, "SCARD_E_NO_READERS_AVAILABLE", "there is no reader";
    UnsupportedCard = 0x8010_0065, "SCARD_W_UNSUPPORTED_CARD", "the card's answer to reset cannot be used";
    UnresponsiveCard = 0x8010_0066, "SCARD_W_UNRESPONSIVE_CARD", "the card is mute; insert it again";
    UnpoweredCard = 0x8010_0067, "SCARD_W_UNPOWERED_CARD", "the card has lost its power; reconnect and start over";
    ResetCard = 0x8010_0068, "SCARD_W_RESET_CARD", "another program reset the card; reconnect and start over";
    RemovedCard = 0x8010_0069, "SCARD_W_REMOVED_CARD", "the card was taken away; insert it and connect again";
}

impl fmt::Display for ScardCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}, {:08X})",
            self.words(),
            self.name(),
            self.number()
        )
    }
}

/// Attributes of readers and cards that terminals ask for.
pub mod attribute {
    /// The answer to reset. The card's desktop clients read it from here only
    /// (section 11).
    pub const ATR_STRING: u32 = 0x0009_0303;
    /// Vendor's name.
    pub const VENDOR_NAME: u32 = 0x0001_0100;
    /// Largest command that the reader takes.
    pub const MAXINPUT: u32 = 0x0007_A007;
}

/// Protocols of a connection, as PC/SC numbers them.
pub mod protocol {
    /// T=0.
    pub const T0: u32 = 1;
    /// T=1.
    pub const T1: u32 = 2;
    /// Either.
    pub const ANY: u32 = T0 | T1;
}

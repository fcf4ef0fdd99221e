// SPDX-License-Identifier: MIT OR Apache-2.0
//! Why a step could not be finished, one enum per cause.

use crate::transport::TransportError;
use iso7816_wire::apdu::ApduError;
use iso7816_wire::iso9796::RecoveryError;
use iso7816_wire::sm::SmError;
use iso7816_wire::status::StatusWord;
use iso7816_wire::tlv::TlvError;
use thiserror::Error;

/// Why a step ended before its result.
#[derive(Debug, Error)]
pub enum Error {
    /// The command did not reach the card, or no answer came back.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The card answered with a status word with which the step cannot go on.
    #[error("{step}: the card answered {sw} ({})", sw.in_words())]
    Status {
        /// The step that met it.
        step: &'static str,
        /// The status word: the authenticated one if the answer was protected.
        sw: StatusWord,
    },
    /// The card answered, but not in the form the step needs.
    #[error("{what}: {reason}")]
    Malformed {
        /// Which answer or file.
        what: &'static str,
        /// What is wrong with it.
        reason: MalformedError,
    },
    /// The command cannot be written as an APDU.
    #[error("the command cannot be sent: {0}")]
    Command(ApduError),
    /// A protected answer failed its checks; the session is gone.
    #[error("secure messaging failed and the session was dropped: {0}; agree on new keys")]
    SecureMessaging(#[from] SmError),
    /// A protected command was answered in plain; the session is gone.
    #[error(
        "the card left secure messaging with {sw} ({}) and the session was dropped; \
         agree on new keys",
        sw.in_words()
    )]
    SessionEnded {
        /// The plain status word.
        sw: StatusWord,
    },
    /// The step only works inside secure messaging, and there is no session.
    #[error("{step} needs secure messaging; run the key agreement first")]
    NoSession {
        /// The step that was asked for.
        step: &'static str,
    },
    /// A cryptographic check failed.
    #[error(transparent)]
    Check(#[from] CheckError),
}

impl Error {
    /// The status word, if that is what stopped the step.
    #[must_use]
    pub fn status(&self) -> Option<StatusWord> {
        match self {
            Self::Status { sw, .. } | Self::SessionEnded { sw } => Some(*sw),
            _ => None,
        }
    }

    pub(crate) fn malformed(what: &'static str, reason: impl Into<MalformedError>) -> Self {
        Self::Malformed {
            what,
            reason: reason.into(),
        }
    }
}

/// What is wrong with an answer or a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MalformedError {
    /// Not the BER-TLV structure that was expected.
    #[error(transparent)]
    Tlv(#[from] TlvError),
    /// Not a response APDU.
    #[error(transparent)]
    Response(ApduError),
    /// A value with the wrong number of bytes.
    #[error("{found} bytes where {expected} were expected")]
    Length {
        /// How many bytes there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A tag or identifier other than the expected one.
    #[error("{found:X} where {expected:X} was expected")]
    Tag {
        /// The tag that is there.
        found: u32,
        /// The tag that should be there.
        expected: u32,
    },
    /// A value outside its range.
    #[error("{0}")]
    Value(&'static str),
    /// The card promises more bytes and sends none, or never stops sending.
    #[error("more than {0} bytes, or no progress")]
    Endless(usize),
    /// Not the DER structure that was expected.
    #[error("not the expected DER structure: {0}")]
    Der(#[from] der::Error),
}

/// Which cryptographic check failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// The domain of the key agreement cannot be computed with.
    #[error("the key agreement's domain is unusable: {0}")]
    Domain(&'static str),
    /// The card's public value is 0, 1, p − 1 or not below p.
    #[error("the card's key-agreement value is outside 2..p−2")]
    CardShare,
    /// No private exponent could be drawn below q.
    #[error("the random source gave no usable private exponent for q")]
    RandomSource,
    /// A key cannot be computed with (even modulus, too long, value too large).
    #[error("{0} cannot be computed with")]
    Key(&'static str),
    /// The CA public key of the card does not undo the published private
    /// exponent (section 9): the card will not accept this terminal.
    #[error("the card's CA key does not match the published private exponent")]
    CaKey,
    /// The card's answer to the device authentication is not signed by the
    /// key in EF 1004: this is not the card its files say it is.
    #[error("the card's device authentication does not verify: {0}")]
    CardAuthentication(RecoveryError),
    /// The answer to the anti-cloning challenge does not verify with EF 1005.
    #[error("the answer to the anti-cloning challenge does not verify with the key in EF 1005")]
    AntiCloning,
    /// A signature does not verify.
    #[error("the signature does not verify with the key in the {0}")]
    Signature(&'static str),
    /// A signature algorithm that is not one of the card's.
    #[error("signature algorithm {0} is not one this terminal verifies")]
    Algorithm(String),
}

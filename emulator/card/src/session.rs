// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything a card forgets when it loses power or is reset.

use crate::image::Directory;
use crate::keys::KeyReference;
use iso7816_wire::StatusWord;
use iso7816_wire::sm::{Session, SessionKeys};

/// Volatile state between two resets.
#[derive(Clone, Default)]
pub(crate) struct Volatile {
    pub(crate) directory: Directory,
    /// File identifier of the current EF in the current directory.
    pub(crate) current_file: Option<u16>,
    pub(crate) environment: Environment,
    pub(crate) status: SecurityStatus,
    pub(crate) channel: Channel,
    /// A challenge that the very next command may use (choice 12).
    pub(crate) challenge: Option<[u8; 8]>,
    pub(crate) chain: Option<Chain>,
    pub(crate) pending: Option<PendingResponse>,
    /// What the command that is being executed wants done once its response is
    /// wrapped.
    pub(crate) afterwards: Option<Afterwards>,
}

/// Current security environment: what MANAGE SECURITY ENVIRONMENT chose.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    /// Key for INTERNAL AUTHENTICATE.
    pub(crate) internal: Option<KeyReference>,
    /// Key 84 was chosen to verify a certificate.
    pub(crate) certificate: bool,
    /// The terminal key, named by its CHR, was chosen for EXTERNAL AUTHENTICATE.
    pub(crate) external: bool,
}

/// What was proven since the directory was selected.
#[derive(Clone, Default)]
pub(crate) struct SecurityStatus {
    /// Public key of a terminal with a valid certificate.
    pub(crate) terminal_key: Option<TerminalKey>,
    /// The challenge of a successful EXTERNAL AUTHENTICATE not yet followed by
    /// an INTERNAL AUTHENTICATE (choice 24).
    pub(crate) answered_challenge: Option<[u8; 8]>,
    /// The device authentication is complete.
    pub(crate) device: bool,
    pub(crate) pin: bool,
    /// The PUK was verified; the grant of RESET RETRY COUNTER.
    pub(crate) puk: bool,
}

/// A terminal's public key, from its certificate.
#[derive(Clone)]
pub(crate) struct TerminalKey {
    pub(crate) chr: [u8; 12],
    pub(crate) modulus: Vec<u8>,
    pub(crate) exponent: Vec<u8>,
}

/// State of secure messaging (choice 22).
#[derive(Clone, Default)]
pub(crate) enum Channel {
    #[default]
    None,
    /// Keys wait for the first protected command.
    Pending(Agreement),
    Live(Box<Session>, Agreement),
}

/// The outcome of one key agreement.
#[derive(Clone)]
pub(crate) struct Agreement {
    pub(crate) keys: SessionKeys,
    /// The terminal's public value as received.
    pub(crate) terminal_public: Vec<u8>,
    /// The card's public value, 256 bytes.
    pub(crate) card_public: Vec<u8>,
}

impl Channel {
    pub(crate) fn agreement(&self) -> Option<&Agreement> {
        match self {
            Self::None => None,
            Self::Pending(agreement) | Self::Live(_, agreement) => Some(agreement),
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live(..))
    }
}

/// Command chaining under way.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) header: [u8; 3],
    pub(crate) secured: bool,
    pub(crate) data: Vec<u8>,
}

/// The rest of a long answer, waiting for GET RESPONSE.
#[derive(Clone)]
pub(crate) struct PendingResponse {
    pub(crate) rest: Vec<u8>,
    pub(crate) sw: StatusWord,
}

/// Effects on secure messaging that come after the response is wrapped.
#[derive(Clone)]
pub(crate) enum Afterwards {
    /// The device authentication sets the send sequence counter (section 4.4 h).
    SetCounter(u64),
    /// A key agreement inside a session ends that session (choice 22).
    Rekey(Agreement),
}
